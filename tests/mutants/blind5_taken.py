"""Servers that take what they must refuse, from the fifth blind list. See ``BLIND_5.md``."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference.limits import LIMITS

from .blind4b_taken import blinkered, hidden, messages_seen
from .blind_common import Body, messages_of
from .requests_making import each_message, entries, reading, rewriting
from .stream_common import collection

TOOL_CHECKS = (
    "tools.type",
    "tools.min",
    "tools.max",
    "tool.type",
    "tool.function.required",
    "fn.name.required",
    "fn.name.pattern",
    "fn.name.maxlen",
    "fn.description.type",
    "fn.description.maxlen",
    "fn.parameters.type",
    "fn.parameters.root",
    "fn.parameters.properties",
    "fn.strict.type",
    "fn.strict.schema",
)


taken = collection("blind5-", prop="messages", family="type")


# --- plain ------------------------------------------------------------------------------------------------------------


def falsy_content(message: Body) -> None:
    """Content, or else nothing said."""
    content = message.get("content", "")
    if content is not None and not content and not isinstance(content, (str, list)):
        message["content"] = ""


def strings_as_parts(message: Body) -> None:
    content = message.get("content")
    if isinstance(content, list):
        message["content"] = [
            {"type": "text", "text": part} if isinstance(part, str) else part  #
            for part in content
        ]


def urls_filled_in(message: Body) -> None:
    for part in entries(message, "content"):
        image = part.get("image_url")
        if part.get("type") == "image_url" and isinstance(image, dict):
            image.setdefault("url", "")


def numbers_are_ids(at: int, rows: list[Any]) -> Any:
    """The message with a string for the number of a call."""
    message = rows[at]
    if isinstance(message, dict) and type(message.get("tool_call_id")) in (int, float):
        return {**message, "tool_call_id": "number"}
    return message


# --- two circumstances ------------------------------------------------------------------------------------------------


def named_speaker(message: Body) -> None:
    """Who has a name is a participant, whatever the role."""
    role = message.get("role")
    if message.get("name") is not None and isinstance(role, str) and role not in LIMITS.roles:
        message["role"] = "user"


def after_result(body: Body) -> bool:
    messages = messages_of(body)
    return bool(messages) and messages[-1].get("role") == "tool"


def one_streamed_format(body: Body) -> Body:
    """The body with a known format of streamed audio for one that no audio has."""
    audio = body.get("audio")
    if body.get("stream") is not True or not isinstance(audio, dict) or "format" not in audio:
        return body
    known = isinstance(audio["format"], str) and audio["format"] in LIMITS.audio_formats
    return body if known else {**body, "audio": {**audio, "format": "pcm16"}}


def second_result(at: int, rows: list[Any]) -> Any:
    """A tool's message after another one, with something to say."""
    message, before = rows[at], rows[at - 1] if at else None
    both = isinstance(message, dict) and isinstance(before, dict)
    if both and message.get("role") == before.get("role") == "tool" and message.get("content") is None:
        return {**message, "content": ""}
    return message


def only_one_meant(body: Body) -> None:
    """The name of the only tool stands in for one that is missing."""
    choice, tools = body.get("tool_choice"), entries(body, "tools")
    if not isinstance(choice, dict) or choice.get("type") != "function" or len(tools) != 1:
        return
    only, named = tools[0].get("function"), choice.get("function", {})
    if isinstance(only, dict) and isinstance(named, dict) and isinstance(only.get("name"), str):
        choice["function"] = {"name": only["name"], **named}


MUTANTS = [
    taken(
        "content-falsy-empty",
        "content.type.refuses",
        each_message(falsy_content),
        with_it="content.tool.type.refuses mm.position.refuses",
    ),
    taken(
        "part-string-text",
        "part.object.refuses",
        each_message(strings_as_parts),
        with_it="content.type.refuses mm.position.refuses",
    ),
    taken("image-url-missing-taken", "part.image.url.refuses", each_message(urls_filled_in, "user"), family="required"),
    taken(
        "tool-id-number",
        "tool.id.type.refuses",
        blinkered(("tool.id.required",), messages_seen(numbers_are_ids)),
    ),
    taken(
        "prediction-string",
        "prediction.type.refuses",
        reading("prediction", lambda value: isinstance(value, str), lambda text: {"type": "content", "content": text}),
        prop="prediction",
        with_it="prediction.shape.refuses",
    ),
    taken(
        "role-unchecked-named",
        "role.enum.refuses",
        each_message(named_speaker),
        family="enum",
        with_it="mm.position.refuses",
    ),
    taken(
        "tools-unchecked-after-result",
        "fn.name.pattern.refuses",
        blinkered(TOOL_CHECKS, hidden("tools", after_result)),
        prop="tools",
        family="coupling",
        with_it="fn.*.refuses tool.type.refuses tool.function.*.refuses tools.type.refuses"
        " tools.item.refuses tools.max.refuses tools.min.refuses",
    ),
    taken(
        "audio-format-unchecked-stream",
        "audio.format.refuses",
        blinkered(("audio.format",), one_streamed_format),
        prop="audio",
        family="coupling",
        with_it="mm.stream",
    ),
    taken(
        "tool-null-after-tool",
        "content.tool.required.refuses",
        blinkered(("content.tool.required",), messages_seen(second_result)),
        family="required",
        with_it="mm.position.refuses",
    ),
    taken(
        "named-nameless-single",
        "tool_choice.named.shape.refuses",
        rewriting(only_one_meant),
        prop="tool_choice",
        family="required",
    ),
]
