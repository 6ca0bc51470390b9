"""Rich bodies and the covering array: rich enough, valid by every coupling, and taken apart into valid bodies."""

from __future__ import annotations

import inspect
import json
import sys
from collections import Counter
from itertools import combinations, product
from random import Random
from typing import Any

import pytest
from chatproof import strategies
from chatproof.conformance.catalogue import load, properties
from chatproof.conformance.exchange import as_request
from chatproof.conformance.plan import draw
from chatproof.conformance.reference.vintages import VINTAGES as REFERENCE
from chatproof.conformance.rules.together import CHAPTER, fit
from chatproof.conformance.vintages import FIRST, VINTAGES
from chatproof.strategies import cut, unmasked
from chatproof.strategies.bodies import MODEL, NULLABLE, bodies, lean, nullable, text_of
from chatproof.strategies.combinations import (
    allowed,
    covering_bodies,
    covering_rows,
    features_of,
    make_rows,
    pairs_in,
    possible_pairs,
    rows_of,
)
from chatproof.strategies.simpler import features, manifold, simpler, without
from hypothesis import Phase, find, settings

LATER = VINTAGES[1]
OFFERED = {gate.capability for gate in load().gates}
LATER_OFFERED = {gate.capability for gate in load(LATER).gates}
EVERYTHING = bodies(images=True, audio=True)
CALM = settings(database=None, deadline=None, max_examples=2000)
UNSHRUNK = settings(CALM, phases=(Phase.generate,))
LATER_BODIES = bodies(vintage=LATER, images=True, audio=True)
OPTIONAL = [name for name in properties() if name not in ("messages", "model")]

# Exclusive keys. All others meet, a prediction with most of them only as null.
NEVER = {
    frozenset(pair)
    for pair in (
        *product(("tools", "tool_choice", "parallel_tool_calls"), ("functions", "function_call")),
        ("max_tokens", "max_completion_tokens"),
        ("audio", "prediction"),
    )
}


@pytest.fixture(scope="module")
def drawn() -> list[dict[str, Any]]:
    return list(draw(bodies(), 1000, 7))


@pytest.fixture(scope="module")
def everything() -> list[dict[str, Any]]:
    return list(draw(EVERYTHING, 300, 3))


def name_of(tool: dict[str, Any]) -> str:
    """The name of a tool, of either type."""
    return tool[tool["type"]]["name"]


def check(body: dict[str, Any], vintage: str = FIRST, room: int = 32) -> None:
    """Everything the prose and the known refusals ask of a body, without the schema."""
    get = body.get
    messages = body["messages"]
    assert set(body) <= set(properties(vintage))
    for key, value in body.items():
        assert value is not None or key in nullable(vintage), key
    assert body["model"] == MODEL
    assert not ("tools" in body and "functions" in body)
    assert not ("max_tokens" in body and "max_completion_tokens" in body)
    for bound in ("max_tokens", "max_completion_tokens"):
        assert bound not in body or 1 <= body[bound] <= room
    assert get("top_logprobs") is None or get("logprobs") is True
    assert get("stream_options") is None or get("stream") is True
    assert get("metadata") is None or get("store") is True
    assert "tools" in body or not {"tool_choice", "parallel_tool_calls"} & set(body)
    assert "functions" in body or "function_call" not in body
    several = (get("n") or 1) > 1
    assert (get("n") or 1) <= 3
    assert not (several and get("temperature") == 0)
    assert get("top_p") != 0
    declared = [name_of(tool) for tool in get("tools", [])] + [item["name"] for item in get("functions", [])]
    assert len({name.lower() for name in declared}) == len(declared)
    choice = get("tool_choice")
    if isinstance(choice, dict):
        chosen = choice["allowed_tools"]["tools"] if choice["type"] == "allowed_tools" else [choice]
        known = [(tool["type"], name_of(tool)) for tool in body["tools"]]
        assert chosen
        assert all((one["type"], name_of(one)) in known for one in chosen)
    if get("reasoning_effort") is not None or get("web_search_options") is not None:
        assert not {"tools", "functions"} & set(body)
    if isinstance(get("function_call"), dict):
        assert body["function_call"]["name"] in declared
    form = get("response_format", {}).get("type")
    if form == "json_object":
        assert any("json" in text_of(message.get("content")).lower() for message in messages)
    spoken = "audio" in (get("modalities") or ())
    assert spoken == (get("audio") is not None)
    if get("prediction") is not None or spoken:
        assert not {"logprobs", "tools", "functions", "max_completion_tokens", "moderation", "verbosity"} & set(body)
        assert not several
        assert (get("frequency_penalty") or 0) <= 0 >= (get("presence_penalty") or 0)
    if spoken:
        assert not {"stream", "prediction", "response_format"} & set(body)
    assert messages[-1]["role"] in ("user", "tool")
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
        else:
            assert not open_calls, "a call was not answered"
        for call in message.get("tool_calls", []):
            assert call["function"]["name"] in declared
            assert "tools" in body
            open_calls.append(call["id"])
        if "function_call" in message or message["role"] == "function":
            assert "functions" in body
    assert not open_calls


