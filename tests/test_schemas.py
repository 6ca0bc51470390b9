"""The hand-written schemas: they are schemas, both validators agree on them, and each bound has two sides.

The tables here are of the vintage 2024-11; ``test_schemas_2026.py`` says what 2026-08 changes of them.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatproof.conformance import schemas

FACTS = Path(__file__).parents[2] / "shared/spec/chat-completions.md"
V0, V1 = "2024-11", "2026-08"
NAMES = ("chunk", "chunk-strict", "error", "error-strict", "request", "response", "response-strict")
EVERY = [(vintage, name) for vintage in schemas.vintages() for name in NAMES]
PROPERTIES = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
]
NULLABLE = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
]


@dataclass(frozen=True)
class Case:
    """One body; ``at`` is the place an error must point at, or None when the body is valid."""

    about: str
    what: str
    body: Any
    at: str | None

    @property
    def id(self) -> str:
        return f"{self.about}: {self.what}"

    @property
    def valid(self) -> bool:
        return self.at is None


# --- the request table ----------------------------------------------------------------------------------------

USER = {"role": "user", "content": "ping"}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def body(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER], **changes}


def without(key: str, record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


def ok(about: str, what: str, **changes: Any) -> Case:
    return Case(about, what, body(**changes), None)


def bad(about: str, what: str, at: str | None = None, **changes: Any) -> Case:
    return Case(about, what, body(**changes), about if at is None else at)


def numbers(name: str, low: Any, high: Any, below: Any, above: Any, wrong: tuple[Any, ...]) -> Iterator[Case]:
    """Both sides of both bounds, null, and the type confusions of one numeric property."""
    for value in (low, high):
        if value is not None:
            yield ok(name, f"bound {value}", **{name: value})
    for value in (below, above):
        if value is not None:
            yield bad(name, f"outside {value}", **{name: value})
    for value in wrong:
        yield bad(name, f"type {json.dumps(value)}", **{name: value})


def flags(name: str) -> Iterator[Case]:
    for value in (True, False):
        yield ok(name, json.dumps(value), **{name: value})
    wrong: tuple[Any, ...] = ("true", 1, 0, [], {})
    for value in wrong:
        yield bad(name, f"type {json.dumps(value)}", **{name: value})


NOT_DECIMAL = ("1", True, [], {})
NOT_INTEGER = ("1", True, 1.5, [], {})
NOT_STRING: tuple[Any, ...] = (7, True, [], {})


def top_level() -> Iterator[Case]:
    yield ok("request", "smallest")
    yield ok("request", "unknown key", zzz_unknown=1)
    for value in ([], "x", 7, None):
        yield Case("request", f"not an object: {json.dumps(value)}", value, "")

    yield ok("model", "string", model="some/model:1")
    yield ok("model", "empty (observed only)", model="")
    yield ok("model", "null (observed only)", model=None)
    yield Case("model", "absent", without("model", body()), "")
    for value in NOT_STRING:
        yield bad("model", f"type {json.dumps(value)}", model=value)

    for name in NULLABLE:
        yield ok(name, "null", **{name: None})
    for name in sorted({*PROPERTIES} - {*NULLABLE, "messages", "model"}):
        yield ok(name, "null (contested)", **{name: None})

    yield from numbers("temperature", 0, 2, -0.01, 2.01, NOT_DECIMAL)
    yield from numbers("temperature", -0.0, 2.0, -1, 200, ())
    yield from numbers("top_p", 0, 1, -0.01, 1.01, NOT_DECIMAL)
    for name in ("frequency_penalty", "presence_penalty"):
        yield from numbers(name, -2, 2, -2.01, 2.01, NOT_DECIMAL)
        yield from numbers(name, -2.0, 2.0, -3, 3, ())
    yield from numbers("seed", -(2**53) + 1, 2**53 - 1, -(2**64), 2**64, NOT_INTEGER)
    yield from numbers("seed", -(2**63), 2**63 - 1, None, None, ())
    yield ok("seed", "between int64 and the printed literal", seed=2**63 + 100)
    yield from numbers("n", 1, 128, 0, 129, NOT_INTEGER)
    yield bad("n", "negative", n=-1)
    for name in ("max_tokens", "max_completion_tokens"):
        yield from numbers(name, 1, 1_000_000, None, None, NOT_INTEGER)
        yield ok(name, "0 (the floor is observed only)", **{name: 0})
        yield ok(name, "negative (the floor is observed only)", **{name: -1})
        yield ok(name, "1.0 is an integer", **{name: 1.0})
    yield ok("max_tokens", "with max_completion_tokens (observed only)", max_tokens=4, max_completion_tokens=4)

    yield from flags("logprobs")
    yield from (
        Case(case.about, case.what, {**case.body, "logprobs": True}, case.at)
        for case in numbers("top_logprobs", 0, 20, -1, 21, NOT_INTEGER)
    )
    yield bad("top_logprobs", "without logprobs", at="", top_logprobs=1)
    yield bad("top_logprobs", "logprobs false", at="logprobs", top_logprobs=1, logprobs=False)
    yield bad("top_logprobs", "logprobs null", at="logprobs", top_logprobs=1, logprobs=None)
    yield ok("top_logprobs", "0 without logprobs (contested)", top_logprobs=0)

    yield ok("logit_bias", "empty", logit_bias={})
    yield ok("logit_bias", "both bounds and 0", logit_bias={"0": -100, "50256": 0, "99": 100})
    yield ok("logit_bias", "decimal (contested)", logit_bias={"5": 1.5})
    yield ok("logit_bias", "301 entries", logit_bias={str(key): 1 for key in range(301)})
    for value in (-101, 101, 100.5, "5", None, True, [], {}):
        yield bad("logit_bias", f"value {json.dumps(value)}", at="logit_bias/5", logit_bias={"5": value})
    for key in ("AI", "", "-1", "1.5", "5\n", " 5", "１"):
        yield bad("logit_bias", f"key {json.dumps(key)}", logit_bias={key: 1})
    for value in ([], "x", 7, True):
        yield bad("logit_bias", f"type {json.dumps(value)}", logit_bias=value)

    yield ok("stop", "string", stop="\n")
    yield ok("stop", "empty string (contested)", stop="")
    yield ok("stop", "empty list (contested)", stop=[])
    yield ok("stop", "one", stop=["END"])
    yield ok("stop", "four", stop=list("abcd"))
    yield bad("stop", "five", stop=list("abcde"))
    for value in (7, True, {}):
        yield bad("stop", f"type {json.dumps(value)}", stop=value)
    for value in (1, None, []):
        yield bad("stop", f"item {json.dumps(value)}", at="stop/0", stop=[value])

    yield from flags("stream")
    yield ok("stream_options", "empty, streamed", stream=True, stream_options={})
    yield ok("stream_options", "unknown key", stream=True, stream_options={"bogus": 1})
    for value in (True, False, None):
        usage = {"include_usage": value}
        yield ok("stream_options", f"usage {json.dumps(value)}", stream=True, stream_options=usage)
    for value in ("yes", 1):
        yield bad(
            "stream_options",
            f"usage {json.dumps(value)}",
            at="stream_options/include_usage",
            stream=True,
            stream_options={"include_usage": value},
        )
    for value in ("x", 7, [], True):
        yield bad("stream_options", f"type {json.dumps(value)}", stream=True, stream_options=value)
    yield ok("stream_options", "null, streamed", stream=True, stream_options=None)
    yield bad("stream_options", "without stream", at="", stream_options={})
    yield bad("stream_options", "stream false", at="stream", stream=False, stream_options={"include_usage": True})
    yield bad("stream_options", "stream null", at="stream", stream=None, stream_options={})

    yield from flags("store")
    yield ok("metadata", "empty", metadata={})
    yield ok("metadata", "strings", metadata={"k": "v", "": ""})
    yield ok("metadata", "17 pairs (prose later)", metadata={f"k{key}": "v" for key in range(17)})
    yield ok("metadata", "long key and value (prose later)", metadata={"k" * 65: "v" * 513})
    for value in ([], "x", 7):
        yield bad("metadata", f"type {json.dumps(value)}", metadata=value)
    for value in (7, None, {}, True):
        yield bad("metadata", f"value {json.dumps(value)}", at="metadata/k", metadata={"k": value})
    yield ok("user", "string", user="")
    for value in NOT_STRING:
        yield bad("user", f"type {json.dumps(value)}", user=value)
    for value in ("auto", "default"):
        yield ok("service_tier", value, service_tier=value)
    for value in ("bogus", "", "flex", 7, {}):
        yield bad("service_tier", json.dumps(value), service_tier=value)


def modes() -> Iterator[Case]:
    audio = {"voice": "alloy", "format": "wav"}
    yield ok("modalities", "text", modalities=["text"])
    yield ok("modalities", "text and audio", modalities=["text", "audio"], audio=audio)
    yield ok("modalities", "audio", modalities=["audio"], audio=audio)
    yield ok("modalities", "empty (contested)", modalities=[])
    yield bad("modalities", "bare string", modalities="text")
    for value in ("video", 1, None):
        yield bad("modalities", f"item {json.dumps(value)}", at="modalities/0", modalities=[value])
    yield bad("modalities", "audio without audio", at="", modalities=["text", "audio"])
    yield bad("modalities", "audio with null audio", at="audio", modalities=["audio"], audio=None)
    yield ok("audio", "without modalities", audio=audio)
    for voice in ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse"):
        yield ok("audio", f"voice {voice}", audio={**audio, "voice": voice})
    for coding in ("wav", "mp3", "flac", "opus", "pcm16"):
        yield ok("audio", f"format {coding}", audio={**audio, "format": coding})
    yield bad("audio", "voice bogus", at="audio/voice", audio={**audio, "voice": "bogus"})
    yield bad("audio", "format ogg", at="audio/format", audio={**audio, "format": "ogg"})
    for key in audio:
        yield bad("audio", f"no {key}", audio=without(key, audio))
        yield bad("audio", f"{key} null", at=f"audio/{key}", audio={**audio, key: None})
    yield bad("audio", "type", audio="alloy")

    text = {"type": "text", "text": "x"}
    guess = {"type": "content", "content": "x"}
    yield ok("prediction", "string", prediction=guess)
    yield ok("prediction", "empty string", prediction={**guess, "content": ""})
    yield ok("prediction", "parts", prediction={**guess, "content": [text, text]})
    yield ok("prediction", "with n (believed)", prediction=guess, n=2)
    for key in guess:
        yield bad("prediction", f"no {key}", prediction=without(key, guess))
    yield bad("prediction", "other type", at="prediction/type", prediction={**guess, "type": "text"})
    for value in ([], 7, None, {}):
        yield bad(
            "prediction",
            f"content {json.dumps(value)}",
            at="prediction/content",
            prediction={**guess, "content": value},
        )
    image = {"type": "image_url", "image_url": {"url": PIXEL}}
    yield bad("prediction", "image part", at="prediction/content/0/type", prediction={**guess, "content": [image]})
    yield bad("prediction", "list", prediction=[])

    for kind in ("text", "json_object"):
        yield ok("response_format", kind, response_format={"type": kind})
    named = {"name": "a", "schema": {"type": "object"}}
    yield ok("response_format", "json_schema", response_format={"type": "json_schema", "json_schema": named})
    yield ok("response_format", "unknown key", response_format={"type": "json_object", "schema": {}})
    yield bad("response_format", "empty", response_format={})
    for value in ("bogus", "JSON", 7, None):
        yield bad(
            "response_format", f"type {json.dumps(value)}", at="response_format/type", response_format={"type": value}
        )
    for value in ("json", [], 7):
        yield bad("response_format", f"not an object {json.dumps(value)}", response_format=value)
    yield bad("response_format", "no json_schema", response_format={"type": "json_schema"})

    def form(valid: bool, what: str, inner: Any, at: str = "") -> Case:
        place = "response_format/json_schema" + at
        record = {"type": "json_schema", "json_schema": inner}
        return Case("response_format", what, body(response_format=record), None if valid else place)

    yield form(False, "json_schema null", None)
    yield form(False, "json_schema no name", {"schema": {"type": "object"}})
    yield form(True, "json_schema name only (contested)", {"name": "a"})
    for value in ("a", "A_1-b", "x" * 64):
        yield form(True, f"name of {len(value)} {value[:6]}", {"name": value})
    for value in ("", "x" * 65, "a b", "a.b", "naïve", "a\n", 7, None):
        yield form(False, f"name {json.dumps(value)}", {"name": value}, "/name")
    for value in (True, False, None):
        yield form(True, f"strict {json.dumps(value)}", {**named, "strict": value})
    yield form(False, "strict yes", {**named, "strict": "yes"}, "/strict")
    yield form(True, "description", {**named, "description": "d" * 1025})
    yield form(False, "description 7", {**named, "description": 7}, "/description")
    for value in ("x", [], 7):
        yield form(False, f"schema {json.dumps(value)}", {**named, "schema": value}, "/schema")
    for key in ("description", "schema"):
        yield form(True, f"{key} null (contested)", {**named, key: None})


def tooling() -> Iterator[Case]:
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}}
    tool = {"type": "function", "function": function}
    yield ok("tools", "one", tools=[tool])
    yield ok("tools", "none (observed only)", tools=[])
    yield ok("tools", "128", tools=[tool] * 128)
    yield bad("tools", "129", tools=[tool] * 129)
    for value in ("none", {}, 7):
        yield bad("tools", f"type {json.dumps(value)}", tools=value)
    yield bad("tools", "item null", at="tools/0", tools=[None])
    yield bad("tools", "no type", at="tools/0", tools=[without("type", tool)])
    yield bad("tools", "other type", at="tools/0/type", tools=[{**tool, "type": "retrieval"}])
    yield bad("tools", "no function", at="tools/0", tools=[{"type": "function"}])

    def fn(valid: bool, what: str, inner: Any, at: str = "") -> Case:
        place = "tools/1/function" + at
        return Case("tools", what, body(tools=[tool, {**tool, "function": inner}]), None if valid else place)

    for value in ("f", None, []):
        yield fn(False, json.dumps(value), value)
    yield fn(False, "no name", without("name", function))
    for value in ("a", "A_1-b", "x" * 64):
        yield fn(True, f"name of {len(value)} {value[:6]}", {"name": value})
    for value in ("", "x" * 65, "a.b", "has space", "naïve", "f\n", 7, None):
        yield fn(False, f"name {json.dumps(value)}", {"name": value}, "/name")
    yield fn(True, "same name twice (contested)", function)
    yield fn(True, "no parameters", {"name": "g"})
    yield fn(True, "empty parameters", {"name": "g", "parameters": {}})
    yield fn(True, "other root (observed only)", {"name": "g", "parameters": {"type": "string"}})
    for value in ("x", [], 7):
        yield fn(False, f"parameters {json.dumps(value)}", {"name": "g", "parameters": value}, "/parameters")
    for value in (True, False, None):
        yield fn(True, f"strict {json.dumps(value)}", {"name": "g", "strict": value})
    yield fn(False, "strict yes", {"name": "g", "strict": "yes"}, "/strict")
    yield fn(True, "long description (observed only)", {"name": "g", "description": "d" * 1025})
    yield fn(False, "description 7", {"name": "g", "description": 7}, "/description")
    for key in ("description", "parameters"):
        yield fn(True, f"{key} null (contested)", {"name": "g", key: None})

    for value in ("none", "auto", "required"):
        yield ok("tool_choice", value, tools=[tool], tool_choice=value)
    yield ok("tool_choice", "without tools (observed only)", tool_choice="auto")
    named = {"type": "function", "function": {"name": "f"}}
    yield ok("tool_choice", "named", tools=[tool], tool_choice=named)
    for value in ("bogus", "any", "", 7, [], True):
        yield bad("tool_choice", json.dumps(value), tools=[tool], tool_choice=value)
    yield bad("tool_choice", "no function", tools=[tool], tool_choice={"type": "function"})
    yield bad("tool_choice", "no type", tools=[tool], tool_choice=without("type", named))
    yield bad("tool_choice", "flat name", tools=[tool], tool_choice={"name": "f"})
    yield bad("tool_choice", "other type", at="tool_choice/type", tools=[tool], tool_choice={**named, "type": "x"})
    nameless = {**named, "function": {}}
    for value in ("f", []):
        odd = {**named, "function": value}
        yield bad("tool_choice", f"function {json.dumps(value)}", at="tool_choice/function", tool_choice=odd)
    for value in (7, None):
        odd = {**named, "function": {"name": value}}
        yield bad("tool_choice", f"name {value}", at="tool_choice/function/name", tools=[tool], tool_choice=odd)
    yield bad("tool_choice", "no name", at="tool_choice/function", tools=[tool], tool_choice=nameless)
    yield from flags("parallel_tool_calls")

    legacy = {"name": "f", "parameters": {}}
    yield ok("functions", "one", functions=[legacy])
    yield ok("functions", "name only", functions=[{"name": "f"}])
    yield ok("functions", "128", functions=[legacy] * 128)
    yield ok("functions", "with tools (observed only)", functions=[legacy], tools=[tool])
    yield bad("functions", "none", functions=[])
    yield bad("functions", "129", functions=[legacy] * 129)
    yield bad("functions", "type", functions={})
    yield bad("functions", "no name", at="functions/0", functions=[{}])
    for value in ("f", None, []):
        yield bad("functions", f"item {json.dumps(value)}", at="functions/0", functions=[value])
    for value in ("", "x" * 65, "a.b"):
        yield bad("functions", f"name {value}", at="functions/0/name", functions=[{"name": value}])
    yield ok("functions", "unknown key strict", functions=[{"name": "f", "strict": "yes"}])
    yield ok("functions", "description", functions=[{"name": "f", "description": "d"}])
    for key in ("description", "parameters"):
        yield bad("functions", f"{key} 7", at=f"functions/0/{key}", functions=[{"name": "f", key: 7}])
        yield ok("functions", f"{key} null (contested)", functions=[{"name": "f", key: None}])
    for value in ("none", "auto", {"name": "f"}):
        yield ok("function_call", json.dumps(value), functions=[legacy], function_call=value)
    for value in ("required", "", 7, {}, []):
        yield bad("function_call", json.dumps(value), functions=[legacy], function_call=value)
    yield bad("function_call", "name 7", at="function_call/name", functions=[legacy], function_call={"name": 7})


def conversation() -> Iterator[Case]:
    yield Case("messages", "absent", without("messages", body()), "")
    for value in (None, "ping", {}, 7, []):
        yield bad("messages", json.dumps(value), messages=value)
    for value in ("ping", 7, None, []):
        yield bad("messages", f"item {json.dumps(value)}", at="messages/0", messages=[value])
    yield ok("messages", "300", messages=[USER] * 300)

    def last(valid: bool, what: str, message: Any, at: str = "") -> Case:
        return Case("messages", what, body(messages=[USER, message]), None if valid else "messages/1" + at)

    yield last(False, "no role", {"content": "x"})
    for value in ("bogus", "", "USER", "ai", 7, None, {}):
        yield last(False, f"role {json.dumps(value)}", {"role": value, "content": "x"}, "/role")
    yield last(True, "unknown key", {**USER, "zzz": 1})
    yield last(True, "user with empty tool_calls", {**USER, "tool_calls": []})

    text = {"type": "text", "text": "x"}
    empty = {"type": "text", "text": ""}
    image = {"type": "image_url", "image_url": {"url": PIXEL}}
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    refusal = {"type": "refusal", "refusal": "no"}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    extra = {"tool": {"tool_call_id": "c1"}}
    for role in ("system", "user", "assistant", "tool", "developer"):
        base = {"role": role, "content": "x", **extra.get(role, {})}
        yield last(True, f"{role} string", base)
        yield last(True, f"{role} empty string", {**base, "content": ""})
        yield last(True, f"{role} parts", {**base, "content": [text, empty]})
        yield last(True, f"{role} no parts (contested)", {**base, "content": []})
        free = role == "developer"
        yield last(free, f"{role} no content", without("content", base))
        yield last(free, f"{role} null content", {**base, "content": None}, "/content")
        for value in (7, True, {}):
            yield last(False, f"{role} content {json.dumps(value)}", {**base, "content": value}, "/content")
        for value in ("x", 7, None):
            yield last(False, f"{role} part {json.dumps(value)}", {**base, "content": [value]}, "/content/0")
        yield last(False, f"{role} part no type", {**base, "content": [{"text": "x"}]}, "/content/0")
        for one in ({**text, "type": "bogus"}, {**text, "type": "image"}, {"type": "file", "file": {}}):
            yield last(False, f"{role} part {one['type']}", {**base, "content": [text, one]}, "/content/1/type")
        yield last(False, f"{role} part no text", {**base, "content": [{"type": "text"}]}, "/content/0")
        for value in (7, None):
            one = {"type": "text", "text": value}
            yield last(False, f"{role} part text {value}", {**base, "content": [one]}, "/content/0/text")
        for one in (image, audio):
            place = "/content/0/type"
            yield last(role == "user", f"{role} {one['type']} part", {**base, "content": [one]}, place)
        yield last(role == "assistant", f"{role} refusal part", {**base, "content": [refusal]}, "/content/0/type")
        if role != "tool":
            for name in ("alice", "Alice_1-b", "has space", "x" * 65, None):
                yield last(True, f"{role} name {json.dumps(name)}", {**base, "name": name})
            for name in (7, {}):
                yield last(False, f"{role} name {json.dumps(name)}", {**base, "name": name}, "/name")

    def part(valid: bool, what: str, record: Any, at: str = "") -> Case:
        return last(valid, what, {"role": "user", "content": [text, record]}, "/content/1" + at)

    for value in ("auto", "low", "high", None):
        picture = {**image, "image_url": {"url": PIXEL, "detail": value}}
        yield part(True, f"detail {json.dumps(value)}", picture)
    for value in ("medium", 7):
        picture = {**image, "image_url": {"url": PIXEL, "detail": value}}
        yield part(False, f"detail {json.dumps(value)}", picture, "/image_url/detail")
    yield part(False, "bare image string", {**image, "image_url": PIXEL}, "/image_url")
    yield part(False, "no image_url", {"type": "image_url"})
    yield part(False, "no url", {**image, "image_url": {}}, "/image_url")
    yield part(False, "url null", {**image, "image_url": {"url": None}}, "/image_url/url")
    yield part(True, "mp3", {**audio, "input_audio": {"data": "AAAA", "format": "mp3"}})
    yield part(False, "ogg", {**audio, "input_audio": {"data": "AAAA", "format": "ogg"}}, "/input_audio/format")
    for key in ("data", "format"):
        yield part(False, f"no {key}", {**audio, "input_audio": without(key, audio["input_audio"])}, "/input_audio")
        yield part(False, f"{key} 7", {**audio, "input_audio": {**audio["input_audio"], key: 7}}, f"/input_audio/{key}")
    yield part(False, "no input_audio", {"type": "input_audio"})
    yield part(False, "input_audio string", {**audio, "input_audio": "AAAA"}, "/input_audio")
    yield part(True, "image after text", image)

    answer = {"role": "assistant"}
    yield last(False, "two refusal parts", {**answer, "content": [refusal, refusal]}, "/content")
    yield last(False, "text and refusal part", {**answer, "content": [text, refusal]}, "/content")
    yield last(True, "refusal part of unknown shape", {**answer, "content": [{"type": "refusal"}]})
    yield last(False, "refusal part 7", {**answer, "content": [{**refusal, "refusal": 7}]}, "/content/0/refusal")
    legacy = {"name": "f", "arguments": "{}"}
    spoken = {"id": "audio-1"}
    carriers = {"tool_calls": [call], "function_call": legacy, "refusal": "no", "audio": spoken}
    for key, value in carriers.items():
        yield last(True, f"{key} without content", {**answer, key: value})
        yield last(True, f"{key} with null content", {**answer, "content": None, key: value})
        yield last(True, f"{key} with content", {**answer, "content": "x", key: value})
        yield last(True, f"{key} null with content", {**answer, "content": "x", key: None})
        yield last(False, f"{key} null without content", {**answer, key: None})
        yield last(False, f"{key} null with null content", {**answer, "content": None, key: None}, "/content")
        yield last(False, f"{key} of wrong type", {**answer, "content": "x", key: 7}, f"/{key}")
    yield last(True, "audio of unknown shape", {**answer, "audio": {}})
    yield last(True, "no tool calls (observed only)", {**answer, "content": "x", "tool_calls": []})
    yield last(True, "129 tool calls (observed only)", {**answer, "tool_calls": [call] * 129})
    yield last(True, "long call id (observed only)", {**answer, "tool_calls": [{**call, "id": "c" * 41}]})
    for key in call:
        yield last(False, f"call no {key}", {**answer, "tool_calls": [without(key, call)]}, "/tool_calls/0")
    yield last(False, "call other type", {**answer, "tool_calls": [{**call, "type": "x"}]}, "/tool_calls/0/type")
    for value in ("c1", None, []):
        yield last(False, f"call {json.dumps(value)}", {**answer, "tool_calls": [value]}, "/tool_calls/0")
    yield last(
        False, "call function f", {**answer, "tool_calls": [{**call, "function": "f"}]}, "/tool_calls/0/function"
    )
    for key in legacy:
        odd = {**legacy, key: 7}
        place = f"/tool_calls/0/function/{key}"
        yield last(False, f"call {key} 7", {**answer, "tool_calls": [{**call, "function": odd}]}, place)
        yield last(False, f"legacy call {key} 7", {**answer, "function_call": odd}, f"/function_call/{key}")
    yield last(False, "call id 7", {**answer, "tool_calls": [{**call, "id": 7}]}, "/tool_calls/0/id")
    for key in legacy:
        cut = {**call, "function": without(key, legacy)}
        yield last(False, f"call no function.{key}", {**answer, "tool_calls": [cut]}, "/tool_calls/0/function")
        yield last(False, f"legacy call no {key}", {**answer, "function_call": without(key, legacy)}, "/function_call")
    for key, value, valid in (("arguments", {}, False), ("arguments", "{", True), ("name", "a.b", True)):
        odd = {**call, "function": {**legacy, key: value}}
        place = f"/tool_calls/0/function/{key}"
        yield last(valid, f"call {key} {json.dumps(value)}", {**answer, "tool_calls": [odd]}, place)

    reply = {"role": "tool", "content": "x", "tool_call_id": "c1"}
    yield last(True, "orphan tool message (a matter of order)", reply)
    yield last(False, "no tool_call_id", without("tool_call_id", reply))
    for value in (7, None):
        yield last(False, f"tool_call_id {value}", {**reply, "tool_call_id": value}, "/tool_call_id")
    old = {"role": "function", "name": "f", "content": "x"}
    yield last(True, "function message", old)
    yield last(True, "function message, null", {**old, "content": None})
    yield last(False, "function message, no content", without("content", old))
    yield last(False, "function message, no name", without("name", old))
    yield last(False, "function message, parts", {**old, "content": [text]}, "/content")
    for value in (7, None):
        yield last(False, f"function message, name {value}", {**old, "name": value}, "/name")
    yield Case("messages", "bad role in front", body(messages=[{"role": "x", "content": "x"}, USER]), "messages/0/role")


REQUESTS = (*top_level(), *modes(), *tooling(), *conversation())

# --- the answer tables ----------------------------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 1,
    "total_tokens": 4,
    "completion_tokens_details": {"reasoning_tokens": 0, "accepted_prediction_tokens": 0},
    "prompt_tokens_details": {"cached_tokens": 0},
}
ENTRY = {
    "token": "p",
    "logprob": -0.5,
    "bytes": [112],
    "top_logprobs": [{"token": "p", "logprob": -0.5, "bytes": [112]}],
}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_730_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "pong", "refusal": None},
            "logprobs": None,
        }
    ],
    "usage": USAGE,
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_730_000_000,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}],
}
REFUSAL = {
    "error": {"message": "temperature is too high", "type": "invalid_request_error", "param": None, "code": None}
}

DROP = object()


def put(record: Any, path: str, value: Any) -> Any:
    """A copy of the record with one member replaced, or dropped for ``DROP``."""
    copy = json.loads(json.dumps(record))
    *front, key = (int(step) if step.isdigit() else step for step in path.split("/"))
    inner = copy
    for step in front:
        inner = inner[step]
    if value is DROP:
        del inner[key]
    else:
        inner[key] = value
    return copy


MESSAGE = "choices/0/message"
LOGGED = put(ANSWER, "choices/0/logprobs", {"content": [ENTRY], "refusal": None})
CALLED = put(put(ANSWER, f"{MESSAGE}/tool_calls", [CALL]), f"{MESSAGE}/content", None)
SPOKEN = put(ANSWER, f"{MESSAGE}/audio", {"id": "a", "expires_at": 1, "data": "AAAA", "transcript": "x"})

# (record, path, value, valid, valid by the letter)
ANSWER_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((ANSWER, key, DROP, False, False) for key in ("id", "object", "created", "model", "choices")),
    *((ANSWER, key, None, False, False) for key in ("id", "object", "created", "model", "choices")),
    (ANSWER, "id", "", False, False),
    (ANSWER, "id", 7, False, False),
    (ANSWER, "model", "", False, False),
    (ANSWER, "model", "m-2024", True, True),
    (ANSWER, "object", "chat.completion.chunk", False, False),
    (ANSWER, "object", "text_completion", False, False),
    (ANSWER, "created", 1_730_000_000.5, False, False),
    (ANSWER, "created", "1730000000", False, False),
    (ANSWER, "choices", [], False, False),
    (ANSWER, "choices", {}, False, False),
    (ANSWER, "extra", {"x": 1}, True, True),
    (ANSWER, "usage", DROP, True, True),
    (ANSWER, "usage", None, True, False),
    (ANSWER, "usage/prompt_tokens", 0, True, False),
    (ANSWER, "usage/prompt_tokens", -1, False, False),
    (ANSWER, "usage/completion_tokens", 0, True, True),
    (ANSWER, "usage/completion_tokens", 1.5, False, False),
    (ANSWER, "usage/total_tokens", DROP, False, False),
    (ANSWER, "usage/completion_tokens_details", DROP, True, True),
    (ANSWER, "usage/completion_tokens_details", None, True, False),
    (ANSWER, "usage/completion_tokens_details", [], False, False),
    (ANSWER, "usage/completion_tokens_details/reasoning_tokens", -1, False, False),
    (ANSWER, "usage/prompt_tokens_details/cached_tokens", "0", False, False),
    (ANSWER, "usage/prompt_tokens_details/cached_tokens", None, True, False),
    (ANSWER, "system_fingerprint", "fp_1", True, True),
    (ANSWER, "system_fingerprint", None, True, True),
    (ANSWER, "system_fingerprint", 7, False, False),
    *((ANSWER, "service_tier", tier, True, True) for tier in ("scale", "default", None)),
    (ANSWER, "service_tier", "bogus", False, False),
    *((ANSWER, f"choices/0/{key}", DROP, False, False) for key in ("finish_reason", "index", "message")),
    (ANSWER, "choices/0/logprobs", DROP, True, False),
    *(
        (ANSWER, "choices/0/finish_reason", reason, True, True)
        for reason in ("length", "tool_calls", "content_filter", "function_call")
    ),
    *((ANSWER, "choices/0/finish_reason", reason, False, False) for reason in (None, "", "eos", "eos_token")),
    (ANSWER, "choices/0/index", -1, False, False),
    (ANSWER, "choices/0/index", "0", False, False),
    (ANSWER, f"{MESSAGE}/role", "user", False, False),
    (ANSWER, f"{MESSAGE}/role", DROP, False, False),
    (ANSWER, f"{MESSAGE}/content", None, True, True),
    (ANSWER, f"{MESSAGE}/content", "", True, True),
    (ANSWER, f"{MESSAGE}/content", DROP, False, False),
    (ANSWER, f"{MESSAGE}/content", [], False, False),
    (ANSWER, f"{MESSAGE}/refusal", DROP, True, False),
    (ANSWER, f"{MESSAGE}/refusal", "no", True, True),
    (ANSWER, f"{MESSAGE}/refusal", 7, False, False),
    (ANSWER, f"{MESSAGE}/reasoning_content", "hm", True, True),
    (ANSWER, f"{MESSAGE}/tool_calls", [], True, True),
    (ANSWER, f"{MESSAGE}/tool_calls", None, True, False),
    (ANSWER, f"{MESSAGE}/tool_calls", {}, False, False),
    (CALLED, "extra", 1, True, True),
    *((CALLED, f"{MESSAGE}/tool_calls/0/{key}", DROP, False, False) for key in ("id", "type", "function")),
    (CALLED, f"{MESSAGE}/tool_calls/0/id", "", False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/type", "custom", False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/name", DROP, False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/arguments", {}, False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/arguments", "{", True, True),
    (ANSWER, f"{MESSAGE}/function_call", {"name": "f", "arguments": "{}"}, True, True),
    (ANSWER, f"{MESSAGE}/function_call", {"name": "f", "arguments": {}}, False, False),
    (ANSWER, f"{MESSAGE}/function_call", None, True, False),
    (ANSWER, f"{MESSAGE}/audio", None, True, True),
    (SPOKEN, "extra", 1, True, True),
    *((SPOKEN, f"{MESSAGE}/audio/{key}", DROP, False, False) for key in ("id", "expires_at", "data", "transcript")),
    (SPOKEN, f"{MESSAGE}/audio/expires_at", 1.5, False, False),
    (LOGGED, "extra", 1, True, True),
    (LOGGED, "choices/0/logprobs/content", DROP, False, False),
    (LOGGED, "choices/0/logprobs/content", None, True, True),
    (LOGGED, "choices/0/logprobs/refusal", DROP, True, False),
    (LOGGED, "choices/0/logprobs", [], False, False),
    *(
        (LOGGED, f"choices/0/logprobs/content/0/{key}", DROP, False, False)
        for key in ("token", "logprob", "bytes", "top_logprobs")
    ),
    (LOGGED, "choices/0/logprobs/content/0/bytes", None, True, True),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [0, 255], True, True),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [256], False, False),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [-1], False, False),
    (LOGGED, "choices/0/logprobs/content/0/logprob", 0, True, True),
    (LOGGED, "choices/0/logprobs/content/0/logprob", -9999.0, True, True),
    (LOGGED, "choices/0/logprobs/content/0/logprob", 0.01, False, False),
    (LOGGED, "choices/0/logprobs/content/0/logprob", None, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", [], True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", None, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", ENTRY["top_logprobs"] * 20, True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", ENTRY["top_logprobs"] * 21, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/logprob", DROP, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/bytes", DROP, True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/bytes", None, True, True),
)

FRAGMENT = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
FRAGMENTS = put(CHUNK, "choices/0/delta", {"tool_calls": [FRAGMENT]})
TOOL = "choices/0/delta/tool_calls/0"
LOGGED_CHUNK = put(CHUNK, "choices/0/logprobs", {"content": [ENTRY], "refusal": None})
CHUNK_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((CHUNK, key, DROP, False, False) for key in ("id", "object", "created", "model", "choices")),
    (CHUNK, "object", "chat.completion", False, False),
    (CHUNK, "object", "", False, False),
    (CHUNK, "id", 7, False, False),
    (CHUNK, "created", 1.5, False, False),
    (CHUNK, "choices", [], True, True),
    (CHUNK, "choices", None, False, False),
    (CHUNK, "usage", None, True, True),
    (CHUNK, "usage", USAGE, True, True),
    (CHUNK, "usage", {}, False, False),
    (CHUNK, "obfuscation", "x", True, True),
    (CHUNK, "system_fingerprint", None, True, True),
    *((CHUNK, "service_tier", tier, True, True) for tier in ("scale", "default", None)),
    (CHUNK, "service_tier", "bogus", False, False),
    (CHUNK, "choices/0/delta", DROP, False, False),
    (CHUNK, "choices/0/delta", None, False, False),
    (CHUNK, "choices/0/delta", {}, True, True),
    (CHUNK, "choices/0/index", DROP, False, False),
    (CHUNK, "choices/0/finish_reason", DROP, True, False),
    *(
        (CHUNK, "choices/0/finish_reason", reason, True, True)
        for reason in ("stop", "length", "tool_calls", "content_filter", "function_call")
    ),
    (CHUNK, "choices/0/finish_reason", "eos", False, False),
    (CHUNK, "choices/0/logprobs", DROP, True, True),
    (CHUNK, "choices/0/delta/role", None, True, False),
    (CHUNK, "choices/0/delta/role", 7, False, False),
    (CHUNK, "choices/0/delta/content", None, True, True),
    (CHUNK, "choices/0/delta/content", 7, False, False),
    (CHUNK, "choices/0/delta/refusal", "no", True, True),
    (CHUNK, "choices/0/delta/tool_calls", None, True, False),
    (CHUNK, "choices/0/delta/function_call", {"arguments": "{"}, True, True),
    (CHUNK, "choices/0/delta/function_call", {"arguments": {}}, False, False),
    (CHUNK, "choices/0/delta/function_call", None, True, False),
    (FRAGMENTS, "extra", 1, True, True),
    (FRAGMENTS, f"{TOOL}/index", DROP, False, False),
    (FRAGMENTS, f"{TOOL}/index", "0", False, False),
    (FRAGMENTS, f"{TOOL}/id", DROP, True, True),
    (FRAGMENTS, f"{TOOL}/id", None, True, False),
    (FRAGMENTS, f"{TOOL}/type", None, True, False),
    (FRAGMENTS, f"{TOOL}/type", "x", False, False),
    (FRAGMENTS, f"{TOOL}/function", {"arguments": "{"}, True, True),
    (FRAGMENTS, f"{TOOL}/function", {"arguments": {}}, False, False),
    (LOGGED_CHUNK, "extra", 1, True, True),
    (LOGGED_CHUNK, "choices/0/logprobs/refusal", DROP, True, False),
    (LOGGED_CHUNK, "choices/0/logprobs/content/0/token", DROP, False, False),
)

ERROR_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    (REFUSAL, "extra", 1, True, True),
    (REFUSAL, "error", DROP, False, False),
    *((REFUSAL, "error", value, False, False) for value in ("too high", None, [], 400)),
    (REFUSAL, "error/message", DROP, False, False),
    (REFUSAL, "error/message", "", False, False),
    (REFUSAL, "error/message", None, False, False),
    (REFUSAL, "error/type", DROP, False, False),
    (REFUSAL, "error/type", None, False, False),
    (REFUSAL, "error/param", DROP, True, False),
    (REFUSAL, "error/param", "messages[0].role", True, True),
    (REFUSAL, "error/param", {}, False, False),
    (REFUSAL, "error/code", DROP, True, False),
    (REFUSAL, "error/code", "invalid_value", True, True),
    (REFUSAL, "error/code", 400, True, False),
    (REFUSAL, "error/code", {}, False, False),
    (REFUSAL, "error/extra", 1, True, True),
)


def edited(edits: tuple[tuple[Any, str, Any, bool, bool], ...]) -> list[Any]:
    rows = []
    for number, (record, path, value, valid, strict) in enumerate(edits):
        shown = "dropped" if value is DROP else json.dumps(value)[:30]
        rows.append(pytest.param(put(record, path, value), valid, strict, id=f"{number} {path} {shown}"))
    return rows


# --- the tests ------------------------------------------------------------------------------------------------


@functools.cache
def validator(name: str, vintage: str = V0) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.load(name, vintage))


def places(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every definition and every property of a schema, the root included."""
    if path == "#":
        yield path, schema
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from places(item, f"{path}/{number}")
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("properties", "patternProperties", "$defs"):
                for name, inner in value.items():
                    yield f"{path}/{key}/{name}", inner
                    yield from places(inner, f"{path}/{key}/{name}")
            elif key not in ("const", "enum"):
                yield from places(value, f"{path}/{key}")


