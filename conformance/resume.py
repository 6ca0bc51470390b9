"""Continues the record of a run that was cut short: what is finished is not asked again.

A rule is finished when its line is in the record and does not say that it was not asked. What its answers said about
the rules about answers is in its line as well (tallies), so the end has the verdicts of an unbroken run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..reports.jsonl import NAME
from ..reports.reading import RecordError, read
from . import tallies
from .results import Capability, Verdict
from .target import Target, split_url

if TYPE_CHECKING:
    from .session import Session

FREE = ("in_flight",)
"""Settings that may change: they shape no request."""


class ResumeError(ValueError):
    """The record cannot be continued; the message is one line that names what differs and the mend."""


@dataclass
class Earlier:
    """What a record holds of a run: its header, the lines of finished rules, and what was sent for them."""

    header: Mapping[str, Any]
    lines: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    requests: int = 0
    tokens: int = 0
    seconds: float = 0.0

    @property
    def capabilities(self) -> dict[str, Capability]:
        """What the finished gates found."""
        found = {
            name.removeprefix("gate."): line["capability"]
            for name, line in self.lines.items()
            if line.get("capability") is not None
        }
        return {name: Capability(value) for name, value in found.items()}


def load(folder: Path) -> Earlier | None:
    """The run to continue, or None where none was begun. Raises ResumeError for what cannot be read."""
    path = folder / NAME
    if not path.exists() or not path.stat().st_size:
        return None
    try:
        run = read(path)
    except RecordError as error:
        raise ResumeError(str(error)) from None
    earlier = Earlier(run.header)
    # of the traffic of a run that was killed only what its lines tell is known; a footer tells all before it
    for row in path.read_text(encoding="utf-8", errors="replace").split("\n")[1:]:
        try:
            line = json.loads(row)
        except ValueError:
            continue  # the torn end
        if line.get("kind") == "footer":
            earlier.requests, earlier.seconds = line["requests"], line["seconds"]
            earlier.tokens = line.get("tokens") or 0
        elif line.get("kind") == "result":
            earlier.requests += line.get("requests", 0)
            earlier.lines[line["rule"]] = line
    errors = [name for name, line in earlier.lines.items() if line["verdict"] == Verdict.ERROR.value]
    for name in errors:
        del earlier.lines[name]
    return earlier


def check(earlier: Earlier, session: Session) -> None:
    """Raise ResumeError where the record is of another run than the one that begins, before anything is sent."""
    from .target import REFERENCE

    header, catalogue = earlier.header, session.catalogue
    settings = json.loads(json.dumps(asdict(session.settings)))
    recorded = header.get("settings", {})
    pairs: list[tuple[str, object, object]] = [
        ("vintage", header["vintage"], session.settings.vintage),
        ("catalogue", header.get("catalogue"), catalogue.hash),
        ("profile", header.get("profile"), session.profile.name),
        ("claim of the profile", header.get("claims"), session.profile.header() if session.profile.digest else None),
        *(
            (f"setting {name!r}", recorded.get(name), value)
            for name, value in settings.items()
            if name not in FREE and name in recorded
        ),
        ("waivers", header.get("waivers", []), session.waivers.header()),
        ("shard", header.get("shard"), session.shard.told() if session.shard else None),
    ]
    embedded = session.endpoint == REFERENCE
    if embedded or header.get("embedded"):
        pairs.append(("endpoint", _name(header), REFERENCE if embedded else session.endpoint))
    elif header["endpoint"] not in (bases := split_url(session.endpoint)[0]):
        pairs.append(("endpoint", header["endpoint"], bases[0]))
    if session.model is not None:
        pairs.append(("model", header["model"], session.model))
    _refuse(pairs)
    unknown = [name for name in earlier.lines if name not in catalogue.by_id]
    broken = [name for name, line in earlier.lines.items() if not tallies.holds(line, catalogue.answers)]
    if unknown or broken:
        raise ResumeError(f"the line of {(unknown + broken)[0]} is not of this catalogue; the record was edited")


def check_target(earlier: Earlier, target: Target, *, embedded: bool) -> None:
    """The same for the endpoint and the model as they were found."""
    pairs: list[tuple[str, object, object]] = [("model", earlier.header["model"], target.model)]
    if not embedded:
        pairs.append(("endpoint", earlier.header["endpoint"], target.base))
    _refuse(pairs)


def _name(header: Mapping[str, Any]) -> object:
    return "reference" if header.get("embedded") else header["endpoint"]


def _refuse(pairs: list[tuple[str, object, object]]) -> None:
    for name, recorded, asked in pairs:
        if recorded != asked:
            shown = (
                ""
                if name in ("waivers", "catalogue", "claim of the profile")
                else f" ({recorded} in the record, {asked} now)"
            )
            raise ResumeError(f"the record is of a run with another {name}{shown}; begin anew without --resume")
