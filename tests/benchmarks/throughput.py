"""Requests per second of the pipeline, next to a bare httpx loop with the same bodies in the same run.

Prints, for each latency of the stub (0, 50, 500 ms) and number in flight (1, 4, 16, 64): requests/s of the pipeline,
as a multiple of 1 in flight, of the bare loop, and the ratio of the two; processor time of this process per request.
Then the same for a whole campaign (bodies drawn and judged) at 16 in flight and 0 ms, and the peak memory.

Run ``python tests/benchmarks/throughput.py [--rounds 3] [--latency-ms 0 50 500] [--in-flight 1 4 16 64]``.
Pipeline and bare loop take turns, and the median of the rounds counts: only the ratios mean much on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import resource
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import httpx
import stub
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import load
from chatproof.conformance.endpoint import Target
from chatproof.conformance.judge import Reaction, react
from chatproof.conformance.model import Request
from chatproof.conformance.pipeline import Pipeline
from chatproof.conformance.plan import Settings, cases
from chatproof.strategies.bodies import lean

Bodies = list[dict[str, Any]]
Taken = tuple[float, float]
"""Seconds by the clock and of the processor."""

TLS = httpx.create_ssl_context()
"""Made once: a client without it makes its own for 30 ms, also for http."""

_numbers = itertools.count()


def bodies(count: int) -> Bodies:
    """Distinct lean bodies, never the same twice in one run."""
    return [lean(user=f"u{number}") for number in itertools.islice(_numbers, count)]


async def ours(url: str, lanes: int, many: Bodies) -> None:
    """All bodies through the pipeline."""
    async with Pipeline(Target(url, model=stub.MODEL), lanes) as pipeline:
        asked = [pipeline.ask(Request(body=body), "benchmark", (0, index)) for index, body in enumerate(many)]
        for exchange in await asyncio.gather(*asked):
            assert react(exchange) is Reaction.ACCEPTED, exchange.trouble


async def bare(url: str, lanes: int, many: Bodies) -> None:
    """All bodies through as many httpx clients as lanes, each a plain loop."""
    waiting = iter(many)

    async def loop() -> None:
        async with httpx.AsyncClient(verify=TLS) as client:
            for body in waiting:
                answer = await client.post(url + "/chat/completions", json=body)
                assert answer.status_code == 200

    await asyncio.gather(*(loop() for _ in range(lanes)))


def timed(work: Callable[[str, int, Bodies], Awaitable[None]], url: str, lanes: int, count: int) -> Taken:
    """How long some requests take."""
    many = bodies(count)
    gc.collect()

    async def go() -> None:
        await work(url, lanes, many)

    clock, cpu = time.perf_counter(), time.process_time()
    asyncio.run(go())
    return time.perf_counter() - clock, time.process_time() - cpu


def count_for(lanes: int, latency_ms: float, seconds: float) -> int:
    """Requests that take about so many seconds: whole rounds of the lanes, at most what one core can send."""
    per_second = min(1000.0, lanes * 1000 / (latency_ms + 1.5))
    return max(3, round(per_second * seconds / lanes)) * lanes


def table(latency_ms: float, lanes: list[int], rounds: int, seconds: float) -> None:
    """One latency: a line for each number in flight."""
    print(f"\n{latency_ms:g} ms latency")
    print("in flight  requests/s   x 1 in flight  bare httpx/s  ratio to bare  CPU ms/request (bare)")
    rates: dict[int, float] = {}
    with stub.start(latency_ms) as url:
        for number in lanes:
            count = count_for(number, latency_ms, seconds)
            timed(ours, url, number, number * 2)
            timed(bare, url, number, number * 2)
            pairs = [(timed(ours, url, number, count), timed(bare, url, number, count)) for _ in range(rounds)]
            rate, plain = (count / median(pair[side][0] for pair in pairs) for side in (0, 1))
            cpu, plain_cpu = (1000 * median(pair[side][1] for pair in pairs) / count for side in (0, 1))
            ratio = median(pair[1][0] / pair[0][0] for pair in pairs)
            rates[number] = rate
            times = f"{rate / rates[1]:8.1f} x" if 1 in rates else "       -"
            print(
                f"{number:9d}{rate:12.0f}{times:>16}{plain:14.0f}{ratio:15.2f}{cpu:13.2f} ({plain_cpu:.2f})", flush=True
            )


def campaign(in_flight: int, rounds: int) -> None:
    """A whole campaign with its drawing against the stub, next to a bare loop with the bodies of its list.

    Rules that want a refusal are left out: the stub takes everything, so they would measure proofs.
    """
    catalogue = load()
    settings = Settings(in_flight=in_flight)
    rules = [rule for rule in catalogue.rules if rule.expect.value != "refuse" and not rule.risky]
    listed = list({case.request.key: case.request for case in cases(catalogue, rules, settings)}.values())
    plain = [request.body for request in listed if isinstance(request.body, dict)]
    ratios, rates, cpus = [], [], []
    with stub.start() as url:
        for _ in range(rounds):
            clock, cpu = time.perf_counter(), time.process_time()
            run = Campaign(Target(url, model=stub.MODEL), catalogue, settings, capabilities={})
            run.open()
            run.submit(rules)
            for rule in rules:
                run.result(rule.id)
            seconds, used = time.perf_counter() - clock, time.process_time() - cpu
            run.close()
            bare_seconds, _ = timed(lambda u, n, _: bare(u, n, plain), url, in_flight, 0)
            rates.append(run.requests / seconds)
            ratios.append(rates[-1] / (len(plain) / bare_seconds))
            cpus.append(1000 * used / run.requests)
    listed_as = f"{in_flight} in flight, 0 ms, {len(rules)} rules, {run.requests} requests"
    print(f"\na whole campaign, drawing included: {listed_as}")
    print(
        f"  {median(rates):.0f} requests/s, {median(ratios):.2f} of the bare loop, {median(cpus):.2f} ms CPU a request"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Requests per second against a stub.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, nargs="*", default=[0.0, 50.0, 500.0])
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--seconds", type=float, default=1.5, help="about how long one measurement takes")
    parser.add_argument("--no-campaign", action="store_true")
    chosen = parser.parse_args()
    for latency_ms in chosen.latency_ms:
        table(latency_ms, chosen.in_flight, chosen.rounds, chosen.seconds)
    if not chosen.no_campaign:
        campaign(16, chosen.rounds)
    print(f"\npeak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
