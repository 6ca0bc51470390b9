"""Answers that are no streams: the completion object and everything in it (fact base §2.1, §2.2).

One fault makes one rule speak: whether members are there, of which type they are and what they say are rules of their
own, and each passes over what another owns. Unknown members are allowed everywhere (``res.extra``), and null stands for
absent wherever the document has an optional member that servers fill with null.

Left out: ``res.finish.stop`` and the bound on ``completion_tokens`` (relations: they need a second request to compare).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from ...strategies.bodies import lean
from ..model import Answer, Body, Chapter, Exchange, Fresh, Relation, Request, Script, Strength, Symptom, Undecided
from ..sse import NOT_JSON, read_json
from .forms import documented, judges, observed, prose
from .gates import TOOL
from .views import COUNT, accepted, asked, is_integer, is_number, long_answer, option, plain, said

Object = dict[str, Any]
Find = Callable[[Exchange], list[Any]]

_PLAIN = [lean()]
_WEATHER: Body = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "max_tokens": 128}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_STRICT = {
    "type": "function",
    "function": {
        **TOOL["function"],
        "strict": True,
        "parameters": {**TOOL["function"]["parameters"], "additionalProperties": False},
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
_LOGPROBS = [lean(logprobs=True), lean(logprobs=True, top_logprobs=2)]
_AUDIO = [lean(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}, max_tokens=64)]

_FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
_TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_NOT_SECONDS = 10**11
_NEAR = 15 * 60
_SLACK = 1e-6


# --- what is judged ----------------------------------------------------------------------------------------------


def unstreamed(exchange: Exchange) -> list[Answer]:
    """The answer to an accepted body that asked for no stream in so many words."""
    answer, body = exchange.answer, asked(exchange)
    if answer is None or exchange.trouble or not body or not plain(exchange):
        return []
    return [answer] if body.get("stream") is None or body.get("stream") is False else []


def completions(exchange: Exchange) -> list[Object]:
    """The completion object."""
    answer = exchange.answer
    if answer is None or exchange.trouble or not isinstance(answer.json, dict) or not plain(exchange):
        return []
    return [answer.json]


def choices(exchange: Exchange) -> list[Object]:
    """The choices that are objects."""
    return [choice for body in completions(exchange) for choice in _objects(body.get("choices"))]


def messages(exchange: Exchange) -> list[Object]:
    """The messages that are objects."""
    return [choice["message"] for choice in choices(exchange) if isinstance(choice.get("message"), dict)]


def spoken(exchange: Exchange) -> list[tuple[Object, Object]]:
    """Choices with their messages, where the choice says why it ended in a word of the document."""
    return [
        (choice, choice["message"])
        for choice in choices(exchange)
        if isinstance(choice.get("message"), dict) and choice.get("finish_reason") in _FINISHES
    ]


def tool_calls(exchange: Exchange) -> list[Object]:
    """The tool calls that are objects."""
    return [call for message in messages(exchange) for call in _objects(message.get("tool_calls"))]


def functions(exchange: Exchange) -> list[Object]:
    """The functions called, where they are objects."""
    return [call["function"] for call in tool_calls(exchange) if isinstance(call.get("function"), dict)]


def usages(exchange: Exchange) -> list[Object]:
    """The usage object."""
    return [body["usage"] for body in completions(exchange) if isinstance(body.get("usage"), dict)]


def logprobs(exchange: Exchange) -> list[Object]:
    """The logprobs objects of choices."""
    return [choice["logprobs"] for choice in choices(exchange) if isinstance(choice.get("logprobs"), dict)]


def tokens(exchange: Exchange) -> list[Any]:
    """The entries of all logprobs."""
    lists = [found.get(name) for found in logprobs(exchange) for name in ("content", "refusal")]
    return [entry for found in lists if isinstance(found, list) for entry in found]


def alternatives(exchange: Exchange) -> list[Any]:
    """The entries of all ``top_logprobs``."""
    lists = [entry.get("top_logprobs") for entry in _objects(tokens(exchange))]
    return [entry for found in lists if isinstance(found, list) for entry in found]


def every_token(exchange: Exchange) -> list[Object]:
    """Chosen tokens and alternatives that are objects."""
    return _objects([*tokens(exchange), *alternatives(exchange)])


def _objects(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def member(found: Find, name: str, *, null: bool = False) -> Find:
    """The values of a member, where it is there; with ``null`` only those that are not null."""
    return lambda exchange: [
        item[name] for item in found(exchange) if name in item and not (null and item[name] is None)
    ]


def bound(exchange: Exchange) -> int | None:
    """The token bound that was sent."""
    sent = [asked(exchange).get(name) for name in ("max_tokens", "max_completion_tokens")]
    return min((value for value in sent if is_integer(value) and value > 0), default=None)


def spent(exchange: Exchange) -> int | None:
    """The completion tokens that the usage counts."""
    return next((use["completion_tokens"] for use in usages(exchange) if is_integer(use.get("completion_tokens"))), None)


def single(exchange: Exchange) -> bool:
    """Whether one choice was asked for."""
    n = option(exchange, "n", 1)
    return bool(asked(exchange)) and is_integer(n) and n == 1


# --- the object --------------------------------------------------------------------------------------------------


def _missing(names: tuple[str, ...], what: str) -> Callable[[Object], str | None]:
    def wrong(item: Object) -> str | None:
        gone = [name for name in names if name not in item]
        return f"{what} has no {' and no '.join(gone)}" if gone else None

    return wrong


def _is(what: str, test: Callable[[Any], bool], wanted: str) -> Callable[[Any], str | None]:
    return lambda value: None if test(value) else f"{what} is {said(value)}, not {wanted}"


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _unreadable(answer: Answer) -> str | None:
    if answer.json is NOT_JSON:
        return "the body of the answer is not JSON"
    return None if isinstance(answer.json, dict) else f"the body of the answer is {said(answer.json)}, not an object"


def _times(exchange: Exchange) -> list[tuple[int, list[int]]]:
    """``created`` with the clocks it may follow: ours, and the one in the Date header."""
    clocks = [int(time.time())]
    try:
        clocks.append(int(parsedate_to_datetime((exchange.answer and exchange.answer.header("date")) or "").timestamp()))
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    created = member(completions, "created")(exchange)
    return [(value, clocks) for value in created if is_integer(value) and value < _NOT_SECONDS]


def _stale(pair: tuple[int, list[int]]) -> str | None:
    created, clocks = pair
    away = min(abs(created - clock) for clock in clocks)
    return f"created is {said(created)}, {said(away)} seconds away from the clock" if away > _NEAR else None


def _tier(value: str) -> str | None:
    return None if value in _TIERS else f"service_tier is {said(value)}, not one of {', '.join(_TIERS)}"


def _distinct(body: Body) -> Script:
    exchanges: list[Exchange] = yield [Fresh(Request(body=body))] * 3
    found = [value for one in exchanges for value in member(completions, "id")(one) if _text(value)]
    if len(found) < 2:
        raise Undecided("no two answers with an id")
    return None if len(set(found)) == len(found) else f"two of {len(found)} answers have the id {said(found[0])}"


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
        _missing(("id", "object", "created", "model", "choices"), "the answer"),
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
        for name, test, wanted in (
            ("id", _text, "a non-empty string"),
            ("object", lambda value: value == "chat.completion", "chat.completion"),
            ("created", is_integer, "an integer"),
            ("model", _text, "a non-empty string"),
            ("choices", lambda found: isinstance(found, list) and len(_objects(found)) == len(found), "an array of objects"),
        )
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
    Relation(
        id="res.id.unique",
        property="answer",
        title="gives every answer an id of its own",
        strength=Strength.MAY,
        source=prose("id: unique; a small pool of ids is known"),
        script=_distinct,
        pins=(lean(),),
    ),
]
