"""Some bodies that must be refused are asked beside valid properties that have nothing to do with their fault: a check
that a server skips when it streams, or when there are tools, is seen without a request more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from enum import Enum

from ..strategies.bodies import lean
from ..strategies.company import COMPANY, NULLS, STREAMED, company, nulls
from ..strategies.json_values import is_object
from ..strategies.surroundings import SURROUNDING, TURNS, surrounded
from .depths import DEPTHS, Settings, drawn_count
from .exchange import Body, Request
from .model import RequestRule
from .plan import Case, accompanied

ENOUGH_ALONE = 1
"""Pins of a rule that are asked without company; those behind them may have some. Where few are asked of each rule a
single one has company: what is refused beside others is refused alone, unless the server is odder than any."""

LABEL = "valid options together"
"""What the request is called that finds out which company a server takes."""

SUSPECTS = (
    frozenset({"multiple_choices"}),  # services refuse several choices at temperature 0
    frozenset({NULLS}),
    frozenset({"tool_messages"}),
    frozenset(SURROUNDING),
    frozenset({"forced_tool"}),
    frozenset({"tools", "tool_choice", "forced_tool", "tool_messages"}),
    frozenset({"logprobs"}),
    frozenset({"response_format"}),
)
"""Features that some services refuse beside others, the likeliest first."""


GUESTS = frozenset((*COMPANY, *SURROUNDING, NULLS))
"""All features that may keep company."""


async def welcome(offered: Collection[str], vintage: str, takes: Callable[[Body], Awaitable[bool]]) -> frozenset[str]:
    """The features that keep company at this server, of those it offers: what is refused for its company says nothing
    about its fault. ``takes`` asks whether a valid body is accepted; it is asked once where all may come, and not where
    there is a stream alone, whose gate has asked."""
    everybody = GUESTS & {*offered, TURNS, NULLS}
    fewer = [everybody - group for group in SUSPECTS if everybody & group]
    for guests in dict.fromkeys((everybody, *fewer, everybody.difference(*SUSPECTS))):
        if guests <= {STREAMED}:
            break
        if await takes(together(guests, vintage)):
            return guests
    return everybody & {STREAMED}


def together(guests: frozenset[str], vintage: str) -> Body:
    """A valid body with all company that these features are."""
    body = lean(**company({}, "", guests, streamed=True))
    body |= nulls(body, "", guests, vintage)
    messages = surrounded(lean(), "", guests, tool_last=True)
    return {**body, "messages": messages} if messages else body


class _Beside(Enum):
    """What a body is asked beside, other options apart."""

    STREAM = "a stream"
    TALK = "a longer conversation, and null for all options that are left"


def in_company(
    rule: RequestRule, cases: Sequence[Case], offered: Collection[str], chosen: Settings, *, drawn: bool
) -> list[Case]:
    """The pins of a rule, or with ``drawn`` its drawn cases, the last of them in company: one with a stream and one in
    a longer conversation, of those drawn if they are enough."""
    cases = list(cases)
    if not accompanied(rule):
        return cases
    among = frozenset(offered)
    beside = _company_of(rule, cases, chosen, drawn=drawn)
    for place, one in zip(range(len(cases) - 1, -1, -1), beside, strict=False):
        if not cases[place].kept:
            cases[place] = _asked_beside(cases[place], among, one, chosen.vintage)
    return cases


def _company_of(rule: RequestRule, cases: Sequence[Case], chosen: Settings, *, drawn: bool) -> list[_Beside]:
    """The company of the last cases, the very last first."""
    draws = drawn_count(rule, chosen)
    enough = 0 if len(cases) == 1 and DEPTHS[chosen.depth].jointly else ENOUGH_ALONE
    odd = bool(cases) and cases[-1].order[-2] % 2 == 1  # by the place of the rule
    wanted = [_Beside.TALK, _Beside.STREAM] if odd else [_Beside.STREAM, _Beside.TALK]
    # a drawn conversation is made smaller as it was drawn: none stands around it
    of_drawn = [one for one in wanted if one is _Beside.STREAM or rule.property != "messages"][:draws]
    rest = [one for one in wanted if one not in of_drawn]
    return of_drawn if drawn else rest[: max(0, len(cases) - enough)]


def _asked_beside(case: Case, offered: frozenset[str], beside: _Beside, vintage: str) -> Case:
    """A case with all that may be added to its body."""
    request, prop = case.request, case.rule.property
    if not is_object(request.body) or request != Request(body=request.body):
        return case  # sent as it is for a reason
    body = request.body
    added = company(body, prop, offered, streamed=beside is _Beside.STREAM)
    if beside is _Beside.TALK:
        added |= nulls({**body, **added}, prop, offered, vintage)
    tool_last = case.order[-2] // 2 % 2 == 1
    messages = surrounded(body, prop, offered, tool_last=tool_last) if beside is _Beside.TALK else None
    if messages:
        added["messages"] = messages
    return replace(case, request=Request(body={**body, **added}), alone=request) if added else case


def added_to(case: Case) -> Body:
    """What a case has beside its body alone, with the messages where others stand around its own; empty where it is not
    in company."""
    if case.alone is None:
        return {}
    alone = case.alone.body
    return {key: value for key, value in case.request.body.items() if key not in alone or alone[key] is not value}


def without_company(body: Body, case: Case) -> Body:
    """A body that was made of a case's, without what the case has beside its body alone."""
    added = added_to(case)
    kept = {name: value for name, value in body.items() if name not in added}
    return {**kept, "messages": case.alone.body["messages"]} if case.alone and "messages" in added else kept
