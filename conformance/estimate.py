"""What a run would send, without sending anything: requests and token ceilings by chapter.

The list of wave 1 is the one that a run makes. How many requests gates, rules about answers and relations need depends
on what comes back, so these are played against the reference's answers, made in this process. A server with faults
costs more (each violation is asked again and made smaller), one that refuses features costs less.
"""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from starlette.datastructures import Headers

from ..strategies.company import NULLS
from ..strategies.surroundings import TURNS
from . import joint
from .budget import UNBOUNDED, ceiling
from .canary import CANARY, TOKENS
from .catalogue import Catalogue
from .cuts import DRAWN, LATER, PINS, Cut, Planned, cut
from .cuts import FIRST as FIRST_PINS
from .cuts import GATES as GATE_TIER
from .depths import DEPTHS, Settings, asked_at, leads, steps_of
from .exchange import TOKEN_BOUNDS, Answer, Body, Exchange, Request, as_request
from .in_company import GUESTS, together
from .judge import Reaction, react
from .model import AnswerRule, Call, Expect, Fresh, Gate, Relation, RequestRule, Rule, Step, Undecided
from .outgoing import headers_of, prepare
from .plan import accompanied, cases, disposition, needed_gates, pin_cases, relation_bodies
from .profile import Profile
from .reference.app import BASE, Endpoint
from .reference.behaviour import Reference
from .results import Capability
from .rules.forms_at_once import at_once
from .sightings import Sightings
from .sse import read_json
from .target import Target
from .vintages import FIRST

CHARACTERS = 4
"""Characters of a body that are counted as one prompt token."""

OPENING = "canary"
"""Name of the row of the requests that find the model and the token bound."""

GATES = "gates"


@dataclass(frozen=True)
class Row:
    """One chapter. ``about``: the counts depend on the answers.

    ``unbounded`` requests should be accepted, but set no bound below ``budget.LARGEST``: they are no part of
    ``completion_tokens``.
    """

    chapter: str
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unbounded: int = 0
    about: bool = False

    def cost(self, price_in: float, price_out: float) -> float:
        """Ceiling of the cost, in the currency of the prices of a million tokens."""
        return (self.prompt_tokens * price_in + self.completion_tokens * price_out) / 1e6


@dataclass(frozen=True)
class Plan:
    """A row for each chapter, in the catalogue's order, each request with what it is for, and what ceilings leave.

    ``slack``: requests that a run with a ceiling keeps for wave 2 beyond what it takes.
    """

    rows: list[Row]
    requests: list[Planned]
    slack: int
    cut: Cut | None = None


def planned(
    catalogue: Catalogue,
    settings: Settings,
    rules: Iterable[Rule] | None = None,
    ceilings: tuple[int | None, int | None] = (None, None),
    profile: Profile | None = None,
) -> Plan:
    """What a run over some rules (None: all that this depth asks) would send, and what ``ceilings`` (requests, tokens)
    would leave of it.

    Sends nothing; equal for equal seeds. Bodies are drawn as for the run, so it takes as long as the drawing.
    ``profile`` says what joins every request; what it leaves out and bounds is in ``settings``.
    """
    chosen = asked_at(catalogue, settings.depth) if rules is None else list(rules)
    if settings.only_claims:
        chosen = [rule for rule in chosen if _claimed(rule, catalogue, settings)]
    needed = needed_gates(catalogue.gates, chosen)
    if settings.only_claims:
        needed &= set(settings.claims)
    gates = [gate for gate in catalogue.gates if gate.capability in needed]
    requests = [rule for rule in chosen if isinstance(rule, RequestRule) and not (settings.safe and rule.risky)]
    answers = [rule for rule in chosen if isinstance(rule, AnswerRule)]
    relations = [rule for rule in chosen if isinstance(rule, Relation)]
    asked = [*gates, *requests, *relations, *answers]
    target = _stand_in(profile or Profile())
    rehearsal = _rehearsed(catalogue, settings, asked, target, ceilings[1], frozenset())
    compared = [rule for rule in relations if steps_of(rule, settings)]
    present = {rule.chapter for rule in (*requests, *answers, *compared)}
    names = [OPENING, *([GATES] if gates else []), *(one.name for one in catalogue.chapters if one.name in present)]
    about = {GATES, *(rule.chapter for rule in (*answers, *relations))}
    rows = [Row(name, **rehearsal.rows[name], about=name in about) for name in names]
    kept = sum(steps_of(rule, settings) for rule in relations)
    if settings.depth != "smoke":
        pins = {as_request(pin).key for rule in answers for pin in rule.pins}
        kept += len(pins - {case.request.key for rule in requests for case in pin_cases(rule, 0, settings)})
    of_wave_2 = {rule.id for rule in (*relations, *answers)}
    others = {one.key for one in rehearsal.requests if one.rule not in of_wave_2}
    taken = len({one.key for one in rehearsal.requests if one.rule in of_wave_2} - others)
    slack = max(0, kept - taken)
    left = None
    if any(ceilings):
        ids = [rule.id for rule in asked]
        left = cut(rehearsal.requests, slack, *ceilings, ids)
        if rehearsal.seen.rules and left.refused:  # what is not asked leaves more to the rules about answers themselves
            again = _rehearsed(catalogue, settings, asked, target, ceilings[1], left.refused)
            left = replace(cut(again.requests, slack, *ceilings, ids), whole=left.whole)
    return Plan(rows, rehearsal.requests, slack, left)


