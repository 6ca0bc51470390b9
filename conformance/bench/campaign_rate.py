"""A whole list of a run against the stub: bodies drawn, sent and judged, next to a bare httpx loop with its bodies.

Each round is a process of its own, as a run is: what is drawn for the first time costs more than the second.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import median
from typing import Any

from ..campaign import Campaign
from ..catalogue import Catalogue, load
from ..endpoint import Target, prepare
from ..model import Capability, Expect, Request, RequestRule
from ..plan import Settings, cases
from . import stub
from .memory import peak_mb
from .throughput import bare, timed

LONGEST = 300.0
"""Seconds that one round may take."""


def plain_rules(catalogue: Catalogue, every: int = 1) -> list[RequestRule]:
    """Every so many-th request rule whose verdict hangs on the body alone, which is all that the stub looks at."""
    usual = Request(body=None)

    def plain(pin: object) -> bool:
        return not isinstance(pin, Request) or replace(pin, body=None, raw=None, bare=False) == usual

    return [rule for rule in catalogue.rules if not rule.risky and all(map(plain, rule.pins))][::every]


def listed(rules: Sequence[RequestRule], catalogue: Catalogue, settings: Settings) -> tuple[list[Request], set[str]]:
    """The requests of a run over these rules, equal ones once, and the marks of those that are to be refused."""
    target = Target("")
    ready = [(case.rule, prepare(case.request, target)) for case in cases(catalogue, rules, settings)]
    refused = {stub.mark(request.content) for rule, request in ready if rule.expect is Expect.REFUSE}
    return list({request.key: request for _, request in ready}.values()), refused


def once(url: str, settings: Settings, every: int) -> dict[str, Any]:
    """One campaign in this process."""
    catalogue = load(settings.vintage)
    rules = plain_rules(catalogue, every)
    capabilities = {gate.capability: Capability.OFFERED for gate in catalogue.gates}
    gc.collect()
    clock, cpu = time.perf_counter(), time.process_time()
    run = Campaign(Target(url), catalogue, settings, capabilities=capabilities)
    run.open()
    try:
        run.submit(rules)
        verdicts = [run.result(rule.id).verdict for rule in rules]
        seconds, used = time.perf_counter() - clock, time.process_time() - cpu
        requests = run.sent
    finally:
        run.close()
    failed = sum(verdict in ("failed", "warning", "inconsistent", "error") for verdict in verdicts)
    return {"seconds": seconds, "cpu": used, "requests": requests, "peak_mb": peak_mb(), "failed": failed}


def _apart(url: str, settings: Settings, every: int) -> dict[str, Any]:
    told = json.dumps({"url": url, "settings": asdict(settings), "every": every})
    done = subprocess.run(
        [sys.executable, "-m", __name__, told], capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        raise stub.BenchError(f"the campaign ended with {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return json.loads(done.stdout)


def measure(in_flight: int, latency_ms: float, rounds: int, every: int = 1) -> dict[str, Any]:
    """Rate (requests a second) of whole campaigns and of the bare loop, processor time and peak memory."""
    catalogue, settings = load(), Settings(in_flight=in_flight)
    rules = plain_rules(catalogue, every)
    requests, refused = listed(rules, catalogue, settings)
    pairs: list[tuple[dict[str, Any], float]] = []
    with stub.start(latency_ms, refused) as url:
        for _ in range(rounds):
            ran = _apart(url, settings, every)
            if ran["failed"]:
                raise stub.BenchError(f"{ran['failed']:g} rules failed on the stub: that would measure their proofs")
            pairs.append((ran, len(requests) / timed(bare, url, in_flight, requests)[0]))
    rates = [ran["requests"] / ran["seconds"] for ran, _ in pairs]
    return {
        "latency_ms": latency_ms,
        "in_flight": in_flight,
        "rules": len(rules),
        "requests": int(pairs[-1][0]["requests"]),
        "rate": median(rates),
        "bare_rate": median(rate for _, rate in pairs),
        "ratio": median(rate / plain for rate, (_, plain) in zip(rates, pairs, strict=True)),
        "cpu_ms": median(1000 * ran["cpu"] / ran["requests"] for ran, _ in pairs),
        "peak_mb": max(ran["peak_mb"] or 0 for ran, _ in pairs) or None,
    }


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(once(asked["url"], Settings(**asked["settings"]), asked["every"])))
