"""Findings with one cause, said once: a table of causes over record lines, and the order in which to mend things."""

from __future__ import annotations

import fnmatch
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


@dataclass(frozen=True)
class Kind:
    """Findings whose rules fit a pattern, of one symptom (empty: of any)."""

    says: str
    symptom: str
    patterns: tuple[str, ...]

    def concerns(self, line: Line) -> bool:
        """Whether a finding is one of them."""
        fits = any(fnmatch.fnmatchcase(line["rule"], pattern) for pattern in self.patterns)
        return fits and (not self.symptom or _symptom(line, self.symptom))


_TAKEN = "accepted_invalid"

KINDS = tuple(
    Kind(says, symptom, tuple(patterns.split()))
    for says, symptom, patterns in (
        ("values of a wrong JSON type are taken", _TAKEN, "*.type.refuses *.item.refuses *.object.refuses"),
        ("null is refused where it means absent", "refused_valid", "*.null.accepts"),
        ("values beyond a bound are taken", _TAKEN, "*.min.refuses *.max.refuses *.range.refuses"),
        (
            "required members may be missing",
            _TAKEN,
            "*.required.refuses content.assistant.optional.refuses *.shape.refuses",
        ),
        ("strict schemas are not held to their subset", _TAKEN, "fn.strict.* response_format.strict.*"),
        ("lengths and patterns are not checked", _TAKEN, "*.maxlen.refuses *.pattern.refuses *.name.refuses"),
        ("words outside a set are taken", _TAKEN, "*.enum.refuses *.detail.refuses *.format.refuses"),
        ("parts are taken in roles where they do not belong", _TAKEN, "part.*.role.refuses part.*.tool.refuses"),
        ("the older form is taken for the newer, or the newer for the older", _TAKEN, "*.form.refuses *.flat.refuses"),
        (
            "what belongs together is not held together",
            _TAKEN,
            "*.needs.refuses *.needs.*.refuses *.both.refuses *.answered.refuses *.preceded.refuses",
        ),
        ("JSON is read loosely", _TAKEN, "http.json*.refuses http.body.empty.refuses"),
        (
            "members that may be null are left out",
            "",
            "res.choice.logprobs res.*.null res.logprobs.refusal sse.usage.on.null sse.choice.finish_reason"
            " sse.logprobs.keys err.keys.param err.keys.code",
        ),
        ("the token bound is not kept", "wrong_content", "ef.maxtokens* ef.length* mm.alias.bound"),
    )
)
"""What a cause is called, and which findings are its."""


def _crash(*endings: str) -> Callable[[Line], bool]:
    return lambda line: line["rule"].endswith(endings) and _symptom(line, "crashed")


_CAUSES: tuple[tuple[str, Callable[[Line], bool]], ...] = (
    ("errors are told with status 200", _disguised),
    ("properties that the server does not look at", _ignored),
    ("features that are accepted without effect", _without_effect),
    *((kind.says, kind.concerns) for kind in KINDS),
)


def _plain_rule(line: Line) -> str:
    """The rule that asks the same of plain answers."""
    return line["rule"].removesuffix(".stream")


def _streamed(line: Line) -> str:
    return f"{line['finding']['why']}, with and without a stream"


def _fault(line: Line) -> tuple[str, str] | None:
    """What crashes and drops of one property have in common."""
    faults = ("crashed", "disconnected", "hung", "killed_server")
    return (line.get("property", ""), line["finding"]["symptom"]) if _symptom(line, *faults) else None


def _faults(line: Line) -> str:
    about = f" on {line['property']}" if line.get("property") else ""
    return f"{line['finding']['why']}{about}"


HABIT = 10
"""Server faults from which on they are what a server makes of errors, and not faults of one property or another."""

_HABITS = (
    ("invalid requests are answered with a server error", _crash(".refuses")),
    ("valid requests are answered with a server error", _crash(".accepts")),
)


def causes(findings: Sequence[Line]) -> list[Cause]:
    """Findings by cause, the urgent first: two or more of one row of the table, of one wrong status, of one rule with
    and without a stream, server faults of one property, or of the same words; the rest alone.
    """
    left = list(findings)
    found: list[Cause] = []

    def take(says: str, members: list[Line]) -> None:
        if len(members) > 1:
            found.append(Cause(f"{says}: {len(members)} rules", tuple(members)))
            for line in members:
                left.remove(line)

    for says, concerns in _HABITS:
        same = [line for line in left if concerns(line)]
        if len(same) >= HABIT:
            take(says, same)
    for says, concerns in _CAUSES:
        take(says, [line for line in left if concerns(line)])
    for status in sorted({line["finding"]["status"] or 0 for line in left if _symptom(line, "wrong_status")}):
        same = [line for line in left if _symptom(line, "wrong_status") and line["finding"]["status"] == status]
        take(f"invalid requests are refused with {status}", same)
    for says, key in ((_streamed, _plain_rule), (_faults, _fault)):
        groups: dict[object, list[Line]] = {}
        for line in left:
            groups.setdefault(key(line), []).append(line)
        for name, same in groups.items():
            if name is not None:
                take(says(same[0]), same)
    alike: dict[tuple[str, str], list[Line]] = {}
    for line in left:
        alike.setdefault((URGENCY[line["finding"]["symptom"]], str(line["finding"]["why"])), []).append(line)
    for (_, why), members in list(alike.items()):
        take(why, members)
    found += [Cause(line["finding"]["why"], (line,)) for line in left]
    order = list(dict.fromkeys(URGENCY.values()))
    return sorted(found, key=lambda cause: (order.index(cause.urgency), -len(cause.lines)))
