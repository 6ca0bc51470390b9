"""Structured outputs with strict: the subset of JSON Schema (fact base §1.10)."""

from __future__ import annotations

from typing import Any

from ...strategies import json_schemas
from ...strategies.json_schemas import Schema
from .format_bodies import CITY, DEEP, OPEN, drawn, formats, structured
from .forms import accepts, changed, contested, observed, observes, refuses, since

_P = "response_format"
_SUBSET = observed("response_format: the strict subset of JSON Schema")


def _strict(properties: Schema, **more: Any) -> Schema:
    """A closed object that requires all of its properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def _nested(levels: int) -> Schema:
    """Strict objects nested so many levels deep."""
    schema = CITY
    for _ in range(levels - 1):
        schema = _strict({"a": schema})
    return schema


RULES = [
    accepts(
        "response_format.strict.additional",
        _P,
        "accepts strict schemas whose objects are all closed",
        _SUBSET,
        formats(structured(strict=True), structured(strict=True, schema=DEEP)),
        examples=drawn("schema", json_schemas.strict_schemas(), strict=True),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.additional",
        _P,
        "refuses a strict schema with an object that is not closed",
        _SUBSET,
        formats(
            *(
                structured(strict=True, schema=schema)
                for schema in (
                    OPEN,
                    {**CITY, "additionalProperties": True},
                    _strict({"place": OPEN}),
                    _strict({"list": {"type": "array", "items": OPEN}}),
                )
            )
        ),
        examples=drawn("schema", json_schemas.open_schemas(), strict=True),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.strict.required",
        _P,
        "accepts strict schemas whose properties are all required",
        _SUBSET,
        formats(structured(strict=True, schema=_strict({"city": {"type": "string"}, "days": {"type": "integer"}}))),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.required",
        _P,
        "refuses a strict schema with a property that is not required",
        _SUBSET,
        formats(
            *(
                structured(strict=True, schema=schema)
                for schema in (
                    _strict({"city": {"type": "string"}, "days": {"type": "integer"}}, required=["city"]),
                    _strict({"place": _strict({"a": {"type": "string"}, "b": {"type": "string"}}, required=["b"])}),
                )
            )
        ),
        examples=drawn("schema", json_schemas.partly_required_schemas(), strict=True),
        needs=["json_schema"],
    ),
    accepts(
        "response_format.strict.root",
        _P,
        "accepts strict schemas whose root is an object",
        _SUBSET,
        formats(structured(strict=True)),
        needs=["json_schema"],
    ),
    refuses(
        "response_format.strict.root",
        _P,
        "refuses a strict schema whose root is not an object",
        _SUBSET,
        formats(
            *(
                structured(strict=True, schema=schema)
                for schema in (
                    {"type": "array", "items": {"type": "string"}},
                    {"anyOf": [CITY, _strict({"days": {"type": "integer"}})]},
                    {"type": "string"},
                )
            )
        ),
        examples=drawn("schema", json_schemas.other_roots(), strict=True),
        needs=["json_schema"],
    ),
    observes(
        "response_format.strict.limits",
        _P,
        "accepts strict schemas five levels deep and with 100 properties",
        contested("response_format: limits of strict schemas are in a guide and have moved"),
        formats(
            structured(strict=True, schema=_nested(5)),
            structured(strict=True, schema=_strict({f"p{i}": {"type": "integer"} for i in range(100)})),
        ),
        needs=["json_schema"],
    ),
    *changed(
        "2026-08",
        observes(
            "response_format.strict.keywords",
            _P,
            "refuses keywords outside the strict subset",
            contested("response_format: keywords of strict schemas are in a guide and have moved"),
            formats(
                structured(strict=True, schema=_strict({"city": {"allOf": [{"type": "string"}]}})),
                structured(strict=True, schema=_strict({"city": {"type": "string", "minLength": 1}})),
            ),
            needs=["json_schema"],
        ),
        pins=tuple(
            formats(
                *(
                    structured(strict=True, schema=_strict({"city": odd}))
                    for odd in ({"allOf": [{"type": "string"}]}, {"not": {"type": "integer"}})
                )
            )
        ),
    ),
    *since(
        "2026-08",
        observes(
            "response_format.strict.keywords.later",
            _P,
            "accepts patterns, ranges and array lengths in strict schemas",
            contested("response_format: keywords of strict schemas are in a guide and have moved"),
            formats(
                *(
                    structured(strict=True, schema=_strict({"value": more}))
                    for more in (
                        {"type": "string", "pattern": "^[a-z]+$"},
                        {"type": "integer", "minimum": 0, "maximum": 9},
                        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
                    )
                )
            ),
            needs=["json_schema"],
        ),
    ),
]
