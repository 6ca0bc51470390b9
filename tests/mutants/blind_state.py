"""Servers that tell errors wrongly, remember too much, or fail in a crowd or now and then; invented blindly."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS
from starlette.types import ASGIApp, Receive, Scope, Send

from .base import answering
from .blind_common import (
    Around,
    Body,
    Sent,
    between,
    blind,
    content_of,
    is_plain,
    is_stream,
    pass_on,
    sent_by,
    with_content,
)
from .effects_common import replying, without
from .load_common import body_of, is_create, whole

LIFE = 400
OVERLAP = 0.01
_IDENT = re.compile(rb'"id":"(chatcmpl-[0-9a-f]+)"')

# --- errors -----------------------------------------------------------------------------------------------------------


def detailed(reason: Reason) -> Any:
    if not (reason.param or "").startswith("messages["):
        return behaviour.envelope(reason)
    return {"detail": [{"loc": ["body", reason.param], "msg": reason.message, "type": "value_error"}]}


def listed(reason: Reason) -> Any:
    body = behaviour.envelope(reason)
    if (reason.param or "").startswith("tools"):
        body["error"]["message"] = [reason.message]
    return body


def last_member(raw: bytes, sent: Sent) -> Sent:
    body = body_of(raw)
    if sent[0]["status"] < 400 or not body:
        return sent
    told = json.loads(content_of(sent))
    if told["error"]["param"] is None:
        return sent
    told["error"]["param"] = list(body)[-1]
    return with_content(sent, json.dumps(told).encode())


# --- memory -----------------------------------------------------------------------------------------------------------


def once() -> Sequence[Check]:
    """Checks that a body must pass only the first time."""
    seen: set[str] = set()
    kept = tuple(check for check in CHECKS if check.name == "http.json.object")

    def found(ask: Ask) -> list[Reason]:
        key = json.dumps(ask.body, sort_keys=True)
        if key in seen:
            return []
        reasons = [reason for check in CHECKS if check not in kept for reason in check.function(ask)]
        if reasons:
            seen.add(key)
        return reasons

    return (*kept, Check("mutant", found))


def sticking(app: ASGIApp) -> ASGIApp:
    """The refusal of a stream is given to the next request as well."""
    stale: list[Sent] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        if stale:
            await pass_on(send, stale.pop())
            return
        sent = await sent_by(app, scope, raw)
        if sent[0]["status"] >= 400 and (body_of(raw) or {}).get("stream") is True:
            stale.append(sent)
        await pass_on(send, sent)

    return changed


def cached() -> Reference:
    """Plain answers are kept by all of the request but the number of choices."""
    known: dict[str, Reply] = {}

    def changed(body: Body, reply: Reply) -> Reply:
        if body.get("stream") is True:
            return reply
        first = known.setdefault(json.dumps(without("n")(body), sort_keys=True), reply)
        return replace(reply, choices=first.choices, usage=first.usage)

    return replying(changed)


def planned(turn: Callable[[Body], Body]) -> Reference:
    def plan(body: Any, now: int) -> Reply:
        return answers.plan(turn(dict(body)), now)

    return Reference(behaviour=Behaviour(plan=plan))


def by_name() -> Reference:
    """The grammar of a schema is kept under its name."""
    known: dict[str, Any] = {}

    def turned(body: Body) -> Body:
        form = body.get("response_format") or {}
        inner = form.get("json_schema")
        if not isinstance(inner, dict) or "schema" not in inner:
            return body
        schema = known.setdefault(inner["name"], inner["schema"])
        return {**body, "response_format": {**form, "json_schema": {**inner, "schema": schema}}}

    return planned(turned)


def sticky_usage() -> Reference:
    asked = [False]

    def changed(body: Body, reply: Reply) -> Reply:
        if body.get("stream") is not True:
            return reply
        before, asked[0] = asked[0], reply.include_usage
        return replace(reply, include_usage=reply.include_usage or before)

    return replying(changed)


def degrading() -> Reference:
    given = count(1)

    def change(answer: Body) -> None:
        if next(given) > LIFE:
            del answer["usage"]

    return answering(change)


# --- a crowd ----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Flight:
    """A request under way: its body, what would be sent, and the whole answer again for another body."""

    raw: bytes
    sent: Sent
    again: Callable[[bytes], Any] = field(repr=False)


def crowd(change: Callable[[Flight, list[Flight]], Any]) -> Around:
    """Changes accepted answers while other accepted requests are under way, the latest last."""

    def around(app: ASGIApp) -> ASGIApp:
        flying: list[Flight] = []

        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not is_create(scope):
                await app(scope, receive, send)
                return
            raw = await whole(receive)
            flight = Flight(raw, await sent_by(app, scope, raw), lambda other: sent_by(app, scope, other))
            if flight.sent[0]["status"] != 200:
                await pass_on(send, flight.sent)
                return
            flying.append(flight)
            await asyncio.sleep(OVERLAP)
            others = [other for other in flying if other is not flight]
            sent = await change(flight, others) if others else flight.sent
            flying.remove(flight)
            await pass_on(send, sent)

        return changed

    return around


async def together(flight: Flight, others: list[Flight]) -> Sent:
    """Completion tokens of all plain answers under way."""
    plain = [json.loads(content_of(other.sent)) for other in (flight, *others) if is_plain(other.sent)]
    if not is_plain(flight.sent):
        return flight.sent
    usage = plain[0]["usage"]
    usage["completion_tokens"] = sum(answer["usage"]["completion_tokens"] for answer in plain)
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return with_content(flight.sent, json.dumps(plain[0]).encode())


async def latest_stop(flight: Flight, others: list[Flight]) -> Sent:
    body, latest = body_of(flight.raw), body_of(others[-1].raw)
    if not body or not latest or body.get("stop") == latest.get("stop"):
        return flight.sent
    return await flight.again(json.dumps({**body, "stop": latest.get("stop")}).encode())


async def latest_id(flight: Flight, others: list[Flight]) -> Sent:
    content = content_of(flight.sent)
    own, other = _IDENT.search(content), _IDENT.search(content_of(others[-1].sent))
    if not is_stream(flight.sent) or not own or not other:
        return flight.sent
    events = content.split(b"\n\n")
    half = len(events) // 2
    events[half:] = [event.replace(own[1], other[1]) for event in events[half:]]
    return [flight.sent[0], {"type": "http.response.body", "body": b"\n\n".join(events)}]


# --- now and then -----------------------------------------------------------------------------------------------------


def replicas() -> Reference:
    """The third of three replicas is an older release."""
    asked = count(1)
    return planned(lambda body: body if next(asked) % 3 else without("response_format")(body))


def sevenths() -> Reference:
    given = count(1)

    def change(answer: Body) -> None:
        if next(given) % 7 == 0:
            for choice in answer["choices"]:
                choice["finish_reason"] = None

    return answering(change)


def refusal(name: str, fails: str, envelope: Callable[[Reason], Any]) -> Any:
    return blind(name, fails, Reference(behaviour=Behaviour(envelope=envelope)), prop="error", family="error")


MUTANTS = [
    refusal("error-detail-messages", "err.envelope", detailed),
    refusal("error-message-list", "err.keys.message", listed),
    blind("error-param-last", "err.param.path", prop="error", family="error", around=between(last_member)),
    blind("refusal-once", "mm.repeat.neg", Reference(checks=once()), prop="server", family="relation"),
    blind("error-sticks", "mm.isolation", prop="server", family="load", around=sticking),
    blind("cache-without-n", "gate.multiple_choices", cached(), prop="n", family="load", with_it="res.choices.count"),
    blind(
        "schema-by-name",
        "ef.json_schema.nested",
        by_name(),
        prop="response_format",
        family="load",
        with_it="ef.json_schema* many.schemas",
    ),
    blind("sticky-include-usage", "sse.usage.off", sticky_usage(), prop="stream_options", family="load"),
    blind("degrades", "res.usage.presence", degrading(), prop="server", family="load"),
    blind("crowd-usage", "many.bounds", prop="server", family="load", around=crowd(together), with_it="many.refusals"),
    blind("crowd-stop", "many.refusals", prop="stop", family="load", around=crowd(latest_stop)),
    blind("crowd-id", "many.refusals", prop="stream", family="load", around=crowd(latest_id), with_it="many.streams"),
    blind(
        "replica-without-format",
        "ef.json_object",
        replicas(),
        prop="response_format",
        family="load",
        with_it="ef.json_object.* ef.json_schema* gate.json_*",
    ),
    blind("seventh-finish-null", "res.finish.enum", sevenths(), family="load"),
]
