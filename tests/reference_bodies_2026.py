"""Bodies for the reference server that the vintage 2026-08 judges otherwise than 2024-11."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.limits import LIMITS, LIMITS_2026
from reference_bodies import (
    AUDIO,
    REFUSED,
    TEXT,
    USER,
    T,
    body,
    call,
    calling,
    image,
    parts,
    result,
    said,
    tool,
    without,
)

V1 = "2026-08"
NEW = Reference(vintage=V1)


def custom(name: Any = "c", **members: Any) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **members}}


def grammar(**members: Any) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {"definition": "[a-z]+", "syntax": "regex", **members}}


def allowed(*tools: Any, mode: Any = "auto") -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


def custom_call(ident: Any = "c1", name: Any = "c", text: Any = "any text") -> dict[str, Any]:
    return {"id": ident, "type": "custom", "custom": {"name": name, "input": text}}


def file(**members: Any) -> dict[str, Any]:
    return {"type": "file", "file": members}


def located(**members: Any) -> dict[str, Any]:
    return {"user_location": {"type": "approximate", "approximate": {"city": "Amsterdam"}, **members}}


DEVELOPER = {"role": "developer", "content": "Be brief."}
DATA = {"file_data": "data:text/plain;base64,aGk=", "filename": "a.txt"}
C = [custom()]
BOTH = [tool(), custom()]
NAMED_CUSTOM = {"type": "custom", "custom": {"name": "c"}}
NAMED = {"type": "function", "function": {"name": "f"}}
FULL_MODERATION = {"model": "m", "policy": {"input": {"mode": "score"}, "output": {"mode": "block"}}}

# all of these are refused at the older vintage, but for those in HARMLESS
NEWLY_ACCEPTED: dict[str, dict[str, Any]] = {
    **{f"effort {value}": body(reasoning_effort=value) for value in LIMITS_2026.efforts},
    **{f"verbosity {value}": body(verbosity=value) for value in LIMITS_2026.verbosities},
    "safety identifier 64": body(safety_identifier="é" * 64),
    "safety identifier empty": body(safety_identifier=""),
    "cache key": body(prompt_cache_key="k" * 300),
    **{f"retention {value}": body(prompt_cache_retention=value) for value in LIMITS_2026.retentions},
    "cache options": body(prompt_cache_options={"mode": "explicit", "ttl": "30m"}),
    "cache options empty": body(prompt_cache_options={"mode": None}),
    "search": body(web_search_options={}),
    "search located": body(web_search_options={"search_context_size": "low", **located()}),
    "search nowhere": body(web_search_options={"user_location": None, "search_context_size": None}),
    "search somewhere": body(web_search_options=located(approximate={"country": None})),
    "moderation": body(moderation={"model": "m"}),
    "moderation policies": body(moderation=FULL_MODERATION),
    "moderation without policy": body(moderation={"model": "m", "policy": {"input": None}}),
    **{f"{key} null": body(**{key: None}) for key in sorted(LIMITS_2026.request_keys - LIMITS.request_keys)},
    "developer": said(DEVELOPER, USER),
    "developer parts": said({"role": "developer", "content": [TEXT], "name": "boss"}, USER),
    "developer alone": said(DEVELOPER),
    "file by id": parts(file(file_id="file-1")),
    "file by data": parts(TEXT, file(**DATA, file_id=None)),
    **{f"tier {value}": body(service_tier=value) for value in ("flex", "scale", "priority", "fast")},
    "obfuscation off": body(stream=True, stream_options={"include_obfuscation": False}),
    "obfuscation null": body(stream=True, stream_options={"include_obfuscation": None, "include_usage": True}),
    "custom tool": body(tools=C),
    "custom tool described": body(tools=[custom(description="d", format={"type": "text"})]),
    "custom tool grammar": body(tools=[custom(format=grammar()), custom("d", format=grammar(syntax="lark"))]),
    "custom tool of any name": body(tools=[custom("a b.c")]),
    "custom and function": body(tools=BOTH, tool_choice="required"),
    "custom chosen": body(tools=BOTH, tool_choice=NAMED_CUSTOM),
    "function chosen": body(tools=BOTH, tool_choice=NAMED),
    "allowed": body(tools=BOTH, tool_choice=allowed(NAMED, NAMED_CUSTOM)),
    "allowed required": body(tools=T, tool_choice=allowed(NAMED, mode="required")),
    "allowed none": body(tools=T, tool_choice=allowed()),
    "custom call in a history": said(USER, calling(custom_call()), result(), tools=C),
    "both calls in a history": said(USER, calling(custom_call(), call("c2")), result("c2"), result(), USER),
    "audio aac": body(audio={**AUDIO, "format": "aac"}),
    "audio other voice": body(modalities=["text", "audio"], audio={**AUDIO, "voice": "marin"}),
    "audio own voice": body(audio={**AUDIO, "voice": {"id": "voice_1"}}),
}  # fmt: skip
HARMLESS = {"obfuscation null"}

# the rules of the older table that say something else now, or nothing
NOW_ACCEPTED = [
    (rule, bad)
    for rule, bad in REFUSED
    if rule == "role.developer"
    or bad.get("service_tier") == "flex"
    or (bad.get("audio") or {}) == {**AUDIO, "voice": "bogus"}
]
RENAMED = {"service_tier.enum.v0": "service_tier.enum.later"}

NEWLY_REFUSED: list[tuple[str, dict[str, Any]]] = [
    *[(f"{key}.type", body(**{key: value})) for value in (7, True, [], {})
      for key in ("reasoning_effort", "verbosity", "prompt_cache_retention", "safety_identifier", "prompt_cache_key")],
    *[(f"{key}.enum", body(**{key: value})) for value in ("bogus", "", "LOW")
      for key in ("reasoning_effort", "verbosity", "prompt_cache_retention")],
    ("safety_identifier.maxlen", body(safety_identifier="x" * 65)),
    *[(f"{key}.type", body(**{key: value})) for value in (7, True, [], "x")
      for key in ("prompt_cache_options", "web_search_options", "moderation")],
    *[("prompt_cache_options.mode", body(prompt_cache_options={"mode": value})) for value in ("bogus", 7)],
    *[("prompt_cache_options.ttl", body(prompt_cache_options={"ttl": value})) for value in ("1h", 30)],
    *[("web_search_options.size", body(web_search_options={"search_context_size": value})) for value in ("xl", 7)],
    *[("web_search_options.location", body(web_search_options={"user_location": value})) for value in (
        "here", {"type": "approximate"}, {"approximate": {}})],
    *[("web_search_options.location", body(web_search_options=located(**members))) for members in (
        {"type": "exact"}, {"type": None}, {"approximate": "NL"}, {"approximate": {"city": 7}})],
    *[("moderation.model", body(moderation=value)) for value in ({}, {"model": 7}, {"model": None})],
    *[("moderation.policy", body(moderation={"model": "m", "policy": value})) for value in (
        "block", {"input": "block"}, {"output": {}}, {"output": {"mode": "bogus"}}, {"input": {"mode": 7}})],
    *[("http.key.unknown.nested", bad) for bad in (
        body(stream=True, stream_options={"bogus": 1}), body(prompt_cache_options={"bogus": 1}),
        body(web_search_options={"bogus": 1}), body(web_search_options=located(bogus=1)),
        body(web_search_options=located(approximate={"bogus": "x"})), body(moderation={"model": "m", "bogus": 1}),
        body(moderation={"model": "m", "policy": {"bogus": None}}),
        body(moderation={"model": "m", "policy": {"input": {"mode": "score", "bogus": 1}}}),
        body(audio={**AUDIO, "voice": {"id": "v", "bogus": 1}}),
        body(tools=[custom(format={"type": "text", "bogus": 1})]),
        body(tools=[custom(format={**grammar(), "bogus": 1})]),
        body(tools=C, tool_choice={**NAMED_CUSTOM, "bogus": 1}),
        body(tools=C, tool_choice={"type": "custom", "custom": {"name": "c", "bogus": 1}}),
        body(tools=T, tool_choice={**allowed(NAMED), "bogus": 1}))],
    *[("stream_options.obfuscation.type", body(stream=True, stream_options={"include_obfuscation": value}))
      for value in ("yes", 1)],
    *[("content.developer.required", said(bad, USER)) for bad in (
        without(DEVELOPER, "content"), {**DEVELOPER, "content": None})],
    ("content.type", said({**DEVELOPER, "content": 7}, USER)),
    ("part.image.role", parts(image(), role="developer")),
    ("part.refusal", parts({"type": "refusal", "refusal": "no"}, role="developer")),
    *[("part.type.enum", parts(file(**DATA), role=role)) for role in ("system", "developer", "assistant")],
    *[("part.file", parts(bad)) for bad in (
        {"type": "file"}, {"type": "file", "file": "file-1"}, file(), file(filename="a.txt"), file(file_data="aGk="),
        file(file_id=7), file(**DATA, file_id=7), file(**{**DATA, "filename": 7}))],
    *[("tool.type", body(tools=[bad])) for bad in (
        {"type": "bogus", "function": {"name": "f"}}, {"type": "bogus", "custom": {"name": "c"}},
        {"custom": {"name": "c"}}, {**custom(), "type": 7})],
    *[("tool.custom.required", body(tools=[{"type": "custom", **more}])) for more in (
        {}, {"custom": "c"}, {"function": {"name": "f"}})],
    *[("custom.name.required", body(tools=[{"type": "custom", "custom": bad}])) for bad in ({}, {"name": 7})],
    ("custom.description.type", body(tools=[custom(description=7)])),
    *[("custom.format", body(tools=[custom(format=bad)])) for bad in (
        "text", {}, {"type": "bogus"}, {"type": 7}, {"type": ["text"]}, {"type": "grammar"},
        {"type": "grammar", "grammar": "a"}, grammar(syntax="bnf"), grammar(syntax=7), grammar(definition=7),
        without(grammar(), "grammar", "syntax"), without(grammar(), "grammar", "definition"))],
    ("tool.function.required", body(tools=[{"type": "function", "custom": {"name": "c"}}])),
    *[("tool_choice.named.shape", body(tools=BOTH, tool_choice=bad)) for bad in (
        {"type": "custom"}, {"type": "custom", "custom": "c"}, {"type": "custom", "custom": {}},
        {"type": "custom", "custom": {"name": 7}}, {"type": "custom", "name": "c"}, {"type": "allowed_tools"},
        {"type": "allowed_tools", "allowed_tools": [NAMED]}, {"type": "bogus", "function": {"name": "f"}},
        {"type": "bogus", "custom": {"name": "c"}}, {"custom": {"name": "c"}}, without(allowed(NAMED), "type"))],
    *[("tool_choice.allowed.shape", body(tools=T, tool_choice={**allowed(), "allowed_tools": bad})) for bad in (
        {"mode": "auto"}, {"tools": [NAMED]}, {"mode": "none", "tools": [NAMED]}, {"mode": 7, "tools": [NAMED]},
        {"mode": "auto", "tools": "f"}, {"mode": "auto", "tools": ["f"]})],
    *[("tool_choice.named.exists", body(tools=tools, tool_choice=choice)) for tools, choice in (
        (T, {"type": "custom", "custom": {"name": "f"}}), (C, {"type": "function", "function": {"name": "c"}}),
        (T, allowed(NAMED_CUSTOM)), (BOTH, allowed(NAMED, {"type": "function", "function": {"name": "other"}})))],
    *[("tool_choice.needs.tools", body(tool_choice=choice)) for choice in (NAMED_CUSTOM, allowed(NAMED))],
    *[("toolcall.shape", said(USER, calling(without(custom_call(), *path)), result()))
      for path in (("id",), ("type",), ("custom",), ("custom", "name"), ("custom", "input"))],
    ("toolcall.shape", said(USER, calling(custom_call(text={})), result())),
    ("toolcall.shape", said(USER, calling({**custom_call(), "type": "function"}), result())),
    ("toolcall.id.maxlen", said(USER, calling(custom_call("i" * 41)), result("i" * 41))),
    ("toolcalls.answered", said(USER, calling(custom_call(), call("c2")), result("c2"), USER)),
    ("functions.history", said(USER, calling(custom_call()), result(), functions=[{"name": "f"}])),
    *[("audio.voice", body(audio={**AUDIO, "voice": value})) for value in (7, [], {}, {"id": 7}, None)],
    ("audio.format", body(modalities=["audio"], audio={**AUDIO, "format": "aac"}, stream=True)),
]  # fmt: skip
