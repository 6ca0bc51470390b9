"""Many at once: what only concurrency shows. Each request bears a mark, and no answer may carry another's.

A violation is confirmed with the same requests in flight together, because alone they do not show it. Answers that are
lost or declined only in a crowd are one fault for all rules: where ``many.refusals`` is asked, it bears that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..judge import Reaction, describe, excuse, react
from ..model import Body, Chapter, Exchange, Fresh, Relation, Request, Script, Strength, Undecided
from ..sse import read_json
from .effect_bounds import bounded, overspent
from .forms import contested, prose
from .relation_outcomes import in_events
from .stream_views import deltas
from .views import choices, completion, long_answer, messages

TOGETHER = 16
"""Requests of one rule that are in flight together."""

TRIES = 8
"""How often a request is asked alone until it meets the fate that it should."""

_ODD = (Reaction.CRASHED, Reaction.DISCONNECTED, Reaction.KILLED)
"""No answers; a time-out is not among them, because many at once may simply take their time."""


def _all(bodies: list[Body]) -> list[Fresh]:
    return [Fresh(Request(body=body)) for body in bodies]


def _usable(exchanges: list[Exchange]) -> Script:
    """What went wrong beside the answers; Undecided where some were declined for a reason of their own."""
    declined = [exchange for exchange in exchanges if react(exchange) is not Reaction.ACCEPTED]
    if not declined:
        return None
    first = next((exchange for exchange in declined if react(exchange) in _ODD), declined[0])
    if react(first) in _ODD or (react(first) is Reaction.REFUSED and not excuse(first)):
        alone = yield from _alone(first.request, Reaction.ACCEPTED)
        if alone is not None:
            return f"a request is accepted alone, but {describe(first)} with {len(exchanges)} at once"
    raise Undecided("not all of the requests were accepted")


def _alone(request: Request, fate: Reaction) -> Script:
    """Asks twice, one after the other, and some more times until the request has met its fate; None where it never did.

    Other rules' requests may be in flight beside it: what a crowd brings about passes.
    """
    seen = None
    for turn in range(TRIES):
        exchange: Exchange = yield Fresh(request)
        if react(exchange) is fate:
            seen = describe(exchange)
        if seen is not None and turn:
            break
    return seen


def counts(body: Body) -> Script:
    """Requests for one, two and three choices: each gets its own number."""
    exchanges: list[Exchange] = yield _all([{**body, "n": 1 + place % 3} for place in range(TOGETHER)])
    wrong = yield from _usable(exchanges)
    if wrong:
        return wrong
    for place, exchange in enumerate(exchanges):
        if not is_array(completion(exchange).get("choices")):
            continue  # what is no answer at all is another rule's
        if len(choices(exchange)) != 1 + place % 3:
            return f"{len(choices(exchange))} choices for n: {1 + place % 3}, with {TOGETHER} requests at once"
    return None


def _forcing(body: Body, place: int) -> Body:
    """A request that forces the call of a tool of its own."""
    function: Body = {"name": _mark(place), "parameters": {"type": "object", "properties": {}}}
    choice = {"type": "function", "function": {"name": _mark(place)}}
    return {**body, "tools": [{"type": "function", "function": function}], "tool_choice": choice, "max_tokens": 64}


def _mark(place: int) -> str:
    return f"mark_{place}"


def _anothers(name: object, place: int) -> bool:
    return isinstance(name, str) and name.startswith(_mark(0)[:-1]) and name != _mark(place)


def _called(calls: object) -> list[object]:
    """Names of the functions of calls, or of deltas of calls."""
    rows = [call.get("function") for call in calls if is_object(call)] if is_array(calls) else []
    return [row.get("name") for row in rows if is_object(row)]


def _tools_of(exchange: Exchange) -> Iterator[object]:
    """Names of the called tools, of a plain answer or of a stream."""
    for message in (*messages(exchange), *deltas(exchange)):
        yield from _called(message.get("tool_calls"))


def _asking(body: Body, place: int) -> Body:
    """A request for JSON with a member of its own."""
    schema = {
        "type": "object",
        "properties": {_mark(place): {"type": "boolean"}},
        "required": [_mark(place)],
        "additionalProperties": False,
    }
    wish = {"name": _mark(place), "strict": True, "schema": schema}
    return {**body, "response_format": {"type": "json_schema", "json_schema": wish}, "max_tokens": 64}


def _members_of(exchange: Exchange) -> Iterator[object]:
    """Names of the members of JSON texts."""
    for message in messages(exchange):
        content = message.get("content")
        value = read_json(content) if isinstance(content, str) else None
        yield from value if is_object(value) else ()


def apart(
    make: Callable[[Body, int], Body],
    names: Callable[[Exchange], Iterable[object]],
    says: str,
    first: Callable[[list[Exchange]], Script] | None = None,
) -> Callable[[Body], Script]:
    """Requests with a mark of their own, all at once: no answer bears another's. ``says`` takes both marks; ``first``
    looks at the answers before the marks are read."""

    def script(body: Body) -> Script:
        exchanges: list[Exchange] = yield _all([make(body, place) for place in range(TOGETHER)])
        wrong = yield from _usable(exchanges)
        if not wrong and first is not None:
            wrong = yield from first(exchanges)
        if wrong:
            return wrong
        for place, exchange in enumerate(exchanges):
            for name in names(exchange):
                if _anothers(name, place):
                    return says.format(_mark(place), name)
        return None

    return script


def _in_another_form(exchanges: list[Exchange]) -> Script:
    """What is wrong where a crowd gets a plain answer for a stream, or a stream for a plain answer, as alone nobody."""
    for exchange in exchanges:
        wanted = exchange.request.body.get("stream") is True
        if exchange.answer is None or exchange.answer.event_stream is wanted:
            continue
        came: Exchange = yield Fresh(exchange.request)
        if came.answer is None or in_events(came) is not wanted:
            raise Undecided("alone, it is not answered as it should be either")
        said = "an event stream is" if wanted else "no event stream is"
        return f"alone {said} answered, but {exchange.answer.media_type!r} with {TOGETHER} requests at once"
    return None


def ids(body: Body) -> Script:
    """Equal requests at once: every answer has an id of its own."""
    exchanges: list[Exchange] = yield _all([body] * (TOGETHER // 2))
    wrong = yield from _usable(exchanges)
    if wrong:
        return wrong
    values = [exchange.answer.json for exchange in exchanges if exchange.answer is not None]
    found = [value.get("id") for value in values if is_object(value)]
    told = [ident for ident in found if isinstance(ident, str) and ident]
    if len(told) < 2:
        raise Undecided("the answers have no ids")
    return None if len(set(told)) == len(told) else f"{len(told)} answers at once share {len(set(told))} ids"


BOUNDS = (16, 4, 1, 8, 2, 16, 4, 8, 1, 16, 2, 8)
"""Token bounds of requests that are in flight together."""


def bounds(body: Body) -> Script:
    """Requests with different token bounds: none spends more than its own, which it keeps alone."""
    tells, over = bounded("max_tokens"), overspent("max_tokens", 1)
    exchanges: list[Exchange] = yield _all([{**body, "max_tokens": bound} for bound in BOUNDS])
    wrong = yield from _usable(exchanges)
    if wrong:
        return wrong
    told = [exchange for exchange in exchanges if tells(exchange)]
    if not told:
        raise Undecided("the answers do not tell how many tokens they have")
    first = next((exchange for exchange in told if over(exchange)), None)
    if first is None:
        return None
    held = 0
    for turn in range(TRIES):
        alone: Exchange = yield Fresh(first.request)
        held += tells(alone) and not over(alone)
        if held > 1:
            return f"alone the bound is kept, but {over(first)} with {len(BOUNDS)} requests at once"
        if turn - held >= TRIES // 2:
            break
    raise Undecided("alone, the bound is not kept either")


def refusals(body: Body) -> Script:
    """Valid and invalid requests in turn: each meets the same fate as alone."""
    accepted = yield from _alone(Request(body=body), Reaction.ACCEPTED)
    if accepted is None:
        raise Undecided("alone, the valid request is not accepted")
    kinds: list[tuple[Body, Reaction, str]] = []
    for bad in ({**body, "messages": "Say hi."}, {**body, "temperature": 3}):
        refused = yield from _alone(Request(body=bad), Reaction.REFUSED)
        if refused is not None:
            kinds += [(body, Reaction.ACCEPTED, accepted), (bad, Reaction.REFUSED, refused)]
    if not kinds:
        raise Undecided("alone, no invalid request is refused")
    turns = [kinds[place % len(kinds)] for place in range(TOGETHER)]
    exchanges: list[Exchange] = yield _all([kind for kind, _, _ in turns])
    if any(react(exchange) is Reaction.HUNG for exchange in exchanges):
        raise Undecided("not all of the requests were answered in time")
    for exchange, (_, fate, before) in zip(exchanges, turns, strict=True):
        if react(exchange) is fate:
            continue
        if react(exchange) is Reaction.REFUSED and excuse(exchange):
            raise Undecided(excuse(exchange))
        return f"alone {before}, but {describe(exchange)} with {TOGETHER} requests at once"
    return None


_RULES = (
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
        script=apart(_forcing, _tools_of, "the answer to a request with the tool {} calls {}"),
        pins=(lean(),),
        needs=("forced_tool",),
    ),
    Relation(
        id="many.streams",
        property="stream",
        title="keeps streams apart, and from plain answers, with many in flight",
        strength=Strength.MUST,
        source=prose("stream: the chunks of one completion; an answer belongs to its request"),
        script=apart(
            lambda body, place: {**_forcing(body, place), **({} if place % 4 == 3 else {"stream": True})},
            _tools_of,
            "the answer to a request with the tool {} calls {}",
            first=_in_another_form,
        ),
        pins=(lean(),),
        needs=("forced_tool", "stream"),
    ),
    Relation(
        id="many.schemas",
        property="response_format",
        title="follows the schema of the request, not of another one in flight",
        strength=Strength.MUST,
        source=prose("response_format: the schema of the request; an answer belongs to its request"),
        script=apart(_asking, _members_of, "the answer to a request for the member {} has {}"),
        pins=(lean(),),
        needs=("json_schema",),
    ),
    Relation(
        id="many.bounds",
        property="max_tokens",
        title="keeps to the token bound of the request, not of another one in flight",
        strength=Strength.MUST,
        source=prose("max_tokens: how many tokens; an answer belongs to its request"),
        script=bounds,
        pins=(long_answer(),),
        needs=("max_tokens",),
    ),
    Relation(
        id="many.ids",
        property="messages",
        title="gives answers at once different ids",
        strength=Strength.MAY,
        source=contested("id: a unique identifier; mocks and small servers use a constant"),
        script=ids,
        pins=(lean(),),
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
)

CHAPTER = Chapter("many", "Many at once", tuple(replace(rule, quiet=True) for rule in _RULES))
