"""The rules about many requests at once, driven by hand-made answers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Exchange, Fresh, Relation, Trouble, Undecided
from chatproof.strategies import lean

Reply = Callable[[dict, int], Answer | Trouble]


def answer(status: int, value: object) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())


def good(body: dict, place: int) -> Answer:
    if not isinstance(body["messages"], list):
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
    return answer(200, {"id": f"chatcmpl-{place}", "choices": found})


def crossed(body: dict, place: int) -> Answer:
    """Every fifth request gets the answer of its neighbour."""
    if place % 5 != 4:
        return good(body, place)
    other = {**body, "n": body.get("n", 1) % 3 + 1}
    if "tools" in body:
        other["tools"] = [{"function": {"name": f"mark_{place + 1}"}}]
    elif "response_format" in body:
        other["response_format"] = {"json_schema": {"schema": {"properties": {f"mark_{place + 1}": {}}}}}
    elif not isinstance(body["messages"], list):
        other["messages"] = []
    return good(other, 0)


def play(name: str, reply: Reply) -> str | None:
    rule = load().by_id[f"many.{name}"]
    assert isinstance(rule, Relation)
    script = rule.script(lean())
    step = next(script)
    try:
        while True:
            assert isinstance(step, list)
            sent = [one.request if isinstance(one, Fresh) else one for one in step]
            made = []
            for place, request in enumerate(sent):
                came = reply(request.body, place)
                trouble = came if isinstance(came, Trouble) else None
                made.append(Exchange(request, None if trouble else came, trouble))
            step = script.send(made)
    except StopIteration as end:
        return end.value


NAMES = ("choices", "tools", "streams", "schemas", "ids", "refusals")


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
        ("ids", "share"),
        ("refusals", "400"),
    ],
)
def test_crossed_answers(name: str, word: str) -> None:
    def reply(body: dict, place: int) -> Answer:
        return good({**body, "messages": "x"}, place) if name == "refusals" and place == 4 else crossed(body, place)

    assert word in (play(name, reply) or "")


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_connection(name: str) -> None:
    def reply(body: dict, place: int) -> Answer | Trouble:
        return Trouble("disconnected", "gone") if place == 7 else good(body, place)

    assert "gone" in (play(name, reply) or "")


def test_a_server_that_declines_some_is_not_judged() -> None:
    with pytest.raises(Undecided):
        play("choices", lambda body, place: answer(400, {"error": {}}) if place == 3 else good(body, place))
