"""Checks of `response_format` (fact base §1.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import (
    Ask,
    CheckFunction,
    Reason,
    bad_value,
    coupled,
    member,
    missing,
    one_string_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .json_values import is_array, is_boolean, is_object, is_string
from .prompt import text_of
from .strict import StrictFault, strict_faults


def format_type_required(ask: Ask) -> Iterator[Reason]:
    value = member(ask, "response_format")
    if value is not None and "type" not in value:
        yield missing("response_format.type.required", "response_format.type")


def format_type(ask: Ask) -> Iterator[Reason]:
    value = member(ask, "response_format")
    if value is not None and "type" in value:
        yield from one_string_of(
            "response_format.type.enum", "response_format.type", value["type"], ask.limits.format_types
        )


def _json_schema(ask: Ask) -> dict[str, Any] | None:
    value = member(ask, "response_format")
    if value is None or value.get("type") != "json_schema":
        return None
    inner = value.get("json_schema")
    return inner if is_object(inner) else None


def json_schema_required(ask: Ask) -> Iterator[Reason]:
    value = member(ask, "response_format")
    if value is not None and value.get("type") == "json_schema":
        rule, path = "response_format.jsonschema.required", "response_format.json_schema"
        if "json_schema" not in value:
            yield missing(rule, path)
        elif not is_object(value["json_schema"]):
            yield wrong_type(rule, path, "an object", value["json_schema"])


def json_schema_name(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is None:
        return
    rule, path, name = "response_format.jsonschema.name", "response_format.json_schema.name", inner.get("name")
    if "name" not in inner:
        yield missing(rule, path)
    elif not isinstance(name, str):
        yield wrong_type(rule, path, "a string", name)
    elif not ask.limits.schema_name.fullmatch(name):
        yield bad_value(rule, path, "one or more letters, digits, '_' or '-'")
    elif len(name) > ask.limits.schema_name_max:
        yield too_long(rule, path, ask.limits.schema_name_max)


def json_schema_schema(ask: Ask) -> Iterator[Reason]:
    """A schema that is there is an object; that it may be absent is contested, so it may."""
    inner = _json_schema(ask)
    if inner is not None and inner.get("schema") is not None and not is_object(inner["schema"]):
        yield wrong_type(
            "response_format.jsonschema.schema", "response_format.json_schema.schema", "an object", inner["schema"]
        )


def json_schema_description(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is not None and inner.get("description") is not None and not is_string(inner["description"]):
        yield wrong_type(
            "response_format.jsonschema.description.type",
            "response_format.json_schema.description",
            "a string",
            inner["description"],
        )


def json_schema_strict(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is not None and inner.get("strict") is not None and not is_boolean(inner["strict"]):
        yield wrong_type(
            "response_format.jsonschema.strict.type", "response_format.json_schema.strict", "a boolean", inner["strict"]
        )


_STRICT = {
    "root": "the root of a strict schema must be an object",
    "additional": "every object of a strict schema must set additionalProperties to false",
    "required": "every property of a strict schema must be required",
}


def strict_rule(fault: StrictFault) -> CheckFunction:
    rule = f"response_format.strict.{fault}"

    def check(ask: Ask) -> Iterator[Reason]:
        inner = _json_schema(ask)
        schema = inner.get("schema") if inner is not None and inner.get("strict") is True else None
        if is_object(schema) and fault in strict_faults(schema):
            yield coupled(rule, "response_format", f"The schema is not valid: {_STRICT[fault]}.", "should")

    return check


def json_word(ask: Ask) -> Iterator[Reason]:
    """Observed: json_object wants the word in a message; messages that are no messages have their own reason."""
    value = member(ask, "response_format")
    messages = ask.body.get("messages")
    if value is None or value.get("type") != "json_object" or not is_array(messages) or not messages:
        return
    if len(ask.items) != len(messages):
        return
    contents = [message.get("content") for _, message in ask.items]
    if all(content is None or isinstance(content, (str, list)) for content in contents) and not any(
        "json" in text_of(content).lower() for content in contents
    ):
        yield coupled(
            "response_format.jsonobject.word",
            "messages",
            "A message must contain the word 'json' for a response format of the type 'json_object'.",
            "should",
        )


FORMAT_CHECKS = table(
    ("response_format.shape", typed("response_format.shape", "response_format", is_object, "an object")),
    ("response_format.type.required", format_type_required),
    ("response_format.type.enum", format_type),
    ("response_format.jsonschema.required", json_schema_required),
    ("response_format.jsonschema.name", json_schema_name),
    ("response_format.jsonschema.schema", json_schema_schema),
    ("response_format.jsonschema.description.type", json_schema_description),
    ("response_format.jsonschema.strict.type", json_schema_strict),
    ("response_format.strict.root", strict_rule("root")),
    ("response_format.strict.additional", strict_rule("additional")),
    ("response_format.strict.required", strict_rule("required")),
    ("response_format.jsonobject.word", json_word),
)
