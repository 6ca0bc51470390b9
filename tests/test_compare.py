"""Two runs compared: the laws of the classes, what counts as a regression, and pages that a record cannot break."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance.results import Capability, Verdict
from chatproof.reports import compare_writers
from chatproof.reports.compare import JUDGED, Comparison, Kind, Turn, compare
from chatproof.reports.pace import NOISE_RATIO, NOISE_SECONDS
from chatproof.reports.reading import BROKEN, Run
from hypothesis import given
from hypothesis import strategies as st

RULES = ("gate.tools", "gate.n", "n.max.refuses", "tools.max.accepts", "res.id", "err.json")
STATES = [state.value for state in Capability]
HOSTILE = "</td><script>alert(1)</script> `x` | a\n\n# h @octo #12 https://evil.test ![x](//e.test) \u202e\x1b[31m&lt;"


def result(rule: str, verdict: str, **more: Any) -> dict[str, Any]:
    """A result line; what carries a finding gets one."""
    line: dict[str, Any] = {
        "kind": "result",
        "rule": rule,
        "chapter": rule.split(".")[0],
        "property": "n",
        "title": "refuses it",
        "strength": "must",
        "verdict": verdict,
        "observed": "",
        "blocked_by": "",
        "note": "",
    }
    found = more.pop("symptom", "accepted_invalid")
    if verdict in (*BROKEN, "warning", "waived"):
        line["finding"] = {"symptom": found, "why": more.pop("why", "it was accepted")}
    return line | more


def run(*results: dict[str, Any], complete: bool = True, footer: dict[str, Any] | None = None, **header: Any) -> Run:
    """A run of these lines."""
    head = {
        "endpoint": "http://127.0.0.1:1/v1",
        "model": "m",
        "vintage": "2024-11",
        "catalogue": "0123456789ab",
        "seed": 0,
        "started": "2026-01-01T00:00:00+00:00",
        "capabilities": {},
        "settings": {"depth": "default", "examples": None, "seed": 0, "strict": False, "safe": False},
    }
    foot = {"counts": {}, "verdict": "conformant", "requests": 100, "seconds": 1.0} | (footer or {})
    return Run(Path("run.jsonl"), head | header, results, foot if complete else None)


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Small runs over one pool of rules, whole or cut short, of several catalogues, weights and capabilities."""
    lines = [
        result(
            rule,
            draw(st.sampled_from([verdict.value for verdict in Verdict])),
            symptom=draw(st.sampled_from(["crashed", "accepted_invalid", "refused_valid"])),
            strength=draw(st.sampled_from(["must", "should", "may"])),
            observed=draw(st.sampled_from(["accepted", "refused (400)"])),
        )
        for rule in draw(st.lists(st.sampled_from(RULES), unique=True))
    ]
    for line in lines:
        if line["rule"].startswith("gate."):
            line["capability"] = draw(st.sampled_from(STATES))
    return run(
        *lines,
        complete=draw(st.booleans()),
        footer={"requests": draw(st.integers(0, 1000)), "seconds": draw(st.floats(0, 100))},
        catalogue=draw(st.sampled_from(["0123456789ab", "ba9876543210"])),
        vintage=draw(st.sampled_from(["2024-11", "2026-08"])),
        capabilities=draw(st.dictionaries(st.sampled_from(["tools", "n"]), st.sampled_from(STATES))),
        settings={"depth": "default", "strict": draw(st.booleans())},
    )


def kinds(comparison: Comparison) -> dict[str, Kind]:
    return {change.rule: kind for kind, found in comparison.changes.items() for change in found}


@given(runs())
def test_a_run_does_not_differ_from_itself(one: Run) -> None:
    found = compare(one, one)
    assert not found.differs
    assert not found.regressions
    assert not found.paces
    assert not [remark for remark in found.remarks if "differ" in remark]


