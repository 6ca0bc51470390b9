"""Small JSON Schemas as parameters of functions and as response formats, and values that satisfy them.

What is drawn has only keywords that every vintage and every engine reads alike: type, properties, required,
additionalProperties, items, enum and description. Property names are plain identifiers and every object says its
properties, since some servers refuse anything else for a reason of their own. ``documents`` alone has more.
"""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis_jsonschema import from_schema  # pyright: ignore[reportUnknownVariableType]  its types are not whole

from .json_values import is_object

Schema = dict[str, Any]

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_SCALARS = ("string", "integer", "number", "boolean")
_words = st.text(_LOWER, min_size=1, max_size=6)
_LIKE_KEYWORDS = (
    *("type", "properties", "items", "required", "enum", "default"),
    *("title", "description", "format", "pattern", "name", "arguments"),
)
"""Names of properties that a careless reader of schemas, or of calls, takes for its own."""

_property_names = st.builds(str.__add__, st.sampled_from(_LOWER), st.text(_LOWER + "0123456789_", max_size=6))
_any_names = st.one_of(_property_names, _property_names, st.sampled_from(_LIKE_KEYWORDS))


def _described(schema: SearchStrategy[Schema]) -> SearchStrategy[Schema]:
    """The same schemas, some with a description. Shrinks towards none."""

    def described(inner: Schema, text: str) -> Schema:
        return {**inner, "description": text}

    return st.one_of(schema, st.builds(described, schema, _words))


def _leaves() -> SearchStrategy[Schema]:
    """Scalars and string enums. Shrinks towards a string."""
    scalar = st.sampled_from(_SCALARS).map(lambda name: {"type": name})
    enum = st.lists(_words, min_size=1, max_size=3, unique=True).map(lambda words: {"type": "string", "enum": words})
    return _described(scalar | enum)


@st.composite
def _objects(
    draw: st.DrawFn,
    inner: SearchStrategy[Schema],
    *,
    strict: bool,
    min_properties: int = 1,
    named: SearchStrategy[str] = _property_names,
) -> Schema:
    """Objects whose properties are drawn from ``inner``. Shrinks towards few properties, all optional unless strict."""
    names = draw(st.lists(named, min_size=min_properties, max_size=3, unique=True))
    schema: Schema = {"type": "object", "properties": {name: draw(inner) for name in names}}
    required = names if strict else [name for name in names if draw(st.booleans())]
    if required:  # an empty list is invalid in the oldest drafts
        schema["required"] = required
    if strict or draw(st.booleans()):
        schema["additionalProperties"] = False
    return schema


@cache
def _nested(*, strict: bool) -> SearchStrategy[Schema]:
    """Schemas up to two levels deep. Shrinks towards a string."""
    leaves = _leaves()
    objects = _objects(leaves, strict=strict)
    arrays = (leaves | objects).map(lambda items: {"type": "array", "items": items})
    return st.one_of(leaves, arrays, objects)


@cache
def parameters(min_properties: int = 0) -> SearchStrategy[Schema]:
    """Valid parameters of a function: a root object of scalars, enums, arrays and nested objects, at most three deep.

    Shrinks towards an object with few string properties, none required.
    """
    return _objects(_nested(strict=False), strict=False, min_properties=min_properties)


@cache
def strict_schemas() -> SearchStrategy[Schema]:
    """Schemas that ``strict: true`` takes: every object is closed and requires all of its properties (at least one).

    Shrinks towards an object with one string property.
    """
    return _objects(_nested(strict=True), strict=True)


_NULL: Schema = {"type": "null"}

ORDINARY: tuple[Schema, ...] = (
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "string"}, _NULL], "default": None},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "string", "const": "x"},
    {"enum": ["a", 1, 1.5, True, None]},
    {"type": "string", "enum": ['"', "\\", "{x}", "%s", "a|b", "ü🛑"]},
    {"type": "string", "format": "date-time", "nullable": True},
    {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
    {"type": "number", "minimum": -0.5, "exclusiveMaximum": 9},
    {"type": "array", "items": {"type": ["integer", "null"]}, "maxItems": 3},
    {"type": "object", "additionalProperties": {"type": "string"}},
    {},
)
"""Schemas of properties as the libraries of clients write them, each with another keyword."""

LESS_USUAL: tuple[Schema, ...] = (
    {"allOf": [{"type": "string"}], "description": "One of all."},
    {"const": 7},
    {"type": "integer", "enum": [1, 2, 3], "default": 2},
    {"type": "string", "title": "City", "examples": ["Paris", None], "deprecated": True},
    {"type": "string", "format": "no-such-format", "readOnly": True},
    {"type": "string", "minLength": 1, "maxLength": 8},
    {"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 3},
    {"type": "array", "items": {}, "minItems": 1, "uniqueItems": True},
    {"type": "object", "properties": {}, "additionalProperties": True},
    {"description": "Anything."},
)
"""More of them, drawn only."""

_REFERRED = {"$ref": "#/$defs/Place"}

WRITTEN: Schema = {
    "title": "Parameters",
    "type": "object",
    "properties": {
        **dict(zip(_LIKE_KEYWORDS, ORDINARY, strict=True)),
        "place": _REFERRED,
        "places": {"type": "array", "items": _REFERRED},
    },
    "required": ["type", "place"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"lat": {"type": "number"}}}},
}
"""Parameters with all of ``ORDINARY``, and with a definition that they refer to."""

