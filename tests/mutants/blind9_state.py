"""Servers that fail now and then, or in a crowd, from the ninth blind list. See ``BLIND_9.md``."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind_common import Sent, content_of, is_stream
from .blind_state import OVERLAP, Flight, crowd
from .load_common import caught, is_create, put, whole
from .stream_common import collection

OFTEN = 50
CROWD = 2
"""Other requests in flight that are too many."""
_END = b"\n\n"


state = collection("blind9-", family="load")


def fiftieth() -> Reference:
    given = count(1)

    def plan(body: Any, now: int) -> Reply:
        if next(given) % OFTEN == 0:
            raise RuntimeError("mutant")
        return answers.plan(body, now)

    return Reference(behaviour=Behaviour(plan=plan))


def cut_in_crowd(app: ASGIApp) -> ASGIApp:
    """Only the first half of a plain answer is sent, and the connection closes, where others are under way."""
    flying: list[Any] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        taken = await caught(app, scope, await whole(receive))
        if taken.status != 200:
            await put(send, taken)
            return
        own = object()
        flying.append(own)
        await asyncio.sleep(OVERLAP)
        crowded = len(flying) > CROWD
        flying.remove(own)
        await put(send, taken, len(taken.content) // 2 if crowded and taken.completion else None)

    return changed


async def another_chunk(flight: Flight, others: list[Flight]) -> Sent:
    """The first event of the latest other stream after the own first one."""
    streams = [other for other in others if is_stream(other.sent)]
    if not is_stream(flight.sent) or not streams:
        return flight.sent
    own, _, rest = content_of(flight.sent).partition(_END)
    other = content_of(streams[-1].sent).partition(_END)[0]
    return [flight.sent[0], {"type": "http.response.body", "body": own + _END + other + _END + rest}]


MUTANTS = [
    state("fiftieth-fails", "mm.repeat", fiftieth(), prop="server", with_it="many.refusals mm.isolation"),
    state("crowd-body-cut", "many.refusals", prop="server", around=cut_in_crowd, with_it="many.*"),
    state(
        "crowd-chunk-of-another", "many.streams", prop="stream", around=crowd(another_chunk), with_it="many.refusals"
    ),
]
