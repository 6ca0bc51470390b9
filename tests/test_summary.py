"""The last words in the terminal: the verdict in a sentence, a line a broken rule, nothing that steers a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import record_strategies as draw
import servers
from chatproof.conformance import summary
from chatproof.conformance.profile import Profile
from chatproof.conformance.waivers import Waivers
from conftest import Ran
from hypothesis import given, settings

WAIVER = {"reason": "slow disk", "owner": "bob", "expires": "2030-01-01"}


class Paper:
    """A terminal that keeps what is written."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def line(self, text: str) -> None:
        self.rows.append(text)

    def section(self, title: str, sign: str) -> None:
        self.rows.append(f"{sign} {title}")


def said(*lines: draw.Line, unasked: tuple[str, ...] = ()) -> list[str]:
    """What is said of a run with these result lines."""
    run: Any = SimpleNamespace(
        lines={line["rule"]: line for line in lines},
        expected={*unasked, *(line["rule"] for line in lines)},
        target=SimpleNamespace(base="http://127.0.0.1:1/v1", model="tiny"),
        settings=SimpleNamespace(vintage="2024-11", seed=0, strict=False),
        traffic=SimpleNamespace(requests=7, busy=0),
        waivers=Waivers(),
        today=None,
        incidents=[],
        lifeline=None,
        profile=Profile(),
        vendors=(),
        unexplained=0,
        shared=None,
        gone=None,
        suspects=[],
        folder=Path("reports"),
    )
    paper = Paper()
    terminal: Any = paper
    summary.write(terminal, run)
    return paper.rows


def test_everything_has_its_line() -> None:
    rows = said(
        draw.result("n.max", "failed", symptom="crashed", why="it said 500"),
        draw.result("n.type.refuses", "failed"),
        draw.result("stop.type.refuses", "inconsistent"),
        draw.result("user.x", "warning", why="a soft one"),
        draw.result("seed.x", "waived", waiver=WAIVER),
        draw.result("gate.audio", "not_offered"),
        draw.result("audio.voice", "not_offered"),
        draw.result("top_p.max"),
    )
    assert rows == [
        "= chatproof",
        "not conformant: 3 of 8 rules are broken",
        "http://127.0.0.1:1/v1 · model tiny · vintage 2024-11 · seed 0 · 7 requests",
        "1 passed, 2 failed, 1 warning, 1 inconsistent, 2 not_offered, 1 waived",
        "broken, server faults:",
        "  n.max (refuses nonsense): crashed: it said 500",
        "broken, hides bugs:",
        "  values of a wrong JSON type are taken: 2 rules",
        "    n.type.refuses (refuses nonsense): accepted invalid",
        "    stop.type.refuses (refuses nonsense): accepted invalid (not every time)",
        "warning, hides bugs:",
        "  user.x (refuses nonsense): accepted invalid: a soft one",
        "waived:",
        "  seed.x (refuses nonsense): accepted invalid, until 2030-01-01: slow disk (bob)",
        "not offered: audio",
        f"record: {Path('reports', 'run.jsonl')}",
    ]


@pytest.mark.parametrize(
    ("lines", "unasked", "sentence"),
    [
        ((draw.result("a.b"), draw.result("a.c", "info")), (), "conformant: of 2 rules none is broken"),
        ((draw.result("a.b", "failed"), draw.result("a.c")), (), "not conformant: 1 of 2 rules is broken"),
        ((draw.result("a.b"),), ("a.c",), "incomplete: 1 rules were not asked, none of the others is broken"),
        ((draw.result("a.b", "failed"),), ("a.c",), "not conformant: 1 of 1 rules is broken"),
    ],
)
def test_the_verdict_is_a_sentence(lines: tuple[draw.Line, ...], unasked: tuple[str, ...], sentence: str) -> None:
    assert said(*lines, unasked=unasked)[1] == sentence


@settings(deadline=None, max_examples=50)
@given(draw.records())
def test_any_run_has_a_line_for_every_broken_rule_and_nothing_steers(lines: list[draw.Line]) -> None:
    results = [line for line in lines if line["kind"] == "result"]
    for line in results:
        if line["verdict"] == "waived":
            line["finding"].setdefault("waiver", WAIVER)
    rows = said(*results)
    assert [row for row in rows if not row.isprintable()] == []
    for line in results:
        if line["verdict"] in ("failed", "inconsistent", "waived"):
            assert len([row for row in rows if row.strip().startswith(f"{line['rule']} (")]) == 1


def test_a_flood_is_counted() -> None:
    rows = said(*(draw.result(f"a.b{number}", "failed", why=f"{number}") for number in range(summary.MOST_BROKEN + 5)))
    assert "  … and 5 more: all are in the record" in rows


def test_where_the_report_lies(ask: Callable[..., Ran], serve: Callable[..., servers.Server]) -> None:
    ran = ask("--endpoint", serve(servers.strict).url, "--depth", "smoke", "-k", "temperature.null")
    place = ran.folder / "report"
    assert f"record: {place / 'run.jsonl'}" in ran.out
    assert (
        f"report: {place / 'report.html'}; beside it summary.md, report.sarif, badge.svg, certificate.json" in ran.out
    )
