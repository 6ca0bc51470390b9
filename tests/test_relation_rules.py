"""Relations and effects on hand-made exchanges: every rule finds its fault, good answers pass, nothing raises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from chatproof.conformance.model import Answer, AnswerRule, Body, Exchange, Fresh, Relation, Request, Trouble, Undecided
from chatproof.conformance.rules import effects, relations, stream_effects
from chatproof.conformance.rules.effect_formats import KEYWORDS, strict_format
from chatproof.conformance.rules.gates import TOOL
from chatproof.conformance.rules.views import asked, long_answer
from chatproof.strategies.bodies import SCHEMAS, lean
from hypothesis import given, settings
from hypothesis import strategies as st

RULES: dict[str, Any] = {rule.id: rule for chapter in (relations.CHAPTER, effects.CHAPTER) for rule in chapter.rules}
RELATIONS = [rule for rule in RULES.values() if isinstance(rule, Relation)]
ANSWERS = [rule for rule in RULES.values() if isinstance(rule, AnswerRule)]
Reply = Callable[[Request, int], Exchange]


def value_of(request: Request) -> Any:
    """The body as a server reads it."""
    try:
        return json.loads(request.content)
    except ValueError:
        return None


def made(request: Request, status: int, value: Any) -> Exchange:
    headers = (("content-type", "application/json"),)
    return Exchange(request, Answer(status, headers, json.dumps(value).encode()))


def refusal(request: Request, status: int = 400, **error: Any) -> Exchange:
    return made(request, status, {"error": {"message": "no", "type": "bad", "param": None, "code": None, **error}})


def completion(request: Request, text: Any = "Hi.", finish: str = "stop", **more: Any) -> Exchange:
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish, **more.pop("choice", {})}
    count = {
        "prompt_tokens": 5 + 3 * len(asked(request_exchange(request)).get("messages") or []),
        "completion_tokens": 1,
    }
    count |= more.pop("usage", {})
    return made(request, 200, {"choices": [choice], "usage": count, **more})


def request_exchange(request: Request) -> Exchange:
    return Exchange(request)


def streamed(request: Request, text: str, **count: Any) -> Exchange:
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]}, {"choices": [], "usage": count or None}]
    lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return Exchange(request, Answer(200, (("content-type", "text/event-stream"),), lines.encode()))


def valid(body: Any) -> bool:
    """A small validator: enough for the bodies of the relations."""
    if not isinstance(body, dict) or not body.get("messages") or not isinstance(body["messages"], list):
        return False
    if body["messages"][0].get("role") == "bogus":
        return False
    number = all(abs(body.get(key) or 0) <= 2 for key in ("temperature", "presence_penalty", "frequency_penalty"))
    stop = body.get("stop")
    return (
        number
        and (body.get("top_p") or 0) <= 1
        and body.get("n") != 0
        and (body.get("response_format") or {}).get("type") != "bogus"
        and (
            stop is None
            or isinstance(stop, str)
            or (isinstance(stop, list) and len(stop) < 5 and all(isinstance(one, str) for one in stop))
        )
        and not isinstance(body.get("seed"), str)
        and (body.get("logit_bias") or {}).get("0", 0) <= 100
    )


def good(request: Request, _: int = 0) -> Exchange:
    """A server without fault, which counts at length."""
    body = value_of(request)
    if not valid(body):
        return refusal(request)
    text = "1, 2, 3, 4, 5, 6, 7, 8"
    stop = body.get("stop")
    finish = "length"
    for one in [stop] if isinstance(stop, str) else stop or []:
        if one in text:
            text, finish = text[: text.index(one)], "stop"
    if body.get("stream"):
        return streamed(request, text, prompt_tokens=5 + 3 * len(body["messages"]))
    if body.get("tool_choice") not in (None, "auto", "none"):
        call = {"id": "call00001", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        return completion(request, None, "tool_calls", message={"tool_calls": [call]})
    return completion(request, text, finish)


def play(rule: Relation, body: Body, reply: Reply) -> str | None:
    script = rule.script(body)
    number = 0

    def answer(step: Any) -> Exchange:
        nonlocal number
        number += 1
        return reply(step.request if isinstance(step, Fresh) else step, number)

    try:
        step = next(script)
        while True:
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


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.id)
def test_good_server_breaks_no_relation(rule: Relation) -> None:
    assert outcomes(rule, good) == [None] * len(rule.pins)


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.id)
def test_first_pin_can_be_judged(rule: Relation) -> None:
    assert play(rule, rule.pins[0], good) is None


def refusing(test: Callable[[Request, Any], bool], status: int = 400) -> Reply:
    return lambda request, n: refusal(request, status) if test(request, value_of(request)) else good(request, n)


def taking(test: Callable[[Request, Any], bool]) -> Reply:
    return lambda request, n: completion(request) if test(request, value_of(request)) else good(request, n)


def has(body: Any, *keys: str) -> bool:
    return isinstance(body, dict) and all(key in body for key in keys)


def texts(make: Callable[[Any, int], str], finish: str = "length") -> Reply:
    """A server with these texts."""

    def reply(request: Request, number: int) -> Exchange:
        body = value_of(request)
        text = make(body, number)
        return streamed(request, text) if body.get("stream") else completion(request, text, finish)

    return reply


def parted(body: Any) -> bool:
    return isinstance(body, dict) and any(isinstance(one.get("content"), list) for one in body.get("messages", []))


COUNT = "1, 2, 3, 4, 5"
FAULTY: dict[str, Reply] = {
    "mm.stream": taking(lambda _, body: has(body, "stream")),
    "mm.null": refusing(lambda _, body: has(body, "seed", "stop") and body["seed"] is None),
    "mm.default": refusing(lambda _, body: has(body, "n", "top_p") and body["n"] == 1),
    "mm.default.should": refusing(lambda _, body: has(body, "service_tier", "modalities")),
    "mm.stop.scalar": refusing(lambda _, body: has(body, "stop") and body["stop"] == ["\n"]),
    "mm.content.parts": refusing(lambda _, body: parted(body)),
    "mm.content.parts.tokens": lambda request, n: completion(request, usage={"prompt_tokens": n}),
    "mm.keyorder": refusing(lambda _, body: has(body, "messages") and next(iter(body)) != "model"),
    "mm.whitespace": refusing(lambda request, body: request.content[:1] != b"{" and has(body, "stop")),
    "mm.whitespace.escapes": taking(lambda request, body: b"\\u00" in request.content),
    "mm.number": refusing(lambda request, _: b"e0" in request.content),
    "mm.monotone.bad": taking(lambda _, body: has(body, "user")),
    "mm.monotone.good": refusing(lambda _, body: not has(body, "top_p") and has(body, "seed", "n")),
    "mm.isolation": lambda request, n: refusal(request, 500) if n > 4 else good(request),
    "mm.isolation.options": lambda request, n: good(
        request if n < 4 or has(value_of(request), "stop") else Request({**value_of(request), "stop": "5, 6"}), n
    ),
    "mm.repeat": lambda request, n: refusal(request, 500) if n > 1 else good(request),
    "mm.repeat.neg": lambda request, n: refusal(request, code=f"code-{n}"),
    "ef.echo": refusing(lambda _, body: len(body["messages"]) > 1 and "content" in body["messages"][1]),
    "ef.echo.text": refusing(lambda _, body: len(body["messages"]) > 1 and "refusal" in body["messages"][1]),
    "ef.stop": texts(lambda _, n: COUNT),
    "ef.stop.stream": texts(lambda _, n: COUNT),
    "ef.stop.part": texts(lambda body, n: "1" if has(body, "stop") else COUNT, "stop"),
    "ef.stop.finish": texts(lambda body, n: "1" if has(body, "stop") else COUNT),
    "ef.prompt.tokens": lambda request, n: completion(request, usage={"prompt_tokens": n}),
    "ef.prompt.tokens.stream": lambda request, n: (
        streamed(request, "x", prompt_tokens=99) if request.streamed else completion(request)
    ),
    "ef.prompt.monotone": lambda request, n: completion(request, usage={"prompt_tokens": 7}),
    "ef.seed": texts(lambda _, n: f"text {n}"),
    "ef.temp0": texts(lambda _, n: f"text {n}"),
    "ef.stop.prefix": texts(lambda body, n: "2" if has(body, "stop") else COUNT),
    "ef.monotone.max": texts(lambda body, n: COUNT[: 16 - body["max_tokens"]]),
}
EXTRA = {"refusal": None, "annotations": []}


def faulty(rule_id: str) -> Reply:
    """The faulty server; its own messages hold more than a client must send."""
    reply = FAULTY[rule_id]
    if rule_id == "ef.echo":
        call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}

        def with_call(request: Request, number: int) -> Exchange:
            body = value_of(request)
            if len(body["messages"]) > 1:
                return refusal(request) if "refusal" in body["messages"][1] else completion(request)
            return completion(request, None, "tool_calls", message={**EXTRA, "tool_calls": [call]})

        return with_call
    if rule_id == "ef.echo.text":
        return lambda request, n: completion(request, message=EXTRA) if n == 1 else reply(request, n)
    return reply


def test_every_relation_has_a_fault() -> None:
    assert set(FAULTY) == {rule.id for rule in RELATIONS}


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.id)
def test_fault_breaks_the_relation(rule: Relation) -> None:
    assert any(outcomes(rule, faulty(rule.id)))


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.id)
def test_no_answer_is_no_verdict(rule: Relation) -> None:
    found = outcomes(rule, lambda request, n: Exchange(request, trouble=Trouble("timeout", "late")))
    assert found == [None] * len(rule.pins)


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: rule.id)
def test_a_value_refused_alone_is_no_relation(rule: Relation) -> None:
    """temperature: null refused is temperature.null's finding."""
    if rule.id == "mm.null":
        assert not any(outcomes(rule, refusing(lambda _, b: has(b, "temperature") and b["temperature"] is None)))


