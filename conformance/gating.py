"""Asks the gates and says what the server offers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from .again import GRAVE, settling
from .depths import DEPTHS, Settings
from .exchange import TOKEN_BOUNDS, Exchange, Request, as_request
from .joint import LABEL, probes
from .judge import Judgement, Kind, Reaction, declined, describe, excuse, judge, react, speaks_of_model
from .model import Expect, Gate, RequestRule, Strength, Symptom
from .outgoing import curl, prepare
from .pipeline import URGENT, Pipeline
from .results import Capability, Finding, Result, Verdict
from .target import Target


@dataclass
class GateReport:
    """Capabilities by name, one result a gate, and what was accepted for many gates at once, by the id of each."""

    capabilities: dict[str, Capability] = field(default_factory=dict[str, Capability])
    results: list[Result] = field(default_factory=list[Result])
    shared: dict[str, Exchange] = field(default_factory=dict[str, Exchange])


async def ask_gates(pipeline: Pipeline, gates: Sequence[Gate], settings: Settings) -> GateReport:
    """Ask all gates, those that need others after them. What the profile claims is held against what comes back.

    Below a ceiling of tokens those of token bounds come first: what is held for their nonsense is there at the start.
    """
    report = GateReport()
    waiting = list(gates)
    budget = pipeline.target.budget
    of_bounds = [gate for gate in gates if gate.property in TOKEN_BOUNDS] if budget and budget.tokens else []
    while waiting:
        ready = [gate for gate in waiting if all(name in report.capabilities for name in gate.needs)]
        ready = [gate for gate in ready if gate in of_bounds] or ready
        waiting = [gate for gate in waiting if gate not in ready]
        report.shared |= await _probed_at_once(pipeline, ready, report.capabilities, settings)
        asked = (_ask(pipeline, gate, report.capabilities, settings, report.shared.get(gate.id)) for gate in ready)
        for result in await asyncio.gather(*asked):
            report.results.append(result)
        for gate, result in zip(ready, report.results[-len(ready) :], strict=True):
            report.capabilities[gate.capability] = result.capability or Capability.BROKEN
    return report


async def _probed_at_once(
    pipeline: Pipeline, gates: Sequence[Gate], known: dict[str, Capability], settings: Settings
) -> dict[str, Exchange]:
    """The exchange that shows that a gate's probe is accepted among others, by the id of the gate, where few requests
    are wanted. Those of which others are refused are asked alone."""
    if not DEPTHS[settings.depth].jointly or settings.only_claims:
        return {}
    met = (gate for gate in gates if all(known[name] is Capability.OFFERED for name in gate.needs))
    found: dict[str, Exchange] = {}
    for together, body in probes(gate for gate in met if not settings.beyond(gate.probe)):
        exchange = await pipeline.ask(Request(body=body), LABEL, URGENT)
        if react(exchange) is Reaction.ACCEPTED:
            found |= {gate.id: exchange for gate in together}
    return found


async def _ask(
    pipeline: Pipeline, gate: Gate, known: dict[str, Capability], settings: Settings, shared: Exchange | None
) -> Result:
    started = time.monotonic()
    claimed = gate.capability in settings.claims
    if settings.only_claims and not claimed:
        note = f"the profile {settings.profile} leaves it out"
        return Result(gate.id, Verdict.NOT_OFFERED, note=note, capability=Capability.UNCLAIMED)
    if beyond := settings.beyond(gate.probe):
        return Result(gate.id, Verdict.NOT_OFFERED, note=beyond, capability=Capability.REFUSED)
    if pipeline.gone:
        return Result(gate.id, Verdict.ERROR, note=f"not asked: {pipeline.gone}", capability=Capability.BROKEN)
    missing = [name for name in gate.needs if known[name] is not Capability.OFFERED]
    if missing:
        found = known[missing[0]]
        # what is needed and broken breaks this as well: none of its rules is asked, and one gate bears the fault
        result = Result(gate.id, Verdict.BLOCKED, blocked_by=f"gate.{missing[0]}", capability=found)
        if found in (Capability.REFUSED, Capability.UNCLAIMED) and missing[0] not in settings.claims:
            said = "the server refuses" if found is Capability.REFUSED else "the profile leaves out"
            result = result.with_(verdict=Verdict.NOT_OFFERED, note=f"{said} {missing[0]}")
        return result
    health = pipeline.health
    vetted = await health.undisturbed(
        lambda: _judged(pipeline, gate, settings, shared),
        lambda result: result.verdict is Verdict.PASSED,
    )
    result = vetted or Result(gate.id, Verdict.ERROR, note=health.why_not)
    if settings.strict and result.verdict is Verdict.WARNING:
        result = result.with_(verdict=Verdict.FAILED)
    return result.with_(seconds=time.monotonic() - started)


def as_rule(gate: Gate, expect: Expect) -> RequestRule:
    """The gate as a request rule, so that there is one judge."""
    return RequestRule(
        id=gate.id, property=gate.property, title=gate.title, expect=expect, strength=gate.strength, source=gate.source
    )


def bounded(gate: Gate, target: Target) -> Request:
    """The probe, without its token bound where the canary found that none is taken; that of a bound stays as it is."""
    if gate.property in TOKEN_BOUNDS:
        return Request(body=gate.probe, bare=True)
    left_out = () if target.fields else TOKEN_BOUNDS
    return Request(body={key: value for key, value in gate.probe.items() if key not in left_out})


async def _asked(pipeline: Pipeline, rule: RequestRule, request: Request) -> tuple[Exchange, Judgement]:
    """What comes of a request. What is seen once is not proved: it is asked again before a word of blame."""
    exchange = await pipeline.ask(request, rule.id, URGENT)
    judgement = judge(rule, exchange)
    if judgement.kind is Kind.VIOLATED and judgement.symptom is not Symptom.KILLED_SERVER:
        exchange = await pipeline.ask_alone(request, rule.id, before=settling(judgement.symptom))
        judgement = judge(rule, exchange)
    return exchange, judgement


async def _judged(pipeline: Pipeline, gate: Gate, settings: Settings, accepted: Exchange | None = None) -> Result:
    """The verdict of a gate; ``accepted`` is a request with more than its probe that was, if there is one."""
    claimed = gate.capability in settings.claims
    found = partial(_finding, pipeline, gate)
    rule = as_rule(gate, Expect.ACCEPT)
    probe = bounded(gate, pipeline.target)
    if accepted:
        exchange, judgement = accepted, judge(rule, accepted)
    else:
        exchange, judgement = await _asked(pipeline, rule, probe)
    if judgement.kind is Kind.UNDECIDED:
        return Result(gate.id, Verdict.ERROR, note=judgement.why, requests=1, capability=Capability.BROKEN)
    if react(exchange) is Reaction.REFUSED:
        without = declined(exchange, gate.property)
        if claimed and (without or speaks_of_capability(exchange) or (gate.optional and not excuse(exchange))):
            why = f"the profile {settings.profile} claims {gate.capability}, and it is refused ({describe(exchange)})"
            return found(probe, exchange, Symptom.REFUSED_VALID, why, Capability.REFUSED, claimed=True)
        excused = gate.optional or excuse(exchange) or without
        note = "" if excused else await _refused_without(pipeline, gate, probe)
        if excused or note:
            return Result(
                gate.id,
                Verdict.NOT_OFFERED,
                requests=2,
                note=note or f"refused: {describe(exchange)}",
                capability=Capability.REFUSED,
            )
        return found(probe, exchange, Symptom.REFUSED_VALID, judgement.why, Capability.REFUSED, claimed=claimed)
    if judgement.kind is Kind.VIOLATED:
        symptom = judgement.symptom or Symptom.CRASHED
        return found(probe, exchange, symptom, judgement.why, Capability.BROKEN)
    assert exchange.answer is not None
    effect = gate.effect(exchange.answer) if gate.effect else None
    if effect is True:
        return Result(gate.id, Verdict.PASSED, observed="effect seen", requests=1, capability=Capability.OFFERED)
    if gate.nonsense is not None:
        refuse = as_rule(gate, Expect.REFUSE)
        absurd = as_request(gate.nonsense)
        nonsense, verdict = await _asked(pipeline, refuse, absurd)
        if verdict.symptom is Symptom.ACCEPTED_INVALID and react(nonsense) is not Reaction.ERROR_IN_200:
            why = f"{gate.property} is not looked at: nonsense in its place was accepted ({describe(nonsense)})"
            return found(absurd, nonsense, Symptom.ACCEPTED_INVALID, why, Capability.IGNORED)
        if verdict.kind is Kind.UNDECIDED:
            return Result(gate.id, Verdict.ERROR, note=verdict.why, requests=2, capability=Capability.BROKEN)
        if verdict.symptom is not None and verdict.symptom in GRAVE:
            return found(absurd, nonsense, verdict.symptom, verdict.why, Capability.OFFERED)
    if effect is False:
        repeat = await pipeline.ask_alone(probe, gate.id)
        if repeat.answer is not None and gate.effect is not None and gate.effect(repeat.answer) is False:
            why = f"accepted without effect: the answer does not show what {gate.property} asks for"
            return found(probe, repeat, Symptom.WRONG_CONTENT, why, Capability.IGNORED)
    return Result(gate.id, Verdict.PASSED, observed="accepted", requests=2, capability=Capability.OFFERED)


async def _refused_without(pipeline: Pipeline, gate: Gate, probe: Request) -> str:
    """Why a refused probe says nothing of its property: it is refused without it as well. Or an empty string."""
    rest = {key: value for key, value in probe.body.items() if key != gate.property}
    if len(rest) == len(probe.body) or gate.property in ("messages", "model"):
        return ""
    control = await pipeline.ask_alone(replace(probe, body=rest), gate.id)
    if react(control) is not Reaction.REFUSED:
        return ""
    return f"the same body without {gate.property} is refused as well ({describe(control)})"


def speaks_of_capability(exchange: Exchange) -> bool:
    """Whether a refusal says that the model or the key cannot do it: no excuse where the profile claims it."""
    return exchange.status == 403 or speaks_of_model(exchange)


def _finding(
    pipeline: Pipeline,
    gate: Gate,
    request: Request,
    exchange: Exchange,
    symptom: Symptom,
    why: str,
    capability: Capability,
    *,
    claimed: bool = False,
) -> Result:
    ready = prepare(request, pipeline.target)
    finding = Finding(symptom, why, ready, exchange, curl(ready, pipeline.target), confirmed="2/2")
    # the strength of a gate is that of taking the property; crashing on it or taking nonsense is never right
    lenient = gate.strength is Strength.SHOULD and symptom is Symptom.REFUSED_VALID and not claimed
    verdict = Verdict.WARNING if lenient else Verdict.FAILED
    return Result(gate.id, verdict, requests=2, capability=capability, finding=finding)
