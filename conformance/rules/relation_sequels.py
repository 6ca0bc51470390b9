"""Requests after others: what one leaves behind for the next, and one that is sent again."""

from __future__ import annotations

import json

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..judge import Reaction, error_of, excuse, mishap, react
from ..model import Body, Exchange, Fresh, Request, Script, Undecided
from .gates import TOOL
from .relation_outcomes import accepted_or_undecided, outcome
from .views import choices, messages

_LOST = (Reaction.REFUSED, Reaction.CRASHED, Reaction.ERROR_IN_200, Reaction.DISCONNECTED)
"""What a valid request must not meet."""

_WITHOUT: Body = {"stop": "\u241e", "n": 1, "logprobs": False}
"""Properties that change nothing, with a stop string that no text holds."""

_OPTIONS: tuple[Body, ...] = (
    {"n": 2, "logprobs": True},
    {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
)
"""Properties whose work can be told from the form of an answer."""


def isolation(body: Body) -> Script:
    """Valid requests one and two places after invalid ones: a server may have more than one worker."""
    before = yield Request(lean())
    accepted_or_undecided(before, "the lean body")
    valid = Fresh(Request(lean()))
    cut = Fresh(Request(raw=json.dumps(body)[:-1].encode()))
    afters: list[Exchange] = []
    yield Fresh(Request(body))
    afters.append((yield valid))
    yield Fresh(Request({**body, "stream": True}))
    yield cut  # right before a valid one: what is not JSON may be left unread in the connection
    afters.append((yield valid))
    afters.append((yield valid))
    lost = [
        after for after in afters if react(after) in _LOST and not (react(after) is Reaction.REFUSED and mishap(after))
    ]
    if lost:
        said = f"{react(lost[0])}" if lost[0].status is None else f"{react(lost[0])}, {lost[0].status}"
        often = f"{len(lost)} of {len(afters)} times"
        return f"after invalid requests a valid one that was accepted before is not accepted ({said}; {often})"
    for after in afters:
        accepted_or_undecided(after, "the lean body after invalid ones")
    return None


def _text_of(exchange: Exchange) -> str:
    found = messages(exchange)
    text = found[0].get("content") if found else None
    return text if isinstance(text, str) else ""


def _middle(text: str) -> str:
    """Four characters from the middle of a text, none of them a blank at either end; empty where there are none."""
    for at in range(len(text) // 2, len(text) - 4):
        piece = text[at : at + 4]
        if piece == piece.strip() and text[: text.index(piece)].strip():
            return piece
    return ""


def _forms(exchange: Exchange) -> dict[str, int]:
    """How many choices an answer has, and how many of them have what must be asked for."""
    found = choices(exchange)
    inner = [choice["message"] for choice in found if is_object(choice.get("message"))]
    return {
        "choices": len(found),
        "tool calls": sum(bool(message.get("tool_calls")) for message in inner),
        "log probabilities": sum(bool(choice.get("logprobs")) for choice in found),
    }


def leftovers(body: Body) -> Script:
    """A request that repeats itself, before and after others with more options, which must not work for it."""
    plain = Fresh(Request(body))
    yield Fresh(Request({**body, **_WITHOUT}))  # whatever others have left
    firsts: list[Exchange] = []
    for _ in range(2):
        firsts.append((yield plain))
        accepted_or_undecided(firsts[-1], "the request")
    forms = [_forms(first) for first in firsts]
    texts = [_text_of(first) for first in firsts]
    piece = _middle(texts[0]) if texts[0] == texts[1] else ""
    if forms[0] != forms[1]:
        raise Undecided("the answers to one request have not the same parts")

    def left(after: Exchange, options: Body) -> str | None:
        now = _forms(after)
        for name, count in now.items():
            if count > forms[0][name]:
                return f"{count} {name}, {forms[0][name]} before a request with {', '.join(options)}"
        stopped = texts[0][: texts[0].index(piece)].rstrip() if "stop" in options else None
        if stopped is not None and _text_of(after).rstrip() == stopped:
            return f"the text is cut at {piece!r}, the stop string of another request"
        return None

    for options in ({"stop": piece}, *_OPTIONS) if piece else _OPTIONS:
        why = None
        for _ in range(2):
            yield Fresh(Request({**body, **options}))
            after = yield plain
            accepted_or_undecided(after, "the request after another one")
            why = left(after, options)
            if why is None:
                break
        if why:
            return f"the same request is answered otherwise after another one: {why}"
    return None


def taken_again(body: Body) -> Script:
    """A valid request, sent again as it was: what fails now and then is mostly seen by others."""
    first: Exchange = yield Request(body)
    second: Exchange = yield Fresh(Request(body))
    made = [first, second]
    declined = [exchange for exchange in made if react(exchange) is not Reaction.ACCEPTED]
    if not declined:
        return None
    if len(declined) == len(made) or excuse(declined[0]):
        raise Undecided(excuse(declined[0]) or "the server does not take the body")
    return f"a request is accepted once, and {outcome(declined[0])} the other time"


def repeat(body: Body) -> Script:
    """A refused request, sent again as it was."""
    first = yield Request(body)
    if react(first) is not Reaction.REFUSED:
        raise Undecided("the server does not refuse the body")
    second = yield Fresh(Request(body))
    if why := mishap(first) or mishap(second):
        raise Undecided(why)  # a filter in front of all else, which stops one request and not the next
    if outcome(first) != outcome(second):
        return f"a request is {outcome(first)}, and {outcome(second)} when it is sent again"
    errors = [error_of(exchange.answer) if exchange.answer else {} for exchange in (first, second)]
    for key in ("type", "param", "code"):
        first_value, second_value = (_short(error.get(key)) for error in errors)
        if first_value != second_value:
            return f"the same refused request gets error.{key} {first_value}, then {second_value}"
    return None


def _short(value: object) -> str:
    return repr(value)[:120]