def stopping(cuts: Callable[[list[str]], list[str]]) -> Reply:
    """A server that minds some of its stop strings only."""

    def reply(request: Request, number: int) -> Exchange:
        body = value_of(request)
        found = body.get("stop") or []
        kept = cuts([found] if isinstance(found, str) else found)
        return good(Request({**body, "stop": kept or None}), number)

    return reply


@pytest.mark.parametrize("rule_id", ["ef.stop", "ef.stop.stream"])
@pytest.mark.parametrize(
    "cuts",
    [lambda found: [one for one in found if len(one) == 1], lambda found: found[:1]],
    ids=["of one character", "the first"],
)
def test_every_kind_of_stop_string_is_tried(rule_id: str, cuts: Callable[[list[str]], list[str]]) -> None:
    assert play(RULES[rule_id], RULES[rule_id].pins[0], stopping(cuts)) is not None


def test_counts_of_prompt_tokens_are_those_of_the_whole_prompt() -> None:
    def last_only(request: Request, _: int) -> Exchange:
        return completion(request, usage={"prompt_tokens": len(value_of(request)["messages"][-1]["content"])})

    rule = RULES["ef.prompt.monotone"]
    assert play(rule, rule.pins[0], last_only)


def test_counts_of_prompt_tokens_are_not_those_of_the_last_few_messages() -> None:
    def last_four(request: Request, _: int) -> Exchange:
        return completion(request, usage={"prompt_tokens": 5 * len(value_of(request)["messages"][-4:])})

    rule = RULES["ef.prompt.monotone"]
    assert play(rule, rule.pins[0], last_four)


