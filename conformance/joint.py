"""Valid bodies merged into few requests, so that a small run asks more of them.

What a server takes together it takes alone (the fact base's mm.monotone.good), so one acceptance speaks for all that is
in a request. A refusal says nothing about any of them: then each is asked alone, and only that is judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..strategies.bodies import lean
from ..strategies.json_values import is_object
from .exchange import Body, Request
from .plan import Case, joinable

MOST = 12
"""Bodies that are merged into one."""

LABEL = "valid bodies together"
"""What such a request is for, in place of a rule id."""

LONGEST = 4096
"""Bytes of a body from which on it is asked alone: it may not fit the server's window."""

APART = (
    {"tools", "tool_choice", "parallel_tool_calls"},
    {"functions", "function_call"},
    {"response_format"},
    {"prediction"},
    {"audio", "modalities"},
)
"""Groups of properties of which services are known to take only one at a time."""

COUPLED = (
    {"n", "temperature"},
    {"n", "prediction"},
    {"logprobs", "prediction"},
    {"stream", "audio"},
    {"stream", "modalities"},
    {"store", "metadata"},
    {"max_tokens", "max_completion_tokens"},
    {"max_completion_tokens", "prediction"},
)
"""Pairs of properties that some servers couple: they meet only where one of the bodies has both."""


@dataclass
class Group:
    """Cases whose bodies are one request."""

    body: Body
    cases: list[Case]


def groups(cases: Iterable[Case]) -> list[Group]:
    """Each case in one group, in the order of the first of each. A case that cannot be merged is a group of its own."""
    found: list[Group] = []
    open_: list[Group] = []
    for case in cases:
        body = _body(case)
        merged = None
        for group in open_ if body is not None else ():
            merged = _merged(group.body, body or {})
            if merged is not None:
                group.body = merged
                group.cases.append(case)
                if len(group.cases) == MOST:
                    open_.remove(group)
                break
        if merged is None:
            found.append(Group(body or {}, [case]))
            if body is not None:
                open_.append(found[-1])
    return found


def request_of(group: Group) -> Request:
    """What is sent for a group."""
    return group.cases[0].request if len(group.cases) == 1 else Request(body=group.body)


def _body(case: Case) -> Body | None:
    """The body of a case that may be merged."""
    request = case.request
    if not joinable(case.rule) or not is_object(request.body) or request != Request(body=request.body):
        return None
    return request.body if len(request.content) <= LONGEST else None


def _merged(one: Body, other: Body) -> Body | None:
    """Both bodies in one, or None where they say different things about a property or should not meet."""
    plain = lean()
    first, second = _added(one, plain), _added(other, plain)
    if any(one[name] != other[name] for name in first.keys() & second.keys()):
        return None
    both = first | second
    met = [pair for pair in COUPLED if pair <= both.keys() and not (pair <= first.keys() or pair <= second.keys())]
    if met or sum(bool(family & both.keys()) for family in APART) > 1:
        return None
    return {**plain, **both}


def _added(body: Body, plain: Body) -> Body:
    return {name: value for name, value in body.items() if name not in plain or plain[name] != value}
