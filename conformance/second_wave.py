"""Wave 2: rules about answers, concluded from the traffic so far, and relations between several requests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..strategies.simpler import simpler
from .budget import LATER, SEARCH, URGENT
from .endpoint import curl, prepare
from .judge import Reaction, describe, react
from .model import (
    AnswerRule,
    Body,
    Exchange,
    Finding,
    Fresh,
    Relation,
    Request,
    Result,
    Step,
    Strength,
    Undecided,
    Verdict,
    as_request,
)
from .pipeline import Pipeline
from .plan import Settings, relation_bodies
from .proof import Unproved, asked_again, unaffordable, weighed
from .record import cut
from .sightings import BUSY, Sighting, Sightings, Watched, judge_answer
from .tallies import Ledger

SHRINK_BOUND = 40
"""Requests that are spent on making the request of one sighting smaller."""

STEPS = 20
"""Compared requests that a record keeps."""

Played = tuple[str | None, list[Exchange]]
"""What a comparison found wrong, or None, and the exchanges that it compared."""


@dataclass(frozen=True)
class SecondWave:
    """What wave 2 needs of a run."""

    pipeline: Pipeline
    settings: Settings
    sightings: Sightings
    ledger: Ledger

    # --- answers -------------------------------------------------------------------------------------------------

    async def provide(self, rule: AnswerRule) -> None:
        """Send the requests of a rule about answers: smoke where the traffic holds no answer that it can judge, else
        all that the traffic does not hold, until one breaks the rule."""
        watched = self.sightings.of[rule.id]
        watched.ridden = watched.judged
        for pin in rule.pins:
            if watched.seen or (self.settings.depth == "smoke" and watched.judged):
                return
            if self.pipeline.judged_earlier(as_request(pin)):
                continue
            new = not self.pipeline.asked(as_request(pin))
            exchange = await self.pipeline.ask(as_request(pin), rule.id, LATER)
            if unaffordable(exchange):
                watched.unasked = describe(exchange)
                return
            watched.own += new
            if not await self.pipeline.health.since(exchange.finished):
                return
            if not self.pipeline.health.tainted(exchange):
                with self.ledger.of(rule.id):
                    self.sightings.hold(exchange, rule)

    async def answer(self, rule: AnswerRule) -> Result:
        """The verdict of a rule about answers, once all that they need were provided."""
        watched = self.sightings.of[rule.id]
        stands = next((name for name in rule.twin_of if self.sightings.of[name].seen), "")
        if watched.seen and stands:
            result = Result(rule.id, Verdict.BLOCKED, blocked_by=stands, note="the same fault, seen there as well")
        elif watched.seen:
            result = await self._proved(rule, watched)
        elif self.pipeline.gone:
            result = Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}")
        elif watched.unasked:
            result = Result(rule.id, Verdict.ERROR, note=f"{watched.unasked}; requests of its own were not asked")
        elif not watched.judged:
            result = Result(rule.id, Verdict.NOT_OFFERED, note="the server gave no answer that this rule is about")
        else:
            result = Result(rule.id, Verdict.INFO if rule.strength is Strength.MAY else Verdict.PASSED, observed="held")
        return result.with_(requests=watched.own, judged=watched.judged, judged_traffic=watched.ridden)

    async def _proved(self, rule: AnswerRule, watched: Watched) -> Result:
        health = self.pipeline.health
        result = await health.undisturbed(lambda: self._prove(rule, watched))
        return result or Result(rule.id, Verdict.ERROR, note=health.why_not)

    async def _prove(self, rule: AnswerRule, watched: Watched) -> Result:
        """Ask the smallest sighting again: a violation that is not there every time is inconsistent, not forgotten."""
        sighting: Sighting = watched.smallest[0]
        request = sighting.request

        async def again() -> tuple[Exchange, str] | None:
            fresh = await self.pipeline.ask_again(request, rule.id)
            if fresh.answer is None or fresh.answer.status in BUSY:
                raise Unproved(describe(fresh))
            why = judge_answer(rule, fresh, Watched())
            return (fresh, why) if why else None

        first = (sighting.exchange, sighting.why)
        try:
            seen, asked = await asked_again(first, again)
            if len(seen) == asked:
                smaller, *shown = await self._shrunk(rule, request, *seen[-1])
                if smaller is not request:
                    request, seen, asked = smaller, [*seen, (shown[0], shown[1])], asked + 1
        except Unproved as reason:
            return Result(rule.id, Verdict.ERROR, note=f"seen once, could not be proved: {reason}")
        exchange, why = seen[-1]
        finding = Finding(
            symptom=rule.symptom,
            why=why,
            request=request,
            exchange=exchange,
            curl=curl(request, self.pipeline.target),
            confirmed=f"{len(seen)}/{asked}",
            sightings=watched.seen,
            others=tuple(cut(other.content, 300) for other in watched.smallest[1:]),
        )
        # the tally is part of the evidence: what most answers break is not a matter of luck
        steady = len(seen) == asked or watched.seen * 2 > watched.judged
        return Result(rule.id, weighed(rule.strength, steady, self.settings.strict), finding=finding)

    async def _shrunk(
        self, rule: AnswerRule, request: Request, exchange: Exchange, why: str
    ) -> tuple[Request, Exchange, str]:
        """The request with features taken away while its answer still breaks the rule. Refused ones stay as they are:
        what is left of an invalid request may be wrong in another way."""
        if not isinstance(request.body, dict) or request.raw is not None or react(exchange) is not Reaction.ACCEPTED:
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

    # --- relations -----------------------------------------------------------------------------------------------

    async def relation(self, rule: Relation) -> Result:
        """The verdict of a relation: its script is run over its pins and drawn bodies, a violation once more."""
        bodies = await asyncio.to_thread(relation_bodies, rule, self.settings)
        held, undecided = 0, ""
        sent = 0
        for done, body in enumerate(bodies):
            try:
                seen, asked = await self._compared(rule, body)
            except Undecided as reason:
                undecided = str(reason)
                continue
            except Unproved as reason:
                missing = f"{len(bodies) - done} of {len(bodies)} comparisons were not made"
                return Result(rule.id, Verdict.ERROR, note=f"{reason}; {missing}", requests=sent)
            sent += sum(len(exchanges) for _, exchanges in seen)
            if self.pipeline.gone:
                break
            if asked:
                return self._broken(rule, seen, asked, sent)
            held += 1
        if self.pipeline.gone:
            return Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}", requests=sent)
        if not held:
            return Result(rule.id, Verdict.NOT_OFFERED, note=undecided or "nothing to compare", requests=sent)
        verdict = Verdict.INFO if rule.strength is Strength.MAY else Verdict.PASSED
        return Result(rule.id, verdict, observed="held", judged=held, requests=sent)

    async def _compared(self, rule: Relation, body: Body) -> tuple[list[Played], int]:
        """The times that a comparison was broken, and how often it was made; never from an ill server."""

        async def work() -> tuple[list[Played], int]:
            first = await self._play(rule, body, again=False)
            if first[0] is None:
                return [first], 0

            async def again() -> Played | None:
                try:
                    played = await self._play(rule, body, again=True)
                except Undecided:
                    return None  # seen once, and not seen again
                return played if played[0] is not None else None

            return await asked_again(first, again)

        health = self.pipeline.health
        found = await health.undisturbed(work, lambda value: value[1] == 0)
        if found is None:
            raise Undecided(f"the server was not itself ({self.pipeline.gone or 'it fell ill each time'})")
        return found

    def _broken(self, rule: Relation, seen: Sequence[Played], asked: int, sent: int) -> Result:
        why, exchanges = seen[-1]
        last = exchanges[-1]
        finding = Finding(
            symptom=rule.symptom,
            why=why or "",
            request=last.request,
            exchange=last,
            curl=" ; ".join(curl(exchange.request, self.pipeline.target) for exchange in exchanges[-3:]),
            confirmed=f"{len(seen)}/{asked}",
            others=tuple(cut(exchange.request.content, 300) for exchange in exchanges[:-1][:5]),
            steps=tuple(exchange.request for exchange in exchanges[:STEPS]),
        )
        steady = len(seen) == asked
        return Result(rule.id, weighed(rule.strength, steady, self.settings.strict), requests=sent, finding=finding)

    async def _play(self, rule: Relation, body: Body, *, again: bool) -> Played:
        """Run the script once; with ``again`` every request is sent anew."""
        script = rule.script(body)
        made: list[Exchange] = []
        step: Step = next(script)
        try:
            while True:
                reply: Any
                if isinstance(step, list):
                    reply = list(await asyncio.gather(*(self._ask(rule, one, again=again) for one in step)))
                    made += reply
                else:
                    reply = await self._ask(rule, step, again=again)
                    made.append(reply)
                step = script.send(reply)
        except StopIteration as end:
            return end.value, made

    async def _ask(self, rule: Relation, step: Request | Fresh, *, again: bool) -> Exchange:
        request = step.request if isinstance(step, Fresh) else step
        if again or isinstance(step, Fresh):
            exchange = await self.pipeline.ask_again(request, rule.id, URGENT if again else LATER)
        else:
            exchange = await self.pipeline.ask(request, rule.id, LATER)
        if unaffordable(exchange):
            raise Unproved(describe(exchange))
        busy = exchange.answer is not None and exchange.answer.status in BUSY
        if busy or react(exchange) in (Reaction.UNREACHED, Reaction.REDIRECTED):
            raise Undecided(f"no answer to compare ({describe(exchange)})")
        # what a server makes of an invalid request that it took is that rule's finding, and no other's
        if (
            react(exchange) is Reaction.REFUSED
            or exchange.status == 401
            or (rule.valid and react(exchange) is Reaction.ACCEPTED)
        ):
            with self.ledger.of(rule.id):
                self.sightings.observe(exchange)
        return exchange
