"""Servers that refuse what is valid, or fail on it, as reported in the field. See ``BLIND_3B.md``."""

from __future__ import annotations

from typing import Any

from .requests_making import (
    Body,
    crashing,
    entries,
    fault,
    is_array,
    is_object,
    null,
    refusing_message,
    refusing_valid,
    stumbling,
)

TOGETHER = "together.pairs.accepts together.random.accepts"


def both(*names: str) -> Any:
    """Whether all of these properties are given."""
    return lambda body: all(body.get(name) is not None for name in names)


def streamed(body: Body) -> bool:
    return body.get("stream") is True


def format_type(body: Body) -> object:
    form = body.get("response_format")
    return form.get("type") if isinstance(form, dict) else None


def null_penalty(body: Body) -> bool:
    return null("frequency_penalty")(body) or null("presence_penalty")(body)


def text_parts(message: Body) -> bool:
    content = message.get("content")
    return bool(content) and is_array(content) and all(part["type"] == "text" for part in entries(message, "content"))


def hot(body: Body) -> bool:
    return (body.get("temperature") or 0) > 1


def usage_unsaid(body: Body) -> bool:
    options = body.get("stream_options")
    return isinstance(options, dict) and "include_usage" not in options


def functions_of(body: Body) -> list[Body]:
    return [tool["function"] for tool in entries(body, "tools") if is_object(tool.get("function"))]


def empty_parameters(body: Body) -> bool:
    return any(function.get("parameters") == {} for function in functions_of(body))


def bare_and_forced(body: Body) -> bool:
    """Whether the grammar of the calls that must be made has a tool without parameters to write."""
    choice = body.get("tool_choice")
    forced = functions_of(body) if choice == "required" else []
    if isinstance(choice, dict):
        forced = [function for function in functions_of(body) if function.get("name") == choice["function"]["name"]]
    return any(function.get("parameters") is None for function in forced)


def schema_missing(body: Body) -> bool:
    return format_type(body) == "json_schema" and body["response_format"].get("json_schema") is None


MUTANTS = [
    fault(
        "blind3b-penalty-null-refused",
        "frequency_penalty",
        "refused",
        refusing_valid(null_penalty),
        "frequency_penalty.null.accepts presence_penalty.null.accepts",
        "mm.null",
    ),
    fault(
        "blind3b-format-text-with-tools-refused",
        "response_format",
        "refused",
        refusing_valid(both("response_format", "tools")),
        "together.pairs.accepts",
        f"mm.default response_format.default.accepts ef.json_object.tools {TOGETHER}",
    ),
    fault(
        "blind3b-tools-stream-refused",
        "tools",
        "refused",
        refusing_valid(lambda body: streamed(body) and body.get("tools") is not None),
        "stream.tools.accepts",
        f"mm.stream stream.tool_choice.* ef.choice.*.stream ef.parallel.off.stream client.tools.stream {TOGETHER}",
    ),
    fault(
        "blind3b-choice-object-refused",
        "tool_choice",
        "refused",
        refusing_valid(lambda body: is_object(body.get("tool_choice"))),
        "tool_choice.named.shape.accepts",
        "tool_choice.named.exists.accepts tool_choice.needs.tools.accepts functions.and.tools.choices.accepts "
        "gate.forced_tool mm.tools.legacy client.tools client.tools.stream",
    ),
    fault(
        "blind3b-assistant-parts-refused",
        "messages",
        "refused",
        refusing_message(text_parts, "assistant"),
        "content.assistant.parts.accepts",
        "content.parts.accepts",
    ),
    fault(
        "blind3b-temperature-above-one-refused",
        "temperature",
        "refused",
        refusing_valid(hot),
        "temperature.max.accepts",
        f"temperature.number.accepts temperature.exponent.accepts mm.number {TOGETHER}",
    ),
    fault(
        "blind3b-stream-options-empty-refused",
        "stream_options",
        "refused",
        refusing_valid(usage_unsaid),
        "stream_options.empty.accepts",
    ),
    fault(
        "blind3b-parameters-empty-refused",
        "tools",
        "refused",
        refusing_valid(empty_parameters),
        "fn.parameters.empty.accepts",
        "fn.parameters.optional.accepts",
    ),
    fault(
        "blind3b-required-bare-tool-crash",
        "tools",
        "crash",
        crashing(bare_and_forced),
        "together.pairs.accepts",
        f"fn.parameters.optional.accepts tool_choice.*.accepts ef.choice.required* ef.choice.named* {TOGETHER}",
    ),
    fault(
        "blind3b-json-mode-stream-refused",
        "response_format",
        "refused",
        refusing_valid(lambda body: streamed(body) and format_type(body) == "json_object"),
        "stream.format.accepts",
        f"mm.stream response_format.jsonobject.accepts ef.json_object.stream ef.json_object.kind.stream {TOGETHER}",
    ),
    fault(
        "blind3b-json-schema-missing-crash",
        "response_format",
        "crash",
        stumbling(schema_missing),
        "response_format.jsonschema.required.refuses",
    ),
]
