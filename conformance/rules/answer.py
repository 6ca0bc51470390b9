"""Answers that are no streams: the completion object and everything in it (fact base §2.1, §2.2).

One fault makes one rule speak: whether members are there, of which type they are and what they say are rules of their
own, and each passes over what another owns. Unknown members are allowed everywhere (``res.extra``), and null stands for
absent wherever the document has an optional member that servers fill with null.

Whether log probabilities come when asked, and the token bound, are effects.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ..model import Answer, Body, Chapter, Exchange, Strength, Symptom
from ..sse import NOT_JSON, read_json
from .answer_views import (
    FINISHES,
    Find,
    Object,
    alternatives,
    bound,
    choices,
    completions,
    every_token,
    functions,
    logprobs,
    member,
    messages,
    objects,
    single,
    spent,
    spoken,
    tokens,
    tool_calls,
    unstreamed,
    usages,
)
from .forms import changed, documented, judges, observed, prose
from .gates import TOOL
from .schema_fit import misfit
from .views import COUNT, ENDS_THERE, accepted, asked, chunks, is_integer, is_number, long_answer, option, said

_PLAIN = [lean()]
_WEATHER: Body = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "max_tokens": 128}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_STRICT: Body = {
    "type": "function",
    "function": {
        **TOOL["function"],
        "strict": True,
        "parameters": {**TOOL["function"]["parameters"], "additionalProperties": False},
    },
}
_BOUND: Body = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "days", "unit"],
            "additionalProperties": False,
        },
    },
}
_CALLS = [
    lean(**_WEATHER, tools=[TOOL], tool_choice=_NAMED),
    lean(**_WEATHER, tools=[TOOL], tool_choice="required"),
    lean(**_WEATHER, tools=[TOOL]),
]
_FUNCTIONS = [
    lean(**_WEATHER, functions=[TOOL["function"]], function_call={"name": "get_weather"}),
    lean(**_WEATHER, functions=[TOOL["function"]]),
]
_TWO_CUT = long_answer(max_tokens=8, n=2, logprobs=True, top_logprobs=2)
"""Tells much at once, so that a small run needs fewer requests."""
_LOGPROBS = [lean(logprobs=True), lean(logprobs=True, top_logprobs=2)]
_WIDE = [lean(messages=[user("Repeat these words: Größe, 日本語, 🛑.")], logprobs=True)]
_AUDIO = [lean(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}, max_tokens=64)]

_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_NOT_SECONDS = 10**11
_NEAR = 15 * 60
_SLACK = 1e-6


# --- the object --------------------------------------------------------------------------------------------------


def _missing(names: tuple[str, ...], what: str) -> Callable[[Object], str | None]:
    def wrong(item: Object) -> str | None:
        gone = [name for name in names if name not in item]
        return f"{what} has no {' and no '.join(gone)}" if gone else None

    return wrong


def _audio(item: Object) -> str | None:
    gone = _missing(("id", "expires_at", "data", "transcript"), "audio")(item)
    if gone:
        return gone
    wrong = [name for name in ("id", "data", "transcript") if not isinstance(item[name], str)]
    if wrong:
        return f"audio has the {wrong[0]} {said(item[wrong[0]])}, not a string"
    return None if is_integer(item["expires_at"]) else f"audio has the expires_at {said(item['expires_at'])}"


def _is(what: str, test: Callable[[Any], bool], wanted: str) -> Callable[[Any], str | None]:
    return lambda value: None if test(value) else f"{what} is {said(value)}, not {wanted}"


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _unreadable(answer: Answer) -> str | None:
    if answer.json is NOT_JSON:
        return "the body of the answer is not JSON"
    return None if is_object(answer.json) else f"the body of the answer is {said(answer.json)}, not an object"


def _times(exchange: Exchange) -> list[tuple[int, list[int]]]:
    """``created`` with the clocks it may follow: ours when the answer came, and the one in the Date header."""
    created = [value for value in member(completions, "created")(exchange) if is_integer(value)]
    if not created:
        return []
    ago = time.monotonic() - exchange.finished if exchange.finished else 0.0
    clocks = [int(time.time() - ago)]
    date = exchange.answer.header("date") if exchange.answer else None
    with suppress(ValueError, TypeError, OverflowError, OSError):
        clocks.append(int(parsedate_to_datetime(date or "").timestamp()))
    return [(value, clocks) for value in created if value < _NOT_SECONDS]


def _stale(pair: tuple[int, list[int]]) -> str | None:
    created, clocks = pair
    away = min(abs(created - clock) for clock in clocks)
    return f"created is {said(created)}, more than a quarter of an hour off the clock" if away > _NEAR else None


def _tier(value: str) -> str | None:
    return None if value in _TIERS else f"service_tier is {said(value)}, not one of {', '.join(_TIERS)}"


def _ident(exchange: Exchange) -> str | None:
    """The id of an answer, of a stream that of its first chunk."""
    found = [*member(completions, "id")(exchange), *(chunk.get("id") for chunk in chunks(exchange)[:1])]
    return found[0] if found and _text(found[0]) else None


_REQUIRED: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("id", _text, "a non-empty string"),
    ("object", lambda value: value == "chat.completion", "chat.completion"),
    ("created", is_integer, "an integer"),
    ("model", _text, "a non-empty string"),
    ("choices", lambda found: is_array(found) and len(objects(found)) == len(found), "an array of objects"),
)
_OBJECT = documented("the completion object: id, object, created, model and choices are required")

envelope = [
    judges(
        "res.ctype",
        "answer",
        "answers with content type application/json",
        documented("the answer without a stream is application/json"),
        unstreamed,
        lambda answer: (
            None
            if answer.media_type == "application/json"
            else f"the content type is {said(answer.header('content-type'))}"
        ),
        _PLAIN,
    ),
    judges(
        "res.json",
        "answer",
        "answers with a JSON object",
        documented("the answer without a stream is the completion object"),
        lambda exchange: [one for one in unstreamed(exchange) if one.media_type != "text/event-stream"],
        _unreadable,
        _PLAIN,
    ),
    judges(
        "res.required",
        "answer",
        "gives id, object, created, model and choices",
        _OBJECT,
        completions,
        _missing(tuple(name for name, *_ in _REQUIRED), "the answer"),
        _PLAIN,
    ),
    *(
        judges(
            f"res.{name}",
            "answer",
            f"gives {wanted} as {name}",
            _OBJECT,
            member(completions, name),
            _is(name, test, wanted),
            _PLAIN,
        )
        for name, test, wanted in _REQUIRED
    ),
    judges(
        "res.created.seconds",
        "answer",
        "counts created in seconds",
        documented("created: Unix time in seconds"),
        lambda exchange: [value for value in member(completions, "created")(exchange) if is_integer(value)],
        lambda value: f"created is {said(value)}, which are no seconds" if value >= _NOT_SECONDS else None,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.created.fresh",
        "answer",
        "gives the time of the answer as created",
        observed("created: when the completion was made"),
        _times,
        _stale,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.fingerprint",
        "answer",
        "gives system_fingerprint, if at all, as a string or null",
        documented("system_fingerprint: an optional string; null is seen at the origin"),
        member(completions, "system_fingerprint"),
        _is("system_fingerprint", _text_or_null, "a string or null"),
        _PLAIN,
    ),
    judges(
        "res.tier",
        "answer",
        "gives service_tier, if at all, as a string or null",
        documented("service_tier: a nullable string"),
        member(completions, "service_tier"),
        _is("service_tier", _text_or_null, "a string or null"),
        [lean(service_tier="auto")],
    ),
    judges(
        "res.tier.value",
        "answer",
        "names a documented tier as service_tier",
        observed("service_tier: the tiers of both vintages"),
        lambda exchange: [value for value in member(completions, "service_tier")(exchange) if isinstance(value, str)],
        _tier,
        [lean(service_tier="auto")],
        symptom=Symptom.WRONG_CONTENT,
    ),
    replace(
        judges(
            "res.id.unique",
            "answer",
            "gives every answer of a run an id of its own",
            prose("id: unique; servers that draw from a small pool are known"),
            lambda exchange: [mark] if (mark := _ident(exchange)) else [],
            lambda mark: None,
            _PLAIN,
            strength=Strength.MAY,
            symptom=Symptom.WRONG_CONTENT,
        ),
        mark=_ident,
    ),
]


# --- choices -----------------------------------------------------------------------------------------------------


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
    """The choices of an answer that was to count to 1000 and used up its bound, and calls that the bound cut."""
    most, body = bound(exchange), asked(exchange)
    found = [choice for choice in choices(exchange) if choice.get("finish_reason") in FINISHES]
    n = option(exchange, "n", 1)
    if most is None or not is_integer(n) or spent(exchange) != most * n:
        return []
    if body.get("tools") is not None:
        return [(most, choice) for choice in found if single(exchange) and _half_a_call(choice)]
    others = ("stop", "functions", "response_format", "logit_bias")
    if body.get("messages") != COUNT or any(body.get(name) is not None for name in others):
        return []
    return [(most, choice) for choice in found]


def _half_a_call(choice: Object) -> bool:
    """Whether the last tool call ends in the middle of its arguments."""
    message = choice.get("message")
    calls = objects(message.get("tool_calls")) if is_object(message) else []
    function = calls[-1].get("function") if calls else None
    arguments = function.get("arguments") if is_object(function) else None
    return isinstance(arguments, str) and arguments.startswith("{") and read_json(arguments) is NOT_JSON


def _early(exchange: Exchange) -> list[tuple[int, int, Object]]:
    """Bound, tokens used and choice of answers that used less than half of a bound that every server has room for."""
    most, used = bound(exchange), spent(exchange)
    if most is None or used is None or not single(exchange) or not 8 <= most <= 256 or used * 2 >= most:
        return []
    if used < 1:  # a count that cannot be is the fault of the usage
        return []
    return [(most, used, choice) for choice in choices(exchange)]


def _not_cut(triple: tuple[int, int, Object]) -> str | None:
    most, used, choice = triple
    if choice.get("finish_reason") != "length":
        return None
    return f"finish_reason is length after {used} of {most} tokens"


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


_CHOICE = documented("choices: finish_reason, index, message and logprobs are required, logprobs is nullable")

endings = [
    judges(
        "res.choices.one",
        "answer",
        "gives one choice where n is 1 or left out",
        prose("n: one choice by default"),
        lambda exchange: _counts(exchange, 1, 1),
        _count,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.choices.count",
        "n",
        "gives as many choices as n says",
        prose("n: how many choices to generate"),
        lambda exchange: _counts(exchange, 2, 128),
        _count,
        [lean(n=2), lean(n=3)],
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
        _PLAIN,
    ),
    judges(
        "res.choice.required",
        "answer",
        "gives every choice finish_reason, index and message",
        _CHOICE,
        choices,
        _missing(("finish_reason", "index", "message"), "a choice"),
        _PLAIN,
    ),
    judges(
        "res.choice.logprobs",
        "answer",
        "gives every choice logprobs, null where they were not asked for",
        _CHOICE,
        lambda exchange: [] if option(exchange, "logprobs") is True else choices(exchange),
        _missing(("logprobs",), "a choice"),
        _PLAIN,
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
        _PLAIN,
    ),
    judges(
        "res.finish.length",
        "max_tokens",
        "ends an answer that was cut by the token bound with length",
        prose("finish_reason: length where the token bound was reached"),
        _cut,
        _uncut,
        [
            _TWO_CUT,
            *(long_answer(max_tokens=most) for most in (8, 5)),
            long_answer(max_tokens=8, n=2),
            long_answer(max_tokens=8, logprobs=True),
            lean(**{**_WEATHER, "max_tokens": 4}, tools=[TOOL], tool_choice=_NAMED),
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
        [lean(max_tokens=256), lean(**_WEATHER)],
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.tools",
        "tools",
        "ends with tool_calls where the model chose to call a tool",
        prose("finish_reason: tool_calls where the model called a tool"),
        lambda exchange: _calling(exchange, forced=False),
        _ends("tool_calls"),
        [_CALLS[2]],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.finish.forced",
        "tool_choice",
        "ends with stop or tool_calls where a tool call was forced",
        observed("finish_reason of a forced call: stop at the origin, tool_calls elsewhere"),
        lambda exchange: _calling(exchange, forced=True),
        _ends("stop", "tool_calls"),
        _CALLS[:2],
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
        _CALLS,
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
        [_FUNCTIONS[1]],
        symptom=Symptom.WRONG_CONTENT,
    ),
]


# --- messages ----------------------------------------------------------------------------------------------------

_CARRIED = ("tool_calls", "function_call", "audio", "refusal", "reasoning_content", "reasoning")


def _carries(message: Object) -> bool:
    return any(message.get(name) for name in _CARRIED)


def _incomplete(message: Object) -> str | None:
    if "role" not in message:
        return "the message has no role"
    return None if "content" in message or _carries(message) else "the message has no content"


def _empty(pair: tuple[Object, Object]) -> str | None:
    choice, message = pair
    if choice["finish_reason"] in ("length", "content_filter") or _carries(message):
        return None
    return "the message has neither content nor refusal nor a call" if message.get("content") is None else None


_MESSAGE = documented("message: role, content and refusal are required, content and refusal are nullable")

replies = [
    judges(
        "res.message",
        "answer",
        "gives an object as message",
        _CHOICE,
        member(choices, "message"),
        _is("message", lambda value: is_object(value), "an object"),
        _PLAIN,
    ),
    judges(
        "res.message.required",
        "answer",
        "gives the message a role and content",
        _MESSAGE,
        messages,
        _incomplete,
        _PLAIN,
    ),
    judges(
        "res.message.role",
        "answer",
        "gives the message the role assistant",
        documented("message: role is an enumeration of one"),
        member(messages, "role"),
        _is("role", lambda value: value == "assistant", "assistant"),
        _PLAIN,
    ),
    judges(
        "res.message.content",
        "answer",
        "gives content as a string or null",
        _MESSAGE,
        member(messages, "content"),
        _is("content", _text_or_null, "a string or null"),
        _PLAIN,
    ),
    judges(
        "res.message.content.null",
        "answer",
        "gives the message content, null where it only calls",
        _MESSAGE,
        lambda exchange: [message for message in messages(exchange) if _carries(message)],
        _missing(("content",), "the message"),
        _CALLS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.message.refusal",
        "answer",
        "gives refusal as a string or null",
        _MESSAGE,
        member(messages, "refusal"),
        _is("refusal", _text_or_null, "a string or null"),
        _PLAIN,
    ),
    judges(
        "res.message.refusal.null",
        "answer",
        "gives the message refusal, null where it does not refuse",
        _MESSAGE,
        messages,
        _missing(("refusal",), "the message"),
        _PLAIN,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.message.nonempty",
        "answer",
        "says or calls something in every message it ends by itself",
        observed("message: content, refusal, a call or audio is there"),
        lambda exchange: [pair for pair in spoken(exchange) if "content" in pair[1]],
        _empty,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
]


# --- calls -------------------------------------------------------------------------------------------------------


def _declared(exchange: Exchange, word: str = "function") -> list[Object]:
    return [tool for tool in objects(asked(exchange).get("tools")) if tool.get("type") == word]


def _call_types(exchange: Exchange) -> list[tuple[Any, tuple[str, ...]]]:
    allowed = ("function", *(["custom"] if _declared(exchange, "custom") else []))
    return [(call.get("type"), allowed) for call in tool_calls(exchange)]


def _call_type(pair: tuple[Any, tuple[str, ...]]) -> str | None:
    value, allowed = pair
    return None if value in allowed else f"the type of a tool call is {said(value)}, not {' or '.join(allowed)}"


def _plain_calls(exchange: Exchange) -> list[Object]:
    return [call for call in tool_calls(exchange) if call.get("type") != "custom"]


def _twins(message: Object) -> str | None:
    ids = [call["id"] for call in objects(message.get("tool_calls")) if _text(call.get("id"))]
    twin = next((value for value in ids if ids.count(value) > 1), None)
    return f"two tool calls of one message have the id {said(twin)}" if twin is not None else None


def _named(exchange: Exchange) -> list[tuple[Any, list[Any]]]:
    declared = [tool.get("function") for tool in _declared(exchange)]
    names = [function.get("name") for function in objects(declared)]
    called = [function["name"] for function in functions(exchange) if _text(function.get("name"))]
    return [(name, names) for name in called] if names else []


def _arguments(exchange: Exchange, *, strict: bool) -> list[str]:
    """The arguments of finished calls of tools that were, or were not, declared strict."""
    most, used = bound(exchange), spent(exchange)
    if most is None or used is None or used >= most or not single(exchange):
        return []
    declared = objects([tool.get("function") for tool in _declared(exchange)])
    names = [function.get("name") for function in declared if function.get("strict") is True]
    ended = [message for choice, message in spoken(exchange) if choice["finish_reason"] in ("stop", "tool_calls")]
    calls = [call for message in ended for call in objects(message.get("tool_calls"))]
    found = objects([call.get("function") for call in calls])
    return [
        one["arguments"]
        for one in found
        if isinstance(one.get("arguments"), str) and (one.get("name") in names) is strict
    ]


def _strict_arguments(exchange: Exchange) -> list[tuple[str, Any]]:
    """The arguments of the lone call of a strict tool, and its schema: of several calls strict says nothing."""
    texts = _arguments(exchange, strict=True)
    if len(texts) != 1 or len(tool_calls(exchange)) != 1:
        return []
    name = functions(exchange)[0].get("name")
    declared = objects([tool.get("function") for tool in _declared(exchange)])
    return [(texts[0], function.get("parameters")) for function in declared if function.get("name") == name]


def _off_schema(pair: tuple[str, Any]) -> str | None:
    text, schema = pair
    value = read_json(text)
    why = misfit(value, schema) if is_object(value) else None
    return f"the arguments of a call do not satisfy the schema ({why}): {said(text)}" if why else None


def _no_object(text: str) -> str | None:
    return None if is_object(read_json(text)) else f"the arguments of a call are no JSON object: {said(text)}"


def _uncalled_value(message: Object) -> str | None:
    value = message.get("tool_calls", NOT_JSON)
    return f"a message without tool calls has tool_calls {said(value)}" if value is None or value == [] else None


def _legacy(call: Any) -> str | None:
    if not is_object(call):
        return f"function_call is {said(call)}, not an object"
    odd = [name for name in ("name", "arguments") if not isinstance(call.get(name), str)]
    return f"function_call has no string as {odd[0]}" if odd else None


_CALL = documented("tool calls: id, type and function with name and arguments, all required")

calls = [
    judges(
        "res.toolcalls.shape",
        "tools",
        "gives tool_calls as an array of objects",
        _CALL,
        member(messages, "tool_calls", null=True),
        _is(
            "tool_calls",
            lambda found: is_array(found) and len(objects(found)) == len(found),
            "an array of objects",
        ),
        _CALLS,
    ),
    judges(
        "res.toolcalls.id",
        "tools",
        "gives every tool call a non-empty id",
        _CALL,
        tool_calls,
        lambda call: None if _text(call.get("id")) else f"the id of a tool call is {_shown(call, 'id')}",
        _CALLS,
    ),
    judges(
        "res.toolcalls.id.unique",
        "tools",
        "gives the tool calls of a message different ids",
        prose("tool calls: a reply names the call by its id"),
        lambda exchange: [message for message in messages(exchange) if objects(message.get("tool_calls"))],
        _twins,
        _CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    *changed(
        "2026-08",
        judges(
            "res.toolcalls.type",
            "tools",
            "gives tool calls the type function",
            documented("tool calls: the type is function"),
            _call_types,
            _call_type,
            _CALLS,
        ),
        title="gives tool calls the type of a tool that was declared",
        source=documented("tool calls: the type is function or custom"),
    ),
    judges(
        "res.toolcalls.function",
        "tools",
        "gives every tool call a function with a name",
        _CALL,
        _plain_calls,
        lambda call: (
            f"the function of a tool call is {_shown(call, 'function')}"
            if not is_object(call.get("function"))
            else None
            if _text(call["function"].get("name"))
            else f"the name of a called function is {_shown(call['function'], 'name')}"
        ),
        _CALLS,
    ),
    judges(
        "res.toolcalls.arguments",
        "tools",
        "gives the arguments of a call as a string",
        documented("tool calls: arguments are a string that holds JSON"),
        functions,
        lambda function: (
            None
            if isinstance(function.get("arguments"), str)
            else f"the arguments of a call are {_shown(function, 'arguments')}, not a string"
        ),
        _CALLS,
    ),
    judges(
        "res.toolcalls.args",
        "tools",
        "gives arguments that are a JSON object",
        observed("tool calls: arguments are JSON, which the document does not promise"),
        lambda exchange: _arguments(exchange, strict=False),
        _no_object,
        _CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.args.strict",
        "tools",
        "gives arguments that are a JSON object for a strict tool",
        prose("strict: arguments follow the schema exactly"),
        lambda exchange: _arguments(exchange, strict=True),
        _no_object,
        [lean(**_WEATHER, tools=[_STRICT], tool_choice=_NAMED)],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.args.schema",
        "tools",
        "gives arguments that satisfy the schema of a strict tool",
        prose("strict: arguments follow the schema exactly"),
        _strict_arguments,
        _off_schema,
        [lean(**_WEATHER, tools=[_BOUND], tool_choice=_NAMED)],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.name",
        "tools",
        "calls only tools that were declared",
        observed("tool calls: invented names are rare, and allowed"),
        _named,
        lambda pair: None if pair[0] in pair[1] else f"the called tool {said(pair[0])} was not declared",
        _CALLS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.toolcalls.absent",
        "answer",
        "leaves tool_calls out where no tool is called",
        prose("tool_calls: optional, not nullable; servers send null or an empty array"),
        lambda exchange: [message for message in messages(exchange) if not message.get("tool_calls")],
        _uncalled_value,
        _PLAIN,
        strength=Strength.MAY,
    ),
    judges(
        "res.functioncall.shape",
        "functions",
        "gives function_call as an object of two strings",
        documented("function_call: name and arguments, both required strings"),
        member(messages, "function_call", null=True),
        _legacy,
        _FUNCTIONS,
    ),
    judges(
        "res.audio",
        "audio",
        "gives audio its id, expires_at, data and transcript, of their types",
        documented("message: audio has four required members"),
        lambda exchange: objects(member(messages, "audio", null=True)(exchange)),
        _audio,
        _AUDIO,
        needs=["audio_output"],
    ),
    judges(
        "res.audio.absent",
        "answer",
        "gives audio only where it was asked for",
        documented("message: audio is there where the modality was asked for"),
        lambda exchange: (
            messages(exchange) if asked(exchange) and not {"modalities", "audio"} & asked(exchange).keys() else []
        ),
        lambda message: "the message has audio that nobody asked for" if message.get("audio") else None,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
]


# --- log probabilities -------------------------------------------------------------------------------------------


def _shown(item: Object, name: str) -> str:
    return said(item[name]) if name in item else "missing"


def _logprobs_shape(found: Any) -> str | None:
    if not is_object(found):
        return f"logprobs is {said(found)}, not an object"
    if "content" not in found:
        return "logprobs has no content"
    odd = [name for name in ("content", "refusal") if not isinstance(found.get(name), list | None)]
    return f"logprobs.{odd[0]} is {said(found[odd[0]])}, not an array or null" if odd else None


def _entry(entry: Any, *, chosen: bool) -> str | None:
    if not is_object(entry):
        return f"an entry of logprobs is {said(entry)}, not an object"
    if not isinstance(entry.get("token"), str):
        return f"the token of an entry is {_shown(entry, 'token')}, not a string"
    if not is_number(entry.get("logprob")):
        return f"the logprob of an entry is {_shown(entry, 'logprob')}, not a number"
    if chosen and not is_array(entry.get("top_logprobs")):
        return f"the top_logprobs of an entry is {_shown(entry, 'top_logprobs')}, not an array"
    return None


def _no_bytes(value: Any) -> str | None:
    if value is None or (is_array(value) and all(is_integer(one) and 0 <= one <= 255 for one in value)):
        return None
    return f"bytes is {said(value)}, not an array of integers from 0 to 255 or null"


def _tops(exchange: Exchange) -> list[list[Any]]:
    found = [entry.get("top_logprobs") for entry in objects(tokens(exchange))]
    return [one for one in found if is_array(one)]


def _top_counts(exchange: Exchange, few: int, most: int) -> list[tuple[int, int]]:
    wanted = option(exchange, "top_logprobs", 0)
    if asked(exchange).get("logprobs") is not True or not is_integer(wanted) or not few <= wanted <= most:
        return []
    return [(wanted, len(found)) for found in _tops(exchange)]


def _too_many(pair: tuple[int, int]) -> str | None:
    wanted, came = pair
    return f"a token has {came} top_logprobs where {wanted} were asked for" if came > wanted else None


def _sequences(exchange: Exchange) -> list[tuple[str, bytes]]:
    """Texts with the joined bytes of their tokens, where no stop string cut the text."""
    if not asked(exchange) or option(exchange, "stop") is not None:
        return []
    found: list[tuple[str, bytes]] = []
    for choice, message in spoken(exchange):
        entries = choice["logprobs"].get("content") if is_object(choice.get("logprobs")) else None
        parts = [entry.get("bytes") for entry in objects(entries)]
        whole = bool(parts) and len(parts) == len(entries or []) and all(part and not _no_bytes(part) for part in parts)
        if whole and _text(message.get("content")) and not _carries(message):
            found.append((message["content"], b"".join(bytes(part or ()) for part in parts)))
    return found


def _differs(pair: tuple[str, bytes]) -> str | None:
    text, joined = pair
    text = text.strip().strip("\ufffd").strip()
    return None if text in joined.decode("utf-8", "replace") else "the bytes of the tokens do not hold the text"


def _clipped(value: float) -> float:
    return max(-1e5, min(value, 1e5))


def _unsorted(found: list[Any]) -> str | None:
    values = [entry["logprob"] for entry in objects(found) if is_number(entry.get("logprob"))]
    falling = all(not two > one + _SLACK for one, two in pairwise(map(_clipped, values)))
    return None if falling else "top_logprobs do not fall"


_SHAPING = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "response_format",
    "tools",
    "functions",
)
"""Properties that may shape the choice of a token, and leave the probabilities of its alternatives as they were."""

_UNKNOWN = -9000
"""Below it is the stand-in for a logprob that is not known, which the document puts at -9999."""


def _likelihoods(exchange: Exchange) -> list[tuple[float, list[float]]]:
    """The logprob of each chosen token and those of its alternatives, where as many came as were asked for."""
    most = option(exchange, "top_logprobs", 0)
    if not is_integer(most) or most < 1 or any(asked(exchange).get(name) is not None for name in _SHAPING):
        return []
    found: list[tuple[float, list[float]]] = []
    for entry in objects(tokens(exchange)):
        tops = objects(entry.get("top_logprobs"))
        logs: list[Any] = [one.get("logprob") for one in (entry, *tops)]
        values = [value for value in logs if is_number(value)]
        if len(values) == 1 + len(tops) > most and all(_UNKNOWN < value <= _SLACK for value in values):
            found.append((values[0], values[1:]))
    return found


def _elsewhere(pair: tuple[float, list[float]]) -> str | None:
    """By numbers alone: one token may be written in two ways, and two tokens alike."""
    own, tops = pair
    near = 0.01 * max(1, abs(own))
    if own <= min(tops) + near or any(abs(own - top) <= near for top in tops):
        return None
    return f"the logprob of a token is {said(own)}, and its top_logprobs go down to {said(min(tops))} without it"


_TOKEN = documented("logprobs: an entry has token, logprob, bytes and top_logprobs, bytes is nullable")

probabilities = [
    judges(
        "res.logprobs.shape",
        "logprobs",
        "gives logprobs as an object with content, an array or null",
        documented("logprobs: content and refusal, nullable arrays"),
        member(choices, "logprobs", null=True),
        _logprobs_shape,
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.refusal",
        "logprobs",
        "gives logprobs the member refusal, null where nothing is refused",
        documented("logprobs: content and refusal are required and nullable"),
        lambda exchange: [found for found in logprobs(exchange) if "content" in found],
        _missing(("refusal",), "logprobs"),
        _LOGPROBS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.logprobs.entry",
        "logprobs",
        "gives every token its text, logprob and top_logprobs",
        _TOKEN,
        tokens,
        lambda entry: _entry(entry, chosen=True),
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.top",
        "top_logprobs",
        "gives every alternative its token and logprob",
        _TOKEN,
        alternatives,
        lambda entry: _entry(entry, chosen=False),
        _LOGPROBS[1:],
        needs=["logprobs"],
    ),
    judges(
        "res.logprobs.bytes",
        "logprobs",
        "gives the bytes of a token as integers from 0 to 255 or null",
        _TOKEN,
        member(every_token, "bytes"),
        _no_bytes,
        _LOGPROBS,
    ),
    judges(
        "res.logprobs.bytes.null",
        "logprobs",
        "gives every token its bytes, null where there are none",
        _TOKEN,
        every_token,
        _missing(("bytes",), "an entry of logprobs"),
        _LOGPROBS,
        strength=Strength.SHOULD,
    ),
    judges(
        "res.logprobs.range",
        "logprobs",
        "gives no logprob above 0",
        prose("logprob: the logarithm of a probability"),
        lambda exchange: [one["logprob"] for one in every_token(exchange) if is_number(one.get("logprob"))],
        lambda value: f"a logprob is {said(value)}, above 0" if value > _SLACK else None,
        _LOGPROBS,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.count",
        "top_logprobs",
        "gives at most as many top_logprobs as were asked for",
        prose("top_logprobs: how many of the likeliest tokens to return"),
        lambda exchange: _top_counts(exchange, 1, 20),
        _too_many,
        _LOGPROBS[1:],
        needs=["logprobs"],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.count.none",
        "logprobs",
        "gives no top_logprobs where none were asked for",
        observed("top_logprobs: empty without the property"),
        lambda exchange: _top_counts(exchange, 0, 0),
        _too_many,
        _LOGPROBS[:1],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.concat",
        "logprobs",
        "gives tokens whose bytes are the text",
        observed("bytes: joined they are the content"),
        _sequences,
        _differs,
        [*_LOGPROBS, *_WIDE, _TWO_CUT],
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.topsorted",
        "top_logprobs",
        "gives top_logprobs the likeliest first",
        observed("top_logprobs: falling by habit; an engine puts the chosen token first"),
        _tops,
        _unsorted,
        _LOGPROBS[1:],
        needs=["logprobs"],
        strength=Strength.MAY,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.logprobs.top.own",
        "top_logprobs",
        "gives every token the top_logprobs of its own position",
        prose("top_logprobs: the likeliest tokens at each position, so a likelier one than the last of them is listed"),
        _likelihoods,
        _elsewhere,
        [_TWO_CUT, *_LOGPROBS[1:]],
        needs=["logprobs"],
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
]


# --- usage -------------------------------------------------------------------------------------------------------

_TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = {
    "completion_tokens_details": (
        "reasoning_tokens",
        "audio_tokens",
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
    ),
    "prompt_tokens_details": ("cached_tokens", "audio_tokens"),
}


def _whole(value: Any) -> bool:
    return is_integer(value) and value >= 0


def _no_usage(body: Object) -> str | None:
    return None if body.get("usage") is not None else f"usage is {_shown(body, 'usage')}"


def _usage_shape(use: Any) -> str | None:
    if not is_object(use):
        return f"usage is {said(use)}, not an object"
    odd = [name for name in _TOTALS if not _whole(use.get(name))]
    return f"usage.{odd[0]} is {_shown(use, odd[0])}, not an integer from 0 up" if odd else None


def _counted(exchange: Exchange) -> list[Object]:
    return [use for use in usages(exchange) if all(_whole(use.get(name)) for name in _TOTALS)]


def _sum(use: Object) -> str | None:
    prompt, completion, total = (use[name] for name in _TOTALS)
    if total == prompt + completion:
        return None
    return f"total_tokens is {said(total)}, prompt_tokens {said(prompt)} and completion_tokens {said(completion)}"


def _detailed(exchange: Exchange) -> list[Object]:
    return [use for use in usages(exchange) if any(use.get(name) is not None for name in _DETAILS)]


def _details_shape(use: Object) -> str | None:
    for name, members in _DETAILS.items():
        details = use.get(name)
        if details is not None and not is_object(details):
            return f"usage.{name} is {said(details)}, not an object"
        for one in members:
            value = (details or {}).get(one)
            if value is not None and not _whole(value):
                return f"{name}.{one} is {said(value)}, not an integer from 0 up"
    return None


def _parts(name: str) -> Find:
    """The parts of a count with the count itself: each alone, and reasoning with audio."""
    total = name.removesuffix("_details")

    def found(exchange: Exchange) -> list[tuple[str, int, int]]:
        pairs: list[tuple[str, int, int]] = []
        for use in usages(exchange):
            details = use.get(name)
            if is_object(details) and _whole(use.get(total)):
                known = {one: details[one] for one in _DETAILS[name] if _whole(details.get(one))}
                pairs += [(one, value, use[total]) for one, value in known.items()]
                both = [known[one] for one in ("reasoning_tokens", "audio_tokens") if one in known]
                pairs += [("reasoning_tokens with audio_tokens", sum(both), use[total])] if len(both) == 2 else []
        return pairs

    return found


def _part(triple: tuple[str, int, int]) -> str | None:
    name, part, total = triple
    return f"{name} is {said(part)} of a total of {said(total)}" if part > total else None


def _shares(exchange: Exchange) -> list[tuple[int, list[int]]]:
    """The completion tokens, and how many of them each of several choices has: by its log probabilities, or by the
    bound that cut a count to 1000. Nothing where one of the choices does not tell."""
    used, most = spent(exchange), bound(exchange)
    found: list[int] = []
    for choice in choices(exchange):
        log = choice.get("logprobs")
        entries = objects(log.get("content")) if is_object(log) else []
        if entries:
            found.append(min(len(entries), most or len(entries)))
        elif most and choice.get("finish_reason") == "length" and asked(exchange).get("messages") == COUNT:
            found.append(most)
        else:
            return []
    return [(used, found)] if used is not None and used > 0 and len(found) > 1 else []


def _one_share(pair: tuple[int, list[int]]) -> str | None:
    """Whether no more is counted than one choice has; one token each may be the end, which some count and some list."""
    used, found = pair
    if used > max(found) + 1 or used >= sum(found) - len(found):
        return None
    return f"completion_tokens is {said(used)} for {len(found)} choices with {said(sum(found))} tokens in all"


_COUNTED = prose("usage: the details break a count down")

counts = [
    judges(
        "res.usage.presence",
        "answer",
        "gives usage",
        observed("usage: optional in the document, sent by all"),
        lambda exchange: [body for body in completions(exchange) if "choices" in body],
        _no_usage,
        _PLAIN,
    ),
    judges(
        "res.usage.shape",
        "answer",
        "gives usage as an object of three integers",
        documented("usage: prompt_tokens, completion_tokens and total_tokens are required integers"),
        member(completions, "usage", null=True),
        _usage_shape,
        _PLAIN,
    ),
    judges(
        "res.usage.sum",
        "answer",
        "gives usage totals that add up",
        prose("total_tokens: prompt and completion tokens together"),
        _counted,
        _sum,
        _PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.usage.prompt",
        "answer",
        "counts at least one prompt token",
        prose("prompt_tokens: the tokens of the prompt"),
        _counted,
        lambda use: "prompt_tokens is 0" if use["prompt_tokens"] == 0 else None,
        _PLAIN,
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.usage.details",
        "answer",
        "gives the details of usage as integers",
        documented("usage: the details are objects of integers"),
        _detailed,
        _details_shape,
        _PLAIN,
    ),
    *(
        judges(
            f"res.usage.details.{name.split('_')[0]}",
            "answer",
            f"gives {name} that fit their total",
            _COUNTED,
            _parts(name),
            _part,
            _PLAIN,
            symptom=Symptom.WRONG_CONTENT,
        )
        for name in _DETAILS
    ),
    judges(
        "res.usage.choices",
        "n",
        "counts the tokens of all choices",
        observed("usage: completion_tokens is the sum over the choices"),
        _shares,
        _one_share,
        [_TWO_CUT, long_answer(max_tokens=8, n=2)],
        strength=Strength.SHOULD,
        needs=["multiple_choices"],
        symptom=Symptom.WRONG_CONTENT,
    ),
]

CHAPTER = Chapter("answer", "Answers", (*envelope, *endings, *replies, *calls, *probabilities, *counts), accepted)