MIRROR = {
    Kind.NEW_FAILURE: Kind.FIXED,
    Kind.FIXED: Kind.NEW_FAILURE,
    Kind.WAIVER_ENDED: Kind.NEW_WAIVER,
    Kind.NEW_WAIVER: Kind.WAIVER_ENDED,
    Kind.NEW_WARNING: Kind.GONE_WARNING,
    Kind.GONE_WARNING: Kind.NEW_WARNING,
    Kind.LOST_ANSWER: Kind.GAINED_ANSWER,
    Kind.GAINED_ANSWER: Kind.LOST_ANSWER,
    Kind.ADDED: Kind.REMOVED,
    Kind.REMOVED: Kind.ADDED,
    Kind.ONLY_NEW: Kind.ONLY_OLD,
    Kind.ONLY_OLD: Kind.ONLY_NEW,
}
"""The class of the same rule with the runs swapped; a class that is not named is its own mirror."""


@given(runs(), runs())
def test_swapping_the_runs_swaps_each_class_with_its_mirror(old: Run, new: Run) -> None:
    there, back = compare(old, new), compare(new, old)
    assert kinds(back) == {rule: MIRROR.get(kind, kind) for rule, kind in kinds(there).items()}
    mirror = {Turn.WORSE: Turn.REPAIRED, Turn.REPAIRED: Turn.WORSE, Turn.LOST: Turn.GAINED, Turn.GAINED: Turn.LOST}
    turns = {one.name: mirror.get(one.turn, one.turn) for one in there.abilities}
    assert {one.name: one.turn for one in back.abilities} == turns
    assert [(one.name, one.was, one.now) for one in back.paces] == [(x.name, x.now, x.was) for x in there.paces]


@given(runs(), runs())
def test_every_rule_is_in_exactly_one_class(old: Run, new: Run) -> None:
    found = compare(old, new)
    listed = [change.rule for members in found.changes.values() for change in members]
    assert sorted(listed) == sorted({*old.by_rule, *new.by_rule})


@given(runs(), runs())
def test_a_regression_was_judged_and_not_red_before_and_is_red_now(old: Run, new: Run) -> None:
    found = compare(old, new)
    same_weight = old.header["settings"] == new.header["settings"]
    expected = set()
    for rule, line in new.by_rule.items():
        before = old.by_rule.get(rule)
        if before and line["verdict"] in BROKEN and before["verdict"] in JUDGED and before["verdict"] not in BROKEN:
            expected.add(rule)
            same_weight = same_weight and before["strength"] == line["strength"]
    by_rules = {rule for rule in found.regressions if rule in expected}
    gates = {f"gate.{one.name}" for one in found.abilities if one.was == "offered" and one.now in ("ignored", "broken")}
    # what failed where it binds less, in either run, weighs less than what crashed
    milder = {
        rule
        for rule, line in old.by_rule.items()
        if line["verdict"] in BROKEN
        and (line["strength"] == "should" or line["strength"] != new.by_rule.get(rule, line)["strength"])
    }
    assert set(found.regressions) <= expected | gates | milder
    if same_weight:
        assert by_rules | gates == expected | gates


@given(runs(), runs())
def test_no_verdict_is_neither_fixed_nor_regressed(old: Run, new: Run) -> None:
    blamed = [Kind.NEW_FAILURE, Kind.FIXED, Kind.NEW_WARNING, Kind.GONE_WARNING, Kind.WAIVER_ENDED, Kind.NEW_WAIVER]
    for rule, kind in kinds(compare(old, new)).items():
        judged = [one.by_rule.get(rule, {}).get("verdict") in JUDGED for one in (old, new)]
        assert all(judged) or kind not in blamed


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("passed", "failed", Kind.NEW_FAILURE),
        ("info", "inconsistent", Kind.NEW_FAILURE),
        ("warning", "failed", Kind.NEW_FAILURE),
        ("inconsistent", "passed", Kind.FIXED),
        ("failed", "inconsistent", Kind.STILL_FAILING),
        ("passed", "warning", Kind.NEW_WARNING),
        ("warning", "info", Kind.GONE_WARNING),
        ("passed", "blocked", Kind.LOST_ANSWER),
        ("failed", "error", Kind.LOST_ANSWER),
        ("not_offered", "failed", Kind.GAINED_ANSWER),
        ("failed", "waived", Kind.NEW_WAIVER),
        ("waived", "failed", Kind.WAIVER_ENDED),
        ("waived", "passed", Kind.WAIVER_ENDED),
        ("waived", "waived", Kind.SAME),
        ("blocked", "not_offered", Kind.UNANSWERED),
        ("passed", "info", Kind.SAME),
    ],
)
def test_class_of_two_verdicts(was: str, now: str, kind: Kind) -> None:
    assert kinds(compare(run(result("n.max", was)), run(result("n.max", now)))) == {"n.max": kind}