def test_random_bodies_differ(drawn: list[dict[str, Any]]) -> None:
    assert len({json.dumps(body, sort_keys=True) for body in drawn}) >= 990


def test_three_hundred_bodies_use_every_property() -> None:
    used = Counter(key for body in draw(bodies(), 300, 0) for key in body)
    assert set(used) == set(properties())
    assert min(used.values()) >= 5


@pytest.fixture(scope="module")
def later() -> list[dict[str, Any]]:
    return list(draw(LATER_BODIES, 300, 3))


def test_a_later_vintage_uses_its_properties_and_keeps_every_coupling(later: list[dict[str, Any]]) -> None:
    used = Counter(key for body in later for key in body)
    assert set(used) == set(properties(LATER))
    assert min(used.values()) >= 5
    for body in later:
        check(body, LATER)
    text = json.dumps(later)
    for word in ('"developer"', '"custom"', '"allowed_tools"', '"flex"', '"include_obfuscation"'):
        if word not in text:  # what few bodies hold is looked for; raises where there is none
            find(LATER_BODIES, lambda body, word=word: word in json.dumps(body), settings=CALM, random=Random(0))
    for key in nullable(LATER) - nullable(FIRST):
        assert any(key in body and body[key] is None for body in later), key


def test_the_oldest_vintage_is_the_default_and_knows_nothing_later() -> None:
    made = draw(bodies(), 100, 5)
    assert made == draw(bodies(vintage=FIRST), 100, 5)
    text = json.dumps([*made, *covering_bodies()])
    assert not [word for word in ('"developer"', '"custom"', "allowed_tools", "flex", "obfuscation") if word in text]


def test_a_vintage_without_an_entry_draws_what_the_one_before_it_has() -> None:
    assert draw(bodies(vintage="2099-01"), 20, 5) == draw(bodies(vintage=LATER), 20, 5)
    assert covering_bodies("2099-01") == covering_bodies(LATER)


def test_every_pair_of_properties_that_may_meet_meets() -> None:
    asked = [*covering_bodies(), *draw(bodies(), 500, 1)]
    met = {frozenset(pair) for body in asked for pair in combinations(body, 2)}
    assert not met & NEVER
    for pair in {frozenset(pair) for pair in combinations(OPTIONAL, 2)} - met - NEVER:
        # what no body happened to hold with this version of Hypothesis is looked for; raises where there is none
        find(bodies(), lambda body, pair=pair: pair <= body.keys(), settings=UNSHRUNK, random=Random(0))


@pytest.mark.parametrize("key", sorted(NULLABLE - {"max_tokens", "max_completion_tokens"}))
def test_nullable_properties_are_null_now_and_then(key: str, drawn: list[dict[str, Any]]) -> None:
    assert any(key in body and body[key] is None for body in drawn)