@pytest.mark.parametrize(
    ("text", "finish"), [("1", "length"), ("1, 2, 3, 4, 5", "stop"), ("1, 2, 3", "stop"), ("A, B", "stop")]
)
def test_a_text_that_ends_otherwise_was_not_cut_at_a_part_of_a_stop_string(text: str, finish: str) -> None:
    server = texts(lambda body, n: text if has(body, "stop") else "1, 2, 3, 4, 5, 6, 7, 8", finish)
    assert play(RULES["ef.stop.part"], RULES["ef.stop.part"].pins[0], server) is None


def test_a_prompt_of_its_own_every_time() -> None:
    asked_for: list[bytes] = []

    def reply(request: Request, number: int) -> Exchange:
        asked_for.append(request.content)
        return completion(request)

    rule = RULES["ef.prompt.tokens"]
    for _ in range(2):
        play(rule, rule.pins[0], reply)
    assert asked_for[0] == asked_for[1]
    assert asked_for[1] != asked_for[2]


def test_ids_that_the_server_makes_and_refuses() -> None:
    long = "c" * 41

    def reply(request: Request, _: int) -> Exchange:
        if long.encode() in request.content:
            return refusal(request)
        made_up = {"id": long, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        return completion(request, None, "tool_calls", message={"tool_calls": [made_up]})

    assert "sent back as received" in (play(RULES["ef.echo"], RULES["ef.echo"].pins[0], reply) or "")


@pytest.mark.parametrize("idents", [[""], ["c", "c"]], ids=["empty", "alike"])
def test_ids_that_are_wrong_are_not_sent_back(idents: list[str]) -> None:
    made_up = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in idents]
    with pytest.raises(Undecided):
        play(RULES["ef.echo"], RULES["ef.echo"].pins[0], lambda request, _: calling(request.body, *made_up))


