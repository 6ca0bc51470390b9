"""The rules about many requests at once, driven by hand-made answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Exchange, Fresh, Relation, Trouble, Undecided
from chatproof.strategies import lean

Reply = Callable[[dict, int], Answer | Trouble]


def answer(status: int, value: object) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())


def good(body: dict, place: int) -> Answer:
    if not isinstance(body["messages"], list) or body.get("temperature") == 3:
        return answer(400, {"error": {"message": "no", "type": "x", "param": None, "code": None}})
    message = {"role": "assistant", "content": None}
    if "tools" in body:
        name = body["tools"][0]["function"]["name"]
        message["tool_calls"] = [{"id": "1", "type": "function", "function": {"name": name, "arguments": "{}"}}]
    if "response_format" in body:
        members = body["response_format"]["json_schema"]["schema"]["properties"]
        message["content"] = json.dumps(dict.fromkeys(members, True))
    if body.get("stream"):
        chunk = {"choices": [{"index": 0, "delta": message}]}
        content = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        return Answer(200, (("content-type", "text/event-stream"),), content)
    found = [{"index": index, "message": message} for index in range(body.get("n", 1))]
    spent = {"completion_tokens": body.get("max_tokens", 1)}
    return answer(200, {"id": f"chatcmpl-{place}", "choices": found, "usage": spent})


def alone(body: dict) -> Answer:
    return good(body, 0)


def crossed(body: dict, place: int) -> Answer:
    """Every fifth request gets the answer of its neighbour."""
    if place % 5 != 4:
        return good(body, place)
    other = {**body, "n": body.get("n", 1) % 3 + 1, "max_tokens": 16}
    if "tools" in body:
        other["tools"] = [{"function": {"name": f"mark_{place + 1}"}}]
    elif "response_format" in body:
        other["response_format"] = {"json_schema": {"schema": {"properties": {f"mark_{place + 1}": {}}}}}
    elif not isinstance(body["messages"], list):
        other["messages"] = []
    return good(other, 0)


Alone = Callable[[dict], Answer]


def play(name: str, reply: Reply, single: Alone | None = None) -> str | None:
    """What the rule says; `single` answers the requests that are not sent together."""
    rule = load().by_id[f"many.{name}"]
    assert isinstance(rule, Relation)
    script = rule.script(lean())
    step: Any = next(script)
    try:
        while True:
            sent = [
                one.request if isinstance(one, Fresh) else one for one in (step if isinstance(step, list) else [step])
            ]
            made = []
            for place, request in enumerate(sent):
                came = reply(request.body, place) if isinstance(step, list) else (single or alone)(request.body)
                made.append(Exchange(request, trouble=came) if isinstance(came, Trouble) else Exchange(request, came))
            step = script.send(made if isinstance(step, list) else made[0])
    except StopIteration as end:
        return end.value


NAMES = ("choices", "tools", "streams", "schemas", "bounds", "ids", "refusals")


@pytest.mark.parametrize("name", NAMES)
def test_answers_that_belong(name: str) -> None:
    assert play(name, good) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("choices", "choices for n"),
        ("tools", "calls mark_5"),
        ("streams", "calls mark_5"),
        ("schemas", "has mark_5"),
        ("bounds", "completion_tokens for max_tokens: 2"),
        ("ids", "share"),
        ("refusals", "400"),
    ],
)
def test_crossed_answers(name: str, word: str) -> None:
    def reply(body: dict, place: int) -> Answer:
        return good({**body, "messages": "x"}, place) if name == "refusals" and place == 4 else crossed(body, place)

    assert word in (play(name, reply) or "")


def test_streams_that_a_crowd_answers_as_a_whole() -> None:
    def whole(body: dict, place: int = 0) -> Answer:
        return good({**body, "stream": False}, place)

    assert "'application/json' with 16" in (
        play("streams", lambda body, at: (whole if at == 6 else good)(body, at)) or ""
    )
    with pytest.raises(Undecided):
        play("streams", whole, whole)


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_connection(name: str) -> None:
    def reply(body: dict, place: int) -> Answer | Trouble:
        return Trouble("disconnected", "gone") if place == 7 else good(body, place)

    assert "gone" in (play(name, reply) or "")


def no(message: str = "no") -> Answer:
    return answer(400, {"error": {"message": message, "type": "x", "param": None, "code": None}})


def test_a_server_that_always_declines_some_is_not_judged() -> None:
    def few(body: dict, place: int = 0) -> Answer:
        return no() if body.get("n") == 3 else good(body, place)

    with pytest.raises(Undecided):
        play("choices", few, few)


@pytest.mark.parametrize("name", NAMES)
def test_a_valid_request_that_only_a_crowd_sees_refused(name: str) -> None:
    why = play(name, lambda body, place: no() if place == 4 else good(body, place))
    assert "alone" in (why or "")
    assert "400" in (why or "")


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_with_an_excuse_is_no_fault(name: str) -> None:
    with pytest.raises(Undecided):
        play(name, lambda body, place: no("maximum context length") if place == 4 else good(body, place))


@pytest.mark.parametrize("taken", [{"messages": "Say hi."}, {"temperature": 3}], ids=["messages", "temperature"])
def test_an_invalid_request_that_only_a_crowd_sees_taken(taken: dict) -> None:
    def lax(body: dict, place: int) -> Answer:
        return answer(200, {}) if taken.items() <= body.items() else good(body, place)

    assert "200" in (play("refusals", lax) or "")


def test_a_server_without_limits_is_judged_by_the_other_refusals() -> None:
    def warm(body: dict, place: int = 0) -> Answer:
        return answer(200, {}) if body.get("temperature") == 3 else good(body, place)

    assert play("refusals", warm, warm) is None


def test_a_crowd_of_others_does_not_hide_the_fate_alone() -> None:
    turns = iter(range(100))

    def crowded(body: dict) -> Answer:
        return no() if next(turns) % 3 else good(body, 0)

    assert "alone" in (play("refusals", lambda body, place: no(), crowded) or "")


@pytest.mark.parametrize("reply", [lambda body: no(), lambda body: answer(200, {})], ids=["refuses", "takes"])
def test_fates_that_are_the_same_for_all_cannot_be_compared(reply: Alone) -> None:
    with pytest.raises(Undecided):
        play("refusals", lambda body, place: reply(body), reply)


def test_a_bound_that_is_not_kept_alone_is_no_matter_of_the_crowd() -> None:
    def longer(body: dict, place: int = 0) -> Answer:
        return good({**body, "max_tokens": body.get("max_tokens", 1) + 5}, place)

    with pytest.raises(Undecided):
        play("bounds", longer, longer)
    assert "alone the bound is kept" in (play("bounds", longer) or "")
    assert play("bounds", lambda body, place: good({**body, "max_tokens": body["max_tokens"] + 1}, place)) is None


def test_answers_without_a_count_are_not_held_to_a_bound() -> None:
    with pytest.raises(Undecided):
        play("bounds", lambda body, place: answer(200, {"choices": []}))


@pytest.mark.parametrize("name", NAMES)
def test_a_request_that_crashes_alone_is_no_matter_of_the_crowd(name: str) -> None:
    def down(body: dict, place: int = 0) -> Answer:
        return answer(500, {})

    with pytest.raises(Undecided):
        play(name, down, down)


def test_what_is_no_answer_is_not_counted() -> None:
    def reply(body: dict, place: int) -> Answer:
        return good({**body, "stream": place % 4 == 1}, place)

    assert play("choices", reply) is None
