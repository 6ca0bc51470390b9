"""Servers that answer wrongly, plainly, streamed or in a refusal, from the eleventh blind list. See ``BLIND_11.md``."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .answers_common import each_called_function, setting, turning
from .base import answering, streaming
from .blind9_answers import MODEL_ABSENT
from .blind_common import Body
from .effects_common import replying
from .stream_common import Members, Rows, collection, counting, deltas, each, finishing, last, pieces, where

CACHED = 512
"""Tokens that were in the cache and are counted nowhere else."""
ERROR_STATUS = 501


answer = collection("blind11-", prop="answer", family="answer")
streams = collection("blind11-", prop="stream", family="stream")


# --- plain and streamed -----------------------------------------------------------------------------------------------


def decoded(arguments: str) -> object:
    """What the arguments say, or an empty object where the bound cut them."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def nameless(choice: Choice) -> Choice:
    """The choice with empty ids where it has several calls."""
    if len(choice.calls) < 2:
        return choice
    return replace(choice, calls=tuple(replace(call, ident="") for call in choice.calls))


def idless(_body: Body, reply: Reply) -> Reply:
    return replace(reply, choices=tuple(nameless(choice) for choice in reply.choices))


def cached_beyond(_body: Body, reply: Reply) -> Reply:
    details = {**reply.usage["prompt_tokens_details"], "cached_tokens": reply.usage["prompt_tokens"] + CACHED}
    return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})


# --- streams ----------------------------------------------------------------------------------------------------------


def renamed(rows: Rows) -> None:
    for place, row in enumerate(rows):
        row["id"] = f"{row['id']}{place}"


def counted(rows: Rows) -> None:
    for place, piece in enumerate(pieces(rows)):
        piece["index"] = place


def calling(rows: Rows) -> bool:
    return any(delta.get("tool_calls") for delta in deltas(rows))


def null_word(piece: Members) -> None:
    if piece["finish_reason"] is None:
        piece["finish_reason"] = "null"


def stopped_twice(rows: Rows) -> None:
    """After each end of calls the usual end of an answer."""
    told: Rows = []
    for row in rows:
        told.append(row)
        if any(piece["finish_reason"] == "tool_calls" for piece in row["choices"]):
            again = copy.deepcopy(row)
            for piece in again["choices"]:
                piece["finish_reason"] = "stop"
            told.append(again)
    rows[:] = told


def opted_out(body: Body, reply: Reply) -> Reply:
    options = body.get("stream_options")
    named = isinstance(options, dict) and options.get("include_usage") is False
    return replace(reply, include_usage=True) if named else reply


def later(row: Members) -> None:
    row["created"] += 1


# --- refusals ---------------------------------------------------------------------------------------------------------


def absent_is_fine(found: Sequence[Reason]) -> Reason:
    reason = behaviour.first(found)
    absent = reason.code == "missing_required_parameter" or reason.rule in MODEL_ABSENT
    return replace(reason, status=200) if absent else reason


def unknown_is_unwritten(found: Sequence[Reason]) -> Reason:
    reason = behaviour.first(found)
    unknown = reason.rule == "function_call.enum" and reason.code == "invalid_value"
    return replace(reason, status=ERROR_STATUS) if unknown else reason


MUTANTS = [
    answer(
        "arguments-object-plain",
        "res.toolcalls.arguments",
        answering(each_called_function(turning("arguments", decoded))),
        prop="tools",
        with_it="res.toolcalls.* ef.echo* ef.choice.* gate.forced_tool client.tools many.tools sse.equiv",
    ),
    answer(
        "call-ids-empty-several",
        "res.toolcalls.id",
        replying(idless),
        prop="tools",
        with_it="res.toolcalls.id.unique res.toolcalls.shape sse.tool.first.id sse.tool.ids sse.tool.apart ef.echo*"
        " client.tools*",
    ),
    answer(
        "id-empty",
        "res.id",
        answering(setting(id="")),
        with_it="res.id.unique many.ids client.create client.create.async many.*",
    ),
    answer(
        "usage-cached-beyond",
        "res.usage.details.prompt",
        replying(cached_beyond),
        with_it="res.usage.details res.usage.details.* sse.usage.on.members",
    ),
    streams(
        "stream-id-each-chunk",
        "sse.same.id",
        streaming(renamed),
        with_it="many.streams many.ids client.stream client.stream.*",
    ),
    streams(
        "stream-index-counts",
        "sse.choice.range",
        streaming(counted),
        with_it="sse.* *.stream gate.streaming gate.* many.* client.* mm.*",
    ),
    streams(
        "stream-finish-index-zero",
        "sse.finish",
        streaming(each(finishing, setting(index=0))),
        prop="n",
        with_it="sse.finish.* sse.choice.* sse.equiv sse.role sse.delta.* ef.*.stream res.*.stream many.* gate.*",
    ),
    streams(
        "stream-calls-index-zero",
        "sse.finish.once",
        streaming(where(calling, each(pieces, setting(index=0)))),
        prop="n",
        with_it="sse.* *.stream many.* gate.*",
    ),
    streams(
        "stream-finish-null-word",
        "sse.finish.enum",
        streaming(each(pieces, null_word)),
        with_it="sse.finish* sse.choice.finish_reason sse.tool.finish sse.logprobs* sse.equiv *.stream gate.* many.*"
        " client.stream client.stream.* client.tools.stream",
    ),
    streams(
        "stream-stop-after-calls",
        "sse.finish.once",
        streaming(stopped_twice),
        prop="tools",
        with_it="sse.finish sse.finish.* sse.tool.finish res.finish.*.stream sse.equiv client.tools.stream many.tools",
    ),
    streams(
        "stream-usage-when-false",
        "sse.usage.off",
        replying(opted_out),
        prop="stream_options",
        with_it="sse.usage.* sse.chunk.choices client.stream client.stream.*",
    ),
    streams(
        "stream-usage-created-later",
        "sse.same.created",
        streaming(where(counting, last(later))),
        prop="stream_options",
        with_it="sse.usage.on.* client.stream client.stream.*",
    ),
    answer(
        "required-status-200",
        "messages.required.refuses model.required.refuses",
        Reference(behaviour=Behaviour(first=absent_is_fine)),
        prop="error",
        family="status",
        with_it="*.refuses err.* sse.error.* mm.* gate.* client.error many.refusals",
    ),
    answer(
        "function-call-word-501",
        "function_call.enum.refuses",
        Reference(behaviour=Behaviour(first=unknown_is_unwritten)),
        prop="function_call",
        family="status",
        with_it="function_call.* mm.monotone.bad mm.repeat.neg mm.tools.legacy gate.function_call",
    ),
]