def test_random_bodies_keep_every_coupling(drawn: list[dict[str, Any]], everything: list[dict[str, Any]]) -> None:
    for body in (*drawn, *everything):
        check(body)


def test_switches_narrow() -> None:
    def used(**switches: Any) -> tuple[set[str], str]:
        made = draw(bodies(**switches), 80, 1)
        return {key for body in made for key in body}, json.dumps(made)

    assert not {"tools", "tool_choice", "parallel_tool_calls"} & used(tools=False)[0]
    assert not {"functions", "function_call"} & used(functions=False)[0]
    assert '"stream": true' not in used(stream=False)[1]
    assert '"type": "text", "text"' not in used(parts=False, images=True)[1]
    assert "image_url" not in used()[1]
    assert "image_url" in used(images=True)[1]
    assert '"voice"' not in used()[1]
    assert '"voice"' in used(audio=True)[1]


def test_bodies_shrink_towards_the_lean_one() -> None:
    assert find(bodies(), lambda body: True, settings=CALM) == lean()
    assert find(bodies(), lambda body: "seed" in body, settings=CALM) == lean(seed=0)


@pytest.mark.parametrize(("vintage", "most"), [(FIRST, 60), (LATER, 90)])
def test_covering_rows_are_few_allowed_and_complete(vintage: str, most: int) -> None:
    rows = covering_rows(vintage)
    assert len(rows) <= most
    assert all(map(allowed, rows))
    assert possible_pairs(features_of(vintage)) <= set().union(*map(pairs_in, rows))


@pytest.mark.slow
def test_covering_rows_are_what_covertable_finds() -> None:
    assert make_rows(features_of(FIRST)) == list(covering_rows())


@pytest.mark.nightly  # half a minute
def test_covering_rows_of_a_later_vintage_are_what_covertable_finds() -> None:
    assert make_rows(features_of(LATER)) == list(covering_rows(LATER))


def test_unmasked_bodies_are_few_allowed_and_complete() -> None:
    rows = rows_of(unmasked.TABLE, unmasked.OPTIONS)
    assert len(unmasked.unmasked_bodies()) <= 30
    assert all(allowed(row, unmasked.RULES) for row in rows)
    possible = possible_pairs(unmasked.OPTIONS, unmasked.RULES)
    assert possible <= set().union(*map(pairs_in, rows))
    assert len(possible - set().union(*map(pairs_in, rows[: unmasked.STREAMED]))) < len(possible) / 15
    assert make_rows(unmasked.OPTIONS, unmasked.RULES) == list(rows)


def test_unmasked_bodies_keep_every_coupling_and_leave_room() -> None:
    for body in unmasked.unmasked_bodies():
        for vintage in VINTAGES:
            check(body, vintage, unmasked.ROOM)
        assert (body.get("max_tokens") or body["max_completion_tokens"]) == unmasked.ROOM
        assert not set(body.get("stop", ())) & {text for message in body["messages"] for text in str(message).split()}


def test_cut_bodies_are_few_allowed_and_nearly_complete() -> None:
    rows = rows_of(cut.TABLE, cut.OPTIONS)
    assert make_rows(cut.OPTIONS, cut.RULES) == list(rows)
    assert all(row["cut"] and row["text"] for row in rows)
    possible = possible_pairs(cut.OPTIONS, cut.RULES)
    assert possible <= set().union(*map(pairs_in, rows))
    assert len(possible - set().union(*map(pairs_in, rows[: cut.ENOUGH]))) <= 1


def test_cut_bodies_keep_every_coupling_and_ask_for_more_than_they_allow() -> None:
    for body in cut.cut_bodies():
        for vintage in VINTAGES:
            check(body, vintage, 64)
        said = [message["content"] for message in body["messages"] if message["role"] == "user"]
        assert all(cut.ENDLESS in str(content) for content in said)


