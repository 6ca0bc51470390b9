"""Wave 2: rules about answers, concluded from the traffic so far, and relations between several requests."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from .endpoint import curl
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
from .pipeline import URGENT, Pipeline
from .plan import Settings, draw, seed_of
from .proof import PROOFS, weighed
from .record import cut
from .sightings import BUSY, Sighting, Sightings, Watched, judge_answer

MOST_ROUNDS = 5
"""How often a comparison or a proof is made again because the server fell ill meanwhile."""

ENOUGH = 5
"""Answers that a rule must have judged before it sends requests of its own."""


@dataclass(frozen=True)
class SecondWave:
    """What wave 2 needs of a run."""

    pipeline: Pipeline
    settings: Settings
    sightings: Sightings

    # --- answers -------------------------------------------------------------------------------------------------

    async def answer(self, rule: AnswerRule) -> Result:
        """The verdict of a rule about answers."""
        watched = self.sightings.of[rule.id]
        sent = 0
        enough = 1 if self.settings.depth == "smoke" else ENOUGH
        if not watched.seen and watched.judged < enough:
            for pin in rule.pins:
                if watched.judged >= enough:
                    break
                exchange = await self.pipeline.ask(as_request(pin), rule.id, URGENT)
                sent += 1
                if not await self.pipeline.health.since(exchange.finished):
                    return Result(
                        rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}", requests=sent
                    )
                if not self.pipeline.health.tainted(exchange):
                    self.sightings.observe(exchange)
        if watched.seen:
            result = await self._proved(rule, watched)
        elif self.pipeline.gone:
            result = Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}")
        elif not watched.judged:
            result = Result(rule.id, Verdict.NOT_OFFERED, note="the server gave no answer that this rule is about")
        else:
            result = Result(rule.id, Verdict.INFO if rule.strength is Strength.MAY else Verdict.PASSED, observed="held")
        return result.with_(requests=sent, judged=watched.judged)

    async def _proved(self, rule: AnswerRule, watched: Watched) -> Result:
        health = self.pipeline.health
        for _ in range(MOST_ROUNDS):
            incidents = len(health.incidents)
            result = await self._prove(rule, watched)
            if self.pipeline.gone or len(health.incidents) == incidents:
                return result
        return Result(rule.id, Verdict.ERROR, note="no verdict possible: the server fell ill each time")

    async def _prove(self, rule: AnswerRule, watched: Watched) -> Result:
        """Ask the smallest sighting again: a violation that is not there every time is inconsistent, not forgotten."""
        sighting: Sighting = watched.smallest[0]
        exchange, why = sighting.exchange, sighting.why
        seen, asked = 1, 1
        while asked < 2 or (seen == 1 and asked <= PROOFS):
            fresh = await self.pipeline.ask_again(sighting.request, rule.id)
            if fresh.answer is None or fresh.answer.status in BUSY:
                return Result(rule.id, Verdict.ERROR, note=f"seen once, could not be proved: {describe(fresh)}")
            asked += 1
            again = judge_answer(rule, fresh, Watched())
            if again:
                seen, exchange, why = seen + 1, fresh, again
        if not await self.pipeline.health.since(time.monotonic()):
            return Result(rule.id, Verdict.ERROR, note=f"seen once, could not be proved: {self.pipeline.gone}")
        finding = Finding(
            symptom=rule.symptom,
            why=why,
            request=sighting.request,
            exchange=exchange,
            curl=curl(sighting.request, self.pipeline.target),
            confirmed=f"{seen}/{asked}",
            sightings=watched.seen,
            others=tuple(cut(other.content, 300) for other in watched.smallest[1:]),
        )
        # the tally is part of the evidence: what most answers break is not a matter of luck
        steady = seen == asked or watched.seen * 2 > watched.judged
        return Result(rule.id, weighed(rule.strength, steady, self.settings.strict), finding=finding)

    # --- relations -----------------------------------------------------------------------------------------------

    async def relation(self, rule: Relation) -> Result:
        """The verdict of a relation: its script is run over its pins and drawn bodies, a violation once more."""
        bodies: list[Body] = list(rule.pins[: 1 if self.settings.depth == "smoke" and rule.pins else None])
        count = self.settings.drawn if rule.pins else max(self.settings.drawn, 1)
        if rule.examples is not None and count:
            bodies += await asyncio.to_thread(draw, rule.examples, count, seed_of(self.settings.seed, rule.id))
        held, undecided = 0, ""
        sent = 0
        for body in bodies:
            try:
                why, exchanges, steady = await self._compared(rule, body)
            except Undecided as reason:
                undecided = str(reason)
                continue
            sent += len(exchanges)
            if self.pipeline.gone:
                break
            if why is not None:
                return self._broken(rule, why, exchanges, steady=steady, sent=sent)
            held += 1
        if self.pipeline.gone:
            return Result(rule.id, Verdict.ERROR, note=f"no verdict possible: {self.pipeline.gone}", requests=sent)
        if not held:
            return Result(rule.id, Verdict.NOT_OFFERED, note=undecided or "nothing to compare", requests=sent)
        verdict = Verdict.INFO if rule.strength is Strength.MAY else Verdict.PASSED
        return Result(rule.id, verdict, observed="held", judged=held, requests=sent)

    async def _compared(self, rule: Relation, body: Body) -> tuple[str | None, list[Exchange], bool]:
        """What is wrong, the exchanges that show it, and whether they show it again; never from an ill server."""
        health = self.pipeline.health
        for _ in range(MOST_ROUNDS):
            incidents = len(health.incidents)
            why, exchanges = await self._play(rule, body, again=False)
            if why is None:
                return None, exchanges, True
            second, proof = await self._play(rule, body, again=True)
            if not await health.since(time.monotonic()):
                break
            if len(health.incidents) == incidents:
                return second or why, proof if second else exchanges, second is not None
        raise Undecided(f"the server was not itself ({self.pipeline.gone or 'it fell ill each time'})")

    def _broken(self, rule: Relation, why: str, exchanges: list[Exchange], *, steady: bool, sent: int) -> Result:
        last = exchanges[-1]
        finding = Finding(
            symptom=rule.symptom,
            why=why,
            request=last.request,
            exchange=last,
            curl=" ; ".join(curl(exchange.request, self.pipeline.target) for exchange in exchanges[-3:]),
            confirmed="2/2" if steady else "1/2",
            others=tuple(cut(exchange.request.content, 300) for exchange in exchanges[:-1][:5]),
        )
        return Result(rule.id, weighed(rule.strength, steady, self.settings.strict), requests=sent, finding=finding)

    async def _play(self, rule: Relation, body: Body, *, again: bool) -> tuple[str | None, list[Exchange]]:
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
            exchange = await self.pipeline.ask_again(request, rule.id)
        else:
            exchange = await self.pipeline.ask(request, rule.id, URGENT)
        busy = exchange.answer is not None and exchange.answer.status in BUSY
        if busy or react(exchange) in (Reaction.UNREACHED, Reaction.REDIRECTED):
            raise Undecided(f"no answer to compare ({describe(exchange)})")
        if react(exchange) is Reaction.REFUSED:
            self.sightings.observe(exchange)
        return exchange
