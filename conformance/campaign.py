"""Runs rules against an endpoint: gates first, then all cases through one pipeline, and a verdict for each rule.

The campaign lives in a background thread with its own event loop; ``submit`` and ``result`` may be called from any
other thread. Bodies are drawn in a second thread while the first ones are already on their way. Requests that have
killed engines come last and one at a time, so that a server that dies of one takes no other verdict with it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from . import joint
from .again import Crowd
from .catalogue import Catalogue
from .endpoint import Target
from .gating import GateReport, ask_gates, bounded
from .health import Revive
from .judge import Reaction, react
from .model import (
    AnswerRule,
    Capability,
    Exchange,
    Expect,
    Gate,
    Relation,
    RequestRule,
    Result,
    Strength,
    Verdict,
    as_request,
)
from .pipeline import Pipeline
from .plan import DEPTHS, Case, Settings, disposition, example_cases, pin_cases, places
from .proof import Prover
from .record import cut
from .second_wave import SecondWave
from .sightings import Sightings
from .traffic import Traffic

MOST_ROUNDS = 10
"""How often the answers of a rule are asked again because the server fell ill."""

CROWD_RULE = "many.refusals"
"""The rule that bears the blame for what is broken only with many requests in flight."""

SEARCHES = 3
"""Shrinking searches that run side by side."""


@dataclass
class Run:
    """One rule under way: its cases, and what was asked so far."""

    rule: RequestRule
    started: float
    settled: asyncio.Future[None]
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    cases: list[Case] = field(default_factory=list)
    asked: list[tuple[Case, asyncio.Future[Exchange]]] = field(default_factory=list)
    fault: Exception | None = None


class Campaign:
    """One run against one target.

    ``capabilities`` are those known from elsewhere. With ``vet_passes`` no verdict is given before
    the server was seen to be well after its last answer; without, only findings wait for that. ``revive`` restarts a
    server that has died.
    """

    def __init__(
        self,
        target: Target,
        catalogue: Catalogue,
        settings: Settings,
        *,
        capabilities: Mapping[str, Capability] | None = None,
        vet_passes: bool = True,
        revive: Revive | None = None,
        on_result: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.target = target
        self.catalogue = catalogue
        self.settings = settings
        self.capabilities = dict(capabilities or {})
        self._declined: set[str] = set()
        self.vet_passes = vet_passes
        self.gone: str | None = None
        self.suspects: list[str] = []
        self.incidents: list[str] = []
        self.traffic = Traffic()
        self._revive = revive
        self._on_result = on_result
        self._results: dict[str, Future[Result]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._pipeline: Pipeline
        self._prover: Prover
        self._wave: SecondWave
        self._sightings = Sightings(catalogue.answers)
        self._crowd = Crowd()
        self._stop: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = places(catalogue)
        self._ready: Future[None] = Future()
        self._drawer = ThreadPoolExecutor(1, "chatproof-draw")
        self._searchers = ThreadPoolExecutor(SEARCHES, "chatproof-shrink")
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._main, name="chatproof-campaign", daemon=True)

    # --- from other threads --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start the background thread. Blocks until it runs."""
        self._thread.start()
        self._ready.result()

    def ask_gates(self, gates: Sequence[Gate]) -> list[Result]:
        """Find out what the server offers. Blocks until it is known."""
        report = asyncio.run_coroutine_threadsafe(self._gate(gates), self._loop).result()
        self.capabilities |= report.capabilities
        not_offered = {result.rule for result in report.results if result.verdict is Verdict.NOT_OFFERED}
        self._declined = {gate.capability for gate in gates if gate.id in not_offered}
        return report.results

    async def _gate(self, gates: Sequence[Gate]) -> GateReport:
        report = await ask_gates(self._pipeline, gates, strict=self.settings.strict)
        for gate in gates:
            exchange = self._pipeline.known(as_request(bounded(gate, self.target)))
            if exchange and react(exchange) is Reaction.ACCEPTED and not self._pipeline.health.tainted(exchange):
                self._sightings.observe(exchange)
        return report

    def submit(self, rules: Sequence[RequestRule | AnswerRule | Relation]) -> None:
        """Queue rules. Their verdicts come in their own time."""
        for rule in rules:
            self._results[rule.id] = Future()
        self._loop.call_soon_threadsafe(self._begin, list(rules))

    def result(self, rule_id: str) -> Result:
        """The verdict of a submitted rule; blocks until it is there."""
        return self._results[rule_id].result()

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return self.traffic.requests

    def close(self) -> None:
        """Drop what waits, let what flies land, stop the threads."""
        self._cancelled.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(self.target.bounds.total + 10)
        self._drawer.shutdown(
            wait=True, cancel_futures=True
        )  # at most one rule's drawing; the interpreter would wait as well
        self._searchers.shutdown(wait=False, cancel_futures=True)

    def _main(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            for future in (self._ready, *self._results.values()):
                if not future.done():
                    future.set_exception(error)

    # --- in the loop ---------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Pipeline(self.target, self.settings.in_flight, revive=self._revive) as self._pipeline:
            self.traffic = self._pipeline.traffic
            self._wave = SecondWave(self._pipeline, self.settings, self._sightings, self._crowd)
            self._prover = Prover(self._pipeline, self.settings, self._searchers, self._cancelled, self._crowd)
            self._ready.set_result(None)
            await self._stop.wait()
            self.gone = self._pipeline.gone
            self.incidents = [row.what for row in self._pipeline.health.incidents]
            suspects = self._pipeline.health.suspects
            self.suspects = [f"{job.label}: {cut(job.request.content, 200)}" for job in suspects]
            self._pipeline.give_up("the run was stopped")
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begin(self, rules: list[RequestRule | AnswerRule | Relation]) -> None:
        """Settle what the gates decide, queue the pins of the rest, have their examples drawn."""
        runs: list[Run] = []
        later: list[AnswerRule | Relation] = []
        for rule in rules:
            if self._pipeline.gone:  # what the gates could not find out says nothing about a rule
                self._publish(Result(rule.id, Verdict.ERROR, note=f"not asked: {self._pipeline.gone}"))
                continue
            decided = disposition(rule, self.catalogue.gates, self.capabilities, self.settings.safe, self._declined)
            if decided:
                self._publish(decided)
                continue
            if not isinstance(rule, RequestRule):
                later.append(rule)
                if rule.id == CROWD_RULE and self.settings.in_flight > 1:
                    self._crowd.blamed = rule.id
                continue
            run = Run(rule, time.monotonic(), self._loop.create_future())
            run.cases = self._fitted(rule, pin_cases(rule, self._places[rule.id], self.settings))
            runs.append(run)
        safe = [run for run in runs if not run.rule.risky]
        if DEPTHS[self.settings.depth].jointly:
            self._ask_jointly(safe)
        else:
            for run in safe:
                self._ask(run, run.cases)
        if runs and not self._cancelled.is_set():
            self._drawer.submit(self._draw, runs)
        self._spawn(self._second(later, safe, [run for run in runs if run.rule.risky]))

    def _fitted(self, rule: RequestRule, cases: list[Case]) -> list[Case]:
        """The cases without the features that the server does not offer, and without those that leave too little."""
        if rule.fit is None:
            return cases
        found = self.capabilities.items()
        offered = frozenset(name for name, capability in found if capability is Capability.OFFERED)
        bodies = [(case, rule.fit(case.request.body, offered)) for case in cases]
        return [replace(case, request=as_request(body)) for case, body in bodies if body is not None]

    def _ask(self, run: Run, cases: list[Case]) -> None:
        run.asked += [(case, self._pipeline.ask(case.request, run.rule.id, case.order)) for case in cases]

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
            self._spawn(self._joined(group, asked))

    async def _joined(self, group: joint.Group, asked: Sequence[tuple[Case, asyncio.Future[Exchange]]]) -> None:
        """One exchange for all cases of a group where the server took it, else one for each."""
        exchange = await self._pipeline.ask(joint.request_of(group), joint.LABEL, group.cases[0].order)
        whole = react(exchange) is Reaction.ACCEPTED and not self._pipeline.health.tainted(exchange)
        own = [] if whole else [self._pipeline.ask(case.request, case.rule.id, case.order) for case, _ in asked]
        for place, (_, future) in enumerate(asked):
            future.set_result(exchange if whole else await own[place])

    def _draw(self, runs: list[Run]) -> None:
        """In the drawing thread: the examples of each rule, strongest rules first, handed to the loop as they come."""
        order = list(Strength)
        runs = sorted(runs, key=lambda run: (run.rule.risky, order.index(run.rule.strength), self._places[run.rule.id]))
        for run in runs:
            if self._cancelled.is_set():
                return
            cases: list[Case] = []
            try:
                cases = example_cases(run.rule, self._places[run.rule.id], self.settings)
            except Exception as error:
                run.fault = error
            if not run.rule.risky:
                self._loop.call_soon_threadsafe(self._complete, run, cases)
            else:
                run.cases += self._fitted(run.rule, cases)
        for run in runs:
            if run.rule.risky:
                self._loop.call_soon_threadsafe(run.drawn.set)

    def _complete(self, run: Run, cases: list[Case]) -> None:
        self._ask(run, self._fitted(run.rule, cases))
        self._spawn(self._settle(run))

    async def _second(self, later: list[AnswerRule | Relation], others: list[Run], risky: list[Run]) -> None:
        """After wave 1: relations, the rules about answers, then what has killed engines, one request at a time."""
        await asyncio.gather(*(run.settled for run in others))
        relations = [rule for rule in later if isinstance(rule, Relation)]
        answers = [rule for rule in later if isinstance(rule, AnswerRule)]
        last = [rule for rule in relations if rule.id == self._crowd.blamed]  # it takes what the others saw
        first = [rule for rule in relations if rule not in last]
        await asyncio.gather(*(self._conclude(rule, self._wave.relation(rule)) for rule in first))
        await asyncio.gather(*(self._provided(rule) for rule in answers))
        await asyncio.gather(*(self._conclude(rule, self._wave.answer(rule)) for rule in answers))
        await asyncio.gather(*(self._conclude(rule, self._wave.relation(rule)) for rule in last))
        for run in risky:
            await run.drawn.wait()
            for case in run.cases:
                self._ask(run, [case])
                await run.asked[-1][1]
            await self._settle(run)

    async def _provided(self, rule: AnswerRule) -> None:
        with suppress(Exception):  # a fault of ours comes up again when the rule is concluded
            await self._wave.provide(rule)

    async def _conclude(self, rule: AnswerRule | Relation, work: Coroutine[Any, Any, Result]) -> None:
        started = time.monotonic()
        try:
            result = await work
        except Exception as error:  # a fault of ours must not hang the run
            result = Result(rule.id, Verdict.ERROR, note=f"internal error: {type(error).__name__}: {error}")
        self._publish(replace(result, seconds=time.monotonic() - started))

    async def _settle(self, run: Run) -> None:
        rule = run.rule
        try:
            if run.fault:
                raise run.fault
            result = await self._verdict(run)
        except Exception as error:  # a fault of ours must not hang the run
            result = Result(rule.id, Verdict.ERROR, note=f"internal error: {type(error).__name__}: {error}")
        seconds = time.monotonic() - run.started
        self._publish(replace(result, requests=len(run.asked), seconds=seconds))
        run.settled.set_result(None)

    async def _verdict(self, run: Run) -> Result:
        """Conclude from answers of a server that was well: what was said in an illness is asked again."""
        rule, health = run.rule, self._pipeline.health
        for _ in range(MOST_ROUNDS):
            exchanges = [(case, await future) for case, future in run.asked]
            last = max((exchange.finished for _, exchange in exchanges), default=0.0)
            if self.vet_passes and not await health.since(last):
                break
            void = {id(case) for case, exchange in exchanges if health.tainted(exchange, rule.id)}
            if void:
                kept = [row for row in run.asked if id(row[0]) not in void]
                again = [case for case, _ in run.asked if id(case) in void]
                run.asked = kept
                self._ask(run, again)
                continue
            for _, exchange in exchanges:
                # what a server makes of an invalid request that it took is that rule's finding, and no other's
                if rule.expect is Expect.ACCEPT or react(exchange) is Reaction.REFUSED:
                    self._sightings.observe(exchange)
            incidents = len(health.incidents)
            result = await self._prover.conclude(rule, exchanges)
            if len(health.incidents) == incidents:
                return result
        return Result(rule.id, Verdict.ERROR, note=health.why_not)

    def _publish(self, result: Result) -> None:
        future = self._results[result.rule]
        if not future.done():
            self._on_result(result)
            future.set_result(result)
