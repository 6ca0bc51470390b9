"""Servers that fail now and then, after a bad request or in a crowd, from the eleventh list. See ``BLIND_11.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

from .base import answering
from .blind11_refused import word_key
from .blind_common import Body, Sent, content_of, is_stream
from .blind_state import Flight, crowd
from .load_common import body_of
from .stream_common import collection

OFTEN = 50
CROWD = 2
"""Other requests in flight that are too many."""
_END = b"\n\n"


state = collection("blind11-", family="load")


def fiftieth() -> Reference:
    given = count(1)

    def change(answer: Body) -> None:
        if next(given) % OFTEN == 0:
            for choice in answer["choices"]:
                choice["index"] += 1

    return answering(change)


def poisoned() -> Reference:
    """The engine dies of a key that is no number, and is started again when the next request has failed."""
    dead: list[bool] = []

    def check(ask: Ask) -> Iterator[Reason]:
        if word_key(ask.body):
            dead[:] = [True]
        yield from ()

    def plan(body: Any, now: int) -> Reply:
        if dead:
            dead.clear()
            raise RuntimeError("mutant")
        return answers.plan(body, now)

    return Reference(behaviour=Behaviour(plan=plan), checks=(Check("mutant", check), *CHECKS))


async def latest_text(flight: Flight, others: list[Flight]) -> Sent:
    """The stream that the messages of the latest other stream would get."""
    streams = [other for other in others if is_stream(other.sent)]
    body = body_of(flight.raw)
    latest = body_of(streams[-1].raw) if streams else None
    if not is_stream(flight.sent) or not body or not latest or body["messages"] == latest["messages"]:
        return flight.sent
    return await flight.again(json.dumps({**body, "messages": latest["messages"]}).encode())


async def headed_only(flight: Flight, others: list[Flight]) -> Sent:
    if not is_stream(flight.sent) or len(others) < CROWD:
        return flight.sent
    return [flight.sent[0], {"type": "http.response.body", "body": b""}]


async def first_event_only(flight: Flight, others: list[Flight]) -> Sent:
    if not is_stream(flight.sent) or len(others) < CROWD:
        return flight.sent
    first = content_of(flight.sent).partition(_END)[0]
    return [flight.sent[0], {"type": "http.response.body", "body": first + _END}]


MUTANTS = [
    state(
        "crowd-streams-same", "many.refusals", prop="stream", around=crowd(latest_text), with_it="many.streams many.*"
    ),
    state("crowd-stream-empty", "many.streams", prop="stream", around=crowd(headed_only), with_it="many.refusals"),
    # --- moved --------------------------------------------------------------------------------------------------------
    state(
        "fiftieth-index-one",
        "res.choices.index",
        fiftieth(),
        prop="server",
        with_it="res.choices.* many.choices many.refusals client.create client.create.async",
    ),
    state(
        "bias-key-poisons-next",
        "mm.repeat",
        poisoned(),
        prop="logit_bias",
        with_it="*.accepts mm.* many.* ef.* res.* sse.* gate.* client.* logit_bias.*",
    ),
    state(
        "crowd-stream-cut-first", "many.streams", prop="stream", around=crowd(first_event_only), with_it="many.refusals"
    ),
]
