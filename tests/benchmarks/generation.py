"""How fast bodies are drawn, how different they are, and how long the list of a run is. Sends nothing.

Prints: lean bodies/s (all request rules together, and one simple property), rich bodies/s, the share of distinct ones
in 1 000, how many of the 29 properties they use, the pairs of optional properties that meet in 300; the size of the
smoke and default list in requests (equal bodies once) and the seconds it takes to draw them; the slowest rules.

Run ``python tests/benchmarks/generation.py [--rules 10]`` on a quiet core: the times are of the processor.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from chatproof.conformance.catalogue import load, properties
from chatproof.conformance.model import RequestRule, as_request
from chatproof.conformance.plan import Settings, cases, draw, seed_of
from chatproof.strategies.bodies import bodies, lean
from hypothesis import strategies as st

CATALOGUE = load()
CORE = ("model", "messages")


def timed(work: Callable[[], list[Any]]) -> tuple[list[Any], float]:
    """What came of some work, and the seconds of processor time it took."""
    started = time.process_time()
    done = work()
    return done, time.process_time() - started


def lean_rate(each: int) -> None:
    """Bodies of the request rules, and of the simplest strategy there is."""
    seconds: dict[str, float] = {}
    rules = [rule for rule in CATALOGUE.rules if rule.examples is not None and rule.chapter != "together"]
    for rule in rules:
        values, seconds[rule.id] = timed(lambda rule=rule: draw(rule.examples, each, seed_of(0, rule.id)))
        seconds[rule.id] /= max(1, len(values))
    total = sum(seconds[rule.id] for rule in rules)
    simple, spent = timed(lambda: draw(st.floats(0, 2).map(lambda value: lean(temperature=value)), 2000, 1))
    print(f"lean bodies   {len(rules) / total:.0f}/s over {len(rules)} rules, {each} each")
    print(f"              {len(simple) / spent:.0f}/s of one simple property")
    slow = sorted(seconds, key=lambda name: -seconds[name])
    median = seconds[slow[len(slow) // 2]]
    print(
        f"a draw        median {1000 * median:.1f} ms; "
        + ", ".join(f"{name} {1000 * seconds[name]:.1f}" for name in slow[:6])
    )


def rich() -> None:
    """Rich bodies: rate, distinctness, coverage."""
    values, spent = timed(lambda: draw(bodies(), 1000, 1))
    different = {json.dumps(value, sort_keys=True) for value in values}
    used = {name for value in values for name in value}
    optional = [name for name in properties() if name not in CORE]
    met = {
        pair
        for value in values[:300]
        for pair in itertools.combinations([name for name in optional if name in value], 2)
    }
    apart = [pair for pair in itertools.combinations(optional, 2) if pair not in met]
    never = [pair for pair in apart if not any(pair[0] in value and pair[1] in value for value in values)]
    print(f"rich bodies   {1000 / spent:.0f}/s, {len(different) / 10:.1f} % of 1 000 distinct")
    mean = sum(map(len, values)) / len(values)
    print(f"              {len(used & set(properties()))} of {len(properties())} properties used, {mean:.1f} a body")
    print(f"              {len(met)} of {len(met) + len(apart)} optional pairs met in 300, {len(never)} never in 1 000")
    print("              never: " + (", ".join("+".join(pair) for pair in never) or "-"))


def lists(shown: int) -> None:
    """The lists of the depths."""
    for depth in ("smoke", "default"):
        chosen = Settings(depth=depth)
        listed, spent = timed(lambda chosen=chosen: cases(CATALOGUE, CATALOGUE.rules, chosen))
        different = {case.request.key for case in listed}
        print(f"{depth:14}{len(different)} requests for {len(listed)} cases; {spent:.2f} s to draw")
    share: dict[str, float] = {}
    for rule in CATALOGUE.rules:
        if isinstance(rule, RequestRule) and rule.examples is not None:
            _, share[rule.id] = timed(
                lambda rule=rule: [as_request(body) for body in draw(rule.examples, 3, seed_of(0, rule.id))]
            )
    slow = sorted(share, key=lambda name: -share[name])[:shown]
    print(f"slowest       {', '.join(f'{name} {1000 * share[name]:.0f} ms' for name in slow)}")


def main() -> None:
    """Print all."""
    parser = argparse.ArgumentParser(description="Rates and coverage of the drawn bodies.")
    parser.add_argument(
        "--rules", type=int, default=10, help="how many of the slowest rules of the default list to name"
    )
    parser.add_argument("--each", type=int, default=30, help="bodies drawn of each rule")
    chosen = parser.parse_args()
    lists(chosen.rules)
    lean_rate(chosen.each)
    rich()


if __name__ == "__main__":
    main()
