"""Runs the suite again and again with new seeds, for a time, and tells each finding once.

A finding is one rule with one symptom: what is found again is counted. The record is an ordinary one, with the worst
that was seen of each rule; findings are written as they come.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import record
from .campaign import Campaign
from .model import Gate, Rule
from .plan import draw
from .results import Result, Verdict
from .session import Session

WORST = (
    Verdict.FAILED,
    Verdict.INCONSISTENT,
    Verdict.WARNING,
    Verdict.BLOCKED,
    Verdict.INFO,
    Verdict.PASSED,
    Verdict.NOT_OFFERED,
    Verdict.WAIVED,
    Verdict.ERROR,
)
"""Verdicts, the one that stays first: what was not asked in one round was in another."""

PROVED = (Verdict.FAILED, Verdict.INCONSISTENT, Verdict.WARNING)

Line = Mapping[str, Any]


@dataclass
class Found:
    """One finding: its record line, the seed that showed it first, and in how many rounds it was seen."""

    line: Line
    seed: int
    rounds: int = 1


class Soak:
    """Soaks the endpoint of an opened session. ``tell`` gets the line of each finding, and its seed, once."""

    def __init__(self, session: Session, rules: Sequence[Rule], tell: Callable[[Line, int], None]) -> None:
        self.session = session
        self.gates = [rule for rule in rules if isinstance(rule, Gate)]
        self.rules = [rule for rule in rules if not isinstance(rule, Gate)]
        self.tell = tell
        self.found: dict[tuple[str, str], Found] = {}
        self.rounds = 0
        self._worst: dict[str, Line] = {}
        self._seen: set[tuple[str, str]] = set()  # in this round

    def run(
        self, ends: float, most: int | None = None, told: Callable[[int, int], None] = lambda _seed, _sent: None
    ) -> None:
        """Rounds until ``ends`` on the monotonic clock, or ``most`` of them, or until the server has gone.

        ``told`` gets the seed of each finished round and the requests so far. KeyboardInterrupt ends it as time does.
        """
        first = self.session.settings.seed
        try:
            for number in range(most if most is not None else 2**31):
                if time.monotonic() >= ends or self.session.gone:
                    break
                self._round(first + number, ends)
                if not self.session.gone and time.monotonic() < ends:
                    told(first + number, self.session.traffic.requests)
        except KeyboardInterrupt:
            pass
        self.finish(first)

    def _round(self, seed: int, ends: float) -> None:
        session = self.session
        assert session.target is not None
        self.rounds += 1
        self._seen.clear()
        arrived: queue.SimpleQueue[Result] = queue.SimpleQueue()
        campaign = Campaign(
            session.target,
            session.catalogue,
            replace(session.settings, seed=seed),
            capabilities=session.capabilities,
            revive=session.lifeline.revive if session.lifeline else None,
            pace=session.pace,
            on_result=arrived.put,
        )
        campaign.open()
        try:
            for result in campaign.ask_gates(self.gates):
                self._take(result, seed)
            campaign.submit(self.rules)
            for _ in self.rules:
                self._take(arrived.get(timeout=max(ends - time.monotonic(), 0.001)), seed)
        except queue.Empty:
            pass  # time is over
        finally:
            campaign.close()
            while not arrived.empty():
                self._take(arrived.get(), seed)
            session.gone = campaign.gone
            session.incidents += campaign.incidents
            session.unexplained += campaign.unexplained
            session.suspects += campaign.suspects
            session.traffic.merge(campaign.traffic.as_dict())
            draw.cache_clear()  # nobody draws with these seeds again

    def _take(self, result: Result, seed: int) -> None:
        session = self.session
        assert session.target is not None
        rule = session.catalogue.by_id[result.rule]
        line = session.target.redaction.line(record.result_line(rule, result))
        before = self._worst.get(rule.id)
        if before is None or _rank(line) < _rank(before):
            self._worst[rule.id] = line
        if result.finding is None or result.verdict not in PROVED:
            return
        key = (rule.id, result.finding.symptom.value)
        if key in self._seen:
            return
        self._seen.add(key)
        if key in self.found:
            self.found[key].rounds += 1
            return
        self.found[key] = Found(line, seed)
        if result.verdict is Verdict.FAILED:
            session.take(dict(line))  # nothing worse can come; what may get worse is written at the end
        self.tell(line, seed)

    def finish(self, first: int) -> None:
        """Complete the record."""
        for rule in (*self.gates, *self.rules):
            line = self._worst.get(rule.id)
            if line is not None:
                self.session.take(dict(line))
        self.session.more["soak"] = {
            "rounds": self.rounds,
            "seeds": [first, first + max(self.rounds - 1, 0)],
            "findings": [
                {
                    "rule": rule,
                    "symptom": symptom,
                    "verdict": one.line["verdict"],
                    "seed": one.seed,
                    "rounds": one.rounds,
                }
                for (rule, symptom), one in self.found.items()
            ],
        }


def _rank(line: Line) -> int:
    return WORST.index(Verdict(line["verdict"]))
