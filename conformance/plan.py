"""Turns rules into an ordered list of cases: the same for one seed, whatever the number in flight or of workers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from ..strategies.company import COMPANY
from ..strategies.surroundings import SURROUNDING
from .bearers import only_bears
from .catalogue import Catalogue
from .depths import DEPTHS, Settings, asked_pins, compared_pins, drawn_count
from .exchange import Body, Request, as_request
from .model import AnswerRule, Expect, Gate, Relation, RequestRule, Rule, Strength
from .results import Capability, Result, Verdict


@dataclass(frozen=True)
class Case:
    """One body of one rule. ``order`` sorts the list by value: smaller is asked earlier."""

    rule: RequestRule
    request: Request
    drawn: bool
    order: tuple[int, ...]
    kept: bytes = b""
    """How it was drawn, where it comes from an example database (sharing)."""
    alone: Request | None = None
    """The request without what was added to it, where it is asked in company."""


_STRENGTHS = list(Strength)


def pin_cases(rule: RequestRule, place: int, chosen: Settings) -> list[Case]:
    """The fixed bodies of a rule that this depth asks; a rule without pins has none."""
    strength = _STRENGTHS.index(rule.strength)
    return [
        Case(rule, as_request(rule.pins[index]), False, (0 if index == 0 else 1, strength, place, index))
        for index in asked_pins(rule, DEPTHS[chosen.depth])
    ]


def order_of(rule: RequestRule, place: int, number: int) -> tuple[int, ...]:
    """The place of a body that has failed before: after the pins of its rule's like, before what is drawn."""
    return (1, _STRENGTHS.index(rule.strength), place, len(rule.pins) + number)


def example_cases(rule: RequestRule, place: int, chosen: Settings) -> list[Case]:
    """The drawn bodies of a rule that this depth asks. A rule without pins draws at least one body for its weight."""
    count = drawn_count(rule, chosen)
    if rule.examples is None or count == 0:
        return []
    strength = _STRENGTHS.index(rule.strength)
    bodies = (draw if count <= FEW else draw.__wrapped__)(rule.examples, count, seed_of(chosen.seed, rule.id))
    return [Case(rule, as_request(body), True, (2, strength, place, index)) for index, body in enumerate(bodies)]


def seed_of(run_seed: int, rule_id: str) -> int:
    """The seed of one rule: different for every rule, the same on every machine."""
    return int.from_bytes(hashlib.sha256(f"{run_seed}:{rule_id}".encode()).digest()[:8])


def quiet(count: int, *phases: Phase) -> settings:
    """Hypothesis settings of our own, independent of the user's profile (under CI Hypothesis loads one by itself)."""
    return settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]  # an enumeration
        backend="hypothesis",
    )


FEW = 8
"""Bodies of one rule that are kept in memory; a run that draws more of each keeps none."""


@lru_cache(maxsize=4096)  # a process that runs many campaigns draws their bodies once
def draw(strategy: SearchStrategy[Any], count: int, seeded: int) -> tuple[Any, ...]:
    """``count`` values of a strategy (fewer where it has fewer), always the same for one seed. Not to be changed."""
    drawn: list[Any] = []

    @seed(seeded)
    @quiet(count, Phase.generate)
    @given(strategy)
    def collect(value: Any) -> None:
        drawn.append(value)

    # without a database nobody needs its key, which would be a digest of the source, made anew for every rule
    vars(collect)["_hypothesis_internal_database_key"] = b""
    collect()
    return tuple(drawn[:count])


def relation_bodies(rule: Relation, chosen: Settings) -> list[Body]:
    """The bodies over which a relation is played: its pins and the drawn ones, few because each is several requests;
    at smoke one. None there for a rule that bears what the others see: their requests tell."""
    if only_bears(rule, chosen.depth):
        return []
    pins = list(rule.pins[: compared_pins(rule, chosen)])
    drawn = chosen.drawn_for(Strength.SHOULD)
    count = drawn if rule.pins else max(drawn, 1)
    if rule.examples is None or count == 0:
        return pins
    bodies = (draw if count <= FEW else draw.__wrapped__)(rule.examples, count, seed_of(chosen.seed, rule.id))
    return [*pins, *bodies]