def test_a_bound_is_null_only_where_it_stands_alone() -> None:
    sent: list[Body] = []

    def reply(request: Request, number: int) -> Exchange:
        sent.append(request.body)
        return good(request, number)

    outcomes(RULES["mm.null"], reply)
    bounds = [{name for name in body if name.startswith("max_")} for body in sent]
    assert all(len(found) <= 1 for found in bounds)
    null = [(body, found) for body, found in zip(sent, bounds, strict=True) if found and None in map(body.get, found)]
    assert {name for _, found in null for name in found} == {"max_tokens", "max_completion_tokens"}
    assert any(len(body) > 4 for body, _ in null)


W = {"messages": [{"role": "user", "content": "Weather?"}], "tools": [TOOL], "max_tokens": 128}
FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": SCHEMAS[0]}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
SHORTER = {"type": "function", "function": {"name": "get"}}


def call(name: str = "get_weather") -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}


def calling(body: Body, *calls: Any) -> Exchange:
    return completion(Request(body), None, "tool_calls", message={"tool_calls": list(calls)})


def said(body: Body, text: Any = "Hi.", finish: str = "stop", **more: Any) -> Exchange:
    return completion(Request(body), text, finish, **more)


OTHER = {
    "type": "object",
    "properties": {"wide": {"type": "boolean"}},
    "required": ["wide"],
    "additionalProperties": False,
}
"""A strict schema that no rule of its own is about."""

