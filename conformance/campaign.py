"""Runs rules against an endpoint: gates first, then all cases through one pipeline, each failure proved and shrunk.

The campaign lives in a background thread with its own event loop; ``submit`` and ``result`` may be called from any
other thread. Bodies are drawn in a second thread while the first ones are already on their way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from .catalogue import Catalogue
from .endpoint import Target, curl, prepare
from .gating import GateReport, ask_gates
from .judge import Judgement, Kind, Reaction, describe, judge, react
from .model import (
    Body,
    Capability,
    Exchange,
    Finding,
    Request,
    RequestRule,
    Result,
    Strength,
    Symptom,
    Verdict,
    as_request,
)
from .pipeline import URGENT, Pipeline
from .plan import Case, Settings, control_of, disposition, example_cases, pin_cases, places
from .record import cut
from .shrink import smallest

PROOFS = 5
"""How often a violation that does not repeat at once is asked again."""

SEARCHES = 3
"""Shrinking searches that run side by side."""

SHRINK_BOUND = 150
"""Requests that one shrinking search may send."""

GRAVE = (Symptom.CRASHED, Symptom.KILLED_SERVER, Symptom.DISCONNECTED, Symptom.HUNG)
"""Symptoms that are a failure whatever the strength of the rule: no client deserves them."""


@dataclass
class Run:
    """One rule under way: its cases with the exchanges they get."""

    rule: RequestRule
    started: float
    asked: list[tuple[Case, asyncio.Future[Exchange]]] = field(default_factory=list)


class Campaign:
    """One run against one target. ``capabilities`` (from an earlier ``open``) spares the gates."""

    def __init__(
        self,
        target: Target,
        catalogue: Catalogue,
        settings: Settings,
        *,
        capabilities: dict[str, Capability] | None = None,
        on_result: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.target = target
        self.catalogue = catalogue
        self.settings = settings
        self.capabilities = capabilities
        self.gate_results: list[Result] = []
        self.gone: str | None = None
        self.suspects: list[str] = []
        self.requests = 0
        self._on_result = on_result
        self._results: dict[str, Future[Result]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._pipeline: Pipeline
        self._stop: asyncio.Event
        self._places = places(catalogue)
        self._ready: Future[None] = Future()
        self._drawer = ThreadPoolExecutor(1, "chatproof-draw")
        self._searchers = ThreadPoolExecutor(SEARCHES, "chatproof-shrink")
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._main, name="chatproof-campaign", daemon=True)

    def open(self) -> None:
        """Start the background thread and ask the gates unless their outcome was given. Blocks until they are known."""
        self._thread.start()
        self._ready.result()

    def submit(self, rules: Sequence[RequestRule]) -> None:
        """Queue rules. Their verdicts come in their own time."""
        for rule in rules:
            self._results[rule.id] = Future()
        self._loop.call_soon_threadsafe(self._begin, list(rules))

    def result(self, rule_id: str) -> Result:
        """The verdict of a submitted rule; blocks until it is there."""
        return self._results[rule_id].result()

    def close(self) -> None:
        """Drop what waits, let what flies land, stop the threads."""
        self._cancelled.set()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(self.target.bounds.total + 10)
        self._drawer.shutdown(wait=False, cancel_futures=True)
        self._searchers.shutdown(wait=False, cancel_futures=True)

    def _main(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            for future in self._results.values():
                if not future.done():
                    future.set_exception(error)

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Pipeline(self.target, self.settings.in_flight) as self._pipeline:
            self._pipeline.on_gone = self._note_gone
            if self.capabilities is None:
                report = await self._gates()
                self.capabilities = report.capabilities
                self.gate_results = report.results
                for result in report.results:
                    self._on_result(result)
            self._ready.set_result(None)
            await self._stop.wait()
            self._pipeline.give_up("the run was stopped")
            self.requests = self._pipeline.tally.requests
        await asyncio.sleep(0)

    async def _gates(self) -> GateReport:
        return await ask_gates(self._pipeline, self.catalogue.gates)

    def _note_gone(self, reason: str) -> None:
        self.gone = reason
        self.suspects = [f"{job.label}: {job.request.content[:200].decode('utf-8', 'replace')}" for job in self._pipeline.tally.suspects]

    def _begin(self, rules: list[RequestRule]) -> None:
        """In the loop: settle what the gates decide, queue the pins of the rest, have their examples drawn."""
        runs: list[Run] = []
        for rule in rules:
            decided = disposition(rule, self.catalogue.gates, self.capabilities or {}, self.settings.safe)
            if decided:
                self._publish(decided)
                continue
            run = Run(rule, time.monotonic())
            self._queue(run, pin_cases(rule, self._places[rule.id], self.settings))
            runs.append(run)
        self._drawer.submit(self._draw, runs)

    def _queue(self, run: Run, cases: list[Case]) -> None:
        for case in cases:
            fitted = self._fitted(run.rule, case)
            if fitted is not None:
                run.asked.append((fitted, self._pipeline.ask(fitted.request, run.rule.id, fitted.order)))

    def _fitted(self, rule: RequestRule, case: Case) -> Case | None:
        """The case without the features that the server does not offer; None when nothing worth asking is left."""
        if rule.fit is None:
            return case
        body = rule.fit(case.request.body, self._offered)
        return None if body is None else replace(case, request=as_request(body))

    @property
    def _offered(self) -> frozenset[str]:
        found = (self.capabilities or {}).items()
        return frozenset(name for name, capability in found if capability is Capability.OFFERED)

    def _draw(self, runs: list[Run]) -> None:
        """In the drawing thread: the examples of each rule, strongest rules first, handed to the loop as they come."""
        order = list(Strength)
        for run in sorted(runs, key=lambda run: (order.index(run.rule.strength), self._places[run.rule.id])):
            if self._cancelled.is_set():
                cases, fault = [], None
            else:
                try:
                    cases, fault = example_cases(run.rule, self._places[run.rule.id], self.settings), None
                except Exception as error:
                    cases, fault = [], error
            self._loop.call_soon_threadsafe(self._complete, run, cases, fault)

    def _complete(self, run: Run, cases: list[Case], fault: Exception | None) -> None:
        self._queue(run, cases)
        task = asyncio.ensure_future(self._settle(run, fault))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    @property
    def _settling(self) -> set[asyncio.Task[None]]:
        tasks: set[asyncio.Task[None]] = self.__dict__.setdefault("_tasks", set())
        return tasks

    def _publish(self, result: Result) -> None:
        future = self._results[result.rule]
        if not future.done():
            self._on_result(result)
            future.set_result(result)

    async def _settle(self, run: Run, fault: Exception | None) -> None:
        rule = run.rule
        try:
            if fault:
                raise fault
            exchanges = [(case, await future) for case, future in run.asked]
            judged = [(case, exchange, judge(rule, exchange)) for case, exchange in exchanges]
            result = await self._conclude(rule, judged)
        except Exception as error:  # a fault of ours must not hang the run
            result = Result(rule.id, Verdict.ERROR, note=f"internal error: {type(error).__name__}: {error}")
        self._publish(replace(result, requests=len(run.asked), seconds=time.monotonic() - run.started))

    async def _conclude(self, rule: RequestRule, judged: list[tuple[Case, Exchange, Judgement]]) -> Result:
        violated = [row for row in judged if row[2].kind is Kind.VIOLATED]
        if violated:
            return await self._prove(rule, violated)
        undecided = [row for row in judged if row[2].kind is Kind.UNDECIDED]
        if undecided:
            return Result(rule.id, Verdict.ERROR, note=undecided[0][2].why)
        if not judged:
            return Result(rule.id, Verdict.NOT_OFFERED, note="the server offers too little to ask this")
        excused = [row for row in judged if row[2].kind is Kind.EXCUSED]
        if len(excused) == len(judged):
            return Result(rule.id, Verdict.NOT_OFFERED, note=excused[0][2].why)
        note = f"{len(excused)} of {len(judged)} not offered: {excused[0][2].why}" if excused else ""
        verdict = Verdict.INFO if rule.strength is Strength.MAY else Verdict.PASSED
        return Result(rule.id, verdict, observed=_tally([row[2].observed for row in judged]), note=note)

    async def _prove(self, rule: RequestRule, violated: list[tuple[Case, Exchange, Judgement]]) -> Result:
        case, exchange, judgement = violated[0]
        request = case.request
        if rule.reduce is not None:
            body, left = await self._reduced(rule, request.body)
            if not left:
                return Result(rule.id, Verdict.BLOCKED, blocked_by="a rule of one property", note=f"one feature alone fails: {cut(as_request(body).content, 300)}")
            request = as_request(body)
        elif case.drawn and request.raw is None:
            body = await self._shrunk(rule)
            if body is not None:
                again = judge(rule, await self._pipeline.ask(as_request(body), rule.id, URGENT))
                if again.kind is Kind.VIOLATED:
                    request, judgement = as_request(body), again
        seen, asked = [(exchange, judgement)], 1
        while asked < 2 or (len(seen) == 1 and asked <= PROOFS):
            fresh = await self._pipeline.ask_again(request, rule.id)
            verdict = judge(rule, fresh)
            if verdict.kind is Kind.UNDECIDED:
                return Result(rule.id, Verdict.ERROR, note=f"seen once, could not be proved: {verdict.why}")
            asked += 1
            if verdict.kind is Kind.VIOLATED:
                seen.append((fresh, verdict))
        exchange, judgement = seen[-1]
        steady = len(seen) == asked
        if steady and judgement.symptom in (Symptom.REFUSED_VALID, Symptom.MALFORMED):
            blocked = await self._control(rule, request)
            if blocked:
                return Result(rule.id, Verdict.BLOCKED, blocked_by="control", note=blocked)
        ready = prepare(request, self.target)
        others = [row[0].request.content for row in violated[1:] if row[0].request.key != request.key]
        finding = Finding(
            symptom=judgement.symptom or Symptom.WRONG_CONTENT,
            why=judgement.why,
            request=ready,
            exchange=exchange,
            curl=curl(ready, self.target),
            confirmed=f"{len(seen)}/{asked}",
            sightings=len(violated),
            others=tuple(content[:300].decode("utf-8", "replace") for content in others[:5]),
        )
        return Result(rule.id, verdict_of(rule, finding, steady, self.settings.strict), finding=finding)

    async def _reduced(self, rule: RequestRule, body: Body) -> tuple[Body, int]:
        """The body with features dropped while it still fails, and how many single droppings are then accepted."""
        assert rule.reduce is not None
        while True:
            smaller = list(rule.reduce(body))
            for candidate in smaller:
                if await self._violates(rule, as_request(candidate)):
                    body = candidate
                    break
            else:
                return body, len(smaller)

    async def _control(self, rule: RequestRule, request: Request) -> str:
        """Why a refusal says nothing about this rule: the same body without what is under test is refused as well."""
        if request.raw is not None or not isinstance(request.body, dict):
            return ""
        control = control_of(rule, request.body)
        if control is None:
            return ""
        exchange = await self._pipeline.ask(as_request(control), rule.id, URGENT)
        if react(exchange) is Reaction.ACCEPTED:
            return ""
        return f"the same body without what is under test is not accepted either ({describe(exchange)})"

    async def _shrunk(self, rule: RequestRule) -> Any:
        left = SHRINK_BOUND
        known: dict[tuple[object, ...], bool] = {}

        def fails(body: Any) -> bool | None:
            nonlocal left
            request = as_request(body)
            if request.key not in known:
                if left <= 0 or self._cancelled.is_set():
                    return None
                left -= 1
                future = asyncio.run_coroutine_threadsafe(self._violates(rule, request), self._loop)
                known[request.key] = future.result()
            return known[request.key]

        return await self._loop.run_in_executor(self._searchers, smallest, rule, self.settings, fails)

    async def _violates(self, rule: RequestRule, request: Request) -> bool:
        return judge(rule, await self._pipeline.ask(request, rule.id, URGENT)).kind is Kind.VIOLATED


def verdict_of(rule: RequestRule, finding: Finding, steady: bool, strict: bool) -> Verdict:
    """What a violation makes of a rule."""
    if not steady:
        return Verdict.INCONSISTENT
    if rule.strength is Strength.MUST or finding.symptom in GRAVE:
        return Verdict.FAILED
    if rule.strength is Strength.SHOULD:
        return Verdict.FAILED if strict else Verdict.WARNING
    return Verdict.INFO


def _tally(observed: list[str]) -> str:
    counts = {word: observed.count(word) for word in dict.fromkeys(observed)}
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{word} {count} of {len(observed)}" for word, count in counts.items())


