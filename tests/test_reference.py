"""The reference server keeps the fact base: what it refuses and why, what it answers, and how it is served."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Answer, Behaviour, Reference, envelope, respond
from chatproof.conformance.reference.instances import instance
from chatproof.conformance.reference.serve import READY, start
from chatproof.conformance.reference.text import VOCABULARY, tokenize
from chatproof.conformance.reference.validator import CHECKS, LIMITS, reasons

MODEL = "chatproof-reference"
ABSENT = object()
USER = {"role": "user", "content": "Say hello."}
COUNT = {"role": "user", "content": "Please count from 1 to 300."}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def body(**changes: Any) -> dict[str, Any]:
    """A minimal valid body with changes; ABSENT removes a key."""
    whole = {"model": MODEL, "messages": [USER], **changes}
    return {key: value for key, value in whole.items() if value is not ABSENT}


def said(*messages: Any, **changes: Any) -> dict[str, Any]:
    return body(messages=list(messages), **changes)


def tool(name: Any = "f", **function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **function}}


def call(ident: Any = "c1", name: Any = "f", arguments: Any = "{}") -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(ident: Any = "c1", content: Any = "ok") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": ident, "content": content}


def parts(*items: Any, role: str = "user") -> dict[str, Any]:
    return said({"role": role, "content": list(items)}, USER)


def image(**members: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": PIXEL, **members}}


def schema_format(**members: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "s", **members}}


def without(value: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy of a nested object without the member at the path."""
    copy = dict(value)
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = without(copy[path[0]], *path[1:])
    return copy


TEXT = {"type": "text", "text": "hi"}
SOUND = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
STRICT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
AUDIO = {"voice": "alloy", "format": "wav"}
NAMED = {"type": "function", "function": {"name": "f"}}
T = [tool()]
BOTH_CALLS = calling(call("c1"), call("c2"))

ACCEPTED: dict[str, dict[str, Any]] = {
    "minimal": body(),
    "all nulls": body(**dict.fromkeys(LIMITS.request_keys - {"model", "messages"})),
    "defaults": body(
        store=False,
        frequency_penalty=0,
        presence_penalty=0,
        logprobs=False,
        n=1,
        modalities=["text"],
        service_tier="auto",
        stream=False,
        temperature=1,
        top_p=1,
        response_format={"type": "text"},
    ),
    "temperature 0": body(temperature=0),
    "temperature -0.0": body(temperature=-0.0),
    "temperature 2": body(temperature=2.0),
    "top_p ends": body(top_p=0),
    "penalty ends": body(frequency_penalty=-2, presence_penalty=2.0),
    "seed 2^63": body(seed=-(2**63)),
    "n 128": body(n=128, max_tokens=1),
    "n 1.0": body(n=1.0),
    "max_tokens 1": body(max_tokens=1),
    "max_tokens cap": body(max_tokens=16384),
    "max_completion_tokens": body(max_completion_tokens=5),
    "top_logprobs 20": body(logprobs=True, top_logprobs=20, max_tokens=2),
    "top_logprobs 0 alone": body(top_logprobs=0),
    "logit_bias": body(logit_bias={"0": -100, "99": 100, "50256": 1.5}),
    "logit_bias empty": body(logit_bias={}),
    "stop string": body(stop="\n"),
    "stop empty": body(stop=""),
    "stop empty list": body(stop=[]),
    "stop four": body(stop=["a", "b", "c", "d"]),
    "stream options": body(stream=True, stream_options={}),
    "metadata": body(metadata={"k" * 64: "v" * 512}),
    "metadata 16": body(metadata={f"k{i}": "" for i in range(16)}, store=True),
    "user": body(user=""),
    "audio": body(modalities=["text", "audio"], audio=AUDIO),
    "audio pcm16 stream": body(modalities=["audio"], audio={**AUDIO, "format": "pcm16"}, stream=True),
    "audio unused": body(audio=AUDIO),
    "prediction": body(prediction={"type": "content", "content": "x"}, n=2),
    "prediction parts": body(prediction={"type": "content", "content": [TEXT]}),
    "json_object": said({"role": "user", "content": "Answer in JSON."}, response_format={"type": "json_object"}),
    "json_schema": body(response_format=schema_format(schema={"type": "array"}, strict=None)),
    "json_schema strict": body(response_format=schema_format(schema=STRICT, strict=True)),
    "json_schema bare": body(response_format=schema_format(name="n" * 64)),
    "tools": body(tools=T, tool_choice="auto", parallel_tool_calls=True),
    "tools 128": body(tools=[tool(f"f{i}") for i in range(128)]),
    "tool parameters": body(tools=[tool("a" * 64, parameters={}, description="d" * 1024, strict=None)]),
    "tool strict": body(tools=[tool(parameters=STRICT, strict=True)]),
    "tool twins": body(tools=[tool(), tool()]),
    "tool_choice none alone": body(tool_choice="none"),
    "tool_choice named": body(tools=T, tool_choice=NAMED),
    "functions": body(functions=[{"name": "f"}], function_call={"name": "f"}),
    "system only": said({"role": "system", "content": "Be brief."}),
    "last assistant": said(USER, {"role": "assistant", "content": "Hi"}),
    "round trip": said(USER, BOTH_CALLS, result("c2"), result("c1"), tools=T),
    "round trip no tools": said(USER, calling(call("i" * 40)), result("i" * 40), USER),
    "free arguments": said(USER, calling(call(arguments="not json")), result()),
    "function history": said(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": None},
        USER,
    ),
    "function orphan": said({"role": "function", "name": "f", "content": "x"}, USER),
    "names": said({**USER, "name": "Alice_1-b"}, {**USER, "name": "al.ice"}),
    "empty contents": said({"role": "system", "content": ""}, {"role": "user", "content": []}),
    "content parts": parts(TEXT, image(detail="low"), SOUND),
    "refusal part": parts({"type": "refusal", "refusal": "no"}, role="assistant"),
    "assistant refusal": said(USER, {"role": "assistant", "refusal": "no"}, USER),
    "assistant audio": said(USER, {"role": "assistant", "audio": {"id": "a"}}, USER),
    "assistant null calls": said(USER, {"role": "assistant", "content": "x", "tool_calls": None}, USER),
    "user tool_calls": said({**USER, "tool_calls": []}),
    "message extras": said({**USER, "zzz": 1, "cache": {"a": []}}),
    "unicode": said({"role": "user", "content": "\ud800 \x00 \U0001f469\u200d\U0001f680 \uffff"}),
    "long content": said({"role": "user", "content": "x" * 1_048_576}),
    "many messages": body(messages=[USER] * 400),
}

