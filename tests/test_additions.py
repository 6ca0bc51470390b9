"""The rules about what later vintages add to answers: each is broken alone, and good answers pass them all."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, AnswerRule, Exchange, Request
from chatproof.conformance.rules.additions import CHAPTER
from chatproof.conformance.rules.gate_effects import called_custom, moderated
from chatproof.conformance.rules.gates import TOOL
from chatproof.strategies.bodies import lean
from chatproof.strategies.custom_tools import allowed, custom, custom_choice
from chatproof.strategies.moderation import moderation
from hypothesis import given, settings
from hypothesis import strategies as st

RULES = [rule for rule in CHAPTER.rules if isinstance(rule, AnswerRule)]
NOTE = custom()
OTHER = {"type": "function", "function": {"name": "get_time"}}
CUSTOM = {"id": "call_1", "type": "custom", "custom": {"name": "note", "input": "Buy milk."}}
CALL = {"id": "call_2", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
CITATION = {
    "type": "url_citation",
    "url_citation": {"url": "https://example.org", "title": "News", "start_index": 0, "end_index": 3},
}
RESULT = {
    "type": "moderation_result",
    "model": "m",
    "flagged": False,
    "categories": {"violence": False},
    "category_scores": {"violence": 0.01},
    "category_applied_input_types": {"violence": ["text"]},
}
FOUND = {
    "input": {"type": "moderation_results", "model": "m", "results": [RESULT]},
    "output": {"type": "error", "code": "unavailable", "message": "no"},
}

FORCED = lean(tools=[TOOL, NOTE], tool_choice=custom_choice(), max_tokens=64)
FREE = lean(tools=[TOOL, NOTE], max_tokens=64)
SOME = lean(tools=[TOOL, OTHER, NOTE], tool_choice=allowed(TOOL, NOTE), max_tokens=64)
MUST = lean(tools=[TOOL, OTHER], tool_choice=allowed(TOOL, mode="required"), max_tokens=64)
MODERATED = lean(moderation=moderation())


def completion(**members: Any) -> dict[str, Any]:
    """A good answer of the vintage, with all that it may add."""
    message = {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": [deepcopy(CITATION)]}
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 12,
        "prompt_tokens_details": {"text_tokens": 9, "image_tokens": 0, "cache_write_tokens": 9, "cached_tokens": 0},
        "completion_tokens_details": {"text_tokens": 3, "reasoning_tokens": 0},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_760_000_000,
        "model": "m",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage,
        "service_tier": "default",
        "metadata": {"topic": "test"},
        "moderation": deepcopy(FOUND),
        **members,
    }


def calling(*calls: Any, finish: str = "stop") -> dict[str, Any]:
    whole = completion()
    whole["choices"][0]["message"] |= {"content": None, "tool_calls": list(deepcopy(calls))}
    whole["choices"][0]["finish_reason"] = finish
    return whole


def made(body: Any, value: Any) -> Exchange:
    kind = (("content-type", "application/json"),)
    return Exchange(Request(body=body), Answer(200, kind, json.dumps(value).encode()))


def streamed(options: Any, *chunks: Any) -> Exchange:
    body = lean(stream=True) | ({"stream_options": options} if options is not None else {})
    text = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"
    return Exchange(Request(body=body), Answer(200, (("content-type", "text/event-stream"),), text.encode()))


def chunk(**members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "m"}
    return {**head, "choices": [choice], **members}


def piece(call: Any) -> dict[str, Any]:
    """A chunk with a fragment of a call."""
    choice = {"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}
    return chunk(choices=[choice])


def speaking(exchange: Exchange) -> list[str]:
    return [rule.id for rule in RULES if rule.applies(exchange) and rule.check(exchange)]


def put(whole: Any, *path: Any, value: Any = None) -> Any:
    """The value with a member replaced, or taken out where no value is given."""
    at = whole
    for step in path[:-1]:
        at = at[step]
    if value is GONE:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return whole


GONE = object()
MESSAGE = ("choices", 0, "message")
CITED = (*MESSAGE, "annotations", 0)
CALLED = (*MESSAGE, "tool_calls", 0)
SIDE = ("moderation", "input")
ONE = (*SIDE, "results", 0)

GOOD = {
    "everything": made(lean(), completion()),
    "nothing": made(lean(), put(completion(metadata=None, moderation=None), *MESSAGE, "annotations", value=[])),
    "null annotations": made(lean(), put(completion(), *MESSAGE, "annotations")),
    "a forced custom call": made(FORCED, calling(CUSTOM)),
    "a custom call cut": made(FORCED, calling(finish="length")),
    "a free custom call": made(FREE, calling(CUSTOM, CALL, finish="tool_calls")),
    "allowed calls": made(SOME, calling(CUSTOM, CALL, finish="tool_calls")),
    "no call": made(SOME, completion()),
    "a demanded call": made(MUST, calling(CALL)),
    "moderation": made(MODERATED, completion()),
    "a tier that is sent": made(lean(service_tier="fast"), completion(service_tier="priority")),
    "obfuscation": streamed(None, chunk(obfuscation="a8Kd"), chunk(service_tier=None)),
    "no obfuscation": streamed({"include_obfuscation": False}, chunk(), chunk(obfuscation=None)),
    "obfuscation that was asked for": streamed({"include_obfuscation": True}, chunk(obfuscation="x")),
    "a streamed custom call": streamed(
        None,
        piece({"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "note", "input": ""}}),
        piece({"index": 0, "custom": {"input": "Buy milk."}}),
    ),
    "thinking": made(lean(), put(completion(), *MESSAGE, "reasoning_content", value="Let me think.")),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_answers_pass(name: str) -> None:
    assert speaking(GOOD[name]) == []


BAD = {
    "res.toolcalls.custom": [
        made(FORCED, put(calling(CUSTOM), *CALLED, "custom", "input", value={"text": "Buy milk."})),
        made(FREE, put(calling(CUSTOM, finish="tool_calls"), *CALLED, "custom", "input", value=GONE)),
    ],
    "res.toolcalls.custom.name": [made(FREE, put(calling(CUSTOM), *CALLED, "custom", "name", value="sketch"))],
    "ef.choice.custom": [made(FORCED, calling(CALL)), made(FORCED, completion())],
    "ef.choice.allowed": [
        made(SOME, calling({**CALL, "function": {"name": "get_time", "arguments": "{}"}})),
        made(lean(tools=[TOOL, NOTE], tool_choice=allowed(TOOL)), calling(CUSTOM)),
    ],
    "ef.choice.allowed.required": [made(MUST, completion())],
    "res.annotations": [
        made(lean(), put(completion(), *MESSAGE, "annotations", value={})),
        made(lean(), put(completion(), *MESSAGE, "annotations", value=["https://example.org"])),
    ],
    "res.annotations.type": [made(lean(), put(completion(), *CITED, value={"type": "file", "file": {}}))],
    "res.annotations.citation": [
        made(lean(), put(completion(), *CITED, "url_citation", value="https://example.org")),
        *(
            made(lean(), put(completion(), *CITED, "url_citation", name, value=GONE))
            for name in ("url", "title", "start_index", "end_index")
        ),
        made(lean(), put(completion(), *CITED, "url_citation", "end_index", value=1.5)),
    ],
    "res.metadata": [made(lean(), completion(metadata=[])), made(lean(), completion(metadata={"a": 1}))],
    "res.tier.sent": [made(lean(), put(completion(), "service_tier", value=GONE))],
    "res.moderation.presence": [
        made(MODERATED, put(completion(), "moderation", value=GONE)),
        made(MODERATED, completion(moderation=None)),
    ],
    "res.moderation": [
        made(lean(), completion(moderation=[])),
        made(lean(), put(completion(), "moderation", "output", value=GONE)),
    ],
    "res.moderation.side": [
        made(lean(), put(completion(), *SIDE, "type", value="results")),
        made(lean(), put(completion(), *SIDE, "results", value=GONE)),
        made(lean(), put(completion(), "moderation", "output", "code", value=7)),
    ],
    "res.moderation.result": [
        made(lean(), put(completion(), *ONE, "flagged", value="no")),
        made(lean(), put(completion(), *ONE, "categories", value={"violence": 0})),
        made(lean(), put(completion(), *ONE, "category_scores", value=GONE)),
        made(lean(), put(completion(), *ONE, "category_applied_input_types", value={"violence": "text"})),
    ],
    "res.usage.details.later": [
        made(lean(), put(completion(), "usage", "prompt_tokens_details", "text_tokens", value="9")),
        made(lean(), put(completion(), "usage", "prompt_tokens_details", "cache_write_tokens", value=-1)),
    ],
    "res.usage.details.later.fit": [
        made(lean(), put(completion(), "usage", "prompt_tokens_details", "image_tokens", value=10)),
        made(lean(), put(completion(), "usage", "completion_tokens_details", "text_tokens", value=4)),
    ],
    "sse.obfuscation": [streamed(None, chunk(obfuscation=7))],
    "sse.obfuscation.off": [streamed({"include_obfuscation": False}, chunk(), chunk(obfuscation="a8Kd"))],
    "sse.tool.custom": [
        streamed(None, piece({"index": 0, "id": "call_1", "type": "custom", "custom": custom}))
        for custom in ("Buy milk.", {"name": "note", "input": {}})
    ],
}


@pytest.mark.parametrize(("rule", "exchange"), [(rule, one) for rule, found in BAD.items() for one in found])
def test_a_fault_is_told_by_its_rule_alone(rule: str, exchange: Exchange) -> None:
    assert speaking(exchange) == [rule]


def test_every_rule_is_broken_once() -> None:
    assert {rule.id for rule in RULES} == set(BAD)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats(allow_nan=False) | st.sampled_from(["", "custom"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(RESULT)), inner, max_size=2),
    max_leaves=4,
)
_PATHS = (
    ("choices",),
    MESSAGE,
    (*MESSAGE, "annotations"),
    CITED,
    (*CITED, "url_citation"),
    ("usage",),
    ("usage", "prompt_tokens_details"),
    ("moderation",),
    SIDE,
    (*SIDE, "results"),
    ONE,
    CALLED,
    (*CALLED, "custom"),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_PATHS), _json, st.sampled_from((FORCED, FREE, SOME, MUST, MODERATED)))
def test_no_answer_confuses_the_rules(path: tuple[Any, ...], value: Any, body: Any) -> None:
    whole = put(calling(CUSTOM), *path, value=value)
    exchange = made(body, whole)
    for rule in RULES:
        if rule.applies(exchange):
            assert "\n" not in (rule.check(exchange) or "")


def test_gates_see_their_effect() -> None:
    def answer(value: Any) -> Answer:
        found = made(lean(), value).answer
        assert found is not None
        return found

    assert called_custom(answer(calling(CUSTOM))) is True
    assert called_custom(answer(calling(CALL))) is False
    assert called_custom(answer(completion())) is False
    assert called_custom(answer(calling(finish="length"))) is None
    assert called_custom(answer([])) is None
    assert moderated(answer(completion())) is True
    assert moderated(answer(completion(moderation=None))) is None


def test_types_of_calls_that_were_declared_are_right_in_either_vintage() -> None:
    for vintage in ("2024-11", "2026-08"):
        rule = load(vintage).find("res.toolcalls.type")
        assert isinstance(rule, AnswerRule)
        assert rule.check(made(FREE, calling(CUSTOM))) is None
        assert rule.check(made(lean(tools=[TOOL]), calling(CUSTOM))) is not None
