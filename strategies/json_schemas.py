"""Small JSON Schemas as parameters of functions and as response formats, and values that satisfy them.

Only keywords that every vintage and every engine reads alike: type, properties, required, additionalProperties, items,
enum and description. Property names are plain identifiers and every object says its properties, since some servers
refuse anything else for a reason of their own.
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
_property_names = st.builds(str.__add__, st.sampled_from(_LOWER), st.text(_LOWER + "0123456789_", max_size=6))


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
def _objects(draw: st.DrawFn, inner: SearchStrategy[Schema], *, strict: bool, min_properties: int = 1) -> Schema:
    """Objects whose properties are drawn from ``inner``. Shrinks towards few properties, all optional unless strict."""
    names = draw(st.lists(_property_names, min_size=min_properties, max_size=3, unique=True))
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
