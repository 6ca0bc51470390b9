"""Servers whose fault only two answers beside each other show, or the end of a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import stream
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant, of
from .effects_common import Body, counting, planning, replying
from .load_common import Around
from .stream_common import Rows, pieces, spoilt

# --------------------------------------------------------------------------------------------- the end of a message


def after_the_marker(end: Callable[[Receive], Any], when: Callable[[bytes], bool] = lambda sent: True) -> Around:
    """Does something else in place of ending the message of a stream whose bytes pass the test."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            sent = b""

            async def sending(message: Message) -> None:
                nonlocal sent
                sent += message.get("body", b"")
                ends = message["type"] == "http.response.body" and not message.get("more_body", False)
                if ends and sent.endswith(stream.DONE) and when(sent):
                    await end(receive)
                else:
                    await send(message)

            await app(scope, receive, sending)

        return wrapped

    return around


async def waits(receive: Receive) -> None:
    """Until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


async def leaves(receive: Receive) -> None:
    """The server closes the connection of an answer that is not complete."""


# --------------------------------------------------------------------------------------------- texts and biases


def last_piece_lost(rows: Rows) -> None:
    for piece in reversed(list(pieces(rows))):
        if piece["delta"].get("content"):
            piece["delta"]["content"] = ""
            return


def half_characters(rows: Rows) -> None:
    """Decodes each token by itself: what is not whole yet becomes a replacement character."""
    told = [piece for piece in pieces(rows) if piece["delta"].get("content")]
    for piece in told[1:2]:
        piece["delta"]["content"] = "\ufffd\ufffd"


def biases(keep: Callable[[float], bool]) -> Reference:
    """A model that hears of some biases only."""

    def change(body: Body) -> Body:
        found = body.get("logit_bias") or {}
        return {**body, "logit_bias": {key: value for key, value in found.items() if keep(value)}}

    return planning(change)


def other_alternatives(body: Body, reply: Reply) -> Reply:
    """Bans the second likeliest token for every even number of alternatives."""
    if reply.alternatives and reply.alternatives % 2 == 0:
        return replace(reply, banned=reply.banned | {"0", "1", "2"})
    return reply


def one_more(body: Body, usage: dict[str, Any]) -> int:
    """Counts the end for the newer name of the bound."""
    return usage["completion_tokens"] + (1 if body.get("max_completion_tokens") else 0)


def mutant(name: str, prop: str, server: Reference, fails: str, *with_it: str) -> Mutant:
    return Mutant(
        name=name, property=prop, family="relation", server=server, fails=of(*fails.split()), with_it=frozenset(with_it)
    )


def ending(name: str, fails: str, around: Around) -> Mutant:
    return Mutant(name=name, property="stream", family="stream", fails=of(*fails.split()), around=around)


TEXTS = "res.logprobs.concat.stream ef.*.stream many.*"

MUTANTS = [
    ending("stream-left-open", "sse.done.open", after_the_marker(waits)),
    ending("stream-closed-early", "sse.done.closed", after_the_marker(leaves)),
    ending(
        "stream-closed-early-after-calls",
        "sse.done.closed",
        after_the_marker(leaves, lambda sent: b"tool_calls" in sent),
    ),
    spoilt("stream-last-piece-lost", "sse.equiv", last_piece_lost, TEXTS),
    spoilt("stream-half-characters", "sse.equiv", half_characters, TEXTS),
    mutant("bias-unread", "logit_bias", biases(lambda value: False), "ef.bias.force"),
    mutant("bias-wish-unread", "logit_bias", biases(lambda value: value < 0), "ef.bias.force"),
    mutant("bias-ban-unread", "logit_bias", biases(lambda value: value > 0), "ef.bias.ban"),
    mutant("top-lists-differ", "top_logprobs", replying(other_alternatives), "ef.toplogprobs.nested"),
    mutant(
        "completion-bound-counts-end",
        "max_completion_tokens",
        counting(one_more, "completion_tokens"),
        "mm.alias.bound ef.maxtokens.completion.exact",
    ),
]
