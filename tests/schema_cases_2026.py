"""Cases for the schemas of the vintage 2026-08: what it changes of those of 2024-11."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from schema_answers import ANSWER, CALLED, CHUNK, DROP, FRAGMENT, MESSAGE, TOOL, put
from schema_requests import NOT_STRING, REQUESTS, USER, Case, bad, body, ok, without
from test_schemas import FREEDOM, FULL, Freedom

NEWER = [
    "moderation",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "verbosity",
    "web_search_options",
]
NULLABLE = [
    "moderation",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "verbosity",
]

# what the newer vintage says of the older cases: the place of the error, or None for valid now
FLIPPED: dict[str, str | None] = {
    "metadata: 17 pairs (prose later)": "metadata",
    "metadata: long key and value (prose later)": "metadata",
    'service_tier: "flex"': None,
    "audio: voice bogus": None,
    "tools: 129": None,
    "messages: user part file": None,
}

# --- the request table ----------------------------------------------------------------------------------------


def strings(name: str, *allowed: str, wrong: tuple[str, ...] = ("bogus", "")) -> Iterator[Case]:
    """A string out of a set: every member, other strings, other types."""
    for value in allowed:
        yield ok(name, value, **{name: value})
    for value in (*wrong, *NOT_STRING):
        yield bad(name, json.dumps(value), **{name: value})


def newer() -> Iterator[Case]:
    for name in NEWER:
        contested = "" if name in NULLABLE else " (contested)"
        yield ok(name, f"null{contested}", **{name: None})
    efforts = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    yield from strings("reasoning_effort", *efforts, wrong=("bogus", "", "HIGH"))
    yield from strings("verbosity", "low", "medium", "high", wrong=("bogus", "", "max"))
    yield from strings("prompt_cache_retention", "in_memory", "24h", wrong=("bogus", "", "30m"))
    for name in ("safety_identifier", "prompt_cache_key"):
        for value in ("", "x", "x" * 64, "é" * 64):
            yield ok(name, f"{len(value)} of {value[:1]}", **{name: value})
        for value in NOT_STRING:
            yield bad(name, f"type {json.dumps(value)}", **{name: value})
    for value in ("x" * 65, "é" * 65):
        yield bad("safety_identifier", f"65 of {value[0]}", safety_identifier=value)
    yield ok("prompt_cache_key", "long", prompt_cache_key="x" * 1000)

    def option(name: str, value: Any, at: str | None = None) -> Case:
        where = name if at == "" else f"{name}/{at}" if at else None
        return Case(name, json.dumps(value), body(**{name: value}), where)

    for name in ("prompt_cache_options", "web_search_options", "moderation"):
        wrong: tuple[Any, ...] = ([], "x", 7, True)
        for value in wrong:
            yield bad(name, f"type {json.dumps(value)}", **{name: value})
    for value in ({}, {"mode": "implicit"}, {"mode": "explicit", "ttl": "30m"}, {"mode": None, "ttl": None}, {"x": 1}):
        yield option("prompt_cache_options", value)
    for value in ("bogus", 7, ""):
        yield option("prompt_cache_options", {"mode": value}, "mode")
    for value in ("1h", 30, ""):
        yield option("prompt_cache_options", {"ttl": value}, "ttl")

    place = {"country": "NL", "region": "NH", "city": "Amsterdam", "timezone": "Europe/Amsterdam"}
    where = {"type": "approximate", "approximate": place}
    for size in ("low", "medium", "high", None):
        yield option("web_search_options", {"search_context_size": size})
    for size in ("bogus", 7, ""):
        yield option("web_search_options", {"search_context_size": size}, "search_context_size")
    for value in ({}, {"user_location": None}, {"user_location": where}, {"user_location": {**where, "x": 1}}):
        yield option("web_search_options", value)
    yield option("web_search_options", {"user_location": {**where, "approximate": {}}})
    for value in ("here", [], {}, without("type", where), without("approximate", where)):
        yield option("web_search_options", {"user_location": value}, "user_location")
    for value in ("exact", None):
        yield option("web_search_options", {"user_location": {**where, "type": value}}, "user_location/type")
    for value in ("NL", None, []):
        odd = {"user_location": {**where, "approximate": value}}
        yield option("web_search_options", odd, "user_location/approximate")
    for key in place:
        odd = {"user_location": {**where, "approximate": {**place, key: 7}}}
        yield option("web_search_options", odd, f"user_location/approximate/{key}")
        yield option("web_search_options", {"user_location": {**where, "approximate": {**place, key: None}}})

    model = {"model": "m"}
    for value in (model, {**model, "policy": None}, {**model, "policy": {}}, {**model, "x": 1}):
        yield option("moderation", value)
    for mode in ("score", "block"):
        yield option("moderation", {**model, "policy": {"input": {"mode": mode}, "output": {"mode": mode}}})
    yield option("moderation", {**model, "policy": {"input": None, "output": None}})
    for value in ({}, {"policy": {}}):
        yield option("moderation", value, "")
    for value in (7, None):
        yield option("moderation", {"model": value}, "model")
    for value in ("block", [], 7):
        yield option("moderation", {**model, "policy": value}, "policy")
    for side in ("input", "output"):
        for value in ("block", [], {}):
            yield option("moderation", {**model, "policy": {side: value}}, f"policy/{side}")
        for value in ("bogus", None, 7):
            yield option("moderation", {**model, "policy": {side: {"mode": value}}}, f"policy/{side}/mode")


def wider() -> Iterator[Case]:
    """Older properties that take more, or say more, than they did."""
    for value in ("flex", "scale", "priority", "fast"):
        yield ok("service_tier", f"{value} (later)", service_tier=value)
    for value in (True, False, None):
        options = {"include_obfuscation": value}
        yield ok("stream_options", f"obfuscation {json.dumps(value)}", stream=True, stream_options=options)
    for value in ("yes", 1):
        yield bad(
            "stream_options",
            f"obfuscation {json.dumps(value)}",
            at="stream_options/include_obfuscation",
            stream=True,
            stream_options={"include_obfuscation": value},
        )
    yield ok("metadata", "16 pairs", metadata={f"k{key}": "v" for key in range(16)})
    yield ok("metadata", "longest key and value", metadata={"k" * 64: "v" * 512})
    yield bad("metadata", "long key", metadata={"k" * 65: "v"})
    yield bad("metadata", "long value", at="metadata/k", metadata={"k": "v" * 513})
    audio = {"voice": "alloy", "format": "wav"}
    for voice in ("marin", "cedar", "fable", "nova", "onyx", {"id": "voice_1"}, {"id": "voice_1", "x": 1}):
        yield ok("audio", f"voice {json.dumps(voice)}", audio={**audio, "voice": voice})
    for voice in (7, [], {}, True):
        yield bad("audio", f"voice {json.dumps(voice)}", at="audio/voice", audio={**audio, "voice": voice})
    for value in (7, None):
        yield bad("audio", f"voice id {value}", at="audio/voice/id", audio={**audio, "voice": {"id": value}})
    yield ok("audio", "format aac", audio={**audio, "format": "aac"})


def custom() -> Iterator[Case]:
    """Custom tools, the choices about them, and their calls in a history."""
    tool = {"type": "custom", "custom": {"name": "c"}}
    function = {"type": "function", "function": {"name": "f"}}
    grammar = {"definition": "start: /a+/", "syntax": "lark"}

    def inner(valid: bool, what: str, value: Any, at: str = "") -> Case:
        place = "tools/1/custom" + at
        return Case(
            "tools", f"custom {what}", body(tools=[function, {**tool, "custom": value}]), None if valid else place
        )

    yield inner(True, "smallest", {"name": "c"})
    yield inner(True, "free name (no row bounds it)", {"name": "a b.c"})
    yield inner(True, "unknown key", {"name": "c", "x": 1})
    for value in ("text", None):
        yield inner(True, f"description {value}", {"name": "c", "description": value})
    yield inner(False, "description 7", {"name": "c", "description": 7}, "/description")
    for value in (None, {"type": "text"}, {"type": "grammar", "grammar": grammar}, {"type": "text", "x": 1}):
        yield inner(True, f"format {json.dumps(value)}", {"name": "c", "format": value})
    yield inner(True, "regex", {"name": "c", "format": {"type": "grammar", "grammar": {**grammar, "syntax": "regex"}}})
    for value in ("text", [], {}, {"type": "grammar"}):
        yield inner(False, f"format {json.dumps(value)}", {"name": "c", "format": value}, "/format")
    for value in ("bogus", 7, None):
        yield inner(False, f"format type {json.dumps(value)}", {"name": "c", "format": {"type": value}}, "/format/type")
    for value in ("a", None, {}, without("syntax", grammar), without("definition", grammar)):
        odd = {"name": "c", "format": {"type": "grammar", "grammar": value}}
        yield inner(False, f"grammar {json.dumps(value)}", odd, "/format/grammar")
    for key, value in (("syntax", "bnf"), ("syntax", 7), ("definition", 7), ("definition", None)):
        odd = {"name": "c", "format": {"type": "grammar", "grammar": {**grammar, key: value}}}
        yield inner(False, f"grammar {key} {json.dumps(value)}", odd, f"/format/grammar/{key}")
    for value in ("c", None, [], {}):
        yield inner(False, json.dumps(value), value)
    for value in (7, None):
        yield inner(False, f"name {value}", {"name": value}, "/name")
    yield ok("tools", "custom and function", tools=[tool, function])
    yield bad("tools", "custom without custom", at="tools/0", tools=[{"type": "custom", "function": {"name": "f"}}])
    yield bad("tools", "function with custom", at="tools/0", tools=[{"type": "function", "custom": {"name": "f"}}])
    yield bad("tools", "custom no type", at="tools/0", tools=[without("type", tool)])

    named = {"type": "custom", "custom": {"name": "c"}}
    yield ok("tool_choice", "custom", tools=[tool], tool_choice=named)
    for value in (without("custom", named), {**named, "custom": "c"}, {**named, "custom": {}}):
        place = "tool_choice/custom" if "custom" in value else "tool_choice"
        yield bad("tool_choice", f"custom {json.dumps(value)}", at=place, tools=[tool], tool_choice=value)
    odd = {**named, "custom": {"name": 7}}
    yield bad("tool_choice", "custom name 7", at="tool_choice/custom/name", tools=[tool], tool_choice=odd)
    yield bad("tool_choice", "custom with function", tools=[function], tool_choice={**function, "type": "custom"})

    def allowed(valid: bool, what: str, value: Any, at: str = "") -> Case:
        choice = {"type": "allowed_tools", "allowed_tools": value}
        place = None if valid else "tool_choice/allowed_tools" + at
        return Case("tool_choice", f"allowed {what}", body(tools=[function, tool], tool_choice=choice), place)

    both = {"mode": "auto", "tools": [function, named]}
    yield allowed(True, "both", both)
    yield allowed(True, "required", {**both, "mode": "required"})
    yield allowed(True, "none of them", {**both, "tools": []})
    yield allowed(True, "entry of unknown shape", {**both, "tools": [{}]})
    for key in both:
        yield allowed(False, f"no {key}", without(key, both))
    for value in ("none", "", 7, None):
        yield allowed(False, f"mode {json.dumps(value)}", {**both, "mode": value}, "/mode")
    for value in ("f", {}, None):
        yield allowed(False, f"tools {json.dumps(value)}", {**both, "tools": value}, "/tools")
    for value in ("f", 7, None, []):
        yield allowed(False, f"entry {json.dumps(value)}", {**both, "tools": [value]}, "/tools/0")
    yield allowed(False, "list", [function])
    yield bad("tool_choice", "allowed flat", tools=[function], tool_choice={"type": "allowed_tools", **both})

    call = {"id": "c1", "type": "custom", "custom": {"name": "c", "input": "any text"}}

    def called(valid: bool, what: str, value: Any, at: str = "") -> Case:
        message = {"role": "assistant", "tool_calls": [value]}
        place = None if valid else "messages/1/tool_calls/0" + at
        return Case("messages", f"custom call {what}", body(messages=[USER, message]), place)

    yield called(True, "whole", call)
    yield called(True, "empty input", {**call, "custom": {"name": "c", "input": ""}})
    for key in call:
        yield called(False, f"no {key}", without(key, call))
    for key in ("name", "input"):
        yield called(False, f"no {key}", {**call, "custom": without(key, call["custom"])}, "/custom")
        yield called(False, f"{key} 7", {**call, "custom": {**call["custom"], key: 7}}, f"/custom/{key}")
    yield called(False, "with arguments", {**call, "custom": {"name": "c", "arguments": "{}"}}, "/custom")
    yield called(False, "named function", {**call, "type": "function"})


def talk() -> Iterator[Case]:
    """File parts, and the developer."""
    text = {"type": "text", "text": "x"}

    def file(valid: bool, what: str, value: Any, at: str = "", role: str = "user") -> Case:
        message = {"role": role, "content": [text, {"type": "file", "file": value}]}
        place = None if valid else "messages/0/content/1" + at
        return Case("messages", f"{role} file {what}", body(messages=[message, USER]), place)

    data = {"file_data": "data:text/plain;base64,aGk=", "filename": "a.txt"}
    for value in ({"file_id": "file-1"}, data, {**data, "file_id": None}, {**data, "x": 1}, {}):
        yield file(True, json.dumps(value), value)
    for key in ("file_id", "file_data", "filename"):
        yield file(False, f"{key} 7", {**data, key: 7}, f"/file/{key}")
    for value in ("file-1", [], None):
        yield file(False, json.dumps(value), value, "/file")
    for role in ("system", "developer", "assistant"):
        yield file(False, "part", data, "/type", role)
    part = {"type": "file"}
    message = {"role": "user", "content": [part]}
    yield Case("messages", "user file absent", body(messages=[message]), "messages/0/content/0")
    rules = {"role": "developer", "content": "Be brief."}
    yield ok("messages", "developer first", messages=[rules, USER])
    cached = {**text, "prompt_cache_breakpoint": {"mode": "explicit"}}
    yield ok("messages", "part with a cache breakpoint", messages=[{"role": "user", "content": [cached]}])


KEPT = tuple(case for case in REQUESTS if case.id not in FLIPPED)
TURNED = tuple(replace(case, at=FLIPPED[case.id]) for case in REQUESTS if case.id in FLIPPED)
REQUESTS_2026 = (*KEPT, *TURNED, *newer(), *wider(), *custom(), *talk())

# --- the answer tables ----------------------------------------------------------------------------------------

CITED = {
    "type": "url_citation",
    "url_citation": {"start_index": 0, "end_index": 4, "url": "https://example.com/", "title": "Example"},
}
ANNOTATED = put(ANSWER, f"{MESSAGE}/annotations", [CITED])
CUSTOM_CALL = {"id": "c1", "type": "custom", "custom": {"name": "c", "input": "any text"}}
CUSTOM_CALLED = put(CALLED, f"{MESSAGE}/tool_calls/0", CUSTOM_CALL)
JUDGED = {
    "type": "moderation_result",
    "model": "m",
    "flagged": False,
    "categories": {"hate": False},
    "category_scores": {"hate": 0.01},
    "category_applied_input_types": {"hate": ["text"]},
}
RESULTS = {"type": "moderation_results", "model": "m", "results": [JUDGED]}
FAILED = {"type": "error", "code": "server_error", "message": "no verdict"}
MODERATED = put(ANSWER, "moderation", {"input": RESULTS, "output": FAILED})
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
CITATION = f"{MESSAGE}/annotations/0/url_citation"
CUSTOM = f"{MESSAGE}/tool_calls/0/custom"

MODERATION_EDITS: tuple[tuple[str, Any, bool, bool], ...] = (
    ("moderation", None, True, True),
    ("moderation", DROP, True, True),
    ("moderation", [], False, False),
    *((f"moderation/{key}", DROP, False, False) for key in ("input", "output")),
    *((f"moderation/{key}", None, False, False) for key in ("input", "output")),
    ("moderation/input/type", "bogus", False, False),
    *((f"moderation/input/{key}", DROP, False, False) for key in RESULTS),
    *((f"moderation/output/{key}", DROP, False, False) for key in FAILED),
    ("moderation/input/results", [], True, True),
    *((f"moderation/input/results/0/{key}", DROP, False, False) for key in JUDGED),
    ("moderation/input/results/0/flagged", 0, False, False),
    ("moderation/input/results/0/categories/hate", 0.5, False, False),
    ("moderation/input/results/0/category_scores/hate", False, False, False),
    ("moderation/input/results/0/category_applied_input_types/hate", ["audio"], False, False),
)
# (record, path, value, valid, valid by the letter)
NEW_ANSWERS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((ANSWER, "service_tier", tier, True, True) for tier in TIERS),
    (ANSWER, "service_tier", "", False, False),
    (ANSWER, "metadata", {"k": "v"}, True, True),
    (ANSWER, "metadata", None, True, True),
    (ANSWER, "metadata", {"k": 7}, False, False),
    (ANSWER, "metadata", [], False, False),
    (ANSWER, f"{MESSAGE}/annotations", [], True, True),
    (ANSWER, f"{MESSAGE}/annotations", None, True, False),
    (ANSWER, f"{MESSAGE}/annotations", {}, False, False),
    (ANNOTATED, "extra", 1, True, True),
    *((ANNOTATED, f"{MESSAGE}/annotations/0/{key}", DROP, False, False) for key in CITED),
    *((ANNOTATED, f"{CITATION}/{key}", DROP, False, False) for key in CITED["url_citation"]),
    (ANNOTATED, f"{MESSAGE}/annotations/0/type", "file_citation", False, False),
    (ANNOTATED, f"{CITATION}/start_index", -1, False, False),
    (ANNOTATED, f"{CITATION}/end_index", 1.5, False, False),
    (CUSTOM_CALLED, "extra", 1, True, True),
    *((CUSTOM_CALLED, f"{MESSAGE}/tool_calls/0/{key}", DROP, False, False) for key in CUSTOM_CALL),
    *((CUSTOM_CALLED, f"{CUSTOM}/{key}", DROP, False, False) for key in ("name", "input")),
    *((CUSTOM_CALLED, f"{CUSTOM}/{key}", {}, False, False) for key in ("name", "input")),
    (CUSTOM_CALLED, f"{MESSAGE}/tool_calls/0/type", "function", False, False),
    *((MODERATED, path, value, valid, strict) for path, value, valid, strict in MODERATION_EDITS),
)
CUSTOM_FRAGMENT = {"index": 0, "id": "c1", "type": "custom", "custom": {"name": "c", "input": ""}}
CUSTOM_FRAGMENTS = put(CHUNK, "choices/0/delta", {"tool_calls": [CUSTOM_FRAGMENT]})
MODERATED_CHUNK = put(CHUNK, "moderation", MODERATED["moderation"])
NEW_CHUNKS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((CHUNK, "service_tier", tier, True, True) for tier in TIERS),
    (CHUNK, "obfuscation", "", True, True),
    (CHUNK, "obfuscation", None, True, False),
    (CHUNK, "obfuscation", 7, False, False),
    *((CHUNK, "choices/0/delta/role", role, True, True) for role in ("developer", "system", "user", "tool")),
    (CHUNK, "choices/0/delta/role", "bogus", True, False),
    (CUSTOM_FRAGMENTS, f"{TOOL}/custom/extra", 1, True, True),
    (CUSTOM_FRAGMENTS, f"{TOOL}/custom", {"input": "x"}, True, True),
    (CUSTOM_FRAGMENTS, f"{TOOL}/custom", {"input": 7}, False, False),
    (CUSTOM_FRAGMENTS, f"{TOOL}/custom", None, True, False),
    (CUSTOM_FRAGMENTS, f"{TOOL}/index", DROP, False, False),
    *((MODERATED_CHUNK, path, value, valid, strict) for path, value, valid, strict in MODERATION_EDITS),
)

# every member there is, once
DETAILED = put(
    put(FULL["response"]["usage"], "completion_tokens_details/text_tokens", 1),
    "prompt_tokens_details",
    {"audio_tokens": 0, "cached_tokens": 0, "text_tokens": 3, "image_tokens": 0, "cache_write_tokens": 0},
)
HEAD = {"usage": DETAILED, "service_tier": "priority", "moderation": {"input": RESULTS, "output": FAILED}}
FULL_2026 = {
    "response": put(
        {**FULL["response"], **HEAD, "metadata": {"k": "v"}},
        f"{MESSAGE}/annotations",
        [CITED],
    ),
    "chunk": put(
        {**FULL["chunk"], **HEAD, "obfuscation": "x"},
        "choices/0/delta/tool_calls/0",
        {**FRAGMENT, "custom": {"name": "c", "input": ""}},
    ),
    "error": FULL["error"],
}
MAPS = r"moderation/input/results/0/(categories|category_scores|category_applied_input_types)/hate"
FREEDOM_2026 = Freedom(
    lack={
        "response": rf"{FREEDOM.lack['response']}|metadata|metadata/k|moderation|{MAPS}|{MESSAGE}/annotations",
        "chunk": rf"{FREEDOM.lack['chunk']}|obfuscation|moderation|{MAPS}",
        "error": FREEDOM.lack["error"],
    },
    lack_wide=FREEDOM.lack_wide,
    null={
        "response": rf"{FREEDOM.null['response']}|metadata|moderation",
        "chunk": rf"{FREEDOM.null['chunk']}|moderation",
        "error": FREEDOM.null["error"],
    },
    null_wide={
        "response": rf"{FREEDOM.null_wide['response']}|{MESSAGE}/annotations",
        "chunk": rf"{FREEDOM.null_wide['chunk']}|obfuscation",
        "error": FREEDOM.null_wide["error"],
    },
)
