"""How much of each rule a run asks: which pins, how many drawn bodies, and about how many requests that is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bearers import only_bears
from .catalogue import Catalogue
from .claims import Limit, excess
from .exchange import Request, as_request
from .model import AnswerRule, Expect, Gate, Relation, RequestRule, Rule, Strength, Symptom
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


_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

SPARSE = ("legacy", "audio", "prediction", "logit_bias", "audio_input")
"""Chapters, and features, that few servers offer or clients use: where pins are few, theirs are fewest."""

ALONE = ("audio", "prediction")
"""Chapters whose valid bodies meet few others: one of each rule is asked where pins are few."""

VARIED = 7
"""Number of pins from which on there are so many kinds of them that one more is asked where pins are few."""


def asked_pins(rule: RequestRule, depth: Depth) -> list[int]:
    """Places of the pins that a depth asks."""
    if depth.pins is None:
        return list(range(len(rule.pins)))
    sparse = not {rule.chapter, *rule.needs}.isdisjoint(SPARSE) or _of_inner_type(rule)
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


def _of_inner_type(rule: RequestRule) -> bool:
    """Whether a rule is about the type of something inside a declaration, a format or a part: validators know all of
    them, or none."""
    return rule.chapter in ("tools", "output", "parts") and rule.id.endswith(".type.refuses") and rule.id.count(".") > 2


def joinable(rule: RequestRule) -> bool:
    """Whether the acceptance of a request that holds more than a body of this rule says that the rule holds."""
    return rule.expect is Expect.ACCEPT and not rule.risky and rule.fit is None


TELLING = (3, 4, 6)
"""Numbers of pins from each of which on a rule of the default depth draws one body less: they say much already."""

LIGHT = 2
"""Bodies that a rule of many draws at most where others are merged: those are rich as well."""


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


def worth_of(rule: Rule, chosen: Settings) -> float:
    """About how many requests a rule is worth, without drawing any: what is judged on others' answers is little."""
    if isinstance(rule, RequestRule):
        return max(1, len(asked_pins(rule, DEPTHS[chosen.depth])) + drawn_count(rule, chosen))
    if isinstance(rule, Relation):
        pins = len(rule.pins[: compared_pins(rule, chosen)])
        return 2.0 * max(1, pins + (chosen.drawn_for(Strength.SHOULD) if rule.examples is not None else 0))
    return 2 if isinstance(rule, Gate) else 0.5


MANY_STEPS = ("mm.monotone.good", "mm.isolation.options", "mm.default.should")
"""Relations, beside those of crowds, whose one comparison takes as many requests as several others."""


def _compared_at_smoke(rule: Relation) -> bool:
    if rule.strength is Strength.MAY or rule.chapter in ("many", "clients"):
        return False
    return rule.id not in MANY_STEPS and not only_bears(rule, "smoke")


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
        if (not isinstance(rule, Relation) or _compared_at_smoke(rule) or only_bears(rule, depth))
        and not (isinstance(rule, RequestRule) and rule.strength is Strength.MAY and rule.chapter != "http")
        and not (isinstance(rule, RequestRule) and rule.borrows)  # it does not send most of that
    ]


def compared_pins(rule: Relation, chosen: Settings) -> int | None:
    """How many pins a relation is played over at most. One that has a form is played where something is wrong."""
    return 1 if chosen.depth == "smoke" and not rule.form else None


COMPARED = 3
"""Requests that one comparison takes, more or less."""


def steps_of(rule: Relation, chosen: Settings) -> int:
    """About how many requests the comparisons of a relation take."""
    if only_bears(rule, chosen.depth):
        return 0
    if rule.form and DEPTHS[chosen.depth].jointly:
        return 1  # all forms at once
    drawn = chosen.drawn_for(Strength.SHOULD) if rule.examples is not None else 0
    pins = len(rule.pins[: compared_pins(rule, chosen)])
    return COMPARED * (pins + (drawn if rule.pins else max(drawn, 1)))


def own_pins(catalogue: Catalogue) -> int:
    """About how many requests the rules about answers send that no request rule sends."""
    others = {as_request(pin).key for rule in catalogue.rules for pin in rule.pins}
    return len({as_request(pin).key for rule in catalogue.answers for pin in rule.pins} - others)
