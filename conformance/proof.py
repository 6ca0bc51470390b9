"""From the exchanges of one rule to its verdict: a violation is asked again, shrunk, held against a control first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from . import killers
from .again import (
    GRAVE,
    IN_SEQUEL,
    LEFT,
    LOST,
    PROOFS,
    Asked,
    Crowd,
    CrowdSighting,
    Unproved,
    request_again,
    settling,
    unproved_means,
)
from .bearers import CROWD_RULE, REFUSED_RULE, REPEAT_RULE, STEADY_RULE
from .blame import Blame
from .budget import SEARCH
from .by_chance import taken_by_chance
from .depths import Settings, drawn_count
from .exchange import Body, Exchange, Request, as_request, unaffordable
from .in_company import added_to, without_company
from .judge import Judgement, Kind, describe
from .model import Expect, RequestRule, Rule, Strength, Symptom
from .outgoing import curl, prepare
from .overlooked import Judged, Overlooked, in_words
from .parity import judge_as_asked
from .pipeline import Pipeline
from .plan import Case
from .record import cut
from .results import Finding, Result, Verdict, upheld, weighed
from .sharing import Shared
from .shrink import smallest

SHRINK_BOUND = 150
"""Requests that one shrinking search may send."""

SHRINK_SECONDS = 600.0
"""Seconds that it may take: where each request hangs, that is a few of them."""

Proof = tuple[Exchange, Judgement]
"""A violation that was seen, and what it is."""

MOST_BODIES = 3
"""Violating bodies of a rule that are tried before it is said that only a crowd breaks it."""


@dataclass(frozen=True)
class Prover:
    """What it takes to prove a violation: the pipeline, threads for shrinking, and the word to stop.

    ``kept`` holds what is broken only under some circumstance, by the rule that bears the blame, ``shared`` how failing
    bodies were drawn; ``bearer`` gives a rule that bears the blame for what others see, where it is asked, ``borne``
    whether what is left of a body when it cannot be made smaller is what other rules find as well. Without ``prove`` a
    violation is left to another process.
    """

    pipeline: Pipeline
    settings: Settings
    searchers: ThreadPoolExecutor
    cancelled: Event
    kept: Mapping[str, Crowd]
    shared: Shared | None
    prove: bool
    bearer: Callable[[str], Rule | None]
    borne: Callable[[RequestRule, Body], Awaitable[bool]]

    def _judge(self, rule: RequestRule, exchange: Exchange) -> Judgement:
        return judge_as_asked(rule, exchange, self.settings.parity)

    @property
    def _overlooked(self) -> Overlooked:
        return Overlooked(self.pipeline, self._judge, self._violates, self.kept, self.bearer)

    @property
    def _blame(self) -> Blame:
        return Blame(self.pipeline, self._tried, self._violates, self.bearer)

    async def conclude(self, rule: RequestRule, exchanges: Sequence[tuple[Case, Exchange]]) -> Result:
        """The verdict of a rule from the exchanges of all its cases."""
        judged = [(case, exchange, self._judge(rule, exchange)) for case, exchange in exchanges]
        for place, (case, _, judgement) in enumerate(judged):
            if judgement.symptom is Symptom.HUNG:  # a busy server is slow: a second one counts
                again = await self.pipeline.ask_again(case.request, rule.id)
                judged[place] = (case, again, self._judge(rule, again))
        by_kind = {kind: [row for row in judged if row[2].kind is kind] for kind in Kind}
        if by_kind[Kind.VIOLATED] and not self.prove:
            return Result(rule.id, Verdict.ERROR, note=LEFT)
        note = ""
        if violated := by_kind[Kind.VIOLATED]:
            try:
                with unproved_means("seen once, could not be proved"):
                    violated, note = await self._overlooked.apart(rule, violated)
                if violated:
                    return await self._prove(rule, violated)
            except Unproved as reason:
                return Result(rule.id, Verdict.ERROR, note=str(reason))
            judged = [row for row in judged if row[2].kind is not Kind.VIOLATED]
        if undecided := by_kind[Kind.UNDECIDED]:
            cut_off = [row for row in undecided if unaffordable(row[1])]
            if not cut_off:
                return Result(rule.id, Verdict.ERROR, note=undecided[0][2].why)
            missing = f"{len(cut_off)} of {len(judged)} bodies were not asked"
            return Result(rule.id, Verdict.ERROR, note=f"{cut_off[0][2].why}; {missing}")
        if not judged:
            return Result(rule.id, Verdict.NOT_OFFERED, note="the server offers too little to ask this")
        excused = by_kind[Kind.EXCUSED]
        if len(excused) == len(judged):
            return Result(rule.id, Verdict.NOT_OFFERED, note=excused[0][2].why)
        if excused:
            note = note or f"{len(excused)} of {len(judged)} not offered: {excused[0][2].why}"
        verdict = upheld(rule.strength)
        return Result(rule.id, verdict, observed=tally([row[2].observed for row in judged]), note=note)

    async def _prove(self, rule: RequestRule, violated: list[Judged]) -> Result:
        violated.sort(key=lambda row: row[2].symptom is not Symptom.KILLED_SERVER)  # the worst there is comes first
        result = None
        for row in violated[:MOST_BODIES]:
            result = await self._prove_one(rule, row, violated)
            if isinstance(result, Result):
                return result
        assert isinstance(result, CrowdSighting)
        verdict = upheld(rule.strength)
        note = self.kept[result.bearer].note(result, rule.strength)
        return Result(rule.id, verdict, observed="held" if result.rare else "held alone", note=note)

    async def _prove_one(self, rule: RequestRule, row: Judged, violated: Sequence[Judged]) -> Result | CrowdSighting:
        """The verdict that one violating body makes, or what was seen of it only with others in flight."""
        case, exchange, judgement = row
        request = case.request
        if self.kept[CROWD_RULE].known and judgement.symptom not in (Symptom.KILLED_SERVER, Symptom.HUNG):
            fresh = self._judge(rule, await self.pipeline.ask_among_few(request, rule.id))
            if fresh.kind not in (Kind.VIOLATED, Kind.UNDECIDED):  # one more of what fails in a crowd only
                return self._apart(rule, request, exchange, judgement, "1/2")
        if judgement.symptom is Symptom.KILLED_SERVER:
            if case.drawn and request.raw is None:
                exchange = await killers.smaller(
                    self.pipeline.health,
                    exchange,
                    lambda body: rule.property in body or rule.property not in request.body,
                )
                request = exchange.request
        elif rule.reduce is not None and request.raw is None:
            with unproved_means("seen once, could not be made smaller"):
                body, borne = await self._reduced(rule, case)
            request = as_request(body)
            if borne:
                note = f"by itself it fails as well: {cut(request.content, 300)}"
                return Result(rule.id, Verdict.BLOCKED, blocked_by="a simpler rule", note=note)
            await self._keep(rule, case)
        elif case.drawn and request.raw is None:
            request = await self._shrunk(rule, added_to(case)) or request

        asked = Asked([(exchange, judgement)], 1)
        if judgement.symptom is not Symptom.KILLED_SERVER:  # that was proved by killing it twice
            with unproved_means("seen once, could not be proved"):
                asked = await self._asked_again(rule, request, asked.seen[0])
        exchange, judgement = asked.seen[-1]
        lost = asked.after if judgement.symptom in LOST and self.kept[REFUSED_RULE].blamed else ()
        if asked.crowd or asked.refused or lost:
            refused = asked.refused or bool(lost)
            return self._apart(rule, request, exchange, judgement, asked.told, refused=refused, after=lost)
        if judgement.symptom is Symptom.HUNG and not asked.steady:
            note = f"{judgement.why}, {asked.told}: a server that is slow now and then breaks no rule"
            return Result(rule.id, upheld(rule.strength), observed="held", note=note)
        if await self._rare(rule, request, judgement, asked) or await self._by_chance(rule, request, judgement, asked):
            return replace(self._apart(rule, request, exchange, judgement, asked.told), rare=True)
        if asked.steady:
            with unproved_means("seen broken, could not be proved"):
                blamed, note = await self._blame.instead(rule, request, judgement)
            if blamed:
                return Result(rule.id, Verdict.BLOCKED, blocked_by=blamed, note=note)
        ready = prepare(request, self.pipeline.target)
        others = [other[0].request for other in violated if other is not row and other[0].request.key != request.key]
        steps = (*asked.after, ready) if asked.after else ()
        finding = Finding(
            symptom=judgement.symptom or Symptom.WRONG_CONTENT,
            why=judgement.why + in_words(case) + (IN_SEQUEL if steps else ""),
            request=ready,
            exchange=exchange,
            curl=" ; ".join(curl(one, self.pipeline.target) for one in steps or (ready,)),
            confirmed="2/2" if judgement.symptom is Symptom.KILLED_SERVER else asked.told,
            sightings=len(violated),
            others=tuple(cut(other.content, 300) for other in others[:5]),
            steps=steps,
        )
        return Result(rule.id, verdict_of(rule, finding, asked.steady, self.settings.strict), finding=finding)

    def _apart(
        self,
        rule: RequestRule,
        request: Request,
        exchange: Exchange,
        judgement: Judgement,
        confirmed: str,
        *,
        refused: bool = False,
        after: tuple[Request, ...] = (),
    ) -> CrowdSighting:
        """What was seen of a request only with others in flight, after a ``refused`` one, or right ``after`` some."""
        ready, symptom = prepare(request, self.pipeline.target), judgement.symptom or Symptom.WRONG_CONTENT
        return CrowdSighting(rule.id, judgement.why, symptom, ready, exchange, confirmed, refused, after)

    async def _asked_again(self, rule: RequestRule, request: Request, first: Proof) -> Asked[Proof]:
        """What comes of a request that was violated once. Raises Unproved where no answer can be judged."""

        def judged(fresh: Exchange) -> Proof | None:
            verdict = self._judge(rule, fresh)
            if verdict.kind is Kind.UNDECIDED:
                raise Unproved(verdict.why)
            return (fresh, verdict) if verdict.kind is Kind.VIOLATED else None

        symptom = first[1].symptom
        asked = await request_again(
            self.pipeline,
            request,
            rule.id,
            first,
            judged,
            before=settling(symptom),
            crowd=None if symptom is Symptom.HUNG else self.kept[CROWD_RULE],  # many may simply take their time
            count=self.settings.in_flight,
            refused=self.kept[REFUSED_RULE] if symptom in LOST else None,
            after=() if symptom is Symptom.HUNG else first[0].after,
        )
        if not await self.pipeline.health.since(time.monotonic()):
            raise Unproved(f"{self.pipeline.gone}")
        return asked

    async def _rare(self, rule: RequestRule, request: Request, judgement: Judgement, asked: Asked[Proof]) -> bool:
        """Whether a request fails now and then, which one rule bears: where others are known to do so, what was broken
        twice may have been by chance."""
        others = self.kept[STEADY_RULE]
        binding = rule.strength is Strength.MUST or self.settings.strict
        symptoms = (*GRAVE, *LOST) if binding else GRAVE
        if others.blamed is None or asked.after:
            return False
        if rule.risky and not others.known:  # they are asked when that rule has spoken
            return False
        if judgement.symptom is Symptom.KILLED_SERVER or judgement.symptom not in symptoms:
            return False
        if not asked.steady or not others.known:
            return not asked.steady
        return await self._holds_once(rule, request, judgement)

    async def _by_chance(self, rule: RequestRule, request: Request, judgement: Judgement, asked: Asked[Proof]) -> bool:
        """Whether an invalid request was accepted now and then, as those of other properties are: one fault of them
        all, which one rule bears. Where they are known to be, what was accepted twice may have been by chance."""
        kept = self.kept[REPEAT_RULE]
        if kept.blamed is None or judgement.symptom is not Symptom.ACCEPTED_INVALID:
            return False
        if asked.after or rule.risky or self.kept[CROWD_RULE].known:  # what is risky is asked when that rule has spoken
            return False
        if asked.steady and kept.taken is None:  # nothing was accepted by chance so far
            return False
        by_chance = await taken_by_chance(self.pipeline, kept, rule.id, rule.property)
        return by_chance and (not asked.steady or await self._holds_once(rule, request, judgement))

    async def _holds_once(self, rule: RequestRule, request: Request, judgement: Judgement) -> bool:
        """Whether a request that was broken each time holds in one of some more times."""
        for _ in range(PROOFS):
            fresh = await self.pipeline.ask_alone(request, rule.id, settling(judgement.symptom))
            if self._judge(rule, fresh).kind in (Kind.HELD, Kind.EXCUSED):
                return True
        return False

    async def _violates(self, rule: RequestRule, request: Request) -> bool:
        """Whether a candidate breaks the rule. Raises Unproved where it cannot be afforded."""
        if rule.expect is Expect.ACCEPT and self.settings.beyond(request.body):
            return False  # what the server documents not to take is no smaller example
        return (await self._tried(rule, request)).kind is Kind.VIOLATED

    async def _tried(self, rule: RequestRule, request: Request) -> Judgement:
        """What a rule says of a candidate. Raises Unproved where it cannot be afforded."""
        exchange = await self.pipeline.ask(request, rule.id, SEARCH)
        if unaffordable(exchange):
            raise Unproved(describe(exchange))
        return self._judge(rule, exchange)

    async def _reduced(self, rule: RequestRule, case: Case) -> tuple[Body, bool]:
        """The body with features dropped while it still fails, and whether what is left is another rule's finding."""
        assert rule.reduce is not None
        body = case.request.body
        while True:
            smaller = list(rule.reduce(body))
            for candidate in smaller:
                if await self._violates(rule, as_request(candidate)):
                    body = candidate
                    break
            else:
                break
        added = added_to(case)  # beside what was added the simpler rule has not asked
        alone = without_company(body, case)
        if await self._blame.of_speech(rule, body):
            return body, True
        simple = not smaller and (not added or await self._violates(rule, as_request(alone)))
        body = alone if simple else body
        if rule.fit is not None and (simple or rule.borrows):
            return body, await self.borne(rule, body)
        return body, simple

    async def _keep(self, rule: RequestRule, case: Case) -> None:
        """Keep a rich body as it was drawn: it is not made smaller by its strategy."""
        if self.shared and case.drawn and not case.kept:
            count = max(drawn_count(rule, self.settings), 1)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.searchers, self.shared.keep, rule, self.settings, case.order[-1], count)

    async def _shrunk(self, rule: RequestRule, beside: Body) -> Request | None:
        """The smallest drawn body that fails beside this company, or None where the search met no failure again."""
        left = SHRINK_BOUND
        known: dict[tuple[object, ...], bool] = {}
        loop = asyncio.get_running_loop()

        def fails(body: Any) -> bool | None:
            nonlocal left
            request = as_request({**body, **beside} if beside else body)
            if request.key not in known:
                if left <= 0 or self.cancelled.is_set():
                    return None
                began = time.monotonic()
                try:
                    known[request.key] = asyncio.run_coroutine_threadsafe(self._violates(rule, request), loop).result()
                except Unproved:
                    left = 0
                    return None
                left -= 1 + int(SHRINK_BOUND * (time.monotonic() - began) / SHRINK_SECONDS)
            return known[request.key]

        database = self.shared.of(rule.id) if self.shared else None
        body = await loop.run_in_executor(self.searchers, smallest, rule, self.settings, fails, database)
        return None if body is None else as_request({**body, **beside} if beside else body)


def verdict_of(rule: RequestRule, finding: Finding, steady: bool, strict: bool) -> Verdict:
    """What a violation makes of a rule."""
    if finding.symptom in GRAVE:
        return Verdict.FAILED if steady else Verdict.INCONSISTENT
    return weighed(rule.strength, steady, strict)


def tally(observed: Sequence[str]) -> str:
    """``accepted`` where all say so, else how many said what."""
    counts = {word: observed.count(word) for word in dict.fromkeys(observed)}
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{word} {count} of {len(observed)}" for word, count in counts.items())
