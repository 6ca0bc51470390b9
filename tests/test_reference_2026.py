"""The reference server at the vintage 2026-08: what it takes and refuses beside the older one, and what it adds."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx
import pytest
from chatproof.conformance.reference.__main__ import main
from chatproof.conformance.reference.behaviour import Behaviour, Reference, respond
from chatproof.conformance.reference.limits import LIMITS, LIMITS_2026
from chatproof.conformance.reference.serve import start
from chatproof.conformance.reference.validator import CHECKS, CHECKS_2026
from chatproof.conformance.reference.vintages import VINTAGES, vintage
from reference_bodies import (
    ACCEPTED,
    AUDIO,
    COUNT,
    MODEL,
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
from test_reference_http import fetch
from test_reference_replies import ask, assembled, events, unnamed

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


def rules(value: object) -> list[str]:
    return [reason.rule for reason in VINTAGES[V1].reasons(value, models=(MODEL,))]


@pytest.mark.parametrize("name", sorted(NEWLY_ACCEPTED))
def test_what_is_new_has_no_reason(name: str) -> None:
    assert rules(NEWLY_ACCEPTED[name]) == []
    answer = ask(NEWLY_ACCEPTED[name], NEW)
    assert answer.status == 200, answer.blocks


@pytest.mark.parametrize("name", sorted(NEWLY_ACCEPTED.keys() - HARMLESS))
def test_the_older_vintage_goes_on_refusing_it(name: str) -> None:
    assert vintage("2024-11").reasons(NEWLY_ACCEPTED[name])


@pytest.mark.parametrize(
    ("rule", "bad"), NEWLY_REFUSED, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(NEWLY_REFUSED)]
)
def test_one_fault_has_one_reason(rule: str, bad: dict[str, Any]) -> None:
    found = VINTAGES[V1].reasons(bad)
    assert [reason.rule for reason in found] == [rule]
    assert found[0].message
    assert found[0].status == 400
    assert found[0].param is not None
    assert found[0].param.split(".")[0].split("[")[0] in LIMITS_2026.request_keys


def test_the_older_table_holds_but_for_what_flips() -> None:
    for value in ACCEPTED.values():
        assert rules(value) == []
    assert Counter(rule for rule, _ in NOW_ACCEPTED) == {
        "role.developer": 1,
        "service_tier.enum.v0": 1,
        "audio.voice": 1,
    }
    for rule, bad in REFUSED:
        assert rules(bad) == ([] if (rule, bad) in NOW_ACCEPTED else [RENAMED.get(rule, rule)]), (rule, bad)


def test_every_check_of_the_newer_table_is_tried() -> None:
    tried = {rule for rule, _ in (*NEWLY_REFUSED, *REFUSED)} | set(RENAMED.values())
    assert {check.name for check in CHECKS_2026} - {check.name for check in CHECKS} <= tried
    assert {check.name for check in CHECKS} - {check.name for check in CHECKS_2026} == set(RENAMED)


@pytest.mark.parametrize(
    ("bad", "param", "code"),
    [
        (body(reasoning_effort="bogus"), "reasoning_effort", "invalid_value"),
        (body(verbosity=7), "verbosity", "invalid_type"),
        (body(safety_identifier="x" * 65), "safety_identifier", "string_above_max_length"),
        (body(prompt_cache_options={"ttl": "1h"}), "prompt_cache_options.ttl", "invalid_value"),
        (body(web_search_options={"bogus": 1}), "web_search_options.bogus", "unknown_parameter"),
        (body(moderation={}), "moderation.model", "missing_required_parameter"),
        (said({"role": "developer"}, USER), "messages[0].content", "missing_required_parameter"),
        (said({"role": "developer", "content": None}, USER), "messages[0].content", "invalid_type"),
        (body(tools=[{"type": "custom"}]), "tools[0].custom", "missing_required_parameter"),
        (body(tools=[custom(format=grammar(syntax="bnf"))]), "tools[0].custom.format.grammar.syntax", "invalid_value"),
        (body(tools=C, tool_choice={"type": "custom"}), "tool_choice.custom", "missing_required_parameter"),
        (body(tools=C, tool_choice=NAMED), "tool_choice", None),
        (body(tool_choice=NAMED_CUSTOM), "tool_choice", None),
        (parts(file()), "messages[0].content[0].file.file_id", "missing_required_parameter"),
        (body(metadata={"k" * 65: ""}), "metadata." + "k" * 65, "property_name_above_max_length"),
        (body(service_tier="bogus"), "service_tier", "invalid_value"),
        (body(zzz_unknown=1), "zzz_unknown", "unknown_parameter"),
    ],
)  # fmt: skip
def test_refusals_carry_param_and_code(bad: dict[str, Any], param: str, code: str | None) -> None:
    answer = ask(bad, NEW)
    assert answer.status == 400
    error = json.loads(answer.blocks[0])["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)


@pytest.mark.parametrize(
    ("rule", "bad", "older", "newer"),
    [
        ("metadata.pairs.max", body(metadata={f"k{i}": "" for i in range(17)}), "should", "must"),
        ("metadata.key.maxlen", body(metadata={"k" * 65: ""}), "should", "must"),
        ("metadata.value.maxlen", body(metadata={"k": "v" * 513}), "should", "must"),
        ("tools.max", body(tools=[tool(f"f{i}") for i in range(129)]), "must", "should"),
    ],
)
def test_strengths_that_changed(rule: str, bad: dict[str, Any], older: str, newer: str) -> None:
    for name, strength in (("2024-11", older), (V1, newer)):
        (found,) = vintage(name).reasons(bad)
        assert (found.rule, found.strength) == (rule, strength)


# how a vintage is chosen


def test_a_reference_speaks_one_vintage() -> None:
    assert Reference() == Reference(vintage="2024-11")
    assert (Reference().limits, Reference().checks) == (LIMITS, CHECKS)
    assert (NEW.limits, NEW.checks) == (LIMITS_2026, CHECKS_2026)
    wrong = replace(NEW, limits=replace(NEW.limits, safety_identifier_max=65))
    assert wrong.vintage == V1
    assert ask(body(safety_identifier="x" * 65), wrong).status == 200
    lax = Reference(vintage=V1, checks=())
    assert ask(body(verbosity=7), lax).status == 200
    with pytest.raises(ValueError, match="no vintage '2023': known are 2024-11, 2026-08"):
        Reference(vintage="2023")


def test_a_behaviour_keeps_the_plan_of_the_vintage() -> None:
    flat = Behaviour(envelope=lambda reason: {"error": reason.message})
    answer = ask(body(), Reference(vintage=V1, behaviour=flat))
    assert json.loads(answer.blocks[0])["service_tier"] == "default"
    assert "service_tier" not in json.loads(ask(body(), Reference(behaviour=flat)).blocks[0])


def test_both_vintages_side_by_side() -> None:
    variants = {"": Reference(), "/v26": NEW}
    for prefix, status in (("", 400), ("/v26", 200)):
        found = fetch(variants, "POST", f"{prefix}/v1/chat/completions", json=body(verbosity="low"))
        assert found.status_code == status


def test_the_command_line_takes_a_vintage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--vintage", "2023"])
    assert caught.value.code == 2
    assert "2024-11" in capsys.readouterr().err
    with start(vintage=V1) as url, httpx.Client(base_url=url, timeout=20) as client:
        assert client.post("/chat/completions", json=body(verbosity="low")).status_code == 200
        assert client.post("/chat/completions", json=body(verbosity="bogus")).status_code == 400


# what the answers add


def reply(value: dict[str, Any], reference: Reference = NEW) -> dict[str, Any]:
    answer = ask(value, reference)
    assert answer.status == 200, answer.blocks
    return json.loads(answer.blocks[0])


def test_the_shape_of_a_reply() -> None:
    found = reply(body())
    assert set(found) == {
        "id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"
    }  # fmt: skip
    (choice,) = found["choices"]
    assert choice["message"]["annotations"] == []
    assert set(choice["message"]) == {"role", "content", "refusal", "annotations"}
    older = reply(body(), Reference())
    assert older["choices"][0]["message"] == without(choice["message"], "annotations")
    assert "service_tier" not in older


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        (None, "default"), ("auto", "default"), ("default", "default"), ("flex", "flex"), ("fast", "priority"),
        ("priority", "priority"), ("scale", "scale"),
    ],
)  # fmt: skip
def test_the_tier_that_served_is_always_told(asked: str | None, served: str) -> None:
    request = body(service_tier=asked) if asked else body()
    assert reply(request)["service_tier"] == served
    assert {chunk["service_tier"] for chunk in events(request, NEW)} == {served}


def test_metadata_comes_back() -> None:
    assert reply(body(metadata={"k": "v"}))["metadata"] == {"k": "v"}
    assert reply(body(metadata={}))["metadata"] == {}
    assert "metadata" not in reply(body(metadata=None))
    assert "metadata" not in reply(body(metadata={"k": "v"}), Reference())


def test_usage_has_its_newer_details() -> None:
    plain = reply(body())["usage"]
    assert plain["prompt_tokens_details"] == {
        "cached_tokens": 0, "audio_tokens": 0, "image_tokens": 0, "cache_write_tokens": 0,
        "text_tokens": plain["prompt_tokens"],
    }  # fmt: skip
    assert plain["completion_tokens_details"]["text_tokens"] == plain["completion_tokens"]
    seen = reply(parts(TEXT, image(), file(**DATA)))["usage"]
    details = seen["prompt_tokens_details"]
    assert details["image_tokens"] > 0
    assert details["text_tokens"] + details["image_tokens"] + details["audio_tokens"] == seen["prompt_tokens"]
    assert seen["prompt_tokens"] > reply(parts(TEXT, image()))["usage"]["prompt_tokens"]
    spoken = reply(body(modalities=["text", "audio"], audio=AUDIO))["usage"]
    assert spoken["completion_tokens_details"]["text_tokens"] == 0
    assert spoken["completion_tokens_details"]["audio_tokens"] == spoken["completion_tokens"]


def test_a_developer_is_heard_as_the_system() -> None:
    system = {**DEVELOPER, "role": "system"}
    one, two = reply(said(DEVELOPER, USER)), reply(said(system, USER))
    assert one["choices"] == two["choices"]
    assert one["usage"] == two["usage"]
    word = {**DEVELOPER, "content": "Answer in JSON."}
    assert rules(said(word, USER, response_format={"type": "json_object"})) == []


def test_a_search_is_cited() -> None:
    found = reply(body(web_search_options={}, n=2, seed=4))
    for choice in found["choices"]:
        text = choice["message"]["content"]
        (citation,) = choice["message"]["annotations"]
        assert citation["type"] == "url_citation"
        where = citation["url_citation"]
        assert set(where) == {"start_index", "end_index", "url", "title"}
        assert 0 <= where["start_index"] < where["end_index"] == len(text)
    called = reply(body(web_search_options={}, tools=T, tool_choice="required"))
    assert called["choices"][0]["message"]["annotations"] == []
    # the message as it was received is a valid history
    assert reply(said(USER, found["choices"][0]["message"], USER))


def test_moderation_is_told_where_it_was_asked_for() -> None:
    found = reply(body(moderation={"model": "m-1"}))["moderation"]
    assert set(found) == {"input", "output"}
    for side in found.values():
        assert (side["type"], side["model"]) == ("moderation_results", "m-1")
        assert [result["flagged"] for result in side["results"]] == [False]
    assert "moderation" not in reply(body(moderation=None))
    streamed = events(body(moderation={"model": "m-1"}, n=2, stream_options={"include_usage": True}), NEW)
    assert [chunk["moderation"] for chunk in streamed if "moderation" in chunk] == [found]
    assert "moderation" in streamed[-2]
    assert not any("moderation" in chunk for chunk in events(body(), NEW))


# custom tools

OFFER = [tool("get_weather"), custom("note"), custom("other")]


def names(choice: dict[str, Any]) -> list[str]:
    return [made[made["type"]]["name"] for made in choice["message"].get("tool_calls", [])]


@pytest.mark.parametrize(
    ("choice", "text", "wanted", "finish"),
    [
        ("required", "hi", ["get_weather", "note"], "tool_calls"),
        ({"type": "custom", "custom": {"name": "other"}}, "hi", ["other"], "stop"),
        ({"type": "function", "function": {"name": "get_weather"}}, "hi", ["get_weather"], "stop"),
        ("auto", "Use note", ["note"], "tool_calls"),
        ("none", "Use note", [], "stop"),
        (allowed(custom("other")), "hi", [], "stop"),
        (allowed(custom("other")), "Use note", [], "stop"),
        (allowed(custom("other"), custom("note")), "Use note", ["note"], "tool_calls"),
        (allowed(custom("other"), mode="required"), "Use note", ["other"], "tool_calls"),
        (allowed(custom("other"), tool("get_weather"), mode="required"), "hi", ["get_weather", "other"], "tool_calls"),
        (allowed(mode="required"), "hi", [], "stop"),
        (allowed({}, mode="required"), "hi", [], "stop"),
    ],
)
def test_custom_tools_are_called(choice: Any, text: str, wanted: list[str], finish: str) -> None:
    request = said({"role": "user", "content": text}, tools=OFFER, tool_choice=choice)
    found = reply(request)["choices"][0]
    assert names(found) == wanted
    assert found["finish_reason"] == finish
    calls = found["message"].get("tool_calls", [])
    for made in calls:
        if made["type"] == "custom":
            assert set(made) == {"id", "type", "custom"}
            assert set(made["custom"]) == {"name", "input"}
            assert made["custom"]["input"]
        else:
            assert json.loads(made["function"]["arguments"]) == {}
    assert names(reply({**request, "parallel_tool_calls": False})["choices"][0]) == wanted[:1]
    # the message as it was received, with its answers, is a valid history
    answers = [result(made["id"]) for made in calls]
    assert reply(said(*request["messages"], found["message"], *answers, tools=OFFER))


def test_a_custom_call_is_cut_by_the_bound() -> None:
    request = body(tools=C, tool_choice=NAMED_CUSTOM, max_completion_tokens=2)
    found = reply(request)
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["usage"]["completion_tokens"] == 2
    (made,) = found["choices"][0]["message"]["tool_calls"]
    whole = reply({**request, "max_completion_tokens": None})["choices"][0]["message"]["tool_calls"][0]
    assert whole["custom"]["input"].startswith(made["custom"]["input"])


def test_custom_tools_and_calls_are_paid_for() -> None:
    def used(*messages: Any, **more: Any) -> int:
        return reply(said(*messages, **more))["usage"]["prompt_tokens"]

    assert used(USER, tools=C) > used(USER)
    assert used(USER, tools=[custom(description="a long description of it")]) > used(USER, tools=C)
    short, long = (calling(custom_call(text="x" * size)) for size in (1, 100))
    assert used(USER, long, result()) > used(USER, short, result())


# streams

STREAMS: list[dict[str, Any]] = [
    body(),
    said(COUNT, n=3, max_tokens=9, logprobs=True, top_logprobs=3),
    body(tools=OFFER, tool_choice="required", n=2),
    body(tools=OFFER, tool_choice={"type": "custom", "custom": {"name": "note"}}, max_tokens=4),
    body(web_search_options={}, n=2, moderation={"model": "m"}),
    body(modalities=["text", "audio"], audio={**AUDIO, "format": "pcm16", "voice": {"id": "v"}}),
    said(DEVELOPER, USER, service_tier="fast", metadata={"k": "v"}),
]


def whole(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choices put together, with the custom calls and citations that the older form has not."""
    plain = json.loads(json.dumps(chunks))
    inputs: dict[tuple[int, int], str] = {}
    cited: dict[int, list[Any]] = {}
    for chunk in plain:
        for piece in chunk["choices"]:
            cited[piece["index"]] = piece["delta"].pop("annotations", cited.get(piece["index"], []))
            for part in piece["delta"].get("tool_calls", ()):
                if "custom" in part:
                    key = (piece["index"], part["index"])
                    inner = part.pop("custom")
                    inputs[key] = inputs.get(key, "") + inner["input"]
                    assert ("id" in part) == ("name" in inner)
                    part["function"] = {**without(inner, "input"), "arguments": ""}
    choices = assembled(plain)
    for choice in choices:
        choice["message"]["annotations"] = cited[choice["index"]]
        for place, made in enumerate(choice["message"].get("tool_calls", ())):
            if made["type"] == "custom":
                name = made.pop("function")["name"]
                made["custom"] = {"name": name, "input": inputs[choice["index"], place]}
    return choices


