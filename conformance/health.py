"""Is the server still itself? Servers die of single requests or of several at once, and some go on answering with an
error to everything.

Nothing that a server says while it is ill is a finding. When it is found dead or ill, the traffic pauses, the server
is brought back (by the command that started it, or by waiting for whoever runs it), and the suspects are sent again
one by one, each followed by the canary, until the killer is known. Whoever seems to be one must kill a server that has
just started as well: one that leaks dies of anybody. Where none does, they are sent all at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ..strategies.bodies import lean
from ..strategies.simpler import PARTNERS, simpler
from .exchange import TOKEN_BOUNDS, Body, Exchange, Request, Trouble
from .judge import Reaction, describe, react
from .lane import Lane
from .outgoing import prepare

if TYPE_CHECKING:
    from .pipeline import Job, Pipeline

CANARY = Request(body=lean())
"""The minimal request that every endpoint takes."""

CHECK, NURSE = -1, -2
"""Tickets of requests that find out how the server is, in ordinary traffic and while all others are held."""

MOST_INCIDENTS = 40
"""Deaths and illnesses in one run before it is given up."""

MOST_SUSPECTS = 60
"""Requests that are tried alone after one incident."""

MOST_KILLS = 4
"""Deaths that are spent on making one killer smaller."""

MOST_TRIES = 60
"""Requests that are spent on it."""

LONGEST_CHAIN = 40
"""Features that are taken away one after the other."""

CHEAP_RESTART = 10.0
"""Seconds that a restart may take so that it is worth a smaller request."""

MOST_ROUNDS = 5
"""How often a judgement is made again because the server fell ill meanwhile."""

Revive = Callable[[], Awaitable[bool]]
T = TypeVar("T")


@dataclass(frozen=True)
class Incident:
    """One time the server went away or fell ill. Between ``begun`` and ``ended`` its answers mean nothing."""

    what: str
    begun: float
    ended: float
    killer: str | None
    crowd: bool = False


@dataclass(frozen=True)
class Crowd:
    """So many requests at once have killed the server, twice; ``safe`` at once have not."""

    deadly: int
    safe: int
    exchange: Exchange


@dataclass
class Health:
    """Watches one pipeline. ``revive`` brings the server back; without it it waits ``patience`` seconds."""

    pipeline: Pipeline
    patience: float
    revive: Revive | None = None
    incidents: list[Incident] = field(default_factory=list)
    set_aside: set[str] = field(default_factory=set)
    suspects: list[Job] = field(default_factory=list)
    crowd: Crowd | None = None
    _restart: float = 0.0
    _healthy_at: float = 0.0
    _since: deque[Job] = field(default_factory=lambda: deque(maxlen=500))
    _dropped: list[Job] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, job: Job, exchange: Exchange) -> None:
        """Take note of an exchange: an accepted request shows that the server was well when it was sent."""
        if react(exchange) is Reaction.ACCEPTED and exchange.started > self._healthy_at:
            self._healthy_at = exchange.started
            self._since.clear()  # what else was in flight comes after this one
            self.stir()
        self._since.append(job)

    def stir(self) -> None:
        """Let those look again who wait for traffic."""
        self._news.set()
        self._news.clear()

    async def traffic_since(self, moment: float, more: Callable[[], bool]) -> None:
        """Wait for an accepted request sent after ``moment`` while there is ``more`` to be sent: it shows what a canary
        would, and costs nothing."""
        while more() and self._healthy_at <= moment and not self.pipeline.gone:
            await self._news.wait()

    def tainted(self, exchange: Exchange, label: str = "") -> bool:
        """Whether an exchange says nothing about the rule ``label``: made in an illness, or set aside for another."""
        if exchange.trouble and exchange.trouble.kind == "set_aside":
            return label not in self.set_aside
        return not exchange.vetted and any(row.begun < exchange.finished < row.ended for row in self.incidents)

    async def since(self, moment: float) -> bool:
        """Whether the server took a valid request sent after ``moment``; else asks the canary. False: all over."""
        if self._healthy_at > moment:
            return True
        async with self._lock:
            if self._healthy_at > moment:
                return True
            if self.pipeline.gone:
                return False
            while self.pipeline.lonely:
                await asyncio.sleep(0.005)
            async with self._nurse() as lane:
                answer = await self._well(lane, ticket=CHECK)
            if answer is None:
                return True
            if self.pipeline.gone:
                return False
            return await self._treat(f"the server no longer takes a minimal request ({answer})", [], ill=True)

    @property
    def asking(self) -> bool:
        """Whether a canary is under way, or about to be."""
        return self._lock.locked()

    async def undisturbed(
        self, work: Callable[[], Awaitable[T]], sound: Callable[[T], bool] = lambda value: False
    ) -> T | None:
        """What ``work`` gives while the server is well; None where it is gone or fell ill each time.

        A value that is ``sound`` needs no canary after it: an ill server cannot have given it.
        """
        for _ in range(MOST_ROUNDS):
            before = len(self.incidents)
            value = await work()
            if not sound(value) and not await self.since(time.monotonic()):
                return None
            if len(self.incidents) == before:
                return value
        return None

    @property
    def why_not(self) -> str:
        """Why ``undisturbed`` gave nothing."""
        return f"no verdict possible: {self.pipeline.gone or 'the server fell ill each time'}"

    async def went_away(self, job: Job, trouble: Trouble) -> Exchange | None:
        """For a job whose connection failed: its vetted exchange if it was a suspect, None to send it again."""
        self.pipeline.pause()
        before = len(self.incidents)
        if trouble.kind == "disconnected":
            self._dropped.append(job)
        async with self._lock:
            if self.pipeline.gone:
                return self.pipeline.cancelled(job)
            if len(self.incidents) == before and job.vetted is None:
                await self.pipeline.landed()
                suspects, self._dropped = self._dropped, []
                if not await self._treat(f"the server went away ({trouble.text})", suspects, ill=False):
                    return self.pipeline.cancelled(job)
        return job.vetted

    async def _treat(self, what: str, suspects: Sequence[Job], *, ill: bool) -> bool:
        """Bring the server back and find the killer. False: it stays away, the run is over."""
        self.pipeline.pause()
        if ill:
            await self.pipeline.landed()
            dropped, self._dropped = self._dropped, []  # it may have gone away just now: these are nearest to the cause
            suspects = [*dropped, *(job for job in self._since if job not in dropped)]
        begun = self._healthy_at
        try:
            if len(self.incidents) >= MOST_INCIDENTS:
                return self._over(f"{what}, for the {MOST_INCIDENTS + 1}th time", suspects)
            if not await self._back():
                return self._over(what, suspects)
            killer = await self._hunt(suspects[:MOST_SUSPECTS])
            if killer is False:
                return False
            crowd = False
            if killer is None and self.revive is not None and self.crowd is None and self.pipeline.pace.lanes > 1:
                crowd = await self._crowded([job.request for job in suspects])
                if self.pipeline.gone:
                    return False
            ended = time.monotonic()
            if crowd and self.crowd is not None:
                what = f"{what}: {self.crowd.deadly} requests in flight kill it, {self.crowd.safe} do not"
            who = killer if isinstance(killer, str) else None
            self.incidents.append(Incident(what, begun if ill else ended, ended, who, crowd))
            self.pipeline.forget(self.tainted)
            self._since.clear()
            return True
        finally:
            self.pipeline.resume()

    async def _hunt(self, suspects: Sequence[Job]) -> str | bool | None:
        """Send the suspects alone, oldest first. The killer's label, None for none, False when all is over."""
        found: str | None = None
        fresh = self.revive is not None  # it has just started, so that nothing but the suspect can be to blame
        async with self._nurse() as lane:
            for job in suspects:
                exchange, killed = await self._tried(lane, job.request)
                if self.pipeline.gone:
                    return False
                if killed and not fresh:
                    if not await self._back():
                        return self._over("the server did not come back", [job])
                    exchange, killed = await self._tried(lane, job.request)
                    if self.pipeline.gone:
                        return False
                job.vetted = exchange
                self.pipeline.remember(job.request, exchange)
                fresh = killed and self.revive is not None
                if killed:
                    self.set_aside.add(job.label)
                    found = found or job.label
                    if not await self._back():
                        return self._over("the server did not come back", [job])
        return found

    async def _tried(self, lane: Lane, request: Request) -> tuple[Exchange, bool]:
        """The exchange of a request that was sent alone, and whether the server was gone or ill after it."""
        exchange = replace(await lane.ask(request, ticket=NURSE), vetted=True)
        self.pipeline.traffic.add(exchange)
        if self._out_of_budget(exchange) or await self._well(lane) is None or self.pipeline.gone:
            return exchange, False
        text = f"the server {'went away' if exchange.answer is None else 'took nothing more'} after this request"
        return replace(exchange, trouble=Trouble("killed", f"{text}, twice")), True

    async def _crowded(self, requests: Sequence[Request]) -> bool:
        """Whether the requests kill the server together, as no one of them does alone; then fewer are in flight."""
        suspects = list(requests)[: self.pipeline.pace.lanes]
        deadly, safe = len(suspects), 1
        if deadly < 2:
            return False
        killed = None
        for requests in ([prepare(CANARY, self.pipeline.target)] * deadly, suspects):
            killed = await self._at_once(requests)
            if killed is not None:
                break
        if killed is None or not await self._revived():
            return False
        size = 2
        while safe < size < deadly:
            fewer = await self._at_once(requests[:size])
            if fewer is None:
                safe, size = size, size * 2
            else:
                deadly, killed = size, fewer
                if not await self._revived():
                    return False
            if size >= deadly and self._restart < CHEAP_RESTART:
                size = (safe + deadly) // 2
        text = f"the server went away with {deadly} requests in flight, twice"
        self.crowd = Crowd(deadly, safe, replace(killed, trouble=Trouble("killed", text)))
        self.pipeline.pace.limit(safe)
        return True

    async def _revived(self) -> bool:
        """Bring the server back, or end the run."""
        return await self._back() or self._over("the server did not come back", [])

    async def _at_once(self, requests: Sequence[Request]) -> Exchange | None:
        """Send all at once. None when the server is well after it, else the exchange of one that got no answer."""

        async def one(request: Request) -> Exchange:
            async with self._nurse() as lane:
                return await lane.ask(request, ticket=NURSE)

        exchanges = await asyncio.gather(*(one(request) for request in requests))
        for exchange in exchanges:
            self.pipeline.traffic.add(exchange)
        async with self._nurse() as lane:
            if await self._well(lane) is None or self.pipeline.gone:
                return None
        return next((exchange for exchange in exchanges if exchange.answer is None), exchanges[0])

    async def smaller(self, exchange: Exchange, keeps: Callable[[Body], bool]) -> Exchange:
        """A smaller request that kills the server as well, with what came of it; the same one where none was found.

        Each that does costs a restart: only where that is quick, and a few times. ``keeps`` says which bodies will do.
        """
        body = exchange.request.body
        if self.revive is None or self._restart > CHEAP_RESTART or not isinstance(body, dict):
            return exchange
        async with self._lock:
            self.pipeline.pause()
            try:
                await self.pipeline.landed()
                async with self._nurse() as lane:
                    return await self._smaller(lane, exchange, keeps)
            finally:
                self.pipeline.resume()

    async def _smaller(self, lane: Lane, exchange: Exchange, keeps: Callable[[Body], bool]) -> Exchange:
        tries, kills = MOST_TRIES, MOST_KILLS
        smaller = True
        while smaller and kills and not self.pipeline.gone:
            smaller = False
            for body in _smaller_bodies(exchange.request.body):
                candidate = replace(exchange.request, body=body)
                if not keeps(body) or len(candidate.content) >= len(exchange.request.content):
                    continue
                if not tries:
                    return exchange
                tries -= 1
                found, killed = await self._tried(lane, candidate)
                if killed:
                    exchange, smaller, kills = found, True, kills - 1
                    if not await self._back():
                        self._over("the server did not come back", [])
                    break
        return exchange

    def _nurse(self) -> Lane:
        """A lane of its own, because all others may stand still."""
        return self.pipeline.lane()

    async def _well(self, lane: Lane, tries: int = 3, ticket: int = NURSE) -> str | None:
        """None when the server takes the canary (or is only busy), else what came instead."""
        said = ""
        for number in range(tries):
            if number:
                await asyncio.sleep(0.3)
            exchange = await lane.ask(prepare(CANARY, self.pipeline.target), ticket=ticket)
            self.pipeline.traffic.add(exchange)
            if react(exchange) in (Reaction.ACCEPTED, Reaction.LIMITED):
                self._healthy_at = max(self._healthy_at, exchange.started)
                self.stir()
                return None
            said = describe(exchange)
            if self._out_of_budget(exchange):
                break
        return said

    def _out_of_budget(self, exchange: Exchange) -> bool:
        """Whether nothing more may be asked: without canaries there is no verdict, and nobody is to blame."""
        spent = exchange.trouble is not None and exchange.trouble.kind == "budget"
        if spent and exchange.trouble:
            self.pipeline.give_up(exchange.trouble.text)
        return spent

    async def _back(self) -> bool:
        """Restart the server or wait for it, until it takes the canary."""
        if self.revive is not None:
            started = time.monotonic()
            back = await self.revive()
            self._restart = time.monotonic() - started
            return back
        ends = time.monotonic() + self.patience
        async with self._nurse() as lane:
            while True:
                if await self.pipeline.listening() and await self._well(lane, 1) is None:
                    return True
                if self.pipeline.gone:
                    return False
                if time.monotonic() > ends:
                    return False
                await asyncio.sleep(0.25)

    def _over(self, what: str, suspects: Sequence[Job]) -> bool:
        self.suspects += [job for job in suspects if job not in self.suspects]
        self.pipeline.give_up(what)
        return False


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
