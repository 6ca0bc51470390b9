"""``chatproof waivers``: the draft of a file of waivers for what a run broke, to be reviewed by a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from ...reports.causes import URGENCY, Cause, causes
from ...reports.reading import Line, Run
from ..waivers import WAIVABLE
from ._records import Unreadable, load, put

DAYS = 90
"""How long a drafted waiver holds."""
MOST_WHY, MOST_CURL = 300, 4000
"""Characters kept of a finding's words and of its curl line."""

_RULE = re.compile(r"(x-[a-z0-9_]+(-[a-z0-9_]+)*|[a-z0-9_]+)(\.[a-z0-9_]+)+")


@click.command()
@click.option("--from", "place", required=True, metavar="RUN", help="run.jsonl or the folder that holds one")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file, which must not be there yet")
def waivers(place: str, output: Path | None) -> None:
    """Draft a file of waivers: one for each rule that RUN found broken, grouped by cause.

    A draft is not taken as it is: each entry wants its reason and its owner, or should be deleted.
    Then: pytest --endpoint URL --waivers FILE

    Example: chatproof waivers --from conformance-report/latest -o waivers.toml
    """
    run = load(place)
    if output is not None and output.exists():
        raise Unreadable(f"{output}: is there already, and may hold reasons; name another file")
    put(draft(run, datetime.now(UTC).date()), output)


def draft(run: Run, today: date) -> str:
    """TOML with an entry for each failed, inconsistent or warning rule. What the record says stands in comments only,
    but for ids of rules and known symptoms."""
    return "".join(f"{row}\n" for row in _rows(run, today))


def _rows(run: Run, today: date) -> Iterator[str]:
    broken = [line for line in run.results if line["verdict"] in WAIVABLE]
    kept = [line for line in broken if is_sound(line)]
    yield comment("Waivers: known failures of a server. Write why and who, or delete the entry.")
    yield comment(f"From a run against {run.header['model']}, vintage {run.header['vintage']}.", MOST_WHY)
    if not kept:
        yield comment("There is nothing to waive.")
    if waived := sum(line["verdict"] == "waived" for line in run.results):
        yield comment(f"Rules that were waived in that run already, and are not repeated here: {waived}.")
    if len(kept) < len(broken):
        yield comment(f"Rules left out, since the record does not say how they failed: {len(broken) - len(kept)}.")
    for cause in causes(kept):
        yield ""
        yield from group(cause, today + timedelta(DAYS))


def is_sound(line: Line) -> bool:
    """Whether a result line says enough of a failure for a waiver."""
    return _RULE.fullmatch(line["rule"]) is not None and "finding" in line and line["finding"]["symptom"] in URGENCY


def group(cause: Cause, expires: date) -> Iterator[str]:
    """The rows of the entries of one cause."""
    says = cause.says if len(cause.lines) > 1 else "one rule"
    yield comment(f"=== {cause.urgency}: {says}", MOST_WHY)
    for line in cause.lines:
        finding = line["finding"]
        yield ""
        yield comment(f"rule: the server {line['title']}", MOST_WHY)
        yield comment(f"why: {finding['why']}", MOST_WHY)
        yield comment(f"again: {finding['curl']}", MOST_CURL)
        yield "[[waiver]]"
        yield f'rule = "{line["rule"]}"'
        yield f'symptom = "{finding["symptom"]}"'
        yield 'reason = "TODO: why"'
        yield 'owner = "TODO"'
        yield f"expires = {expires.isoformat()}"


def comment(text: str, most: int = MOST_CURL) -> str:
    """One line of comment that no text can end: whatever does not show becomes an escape."""
    left = len(text) - most
    shown = "".join(char if char.isprintable() else _escape(char) for char in text[:most])
    return f"# {shown}" + (f"… [{left} more characters]" if left > 0 else "")


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"
