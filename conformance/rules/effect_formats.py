"""The effect of response_format: JSON, and what satisfies a strict schema (fact base §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import SCHEMAS, lean
from ...strategies.json_values import is_object
from ...strategies.messages import assistant, system, user
from ..model import NOT_JSON, Body, Exchange, Strength
from ..sse import read_json
from .answer_forms import QUOTED
from .effect_forms import effect, free, talkative, tools_with
from .gates import TOOL
from .schema_fit import misfit
from .views import choices, option

_WISH = user("Name a city. Answer with a JSON object.")
_JSON: Body = {"messages": [_WISH], "max_tokens": 256}
_LATER: Body = {
    **_JSON,
    "messages": [
        system("You know cities."),
        user("Hello."),
        assistant("Hi."),
        user("Do you know Paris?"),
        assistant("Yes."),
        _WISH,
    ],
    "temperature": 0,
}
"""The same at the end of a conversation."""

_FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMAS[0]}}


def _closed(**properties: Any) -> Body:
    """A schema of an object that has these members and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_PLACE = _closed(lat={"type": "number"}, lon={"type": "number"})
_MOOD: Body = {"type": "string", "enum": ["glad", "sad"]}
_EMPTY = {
    "rank": {"type": "integer", "enum": [0]},
    "walled": {"type": "boolean", "enum": [False]},
    "motto": {"type": "string", "enum": [""]},
}
"""Members whose only value counts as false in many languages, and is to be written all the same."""
KEYWORDS: dict[str, tuple[str, Body]] = {
    "enum": (
        "the values that an enum allows",
        _closed(mood=_MOOD, mark={"type": "string", "enum": [QUOTED]}, **_EMPTY),
    ),
    "number": (
        "integers, numbers and booleans where they are asked for, by names of any spelling",
        _closed(head_count={"type": "integer"}, größe={"type": "number"}, isCapital={"type": "boolean"}),
    ),
    "array": (
        "arrays and what their items are",
        _closed(
            cities={"type": "array", "items": {"type": "string"}},
            floors={"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        ),
    ),
    "nested": (
        "objects within objects, and what other schemas say",
        _closed(name={"type": "string"}, place=_closed(spot=_PLACE)),
    ),
    "ref": (
        "definitions that it refers to",
        {
            **_closed(place={"$ref": "#/$defs/place"}, mood={"$ref": "#/$defs/mood"}),
            "$defs": {"place": _PLACE, "mood": _MOOD},
        },
    ),
    "anyof": (
        "alternatives",
        _closed(note={"anyOf": [{"type": "integer"}, {"type": "null"}]}, floor={"type": ["integer", "null"]}),
    ),
}
"""What else a strict schema says: keyword, what it stands for, and a schema that says it."""
_REST = "nested"
"""The keyword whose rule is about all schemas, too, that no rule is about."""


def strict_format(schema: Body) -> Body:
    """The response format of strict structured outputs with this schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def formatted(kind: str, schema: Body = SCHEMAS[0]) -> Callable[[Exchange], bool]:
    """Complete plain texts in an asked format; of structured outputs, those with this strict schema."""

    def applies(exchange: Exchange) -> bool:
        wanted = option(exchange, "response_format")
        if not is_object(wanted) or wanted.get("type") != kind or not free(exchange):
            return False
        if kind == "json_schema":
            shape = wanted.get("json_schema")
            if not is_object(shape) or shape.get("strict") is not True or shape.get("schema") != schema:
                return False
        return bool(_finished(exchange))

    return applies


def any_strict(exchange: Exchange) -> bool:
    """Complete plain texts in a strict schema that no rule of its own is about."""
    wanted = option(exchange, "response_format")
    shape = wanted.get("json_schema") if is_object(wanted) else None
    schema = shape.get("schema") if is_object(shape) else None
    known = (SCHEMAS[0], *(schema for keyword, (_, schema) in KEYWORDS.items() if keyword != _REST))
    return is_object(schema) and schema not in known and formatted("json_schema", schema)(exchange)


def beside_tools(applies: Callable[[Exchange], bool], there: bool) -> Callable[[Exchange], bool]:
    """The same answers to requests that bring tools which must not be called, or to all others."""
    return lambda exchange: applies(exchange) and tools_with(exchange, "tool_choice", "none") is there


def _finished(exchange: Exchange) -> list[str]:
    """The texts of the choices that came to their end."""
    return [
        choice["message"]["content"]
        for choice in choices(exchange)
        if choice.get("finish_reason") == "stop" and talkative(choice) and not choice["message"].get("refusal")
    ]


def not_json(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        if read_json(text) is NOT_JSON:
            return f"the content is not JSON: {text[:60]!r}"
    return None


def not_object(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        value = read_json(text)
        if value is not NOT_JSON and not is_object(value):
            return f"the content is JSON but no object: {text[:60]!r}"
    return None


def off_schema(exchange: Exchange) -> str | None:
    for text in _finished(exchange):
        value = read_json(text)
        if not (is_object(value) and list(value) == ["city"] and isinstance(value["city"], str)):
            return f"the content does not satisfy the schema (an object with the string city alone): {text[:60]!r}"
    return None


def misfitting(exchange: Exchange) -> str | None:
    schema = option(exchange, "response_format")["json_schema"]["schema"]
    for text in _finished(exchange):
        value = read_json(text)
        why = "is not JSON" if value is NOT_JSON else misfit(value, schema)
        if why:
            return f"the content does not satisfy the schema ({why}): {text[:60]!r}"
    return None


RULES = [
    effect(
        "ef.json_object",
        "response_format",
        "writes JSON for response_format json_object",
        beside_tools(formatted("json_object"), False),
        not_json,
        lean(**_JSON, response_format={"type": "json_object"}),
        lean(**_LATER, response_format={"type": "json_object"}),
        lean(**_JSON, response_format={"type": "json_object"}, n=2),
        needs=("json_object",),
    ),
    effect(
        "ef.json_object.tools",
        "response_format",
        "writes JSON for response_format json_object beside tools that must not be called",
        beside_tools(formatted("json_object"), True),
        not_json,
        lean(**_JSON, response_format={"type": "json_object"}, tools=[TOOL], tool_choice="none"),
        needs=("json_object", "tools"),
        twin_of=("ef.json_object",),
    ),
    effect(
        "ef.json_object.kind",
        "response_format",
        "writes an object for response_format json_object",
        formatted("json_object"),
        not_object,
        lean(**_JSON, response_format={"type": "json_object"}),
        needs=("json_object",),
        strength=Strength.SHOULD,
    ),
    effect(
        "ef.json_schema",
        "response_format",
        "writes what satisfies a strict schema",
        formatted("json_schema"),
        off_schema,
        lean(**_JSON, response_format=_FORMAT),
        lean(**_LATER, response_format=_FORMAT),
        needs=("json_schema",),
    ),
    *(
        effect(
            f"ef.json_schema.{keyword}",
            "response_format",
            f"keeps to a strict schema: {meaning}",
            any_strict if keyword == _REST else formatted("json_schema", schema),
            misfitting,
            lean(**_JSON, response_format=strict_format(schema)),
            needs=("json_schema",),
            twin_of=("ef.json_schema",),
        )
        for keyword, (meaning, schema) in KEYWORDS.items()
    ),
]