ENTRY = {"content": [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}], "refusal": None}
BAD: list[tuple[set[str], Exchange]] = [
    ({"ef.maxtokens", "ef.maxtokens.exact"}, said(lean(max_tokens=4), usage={"completion_tokens": 6})),
    ({"ef.maxtokens.exact"}, said(lean(max_tokens=4), usage={"completion_tokens": 5})),
    (
        {"ef.maxtokens.completion", "ef.maxtokens.completion.exact"},
        said(lean(max_completion_tokens=4), usage={"completion_tokens": 6}),
    ),
    (
        {"ef.maxtokens", "ef.maxtokens.exact"},
        said(
            lean(max_tokens=4, prediction={"type": "content", "content": "Hi."}),
            usage={"completion_tokens": 9, "completion_tokens_details": {"rejected_prediction_tokens": 3}},
        ),
    ),
    ({"ef.json_schema.nested"}, said(lean(response_format=strict_format(OTHER)), '{"wide": 1}')),
    ({"ef.length"}, said(long_answer(max_tokens=1), "1")),
    ({"ef.length.completion"}, said(long_answer(max_completion_tokens=1), "1")),
    ({"ef.choice.none"}, calling(lean(**W, tool_choice="none"), call())),
    ({"ef.choice.required"}, said(lean(**W, tool_choice="required"))),
    ({"ef.choice.named"}, calling(lean(**W, tool_choice=NAMED), call("other"))),
    ({"ef.choice.named"}, said(lean(**W, tool_choice=NAMED))),
    ({"ef.parallel.off"}, calling(lean(**W, parallel_tool_calls=False), call(), call())),
    ({"ef.logprobs"}, said(lean(logprobs=True), choice={"logprobs": None})),
    ({"ef.logprobs.off"}, said(lean(), choice={"logprobs": ENTRY})),
    ({"ef.json_object"}, said(lean(response_format={"type": "json_object"}), "Sure!")),
    (
        {"ef.json_object.tools"},
        said(lean(**W, tool_choice="none", response_format={"type": "json_object"}), "Sure!"),
    ),
    ({"ef.json_object.kind"}, said(lean(response_format={"type": "json_object"}), "[1]")),
    ({"ef.choice.named"}, calling(lean(**W, tool_choice=SHORTER), call())),
    ({"ef.stop.text"}, said(lean(stop="b"), "a b c")),
    ({"ef.stop.text"}, said(lean(stop="\n"), "one\ntwo")),
    ({"ef.stop.text"}, said(long_answer(stop=["1, 12", "13"]), "10, 11, 12, ")),
    ({"ef.stop.text"}, said(lean(stop=["x", "b"], n=2), "a b")),
    ({"ef.json_schema"}, said(lean(response_format=FORMAT), '{"city": "Rome", "x": 1}')),
    *(
        (
            {f"ef.json_schema.{keyword}"},
            said(lean(response_format=strict_format(schema)), '{"city": "Rome"}'),
        )
        for keyword, (_, schema) in KEYWORDS.items()
    ),
]
GOOD = [
    said(lean()),
    said(lean(max_tokens=4), "a", "length", usage={"completion_tokens": 4}),
    said(lean(max_tokens=4, n=2), usage={"completion_tokens": 8}),
    said(lean(max_tokens=4), "", "length", usage={"completion_tokens": None}),
    said(lean(max_tokens=4), usage={"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 6}}),
    said(lean(max_tokens=4, prediction={"type": "content", "content": "Hi."}), usage={"completion_tokens": 9}),
    said(
        lean(max_tokens=4, prediction={"type": "content", "content": "Hi."}),
        usage={"completion_tokens": 9, "completion_tokens_details": {"rejected_prediction_tokens": 5}},
    ),
    said(long_answer(max_tokens=1), "1", "length"),
    said(long_answer(max_tokens=1), "", "stop"),
    said(lean(**W, tool_choice="none"), message={"tool_calls": None, "reasoning_content": "hm"}),
    said(lean(**W, tool_choice="required"), "", "length"),
    calling(lean(**W, tool_choice="required"), call("other")),
    calling(lean(**W, tool_choice=NAMED), call(), call()),
    calling(lean(**W, tool_choice=SHORTER), call("get")),
    said(lean(stop="\n"), "one"),
    said(lean(**W, tool_choice=NAMED), "", "length"),
    said(lean(**W, tool_choice=NAMED), "", usage={"completion_tokens": 128}),
    said(lean(**W, tool_choice=NAMED), None, "content_filter"),
    said(lean(**W, tool_choice=NAMED), None, message={"refusal": "no"}),
    said(lean(**W, tool_choice=NAMED, response_format={"type": "json_object"}), "{}"),
    completion(Request(lean(**W, tool_choice=NAMED)), None, message={"tool_calls": call()}),
    calling(lean(**W, parallel_tool_calls=False), call()),
    calling(lean(**W), call(), call()),
    said(lean(logprobs=True), choice={"logprobs": ENTRY}),
    calling(lean(**W, logprobs=True), call()),
    said(lean(logprobs=True), "", "length"),
    said(lean(), choice={"logprobs": {"content": None}}),
    said(lean(response_format={"type": "json_object"}), ' {"a": 1}\n'),
    said(lean(response_format={"type": "json_object"}), '{"a', "length"),
    said(lean(response_format={"type": "json_object"}, stop="}"), '{"a": 1'),
    said(lean(response_format=FORMAT), '{"city": "Rome"}'),
    said(lean(response_format=FORMAT), "I cannot.", message={"refusal": "no"}),
    refusal(Request(lean(**W, tool_choice="none"))),
    said(long_answer(stop="3"), "1, 2, "),
    said(long_answer(stop=["", "3"]), "1, 2, 4"),
    said(lean(stop=None), "None"),
    said(lean(stop="a"), "", message={"reasoning_content": "a"}),
]


def broken(exchange: Exchange) -> set[str]:
    return {rule.id for rule in ANSWERS if rule.applies(exchange) and rule.check(exchange)}


@pytest.mark.parametrize(
    ("rules", "exchange"), BAD, ids=lambda value: "+".join(sorted(value)) if isinstance(value, set) else ""
)
def test_fault_breaks_the_effect(rules: set[str], exchange: Exchange) -> None:
    assert broken(exchange) == rules


def test_every_effect_has_a_fault() -> None:
    assert set().union(*(rules for rules, _ in BAD)) == {rule.id for rule in ANSWERS}


@pytest.mark.parametrize("exchange", GOOD, ids=range(len(GOOD)))
def test_good_answers_break_no_effect(exchange: Exchange) -> None:
    assert broken(exchange) == set()


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
keys = st.sampled_from(
    [
        "choices",
        "message",
        "usage",
        "content",
        "tool_calls",
        "function",
        "name",
        "logprobs",
        "delta",
        "finish_reason",
        "completion_tokens",
        "prompt_tokens",
        "error",
        "refusal",
        "id",
        "arguments",
        "system_fingerprint",
    ]
)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5))
QUESTIONS = [exchange.request for _, exchange in BAD]


@settings(max_examples=200, deadline=None, database=None)
@given(anything, st.sampled_from(["whole", "choices", "message"]))
def test_no_answer_makes_a_rule_raise(value: Any, place: str) -> None:
    if place != "whole":
        choice = value if place == "choices" else {"index": 0, "message": value, "finish_reason": "stop"}
        value = {"choices": [choice], "usage": {"completion_tokens": 1}}

    def reply(request: Request, _: int) -> Exchange:
        if not request.streamed:
            return made(request, 200, value)
        content = f"data: {json.dumps(value)}\n\n".encode()
        return Exchange(request, Answer(200, (("content-type", "text/event-stream"),), content))

    for request in QUESTIONS:
        broken(reply(request, 0))
    for rule in RELATIONS:
        outcomes(rule, reply)


