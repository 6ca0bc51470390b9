"""Bodies for the reference server, of the vintage 2024-11: such as it takes, and such as it refuses for one rule."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference.validator import LIMITS

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
