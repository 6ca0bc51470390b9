"""Servers that remember too much, or fail in a crowd, from the fifth blind list. See ``BLIND_5.md``."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .base import Mutant
from .blind_common import Sent, content_of, is_plain, is_stream, pass_on, sent_by, with_content
from .blind_state import OVERLAP, Flight, crowd
from .load_common import body_of, failure, is_create, put, whole
from .stream_common import Around, row

PLACES = 4
"""Choices that are written at once."""


def state(name: str, fails: str, around: Around, with_it: str = "", *, prop: str = "server") -> Mutant:
    return row(f"blind5-{name}", fails, None, with_it, prop=prop, family="load", around=around)


def choices_of(raw: bytes) -> int:
    return (body_of(raw) or {}).get("n") or 1


async def shared_places(flight: Flight, others: list[Flight]) -> Sent:
    """As many choices as the requests before have left places for, and one at least."""
    room = max(1, PLACES - sum(choices_of(other.raw) for other in others))
    body = body_of(flight.raw)
    if not body or choices_of(flight.raw) <= room:
        return flight.sent
    return await flight.again(json.dumps({**body, "n": room}).encode())


def conflicting(app: ASGIApp) -> ASGIApp:
    """An accepted request is a conflict while the same bytes are under way."""
    flying: set[bytes] = set()

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        if sent[0]["status"] != 200:
            await pass_on(send, sent)
            return
        if raw in flying:
            await put(send, failure(409, "This request is being answered already."))
            return
        flying.add(raw)
        await asyncio.sleep(OVERLAP)
        flying.remove(raw)
        await pass_on(send, sent)

    return changed


def keeping_events(app: ASGIApp) -> ASGIApp:
    """A connection that has streamed writes events until it has given a plain answer."""
    streamed: set[Any] = set()

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw, own = await whole(receive), scope.get("client")
        sent = await sent_by(app, scope, raw)
        if is_stream(sent):
            streamed.add(own)
        elif is_plain(sent):
            streamed.discard(own)
        elif own in streamed:
            event = with_content(sent, b"data: " + content_of(sent) + b"\n\n")
            kept = [pair for pair in event[0]["headers"] if pair[0] != b"content-type"]
            event[0]["headers"] = [(b"content-type", b"text/event-stream; charset=utf-8"), *kept]
            sent = event
        await pass_on(send, sent)

    return changed


MUTANTS = [
    state("crowd-choices-shared", "many.choices", crowd(shared_places), prop="n"),
    state(
        "twin-conflict",
        "many.refusals",
        conflicting,
        with_it="many.choices many.tools many.streams many.schemas many.bounds",
    ),
    state(
        "error-event-after-stream",
        "err.envelope",
        keeping_events,
        prop="error",
        with_it="err.json err.ctype err.keys.* sse.error.before.plain mm.isolation",
    ),
]
