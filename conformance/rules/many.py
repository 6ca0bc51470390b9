"""Many at once: what only concurrency shows. Each request bears a mark, and no answer may carry another's.

A violation is confirmed with the same requests in flight together, because alone they do not show it.
"""

from __future__ import annotations

from ...strategies.bodies import lean
from ..judge import Reaction, describe, react
from ..model import Body, Chapter, Exchange, Fresh, Relation, Request, Script, Strength, Undecided
from .forms import prose
from .views import choices, messages

TOGETHER = 12
"""Requests of one rule that are in flight together."""

_ODD = (Reaction.CRASHED, Reaction.DISCONNECTED, Reaction.KILLED)
"""No answers; a time-out is not among them, because many at once may simply take their time."""


def _all(bodies: list[Body]) -> list[Fresh]:
    return [Fresh(Request(body=body)) for body in bodies]


def _usable(exchanges: list[Exchange]) -> str | None:
    """What went wrong beside the answers; Undecided where some were declined for a reason of their own."""
    for exchange in exchanges:
        if react(exchange) in _ODD:
            return f"one of {len(exchanges)} requests at once got no answer ({describe(exchange)})"
    if any(react(exchange) is not Reaction.ACCEPTED for exchange in exchanges):
        raise Undecided("not all of the requests were accepted")
    return None


def counts(body: Body) -> Script:
    """Requests for one, two and three choices: each gets its own number."""
    exchanges: list[Exchange] = yield _all([{**body, "n": 1 + place % 3} for place in range(TOGETHER)])
    wrong = _usable(exchanges)
    if wrong:
        return wrong
    for place, exchange in enumerate(exchanges):
        if len(choices(exchange)) != 1 + place % 3:
            return f"{len(choices(exchange))} choices for n: {1 + place % 3}, with {TOGETHER} requests at once"
    return None


def names(body: Body) -> Script:
    """Requests that force a tool of their own: each gets a call of that tool."""

    def marked(place: int) -> Body:
        name = f"mark_{place}"
        function = {"name": name, "parameters": {"type": "object", "properties": {}}}
        choice = {"type": "function", "function": {"name": name}}
        return {**body, "tools": [{"type": "function", "function": function}], "tool_choice": choice, "max_tokens": 64}

    exchanges: list[Exchange] = yield _all([marked(place) for place in range(TOGETHER)])
    wrong = _usable(exchanges)
    if wrong:
        return wrong
    for place, exchange in enumerate(exchanges):
        for message in messages(exchange):
            for call in message.get("tool_calls") or []:
                function = call.get("function") if isinstance(call, dict) else None
                name = function.get("name") if isinstance(function, dict) else None
                if name != f"mark_{place}" and isinstance(name, str) and name.startswith("mark_"):
                    return f"the answer to a request with the tool mark_{place} calls {name}"
    return None


def refusals(body: Body) -> Script:
    """Valid and invalid requests in turn: each meets the same fate as alone."""
    bad = {**body, "messages": "Say hi."}
    alone: list[Exchange] = yield [Request(body=body), Request(body=bad)]
    if [react(exchange) for exchange in alone] != [Reaction.ACCEPTED, Reaction.REFUSED]:
        raise Undecided("alone, the valid request is not accepted or the invalid one not refused")
    turns = [alone[place % 2] for place in range(TOGETHER)]
    exchanges: list[Exchange] = yield _all([bad if place % 2 else body for place in range(TOGETHER)])
    if any(react(exchange) is Reaction.HUNG for exchange in exchanges):
        raise Undecided("not all of the requests were answered in time")
    for exchange, before in zip(exchanges, turns, strict=True):
        if react(exchange) is not react(before):
            return f"alone {describe(before)}, but {describe(exchange)} with {TOGETHER} requests at once"
    return None


CHAPTER = Chapter(
    "many",
    "Many at once",
    (
        Relation(
            id="many.choices",
            property="n",
            title="gives every request its own number of choices with many in flight",
            strength=Strength.MUST,
            source=prose("n: how many choices; an answer belongs to its request"),
            script=counts,
            pins=(lean(),),
            needs=("multiple_choices",),
        ),
        Relation(
            id="many.tools",
            property="tool_choice",
            title="calls the tool of the request, not of another one in flight",
            strength=Strength.MUST,
            source=prose("tool_choice: the named function is called; an answer belongs to its request"),
            script=names,
            pins=(lean(),),
            needs=("forced_tool",),
        ),
        Relation(
            id="many.refusals",
            property="messages",
            title="accepts and refuses with many in flight as it does alone",
            strength=Strength.MUST,
            source=prose("an answer belongs to its request"),
            script=refusals,
            pins=(lean(),),
        ),
    ),
)
