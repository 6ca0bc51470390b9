"""Turns rules into an ordered list of cases: the same for one seed, whatever the number in flight or of workers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from ..strategies.company import COMPANY
from ..strategies.surroundings import SURROUNDING
from .catalogue import Catalogue
from .claims import Limit, excess
from .exchange import Body, Request, as_request
from .model import AnswerRule, Expect, Gate, Relation, RequestRule, Rule, Strength, Symptom
from .results import Capability, Result, Verdict
from .vintages import FIRST


@dataclass(frozen=True)
class Depth:
    """How much of each rule is asked: pins (None: all) by strength, and the number of drawn examples.

    Where valid bodies are asked ``jointly`` (``joint``), those that can be are asked whatever the number of pins.
    """

    pins: dict[Strength, int] | None
    examples: int
    jointly: bool = False


DEPTHS = {
    "smoke": Depth({Strength.MUST: 2, Strength.SHOULD: 1, Strength.MAY: 1}, 0, jointly=True),
    "default": Depth(None, 3),
    "nightly": Depth(None, 30),
    "certify": Depth(None, 100),
}


@dataclass(frozen=True)
class Settings:
    """What shapes the list of a run. The last five members are those of the profile."""

    vintage: str = FIRST
    depth: str = "default"
    examples: int | None = None
    seed: int = 0
    strict: bool = False
    safe: bool = False
    parity: bool = False
    in_flight: int = 16
    profile: str = "auto"
    claims: tuple[str, ...] = ()
    only_claims: bool = False
    limits: tuple[Limit, ...] = ()
    key: str = ""

    def beyond(self, body: object) -> str:
        """Why a body goes beyond what the profile says that the server documents; empty where it does not."""
        return excess(body, self.limits, self.profile)

    @property
    def drawn(self) -> int:
        """Examples drawn per rule."""
        return DEPTHS[self.depth].examples if self.examples is None else self.examples

    def drawn_for(self, strength: Strength) -> int:
        """Examples drawn for a rule: a third for what binds less, unless a number was asked for."""
        less = strength is not Strength.MUST and self.examples is None
        return -(-self.drawn // 3) if less else self.drawn


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


CROWD_RULE = "many.refusals"
"""The rule that bears the blame for what is broken, or killed, only by many requests in flight."""

REFUSED_RULE = "mm.isolation"
"""The rule that bears the blame for what crashes only after a request that was refused."""

REPEAT_RULE = "mm.repeat.neg"
"""The rule that bears the blame where a refused request is accepted when it is sent again, as it was."""

STEADY_RULE = "mm.repeat"
"""The rule that bears the blame where a request fails now and then, and not when it is sent again."""

TEXT_RULE = "http.unicode.accepts"
"""The rule that bears the blame for characters that a server does not bear, wherever they stand."""

FAULTY_TEXT_RULE = "http.unicode.faulty"
"""The rule that bears the blame for characters with which a server does not bear to refuse a body."""

SPOKEN_RULE = "content.unicode.accepts"
"""The rule that bears the blame for texts that a server does not bear, in whatever message they stand."""

STREAM_RULE = "mm.stream"
"""The rule that bears the blame where nothing is checked in a streamed request."""

ADDED_RULE = "mm.monotone.bad"
"""The rule that bears the blame where nothing is checked beside some valid property."""

COMBINED_RULE = "together.random.accepts"
"""The rule that bears the blame where valid bodies are refused as one, and each is accepted by itself."""

_BEARERS = (CROWD_RULE, REFUSED_RULE, STREAM_RULE, STEADY_RULE, ADDED_RULE)


def _only_bears(rule: Rule, depth: str) -> bool:
    """Whether a rule sends nothing at this depth and bears what the others see."""
    return depth == "smoke" and rule.id in _BEARERS


_STRENGTHS = list(Strength)

_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def pin_cases(rule: RequestRule, place: int, chosen: Settings) -> list[Case]:
    """The fixed bodies of a rule that this depth asks; a rule without pins has none."""
    strength = _STRENGTHS.index(rule.strength)
    return [
        Case(rule, as_request(rule.pins[index]), False, (0 if index == 0 else 1, strength, place, index))
        for index in _asked(rule, DEPTHS[chosen.depth])
    ]


def order_of(rule: RequestRule, place: int, number: int) -> tuple[int, ...]:
    """The place of a body that has failed before: after the pins of its rule's like, before what is drawn."""
    return (1, _STRENGTHS.index(rule.strength), place, len(rule.pins) + number)


SPARSE = ("legacy", "audio", "prediction", "logit_bias", "images", "audio_input")
"""Chapters, and features, that few servers offer or clients use: where pins are few, theirs are fewest."""

ALONE = ("audio", "prediction")
"""Chapters whose valid bodies meet few others: one of each rule is asked where pins are few."""

VARIED = 8
"""Number of pins from which on there are so many kinds of them that one more is asked where pins are few."""


def _asked(rule: RequestRule, depth: Depth) -> list[int]:
    """Places of the pins that a depth asks."""
    if depth.pins is None:
        return list(range(len(rule.pins)))
    sparse = not {rule.chapter, *rule.needs}.isdisjoint(SPARSE)
    if depth.jointly and joinable(rule):
        whole = [place for place, pin in enumerate(rule.pins) if place == 0 or not isinstance(pin, Request)]
        return whole[:1] if rule.chapter in ALONE else whole
    kinds: dict[str, int] = {}  # a second number beyond a bound says less than another kind of value
    shapes: dict[str, int] = {}  # and a second string less than a value of another type
    for place, pin in enumerate(rule.pins):
        kind = _NUMBER.sub("0", as_request(pin).content.decode("utf-8", "replace"))
        shapes.setdefault(_STRING.sub('""', kind), kinds.setdefault(kind, place))
    telling = dict.fromkeys((*shapes.values(), *kinds.values()))
    most = 1 if sparse else depth.pins[rule.strength]
    return list(telling)[: most + (len(rule.pins) >= VARIED)]