@pytest.mark.parametrize(
    ("was", "now", "count"),
    [("waived", "failed", 1), ("waived", "passed", 0), ("failed", "waived", 0), ("error", "failed", 0)],
)
def test_only_what_is_red_now_and_was_judged_is_a_regression(was: str, now: str, count: int) -> None:
    assert len(compare(run(result("n.max", was)), run(result("n.max", now))).regressions) == count


def test_runs_of_one_weight_are_taken_as_they_are() -> None:
    old, new = (run(result("n.max", verdict, strength="should")) for verdict in ("passed", "failed"))
    assert compare(old, new).regressions == ("n.max",)


def test_another_symptom_and_another_choice_are_said() -> None:
    old = run(result("a.b", "failed", symptom="crashed"), result("c.d", "info", observed="accepted"))
    new = run(result("a.b", "failed", symptom="hung"), result("c.d", "info", observed="refused (400)"))
    found = compare(old, new)
    assert kinds(found) == {"a.b": Kind.CHANGED_SYMPTOM, "c.d": Kind.CHANGED_CHOICE}
    text = compare_writers.to_text(found)
    assert "was crashed, now hung" in text
    assert "accepted → refused (400)" in text


def test_strictness_is_no_fault_of_the_server() -> None:
    strict: dict[str, Any] = {"settings": {"strict": True}}
    old, new = (
        run(result("a.b", "warning", strength="should")),
        run(result("a.b", "failed", strength="should"), **strict),
    )
    found = compare(old, new)
    assert kinds(found) == {"a.b": Kind.SAME}
    assert any("differ in strict" in remark for remark in found.remarks)
    fresh = compare(run(result("a.b", "passed", strength="should")), new)
    assert kinds(fresh) == {"a.b": Kind.NEW_WARNING}
    both = compare(run(result("a.b", "passed", strength="should"), **strict), new)
    assert both.regressions == ("a.b",)


def test_a_gate_that_takes_nonsense_is_red_without_strictness_too() -> None:
    old = run(result("gate.n", "passed", strength="should", capability="offered"), settings={"strict": True})
    new = run(result("gate.n", "failed", strength="should", capability="ignored"))
    assert compare(old, new).regressions == ("gate.n",)


def test_rules_of_another_catalogue_are_added_and_rules_of_one_catalogue_were_not_asked() -> None:
    old, more = run(result("a.b", "passed")), (result("a.b", "passed"), result("c.d", "failed"))
    assert kinds(compare(old, run(*more)))["c.d"] is Kind.ONLY_NEW
    added = compare(old, run(*more, catalogue="ffffffffffff"))
    assert kinds(added)["c.d"] is Kind.ADDED
    assert not added.regressions
    assert kinds(compare(replace(old, footer=None), run(*more, catalogue="ffffffffffff")))["c.d"] is Kind.ONLY_NEW


