"""Whole request bodies: the lean one every rule starts from, and rich random ones."""

from __future__ import annotations

from typing import Any

MODEL = "chatproof-model"
"""Stands for the endpoint's model in every body; whoever sends a body puts the real name in."""

PROMPT = "Say hi."
"""Text of the one user message of a lean body."""


def lean(**properties: Any) -> dict[str, Any]:
    """The smallest valid request body (one user message) with ``properties`` added or replaced."""
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], **properties}
