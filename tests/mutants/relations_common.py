"""Usual ways to make a server that treats some requests wrongly: what it refuses, skips, or reads differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

Body = dict[str, Any]
When = Callable[[Body], Any]


def refused_when(when: When, status: int = 400) -> Reference:
    """Refuses, with this status, valid bodies of which `when` is true; invalid ones have their own reason first."""
    kind = "invalid_request_error" if status < 500 else "server_error"

    def found(ask: Ask) -> list[Reason]:
        if any(True for check in CHECKS for _ in check.function(ask)) or not when(ask.body):
            return []
        return [Reason("mutant", "Not taken here.", None, None, status=status, type=kind)]

    return Reference(checks=(*CHECKS, Check("mutant", found)))


def unchecked_when(when: When, *names: str) -> Reference:
    """Skips the checks of these names (of none: all but those of `model` and `messages`) where `when` is true."""

    def lax(check: Check) -> Check:
        return Check(check.name, lambda ask: () if when(ask.body) else check.function(ask))

    wanted = names or tuple(row.name for row in CHECKS if not row.name.startswith(("http.", "model.", "messages.")))
    return Reference(checks=tuple(lax(check) if check.name in wanted else check for check in CHECKS))


def seeing_messages(view: Callable[[list[Any]], list[Any]], *names: str) -> Reference:
    """The checks of these names see only a part of the conversation."""

    def partial(check: Check) -> Check:
        def found(ask: Ask) -> Iterable[Reason]:
            rows = ask.body.get("messages")
            if not isinstance(rows, list):
                return check.function(ask)
            body = {**ask.body, "messages": view(rows)}
            return check.function(Ask(body, ask.limits, ask.models, body))

        return Check(check.name, found)

    assert set(names) <= {check.name for check in CHECKS}, names
    return Reference(checks=tuple(partial(check) if check.name in names else check for check in CHECKS))


def reading(parse: Callable[[bytes], Any]) -> Reference:
    """With another reader of bodies."""
    return Reference(behaviour=Behaviour(parse=parse))


def has(*names: str) -> When:
    """Whether all of these properties are given, and not as null."""
    return lambda body: all(body.get(name) is not None for name in names)


def parts_in(body: Body) -> bool:
    """Whether a message has its content as an array."""
    rows = body.get("messages")
    rows = rows if isinstance(rows, list) else []
    return any(isinstance(row, dict) and isinstance(row.get("content"), list) for row in rows)
