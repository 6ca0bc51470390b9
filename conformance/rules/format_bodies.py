"""Bodies with response formats, for all rules about them.

Every body asks for JSON in a message.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.json_schemas import Schema
from ...strategies.messages import user
from ..model import Body
from .forms import values, varying

_ROOM = 128

ASKS_JSON = [user("Answer with a JSON object and nothing but json.")]
"""Messages that ask for JSON."""

CITY: Schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""A schema within the strict subset."""

OPEN: Schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
"""The same as an object that is not closed."""

DEEP: Schema = {
    "type": "object",
    "properties": {
        "place": CITY,
        "list": {"type": "array", "items": CITY},
        "unit": {"type": "string", "enum": ["C", "F"]},
    },
    "required": ["place", "list", "unit"],
    "additionalProperties": False,
}
"""A strict schema with objects and lists in it."""


def json_schema_of(json_schema: Any) -> dict[str, Any]:
    """The response format json_schema with this as its json_schema."""
    return {"type": "json_schema", "json_schema": json_schema}


def structured(**members: Any) -> dict[str, Any]:
    """A structured-outputs response format with members of its json_schema added or replaced."""
    return json_schema_of({"name": "city", "schema": CITY, **members})


def formats(*wanted: Any) -> list[Body]:
    """Bodies that ask for JSON, one for each of these response formats."""
    return values("response_format", *wanted, messages=ASKS_JSON)


def drawn(member: str, strategy: st.SearchStrategy[Any], **others: Any) -> st.SearchStrategy[Body]:
    """Bodies with structured outputs, one member of whose json_schema is drawn; with room to answer a strict one."""
    more = {} if others.get("strict") is not True else {"max_tokens": _ROOM}
    return varying(
        "response_format",
        strategy.map(lambda value: structured(**{**others, member: value})),
        messages=ASKS_JSON,
        **more,
    )
