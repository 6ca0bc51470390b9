"""Valid bodies merged into few requests, so that a small run asks more of them.

What a server takes together it takes alone (the fact base's mm.monotone.good), so one acceptance speaks for all that is
in a request. A refusal says nothing about any of them: then each is asked alone, and that is judged. Where each is
taken, the combination of their options is judged as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..strategies.bodies import lean
from ..strategies.in_one import APART, declaration, families, in_one
from ..strategies.json_values import is_array, is_object
from .depths import joinable
from .exchange import TOKEN_BOUNDS, Body, Request
from .model import Gate
from .plan import Case

MOST = 15
"""Bodies that are merged into one."""

LABEL = "valid bodies together"
"""What such a request is for, in place of a rule id."""

LONGEST = 4096
"""Bytes of a body from which on it is asked alone: it may not fit the server's window."""

LARGEST = 6144
"""Bytes of merged bodies: what is longer may not fit either."""

COUPLED = (
    {"n", "temperature"},
    {"n", "top_p"},
    {"n", "prediction"},
    {"logprobs", "prediction"},
    {"stream", "audio"},
    {"stream", "modalities"},
    {"store", "metadata"},
    {"max_tokens", "max_completion_tokens"},
    {"max_completion_tokens", "prediction"},
    *({"reasoning_effort", name} for name in ("tools", "functions", "web_search_options")),
    *({"web_search_options", name} for name in ("tools", "functions")),
)
"""Pairs of properties that some servers couple: they meet only where one of the bodies has both."""


@dataclass
class Group:
    """Cases whose bodies are one request."""

    body: Body
    cases: list[Case]


def groups(cases: Iterable[Case]) -> list[Group]:
    """Each case in one group, in the order of the first of each. A case that cannot be merged is a group of its own.

    Bodies of which few meet others are dealt first, so that the rest rides with them.
    """
    found: list[Group] = []
    cases = list(cases)
    bodies = {id(case): _body(case) for case in cases}
    for case in sorted(cases, key=lambda case: _lonely(bodies[id(case)])):
        body = bodies[id(case)]
        for group in found if body is not None else ():
            both = merged(group.body, body or {}) if group.body and len(group.cases) < MOST else None
            if both is not None:
                group.body = both
                group.cases.append(case)
                break
        else:
            found.append(Group(body or {}, [case]))
    for group in found:
        group.cases.sort(key=lambda case: case.order)
    return sorted(found, key=lambda group: group.cases[0].order)


def probes(gates: Iterable[Gate]) -> list[tuple[list[Gate], Body]]:
    """Gates that are satisfied if one body is accepted, with that body, which says what their probes say: of those that
    look for no effect and set no bound. What not every server has is apart, so that its refusal leaves the others."""
    gates = [gate for gate in gates if gate.effect is None and gate.probe.keys().isdisjoint(TOKEN_BOUNDS)]
    found: list[tuple[list[Gate], Body]] = []
    for optional in (False, True):
        members: list[Gate] = []
        body: Body = {}
        for gate in (gate for gate in gates if gate.optional is optional):
            both = merged(body, gate.probe) if body else gate.probe
            if both is not None:
                members.append(gate)
                body = both
        if len(members) > 1:
            found.append((members, body))
    return found


def _lonely(body: Body | None) -> int:
    """0 for a body that meets few others."""
    return 0 if body and families(body) else 1


def request_of(group: Group) -> Request:
    """What is sent for a group."""
    return group.cases[0].request if len(group.cases) == 1 else Request(body=group.body)


_PARTNERS = {"messages": "response_format", "tools": "tool_choice", "functions": "function_call"}
"""What is merged inside, and what a body of it may be meant for."""


def combination(group: Group) -> Body | None:
    """The options of a group, nulls apart, with the conversation, tools and functions of one of its bodies: two
    conversations in one may be longer, and hold more pictures, than a server takes. None where guides exclude some of
    what meets."""
    names = group.body.keys()
    if len(group.cases) == 1 or not names.isdisjoint(("prediction", "audio", "modalities")):
        return None
    if sum(not names.isdisjoint(family) for family in APART) > 1:
        return None
    if any(pair <= names for pair in COUPLED if pair != {"store", "metadata"}):  # the two belong together
        return None
    bodies = [case.request.body for case in group.cases]
    body = {name: value for name, value in group.body.items() if value is not None} | lean()
    for name, partner in _PARTNERS.items():
        meant = [one for one in bodies if name in one and partner in one]
        others = [one for one in bodies if name in one] if name != "messages" else []
        for one in [*meant, *others][:1]:
            body[name] = one[name]
    return body


def _body(case: Case) -> Body | None:
    """The body of a case that may be merged."""
    request = case.request
    if not joinable(case.rule) or not is_object(request.body) or request != Request(body=request.body):
        return None
    if not _ordinary(request.body):
        return None
    return request.body if len(request.content) <= LONGEST else None


def _ordinary(body: Body) -> bool:
    """Whether a body has the form that merging reads: others may write rules of what they like."""
    rows = body.get("messages")
    if not rows or not _each_has("role", rows):
        return False
    parts = [row["content"] for row in rows if is_array(row.get("content"))]
    calls = [row["tool_calls"] for row in rows if row.get("tool_calls") is not None]
    declared = [body[name] for name in ("tools", "functions") if body.get(name) is not None]
    return (
        all(_each_has("type", row) for row in parts)
        and all(_each_has("id", row) for row in calls)
        and all(_each_has("name", row, declaration) for row in declared)
    )


def _each_has(member: str, rows: Any, inside: Callable[[Body], Body] = lambda row: row) -> bool:
    """Whether something is a list of objects that all have this member, or have it ``inside``."""
    return is_array(rows) and all(is_object(row) and member in inside(row) for row in rows)


def merged(one: Body, other: Body) -> Body | None:
    """Both bodies in one, or None where they say different things about a property or should not meet."""
    both = in_one(one, other)
    if both is None or len(families(both)) > max(1, len(families(one)), len(families(other))):
        return None
    met = [pair for pair in COUPLED if pair <= both.keys() and not (pair <= one.keys() or pair <= other.keys())]
    return None if met or len(Request(body=both).content) > LARGEST else both
