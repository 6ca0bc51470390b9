"""Servers whose answers show no effect, or a wrong one, of what was asked."""

from __future__ import annotations

from .base import Mutant

MUTANTS: list[Mutant] = []
