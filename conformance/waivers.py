"""Waivers: known failures with a reason, an owner and an end, from a file that a person has reviewed (waiver_file).

A waiver speaks of a rule (or of several by a pattern with ``*``) and of how it fails. It takes the red off a finding
and nothing else: the rule still runs, and what the file says too much is told in remarks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ..strategies.json_values import is_object
from .model import Strength
from .record import cut, printable
from .results import Verdict

Line = Mapping[str, Any]

ANY = "*"
MOST = 5
"""Rules that one remark names before it counts the rest."""

WAIVABLE = (Verdict.FAILED.value, Verdict.INCONSISTENT.value, Verdict.WARNING.value)
"""Verdicts that a waiver turns into ``waived``."""

_ASKED = (*WAIVABLE, Verdict.WAIVED.value, Verdict.PASSED.value, Verdict.INFO.value)


@dataclass(frozen=True)
class Waiver:
    """One entry. ``rule``, ``model`` and ``vintage`` are patterns; ``expires`` is the last day on which it holds."""

    entry: int
    rule: str
    reason: str
    owner: str
    expires: date
    symptom: str = ""
    pattern: str = ""
    model: str = ANY
    vintage: str = ANY
    of: str = ""
    """Where it stands, if not in the file of ``--waivers``: "profile NAME"."""

    def covers(self, rule_id: str) -> bool:
        """Whether it speaks of that rule."""
        return matches(self.rule, rule_id)

    def speaks_of(self, model: str, vintage: str) -> bool:
        """Whether it is meant for runs against that model and vintage."""
        return matches(self.model, model) and matches(self.vintage, vintage)

    def fits(self, line: Line) -> bool:
        """Whether it speaks of the rule of a result line and of the way in which it failed."""
        finding = line.get("finding")
        return (
            is_object(finding)
            and self.covers(line["rule"])
            and self.symptom in ("", finding["symptom"])
            and (not self.pattern or re.search(self.pattern, finding["why"]) is not None)
        )

    @property
    def name(self) -> str:
        """How remarks call it."""
        where = f" of {self.of}" if self.of else ""
        return f"waiver {self.entry}{where} ({self.rule})"

    @property
    def says(self) -> str:
        """The failure that it speaks of, in words."""
        return " and ".join(filter(None, (self.symptom, self.pattern and f"a finding like {self.pattern!r}")))

    def told(self) -> dict[str, Any]:
        """What a finding that it covers says of it. JSON-safe; ``symptom`` is None where only ``pattern`` is given."""
        how = {"symptom": self.symptom or None} | ({"pattern": self.pattern} if self.pattern else {})
        return {
            "rule": self.rule,
            **how,
            "reason": self.reason,
            "owner": self.owner,
            "expires": self.expires.isoformat(),
        }

    def row(self) -> dict[str, Any]:
        """All of it, JSON-safe: what ``told`` says, and the ``when`` that is given."""
        when = {name: value for name, value in (("model", self.model), ("vintage", self.vintage)) if value != ANY}
        return self.told() | ({"when": when} if when else {})


@dataclass(frozen=True)
class Waivers:
    """The entries of a file in its order, of which the first that fits a finding holds.

    ``strengths`` are the known rules with their strengths; only ``allowed_at`` needs them. ``unknown`` are remarks on
    entries that name no known rule.
    """

    entries: tuple[Waiver, ...] = ()
    strengths: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Waivers) -> Waivers:
        """Both; where two fit, the one of the first."""
        return Waivers(
            self.entries + other.entries, {**self.strengths, **other.strengths}, self.unknown + other.unknown
        )

    def apply(self, line: dict[str, Any], model: str, vintage: str, today: date) -> dict[str, Any]:
        """The line with the verdict ``waived`` where an unexpired waiver fits its finding, else the line itself."""
        if line["verdict"] not in WAIVABLE:
            return line
        for waiver in self.entries:
            if today <= waiver.expires and waiver.speaks_of(model, vintage) and waiver.fits(line):
                finding = {**line["finding"], "waiver": waiver.told()}
                return {**line, "verdict": Verdict.WAIVED.value, "finding": finding}
        return line

    def remarks(self, lines: Iterable[Line], model: str, vintage: str, today: date) -> list[str]:
        """What the waivers say too much, a sentence each: the rule holds, fails otherwise, is not known, or the waiver
        has expired.

        ``lines`` are the result lines of a run, before or after ``apply``. Rules that were not asked are not spoken of.
        """
        here = [waiver for waiver in self.entries if waiver.speaks_of(model, vintage)]
        asked = sorted((line for line in lines if line["verdict"] in _ASKED), key=lambda line: line["rule"])
        said = (_remark(waiver, here, asked, today) for waiver in here)
        return [printable(remark) for remark in (*self.unknown, *said) if remark]

    def header(self) -> list[dict[str, Any]]:
        """The entries for the header of a record, JSON-safe; ``restored`` reads them back."""
        return [waiver.row() for waiver in self.entries]

    def allowed_at(self, depth: str) -> str | None:
        """Why a run of that depth cannot have these waivers; None where it can. A certificate hides no *must*."""
        if depth != "certify":
            return None
        for waiver in self.entries:
            for rule, strength in self.strengths.items():
                if strength == Strength.MUST and waiver.covers(rule):
                    return printable(
                        f"{waiver.name} covers {rule}, which is a must: --depth certify has no such waivers;"
                        " take it out or run at another depth"
                    )
        return None


def restored(rows: Iterable[Mapping[str, Any]]) -> Waivers:
    """The waivers of ``Waivers.header()``, for a worker; without the strengths of rules."""
    return Waivers(
        tuple(
            Waiver(
                entry,
                row["rule"],
                row["reason"],
                row["owner"],
                date.fromisoformat(row["expires"]),
                row["symptom"] or "",
                row.get("pattern", ""),
                row.get("when", {}).get("model", ANY),
                row.get("when", {}).get("vintage", ANY),
            )
            for entry, row in enumerate(rows, 1)
        )
    )


def _remark(waiver: Waiver, here: Sequence[Waiver], asked: Sequence[Line], today: date) -> str:
    covered = [line for line in asked if waiver.covers(line["rule"])]
    fitting = [line for line in covered if waiver.fits(line)]
    unlike = [line for line in covered if "finding" in line and not any(other.fits(line) for other in here)]
    if fitting:
        in_force = [other for other in here if today <= other.expires]
        still = [line for line in fitting if not any(other.fits(line) for other in in_force)]
        if not still:
            return ""
        many = "still fails" if len(still) == 1 else "still fail"
        return (
            f"{waiver.name} expired on {waiver.expires} and {_names(still)} {many}:"
            f" mend it or renew the waiver (owner {waiver.owner})"
        )
    if unlike:
        finding = unlike[0]["finding"]
        why = cut(finding["why"], 200)
        return f"{waiver.name} waives {waiver.says}, but {_names(unlike)} failed otherwise: {finding['symptom']}: {why}"
    if any("finding" in line for line in covered):
        return ""  # another waiver speaks of the way in which it fails
    passed = [line for line in covered if line["verdict"] == Verdict.PASSED.value]
    if passed:
        return f"{waiver.name} is not needed: {_names(passed)} passed; take it out"
    if covered:
        return f"{waiver.name} waives nothing: {_names(covered)} came to info only; take it out"
    return ""


def _names(lines: Sequence[Line]) -> str:
    shown = ", ".join(line["rule"] for line in lines[:MOST])
    return shown if len(lines) <= MOST else f"{shown} and {len(lines) - MOST} more"


def matches(pattern: str, text: str) -> bool:
    """Whether a text is what the pattern says, where ``*`` stands for anything and nothing else is special."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)
