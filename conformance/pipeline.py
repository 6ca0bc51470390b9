"""Fires requests from N lanes, answers equal ones once, and pauses when the server is not itself.

Everything here runs in one event loop. Whoever asks awaits an Exchange; nothing raises for what the server does.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from .budget import URGENT, Priority
from .connection import proxied, tls_context
from .exchange import Exchange, Request, Trouble, Unended
from .health import Health, Revive
from .intake import Intake
from .judge import UNREACHED
from .lane import Lane
from .outgoing import prepare
from .pace import BUSY, NURSE, Pace
from .results import OURS
from .target import Target
from .traffic import Traffic

T = TypeVar("T")

LANDING = 5.0
"""Seconds that a request which is to be alone waits for others to land; one that hangs is no crowd."""

FEW = 4
"""Requests that are asked at a time where it is known that many break things."""

MOST_REMEMBERED = 4_000
"""Exchanges that are remembered. Of a longer list the oldest are forgotten, and asked again if an equal body comes."""


@dataclass(eq=False)
class Job:
    """One request on its way. ``label`` names the rule it is for; ``vetted`` is its exchange when it was sent alone."""

    request: Request
    label: str
    done: asyncio.Future[Exchange]
    vetted: Exchange | None = None
    ticket: int = 0
    work: Callable[[], Awaitable[Any]] | None = None
    """What is done instead of sending the request: traffic of another client, which takes a lane's place."""
    count: int = 1
    """How many requests like this one that is, at most."""


