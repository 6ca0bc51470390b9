"""The subset of JSON Schema that `strict: true` asks for (fact base: response_format.strict.*, fn.strict.schema).

Three rules are enforced: the root is an object, every object forbids other members, every property is required.  The
size limits and the list of keywords of the guide changed with time, so nothing is enforced about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from .json_values import is_array, is_object

StrictFault = Literal["root", "additional", "required"]

_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all schemas inside it, without recursion."""
    stack: list[Any] = [schema]
    while stack:
        node = stack.pop()
        if not is_object(node):
            continue
        yield node
        for key in _MAPS:
            if is_object(node.get(key)):
                stack.extend(node[key].values())
        for key in _LISTS:
            if is_array(node.get(key)):
                stack.extend(node[key])
        stack.append(node.get("items"))


def names_object(schema: dict[str, Any]) -> bool:
    """Whether a schema describes objects: by its type, or by having properties."""
    kind = schema.get("type")
    return kind == "object" or (is_array(kind) and "object" in kind) or is_object(schema.get("properties"))


def strict_faults(schema: dict[str, Any]) -> set[StrictFault]:
    """Which of the three rules a schema breaks; a root that is no object is told alone."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return {"root"}
    found: set[StrictFault] = set()
    for node in subschemas(schema):
        if not names_object(node):
            continue
        if node.get("additionalProperties") is not False:
            found.add("additional")
        properties = node.get("properties")
        required = node.get("required")
        listed = {name for name in (required if is_array(required) else ()) if isinstance(name, str)}
        if is_object(properties) and not listed >= properties.keys():
            found.add("required")
    return found
