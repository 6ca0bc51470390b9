"""How much a model thinks and says: the words of reasoning_effort and verbosity."""

from __future__ import annotations

EFFORTS = ("low", "medium", "high")
"""Efforts that came with the property."""

LATER_EFFORTS = ("none", "minimal", "xhigh", "max")
"""Efforts that came one by one after it; models differ in which of them they know."""

VERBOSITIES = ("low", "medium", "high")
"""All values of verbosity."""
