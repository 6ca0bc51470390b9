"""What a value breaks of a strict schema, and of which schemas nothing is said."""

from __future__ import annotations

from typing import Any

import pytest
from chatproof.conformance.rules.answer_forms import QUOTED
from chatproof.conformance.rules.effect_formats import KEYWORDS
from chatproof.conformance.rules.schema_fit import misfit
from chatproof.strategies import instances, strict_schemas
from hypothesis import given
from hypothesis import strategies as st

EMPTY: dict[str, Any] = {"mark": QUOTED, "rank": 0, "walled": False, "motto": ""}
GOOD: dict[str, Any] = {
    "enum": EMPTY | {"mood": "sad"},
    "number": {"head_count": 7, "größe": 0.5, "isCapital": True},
    "array": {"cities": ["Paris", "Rome"], "floors": [2, None]},
    "nested": {"name": "Paris", "place": {"spot": {"lat": 48.9, "lon": 2}}},
    "ref": {"place": {"lat": 48.9, "lon": 2.3}, "mood": "sad"},
    "anyof": {"note": None, "floor": 2},
}
BAD: dict[str, tuple[tuple[Any, str], ...]] = {
    "enum": (
        (EMPTY | {"mood": "Sad"}, "$.mood breaks enum"),
        (EMPTY | {"mood": "sad", "rank": 1}, "$.rank breaks enum"),
        ({"mood": "sad", "mark": QUOTED}, "$ breaks required"),
    ),
    "number": (
        ({"head_count": "7", "größe": 0.5, "isCapital": True}, "$.head_count breaks type"),
        ({"head_count": 7, "größe": 0.5, "isCapital": 1}, "$.isCapital breaks type"),
        ({"head_count": True, "größe": 1, "isCapital": True}, "$.head_count breaks type"),
        ({"headCount": 7, "größe": 1, "isCapital": True}, "$ breaks required"),
    ),
    "array": (
        ({"cities": "Paris", "floors": []}, "$.cities breaks type"),
        ({"cities": ["Paris", 1], "floors": []}, "$.cities[1] breaks type"),
        ({"cities": [], "floors": [1, "2"]}, "$.floors[1] breaks anyOf"),
    ),
    "nested": (
        ({"name": "Paris", "place": {"lat": 1}}, "$.place breaks required"),
        ({"name": "Paris", "place": {"spot": {"lat": 1}}}, "$.place.spot breaks required"),
        ({"name": "Paris", "place": {"spot": "{}"}}, "$.place.spot breaks type"),
    ),
    "ref": (
        ({"place": {"lat": 1, "lon": 2, "alt": 3}, "mood": "sad"}, "$.place breaks additionalProperties"),
        ({"place": {"lat": 1, "lon": 2}, "mood": "Sad"}, "$.mood breaks enum"),
    ),
    "anyof": (
        ({"note": "7", "floor": 2}, "$.note breaks anyOf"),
        ({"note": None, "floor": "null"}, "$.floor breaks type"),
    ),
}


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_each_keyword_is_held(keyword: str) -> None:
    _, schema = KEYWORDS[keyword]
    assert misfit(GOOD[keyword], schema) is None
    for value, why in BAD[keyword]:
        assert misfit(value, schema) == why


@given(st.data())
def test_what_satisfies_a_strict_schema_is_let_pass(data: st.DataObject) -> None:
    schema = data.draw(strict_schemas())
    assert misfit(data.draw(instances(schema)), schema) is None


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "object",
        {"type": "string", "pattern": "^a"},
        {"type": "object", "properties": {"a": {"type": "string", "minLength": 9}}},
        {"$ref": "http://127.0.0.1:9/schema"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#"},
        {"type": 7},
    ],
)
def test_of_other_schemas_nothing_is_said(schema: Any) -> None:
    assert misfit(7, schema) is None
