"""A run in several processes: what the controller hands to a worker, and what a worker tells at its end.

Plain values only, and no secret among them: workers read their own environment.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date
from typing import Any

from . import vendor
from .access import restored as restored_access
from .budget import Budget
from .depths import Settings, own_pins
from .results import Capability
from .session import Session
from .shards import Share
from .target import Target
from .waivers import restored


def handed_over(session: Session, workers: int) -> dict[str, Any]:
    """What one of so many workers needs, as plain values. No secret is among them: workers read their own
    environment."""
    assert session.target is not None
    target = {
        "base": session.target.base,
        "query": session.target.query,
        "model": session.target.model,
        "fields": dict(session.target.fields),
        "models": dict(session.target.models),
        "extra": dict(session.target.extra),
        "plain_headers": session.target.plain_headers,
    }
    return {
        "endpoint": session.endpoint,
        "target": target,
        "access": asdict(session.access),
        "settings": asdict(session.settings),
        "vendors": bool(session.vendors),
        "capabilities": {name: found.value for name, found in session.capabilities.items()},
        "waivers": session.waivers.header(),
        "today": session.today.isoformat(),
        "lines": list(session.lines.values()),
        "shard": session.shard.told() if session.shard else None,
        "budget": _budget_of(session, workers),
        "databases": session.databases,
    }


def _budget_of(session: Session, workers: int) -> dict[str, int | None] | None:
    """The ceilings of the next worker, counted as spent until it tells. One in place of a dead one gets none."""
    if session.budget is None:
        return None
    if not session.shares:
        session.shares = session.budget.shares(workers, own_pins(session.catalogue))
    return session.shares.pop() if len(session.shares) > 1 else session.shares[0]


def taken_over(handed: dict[str, Any], workers: int) -> Session:
    """The session of a worker, whose lanes are its share of what may be in flight."""
    settings = Settings(**handed["settings"])
    settings = replace(settings, in_flight=max(1, -(-settings.in_flight // max(1, workers))))
    access = restored_access(handed["access"])
    access = replace(access, rate=access.share(max(1, workers)))
    vendors = vendor.found() if handed["vendors"] else ()
    session = Session(handed["endpoint"], handed["target"]["model"], access, settings, vendors=vendors)
    session.is_worker = True
    session.databases = handed["databases"]
    session.budget = Budget(**handed["budget"], part=True) if handed["budget"] else None
    how = access.resolving()
    if settings.key == "none":
        how["key"] = None
    session.target = Target(**handed["target"], **how, budget=session.budget)
    session.capabilities = {name: Capability(value) for name, value in handed["capabilities"].items()}
    session.lines = {line["rule"]: line for line in handed["lines"]}
    session.submitted.update(session.lines)
    session.shard = Share(**handed["shard"]) if handed["shard"] else None
    session.waivers = restored(handed["waivers"])
    session.today = date.fromisoformat(handed["today"])
    return session


def outcome(session: Session) -> dict[str, Any]:
    """What a worker tells the controller at its end, as plain values."""
    spent = session.budget.told() if session.budget else None
    fault = session.shared.fault if session.shared else ""
    told = {"gone": session.gone, "suspects": session.suspects, "budget": spent, "fault": fault}
    return {"traffic": session.traffic.as_dict(), **told}


def add(session: Session, outcome: dict[str, Any]) -> None:
    """In the controller: what a worker told at its end."""
    session.traffic.merge(outcome["traffic"])
    session.gone = session.gone or outcome["gone"]
    if session.shared:
        session.shared.fault = session.shared.fault or outcome["fault"]
    if session.budget:
        session.budget.add(outcome["budget"])
    session.suspects += [text for text in outcome["suspects"] if text not in session.suspects]
