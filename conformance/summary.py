"""The last words of a run in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import Verdict
from .record import cut, printable
from .session import Session

MOST = 40
"""Lines of one kind that are shown before the rest is counted."""


def write(terminal: Any, run: Session) -> None:
    """Verdict, counts, one line per broken rule, warnings, what is not offered, and where the record lies."""
    counts = run.counts()
    unasked = run.unasked()
    terminal.section("chatproof", "=")
    target = run.target
    assert target is not None
    terminal.line(
        f"{target.base} · model {printable(target.model)} · vintage {run.settings.vintage} · seed {run.settings.seed}"
        f" · {run.requests} requests"
    )
    terminal.line(
        ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict.value in counts)
    )
    lines = list(run.lines.values())
    for verdict, head in (
        (Verdict.FAILED, "broken"),
        (Verdict.INCONSISTENT, "not always kept"),
        (Verdict.WARNING, "warning"),
    ):
        _rows(terminal, [_finding_row(head, line) for line in lines if line["verdict"] == verdict.value])
    declined = [
        line for line in lines if line["verdict"] == Verdict.NOT_OFFERED.value and line["rule"].startswith("gate.")
    ]
    if declined:
        terminal.line("not offered: " + ", ".join(line["rule"].removeprefix("gate.") for line in declined))
    if run.incidents:
        how = "restarted" if run.lifeline else "waited for"
        terminal.line(f"the server went away or fell ill {len(run.incidents)} times and was {how}")
    if run.gone:
        terminal.line(f"stopped: {run.gone}")
        for suspect in run.suspects[:MOST]:
            terminal.line(f"  in flight then: {cut(printable(suspect), 200)}")
    if unasked:
        terminal.line(f"incomplete: {len(unasked)} rules were not asked, for example {unasked[0]}")
        reasons = {line["note"] for line in lines if line["verdict"] == Verdict.ERROR.value and line["note"]}
        for reason in sorted(reasons)[:3]:
            terminal.line(f"  because: {cut(printable(reason), 200)}")
    if run.folder:
        terminal.line(f"record: {run.folder / 'run.jsonl'}")


def _finding_row(head: str, line: Mapping[str, Any]) -> str:
    return printable(f"{head}: {line['rule']} ({line['title']}): {line['finding']['why']}")


def _rows(terminal: Any, rows: list[str]) -> None:
    for row in rows[:MOST]:
        terminal.line(row)
    if len(rows) > MOST:
        terminal.line(f"… and {len(rows) - MOST} more")