@pytest.mark.parametrize("name", ["vintage", "profile", "catalogue", "suite", "model", "endpoint"])
def test_what_runs_do_not_share_is_said_and_the_rest_is_compared(name: str) -> None:
    one: dict[str, Any] = {name: "one"}
    another: dict[str, Any] = {name: "another"}
    new = run(result("a.b", "failed"), result("a.new", "failed"), **another)
    found = compare(run(result("a.b", "passed"), result("a.old", "failed"), **one), new)
    [remark] = [remark for remark in found.remarks if f"differ in {name} (one and another)" in remark]
    assert found.regressions == ("a.b",)
    for form in (compare_writers.to_text, compare_writers.to_html):
        assert f"differ in {name}" in form(found), remark
    if name in ("vintage", "catalogue"):
        assert [change.rule for change in found.changes[Kind.ADDED]] == ["a.new"]
        assert [change.rule for change in found.changes[Kind.REMOVED]] == ["a.old"]


def test_what_a_run_lacks_is_counted_in_a_sentence() -> None:
    old = run(result("a.b", "passed"), result("c.d", "passed"), result("e.f", "passed"))
    new = run(result("a.b", "error"), result("e.f", "passed"), footer={"verdict": "incomplete"})
    remarks = " ".join(compare(old, new).remarks)
    assert "NEW is incomplete: 1 of its rules" in remarks
    assert "2 rules have a verdict in one of the runs only" in remarks


@pytest.mark.parametrize(
    ("was", "now", "turn"),
    [
        ("offered", "ignored", Turn.WORSE),
        ("offered", "broken", Turn.WORSE),
        ("offered", "refused", Turn.LOST),
        ("refused", "offered", Turn.GAINED),
        ("broken", "offered", Turn.REPAIRED),
        ("refused", "ignored", Turn.OTHER),
        ("broken", "broken", Turn.SAME),
    ],
)
def test_what_becomes_of_a_capability(was: str, now: str, turn: Turn) -> None:
    found = compare(run(capabilities={"tools": was}), run(capabilities={"tools": now}))
    assert [one.turn for one in found.abilities] == [turn]
    assert found.regressions == (("gate.tools",) if turn is Turn.WORSE else ())


def test_a_gate_without_an_answer_is_no_broken_capability() -> None:
    old = run(result("gate.n", "passed", capability="offered"), capabilities={"n": "offered"})
    new = run(result("gate.n", "error", capability="broken"), capabilities={"n": "broken"})
    assert compare(old, new).abilities == ()
    blocked = run(result("gate.n", "blocked", blocked_by="gate.tools"), capabilities={"n": "ignored"})
    assert not compare(old, blocked).regressions


def traffic(p50: float) -> dict[str, Any]:
    return {"traffic": {"latency": {"p50": p50}}}


@given(st.floats(0.001, 10), st.floats(0.001, 10))
def test_speed_is_mentioned_beyond_noise_only(was: float, now: float) -> None:
    found = compare(run(footer=traffic(was)), run(footer=traffic(now)))
    beyond = max(was, now) >= NOISE_RATIO * min(was, now) and abs(was - now) >= NOISE_SECONDS
    assert bool(found.paces) is beyond
    text = compare_writers.to_text(found)
    assert ("on a shared machine this is noise below" in text) is beyond
    assert ("slower" in text) is (beyond and now > was)


def test_thrice_nothing_is_nothing() -> None:
    assert not compare(run(footer=traffic(0.001)), run(footer=traffic(0.003))).paces


def test_without_latencies_the_mean_counts_where_both_asked_the_same() -> None:
    slow = {"seconds": 100.0}
    assert [one.name for one in compare(run(), run(footer=slow)).paces] == ["mean time of a request"]
    assert not compare(run(), run(footer=slow, settings={"depth": "smoke"})).paces


