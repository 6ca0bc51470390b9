"""Whether a value satisfies a schema that ``strict: true`` takes.

Only the keywords that every vintage allows there are read (fact base, response_format.strict.keywords): of a schema
with another one nothing is said.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from ...strategies.json_values import is_array, is_object

_LABELS = {"title", "description", "$schema"}
_KEYWORDS = _LABELS | {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
}  # fmt: skip
_BY_NAME = ("properties", "$defs")
"""Keywords whose members are named by the user."""


def misfit(value: object, schema: object) -> str | None:
    """Where and how a JSON value breaks a schema, in a few words; None where it satisfies it, or it cannot be told."""
    if not is_object(schema):
        return None
    try:
        if not _readable(schema):
            return None
        validator: Any = Draft202012Validator(schema)
        error = min(validator.iter_errors(value), key=lambda found: list(map(str, found.path)), default=None)
    except Exception:  # a reference to nowhere or to itself: the request's fault
        return None
    return None if error is None else f"{error.json_path[:120]} breaks {error.validator!s}"


def _readable(schema: Any) -> bool:
    """Whether all keywords of a schema are known ones, and its references point into it."""
    if isinstance(schema, bool):
        return True
    if not is_object(schema) or not set(schema) <= _KEYWORDS:
        return False
    if not str(schema.get("$ref", "#")).startswith("#"):
        return False
    named = [part for name in _BY_NAME if is_object(schema.get(name)) for part in schema[name].values()]
    found = schema.get("anyOf")
    branches = found if is_array(found) else []
    inner = [schema[name] for name in ("items", "additionalProperties") if name in schema]
    return all(map(_readable, (*named, *branches, *inner)))
