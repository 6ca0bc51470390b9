"""Who killed the server? Suspects are sent again alone, then all at once; and a killer is made smaller.

Whoever seems to be one must kill a server that has just started as well: one that leaks dies of anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..strategies.bodies import lean
from ..strategies.simpler import PARTNERS, simpler
from .canary import CANARY
from .exchange import TOKEN_BOUNDS, Body, Exchange, Request, Trouble
from .outgoing import prepare
from .pace import NURSE

if TYPE_CHECKING:
    from .health import Health
    from .lane import Lane
    from .pipeline import Job

MOST_KILLERS = 5
"""Killers that are looked for after one incident."""

MOST_KILLS = 4
"""Deaths that are spent on making one killer smaller."""

MOST_TRIES = 60
"""Requests that are spent on it."""

LONGEST_CHAIN = 40
"""Features that are taken away one after the other."""

CHEAP_RESTART = 10.0
"""Seconds that a restart may take so that it is worth a smaller request."""


@dataclass(frozen=True)
class DeadlyCrowd:
    """So many requests at once have killed the server, twice; ``safe`` at once have not."""

    deadly: int
    safe: int
    exchange: Exchange


async def hunt(health: Health, suspects: Sequence[Job]) -> str | Literal[False] | None:
    """Send the suspects alone, oldest first. The killer's label, None for none, False when all is over."""
    found: str | None = None
    killers = 0
    fresh = health.revive is not None  # it has just started, so that nothing but the suspect can be to blame
    async with health.nurse() as lane:
        for job in suspects:
            exchange, killed = await health.tried(lane, job.request)
            if health.pipeline.gone:
                return False
            if killed and not fresh:
                if not await health.back():
                    return health.over("the server did not come back", [job])
                exchange, killed = await health.tried(lane, job.request)
                if health.pipeline.gone:
                    return False
            job.vetted = exchange
            health.pipeline.remember(job.request, exchange)
            fresh = killed and health.revive is not None
            if killed:
                health.set_aside.add(job.label)
                found = found or job.label
                killers += 1
                if not await health.back():
                    return health.over("the server did not come back", [job])
                if killers == MOST_KILLERS:  # the others may be its like, and are asked again
                    break
    return found


async def crowded(health: Health, requests: Sequence[Request]) -> bool:
    """Whether the requests kill the server together, as no one of them does alone; then fewer are in flight."""
    suspects = list(requests)[: health.pipeline.pace.lanes]
    deadly, safe = len(suspects), 1
    if deadly < 2:
        return False
    killed = None
    for requests in ([prepare(CANARY, health.pipeline.target)] * deadly, suspects):
        killed = await _at_once(health, requests)
        if killed is not None:
            break
    if killed is None or not await _revived(health):
        return False
    size = 2
    while safe < size < deadly:
        fewer = await _at_once(health, requests[:size])
        if fewer is None:
            safe, size = size, size * 2
        else:
            deadly, killed = size, fewer
            if not await _revived(health):
                return False
        if size >= deadly and health.restart < CHEAP_RESTART:
            size = (safe + deadly) // 2
    text = f"the server went away with {deadly} requests in flight, twice"
    health.crowd = DeadlyCrowd(deadly, safe, replace(killed, trouble=Trouble("killed", text)))
    health.pipeline.pace.limit(safe)
    return True


async def _revived(health: Health) -> bool:
    """Bring the server back, or end the run."""
    return await health.back() or health.over("the server did not come back", [])


async def _at_once(health: Health, requests: Sequence[Request]) -> Exchange | None:
    """Send all at once. None when the server is well after it, else the exchange of one that got no answer."""

    async def one(request: Request) -> Exchange:
        async with health.nurse() as lane:
            return await lane.ask(request, ticket=NURSE)

    exchanges = await asyncio.gather(*(one(request) for request in requests))
    for exchange in exchanges:
        health.pipeline.traffic.add(exchange)
    async with health.nurse() as lane:
        if await health.well(lane) is None or health.pipeline.gone:
            return None
    return next((exchange for exchange in exchanges if exchange.answer is None), exchanges[0])


async def smaller(health: Health, exchange: Exchange, keeps: Callable[[Body], bool]) -> Exchange:
    """A smaller request that kills the server as well, with what came of it; the same one where none was found.

    Each that does costs a restart: only where that is quick, and a few times. ``keeps`` says which bodies will do.
    """
    if health.revive is None or health.restart > CHEAP_RESTART or not isinstance(exchange.request.body, dict):
        return exchange
    async with health.held(), health.nurse() as lane:
        return await _smaller(health, lane, exchange, keeps)


async def _smaller(health: Health, lane: Lane, exchange: Exchange, keeps: Callable[[Body], bool]) -> Exchange:
    tries, kills = MOST_TRIES, MOST_KILLS
    found_one = True
    while found_one and kills and not health.pipeline.gone:
        found_one = False
        for body in _smaller_bodies(exchange.request.body):
            candidate = replace(exchange.request, body=body)
            if not keeps(body) or len(candidate.content) >= len(exchange.request.content):
                continue
            if not tries:
                return exchange
            tries -= 1
            found, killed = await health.tried(lane, candidate)
            if killed:
                exchange, found_one, kills = found, True, kills - 1
                if not await health.back():
                    health.over("the server did not come back", [])
                break
    return exchange


def _smaller_bodies(body: Body) -> Iterator[Body]:
    """Bodies with less in them: one property alone, half of the features, one feature less."""
    bound = {name: body[name] for name in TOKEN_BOUNDS if name in body}
    plain = lean(model=body.get("model")) | bound
    for name in [*body, None]:
        if name is None:
            yield {"model": body.get("model"), "messages": body.get("messages"), **bound}
        elif name not in plain:
            partner = PARTNERS.get(name)
            yield plain | ({partner: body[partner]} if partner in body else {}) | {name: body[name]}
    for which in (0, -1):
        chain = [body]
        while (fewer := _fewer_features(chain[-1])) and len(chain) < LONGEST_CHAIN:
            chain.append(fewer[which])
        yield chain[len(chain) // 2]
    yield from _fewer_features(body)


def _fewer_features(body: Body) -> list[Body]:
    """The body with one feature less each; none where it is too odd to say what its features are."""
    try:
        return list(simpler(body))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return []
