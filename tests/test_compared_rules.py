"""Requests in another form and answers compared: each rule holds on the reference, and sees the fault it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.model import (
    Answer,
    Body,
    Exchange,
    Fresh,
    Relation,
    Request,
    Trouble,
    Undecided,
    Unended,
)
from chatproof.conformance.outgoing import headers_of, prepare
from chatproof.conformance.reference.app import BASE, Endpoint
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.rules import compared, other_forms
from chatproof.conformance.rules.views import asked
from chatproof.conformance.target import Target
from starlette.datastructures import Headers

RULES = {
    rule.id: rule
    for chapter in (other_forms.CHAPTER, compared.CHAPTER)
    for rule in chapter.rules
    if isinstance(rule, Relation)
}
ENDPOINT = Endpoint({"": Reference()})
TARGET = Target("http://h/v1", model="chatproof-reference", fields={"max_tokens": 16})
Reply = Callable[[Request], Exchange]


def good(request: Request) -> Exchange:
    """What the reference answers."""
    request = prepare(request, TARGET)
    reference, kind = ENDPOINT.paths[BASE + request.path]
    made = ENDPOINT.answer(reference, kind, request.method, Headers(headers_of(request, TARGET)), request.content)
    return Exchange(request, Answer(made.status, (("content-type", made.content_type),), b"".join(made.blocks)))


def play(rule: Relation, body: Body, reply: Reply) -> str | None:
    """A script to its end. Raises Undecided."""
    script = rule.script(body)

    def answer(step: Request | Fresh) -> Exchange:
        return reply(step.request if isinstance(step, Fresh) else step)

    step: Any = next(script)
    while True:
        try:
            step = script.send([answer(one) for one in step] if isinstance(step, list) else answer(step))
        except StopIteration as end:
            return end.value


def outcomes(rule: Relation, reply: Reply) -> list[str | None]:
    found = []
    for body in rule.pins:
        try:
            found.append(play(rule, body, reply))
        except Undecided:
            found.append(None)
    return found


def changed(exchange: Exchange, change: Callable[[bytes], bytes] = lambda content: content, **more: Any) -> Exchange:
    assert exchange.answer is not None
    return replace(exchange, answer=replace(exchange.answer, content=change(exchange.answer.content), **more))


def edited(when: Callable[[Body], Any], old: str, new: str) -> Reply:
    """The text of some answers changed, by a pattern."""

    def reply(request: Request) -> Exchange:
        exchange = good(request)
        wrong = when(asked(exchange))
        return changed(exchange, lambda text: re.sub(old, new, text.decode()).encode()) if wrong else exchange

    return reply


def refusing(when: Callable[[Request], Any], status: int = 400) -> Reply:
    return lambda request: changed(good(request), lambda _: b"{}", status=status) if when(request) else good(request)


def taking(when: Callable[[Request], Any]) -> Reply:
    """Takes what it should refuse."""

    def reply(request: Request) -> Exchange:
        if when(request):
            return replace(good(Request(body={**TAKEN, "stream": request.streamed})), request=request)
        return good(request)

    return reply


TAKEN: Body = {"model": "chatproof-reference", "messages": [{"role": "user", "content": "Hi."}]}


def has(*names: str) -> Callable[[Request], bool]:
    return lambda request: all(name in request.body for name in names)


def ignoring(when: Callable[[int], bool]) -> Reply:
    """Biases that the model does not hear of."""

    def reply(request: Request) -> Exchange:
        bias = request.body.get("logit_bias") or {}
        left = {key: value for key, value in bias.items() if not when(value)}
        return replace(good(Request(body={**request.body, "logit_bias": left})), request=request)

    return reply


def rotated(request: Request) -> Exchange:
    """Three alternatives whose first is the last of them."""

    def change(content: bytes) -> bytes:
        value = json.loads(content)
        for choice in value["choices"]:
            for entry in choice["logprobs"]["content"]:
                entry["top_logprobs"] = entry["top_logprobs"][-1:] + entry["top_logprobs"][:-1]
        return json.dumps(value).encode()

    return changed(good(request), change) if request.body.get("top_logprobs") == 3 else good(request)


def unended(how: Unended, turns: int = 100) -> Reply:
    left = [turns]

    def reply(request: Request) -> Exchange:
        left[0] -= 1
        return changed(good(request), unended=how if left[0] >= 0 else None)

    return reply


def leaking(turns: int = 100, plain: bool = False) -> Reply:
    """Streams with a stop string end with its first character, so many of them; with `plain` other answers do too."""
    left = [turns]

    def reply(request: Request) -> Exchange:
        exchange, stop = good(request), request.body.get("stop")
        if not stop or not (request.streamed or plain):
            return exchange
        left[0] -= 1
        if left[0] < 0:
            return exchange
        if not request.streamed:
            return changed(
                exchange, lambda text: re.sub(rb'(?<="content":")[^"]+', rb"\g<0>" + stop[:1].encode(), text)
            )
        told = b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n' % stop[:1].encode()
        return changed(
            exchange, lambda text: re.sub(rb'data: (?=[^\n]*"finish_reason":"stop")', told + b"data: ", text)
        )

    return reply


FAULTY: dict[str, list[Reply]] = {
    "mm.ccase": [
        refusing(lambda request: request.chunked),
        taking(lambda request: request.chunked and b'"temperature": 3' in request.content),
        refusing(lambda request: request.chunked and request.streamed, 500),
        refusing(lambda request: request.chunked and len(request.content) > 65_536),
    ],
    "mm.charset": [
        refusing(lambda request: request.content_type is None),
        taking(lambda request: "charset" in (request.content_type or "") and request.body.get("temperature") == 3),
    ],
    "mm.alias": [
        refusing(has("max_completion_tokens", "stop")),
        taking(has("max_completion_tokens", "temperature")),
    ],
    "mm.tools.legacy": [refusing(has("functions", "stop")), taking(has("functions", "temperature"))],
    "sse.done.open": [unended(Unended.SILENT)],
    "sse.equiv": [
        edited(lambda body: body.get("stream"), r'"content":"1"', '"content":""'),
    ],
    "ef.stop.finish.stream": [
        edited(lambda body: "stop" in body, '"finish_reason":"stop"', '"finish_reason":"length"')
    ],
    "ef.stop.across.stream": [leaking()],
    "mm.alias.bound": [
        edited(lambda body: "max_completion_tokens" in body, '"completion_tokens":8', '"completion_tokens":9')
    ],
    "ef.bias.force": [ignoring(lambda value: value == 100)],
    "ef.bias.ban": [ignoring(lambda value: value == -100)],
    "ef.toplogprobs.nested": [rotated],
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_reference_breaks_none_and_every_pin_can_be_judged(rule: Relation) -> None:
    assert [play(rule, body, good) for body in rule.pins] == [None] * len(rule.pins)


@pytest.mark.parametrize(
    ("rule", "reply"), [(RULES[name], reply) for name, replies in FAULTY.items() for reply in replies]
)
def test_a_fault_breaks_its_rule(rule: Relation, reply: Reply) -> None:
    assert any(outcomes(rule, reply))


def test_every_rule_has_a_fault() -> None:
    assert set(FAULTY) == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_answer_is_no_verdict(rule: Relation) -> None:
    def late(request: Request) -> Exchange:
        return Exchange(request, trouble=Trouble("timeout", "late"))

    assert outcomes(rule, late) == [None] * len(rule.pins)


@pytest.mark.parametrize("status", [411, 501])
def test_a_server_may_want_a_length(status: int) -> None:
    rule = RULES["mm.ccase"]
    assert not any(outcomes(rule, refusing(lambda request: request.chunked, status)))


def test_a_body_that_is_too_large_in_both_forms_is_not_compared_with_a_small_one() -> None:
    rule = RULES["mm.ccase"]
    assert not any(outcomes(rule, refusing(lambda request: len(request.content) > 65_536, 413)))


def test_a_dropped_connection_is_no_answer_to_a_chunked_body() -> None:
    def reply(request: Request) -> Exchange:
        return Exchange(request, trouble=Trouble("disconnected", "gone")) if request.chunked else good(request)

    assert "in chunks" in (play(RULES["mm.ccase"], TAKEN, reply) or "")


def test_a_charset_that_is_refused_is_another_rules() -> None:
    rule = RULES["mm.charset"]
    assert not any(outcomes(rule, refusing(lambda request: "charset" in (request.content_type or ""))))


@pytest.mark.parametrize("reply", [unended(Unended.CLOSED), unended(Unended.SILENT, 2), good])
def test_a_stream_is_left_open_only_if_it_is_every_time(reply: Reply) -> None:
    assert outcomes(RULES["sse.done.open"], reply) == [None]


def test_texts_are_compared_only_where_the_server_repeats_itself() -> None:
    number = [0]

    def reply(request: Request) -> Exchange:
        number[0] += 1
        return changed(good(request), lambda content: content.replace(b"1,", b"%d," % number[0]))

    with pytest.raises(Undecided, match="repeat"):
        play(RULES["sse.equiv"], RULES["sse.equiv"].pins[0], reply)


def test_what_stream_false_changes_as_well_is_not_laid_on_streams() -> None:
    """A cache that leaves something out of its key gives the plain request what another one was for."""
    stale = edited(lambda body: "stream" not in body, r'"content":"[^"]*"', '"content":"1"')
    with pytest.raises(Undecided):
        play(RULES["sse.equiv"], RULES["sse.equiv"].pins[0], stale)


def test_half_a_character_at_the_cut_is_no_difference() -> None:
    def reply(request: Request) -> Exchange:
        exchange = good(request)
        if request.streamed:
            return exchange
        body = json.loads(exchange.answer.content) if exchange.answer else {}
        body["choices"][0]["message"]["content"] += "\ufffd"
        return changed(exchange, lambda _: json.dumps(body).encode())

    assert play(RULES["sse.equiv"], RULES["sse.equiv"].pins[0], reply) is None


@pytest.mark.parametrize(
    "reply",
    [
        leaking(turns=1),  # once only
        leaking(plain=True),  # the plain text ends there as well: another text, for all that is known
        edited(lambda body: body.get("stop"), '"finish_reason":"stop"', '"finish_reason":"length"'),
        edited(lambda body: body.get("stop"), '"content":"1"', '"content":"one"'),
        edited(lambda body: body.get("stop"), '"content":"[^"]+"', '"content":""'),
    ],
)
def test_a_stop_string_is_seen_to_leak_only_where_the_text_is_the_same(reply: Reply) -> None:
    assert not any(outcomes(RULES["ef.stop.across.stream"], reply))


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        (["1", ",", " ", "2", ",", " ", "3"], ("2,", "1, ")),
        (["1,", " 2,", " 3,", " 4"], (", 2", "1")),
        (["The river", "side is", " wide"], ("rs", "The rive")),
        (["é", "ä", " ", "ö"], None),
        (["aaaa", "aaaa"], None),  # it comes before as well
        (["ab", "cd"], ("bc", "a")),
        (["all at once"], None),
        ([], None),
    ],
)
def test_a_stop_string_is_taken_from_two_pieces(pieces: list[str], found: tuple[str, str] | None) -> None:
    assert compared._spanning(pieces) == found


@pytest.mark.parametrize(
    ("text", "times", "repeats"),
    [
        ("11111111", 8, True),
        ("the the the", 3, True),  # each with a blank before it
        ("abababab", 4, True),
        ("1, 2, 3", 7, False),
        ("the thee the", 3, False),
    ],
)
def test_one_token_over_and_over(text: str, times: int, repeats: bool) -> None:
    assert compared._repeats(text, times) is repeats


def test_a_ban_is_judged_only_where_the_token_is_known() -> None:
    """A server that heeds no bias cannot show which token an id stands for."""
    with pytest.raises(Undecided):
        play(RULES["ef.bias.ban"], RULES["ef.bias.ban"].pins[0], ignoring(lambda value: True))