_BAD_TYPES = ["0.5", True, [], {}]
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("model.required", body(model=ABSENT)),
    ("model.empty", body(model="")),
    ("model.empty", body(model=None)),
    *[("model.type", body(model=value)) for value in (7, {}, [], True)],
    ("messages.required", body(messages=ABSENT)),
    ("messages.null", body(messages=None)),
    *[("messages.type", body(messages=value)) for value in ("ping", {}, 7)],
    ("messages.type", body(messages="ping", response_format={"type": "json_object"})),
    ("messages.min", body(messages=[])),
    *[("messages.item.type", body(messages=[value])) for value in ("ping", 7, None)],
    ("messages.context", body(messages=[{"role": "user", "content": "x" * 1_000_000}] * 2)),
    ("messages.content.maxlen", said({"role": "user", "content": "x" * 1_048_577})),
    ("http.key.unknown", body(zzz_unknown=1)),
    ("http.key.unknown.nested", body(stream=True, stream_options={"bogus": 1})),
    ("http.key.unknown.nested", body(response_format={"type": "text", "bogus": 1})),
    ("response_format.legacy.schema", body(response_format={"type": "text", "schema": {}})),
    ("role.required", said({"content": "x"})),
    *[("role.enum", said({"role": value, "content": "x"})) for value in ("bogus", "", "USER", "ai")],
    *[("role.type", said({"role": value, "content": "x"})) for value in (7, None, {})],
    ("role.developer", said({"role": "developer", "content": "x"}, USER)),
    *[("messages.name.type", said({**USER, "name": value})) for value in (7, {})],
    ("messages.name.pattern", said(USER, {**USER, "name": "has space"})),
    ("content.system.required", said({"role": "system"}, USER)),
    ("content.user.required", said(USER, {"role": "user", "content": None})),
    ("content.assistant.optional", said(USER, {"role": "assistant", "content": None, "tool_calls": None}, USER)),
    ("content.tool.required", said(USER, calling(call()), {"role": "tool", "tool_call_id": "c1"})),
    ("content.function.nullable", said({"role": "function", "name": "f"}, USER)),
    *[("content.type", said({"role": "user", "content": value})) for value in (7, True, {})],
    ("content.type", parts("text")),
    ("part.type.required", parts({"text": "x"})),
    *[("part.type.enum", parts({"type": value})) for value in ("image", "bogus", 7)],
    ("part.type.enum", parts(SOUND, role="system")),
    ("part.text.required", parts({"type": "text"})),
    ("part.text.required", parts({"type": "text", "text": 7})),
    ("part.image.url", parts({"type": "image_url", "image_url": PIXEL})),
    ("part.image.url", parts({"type": "image_url", "image_url": {}})),
    ("part.image.url", parts({"type": "image_url"})),
    ("part.image.detail", parts(image(detail="medium"))),
    *[("part.image.role", parts(image(), role=role)) for role in ("system", "assistant")],
    ("part.audio.format", parts({"type": "input_audio", "input_audio": {"data": "AA", "format": "ogg"}})),
    ("part.audio.required", parts(without(SOUND, "input_audio", "data"))),
    ("part.audio.required", parts(without(SOUND, "input_audio", "format"))),
    ("part.refusal", parts({"type": "refusal", "refusal": "no"})),
    ("part.refusal", parts(*[{"type": "refusal", "refusal": "no"}] * 2, role="assistant")),
    ("part.refusal", parts({"type": "refusal", "refusal": "no"}, TEXT, role="assistant")),
    ("assistant.toolcalls.min", said(USER, calling(content="x"), USER)),
    ("assistant.toolcalls.max", said(USER, calling(*[call(f"c{i}") for i in range(129)]),
                                     *[result(f"c{i}") for i in range(129)])),
    *[("toolcall.shape", said(USER, calling(without(call(), *path)), result()))
      for path in (("id",), ("type",), ("function",), ("function", "name"), ("function", "arguments"))],
    ("toolcall.shape", said(USER, calling({**call(), "type": "bogus"}), result())),
    ("toolcall.shape", said(USER, calling(call(arguments={})), result())),
    ("toolcall.shape", said(USER, calling(call(7)), result())),
    ("toolcall.id.maxlen", said(USER, calling(call("i" * 41)), result("i" * 41))),
    ("toolcall.name.pattern", said(USER, calling(call(name="a.b")), result())),
    ("tool.id.required", said(USER, calling(call()), {"role": "tool", "content": "x"})),
    ("tool.preceded", said(USER, result())),
    ("tool.preceded", said(USER, calling(call()), result(), USER, result())),
    ("tool.id.match", said(USER, calling(call()), result("other"), USER)),
    ("toolcalls.answered", said(USER, BOTH_CALLS, result("c1"), USER)),
    ("toolcalls.answered", said(USER, BOTH_CALLS, result("c1"))),
    ("toolcalls.answered", said(USER, calling(call()), USER, result())),
    ("functionmsg.name.required", said({"role": "function", "content": "x"}, USER)),
    ("functions.history", said(USER, calling(call()), result(), functions=[{"name": "f"}])),
    *[(f"{key}.type", body(**{key: value})) for value in _BAD_TYPES
      for key in ("temperature", "top_p", "frequency_penalty", "presence_penalty")],
    *[(f"{key}.type", body(**{key: value})) for value in ("1", 1.5, True)
      for key in ("seed", "n", "max_tokens", "max_completion_tokens", "top_logprobs")],
    ("temperature.min", body(temperature=-0.01)),
    ("temperature.max", body(temperature=2.01)),
    ("temperature.max", body(temperature=float("inf"))),
    ("top_p.min", body(top_p=-0.01)),
    ("top_p.max", body(top_p=1.01)),
    *[(f"{key}.min", body(**{key: -2.01})) for key in ("frequency_penalty", "presence_penalty")],
    *[(f"{key}.max", body(**{key: 2.01})) for key in ("frequency_penalty", "presence_penalty")],
    ("seed.range", body(seed=2**64)),
    ("seed.range", body(seed=-(2**64))),
    ("n.min", body(n=0)),
    ("n.max", body(n=129)),
    ("n.max", body(n=10**400)),
    ("max_tokens.min", body(max_tokens=0)),
    ("max_tokens.max", body(max_tokens=16385)),
    ("max_completion_tokens.min", body(max_completion_tokens=-1)),
    ("max_tokens.both", body(max_tokens=5, max_completion_tokens=5)),
    ("logprobs.type", body(logprobs=1)),
    ("logprobs.type", body(logprobs="true", top_logprobs=2)),
    ("top_logprobs.min", body(logprobs=True, top_logprobs=-1)),
    ("top_logprobs.max", body(logprobs=True, top_logprobs=21)),
    ("top_logprobs.needs", body(top_logprobs=1)),
    ("top_logprobs.needs", body(logprobs=False, top_logprobs=1)),
    *[("logit_bias.value.range", body(logit_bias={"5": value})) for value in (-101, 101)],
    *[("logit_bias.value.type", body(logit_bias={"5": value})) for value in ("5", None, True)],
    *[("logit_bias.key.numeric", body(logit_bias={key: 1})) for key in ("AI", "", "-1", "1.5", "٣")],
    *[("logit_bias.key.vocab", body(logit_bias={key: 1})) for key in ("1000000000", "9" * 5000)],
    *[("logit_bias.type", body(logit_bias=value)) for value in ([], "x")],
    *[("stop.string", body(stop=value)) for value in (7, True, {})],
    ("stop.array.max", body(stop=["a", "b", "c", "d", "e"])),
    *[("stop.array.item", body(stop=[value])) for value in (1, None)],
    *[("stream.type", body(stream=value)) for value in ("true", 1, 0)],
    ("stream.type", body(stream="true", stream_options={})),
    ("stream_options.needs", body(stream_options={"include_usage": True})),
    ("stream_options.needs", body(stream=False, stream_options={})),
    ("stream_options.type", body(stream_options="x")),
    *[("stream_options.usage.type", body(stream=True, stream_options={"include_usage": value}))
      for value in ("yes", 1)],
    *[("store.type", body(store=value)) for value in ("yes", 1)],
    *[("metadata.type", body(metadata=value)) for value in ([], "x")],
    *[("metadata.value.type", body(metadata={"k": value})) for value in (7, None, {})],
    ("metadata.pairs.max", body(metadata={f"k{i}": "" for i in range(17)})),
    ("metadata.key.maxlen", body(metadata={"k" * 65: ""})),
    ("metadata.value.maxlen", body(metadata={"k": "v" * 513})),
    *[("user.type", body(user=value)) for value in (7, {})],
    *[("service_tier.enum.v0", body(service_tier=value)) for value in ("bogus", "", "flex")],
    *[("service_tier.type", body(service_tier=value)) for value in (7, {})],
    *[("modalities.enum", body(modalities=value)) for value in (["video"], "text", [1])],
    ("audio.needs", body(modalities=["text", "audio"])),
    ("audio.type", body(modalities=["text", "audio"], audio=7)),
    *[("audio.required", body(audio=without(AUDIO, key))) for key in AUDIO],
    ("audio.voice", body(audio={**AUDIO, "voice": "bogus"})),
    ("audio.format", body(audio={**AUDIO, "format": "ogg"})),
    ("audio.format", body(modalities=["text", "audio"], audio=AUDIO, stream=True)),
    *[("prediction.shape", body(prediction=value)) for value in (
        "x", {"content": "x"}, {"type": "content"}, {"type": "other", "content": "x"},
        {"type": "content", "content": []}, {"type": "content", "content": [image()]},
        {"type": "content", "content": 7})],
    ("response_format.type.required", body(response_format={})),
    *[("response_format.type.enum", body(response_format={"type": value})) for value in ("bogus", "JSON", 7)],
    *[("response_format.shape", body(response_format=value)) for value in ("json", [])],
    ("response_format.jsonobject.word", body(response_format={"type": "json_object"})),
    ("response_format.jsonschema.required", body(response_format={"type": "json_schema"})),
    *[("response_format.jsonschema.name", body(response_format=schema_format(name=value)))
      for value in ("", "n" * 65, "a b", 7)],
    ("response_format.jsonschema.name", body(response_format={"type": "json_schema", "json_schema": {}})),
    ("response_format.jsonschema.strict.type", body(response_format=schema_format(strict="yes"))),
    ("response_format.strict.additional",
     body(response_format=schema_format(strict=True, schema=without(STRICT, "additionalProperties")))),
    ("response_format.strict.required",
     body(response_format=schema_format(strict=True, schema={**STRICT, "required": []}))),
    *[("response_format.strict.root", body(response_format=schema_format(strict=True, schema=value)))
      for value in ({"type": "array", "items": STRICT}, {"anyOf": [STRICT]})],
    *[("tools.type", body(tools=value)) for value in ("none", {})],
    ("tools.type", body(tools="none", tool_choice="auto")),
    ("tools.min", body(tools=[], tool_choice="auto", parallel_tool_calls=True)),
    ("tools.max", body(tools=[tool(f"f{i}") for i in range(129)])),
    ("tool.type", body(tools=[without(tool(), "type")])),
    ("tool.type", body(tools=[{**tool(), "type": "retrieval"}])),
    ("tool.function.required", body(tools=[{"type": "function"}])),
    ("fn.name.required", body(tools=[{"type": "function", "function": {}}])),
    *[("fn.name.pattern", body(tools=[tool(name)])) for name in ("", "a.b", "has space", "naïve", "f\n")],
    ("fn.name.maxlen", body(tools=[tool("f" * 65)])),
    ("fn.description.maxlen", body(tools=[tool(description="d" * 1025)])),
    *[("fn.parameters.type", body(tools=[tool(parameters=value)])) for value in ("x", [], 7)],
    *[("fn.parameters.root", body(tools=[tool(parameters={"type": value})])) for value in ("string", "array")],
    ("fn.parameters.properties", body(tools=[tool(parameters={"type": "object"})])),
    ("fn.strict.type", body(tools=[tool(strict="yes")])),
    ("fn.strict.schema", body(tools=[tool(strict=True, parameters={"type": "object", "properties": {}})])),
    *[("tool_choice.enum", body(tools=T, tool_choice=value)) for value in ("bogus", "any")],
    *[("tool_choice.type", body(tools=T, tool_choice=value)) for value in (7, [])],
    *[("tool_choice.named.shape", body(tools=T, tool_choice=value)) for value in (
        {"type": "function"}, {"type": "function", "function": {}}, {"name": "f"},
        {"type": "function", "name": "f"}, {"type": "bogus", "function": {"name": "f"}})],
    ("tool_choice.named.exists", body(tools=[tool("g")], tool_choice=NAMED)),
    *[("tool_choice.needs.tools", body(tool_choice=value)) for value in ("auto", "required", NAMED)],
    ("parallel_tool_calls.type", body(tools=T, parallel_tool_calls="yes")),
    ("parallel_tool_calls.needs.tools", body(parallel_tool_calls=True)),
    ("functions.min", body(functions=[])),
    ("functions.max", body(functions=[{"name": f"f{i}"} for i in range(129)])),
    ("functions.name", body(functions=[{}])),
    ("fn.name.pattern", body(functions=[{"name": "a.b"}])),
    *[("function_call.enum", body(functions=[{"name": "f"}], function_call=value)) for value in ("required", 7, {})],
    ("function_call.needs.functions", body(function_call="auto")),
    ("functions.and.tools", body(tools=T, functions=[{"name": "f"}])),
]  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_valid_bodies_have_no_reason(name: str) -> None:
    assert reasons(ACCEPTED[name], models=(MODEL,)) == []


