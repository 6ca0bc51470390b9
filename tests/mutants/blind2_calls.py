"""Servers with one wrong thing in their tool calls or log probabilities, from the second blind list."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.text import bound, tokenize

from .base import answering, each_choice, streaming
from .blind_calls import every_entry
from .blind_common import Body, messages_of
from .effects_common import choosing, planning, without
from .stream_common import Rows, collection, entries

FIVE = 5


answer = collection("blind2-", prop="tools", family="answer")


def calls_of(body: Body) -> Iterator[list[Body]]:
    return (choice["message"].get("tool_calls") or [] for choice in body["choices"])


def type_once(body: Body) -> None:
    for calls in calls_of(body):
        for call in calls[1:]:
            del call["type"]


def empty_object(body: Body) -> None:
    for calls in calls_of(body):
        for call in calls:
            if call["function"]["arguments"] == "{}":
                call["function"]["arguments"] = {}


def long_ids(body: Body, choice: Choice) -> Choice:
    return replace(choice, calls=tuple(replace(call, ident=f"{call.ident}-{call.ident}") for call in choice.calls))


def roomy(body: Body, choice: Choice, calls: tuple[Call, ...]) -> Choice:
    """The choice with these calls, if the bound has room for them."""
    turned = replace(choice, calls=calls)
    return turned if turned.used <= (bound(body) or turned.used) else choice


def encoded_again(body: Body, choice: Choice) -> Choice:
    if choice.finish == "length":
        return choice
    texts = ["".join(call.arguments) for call in choice.calls]
    pieces = [tuple(tokenize(json.dumps(text))) for text in texts]
    calls = tuple(replace(call, arguments=made) for call, made in zip(choice.calls, pieces, strict=True))
    return roomy(body, choice, calls)


def with_first(body: Body, choice: Choice) -> Choice:
    """A call of the first tool beside the named one, where calls may be several."""
    named = isinstance(body.get("tool_choice"), dict) and body.get("parallel_tool_calls") is not False
    if not named or not choice.calls or choice.finish == "length":
        return choice
    function = body["tools"][0]["function"]
    made = tuple(tokenize(answers.arguments(function.get("parameters"))))
    other = Call(f"{choice.calls[0].ident}b", function["name"], made)
    return choice if other.name == choice.calls[0].name else roomy(body, choice, (*choice.calls, other))


def none_once(body: Body) -> Body:
    answered = any(message.get("role") == "tool" for message in messages_of(body))
    return without("tool_choice")(body) if answered and body.get("tool_choice") == "none" else body


def parallel_anyway(body: Body) -> Body:
    return without("parallel_tool_calls")(body) if body.get("tool_choice") == "required" else body


def empty_list(choice: Body) -> None:
    if choice["logprobs"] is None:
        choice["logprobs"] = []


def given(body: Body) -> Body:
    return {**body, "logprobs": True} if body.get("logprobs") is False else body


def spelled(change: Callable[[Body], Any]) -> Reference:
    """With every entry and alternative of log probabilities changed, in plain answers and in streams."""

    def plain(body: Body) -> None:
        # the entries are not to share anything, each is changed once
        body.update(copy.deepcopy(body))
        for entry in every_entry(body):
            change(entry)

    def streamed(rows: Rows) -> None:
        for entry in entries(rows):
            for one in (entry, *entry["top_logprobs"]):
                change(one)

    completion, chunks = answering(plain).behaviour.completion, streaming(streamed).behaviour.chunks
    return Reference(behaviour=Behaviour(completion=completion, chunks=chunks))


def code_points(entry: Body) -> None:
    entry["bytes"] = [ord(character) for character in entry["token"]]


def null_for_none(entry: Body) -> None:
    if entry.get("top_logprobs") == []:
        entry["top_logprobs"] = None


def zero_is_unset(body: Body) -> Body:
    zero = body.get("logprobs") is True and "top_logprobs" in body
    return {**body, "top_logprobs": body["top_logprobs"] or FIVE} if zero and body["top_logprobs"] == 0 else body


MUTANTS = [
    answer("call-type-first-only", "res.toolcalls.type", answering(type_once)),
    answer("arguments-empty-object", "res.toolcalls.arguments", answering(empty_object)),
    answer("call-id-long", "ef.echo", choosing(long_ids)),
    answer("arguments-encoded-twice", "res.toolcalls.args.strict", choosing(encoded_again), "res.toolcalls.args"),
    answer("named-and-first", "ef.choice.named", choosing(with_first), prop="tool_choice"),
    answer("none-after-calls", "ef.choice.none", planning(none_once), prop="tool_choice", family="ignored"),
    answer(
        "parallel-off-required",
        "ef.parallel.off",
        planning(parallel_anyway),
        prop="parallel_tool_calls",
        family="ignored",
    ),
    answer(
        "logprobs-empty-list",
        "res.logprobs.shape",
        answering(each_choice(empty_list)),
        prop="logprobs",
    ),
    answer(
        "logprobs-false-given",
        "ef.logprobs.off",
        planning(given),
        "sse.logprobs.off",
        prop="logprobs",
        family="ignored",
    ),
    answer("bytes-code-points", "res.logprobs.bytes", spelled(code_points), "res.logprobs.concat", prop="logprobs"),
    answer("top-null", "res.logprobs.entry", spelled(null_for_none), "sse.logprobs.entry", prop="top_logprobs"),
    answer("top-zero-five", "res.logprobs.count.none", planning(zero_is_unset), prop="top_logprobs"),
]
