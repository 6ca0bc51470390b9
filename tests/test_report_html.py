"""The HTML report shows every rule, stays small, and no byte of a record becomes part of the page's code."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.conformance.catalogue import load, properties
from chatproof.conformance.vintages import VINTAGES
from chatproof.reports import charts, grid, html
from chatproof.reports.reading import Run, read
from chatproof.reports.showing import block, pretty, visible
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

slow_draws = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)

OURS = """
html head meta title link style body a header main section footer p b span time h1 h2 h3 h4 svg rect ul ol li button
dl div dt dd code table thead tbody tr th td details summary form fieldset legend label input select option output
pre i mark em figure figcaption script wbr text
"""
TAGS = set(OURS.split())
THEIRS = """
lang text-anchor charset http-equiv content name rel href class id type title for tabindex role aria-label
aria-labelledby aria-hidden aria-live width height x y viewbox preserveaspectratio scope colspan value placeholder
autocomplete spellcheck hidden data-glyph data-only data-verdict data-strength data-chapter data-property data-kind
"""
ATTRIBUTES = set(THEIRS.split())
INLINE = ("a", "b", "code", "i", "mark", "span", "em", "wbr")


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, its text, its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.code: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._inside = tag if tag in self.code else ""
        if tag not in INLINE:
            self.text += " "

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code[self._inside].append(data)
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [seen for name, seen in self.elements if name == tag and wanted.items() <= seen.items()]

    def ids(self) -> list[str]:
        return [seen["id"] for _, seen in self.elements if "id" in seen]


def run_of(lines: list[draw.Line]) -> Run:
    results = tuple(line for line in lines if line["kind"] == "result")
    footer = lines[-1] if lines[-1]["kind"] == "footer" else None
    return Run(Path("run.jsonl"), lines[0], results, footer)


def page_of(lines: list[draw.Line]) -> Page:
    return Page(html.render(run_of(lines)))


def full_record(text: str = "some text") -> list[draw.Line]:
    """A record with every member that a report reads, each text of it ``text`` where the schema does not fix it."""
    waiver = {"rule": text, "symptom": text, "reason": text, "owner": text, "expires": text}
    request = {"method": text, "path": f"/{text}", "body": text, "content_type": text}
    finding = {
        "why": text,
        "request": request,
        "steps": [request, request],
        "response": {"content_type": text, "body": text},
        "curl": text,
        "trouble": text,
        "others": [text, text],
        "waiver": waiver,
    }
    own = {"title": text, "source": text, "observed": text, "note": text, "blocked_by": text, "chapter": text}
    lines = [
        {**draw.result(f"a{text}{number}", verdict, **finding), **own, "property": text, "capability": text}
        for number, verdict in enumerate(draw.VERDICTS)
    ]
    head = dict.fromkeys(("suite", "catalogue", "vintage", "endpoint", "model", "profile", "command", "started"), text)
    record = draw.record(*lines, **head, versions={text: text}, capabilities={text: text}, waivers=[waiver])
    record[0]["settings"]["depth"] = text
    record[-1]["finished"] = text
    record[-1]["traffic"] = {"statuses": {text: 3}, "latency": {"p50": 0.1, "histogram": [[0.1, 4], [text, 1]]}}
    return record


def assert_nothing_foreign(page: Page) -> None:
    """The page holds our elements and attributes only, no link leaves it, and no character hides."""
    assert {tag for tag, _ in page.elements} <= TAGS
    assert {name for _, seen in page.elements for name in seen} <= ATTRIBUTES
    for tag, seen in page.elements:
        if "href" in seen:
            assert seen["href"].startswith("#" if tag == "a" else "data:image/svg+xml,")
        assert not any(
            unicodedata.category(char) in ("Cc", "Cf", "Cs")
            for value in seen.values()
            for char in value
            if char not in "\n\t"
        )
    assert len(page.all("script")) == len(page.all("style")) == 1
    ids = page.ids()
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9_.-]+", name) for name in ids)
    targets = [seen["href"][1:] for seen in page.all("a")]
    targets += [seen["aria-labelledby"] for _, seen in page.elements if "aria-labelledby" in seen]
    assert set(targets) <= set(ids)
    assert not [char for char in page.text if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]


# what stands on the page


def test_the_top_says_what_ran_against_what() -> None:
    page = page_of(draw.record(draw.result("n.max.refuses", "failed"), draw.result("n.min.accepts"), model="tiny"))
    text = " ".join(page.text.split())
    assert "Not conformant http://127.0.0.1:1/v1 serving tiny 1 of 2 rules is broken." in text
    for fact in (
        "Profile auto",
        "Vintage 2024-11",
        "Requests 9",
        "Completion tokens not known",
        "Seconds 1.5",
        "Seed 0",
    ):
        assert fact in text
    assert f"The same run again {html.command_of(draw.header(model='tiny'))} Copy" in text


def test_every_rule_has_one_entry_and_one_place_in_the_grid() -> None:
    lines = [draw.result(f"a.{name}", name) for name in draw.VERDICTS] + [draw.result("b.null.accepts", property="zzz")]
    page = page_of(draw.record(*lines))
    entries = {seen["id"]: seen for seen in page.all("details") if seen.get("class", "").startswith("rule")}
    assert {name: seen["data-verdict"] for name, seen in entries.items()} == {
        line["rule"]: line["verdict"] for line in lines
    }
    cells = [seen["aria-label"] for seen in page.all("button") if "data-kind" in seen]
    assert cells == ["n, invalid: 1/9 failed", "zzz, null: 1 passed"]


def test_the_rows_are_the_properties_then_what_is_none() -> None:
    lines = [draw.result(f"a.b{number}", property=name) for number, name in enumerate(("answer", "zzz", "body", "n"))]
    assert [row[0] for row in grid.rows_of(lines)] == ["n", "zzz", "body", "answer"]
    page = html.render(run_of(draw.record(*lines)))
    assert page.count('<tbody class="beyond">') == 1


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        (["passed", "info"], "passed"),
        (["passed", "blocked"], "blocked"),
        (["warning", "failed", "passed"], "failed"),
        (["inconsistent", "error"], "inconsistent"),
        (["made_up", "passed"], "error"),
        (["not_offered"], "not_offered"),
    ],
)
def test_the_worst_verdict_colours_a_cell(verdicts: list[str], worst: str) -> None:
    lines = [{**draw.result(f"a.b{number}"), "verdict": verdict} for number, verdict in enumerate(verdicts)]
    found = [cell for _, cells in grid.rows_of(lines) for cell in cells if cell[1]]
    assert found == [("invalid", len(verdicts), worst, 1)]


@pytest.mark.parametrize(
    ("rule", "chapter", "title", "kind"),
    [
        ("gate.n", "gates", "takes n", "gate"),
        ("n.max.accepts", "sampling", "accepts n: 128", "valid"),
        ("n.max.refuses", "sampling", "refuses n above 128", "invalid"),
        ("n.type.refuses", "sampling", "refuses a string", "types"),
        ("logit_bias.value.type.among.refuses", "logit_bias", "refuses", "types"),
        ("part.type.enum.refuses", "parts", "refuses a part of an unknown type", "invalid"),
        ("n.null.accepts", "sampling", "accepts null", "null"),
        ("stop.null", "stop", "accepts null", "null"),
        ("http.nan", "http", "refuses NaN", "invalid"),
        ("messages.max", "messages", "accepts a thousand messages", "valid"),
        ("res.usage.sum", "answer", "adds up", "answers"),
        ("err.json", "error", "answers", "answers"),
        ("sse.done", "stream", "ends", "streaming"),
        ("mm.null", "relations", "answers alike", "effects"),
        ("ef.stop", "effects", "stops", "effects"),
    ],
)
def test_a_rule_has_one_kind(rule: str, chapter: str, title: str, kind: str) -> None:
    assert grid.kind_of({"rule": rule, "chapter": chapter, "title": title}) == kind


@pytest.mark.parametrize("vintage", VINTAGES)
def test_every_kind_has_rules_and_accepting_is_never_invalid(vintage: str) -> None:
    kinds: dict[str, str] = {}
    for rule in load(vintage).by_id.values():
        chapter = "gates" if rule.id.startswith("gate.") else rule.chapter
        kinds[rule.id] = grid.kind_of({"rule": rule.id, "chapter": chapter, "title": rule.title})
    assert set(kinds.values()) == set(grid.KINDS)
    assert not [rule for rule, kind in kinds.items() if rule.endswith(".accepts") and kind == "invalid"]
    assert not [rule for rule, kind in kinds.items() if rule.endswith(".refuses") and kind == "valid"]


@pytest.mark.parametrize("vintage", VINTAGES)
def test_what_is_no_property_stands_apart(vintage: str) -> None:
    named = {rule.property for rule in load(vintage).by_id.values()}
    assert named - set(grid.BEYOND) == set(properties(vintage))


def test_a_finding_shows_its_proof() -> None:
    body = '{"n": 1.50, "n": 2}'
    line = draw.result(
        "n.max.refuses",
        "failed",
        request={"method": "POST", "path": "/chat/completions", "body": body},
        status=418,
        response={"content_type": "text/x-tea", "body": "short and stout"},
        curl="curl -d x",
        confirmed="3/4",
        sightings=7,
        others=["another body"],
    )
    text = " ".join(page_of(draw.record(line)).text.split())
    for part in (
        "Rule: the server refuses nonsense. a document (documented)",
        "n.max.refuses does not hold",
        "accepted invalid · confirmed 3 of 4 times · seen in 7 requests",
        f"Smallest request POST /chat/completions · application/json {body}",
        "Answer 418 I'm a Teapot · text/x-tea short and stout",
        "curl -d x Copy curl",
        "1 other body that showed it another body",
    ):
        assert part in text


def test_compared_requests_are_shown_in_order() -> None:
    steps = [
        {"method": "POST", "path": "/chat/completions", "body": body} for body in ('{"first": 1}', '{"second": 2}')
    ]
    text = page_of(draw.record(draw.result("mm.a", "failed", steps=steps, request=steps[1]))).text
    assert (
        text.index("Request 1 of 2")
        < text.index('{"first": 1}')
        < text.index("Request 2 of 2")
        < text.index('{"second"')
    )
    assert "Send it again request 2" in text


def test_the_property_of_a_rule_is_marked_in_its_request() -> None:
    assert block('{"n": 1, "no": 2}', 100, "n") == "{<mark>&#34;n&#34;:</mark> 1, &#34;no&#34;: 2}"


def test_what_to_fix_first() -> None:
    lines = [
        draw.result("n.type.refuses", "failed"),
        draw.result("stop.type.refuses", "failed"),
        draw.result("tools.x.refuses", "failed", symptom="killed_server", why="the server died"),
        draw.result("n.max.refuses", "warning", why="a soft one"),
        draw.result("n.min.refuses", "waived", why="a waived one"),
    ]
    page = page_of(draw.record(*lines))
    start, end = page.text.index("Fix first"), page.text.index("By property")
    first = page.text[start:end]
    order = [
        "takes the server down",
        "the server died",
        "hides bugs",
        "values of a wrong JSON type are taken: 2 rules",
        "warnings",
        "a soft one",
    ]
    assert [first.index(words) for words in order] == sorted(first.index(words) for words in order)
    assert "a waived one" not in first
    assert page.text.count("Others like this: ") == 4


def test_others_like_a_finding_share_its_cause_or_its_property_and_symptom() -> None:
    lines = [draw.result(f"n.a{number}.refuses", "failed", why="accepted (200)") for number in range(20)]
    lines += [draw.result("stop.a.refuses", "failed", property="stop", why="said one")]
    lines += [draw.result("stop.b", "failed", property="stop", why="said two")]
    lines += [draw.result("seed.a.refuses", "failed", property="seed", why="alone")]
    text = " ".join(page_of(draw.record(*lines)).text.split())
    assert text.count("Others like this: ") == 22
    assert text.count("and 7 more") == 20  # 12 of 19 are named
    assert "Others like this: stop.b " in text
    assert "Others like this: stop.a.refuses " in text


def test_waivers_are_in_the_open() -> None:
    waiver = {
        "rule": "n.max.refuses",
        "symptom": "accepted_invalid",
        "reason": "no sampler",
        "owner": "ann",
        "expires": "2027-01-01",
    }
    text = " ".join(
        page_of(draw.record(draw.result("n.max.refuses", "waived", waiver=waiver), waivers=[waiver])).text.split()
    )
    assert (
        "Waivers in force Rule Symptom Reason Owner Expires n.max.refuses accepted_invalid no sampler ann 2027-01-01"
        in text
    )
    assert "Waived: no sampler (owner ann, until 2027-01-01)" in text


def test_traffic_is_drawn_where_it_is_known() -> None:
    record = draw.record(draw.result("a.b"))
    assert "Answers by status" not in page_of(record).text
    record[-1]["traffic"] = {
        "statuses": {"200": 1500, "none": 2},
        "latency": {"p50": 0.012, "histogram": [[0.01, 5], [0.1, 10]]},
    }
    page = page_of(record)
    assert "Latency · p50 12 ms" in " ".join(page.text.split())
    assert "1,500" in page.text
    assert [seen["aria-label"] for seen in page.all("svg", role="img")] == ["Latency: 5 up to 10 ms, 10 up to 100 ms"]
    bars = page.all("rect", **{"class": "b-bar"})
    assert [bar["height"] for bar in bars] == ["60.0", "120.0"]
    assert [bar["x"] for bar in bars] == ["0.0%", "90.909%"]  # eleven buckets: equal ratios are equal distances
    assert {bar["width"] for bar in bars} == {"9.091%"}
    assert "10 ms 100 ms" in " ".join(page.text.split())


@given(st.dictionaries(st.integers(-69, 49), st.integers(0, 10**9), min_size=1))
def test_bars_and_ticks_lie_inside_the_chart_in_order(buckets: dict[int, int]) -> None:
    rows = [(10 ** (place / 10), count) for place, count in sorted(buckets.items())]
    chart = charts.histogram(rows)
    assert [count for _, count, _, _ in chart["bars"]] == [count for _, count in rows]
    places = [left for _, _, left, _ in chart["bars"]]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] + chart["width"] <= 100.01
    assert all(0 <= height <= 100 for *_, height in chart["bars"])
    assert all(0 <= left <= 100.01 for _, left in chart["ticks"])


@pytest.mark.parametrize(
    "rows", [[], [[0, 1]], [[-1, 1]], [[1e99, 1]], [["x", 1]], [[0.1, True]], "x", [[1]], {"a": 1}]
)
def test_a_histogram_of_nonsense_is_none(rows: object) -> None:
    assert charts.of_traffic({"traffic": {"latency": {"histogram": rows}}})["histogram"] in ({}, [])


def test_a_run_that_was_cut_short_says_so(tmp_path: Path) -> None:
    place = draw.put(tmp_path, draw.record(draw.result("a.b"))[:-1])
    page = Page(html.render(read(place)))
    assert "Incomplete" in page.text
    assert "there is no footer: the run did not come to its end" in page.text


# the command


def test_the_command_of_the_header_is_taken() -> None:
    assert html.command_of(draw.header(command="pytest --endpoint x -k y")) == "pytest --endpoint x -k y"


def test_a_command_is_made_of_the_settings() -> None:
    header = draw.header(model="a 'b' $c", seed=7)
    header["settings"] |= {"examples": 5, "safe": True, "depth": "smoke"}
    wanted = "--vintage 2024-11 --hypothesis-seed 7 --conformance-profile auto --depth smoke --max-examples 5"
    assert shlex.split(html.command_of(header)) == [
        *("pytest", "--endpoint", "http://127.0.0.1:1/v1", "--model", "a 'b' $c"),
        *wanted.split(),
        *("--in-flight", "16", "--safe"),
    ]


# JSON as it was sent

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


@given(documents, st.booleans())
@slow_draws
def test_layout_changes_nothing_but_space(value: object, plain: bool) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    assert json.dumps(json.loads(pretty(text)), ensure_ascii=plain) == text
    outside = re.sub(r'("(?:[^"\\]|\\.)*")|\s+', r"\1", pretty(text))
    assert outside == json.dumps(value, ensure_ascii=plain, separators=(",", ":"))


def test_layout_keeps_what_a_parser_would_lose() -> None:
    text = '{"a": 1.50, "a": 1e2, "b": "\\u0041: ", "c": [-0, ": ", ' + '"long"' * 1 + ', {"d": "' + "x" * 80 + '"}]}'
    assert "".join(pretty(text).split()) == "".join(text.split())
    assert pretty(text).count("\n") > 5


@pytest.mark.parametrize("text", ["", "{", "plain text", "[" * 5000 + "]" * 5000, '{"a": 1} x', "[" * 100 + "]" * 100])
def test_what_is_no_small_json_stays_as_it_is(text: str) -> None:
    assert pretty(text) == text


# hostile text

PAYLOADS = (
    "<script>window.__hacked = 1</script>",
    "</script><script>window.__hacked = 1</script>",
    "</style><x-evil>",
    "'\"><x-evil onclick=alert(1)>",
    "</title></textarea><x-evil>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "<!-- ",
    "]]>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left\u2066\u200f\u061c",
    "nul \x00 bell \x07 escape \x1b[31m c1 \x9b return \r",
    "\u2028\u2029\ufeff\u200b\ud800",
    "&lt;b&gt; &#34;",
    "<b>" * 50,
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_hostile_text_is_text_wherever_it_stands(payload: str) -> None:
    # a curl line with characters that cannot be seen is not for copying
    tame, hostile = (
        page_of(full_record("text" if visible(payload) == payload else "\x00")),
        page_of(full_record(payload)),
    )
    assert_nothing_foreign(hostile)
    assert hostile.code == tame.code
    # a dot in an id is a place to break; a character that cannot be seen is set apart
    shapes = [[tag for tag, _ in page.elements if tag not in ("wbr", "i")] for page in (tame, hostile)]
    assert shapes[0] == shapes[1]
    assert "49" not in hostile.text or "49" in payload


@given(st.text(min_size=1, alphabet=st.characters()))
@slow_draws
def test_any_text_is_text_wherever_it_stands(text: str) -> None:
    assert_nothing_foreign(page_of(full_record(text)))


@given(draw.records())
@slow_draws
def test_any_record_has_its_page(lines: list[draw.Line]) -> None:
    page = page_of(lines)
    assert_nothing_foreign(page)
    results = [line for line in lines if line["kind"] == "result"]
    assert len([seen for seen in page.all("details") if seen.get("class", "").startswith("rule")]) == len(results)
    for line in results:
        if "finding" in line:
            assert visible(line["finding"]["why"]) in page.text


@pytest.mark.parametrize("wrong", [None, 7, True, ["x"], {"a": "<x-evil>"}, "made up"], ids=str)
def test_members_of_a_wrong_type_are_shown_all_the_same(wrong: object) -> None:
    head, _, line, *_, foot = full_record()
    assert line["verdict"] == "failed"
    for name in line["finding"]:
        assert_nothing_foreign(page_of([head, {**line, "finding": {**line["finding"], name: wrong}}, foot]))
    for name in line.keys() - {"kind", "rule"}:
        assert_nothing_foreign(page_of([head, {**line, name: wrong}, foot]))
    for name in head.keys() - {"kind", "format"}:
        assert_nothing_foreign(page_of([{**head, name: wrong}, line, foot]))
    for name in foot.keys() - {"kind"}:
        assert_nothing_foreign(page_of([head, line, {**foot, name: wrong}]))


@given(st.text(alphabet=st.characters()))
@settings(deadline=None)
def test_what_cannot_be_seen_is_escaped(text: str) -> None:
    shown = visible(text)
    assert not [
        char for char in shown if char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
    assert shown.encode().decode() == shown
    if text.isprintable():
        assert shown == text or not text.isascii()


def test_an_escape_of_ours_is_told_from_one_that_was_sent() -> None:
    assert block("\x00\\u0000", 99) == "<i>\\u0000</i>\\u0000"


def test_a_curl_line_is_copied_only_where_it_is_what_is_shown() -> None:
    lines = [draw.result("a.b", "failed", curl="curl x"), draw.result("a.c", "failed", curl="curl \u202ex\x1b[2J")]
    labels = [seen["aria-label"] for seen in page_of(draw.record(*lines)).all("button", **{"class": "copy"})]
    assert labels == [
        "Copy the command",
        "Copy curl line of a.b",
        "Copy the command that sends a.c again",
    ]


def test_the_policy_lets_our_code_through_and_nothing_else() -> None:
    page = page_of(full_record("<script>1</script>"))
    [policy] = [seen["content"] for seen in page.all("meta") if "http-equiv" in seen]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashed = {
        kind: base64.b64encode(hashlib.sha256("".join(code).encode()).digest()).decode()
        for kind, code in page.code.items()
    }
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["script-src"] == f"'sha256-{hashed['script']}'"
    assert rules["style-src"] == f"'sha256-{hashed['style']}'"
    assert "img-src" not in rules or rules["img-src"] == "data:"


def test_the_page_asks_for_nothing() -> None:
    page = page_of(full_record())
    assert not [seen for _, seen in page.elements if "src" in seen or "style" in seen]
    assert "url(" not in "".join(page.code["style"])
    assert "@import" not in "".join(page.code["style"])


# size


@pytest.mark.parametrize(
    ("char", "findings"), [("x", 150), ("<", 150), ("\x00", 30)], ids=["plain", "marked", "unseen"]
)
def test_a_large_run_stays_below_the_cap(char: str, findings: int) -> None:
    request = {"method": "POST", "path": "/chat/completions", "body": char * 20_000}
    response = {"content_type": "text/plain", "body": char * 20_000}
    big = {"request": request, "response": response, "curl": f"curl '{char * 20_000}'", "others": [char * 900] * 5}
    lines: list[Any] = [draw.result(f"a.f{number}", "failed", **big) for number in range(findings)]
    lines += [draw.result(f"a.p{number}") for number in range(550)]
    text = html.render(run_of(draw.record(*lines)))
    assert len(text.encode()) < html.CAP
    assert text.count("cut here; the record has all 20,000 characters") == 2 * findings
    assert text.count("The curl line is too long or not printable") == findings
    assert text.count("chatproof replay run.jsonl a.f") == findings


def test_texts_of_a_megabyte_are_cut_everywhere() -> None:
    text = html.render(run_of(full_record("<" * 1_000_000)))
    assert len(text.encode()) < html.CAP
    assert "more characters]" in text


def test_the_page_is_written_as_it_was_rendered(tmp_path: Path) -> None:
    run = run_of(full_record("ä😀\r\n\ud800"))
    place = html.write(run, tmp_path / "new" / "folder")
    assert place == tmp_path / "new" / "folder" / "report.html"
    assert place.read_bytes().decode() == html.render(run)
