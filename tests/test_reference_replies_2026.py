"""What the answers of the reference server have in the vintage 2026-08."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chatproof.conformance.reference.behaviour import Reference, respond
from chatproof.conformance.reference.vintages import VINTAGES
from reference_bodies import (
    AUDIO,
    COUNT,
    REFUSED,
    TEXT,
    USER,
    T,
    body,
    calling,
    image,
    parts,
    result,
    said,
    tool,
    without,
)
from reference_bodies_2026 import (
    DATA,
    DEVELOPER,
    NAMED_CUSTOM,
    NEW,
    NEWLY_ACCEPTED,
    NEWLY_REFUSED,
    V1,
    C,
    allowed,
    custom,
    custom_call,
    file,
)
from test_reference_2026 import rules
from test_reference_replies import ask, assembled, events, unnamed


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
