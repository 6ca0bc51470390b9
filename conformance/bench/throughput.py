"""Requests per second of the pipeline, next to a bare httpx loop with the same bodies in the same run.

Pipeline and bare loop take turns, and the median of the rounds counts: only the ratios mean much on a busy machine.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from typing import Any

import httpx

from ...strategies.bodies import lean
from ..exchange import Request
from ..judge import Reaction, react
from ..pipeline import Pipeline
from ..target import Target
from . import stub

LONGEST = 120.0
"""Seconds that one measurement may take."""

Taken = tuple[float, float]
"""Seconds by the clock and of the processor."""

TLS = httpx.create_ssl_context()
"""Made once: a client without it makes its own for 30 ms, also for http."""

_HEADERS = {"content-type": "application/json"}
_numbers = itertools.count()


def bodies(count: int) -> list[Request]:
    """Distinct lean bodies, never the same twice in one process."""
    return [Request(body=lean(user=f"u{number}")) for number in itertools.islice(_numbers, count)]


async def ours(url: str, lanes: int, many: Sequence[Request]) -> None:
    """All requests through the pipeline."""
    async with Pipeline(Target(url), lanes) as pipeline:
        asked = [pipeline.ask(request, "benchmark", (0, index)) for index, request in enumerate(many)]
        for exchange in await asyncio.gather(*asked):
            if react(exchange) is not Reaction.ACCEPTED:
                raise stub.BenchError(f"the stub endpoint failed: {exchange.trouble or exchange.status}")


async def bare(url: str, lanes: int, many: Sequence[Request]) -> None:
    """All bodies through as many httpx clients as lanes, each a plain loop."""
    waiting = iter(many)

    async def loop() -> None:
        async with httpx.AsyncClient(verify=TLS) as client:
            for request in waiting:
                answer = await client.post(url + "/chat/completions", content=request.content, headers=_HEADERS)
                answer.read()

    await asyncio.gather(*(loop() for _ in range(lanes)))


def timed(
    work: Callable[[str, int, Sequence[Request]], Awaitable[None]], url: str, lanes: int, many: Sequence[Request]
) -> Taken:
    """How long some requests take; TimeoutError beyond ``LONGEST``, BenchError where the stub fails."""
    gc.collect()

    async def go() -> None:
        async with asyncio.timeout(LONGEST):
            await work(url, lanes, many)

    clock, cpu = time.perf_counter(), time.process_time()
    try:
        asyncio.run(go())
    except httpx.HTTPError as error:
        raise stub.BenchError(f"the stub endpoint failed: {error or type(error).__name__}") from None
    return time.perf_counter() - clock, time.process_time() - cpu


def count_for(lanes: int, latency_ms: float, seconds: float) -> int:
    """Requests that take about so many seconds: whole rounds of the lanes, at most what one core can send."""
    per_second = min(1000.0, lanes * 1000 / (latency_ms + 1.5))
    return max(3, round(per_second * seconds / lanes)) * lanes


def measure(latency_ms: float, lanes: Sequence[int], rounds: int, seconds: float) -> Iterator[dict[str, Any]]:
    """One latency: a row for each number in flight. Rates are requests a second, ``cpu_ms`` milliseconds a request;
    ``times_one`` is the rate against the first row where that has one in flight."""
    one: float | None = None
    with stub.start(latency_ms) as url:
        for number in lanes:
            count = count_for(number, latency_ms, seconds)
            for work in (ours, bare):
                timed(work, url, number, bodies(number * 2))
            pairs = [
                (timed(ours, url, number, bodies(count)), timed(bare, url, number, bodies(count)))
                for _ in range(rounds)
            ]
            rate, plain = (count / median(pair[side][0] for pair in pairs) for side in (0, 1))
            cpu, plain_cpu = (1000 * median(pair[side][1] for pair in pairs) / count for side in (0, 1))
            one = rate if number == 1 else one
            yield {
                "latency_ms": latency_ms,
                "in_flight": number,
                "requests": count,
                "rate": rate,
                "times_one": rate / one if one else None,
                "bare_rate": plain,
                "ratio": median(pair[1][0] / pair[0][0] for pair in pairs),
                "cpu_ms": cpu,
                "bare_cpu_ms": plain_cpu,
            }