LEFTOVERS = RULES["mm.isolation.options"]


def remembering(*names: str, once: bool = False) -> Reply:
    """A server for which these properties go on working: for the next request, or until others come."""
    kept: Body = {}

    def reply(request: Request, number: int) -> Exchange:
        body = value_of(request)
        mine = {**kept, **body}
        found = {name: body[name] for name in names if name in body}
        if found or once:
            kept.clear()
        kept.update(found)
        text = "1, 2, 3, 4, 5, 6, 7, 8"
        text = text[: text.index(mine["stop"])].strip() if mine.get("stop", "?") in text else text
        answer = json.loads(completion(Request(mine), text, "length").answer.content)  # pyright: ignore
        if "tools" in mine:
            answer["choices"][0]["message"]["tool_calls"] = [call()]
        answer["choices"][0]["logprobs"] = ENTRY if mine.get("logprobs") else None
        answer["choices"] *= mine.get("n", 1)
        return made(Request(body), 200, answer)

    return reply


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize(
    ("name", "word"),
    [("stop", "cut at"), ("n", "2 choices"), ("logprobs", "log probabilities"), ("tools", "tool calls")],
)
def test_an_option_that_goes_on_working_is_seen(name: str, word: str, once: bool) -> None:
    assert word in (play(LEFTOVERS, LEFTOVERS.pins[0], remembering(name, once=once)) or "")


def test_no_option_that_goes_on_working() -> None:
    assert play(LEFTOVERS, LEFTOVERS.pins[0], remembering()) is None


def test_texts_that_differ_tell_nothing_of_a_stop_string() -> None:
    assert play(LEFTOVERS, LEFTOVERS.pins[0], texts(lambda body, n: f"{n}, 2, 3, 4, 5, 6"[: 20 - n])) is None


def test_a_refusal_is_no_answer_that_is_otherwise() -> None:
    refused = refusing(lambda _, body: has(body, "tools") or has(body, "n"))
    assert play(LEFTOVERS, LEFTOVERS.pins[0], refused) is None


@pytest.mark.parametrize("after", [1, 2], ids=["the next", "the next but one"])
def test_a_request_that_pays_for_an_invalid_one_is_seen(after: int) -> None:
    since = 9

    def reply(request: Request, number: int) -> Exchange:
        nonlocal since
        since = 0 if not valid(value_of(request)) else since + 1
        return refusal(request, 500) if since == after else good(request)

    rule = RULES["mm.isolation"]
    assert "not accepted" in (play(rule, rule.pins[0], reply) or "")


@pytest.mark.parametrize(("code", "blamed"), [("content_filter", False), (None, True), ("unsupported_value", True)])
def test_a_filter_that_takes_offence_is_not_the_invalid_request_before(code: str | None, blamed: bool) -> None:
    def reply(request: Request, number: int) -> Exchange:
        return refusal(request, code=code) if number == 3 else good(request)

    rule = RULES["mm.isolation"]
    if blamed:
        assert "not accepted" in (play(rule, rule.pins[0], reply) or "")
        return
    with pytest.raises(Undecided):
        play(rule, rule.pins[0], reply)


def test_a_streamed_call_goes_back_put_together() -> None:
    (rule,) = (rule for rule in stream_effects.CHAPTER.rules if isinstance(rule, Relation))
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city"'}}
    rest = {"index": 0, "function": {"arguments": ': "Paris"}'}}
    deltas = [{"role": "assistant", "tool_calls": [head]}, {"tool_calls": [rest]}]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    lines = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"
    back: list[Body] = []

    def reply(request: Request, number: int, *, known: bool) -> Exchange:
        if request.body.get("stream"):
            return Exchange(request, Answer(200, (("content-type", "text/event-stream"),), lines.encode()))
        back.append(request.body["messages"][1])
        return completion(request) if known or back[-1]["tool_calls"][0]["id"] != "call_1" else refusal(request)

    assert play(rule, rule.pins[0], lambda request, number: reply(request, number, known=True)) is None
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    assert back[0]["tool_calls"] == [{"id": "call_1", "type": "function", "function": function}]
    why = play(rule, rule.pins[0], lambda request, number: reply(request, number, known=False))
    assert "sent back as received" in (why or "")
