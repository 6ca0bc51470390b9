"""Servers that fail at texts and schemas which are something else to a careless reader."""

from __future__ import annotations

import json
from typing import Any

from chatproof.strategies.json_values import is_array, is_object

from .base import Mutant
from .blind_common import Body, messages_of
from .requests_making import crashing, entries, refusing_valid
from .stream_common import row

MANY_PROPERTIES = 64


def functions_of(body: Body) -> list[dict[str, Any]]:
    return [tool["function"] for tool in entries(body, "tools") if is_object(tool.get("function"))]


def parameters_of(body: Body) -> list[dict[str, Any]]:
    return [function["parameters"] for function in functions_of(body) if is_object(function.get("parameters"))]


def strings(value: Any) -> list[str]:
    """Every string within a value, the names of members among them."""
    if is_object(value):
        return [text for pair in value.items() for item in pair for text in strings(item)]
    if is_array(value):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def refers_to_itself(body: Body) -> bool:
    """Whether what a reference leads to has the same reference in it."""
    for schema in parameters_of(body):
        for name, definition in schema.get("$defs", {}).items():
            if f"#/$defs/{name}" in strings(definition):
                return True
        if "#" in strings(schema):
            return True
    return False


def percent_in_description(body: Body) -> bool:
    return any("%" in (function.get("description") or "") for function in functions_of(body))


def object_as_result(body: Body) -> bool:
    """Whether the content of a tool's message is a JSON object as text."""
    for message in messages_of(body):
        if message.get("role") == "tool" and isinstance(message.get("content"), str):
            try:
                if is_object(json.loads(message["content"])):
                    return True
            except ValueError:
                continue
    return False


def path_in_arguments(body: Body) -> bool:
    """Whether a member of the arguments of a former call has a dot in its name."""
    calls = [call for message in messages_of(body) for call in entries(message, "tool_calls")]
    texts = [call["function"].get("arguments") for call in calls if is_object(call.get("function"))]
    return any(isinstance(text, str) and '.b":' in text for text in texts)


def template_in_metadata(body: Body) -> bool:
    return any("{%" in value for value in strings(body.get("metadata") or {}))


def left_brace_in_stop(body: Body) -> bool:
    return any("{" in text and "}" not in text for text in strings(body.get("stop")))


MUTANTS: list[Mutant] = [
    row(
        "recursive-parameters-crash",
        "fn.parameters.keywords.accepts",
        crashing(refers_to_itself),
        prop="tools",
        family="crash",
    ),
    row(
        "parameters-limit-64",
        "fn.parameters.keywords.accepts",
        refusing_valid(
            lambda body: any(len(one.get("properties", ())) > MANY_PROPERTIES for one in parameters_of(body))
        ),
        prop="tools",
        family="refused",
    ),
    row(
        "description-percent-crash",
        "fn.description.accepts",
        crashing(percent_in_description),
        prop="tools",
        family="crash",
    ),
    row(
        "result-object-crash",
        "content.tool.required.accepts",
        crashing(object_as_result),
        prop="messages",
        family="crash",
    ),
    row(
        "arguments-path-crash",
        "toolcall.arguments.valid.accepts",
        crashing(path_in_arguments),
        prop="messages",
        family="crash",
    ),
    row(
        "metadata-template-crash",
        "metadata.type.accepts",
        crashing(template_in_metadata),
        prop="metadata",
        family="crash",
    ),
    row(
        "stop-brace-crash",
        "stop.array.max.accepts",
        crashing(left_brace_in_stop),
        "stop.string.accepts stop.array.item.accepts",
        prop="stop",
        family="crash",
    ),
]
