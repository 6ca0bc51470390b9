"""``chatproof bench``: how fast the suite is, and what a run costs."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ._records import check_writable

FORMAT = "chatproof.bench/1"
SECTIONS = ("throughput", "campaign", "generation", "run", "shrinking")
DEPTHS = ("smoke", "default")


@dataclass(frozen=True)
class Size:
    """How much of each section is done. ``every`` takes every so many-th rule."""

    latencies: tuple[float, ...] = (0.0, 50.0, 500.0)
    in_flight: tuple[int, ...] = (1, 4, 16, 64)
    rounds: int = 5
    seconds: float = 1.5
    every: int = 1
    each: int = 30
    rich: int = 1000
    depths: tuple[str, ...] = DEPTHS
    choice: tuple[str, ...] = ()
    faults: int | None = None


QUICK = Size(
    latencies=(0.0, 50.0),
    in_flight=(1, 16),
    rounds=1,
    seconds=0.1,
    every=10,
    each=3,
    rich=50,
    depths=("smoke",),
    choice=("-k", "temperature"),
    faults=3,
)


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice(SECTIONS))
@click.option("--quick", is_flag=True, help="a taste in some ten seconds: shows that it works, measures nothing well")
@click.option("--latency-ms", multiple=True, type=click.FloatRange(0, 10_000), help="latency of the stub; repeatable")
@click.option("--in-flight", multiple=True, type=click.IntRange(1, 512), help="requests under way; repeatable")
@click.option("--rounds", type=click.IntRange(1, 100), help="rounds whose median counts (default 5)")
@click.option("--seconds", type=click.FloatRange(0.05, 60), help="about how long one measurement takes (default 1.5)")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="write all figures as JSON")
def bench(
    sections: tuple[str, ...],
    quick: bool,
    latency_ms: tuple[float, ...],
    in_flight: tuple[int, ...],
    rounds: int | None,
    seconds: float | None,
    json_file: Path | None,
) -> None:
    """Measure the suite's own speed and cost, on this machine. Only servers on 127.0.0.1 that it starts are asked.

    \b
    SECTIONS (default: all, about five minutes):
      throughput  requests/s against a stub of known latency, beside a bare httpx loop
      campaign    the same with bodies drawn and answers judged; processor time, memory
      generation  bodies/s, lean and rich; length of the lists
      run         requests, completion tokens, time and memory of whole runs
      shrinking   requests from a failing body to the smallest one

    Suite and bare loop take turns in one run and the median of the rounds counts, so that the ratios hold on a busy
    machine too; the other figures want a quiet one.

    \b
    Example: chatproof bench throughput --latency-ms 50 --in-flight 1 --in-flight 16 --json bench.json
    """
    from dataclasses import replace

    from ..bench.stub import BenchError

    size = QUICK if quick else Size()
    given = {"latencies": latency_ms, "in_flight": in_flight, "rounds": rounds, "seconds": seconds}
    size = replace(size, **{name: value for name, value in given.items() if value})
    size = replace(size, in_flight=tuple(sorted(set(size.in_flight))))
    if json_file:
        check_writable("--json", json_file)
    figures: dict[str, Any] = {"format": FORMAT, "machine": machine(), "quick": quick}
    try:
        for name in [name for name in SECTIONS if name in (sections or SECTIONS)]:
            for line in _SHOWN[name](size, figures):
                click.echo(line)
            click.echo()
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    except (TimeoutError, subprocess.TimeoutExpired):
        raise click.ClickException("a measurement took too long; try again on a quieter machine") from None
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def _throughput(size: Size, figures: dict[str, Any]) -> Iterator[str]:
    from ..bench.throughput import measure

    rows: list[dict[str, Any]] = []
    figures["throughput"] = rows
    yield "latency  in flight  requests/s  x 1 in flight  bare httpx/s  ratio  CPU ms/request  bare"
    for latency in size.latencies:
        for row in measure(latency, size.in_flight, size.rounds, size.seconds):
            rows.append(row)
            times = f"{row['times_one']:13.1f}x" if row["times_one"] else f"{'-':>14}"
            yield (
                f"{row['latency_ms']:4g} ms{row['in_flight']:11d}{row['rate']:12.0f} {times}{row['bare_rate']:14.0f}"
                f"{row['ratio']:7.2f}{row['cpu_ms']:16.2f}{row['bare_cpu_ms']:6.2f}"
            )


def _campaign(size: Size, figures: dict[str, Any]) -> Iterator[str]:
    from ..bench.campaign_rate import measure

    lanes = 16 if 16 in size.in_flight else size.in_flight[-1]
    row = figures["campaign"] = measure(lanes, 0.0, size.rounds, size.every)
    yield (
        f"campaign at 0 ms with {lanes} in flight, drawing and judging included: {row['rules']} rules,"
        f" {row['requests']} requests"
    )
    yield (
        f"  {row['rate']:.0f} requests/s, {row['ratio']:.2f} of the bare loop ({row['bare_rate']:.0f}/s),"
        f" {row['cpu_ms']:.2f} ms CPU a request (bare {row['bare_cpu_ms']:.2f}){_memory(row['peak_mb'])}"
    )


def _generation(size: Size, figures: dict[str, Any]) -> Iterator[str]:
    from ..bench.generation import measure

    found = figures["generation"] = measure(size.each, size.every, size.rich)
    yield (
        f"bodies/s of the processor: {found['one_property_rate']:.0f} one property, {found['lean_rate']:.0f} mean of"
        f" {found['rules']} rules, {found['rich_rate']:.0f} rich"
    )
    slowest = ", ".join(f"{name} {ms:.1f}" for name, ms in found["slowest_ms"].items())
    yield f"  a draw takes {found['median_ms']:.1f} ms in the middle; slowest: {slowest}"
    yield (
        f"  {found['rich_bodies']} rich bodies: {100 * found['distinct']:.1f} % distinct, {found['properties_used']} of"
        f" {found['properties']} properties, {found['pairs_met']} of {found['pairs']} pairs of optional ones"
    )
    for row in found["lists"]:
        yield (
            f"  list at {row['depth']:8}{row['requests']:6} requests for {row['cases']} cases, {row['drawn']} drawn in"
            f" {row['seconds']:.2f} s"
        )


def _run(size: Size, figures: dict[str, Any]) -> Iterator[str]:
    from ..bench.whole_run import measure

    rows: list[dict[str, Any]] = []
    figures["run"] = rows
    for depth in size.depths:
        row = measure(depth, *size.choice)
        rows.append(row)
        tokens = "no" if row["tokens"] is None else row["tokens"]
        yield (
            f"run at {depth:8}{row['requests']:6} requests, {tokens} completion tokens, {row['seconds']:.1f} s,"
            f" {row['cpu_seconds']:.1f} s CPU{_memory(row['peak_mb'])}; exit code {row['exit_code']}, {row['verdict']}"
        )


def _shrinking(size: Size, figures: dict[str, Any]) -> Iterator[str]:
    from ..bench.shrinking import FAULTS, measure

    found = figures["shrinking"] = measure(FAULTS[: size.faults])
    yield "shrinking: what the server minds   requests  to the smallest  bytes: first  smallest  within the bound"
    for row in found["rows"]:
        yield (
            f"{row['fault']:34}{row['requests']:9}{row['to_smallest']:17}{row['first_bytes']:14}"
            f"{row['smallest_bytes']:10}{row['bounded_bytes']:18}"
        )
    yield (
        f"  {found['to_smallest_median']:g} requests to the smallest body (median); {found['minimal_within_bound']} of"
        f" {found['met']} searches find it within the {found['bound']} that a run allows"
    )


def _memory(peak: float | None) -> str:
    return "" if peak is None else f", peak memory {peak:.0f} MB"


_SHOWN = {
    "throughput": _throughput,
    "campaign": _campaign,
    "generation": _generation,
    "run": _run,
    "shrinking": _shrinking,
}
