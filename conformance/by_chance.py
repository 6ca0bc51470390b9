"""What is accepted by chance: whether it is the invalid requests of one rule now and then, or any."""

from __future__ import annotations

import asyncio
from itertools import cycle, islice

from ..strategies.bodies import lean
from .again import Crowd
from .exchange import Request, unaffordable
from .judge import Reaction, react
from .pipeline import Pipeline

INVALID = {
    "messages": lean(messages=[]),
    "temperature": lean(temperature="warm"),
    "stop": lean(stop=7),
    "user": lean(user=["user-1"]),
}
"""Invalid bodies by the property that is wrong in them."""

ASKED = 120
"""How many of them are sent: a fault may take one in fifty, and it is to be seen of more than one property."""

SELDOM = 4
"""Of how many at least one is accepted at most: more is a property that is not looked at, or not by some servers."""


async def taken_by_chance(pipeline: Pipeline, kept: Crowd, label: str, property: str) -> bool:
    """Whether invalid requests of other properties than this are accepted now and then. They are sent once in a run."""
    if kept.taken is None:
        kept.taken = asyncio.ensure_future(_taken(pipeline, label))
    return bool(await kept.taken - {property})


async def _taken(pipeline: Pipeline, label: str) -> frozenset[str]:
    """The properties of which an invalid request was accepted, and others were not."""
    names = list(islice(cycle(INVALID), ASKED))
    exchanges = await asyncio.gather(*(pipeline.ask_again(Request(body=INVALID[name]), label) for name in names))
    told = [(name, react(one)) for name, one in zip(names, exchanges, strict=True) if not unaffordable(one)]
    fates = {name: [fate for about, fate in told if about == name] for name in INVALID}
    return frozenset(
        name
        for name, rows in fates.items()
        if 0 < rows.count(Reaction.ACCEPTED) * SELDOM <= len(rows) and Reaction.REFUSED in rows
    )
