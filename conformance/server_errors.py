"""Server errors that comparisons meet: they leave nothing to compare, and are a failure whatever is asked. One that no
rule about requests explains is a finding of the first comparison that met it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..strategies.json_values import is_object
from ..strategies.simpler import features, simpler
from .again import SETTLED
from .budget import SEARCH
from .exchange import Body, Exchange, Request, as_request
from .judge import Reaction, describe, excuse, react
from .model import Relation, Symptom
from .outgoing import curl, prepare
from .pipeline import Pipeline
from .results import Finding
from .sse import read_json

SYMPTOMS = {
    Reaction.CRASHED: (Symptom.CRASHED, "got a server error"),
    Reaction.DISCONNECTED: (Symptom.DISCONNECTED, "got no answer: the connection was dropped"),
}
"""What no request deserves, however it was made."""

SHRINK_BOUND = 40
"""Requests that are spent on making one of these requests smaller."""


@dataclass(frozen=True)
class ServerErrors:
    """What it takes to tell: the pipeline, and whether a rule about requests finds server errors in these properties.
    ``met`` are the first of each comparison, ``told`` the features of those that were told of, and by which rule."""

    pipeline: Pipeline
    explained: Callable[[set[str], Request], Awaitable[bool]]
    met: dict[str, Exchange] = field(default_factory=dict[str, Exchange])
    told: dict[frozenset[str], str] = field(default_factory=dict[frozenset[str], str])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def saw(self, exchange: Exchange, rule: Relation) -> None:
        """Keep the first server error of a comparison; one that speaks of the context window or the model is none."""
        if react(exchange) in SYMPTOMS and not excuse(exchange):
            self.met.setdefault(rule.id, exchange)

    async def finding(self, rule: Relation) -> tuple[Finding | None, str]:
        """What a comparison met, where nothing else explains it; else None, and what is to be said of it."""
        exchange = self.met.get(rule.id)
        if exchange is None:
            return None, ""
        async with self.turn:  # one after the other, so that a fault is told of once
            reaction = react(exchange)
            again = await self.pipeline.ask_alone(exchange.request, rule.id, before=SETTLED)
            if react(again) is not reaction:
                return None, f"{describe(exchange)} once, {describe(again)} when it was asked again"
            request, exchange = await self._smaller(rule, again)
            body = _body_of(request)
            if await self.explained(set(body) - {"model"}, request):
                return None, f"{describe(exchange)}, which other rules find as well"
            kind = frozenset(features(body) if rule.valid else body)
            first = self.told.setdefault(kind, rule.id)
            if first != rule.id:
                return None, f"{describe(exchange)}, as {first} says"
        symptom, what = SYMPTOMS[reaction]
        why = f"a valid request of the comparison {what} ({describe(exchange)})"
        why = why if rule.valid else why.replace("valid ", "", 1)
        line = curl(request, self.pipeline.target)
        return Finding(symptom, why, request, exchange, line, confirmed="2/2"), ""

    async def _smaller(self, rule: Relation, exchange: Exchange) -> tuple[Request, Exchange]:
        """The request, where it is a valid one with fewer features while the same comes of it."""
        request = exchange.request
        if not rule.valid or request.raw is not None or not is_object(request.body):
            return request, exchange
        left, found = SHRINK_BOUND, True
        while found:
            found = False
            for candidate in simpler(request.body):
                if left <= 0:
                    break
                left -= 1
                smaller = await self.pipeline.ask(as_request(candidate), rule.id, SEARCH)
                if react(smaller) is react(exchange):
                    request, exchange, found = prepare(as_request(candidate), self.pipeline.target), smaller, True
                    break
        return request, exchange


def _body_of(request: Request) -> Body:
    """The body as it was sent, raw or not; empty where it is no JSON object."""
    body = request.body if request.raw is None else read_json(request.raw)
    return body if is_object(body) else {}
