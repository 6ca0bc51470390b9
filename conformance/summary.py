"""The last words of a run in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..reports import compare_writers
from ..reports.causes import causes
from . import standing, vendor
from .record import cut, printable
from .results import Capability, Verdict
from .session import Session

MOST = 40
"""Lines of one kind that are shown before the rest is counted."""
MOST_BROKEN = 300
"""The same for broken rules, each of which has a line of its own."""

_WORDS = {"conformant": "conformant", "non-conformant": "not conformant", "incomplete": "incomplete"}


def write(terminal: Any, run: Session) -> None:
    """Verdict, counts, one line per broken rule, warnings, waivers, what is not offered, and where the record lies."""
    counts = standing.counts(run)
    unasked = standing.unasked(run)
    terminal.section("chatproof", "=")
    target = run.target
    assert target is not None
    terminal.line(_verdict(standing.verdict(run), counts, len(unasked)))
    terminal.line(
        f"{target.base} · model {printable(target.model)}{_profile(run)} · vintage {run.settings.vintage}"
        f" · seed {run.settings.seed} · {run.traffic.requests} requests"
    )
    terminal.line(
        ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict.value in counts)
    )
    lines = [line for name, line in run.lines.items() if not vendor.is_vendor(name)]
    _broken(terminal, [line for line in lines if line["verdict"] in _RED])
    _warnings(terminal, [line for line in lines if line["verdict"] == Verdict.WARNING.value])
    _waived(terminal, [line for line in lines if line["verdict"] == Verdict.WAIVED.value], standing.waiver_remarks(run))
    _vendors(terminal, run)
    declined = [
        line for line in lines if line["verdict"] == Verdict.NOT_OFFERED.value and line["rule"].startswith("gate.")
    ]
    unclaimed = [line for line in declined if line.get("capability") == Capability.UNCLAIMED.value]
    declined = [line for line in declined if line not in unclaimed]
    if declined:
        terminal.line("not offered: " + ", ".join(line["rule"].removeprefix("gate.") for line in declined))
    if unclaimed:
        terminal.line(f"left out by the profile {run.profile.name}: {len(unclaimed)} capabilities")
    if run.incidents:
        how = "restarted" if run.lifeline else "waited for"
        terminal.line(f"the server went away or fell ill {len(run.incidents)} times and was {how}")
        for what in list(dict.fromkeys(run.incidents))[:3]:
            terminal.line(f"  {cut(printable(what), 200)}")
    if run.shared and run.shared.fault:
        terminal.line(f"example database not used to the end: {cut(printable(run.shared.fault), 200)}")
    if run.lifeline and run.lifeline.deaths:
        codes = ", ".join(str(code) for code in dict.fromkeys(run.lifeline.deaths))
        terminal.line(f"  it ended by itself with exit code {codes}: see server.log")
        if run.unexplained:
            terminal.line(f"incomplete: no finding explains {run.unexplained} of these times")
    if run.traffic.busy:
        terminal.line(f"{run.traffic.busy} answers said that it was too much (429, 503); requests waited for them")
    if run.gone:
        terminal.line(f"stopped: {run.gone}")
        for suspect in run.suspects[:MOST]:
            terminal.line(f"  in flight then: {cut(printable(suspect), 700)}")
    if unasked:
        terminal.line(f"incomplete: {len(unasked)} rules were not asked, for example {unasked[0]}")
        reasons = {line["note"] for line in lines if line["verdict"] == Verdict.ERROR.value and line["note"]}
        for reason in sorted(reasons)[:3]:
            terminal.line(f"  because: {cut(printable(reason), 200)}")
    if run.folder:
        terminal.line(f"record: {run.folder / 'run.jsonl'}")


def _profile(run: Session) -> str:
    if not run.profile.digest:
        return ""
    draft = " (a draft, not run)" if run.profile.title.endswith("(draft, not run)") else ""
    return f" · profile {printable(run.profile.name)}{draft}"


def _vendors(terminal: Any, run: Session) -> None:
    """What became of the rules of vendors, which the counts above leave out."""
    for one, counts in zip(run.vendors, standing.vendor_counts(run).values(), strict=True):
        told = ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict.value in counts)
        name = f"{one.chapter.name} (rules of {one.package} {one.version}, no part of the verdict)"
        terminal.line(printable(f"{name}: {told or 'nothing asked'}"))
        lines = [line for line in run.lines.values() if line["chapter"] == one.chapter.name]
        of = f"{one.chapter.name}, "
        _broken(terminal, [line for line in lines if line["verdict"] in _RED], of)
        _warnings(terminal, [line for line in lines if line["verdict"] == Verdict.WARNING.value], of)


def write_changes(terminal: Any, comparison: Any) -> None:
    """What has changed since the baseline."""
    for row in compare_writers.to_text(comparison).splitlines():
        terminal.line(printable(row))


_RED = (Verdict.FAILED.value, Verdict.INCONSISTENT.value)


def _verdict(verdict: str, counts: Mapping[str, int], unasked: int) -> str:
    """The outcome in one sentence."""
    rules = sum(counts.values())
    red = sum(counts.get(name, 0) for name in _RED)
    if red:
        return f"{_WORDS[verdict]}: {red} of {rules} rules {'is' if red == 1 else 'are'} broken"
    if unasked:
        return f"{_WORDS[verdict]}: {unasked} rules were not asked, none of the others is broken"
    return f"{_WORDS[verdict]}: of {rules} rules none is broken"


def _broken(terminal: Any, lines: list[dict[str, Any]], of: str = "") -> None:
    """What is broken, by consequence (mend the first first) and cause: a line a rule."""
    urgency, shown = "", 0
    for cause in causes(lines):
        if cause.urgency != urgency:
            urgency = cause.urgency
            terminal.line(f"{of}broken, {urgency}:")
        if len(cause.lines) > 1:
            terminal.line(printable(f"  {cause.says}"))
        for line in cause.lines:
            if shown == MOST_BROKEN:
                terminal.line(f"  … and {len(lines) - shown} more: all are in the record")
                return
            terminal.line(_row(line, "    " if len(cause.lines) > 1 else "  "))
            shown += 1


def _row(line: Mapping[str, Any], indent: str, more: str = "") -> str:
    """Id, title, symptom, and for a rule with a cause of its own what was seen."""
    finding = line["finding"]
    said = finding["symptom"].replace("_", " ")
    said += " (not every time)" if line["verdict"] == Verdict.INCONSISTENT.value else ""
    seen = f": {finding['why']}" if len(indent) == 2 and not more else more
    return printable(cut(f"{indent}{line['rule']} ({line['title']}): {said}{seen}", 400))


def _warnings(terminal: Any, lines: list[dict[str, Any]], of: str = "") -> None:
    """A line a cause: nothing here makes the run red."""
    urgency = ""
    for shown, cause in enumerate(causes(lines)):
        if shown == MOST:
            terminal.line(f"  … and more: all {len(lines)} are in the record")
            return
        if cause.urgency != urgency:
            urgency = cause.urgency
            terminal.line(f"{of}warning, {urgency}:")
        if len(cause.lines) == 1:
            terminal.line(_row(cause.lines[0], "  "))
        else:
            terminal.line(printable(f"  {cause.says}: {cut(', '.join(line['rule'] for line in cause.lines), 400)}"))


def _waived(terminal: Any, lines: list[dict[str, Any]], remarks: list[str]) -> None:
    """A line a waived finding, with who answers for it and until when; then what the waivers say too much."""
    if lines:
        terminal.line("waived:")
    for line in lines[:MOST]:
        waiver = line["finding"]["waiver"]
        terminal.line(_row(line, "  ", f", until {waiver['expires']}: {waiver['reason']} ({waiver['owner']})"))
    if len(lines) > MOST:
        terminal.line(f"  … and {len(lines) - MOST} more: all are in the record")
    for remark in remarks[:MOST]:
        terminal.line(remark)
    if len(remarks) > MOST:
        terminal.line(f"… and {len(remarks) - MOST} more remarks on waivers")
