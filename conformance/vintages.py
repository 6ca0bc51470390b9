"""The vintages of the specification in their order: the one table that everything else reads. Imports nothing heavy.

How a further one is added stands in VINTAGES.md beside this file.
"""

from __future__ import annotations

VINTAGES = ("2024-11", "2026-08")
"""Known vintages, oldest first."""

FIRST = VINTAGES[0]
"""The oldest one, which is also what a run asks by default."""


def known(vintage: str) -> int:
    """Its place in the order; ``ValueError`` names the known ones."""
    if vintage not in VINTAGES:
        raise ValueError(f"unknown vintage {vintage!r}: known are {', '.join(VINTAGES)}")
    return VINTAGES.index(vintage)


def before(vintage: str) -> str:
    """The last vintage that is older; ``ValueError`` for the oldest."""
    place = known(vintage)
    if place == 0:
        raise ValueError(f"no vintage is older than {vintage}")
    return VINTAGES[place - 1]


def up_to(vintage: str) -> tuple[str, ...]:
    """This vintage and all older ones, oldest first."""
    return VINTAGES[: known(vintage) + 1]


def holds(vintage: str, since: str, until: str | None) -> bool:
    """Whether what came with ``since`` and went after ``until`` (None: never) is in force in a vintage."""
    return known(since) <= known(vintage) and (until is None or known(vintage) <= known(until))
