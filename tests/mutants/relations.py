"""Servers that treat requests that mean the same differently."""

from __future__ import annotations

from .base import Mutant

MUTANTS: list[Mutant] = []
