"""Runs with several processes (pytest -n, --tx): each worker asks a fixed share, the controller concludes.

A worker gets all of its rules at once, so that its lanes stay full. When the workers have ended the controller
concludes what they left: rules about answers and the one about crowds, judged on the traffic of all (each result line
carries what its rule's traffic said: tallies); rules that were seen broken, because with others at work nothing is
asked alone; rules that a worker's share of the ceilings did not allow, from what all have left of them; rules that a
server with no time for all workers put off each time; and the rest of a worker that died.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import pytest

from .again import LEFT, PUT_OFF
from .budget import NOTE
from .model import Gate
from .session import Session, concluded_by_controller
from .shards import spread
from .suite import ANCHOR, RuleItem, Suite

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling  # pyright: ignore[reportMissingTypeStubs]  # there are none
    from xdist.workermanage import WorkerController  # pyright: ignore[reportMissingTypeStubs]  # there are none


def left_to_controller(item: RuleItem) -> bool:
    """In a worker: whether it gives no verdict on a rule. Blocks until that is known."""
    if isinstance(item.rule, Gate):
        return False
    return concluded_by_controller(item.rule) or item.ask()["note"].startswith((LEFT, NOTE, PUT_OFF))


PREFIX = "chatproof::"
"""Beginning of our node ids."""

SHARE = f"{PREFIX}share-"
"""Beginning of the names of our shares."""


def scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """A scheduler that gives each worker its share at once, and what a dead one has left of it to nobody."""
    from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs]  # there are none

    class FixedShares(LoadScopeScheduling):
        """Shares are its scopes. What is not ours is handed out file by file."""

        _shares: dict[str, int] | None = None

        def _split_scope(self, nodeid: str) -> str:
            if self._shares is None:
                names = [name.removeprefix(PREFIX) for name in self.collection or () if name.startswith(PREFIX)]
                self._shares = spread(names, self.numnodes)
            share = self._shares.get(nodeid.removeprefix(PREFIX)) if nodeid.startswith(PREFIX) else None
            return super()._split_scope(nodeid) if share is None else f"{SHARE}{share}"

        def _assign_work_unit(self, node: WorkerController) -> None:
            """A worker may have died since it collected: that is told next, and its share taken back then."""
            with suppress(OSError):
                super()._assign_work_unit(node)

        def remove_node(self, node: WorkerController) -> str | None:
            """What is left of a share is the controller's to ask, and the rule that a worker waited for when it died
            is not to blame: a share is asked all at once."""
            work = self.assigned_work.get(node, {})
            for scope in [scope for scope in work if scope.startswith(SHARE)]:
                del work[scope]
            return super().remove_node(node)

    return FixedShares(config, log)


SENT = "chatproof_sent"
"""Member of a worker's report: how many requests it has sent so far."""


class Controller:
    """Hooks of a controller; in a single process they do nothing."""

    def __init__(self, run: Session) -> None:
        self.run = run
        self._sent: dict[str, int] = {}
        """Requests that each worker had sent at its last report."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how much a worker has sent."""
        node = getattr(report, "node", None)
        if node is not None and hasattr(report, SENT):
            self._sent[node.gateway.id] = getattr(report, SENT)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Of the traffic of a worker that died only what it told before is known; its share of the ceilings stays
        spent."""
        if not getattr(node, "workeroutput", None):
            self.run.traffic.requests += self._sent.get(node.gateway.id, 0)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Scheduling | None:
        """Fixed shares, unless every worker is to run everything."""
        return None if config.getoption("dist") == "each" else scheduler(config, log)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """When the workers have ended: conclude what they left, as items like any other."""
        done = yield
        if session.config.pluginmanager.hasplugin("dsession") and self.run.campaign is not None:
            self._conclude(session)
        return done

    def _conclude(self, session: pytest.Session) -> None:
        suite = Suite.from_parent(  # pyright: ignore[reportUnknownMemberType]  # pytest has no types there
            session, path=ANCHOR, nodeid="chatproof"
        )
        items = [
            item
            for item in suite.collect()
            if isinstance(item, RuleItem) and item.name in self.run.expected and item.name not in self.run.lines
        ]
        self.run.take_stock()
        self.run.submit([item.name for item in items])
        for item, following in zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
