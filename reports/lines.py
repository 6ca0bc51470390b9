"""The curl line of each finding of a run, as a page, with what came of it when it was run again.

A line is what a reader pastes, so it is the line itself that is run, not the request that it was made from.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from .markdown import code, fence, prose
from .reading import BROKEN, Line, RecordError, Run, content_of

SHOWN = (*BROKEN, "warning")
"""Verdicts whose findings have a line on the page, in its order."""

LONGEST = 6_000
"""Characters of a line that a page shows."""

NONE = 0
"""Status of a line that got no answer."""


@dataclass(frozen=True)
class Checked:
    """Which statuses came when the lines of a record were run: by rule, those of one line in their order.

    ``record`` is the SHA-256 of the record, unpacked; ``when`` a date.
    """

    record: str
    when: str
    statuses: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])


def digest(run: Run) -> str:
    """The SHA-256 of a record, unpacked."""
    return hashlib.sha256(content_of(run.path)).hexdigest()


def listed(run: Run) -> list[Line]:
    """The result lines with a finding of a broken rule: failures, then what is inconsistent, then warnings."""
    return [line for verdict in SHOWN for line in run.findings if line["verdict"] == verdict]


def expected(line: Line) -> int:
    """The status of a finding; NONE where it got no answer."""
    return line["finding"].get("status") or NONE


def same(line: Line, statuses: tuple[int, ...]) -> bool:
    """Whether a line that was run ended as it was recorded: with its last status, or one of those of many at once."""
    wanted = expected(line)
    return wanted in statuses if at_once(line) else statuses[-1:] == (wanted,)


def at_once(line: Line) -> bool:
    """Whether the line sends many requests at once."""
    return str(line["finding"].get("curl", "")).endswith(" & wait")


def render(run: Run, name: str, checked: Checked | None = None) -> str:
    """The page of a run as Markdown; ``name`` is what the server is called."""
    return "".join(_pieces(run, name, checked))


def _pieces(run: Run, name: str, checked: Checked | None) -> Iterator[str]:
    lines = listed(run)
    known: Mapping[str, tuple[int, ...]] = checked.statuses if checked else {}
    verified = [line for line in lines if line["rule"] in known and same(line, known[line["rule"]])]
    yield f"# {prose(name)}: one line for each broken rule\n\n"
    yield f"{len(lines)} rules are broken. "
    if checked:
        yield (
            f"Each line was run on {prose(checked.when)}: {len(verified)} of {len(known)} ended with the status of the"
            " record (*verified*).\n"
        )
    else:
        yield "The lines were not run again.\n"
    yield f"They ask {code(run.header['endpoint'])}; put the address of your server in its place.\n"
    for line in lines:
        yield _entry(line, known.get(line["rule"]))


def _entry(line: Line, statuses: tuple[int, ...] | None) -> str:
    finding = line["finding"]
    if statuses is None:
        mark = "not run"
    else:
        came = ", ".join(dict.fromkeys(map(_word, statuses))) or _word(NONE)
        mark = f"**verified**: {_word(expected(line))}" if same(line, statuses) else f"this time: {came}"
    curl = str(finding.get("curl", ""))
    shown = fence(curl, "sh") if len(curl) <= LONGEST else f"A line of {len(curl):,} characters; the record holds it.\n"
    head = f"\n## {prose(line['rule'])}\n\n{prose(line['verdict'])}, {prose(finding['symptom'])}: "
    return f"{head}{prose(finding['why'])} · recorded: {_word(expected(line))} · {mark}\n\n{shown}"


def _word(status: int) -> str:
    return "no answer" if status == NONE else str(status)


# --- kept beside the record -------------------------------------------------------------------------------------------


def dump(checked: Checked) -> str:
    """What was seen, as JSON with a line a rule."""
    rows = ",\n".join(f"  {json.dumps(rule)}: {json.dumps(found)}" for rule, found in checked.statuses.items())
    head = f'"record": {json.dumps(checked.record)},\n "when": {json.dumps(checked.when)}'
    return f'{{{head},\n "statuses": {{\n{rows}\n }}\n}}\n'


def load(path: Path, run: Run) -> Checked:
    """What ``dump`` has written of this run. Raises RecordError, also where it is about another record."""
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
        statuses = {str(rule): tuple(map(int, found)) for rule, found in said["statuses"].items()}
        checked = Checked(str(said["record"]), str(said["when"]), statuses)
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}; name a file that chatproof lines --run wrote") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RecordError(f"{path}: not what chatproof lines --run writes; run the lines again") from None
    if checked.record != digest(run):
        raise RecordError(f"{path}: is about another record than {run.path}; run the lines again")
    return checked


# --- what a line may hold ---------------------------------------------------------------------------------------------

_WORD = r"""(?:[A-Za-z0-9@%_=:,./{}+\[\]-]+|'[^']*'|"'"|"[A-Za-z0-9 :-]*\$\{?[A-Z][A-Z0-9_]*\}?")+"""
"""A word as ``shlex.quote`` writes it, or one that ends with a variable."""

_ONE = re.compile(
    r"(?:printf %s [A-Za-z0-9+/=]* \| base64 -d \| )?"
    rf"curl -sS -X [A-Z]+ (?P<url>{_WORD})(?: (?:-H|--cacert|--data-binary) {_WORD})*"
)


def is_ours(text: str, endpoint: str) -> bool:
    """Whether a line holds nothing but requests to the endpoint, written as the suite writes them.

    A record may come from anywhere, and its lines are going to be run.
    """
    text = text.removesuffix(" & wait")
    place = 0
    while found := _ONE.match(text, place):
        words = shlex.split(found[0])
        bodies = [word for option, word in pairwise(words) if option == "--data-binary"]
        url = shlex.split(found["url"])[0]
        if not url.startswith(endpoint.rstrip("/")) or any(body[:1] == "@" and body != "@-" for body in bodies):
            return False  # curl sends the file that an @ names
        place = found.end()
        if place == len(text):
            return True
        if text[place : place + 3] not in (" ; ", " & "):
            return False
        place += 3
    return False