_NODE: Schema = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/Node"}, _NULL]}},
}
_FEW_SIGNS = {"pattern": "^[^ ]*$"}

RARE: tuple[Schema, ...] = (
    {
        "type": "object",
        "properties": {
            "größe": {"type": "string"},
            "a b": {"type": "string"},
            "a.b/c~d": {"type": "string"},
            "$ref": {"type": "string"},
            "type": {"type": "string"},
            "properties": {"type": "object", "properties": {"required": {"type": "boolean"}}},
            "anything": True,
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
            "some": {"type": "array", "contains": {"type": "integer"}, "minContains": 1},
            "code": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
            "no": {"not": {"type": "string"}},
            "old": {"$ref": "#/definitions/Old"},
        },
        "definitions": {"Old": {"type": "string"}},
        "patternProperties": {"^x-": {"type": "string"}},
        "propertyNames": _FEW_SIGNS,
        "minProperties": 0,
        "dependentRequired": {"code": ["no"]},
        "if": {"required": ["code"]},
        "then": {"required": ["pair"]},
        "else": {},
        "$comment": "Rare.",
    },
    {"type": "object", "properties": {"first": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": _NODE}},
    {"type": "object", "properties": {"me": {"$ref": "#"}}},
)
"""Parameters with keywords that few clients write: rare ones, and two that refer to themselves."""


@cache
def documents() -> SearchStrategy[Schema]:
    """Parameters in which ordinary schemas of properties stand at any depth. Shrinks as ``parameters`` does."""
    leaves = _leaves() | st.sampled_from(ORDINARY) | st.sampled_from(LESS_USUAL)
    objects = _objects(leaves, strict=False, named=_any_names)
    arrays = (leaves | objects).map(lambda items: {"type": "array", "items": items})
    return _objects(st.one_of(leaves, arrays, objects), strict=False, named=_any_names)


def deep(levels: int) -> Schema:
    """Objects within objects, so many levels."""
    schema: Schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    for _ in range(levels - 1):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def objects_in(schema: Any) -> list[Schema]:
    """Every object schema within ``schema``, itself included, outermost first."""
    if not is_object(schema):
        return []
    here = [schema] if schema.get("type") == "object" else []
    below = [*schema.get("properties", {}).values(), schema.get("items")]
    return here + [found for part in below for found in objects_in(part)]


@st.composite
def open_schemas(draw: st.DrawFn) -> Schema:
    """Strict schemas with one fault: one object, at any depth, does not say ``additionalProperties: false``.

    Shrinks towards the root object without the keyword.
    """
    schema = copy.deepcopy(draw(strict_schemas()))
    target = draw(st.sampled_from(objects_in(schema)))
    if draw(st.booleans()):
        target["additionalProperties"] = True
    else:
        del target["additionalProperties"]
    return schema


@st.composite
def partly_required_schemas(draw: st.DrawFn) -> Schema:
    """Strict schemas with one fault: one property, at any depth, is missing from ``required``.

    Shrinks towards a root object whose only property is not required.
    """
    schema = copy.deepcopy(draw(strict_schemas()))
    target = draw(st.sampled_from(objects_in(schema)))
    left_out = draw(st.sampled_from(target["required"]))
    target["required"] = [name for name in target["required"] if name != left_out]
    if not target["required"]:
        del target["required"]
    return schema


def other_roots() -> SearchStrategy[Schema]:
    """Valid schemas whose root is not an object. Shrinks towards a string."""
    return st.one_of(_leaves(), _leaves().map(lambda items: {"type": "array", "items": items}))


def instances(schema: Schema) -> SearchStrategy[Any]:
    """JSON values that satisfy ``schema`` (any JSON Schema), without NUL characters and surrogates.

    Building the strategy costs some 20 ms: do it once per schema where that matters.
    Shrinks towards small values, as hypothesis-jsonschema does.
    """
    # codec="utf-8" would leave out the surrogates, at the price of seconds and 200 MB where Hypothesis has no cache
    return from_schema(schema, allow_x00=False, codec=None).filter(_encodable)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _closed(schema: Any) -> Any:
    """``schema`` with every object that names its properties limited to them."""
    closed = copy.deepcopy(schema)
    for found in objects_in(closed):
        if "properties" in found:
            found["additionalProperties"] = False
    return closed


def arguments(schema: Schema) -> SearchStrategy[str]:
    """JSON texts of arguments that satisfy a function's parameters and hold declared properties only.

    Shrinks towards the text of the empty or smallest object.
    """
    return instances(_closed(schema)).map(lambda value: json.dumps(value, allow_nan=False))