@pytest.mark.parametrize("vintage", VINTAGES)
def test_covering_bodies_keep_every_coupling(vintage: str) -> None:
    for body in covering_bodies(vintage):
        check(body, vintage)


def test_later_bodies_and_what_is_left_of_them_keep_every_coupling(later: list[dict[str, Any]]) -> None:
    for body in (*covering_bodies(LATER), *later[:60]):
        for smaller in simpler(body):
            check(smaller, LATER)


@pytest.mark.parametrize("left_out", sorted(LATER_OFFERED - OFFERED))
def test_fit_removes_what_needs_a_later_capability(left_out: str, later: list[dict[str, Any]]) -> None:
    shows = {
        "developer_role": lambda body: any(said["role"] == "developer" for said in body["messages"]),
        "custom_tools": lambda body: any(tool["type"] == "custom" for tool in body.get("tools", [])),
        "allowed_tools": lambda body: '"allowed_tools"' in json.dumps(body.get("tool_choice")),
    }
    shown = shows.get(left_out, lambda body: left_out in body)
    if left_out == "files":
        pytest.skip("no rich body holds a file")
    assert any(map(shown, later))
    for body in (*covering_bodies(LATER), *later):
        fitted = fit(body, LATER_OFFERED - {left_out})
        if fitted is not None:
            assert not shown(fitted)
            assert shown(body) or fitted == body
            check(fitted, LATER)


def test_drawing_and_covering_leave_shared_values_alone() -> None:
    before = json.dumps(covering_bodies())
    for body in covering_bodies():
        list(simpler(body))
        fit(body, ())
    assert json.dumps(covering_bodies()) == before


def valid() -> Any:
    validator = pytest.importorskip("jsonschema_rs")
    from chatproof.conformance import schemas

    return validator.validator_for(schemas.load("request")).is_valid


def test_bodies_and_what_is_left_of_them_are_valid(everything: list[dict[str, Any]]) -> None:
    is_valid = valid()
    for body in (*covering_bodies(), *everything[:100], *draw(bodies(), 100, 5)):
        assert is_valid(body)
        for smaller in simpler(body):
            assert is_valid(smaller), (body, smaller)
            check(smaller)


def size(body: dict[str, Any]) -> tuple[int, int, int]:
    messages = body["messages"]
    named = sum("name" in message and message["role"] != "function" for message in messages)
    return len(features(body)), len(messages), named + sum(isinstance(row.get("content"), list) for row in messages)


def test_every_step_is_smaller_and_the_last_has_a_single_feature(everything: list[dict[str, Any]]) -> None:
    for start in (*covering_bodies(), *everything[:60]):
        body = start
        while steps := list(simpler(body)):
            assert all(size(step) < size(body) or size(step)[1:] < size(body)[1:] for step in steps)
            assert lean() not in steps
            body = steps[-1]
        assert not manifold(body)


def test_two_guilty_features_are_found() -> None:
    def fails(body: dict[str, Any]) -> bool:
        return body.get("seed") is not None and (body.get("stream_options") or {}).get("include_usage") is True

    for body in filter(fails, covering_bodies()):
        while True:
            body = next(filter(fails, simpler(body)), None) or body
            if not any(map(fails, simpler(body))):
                break
        assert body == lean(seed=body["seed"], stream=True, stream_options={"include_usage": True})


