"""How fast requests go out: never above ``--rate``, and less at once when the server says that it is too much.

One pace for all lanes of a run. Answers that speak of load (429, 503, 529) halve the number in flight and hold back
everybody until the server wants to be asked again; each answer after that raises it a little (additive increase,
multiplicative decrease, as TCP does). Durations are seconds of the monotonic clock.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time

BUSY = (429, 503, 529)
"""Statuses that ask to come back later."""

CHECK, NURSE = -1, -2
"""Tickets of requests that find out how the server is, in ordinary traffic and while all others are held."""

CAREFUL = 4.0
"""Answers, as a multiple of the number in flight, after which one more request may be in flight."""

SHORTEST, LONGEST_FLOOR = 0.1, 2.0
"""Seconds that everybody waits at least after a busy answer, twice as long from one to the next, whatever it asks."""

JITTER = 0.1
"""Share of a wait that is added at random, so that processes that were refused together do not come back together."""

DICE = random.Random()
"""Of its own: bodies are drawn meanwhile in another thread, and Hypothesis watches the common one."""

PATIENCE = 180.0
"""Seconds of nothing but busy answers after which a run is given up."""

LAST_WORDS = 3
"""Answers in a row that ask for a longer wait than there is, after which it is given up as well."""


class Pace:
    """Lets requests go. ``rate`` is requests a second over all lanes, None for as many as there can be.

    ``await take(ticket)`` before a request, ``give()`` after it. Those with the lowest ticket go first, so that a
    request that was put off is not put off for ever. A ``CHECK`` goes whatever is held, a ``NURSE`` also whatever is in
    flight.
    """

    def __init__(self, lanes: int, rate: float | None = None, patience: float | None = None) -> None:
        self.lanes = lanes
        self.rate = rate
        self.patience = PATIENCE if patience is None else patience
        self.window = float(lanes)
        self.flying = 0
        self.busy_answers = 0
        self.stopped = False
        self.lowest = lanes
        self._held = False
        self._ceiling = lanes
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0  # when the rate lets the next one go
        self._paused_until = 0.0
        self._cut_at = 0.0
        self._cuts = 0
        self._busy_since: float | None = None
        self._too_long = 0

    # --- going out -----------------------------------------------------------------------------------------------

    async def take(self, ticket: int = 0) -> None:
        """Wait for leave to send one request."""
        free = self.rate is None and not self._held and not self._waiting and self.flying < int(self.window)
        if free and time.monotonic() >= self._paused_until:
            self.flying += 1
            return
        leave: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (ticket, next(self._number), leave))
        self._let_go()
        try:
            await leave
        except asyncio.CancelledError:
            if leave.done() and not leave.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """The request has its answer, or none."""
        self.flying -= 1
        if self._waiting:
            self._let_go()

    def _let_go(self) -> None:
        """Give leave to as many as may go now; come back when the next one may."""
        while self._waiting:
            if self._waiting[0][2].done():  # it waits no longer
                heapq.heappop(self._waiting)
                continue
            ticket = self._waiting[0][0]
            full = self.flying >= int(self.window)
            if not self.stopped and ((self._held and ticket > CHECK) or (full and ticket > NURSE)):
                return  # whoever comes back calls again
            now = time.monotonic()
            when = max(self._paused_until, self._next)
            if now < when and not self.stopped:
                self._later(when - now)
                return
            heapq.heappop(self._waiting)[2].set_result(None)
            self.flying += 1
            if self.rate is not None:
                self._next = max(self._next, now - 1 / self.rate) + 1 / self.rate

    def hold(self, held: bool) -> None:
        """Let nobody go, or go on."""
        self._held = held
        self._let_go()

    def begin(self) -> None:
        """Nothing is held or stopped any more: another campaign goes on with what is known of the server."""
        self.stopped = self._held = False

    def stop(self) -> None:
        """Nothing is to be sent any more: those that wait learn it from ``stopped``."""
        self.stopped = True
        self._let_go()

    def _later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._let_go)

    # --- what the server says ------------------------------------------------------------------------------------

    def busy(self, sent: float, wait: float, *, too_long: bool = False) -> None:
        """A request sent at ``sent`` was put off for ``wait`` seconds, or for longer than anybody waits."""
        now = time.monotonic()
        self._too_long += too_long
        self.busy_answers += 1
        if self._busy_since is None:
            self._busy_since = now
        if sent >= self._cut_at:  # those that were under way when the window was cut tell nothing new
            self.window = max(1.0, self.window / 2)
            self.lowest = min(self.lowest, int(self.window))
            self._cut_at = now
            self._cuts += 1
        floor = min(SHORTEST * 2 ** min(self._cuts - 1, 10), LONGEST_FLOOR) if self._cuts else 0.0
        wait = max(wait, floor) * DICE.uniform(1.0, 1.0 + JITTER)
        self._paused_until = max(self._paused_until, now + wait)

    def served(self) -> None:
        """A request was answered with something else."""
        if self._busy_since is not None:
            self._busy_since = None
            self._cuts = self._too_long = 0
        if self.window < self._ceiling:
            self.window = min(float(self._ceiling), self.window + 1 / (CAREFUL * self.window))
            if self._waiting:
                self._let_go()

    @property
    def waiting(self) -> int:
        """How many wait for leave, those not counted that find out how the server is."""
        return sum(ticket > CHECK and not leave.done() for ticket, _, leave in self._waiting)

    @property
    def alone(self) -> bool:
        """Whether no more than one request may be in flight: whoever is put off then was put off for itself."""
        return self.window < 2

    @property
    def hopeless(self) -> str:
        """Why there is no use in asking on: busy answers and nothing else for long, or to last for long; else empty."""
        if self._busy_since is None:
            return ""
        gone = time.monotonic() - self._busy_since
        if self._too_long >= LAST_WORDS:
            return "and wants to be asked again later than anybody waits"
        return f"for {gone:.0f} s" if gone > self.patience else ""

    # --- what others know ----------------------------------------------------------------------------------------

    def limit(self, most: int) -> None:
        """Never more than ``most`` in flight from now on."""
        self._ceiling = max(1, min(self._ceiling, most))
        self.window = min(self.window, float(self._ceiling))
        self.lowest = min(self.lowest, self._ceiling)
