"""Bodies for the schemas of requests, of the vintage 2024-11: each says which place is at fault, or that none is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