class Pipeline:
    """N lanes over one queue. Use inside a running loop: ``async with Pipeline(...)``."""

    def __init__(
        self,
        target: Target,
        lanes: int,
        *,
        patience: float = 5.0,
        revive: Revive | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.target = target
        self.lanes = lanes
        self.pace = pace or Pace(lanes)
        self.pace.begin()
        self.intake = Intake()
        self.traffic = Traffic()
        self.gone: str | None = None
        self.health = Health(self, patience, revive)
        self._queue: asyncio.PriorityQueue[tuple[Priority, int, Job]] = asyncio.PriorityQueue()
        self._memory: dict[tuple[object, ...], asyncio.Future[Exchange]] = {}
        self.earlier: set[tuple[object, ...]] = set()
        """Keys of requests that an earlier part of the run has asked and judged."""
        self._number = itertools.count()
        self._flying: set[Job] = set()
        self._troubled = 0
        self._alone = asyncio.Lock()
        self._lonely_waiting = 0
        self._few: list[Job] = []
        self._lonely = False
        self._open = asyncio.Event()
        self._open.set()
        self.context = tls_context(target)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Pipeline:
        self._tasks = [asyncio.create_task(self._lane()) for _ in range(self.lanes)]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.give_up("the run was stopped")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- asking --------------------------------------------------------------------------------------------------

    def ask(self, request: Request, label: str, priority: Priority) -> asyncio.Future[Exchange]:
        """The exchange for a request; equal requests are asked once and share the answer."""
        request = prepare(request, self.target)
        known = self._memory.get(request.key)
        if known is None:
            self._forget_oldest()
            known = self._memory[request.key] = self._enqueue(request, label, priority)
        return known

    def _forget_oldest(self) -> None:
        """Make room. What is still under way stays."""
        if len(self._memory) < MOST_REMEMBERED:
            return
        for key, future in itertools.islice(self._memory.items(), MOST_REMEMBERED // 2):
            if future.done():
                del self._memory[key]
                return

    def asked(self, request: Request) -> bool:
        """Whether a request was asked before, answered or not."""
        return prepare(request, self.target).key in self._memory

    def judged_earlier(self, request: Request) -> bool:
        """Whether an earlier part of the run has asked it, and its answer is in the tallies."""
        return prepare(request, self.target).key in self.earlier

    def known(self, request: Request) -> Exchange | None:
        """The exchange of a request that was asked and answered before, or None."""
        future = self._memory.get(prepare(request, self.target).key)
        return future.result() if future is not None and future.done() else None

    def ask_again(self, request: Request, label: str, priority: Priority = URGENT) -> asyncio.Future[Exchange]:
        """A new exchange for a request that was asked before."""
        return self._enqueue(prepare(request, self.target), label, priority)

    async def ask_alone(self, request: Request, label: str, before: Sequence[Request] = ()) -> Exchange:
        """A new exchange for a request, with nothing else in flight; one at a time. ``before`` are sent just before."""
        async with self._quiet():
            return await self._fly_alone(self._lonely_job(request, label), before)

    async def ask_among_few(self, request: Request, label: str) -> Exchange:
        """A new exchange for a request with a few others in flight that are asked so, and nothing else."""
        job = self._lonely_job(request, label)
        self._few.append(job)
        async with self._quiet():
            few, self._few = self._few[:FEW], self._few[FEW:]
            for job_of_few, exchange in zip(few, await asyncio.gather(*map(self._fly_alone, few)), strict=True):
                self._finish(job_of_few, exchange)
        return await job.done

    def _lonely_job(self, request: Request, label: str) -> Job:
        return Job(prepare(request, self.target), label, asyncio.get_running_loop().create_future(), ticket=NURSE)

    async def _fly_alone(self, job: Job, before: Sequence[Request] = ()) -> Exchange:
        """Send a job on a lane of its own, the others ``before`` it."""
        if self.gone:
            return self.cancelled(job)
        self._flying.add(job)
        try:
            async with self.lane() as lane:
                for one in before:
                    await self._fly(lane, Job(prepare(one, self.target), job.label, job.done, ticket=NURSE))
                return await self._fly(lane, job)
        finally:
            self._flying.discard(job)

    @asynccontextmanager
    async def _quiet(self) -> AsyncGenerator[None]:
        """Nothing else takes off meanwhile, and what was in flight has landed; one at a time."""
        self._lonely_waiting += 1
        try:
            await self._alone.acquire()
        except BaseException:
            self.resume()
            raise
        finally:
            self._lonely_waiting -= 1
        self.pause()
        try:
            await self.landed(LANDING)
            while self.health.asking:  # a canary is no company either
                await asyncio.sleep(0.005)
            self._lonely = True
            yield
        finally:
            self._lonely = False
            self._alone.release()
            if not self._lonely_waiting:  # one after the other, without letting others take off in between
                self.resume()

    @property
    def lonely(self) -> bool:
        """Whether a request is to have no company. One in trouble waits for the server like all others."""
        return self._lonely and not self._troubled

    async def occupy(
        self, work: Callable[[], Awaitable[T]], label: str, priority: Priority, request: Request, count: int
    ) -> T | Exchange:
        """What ``work`` gives, which sends a prepared request of its own, or some like it, ``count`` at most. It counts
        as one in flight, and books itself. Where it is not done: an exchange that says why."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        job = Job(request, label, done, work=work, count=count)
        if self.gone:
            return self.cancelled(job)
        self._queue.put_nowait((priority, next(self._number), job))
        return await done

    def remember(self, request: Request, exchange: Exchange) -> None:
        """Keep an exchange as the answer to a prepared request."""
        future: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        future.set_result(exchange)
        self._memory[request.key] = future

    def forget(self, void: Callable[[Exchange], bool]) -> None:
        """Drop the remembered exchanges that say nothing, so that they are asked anew."""
        for key, future in list(self._memory.items()):
            if future.done() and void(future.result()):
                del self._memory[key]

    def give_up(self, reason: str) -> None:
        """Answer everything that waits with a cancellation."""
        self.gone = self.gone or reason
        self.health.stir()
        self._open.set()
        self.pace.stop()
        while not self._queue.empty():
            job = self._queue.get_nowait()[2]
            self._finish(job, self.cancelled(job))

    def cancelled(self, job: Job) -> Exchange:
        """The exchange of a job that is not sent any more."""
        return Exchange(job.request, trouble=Trouble("cancelled", self.gone or "cancelled"), attempts=0)

    def _enqueue(self, request: Request, label: str, priority: Priority) -> asyncio.Future[Exchange]:
        number = next(self._number)
        job = Job(request, label, asyncio.get_running_loop().create_future(), ticket=number)
        if self.gone:
            self._finish(job, self.cancelled(job))
        else:
            self._queue.put_nowait((priority, number, job))
        return job.done

    @staticmethod
    def _finish(job: Job, exchange: Exchange) -> None:
        if not job.done.done():
            job.done.set_result(exchange)

    # --- pausing -------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Let no further job take off."""
        if not self.gone:
            self._open.clear()
            self.pace.hold(True)

    def resume(self) -> None:
        """Go on."""
        self._open.set()
        self.pace.hold(False)

    @property
    def flying(self) -> int:
        """Requests that were sent and not answered yet."""
        return len(self._flying)

    @property
    def paused(self) -> bool:
        """Whether no job takes off now."""
        return not self._open.is_set()

    async def landed(self, patience: float = math.inf) -> None:
        """Wait until what is in flight has an answer or is in trouble; bounded by ``patience`` seconds and by the
        time-outs of a request."""
        ends = time.monotonic() + patience
        while len(self._flying) > self._troubled + self.pace.waiting and time.monotonic() < ends:
            await asyncio.sleep(0.005)

    async def listening(self) -> bool:
        """Whether something accepts connections at the endpoint; behind a proxy nobody knows."""
        if proxied():
            return True
        parts = urlsplit(self.target.base)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self.target.bounds.connect):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    # --- lanes ---------------------------------------------------------------------------------------------------

    def lane(self) -> Lane:
        """A lane more, which keeps to the pace of all."""
        return Lane(self.target, self.context, intake=self.intake, pace=self.pace)

    async def _lane(self) -> None:
        async with self.lane() as lane:
            while True:
                priority, _, job = await self._queue.get()
                await self._open.wait()
                if self.gone:
                    self._finish(job, self.cancelled(job))
                    continue
                if job.label in self.health.set_aside and priority[0] != URGENT[0]:
                    self._memory.pop(job.request.key, None)
                    trouble = Trouble("set_aside", "not sent: its like has killed the server")
                    self._finish(job, Exchange(job.request, trouble=trouble, attempts=0))
                    continue
                if not await self._affordable(job, priority):
                    if job.work is None:
                        self._memory.pop(job.request.key, None)
                    continue
                self._flying.add(job)
                try:
                    self._finish(job, await (job.work() if job.work else self._fly(lane, job)))
                except Exception as error:  # a fault of ours ends the run; it must not leave others waiting
                    self.give_up(f"{OURS}: {type(error).__name__}: {error}")
                finally:
                    self._flying.discard(job)
                    self._finish(job, self.cancelled(job))

    async def _affordable(self, job: Job, priority: Priority) -> bool:
        """Whether the budget allows a job; else it is answered. What is held for answers under way may come back."""
        budget = self.target.budget
        if budget is None:
            return True
        while not budget.allows(job.request, priority, job.count):
            if not (budget.held and self._flying) or self.gone:
                self._finish(job, Exchange(job.request, trouble=Trouble("budget", budget.spent), attempts=0))
                return False
            await asyncio.sleep(0.02)
        return True

    async def _fly(self, lane: Lane, job: Job) -> Exchange:
        """Send one job; when the server has gone away, wait for it and send again what never arrived."""
        while True:
            exchange = await lane.ask(job.request, ticket=job.ticket)
            self.traffic.add(exchange)
            self.traffic.busy = self.pace.busy_answers
            trouble = exchange.trouble
            if trouble is not None and trouble.kind == "budget":
                return exchange
            if exchange.answer and exchange.answer.unended is Unended.CLOSED and not await self.listening():
                trouble = Trouble("disconnected", exchange.answer.unended)  # the end of the server, not of the stream
            if exchange.status in BUSY and (why := self.pace.hopeless):
                self.give_up(f"the server answered nothing but {exchange.status} {why}")
            if trouble is None or trouble.kind not in (*UNREACHED, "disconnected"):
                self.health.saw(job, exchange)
                return exchange
            if trouble.kind in ("dns", "tls"):
                self.give_up(f"{trouble.kind} error: {trouble.text}")
                return exchange
            if trouble.kind == "disconnected" and await self.listening():
                self.health.saw(job, exchange)
                return exchange
            self._troubled += 1
            try:
                vetted = await self.health.went_away(job, trouble)
            finally:
                self._troubled -= 1
            if vetted is not None:
                return vetted
            await self._open.wait()