def joinable(rule: RequestRule) -> bool:
    """Whether the acceptance of a request that holds more than a body of this rule says that the rule holds."""
    return rule.expect is Expect.ACCEPT and not rule.risky and rule.fit is None


TELLING = (3, 4, 6)
"""Numbers of pins from each of which on a rule of the default depth draws one body less: they say much already."""


LIGHT = 4
"""Bodies that a rule of many draws at most where pins are few."""


def drawn_count(rule: RequestRule, chosen: Settings) -> int:
    """How many bodies are drawn for a rule. One without pins draws at least one, one without examples none."""
    if rule.examples is None:
        return 0
    drawn = chosen.drawn_for(rule.strength)
    if chosen.depth == "default" and chosen.examples is None:
        drawn = max(0, drawn - sum(len(rule.pins) >= many for many in TELLING))
    weight = min(rule.weight, LIGHT) if DEPTHS[chosen.depth].jointly else rule.weight
    return (drawn if rule.pins else max(drawn, 1)) * weight


def leads(rule: AnswerRule, place: int) -> bool:
    """Whether a pin of a rule about answers is asked at smoke as well, though the traffic holds answers to judge: the
    first of what an answer must say, for which it has to be asked in earnest. Forms show in any answer."""
    said = rule.symptom is Symptom.WRONG_CONTENT and rule.chapter != "stream"
    return place == 0 and said and rule.strength is Strength.MUST


def planned(rule: Rule, chosen: Settings) -> float:
    """About how many requests a rule is worth, without drawing any: what is judged on others' answers is little."""
    if isinstance(rule, RequestRule):
        return max(1, len(_asked(rule, DEPTHS[chosen.depth])) + drawn_count(rule, chosen))
    if isinstance(rule, Relation):
        pins = len(rule.pins[: _compared_pins(rule, chosen)])
        return 2.0 * max(1, pins + (chosen.drawn_for(Strength.SHOULD) if rule.examples is not None else 0))
    return 2 if isinstance(rule, Gate) else 0.5


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


def _tries_footing(rule: RequestRule) -> bool:
    return rule.chapter == "http" and rule.id != FAULTY_TEXT_RULE


MANY_STEPS = ("mm.monotone.good", "mm.isolation.options", "mm.default.should")
"""Relations, beside those of crowds, whose one comparison takes as many requests as several others."""


def _compared_at_smoke(rule: Relation) -> bool:
    if rule.strength is Strength.MAY or rule.chapter in ("many", "clients"):
        return False
    return rule.id not in MANY_STEPS and not _only_bears(rule, "smoke")


def asked_at(catalogue: Catalogue, depth: str) -> list[Rule]:
    """The rules that a run of this depth asks. Smoke sends valid pins merged and the most telling others, compares only
    what takes few requests, and of the requests that bind nobody it sends only those that try the server's footing. The
    rules that bear what others see under some circumstance are there at every depth."""
    every = catalogue.by_id.values()
    if depth != "smoke":
        return list(every)
    return [
        rule
        for rule in every
        if (not isinstance(rule, Relation) or _compared_at_smoke(rule) or _only_bears(rule, depth))
        and not (isinstance(rule, RequestRule) and rule.strength is Strength.MAY and not _tries_footing(rule))
        and not (isinstance(rule, RequestRule) and rule.borrows)  # it does not send most of that
    ]


def relation_bodies(rule: Relation, chosen: Settings) -> list[Body]:
    """The bodies over which a relation is played: its pins and the drawn ones, few because each is several requests;
    at smoke one. None there for a rule that bears what the others see: their requests tell."""
    if _only_bears(rule, chosen.depth):
        return []
    pins = list(rule.pins[: _compared_pins(rule, chosen)])
    drawn = chosen.drawn_for(Strength.SHOULD)
    count = drawn if rule.pins else max(drawn, 1)
    if rule.examples is None or count == 0:
        return pins
    bodies = (draw if count <= FEW else draw.__wrapped__)(rule.examples, count, seed_of(chosen.seed, rule.id))
    return [*pins, *bodies]


def _compared_pins(rule: Relation, chosen: Settings) -> int | None:
    """How many pins a relation is played over at most. One that has a form is played where something is wrong."""
    return 1 if chosen.depth == "smoke" and not rule.form else None


COMPARED = 3
"""Requests that one comparison takes, more or less."""


def steps_of(rule: Relation, chosen: Settings) -> int:
    """About how many requests the comparisons of a relation take."""
    if _only_bears(rule, chosen.depth):
        return 0
    if rule.form and DEPTHS[chosen.depth].jointly:
        return 1  # all forms at once
    drawn = chosen.drawn_for(Strength.SHOULD) if rule.examples is not None else 0
    pins = len(rule.pins[: _compared_pins(rule, chosen)])
    return COMPARED * (pins + (drawn if rule.pins else max(drawn, 1)))


def own_pins(catalogue: Catalogue) -> int:
    """About how many requests the rules about answers send that no request rule sends."""
    others = {as_request(pin).key for rule in catalogue.rules for pin in rule.pins}
    return len({as_request(pin).key for rule in catalogue.answers for pin in rule.pins} - others)


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
