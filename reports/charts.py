"""Charts of the traffic of a run, every number of it checked: what a record says becomes lengths in percent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .reading import Line, mapping, sequence
from .showing import duration

PER_DECADE = 10
"""Buckets of the latencies from one power of ten seconds to the next, as ``traffic`` counts them."""


def of_traffic(footer: Line) -> dict[str, Any]:
    """Charts of the traffic, with every number checked: statuses as (label, count, share of the largest in percent)."""
    traffic = mapping(footer.get("traffic"))
    latency = mapping(traffic.get("latency"))
    statuses = [(str(name), count) for name, count in mapping(traffic.get("statuses")).items() if _counted(count)]
    rows = [
        tuple(row) for row in sequence(latency.get("histogram")) if len(sequence(row)) == 2 and all(map(_counted, row))
    ]
    marks = [(name, duration(latency[name])) for name in ("p50", "p90", "p99", "max") if _counted(latency.get(name))]
    return {"statuses": _bars(sorted(statuses)[:30]), "histogram": histogram(rows), "marks": marks}


def histogram(rows: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Buckets on an axis of equal ratios, in percent of its width: bars as (label, count, left, height), powers of ten
    as (label, left), and the width of a bucket; empty where there is nothing to draw."""
    found = {round(PER_DECADE * math.log10(bound)): count for bound, count in rows if 1e-7 < bound < 1e5}
    if not found:
        return {}
    first = min(found) - 1
    slots = max(max(found) - first, PER_DECADE)  # a narrow distribution looks narrow
    most = max(found.values()) or 1
    bars = [
        (duration(10 ** (place / PER_DECADE)), count, round(100 * (place - 1 - first) / slots, 3), 100 * count / most)
        for place, count in sorted(found.items())
    ]
    decades = range(math.ceil(first / PER_DECADE), (first + slots) // PER_DECADE + 1)
    ticks = [(duration(10.0**power), round(100 * (PER_DECADE * power - first) / slots, 3)) for power in decades]
    return {"bars": bars, "ticks": ticks, "width": round(100 / slots, 3)}


def _counted(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15


def _bars(pairs: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
    most = max((count for _, count in pairs), default=0) or 1
    return [(label, count, round(100 * count / most, 2)) for label, count in pairs]
