"""Holds every answer of a run against every rule about answers, and keeps tallies and the smallest sightings."""

from __future__ import annotations

import heapq
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .exchange import Exchange, Request
from .model import VENDOR, AnswerRule

BUSY = (408, 429, 503, 529)
"""Statuses of a server that has no time: their bodies come from anywhere and are not judged."""

EVERY = "*"
"""Stands for the ids of all rules."""

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
    """What the traffic said about one rule: ``ridden`` of the judged answers came before its ``own`` requests.

    ``marks`` are those of all its answers, where the rule is about two of them.
    """

    judged: int = 0
    seen: int = 0
    ridden: int = 0
    own: int = 0
    unasked: str = ""
    """Why requests of its own got no answer: a ceiling forbade them, or the server was busy."""
    smallest: list[Sighting] = field(default_factory=list[Sighting])
    marks: set[str] = field(default_factory=set[str])


class Sightings:
    """The tallies of one run. Equal exchanges count once."""

    def __init__(self, rules: Sequence[AnswerRule]) -> None:
        self.rules = rules
        self.of = {rule.id: Watched() for rule in rules}
        self.compared: set[str] = set()  # the relations that were found broken
        self._among: dict[Callable[[Exchange], bool] | None, list[AnswerRule]] = {}
        for rule in rules:
            self._among.setdefault(rule.among, []).append(rule)
        # by id, as long as the exchange lives, so that an id is given to no other
        self._known: dict[int, tuple[weakref.ref[Exchange], set[str]]] = {}

    def broken(self, name: str) -> bool:
        """Whether a rule about answers was seen broken, or a relation found so."""
        return name in self.compared or (name in self.of and self.of[name].seen > 0)

    def observe(self, exchange: Exchange, asker: str = "") -> None:
        """Judge one vetted exchange by all rules. What a vendor's rule (``asker``) makes a server say is judged by
        vendors' rules only: it is no part of the run that a certificate speaks of."""
        known = self._rules_of(exchange)
        if EVERY in known or not tells(exchange):
            return
        if asker.startswith(VENDOR):
            for rule in self.rules:
                if rule.id.startswith(VENDOR) and rule.id not in known and rule.applies(exchange):
                    known.add(rule.id)
                    count(rule, exchange, self.of[rule.id])
            return
        before = known.copy()
        known.clear()  # one word instead of some 170 for each exchange of the run
        known.add(EVERY)
        for among, rules in self._among.items():
            for rule in rules if among is None or among(exchange) else ():
                if rule.applies(exchange) and rule.id not in before:
                    count(rule, exchange, self.of[rule.id])
        exchange.views.clear()  # it is kept for the run; what the rules saw in it is not

    def hold(self, exchange: Exchange, rule: AnswerRule) -> None:
        """Judge one vetted exchange by one rule, unless that was done before."""
        known = self._rules_of(exchange)
        if EVERY not in known and rule.id not in known and tells(exchange):
            known.add(rule.id)
            judge_answer(rule, exchange, self.of[rule.id])

    def _rules_of(self, exchange: Exchange) -> set[str]:
        """The rules that have judged an exchange, or ``EVERY``."""
        key = id(exchange)
        if key not in self._known:
            self._known[key] = weakref.ref(exchange, lambda _: self._known.pop(key, None)), set[str]()
        return self._known[key][1]


def tells(exchange: Exchange) -> bool:
    """Whether there is an answer to judge: one that was cut short says nothing about its shape."""
    return exchange.answer is not None and exchange.trouble is None and exchange.answer.status not in BUSY


def judge_answer(rule: AnswerRule, exchange: Exchange, watched: Watched) -> str | None:
    """Count the exchange for the rule if it applies; what is wrong, or None."""
    if exchange.answer is None or exchange.answer.status in BUSY or not rule.applies(exchange):
        return None
    return count(rule, exchange, watched)


def count(rule: AnswerRule, exchange: Exchange, watched: Watched) -> str | None:
    """Count an exchange that the rule applies to; what is wrong, or None."""
    watched.judged += 1
    why = rule.check(exchange) or _shared(rule, exchange, watched)
    if why:
        watched.seen += 1
        content = exchange.request.content
        watched.smallest.append(Sighting(len(content), content, why, exchange, exchange.request))
        watched.smallest = heapq.nsmallest(KEPT, watched.smallest)
    return why


def _shared(rule: AnswerRule, exchange: Exchange, watched: Watched) -> str | None:
    """What is wrong where an earlier answer had the same mark."""
    mark = rule.mark(exchange) if rule.mark else None
    if mark is None:
        return None
    if mark in watched.marks:
        return f"an earlier answer has {mark[:60]!r} as well"
    watched.marks.add(mark)
    return None