@pytest.mark.parametrize(("rule", "bad"), REFUSED, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(REFUSED)])
def test_one_fault_has_one_reason(rule: str, bad: dict[str, Any]) -> None:
    found = reasons(bad)
    assert [reason.rule for reason in found] == [rule]
    assert found[0].message
    assert found[0].status == 400
    assert found[0].param is None or found[0].param.split(".")[0].split("[")[0] in LIMITS.request_keys | {"zzz_unknown"}


@pytest.mark.parametrize(
    ("rule", "param", "code"),
    [
        ("messages.min", "messages", "empty_array"),
        ("temperature.max", "temperature", "decimal_above_max_value"),
        ("n.min", "n", "integer_below_min_value"),
        ("max_tokens.max", "max_tokens", "invalid_value"),
        ("tool.preceded", "messages.[1].role", None),
        ("tool.id.required", "messages.[2].tool_call_id", None),
        ("content.user.required", "messages.[1].content", None),
        ("toolcall.id.maxlen", "messages[1].tool_calls[0].id", "string_above_max_length"),
        ("functions.and.tools", None, None),
        ("model.required", None, None),
        ("top_logprobs.needs", "top_logprobs", None),
        ("metadata.value.type", "metadata.k", "invalid_type"),
        ("http.key.unknown", "zzz_unknown", "unknown_parameter"),
        ("fn.parameters.properties", "tools[0].function.parameters", "invalid_function_parameters"),
        ("metadata.pairs.max", "metadata", "object_above_max_properties"),
    ],
)
def test_reasons_carry_openai_param_and_code(rule: str, param: str | None, code: str | None) -> None:
    bad = next(bad for name, bad in REFUSED if name == rule)
    assert (reasons(bad)[0].param, reasons(bad)[0].code) == (param, code)


