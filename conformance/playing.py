"""Scripts of relations are played: the requests that they yield are made, and their answers sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import clients
from .again import PUT_OFF, Unproved
from .budget import LATER, URGENT, Priority
from .depths import Settings
from .exchange import Answer, Body, Exchange, Request, Trouble, unaffordable
from .judge import Reaction, describe, react
from .model import Call, Fresh, Outcome, Relation, Step, Strength, Undecided, Unlocked
from .outgoing import prepare
from .pipeline import Pipeline
from .server_errors import ServerErrors
from .sightings import BUSY, Sightings, Watched, judge_answer
from .tallies import Ledger

CROWDS = "many"
"""The chapter of the rules that need many requests in flight."""

CLIENTS = "clients"
"""The chapter of the rules that ask with a client of others."""

Played = tuple[str | None, list[Exchange]]
"""What a comparison found wrong, or None, and the exchanges that it compared."""


@dataclass(frozen=True)
class Player:
    """What it takes to play the scripts of relations; ``errors`` is told what comparisons meet."""

    pipeline: Pipeline
    settings: Settings
    sightings: Sightings
    ledger: Ledger
    errors: ServerErrors

    async def play(
        self,
        rule: Relation,
        body: Body,
        *,
        again: bool = False,
        alone: bool = False,
        before: Sequence[Request] = (),
    ) -> Played:
        """Run the script once; with ``again`` every request is sent anew, and ``alone`` but for those that make a
        crowd, ``before`` in front of each."""
        script = rule.script(body)
        made: list[Exchange] = []
        step: Step = next(script)
        try:
            while True:
                reply: Any
                if isinstance(step, list) and alone and rule.chapter != CROWDS:
                    reply = [await self._ask(rule, one, again=again, alone=True, before=before) for one in step]
                    made += reply
                elif isinstance(step, list):
                    reply = list(await asyncio.gather(*(self._ask(rule, one, again=again) for one in step)))
                    made += reply
                elif isinstance(step, Call):
                    reply = await self._drive(rule, step, URGENT if again else LATER)
                    made += reply.exchanges
                else:
                    reply = await self._ask(rule, step, again=again, alone=alone, before=before)
                    made.append(reply)
                step = script.send(reply)
        except StopIteration as end:
            return end.value, made
        except Unlocked as reason:
            if self.settings.key != "required":
                raise
            return f"{reason}, and the profile {self.settings.profile} says that it wants one", made

    async def _drive(self, rule: Relation, call: Call, priority: Priority) -> Outcome:
        """What a real client makes of the endpoint; its requests count as this run's."""
        most = clients.most_requests(call)
        request = prepare(Request(body=call.body), self.pipeline.target)
        outcome = await self.pipeline.occupy(
            lambda: self._booked(call, request, most), rule.id, priority, request, most
        )
        if isinstance(outcome, Exchange):
            if unaffordable(outcome):
                raise Unproved(describe(outcome))
            raise Undecided(f"no client is started any more ({self.pipeline.gone})")
        for exchange in outcome.exchanges:
            self.pipeline.traffic.add(exchange)
        return clients.judged(outcome, self._broken_by)

    async def _booked(self, call: Call, request: Request, most: int) -> Outcome | Exchange:
        """What a client makes of it, all that it may send booked before, and given back what it did not send."""
        target = self.pipeline.target
        budget = target.budget
        if budget is None:
            return await clients.drive(call, target)
        if not budget.take(request, most):
            return Exchange(request, trouble=Trouble("budget", budget.spent), attempts=0)
        answers: list[Answer | None] = [None] * most
        try:
            outcome = await clients.drive(call, target)
            answers = [exchange.answer for exchange in outcome.exchanges]
            return outcome
        finally:
            for answer in answers:
                budget.settle(request, answer)
            for _ in range(most - len(answers)):
                budget.give_back(request)

    def _broken_by(self, exchange: Exchange) -> tuple[str, ...]:
        """The must rules about answers that an exchange breaks."""
        rules = [rule for rule in self.sightings.rules if rule.strength is Strength.MUST]
        return tuple(rule.id for rule in rules if judge_answer(rule, exchange, Watched()))

    async def _ask(
        self,
        rule: Relation,
        step: Request | Fresh,
        *,
        again: bool,
        alone: bool = False,
        before: Sequence[Request] = (),
    ) -> Exchange:
        request = step.request if isinstance(step, Fresh) else step
        if again and alone:
            exchange = await self.pipeline.ask_alone(request, rule.id, before)
        elif again or isinstance(step, Fresh):
            exchange = await self.pipeline.ask_again(request, rule.id, URGENT if again else LATER)
        else:
            exchange = await self.pipeline.ask(request, rule.id, LATER)
        if unaffordable(exchange):
            raise Unproved(describe(exchange))
        if exchange.answer is not None and exchange.answer.status in BUSY:
            raise Unproved(f"{PUT_OFF} ({describe(exchange)})")
        # quiet ones look for what others leave behind themselves, and what a client sends depends on the client
        if not again and not rule.quiet and rule.chapter != CLIENTS:
            self.errors.saw(exchange, rule)
        if react(exchange) in (Reaction.UNREACHED, Reaction.REDIRECTED):
            raise Undecided(f"no answer to compare ({describe(exchange)})")
        # what a server makes of an invalid request that it took is that rule's finding, and no other's
        if (
            react(exchange) is Reaction.REFUSED
            or exchange.status == 401
            or (rule.valid and react(exchange) is Reaction.ACCEPTED)
        ):
            with self.ledger.of(rule.id):
                self.sightings.observe(exchange, rule.id)
        return exchange