@pytest.mark.parametrize("left_out", sorted(OFFERED))
def test_fit_removes_what_needs_a_capability(left_out: str, everything: list[dict[str, Any]]) -> None:
    shows = {
        "tools": lambda body: "tools" in body or "tool_calls" in json.dumps(body["messages"]),
        "functions": lambda body: "functions" in body or "function_call" in json.dumps(body["messages"]),
        "json_object": lambda body: body.get("response_format") == {"type": "json_object"},
        "json_schema": lambda body: body.get("response_format", {}).get("type") == "json_schema",
        "streaming": lambda body: body.get("stream") is True,
        "stream_usage": lambda body: (body.get("stream_options") or {}).get("include_usage") is True,
        "multiple_choices": lambda body: (body.get("n") or 1) > 1,
        "content_parts": lambda body: any(isinstance(said.get("content"), list) for said in body["messages"]),
        "images": lambda body: "image_url" in json.dumps(body["messages"]),
        "audio_output": lambda body: "audio" in body or "audio" in (body.get("modalities") or ()),
        "forced_tool": lambda body: body.get("tool_choice") not in (None, "none", "auto"),
        "forced_function": lambda body: isinstance(body.get("function_call"), dict),
        "system_role": lambda body: any(said["role"] == "system" for said in body["messages"]),
        "tool_messages": lambda body: any("tool_calls" in said for said in body["messages"]),
        "function_messages": lambda body: any("function_call" in said for said in body["messages"]),
    }
    shown = shows.get(left_out, lambda body: left_out in body)
    if left_out == "audio_input":
        pytest.skip("no rich body holds sound")
    asked = [*covering_bodies(), *everything]
    assert any(map(shown, asked))
    for body in asked:
        fitted = fit(body, OFFERED - {left_out})
        if fitted is not None:
            assert not shown(fitted)
            assert shown(body) or fitted == body
            check(fitted)


def test_fit_needs_two_features() -> None:
    assert fit(lean(), OFFERED) is None
    assert fit(lean(seed=1), OFFERED) is None
    assert fit(lean(stream=True, stream_options={}), OFFERED) is None
    assert fit(lean(seed=1, stop="a"), OFFERED) == lean(seed=1, stop="a")
    assert fit(lean(seed=1, stop="a"), OFFERED - {"stop"}) is None
    assert all(fit(body, OFFERED) == body for body in covering_bodies() if manifold(body))
    assert not any(fit(body, ()) for body in draw(bodies(), 20, 1) if not features(body) & {"system", "turns", "names"})


def test_without_takes_followers_along() -> None:
    body = lean(store=True, metadata={"a": "b"}, seed=1)
    assert without(body, "store") == lean(seed=1)
    assert without(body, "metadata") == lean(store=True, seed=1)


def test_chapter_has_both_kinds_of_bodies() -> None:
    for vintage in VINTAGES:
        pairs, random, asked = (rule for rule in load(vintage).rules if rule.chapter == CHAPTER.name)
        assert pairs.pins == (*covering_bodies(vintage), *unmasked.unmasked_bodies(), *cut.cut_bodies())
        sent = {as_request(pin).content for rule in load(vintage).answers for pin in rule.pins}
        assert {as_request(pin).content for pin in asked.pins} <= sent, "it sends nothing of its own"
        assert not [pin for pin in asked.pins if REFERENCE[vintage].reasons(pin)]
        assert random.examples is not None
        assert pairs.fit is random.fit is fit


def test_public_names_are_documented_functions() -> None:
    for name in strategies.__all__:
        value = getattr(strategies, name)
        assert isinstance(value, str) or inspect.getdoc(value), name
    for name in ("bodies", "conversations", "logit_bias", "tools", "metadata", "functions"):
        assert draw(getattr(strategies, name)(), 3, 0)
    assert sys.modules["chatproof.strategies.tools"].tools is strategies.tools


@pytest.mark.parametrize("role", ["system", "assistant"])
@pytest.mark.parametrize("feature", ["parts", "names"])
def test_what_one_role_alone_bears_is_one_feature(role: str, feature: str) -> None:
    def borne(message: dict[str, Any]) -> bool:
        return isinstance(message.get("content"), list) if feature == "parts" else "name" in message

    def fails(body: dict[str, Any]) -> bool:
        return any(message["role"] == role and borne(message) for message in body["messages"])

    bodies_met = [body for body in covering_bodies() if fails(body)]
    assert bodies_met
    for body in bodies_met:
        while smaller := next((step for step in simpler(body) if fails(step)), None):
            body = smaller
        assert not list(simpler(body)), body