# forms


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def hostile(rest: str) -> Comparison:
    """A comparison in which everything a stranger could have written is hostile."""
    text = HOSTILE + rest
    more = {"why": text, "title": text, "chapter": text, "property": text, "note": text, "observed": text}
    old = [
        result("a.b", "passed"),
        result("c.d", "info", observed="x"),
        result("e.f", "failed"),
        result(text, "failed"),
    ]
    new = [
        result("a.b", "failed", **more),
        result("c.d", "info", observed=text),
        result("e.f", "not_offered", note=text),
        result(text, "failed", symptom="crashed", **more),
    ]
    return compare(
        run(*old, model=text, endpoint=text, capabilities={text: "offered"}),
        run(*new, model=text[1:], started=text, capabilities={text: "refused"}, complete=False),
    )


@given(st.text())
def test_no_word_of_a_record_leaves_its_cell_in_markdown(rest: str) -> None:
    for row in compare_writers.to_markdown(hostile(rest)).split("\n"):
        assert row.isprintable() or all(char.isprintable() or char == "\u2060" for char in row)
        if row.startswith("|"):
            assert row.count("|") in (4, 5)
        outside = re.sub("`[^`]*`", "", row)
        assert "`" not in outside
        outside = re.sub(r"</?(details|summary)>", "", outside)
        assert not re.search(r"[<@#](?=\w)|\]\(|://|<", re.sub(r"&#\d+;", "", outside))


@given(st.text())
def test_no_word_of_a_record_becomes_markup_in_html(rest: str) -> None:
    page = compare_writers.to_html(hostile(rest))
    plain = compare_writers.to_html(compare(run(), run()))
    seen = Page(page)
    assert {"script", "a", "img", "link", "iframe"}.isdisjoint(seen.tags)
    assert [name for name, _ in seen.attributes if name.startswith("on") or name in ("style", "src", "href")] == []
    assert seen.tags.count("meta") == Page(plain).tags.count("meta")
    assert not set("\u202e\x1b") & set(page)
    style = page.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in page


@given(st.text())
def test_no_word_of_a_record_steers_a_terminal(rest: str) -> None:
    text = compare_writers.to_text(hostile(rest))
    assert text.replace("\n", "").isprintable()


@given(runs(), runs())
def test_json_holds_every_rule_once(old: Run, new: Run) -> None:
    document = json.loads(compare_writers.to_json(compare(old, new)))
    assert set(document["rules"]) == {kind.value for kind in Kind}
    listed = [entry["rule"] for entries in document["rules"].values() for entry in entries]
    assert sorted(listed) == sorted({*old.by_rule, *new.by_rule})


@given(runs(), runs())
def test_every_form_takes_every_comparison(old: Run, new: Run) -> None:
    found = compare(old, new)
    for form in (compare_writers.to_text, compare_writers.to_markdown, compare_writers.to_html):
        said = form(found)
        assert all(change.rule in said for change in found.changes[Kind.NEW_FAILURE])
    assert '""' not in compare_writers.to_html(found), "a template wrote what has no value"


def test_every_class_and_turn_has_words() -> None:
    assert set(compare_writers.SAYS) == set(Kind)
    assert set(compare_writers.TURNS) == set(Turn) - {Turn.SAME}


def test_a_comment_fits_github() -> None:
    turns = [
        ("passed", "failed"),
        ("failed", "passed"),
        ("passed", "warning"),
        ("passed", "error"),
        ("error", "failed"),
    ]
    rules = [(f"a.r{number}", *turns[number % len(turns)]) for number in range(300)]
    sides = [
        run(*(result(rule, verdicts[side], title="&" * 300, why="x" * 300) for rule, *verdicts in rules))
        for side in (0, 1)
    ]
    assert 10_000 < len(compare_writers.to_markdown(compare(*sides))) < compare_writers.COMMENT


def test_a_long_list_says_how_many_are_left_out() -> None:
    old, new = (run(*(result(f"a.r{number}", verdict) for number in range(50))) for verdict in ("passed", "failed"))
    for form in (compare_writers.to_markdown, compare_writers.to_text):
        assert "… and 10 more" in form(compare(old, new))
    assert compare_writers.to_html(compare(old, new)).count("<code>a.r") == 50
