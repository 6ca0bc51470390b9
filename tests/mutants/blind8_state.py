"""Servers that fail now and then, or in a crowd, from the eighth blind list. See ``BLIND_8.md``."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Receive, Scope, Send

from .base import answering
from .blind_common import Body, Sent, pass_on, sent_by
from .blind_state import OVERLAP, Flight, crowd
from .load_common import body_of, failure, is_create, put, whole
from .stream_common import collection

OFTEN = 50
PLACES = 3
"""Requests that are answered at once."""


state = collection("blind8-", family="load")


def fiftieth() -> Reference:
    given = count(1)

    def change(answer: Body) -> None:
        if next(given) % OFTEN == 0:
            answer["choices"] = []

    return answering(change)


async def latest_count(flight: Flight, others: list[Flight]) -> Sent:
    """One number of choices for the batch."""
    body, latest = body_of(flight.raw), body_of(others[-1].raw)
    if not body or not latest or (body.get("n") or 1) == (latest.get("n") or 1):
        return flight.sent
    return await flight.again(json.dumps({**body, "n": latest.get("n")}).encode())


def few_places(app: ASGIApp) -> ASGIApp:
    """Who comes when all places are taken gets an error of the server."""
    flying: list[Any] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        if sent[0]["status"] != 200:
            await pass_on(send, sent)
            return
        if len(flying) >= PLACES:
            await put(send, failure(500, "The server failed."))
            return
        own = object()
        flying.append(own)
        await asyncio.sleep(OVERLAP)
        flying.remove(own)
        await pass_on(send, sent)

    return changed


MUTANTS = [
    state(
        "fiftieth-choices-empty",
        "res.choices.one",
        fiftieth(),
        prop="server",
        with_it="res.choices.count many.choices many.refusals client.create client.create.async",
    ),
    state(
        "crowd-n-of-latest", "many.choices", prop="n", around=crowd(latest_count), with_it="many.refusals many.streams"
    ),
    state("crowd-fourth-fails", "many.refusals", prop="server", around=few_places, with_it="many.*"),
]
