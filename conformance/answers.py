"""Rules about answers: the requests of their own that they send, and their verdicts from what all traffic said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..strategies.json_values import is_object
from ..strategies.simpler import simpler
from . import vendor
from .again import IN_SEQUEL, Crowd, CrowdSighting, Unproved, request_again
from .bearers import CROWD_RULE, REFUSED_RULE
from .budget import LATER, SEARCH, URGENT
from .depths import Settings, leads
from .exchange import Exchange, Request, as_request, unaffordable
from .judge import Reaction, describe, react
from .model import AnswerRule
from .outgoing import curl, prepare
from .pipeline import Pipeline
from .record import cut
from .results import Finding, Result, Verdict, upheld, weighed
from .sightings import BUSY, Sighting, Sightings, Watched, judge_answer
from .tallies import Ledger

DOUBTED = 5
"""How often a violation of which there is doubt is asked for more: each time it has to be there."""

SHRINK_BOUND = 40
"""Requests that are spent on making the request of one sighting smaller."""


@dataclass(frozen=True)
class Answers:
    """What it takes to conclude rules about answers."""

    pipeline: Pipeline
    settings: Settings
    sightings: Sightings
    ledger: Ledger
    kept: Mapping[str, Crowd]

    @property
    def crowd(self) -> Crowd:
        """What is broken only with others in flight."""
        return self.kept[CROWD_RULE]

    async def provide(self, rule: AnswerRule) -> None:
        """Send the requests of a rule about answers that the traffic does not hold, until one breaks the rule: smoke
        the telling one, and others where there is no answer to judge."""
        watched = self.sightings.of[rule.id]
        watched.ridden = watched.judged
        for place, pin in enumerate(rule.pins):
            if watched.seen or (self.settings.depth == "smoke" and watched.judged and not leads(rule, place)):
                return
            if self.settings.beyond(as_request(pin).body) or self.pipeline.judged_earlier(as_request(pin)):
                continue
            new = not self.pipeline.asked(as_request(pin))
            exchange = await self.pipeline.ask(as_request(pin), rule.id, LATER)
            if unaffordable(exchange) or (exchange.answer is not None and exchange.answer.status in BUSY):
                watched.unasked = describe(exchange)
                return
            watched.own += new
            if not await self.pipeline.health.since(exchange.finished):
                return
            if not self.pipeline.health.tainted(exchange):
                with self.ledger.of(rule.id):
                    self.sightings.hold(exchange, rule)
                    if not rule.refused and react(exchange) is Reaction.ACCEPTED:
                        self.sightings.observe(exchange, rule.id)

    async def conclude(self, rule: AnswerRule) -> Result:
        """The verdict of a rule about answers, once all that they need were provided."""
        watched = self.sightings.of[rule.id]
        if why := vendor.fault(rule):
            return Result(rule.id, Verdict.ERROR, note=why)
        stands = next((name for name in rule.twin_of if self.sightings.broken(name)), "")
        cleared = await self._cleared(rule, watched) if watched.seen and rule.doubt else None
        if cleared:
            result = Result(rule.id, Verdict.NOT_OFFERED, note=cleared)
        elif watched.seen and stands:
            result = Result(rule.id, Verdict.BLOCKED, blocked_by=stands, note="the same fault, seen there as well")
        elif watched.seen:
            result = await self._proved(rule, watched)
        elif self.pipeline.gone:
            result = Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}")
        elif watched.unasked:
            result = Result(rule.id, Verdict.ERROR, note=f"{watched.unasked}; requests of its own got no answer")
        elif not watched.judged:
            result = Result(rule.id, Verdict.NOT_OFFERED, note="the server gave no answer that this rule is about")
        else:
            result = Result(rule.id, upheld(rule.strength), observed="held")
        return result.with_(requests=watched.own, judged=watched.judged, judged_traffic=watched.ridden)

    async def _cleared(self, rule: AnswerRule, watched: Watched) -> str | None:
        """Why the smallest sighting proves nothing, or None."""
        sighting: Sighting = watched.smallest[0]
        body = sighting.request.body
        if rule.doubt is None or not is_object(body):
            return None
        request = prepare(replace(sighting.request, body=rule.doubt.ask(body)), self.pipeline.target)
        return rule.doubt.clears(await self.pipeline.ask(request, rule.id, URGENT), sighting.exchange)

    async def _proved(self, rule: AnswerRule, watched: Watched) -> Result:
        health = self.pipeline.health
        result = await health.undisturbed(lambda: self._prove(rule, watched))
        return result or Result(rule.id, Verdict.ERROR, note=health.why_not)

    async def _prove(self, rule: AnswerRule, watched: Watched) -> Result:
        """Ask the smallest sighting again: a violation that is not there every time is inconsistent, not forgotten."""
        sighting: Sighting = watched.smallest[0]
        request = sighting.request

        def judged(fresh: Exchange) -> tuple[Exchange, str] | None:
            if fresh.answer is None or fresh.answer.status in BUSY or fresh.trouble is not None:
                raise Unproved(describe(fresh))
            why = judge_answer(rule, fresh, Watched(marks=watched.marks))
            return (fresh, why) if why else None

        first = (sighting.exchange, sighting.why)
        crowd, refused = (None, None) if rule.timed else (self.crowd, self.kept[REFUSED_RULE])
        try:
            found = await request_again(
                self.pipeline,
                request,
                rule.id,
                first,
                judged,
                crowd=crowd,
                count=self.settings.in_flight,
                refused=refused,
                after=sighting.exchange.after,
            )
            apart = found.crowd or found.refused
            mostly = watched.seen * 2 > watched.judged and watched.judged > DOUBTED
            times = 1 if mostly or found.after else DOUBTED
            if rule.doubt is not None and (apart or not await self._settled(rule, request, judged, times, found.after)):
                note = f"{first[1]}, not every time: it cannot be told from an end that came by itself"
                return Result(rule.id, upheld(rule.strength), observed="held", note=note)
            if apart:
                exchange, why = found.seen[-1]
                seen_so = CrowdSighting(rule.id, why, rule.symptom, request, exchange, found.told, found.refused)
                note = self.kept[seen_so.bearer].note(seen_so, rule.strength)
                return Result(rule.id, upheld(rule.strength), observed="held alone", note=note)
            seen, asked = found.seen, found.asked
            if len(seen) == asked and not found.after:
                smaller, exchange, why = await self._shrunk(rule, request, *seen[-1])
                if smaller is not request:
                    request, seen, asked = smaller, [*seen, (exchange, why)], asked + 1
        except Unproved as reason:
            return Result(rule.id, Verdict.ERROR, note=f"seen once, could not be proved: {reason}")
        exchange, why = seen[-1]
        steps = (*found.after, request) if found.after else ()
        finding = Finding(
            symptom=rule.symptom,
            why=why + IN_SEQUEL if steps else why,
            request=request,
            exchange=exchange,
            curl=" ; ".join(curl(one, self.pipeline.target) for one in steps or (request,)),
            confirmed=f"{len(seen)}/{asked}",
            sightings=watched.seen,
            others=tuple(cut(other.content, 300) for other in watched.smallest[1:]),
            steps=steps,
        )
        # the tally is part of the evidence: what most answers break is not a matter of luck
        steady = len(seen) == asked or watched.seen * 2 > watched.judged
        return Result(rule.id, weighed(rule.strength, steady, self.settings.strict), finding=finding)

    async def _settled(
        self,
        rule: AnswerRule,
        request: Request,
        judged: Callable[[Exchange], tuple[Exchange, str] | None],
        times: int,
        before: Sequence[Request],
    ) -> bool:
        """Whether a violation of which there is doubt is there every time, and the doubt is not borne out by another
        answer: a model that draws its words, or takes its texts in turn, may have come to its end just there."""
        assert rule.doubt is not None
        again = None
        for _ in range(times):
            again = judged(await self.pipeline.ask_alone(request, rule.id, before))
            if again is None:
                return False
        if again is None or not is_object(request.body):
            return True
        ask = prepare(replace(request, body=rule.doubt.ask(request.body)), self.pipeline.target)
        return rule.doubt.clears(await self.pipeline.ask_alone(ask, rule.id), again[0]) is None

    async def _shrunk(
        self, rule: AnswerRule, request: Request, exchange: Exchange, why: str
    ) -> tuple[Request, Exchange, str]:
        """The request with features taken away while its answer still breaks the rule. Refused ones stay as they are:
        what is left of an invalid request may be wrong in another way."""
        if not is_object(request.body) or request.raw is not None or react(exchange) is not Reaction.ACCEPTED:
            return request, exchange, why
        left = SHRINK_BOUND
        smaller = True
        while smaller and left > 0:
            smaller = False
            for body in simpler(request.body):
                candidate = prepare(replace(request, body=body), self.pipeline.target)
                if left <= 0 or len(candidate.content) >= len(request.content):
                    continue
                left -= 1
                fresh = await self.pipeline.ask(candidate, rule.id, SEARCH)
                if fresh.answer is None or react(fresh) is not Reaction.ACCEPTED:
                    continue
                again = judge_answer(rule, fresh, Watched())
                if again:
                    request, exchange, why, smaller = candidate, fresh, again, True
                    break
        return request, exchange, why