def test_every_fault_of_a_body_is_listed() -> None:
    found = reasons(body(temperature=9, n=0, zzz=1, stop=[1]))
    assert Counter(reason.rule for reason in found) == Counter(
        ["http.key.unknown", "temperature.max", "n.min", "stop.array.item"]
    )


@pytest.mark.parametrize("value", [[], "x", 7, None, True])
def test_a_body_that_is_no_object_has_that_reason_alone(value: object) -> None:
    assert [reason.rule for reason in reasons(value)] == ["http.json.object"]


def test_limits_and_checks_are_replaceable() -> None:
    assert reasons(body(n=129), limits=replace(LIMITS, n_max=200)) == []
    assert reasons(body(n=129), checks=[check for check in CHECKS if check.name != "n.max"]) == []
    assert [reason.rule for reason in reasons(body(model="other"), models=[MODEL])] == ["model.unknown"]
    refused = {rule for rule, _ in REFUSED}
    untested = {check.name for check in CHECKS} - refused
    assert untested <= {
        "http.json.object", "model.unknown", "max_completion_tokens.max", "functions.type", "fn.description.type",
        "response_format.jsonschema.schema", "response_format.jsonschema.description.type",
    }  # fmt: skip


# answers, without HTTP


def ask(value: Any, reference: Reference | None = None, content_type: str | None = "application/json") -> Answer:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return respond(reference or Reference(), content_type, raw)


def reply(value: dict[str, Any]) -> dict[str, Any]:
    answer = ask(value)
    assert answer.status == 200, answer.blocks
    return json.loads(answer.blocks[0])


