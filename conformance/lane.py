"""One request after the other to the endpoint: in its turn, within the budget, and again where the server was busy."""

from __future__ import annotations

import asyncio
import email.utils
import ssl
import time
from dataclasses import replace
from types import TracebackType

import httpx

from .connection import Connection
from .exchange import Exchange, Request, Trouble
from .intake import Intake
from .pace import BUSY, DICE, Pace
from .target import Target


def asked_wait(headers: httpx.Headers) -> float | None:
    """Seconds that Retry-After asks for, in seconds or as a date; None where it says nothing that can be read."""
    asked = headers.get("retry-after", "").strip()
    try:
        seconds = float(asked)
        if seconds == seconds:  # not NaN
            return max(seconds, 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


def retry_wait(headers: httpx.Headers, attempt: int, longest: float) -> float:
    """Seconds to wait before re-sending: what Retry-After asks for, else 0.5 doubling."""
    asked = asked_wait(headers)
    if asked is not None:
        return min(asked, longest)
    return min(0.5 * 2**attempt, longest) * DICE.uniform(0.8, 1.2)


class Lane:
    """A connection that keeps to the pace and the budget of the run."""

    def __init__(
        self,
        target: Target,
        context: ssl.SSLContext | None = None,
        *,
        intake: Intake | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.target = target
        self._connection = Connection(target, context, intake)
        self._pace = pace

    async def __aenter__(self) -> Lane:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    async def ask(self, request: Request, *, ticket: int = 0) -> Exchange:
        """Send one prepared request. Never raises for what the server does.

        429 and 503 are waited out within the bounds; with a pace, all lanes wait, and those with a lower ``ticket`` go
        first. A connection that was kept alive may have been closed by the server at any time, so a drop before the
        first byte on a used one is asked again on a new one before it counts.
        """
        attempts = 0
        waits = 0
        alone = False
        pace = self._pace
        dropped: Exchange | None = None
        budget = self.target.budget
        while True:
            if budget is not None and not budget.take(request):
                return Exchange(request, trouble=Trouble("budget", budget.spent), attempts=attempts)
            attempts += 1
            reused = self._connection.used
            answer = None
            sent = False
            try:
                if pace is None:
                    sent = True
                    exchange = await self._connection.once(request, attempts, 1)
                else:
                    await pace.take(ticket)
                    alone = pace.alone
                    try:
                        if pace.stopped:
                            return Exchange(
                                request, trouble=Trouble("cancelled", "the run has ended"), attempts=attempts - 1
                            )
                        sent = True
                        exchange = await self._connection.once(request, attempts, pace.flying)
                    finally:
                        pace.give()
                answer = exchange.answer
            finally:
                if budget is not None and sent:
                    budget.settle(request, answer)
                elif budget is not None:  # booked while it waited for its turn, so that nobody else spends it
                    budget.give_back(request)
            trouble, answer = exchange.trouble, exchange.answer
            if trouble or request.chunked or (answer and answer.unended):
                await (
                    self._connection.renew()
                )  # what a server did not read of a chunked body, it takes for the next request
            if trouble:
                if dropped and trouble.kind == "connect":
                    return replace(dropped, attempts=attempts)  # the drop was the server's end, not a stale connection
                if trouble.kind in ("disconnected", "protocol") and answer is None and reused and not dropped:
                    dropped = exchange
                    continue
            if answer is None or answer.status not in BUSY:
                if pace is not None and answer is not None:
                    pace.served()
                return exchange
            bounds = self.target.bounds
            headers = httpx.Headers(list(answer.headers))
            too_long = (asked_wait(headers) or 0.0) > bounds.longest_wait  # nobody waits that long, nor asks earlier
            wait = retry_wait(headers, waits, bounds.longest_wait)
            if pace is None:
                if waits >= bounds.retries or too_long:
                    return exchange
                waits += 1
                await asyncio.sleep(wait)
                continue
            pace.busy(exchange.started, 0.0 if too_long else wait, too_long=too_long)
            if too_long:
                return exchange
            # put off among many it says nothing about the request: only what it meets alone counts in full
            waits += alone
            if waits >= bounds.retries or attempts > 4 * bounds.retries or pace.hopeless:
                return exchange
