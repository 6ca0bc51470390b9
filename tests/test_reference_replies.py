"""What the reference server answers, without HTTP: replies, streams, calls, and what is no JSON object."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from chatproof.conformance.reference.behaviour import Answer, Reference, respond
from chatproof.conformance.reference.instances import instance
from chatproof.conformance.reference.text import VOCABULARY, tokenize
from reference_bodies import ACCEPTED, AUDIO, COUNT, REFUSED, STRICT, USER, T, body, result, said, schema_format, tool


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


def test_tokens_join_to_their_text() -> None:
    text = 'He said {"a": "naïve 12"} \U0001f469 supercalifragilistic\n'
    assert "".join(tokenize(text)) == text
