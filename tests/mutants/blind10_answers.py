"""Servers that answer wrongly, plainly, streamed or in a refusal, from the tenth blind list. See ``BLIND_10.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .base import answering, each_choice, refusing, streaming
from .blind9_answers import both
from .blind_common import Body
from .effects_common import replying
from .stream_common import Members, Rows, collection, counting, each, last, pieces, where

TYPE_STATUS = 406


answer = collection("blind10-", prop="answer", family="answer")
streams = collection("blind10-", prop="stream", family="stream")


# --- plain and streamed -----------------------------------------------------------------------------------------------


def characters(_body: Body, reply: Reply) -> Reply:
    """A count of what was written in characters."""
    written = 0
    for choice in reply.choices:
        calls = choice.calls if choice.function is None else (*choice.calls, choice.function)
        written += len("".join(choice.tokens)) + sum(len("".join(call.arguments)) for call in calls)
    total = reply.usage["prompt_tokens"] + written
    return replace(reply, usage={**reply.usage, "completion_tokens": written, "total_tokens": total})


def ended_by_object(choice: Members) -> None:
    choice["finish_reason"] = {"type": choice["finish_reason"]}


def unsure_first(choice: Members) -> None:
    if choice["logprobs"] and choice["logprobs"]["content"]:
        choice["logprobs"]["content"][0]["logprob"] = None


def unsure_stream(rows: Rows) -> None:
    """The first entry of each choice."""
    seen: set[int] = set()
    for piece in pieces(rows):
        if piece["logprobs"] and piece["logprobs"]["content"] and piece["index"] not in seen:
            seen.add(piece["index"])
            unsure_first(piece)


def one_less(body: Body, reply: Reply) -> Reply:
    """What is left is counted."""
    kept = reply.choices[:-1] or reply.choices
    return replace(reply, choices=kept, usage=answers.usage(body, kept))


# --- streams ----------------------------------------------------------------------------------------------------------


def later_fragments(rows: Rows) -> list[tuple[tuple[int, int], Members]]:
    """The fragments after the first one of each call, with the places of choice and call."""
    return [
        ((piece["index"], call["index"]), call["function"])
        for piece in pieces(rows)
        for call in piece["delta"].get("tool_calls") or ()
        if "id" not in call
    ]


def swapped(rows: Rows) -> None:
    ordered = sorted(later_fragments(rows), key=lambda found: found[0])
    for _, found in groupby(ordered, key=lambda one: one[0]):
        fragments = [fragment for _, fragment in found]
        if len(fragments) > 1:
            before, after = fragments[-2:]
            before["arguments"], after["arguments"] = after["arguments"], before["arguments"]


def undated(row: Members) -> None:
    del row["created"]


def bare(piece: Members) -> None:
    if "role" not in piece["delta"] and isinstance(piece["delta"].get("content"), str):
        piece["delta"] = piece["delta"]["content"]


def uncounted(_body: Body, reply: Reply) -> Reply:
    return replace(reply, include_usage=reply.include_usage and reply.alternatives is None)


# --- refusals ---------------------------------------------------------------------------------------------------------


def nested(body: Members) -> None:
    body["error"] = {"error": body["error"]}


def type_is_unacceptable(found: Sequence[Reason]) -> Reason:
    reason = behaviour.first(found)
    wrong = reason.code == "invalid_type" or reason.rule == "model.type"
    return replace(reason, status=TYPE_STATUS) if wrong else reason


MUTANTS = [
    answer(
        "usage-completion-characters",
        "ef.maxtokens",
        replying(characters),
        with_it="ef.maxtokens.* ef.length ef.length.* ef.monotone.max mm.alias.bound many.bounds res.usage.*"
        " sse.usage.on.* res.finish.*",
    ),
    answer(
        "finish-object",
        "res.finish.enum",
        answering(each_choice(ended_by_object)),
        with_it="res.finish.* ef.length ef.length.completion ef.stop* ef.choice.* ef.json_* ef.maxtokens*"
        " client.* gate.* many.* sse.equiv",
    ),
    answer(
        "first-logprob-null",
        "res.logprobs.entry",
        both(unsure_first, unsure_stream),
        prop="logprobs",
        with_it="sse.logprobs.* res.logprobs.* ef.toplogprobs.nested",
    ),
    answer(
        "n-one-less",
        "res.choices.count",
        replying(one_less),
        prop="n",
        with_it="res.choices.index sse.choice.count gate.multiple_choices many.choices res.usage.choices*",
    ),
    streams(
        "stream-args-swapped",
        "res.toolcalls.args.strict.stream",
        streaming(swapped),
        prop="tools",
        with_it="sse.tool.args sse.equiv res.toolcalls.args.schema.stream client.tools.stream",
    ),
    streams(
        "usage-chunk-created-missing",
        "sse.chunk.created",
        streaming(where(counting, last(undated))),
        prop="stream_options",
        with_it="sse.same.created sse.usage.on.* client.stream client.stream.*",
    ),
    streams(
        "stream-delta-string",
        "sse.choice.delta",
        streaming(each(pieces, bare)),
        with_it="sse.delta.* sse.role sse.role.* sse.equiv sse.finish* sse.logprobs* ef.*.stream gate.streaming"
        " many.streams client.stream client.stream.*",
    ),
    streams(
        "usage-lost-with-logprobs",
        "sse.usage.on",
        replying(uncounted),
        prop="stream_options",
        with_it="sse.usage.on.* res.usage.* gate.stream_usage",
    ),
    answer(
        "error-nested-twice",
        "err.keys.message",
        refusing(nested),
        prop="error",
        family="error",
        with_it="err.* client.error",
    ),
    answer(
        "type-status-406",
        "temperature.type.refuses n.type.refuses stream.type.refuses",
        Reference(behaviour=Behaviour(first=type_is_unacceptable)),
        prop="error",
        family="status",
        with_it="*.refuses client.error many.refusals mm.monotone.bad gate.*",
    ),
]
