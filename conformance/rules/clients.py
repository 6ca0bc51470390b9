"""Real clients: the official ``openai`` package gets what is on the wire, and loses none of it.

Asked only where the package is installed (``pip install chatproof[clients]``). Each rule first sends the same request
by our own client: what is refused there is another rule's finding. Where the exchange of the package breaks a *must*
rule about answers, that rule speaks. What is left is what only a real client meets: its headers, its compression, its
decoder, its way of sending again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from ...strategies.bodies import SCHEMAS, lean
from ...strategies.json_values import is_array, is_object
from ...strategies.messages import user
from ..judge import Reaction, describe, excuse, react
from ..model import (
    NOT_JSON,
    Body,
    Call,
    Chapter,
    Exchange,
    Outcome,
    Relation,
    Request,
    Script,
    Source,
    Strength,
    Symptom,
    Undecided,
)
from ..sse import read_json
from .gates import TOOL
from .relation_outcomes import in_events

MISSING = "the openai package is not installed: pip install 'chatproof[clients]'"

_REFUSALS = (400, 422)
_NAMES = {400: "BadRequestError", 422: "UnprocessableEntityError"}

_CUT = ("LengthFinishReasonError", "ContentFilterFinishReasonError")

Compare = Callable[[Any, Exchange], str | None]
"""What differs between the value that the client gave and the exchange on the wire, in words, or None."""


# --- what must be alike -----------------------------------------------------------------------------------------------


def _members(value: Any, *names: str) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value} if is_object(value) else {}


def _message(value: Any) -> dict[str, Any]:
    """The parts of a message or delta that users read. What is null may be left out."""
    found = {name: part for name, part in _members(value, "role", "content", "refusal").items() if part is not None}
    calls = value.get("tool_calls") if is_object(value) else None
    if is_array(calls) and calls:
        found["tool_calls"] = [
            _members(call, "id") | _members(call.get("function"), "name", "arguments")
            for call in calls
            if is_object(call)
        ]
    return found


def _completion(value: Any) -> dict[str, Any]:
    if not is_object(value):
        return {}
    choices = value.get("choices")
    usage = _members(value.get("usage"), "prompt_tokens", "completion_tokens", "total_tokens")
    return _members(value, "id", "model") | {
        "usage": usage,
        "choices": [
            _members(choice, "index", "finish_reason") | {"message": _message(choice.get("message"))}
            for choice in (choices if is_array(choices) else ())
            if is_object(choice)
        ],
    }


def _joined(chunks: Iterable[Any]) -> dict[int, dict[str, Any]]:
    """What the chunks of a stream amount to, by choice: text, refusal, arguments of calls, and why it ended."""
    found: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        choices = chunk.get("choices") if is_object(chunk) else None
        for choice in choices if is_array(choices) else ():
            if not is_object(choice) or not isinstance(choice.get("index"), int):
                continue
            whole = found.setdefault(
                choice["index"], {"content": "", "refusal": "", "calls": {}, "finish_reason": None}
            )
            delta = choice.get("delta")
            for name in ("content", "refusal"):
                piece = delta.get(name) if is_object(delta) else None
                whole[name] += piece if isinstance(piece, str) else ""
            calls = delta.get("tool_calls") if is_object(delta) else None
            for call in calls if is_array(calls) else ():
                place = call.get("index") if is_object(call) else None
                said = _members(call.get("function") if is_object(call) else None, "name", "arguments")
                kept = whole["calls"].setdefault(place, {"name": "", "arguments": ""})
                for name, piece in said.items():
                    kept[name] += piece if isinstance(piece, str) else ""
            whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
    return found


def _unlike(got: object, wire: object) -> str | None:
    if got == wire:
        return None
    return f"the client gives {_short(got)} where the wire holds {_short(wire)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _read(exchange: Exchange) -> Any:
    """The JSON of a plain answer. A client may read what is no JSON, and makes of it what it likes."""
    assert exchange.answer is not None
    if exchange.answer.json is NOT_JSON:
        raise Undecided("the body of the answer is not JSON, which res.json says")
    return exchange.answer.json


def same_completion(value: Any, wire: Exchange) -> str | None:
    """A plain completion."""
    assert wire.answer is not None
    if not is_object(value):
        return f"the client gives {_short(value)}, which is no completion"
    return _unlike(_completion(value), _completion(_read(wire)))


def same_stream(value: Any, wire: Exchange) -> str | None:
    """The chunks of a stream."""
    assert wire.answer is not None
    if not is_array(value):
        return f"the client gives {_short(value)}, which is no stream"
    return _unlike(_joined(value), _joined(wire.answer.stream.chunks))


def same_whole(value: Any, wire: Exchange) -> str | None:
    """What the helper puts together."""
    assert wire.answer is not None
    got: dict[int, dict[str, Any]] = {}
    choices = value.get("choices") if is_object(value) else None
    for choice in choices if is_array(choices) else ():
        message: dict[str, Any] = choice.get("message") or {}
        calls = [_members(call.get("function"), "name", "arguments") for call in message.get("tool_calls") or ()]
        got[choice.get("index")] = {
            "content": message.get("content") or "",
            "refusal": message.get("refusal") or "",
            "calls": dict(enumerate(calls)),
            "finish_reason": choice.get("finish_reason"),
        }
    return _unlike(got, _joined(wire.answer.stream.chunks))


# --- scripts ----------------------------------------------------------------------------------------------------------


def _ends(exchange: Exchange) -> set[object]:
    """The finish reasons of an answer, streamed or not."""
    assert exchange.answer is not None
    value = exchange.answer.json
    if is_object(value):
        return {choice.get("finish_reason") for choice in _completion(value)["choices"]}
    return {choice["finish_reason"] for choice in _joined(exchange.answer.stream.chunks).values()}


def _accepted(body: Body) -> Generator[Any, Any, Exchange]:
    """The exchange of our own client. Undecided where the package is missing or the body is not taken."""
    if find_spec("openai") is None:
        raise Undecided(MISSING)
    exchange: Exchange = yield Request(body=body)
    if react(exchange) is not Reaction.ACCEPTED:
        raise Undecided(f"the same request by another client is not accepted ({describe(exchange)})")
    return exchange


def _used(use: str, body: Body) -> Generator[Any, Any, Outcome]:
    """What came of a use. Undecided where the network, the load or a must rule about answers speaks instead."""
    outcome: Outcome = yield Call(use, body)
    if outcome.undecided:
        raise Undecided(outcome.undecided)
    if not outcome.exchanges:
        raise Undecided(f"the client sent nothing: {outcome.error}")
    last = outcome.exchanges[-1]
    if last.answer is None or react(last) in (Reaction.LIMITED, Reaction.REDIRECTED, Reaction.UNREACHED):
        raise Undecided(f"no answer that can be judged ({describe(last)})")
    if use != "refused" and last.status in _REFUSALS and excuse(last):  # a 403 may be about what only a client sends
        raise Undecided(excuse(last))
    if use != "refused" and react(last) is Reaction.REFUSED and last.request.body is not None:
        plain: Exchange = yield Request(body=last.request.body)
        if react(plain) is Reaction.REFUSED:
            raise Undecided("what the client writes is refused from another client too: rules about requests say why")
    return outcome


def _wrong(outcome: Outcome, compare: Compare) -> str | None:
    """What the client raised or lost. Undecided where a must rule about answers, or the server itself, says why."""
    last = outcome.exchanges[-1].answer
    if outcome.error and last is not None and last.stream.failed:
        raise Undecided("the stream broke off with an error, which the client is right to raise")
    if outcome.error and last is not None and last.stream.dataless:
        raise Undecided("the stream holds an event without data, which the standard allows and this client cannot read")
    if outcome.error.startswith(_CUT) and _ends(outcome.exchanges[-1]) & {"length", "content_filter"}:
        raise Undecided("the answer was cut, which the client's helpers do not take")
    if outcome.error:
        came = describe(outcome.exchanges[-1])
        why: str | None = f"the client raises {_short(outcome.error)} (the wire: {came})"
    else:
        why = compare(outcome.value, outcome.exchanges[-1])
    if why and outcome.unlike:
        raise Undecided(f"the answer breaks {outcome.unlike[0]}, which says why: {why}")
    return why


def used(use: str, compare: Compare, **asked: Any) -> Callable[[Body], Script]:
    """A use gets what is on the wire. ``asked`` is what our own client asks beside the body."""

    def script(body: Body) -> Script:
        plain = yield from _accepted({**body, **asked})
        outcome = yield from _used(use, body)
        last = outcome.exchanges[-1]
        if react(last) is Reaction.ACCEPTED and in_events(plain) and not in_events(last):
            assert last.answer is not None
            return f"the client gets {last.answer.media_type!r} where another client gets an event stream"
        return _wrong(outcome, compare)

    return script


def structured(body: Body) -> Script:
    """A structured output that the wire holds is read. One that was cut, or is not what was asked, is not."""
    form = {"type": "json_schema", "json_schema": {"name": "City", "strict": True, "schema": SCHEMAS[0]}}
    yield from _accepted({**body, "response_format": form})
    outcome = yield from _used("parse", body)
    last = outcome.exchanges[-1]
    assert last.answer is not None
    choices: list[dict[str, Any]] = _completion(last.answer.json).get("choices", [])
    choice = choices[0] if choices else {}
    text = choice.get("message", {}).get("content")
    city = read_json(text) if isinstance(text, str) else NOT_JSON
    accepted = react(last) is Reaction.ACCEPTED
    if accepted and (choice.get("finish_reason") != "stop" or not _is_city(city)):
        raise Undecided("the answer was cut, or is not what the schema says: other rules speak of that")
    return _wrong(outcome, lambda value, wire: _unlike(value, {"content": text, "parsed": city}))


def _is_city(value: object) -> bool:
    return is_object(value) and set(value) == {"city"} and isinstance(value["city"], str)


def called(body: Body) -> Script:
    """A call is read, and the message that the client made of it is taken back with a reply to each call."""
    yield from _accepted(body)
    outcome = yield from _used("tools", body)
    first, last = outcome.exchanges[0], outcome.exchanges[-1]
    assert first.answer is not None
    choices = _completion(first.answer.json).get("choices", ())
    wire: dict[str, Any] = choices[0]["message"] if choices else {}
    if not outcome.error:
        _read(first)
    if len(outcome.exchanges) == 1 and not outcome.error and not wire.get("tool_calls"):
        raise Undecided("no tool is called")
    if len(outcome.exchanges) > 1 and react(last) is not Reaction.ACCEPTED:
        again = yield Request(body=last.request.body)
        if react(again) is not Reaction.ACCEPTED:
            raise Undecided("the conversation is not accepted from another client either: ef.echo speaks of that")

    def compare(value: Any, ended: Exchange) -> str | None:
        why = _unlike(_message(value["message"]), wire)
        return why or same_completion(value.get("second"), ended)

    return _wrong(outcome, compare)


def refused(body: Body) -> Script:
    """A refusal is raised as what it is, with what it says, and is not sent again."""
    if find_spec("openai") is None:
        raise Undecided(MISSING)
    plain: Exchange = yield Request(body=body)
    if react(plain) is not Reaction.REFUSED or plain.status not in _REFUSALS:
        raise Undecided(f"the request is not refused with 400 or 422 ({describe(plain)})")
    outcome = yield from _used("refused", body)
    last = outcome.exchanges[-1]
    if last.status not in _REFUSALS:
        return f"the client gets {describe(last)} for what another client gets {plain.status}"

    def compare(value: Any, wire: Exchange) -> str | None:
        assert wire.answer is not None
        refusals = [exchange for exchange in outcome.exchanges if exchange.status in _REFUSALS]
        if len(refusals) > 1:  # after a 429 it is right to send again
            return f"the client sends a refused request {len(refusals)} times, as if to try again helped"
        said = wire.answer.json.get("error") if is_object(wire.answer.json) else None
        if not is_object(said):
            raise Undecided("the error is no object, which err.envelope says")
        told = {name: said.get(name) for name in ("message", "param", "code", "type")}
        expected = {"class": _NAMES[wire.status or 0], "status": wire.status} | told
        return _unlike(_texts(value), _texts(expected))

    return _wrong(outcome, compare)


def _texts(said: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in said.items()}


def retried(body: Body) -> Script:
    """After a connection that broke (we break it), the second attempt is taken."""
    yield from _accepted(body)
    outcome = yield from _used("retry", body)
    return _wrong(outcome, same_completion)


# --- the chapter ------------------------------------------------------------------------------------------------------


def _rule(
    name: str, title: str, script: Callable[[Body], Script], *bodies: Body, needs: tuple[str, ...] = ()
) -> Relation:
    return Relation(
        id=f"client.{name}",
        property="body",
        title=title,
        strength=Strength.MUST,
        source=Source("prose", "the official Python client: what is compatible is usable through it"),
        script=script,
        pins=bodies,
        needs=needs,
        symptom=Symptom.WRONG_CONTENT,
    )


_FORCED = lean(
    messages=[user("What is the weather in Paris?")],
    tools=[TOOL],
    tool_choice={"type": "function", "function": {"name": "get_weather"}},
    max_tokens=128,
)
_CITY = lean(messages=[user("Name the capital of France. Answer with json.")], max_tokens=128)
_SOME = {"max_tokens": 64}
"""Enough for most answers to end: the helpers take none that was cut."""
_USAGE = {"stream_options": {"include_usage": True}}

CHAPTER = Chapter(
    "clients",
    "Real clients",
    (
        _rule("create", "can be used through the official client", used("create", same_completion), lean()),
        _rule(
            "create.async",
            "can be used through the asynchronous official client",
            used("create_async", same_completion),
            lean(),
        ),
        _rule(
            "stream",
            "streams to the official client",
            used("stream", same_stream, stream=True),
            lean(),
            needs=("streaming",),
        ),
        _rule(
            "stream.async",
            "streams to the asynchronous official client",
            used("stream_async", same_stream, stream=True),
            lean(),
            needs=("streaming",),
        ),
        _rule(
            "stream.helper",
            "streams what the official client's helper puts together",
            used("helper", same_whole, stream=True),
            lean(**_USAGE, **_SOME),
            needs=("streaming", "stream_options"),
        ),
        _rule(
            "stream.helper.async",
            "streams what the asynchronous client's helper puts together",
            used("helper_async", same_whole, stream=True),
            lean(**_SOME),
            needs=("streaming",),
        ),
        _rule(
            "tools",
            "makes tool calls that the official client reads and gives back",
            called,
            _FORCED,
            needs=("forced_tool", "tool_messages"),
        ),
        _rule(
            "tools.stream",
            "streams tool calls that the official client's helper puts together",
            used("helper", same_whole, stream=True),
            _FORCED,
            needs=("forced_tool", "streaming"),
        ),
        _rule(
            "structured",
            "makes structured outputs that the official client reads",
            structured,
            _CITY,
            needs=("json_schema",),
        ),
        _rule(
            "error",
            "refuses in a way that the official client raises, and does not try again",
            refused,
            lean(n=0),
            lean(messages=[]),
        ),
        _rule("retry", "takes what the official client sends again after a broken connection", retried, lean()),
    ),
)
