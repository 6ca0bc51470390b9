"""Servers invented without looking at the rules: formats, tools and functions. See ``BLIND_REQUESTS.md``."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from .base import bounded
from .blind_options import wants
from .requests_making import (
    Body,
    about,
    crashing,
    entries,
    fault,
    is_object,
    is_text,
    parts,
    reading,
    refusing_valid,
    rewriting,
    spoken,
    within,
)


def name_without_break(form: Body) -> None:
    inner = form.get("json_schema")
    if is_object(inner) and is_text(inner.get("name")):
        inner["name"] = inner["name"].removesuffix("\n")


def word_elsewhere(body: Body) -> bool:
    said = [part.get("text", "") for part in parts(body, "user")]
    said += [message["content"] for message in spoken(body, "user") if is_text(message.get("content"))]
    return wants(body, "json_object") and not any("json" in text.lower() for text in said)


def forbid(node: object, inside: bool) -> None:
    """Adds additionalProperties to every object that describes items."""
    if isinstance(node, list):
        for item in node:
            forbid(item, inside)
    elif isinstance(node, dict):
        if inside and node.get("type") == "object" and "additionalProperties" not in node:
            node["additionalProperties"] = False
        for key, value in node.items():
            forbid(value, inside or key == "items")


def strict_but_items(form: Body) -> None:
    inner = form.get("json_schema")
    if is_object(inner) and inner.get("strict") is True and is_object(inner.get("schema")):
        forbid(inner["schema"], False)


def recursive(body: Body) -> bool:
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema") or {}
    own = [
        name
        for table in ("$defs", "definitions")
        for name, node in (schema.get(table) or {}).items()
        if f'"$ref": "#/{table}/{name}"' in json.dumps(node)
    ]
    return bool(own) or '"$ref": "#"' in json.dumps(schema)


def declared(body: Body) -> list[Body]:
    return [tool["function"] for tool in entries(body, "tools") if is_object(tool.get("function"))]


def parsed_parameters(body: Body) -> None:
    for function in declared(body):
        if is_text(function.get("parameters")):
            with suppress(ValueError):
                value = json.loads(function["parameters"])
                if is_object(value):
                    function["parameters"] = value


def choice_any_case(body: Body) -> None:
    choice = body.get("tool_choice")
    named = choice.get("function") if isinstance(choice, dict) else None
    if is_object(named) and is_text(named.get("name")):
        for function in declared(body):
            if is_text(function.get("name")) and function["name"].lower() == named["name"].lower():
                named["name"] = function["name"]


def required_alone(body: Body) -> None:
    if body.get("tool_choice") == "required" and body.get("tools") is None:
        del body["tool_choice"]


def alone(body: Body) -> None:
    if body.get("parallel_tool_calls") is False and body.get("tools") is None:
        del body["parallel_tool_calls"]


def any_function_name(body: Body) -> None:
    for function in entries(body, "functions"):
        if is_text(function.get("name")) and not re.fullmatch("[A-Za-z0-9_-]{1,64}", function["name"]):
            function["name"] = "f"


formats = about("response_format")
tools = about("tools")

FORMATS = [
    formats(
        "blind-schema-name-newline",
        "pattern",
        within("response_format", name_without_break),
        "response_format.jsonschema.name.refuses",
    ),
    formats(
        "blind-json-word-user-only",
        "refused",
        refusing_valid(word_elsewhere),
        "response_format.jsonobject.word.accepts",
    ),
    formats(
        "blind-strict-items-unchecked",
        "coupling",
        within("response_format", strict_but_items),
        "response_format.strict.additional.refuses",
    ),
    formats("blind-schema-recursive-crash", "crash", crashing(recursive), "response_format.jsonschema.recursive"),
]

TOOLS = [
    tools(
        "blind-fn-name-unicode",
        "pattern",
        bounded(function_name=re.compile(r"[\w-]+")),
        "fn.name.pattern.refuses functions.name.pattern.refuses",
    ),
    tools(
        "blind-fn-name-digit-refused",
        "refused",
        refusing_valid(lambda body: any(function["name"][0].isdigit() for function in declared(body))),
        "fn.name.pattern.accepts",
    ),
    tools("blind-parameters-json-string", "type", rewriting(parsed_parameters), "fn.parameters.type.refuses"),
    fault(
        "blind-choice-name-any-case",
        "tool_choice",
        "coupling",
        rewriting(choice_any_case),
        "tool_choice.named.exists.refuses",
    ),
    fault(
        "blind-choice-required-no-tools",
        "tool_choice",
        "coupling",
        rewriting(required_alone),
        "tool_choice.needs.tools.refuses",
    ),
    fault(
        "blind-parallel-false-alone",
        "parallel_tool_calls",
        "coupling",
        rewriting(alone),
        "parallel_tool_calls.needs.tools.refuses",
    ),
    fault(
        "blind-functions-names-unchecked",
        "functions",
        "pattern",
        rewriting(any_function_name),
        "functions.name.pattern.refuses functions.name.maxlen.refuses",
    ),
    fault(
        "blind-function-call-empty",
        "function_call",
        "required",
        reading("function_call", lambda v: v == {}),
        "function_call.named.shape.refuses",
    ),
]


MUTANTS = [*FORMATS, *TOOLS]
