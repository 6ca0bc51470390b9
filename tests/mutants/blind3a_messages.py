"""Servers of the third blind list: the body as a whole, messages, parts and calls. See ``BLIND_3A.md``."""

from __future__ import annotations

import json
import re
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson
from chatproof.conformance.reference.limits import LIMITS

from .blind_transport import STRING, parsing
from .requests_making import (
    Body,
    about,
    calls,
    each_call,
    each_message,
    entries,
    is_array,
    is_object,
    is_text,
    reading,
    refusing_message,
    refusing_valid,
    rewriting,
    set_if,
    spoken,
)

KEY = re.compile(STRING.pattern + r"(?=[ \t\r\n]*:)")
SERVED = "chatproof-reference"

# --- the body ---------------------------------------------------------------------------------------------------------


def no_leading_space(raw: bytes) -> Any:
    if raw[:1] in (b" ", b"\t", b"\r", b"\n"):
        raise BadJson("white space")
    return behaviour.parse(raw)


def plain_names(raw: bytes) -> Any:
    """JSON whose members' names have no escape of a code point."""
    if any("\\u" in name for name in KEY.findall(raw.decode("utf-8", "replace"))):
        raise BadJson("escape in a name")
    return behaviour.parse(raw)


def falsy_model(value: object) -> bool:
    return value is not None and not is_text(value) and not value


def unpacked(value: list[Any]) -> list[Any]:
    return [inner for item in value for inner in (item if is_array(item) else [item])]


# --- messages ---------------------------------------------------------------------------------------------------------


def trimmed_role(message: Body) -> None:
    if is_text(message.get("role")):
        message["role"] = message["role"].strip()


def written_out(message: Body) -> None:
    content = message.get("content")
    if content is not None and not is_text(content) and not is_array(content):
        message["content"] = json.dumps(content)


def empty_in_history(body: Body) -> None:
    messages = body.get("messages")
    for message in messages[:-1] if is_array(messages) else ():
        if is_object(message) and message.get("role") == "user" and message.get("content") is None:
            message["content"] = ""


def silent_system(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "system" and message.get("content") is None


def without_silent_systems(body: Body) -> None:
    messages = body.get("messages")
    if is_array(messages):
        body["messages"] = [message for message in messages if not silent_system(message)] or messages


def called_last(body: Body) -> None:
    """Gives function messages without a name that of the last call."""
    name = None
    for message in spoken(body):
        if is_object(message.get("function_call")):
            name = message["function_call"].get("name")
        if message.get("role") == "function" and "name" not in message and name is not None:
            message["name"] = name


def called_twice(body: Body) -> bool:
    return sum(bool(message.get("tool_calls")) for message in spoken(body, "assistant")) > 1


# --- parts and calls --------------------------------------------------------------------------------------------------


def images_as_text(message: Body) -> None:
    for part in entries(message, "content"):
        if part.get("type") == "image_url":
            part.clear()
            part.update(type="text", text="")


def later_details_dropped(message: Body) -> None:
    images = [part.get("image_url") for part in entries(message, "content") if part.get("type") == "image_url"]
    for image in images[1:]:
        if is_object(image):
            image.pop("detail", None)


def sound_in_any_case(message: Body) -> None:
    for part in entries(message, "content"):
        sound = part.get("input_audio")
        if part.get("type") == "input_audio" and isinstance(sound, dict) and is_text(sound.get("format")):
            lower = sound["format"].lower()
            sound["format"] = lower if lower in LIMITS.input_audio_formats else sound["format"]


def refusals_as_text(message: Body) -> None:
    for part in entries(message, "content"):
        if part.get("type") == "refusal" and is_text(part.get("refusal")):
            text = part["refusal"]
            part.clear()
            part.update(type="text", text=text)


def empty_arguments(call: Body) -> None:
    if is_object(call.get("function")):
        set_if("arguments", lambda value: value == {}, "{}")(call["function"])


def missing_type(body: Body) -> None:
    for call in calls(body):
        call.setdefault("type", "function")


body = about("body")
messages = about("messages")

BODIES = [
    body(
        "blind3a-leading-space-refused",
        "refused",
        parsing(no_leading_space),
        "http.json.whitespace.accepts",
        "mm.whitespace",
    ),
    body(
        "blind3a-key-escape-refused",
        "refused",
        parsing(plain_names),
        "http.json.escapes.accepts",
        "mm.whitespace.escapes metadata.*.accepts",
    ),
    about("model")(
        "blind3a-model-falsy-default", "type", reading("model", falsy_model, lambda _: SERVED), "model.type.refuses"
    ),
]

LISTS = [
    messages(
        "blind3a-messages-string-user",
        "type",
        reading("messages", is_text, lambda text: [{"role": "user", "content": text}]),
        "messages.type.refuses",
    ),
    messages(
        "blind3a-messages-nested-flattened",
        "type",
        reading("messages", is_array, unpacked),
        "messages.item.type.refuses",
        "mm.position.refuses",
    ),
    messages("blind3a-role-trimmed", "enum", each_message(trimmed_role), "role.enum.refuses", "mm.position.refuses"),
    messages(
        "blind3a-tool-content-json",
        "type",
        each_message(written_out, "tool"),
        "content.tool.type.refuses",
        "mm.position.refuses",
    ),
    messages(
        "blind3a-user-null-in-history",
        "required",
        rewriting(empty_in_history),
        "content.user.required.refuses",
        "mm.position.refuses",
    ),
    messages(
        "blind3a-system-null-dropped",
        "required",
        rewriting(without_silent_systems),
        "content.system.required.refuses",
        "mm.position.refuses",
    ),
]

PARTS = [
    messages("blind3a-image-in-tool", "enum", each_message(images_as_text, "tool"), "part.image.tool.refuses"),
    messages(
        "blind3a-image-detail-first-only",
        "enum",
        each_message(later_details_dropped, "user"),
        "part.image.detail.refuses",
    ),
    messages(
        "blind3a-input-audio-any-case", "enum", each_message(sound_in_any_case, "user"), "part.audio.format.refuses"
    ),
    messages(
        "blind3a-refusal-part-in-user", "enum", each_message(refusals_as_text, "user"), "part.refusal.role.refuses"
    ),
]

CALLS = [
    messages("blind3a-call-type-optional", "required", rewriting(missing_type), "toolcall.shape.refuses"),
    messages(
        "blind3a-call-arguments-empty-object",
        "type",
        each_call(empty_arguments),
        "toolcall.arguments.type.refuses",
        "toolcall.shape.refuses",
    ),
    messages(
        "blind3a-tool-name-demanded",
        "refused",
        refusing_message(lambda message: "name" not in message, "tool"),
        "gate.tool_messages",
        "role.tool.accepts content.tool.*.accepts toolcall.*.accepts tools.conversation.accepts ef.echo client.tools*",
    ),
    messages(
        "blind3a-second-round-refused",
        "refused",
        refusing_valid(called_twice),
        "toolcall.shape.accepts",
        "tools.conversation.accepts toolcall.*.accepts",
    ),
    messages(
        "blind3a-function-name-from-call", "required", rewriting(called_last), "functionmsg.name.required.refuses"
    ),
]

MUTANTS = [*BODIES, *LISTS, *PARTS, *CALLS]
