"""Servers side by side: where each rule stands, names that are distinct, links that stay on this disk."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance.results import Verdict
from chatproof.reports.compare import JUDGED
from chatproof.reports.matrix import SAYS, VIOLATED, Matrix, Standing, counts, distinct, matrix, to_html, to_markdown
from chatproof.reports.reading import Run
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = '</td><script>alert(1)</script> `x` | "a" onmouseover=x \n\n# h @octo [x](https://evil.test) \u202e\x1b[31m'
VERDICTS = [verdict.value for verdict in Verdict]


def result(rule: str, verdict: str, **more: Any) -> dict[str, Any]:
    line = {
        "rule": rule,
        "chapter": "limits",
        "property": "n",
        "title": "takes it",
        "strength": "must",
        "verdict": verdict,
    }
    if verdict in VIOLATED:
        line["finding"] = {"symptom": "accepted_invalid", "why": "it was accepted"}  # type: ignore[assignment]
    return line | more


def run(*results: dict[str, Any], path: Path = Path("nowhere/run.jsonl"), **header: Any) -> Run:
    head = {"endpoint": "http://127.0.0.1:1/v1", "model": "m", "vintage": "2024-11", "seed": 0, "capabilities": {}}
    return Run(path, head | header, results, {"counts": {}, "verdict": "conformant", "requests": 1, "seconds": 1.0})


def standing(*verdicts: str | None) -> Standing:
    """Where a rule stands with one server a verdict; None has no line."""
    found = matrix([run(result("z.z", "passed"), *([result("n.max", one)] if one else [])) for one in verdicts])
    return next(row.standing for row in found.rows if row.rule == "n.max")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("passed", "failed"), Standing.DISAGREE),
        (("passed", "warning", "blocked"), Standing.DISAGREE),
        (("waived", "info", None), Standing.DISAGREE),
        (("failed", "warning", "error"), Standing.EVERYWHERE),
        (("failed", "inconsistent"), Standing.EVERYWHERE),
        (("failed", "blocked"), Standing.ALONE),
        (("passed", None), Standing.ALONE),
        (("passed", "passed", "not_offered"), Standing.AGREE),
        (("blocked", "error"), Standing.SILENT),
    ],
)
def test_where_a_rule_stands(verdicts: Sequence[str | None], expected: Standing) -> None:
    assert standing(*verdicts) is expected


@given(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_servers_does_not_matter(verdicts: list[str], random: Any) -> None:
    shuffled = random.sample(verdicts, len(verdicts))
    assert standing(*verdicts) is standing(*shuffled)
    kept = [one for one in verdicts if one in JUDGED]
    assert (standing(*verdicts) is Standing.DISAGREE) == (
        len(kept) > 1 and 0 < sum(one in VIOLATED for one in kept) < len(kept)
    )


def test_choices_that_differ_are_no_disagreement() -> None:
    cells = [result("n.max", "info", observed=word) for word in ("accepted", "refused (400)")]
    assert [row.standing for row in matrix([run(cells[0]), run(cells[1])]).rows] == [Standing.CHOICE]
    assert [row.standing for row in matrix([run(cells[0]), run(cells[0])]).rows] == [Standing.AGREE]


@given(st.lists(st.lists(st.tuples(st.sampled_from(["a.b", "c.d", "e.f"]), st.sampled_from(VERDICTS))), max_size=4))
def test_every_rule_stands_in_one_row_with_one_cell_a_server(servers: list[list[tuple[str, str]]]) -> None:
    found = matrix([run(*(result(rule, verdict) for rule, verdict in dict(one).items())) for one in servers])
    assert sorted(row.rule for row in found.rows) == sorted({rule for one in servers for rule, _ in one})
    assert all(len(row.cells) == len(servers) for row in found.rows)
    assert sum(len(rows) for chapters in found.groups().values() for rows in chapters.values()) == len(found.rows)
    assert list(found.groups()) == [standing for standing in Standing if standing in found.groups()]


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b"]), max_size=8))
def test_names_are_distinct_and_keep_their_place(names: list[str]) -> None:
    found = distinct(names)
    assert len(set(found)) == len(names)
    assert all(new.startswith(old) for old, new in zip(names, found, strict=True))


def test_a_label_comes_before_model_and_endpoint() -> None:
    one = run(result("a.b", "passed"))
    assert matrix([one, one, one], [None, "mine"]).names == (
        "m@http://127.0.0.1:1/v1",
        "mine",
        "m@http://127.0.0.1:1/v1 (2)",
    )


@given(st.lists(st.sampled_from(VERDICTS)))
def test_counts_add_up(verdicts: list[str]) -> None:
    one = run(*(result(f"a.r{number}", verdict) for number, verdict in enumerate(verdicts)))
    found = counts(one)
    assert sum(found.values()) == len(verdicts)
    assert found["without an answer"] == sum(verdict not in JUDGED for verdict in verdicts)


def test_what_the_runs_do_not_share_is_said() -> None:
    other = Run(Path("x"), {**run(vintage="2026-08").header, "settings": {"depth": "smoke"}}, (), None)
    said = " ".join(matrix([run(), other]).remarks)
    assert "differ in vintage" in said
    assert "differ in depth (None, smoke)" in said
    assert "1 of the runs did not come to the end" in said
    assert not matrix([run(), run()]).remarks


def example(folder: Path, rest: str = "") -> Matrix:
    """Two servers, hostile in all that a stranger could write, the first with a report."""
    text = HOSTILE + rest
    more = {"title": text, "chapter": text, "observed": text}
    lines = [result(rule, verdict, **more) for rule, verdict in (("a.b", "failed"), (text, "info"), ("e.f", "failed"))]
    first = run(*lines, path=folder / "one #1" / "run.jsonl", model=text, capabilities={text: text})
    second = run(result("a.b", "passed"), result("e.f", "failed"), path=folder / "two" / "run.jsonl")
    return matrix([first, second], [None, text])


@given(st.text())
def test_no_word_of_a_record_becomes_markup(rest: str) -> None:
    found = example(Path("nowhere"), rest)
    page = to_html(found, Path("out"))
    assert '""' not in page.partition("<script>")[0], "a template wrote what has no value"
    assert page.count("<script>") == page.count("</script>") == 1
    assert not re.search(r"<[^>]*\son\w+\s*=\s*[^\"\s]", re.sub(r'"[^"]*"', '""', page))
    assert "<a href=" not in page.replace('<a href="#', "")
    assert not set("\u202e\x1b") & set(page)
    for row in to_markdown(found).split("\n"):
        outside = re.sub("`[^`]*`", "", row)
        assert "`" not in outside
        assert not re.search(r"[<@#](?=\w)|\]\(|://|<", re.sub(r"&#\d+;", "", outside))
        if row.startswith("| `a.b`"):
            assert row.count("|") == 5


def test_the_page_runs_its_own_script_only() -> None:
    page = to_html(example(Path("nowhere")))
    policy = page.split('http-equiv="Content-Security-Policy" content="')[1].split('"')[0]
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        text = page.split(f"<{tag}>")[1].split(f"</{tag}>")[0]
        assert text
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


def test_a_cell_links_to_the_report_beside_its_record(tmp_path: Path) -> None:
    (tmp_path / "one #1").mkdir()
    (tmp_path / "one #1" / "report.html").write_text("<title>a report</title>", encoding="utf-8")
    found = example(tmp_path)
    page = to_html(found, tmp_path / "pages")
    assert '<a href="../one%20%231/report.html#a.b">' in page
    assert "two/report.html" not in page
    assert str(tmp_path) not in page
    assert "report.html" not in to_html(found)


def test_what_fails_everywhere_is_marked_as_maybe_ours() -> None:
    found = matrix([run(result("a.b", "failed")), run(result("a.b", "failed"))])
    for page in (to_html(found), to_markdown(found)):
        assert "it may be our fault" in page


def test_disagreements_come_first() -> None:
    lines = [
        [result("kept.x", "passed"), result("split.x", "failed"), result("all.x", "failed")],
        [result("kept.x", "passed"), result("split.x", "passed"), result("all.x", "failed")],
    ]
    page = to_html(matrix([run(*one) for one in lines]))
    assert page.index("split.x") < page.index("all.x") < page.index("kept.x")


def test_every_standing_has_words() -> None:
    assert set(SAYS) == set(Standing)


def test_no_run_at_all_is_a_table_without_rows() -> None:
    assert "0 servers, 0 rules" in to_markdown(matrix([]))
    assert "0 servers, 0 rules" in to_html(matrix([]))