def test_loader_lists_what_there_is() -> None:
    assert schemas.vintages()[:2] == (V0, V1)
    assert schemas.names() == NAMES
    for vintage in schemas.vintages():
        assert schemas.names(vintage) == NAMES


def test_loader_gives_each_caller_its_own_copy() -> None:
    first = schemas.load("request")
    first["properties"].clear()
    assert len(schemas.load("request")["properties"]) == 29


@pytest.mark.parametrize(
    ("name", "vintage", "known"),
    [("requests", "2024-11", "request"), ("../2024-11/request", "2024-11", "request"), ("request", "2023", "2024-11")],
)
def test_loader_names_the_known_ones(name: str, vintage: str, known: str) -> None:
    with pytest.raises(ValueError, match=rf"known are .*{known}") as caught:
        schemas.load(name, vintage)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_is_a_2020_12_schema(vintage: str, name: str) -> None:
    schema = schemas.load(name, vintage)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:chatproof:{vintage}:{name}"
    assert schema["title"].endswith(f", vintage {vintage}")
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_metaschema_in_the_other_validator(vintage: str, name: str) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    assert jsonschema_rs.meta.is_valid(schemas.load(name, vintage))


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_no_key_twice_and_no_reference_out(vintage: str, name: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [key for key, count in Counter(key for key, _ in pairs).items() if count > 1] == []
        return dict(pairs)

    text = resources.files(schemas).joinpath(vintage, f"{name}.json").read_text(encoding="utf-8")
    schema = json.loads(text, object_pairs_hook=once)
    used = set(re.findall(r'"\$ref": "([^"]*)"', text))
    assert used == {f"#/$defs/{key}" for key in schema.get("$defs", {})}


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_every_part_names_its_rows(vintage: str, name: str) -> None:
    """A row of the fact base; what joined later and has none, the section with its date."""
    wanted = r"rows: [a-z]" if vintage == V0 else r"rows: [a-z]|§4: 20\d\d-\d\d-\d\d|§4 "
    for path, part in places(schemas.load(name, vintage)):
        assert re.match(wanted, part.get("$comment", "")), f"{name}{path} names no row"


@pytest.mark.skipif(not FACTS.is_file(), reason="the fact base does not lie beside this checkout")
@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_named_rows_exist(vintage: str, name: str) -> None:
    facts = FACTS.read_text(encoding="utf-8")
    known = set(re.findall(r"^\| ([a-z_0-9A-Z.]+) \|", facts, re.MULTILINE))
    dated = set(re.findall(r"^\| \**(\d{4}-\d\d-\d\d)\** \|", facts, re.MULTILINE))
    prefixes = {row.split(".")[0] for row in known if "." in row}
    for path, part in places(schemas.load(name, vintage)):
        rows = re.findall(r"\b[a-z_]+(?:\.[a-z_0-9]+)+\b", part["$comment"])
        dates = re.findall(r"\b\d{4}-\d\d-\d\d\b", part["$comment"])
        assert rows or dates, f"{name}{path}"
        assert set(dates) <= dated, f"{name}{path}"
        for row in rows:
            wild = row.endswith(".strict") and f"{row}.*" in part["$comment"]
            assert row in known or wild, f"{name}{path}: {row}"
            assert row.split(".")[0] in prefixes


def test_the_29_properties() -> None:
    assert sorted(schemas.load("request")["properties"]) == sorted(PROPERTIES)
    assert len(PROPERTIES) == 29


def test_table_reaches_every_property_from_both_sides() -> None:
    assert len(REQUESTS) >= 120
    assert [key for key, count in Counter(case.id for case in REQUESTS).items() if count > 1] == []
    for name in PROPERTIES:
        assert {case.valid for case in REQUESTS if case.about == name} == {True, False}, name


def check_request(case: Case, vintage: str = V0) -> None:
    """The verdict, and that an error points at the place."""
    errors = list(validator("request", vintage).iter_errors(case.body))
    assert (errors == []) is case.valid, [error.message for error in errors]
    if case.at is not None:
        found = {"/".join(map(str, error.absolute_path)) for error in errors}
        assert case.at in found


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.id)
def test_request(case: Case) -> None:
    check_request(case)


