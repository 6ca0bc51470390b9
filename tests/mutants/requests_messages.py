"""Servers that judge conversations wrongly: the array, roles, names and content."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.behaviour import Reference

from .base import unchecked
from .requests_making import (
    Body,
    about,
    crashing,
    crashing_message,
    each_message,
    is_array,
    is_integer,
    is_object,
    is_text,
    null,
    reading,
    refusing_message,
    rewriting,
    set_if,
    spoken,
    stumbling,
    viewing,
)

SAID = {"role": "user", "content": "Say hi."}


def messages_of(change: Callable[[list[Any]], Any]) -> Reference:
    return reading("messages", is_array, change)


def words_as_messages(items: list[Any]) -> list[Any]:
    return [{"role": "user", "content": item} if is_text(item) else item for item in items]


def ends(body: Body) -> Body:
    """A view of the first message only."""
    value = body.get("messages")
    return body | {"messages": value[:1]} if isinstance(value, list) else body


def last(body: Body) -> Body:
    value = body.get("messages")
    return body | {"messages": value[-1:]} if isinstance(value, list) else body


def speechless(message: Body) -> bool:
    return message.get("content") is None and not any(
        message.get(key) for key in ("tool_calls", "function_call", "refusal", "audio")
    )


def something(message: Body) -> None:
    if speechless(message):
        message["content"] = ""


def beyond_ascii(message: Body) -> bool:
    return is_text(message.get("content")) and any(ord(letter) > 0xFFFF for letter in message["content"])


def content_is(test: Callable[[Any], object]) -> Callable[[Body], bool]:
    return lambda message: bool(test(message.get("content")))


row = about("messages")

ARRAY = [
    row(
        "messages-guessed",
        "required",
        rewriting(lambda body: body.setdefault("messages", [SAID])),
        "messages.required.refuses",
    ),
    row(
        "messages-null",
        "type",
        reading("messages", lambda value: value is None, lambda _: [SAID]),
        "messages.null.refuses",
    ),
    row(
        "messages-text",
        "type",
        reading("messages", is_text, lambda value: [{"role": "user", "content": value}]),
        "messages.type.refuses",
    ),
    row(
        "messages-empty",
        "bound",
        reading("messages", lambda value: value == [], lambda _: [SAID]),
        "messages.min.refuses",
    ),
    row("messages-empty-crash", "crash", stumbling(lambda body: body.get("messages") == []), "messages.min.refuses"),
    row("message-word", "type", messages_of(words_as_messages), "messages.item.type.refuses"),
    row(
        "message-null-crash",
        "crash",
        stumbling(lambda body: is_array(body.get("messages")) and None in body["messages"]),
        "messages.item.type.refuses",
    ),
    row("messages-many-crash", "crash", crashing(lambda body: len(body["messages"]) > 200), "messages.max"),
]

ROLES = [
    row("role-unchecked", "enum", unchecked("role.enum"), "role.enum.refuses", "mm.position.refuses"),
    row(
        "message-role-missing",
        "required",
        each_message(lambda message: message.setdefault("role", "user")),
        "role.required.refuses",
        "mm.position.refuses",
    ),
    row(
        "role-any-case",
        "enum",
        each_message(
            lambda message: message.update(role=message["role"].lower()) if is_text(message.get("role")) else None
        ),
        "role.enum.refuses",
    ),
    row("role-null", "type", each_message(set_if("role", lambda role: role is None, "user")), "role.type.refuses"),
    row(
        "role-number-crash",
        "crash",
        stumbling(lambda body: any(is_integer(message.get("role")) for message in spoken(body))),
        "role.type.refuses",
    ),
    row("role-first-only", "enum", viewing("role.enum", ends), "mm.position.refuses", "role.enum.refuses"),
    row(
        "role-system-refused",
        "refused",
        refusing_message(lambda _: True, "system"),
        "gate.system_role",
    ),
    row("role-tool-refused", "refused", refusing_message(lambda _: True, "tool"), "gate.tool_messages"),
    row("role-function-refused", "refused", refusing_message(lambda _: True, "function"), "gate.function_messages"),
    row("role-function-crash", "crash", crashing_message(lambda _: True, "function"), "gate.function_messages"),
    row(
        "name-number",
        "type",
        each_message(lambda message: message.update(name="7") if is_integer(message.get("name")) else None),
        "messages.name.type.refuses",
    ),
    row(
        "name-refused",
        "refused",
        refusing_message(lambda message: "name" in message, "user", "system", "assistant"),
        "messages.name.type.accepts messages.name.pattern.accepts",
    ),
    row(
        "name-crash",
        "crash",
        crashing_message(lambda message: "name" in message, "user"),
        "messages.name.type.accepts",
        "messages.name.*",
    ),
    row(
        "name-hyphen-refused",
        "refused",
        refusing_message(lambda message: "-" in (message.get("name") or ""), "user", "system", "assistant"),
        "messages.name.pattern.accepts",
    ),
]

CONTENT = [
    row(
        "user-content-missing",
        "required",
        unchecked("content.user.required"),
        "content.user.required.refuses",
        "mm.position.refuses",
    ),
    row(
        "user-content-null-crash",
        "crash",
        stumbling(lambda body: any(null("content")(message) for message in spoken(body, "user"))),
        "content.user.required.refuses",
    ),
    row(
        "user-content-last-only",
        "required",
        viewing("content.user.required", last),
        "mm.position.refuses",
        "content.user.required.refuses",
    ),
    row("system-content-missing", "required", unchecked("content.system.required"), "content.system.required.refuses"),
    row("tool-content-missing", "required", unchecked("content.tool.required"), "content.tool.required.refuses"),
    row("assistant-speechless", "required", each_message(something, "assistant"), "content.assistant.optional.refuses"),
    row(
        "assistant-null-refused",
        "refused",
        refusing_message(lambda message: message.get("tool_calls") and null("content")(message), "assistant"),
        "content.assistant.optional.accepts",
    ),
    row(
        "assistant-absent-refused",
        "refused",
        refusing_message(lambda message: message.get("tool_calls") and "content" not in message, "assistant"),
        "content.assistant.optional.accepts",
    ),
    row(
        "assistant-null-crash",
        "crash",
        crashing_message(lambda message: message.get("tool_calls") and null("content")(message), "assistant"),
        "content.assistant.optional.accepts",
    ),
    row(
        "assistant-function-null-refused",
        "refused",
        refusing_message(lambda message: message.get("function_call") and message.get("content") is None, "assistant"),
        "content.assistant.function.accepts",
    ),
    row(
        "function-content-missing",
        "required",
        unchecked("content.function.nullable"),
        "content.function.nullable.refuses",
    ),
    row(
        "function-content-null-refused",
        "refused",
        refusing_message(null("content"), "function"),
        "content.function.nullable.accepts",
    ),
    row(
        "content-number",
        "type",
        each_message(
            lambda message: (
                message.update(content=str(message["content"])) if is_integer(message.get("content")) else None
            ),
            "user",
            "system",
            "assistant",
        ),
        "content.type.refuses",
    ),
    row(
        "content-number-crash",
        "crash",
        stumbling(lambda body: any(is_integer(message.get("content")) for message in spoken(body, "user"))),
        "content.type.refuses",
    ),
    row(
        "tool-content-object",
        "type",
        each_message(
            lambda message: (
                message.update(content=json.dumps(message["content"])) if is_object(message.get("content")) else None
            ),
            "tool",
        ),
        "content.tool.type.refuses",
    ),
    row(
        "content-empty-refused",
        "refused",
        refusing_message(content_is(lambda content: content == ""), "user", "system", "assistant"),
        "content.empty.string.accepts",
    ),
    row(
        "tool-content-empty-refused",
        "refused",
        refusing_message(content_is(lambda content: content == ""), "tool"),
        "content.empty.tool.accepts",
    ),
    row(
        "content-astral-crash",
        "crash",
        crashing_message(beyond_ascii),
        "content.unicode.accepts http.unicode.accepts",
        "http.unicode.* http.json.escapes.accepts together.*",
    ),
    row(
        "content-newline-refused",
        "refused",
        refusing_message(content_is(lambda content: is_text(content) and "\n" in content)),
        "content.unicode.accepts",
        "http.json.escapes.accepts http.unicode.*",
    ),
]

MUTANTS = [*ARRAY, *ROLES, *CONTENT]
