"""What is accepted by chance: whether it is the invalid requests of one rule now and then, or any."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from ..strategies.bodies import lean
from .again import Crowd
from .budget import SEARCH
from .exchange import Request
from .judge import Reaction, react
from .pipeline import Pipeline

INVALID = {
    "messages": lean(messages=[]),
    "temperature": lean(temperature="warm"),
    "stop": lean(stop=7),
    "user": lean(user=["user-1"]),
}
"""Invalid bodies by the property that is wrong in them; few are under way at a time."""

ROUNDS = 30
"""How often each of them is sent: a fault may take one request in fifty, and is to be seen of several properties."""

SELDOM = 4
"""Of how many at least one is accepted at most: more is a property that is not looked at, or not by some servers."""


async def taken_by_chance(pipeline: Pipeline, kept: Crowd, label: str, property: str) -> bool:
    """Whether invalid requests of other properties than this are accepted now and then. They are sent once in a run."""
    if kept.taken is None:
        kept.taken = asyncio.ensure_future(_taken(pipeline, label))
    return bool(await kept.taken - {property})


async def _taken(pipeline: Pipeline, label: str) -> frozenset[str]:
    """The properties of which an invalid request was accepted, while most were refused."""
    fates: dict[str, list[Reaction]] = defaultdict(list)
    for _ in range(ROUNDS):
        exchanges = await asyncio.gather(
            *(pipeline.ask_again(Request(body=body), label, SEARCH) for body in INVALID.values())
        )
        for name, exchange in zip(INVALID, exchanges, strict=True):
            fates[name].append(react(exchange))
    return frozenset(name for name, rows in fates.items() if 0 < _accepted(rows) * SELDOM <= _decided(rows))


def _accepted(rows: list[Reaction]) -> int:
    return rows.count(Reaction.ACCEPTED)


def _decided(rows: list[Reaction]) -> int:
    return _accepted(rows) + rows.count(Reaction.REFUSED)
