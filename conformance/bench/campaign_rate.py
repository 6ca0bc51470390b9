"""A whole list of a run against the stub: bodies drawn, sent and judged, next to a bare httpx loop with its bodies.

Each round is a process of its own, as a run is: what is drawn for the first time costs more than the second.
"""

from __future__ import annotations

import base64
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
from ..depths import Settings
from ..exchange import Request
from ..in_company import GUESTS, in_company
from ..model import Expect, RequestRule
from ..outgoing import prepare
from ..plan import Case, example_cases, pin_cases, places
from ..results import Capability, Verdict
from ..target import Target
from . import stub
from .memory import peak_mb
from .throughput import Taken, bare, timed

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
    place = places(catalogue)
    every: list[Case] = []
    for rule in rules:
        for make in (pin_cases, example_cases):
            mine = make(rule, place[rule.id], settings)
            every += in_company(rule, mine, GUESTS, settings, drawn=make is example_cases)
    ready = [(case.rule, prepare(case.request, target)) for case in sorted(every, key=lambda case: case.order)]
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
        results = [run.result(rule.id) for rule in rules]
        seconds, used = time.perf_counter() - clock, time.process_time() - cpu
        requests = run.sent
    finally:
        run.close()
    failed = [f"{row.rule} {row.verdict}" for row in results if row.finding or row.verdict is Verdict.ERROR]
    return {"seconds": seconds, "cpu": used, "requests": requests, "peak_mb": peak_mb(), "failed": failed}


def _apart(url: str, settings: Settings, every: int) -> dict[str, Any]:
    """One campaign, or without a URL the list of one, in a process of its own: Hypothesis draws some constants from the
    modules that are loaded, so that another program would list other bodies."""
    told = json.dumps({"url": url, "settings": asdict(settings), "every": every})
    done = subprocess.run(
        [sys.executable, "-m", __name__, told], capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        raise stub.BenchError(f"the campaign ended with {(done.stderr.strip() or 'no word').splitlines()[-1]}")
    return json.loads(done.stdout)


def measure(in_flight: int, latency_ms: float, rounds: int, every: int = 1) -> dict[str, Any]:
    """Rate (requests a second) of whole campaigns and of the bare loop, processor time and peak memory."""
    settings = Settings(in_flight=in_flight)
    told = _apart("", settings, every)
    requests, refused = [Request(raw=base64.b64decode(content)) for content in told["contents"]], told["refused"]
    pairs: list[tuple[dict[str, Any], Taken]] = []
    with stub.start(latency_ms, refused) as url:
        for _ in range(rounds):
            ran = _apart(url, settings, every)
            if ran["failed"]:
                raise stub.BenchError(f"on the stub, where none should: {', '.join(ran['failed'])}")
            pairs.append((ran, timed(bare, url, in_flight, requests)))
    rates = [ran["requests"] / ran["seconds"] for ran, _ in pairs]
    bare_rates = [len(requests) / seconds for _, (seconds, _) in pairs]
    return {
        "latency_ms": latency_ms,
        "in_flight": in_flight,
        "rules": told["rules"],
        "requests": int(pairs[-1][0]["requests"]),
        "rate": median(rates),
        "bare_rate": median(bare_rates),
        "ratio": median(rate / plain for rate, plain in zip(rates, bare_rates, strict=True)),
        "cpu_ms": median(1000 * ran["cpu"] / ran["requests"] for ran, _ in pairs),
        "bare_cpu_ms": median(1000 * cpu / len(requests) for _, (_, cpu) in pairs),
        "peak_mb": max(ran["peak_mb"] or 0 for ran, _ in pairs) or None,
    }


def main(told: str) -> None:
    """In a process of its own: print the figures, or the list."""
    asked = json.loads(told)
    settings = Settings(**asked["settings"])
    if asked["url"]:
        print(json.dumps(once(asked["url"], settings, asked["every"])))
        return
    catalogue = load(settings.vintage)
    rules = plain_rules(catalogue, asked["every"])
    requests, refused = listed(rules, catalogue, settings)
    contents = [base64.b64encode(request.content).decode() for request in requests]
    print(json.dumps({"rules": len(rules), "contents": contents, "refused": sorted(refused)}))


if __name__ == "__main__":
    main(sys.argv[1])
