"""The pytest side of the catalogue: one item a rule, the same node ids in every folder and installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .catalogue import Catalogue
from .depths import asked_at
from .model import Gate, Rule
from .record import RED, failure_text, printable
from .results import Verdict
from .session import Session
from .shards import spread

ANCHOR = Path(__file__).with_name("suite.anchor")
SESSION = pytest.StashKey[Session]()


class BrokenRule(Exception):
    """Carries the text of a finding to pytest's report."""


class Suite(pytest.File):
    """Collects the catalogue. The node id does not tell where the package lies."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item a gate and a rule, gates first."""
        session = self.config.stash[SESSION]
        for rule in asked_at(session.catalogue, session.settings.depth):
            if session.shard and not session.shard.judges(rule):
                continue
            yield RuleItem.from_parent(  # pyright: ignore[reportUnknownMemberType]  # pytest has no types there
                self, name=rule.id, rule=rule
            )


class RuleItem(pytest.Item):
    """One rule: waits for its verdict and turns it into a pytest outcome."""

    def __init__(self, *, rule: Rule, **rest: Any) -> None:
        super().__init__(**rest)  # pyright: ignore[reportUnknownMemberType]  # pytest has no types there
        self.rule = rule
        self.line: dict[str, Any] | None = None
        for name in marker_names(rule):
            self.add_marker(name)
        self.user_properties += [
            ("strength", rule.strength.value),
            ("chapter", rule.chapter),
            ("property", rule.property),
        ]

    def ask(self) -> dict[str, Any]:
        """The record line of the rule; blocks until it is there. A worker asks its whole share at once."""
        session = self.config.stash[SESSION]
        waiting = [item.name for item in self.session.items if isinstance(item, RuleItem)]
        if workers := getattr(self.config, "workerinput", {}).get("workercount"):
            of = spread(waiting, workers)
            waiting = [name for name in waiting if of[name] == of[self.name]]
        session.submit(waiting)
        return session.line(self.name)

    def runtest(self) -> None:
        """Ask, wait, judge."""
        self.line = line = self.ask()
        verdict = Verdict(line["verdict"])
        self.user_properties.append(("verdict", verdict.value))
        if "finding" in line:
            self.user_properties.append(("symptom", line["finding"]["symptom"]))
        if verdict is Verdict.WAIVED:
            waiver = line["finding"]["waiver"]
            pytest.xfail(printable(f"waived until {waiver['expires']}: {waiver['reason']} ({waiver['owner']})"))
        if verdict in RED:
            raise BrokenRule(failure_text(line))
        if verdict in (Verdict.NOT_OFFERED, Verdict.BLOCKED, Verdict.ERROR):
            why = line["note"] or (f"see {line['blocked_by']}" if line["blocked_by"] else "")
            pytest.skip(f"{verdict.value}: {why}".rstrip(": "))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The finding alone: a traceback into the suite helps nobody, and to parse its sources for one fails where a
        thread that draws bodies parses as well."""
        if isinstance(excinfo.value, BrokenRule | pytest.xfail.Exception):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says the item is: no file of the user's."""
        return self.path, None, f"chatproof {self.name}"


def marker_names(rule: Rule) -> list[str]:
    """What ``-m`` can select a rule by: strength, chapter, property, needed capabilities, and ``gate``."""
    names = [rule.strength.value, rule.chapter, rule.property, *rule.needs]
    if isinstance(rule, Gate):
        names.append("gate")
    return list(dict.fromkeys(name for name in names if name))


def all_markers(catalogue: Catalogue) -> list[str]:
    """Every marker of the catalogue, for pytest's registry."""
    return sorted({name for rule in catalogue.by_id.values() for name in marker_names(rule)})