def check_other_validator(cases: tuple[Case, ...], vintage: str = V0) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    other = jsonschema_rs.Draft202012Validator(schemas.load("request", vintage))
    assert [case.id for case in cases if other.is_valid(case.body) is not case.valid] == []
    for case in cases:
        found = {"/".join(map(str, error.instance_path)) for error in other.iter_errors(case.body)}
        assert case.at is None or case.at in found, case.id


def test_both_validators_agree_on_requests() -> None:
    check_other_validator(REQUESTS)


@functools.cache
def other_validator(name: str, vintage: str = V0) -> Any:
    try:
        import jsonschema_rs
    except ModuleNotFoundError:
        return validator(name, vintage)
    return jsonschema_rs.Draft202012Validator(schemas.load(name, vintage))


def judged(name: str, record: Any, vintage: str = V0) -> bool:
    """What both validators say; the second is optional."""
    verdict = validator(name, vintage).is_valid(record)
    assert other_validator(name, vintage).is_valid(record) is verdict
    return verdict


@pytest.mark.parametrize(
    ("name", "record"),
    [("response", ANSWER), ("response", LOGGED), ("response", CALLED), ("chunk", CHUNK), ("error", REFUSAL)],
)
def test_plain_answers_fit_the_letter(name: str, record: Any) -> None:
    assert judged(name, record)
    assert judged(f"{name}-strict", record)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(ANSWER_EDITS))
