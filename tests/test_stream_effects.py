"""Streams put together: what a client makes of the chunks is the plain answer, and twins judge it as their rules do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, AnswerRule, Exchange, Request
from chatproof.conformance.reference.behaviour import Reference, respond
from chatproof.conformance.rules.gates import TOOL
from chatproof.conformance.rules.stream_effects import CHAPTER, put_together, sound
from chatproof.conformance.rules.views import long_answer
from chatproof.strategies import lean

WEATHER: dict[str, Any] = {"messages": [{"role": "user", "content": "What is the weather?"}], "tools": [TOOL]}
FUNCTIONS: dict[str, Any] = {"messages": WEATHER["messages"], "functions": [TOOL["function"]]}

BODIES = {
    "text": lean(),
    "three choices": lean(n=3),
    "cut": long_answer(max_tokens=8),
    "json": lean(messages=[{"role": "user", "content": "JSON please"}], response_format={"type": "json_object"}),
    "calls": lean(**WEATHER, tool_choice="required"),
    "cut calls": lean(**WEATHER, tool_choice="required", max_tokens=3),
    "function": lean(**FUNCTIONS, function_call={"name": "get_weather"}),
}

REFERENCE = Reference(models=None)


def asked(body: dict[str, Any]) -> Exchange:
    answer = respond(REFERENCE, "application/json", json.dumps(body).encode())
    assert answer.status == 200, answer.blocks
    headers = (("content-type", answer.content_type),)
    return Exchange(Request(body=body), Answer(200, headers, b"".join(answer.blocks)))


def streamed(body: dict[str, Any]) -> Exchange:
    return asked({**body, "stream": True, "stream_options": {"include_usage": True}})


def told(exchange: Exchange) -> list[dict[str, Any]]:
    """What an answer says, without what differs from one to the next."""
    assert exchange.answer is not None
    rows = []
    for choice in exchange.answer.json["choices"]:
        message = choice["message"]
        calls = [(call["type"], call["function"]) for call in message.get("tool_calls", ())]
        content = message.get("content") or None
        function = message.get("function_call")
        rows.append({"finish": choice["finish_reason"], "content": content, "calls": calls, "function": function})
    return rows


@pytest.mark.parametrize("name", BODIES)
def test_a_stream_put_together_is_the_plain_answer(name: str) -> None:
    stream, plain = streamed(BODIES[name]), asked(BODIES[name])
    assert sound(stream)
    assert told(put_together(stream)) == told(plain)
    assert put_together(stream).answer.json["usage"] == plain.answer.json["usage"]  # type: ignore[union-attr]


def test_a_stream_that_breaks_off_is_not_judged() -> None:
    exchange = streamed(lean())
    assert exchange.answer is not None
    for cut in (b"data: [DONE]\n\n", b'"finish_reason":"stop"'):
        broken = replace(exchange, answer=replace(exchange.answer, content=exchange.answer.content.replace(cut, b"")))
        assert not sound(broken)


ABOUT_ANSWERS = [rule for rule in CHAPTER.rules if isinstance(rule, AnswerRule)]


@pytest.mark.parametrize("rule", ABOUT_ANSWERS, ids=lambda rule: rule.id)
def test_the_pins_of_a_twin_are_judged_and_hold(rule: AnswerRule) -> None:
    judged = [asked(pin) for pin in rule.pins if isinstance(pin, dict)]
    about = [exchange for exchange in judged if rule.applies(exchange)]
    assert about
    assert [rule.check(exchange) for exchange in about] == [None] * len(about)


@pytest.mark.parametrize("rule", ABOUT_ANSWERS, ids=lambda rule: rule.id)
def test_a_twin_is_not_about_plain_answers(rule: AnswerRule) -> None:
    original = load().by_id[rule.id.removesuffix(".stream")]
    assert isinstance(original, AnswerRule)
    for pin in original.pins:
        assert isinstance(pin, dict)
        assert not rule.applies(asked(pin))


def short(text: str, *, stream: bool) -> Exchange:
    """An answer to a bound of one token that says it is whole and counts nothing."""
    body = long_answer(max_tokens=1, stream=stream)
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m"}
    ends = {"index": 0, "logprobs": None, "finish_reason": "stop"}
    if stream:
        piece = {**head, "object": "chat.completion.chunk", "choices": [{**ends, "delta": {"content": text}}]}
        content, kind = f"data: {json.dumps(piece)}\n\ndata: [DONE]\n\n", "text/event-stream"
    else:
        message = {"role": "assistant", "content": text}
        content = json.dumps({**head, "object": "chat.completion", "choices": [{**ends, "message": message}]})
        kind = "application/json"
    return Exchange(Request(body=body), Answer(200, (("content-type", kind),), content.encode()))


@pytest.mark.parametrize("roomy", ["Hi.", "Hi. And more."])
@pytest.mark.parametrize("name", ["ef.length", "ef.length.stream"])
def test_an_answer_that_no_room_makes_longer_was_not_cut(name: str, roomy: str) -> None:
    """An echo says the same whatever the bound, streamed too."""
    rule = load().by_id[name]
    assert isinstance(rule, AnswerRule)
    assert rule.doubt is not None
    cut = short("Hi.", stream=name.endswith(".stream"))
    assert rule.applies(cut)
    assert rule.check(cut)
    assert bool(rule.doubt.clears(short(roomy, stream=False), cut)) is (roomy == "Hi.")
