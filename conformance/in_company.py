"""Some bodies that must be refused are asked beside valid properties that have nothing to do with their fault: a check
that a server skips when it streams, or when there are tools, is seen without a request more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

from ..strategies.bodies import lean
from ..strategies.company import COMPANY, STREAMED, company
from ..strategies.json_values import is_object
from .exchange import Body, Request
from .model import RequestRule
from .plan import DEPTHS, Case, accompanied

MANY_PINS = 3
"""Pins of a rule that draws nothing from which on the last is asked in company."""

LABEL = "valid options together"
"""What the request is called that finds out which company a server takes."""

SUSPECTS = (
    frozenset({"multiple_choices"}),  # services refuse several choices at temperature 0
    frozenset({"forced_tool"}),
    frozenset({"tools", "tool_choice", "forced_tool"}),
    frozenset({"logprobs"}),
    frozenset({"response_format"}),
)
"""Features that some services refuse beside others, the likeliest first."""

FEW_PINS = 2
"""The same where few are asked of each rule, with a stream as the only company."""


async def welcome(offered: Collection[str], takes: Callable[[Body], Awaitable[bool]]) -> frozenset[str]:
    """The features that keep company at this server, of those it offers: what is refused for its company says nothing
    about its fault. ``takes`` asks whether a valid body is accepted; it is asked once where all may come, and not where
    there is one alone, whose gate has asked."""
    everybody = frozenset(COMPANY) & set(offered)
    if len(everybody) < 2:
        return everybody
    fewer = [everybody - group for group in SUSPECTS if everybody & group]
    for guests in dict.fromkeys((everybody, *fewer, everybody.difference(*SUSPECTS))):
        if await takes(lean(**company({}, "", guests, streamed=True))):
            return guests
    return everybody & {STREAMED}


def in_company(
    rule: RequestRule, cases: Sequence[Case], offered: Collection[str], depth: str, *, drawn: bool
) -> list[Case]:
    """The pins of a rule, or with ``drawn`` its drawn cases, the last of them in company: of those drawn the last one
    with a stream, and the one before, where it is not the first, without."""
    cases = list(cases)
    if not accompanied(rule):
        return cases
    few = DEPTHS[depth].jointly
    if drawn:
        places = {len(cases) - 1: True, len(cases) - 2: False} if len(cases) > 2 else {len(cases) - 1: True}
    else:
        draws = rule.examples is not None and DEPTHS[depth].examples > 0
        enough = not draws and len(cases) >= (FEW_PINS if few else MANY_PINS)
        places = {len(cases) - 1: True} if enough else {}
    among = frozenset({STREAMED} & set(offered) if few else offered)
    for place, streamed in places.items():
        if 0 <= place < len(cases) and not cases[place].kept:
            cases[place] = _beside(cases[place], among, streamed=streamed)
    return cases


def _beside(case: Case, offered: frozenset[str], *, streamed: bool) -> Case:
    """A case with all that may be added to its body."""
    request = case.request
    if not is_object(request.body) or request != Request(body=request.body):
        return case  # sent as it is for a reason
    added = company(request.body, case.rule.property, offered, streamed=streamed)
    return replace(case, request=Request(body={**request.body, **added}), alone=request) if added else case


def added_to(case: Case) -> Body:
    """What a case has beside its body alone; empty where it is not in company."""
    alone = case.request.body if case.alone is None else case.alone.body
    return {key: value for key, value in case.request.body.items() if key not in alone}
