"""Servers that fail now and then, or in a crowd, from the twelfth blind list. See ``BLIND_12.md``."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from typing import Any

from chatproof.conformance.reference.stream import DONE
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind_common import Around, Sent, between, content_of, is_stream, pass_on, sent_by
from .blind_state import OVERLAP, Flight, crowd
from .load_common import is_create, whole
from .stream_common import collection

OFTEN = 50
_DATA = b"data: {"
_END = b"\n\n"


state = collection("blind12-", family="load")


def fiftieth() -> Around:
    """Counts the streams of one application."""

    def around(app: ASGIApp) -> ASGIApp:
        given = count(1)

        def unended(_raw: bytes, sent: Sent) -> Sent:
            if not is_stream(sent) or next(given) % OFTEN:
                return sent
            return [sent[0], {"type": "http.response.body", "body": content_of(sent).removesuffix(DONE)}]

        return between(unended)(app)

    return around


def answered(app: ASGIApp) -> ASGIApp:
    """A refusal is taken for the latest answer that is on its way."""
    flying: list[Sent] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        sent = await sent_by(app, scope, await whole(receive))
        if sent[0]["status"] == 200:
            flying.append(sent)
            await asyncio.sleep(OVERLAP)
            flying[:] = [other for other in flying if other is not sent]
        else:
            await asyncio.sleep(OVERLAP / 2)
            sent = flying[-1] if flying else sent
        await pass_on(send, sent)

    return changed


def says(event: bytes) -> bool:
    """Whether an event has a text."""
    if not event.startswith(_DATA):
        return False
    told: Any = json.loads(event.removeprefix(b"data: "))
    return any(piece["delta"].get("content") for piece in told["choices"])


async def holed(flight: Flight, others: list[Flight]) -> Sent:
    """Every second event with a text is lost."""
    if not is_stream(flight.sent) or not any(is_stream(other.sent) for other in others):
        return flight.sent
    texts = count(1)
    events = content_of(flight.sent).split(_END)
    kept = [event for event in events if not says(event) or next(texts) % 2]
    return [flight.sent[0], {"type": "http.response.body", "body": _END.join(kept)}]


MUTANTS = [
    state(
        "fiftieth-stream-unended",
        "sse.done",
        prop="stream",
        around=fiftieth(),
        with_it="sse.done.* many.streams many.refusals client.* mm.*",
    ),
    state(
        "crowd-refusal-answered", "many.refusals", prop="server", around=answered, with_it="many.* *.refuses mm.* err.*"
    ),
    state(
        "crowd-stream-holes", "many.streams", prop="stream", around=crowd(holed), with_it="many.refusals many.bounds"
    ),
]
