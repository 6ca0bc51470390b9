"""Runs rules against an endpoint: gates first, then all cases through one pipeline, and a verdict for each rule.

The campaign lives in a background thread with its own event loop; ``submit`` and ``result`` may be called from any
other thread. Bodies are drawn in a second thread while the first ones are already on their way. Requests that have
killed engines come last and one at a time, so that a server that dies of one takes no other verdict with it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from . import joint
from .again import CROWD_RULE, Crowd
from .budget import NOTE
from .catalogue import Catalogue
from .exchange import Exchange, as_request
from .gating import GateReport, ask_gates, bounded
from .health import Revive
from .judge import Kind, Reaction, react
from .model import VENDOR, AnswerRule, Expect, Gate, Relation, RequestRule, Strength
from .outgoing import prepare
from .pace import Pace
from .parity import judge_as_asked
from .pipeline import Pipeline
from .plan import DEPTHS, Case, Settings, disposition, example_cases, joinable, pin_cases, places, steps_of
from .proof import Prover
from .record import cut
from .results import Capability, Result, Verdict
from .second_wave import SecondWave
from .shards import Share
from .sharing import Shared
from .sightings import Sightings
from .tallies import Ledger, restore
from .target import Target
from .traffic import Traffic

MOST_ROUNDS = 10
"""How often the answers of a rule are asked again because the server fell ill."""

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
    left_out: str = ""
    fault: Exception | None = None


class Campaign:
    """One run against one target.

    ``capabilities``, and ids of ``declined`` gates, are those known from elsewhere. With ``vet_passes`` no verdict is
    given before the server was seen to be well after its last answer; without, only findings wait for that. ``revive``
    restarts a server that has died. ``share``: of the rules about answers only those of that share send requests of
    their own. ``shared`` holds bodies that have failed before. Without ``prove`` a violation is left to another
    process, which asks the rule anew: with others at work nothing is asked alone.
    """

    def __init__(
        self,
        target: Target,
        catalogue: Catalogue,
        settings: Settings,
        *,
        capabilities: Mapping[str, Capability] | None = None,
        declined: Iterable[str] = (),
        vet_passes: bool = True,
        revive: Revive | None = None,
        pace: Pace | None = None,
        share: Share | None = None,
        shared: Shared | None = None,
        prove: bool = True,
        on_result: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.target = target
        self.catalogue = catalogue
        self.settings = settings
        self.capabilities = dict(capabilities or {})
        self.declined = set(declined)
        self.vet_passes = vet_passes
        self.gone: str | None = None
        self.suspects: list[str] = []
        self.incidents: list[str] = []
        self.unexplained = 0
        self.traffic = Traffic()
        self._revive = revive
        self._pace = pace
        self._share = share
        self._shared = shared
        self._on_result = on_result
        self._results: dict[str, Future[Result]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._pipeline: Pipeline
        self._prover: Prover
        self._wave: SecondWave
        self._sightings = Sightings(catalogue.answers)
        self._ledger = Ledger(self._sightings)
        self._finished: list[Mapping[str, Any]] = []
        self._crowd = Crowd()
        self._prove = prove
        self._stop: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        self._drawing = 0
        self._places = places(catalogue)
        self._ready: Future[None] = Future()
        self._drawer = ThreadPoolExecutor(1, "chatproof-draw")
        self._searchers = ThreadPoolExecutor(SEARCHES, "chatproof-shrink")
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._main, name="chatproof-campaign", daemon=True)

    # --- from other threads --------------------------------------------------------------------------------------

    def carry(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take over what an earlier part of the run has found: result lines. Only before ``submit``."""
        lines = list(lines)
        restore(self._sightings, self._crowd, lines)
        self._finished += lines

    def open(self) -> None:
        """Start the background thread. Blocks until it runs."""
        self._thread.start()
        self._ready.result()

    def ask_gates(self, gates: Sequence[Gate]) -> list[Result]:
        """Find out what the server offers. Blocks until it is known."""
        report = asyncio.run_coroutine_threadsafe(self._gate(gates), self._loop).result()
        self.capabilities |= report.capabilities
        self.declined |= {result.rule for result in report.results if result.verdict is Verdict.NOT_OFFERED}
        return report.results

    async def _gate(self, gates: Sequence[Gate]) -> GateReport:
        report = await ask_gates(self._pipeline, gates, self.settings)
        cut_off = next((row.note for row in report.results if row.verdict is Verdict.ERROR and NOTE in row.note), "")
        if cut_off:  # what a server offers is not known, so nothing can be asked
            self._pipeline.give_up(_said_first(cut_off))
        for gate in gates:
            exchange = self._pipeline.known(bounded(gate, self.target))
            if exchange and react(exchange) is Reaction.ACCEPTED and not self._pipeline.health.tainted(exchange):
                with self._ledger.of(gate.id):
                    self._sightings.observe(exchange)
        report.results = [row.with_(tally=self._ledger.take(row.rule, self._crowd)) for row in report.results]
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

    @property
    def in_flight(self) -> int:
        """Requests that wait for their answer now."""
        return self._pipeline.flying if self._ready.done() else 0

    @property
    def waiting(self) -> bool:
        """Whether nothing is sent because the server is away or ill."""
        return self._ready.done() and self._pipeline.paused

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
        lanes = self.settings.in_flight
        async with Pipeline(self.target, lanes, revive=self._revive, pace=self._pace) as self._pipeline:
            self.traffic = self._pipeline.traffic
            self._wave = SecondWave(
                self._pipeline, self.settings, self._sightings, self._crowd, self._ledger, self._prove
            )
            self._prover = Prover(
                self._pipeline,
                self.settings,
                self._searchers,
                self._cancelled,
                self._crowd,
                shared=self._shared,
                prove=self._prove,
            )
            self._ready.set_result(None)
            await self._stop.wait()
            self.gone = self._pipeline.gone
            health = self._pipeline.health
            self.incidents = [row.what for row in health.incidents]
            crowds_told = CROWD_RULE in self._results
            self.unexplained = sum(row.killer is None and not (row.crowd and crowds_told) for row in health.incidents)
            suspects = self._pipeline.health.suspects
            self.suspects = [f"{job.label}: {cut(job.request.content, 600)}" for job in suspects]
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
        self._pipeline.earlier = self._asked_earlier()
        runs: list[Run] = []
        later: list[AnswerRule | Relation] = []
        for rule in rules:
            if self._pipeline.gone:  # what the gates could not find out says nothing about a rule
                self._publish(Result(rule.id, Verdict.ERROR, note=f"not asked: {self._pipeline.gone}"))
                continue
            chosen = self.settings
            decided = disposition(
                rule, self.catalogue.gates, self.capabilities, chosen.safe, self.declined, chosen.claims
            )
            if decided:
                self._publish(decided)
                continue
            if not isinstance(rule, RequestRule):
                later.append(rule)
                if rule.id == CROWD_RULE and self.settings.in_flight > 1:
                    self._crowd.blamed = rule.id
                continue
            run = Run(rule, time.monotonic(), self._loop.create_future())
            run.cases = self._fitted(run, pin_cases(rule, self._places[rule.id], self.settings))
            runs.append(run)
        safe = [run for run in runs if not run.rule.risky]
        if DEPTHS[self.settings.depth].jointly:
            self._ask_jointly(safe)
        else:
            for run in safe:
                self._ask(run, run.cases)
        if self.target.budget:
            self.target.budget.later += self._wanted_later(runs, later)
        if runs and not self._cancelled.is_set():
            self._drawing += 1
            self._drawer.submit(self._draw, runs)
        self._spawn(self._second(later, safe, [run for run in runs if run.rule.risky]))

    def _wanted_later(self, runs: Sequence[Run], later: Sequence[AnswerRule | Relation]) -> int:
        """About how many requests come after wave 1, apart from drawn bodies."""
        risky = sum(len(run.cases) for run in runs if run.rule.risky)
        compared = sum(steps_of(rule, self.settings) for rule in later if isinstance(rule, Relation))
        if self.settings.depth == "smoke":
            return risky + compared
        pins = [as_request(pin) for rule in later if isinstance(rule, AnswerRule) for pin in rule.pins]
        return risky + compared + len({pin.key for pin in pins if not self._pipeline.asked(pin)})

    def _asked_earlier(self) -> set[tuple[object, ...]]:
        """Keys of the pins that finished rules have sent, and whose answers rules about answers have judged."""
        rules = [self.catalogue.by_id.get(line["rule"]) for line in self._finished]
        return {
            prepare(case.request, self.target).key
            for rule in rules
            if isinstance(rule, RequestRule) and rule.expect is Expect.ACCEPT and rule.fit is None
            if not (DEPTHS[self.settings.depth].jointly and joinable(rule))  # those were asked in company
            for case in pin_cases(rule, 0, self.settings)
        }

    def _fitted(self, run: Run, cases: list[Case]) -> list[Case]:
        """The cases without the features that the server does not offer, and without those that leave too little or go
        beyond what it documents."""
        rule = run.rule
        if rule.expect is Expect.ACCEPT and self.settings.limits:
            beyond = [(case, self.settings.beyond(case.request.body)) for case in cases]
            cases = [case for case, why in beyond if not why]
            run.left_out = run.left_out or next((why for _, why in beyond if why), "")
        if rule.fit is None:
            return cases
        found = self.capabilities.items()
        offered = frozenset(name for name, capability in found if capability is Capability.OFFERED)
        bodies = [(case, rule.fit(case.request.body, offered)) for case in cases]
        return [replace(case, request=as_request(body)) for case, body in bodies if body is not None]

    def _ask(self, run: Run, cases: list[Case]) -> None:
        asked = [(case, self._pipeline.ask(case.request, run.rule.id, case.order)) for case in cases]
        run.asked += asked
        if self.target.budget:  # what is seen broken wants to be proved
            for _, future in asked:
                future.add_done_callback(lambda done: self._looked_at(run.rule, done))

    def _looked_at(self, rule: RequestRule, done: asyncio.Future[Exchange]) -> None:
        if self.target.budget and not done.cancelled():
            judgement = judge_as_asked(rule, done.result(), self.settings.parity)
            if judgement.kind is Kind.VIOLATED and not self._results[rule.id].done():
                self.target.budget.broken.add(rule.id)

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
                asked[-1][1].add_done_callback(lambda done, rule=case.rule: self._looked_at(rule, done))
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
        try:
            self._draw_each(runs)
        finally:
            self._loop.call_soon_threadsafe(self._drew)

    def _drew(self) -> None:
        self._drawing -= 1
        self._pipeline.health.stir()

    def _draw_each(self, runs: list[Run]) -> None:
        order = list(Strength)
        runs = sorted(runs, key=lambda run: (run.rule.risky, order.index(run.rule.strength), self._places[run.rule.id]))
        for run in runs:
            if self._cancelled.is_set():
                return
            cases: list[Case] = []
            try:
                kept = self._shared.cases(run.rule, self._places[run.rule.id], self.settings) if self._shared else []
                cases = [*kept, *example_cases(run.rule, self._places[run.rule.id], self.settings)]
                if run.rule.id.startswith(VENDOR):  # what others draw may be no body at all
                    cases = [case for case in cases if case.request.content is not None]
            except Exception as error:
                cases, run.fault = [], error
            if not run.rule.risky:
                self._loop.call_soon_threadsafe(self._complete, run, cases)
            else:
                run.cases += self._fitted(run, cases)
        for run in runs:
            if run.rule.risky:
                self._loop.call_soon_threadsafe(run.drawn.set)

    def _complete(self, run: Run, cases: list[Case]) -> None:
        self._ask(run, self._fitted(run, cases))
        self._spawn(self._settle(run))

    async def _second(self, later: list[AnswerRule | Relation], others: list[Run], risky: list[Run]) -> None:
        """After wave 1: relations, the rules about answers, then what has killed engines, one request at a time."""
        await asyncio.gather(*(run.settled for run in others))
        if self.target.budget:
            self.target.budget.later = 0
            self.target.budget.broken |= {name for name, watched in self._sightings.of.items() if watched.seen}
        relations = [rule for rule in later if isinstance(rule, Relation)]
        answers = [rule for rule in later if isinstance(rule, AnswerRule)]
        last = [rule for rule in relations if rule.id == self._crowd.blamed]  # it takes what the others saw
        first = [rule for rule in relations if rule not in last]
        await asyncio.gather(*(self._conclude(rule, self._wave.relation(rule)) for rule in first))
        own = [rule for rule in answers if self._share is None or self._share.owns(rule.id)]
        for watched in (self._sightings.of[rule.id] for rule in answers if rule not in own):
            watched.ridden = watched.judged
        await asyncio.gather(*(self._provided(rule) for rule in own))
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
        run.asked.clear()  # a long run does not keep what nobody asks for any more
        run.cases.clear()
        run.settled.set_result(None)

    async def _verdict(self, run: Run) -> Result:
        """Conclude from answers of a server that was well: what was said in an illness is asked again."""
        rule, health = run.rule, self._pipeline.health
        for _ in range(MOST_ROUNDS):
            exchanges = [(case, await future) for case, future in run.asked]
            last = max((exchange.finished for _, exchange in exchanges), default=0.0)
            if self.vet_passes:
                await health.traffic_since(last, lambda: self._drawing > 0)
                if not await health.since(last):
                    break
            void = {id(case) for case, exchange in exchanges if health.tainted(exchange, rule.id)}
            if void:
                kept = [row for row in run.asked if id(row[0]) not in void]
                again = [case for case, _ in run.asked if id(case) in void]
                run.asked = kept
                self._ask(run, again)
                continue
            with self._ledger.of(rule.id):
                for _, exchange in exchanges:
                    # what a server makes of an invalid request that it took is that rule's finding, and no other's
                    if rule.expect is Expect.ACCEPT or react(exchange) is Reaction.REFUSED:
                        self._sightings.observe(exchange, rule.id)
            incidents = len(health.incidents)
            result = await self._prover.conclude(rule, exchanges)
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
        if held and self._shared:
            await self._loop.run_in_executor(self._searchers, self._shared.forget, rule.id, held)

    def _publish(self, result: Result) -> None:
        future = self._results[result.rule]
        if self.target.budget:
            self.target.budget.broken.discard(result.rule)
            if result.verdict is Verdict.ERROR and NOTE in result.note:
                result = result.with_(note=_said_first(result.note))
        if not future.done():
            if told := self._ledger.take(result.rule, self._crowd):
                result = result.with_(tally=told)
            self._on_result(result)
            future.set_result(result)


def _said_first(note: str) -> str:
    """The note with the word of the budget at its beginning."""
    before, _, after = note.partition(NOTE)
    return NOTE + after + (f" ({before.strip(' :')})" if before else "")
