"""One run inside pytest: the endpoint is resolved once, rules are asked, results become record lines.

In a run with xdist the controller resolves the endpoint and asks the gates; workers get the outcome (``handover``) and
ask the rules of their own items. Only the controller (or the single process) writes the record.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..reports.jsonl import Writer, choose_folder
from . import canary, record, resume, standing, vendor
from .access import Access, AccessError
from .bearers import CROWD_RULE
from .budget import Budget
from .campaign import Campaign
from .catalogue import Catalogue, load
from .depths import Settings
from .lifeline import READY_WITHIN, Lifeline
from .model import AnswerRule, Gate, Rule
from .pace import Pace
from .plan import needed_gates
from .profile import Profile
from .results import Capability, Result, Verdict
from .shards import Share
from .sharing import Shared, shared
from .target import REFERENCE, EndpointError, Target
from .traffic import Traffic
from .vendor import Vendor
from .waivers import Waivers

STARTING = 15.0
"""Seconds for which a server that was started here may also refuse."""


def concluded_by_controller(rule: Rule) -> bool:
    """Whether a rule is judged on what all workers saw: those about answers, and the one about crowds."""
    return isinstance(rule, AnswerRule) or rule.id == CROWD_RULE


class Session:
    """The state of one run in one process.

    ``lines`` are the result lines by rule, ``expected`` the rules that are to be asked, ``submitted`` those that were
    queued. ``shares`` are the ceilings of workers to come. ``more`` joins the footer of the record.
    """

    def __init__(
        self,
        endpoint: str,
        model: str | None,
        access: Access,
        settings: Settings,
        profile: Profile | None = None,
        start: str | None = None,
        command: str = "",
        waivers: Waivers | None = None,
        vendors: Sequence[Vendor] = (),
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.access = access
        self.settings = settings
        self.pace = Pace(settings.in_flight, access.rate)
        self.profile = profile or Profile()
        self.start_command = start
        self.lifeline: Lifeline | None = None
        self.vendors = vendors
        self.catalogue: Catalogue = vendor.extended(load(settings.vintage), vendors)
        self.lines: dict[str, dict[str, Any]] = {}
        self.folder: Path | None = None
        self.expected: set[str] = set()
        self.target: Target | None = None
        self.campaign: Campaign | None = None
        self.capabilities: dict[str, Capability] = {}
        self.gone: str | None = None
        self.suspects: list[str] = []
        self.incidents: list[str] = []
        self.unexplained = 0
        self.command = command
        self.waivers = waivers or Waivers()
        self.budget: Budget | None = None
        self.earlier: resume.Earlier | None = None
        self.is_worker = False
        self.databases: list[str] = []
        self.shared: Shared | None = None
        self.shares: list[dict[str, int | None]] = []
        self.shard: Share | None = None
        self.today = datetime.now(UTC).date()  # one day for the whole run, in every process
        self.traffic = Traffic()
        self.more: dict[str, Any] = {}
        self.on_line: Callable[[Mapping[str, Any]], None] = lambda line: None
        self.submitted: set[str] = set()
        self._writer: Writer | None = None
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self.started = time.monotonic()

    # --- opening -------------------------------------------------------------------------------------------------

    def open(self, report: Callable[[], tuple[str | None, Path]] | None, *, campaign: bool = True) -> None:
        """Find the endpoint. ``report`` gives the wanted report folder; None writes no record.

        Without ``campaign`` the caller makes its own.
        """
        if self.profile.key == "required" and not self._how()["key"]:
            raise EndpointError(
                f"the profile {self.profile.name} says that a key is required; put it into {self.access.variable}"
            )
        url = self.endpoint
        if url == REFERENCE:
            from .reference.serve import start

            url = self._stack.enter_context(start(vintage=self.settings.vintage))
        if report and self.start_command:
            self.folder = self._choose_folder(report)
            self.lifeline = Lifeline(self.start_command, self.folder / "server.log")
            self._stack.callback(self.lifeline.stop)
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a polite end stops the server too
            self.lifeline.pace = self.pace
            self.lifeline.start()
            ready = self.access.wait_ready or READY_WITHIN
            self.target = canary.await_ready(lambda: self._resolve(url), ready, self.lifeline.check, STARTING)
            self.lifeline.target, self.lifeline.ready_within = self.target, ready
        else:
            self.target = canary.await_ready(lambda: self._resolve(url), self.access.wait_ready or 0.0)
        if self.earlier:
            resume.check_target(self.earlier, self.target, embedded=self.endpoint == REFERENCE)
            self._carry(self.earlier)
        if report:
            self.folder = self.folder or self._choose_folder(report)
        if campaign:
            self.begin_record()
            self._start_campaign()

    def _choose_folder(self, report: Callable[[], tuple[str | None, Path]]) -> Path:
        return choose_folder(*report(), datetime.now(), keep=self.earlier is not None)

    def _carry(self, earlier: resume.Earlier) -> None:
        """Take over what an earlier part of this run has found and spent."""
        self.lines |= earlier.lines
        self.capabilities |= earlier.capabilities
        self.submitted.update(earlier.lines)
        self.traffic.requests += earlier.requests
        self.traffic.tokens = earlier.tokens or None
        self.started -= earlier.seconds
        if self.budget:
            self.budget.sent += earlier.requests
            self.budget.used += earlier.tokens

    def ask_gates(self, rule_ids: Iterable[str] | None = None) -> None:
        """Ask the gates that these rules need (None: all of them), and begin the record."""
        assert self.campaign is not None
        gates = self.catalogue.gates
        if rule_ids is not None:
            wanted = needed_gates(gates, [self.catalogue.by_id[name] for name in rule_ids])
            gates = tuple(gate for gate in gates if gate.capability in wanted)
        if all(gate.id in self.lines for gate in gates):
            return  # an earlier part of the run has asked them
        results = self.campaign.ask_gates(gates)
        self.campaign.capabilities |= self.capabilities  # what the earlier part has found stands
        self.capabilities = dict(self.campaign.capabilities)
        if self._writer and not self.lines:
            self._writer.begin_again(standing.header(self))
        for result in results:
            self._note(result)

    def begin_record(self) -> None:
        """Write the header, or go on after that of an earlier part; results follow as they come."""
        if self.folder:
            self._writer = self._stack.enter_context(Writer(self.folder, append=self.earlier is not None))
            if not self.earlier:
                self._writer.write(standing.header(self))

    def _resolve(self, url: str) -> Target:
        how = self._how()
        pace = Pace(1, self.access.rate)  # one of its own: that a server was still starting says nothing about load
        return asyncio.run(
            canary.resolve(url, model=self.model, pace=pace, profile=self.profile, budget=self.budget, **how)
        )

    def _how(self) -> dict[str, Any]:
        try:
            return self.access.resolving()
        except AccessError as error:
            raise EndpointError(str(error)) from None

    def _start_campaign(self) -> None:
        assert self.target is not None
        self.shared = shared(self.databases, Path.cwd(), self.target.base)
        self.campaign = Campaign(
            self.target,
            self.catalogue,
            self.settings,
            capabilities=self.capabilities,
            declined=[name for name, line in self.lines.items() if line["verdict"] == Verdict.NOT_OFFERED.value],
            revive=self.lifeline.revive if self.lifeline else None,
            pace=self.pace,
            share=self.shard,
            shared=self.shared,
            prove=not self.is_worker,
            on_result=self._arrived,
        )
        self.campaign.carry(self.lines.values())
        self.campaign.open()

    # --- asking --------------------------------------------------------------------------------------------------

    def submit(self, rule_ids: Sequence[str]) -> None:
        """Queue the request rules among these ids that were not queued yet."""
        if self.campaign is None:
            self._start_campaign()
        assert self.campaign is not None
        rules = [self.catalogue.by_id[name] for name in rule_ids if name not in self.submitted]
        if self.is_worker:  # these are concluded by the controller, from the traffic of all
            rules = [rule for rule in rules if not concluded_by_controller(rule)]
        self.submitted.update(rule_ids)
        requests = [rule for rule in rules if not isinstance(rule, Gate)]
        if requests:
            self.campaign.submit(requests)

    def take_stock(self) -> None:
        """In a controller, when its workers have ended: what their traffic said about the rules about answers."""
        assert self.campaign is not None
        earlier = self.earlier.lines if self.earlier else {}
        self.campaign.carry(
            line
            for name, line in self.lines.items()
            if name not in earlier and not isinstance(self.catalogue.by_id[name], Gate)
        )

    def line(self, rule_id: str) -> dict[str, Any]:
        """The record line of a rule; blocks until its verdict is there."""
        if rule_id not in self.lines and not isinstance(self.catalogue.by_id[rule_id], Gate):
            assert self.campaign is not None
            self.campaign.result(rule_id)
        with self._lock:
            return self.lines.get(rule_id) or record.result_line(
                self.catalogue.by_id[rule_id], Result(rule_id, Verdict.ERROR, note="not asked")
            )

    def _arrived(self, result: Result) -> None:
        if not isinstance(self.catalogue.by_id[result.rule], Gate):
            self._note(result)

    def _note(self, result: Result) -> None:
        self.take(record.result_line(self.catalogue.by_id[result.rule], result))

    def take(self, line: dict[str, Any]) -> None:
        """Keep a result line, once, as waivers say, and append it to the record."""
        assert self.target is not None
        line = self.target.redaction.line(line)
        line = self.waivers.apply(line, self.target.model, self.settings.vintage, self.today)
        with self._lock:
            if line["rule"] in self.lines:
                return
            self.lines[line["rule"]] = line
            if self._writer:
                self._writer.write(line)
            self.on_line(line)

    def asks(self, rule: Rule) -> bool:
        """Whether this run may send requests for a rule: rules about answers send theirs in one shard."""
        return self.shard is None or isinstance(rule, Gate) or self.shard.owns(rule.id)

    @property
    def sent(self) -> int:
        """Requests sent so far."""
        return self.traffic.requests + (self.campaign.sent if self.campaign else 0)

    # --- closing -------------------------------------------------------------------------------------------------

    def finish_asking(self) -> None:
        """Stop the traffic; what waits is dropped."""
        if self.campaign is not None:
            self.campaign.close()
            self.gone = self.gone or self.campaign.gone
            self.incidents += self.campaign.incidents
            self.unexplained += self.campaign.unexplained
            self.suspects += self.campaign.suspects
            self.traffic.merge(self.campaign.traffic.as_dict())
            self.campaign = None

    def close(self) -> None:
        """Stop everything and end the record."""
        self.finish_asking()
        if self._writer:
            self._writer.write(standing.footer(self))
            self._writer = None
        self._stack.close()
