"""Load held for long: memory over time, and whether a verdict was lost or came twice.

``reference``: one whole run against the embedded reference that sends about ``--requests`` requests. ``stub``: one
campaign with ``--in-flight`` requests under way at once against a stub that takes 500 ms, for ``--minutes``.
Prints resident memory of the process that asks, every few seconds, then what was sent and what became of it.

Run ``python tests/benchmarks/load.py reference [--requests 20000]`` and
``python tests/benchmarks/load.py stub [--minutes 5] [--in-flight 200]``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatproof.conformance.bench import stub
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import Catalogue, load
from chatproof.conformance.depths import Settings, drawn_count
from chatproof.conformance.model import Expect, RequestRule, Source, Strength
from chatproof.conformance.results import Result
from chatproof.conformance.target import Target
from chatproof.strategies.bodies import lean

PINS = 20
"""Requests of one rule of the stub's campaign."""

AT_ONCE = 400
"""Rules of it that wait at a time, so that the list itself is not what grows."""


def resident(pid: int) -> float:
    """Resident memory of a process in MB; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def watched(pid: int, every: float) -> Iterator[list[tuple[float, float]]]:
    """Samples of (seconds, MB), printed as they come."""
    samples: list[tuple[float, float]] = []
    ended = threading.Event()
    started = time.monotonic()

    def watch() -> None:
        while not ended.wait(every):
            samples.append((time.monotonic() - started, resident(pid)))
            print(f"  {samples[-1][0]:6.0f} s {samples[-1][1]:7.1f} MB", flush=True)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def told(samples: list[tuple[float, float]]) -> str:
    """Memory in the middle of the run and at its end."""
    filled = [memory for _, memory in samples if memory]
    if len(filled) < 3:
        return "too short to tell"
    middle, last = filled[len(filled) // 2], filled[-1]
    return (
        f"memory {filled[len(filled) // 4]:.0f} MB after a quarter, {middle:.0f} MB half-way, {last:.0f} MB at the end"
    )


def reference(requests: int, every: float) -> None:
    """A whole run in a process of its own."""
    catalogue = load()
    weights = sum(drawn_count(rule, Settings(examples=1)) for rule in catalogue.rules if rule.examples is not None)
    examples = max(0, requests - 2000) * 10 // (weights * 8)  # some strategies have fewer values than are asked for
    command = [sys.executable, "-m", "pytest", "--endpoint", "reference", "-q", "-p", "no:cacheprovider"]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--report-dir", folder, "--max-examples", str(examples)],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with watched(process.pid, every) as samples:
            code = process.wait()
        seconds = time.perf_counter() - started
        lines = [json.loads(row) for row in (Path(folder) / "run.jsonl").read_text().splitlines()]
    footer, results = lines[-1], Counter(line["rule"] for line in lines if line["kind"] == "result")
    lost = set(catalogue.by_id) - set(results)
    doubled = [name for name, count in results.items() if count > 1]
    print(
        f"reference: exit {code}, {footer['verdict']}, {footer['requests']} requests in {seconds:.0f} s,"
        f" {len(results)} verdicts, {len(lost)} lost, {len(doubled)} doubled; {told(samples)}"
    )


def rules(count: int, first: int, pins: int = PINS) -> list[RequestRule]:
    """Rules with bodies that no other has."""
    return [
        RequestRule(
            id=f"load.r{number}.accepts",
            property="user",
            title="takes it",
            expect=Expect.ACCEPT,
            strength=Strength.MUST,
            source=Source("documented", "a benchmark"),
            pins=tuple(lean(user=f"{number}-{pin}") for pin in range(pins)),
            chapter="load",
        )
        for number in range(first, first + count)
    ]


def against_stub(minutes: float, in_flight: int, every: float) -> None:
    """One campaign, fed with rules as long as it lasts."""
    seen: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()

    def arrived(result: Result) -> None:
        seen[result.rule] += 1
        verdicts[result.verdict.value] += 1

    submitted = 0
    with stub.start(500) as url:
        most = int(minutes * 60 * in_flight * 2 / PINS) + 2 * AT_ONCE
        catalogue = Catalogue("2024-11", (), tuple(rules(most, 0, pins=0)), ())  # their places; bodies come later
        target = Target(url, model=stub.MODEL)
        campaign = Campaign(target, catalogue, Settings(in_flight=in_flight), capabilities={}, on_result=arrived)
        campaign.open()
        started = time.monotonic()
        with watched(os.getpid(), every) as samples:
            while time.monotonic() - started < minutes * 60 and submitted + AT_ONCE <= most:
                batch = rules(AT_ONCE, submitted)
                campaign.submit(batch)
                submitted += len(batch)
                while submitted - sum(seen.values()) > AT_ONCE // 2:
                    time.sleep(0.05)
            while sum(seen.values()) < submitted and time.monotonic() - started < minutes * 60 + 120:
                time.sleep(0.05)
            seconds = time.monotonic() - started
        sent = campaign.sent
        campaign.close()
    doubled = sum(count > 1 for count in seen.values())
    print(
        f"stub: {in_flight} in flight, {sent} requests in {seconds:.0f} s ({sent / seconds:.0f}/s), {dict(verdicts)},"
        f" {submitted - len(seen)} lost, {doubled} doubled; {told(samples)}"
    )


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["reference", "stub"])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between samples")
    chosen = parser.parse_args()
    if chosen.which == "reference":
        reference(chosen.requests, chosen.every)
    else:
        against_stub(chosen.minutes, chosen.in_flight, chosen.every)


if __name__ == "__main__":
    main()
