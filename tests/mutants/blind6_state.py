"""Servers that remember too much, or fail in a crowd, from the sixth blind list. See ``BLIND_6.md``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind_common import Body, Sent, is_stream, pass_on, sent_by
from .blind_effects import wanted
from .blind_state import OVERLAP, Flight, crowd
from .effects_common import replying, without
from .load_common import body_of, is_create, whole
from .stream_common import collection

PLACES = 2
"""Streams that are written at once."""
_keyed = without("response_format", "stream", "stream_options")
_unstreamed = without("stream", "stream_options")


state = collection("blind6-", family="load")


def schemaless() -> Reference:
    """Structured texts are kept by all of the request but their schema."""
    known: dict[str, tuple[Choice, ...]] = {}

    def changed(body: Body, reply: Reply) -> Reply:
        if wanted(body).get("type") != "json_schema" or not all(choice.speaks for choice in reply.choices):
            return reply
        choices = known.setdefault(json.dumps(_keyed(body), sort_keys=True), reply.choices)
        return replace(reply, choices=choices, usage=answers.usage(body, choices))

    return replying(changed)


def naming(body: Body) -> bool:
    return isinstance(body.get("tool_choice"), dict)


async def latest_named(flight: Flight, others: list[Flight]) -> Sent:
    """One forced call for the batch."""
    body = body_of(flight.raw) or {}
    forced = [asked for asked in (body_of(other.raw) or {} for other in others) if naming(asked)]
    if not naming(body) or not forced:
        return flight.sent
    mixed = {**body, "tools": forced[-1]["tools"], "tool_choice": forced[-1]["tool_choice"]}
    return await flight.again(json.dumps(mixed).encode())


def few_streams(app: ASGIApp) -> ASGIApp:
    """Who asks for a stream when all places are taken is answered otherwise."""
    flying: list[Any] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent, body = await sent_by(app, scope, raw), body_of(raw)
        if not body or not is_stream(sent):
            await pass_on(send, sent)
            return
        if len(flying) >= PLACES:
            await pass_on(send, await sent_by(app, scope, json.dumps(_unstreamed(body)).encode()))
            return
        flying.append(raw)
        await asyncio.sleep(OVERLAP)
        flying.remove(raw)
        await pass_on(send, sent)

    return changed


MUTANTS = [
    state(
        "cache-without-schema",
        "ef.json_schema ef.json_schema.enum",
        schemaless(),
        prop="response_format",
        with_it="ef.json_schema.* many.schemas client.structured gate.json_schema",
    ),
    state(
        "crowd-named-mixed",
        "many.tools",
        prop="tool_choice",
        around=crowd(latest_named),
        with_it="many.refusals many.streams",
    ),
    state(
        "crowd-third-stream-plain",
        "many.streams",
        prop="stream",
        around=few_streams,
        with_it="many.refusals",
    ),
]
