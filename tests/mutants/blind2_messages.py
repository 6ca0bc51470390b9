"""More servers invented without looking at the rules: messages, parts and calls. See ``BLIND_REQUESTS_2.md``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.limits import LIMITS

from .blind_messages import ids
from .requests_making import (
    Body,
    about,
    crashing_message,
    drop_if,
    each_message,
    entries,
    is_array,
    is_object,
    is_text,
    null,
    parts,
    reading,
    refusing_message,
    rewriting,
    set_if,
    spoken,
    stumbling,
)

PART_TYPES = frozenset().union(*LIMITS.parts.values())
MEMBERS = ("text", "image_url", "input_audio", "refusal")


def middle_roles(body: Body) -> None:
    """Reads unknown roles between the ends as the user's; developer joined later and is left alone."""
    messages = body.get("messages")
    for message in messages[1:-1] if is_array(messages) else ():
        if is_object(message):
            set_if("role", lambda role: is_text(role) and role not in (*LIMITS.roles, "developer"), "user")(message)


def falsy_role(message: Body) -> None:
    if message.get("role") in (None, "", 0):
        message["role"] = "user"


def unknown_role(body: Body) -> bool:
    return any(is_text(message.get("role")) and message["role"] not in LIMITS.roles for message in spoken(body))


def user_content_by_tools(body: Body) -> None:
    if entries(body, "tools"):
        for message in spoken(body, "user"):
            if message.get("content") is None:
                message["content"] = ""


def filled_in(body: Body) -> None:
    """Gives tool messages without an id the first call that is still open."""
    pending: list[Any] = []
    for message in spoken(body):
        if message.get("role") != "tool":
            pending = ids(message)
        elif message.get("tool_call_id") in pending:
            pending.remove(message["tool_call_id"])
        elif message.get("tool_call_id") is None and pending:
            message["tool_call_id"] = pending.pop(0)


def inferred(part: Body) -> None:
    said = [member for member in MEMBERS if member in part]
    if "type" not in part and said:
        part["type"] = said[0]


def history_flattened(body: Body) -> None:
    for message in list(spoken(body))[:-1]:
        for part in entries(message, "content"):
            if is_text(part.get("type")) and part["type"] not in PART_TYPES:
                part.update(type="text", text="")


def no_detail(part: Body) -> None:
    if part.get("type") == "image_url" and is_object(part.get("image_url")):
        drop_if("detail", lambda value: value == "")(part["image_url"])


def guessed_format(part: Body) -> None:
    if part.get("type") == "input_audio" and is_object(part.get("input_audio")):
        part["input_audio"].setdefault("format", "wav")


def shape_mended(message: Body) -> None:
    calls = message.get("tool_calls")
    for call in calls[1:] if is_array(calls) else ():
        if is_object(call):
            call["type"] = "function"
            function = call["function"] if is_object(call.get("function")) else {}
            for key in ("name", "arguments"):
                if not is_text(function.get(key)):
                    function[key] = "f"
            call["function"] = function


def each_part(change: Callable[[Body], object]) -> Reference:
    return rewriting(lambda body: [change(part) for part in parts(body)])


messages = about("messages")

ROLES = [
    messages(
        "blind2-messages-null-items-dropped",
        "type",
        reading("messages", is_array, lambda value: [item for item in value if item is not None]),
        "messages.item.type.refuses",
    ),
    messages(
        "blind2-role-middle-unchecked", "enum", rewriting(middle_roles), "role.enum.refuses", "mm.position.refuses"
    ),
    messages(
        "blind2-role-falsy-user",
        "required",
        each_message(falsy_role),
        "role.required.refuses role.type.refuses role.enum.refuses",
    ),
    messages(
        "blind2-role-unknown-crash",
        "crash",
        stumbling(unknown_role),
        "role.enum.refuses",
        "role.developer mm.position.refuses",
    ),
    messages(
        "blind2-user-null-with-tools",
        "required",
        rewriting(user_content_by_tools),
        "content.user.required.refuses",
        "mm.monotone.bad",
    ),
    messages(
        "blind2-assistant-content-key-needed",
        "refused",
        refusing_message(lambda message: "content" not in message, "assistant"),
        "content.assistant.optional.accepts",
        "content.assistant.function.accepts",
    ),
    messages(
        "blind2-assistant-refusal-null-refused",
        "refused",
        refusing_message(null("refusal"), "assistant"),
        "assistant.refusal.null.accepts ef.echo",
        "ef.echo.text",
    ),
    messages(
        "blind2-assistant-name-unchecked",
        "type",
        each_message(drop_if("name", lambda value: not is_text(value)), "assistant"),
        "messages.name.type.refuses",
    ),
    messages("blind2-tool-id-filled-in", "required", rewriting(filled_in), "tool.id.required.refuses"),
]

PARTS = [
    messages("blind2-part-type-inferred", "required", each_part(inferred), "part.type.required.refuses"),
    messages(
        "blind2-parts-of-history-unchecked",
        "enum",
        rewriting(history_flattened),
        "part.type.enum.refuses",
        "mm.position.refuses",
    ),
    messages("blind2-image-detail-empty", "enum", each_part(no_detail), "part.image.detail.refuses"),
    messages("blind2-input-audio-format-guessed", "required", each_part(guessed_format), "part.audio.required.refuses"),
]

CALLS = [
    messages(
        "blind2-calls-after-first-unchecked",
        "required",
        each_message(shape_mended, "assistant"),
        "toolcall.shape.refuses",
        "toolcall.arguments.type.refuses",
    ),
    messages(
        "blind2-two-calls-crash",
        "crash",
        crashing_message(lambda message: len(message.get("tool_calls") or ()) > 1, "assistant"),
        "toolcall.shape.accepts",
        "toolcall.id.unique assistant.toolcalls.max.accepts",
    ),
    messages(
        "blind2-content-beside-calls-refused",
        "refused",
        refusing_message(lambda message: message.get("tool_calls") and message.get("content"), "assistant"),
        "toolcall.shape.accepts",
    ),
]

MUTANTS = [*ROLES, *PARTS, *CALLS]
