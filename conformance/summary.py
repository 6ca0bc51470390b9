"""The last words of a run in the terminal."""

from __future__ import annotations

from typing import Any

from ..reports import compare_writers
from ..reports.causes import Cause, causes
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
        f" · {run.traffic.requests} requests"
    )
    terminal.line(
        ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict.value in counts)
    )
    lines = list(run.lines.values())
    for head, verdicts in _KINDS:
        _findings(terminal, head, [line for line in lines if line["verdict"] in verdicts])
    declined = [
        line for line in lines if line["verdict"] == Verdict.NOT_OFFERED.value and line["rule"].startswith("gate.")
    ]
    remarks = run.waiver_remarks()
    for remark in remarks[:MOST]:
        terminal.line(remark)
    if len(remarks) > MOST:
        terminal.line(f"… and {len(remarks) - MOST} more remarks on waivers")
    if declined:
        terminal.line("not offered: " + ", ".join(line["rule"].removeprefix("gate.") for line in declined))
    if run.incidents:
        how = "restarted" if run.lifeline else "waited for"
        terminal.line(f"the server went away or fell ill {len(run.incidents)} times and was {how}")
    if run.shared and run.shared.fault:
        terminal.line(f"example database not used to the end: {cut(printable(run.shared.fault), 200)}")
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


def write_changes(terminal: Any, comparison: Any) -> None:
    """What has changed since the baseline."""
    for row in compare_writers.to_text(comparison).splitlines():
        terminal.line(printable(row))


_KINDS = (
    ("broken", (Verdict.FAILED.value, Verdict.INCONSISTENT.value)),
    ("warning", (Verdict.WARNING.value,)),
)


def _findings(terminal: Any, head: str, lines: list[dict[str, Any]]) -> None:
    """What is broken, by consequence (fix the first first) and cause, a line each."""
    urgency = ""
    for shown, cause in enumerate(causes(lines)):
        if shown == MOST:
            terminal.line(f"  … and more: all {len(lines)} are in the record")
            return
        if cause.urgency != urgency:
            urgency = cause.urgency
            terminal.line(f"{head}, {urgency}:")
        terminal.line(_row(cause))


def _row(cause: Cause) -> str:
    if len(cause.lines) == 1:
        line = cause.lines[0]
        often = " (not every time)" if line["verdict"] == Verdict.INCONSISTENT.value else ""
        return printable(f"  {line['rule']} ({line['title']}): {cause.says}{often}")
    names = ", ".join(line["rule"] for line in cause.lines)
    return printable(f"  {cause.says}: {cut(names, 400)}")
