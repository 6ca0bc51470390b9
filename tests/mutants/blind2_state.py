"""Servers that remember too much or fail in a crowd, from the second blind list."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.stream import DONE
from chatproof.conformance.reference.text import bound
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind_common import Body, Sent, content_of, is_plain, is_stream, pass_on, sent_by, with_content
from .blind_state import Flight, crowd
from .effects_common import replying, without
from .load_common import body_of, is_create, whole
from .stream_common import collection

UNKEYED = ("stop", "stream", "stream_options")


state = collection("blind2-", prop="server", family="load")


def keeping_n(app: ASGIApp) -> ASGIApp:
    """The parser of a connection starts with what it read last, and clears all but `n`."""
    known: dict[Any, int] = {}

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        body, own = body_of(raw), scope.get("client")
        before = known.pop(own, None)
        if body is not None and body.get("n") is None and before is not None:
            again = await sent_by(app, scope, json.dumps({**body, "n": before}).encode())
            await pass_on(send, again)
            return
        sent = await sent_by(app, scope, raw)
        if body is not None and sent[0]["status"] == 200 and body.get("n") is not None:
            known[own] = body["n"]
        await pass_on(send, sent)

    return changed


def high_water() -> Reference:
    most = [0]

    def changed(body: Body, reply: Reply) -> Reply:
        if not reply.alternatives:
            return reply
        most[0] = max(most[0], reply.alternatives)
        return replace(reply, alternatives=most[0])

    return replying(changed)


def cached() -> Reference:
    """What was said is kept by all of the request but its stop strings and the way it is sent."""
    known: dict[str, Reply] = {}

    def changed(body: Body, reply: Reply) -> Reply:
        first = known.setdefault(json.dumps(without(*UNKEYED)(body), sort_keys=True), reply)
        return replace(reply, choices=first.choices, usage=first.usage)

    return replying(changed)


async def largest_bound(flight: Flight, others: list[Flight]) -> Sent:
    """One bound for the batch."""
    body = body_of(flight.raw) or {}
    own = bound(body)
    most = max((bound(body_of(other.raw) or {}) or 0 for other in others), default=0)
    if own is None or most <= own:
        return flight.sent
    name = "max_tokens" if body.get("max_tokens") is not None else "max_completion_tokens"
    return await flight.again(json.dumps({**body, name: most}).encode())


async def undone(flight: Flight, others: list[Flight]) -> Sent:
    """Only the last of the streams under way is told to end."""
    if not is_stream(flight.sent) or not any(is_stream(other.sent) for other in others):
        return flight.sent
    return [flight.sent[0], {"type": "http.response.body", "body": content_of(flight.sent).removesuffix(DONE)}]


def after_refusal(app: ASGIApp) -> ASGIApp:
    """How the last request ended is said of the next answer."""
    failed = [False]

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        sent = await sent_by(app, scope, await whole(receive))
        if sent[0]["status"] >= 400:
            failed[0] = True
        elif failed[0] and is_plain(sent):
            failed[0] = False
            answer = json.loads(content_of(sent))
            for choice in answer["choices"]:
                choice["finish_reason"] = "error"
            sent = with_content(sent, json.dumps(answer).encode())
        await pass_on(send, sent)

    return changed


MUTANTS = [
    state("connection-keeps-n", "res.choices.one", prop="n", around=keeping_n, with_it="sse.choice.range"),
    state("high-water-top", "res.logprobs.count", high_water(), prop="top_logprobs", with_it="sse.logprobs.count"),
    state("cache-without-stop", "ef.stop", cached(), prop="stop"),
    state(
        "crowd-bound",
        "many.bounds",
        prop="max_tokens",
        around=crowd(largest_bound),
        with_it="many.refusals ef.maxtokens ef.maxtokens.completion",
    ),
    state("crowd-no-done", "many.refusals", prop="stream", around=crowd(undone), with_it="sse.done"),
    state("after-refusal-finish", "res.finish.enum", around=after_refusal),
]
