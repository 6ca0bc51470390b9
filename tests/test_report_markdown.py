"""The Markdown summary: complete, bounded, and nothing that a server said becomes mark-up, a link or a mention."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import record_strategies as draw
from chatproof.reports import markdown
from chatproof.reports.reading import read
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

often = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=40
)

MIXED = draw.record(
    draw.result("gate.n", "failed"),
    draw.result("gate.stop", "failed", symptom="crashed", status=500),
    draw.result("n.type.refuses", "failed", curl="curl -sS 'a|b`c' @x <y>"),
    draw.result("stop.type.refuses", "inconsistent", confirmed="1/3"),
    draw.result("user.type.refuses", "warning"),
    draw.result("gate.logprobs", "not_offered"),
    draw.result("top.x", "error", note="the budget is spent"),
    draw.result("seed.x", "waived", waiver={"rule": "seed.x", "reason": "known | since May", "owner": "@ann"}),
    draw.result("p.q"),
    waivers=[{"rule": "old.x", "symptom": "hung", "reason": "slow disk", "owner": "bob", "expires": "2030-01-01"}],
)


def shown(folder: Path, lines: list[draw.Line], most: int = markdown.MOST) -> str:
    return markdown.render(read(draw.put(folder, lines)), most)


class Page(HTMLParser):
    """Tags with their attributes, and the text outside code, of a rendered page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.foreign: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [f"{tag} {name}" for name, _ in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "code" not in self.open:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.foreign.append(data)

    def handle_decl(self, decl: str) -> None:
        self.foreign.append(decl)

    def handle_pi(self, data: str) -> None:
        self.foreign.append(data)

    def unknown_decl(self, data: str) -> None:
        self.foreign.append(data)


def page(text: str) -> Page:
    """The text as GitHub's own parser renders it, with raw HTML let through so that none can hide."""
    cmarkgfm = pytest.importorskip("cmarkgfm")
    from cmarkgfm.cmark import Options

    extensions = ["table", "autolink", "strikethrough", "tagfilter", "tasklist"]
    return Page(cmarkgfm.markdown_to_html_with_extensions(text, Options.CMARK_OPT_UNSAFE, extensions))


OURS = {"h2", "h3", "p", "code", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "strong", "em"} | {
    "details",
    "summary",
    "b",
    "pre",
}
LINKED = re.compile(r"(?i)(?<!\w)[@#]\w|\w@\w|://|www\.|mailto:|gh-\d")


def inert(text: str, lines: list[draw.Line]) -> None:
    """Nothing in the rendered page but our own mark-up, in the amount that the lines call for."""
    found = page(text)
    assert set(found.tags) <= OURS
    assert set(found.attributes) <= {"th align", "td align", "pre lang", "code class"}
    assert found.foreign == []
    assert not LINKED.search(found.text)
    assert all(char.isprintable() or char in "\n\t" for char in text if char != "\u2060")
    blocks = [line for line in lines if line.get("verdict") in ("failed", "inconsistent", "warning") and "rule" in line]
    assert found.tags.count("details") == found.tags.count("summary") == len(blocks)
    assert found.tags.count("h2") == 1


def test_all_that_matters_is_there(tmp_path: Path) -> None:
    text = shown(tmp_path, MIXED)
    assert text.startswith("## chatproof: non-conformant\n")
    for fact in ("`http://127.0.0.1:1/v1`", "model `m`", "vintage `2024-11`", "seed `0`", "9 requests", "1.5 seconds"):
        assert fact in text
    assert "| failed | inconsistent | warning | waived | error | not_offered | passed |" in text
    assert "| 3 | 1 | 1 | 1 | 1 | 1 | 1 |" in text
    assert text.count("<details>") == text.count("</details>") == 5
    assert "### Broken (4)" in text
    assert "### Warnings (1)" in text
    assert "```sh\ncurl -sS 'a|b`c' @x <y>\n```" in text
    assert "seen 1 of 3 times" in text
    assert "### Not offered (1)\n\n- refused: `logprobs`\n- 1 because: said no\n" in text
    assert "### Not asked (1)\n\n- 1 because: the budget is spent\n" in text
    assert "| `seed.x` | `accepted_invalid` | known &#124; since May | &#64;\u2060ann |  | yes |" in text
    assert "| `old.x` | `hung` | slow disk | bob | 2030-01-01 | no |" in text


def test_the_worst_is_first_and_one_cause_is_one_row(tmp_path: Path) -> None:
    rows = [row for row in shown(tmp_path, MIXED).splitlines() if row.startswith(("| server", "| hides", "| breaks"))]
    assert rows == [
        "| server faults | gate.stop does not hold | `gate.stop` |",
        "| hides bugs | values of a wrong JSON type are taken: 2 rules | `n.type.refuses`, `stop.type.refuses` |",
        "| hides bugs | gate.n does not hold | `gate.n` |",
    ]


def test_entries_follow_their_urgency(tmp_path: Path) -> None:
    found = re.findall(r"<summary><b>(.*?)</b>", shown(tmp_path, MIXED))
    assert found == ["gate.stop", "n.type.refuses", "stop.type.refuses", "gate.n", "user.type.refuses"]


def test_a_strange_symptom_is_not_lost(tmp_path: Path) -> None:
    text = shown(tmp_path, draw.record(draw.result("a.b", "failed", symptom="sulked")))
    assert "| unknown | a symptom that this version does not know | `a.b` |" in text
    assert "· sulked ·" in text


def test_compared_requests_are_counted(tmp_path: Path) -> None:
    text = shown(tmp_path, draw.record(draw.result("a.b", "failed", steps=[{}, {}])))
    assert "The rule compares 2 requests; the run record holds them all." in text


def test_findings_that_say_the_same_share_a_row(tmp_path: Path) -> None:
    lines = [draw.result(f"a.b{number}", "failed", why="accepted (200)") for number in range(7)]
    text = shown(tmp_path, draw.record(*lines))
    assert "| hides bugs | accepted (200): 7 rules | `a.b0`, `a.b1`, `a.b2`, `a.b3`, `a.b4` and 2 more |" in text


def test_a_clean_run_is_short(tmp_path: Path) -> None:
    text = shown(tmp_path, draw.record(draw.result("a.b")))
    assert text.startswith("## chatproof: conformant\n")
    assert "###" not in text


def test_a_run_that_was_cut_short_says_so(tmp_path: Path) -> None:
    text = shown(tmp_path, draw.record(draw.result("a.b"))[:-1])
    assert text.startswith("## chatproof: incomplete\n")
    assert "there is no footer: the run did not come to its end" in text
    assert "unknown requests" in text


@often
@given(lines=draw.records())
@example(lines=MIXED)
def test_nothing_foreign_is_rendered(tmp_path: Path, lines: list[draw.Line]) -> None:
    inert(shown(tmp_path, lines), lines)


@settings(deadline=None, max_examples=300)
@given(st.one_of(draw.words(8), st.text("`|\\<>@#*_~[]()!&$:/.-+=0a\n\t ", max_size=30)))
def test_words_stay_words(text: str) -> None:
    row = f"| a {markdown.prose(text)} | {markdown.code(text)} |"
    found = page(f"| x | y |\n| --- | --- |\n{row}\n\n{markdown.fence(text)}\n**end**\n")
    assert found.tags.count("td") == 2
    assert set(found.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "pre", "code", "p", "strong"}
    assert found.tags.count("pre") == found.tags.count("strong") == 1
    assert not LINKED.search(found.text)
    assert markdown.clean(text) in found.text.replace("\u2060", "") or not text.strip()


def test_half_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    lines = draw.record(draw.result("a.b", "failed", why="\ud800", curl="curl \udfff"), model="\ud83d")
    run = read(draw.put(tmp_path, lines))
    assert "\ufffd" in markdown.write(run, tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize("most", [300, 2_000, 10_000, 60_000])
def test_a_bound_is_kept_and_ends_between_entries(tmp_path: Path, most: int) -> None:
    lines = [draw.result(f"a.b{number}", "failed", why="é" * 300) for number in range(200)]
    text = shown(tmp_path, draw.record(*lines), most)
    assert len(text.encode()) <= most
    assert text.count("<details>") == text.count("</details>") < 200
    assert re.search(r"_\d+ more entries did not fit here; all are in the run record\._\n$", text)


def test_the_default_bound_is_below_what_github_takes(tmp_path: Path) -> None:
    lines = [draw.result(f"a.b{number}", "failed", curl="curl " + "x" * 19_000) for number in range(100)]
    size = len(shown(tmp_path, draw.record(*lines)).encode())
    assert 800_000 < size <= 900_000


def test_a_long_request_stays_in_the_record(tmp_path: Path) -> None:
    text = shown(tmp_path, draw.record(draw.result("a.b", "failed", curl="curl " + "x" * 30_000)))
    assert "The request is too long for this page" in text
    assert len(text) < 2_000


def test_the_step_summary_is_appended(tmp_path: Path) -> None:
    run = read(draw.put(tmp_path, MIXED))
    path = tmp_path / "step.md"
    path.write_text("before\n")
    assert markdown.append_step_summary(run, {"GITHUB_STEP_SUMMARY": str(path)}) is None
    assert path.read_text(encoding="utf-8") == "before\n" + markdown.render(run)


@pytest.mark.parametrize("environ", [{}, {"GITHUB_STEP_SUMMARY": ""}])
def test_without_a_step_summary_nothing_is_said(tmp_path: Path, environ: dict[str, str]) -> None:
    assert markdown.append_step_summary(read(draw.put(tmp_path, MIXED)), environ) is None


@pytest.mark.parametrize("name", ["no/such/folder/x.md", ".", "a\x00b"])
def test_a_step_summary_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = markdown.append_step_summary(read(draw.put(tmp_path, MIXED)), {"GITHUB_STEP_SUMMARY": name})
    assert said is not None
    assert said.startswith("GITHUB_STEP_SUMMARY: ")
    assert said.isprintable()


@pytest.mark.parametrize(("taken", "fits"), [(1_000_000, True), (1024 * 1024 - 1_000, False), (2_000_000, False)])
def test_a_nearly_full_step_summary_is_not_overrun(tmp_path: Path, taken: int, fits: bool) -> None:
    lines = [draw.result(f"a.b{number}", "failed", curl="curl " + "x" * 19_000) for number in range(20)]
    run = read(draw.put(tmp_path, draw.record(*lines)))
    path = tmp_path / "step.md"
    path.write_text("x" * taken)
    said = markdown.append_step_summary(run, {"GITHUB_STEP_SUMMARY": str(path)})
    assert (said is None) == fits
    assert path.stat().st_size <= max(taken, markdown.STEP_LIMIT)
    assert (path.stat().st_size > taken) == fits
