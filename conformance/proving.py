"""How many faults the suite finds: a campaign against each of many wrong servers, and a kill matrix of the verdicts.

The servers are one process that prints a manifest (``tests/mutants/serve.py``); nothing here knows what is wrong
with any of them before its campaign has ended. Bodies are drawn once for all of them: the list of a seed is the same.
"""

from __future__ import annotations

import fnmatch
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .access import Access
from .catalogue import properties
from .depths import Settings, asked_at
from .results import OURS, Verdict
from .session import Session
from .vintages import FIRST, VINTAGES

BROAD = ("messages", "tools", "functions", "response_format")
"""Properties with so much inside that a rule about one part says nothing about a fault in another."""

ALIKE = ("many.", "together.")
"""How the rules begin of which any may show one fault: of many requests at once, and of options that meet. A small run
asks only some of them."""

RED = (Verdict.FAILED.value, Verdict.INCONSISTENT.value)


class ProvingError(Exception):
    """The wrong servers cannot be had; the message is one line."""


@dataclass(frozen=True)
class Subject:
    """One server, with the ``key`` that it wants.

    It is asked what holds in its ``vintage``. ``fails``: rules that must show its fault; ``with_it``: patterns of rules
    that may as well; ``warnings``: patterns of rules that may warn of a server without a fault.
    """

    name: str
    property: str
    family: str
    fails: tuple[str, ...]
    with_it: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    key: str | None = None
    vintage: str = FIRST


