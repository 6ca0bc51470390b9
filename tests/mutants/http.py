"""Servers that read HTTP or JSON wrongly, or answer refusals with a wrong status."""

from __future__ import annotations

from .base import Mutant

MUTANTS: list[Mutant] = []
