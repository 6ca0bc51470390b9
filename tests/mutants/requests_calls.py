"""Servers that judge the calls in a history, or their answers, wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from chatproof.conformance.reference.behaviour import Reference

from .base import bounded, unchecked
from .requests_making import (
    Body,
    about,
    calls,
    crashing,
    each_call,
    each_message,
    is_array,
    is_integer,
    is_object,
    is_text,
    null,
    refusing_message,
    refusing_valid,
    rewriting,
    spoken,
    stumbling,
)


def refusing_call(test: Callable[[Body], object]) -> Reference:
    return refusing_valid(lambda body: any(test(call) for call in calls(body)))


def guessed_ids(body: Body) -> None:
    """A call without an id gets that of the first answer."""
    answered = [message["tool_call_id"] for message in spoken(body, "tool") if is_text(message.get("tool_call_id"))]
    for call in calls(body):
        call.setdefault("id", answered[0] if answered else "call_1")


def counted_ids(body: Body) -> None:
    """A number as an id is taken, whatever the answer says."""
    answered = [message["tool_call_id"] for message in spoken(body, "tool") if is_text(message.get("tool_call_id"))]
    for call in calls(body):
        if is_integer(call.get("id")):
            call["id"] = answered[0] if answered else str(call["id"])


def called(change: Callable[[Body], object]) -> Reference:
    """A server that reads the function of every call as another one."""
    return each_call(lambda call: change(call["function"]) if is_object(call.get("function")) else None)


def written(function: Body) -> None:
    if is_object(function.get("arguments")):
        function["arguments"] = json.dumps(function["arguments"])


row = about("messages")

CALLS = [
    row(
        "history-call-id-missing",
        "required",
        rewriting(guessed_ids),
        "toolcall.id.required.refuses",
        "toolcall.shape.refuses",
    ),
    row(
        "history-call-type-missing",
        "required",
        each_call(lambda call: call.setdefault("type", "function")),
        "toolcall.shape.refuses",
    ),
    row(
        "history-call-function-missing",
        "required",
        each_call(lambda call: call.setdefault("function", {"name": "f", "arguments": "{}"})),
        "toolcall.shape.refuses",
    ),
    row(
        "history-call-name-missing",
        "required",
        called(lambda function: function.setdefault("name", "f")),
        "toolcall.shape.refuses",
    ),
    row(
        "history-call-type-other",
        "enum",
        each_call(lambda call: call.update(type="function") if is_text(call.get("type")) else None),
        "toolcall.shape.refuses",
    ),
    row("history-call-arguments-object", "type", called(written), "toolcall.arguments.type.refuses"),
    row("history-call-id-number", "type", rewriting(counted_ids), "toolcall.id.required.refuses"),
    row(
        "history-calls-object",
        "type",
        each_message(
            lambda message: (
                message.update(tool_calls=[message["tool_calls"]]) if is_object(message.get("tool_calls")) else None
            )
        ),
        "toolcall.type.item.refuses",
    ),
    row(
        "history-call-arguments-crash",
        "crash",
        stumbling(
            lambda body: any(
                is_object(call.get("function")) and is_object(call["function"].get("arguments")) for call in calls(body)
            )
        ),
        "toolcall.arguments.type.refuses",
    ),
    row(
        "history-call-arguments-nested-crash",
        "crash",
        crashing(lambda body: any(re.search(r"[\[{].*[\[{]", call["function"]["arguments"]) for call in calls(body))),
        "toolcall.arguments.valid.accepts",
    ),
    row(
        "history-call-id-unbounded",
        "bound",
        unchecked("toolcall.id.maxlen"),
        "toolcall.id.maxlen.refuses",
        "toolcall.id.next",
    ),
    row("history-call-id-39", "bound", bounded(call_id_max=39), "toolcall.id.maxlen.accepts"),
    row(
        "history-call-id-nine",
        "pattern",
        refusing_call(lambda call: not re.fullmatch("[A-Za-z0-9]{9}", call["id"])),
        "toolcall.id.maxlen.accepts",
        "ef.echo",
    ),
    row("history-call-name-unchecked", "pattern", unchecked("toolcall.name.pattern"), "toolcall.name.pattern.refuses"),
    row(
        "history-call-name-hyphen-refused",
        "refused",
        refusing_call(lambda call: "-" in call["function"]["name"]),
        "toolcall.name.pattern.accepts",
    ),
    row("history-calls-empty", "bound", unchecked("assistant.toolcalls.min"), "assistant.toolcalls.min.refuses"),
    row("history-calls-129", "bound", bounded(calls_max=129), "assistant.toolcalls.max.refuses"),
    row("history-calls-127", "bound", bounded(calls_max=127), "assistant.toolcalls.max.accepts"),
    row(
        "refusal-null-refused",
        "refused",
        refusing_message(null("refusal"), "assistant"),
        "assistant.refusal.null.accepts",
        "ef.echo ef.echo.text",
    ),
    row(
        "assistant-audio-null-refused",
        "refused",
        refusing_message(null("audio"), "assistant"),
        "assistant.audio.null.accepts",
    ),
    row(
        "function-call-null-refused",
        "refused",
        refusing_message(null("function_call"), "assistant"),
        "assistant.function_call.null.accepts",
    ),
    row(
        "tool-id-missing",
        "required",
        each_message(lambda message: message.setdefault("tool_call_id", "call00001"), "tool"),
        "tool.id.required.refuses",
    ),
    row(
        "tool-id-number",
        "type",
        each_message(
            lambda message: (
                message.update(tool_call_id="call00001") if is_integer(message.get("tool_call_id")) else None
            ),
            "tool",
        ),
        "tool.id.type.refuses",
    ),
    row("tool-orphan", "coupling", unchecked("tool.preceded"), "tool.preceded.refuses"),
    row("history-call-unanswered", "coupling", unchecked("toolcalls.answered"), "toolcalls.answered.refuses"),
    row(
        "history-call-unanswered-crash",
        "crash",
        stumbling(
            lambda body: is_array(body.get("messages")) and bool(list(calls(body))) and not list(spoken(body, "tool"))
        ),
        "toolcalls.answered.refuses",
    ),
    row(
        "function-message-nameless",
        "required",
        unchecked("functionmsg.name.required"),
        "functionmsg.name.required.refuses",
    ),
    row(
        "tool-answers-two-refused",
        "refused",
        refusing_valid(lambda body: len(list(spoken(body, "tool"))) == 2),
        "toolcall.shape.accepts",
    ),
]

MUTANTS = [*CALLS]
