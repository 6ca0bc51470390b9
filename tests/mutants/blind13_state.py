"""Servers that fail now and then, or in a crowd, from the thirteenth blind list. See ``BLIND_13.md``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import count

from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Scope

from .base import answering
from .blind9_taken import SERVED
from .blind_common import Around, Sent, content_of, is_plain, is_stream, replaced, sent_by, with_content
from .blind_state import Flight, crowd
from .effects_common import without
from .load_common import Body, body_of
from .stream_common import collection

OFTEN = 50
HELLO = json.dumps({"model": SERVED, "messages": [{"role": "user", "content": "Hello."}]}).encode()


state = collection("blind13-", family="load")


def fiftieth(test: Callable[[Sent], bool], instead: Callable[[bytes], bytes]) -> Around:
    """Every fiftieth answer of a kind is the one to another request."""

    def around(app: ASGIApp) -> ASGIApp:
        given = count(1)

        async def turned(scope: Scope, raw: bytes) -> Sent:
            sent = await sent_by(app, scope, raw)
            if not test(sent) or next(given) % OFTEN:
                return sent
            return await sent_by(app, scope, instead(raw))

        change: Callable[[Scope, bytes], Awaitable[Sent]] = turned
        return replaced(app, change)

    return around


def plain(raw: bytes) -> bytes:
    return json.dumps(without("stream", "stream_options")(body_of(raw) or {})).encode()


def lagging() -> Reference:
    """The total of an answer is told with the next one."""
    last: list[int] = []

    def change(answer: Body) -> None:
        usage = answer["usage"]
        last.append(usage["total_tokens"])
        usage["total_tokens"] = last.pop(0) if len(last) > 1 else usage["total_tokens"]

    return answering(change)


async def continued(flight: Flight, others: list[Flight]) -> Sent:
    """Choices are numbered after those of the others under way."""
    if not is_plain(flight.sent):
        return flight.sent
    before = [json.loads(content_of(other.sent)) for other in others if is_plain(other.sent)]
    answer = json.loads(content_of(flight.sent))
    for choice in answer["choices"]:
        choice["index"] += sum(len(other["choices"]) for other in before)
    return with_content(flight.sent, json.dumps(answer).encode())


async def latest_flag(flight: Flight, others: list[Flight]) -> Sent:
    body, latest = body_of(flight.raw), body_of(others[-1].raw)
    if not body or not latest:
        return flight.sent
    own, other = body.get("stream") is True, latest.get("stream") is True
    if own == other:
        return flight.sent
    return await flight.again(json.dumps({**body, "stream": True}).encode() if other else plain(flight.raw))


MUTANTS = [
    state(
        "fiftieth-taken",
        "mm.repeat.neg",
        prop="server",
        around=fiftieth(lambda sent: sent[0]["status"] >= 400, lambda _: HELLO),
        with_it="*.refuses mm.* err.* sse.error.* gate.* many.refusals client.error http.*",
    ),
    state(
        "fiftieth-stream-plain",
        "sse.ctype",
        prop="stream",
        around=fiftieth(is_stream, plain),
        with_it="sse.* ef.* res.* mm.* stream.* stream_options.* gate.* together.* many.* client.*",
    ),
    state(
        "usage-total-previous",
        "res.usage.sum",
        lagging(),
        prop="answer",
        with_it="res.usage.* ef.prompt.* ef.maxtokens* mm.alias.bound many.* sse.equiv",
    ),
    state(
        "crowd-index-continues",
        "many.choices",
        prop="n",
        around=crowd(continued),
        with_it="many.*",
    ),
    state(
        "crowd-stream-flag",
        "many.streams",
        prop="stream",
        around=crowd(latest_flag),
        with_it="many.*",
    ),
]