def events(value: dict[str, Any], reference: Reference | None = None) -> list[dict[str, Any]]:
    answer = ask({**value, "stream": True}, reference)
    assert answer.status == 200, answer.blocks
    assert answer.content_type.startswith("text/event-stream")
    assert answer.blocks[-1] == b"data: [DONE]\n\n"
    assert all(block.startswith(b"data: {") and block.endswith(b"}\n\n") for block in answer.blocks[:-1])
    return [json.loads(block[6:]) for block in answer.blocks[:-1]]


def assembled(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choices put together from chunks, in the non-stream shape."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for piece in chunk["choices"]:
            index, delta = piece["index"], piece["delta"]
            if index not in choices:
                assert delta["role"] == "assistant"
                empty = {"role": "assistant", "content": delta["content"], "refusal": None}
                choices[index] = {"index": index, "message": empty, "logprobs": None, "finish_reason": None}
            choice = choices[index]
            spoken = choice["message"]
            assert choice["finish_reason"] is None
            choice["finish_reason"] = piece["finish_reason"]
            if piece["finish_reason"] is not None:
                assert delta == {}
            if piece["logprobs"] is not None:
                choice["logprobs"] = choice["logprobs"] or {"content": [], "refusal": None}
                choice["logprobs"]["content"] += piece["logprobs"]["content"]
            if delta.get("content"):
                spoken["content"] += delta["content"]
            for part in delta.get("tool_calls", ()):
                calls = spoken.setdefault("tool_calls", [])
                if "id" in part:
                    assert part["index"] == len(calls)
                    calls.append({"id": part["id"], "type": part["type"], "function": dict(part["function"])})
                else:
                    calls[part["index"]]["function"]["arguments"] += part["function"]["arguments"]
            if "function_call" in delta:
                function = spoken.setdefault("function_call", {"arguments": ""})
                function["name"] = delta["function_call"].get("name", function.get("name"))
                function["arguments"] += delta["function_call"]["arguments"]
            for key, value in delta.get("audio", {}).items():
                audio = spoken.setdefault("audio", {})
                audio[key] = audio.get(key, "") + value if key in ("transcript", "data") else value
    return [choices[index] for index in sorted(choices)]


def unnamed(choices: list[dict[str, Any]]) -> str:
    """Choices without the ids and times that differ between two replies."""
    copy = json.loads(json.dumps(choices))
    for choice in copy:
        for made in choice["message"].get("tool_calls", ()):
            made.pop("id")
        for key in ("id", "expires_at"):
            choice["message"].get("audio", {}).pop(key, None)
    return json.dumps(copy, sort_keys=True)


def content(value: dict[str, Any]) -> str:
    return reply(value)["choices"][0]["message"]["content"]


def test_the_shape_of_a_reply() -> None:
    before = int(time.time())
    found = reply(body(service_tier="auto"))
    assert set(found) == {
        "id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"
    }  # fmt: skip
    assert found["object"] == "chat.completion"
    assert before <= found["created"] <= time.time()
    assert found["service_tier"] == "default"
    assert isinstance(found["system_fingerprint"], str)
    (choice,) = found["choices"]
    assert set(choice) == {"index", "message", "logprobs", "finish_reason"}
    assert choice["logprobs"] is None
    assert set(choice["message"]) == {"role", "content", "refusal"}
    assert choice["finish_reason"] == "stop"
    assert "service_tier" not in reply(body())


def test_same_body_same_text_but_another_id() -> None:
    one, two = reply(body(seed=1)), reply(body(seed=1.0))
    assert one["id"] != two["id"]
    assert one["choices"] == two["choices"]
    assert one["usage"] == two["usage"]
    assert one["choices"] != reply(body(seed=2))["choices"]
    assert content(said({"role": "user", "content": [{"type": "text", "text": "Say hello."}]})) == content(body())


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("most", [1, 2, 7, 50])
def test_a_bound_cuts_and_says_length(key: str, most: int) -> None:
    found = reply(said(COUNT, **{key: most}, n=2))
    assert [choice["finish_reason"] for choice in found["choices"]] == ["length", "length"]
    assert found["usage"]["completion_tokens"] == 2 * most
    assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] + 2 * most
    whole = content(said(COUNT))
    assert whole.startswith("1, 2, 3, 4, ")
    assert whole.endswith("299, 300")
    assert whole.startswith(found["choices"][0]["message"]["content"])


def test_a_bound_that_is_just_enough_does_not_cut() -> None:
    used = reply(body())["usage"]["completion_tokens"]
    assert reply(body(max_tokens=used))["choices"][0]["finish_reason"] == "stop"
    assert reply(body(max_tokens=used - 1))["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stop", ["5", ",", ", 7", ["9", "6"], "1"])
def test_a_stop_string_ends_and_is_left_out(stop: Any) -> None:
    found = reply(said(COUNT, stop=stop, max_tokens=100))
    text = found["choices"][0]["message"]["content"]
    strings = [stop] if isinstance(stop, str) else stop
    assert not any(string in text for string in strings)
    assert found["choices"][0]["finish_reason"] == "stop"
    assert content(said(COUNT)).startswith(text)
    if isinstance(stop, str):
        assert content(said(COUNT, stop=[stop], max_tokens=100)) == text


@pytest.mark.parametrize(
    ("text", "end"), [("Count to 12", "11, 12"), ("count to 1,000!", "999, 1000"), ("Count up", "199, 200")]
)
def test_counting_goes_as_far_as_asked(text: str, end: str) -> None:
    assert content(said({"role": "user", "content": text})).endswith(end)


def test_choices_differ_unless_cold() -> None:
    for messages in ([USER], [COUNT]):
        warm = [
            choice["message"]["content"] for choice in reply(body(messages=messages, n=20, max_tokens=20))["choices"]
        ]
        assert len(set(warm)) == 20
        cold = reply(body(messages=messages, n=3, temperature=0, max_tokens=20))["choices"]
        assert {choice["message"]["content"] for choice in cold} == {warm[0]}
        assert [choice["index"] for choice in cold] == [0, 1, 2]


