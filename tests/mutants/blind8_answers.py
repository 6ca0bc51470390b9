"""Servers that answer wrongly, plainly, streamed or in a refusal, from the eighth blind list. See ``BLIND_8.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .base import answering, each_choice, streaming
from .blind_common import Body
from .effects_common import replying
from .stream_common import Members, collection, each, entries, heads

OUTSIDE = ("_min_value", "_max_value")
"""How the codes of a number out of its range end."""
RANGE_STATUS = 416


answer = collection("blind8-", prop="answer", family="answer")


def completion_twice(_body: Body, reply: Reply) -> Reply:
    return replace(reply, usage={**reply.usage, "total_tokens": reply.usage["completion_tokens"]})


def unsigned(entry: Members) -> None:
    entry["logprob"] = abs(entry["logprob"])


def unsigned_choice(choice: Members) -> None:
    for entry in choice["logprobs"]["content"] if choice["logprobs"] else ():
        unsigned(entry)


def unsigned_everywhere() -> Reference:
    plain, streams = answering(each_choice(unsigned_choice)), streaming(each(entries, unsigned))
    return Reference(behaviour=replace(plain.behaviour, chunks=streams.behaviour.chunks))


def nameless(call: Members) -> None:
    del call["function"]["name"]


def listed(reason: Reason) -> Any:
    return {"errors": [behaviour.envelope(reason)["error"]]}


def out_of_range(found: Sequence[Reason]) -> Reason:
    reason = behaviour.first(found)
    outside = (reason.code or "").endswith(OUTSIDE) or reason.rule == "logit_bias.value.range"
    return replace(reason, status=RANGE_STATUS) if outside else reason


MUTANTS = [
    answer("usage-total-is-completion", "res.usage.sum", replying(completion_twice), with_it="sse.usage.on.sum"),
    answer(
        "logprob-positive", "res.logprobs.range", unsigned_everywhere(), prop="logprobs", with_it="sse.logprobs.range"
    ),
    answer(
        "stream-done-lower-case",
        "sse.done",
        Reference(behaviour=Behaviour(done=b"data: [done]\n\n")),
        prop="stream",
        family="stream",
        with_it="sse.done.* sse.frame.json gate.streaming client.stream client.stream.*"
        " client.tools.stream many.streams",
    ),
    answer(
        "stream-tool-name-missing",
        "sse.tool.first.name",
        streaming(each(heads, nameless)),
        prop="stream",
        family="stream",
        with_it="client.tools.stream ef.choice.named.stream ef.echo.stream res.toolcalls.name.stream"
        " client.stream.helper client.stream.helper.async",
    ),
    answer(
        "error-under-errors",
        "err.envelope",
        Reference(behaviour=Behaviour(envelope=listed)),
        prop="error",
        family="error",
        with_it="err.envelope.http err.keys.* err.message err.message.names client.error sse.error.before",
    ),
    answer(
        "range-status-416",
        "temperature.max.refuses n.max.refuses",
        Reference(behaviour=Behaviour(first=out_of_range)),
        prop="error",
        family="status",
        with_it="temperature.*.refuses top_p.*.refuses frequency_penalty.*.refuses"
        " presence_penalty.*.refuses n.min.refuses top_logprobs.m*.refuses max_tokens.min.refuses"
        " max_completion_tokens.min.refuses logit_bias.value.range.*refuses seed.range"
        " client.error many.refusals mm.monotone.bad",
    ),
]
