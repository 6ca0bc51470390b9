"""What a conforming dialect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One server that conforms to its ``vintage``, and the *should* rules (patterns) that it may be warned about."""

    name: str
    warnings: frozenset[str] = frozenset()
    server: Reference = field(default_factory=Reference)
    around: Callable[[ASGIApp], ASGIApp] | None = None
    vintage: str = FIRST