def places(catalogue: Catalogue) -> dict[str, int]:
    """Position of every rule in the catalogue: part of the order, so that selections do not change it."""
    return {rule.id: place for place, rule in enumerate(catalogue.rules)}


def cases(catalogue: Catalogue, rules: Iterable[RequestRule], chosen: Settings) -> list[Case]:
    """The whole list for some rules, in the order in which it is asked."""
    place = places(catalogue)
    found: list[Case] = []
    for rule in rules:
        if not (chosen.safe and rule.risky):
            found += pin_cases(rule, place[rule.id], chosen)
            found += example_cases(rule, place[rule.id], chosen)
    return sorted(found, key=lambda case: case.order)


def disposition(
    rule: RequestRule | AnswerRule | Relation,
    gates: Sequence[Gate],
    capabilities: dict[str, Capability],
    safe: bool,
    declined: Collection[str] = (),
    claims: Collection[str] = (),
) -> Result | None:
    """The verdict of a rule that is not asked because of its gates or of --safe, or None for one that is asked.

    A gate named like the rule's property is needed without saying so. ``declined`` are ids of gates that were refused
    for a good reason, as by a model that lacks the feature. What is claimed and refused is a failure of its gate.
    """
    risky = isinstance(rule, RequestRule) and rule.risky
    refusal = isinstance(rule, RequestRule) and rule.expect is Expect.REFUSE
    effect = not isinstance(rule, RequestRule)
    if safe and risky:
        return Result(rule.id, Verdict.NOT_OFFERED, note="left out by --safe: such requests have killed engines")
    by_name = {gate.capability: gate for gate in gates}
    for name in dict.fromkeys((rule.property, *rule.needs)):
        gate = by_name.get(name)
        found = capabilities.get(name)
        if gate is None or found is None or found is Capability.OFFERED:
            continue
        if found is Capability.UNCLAIMED:
            return Result(rule.id, Verdict.NOT_OFFERED, blocked_by=gate.id, note=f"the profile leaves {name} out")
        if found is Capability.REFUSED and name not in claims and (gate.optional or gate.id in declined):
            return Result(rule.id, Verdict.NOT_OFFERED, blocked_by=gate.id, note=f"the server refuses {name}")
        if found is Capability.IGNORED and not (refusal or (effect and gate.effect)):
            continue  # what takes nonsense may still do the right thing; what shows no effect has none to judge
        return Result(rule.id, Verdict.BLOCKED, blocked_by=gate.id, note=f"{gate.id} found {name} {found}")
    about = [gate for gate in gates if gate.property == rule.property and rule.property != "messages"]
    if about and all(capabilities.get(gate.capability) is Capability.UNCLAIMED for gate in about):
        return Result(rule.id, Verdict.NOT_OFFERED, note=f"the profile leaves {rule.property} out")
    return None


def accompanied(rule: Rule) -> bool:
    """Whether some bodies of a rule are asked beside valid properties (``in_company``)."""
    if not isinstance(rule, RequestRule) or rule.expect is not Expect.REFUSE or rule.strength is not Strength.MUST:
        return False
    return bool(rule.pins) and not rule.risky


def needed_gates(gates: Sequence[Gate], rules: Iterable[Rule]) -> set[str]:
    """The capabilities that decide whether these rules are asked, with those that they need in turn."""
    wanted: set[str] = set()
    for rule in rules:
        if isinstance(rule, Gate):
            wanted.add(rule.capability)
        elif isinstance(rule, RequestRule) and rule.fit is not None:
            wanted.update(gate.capability for gate in gates)
        else:
            wanted.update((rule.property, *rule.needs))
        if accompanied(rule):
            wanted.update((*COMPANY, *SURROUNDING))
    for gate in reversed(gates):  # a gate stands after those that it needs
        if gate.capability in wanted:
            wanted.update(gate.needs)
    return wanted


def control_of(rule: RequestRule, body: Body) -> Body | None:
    """The body without what is under test, or None where that is the same body."""
    if rule.control is None:
        return None
    control = rule.control(body)
    return None if control == body else control
