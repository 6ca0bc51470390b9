"""The choices of a plain answer: how many, their indexes, and why they ended (fact base §2.1, §2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ..model import TOKEN_BOUNDS, Body, Doubt, Exchange, Strength, Symptom
from ..sse import NOT_JSON, read_json
from .answer_forms import BOTH, CALLS, CHOICE, FUNCTIONS, NAMED, PLAIN, TWO_CUT, WEATHER, missing
from .answer_views import Object, bound, choices, completions, member, objects, single, spent, spoken
from .forms import documented, judges, observed, prose
from .gates import TOOL
from .views import COUNT, ENDS_THERE, FINISHES, asked, is_integer, long_answer, option, said

_OBJECT = "Name ten cities and describe each of them. Answer with a JSON object."


def _counts(exchange: Exchange, few: int, most: int) -> list[tuple[int, int]]:
    n = option(exchange, "n", 1)
    if not asked(exchange) or not is_integer(n) or not few <= n <= most:
        return []
    return [(n, len(found)) for found in member(completions, "choices")(exchange) if is_array(found)]


def _count(pair: tuple[int, int]) -> str | None:
    wanted, came = pair
    return None if came == wanted else f"n is {wanted}, and the number of choices is {came}"


def _indexes(exchange: Exchange) -> list[list[Any]]:
    found = choices(exchange)
    return [[choice["index"] for choice in found]] if found and all("index" in choice for choice in found) else []


def _index(found: list[Any]) -> str | None:
    odd = [value for value in found if not is_integer(value)]
    if odd:
        return f"the index of a choice is {said(odd[0])}, not an integer"
    if sorted(found) == list(range(len(found))):
        return None
    return f"the indexes of {len(found)} choices are {', '.join(map(said, found[:9]))}"


def _cut(exchange: Exchange) -> list[tuple[int, Object]]:
    """The choices of an answer that was to count to 1000 and used up its bound, and calls and objects that it cut."""
    most, body = bound(exchange), asked(exchange)
    found = [choice for choice in choices(exchange) if choice.get("finish_reason") in FINISHES]
    n = option(exchange, "n", 1)
    if most is None or not is_integer(n) or spent(exchange) != most * n:
        return []
    if body.get("tools") is not None and single(exchange) and any(map(_half_a_call, found)):
        return [(most, choice) for choice in found]
    if body.get("response_format") is not None and body.get("stop") is None:
        return [(most, choice) for choice in found if single(exchange) and _half_an_object(choice)]
    others = ("stop", "response_format", "logit_bias")
    talk = body.get("messages")
    if not is_array(talk) or talk[-1:] != COUNT or any(body.get(name) is not None for name in others):
        return []
    return [(most, choice) for choice in found if _only_text(choice)]


def _only_text(choice: Object) -> bool:
    """Whether a choice says something and calls nothing."""
    message = choice.get("message")
    text = message.get("content") if is_object(message) else None
    called = is_object(message) and (message.get("tool_calls") or message.get("function_call"))
    return isinstance(text, str) and bool(text.strip()) and not called


def _half_a_call(choice: Object) -> bool:
    """Whether the last tool call ends in the middle of its arguments."""
    message = choice.get("message")
    calls = objects(message.get("tool_calls")) if is_object(message) else []
    function = calls[-1].get("function") if calls else None
    return _half(function.get("arguments") if is_object(function) else None)


def _half_an_object(choice: Object) -> bool:
    """Whether the text begins like a JSON object and is none."""
    message = choice.get("message")
    return _half(message.get("content") if is_object(message) else None)


def _half(text: object) -> bool:
    return isinstance(text, str) and text.lstrip().startswith("{") and read_json(text) is NOT_JSON


def _early(exchange: Exchange) -> list[tuple[int, int, Object]]:
    """Bound, tokens used and choice of answers that used less than half of a bound that every server has room for."""
    most, used = bound(exchange), spent(exchange)
    if most is None or used is None or not single(exchange) or not 8 <= most <= 256 or used * 2 >= most:
        return []
    if used < 1 or option(exchange, "stop") is not None:  # the fault of the usage, or of the stop sequence
        return []
    return [(most, used, choice) for choice in choices(exchange)]


def _not_cut(triple: tuple[int, int, Object]) -> str | None:
    most, used, choice = triple
    if choice.get("finish_reason") != "length":
        return None
    return f"finish_reason is length after {used} of {most} tokens"


def _for_more(body: Body) -> Body:
    """The same conversation with a wish for a long answer at its end, and the same bounds."""
    kept = {name: body[name] for name in ("model", *TOKEN_BOUNDS) if name in body}
    talk = objects(body.get("messages"))
    before = talk[:-1] if talk and talk[-1].get("role") == "user" else talk
    return {**kept, "messages": [*before, *COUNT]}


def _never_more(more: Exchange, early: Exchange) -> str | None:
    """A server that gives a long answer no more room either lowers the bound, or has none left in its context."""
    most, used = bound(early), spent(more)
    ends = [choice.get("finish_reason") for choice in choices(more)]
    if most is None or used is None or used >= most or ends != ["length"]:
        return None
    return f"a long answer ends with length after {used} of {most} tokens too: the server has room for no more"


def _uncut(pair: tuple[int, Object]) -> str | None:
    most, choice = pair
    if choice["finish_reason"] in ("length", "content_filter"):
        return None
    return f"finish_reason is {choice['finish_reason']} after {most} tokens, the bound, of a longer answer"


def _calling(exchange: Exchange, *, forced: bool) -> list[Object]:
    """The choices with tool calls, of requests that left the choice to the model or forced a call."""
    body = asked(exchange)
    choice = body.get("tool_choice")
    free = choice is None or choice == "auto"
    if not is_array(body.get("tools")) or body.get("functions") is not None:
        return []
    if free if forced else not free:
        return []
    return [one for one, message in spoken(exchange) if objects(message.get("tool_calls"))]


def _calling_function(exchange: Exchange) -> list[Object]:
    body = asked(exchange)
    if not is_array(body.get("functions")) or body.get("tools") is not None:
        return []
    if body.get("function_call") not in (None, "auto"):
        return []
    return [one for one, message in spoken(exchange) if is_object(message.get("function_call"))]


def _ends(*allowed: str) -> Callable[[Object], str | None]:
    def wrong(choice: Object) -> str | None:
        reason = choice["finish_reason"]
        return None if reason in (*allowed, "length", "content_filter") else f"finish_reason is {reason} beside a call"

    return wrong


def _uncalled(pair: tuple[Object, Object]) -> str | None:
    choice, message = pair
    reason = choice["finish_reason"]
    if reason not in ("tool_calls", "function_call") or message.get("tool_calls") or message.get("function_call"):
        return None
    return f"finish_reason is {reason}, and the message calls nothing"


RULES = [
    judges(
        "res.choices.one",
        "answer",
        "gives one choice where n is 1 or left out",
        prose("n: one choice by default"),
        lambda exchange: _counts(exchange, 1, 1),
        _count,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.choices.count",
        "n",
        "gives as many choices as n says",
        prose("n: how many choices to generate"),
        lambda exchange: _counts(exchange, 2, 128),
        _count,
        [lean(n=2), lean(n=3), long_answer(n=12, max_tokens=2)],
        needs=["multiple_choices"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.choices.index",
        "answer",
        "numbers its choices from 0, each once",
        documented("choices: index is the place in the list of choices"),
        _indexes,
        _index,
        PLAIN,
    ),
    judges(
        "res.choice.required",
        "answer",
        "gives every choice finish_reason, index and message",
        CHOICE,
        choices,
        missing(("finish_reason", "index", "message"), "a choice"),
        PLAIN,
    ),
    judges(
        "res.choice.logprobs",
        "answer",
        "gives every choice logprobs, null where they were not asked for",
        CHOICE,
        lambda exchange: [] if option(exchange, "logprobs") is True else choices(exchange),
        missing(("logprobs",), "a choice"),
        PLAIN,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.finish.enum",
        "answer",
        "gives one of the five finish reasons",
        documented("finish_reason: an enumeration of five, not nullable without a stream"),
        member(choices, "finish_reason"),
        lambda reason: (
            None if reason in FINISHES else f"finish_reason is {said(reason)}, not one of {', '.join(FINISHES)}"
        ),
        PLAIN,
    ),
    judges(
        "res.finish.length",
        "max_tokens",
        "ends an answer that was cut by the token bound with length",
        prose("finish_reason: length where the token bound was reached"),
        _cut,
        _uncut,
        [
            TWO_CUT,
            long_answer(max_tokens=8),
            long_answer(max_tokens=8, n=2),
            long_answer(max_tokens=5, logprobs=True),
            lean(**{**WEATHER, "max_tokens": 4}, tools=[TOOL], tool_choice=NAMED),
            lean(messages=[user(_OBJECT)], max_tokens=6, response_format={"type": "json_object"}),
        ],
        doubt=ENDS_THERE,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.early",
        "max_tokens",
        "ends with length only near the token bound",
        prose("finish_reason: length where the token bound was reached"),
        _early,
        _not_cut,
        [lean(max_tokens=256), lean(**WEATHER)],
        strength=Strength.SHOULD,
        doubt=Doubt(_for_more, _never_more),
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.tools",
        "tools",
        "ends with tool_calls where the model chose to call a tool",
        prose("finish_reason: tool_calls where the model called a tool"),
        lambda exchange: _calling(exchange, forced=False),
        _ends("tool_calls"),
        [CALLS[2], BOTH, {**CALLS[2], "n": 2}],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.forced",
        "tool_choice",
        "ends with stop or tool_calls where a tool call was forced",
        observed("finish_reason of a forced call: stop at the origin, tool_calls elsewhere"),
        lambda exchange: _calling(exchange, forced=True),
        _ends("stop", "tool_calls"),
        CALLS[:2],
        needs=["tools"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.calls",
        "answer",
        "calls a tool or function where it ends with tool_calls or function_call",
        prose("finish_reason: tool_calls where the model called a tool, stop where a text came to its end"),
        spoken,
        _uncalled,
        CALLS,
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.function",
        "functions",
        "ends with function_call where the model chose to call a function",
        prose("finish_reason: function_call where the model called a function"),
        _calling_function,
        _ends("function_call"),
        [FUNCTIONS[1]],
        symptom=Symptom.WRONG_CONTENT,
    ),
]