def test_usage_grows_with_the_prompt() -> None:
    one = reply(body())["usage"]["prompt_tokens"]
    assert 1 <= one < reply(said(USER, USER))["usage"]["prompt_tokens"]
    assert one < reply(body(tools=T, tool_choice="none"))["usage"]["prompt_tokens"]


@pytest.mark.parametrize("top", [None, 0, 1, 20])
def test_logprobs(top: int | None) -> None:
    found = reply(body(logprobs=True, top_logprobs=top, stop="e"))["choices"][0]
    entries = found["logprobs"]["content"]
    assert found["logprobs"]["refusal"] is None
    joined = b"".join(bytes(item["bytes"]) for item in entries).decode()
    assert joined == "".join(item["token"] for item in entries) == found["message"]["content"]
    for item in entries:
        assert set(item) == {"token", "logprob", "bytes", "top_logprobs"}
        assert item["logprob"] <= 0
        ranked = [other["logprob"] for other in item["top_logprobs"]]
        assert len(ranked) == (top or 0)
        assert ranked == sorted(ranked, reverse=True)
        assert len({other["token"] for other in item["top_logprobs"]}) == len(ranked)
        assert not ranked or ranked[0] >= item["logprob"]
    assert reply(body(logprobs=False))["choices"][0]["logprobs"] is None


def test_biases_ban_and_force_tokens() -> None:
    comma = VOCABULARY.index(",")
    text = content(said(COUNT, logit_bias={str(comma): -100}, max_tokens=60))
    assert "," not in text
    assert text != content(said(COUNT, max_tokens=60))
    assert content(said(COUNT, logit_bias={"7": 100}, max_tokens=5)) == "77777"
    assert content(said(COUNT, logit_bias={"7": 0}, max_tokens=5)) == "1, 2,"
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 100
    every = {str(number): -100 for number in range(100)}
    assert content(said(COUNT, logit_bias=every, max_tokens=5)) == "1, 2,"


PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 9},
        "days": {"type": "integer", "minimum": 3, "maximum": 5},
        "unit": {"enum": ["C", "F"]},
    },
    "required": ["city", "days"],
}
WEATHER = [tool("get_weather", parameters=PARAMETERS), tool("other")]


@pytest.mark.parametrize(
    ("choice", "text", "names", "finish"),
    [
        ("required", "hi", ["get_weather", "other"], "tool_calls"),
        ({"type": "function", "function": {"name": "other"}}, "hi", ["other"], "stop"),
        ("auto", "What is the weather?", ["get_weather"], "tool_calls"),
        (None, "Use other now", ["other"], "tool_calls"),
        ("auto", "hi", [], "stop"),
        ("none", "Use a tool: get_weather", [], "stop"),
    ],
)
def test_tool_calls(choice: Any, text: str, names: list[str], finish: str) -> None:
    request = said({"role": "user", "content": text}, tools=WEATHER, tool_choice=choice)
    found = reply(request)["choices"][0]
    calls = found["message"].get("tool_calls", [])
    assert [made["function"]["name"] for made in calls] == names
    assert ("tool_calls" in found["message"]) == bool(names)
    assert (found["message"]["content"] is None) == bool(names)
    assert found["finish_reason"] == finish
    assert len({made["id"] for made in calls}) == len(calls)
    for made in calls:
        schema = PARAMETERS if made["function"]["name"] == "get_weather" else {"type": "object"}
        jsonschema.validate(json.loads(made["function"]["arguments"]), schema)
    single = reply({**request, "parallel_tool_calls": False})["choices"][0]["message"]
    assert len(single.get("tool_calls", [])) == min(1, len(names))
    # the message as it was received, with its answers, is a valid history
    answers = [result(made["id"]) for made in calls]
    following = reply(said(*request["messages"], found["message"], *answers, tools=WEATHER))
    assert following["choices"][0]["message"]["content"]


def test_forced_calls_are_cut_by_the_bound() -> None:
    found = reply(body(tools=WEATHER, tool_choice="required", max_tokens=3, logprobs=True))
    choice = found["choices"][0]
    assert choice["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] == 3
    (made,) = choice["message"]["tool_calls"]
    assert made["function"]["arguments"].startswith("{")
    assert choice["logprobs"] == {"content": [], "refusal": None}


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [({"name": "f"}, "hi", "stop"), ("auto", "call f", "function_call"), ("none", "call f", None), (None, "hi", None)],
)
def test_legacy_functions(choice: Any, text: str, finish: str | None) -> None:
    functions = [{"name": "f", "parameters": PARAMETERS}]
    found = reply(said({"role": "user", "content": text}, functions=functions, function_call=choice))["choices"][0]
    assert found["finish_reason"] == (finish or "stop")
    if finish is None:
        assert "function_call" not in found["message"]
    else:
        assert found["message"]["function_call"]["name"] == "f"
        jsonschema.validate(json.loads(found["message"]["function_call"]["arguments"]), PARAMETERS)


TREE = {
    "type": "object",
    "properties": {"value": {"type": "string"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["value", "next"],
    "additionalProperties": False,
}
SCHEMAS: list[dict[str, Any]] = [
    STRICT,
    TREE,
    PARAMETERS,
    {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/b"}},
        "$defs": {"b": {"type": ["null", "array"], "items": {"type": "boolean"}, "minItems": 3}},
    },
    {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5}, "minItems": 2},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "integer", "multipleOf": 7, "minimum": 8},
    {"type": "number", "multipleOf": 0.5, "exclusiveMinimum": 2},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "string", "minLength": 40, "maxLength": 41},
    {"type": "string", "maxLength": 2},
    {"const": {"x": [1, None]}},
    {"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"required": ["b"]}], "type": "object"},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}, "minProperties": 3},
    {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}}, "required": ["when"]},
    {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    {"type": "string", "description": "naïve", "enum": ["é", "f"]},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_structured_answers_validate(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(instance(schema))
    found = reply(body(response_format=schema_format(schema=schema)))["choices"][0]
    jsonschema.Draft202012Validator(schema).validate(json.loads(found["message"]["content"]))
    cut = reply(body(response_format=schema_format(schema=schema), max_tokens=1))["choices"][0]
    assert cut["finish_reason"] in ("length", "stop")


def test_hopeless_schemas_end() -> None:
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    wide = {"$defs": {"n": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 9}] * 9}},
            "$ref": "#/$defs/n"}  # fmt: skip
    began = time.perf_counter()
    for schema in (endless, wide, {"$ref": "#/nowhere"}, {"type": "array", "minItems": 10**9}, {"minLength": 10**9}):
        assert instance(schema) == {}
    assert time.perf_counter() - began < 1
    huge = b'{"model":"chatproof-reference","messages":[{"role":"user","content":"x"}],"response_format":{"type":'
    huge += b'"json_schema","json_schema":{"name":"s","schema":{"type":"number","minimum":1e400,"const":1e400}}}}'
    assert ask(huge).status == 200


