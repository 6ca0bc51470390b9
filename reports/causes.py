"""Findings with one cause, said once: a table of causes over record lines, and the order in which to mend things."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Line = Mapping[str, Any]

URGENCY = {
    "killed_server": "takes the server down",
    "crashed": "server faults",
    "disconnected": "server faults",
    "hung": "server faults",
    "refused_valid": "breaks clients",
    "malformed": "breaks clients",
    "wrong_content": "breaks clients",
    "wrong_status": "hides bugs",
    "accepted_invalid": "hides bugs",
}
"""What a symptom means for the users of a server, the most urgent first."""


@dataclass(frozen=True)
class Cause:
    """Findings that share a cause: ``says`` is a sentence, ``lines`` are theirs."""

    says: str
    lines: tuple[Line, ...]

    @property
    def urgency(self) -> str:
        """The most urgent consequence among the findings."""
        order = list(dict.fromkeys(URGENCY.values()))
        return min((URGENCY[line["finding"]["symptom"]] for line in self.lines), key=order.index)


def _symptom(line: Line, *symptoms: str) -> bool:
    return line["finding"]["symptom"] in symptoms


def _ignored(line: Line) -> bool:
    return line["rule"].startswith("gate.") and _symptom(line, "accepted_invalid")


def _disguised(line: Line) -> bool:
    return _symptom(line, "accepted_invalid") and "does not make it a refusal" in str(line["finding"]["why"])


def _without_effect(line: Line) -> bool:
    return line["rule"].startswith("gate.") and _symptom(line, "wrong_content")


def _loose_type(line: Line) -> bool:
    return line["rule"].endswith(".type.refuses") and _symptom(line, "accepted_invalid")


def _null_refused(line: Line) -> bool:
    return line["rule"].endswith(".null.accepts") and _symptom(line, "refused_valid")


def _unbounded(line: Line) -> bool:
    return line["rule"].endswith((".min.refuses", ".max.refuses")) and _symptom(line, "accepted_invalid")


_CAUSES: tuple[tuple[str, Callable[[Line], bool]], ...] = (
    ("errors are told with status 200", _disguised),
    ("properties that the server does not look at", _ignored),
    ("features that are accepted without effect", _without_effect),
    ("values of a wrong JSON type are taken", _loose_type),
    ("null is refused where it means absent", _null_refused),
    ("values beyond a bound are taken", _unbounded),
)
"""What a cause is called, and which findings are its."""


def causes(findings: Sequence[Line]) -> list[Cause]:
    """Findings by cause, the most urgent first: those of one row of the table, of one wrong status, of the same words,
    and each of the rest alone."""
    left = list(findings)
    found: list[Cause] = []

    def take(says: str, members: list[Line]) -> None:
        if len(members) > 1:
            found.append(Cause(f"{says}: {len(members)} rules", tuple(members)))
            for line in members:
                left.remove(line)

    for says, concerns in _CAUSES:
        take(says, [line for line in left if concerns(line)])
    for status in sorted({line["finding"]["status"] or 0 for line in left if _symptom(line, "wrong_status")}):
        same = [line for line in left if _symptom(line, "wrong_status") and line["finding"]["status"] == status]
        take(f"invalid requests are refused with {status}", same)
    alike: dict[tuple[str, str], list[Line]] = {}
    for line in left:
        alike.setdefault((URGENCY[line["finding"]["symptom"]], str(line["finding"]["why"])), []).append(line)
    for (_, why), members in list(alike.items()):
        take(why, members)
    found += [Cause(line["finding"]["why"], (line,)) for line in left]
    order = list(dict.fromkeys(URGENCY.values()))
    return sorted(found, key=lambda cause: (order.index(cause.urgency), -len(cause.lines)))
