"""Servers that tell a refusal wrongly, remember too much or fail in a crowd, as reported in the field.

See ``BLIND_3B.md``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import BadJson, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind_common import Body, Sent, is_plain, pass_on, sent_by
from .blind_state import Flight, crowd
from .effects_common import replying
from .load_common import body_of, failure, is_create, whole
from .stream_common import collection, refused_streams

ARRAY = ("messages.required", "messages.null", "messages.type", "messages.min", "messages.item.type")
COUNT = ("n.min", "n.max")


state = collection("blind3b-", prop="server", family="load")


# --- errors -----------------------------------------------------------------------------------------------------------


def flat(status: int, body: bytes) -> tuple[int, str, bytes]:
    return status, "application/json", behaviour.dump({"object": "error", **json.loads(body)["error"]})


def telling(names: tuple[str, ...], **members: Any) -> Reference:
    """With other members of the reasons that the checks of these names give."""

    def changed(check: Check) -> Check:
        def found(ask: Ask) -> Iterator[Reason]:
            for reason in check.function(ask):
                yield replace(reason, **members)

        return Check(check.name, found)

    assert set(names) <= {check.name for check in CHECKS}, names
    return Reference(checks=tuple(changed(check) if check.name in names else check for check in CHECKS))


# --- memory -----------------------------------------------------------------------------------------------------------


def slot_keeps() -> Reference:
    """What a slot was asked for stays until its next request has been answered."""
    kept: list[int] = []

    def changed(body: Body, reply: Reply) -> Reply:
        if reply.alternatives is not None:
            kept[:] = [reply.alternatives]
            return reply
        return replace(reply, alternatives=kept.pop()) if kept else reply

    return replying(changed)


def is_json(raw: bytes) -> bool:
    try:
        behaviour.parse(raw)
    except BadJson:
        return False
    except RecursionError:
        return True
    return True


def leftover(app: ASGIApp) -> ASGIApp:
    """The parser stops where a body is no JSON, and begins the next request of the connection with the rest of it."""
    rest: set[Any] = set()

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw, own = await whole(receive), scope.get("client")
        if own in rest:
            rest.remove(own)
            raw = b"}" + raw
        elif raw and not is_json(raw):
            rest.add(own)
        await pass_on(send, await sent_by(app, scope, raw))

    return changed


# --- a crowd ----------------------------------------------------------------------------------------------------------


async def of_latest(flight: Flight, others: list[Flight]) -> Sent:
    plain = [other.sent for other in others if is_plain(other.sent)]
    return plain[-1] if plain and is_plain(flight.sent) else flight.sent


def logged(flight: Flight) -> bool:
    return (body_of(flight.raw) or {}).get("logprobs") is True


async def mixed_batch(flight: Flight, others: list[Flight]) -> Sent:
    if not logged(flight) or all(logged(other) for other in others):
        return flight.sent
    failed = failure(500, "The server failed.")
    headers = [*failed.headers, (b"content-length", str(len(failed.content)).encode())]
    return [
        {"type": "http.response.start", "status": failed.status, "headers": headers},
        {"type": "http.response.body", "body": failed.content},
    ]


MUTANTS = [
    state(
        "error-flat-in-streams",
        "err.envelope",
        prop="error",
        family="error",
        around=refused_streams(flat),
        with_it="err.keys.* sse.error.before.plain client.error",
    ),
    state(
        "messages-fault-200",
        " ".join(f"{name}.refuses" for name in ARRAY),
        telling(ARRAY, status=200),
        prop="messages",
        family="status",
        with_it="mm.position.refuses client.error sse.error.before",
    ),
    state(
        "n-range-500",
        "n.min.refuses n.max.refuses",
        telling(COUNT, status=500, type="server_error", param=None, code=None),
        prop="n",
        family="status",
        with_it="client.error",
    ),
    state(
        "slot-keeps-logprobs",
        "ef.logprobs.off",
        slot_keeps(),
        prop="logprobs",
        with_it="sse.logprobs.off mm.isolation.options",
    ),
    state("poisoned-by-bad-json", "mm.isolation", around=leftover),
    state(
        "crowd-answers-swapped",
        "many.choices",
        around=crowd(of_latest),
        with_it="many.bounds many.tools many.schemas many.ids many.refusals",
    ),
    state("crowd-logprobs-500", "many.refusals", prop="logprobs", around=crowd(mixed_batch)),
]
