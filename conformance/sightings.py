"""Holds every answer of a run against every rule about answers, and keeps tallies and the smallest sightings."""

from __future__ import annotations

import heapq
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field

from .model import AnswerRule, Exchange, Request

BUSY = (408, 429, 503, 529)
"""Statuses of a server that has no time: their bodies come from anywhere and are not judged."""

KEPT = 3
"""Sightings kept per rule, those with the smallest requests."""


@dataclass(order=True)
class Sighting:
    """One violation of an answer rule, seen in the traffic. Ordered by the size of the request."""

    size: int
    content: bytes
    why: str = field(compare=False)
    exchange: Exchange = field(compare=False)
    request: Request = field(compare=False)


@dataclass
class Watched:
    """What the traffic said about one rule: ``ridden`` of the judged answers came before its ``own`` requests."""

    judged: int = 0
    seen: int = 0
    ridden: int = 0
    own: int = 0
    unasked: str = ""
    """Why requests of its own were not asked, where a ceiling forbade it."""
    smallest: list[Sighting] = field(default_factory=list)


class Sightings:
    """The tallies of one run. Equal exchanges count once."""

    def __init__(self, rules: Sequence[AnswerRule]) -> None:
        self.rules = rules
        self.of = {rule.id: Watched() for rule in rules}
        self._known: dict[int, tuple[weakref.ref[Exchange], set[str]]] = {}  # by id, as long as the exchange lives

    def observe(self, exchange: Exchange) -> None:
        """Judge one vetted exchange by all rules."""
        for rule in self.rules:
            self.hold(exchange, rule)

    def hold(self, exchange: Exchange, rule: AnswerRule) -> None:
        """Judge one vetted exchange by one rule, unless that was done before."""
        if exchange.answer is None or exchange.trouble is not None:
            return  # an answer that was cut short says nothing about its shape
        known = self._rules_of(exchange)
        if rule.id not in known:
            known.add(rule.id)
            judge_answer(rule, exchange, self.of[rule.id])

    def _rules_of(self, exchange: Exchange) -> set[str]:
        """The rules that have judged an exchange."""
        key = id(exchange)
        if key not in self._known:
            self._known[key] = weakref.ref(exchange, lambda _: self._known.pop(key, None)), set[str]()
        return self._known[key][1]


def judge_answer(rule: AnswerRule, exchange: Exchange, watched: Watched) -> str | None:
    """Count the exchange for the rule if it applies; what is wrong, or None."""
    if exchange.answer is None or exchange.answer.status in BUSY or not rule.applies(exchange):
        return None
    watched.judged += 1
    why = rule.check(exchange)
    if why:
        watched.seen += 1
        content = exchange.request.content
        watched.smallest.append(Sighting(len(content), content, why, exchange, exchange.request))
        watched.smallest = heapq.nsmallest(KEPT, watched.smallest)
    return why
