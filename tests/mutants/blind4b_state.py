"""Servers that remember too much, or fail in a crowd, where two things come together. See ``BLIND_4B.md``."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason, coupled
from chatproof.conformance.reference.validator import CHECKS
from starlette.types import ASGIApp, Scope

from .blind_common import Body, Sent, is_plain, is_stream, replaced, sent_by
from .blind_effects import wanted
from .blind_state import OVERLAP, Flight, crowd
from .effects_common import cold, without
from .load_common import body_of
from .stream_common import collection

_OWN = re.compile(r"call_[0-9a-f]{24}")
_unstreamed = without("stream", "stream_options")


state = collection("blind4b-", family="load")


def in_form(body: Body, streamed: bool) -> bytes:
    return json.dumps({**body, "stream": True} if streamed else _unstreamed(body)).encode()


def cold_form(app: ASGIApp) -> ASGIApp:
    """The form of an answer is kept with the answer."""
    known: dict[str, bool] = {}

    async def changed(scope: Scope, raw: bytes) -> Sent:
        sent, body = await sent_by(app, scope, raw), body_of(raw)
        if body and cold(body) and sent[0]["status"] == 200:
            kept = known.setdefault(json.dumps(_unstreamed(body), sort_keys=True), is_stream(sent))
            if kept != is_stream(sent):
                sent = await sent_by(app, scope, in_form(body, kept))
        return sent

    return replaced(app, changed)


def issued() -> Reference:
    """Calls are noted when they are given as a whole, and looked up when they come back."""
    known: set[str] = set()

    def plan(body: Any, now: int) -> Reply:
        reply = answers.plan(body, now)
        if body.get("stream") is not True:
            known.update(call.ident for choice in reply.choices for call in choice.calls)
        return reply

    def found(ask: Ask) -> Iterator[Reason]:
        for path, call in ask.calls:
            ident = call.get("id")
            if isinstance(ident, str) and _OWN.fullmatch(ident) and ident not in known:
                yield coupled("mutant", f"{path}.id", "No call has this id.")

    return Reference(behaviour=Behaviour(plan=plan), checks=(*CHECKS, Check("mutant", found)))


def keeping_stream(app: ASGIApp) -> ASGIApp:
    """Where a request has no flag, the connection has the one from before."""
    streamed: set[Any] = set()

    async def changed(scope: Scope, raw: bytes) -> Sent:
        own = scope.get("client")
        sent, body = await sent_by(app, scope, raw), body_of(raw)
        if body and "stream" not in body and own in streamed and is_plain(sent):
            sent = await sent_by(app, scope, in_form(body, True))
        if is_stream(sent):
            streamed.add(own)
        elif is_plain(sent):
            streamed.discard(own)
        return sent

    return replaced(app, changed)


async def latest_schema(flight: Flight, others: list[Flight]) -> Sent:
    """One grammar for the batch."""
    body = body_of(flight.raw) or {}
    forms = [wanted(body_of(other.raw) or {}) for other in others]
    grammars = [form for form in forms if form.get("type") == "json_schema"]
    if wanted(body).get("type") != "json_schema" or not grammars:
        return flight.sent
    return await flight.again(json.dumps({**body, "response_format": grammars[-1]}).encode())


def coalescing(app: ASGIApp) -> ASGIApp:
    """Who comes while the same messages are being answered waits for that answer."""
    leading: dict[str, bytes] = {}

    async def changed(scope: Scope, raw: bytes) -> Sent:
        sent, body = await sent_by(app, scope, raw), body_of(raw)
        if not body or not is_plain(sent):
            return sent
        key = json.dumps(body["messages"], sort_keys=True)
        if (leader := leading.get(key)) is not None:
            await asyncio.sleep(OVERLAP)
            return await sent_by(app, scope, leader)
        leading[key] = raw
        await asyncio.sleep(OVERLAP)
        del leading[key]
        return sent

    return replaced(app, changed)


MUTANTS = [
    state(
        "cache-cold-without-stream",
        "sse.ctype",
        prop="stream",
        around=cold_form,
        with_it="sse.frame.events sse.done sse.equiv res.ctype res.json",
    ),
    state(
        "issued-ids-plain-only",
        "ef.echo.stream",
        issued(),
        prop="messages",
        with_it="ef.echo client.tools.stream",
    ),
    state(
        "connection-keeps-stream",
        "res.ctype many.refusals",
        prop="stream",
        around=keeping_stream,
        with_it="res.json mm.isolation mm.isolation.options mm.default",
    ),
    state(
        "crowd-schemas-mixed",
        "many.schemas",
        prop="response_format",
        around=crowd(latest_schema),
        with_it="many.refusals",
    ),
    state(
        "coalesced-by-messages",
        "many.choices",
        prop="messages",
        around=coalescing,
        with_it="many.bounds many.tools many.schemas many.refusals",
    ),
]