def test_response(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("response", record), judged("response-strict", record)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(CHUNK_EDITS))
def test_chunk(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("chunk", record), judged("chunk-strict", record)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(ERROR_EDITS))
def test_error(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("error", record), judged("error-strict", record)) == (valid, strict)


# every member there is, once
FULL_LOGPROBS = {"content": [ENTRY], "refusal": [ENTRY]}
FULL_USAGE = {
    **USAGE,
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
}
FULL_HEAD = {"usage": FULL_USAGE, "system_fingerprint": "fp", "service_tier": "default"}
FULL_MESSAGE = {
    "role": "assistant",
    "content": "pong",
    "refusal": "no",
    "tool_calls": [CALL],
    "function_call": CALL["function"],
    "audio": {"id": "a", "expires_at": 1, "data": "AAAA", "transcript": "x"},
}
FULL_DELTA = {
    "role": "assistant",
    "content": "p",
    "refusal": "no",
    "tool_calls": [FRAGMENT],
    "function_call": {"name": "f", "arguments": ""},
}
FULL_CHOICE = {"index": 0, "finish_reason": "stop", "logprobs": FULL_LOGPROBS}
FULL = {
    "response": {**ANSWER, **FULL_HEAD, "choices": [{**FULL_CHOICE, "message": FULL_MESSAGE}]},
    "chunk": {**CHUNK, **FULL_HEAD, "choices": [{**FULL_CHOICE, "delta": FULL_DELTA}]},
    "error": put(put(REFUSAL, "error/param", "n"), "error/code", "invalid_value"),
}
# patterns of the members that may be absent, or null: in both schemas, or in the wider one only
DETAILS = r"usage/\w+_details(/\w+)?"
OPEN = rf"usage|{DETAILS}|system_fingerprint|service_tier"
LOG = r"choices/0/logprobs"
MAY_LACK = {
    "response": (rf"{OPEN}|{MESSAGE}/(tool_calls|function_call|audio)|{LOG}/.*/top_logprobs/0/bytes"),
    "chunk": (rf"{OPEN}|{LOG}|{LOG}/.*/top_logprobs/0/bytes|choices/0/delta/(?!.*/index).*"),
    "error": r"(?!)",
}
MAY_LACK_WIDE = {
    "response": rf"{LOG}|{LOG}/refusal|{MESSAGE}/refusal",
    "chunk": rf"choices/0/finish_reason|{LOG}/refusal",
    "error": r"error/(param|code)",
}
TOKENS = rf"{LOG}|{LOG}/(content|refusal)|{LOG}/.*/bytes"
MAY_BE_NULL = {
    "response": rf"system_fingerprint|service_tier|{TOKENS}|{MESSAGE}/(content|refusal|audio)",
    "chunk": rf"system_fingerprint|service_tier|usage|{TOKENS}|choices/0/(finish_reason|delta/(content|refusal))",
    "error": r"error/(param|code)",
}
MAY_BE_NULL_WIDE = {
    "response": rf"usage|{DETAILS}|{MESSAGE}/(tool_calls|function_call)",
    "chunk": rf"{DETAILS}|choices/0/delta/(?!.*(/index|/0)$).*",
    "error": r"(?!)",
}