@pytest.mark.parametrize("request_body", STREAMS, ids=range(len(STREAMS)))
def test_a_stream_puts_together_the_same_reply(request_body: dict[str, Any]) -> None:
    plain = reply(request_body)
    *spoken, last = events({**request_body, "stream_options": {"include_usage": True}}, NEW)
    assert last["choices"] == []
    assert last["usage"] == plain["usage"]
    assert all(chunk["usage"] is None and len(chunk["choices"]) == 1 for chunk in spoken)
    choices = whole(spoken)
    for choice, other in zip(choices, plain["choices"], strict=True):
        if choice["logprobs"] is None and other["logprobs"] is not None:
            choice["logprobs"] = other["logprobs"]
    assert unnamed(choices) == unnamed(plain["choices"])


def test_pieces_are_obfuscated_unless_it_is_turned_off() -> None:
    one = events(said(COUNT, max_tokens=30), NEW)
    assert all(isinstance(chunk["obfuscation"], str) and chunk["obfuscation"] for chunk in one)
    assert len({chunk["obfuscation"] for chunk in one}) == len(one)
    sizes = {len(json.dumps(chunk["choices"])) + len(chunk["obfuscation"]) for chunk in one}
    assert len(sizes) <= 3
    assert len({len(json.dumps(chunk["choices"])) for chunk in one}) > len(sizes)
    assert all("obfuscation" in chunk for chunk in events(body(stream_options={"include_obfuscation": True}), NEW))
    for options in ({"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}):
        assert not any("obfuscation" in chunk for chunk in events(body(stream_options=options), NEW))
    assert not any("obfuscation" in chunk for chunk in events(body()))
    assert "obfuscation" not in reply(body())


# no accepted body breaks the answer, whatever a weakened validator lets through


def test_a_server_without_checks_answers_everything() -> None:
    for name in VINTAGES:
        lax = Reference(checks=(), vintage=name)
        older = (bad for _, bad in REFUSED) if name == V1 else ()
        for value in (*NEWLY_ACCEPTED.values(), *(bad for _, bad in NEWLY_REFUSED), *older):
            raw = json.dumps(value).replace("Infinity", "1e400").encode()
            for stream in (b"", b', "stream": true'):
                answer = respond(lax, "application/json", raw[:-1] + stream + b"}")
                assert answer.status == 200
                for block in answer.blocks:
                    if block != b"data: [DONE]\n\n":
                        json.loads(block.removeprefix(b"data: "))


def test_refusals_are_the_same_with_stream() -> None:
    for rule, bad in NEWLY_REFUSED:
        if "stream" in bad or rule.startswith(("stream", "audio.format")):
            continue
        plain, streamed = ask(bad, NEW), ask({**bad, "stream": True}, NEW)
        assert plain.status == streamed.status == 400
        assert plain.blocks == streamed.blocks