def test_json_object() -> None:
    request = said({"role": "user", "content": "Answer in JSON."}, response_format={"type": "json_object"})
    assert isinstance(json.loads(content(request)), dict)
    assert reply({**request, "max_tokens": 1})["choices"][0]["finish_reason"] == "length"


def test_audio() -> None:
    found = reply(body(modalities=["text", "audio"], audio=AUDIO))
    spoken = found["choices"][0]["message"]
    assert spoken["content"] is None
    assert set(spoken["audio"]) == {"id", "expires_at", "data", "transcript"}
    details = found["usage"]["completion_tokens_details"]
    assert details["reasoning_tokens"] + details["audio_tokens"] <= found["usage"]["completion_tokens"]
    assert reply(said(USER, spoken, USER))


# streams

STREAMS: list[dict[str, Any]] = [
    body(),
    said(COUNT, n=3, max_tokens=9, logprobs=True, top_logprobs=3),
    said(COUNT, stop="4", n=2),
    body(tools=WEATHER, tool_choice="required", n=2),
    body(tools=WEATHER, tool_choice={"type": "function", "function": {"name": "get_weather"}}, max_tokens=4),
    body(functions=[{"name": "f", "parameters": PARAMETERS}], function_call={"name": "f"}),
    body(response_format=schema_format(schema=PARAMETERS)),
    body(modalities=["text", "audio"], audio={**AUDIO, "format": "pcm16"}),
]


@pytest.mark.parametrize("request_body", STREAMS, ids=range(len(STREAMS)))
def test_a_stream_puts_together_the_same_reply(request_body: dict[str, Any]) -> None:
    plain = reply(request_body)
    chunks = events({**request_body, "stream_options": {"include_usage": True}})
    for key in ("id", "created", "model", "object", "system_fingerprint"):
        assert len({chunk[key] for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    *spoken, last = chunks
    assert all(chunk["usage"] is None and len(chunk["choices"]) == 1 for chunk in spoken)
    assert last["choices"] == []
    assert last["usage"] == plain["usage"]
    for chunk in spoken:
        assert set(chunk["choices"][0]) == {"index", "delta", "logprobs", "finish_reason"}
    choices = assembled(spoken)
    for choice, other in zip(choices, plain["choices"], strict=True):
        if choice["logprobs"] is None and other["logprobs"] is not None:
            assert other["logprobs"]["content"] == []
            choice["logprobs"] = other["logprobs"]
    assert unnamed(choices) == unnamed(plain["choices"])
    without_usage = events(request_body)
    assert len(without_usage) == len(chunks) - 1
    assert all("usage" not in chunk and chunk["choices"] for chunk in without_usage)


def test_choices_interleave() -> None:
    indexes = [chunk["choices"][0]["index"] for chunk in events(said(COUNT, n=2, max_tokens=4))]
    assert indexes[:4] == [0, 1, 0, 1]


# no accepted body breaks the answer, whatever a weakened validator lets through


def _everything() -> Iterator[dict[str, Any]]:
    yield from ACCEPTED.values()
    yield from (bad for _, bad in REFUSED)


def test_a_server_without_checks_answers_everything() -> None:
    lax = Reference(checks=())
    for value in _everything():
        raw = json.dumps(value).replace("Infinity", "1e400").encode()
        for stream in (b"", b', "stream": true'):
            answer = ask(raw[:-1] + stream + b"}", lax)
            assert answer.status == 200
            for block in answer.blocks:
                if block != b"data: [DONE]\n\n":
                    json.loads(block.removeprefix(b"data: "))


def test_refusals_are_the_same_with_stream() -> None:
    for rule, bad in REFUSED:
        if rule.startswith(("stream", "audio")):
            continue
        plain, streamed = ask(bad if rule != "temperature.max" else body(temperature=3)), None
        streamed = ask({**(bad if rule != "temperature.max" else body(temperature=3)), "stream": True})
        assert plain.status == streamed.status == 400
        assert plain.blocks == streamed.blocks
        error = json.loads(plain.blocks[0])["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] == "invalid_request_error"


# bytes


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b'{"a":1,}', b"{'a':1}", b'{"temperature": NaN}', b'{"a": -Infinity}', b'{"a": "\t"}', b"\xff\xfe",
        b'{"a": "\xed\xa0\x80"}', b"hello", b"[" * 100_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'\xef\xbb\xbf{"a": 1}', b"[]", b"null",
    ],
)  # fmt: skip
def test_bodies_that_are_no_json_object_are_refused(raw: bytes) -> None:
    answer = ask(raw)
    assert answer.status == 400
    assert json.loads(answer.blocks[0])["error"]["code"] is None


def _raw(tail: bytes) -> bytes:
    return b'{"model":"chatproof-reference","messages":[{"role":"user","content":"x"}]' + tail + b"}"


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        (b',"n":' + b"9" * 5000, 400),
        (b',"seed":' + b"-" + b"9" * 400, 400),
        (b',"temperature":1e400', 400),
        (b',"temperature":1e0', 200),
        (b',"n":2,"n":1', 200),
        (b',"user":"\\ud800"', 200),
        (b',"model":"\\ud800"', 404),
        (b',"\\ud800":1', 400),
        (b',"tools":[{"type":"function","function":{"name":"f","parameters":' + b"[" * 900 + b"]" * 900 + b"}}]", 400),
        (b',"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":'
         + b'{"a":' * 400 + b"{}" + b"}" * 400 + b"}}}]", 200),
    ],
)  # fmt: skip
def test_odd_values_are_answered(tail: bytes, status: int) -> None:
    assert ask(_raw(tail)).status == status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (None, 200), ("application/json; charset=utf-8", 200), ("Application/JSON", 200), ("text/plain", 400),
        ("multipart/form-data", 400), ("application/x-www-form-urlencoded", 400), ("", 400),
    ],
)  # fmt: skip
def test_content_types(value: str | None, status: int) -> None:
    answer = ask(body(), content_type=value)
    assert answer.status == status
    if status == 400:
        assert json.loads(answer.blocks[0])["error"]["code"] == "unsupported_content_type"


