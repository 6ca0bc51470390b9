"""Sends the findings of a run record again and says which still fail.

A finding of one request is that request, byte for byte, under the rule that judged it. Gates and comparisons of several
requests are asked anew, because their findings are more than one request.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from . import canary
from .access import Access
from .campaign import Campaign
from .catalogue import Catalogue, CatalogueError
from .depths import Settings
from .exchange import Exchange, Request
from .judge import Kind, Reaction, describe, react
from .lane import Lane
from .model import AnswerRule, Gate, Relation, RequestRule
from .pace import Pace
from .parity import judge_as_asked
from .profile import Profile
from .record import recorded_request
from .results import Verdict
from .sightings import BUSY, Watched, judge_answer
from .target import Target

Line = Mapping[str, Any]

PROVED = (Verdict.FAILED, Verdict.INCONSISTENT, Verdict.WARNING)


class Outcome(StrEnum):
    """What became of a recorded finding."""

    FAILS = "still fails"
    HOLDS = "holds now"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Replayed:
    """One finding sent again: ``says`` what came back, or why nothing can be told."""

    rule: str
    outcome: Outcome
    says: str


def resolve(url: str, model: str | None, access: Access, profile: Profile | None = None) -> Target:
    """The endpoint to ask. Raises EndpointError."""
    how = access.resolving()
    return canary.await_ready(
        lambda: asyncio.run(canary.resolve(url, model=model, profile=profile, **how)), access.wait_ready or 0.0
    )


def replay(
    findings: Iterable[Line],
    header: Line,
    target: Target,
    catalogue: Catalogue,
    settings: Settings,
    pace: Pace | None = None,
) -> Iterator[Replayed]:
    """What became of each finding, in their order."""
    campaign = Campaign(target, catalogue, settings, pace=pace)
    campaign.open()
    try:
        for line in findings:
            yield _one(line, header, target, catalogue, campaign, settings, pace)
    finally:
        campaign.close()


def _one(
    line: Line,
    header: Line,
    target: Target,
    catalogue: Catalogue,
    campaign: Campaign,
    settings: Settings,
    pace: Pace | None,
) -> Replayed:
    name = line["rule"]
    try:
        rule = catalogue.find(name)
    except CatalogueError as error:
        return Replayed(name, Outcome.UNKNOWN, str(error))
    if isinstance(rule, Gate | Relation):
        return _anew(rule, catalogue, campaign)
    if line["finding"]["symptom"] == "killed_server":
        return Replayed(name, Outcome.UNKNOWN, "it killed the server; send it by hand with its curl line")
    try:
        request = recorded_request(line["finding"]["request"], header["model"], target.model)
    except (KeyError, ValueError, TypeError, AttributeError, zlib.error) as error:
        return Replayed(name, Outcome.UNKNOWN, f"the recorded request cannot be read ({type(error).__name__})")
    exchange = asyncio.run(_sent(request, target, pace))
    return _told(rule, exchange, settings)


async def _sent(request: Request, target: Target, pace: Pace | None) -> Exchange:
    async with Lane(target, pace=pace) as lane:
        exchange = await lane.ask(request)
    # rules about answers look at the body that was sent
    return replace(exchange, request=replace(request, raw=None)) if isinstance(request.body, dict) else exchange


def _told(rule: RequestRule | AnswerRule, exchange: Exchange, settings: Settings) -> Replayed:
    said = describe(exchange)
    if isinstance(rule, AnswerRule):
        if exchange.answer is None or exchange.answer.status in BUSY or react(exchange) is Reaction.UNREACHED:
            return Replayed(rule.id, Outcome.UNKNOWN, said)
        watched = Watched()
        why = judge_answer(rule, exchange, watched)
        if not watched.judged:
            return Replayed(rule.id, Outcome.UNKNOWN, f"the rule is not about what came back now ({said})")
        return Replayed(rule.id, Outcome.FAILS if why else Outcome.HOLDS, why or said)
    judgement = judge_as_asked(rule, exchange, settings.parity)
    outcome = {Kind.VIOLATED: Outcome.FAILS, Kind.HELD: Outcome.HOLDS}.get(judgement.kind, Outcome.UNKNOWN)
    return Replayed(rule.id, outcome, judgement.why or said)


def _anew(rule: Gate | Relation, catalogue: Catalogue, campaign: Campaign) -> Replayed:
    if isinstance(rule, Gate):
        needed = [gate for gate in catalogue.gates if gate.capability in (*rule.needs, rule.capability)]
        result = next(found for found in campaign.ask_gates(needed) if found.rule == rule.id)
    else:
        campaign.submit([rule])
        result = campaign.result(rule.id)
    if result.finding is not None and result.verdict in PROVED:
        return Replayed(rule.id, Outcome.FAILS, result.finding.why)
    if result.verdict in (Verdict.PASSED, Verdict.INFO):
        return Replayed(rule.id, Outcome.HOLDS, result.observed)
    return Replayed(rule.id, Outcome.UNKNOWN, result.note or result.blocked_by or result.verdict.value)
