"""The property moderation: a model that looks at what is asked and what is answered, and what follows from it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

MODEL = "omni-moderation-latest"
"""A moderation model of the original service."""

MODES = ("score", "block")
"""What a policy does with what is found."""

SIDES: tuple[str, ...] = ("input", "output")
"""What a policy is about."""


def moderation(**policy: Any) -> dict[str, Any]:
    """A valid value; with ``input`` or ``output`` it has a policy, whose values they are."""
    return {"model": MODEL, **({"policy": policy} if policy else {})}


def policies() -> SearchStrategy[dict[str, Any] | None]:
    """Valid policies that block nothing. Shrinks towards null."""
    side = st.sampled_from(({"mode": "score"}, None))
    return st.none() | st.fixed_dictionaries({}, optional=dict.fromkeys(SIDES, side))


def moderations() -> SearchStrategy[dict[str, Any]]:
    """Valid values that block nothing. Shrinks towards one with a model alone."""
    return st.just({"model": MODEL}) | policies().map(lambda policy: {"model": MODEL, "policy": policy})