# the application


def fetch(reference: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(reference))
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.request(method, path, **options)

    return asyncio.run(go())


def test_paths_and_methods() -> None:
    assert fetch(None, "POST", "/v1/chat/completions", json=body()).status_code == 200
    assert [item["id"] for item in fetch(None, "GET", "/v1/models").json()["data"]] == [MODEL]
    assert fetch(None, "GET", "/v1/chat/completions").json()["data"] == []
    for method in ("PUT", "DELETE", "PATCH"):
        found = fetch(None, method, "/v1/chat/completions", json=body())
        assert found.status_code == 405
        assert found.json()["error"]["code"] == "method_not_supported"
    for path in ("/v1/chat/completionz", "/chat/completions", "/", "/v1/chat/completions/"):
        assert fetch(None, "POST", path, json=body()).status_code == 404
    unknown = fetch(None, "POST", "/v1/chat/completions", json=body(model="gpt-does-not-exist"))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_keys() -> None:
    secret = "sk-reference-secret"
    locked = Reference(api_key=secret)
    for headers, status, code in (
        ({}, 401, None),
        ({"Authorization": "Bearer nope"}, 401, "invalid_api_key"),
        ({"Authorization": f"Bearer {secret}"}, 200, None),
    ):
        found = fetch(locked, "POST", "/v1/chat/completions", json=body(), headers=headers)
        assert found.status_code == status
        assert secret not in found.text
        if status != 200:
            assert found.json()["error"]["code"] == code
    assert fetch(locked, "GET", "/v1/models").status_code == 401


def test_large_bodies() -> None:
    small = Reference(limits=replace(LIMITS, body_max=200))
    fitting = json.dumps(body()).encode()
    headers = {"content-type": "application/json"}
    path = "/v1/chat/completions"
    assert fetch(small, "POST", path, content=fitting.ljust(200), headers=headers).status_code == 200
    found = fetch(small, "POST", path, content=fitting.ljust(201), headers=headers)
    assert found.status_code == 413
    assert found.json()["error"]["type"] == "server_error"
    assert fetch(None, "POST", path, content=fitting.ljust(1_000_000), headers=headers).status_code == 200


def test_variants_by_prefix() -> None:
    flat = Behaviour(envelope=lambda reason: {"object": "error", **envelope(reason)["error"]})
    variants = {"": Reference(), "/m1": Reference(behaviour=flat), "/m2": Reference(models=None)}
    bad = body(n=0)
    assert "error" in fetch(variants, "POST", "/v1/chat/completions", json=bad).json()
    assert fetch(variants, "POST", "/m1/v1/chat/completions", json=bad).json()["object"] == "error"
    assert fetch(variants, "POST", "/m2/v1/chat/completions", json=body(model="any")).status_code == 200


def test_a_crash_is_a_json_error() -> None:
    def crash(*_: object) -> Any:
        raise ZeroDivisionError

    broken = create_app(Reference(behaviour=Behaviour(plan=crash)))

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(broken, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.post("/v1/chat/completions", json=body())

    found = asyncio.run(go())
    assert found.status_code == 500
    assert found.json()["error"]["type"] == "server_error"


def test_latency() -> None:
    began = time.perf_counter()
    assert fetch(Reference(latency=0.05), "GET", "/v1/models").status_code == 200
    assert time.perf_counter() - began >= 0.05


def test_tokens_join_to_their_text() -> None:
    text = 'He said {"a": "naïve 12"} \U0001f469 supercalifragilistic\n'
    assert "".join(tokenize(text)) == text


# a real socket


def test_over_a_socket() -> None:
    name = "CHATPROOF_TEST_KEY"
    with start(["--api-key-env", name], env={name: "k1"}) as url:
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer k1"}, timeout=20) as client:
            began = time.perf_counter()
            assert client.get("/models").status_code == 200
            assert client.post("/chat/completions", json=body()).status_code == 200
            with client.stream("POST", "/chat/completions", json=said(COUNT, stream=True)) as streamed:
                lines = [line for line in streamed.iter_lines() if line]
            assert lines[-1] == "data: [DONE]"
            assert len(lines) > 1000

            def pieces() -> Iterator[bytes]:
                yield json.dumps(body()).encode()

            chunked = client.post("/chat/completions", content=pieces(), headers={"content-type": "application/json"})
            assert chunked.status_code == 200
            large = client.post("/chat/completions", content=b" " * 26_214_401)
            assert large.status_code == 413
            assert client.get("/models").status_code == 200
            assert time.perf_counter() - began < 15
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")


@pytest.mark.parametrize("how", ["eof", "term", "int"])
def test_the_server_stops_cleanly(how: str) -> None:
    command = [sys.executable, "-m", "chatproof.conformance.reference", "--port", "0", "--until-eof"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline().startswith(READY)
            if how == "eof":
                process.stdin.close()
            else:
                os.kill(process.pid, signal.SIGTERM if how == "term" else signal.SIGINT)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            if process.poll() is None:
                process.kill()


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="is not set"), start(["--api-key-env", "CHATPROOF_NO_SUCH_KEY"]):
        pass
