"""How fast bodies are drawn, how different they are, and how long the list of a run is. Sends nothing.

Rates are bodies a second of the processor.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import bodies, lean
from ..catalogue import Catalogue, load, properties
from ..depths import Settings
from ..plan import cases, draw, seed_of

CORE = ("model", "messages")
DEPTHS = ("smoke", "default")
SLOWEST = 5
"""Rules that are named for being slow to draw."""


def timed(work: Callable[[], Sequence[Any]]) -> tuple[Sequence[Any], float]:
    """What came of some drawing, and the seconds of processor time it took."""
    draw.cache_clear()
    started = time.process_time()
    done = work()
    return done, time.process_time() - started


def lists(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Cases and requests (equal bodies once) of each depth, and the seconds it takes to draw them."""
    rows: list[dict[str, Any]] = []
    for depth in DEPTHS:
        settings = Settings(depth=depth)
        listed, spent = timed(lambda settings=settings: cases(catalogue, catalogue.rules, settings))
        requests = len({case.request.key for case in listed})
        drawn = sum(case.drawn for case in listed)
        rows.append({"depth": depth, "cases": len(listed), "drawn": drawn, "requests": requests, "seconds": spent})
    return rows


def lean_rates(catalogue: Catalogue, each: int, every: int) -> dict[str, Any]:
    """Bodies of every so many-th request rule, and of the simplest strategy there is."""
    drawing = [rule for rule in catalogue.rules if rule.examples is not None and rule.chapter != "together"][::every]
    spent: dict[str, float] = {}
    total = 0
    for rule in drawing:
        values, seconds = timed(lambda rule=rule: draw(rule.examples, each, seed_of(0, rule.id)))
        spent[rule.id] = seconds / max(1, len(values))
        total += len(values)
    simple, seconds = timed(lambda: draw(st.floats(0, 2).map(lambda value: lean(temperature=value)), 10 * each, 1))
    slowest = sorted(spent, key=lambda name: -spent[name])[:SLOWEST]
    return {
        "rules": len(drawing),
        "lean_rate": len(spent) / sum(spent.values()),
        "one_property_rate": len(simple) / seconds,
        "median_ms": 1000 * median(spent.values()),
        "slowest_ms": {name: 1000 * spent[name] for name in slowest},
    }


def rich(count: int) -> dict[str, Any]:
    """Rich bodies: rate, share of distinct ones, properties used, pairs of optional properties that met."""
    values, spent = timed(lambda: draw(bodies(), count, 1))
    optional = [name for name in properties() if name not in CORE]
    pairs = list(itertools.combinations(optional, 2))
    met = [pair for pair in pairs if any(pair[0] in value and pair[1] in value for value in values)]
    return {
        "rich_bodies": len(values),
        "rich_rate": len(values) / spent,
        "distinct": len({json.dumps(value, sort_keys=True) for value in values}) / len(values),
        "properties_used": len({name for value in values for name in value} & set(properties())),
        "properties": len(properties()),
        "pairs_met": len(met),
        "pairs": len(pairs),
    }


def measure(each: int, every: int, count: int) -> dict[str, Any]:
    """All of it: ``each`` bodies of every so many-th rule, ``count`` rich ones."""
    catalogue = load()
    return {"lists": lists(catalogue), **lean_rates(catalogue, each, every), **rich(count)}