def _rehearsed(
    catalogue: Catalogue,
    settings: Settings,
    rules: Sequence[Rule],
    target: Target,
    tokens: int | None,
    refused: frozenset[object],
) -> _Rehearsal:
    """The run played, where answers to ``refused`` requests (their keys) are not seen."""
    bounds = TOKEN_BOUNDS if tokens else ()  # of their gates comes first what a ceiling of tokens must allow
    requests = [rule for rule in rules if isinstance(rule, RequestRule)]
    answers = [rule for rule in rules if isinstance(rule, AnswerRule)]
    # smoke leaves out the requests of a rule about answers where the traffic holds an answer that it can judge
    seen = Sightings(answers if settings.depth == "smoke" else [])
    rehearsal = _Rehearsal(seen, target, vintage=catalogue.vintage, refused=refused)
    rehearsal.opening()
    rehearsal.tier = GATE_TIER
    gates = [rule for rule in rules if isinstance(rule, Gate) and not settings.beyond(rule.probe)]
    gates.sort(key=lambda one: one.property not in bounds)
    probed: list[Gate] = []
    if DEPTHS[settings.depth].jointly and not settings.only_claims:
        for ready in ([gate for gate in gates if not gate.needs], [gate for gate in gates if gate.needs]):
            for of_round, body in joint.probes(ready):
                probed += of_round
                rehearsal.ask(GATES, Request(body=body))
    for rule in gates:
        rehearsal.gate(rule, probed=rule in probed)
    offered = frozenset(gate.capability for gate in catalogue.gates)
    if settings.only_claims:
        offered &= set(settings.claims)
    if any(map(accompanied, requests)):
        rehearsal.ask(GATES, Request(body=together(GUESTS & {*offered, TURNS, NULLS}, settings.vintage)))
    rehearsal.wave(catalogue, [rule for rule in requests if not rule.risky], settings, offered)
    rehearsal.tier = LATER
    compared = [rule for rule in rules if isinstance(rule, Relation)]
    forms = [rule for rule in compared if rule.form] if DEPTHS[settings.depth].jointly else []
    if len(forms) > 1:
        compared = [at_once(forms), *(rule for rule in compared if rule not in forms)]
    for rule in compared:
        rehearsal.relation(rule, settings)
    for rule in answers:
        rehearsal.provide(rule, settings)
    rehearsal.wave(catalogue, [rule for rule in requests if rule.risky], settings, offered)
    return rehearsal


def _claimed(rule: Rule, catalogue: Catalogue, settings: Settings) -> bool:
    """Whether a profile that leaves out all that it does not claim lets a rule be asked."""
    if isinstance(rule, Gate):
        return rule.capability in settings.claims
    left_out = {
        gate.capability: Capability.UNCLAIMED for gate in catalogue.gates if gate.capability not in settings.claims
    }
    return disposition(rule, catalogue.gates, left_out, safe=False) is None


_COUNTED = ("requests", "prompt_tokens", "completion_tokens", "unbounded")


def total(rows: Sequence[Row]) -> Row:
    """All rows added up."""
    added: Counter[str] = Counter()
    for row in rows:
        added.update({name: getattr(row, name) for name in _COUNTED})
    return Row("total", **added, about=any(row.about and row.requests for row in rows))


