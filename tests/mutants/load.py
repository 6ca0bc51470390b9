"""Servers whose fault only several requests at once, or now and then one, show."""

from __future__ import annotations

from .base import Mutant

MUTANTS: list[Mutant] = []
