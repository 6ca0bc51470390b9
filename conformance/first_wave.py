"""Wave 1: the bodies of request rules, asked in the order of their value while later ones are still being drawn.

Bodies are drawn in a thread; everything else here runs in the loop. A rule is settled when its last answer is there and
the server was well after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from . import joint
from .bearers import COMBINED_RULE
from .depths import DEPTHS
from .exchange import Body, Exchange, as_request
from .in_company import LABEL, in_company, welcome
from .judge import Kind, Reaction, react
from .model import VENDOR, Expect, RequestRule, Strength
from .parity import judge_as_asked
from .pipeline import URGENT
from .plan import Case, example_cases, pin_cases
from .proof import Prover
from .results import Capability, Result, Verdict, faulted
from .sightings import Sightings
from .tallies import Ledger

MOST_ROUNDS = 10
"""How often the answers of a rule are asked again because the server fell ill."""


@dataclass
class Run:
    """One rule under way: its cases, and what was asked so far."""

    rule: RequestRule
    started: float
    settled: asyncio.Future[None]
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    cases: list[Case] = field(default_factory=list[Case])
    asked: list[tuple[Case, asyncio.Future[Exchange]]] = field(
        default_factory=list[tuple[Case, asyncio.Future[Exchange]]]
    )
    waits: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    """What has to come before it is known whether there are more cases."""
    left_out: str = ""
    fault: Exception | None = None


@dataclass(kw_only=True)
class FirstWave:
    """What it takes to ask request rules, beside what their ``prover`` has. ``capabilities`` are looked up when a body
    is asked; ``places`` are those of the rules in the catalogue. Results go to ``publish``, tasks to ``spawn``."""

    prover: Prover
    sightings: Sightings
    ledger: Ledger
    capabilities: Mapping[str, Capability]
    places: Mapping[str, int]
    vet_passes: bool
    drawer: ThreadPoolExecutor
    spawn: Callable[[Coroutine[Any, Any, None]], None]
    publish: Callable[[Result], None]
    guests: frozenset[str] | None = None
    """The features that keep invalid bodies company; None: all that the server takes."""
    _drawing: int = 0

    def __post_init__(self) -> None:
        self.pipeline = self.prover.pipeline
        self.settings = self.prover.settings
        self._loop = asyncio.get_running_loop()

    @property
    def offered(self) -> frozenset[str]:
        """The features that the server is known to offer."""
        return frozenset(name for name, found in self.capabilities.items() if found is Capability.OFFERED)

    @property
    def taken(self) -> frozenset[str]:
        """The same, and those that it ignores."""
        return self.offered | {name for name, found in self.capabilities.items() if found is Capability.IGNORED}

    async def welcome_guests(self) -> None:
        """Find out what company the server takes, before the first body that has some."""
        if self.guests is None:
            self.guests = await welcome(self.taken, self.settings.vintage, self._takes)

    async def _takes(self, body: Body) -> bool:
        exchange = await self.pipeline.ask(as_request(body), LABEL, URGENT)
        return react(exchange) is Reaction.ACCEPTED

    def begin(self, rules: Sequence[RequestRule]) -> list[Run]:
        """Queue the pins of these rules, and have their examples drawn. What has killed engines waits for ``risky``."""
        runs = [Run(rule, time.monotonic(), self._loop.create_future()) for rule in rules]
        for run in runs:
            run.cases = self._fitted(run, pin_cases(run.rule, self.places[run.rule.id], self.settings), drawn=False)
        safe = [run for run in runs if not run.rule.risky]
        if DEPTHS[self.settings.depth].jointly:
            self._ask_jointly(safe)
        else:
            for run in safe:
                self._ask(run, run.cases)
        if runs and not self.prover.cancelled.is_set():
            self._drawing += 1
            self.drawer.submit(self._draw, runs)
        return runs

    async def risky(self, runs: Sequence[Run]) -> None:
        """Ask what has killed engines, one request at a time."""
        for run in runs:
            await run.drawn.wait()
            for case in run.cases:
                self._ask(run, [case])
                await run.asked[-1][1]
            await self._settle(run)

    def _fitted(self, run: Run, cases: list[Case], *, drawn: bool) -> list[Case]:
        """The cases without the features that the server does not offer, and without those that leave too little or go
        beyond what it documents; some of those that must be refused in company of what it offers."""
        rule = run.rule
        if rule.expect is Expect.ACCEPT and self.settings.limits:
            beyond = [(case, self.settings.beyond(case.request.body)) for case in cases]
            cases = [case for case, why in beyond if not why]
            run.left_out = run.left_out or next((why for _, why in beyond if why), "")
        if rule.fit is not None:
            offered = self.offered
            bodies = [(case, rule.fit(case.request.body, offered)) for case in cases]
            cases = [replace(case, request=as_request(body)) for case, body in bodies if body is not None]
        return in_company(rule, cases, self.taken if self.guests is None else self.guests, self.settings, drawn=drawn)

    def _ask(self, run: Run, cases: list[Case]) -> None:
        asked = [(case, self.pipeline.ask(case.request, run.rule.id, case.order)) for case in cases]
        run.asked += asked
        if self.pipeline.target.budget:  # what is seen broken wants to be proved
            for _, future in asked:
                future.add_done_callback(lambda done: self._looked_at(run, done))

    def _looked_at(self, run: Run, done: asyncio.Future[Exchange]) -> None:
        budget = self.pipeline.target.budget
        if budget is None or done.cancelled() or run.settled.done():
            return
        if judge_as_asked(run.rule, done.result(), self.settings.parity).kind is Kind.VIOLATED:
            budget.broken.add(run.rule.id)

    def _ask_jointly(self, runs: Sequence[Run]) -> None:
        """Queue the pins of these rules, valid ones merged."""
        run_of = {run.rule.id: run for run in runs}
        for group in joint.groups(sorted((case for run in runs for case in run.cases), key=lambda case: case.order)):
            if len(group.cases) == 1:
                self._ask(run_of[group.cases[0].rule.id], group.cases)
                continue
            asked: list[tuple[Case, asyncio.Future[Exchange]]] = []
            for case in group.cases:
                asked.append((case, self._loop.create_future()))
                run_of[case.rule.id].asked.append(asked[-1])
                asked[-1][1].add_done_callback(lambda done, run=run_of[case.rule.id]: self._looked_at(run, done))
            combined = run_of.get(COMBINED_RULE)
            known: asyncio.Future[None] = self._loop.create_future()
            if combined:
                combined.waits.append(known)
            self.spawn(self._joined(group, asked, combined, known))

    async def _joined(
        self,
        group: joint.Group,
        asked: Sequence[tuple[Case, asyncio.Future[Exchange]]],
        combined: Run | None,
        known: asyncio.Future[None],
    ) -> None:
        """One exchange for all cases of a group where the server took it, else one for each. Where none of these
        explains the refusal, their combination is a case of the rule about those, which waits until that is known."""
        try:
            exchange = await self.pipeline.ask(joint.request_of(group), joint.LABEL, group.cases[0].order)
            if react(exchange) is Reaction.ACCEPTED and not self.pipeline.health.tainted(exchange):
                for _, future in asked:
                    future.set_result(exchange)
                return
            own = [self.pipeline.ask(case.request, case.rule.id, case.order) for case, _ in asked]
            for (_, future), mine in zip(asked, own, strict=True):
                future.set_result(await mine)
            taken = all(react(mine.result()) is Reaction.ACCEPTED for mine in own)
            if combined and taken and (body := joint.combination(group)):
                self._ask(combined, [Case(combined.rule, as_request(body), False, group.cases[0].order)])
        except Exception as error:  # a fault of ours is told by each rule
            for future in (future for _, future in asked if not future.done()):
                future.set_exception(error)
        finally:
            if not known.done():
                known.set_result(None)

    def _draw(self, runs: list[Run]) -> None:
        """In the drawing thread: the examples of each rule, strongest rules first, handed to the loop as they come."""
        try:
            self._draw_each(runs)
        finally:
            self._loop.call_soon_threadsafe(self._drew)

    def _drew(self) -> None:
        self._drawing -= 1
        self.pipeline.health.stir()

    def _draw_each(self, runs: list[Run]) -> None:
        order = list(Strength)
        runs = sorted(runs, key=lambda run: (run.rule.risky, order.index(run.rule.strength), self.places[run.rule.id]))
        for run in runs:
            if self.prover.cancelled.is_set():
                return
            cases: list[Case] = []
            try:
                place, shared = self.places[run.rule.id], self.prover.shared
                kept = shared.cases(run.rule, place, self.settings) if shared else []
                cases = [*kept, *example_cases(run.rule, place, self.settings)]
                if run.rule.id.startswith(VENDOR):
                    for case in cases:
                        _ = case.request.content  # raises where what others draw is no body at all
            except Exception as error:
                cases, run.fault = [], error
            if not run.rule.risky:
                self._loop.call_soon_threadsafe(self._complete, run, cases)
            else:
                run.cases += self._fitted(run, cases, drawn=True)
        for run in runs:
            if run.rule.risky:
                self._loop.call_soon_threadsafe(run.drawn.set)

    def _complete(self, run: Run, cases: list[Case]) -> None:
        self._ask(run, self._fitted(run, cases, drawn=True))
        self.spawn(self._settle(run))

    async def _settle(self, run: Run) -> None:
        rule = run.rule
        try:
            if run.fault:
                raise run.fault
            result = await self._verdict(run)
        except Exception as error:  # a fault of ours must not hang the run
            result = faulted(rule.id, error)
        seconds = time.monotonic() - run.started
        self.publish(replace(result, requests=len(run.asked), seconds=seconds))
        run.asked.clear()  # a long run does not keep what nobody asks for any more
        run.cases.clear()
        run.settled.set_result(None)

    async def _verdict(self, run: Run) -> Result:
        """Conclude from answers of a server that was well: what was said in an illness is asked again."""
        rule, health = run.rule, self.pipeline.health
        for known in run.waits:
            await known
        for _ in range(MOST_ROUNDS):
            exchanges = [(case, await future) for case, future in run.asked]
            last = max((exchange.finished for _, exchange in exchanges), default=0.0)
            if self.vet_passes:
                await health.traffic_since(last, lambda: self._drawing > 0)
                killed = any(one.trouble and one.trouble.kind == "killed" for _, one in exchanges)
                if not await health.since(last) and not killed:  # what has killed it twice is proved
                    break
            void = {id(case) for case, exchange in exchanges if health.tainted(exchange, rule.id)}
            if void:
                kept = [row for row in run.asked if id(row[0]) not in void]
                again = [case for case, _ in run.asked if id(case) in void]
                run.asked = kept
                self._ask(run, again)
                continue
            with self.ledger.of(rule.id):
                for case, exchange in exchanges:
                    # what a server makes of an invalid request that it took is that rule's finding, and no other's;
                    # a refusal in company may speak of the company
                    if rule.expect is Expect.ACCEPT or (react(exchange) is Reaction.REFUSED and not case.alone):
                        self.sightings.observe(exchange, rule.id)
            incidents = len(health.incidents)
            result = await self.prover.conclude(rule, exchanges)
            if len(health.incidents) == incidents:
                await self._forget(rule, exchanges)
                return result.with_(note=run.left_out) if run.left_out and not exchanges else result
        return Result(rule.id, Verdict.ERROR, note=health.why_not)

    async def _forget(self, rule: RequestRule, exchanges: Sequence[tuple[Case, Exchange]]) -> None:
        """Drop from the example database what fails no longer."""
        parity = self.settings.parity
        held = [
            case.kept
            for case, exchange in exchanges
            if case.kept and judge_as_asked(rule, exchange, parity).kind is Kind.HELD
        ]
        shared = self.prover.shared
        if held and shared:
            await self._loop.run_in_executor(self.prover.searchers, shared.forget, rule.id, held)
