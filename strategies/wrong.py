"""Values of the wrong JSON type."""

from __future__ import annotations

import operator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

JSON_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
"""The names of JSON Schema. ``integer`` is the part of ``number`` without a fraction."""

SAMPLES: dict[str, tuple[Any, ...]] = {
    "string": ("1", "true", ""),
    "number": (1.5, 0.5),
    "integer": (1, 0),
    "boolean": (True, False),
    "array": ([1], []),
    "object": ({},),
    "null": (None,),
}
"""Values a lax server takes for something else, by type, the most tempting first. Objects with members are the nonsense
that the gates of most properties ask."""

WRITTEN: dict[str, tuple[str, ...]] = {
    "integer": ("1", ""),
    "number": ("1", "0.5", ""),
    "boolean": ("true", "1", ""),
    "object": ("{}", '{"a": "b"}'),
    "array": ("[]", '["a"]'),
}
"""Texts that a server may read as what belongs there."""

WRAPPED: dict[str, Any] = {"boolean": True, "string": "auto", "integer": 1, "number": 1, "object": {}}
"""Good values by type: a lax server takes one out of an array that is alone in it."""

NUMBERED: tuple[Any, ...] = ({}, {"0": "a"})
"""Objects that a server may read as the array that belongs there."""

_keys = st.text(st.characters(max_codepoint=0x7F, categories=("L", "N")), min_size=1, max_size=5)
_drawn: dict[str, SearchStrategy[Any]] = {
    "string": st.integers(-99, 99).map(str) | st.sampled_from(["yes", "true", "null", "1.0", "a b"]),
    "number": st.builds(operator.add, st.integers(-9, 9), st.sampled_from([0.5, 0.25, 0.75])),
    "integer": st.integers(-99, 99),
    "boolean": st.booleans(),
    "array": st.lists(st.integers(0, 9) | st.booleans(), max_size=2),
    "object": st.dictionaries(_keys, st.integers(0, 9) | st.booleans(), max_size=2),
    "null": st.none(),
}


def wrong_types(*allowed: str) -> tuple[str, ...]:
    """The JSON types that are neither in ``allowed`` nor null (null has rules of its own)."""
    unknown = set(allowed) - set(JSON_TYPES)
    if unknown:
        raise ValueError(f"not a JSON type: {sorted(unknown)}; known are {JSON_TYPES}")
    taken = {"integer", *allowed} if "number" in allowed else set(allowed)
    return tuple(name for name in JSON_TYPES if name not in taken and name != "null")


def wrong_samples(*allowed: str) -> list[Any]:
    """Fixed values of every wrong type: first one of each type, then the further ones. The strings are such values as
    text."""
    strings = tuple(text for name in WRITTEN if name in allowed for text in WRITTEN[name])
    samples = dict(SAMPLES)
    if strings:
        samples["string"] = strings
    if "array" in allowed:
        samples["object"] = NUMBERED
    else:
        samples["array"] = ([WRAPPED[allowed[0]]], [])
    rows = [samples[name] for name in wrong_types(*allowed)]
    longest = max(map(len, rows))
    return [row[i] for i in range(longest) for row in rows if i < len(row)]


def wrong_type(*allowed: str) -> SearchStrategy[Any]:
    """A value whose JSON type is neither in ``allowed`` nor null. Shrinks towards a short string or a small number."""
    return st.one_of([_drawn[name] for name in wrong_types(*allowed)])