def members(record: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    pairs = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in pairs:
        inner = f"{path}/{key}" if path else str(key)
        yield inner, value
        yield from members(value, inner)


@dataclass(frozen=True)
class Freedom:
    """Patterns of the members that may be absent or null: in both schemas, or in the wider one only."""

    lack: dict[str, str]
    lack_wide: dict[str, str]
    null: dict[str, str]
    null_wide: dict[str, str]


FREEDOM = Freedom(MAY_LACK, MAY_LACK_WIDE, MAY_BE_NULL, MAY_BE_NULL_WIDE)


def check_member(full: dict[str, Any], freedom: Freedom, kind: str, path: str, value: Any, vintage: str = V0) -> None:
    """One member of a full answer: what else it may be, and whether it may be absent."""

    def verdicts(new: Any) -> tuple[bool, bool]:
        record = put(full[kind], path, new)
        return judged(kind, record, vintage), judged(f"{kind}-strict", record, vintage)

    assert verdicts(value) == (True, True)
    assert verdicts("x" if isinstance(value, dict | list | int | float) else {}) == (False, False)
    if isinstance(value, int) and not isinstance(value, bool) and not path.endswith(("created", "expires_at")):
        assert verdicts(-1) == (False, False)
        assert verdicts(0.5) == (False, False)
    if not path.endswith("/0"):
        strict = re.fullmatch(freedom.lack[kind], path) is not None
        assert verdicts(DROP) == (strict or re.fullmatch(freedom.lack_wide[kind], path) is not None, strict)
    strict = re.fullmatch(freedom.null[kind], path) is not None
    assert verdicts(None) == (strict or re.fullmatch(freedom.null_wide[kind], path) is not None, strict)


@pytest.mark.parametrize(("kind", "path", "value"), [(kind, *pair) for kind in FULL for pair in members(FULL[kind])])
def test_every_member_of_a_full_answer(kind: str, path: str, value: Any) -> None:
    check_member(FULL, FREEDOM, kind, path, value)


@pytest.mark.parametrize("vintage", [V0, V1])
def test_shared_definitions_are_one(vintage: str) -> None:
    for suffix in ("", "-strict"):
        answer, chunk = (schemas.load(name + suffix, vintage)["$defs"] for name in ("response", "chunk"))
        same = {"TokenLogprob", "TopLogprob", "Logprob", "Bytes", "Moderation", "ModerationVerdict", "ModerationResult"}
        for key in same & answer.keys():
            assert answer[key] == chunk[key]
        for key in ("Logprobs", "Usage"):
            assert answer[key]["properties"] == chunk[key]["properties"]
            assert answer[key]["required"] == chunk[key]["required"]


@pytest.mark.parametrize("name", ["response", "chunk", "error"])
@pytest.mark.parametrize("value", [None, [], "x", 7, {}])
@pytest.mark.parametrize("vintage", [V0, V1])
def test_an_answer_is_an_object_with_members(vintage: str, name: str, value: Any) -> None:
    assert not judged(name, value, vintage)


def test_strict_is_never_wider() -> None:
    rows = (*ANSWER_EDITS, *CHUNK_EDITS, *ERROR_EDITS)
    assert all(valid or not strict for _, _, _, valid, strict in rows)