@dataclass(frozen=True)
class Trial:
    """What one campaign made of one wrong server; ``first`` is the number of requests until a rule failed.

    ``kin`` are the failed rules about the property of the fault, of its family, or about a part of what a rule of
    the fault is about, as their ids say.
    """

    subject: Subject
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    shown: tuple[str, ...]
    requests: int
    first: int | None
    seconds: float
    error: str = ""
    kin: tuple[str, ...] = ()

    @property
    def seen(self) -> tuple[str, ...]:
        """The rules of the fault that show it."""
        return tuple(rule for rule in self.subject.fails if rule in self.shown)

    @property
    def killed(self) -> bool:
        """Whether any rule failed, or a rule that can only inform says what is wrong."""
        return bool(self.failed or self.seen)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Failed rules that have nothing to do with the fault."""
        named = (*self.subject.fails, *self.subject.with_it, *self.kin)
        # the twin of a rule for streams asks the same of the same feature
        expected = (*named, *(f"{row}.stream" for row in named))
        return tuple(rule for rule in self.failed if not any(fnmatch.fnmatchcase(rule, row) for row in expected))

    @property
    def barked(self) -> tuple[str, ...]:
        """What is said against a server without a fault: failures, and warnings that are not its own."""
        warned = [
            rule for rule in self.warned if not any(fnmatch.fnmatchcase(rule, row) for row in self.subject.warnings)
        ]
        return (*self.failed, *warned)

    @property
    def right(self) -> bool:
        """Whether a rule of the fault or of its property shows it, and no other rule fails."""
        return bool(self.seen or self.kin) and not self.wrong and not self.error

    @property
    def exact(self) -> bool:
        """Whether besides the very rule that was expected shows it."""
        return self.right and bool(self.seen)

    @property
    def missed(self) -> tuple[str, ...]:
        """Rules of the fault that do not show it."""
        return tuple(rule for rule in self.subject.fails if rule not in self.shown)


@contextmanager
def servers(folder: Path) -> Generator[tuple[str, list[Subject]]]:
    """Starts the wrong servers of a package (``python -m NAME.serve`` serves them): root URL and subjects."""
    if not (folder / "serve.py").exists():
        raise ProvingError(f"{folder}: no single-fault servers there; name tests/mutants of a checkout with --servers")
    process = subprocess.Popen(
        [sys.executable, "-m", f"{folder.name}.serve"],
        cwd=folder.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise ProvingError(f"{folder}: the servers did not start (exit code {process.wait(10)})")
        manifest = json.loads(line)
        rows = [
            Subject(
                row["name"],
                row.get("property", ""),
                row.get("family", ""),
                tuple(row.get("fails", ())),
                tuple(row.get("with_it", ())),
                tuple(row.get("warnings", ())),
                row.get("key"),
                row.get("vintage", FIRST),
            )
            for row in manifest["servers"]
        ]
        yield f"http://127.0.0.1:{manifest['port']}", rows
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


KEY_VARIABLE = "CHATPROOF_PROVE_KEY"
"""Variable that holds the key of a server that wants one."""


def verdicts(url: str, settings: Settings, key: str | None = None) -> tuple[dict[str, dict[str, Any]], int, int | None]:
    """One whole campaign: record lines by rule, requests sent, and those sent until the first rule failed."""
    first: list[int] = []
    os.environ.pop(KEY_VARIABLE, None)
    if key:
        os.environ[KEY_VARIABLE] = key
    session = Session(url, None, Access(KEY_VARIABLE), settings)

    def saw(line: Mapping[str, Any]) -> None:
        if line["verdict"] in RED and not first:
            first.append(session.sent)

    session.on_line = saw
    try:
        session.open(None)
        session.ask_gates()
        wanted = [rule.id for rule in asked_at(session.catalogue, settings.depth)]
        session.submit(wanted)
        lines = {name: session.line(name) for name in wanted}
    finally:
        session.close()
    return lines, session.traffic.requests, first[0] if first else None


def attempt(root: str, subject: Subject, settings: Settings) -> Trial:
    """The campaign against one wrong server; what keeps it from being made is told as ``error``."""
    started = time.monotonic()
    try:
        asked = replace(settings, vintage=subject.vintage)
        lines, requests, first = verdicts(f"{root}/{subject.name}/v1", asked, subject.key)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        return Trial(subject, (), (), (), 0, None, time.monotonic() - started, why)
    failed = tuple(name for name, line in lines.items() if line["verdict"] in RED)
    warned = tuple(name for name, line in lines.items() if line["verdict"] == Verdict.WARNING.value)
    shown = tuple(name for name, line in lines.items() if "finding" in line)
    about = subject.property if subject.property in properties(VINTAGES[-1]) and subject.property not in BROAD else None
    alike = tuple(start for start in ALIKE if any(name.startswith(start) for name in subject.fails))
    kin = tuple(
        name
        for name in failed
        if lines[name]["property"] == about
        or name.startswith(alike)
        or (not name.startswith("mm.") and name.startswith(tuple(f"{row}." for row in subject.fails)))
    )
    broken = next((f"{name}: {line['note']}" for name, line in lines.items() if OURS in line.get("note", "")), "")
    return Trial(subject, failed, warned, shown, requests, first, time.monotonic() - started, broken, kin=kin)


@dataclass(frozen=True)
class Summary:
    """The kill matrix in figures. ``precision``: failing rules that belong to the fault, of all failing rules."""

    servers: int
    killed: int
    right: int
    exact: int
    precision: float
    median_first: float | None
    requests: int
    seconds: float


def summary(trials: Sequence[Trial]) -> Summary:
    """Counts over all trials."""
    failing = sum(len(trial.failed) for trial in trials)
    wrong = sum(len(trial.wrong) for trial in trials)
    firsts = [trial.first for trial in trials if trial.first is not None]
    return Summary(
        servers=len(trials),
        killed=sum(trial.killed for trial in trials),
        right=sum(trial.right for trial in trials),
        exact=sum(trial.exact for trial in trials),
        precision=1 - wrong / failing if failing else 1.0,
        median_first=statistics.median(firsts) if firsts else None,
        requests=sum(trial.requests for trial in trials),
        seconds=sum(trial.seconds for trial in trials),
    )


def as_json(trials: Sequence[Trial], settings: Settings) -> dict[str, Any]:
    """The matrix as plain values."""
    rows = [
        asdict(trial)
        | {
            "killed": trial.killed,
            "right": trial.right,
            "exact": trial.exact,
            "wrong": trial.wrong,
            "missed": trial.missed,
        }
        for trial in trials
    ]
    return {"settings": asdict(settings), "summary": asdict(summary(trials)), "trials": rows}


def prove(
    folder: Path,
    settings: Settings,
    chosen: Callable[[list[Subject]], list[Subject]],
    progress: Callable[[Trial, int], None] = lambda trial, of: None,
) -> list[Trial]:
    """A trial for each server that ``chosen`` leaves of the manifest; ``progress`` gets each, and their number."""
    trials: list[Trial] = []
    with servers(folder) as (root, subjects):
        wanted = chosen(subjects)
        for subject in wanted:
            trials.append(attempt(root, subject, settings))
            progress(trials[-1], len(wanted))
    return trials
