"""The rules about answers and refusals against hand-made exchanges: each is broken alone, and good ones pass all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Exchange, Request, Trouble
from chatproof.conformance.redaction import HALF_REDACTED, REDACTED
from chatproof.conformance.reference.behaviour import Reference, respond
from chatproof.conformance.rules import answer, error
from chatproof.conformance.rules.gates import TOOL
from chatproof.conformance.rules.views import long_answer
from chatproof.conformance.sightings import Watched, judge_answer
from chatproof.strategies.bodies import lean
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = [rule for rule in load().answers if rule.chapter in (answer.CHAPTER.name, error.CHAPTER.name)]
BY_ID = {rule.id: rule for rule in RULES}
Change = Callable[[Any], Any]
JSON = (("content-type", "application/json"),)

CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
LOGGED = {
    "content": [
        {
            "token": "Hi.",
            "logprob": -0.1,
            "bytes": [72, 105, 46],
            "top_logprobs": [
                {"token": "Hi.", "logprob": -0.1, "bytes": [72, 105, 46]},
                {"token": "Ho", "logprob": -2, "bytes": None},
            ],
        }
    ],
    "refusal": None,
}
LOGS = lean(logprobs=True, top_logprobs=2)
TWO_CUT = long_answer(max_tokens=8, n=2)
TWO_LOGGED = lean(n=2, logprobs=True)
TOOLS = lean(tools=[TOOL], max_tokens=128)
STRICT = lean(tools=[{"type": "function", "function": {**TOOL["function"], "strict": True}}], max_tokens=128)
FORCED = lean(tools=[TOOL], max_tokens=128, tool_choice="required")
FUNCTIONS = lean(functions=[TOOL["function"]])
FUNCTION_NAMED = {**FUNCTIONS, "function_call": {"name": "get_weather"}}


def completion(**members: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hi.", "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 1},
    }
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "m-2024-11-20",
        "choices": [choice],
        "usage": usage,
        "system_fingerprint": "fp",
        "service_tier": "default",
    }
    return {**whole, **members}


def calling(*calls: Any, finish: str = "tool_calls") -> dict[str, Any]:
    whole = completion()
    whole["choices"][0]["message"] |= {"content": None, "tool_calls": list(calls or [deepcopy(CALL)])}
    whole["choices"][0]["finish_reason"] = finish
    return whole


def logging() -> dict[str, Any]:
    whole = completion()
    whole["choices"][0]["logprobs"] = deepcopy(LOGGED)
    return whole


def choosing(count: int) -> dict[str, Any]:
    whole = completion()
    whole["choices"] = [{**deepcopy(whole["choices"][0]), "index": index} for index in range(count)]
    return whole


def functioning() -> dict[str, Any]:
    whole = completion()
    whole["choices"][0]["message"] |= {"content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}
    whole["choices"][0]["finish_reason"] = "function_call"
    return whole


def refusal(**members: Any) -> dict[str, Any]:
    return {"error": {"message": "no", "type": "invalid_request_error", "param": "messages", "code": None, **members}}


def made(body: Any, value: Any, status: int = 200, headers: Any = JSON, trouble: Trouble | None = None) -> Exchange:
    request = body if isinstance(body, Request) else Request(body=body)
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Exchange(request, Answer(status, headers, content), trouble)


def speaking(exchange: Exchange) -> list[str]:
    return [rule.id for rule in RULES if rule.applies(exchange) and rule.check(exchange)]


def put(*path: str | int, value: Any) -> Change:
    """A change that sets a member."""

    def change(whole: Any) -> Any:
        at = whole
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value
        return whole

    return change


def drop(*path: str | int) -> Change:
    """A change that takes a member out."""

    def change(whole: Any) -> Any:
        at = whole
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        return whole

    return change


def cut_short(used: int) -> dict[str, Any]:
    """Two choices that the bound of eight tokens cut."""
    whole = choosing(2)
    for choice in whole["choices"]:
        choice["finish_reason"] = "length"
    whole["usage"] = {"prompt_tokens": 2, "completion_tokens": used, "total_tokens": 2 + used}
    return whole


def two_logged(used: int) -> dict[str, Any]:
    """Two choices of eight tokens each, by their log probabilities."""
    whole = cut_short(used)
    for choice in whole["choices"]:
        entry = {"token": "1", "logprob": -0.1, "bytes": [49], "top_logprobs": []}
        choice["logprobs"] = {"content": [deepcopy(entry) for _ in range(8)], "refusal": None}
        choice["message"]["content"], choice["finish_reason"] = "11111111", "stop"
    return whole


CHOICE = ("choices", 0)
MESSAGE = (*CHOICE, "message")
CALLED = (*MESSAGE, "tool_calls", 0)
ENTRY = (*CHOICE, "logprobs", "content", 0)
USAGE = ("usage",)
DETAILS = (*USAGE, "completion_tokens_details")
NO_PROMPT = {"prompt_tokens": 0, "completion_tokens": 3, "total_tokens": 3}
SPEAKING = lean(modalities=["text", "audio"])
SOUND = {"id": "x", "expires_at": 7, "data": "x", "transcript": "x"}
FALSE_KEY = Request(body=lean(), auth="Bearer wrong-0123456789")
DEEP = [b"[" * 900 + b"]" * 900, b"9" * 4300, b"[" * 100_000, b"\xff\xfe", b'{"id": "\\ud800"}']
TOOLS_ALONE = {"tools": TOOLS["tools"]}
TEN = {"completion_tokens": 8, "prompt_tokens": 9, "total_tokens": 17}

ANSWERS: list[tuple[str, Any, Any, Change]] = [
    ("res.required", lean(), completion, drop("id")),
    ("res.required", lean(), completion, drop("object")),
    ("res.required", lean(), completion, drop("created")),
    ("res.required", lean(), completion, drop("model")),
    ("res.required", lean(), completion, drop("choices")),
    ("res.id", lean(), completion, put("id", value="")),
    ("res.id", lean(), completion, put("id", value=7)),
    ("res.object", lean(), completion, put("object", value="text_completion")),
    ("res.created", lean(), completion, put("created", value=1.5e9)),
    ("res.created", lean(), completion, put("created", value=True)),
    ("res.created.seconds", lean(), completion, put("created", value=int(time.time() * 1000))),
    ("res.created.fresh", lean(), completion, put("created", value=0)),
    ("res.model", lean(), completion, put("model", value=None)),
    ("res.choices", lean(), completion, put("choices", value=None)),
    ("res.choices.one", lean(), completion, put("choices", value=[])),
    ("res.choices.one", lean(n=1), lambda: choosing(2), lambda whole: whole),
    ("res.choices.count", lean(n=2), completion, lambda whole: whole),
    ("res.choices.count", lean(n=12), lambda: choosing(10), lambda whole: whole),
    ("res.choices.index", lean(n=2), lambda: choosing(2), put("choices", 1, "index", value=0)),
    ("res.choices.index", lean(), completion, put(*CHOICE, "index", value="0")),
    ("res.choices.index", lean(), completion, put(*CHOICE, "index", value=1)),
    ("res.choice.required", lean(), completion, drop(*CHOICE, "finish_reason")),
    ("res.choice.required", lean(), completion, drop(*CHOICE, "index")),
    ("res.choice.required", lean(), completion, drop(*CHOICE, "message")),
    ("res.choice.logprobs", lean(), completion, drop(*CHOICE, "logprobs")),
    ("res.finish.enum", lean(), completion, put(*CHOICE, "finish_reason", value="eos")),
    ("res.finish.enum", lean(), completion, put(*CHOICE, "finish_reason", value=None)),
    ("res.finish.enum", TOOLS, calling, put(*CHOICE, "finish_reason", value=[])),
    ("res.finish.early", lean(max_tokens=16), completion, put(*CHOICE, "finish_reason", value="length")),
    ("res.finish.length", long_answer(max_tokens=8), completion, put("usage", value=TEN)),
    ("res.finish.length", {**long_answer(max_tokens=8), **TOOLS_ALONE}, completion, put("usage", value=TEN)),
    (
        "res.finish.length",
        lean(max_tokens=8, response_format={"type": "json_object"}),
        completion,
        lambda whole: put("usage", value=TEN)(put(*CHOICE, "message", "content", value='{"a": "b')(whole)),
    ),
    ("res.finish.tools", TOOLS, calling, put(*CHOICE, "finish_reason", value="stop")),
    (
        "res.finish.tools",
        {**TOOLS, "n": 2},
        lambda: {**calling(), "choices": [*calling()["choices"], {**calling(finish="stop")["choices"][0], "index": 1}]},
        lambda whole: whole,
    ),
    ("res.finish.forced", FORCED, calling, put(*CHOICE, "finish_reason", value="function_call")),
    ("res.finish.calls", lean(), completion, put(*CHOICE, "finish_reason", value="tool_calls")),
    ("res.finish.calls", lean(), completion, put(*CHOICE, "finish_reason", value="function_call")),
    ("res.finish.function", FUNCTIONS, functioning, put(*CHOICE, "finish_reason", value="stop")),
    ("res.message", lean(), completion, put(*MESSAGE, value="Hi.")),
    ("res.message.required", lean(), completion, drop(*MESSAGE, "role")),
    ("res.message.required", lean(), completion, drop(*MESSAGE, "content")),
    ("res.message.required", lean(stop="1"), completion, drop(*MESSAGE, "content")),
    ("res.message.role", lean(), completion, put(*MESSAGE, "role", value="model")),
    ("res.message.content", lean(), completion, put(*MESSAGE, "content", value=[{"type": "text", "text": "Hi."}])),
    ("res.message.content.null", TOOLS, calling, drop(*MESSAGE, "content")),
    ("res.message.refusal", lean(), completion, put(*MESSAGE, "refusal", value=False)),
    ("res.message.refusal.null", lean(), completion, drop(*MESSAGE, "refusal")),
    ("res.message.nonempty", lean(), completion, put(*MESSAGE, "content", value=None)),
    ("res.toolcalls.shape", TOOLS, calling, put(*MESSAGE, "tool_calls", value={"id": "call_1"})),
    ("res.toolcalls.shape", TOOLS, calling, put(*CALLED, value="call_1")),
    ("res.toolcalls.id", TOOLS, calling, drop(*CALLED, "id")),
    ("res.toolcalls.id", TOOLS, calling, put(*CALLED, "id", value="")),
    ("res.toolcalls.id.unique", TOOLS, lambda: calling(deepcopy(CALL), deepcopy(CALL)), lambda whole: whole),
    ("res.toolcalls.type", TOOLS, calling, drop(*CALLED, "type")),
    ("res.toolcalls.type", TOOLS, calling, put(*CALLED, "type", value="tool")),
    ("res.toolcalls.function", TOOLS, calling, drop(*CALLED, "function")),
    ("res.toolcalls.function", TOOLS, calling, put(*CALLED, "function", "name", value="")),
    ("res.toolcalls.arguments", TOOLS, calling, put(*CALLED, "function", "arguments", value={"city": "Paris"})),
    ("res.toolcalls.arguments", TOOLS, calling, drop(*CALLED, "function", "arguments")),
    ("res.toolcalls.args", TOOLS, calling, put(*CALLED, "function", "arguments", value='{"city"')),
    ("res.toolcalls.args.strict", STRICT, calling, put(*CALLED, "function", "arguments", value="[]")),
    ("res.toolcalls.args.strict", STRICT, calling, put(*CALLED, "function", "arguments", value='{"city": True}')),
    ("res.toolcalls.args.schema", STRICT, calling, put(*CALLED, "function", "arguments", value='{"city": 1}')),
    ("res.toolcalls.name", TOOLS, calling, put(*CALLED, "function", "name", value="invented")),
    ("res.toolcalls.absent", lean(), completion, put(*MESSAGE, "tool_calls", value=None)),
    ("res.toolcalls.absent", TOOLS, completion, put(*MESSAGE, "tool_calls", value=[])),
    ("res.functioncall.shape", FUNCTIONS, functioning, put(*MESSAGE, "function_call", "arguments", value={})),
    ("res.audio", lean(modalities=["text", "audio"]), completion, put(*MESSAGE, "audio", value={"id": "a"})),
    ("res.audio", SPEAKING, completion, put(*MESSAGE, "audio", value={**SOUND, "expires_at": "7"})),
    ("res.audio", SPEAKING, completion, put(*MESSAGE, "audio", value={**SOUND, "data": None})),
    ("res.audio.absent", lean(), completion, put(*MESSAGE, "audio", value=SOUND)),
    ("res.logprobs.shape", LOGS, logging, put(*CHOICE, "logprobs", value=[])),
    ("res.logprobs.shape", LOGS, logging, drop(*CHOICE, "logprobs", "content")),
    ("res.logprobs.refusal", LOGS, logging, drop(*CHOICE, "logprobs", "refusal")),
    ("res.logprobs.entry", LOGS, logging, drop(*ENTRY, "token")),
    ("res.logprobs.entry", LOGS, logging, put(*ENTRY, "logprob", value="-0.1")),
    ("res.logprobs.entry", LOGS, logging, drop(*ENTRY, "top_logprobs")),
    ("res.logprobs.top", LOGS, logging, drop(*ENTRY, "top_logprobs", 0, "logprob")),
    ("res.logprobs.bytes", LOGS, logging, put(*ENTRY, "bytes", value=[256])),
    ("res.logprobs.bytes", LOGS, logging, put(*ENTRY, "bytes", value="Hi.")),
    ("res.logprobs.bytes.null", LOGS, logging, drop(*ENTRY, "bytes")),
    ("res.logprobs.range", LOGS, logging, put(*ENTRY, "logprob", value=0.5)),
    ("res.logprobs.count", lean(logprobs=True, top_logprobs=1), logging, lambda whole: whole),
    ("res.logprobs.count.none", lean(logprobs=True), logging, lambda whole: whole),
    ("res.logprobs.concat", LOGS, logging, put(*ENTRY, "bytes", value=[72, 111, 46])),
    ("res.logprobs.topsorted", LOGS, logging, put(*ENTRY, "top_logprobs", 1, "logprob", value=-0.05)),
    ("res.logprobs.top.own", LOGS, logging, put(*ENTRY, "logprob", value=-0.5)),
    ("res.logprobs.top.own", LOGS, logging, put(*ENTRY, "logprob", value=-1.9)),
    ("res.usage.choices", TWO_CUT, lambda: cut_short(16), put("usage", value=TEN)),
    ("res.usage.choices", TWO_CUT, lambda: cut_short(9), lambda whole: whole),
    ("res.usage.choices", TWO_LOGGED, lambda: two_logged(9), lambda whole: whole),
    ("res.usage.presence", lean(), completion, drop("usage")),
    ("res.usage.presence", lean(), completion, put("usage", value=None)),
    ("res.usage.shape", lean(), completion, put("usage", value=[])),
    ("res.usage.shape", lean(), completion, drop(*USAGE, "total_tokens")),
    ("res.usage.shape", lean(), completion, put(*USAGE, "prompt_tokens", value=9.5)),
    ("res.usage.shape", lean(stop="1"), completion, put(*USAGE, "completion_tokens", value=-1)),
    ("res.usage.sum", lean(), completion, put(*USAGE, "total_tokens", value=13)),
    ("res.usage.prompt", lean(), completion, put("usage", value=NO_PROMPT)),
    ("res.usage.details", lean(), completion, put(*USAGE, "prompt_tokens_details", value=7)),
    ("res.usage.details", lean(), completion, put(*USAGE, "prompt_tokens_details", "cached_tokens", value="7")),
    ("res.usage.details.prompt", lean(), completion, put(*USAGE, "prompt_tokens_details", "cached_tokens", value=10)),
    ("res.usage.details.completion", lean(), completion, put(*DETAILS, "reasoning_tokens", value=3)),
    ("res.fingerprint", lean(), completion, put("system_fingerprint", value=7)),
    ("res.tier", lean(), completion, put("service_tier", value=1)),
    ("res.tier.value", lean(), completion, put("service_tier", value="on_demand")),
    ("res.json", lean(), completion, lambda _: b"<html>"),
    ("res.json", lean(), completion, lambda whole: [whole]),
    ("res.json", lean(), completion, lambda _: b'{"logprob": NaN}'),
]  # fmt: skip

TRACE = 'Traceback (most recent call last):\n  File "/srv/app/main.py", line 3, in f'
ERRORS: list[tuple[str, Any, Any, int]] = [
    ("err.json", lean(n="x"), b"<html>413</html>", 413),
    ("err.message.names", lean(top_p=1.01), refusal(message="The request is not valid.", param=None), 400),
    ("err.message.names", lean(messages=[], max_tokens=16), refusal(param=None), 422),
    ("err.json", lean(n="x"), b"", 400),
    ("err.json", lean(n="x"), b"Failed to read the body", 422),
    ("err.envelope", lean(n="x"), {"object": "error", "message": "no", "type": "x", "param": None, "code": 400}, 400),
    ("err.envelope", lean(n="x"), {"error": "no", "error_type": "validation"}, 422),
    ("err.envelope", lean(n="x"), {"detail": [{"loc": ["body", "n"]}]}, 422),
    ("err.envelope", lean(n="x"), ["no"], 400),
    ("err.envelope.http", Request(body=lean(), method="PUT"), b"Method Not Allowed", 405),
    ("err.envelope.http", Request(body=lean(), path="/nowhere"), {"detail": "Not Found"}, 404),
    ("err.keys.message", lean(n="x"), drop("error", "message")(refusal()), 400),
    ("err.keys.message", lean(n="x"), refusal(message={"detail": []}), 400),
    ("err.keys.type", lean(n="x"), drop("error", "type")(refusal()), 404),
    ("err.keys.type", lean(n="x"), refusal(type=None), 400),
    ("err.keys.param", lean(n="x"), drop("error", "param")(refusal()), 400),
    ("err.keys.param", lean(n="x"), refusal(param=["n"]), 400),
    ("err.keys.code", lean(n="x"), drop("error", "code")(refusal()), 400),
    ("err.keys.code", lean(n="x"), refusal(code=400), 400),
    ("err.message", lean(n="x"), refusal(message=" "), 400),
    ("err.param.path", lean(n="x"), refusal(param="body.n"), 400),
    ("err.param.path", lean(n="x"), refusal(param="temperature"), 422),
    ("err.param.path", lean(temperature=3, top_p=1), refusal(param="n"), 400),
    ("err.param.path", {"temperature": 3, **lean(max_tokens=9)}, refusal(message="temperature", param="messages"), 400),
    ("err.noleak", lean(n="x"), refusal(message=TRACE), 400),
    ("err.noleak", lean(n="x"), refusal(message="x", trace="    at f (/srv/app/server.mjs:3:7)"), 400),
    ("err.noleak", lean(n="x"), refusal(message="assert failed in /usr/src/engine/sampling.cpp"), 400),
    ("err.noleak.key", lean(), refusal(message=f"Incorrect API key provided: {REDACTED}"), 401),
    ("err.noleak.key", FALSE_KEY, refusal(message="bad wrong-0123456789"), 401),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "body", "base", "change"), ANSWERS, ids=[f"{i}-{row[0]}" for i, row in enumerate(ANSWERS)]
)
def test_a_broken_answer_breaks_one_rule(rule: str, body: Any, base: Any, change: Change) -> None:
    assert speaking(made(body, change(base()))) == [rule]


@pytest.mark.parametrize(
    ("rule", "body", "value", "status"), ERRORS, ids=[f"{i}-{row[0]}" for i, row in enumerate(ERRORS)]
)
def test_a_broken_refusal_breaks_one_rule(rule: str, body: Any, value: Any, status: int) -> None:
    assert speaking(made(body, value, status)) == [rule]


def test_a_wrong_content_type_breaks_one_rule() -> None:
    for headers in ((), (("content-type", "text/html"),)):
        assert speaking(made(lean(), completion(), headers=headers)) == ["res.ctype"]
        assert speaking(made(lean(n="x"), refusal(), 400, headers)) == ["err.ctype"]
    streamed = b'data: {"choices": []}\n\ndata: [DONE]\n\n'
    assert speaking(made(lean(), streamed, headers=(("content-type", "text/event-stream"),))) == ["res.ctype"]
    for off in (False, None):
        assert speaking(made(lean(stream=off), streamed, headers=(("content-type", "text/event-stream"),))) == [
            "stream.off"
        ]
    event = b"data: " + json.dumps(refusal()).encode() + b"\n\n"
    for body, told in ((lean(n="x"), ["err.json"]), (lean(n="x", stream=True), []), (lean(n="x", stream="true"), [])):
        assert speaking(made(body, event, 400, (("content-type", "text/event-stream"),))) == told


def test_every_rule_is_broken_once() -> None:
    broken = {row[0] for row in (*ANSWERS, *ERRORS)} | {"res.ctype", "stream.off", "err.ctype", "res.id.unique"}
    assert broken == set(BY_ID)


def without_nullables() -> dict[str, Any]:
    whole = calling()
    del (
        whole["choices"][0]["logprobs"],
        whole["choices"][0]["message"]["refusal"],
        whole["choices"][0]["message"]["content"],
    )
    return whole


GOOD: list[tuple[Any, Any]] = [
    (lean(), completion()),
    (lean(n=None), completion()),
    (lean(n=3), {**choosing(3), "choices": choosing(3)["choices"][::-1]}),
    (TOOLS, calling()),
    ({**TOOLS, "max_tokens": 4}, calling(finish="length")),
    (TOOLS, calling(deepcopy(CALL), {**deepcopy(CALL), "id": "call_2"})),
    (FORCED, calling(finish="stop")),
    (FORCED, calling(finish="tool_calls")),
    (FUNCTIONS, functioning()),
    (FUNCTION_NAMED, put(*CHOICE, "finish_reason", value="stop")(functioning())),
    (LOGS, logging()),
    (LOGS, put(*CHOICE, "logprobs", value={"content": None, "refusal": None})(completion())),
    (lean(logprobs=True), drop(*CHOICE, "logprobs")(completion())),
    (LOGS, put(*ENTRY, "logprob", value=-9999.0)(logging())),
    (LOGS, put(*ENTRY, "top_logprobs", value=[])(logging())),
    (LOGS, put(*ENTRY, "logprob", value=-2.0)(logging())),
    (LOGS, put(*ENTRY, "logprob", value=-7)(logging())),
    (LOGS, put(*ENTRY, "token", value=" Hi.")(logging())),
    ({**LOGS, "top_logprobs": 3}, put(*ENTRY, "logprob", value=-0.5)(logging())),
    ({**LOGS, "temperature": 0}, put(*ENTRY, "logprob", value=0)(logging())),
    (LOGS, put(*ENTRY, "top_logprobs", 1, "logprob", value=-9999.0)(put(*ENTRY, "logprob", value=-3)(logging()))),
    (TWO_CUT, cut_short(16)),
    (TWO_CUT, cut_short(14)),
    ({**TWO_CUT, "messages": lean()["messages"]}, cut_short(8)),
    (TWO_LOGGED, two_logged(16)),
    (TWO_LOGGED, two_logged(14)),
    (TWO_LOGGED, put("choices", 1, "logprobs", "content", value=[])(two_logged(9))),
    (LOGS, put(*ENTRY, "bytes", value=None)(logging())),
    (lean(), put(*MESSAGE, "content", value="")(put(*CHOICE, "finish_reason", value="length")(completion()))),
    (lean(), put(*MESSAGE, "content", value=None)(put(*CHOICE, "finish_reason", value="length")(completion()))),
    (lean(), put(*MESSAGE, "reasoning_content", value="Hm.")(put(*MESSAGE, "content", value=None)(completion()))),
    (lean(), put(*MESSAGE, "refusal", value="No.")(put(*MESSAGE, "content", value=None)(completion()))),
    (lean(), completion(system_fingerprint=None, service_tier=None, prompt_filter_results=[], x=1)),
    (lean(), put(*USAGE, "prompt_tokens_details", value=None)(completion())),
    (lean(), put(*USAGE, "completion_tokens_details", "audio_tokens", value=None)(completion())),
    (lean(), put(*MESSAGE, "function_call", value=None)(put(*MESSAGE, "audio", value=None)(completion()))),
    (long_answer(max_tokens=8), put("usage", value=TEN)(put(*CHOICE, "finish_reason", value="length")(completion()))),
    (lean(stream="true"), b'data: {"choices": []}\n\n'),
    (lean(stream=True), b'data: {"choices": []}\n\n'),
    (lean(stop="1"), put(*MESSAGE, "content", value="")(completion())),
    (lean(stop="1"), put(*MESSAGE, "content", value=None)(completion())),
    (lean(n="2"), choosing(2)),
    (Request(raw=b'{"n": 2, "n": 1}'), choosing(2)),
    (lean(messages=[{"role": "user", "content": ""}]), put("usage", value=NO_PROMPT)(completion())),
    (Request(body=None, method="GET"), b"hello"),
    (Request(body=lean(), path="/nowhere"), b"hello"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "value"), GOOD, ids=map(str, range(len(GOOD))))
def test_a_good_answer_breaks_none(body: Any, value: Any) -> None:
    assert speaking(made(body, value)) == []


def test_nullable_members_that_are_missing_are_only_warnings() -> None:
    broken = speaking(made(TOOLS, without_nullables()))
    assert broken == ["res.choice.logprobs", "res.message.content.null", "res.message.refusal.null"]
    assert {BY_ID[name].strength for name in broken} == {"should"}
    assert {BY_ID[name].strength for name in ("err.json", "err.keys.param", "err.keys.code")} == {"should"}
    assert {BY_ID[name].strength for name in ("err.envelope", "err.keys.type", "err.keys.message")} == {"must"}


@pytest.mark.parametrize(
    ("body", "value", "status"),
    [
        (lean(n="x"), refusal(), 400),
        (lean(n="x"), refusal(param="messages[0].role", code="invalid_type"), 422),
        (lean(n="x"), refusal(param="messages.[0].role", extra=1), 400),
        (lean(n="x"), refusal(param=None), 404),
        (lean(top_p=1.01), refusal(param="top_p"), 400),
        (lean(top_p=1.01), refusal(message="no such model: top_p", param="model"), 400),
        (lean(messages=[], max_tokens=9), refusal(message="messages", param="messages[0]"), 400),
        (lean(messages=[]), refusal(message="The last message must be the user's.", param=None), 400),
        (Request(body=lean(top_p=1.01), chunked=True), refusal(message="The body is empty.", param=None), 400),
        (lean(top_p=1.01), refusal(message="A length is required.", param=None), 411),
        (Request(raw=b""), refusal(message="The body is empty.", param=None), 400),
        ({}, refusal(message="A model is required.", param=None), 400),
        (lean(top_p=1.01), refusal(message="TOP_P must be at most 1", param=None), 400),
        (lean(top_p=1.01), refusal(details=[{"loc": ["body", "top_p"]}], param=None), 422),
        (lean(modalities=["audio"]), refusal(param="audio"), 400),
        (lean(logit_bias={"x": 1}), refusal(message="logit_bias.x.[key]: not an integer"), 400),
        (lean(user="/srv/app/main.py"), refusal(message="bad user '/srv/app/main.py'"), 400),
        (lean(n="x"), refusal(message="See https://example.com/docs/errors.py and /v1/models"), 400),
        (Request(body=lean(), auth=False), refusal(message="You did not provide an API key.", param=None), 401),
        (lean(), {"message": "Request Too Long"}, 413),
        (lean(), b"slow down", 429),
        (lean(), b"boom", 500),
    ],
)
def test_a_good_refusal_breaks_none(body: Any, value: Any, status: int) -> None:
    assert speaking(made(body, value, status)) == []


def test_some_traffic_has_tokens_of_several_bytes() -> None:
    """Code points in place of bytes are the same in ASCII: a pin asks for other text, and the reference gives it."""
    rule = BY_ID["res.logprobs.concat"]
    pin = next(pin for pin in rule.pins if "Größe" in json.dumps(pin, ensure_ascii=False))
    answered = respond(Reference(models=None), "application/json", json.dumps(pin).encode())
    exchange = made(pin, b"".join(answered.blocks))
    assert rule.applies(exchange)
    assert rule.check(exchange) is None
    whole = json.loads(answered.blocks[0])
    for entry in whole["choices"][0]["logprobs"]["content"]:
        entry["bytes"] = [min(255, ord(sign)) for sign in entry["token"]]
    assert rule.check(made(pin, whole))


def test_the_clock_of_the_date_header_counts() -> None:
    dated = (*JSON, ("date", "Fri, 22 Nov 2024 10:00:00 GMT"))
    assert speaking(made(lean(), completion(created=1732269600), headers=dated)) == []
    assert speaking(made(lean(), completion(), headers=(*JSON, ("date", "soon")))) == []


def test_an_answer_that_is_judged_late_is_as_fresh_as_when_it_came() -> None:
    """A run may take hours, and its answers are judged when their rule is concluded."""
    before = replace(made(lean(), completion(created=int(time.time()) - 7200)), finished=time.monotonic() - 7200)
    assert speaking(before) == []
    assert speaking(replace(before, finished=time.monotonic())) == ["res.created.fresh"]


def test_an_answer_that_was_cut_short_is_not_judged() -> None:
    cut = Trouble("too_large", "too large")
    assert not any(rule.applies(made(lean(), b"{", trouble=cut)) for rule in RULES)
    assert not any(rule.applies(Exchange(Request(body=lean()), None, cut)) for rule in RULES)


def test_ids_are_compared_over_all_answers_of_a_run() -> None:
    rule = BY_ID["res.id.unique"]
    stream = made(lean(stream=True), b'data: {"id": "a", "choices": []}\n\ndata: [DONE]\n\n')
    answers = [*(made(lean(), completion(id=one)) for one in ("a", "b", 1, None, "", "b")), stream]
    watched = Watched()
    found = [judge_answer(rule, one, watched) for one in answers]
    assert [why is None for why in found] == [True, True, True, True, True, False, False]
    assert (watched.judged, watched.seen) == (4, 2)
    assert "'b'" in (found[5] or "")


SHOWN = "wrong-0123456789"


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (SHOWN, False),
        (f"{SHOWN[:-2]}**", False),
        (f"**{SHOWN[3:]}", False),
        (HALF_REDACTED, False),
        (REDACTED, False),
        (f"{SHOWN[:7]}****{SHOWN[-4:]}", True),
        ("The key is wrong.", True),
    ],
)
def test_only_the_ends_of_a_key_may_be_shown(text: str, fine: bool) -> None:
    found = speaking(made(FALSE_KEY, refusal(message=f"Bad key: {text}", param=None), 401))
    assert found == ([] if fine else ["err.noleak.key"])


SHORT = st.text(max_size=5)
ANY = st.recursive(
    st.sampled_from([None, False, True, "stop", "length"])
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | SHORT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [spot for key, inner in steps for spot in ((*path, key), *places(inner, (*path, key)))]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_answer_makes_a_rule_raise(data: st.DataObject) -> None:
    bases = [completion, calling, logging, functioning, refusal]
    bodies = [lean(), TOOLS, STRICT, FORCED, FUNCTIONS, LOGS, long_answer(max_tokens=3)]
    value: Any = data.draw(st.sampled_from(bases))()
    for _ in range(data.draw(st.integers(0, 2))):
        value = put(*data.draw(st.sampled_from(places(value))), value=data.draw(ANY))(value)
    value = data.draw(st.sampled_from([value, value, value, data.draw(ANY)]))
    body: Any = data.draw(st.sampled_from(bodies))
    if data.draw(st.booleans()):
        body = {**body, data.draw(st.sampled_from(["n", "tools", "logprobs", "max_tokens", "stream"])): data.draw(ANY)}
    for status in (200, 401, 400):
        speaking(made(body, value, status))


@pytest.mark.parametrize("content", DEEP, ids=range(len(DEEP)))
def test_no_bytes_make_a_rule_raise(content: bytes) -> None:
    digits = b"-" + b"9" * 4299
    for body in (content, b'{"usage": %s, "created": %s, "choices": [%s]}' % (content, digits, content)):
        for status in (200, 400, 401):
            speaking(made(lean(), body, status))
    sums = b'{"usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "completion_tokens_details":'
    nines = b"9" * 4300
    speaking(made(lean(), sums + b'{"audio_tokens": %s, "reasoning_tokens": %s}}}' % (nines, nines)))