def _stand_in(profile: Profile) -> Target:
    """What bodies are prepared for; nothing is sent to it. Names of models change no figure."""
    bound = profile.token_bound or "max_tokens"
    fields = {} if bound == "none" else {bound: TOKENS}
    return Target("http://127.0.0.1/v1", model="chatproof-reference", fields=fields, extra=dict(profile.fields))


@dataclass
class _Rehearsal:
    """A run without a server: what was asked so far, by chapter, and what the reference answers to it."""

    seen: Sightings
    target: Target
    rows: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    known: set[tuple[object, ...]] = field(default_factory=set[tuple[object, ...]])
    requests: list[Planned] = field(default_factory=list[Planned])
    refused: frozenset[object] = frozenset()
    tier: int = GATE_TIER
    rule: str = OPENING
    vintage: str = FIRST
    endpoint: Endpoint = field(init=False)

    def __post_init__(self) -> None:
        self.endpoint = Endpoint({"": Reference(vintage=self.vintage)})

    # --- counting ------------------------------------------------------------------------------------------------

    def count(
        self, chapter: str, request: Request, *, accepted: bool, again: bool = False, alone: Request | None = None
    ) -> None:
        """Count a prepared request, unless an equal one was asked before. Only accepted ones cost tokens."""
        known = request.key in self.known and not again
        if not known:
            self.known.add(request.key)
            row = self.rows[chapter]
            row["requests"] += 1
            if accepted and request.method == "POST":
                row["prompt_tokens"] += -(-len(request.content.decode("utf-8", "replace")) // CHARACTERS)
                most = ceiling(read_json(request.content))
                row["completion_tokens"] += most or 0
                row["unbounded"] += most is None
        key = (request.key, len(self.requests)) if again else request.key
        self.requests.append(self.entry(key, request, accepted, self.entry(alone.key, alone, True) if alone else None))

    def entry(self, key: object, request: Request, accepted: bool, alone: Planned | None = None) -> Planned:
        """One request of the list. What sets no bound is held for, but no part of the figures."""
        most = ceiling(read_json(request.content)) if request.method == "POST" else 0
        cost = (most or 0) if accepted else 0
        return Planned(self.tier, self.rule, key, cost, UNBOUNDED if most is None else most, alone)

    def ask(self, chapter: str, request: Request, *, again: bool = False) -> Exchange:
        """Count a request as the pipeline would send it, and answer it."""
        exchange = self.answered(request)
        ready = prepare(request, self.target)
        self.count(chapter, ready, accepted=react(exchange) is Reaction.ACCEPTED, again=again)
        return exchange

    def answered(self, request: Request) -> Exchange:
        """What the reference makes of a request, without what a profile adds for a server that wants it."""
        request = prepare(request, replace(self.target, extra={}))
        reference, kind = self.endpoint.paths.get(BASE + request.path, (self.endpoint.default, ""))
        headers = Headers(headers_of(request, self.target))
        made = self.endpoint.answer(reference, kind, request.method, headers, request.content)
        shown = (("content-type", made.content_type), *made.headers)
        return Exchange(request, Answer(made.status, shown, b"".join(made.blocks)))

    # --- the parts of a run, in their order ----------------------------------------------------------------------

    def opening(self) -> None:
        """What finds the model and the token bound; the run does not remember the answers."""
        self.ask(OPENING, Request(method="GET", path="/models", raw=b"", content_type=None))
        self.ask(OPENING, CANARY)
        self.known.clear()

    def gate(self, gate: Gate, *, probed: bool) -> None:
        """The probe, unless it was ``probed`` with others, and the nonsense where no answer shows an effect."""
        self.rule = gate.id
        effect = None
        if not probed:
            exchange = self.ask(GATES, as_request(gate.probe))
            self.seen.observe(exchange)
            effect = gate.effect(exchange.answer) if gate.effect and exchange.answer else None
        if gate.nonsense is not None and effect is not True:
            self.ask(GATES, as_request(gate.nonsense))

    def wave(
        self, catalogue: Catalogue, rules: Sequence[RequestRule], settings: Settings, offered: frozenset[str]
    ) -> None:
        """The list of some request rules: what an ACCEPT or an EITHER sends may cost tokens."""
        listed = [
            case
            for case in cases(catalogue, rules, settings)
            if case.rule.expect is not Expect.ACCEPT or not settings.beyond(case.request.body)
        ]
        groups = joint.groups(listed) if DEPTHS[settings.depth].jointly else [joint.Group({}, [one]) for one in listed]
        for group in groups:
            case = group.cases[0]
            request: Request | None = joint.request_of(group)
            if case.rule.fit is not None:
                body = case.rule.fit(request.body, offered)
                request = None if body is None else as_request(body)
            if request is None:
                continue
            ready = prepare(request, self.target)
            first = case.order[0]
            self.tier = DRAWN if case.drawn else LATER if case.rule.risky else PINS if first else FIRST_PINS
            accepted = case.rule.expect is not Expect.REFUSE
            for one in group.cases:
                self.rule = one.rule.id
                alone = prepare(one.request, self.target) if len(group.cases) > 1 else None
                self.count(case.rule.chapter, ready, accepted=accepted, alone=alone)
            if self.seen.rules and not case.rule.risky and ready.key not in self.refused:
                exchange = self.answered(request)
                if case.rule.expect is Expect.ACCEPT or react(exchange) is Reaction.REFUSED:
                    self.seen.observe(exchange)

    def relation(self, rule: Relation, settings: Settings) -> None:
        """The scripts of a relation over its pins and drawn bodies."""
        self.rule = rule.id
        for body in relation_bodies(rule, settings):
            if not settings.beyond(body):
                self.play(rule, body)

    def play(self, rule: Relation, body: Body) -> None:
        """One script to its end; what it finds is of no interest."""
        script = rule.script(body)
        try:
            step: Step = next(script)
            while True:
                reply: Any
                reply = [self._step(rule, one) for one in step] if isinstance(step, list) else self._step(rule, step)
                step = script.send(reply)
        except (StopIteration, Undecided):
            return

    def _step(self, rule: Relation, step: Request | Fresh | Call) -> Exchange:
        if isinstance(step, Call):
            self.ask(rule.chapter, as_request(step.body), again=True)
            raise Undecided("a real client is not played")
        fresh = isinstance(step, Fresh)
        return self.ask(rule.chapter, step.request if fresh else step, again=fresh)

    def provide(self, rule: AnswerRule, settings: Settings) -> None:
        """The requests of a rule about answers that the traffic does not hold: in smoke what leads, and others until
        one can be judged."""
        self.rule = rule.id
        for place, pin in enumerate(rule.pins):
            if rule.id in self.seen.of and self.seen.of[rule.id].judged and not leads(rule, place):
                return
            if settings.beyond(as_request(pin).body):
                continue
            exchange = self.ask(rule.chapter, as_request(pin))
            if rule.id in self.seen.of:
                self.seen.hold(exchange, rule)


# --- shown --------------------------------------------------------------------------------------------------------


def as_json(rows: Sequence[Row], prices: tuple[float, float] | None = None) -> dict[str, Any]:
    """The table as plain values; with the prices (in, out) of a million tokens each row has a ``cost``."""
    shown = [asdict(row) | ({"cost": row.cost(*prices)} if prices else {}) for row in (*rows, total(rows))]
    return {"chapters": shown[:-1], "total": shown[-1], "notes": notes(rows)}


def notes(rows: Sequence[Row]) -> list[str]:
    """What the figures do not say by themselves."""
    whole = total(rows)
    said = [
        "completion is a ceiling: the token bound of each request that a server should accept, times n.",
        f"prompt is a guess: {CHARACTERS} characters of a body are a token. Requests to be refused count as 0 of both.",
    ]
    if whole.about:
        said.append(
            "~ depends on the answers, and is about what a server without faults is asked. A violation is asked again"
            " and made smaller, a feature that is refused is asked no further, canaries come between."
        )
    if whole.unbounded:
        said.append(
            f"{whole.unbounded} requests have no token bound, or a vast one, on purpose: their answers end when the"
            " model is done, and are not in the figures."
        )
    return said


def table(rows: Sequence[Row], prices: tuple[float, float] | None = None) -> list[str]:
    """The lines of a table with a row per chapter and a total, and the notes under it."""
    lines = [f"{'chapter':16}{'requests':>10}{'prompt':>12}{'completion':>13}" + (f"{'cost':>13}" if prices else "")]
    for row in (*rows, total(rows)):
        requests = ("~" if row.about and row.requests else "") + f"{row.requests:,}"
        cost = f"{row.cost(*prices):>13.4f}" if prices else ""
        lines.append(f"{row.chapter:16}{requests:>10}{row.prompt_tokens:>12,}{row.completion_tokens:>13,}{cost}")
    said = [line for note in notes(rows) for line in textwrap.wrap(note, 100, subsequent_indent="  ")]
    return [*lines, "", *said]
