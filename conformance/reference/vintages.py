"""The vintages of the contract that the reference server speaks, and what each changes.

A further vintage is one row: its limits, its checks, and what its replies say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .additions import plan_2026
from .answers import Reply, plan
from .faults import Check, Reason
from .limits import LIMITS, LIMITS_2026, Limits
from .validator import CHECKS, CHECKS_2026, reasons


@dataclass(frozen=True)
class Vintage:
    """What a server of one vintage enforces, in what order, and what its replies say."""

    limits: Limits
    checks: tuple[Check, ...]
    plan: Callable[[Mapping[str, Any], int], Reply]

    def reasons(self, body: object, models: Collection[str] | None = None) -> list[Reason]:
        """All reasons to refuse a parsed JSON body, as `validator.reasons` gives them."""
        return reasons(body, limits=self.limits, checks=self.checks, models=models)


VINTAGES: Mapping[str, Vintage] = MappingProxyType(
    {
        "2024-11": Vintage(LIMITS, CHECKS, plan),
        "2026-08": Vintage(LIMITS_2026, CHECKS_2026, plan_2026),
    }
)
#: The vintage of a server that names none.
DEFAULT = "2024-11"


def vintage(name: str) -> Vintage:
    """One vintage by name; `ValueError` names the known ones."""
    if name not in VINTAGES:
        raise ValueError(f"the reference server has no vintage {name!r}: known are {', '.join(VINTAGES)}")
    return VINTAGES[name]
