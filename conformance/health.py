"""Is the server still itself? Servers die of single requests or of several at once, and some go on answering with an
error to everything.

Nothing that a server says while it is ill is a finding. When it is found dead or ill, the traffic pauses, the server
is brought back (by the command that started it, or by waiting for whoever runs it), and the suspects are sent again
one by one (``killers``), each followed by the canary, until the one that did it is known.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from . import killers
from .canary import CANARY
from .exchange import Exchange, Request, Trouble
from .judge import Reaction, describe, react
from .lane import Lane
from .outgoing import prepare
from .pace import CHECK, NURSE

if TYPE_CHECKING:
    from .pipeline import Job, Pipeline

MOST_INCIDENTS = 40
"""Deaths and illnesses in one run before it is given up."""

MOST_SUSPECTS = 60
"""Requests that are tried alone after one incident."""

MOST_RETURNS = 40
"""How often in one run a server that nobody restarts is waited for, the hunts after incidents included."""

MOST_RESTARTS = 200
"""How often in one run the suite restarts it itself."""

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


@dataclass
class Health:
    """Watches one pipeline. ``revive`` brings the server back; without it it waits ``patience`` seconds.

    ``incidents`` are what has happened to it, ``set_aside`` the labels of requests that have killed it, ``suspects``
    what was in flight when it went away for good, ``restart`` the seconds that the last one took.
    """

    pipeline: Pipeline
    patience: float
    revive: Revive | None = None
    incidents: list[Incident] = field(default_factory=list[Incident])
    set_aside: set[str] = field(default_factory=set[str])
    suspects: list[Job] = field(default_factory=lambda: [])
    crowd: killers.DeadlyCrowd | None = None
    restart: float = 0.0
    _returns: int = 0
    _healthy_at: float = 0.0
    _since: deque[Job] = field(default_factory=lambda: deque(maxlen=500))
    _dropped: list[Job] = field(default_factory=lambda: [])
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
            async with self.nurse() as lane:
                answer = await self.well(lane, ticket=CHECK)
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
                return self.over(f"{what}, for the {MOST_INCIDENTS + 1}th time", suspects)
            if not await self.back():
                return self.over(what, suspects)
            killer = await killers.hunt(self, suspects[:MOST_SUSPECTS])
            if killer is False:
                return False
            crowd = False
            if killer is None and self.revive is not None and self.crowd is None and self.pipeline.pace.lanes > 1:
                crowd = await killers.crowded(self, [job.request for job in suspects])
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

    async def tried(self, lane: Lane, request: Request) -> tuple[Exchange, bool]:
        """The exchange of a request that was sent alone, and whether the server was gone or ill after it."""
        exchange = replace(await lane.ask(request, ticket=NURSE), vetted=True)
        self.pipeline.traffic.add(exchange)
        if self._out_of_budget(exchange) or await self.well(lane) is None or self.pipeline.gone:
            return exchange, False
        text = f"the server {'went away' if exchange.answer is None else 'took nothing more'} after this request"
        return replace(exchange, trouble=Trouble("killed", f"{text}, twice")), True

    @asynccontextmanager
    async def held(self) -> AsyncGenerator[None]:
        """Nothing else is in flight meanwhile, and nobody else asks how the server is."""
        async with self._lock:
            self.pipeline.pause()
            try:
                await self.pipeline.landed()
                yield
            finally:
                self.pipeline.resume()

    def nurse(self) -> Lane:
        """A lane of its own, because all others may stand still."""
        return self.pipeline.lane()

    async def well(self, lane: Lane, tries: int = 3, ticket: int = NURSE) -> str | None:
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

    async def back(self) -> bool:
        """Restart the server or wait for it, until it takes the canary. False: it stays away, or fell too often."""
        self._returns += 1
        if self._returns > (MOST_RETURNS if self.revive is None else MOST_RESTARTS):
            return self.over(f"the server went away or fell ill {self._returns} times", [])
        if self.revive is not None:
            started = time.monotonic()
            back = await self.revive()
            self.restart = time.monotonic() - started
            return back
        ends = time.monotonic() + self.patience
        async with self.nurse() as lane:
            while True:
                if await self.pipeline.listening() and await self.well(lane, 1) is None:
                    return True
                if self.pipeline.gone:
                    return False
                if time.monotonic() > ends:
                    return False
                await asyncio.sleep(0.25)

    def over(self, what: str, suspects: Sequence[Job]) -> Literal[False]:
        """End the run, for good."""
        self.suspects += [job for job in suspects if job not in self.suspects]
        self.pipeline.give_up(what)
        return False
