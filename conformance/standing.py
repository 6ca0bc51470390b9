"""How a run stands: its counts and its verdict, what was not asked, and the first and last line of its record."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import clients, record, vendor
from .depths import asked_at
from .results import Verdict
from .target import REFERENCE

if TYPE_CHECKING:
    from .session import Session


def counts(run: Session) -> dict[str, int]:
    """Number of rules by verdict, without those of vendors."""
    return dict(Counter(line["verdict"] for name, line in run.lines.items() if not vendor.is_vendor(name)))


def verdict(run: Session) -> str:
    """``conformant``, ``non-conformant`` or ``incomplete``, as far as the run has come."""
    verdict = record.verdict_of_run(counts(run))
    if run.settings.strict and waiver_remarks(run, of_vendors=False):
        return record.NON_CONFORMANT  # as the exit code says
    return record.INCOMPLETE if verdict == record.CONFORMANT and not complete(run) else verdict


def vendor_counts(run: Session) -> dict[str, dict[str, int]]:
    """Number of vendors' rules, by chapter and verdict."""
    return {
        one.chapter.name: dict(
            Counter(line["verdict"] for line in run.lines.values() if line["chapter"] == one.chapter.name)
        )
        for one in run.vendors
    }


def waiver_remarks(run: Session, *, of_vendors: bool = True) -> list[str]:
    """What the waivers say too much about this run, in sentences; ``of_vendors``: of vendors' rules as well."""
    if run.target is None:
        return []
    lines = [line for name, line in run.lines.items() if of_vendors or not vendor.is_vendor(name)]
    return run.waivers.remarks(lines, run.target.model, run.settings.vintage, run.today)


def of_answers(run: Session) -> dict[str, int]:
    """Rules about answers: with any judged, with others' answers judged, and requests of their own."""
    official = (rule.id for rule in run.catalogue.answers if not vendor.is_vendor(rule.id))
    asked = [run.lines[name] for name in official if name in run.lines]
    judged = [line for line in asked if line["judged"]]
    return {
        "rules": len(judged),
        "from_traffic": sum(line["judged_traffic"] > 0 for line in judged),
        "extra_requests": sum(line["requests"] for line in asked),
    }


def complete(run: Session) -> bool:
    """Whether every rule was asked, and every death of a server that was started here has its finding."""
    died = run.lifeline.deaths if run.lifeline else []
    return not unasked(run) and not (died and run.unexplained)


def unasked(run: Session) -> list[str]:
    """Rules that were to be asked and have no verdict, or one that says they were not asked."""
    missing = [name for name in run.expected if name not in run.lines]
    errors = [name for name, line in run.lines.items() if line["verdict"] == Verdict.ERROR.value]
    return sorted(missing) + errors


def header(run: Session) -> dict[str, Any]:
    """The first line of its record."""
    assert run.target is not None
    ids = [rule.id for rule in asked_at(run.catalogue, run.settings.depth)]
    names = ["chatproof", "hypothesis", "hypothesis-jsonschema", "pytest", "httpx"]
    names += ["openai"] if clients.installed() else []
    return (
        {
            "kind": "header",
            "format": record.FORMAT,
            "suite": importlib.metadata.version("chatproof"),
            "catalogue": run.catalogue.hash,
            "rules": sum(not vendor.is_vendor(name) for name in ids),
            "vintage": run.settings.vintage,
            "endpoint": run.target.base,
            "model": run.target.model,
            "profile": run.profile.name,
            "capabilities": {name: found.value for name, found in run.capabilities.items()},
            "seed": run.settings.seed,
            "command": run.command,
            "settings": asdict(run.settings),
            "versions": {name: importlib.metadata.version(name) for name in names}
            | {"python": platform.python_version()},
            "started": record.now(),
        }
        | ({"vendors": [one.told(ids) for one in run.vendors]} if run.vendors else {})
        | ({"claims": run.profile.header()} if run.profile.digest else {})
        | ({"waivers": run.waivers.header()} if run.waivers.entries else {})
        | ({"embedded": True} if run.endpoint == REFERENCE else {})
        | ({"shard": run.shard.told()} if run.shard else {})
    )


def footer(run: Session) -> dict[str, Any]:
    """The last line of its record."""
    return (
        {
            "kind": "footer",
            "requests": run.traffic.requests,
            "tokens": run.traffic.tokens,
            "seconds": round(time.monotonic() - run.started, 3),
            "counts": counts(run),
            "verdict": verdict(run),
            "traffic": run.traffic.told(),
            "answers": of_answers(run),
            "incidents": run.incidents,
            "finished": record.now(),
        }
        | ({"budget": run.budget.told()} if run.budget else {})
        | ({"resumed": len(run.earlier.lines)} if run.earlier else {})
        | ({"waiver_remarks": remarks} if (remarks := waiver_remarks(run, of_vendors=False)) else {})
        | ({"vendors": vendor_counts(run)} if run.vendors else {})
        | run.more
    )
