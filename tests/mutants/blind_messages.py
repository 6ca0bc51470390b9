"""Servers invented without looking at the rules: messages, parts and calls. See ``BLIND_REQUESTS.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatproof.conformance.reference.limits import LIMITS

from .base import bounded
from .requests_making import (
    Body,
    calls,
    each_call,
    each_message,
    entries,
    fault,
    is_object,
    is_text,
    null,
    parts,
    reading,
    refusing_message,
    refusing_valid,
    rewriting,
    set_if,
    spoken,
    stumbling,
)


def late_system(body: Body) -> bool:
    return any(message.get("role") == "system" for message in entries(body, "messages")[1:])


def excuse(message: Body) -> None:
    others = (message.get(key) for key in ("content", "tool_calls", "refusal", "audio", "function_call"))
    if "function_call" in message and all(value is None for value in others):
        message["content"] = ""


def type_not_first(body: Body) -> bool:
    return any(next(iter(part), None) != "type" for part in parts(body))


def without_images(message: Body) -> None:
    content = message.get("content")
    if isinstance(content, list):
        left = [part for part in content if not (is_object(part) and part.get("type") == "image_url")]
        message["content"] = left if left or not content else ""


def without_mixed_refusal(message: Body) -> None:
    types = [part.get("type") for part in entries(message, "content")]
    if types.count("refusal") == 1 and "text" in types:
        message["content"] = [
            part for part in message["content"] if not (is_object(part) and part.get("type") == "refusal")
        ]


def string_part(body: Body) -> bool:
    return any(
        isinstance(message.get("content"), list) and any(isinstance(part, str) for part in message["content"])
        for message in spoken(body)
    )


def null_arguments(call: Body) -> None:
    if is_object(call.get("function")):
        set_if("arguments", lambda value: value is None, "")(call["function"])


def id_of_many_bytes(body: Body) -> bool:
    return any(len(call["id"].encode("utf-8", "surrogatepass")) > 40 for call in calls(body))


def ids(message: Body) -> list[Any]:
    return [call.get("id") for call in entries(message, "tool_calls")] if message.get("role") == "assistant" else []


def without_stale(body: Body) -> None:
    """Without the replies to calls of earlier turns."""
    if not isinstance(body.get("messages"), list):
        return
    seen: list[Any] = []
    block: list[Any] = []
    left: list[Any] = []
    for message in body["messages"]:
        if is_object(message) and message.get("role") == "tool":
            ident = message.get("tool_call_id")
            if ident in seen and ident not in block:
                continue
        else:
            block = ids(message) if is_object(message) else []
            seen += block
        left.append(message)
    body["messages"] = left


def blocks(body: Body) -> Iterator[tuple[list[Any], list[Body]]]:
    """The ids of an assistant message's calls, and the tool messages that follow it."""
    messages = entries(body, "messages")
    for place, message in enumerate(messages):
        if ids(message):
            replies: list[Body] = []
            for reply in messages[place + 1 :]:
                if reply.get("role") != "tool":
                    break
                replies.append(reply)
            yield ids(message), replies


def numbered(body: Body) -> None:
    for called, replies in blocks(body):
        if len(called) == len(replies) and all(is_text(reply.get("tool_call_id")) for reply in replies):
            for ident, reply in zip(called, replies, strict=True):
                reply["tool_call_id"] = ident


def out_of_order(body: Body) -> bool:
    return any([reply.get("tool_call_id") for reply in replies] != called for called, replies in blocks(body))


def extra(message: Body) -> bool:
    return bool(message.keys() - {"role", "content", "tool_call_id", "name"})


MESSAGES = [
    fault(name, "messages", family, server, fails, with_it)
    for name, family, server, fails, with_it in (
        (
            "blind-messages-single-object",
            "type",
            reading("messages", is_object, lambda value: [value]),
            "messages.type.refuses",
            "",
        ),
        (
            "blind-role-alias",
            "enum",
            rewriting(
                lambda body: [
                    message.update(role={"human": "user", "ai": "assistant"}[message["role"]])
                    for message in spoken(body, "human", "ai")
                ]
            ),
            "role.enum.refuses",
            "",
        ),
        ("blind-system-not-first-refused", "refused", refusing_valid(late_system), "messages.system.later", ""),
        (
            "blind-assistant-null-call-excuses",
            "required",
            each_message(excuse, "assistant"),
            "content.assistant.optional.refuses",
            "",
        ),
        (
            "blind-tool-parts-refused",
            "refused",
            refusing_message(lambda message: isinstance(message.get("content"), list), "tool"),
            "content.tool.parts.accepts",
            "",
        ),
        ("blind-part-type-first", "relation", refusing_valid(type_not_first), "mm.keyorder", ""),
        ("blind-image-in-assistant", "enum", each_message(without_images, "assistant"), "part.image.role.refuses", ""),
        (
            "blind-input-audio-flac",
            "enum",
            bounded(input_audio_formats=LIMITS.audio_formats),
            "part.audio.format.refuses",
            "",
        ),
        (
            "blind-refusal-part-mixed",
            "coupling",
            each_message(without_mixed_refusal, "assistant"),
            "part.refusal.refuses",
            "",
        ),
        ("blind-part-string-crash", "crash", stumbling(string_part), "part.object.refuses", ""),
        ("blind-call-arguments-null", "type", each_call(null_arguments), "toolcall.arguments.type.refuses", ""),
        ("blind-call-id-bytes", "bound", refusing_valid(id_of_many_bytes), "toolcall.id.maxlen.accepts", ""),
        ("blind-tool-reply-stale", "coupling", rewriting(without_stale), "tool.preceded.refuses", ""),
        (
            "blind-tool-replies-by-count",
            "coupling",
            rewriting(numbered),
            "toolcalls.answered.refuses",
            "",
        ),
        ("blind-tool-replies-in-order", "refused", refusing_valid(out_of_order), "toolcall.shape.accepts", ""),
        (
            "blind-function-content-null-refused",
            "refused",
            refusing_message(null("content"), "function"),
            "content.function.nullable.accepts",
            "",
        ),
        (
            "blind-tool-message-extra-refused",
            "refused",
            refusing_message(extra, "tool"),
            "http.key.unknown.message.tool.accepts",
            "",
        ),
    )
]

MUTANTS = [*MESSAGES]
