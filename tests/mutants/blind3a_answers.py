"""Servers of the third blind list: plain answers, their calls, and the errors. See ``BLIND_3A.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .base import answering, each_choice
from .blind2_calls import spelled
from .blind_common import Body, edited, messages_of
from .effects_common import choosing
from .stream_common import collection

answer = collection("blind3a-", prop="answer", family="answer")


def older_object(body: Body) -> None:
    if any(choice["logprobs"] is not None for choice in body["choices"]):
        body["object"] = "text_completion"


def no_content(choice: Body) -> None:
    if choice["message"].get("tool_calls"):
        del choice["message"]["content"]


def no_ids(body: Body, told: Body) -> None:
    for choice in told["choices"] if isinstance(body.get("tool_choice"), dict) else ():
        for call in choice["message"].get("tool_calls") or ():
            call["id"] = None


def no_empty_list(entry: Body) -> None:
    if entry.get("top_logprobs") == []:
        del entry["top_logprobs"]


def ended_as_called(body: Body, choice: Choice) -> Choice:
    rows = messages_of(body)
    told = bool(rows) and rows[-1].get("role") == "tool"
    return replace(choice, finish="tool_calls") if told and choice.speaks and choice.finish == "stop" else choice


def listed(reason: Reason) -> Any:
    """An array of one error where the reason names something inside of a property."""
    body = behaviour.envelope(reason)
    return [body] if any(mark in (reason.param or "") for mark in ".[") else body


MUTANTS = [
    answer("object-text-completion", "res.object", answering(older_object), prop="logprobs"),
    answer(
        "content-missing-calls",
        "res.message.content.null",
        answering(each_choice(no_content)),
        prop="tools",
        with_it="res.message.required",
    ),
    answer(
        "call-id-null-named",
        "res.toolcalls.id",
        prop="tool_choice",
        around=edited(no_ids),
        with_it="ef.echo client.tools*",
    ),
    answer(
        "top-key-missing",
        "res.logprobs.entry",
        spelled(no_empty_list),
        prop="logprobs",
        with_it="sse.logprobs.entry sse.logprobs.keys",
    ),
    answer(
        "finish-after-tool",
        "res.finish.calls",
        choosing(ended_as_called),
        prop="messages",
        with_it="res.finish.calls.stream",
    ),
    answer(
        "error-list-nested",
        "err.envelope",
        Reference(behaviour=Behaviour(envelope=listed)),
        prop="error",
        family="error",
        with_it="client.error",
    ),
]
