"""Runs rules against an endpoint: gates first, then all cases through one pipeline, and a verdict for each rule.

The campaign lives in a background thread with its own event loop; ``submit`` and ``result`` may be called from any
other thread. Bodies are drawn in a second thread while the first ones are already on their way. Requests that have
killed engines come last and one at a time, so that a server that dies of one takes no other verdict with it.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ..strategies.json_values import is_object
from ..strategies.simpler import properties_of
from .again import GRAVE, kept_apart
from .answers import Answers
from .bearers import CROWD_RULE, REPEAT_RULE, STEADY_RULE
from .budget import NOTE
from .catalogue import Catalogue
from .depths import DEPTHS, Settings, joinable, steps_of
from .exchange import Body, Request, as_request
from .first_wave import FirstWave, Run
from .gating import GateReport, ask_gates, bounded
from .health import Revive
from .judge import Reaction, react
from .model import AnswerRule, Expect, Gate, Relation, RequestRule, Rule
from .outgoing import prepare
from .pace import Pace
from .pipeline import Pipeline
from .plan import accompanied, disposition, pin_cases, places
from .proof import Prover
from .record import cut
from .relations import Relations
from .results import Capability, Result, Verdict, faulted
from .second_wave import SecondWave
from .server_errors import ServerErrors
from .shards import Share
from .sharing import Shared
from .sightings import Sightings
from .sse import read_json
from .tallies import Ledger, restore
from .target import Target
from .traffic import Traffic

SEARCHES = 3
"""Shrinking searches that run side by side."""


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
        self._first: FirstWave
        self._second: SecondWave
        self._sightings = Sightings(catalogue.answers)
        self._ledger = Ledger(self._sightings)
        self._finished: list[Mapping[str, Any]] = []
        self._kept = kept_apart()
        self._told = {name: self._kept[name] for name in (CROWD_RULE, STEADY_RULE, REPEAT_RULE)}
        self._prove = prove
        self._stop: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: Future[None] = Future()
        self._drawer = ThreadPoolExecutor(1, "chatproof-draw")
        self._searchers = ThreadPoolExecutor(SEARCHES, "chatproof-shrink")
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._main, name="chatproof-campaign", daemon=True)

    # --- from other threads --------------------------------------------------------------------------------------

    def carry(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take over what an earlier part of the run has found: result lines. Only before ``submit``."""
        lines = list(lines)
        restore(self._sightings, self._kept, lines)
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
        seen: set[int] = set()  # one answer may be that of many gates
        for gate in gates:
            exchange = report.shared.get(gate.id) or self._pipeline.known(bounded(gate, self.target))
            if exchange is None or id(exchange) in seen:
                continue
            seen.add(id(exchange))
            if react(exchange) is Reaction.ACCEPTED and not self._pipeline.health.tainted(exchange):
                with self._ledger.of(gate.id):
                    self._sightings.observe(exchange)
        report.results = [row.with_(tally=self._ledger.take(row.rule, self._told)) for row in report.results]
        return report

    def submit(self, rules: Sequence[RequestRule | AnswerRule | Relation]) -> None:
        """Queue rules. Their verdicts come in their own time."""
        for rule in rules:
            self._results[rule.id] = Future()
        self._loop.call_soon_threadsafe(lambda: self._spawn(self._begin_safely(list(rules))))

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
        self._beginning = asyncio.Lock()
        lanes = self.settings.in_flight
        async with Pipeline(self.target, lanes, revive=self._revive, pace=self._pace) as self._pipeline:
            self.traffic = self._pipeline.traffic
            prover = Prover(
                self._pipeline,
                self.settings,
                self._searchers,
                self._cancelled,
                self._kept,
                shared=self._shared,
                prove=self._prove,
                bearer=self._asked_rule,
                borne=self._borne,
            )
            self._first = FirstWave(
                prover=prover,
                sightings=self._sightings,
                ledger=self._ledger,
                capabilities=self.capabilities,
                places=places(self.catalogue),
                vet_passes=self.vet_passes,
                drawer=self._drawer,
                spawn=self._spawn,
                publish=self._publish,
            )
            of_run = self._pipeline, self.settings, self._sightings, self._ledger
            errors = ServerErrors(self._pipeline, self._explained)
            relations = Relations(*of_run, self._kept, errors, prove=self._prove)
            self._second = SecondWave(relations, Answers(*of_run, self._kept), self._share, self._publish)
            self._ready.set_result(None)
            await self._stop.wait()
            self.gone = self._pipeline.gone
            health = self._pipeline.health
            self.incidents = [row.what for row in health.incidents]
            crowds_told = CROWD_RULE in self._results
            self.unexplained = sum(row.killer is None and not (row.crowd and crowds_told) for row in health.incidents)
            suspects = self._pipeline.health.suspects
            self.suspects = [f"{job.label}: {_told(job.request.content)}" for job in suspects]
            self._pipeline.give_up("the run was stopped")
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin_safely(self, rules: list[RequestRule | AnswerRule | Relation]) -> None:
        """Begin; a fault of ours becomes the verdict of all that it leaves unasked, so that nobody waits for ever."""
        try:
            await self._begin(rules)
        except Exception as error:
            for rule in rules:
                if not self._results[rule.id].done():
                    self._publish(faulted(rule.id, error))

    async def _begin(self, rules: list[RequestRule | AnswerRule | Relation]) -> None:
        """Settle what the gates decide, begin wave 1 with the rest."""
        async with self._beginning:
            if any(map(accompanied, rules)):
                await self._first.welcome_guests()
        self._pipeline.earlier = self._asked_earlier()
        requests: list[RequestRule] = []
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
            elif isinstance(rule, RequestRule):
                requests.append(rule)
            else:
                later.append(rule)
                if rule.id in self._kept and (rule.id != CROWD_RULE or self.settings.in_flight > 1):
                    self._kept[rule.id].blamed = rule.id
        runs = self._first.begin(requests)
        if self.target.budget:
            self.target.budget.later += self._wanted_later(runs, later)
        self._spawn(self._follow(runs, later))

    async def _follow(self, runs: Sequence[Run], later: Sequence[AnswerRule | Relation]) -> None:
        """After wave 1: the second one, then what has killed engines, one request at a time."""
        await asyncio.gather(*(run.settled for run in runs if not run.rule.risky))
        if self.target.budget:
            self.target.budget.later = 0
            self.target.budget.broken |= {name for name, watched in self._sightings.of.items() if watched.seen}
        await self._second.run(later)
        await self._first.risky([run for run in runs if run.rule.risky])

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

    def _asked_rule(self, name: str) -> Rule | None:
        """A rule, where this run asks it."""
        return self.catalogue.by_id.get(name) if name in self._results else None

    async def _borne(self, rule: RequestRule, body: Body) -> bool:
        """Whether a rule about one of these properties finds them refused by themselves, or none of them is asked. What
        a rule borrows is also borne by the other rules about company."""
        props = properties_of(body)
        alone = [
            one.id
            for one in self.catalogue.rules
            if one.expect is Expect.ACCEPT
            and one.id in self._results
            and one is not rule
            and not one.risky  # that waits until all others have their verdicts
            and (one.property in props if one.fit is None else rule.borrows)
        ]
        for name in alone:
            result = await asyncio.wrap_future(self._results[name])
            if result.finding is not None or result.verdict in (Verdict.BLOCKED, Verdict.ERROR):
                return True
        return not alone

    async def _explained(self, props: set[str], request: Request) -> bool:
        """Whether a gate or a rule about requests finds that one of these properties, or what is written otherwise than
        usual, brings about a server error. Asked when all of them have their verdicts."""
        broken = [gate for gate in self.catalogue.gates if self.capabilities.get(gate.capability) is Capability.BROKEN]
        results = [
            await asyncio.wrap_future(self._results[rule.id])
            for rule in self.catalogue.rules
            if rule.id in self._results
            and not rule.risky  # that waits until all others have their verdicts
            and (rule.fit or rule.property in props or (request.raw is not None and rule.chapter == "http"))
        ]
        found = any(result.finding and result.finding.symptom in GRAVE for result in results)
        return found or any(gate.property in props for gate in broken)

    def _publish(self, result: Result) -> None:
        future = self._results[result.rule]
        if self.target.budget:
            self.target.budget.broken.discard(result.rule)
            if result.verdict is Verdict.ERROR and NOTE in result.note:
                result = result.with_(note=_said_first(result.note))
        if not future.done():
            if told := self._ledger.take(result.rule, self._told):
                result = result.with_(tally=told)
            self._on_result(result)
            future.set_result(result)


def _told(content: bytes) -> str:
    """The beginning of a body, its conversation last: that is long, and seldom what kills."""
    body = read_json(content)
    if is_object(body) and "messages" in body:
        options = {name: value for name, value in body.items() if name != "messages"}
        content = json.dumps({**options, "messages": body["messages"]}, ensure_ascii=False).encode()
    return cut(content, 600)


def _said_first(note: str) -> str:
    """The note with the word of the budget at its beginning."""
    before, _, after = note.partition(NOTE)
    return NOTE + after + (f" ({before.strip(' :')})" if before else "")
