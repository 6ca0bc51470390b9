"""What a run says of a rule: its verdict, with the finding that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from .exchange import Exchange, Request
from .model import Strength, Symptom


class Verdict(StrEnum):
    """What became of a rule in one run (DESIGN: the verdict table)."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    INFO = "info"
    INCONSISTENT = "inconsistent"
    NOT_OFFERED = "not_offered"
    BLOCKED = "blocked"
    WAIVED = "waived"
    ERROR = "error"


class Capability(StrEnum):
    """What a gate found out about a feature."""

    OFFERED = "offered"
    REFUSED = "refused"
    IGNORED = "ignored"
    BROKEN = "broken"
    UNCLAIMED = "unclaimed"
    """Not asked: the profile leaves it out."""


@dataclass(frozen=True)
class Finding:
    """A proved violation: what was sent, why it is wrong, what came back, and how to send it again.

    ``steps`` are the requests that were compared, in their order, where the rule compares several.
    """

    symptom: Symptom
    why: str
    request: Request
    exchange: Exchange
    curl: str
    confirmed: str = "1/1"
    sightings: int = 1
    others: tuple[str, ...] = ()
    steps: tuple[Request, ...] = ()


@dataclass(frozen=True)
class Result:
    """The verdict on one rule, with what it cost.

    A rule about answers ``judged`` that many, ``judged_traffic`` of them answers to other rules' requests. ``tally`` is
    what its own requests said about rules about answers (tallies).
    """

    rule: str
    verdict: Verdict
    observed: str = ""
    blocked_by: str = ""
    requests: int = 0
    judged: int = 0
    judged_traffic: int = 0
    seconds: float = 0.0
    capability: Capability | None = None
    finding: Finding | None = None
    note: str = ""
    tally: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def with_(self, **changes: Any) -> Result:
        """A copy with some members replaced."""
        return replace(self, **changes)


OURS = "internal error"
"""Begins what is said of a fault of ours."""


def faulted(rule: str, error: Exception) -> Result:
    """The result of a rule that a fault of ours has kept from a verdict."""
    return Result(rule, Verdict.ERROR, note=f"{OURS}: {type(error).__name__}: {error}")


def upheld(strength: Strength) -> Verdict:
    """What a rule of this strength is that held: one that binds nobody only tells which way the server went."""
    return Verdict.INFO if strength is Strength.MAY else Verdict.PASSED


def weighed(strength: Strength, steady: bool, strict: bool) -> Verdict:
    """What a violation that is there every time (``steady``) or now and then makes of a rule of this strength."""
    if strength is Strength.MAY:
        return Verdict.INFO
    if strength is Strength.SHOULD and not strict:
        return Verdict.WARNING
    return Verdict.FAILED if steady else Verdict.INCONSISTENT
