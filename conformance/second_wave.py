"""Wave 2: crowds, the other relations, the rules about answers, and last those that bear what others have seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from .answers import Answers
from .bearers import REPEAT_RULE, STEADY_RULE
from .model import AnswerRule, Relation
from .playing import CROWDS
from .relations import Relations
from .results import Result, Verdict, faulted
from .shards import Share


@dataclass(frozen=True)
class SecondWave:
    """What wave 2 needs. Of the rules about answers only those of ``share`` (None: all) send requests of their own."""

    relations: Relations
    answers: Answers
    share: Share | None
    publish: Callable[[Result], None]

    async def run(self, rules: Sequence[AnswerRule | Relation]) -> None:
        """Conclude these rules, once wave 1 is over."""
        relations = [rule for rule in rules if isinstance(rule, Relation)]
        answers = [rule for rule in rules if isinstance(rule, AnswerRule)]
        takes = [rule for rule in relations if self.relations.bears(rule)]  # what the others saw
        crowds = [rule for rule in relations if rule.chapter == CROWDS and rule not in takes]
        last = [rule for rule in relations if rule.quiet and rule not in takes and rule not in crowds]
        # which the others may add to, and the first of the two to the second
        last += sorted(takes, key=lambda rule: (rule.id == STEADY_RULE, rule.id == REPEAT_RULE))
        first = [rule for rule in relations if rule not in last and rule not in crowds]
        held: list[tuple[Relation, Result]] = []  # one of them may have to bear what others see
        for rule in crowds:  # what they find explains what others see
            result = await self._concluded(rule, self.relations.conclude(rule))
            if result.verdict is Verdict.PASSED:
                held.append((rule, result))
            else:
                self.publish(result)
        at_once: list[Result] = []
        with suppress(Exception):  # a fault of ours comes up again when each is concluded by itself
            at_once = await self.relations.held_at_once(first)
        for result in at_once:
            first = [rule for rule in first if rule.id != result.rule]
            self.publish(result)
        await asyncio.gather(*(self._conclude(rule, self.relations.conclude(rule)) for rule in first))
        own = [rule for rule in answers if self.share is None or self.share.owns(rule.id)]
        for watched in (self.answers.sightings.of[rule.id] for rule in answers if rule not in own):
            watched.ridden = watched.judged
        await asyncio.gather(*(self._provided(rule) for rule in own))
        await asyncio.gather(*(self._conclude(rule, self.answers.conclude(rule)) for rule in answers))
        for rule, result in held:
            self.publish(self._moved(rule, result, [rule for rule, _ in held]))
        for rule in last:
            await self._conclude(rule, self.relations.conclude(rule))

    def _moved(self, rule: Relation, result: Result, held: list[Relation]) -> Result:
        try:
            return self.relations.moved_to(result) if self.relations.seen_by(held) is rule else result
        except Exception as error:  # a fault of ours must not hang the run
            return faulted(rule.id, error)

    async def _provided(self, rule: AnswerRule) -> None:
        with suppress(Exception):  # a fault of ours comes up again when the rule is concluded
            await self.answers.provide(rule)

    async def _conclude(self, rule: AnswerRule | Relation, work: Coroutine[Any, Any, Result]) -> None:
        self.publish(await self._concluded(rule, work))

    async def _concluded(self, rule: AnswerRule | Relation, work: Coroutine[Any, Any, Result]) -> Result:
        started = time.monotonic()
        try:
            result = await work
        except Exception as error:  # a fault of ours must not hang the run
            result = faulted(rule.id, error)
        if isinstance(rule, Relation) and result.finding:
            self.answers.sightings.compared.add(rule.id)
        return replace(result, seconds=time.monotonic() - started)
