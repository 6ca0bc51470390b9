"""Fires requests from N lanes, answers equal ones once, and notices when the server is gone.

Everything here runs in one event loop. Whoever asks awaits an Exchange; nothing raises for what the server does.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..strategies.bodies import lean
from .endpoint import Lane, Target, prepare
from .judge import UNREACHED, Reaction, describe, react
from .model import Exchange, Request, Trouble

Priority = tuple[int, ...]
CANARY = Request(body=lean())
"""The minimal request that every endpoint takes."""

MOST_SUSPECTS = 20
"""Requests named when a server went away or fell ill."""

URGENT: Priority = (-1,)
"""Proofs go before everything that waits, so that verdicts come early."""


@dataclass
class Job:
    """One request on its way. ``label`` names the rule it is for."""

    request: Request
    label: str
    done: asyncio.Future[Exchange]
    reached: bool = True


@dataclass
class Tally:
    """What the run has cost so far."""

    requests: int = 0
    tokens: int = 0
    retried: int = 0
    suspects: list[Job] = field(default_factory=list)


class Pipeline:
    """N lanes over one queue. Use inside a running loop: ``async with Pipeline(...)``."""

    def __init__(self, target: Target, lanes: int, *, patience: float = 5.0) -> None:
        self.target = target
        self.lanes = lanes
        self.patience = patience
        self.tally = Tally()
        self.gone: str | None = None
        self.on_gone: Callable[[str], None] = lambda reason: None
        self._queue: asyncio.PriorityQueue[tuple[Priority, int, Job]] = asyncio.PriorityQueue()
        self._memory: dict[tuple[object, ...], asyncio.Future[Exchange]] = {}
        self._number = itertools.count()
        self._flying: dict[int, Job] = {}
        self._open = asyncio.Event()
        self._open.set()
        self._watch = asyncio.Lock()
        self._examining = asyncio.Lock()
        self._healthy_at = 0.0
        self._since_healthy: deque[Job] = deque(maxlen=500)
        self._troubled = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Pipeline:
        context = ssl.create_default_context() if self.target.base.startswith("https") else None
        self._tasks = [asyncio.create_task(self._lane(context)) for _ in range(self.lanes)]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.give_up("the run was stopped")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def ask(self, request: Request, label: str, priority: Priority) -> asyncio.Future[Exchange]:
        """The exchange for a request; equal requests are asked once and share the answer."""
        request = prepare(request, self.target)
        known = self._memory.get(request.key)
        if known is None:
            known = self._memory[request.key] = self._enqueue(request, label, priority)
        return known

    def ask_again(self, request: Request, label: str) -> asyncio.Future[Exchange]:
        """A new exchange for a request that was asked before."""
        return self._enqueue(prepare(request, self.target), label, URGENT)

    def give_up(self, reason: str) -> None:
        """Answer everything that waits with a cancellation."""
        self.gone = self.gone or reason
        self._open.set()
        while not self._queue.empty():
            job = self._queue.get_nowait()[2]
            self._finish(job, self._cancelled(job))

    def _cancelled(self, job: Job) -> Exchange:
        return Exchange(job.request, trouble=Trouble("cancelled", self.gone or "cancelled"), attempts=0)

    def _enqueue(self, request: Request, label: str, priority: Priority) -> asyncio.Future[Exchange]:
        job = Job(request, label, asyncio.get_running_loop().create_future())
        if self.gone:
            self._finish(job, self._cancelled(job))
        else:
            self._queue.put_nowait((priority, next(self._number), job))
        return job.done

    @staticmethod
    def _finish(job: Job, exchange: Exchange) -> None:
        if not job.done.done():
            job.done.set_result(exchange)

    async def _lane(self, context: ssl.SSLContext | None) -> None:
        async with Lane(self.target, context) as lane:
            while True:
                _, number, job = await self._queue.get()
                await self._open.wait()
                if self.gone:
                    self._finish(job, self._cancelled(job))
                    continue
                self._flying[number] = job
                try:
                    self._finish(job, await self._fly(lane, job))
                finally:
                    del self._flying[number]
                    self._finish(job, self._cancelled(job))

    async def _fly(self, lane: Lane, job: Job) -> Exchange:
        """Send one job. What never reached a server that went away is sent again when it is back.

        A job that was in flight when the server went away is a suspect: it is re-sent alone, so that the one that
        takes the server down again is known to be the killer.
        """
        for _ in range(3):
            flying = len(self._flying)
            started = time.monotonic()
            exchange = replace(await lane.ask(job.request), in_flight=flying)
            self._count(exchange)
            self._watch_health(job, exchange, started)
            trouble = exchange.trouble
            if trouble is None or trouble.kind not in (*UNREACHED, "disconnected"):
                return exchange
            if trouble.kind in ("dns", "tls"):
                self._declare_gone(f"{trouble.kind} error: {trouble.text}")
                return exchange
            dropped = trouble.kind == "disconnected"
            if dropped and await self._listening():
                return exchange
            self._troubled += 1
            self._open.clear()
            job.reached = dropped
            try:
                async with self._watch:
                    if not await self._back(trouble):
                        return self._cancelled(job)
                    if dropped:
                        return await self._alone(lane, job)
            finally:
                self._troubled -= 1
                if not self._troubled:
                    self._open.set()
            await self._open.wait()
        return exchange

    async def _alone(self, lane: Lane, job: Job) -> Exchange:
        exchange = replace(await lane.ask(job.request), in_flight=1)
        self._count(exchange)
        trouble = exchange.trouble
        if trouble is None or trouble.kind != "disconnected" or await self._listening():
            return exchange
        self.tally.suspects.append(job)
        await self._back(trouble)
        return replace(exchange, trouble=Trouble("killed", "the server went away on this request, twice"))

    def _watch_health(self, job: Job, exchange: Exchange, started: float) -> None:
        if react(exchange) is Reaction.ACCEPTED:
            self._healthy_at = max(self._healthy_at, started)
            self._since_healthy.clear()
        self._since_healthy.append(job)

    async def healthy_since(self, moment: float) -> bool:
        """Whether a valid request that was sent after ``moment`` was taken; asks the canary where none was.

        An engine whose worker thread has died answers on, with an error to everything: nothing it says from then on
        is a finding. When the canary stays refused for the patience, the run is over.
        """
        async with self._examining:
            tries = max(2, round(self.patience / 1.0))
            for number in range(tries):
                if self._healthy_at > moment:
                    return True
                if self.gone:
                    return False
                exchange = await self.ask_again(CANARY, "canary")
                reaction = react(exchange)
                if reaction in (Reaction.ACCEPTED, Reaction.LIMITED):
                    return True
                if number < tries - 1:
                    await asyncio.sleep(1.0)
            suspects = list(self._since_healthy)[:MOST_SUSPECTS]
            self._declare_gone(f"the server no longer takes a minimal request ({describe(exchange)})", suspects)
            return False

    def _count(self, exchange: Exchange) -> None:
        self.tally.requests += exchange.attempts
        self.tally.retried += exchange.attempts - 1

    async def _listening(self) -> bool:
        parts = urlsplit(self.target.base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self.target.bounds.connect):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def _back(self, trouble: Trouble) -> bool:
        """True when the server listens again within the patience; else the run is over."""
        if self.gone:
            return False
        for _ in range(max(1, round(self.patience / 0.25))):
            if await self._listening():
                return True
            await asyncio.sleep(0.25)
        self._declare_gone(f"the server is gone ({trouble.text})")
        return False

    def _declare_gone(self, reason: str, suspects: Sequence[Job] | None = None) -> None:
        if not self.gone:
            if suspects is None:
                suspects = [job for job in self._flying.values() if job.reached]
            self.tally.suspects += [job for job in suspects if job not in self.tally.suspects]
            self.give_up(reason)
            self.on_gone(reason)
