"""Valid bodies together: the merged ones are valid, and a refusal of the whole blames nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import servers
from chatproof.conformance.bearers import COMBINED_RULE
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import ALONE, Settings, joinable
from chatproof.conformance.joint import COUPLED, LABEL, LARGEST, combination, groups, probes, request_of
from chatproof.conformance.model import Request, Symptom
from chatproof.conformance.plan import Case, cases
from chatproof.conformance.reference.validator import reasons
from chatproof.conformance.results import Verdict
from chatproof.conformance.vintages import VINTAGES
from chatproof.strategies.bodies import lean
from chatproof.strategies.in_one import families, in_one
from chatproof.strategies.messages import assistant, assistant_calls, system, tool_call, tool_reply, user
from chatproof.strategies.tools import tool
from test_campaign import Serve, fire, rule

CATALOGUE = load()
LISTED = cases(CATALOGUE, CATALOGUE.rules, Settings(depth="smoke"))
GROUPS = groups(LISTED)


def test_every_case_is_in_one_group_in_the_order_of_the_list() -> None:
    assert sorted(case.order for group in GROUPS for case in group.cases) == [case.order for case in LISTED]
    assert [group.cases[0].order for group in GROUPS] == sorted(group.cases[0].order for group in GROUPS)


def test_all_valid_bodies_are_asked() -> None:
    for one in CATALOGUE.rules:
        if joinable(one) and one.chapter not in ("http", *ALONE):
            asked = [case.request for case in LISTED if case.rule is one]
            assert len(asked) >= len([pin for pin in one.pins if not isinstance(pin, Request)])


def test_only_what_must_be_accepted_is_merged_and_the_whole_is_valid() -> None:
    merged = [group for group in GROUPS if len(group.cases) > 1]
    assert sum(len(group.cases) for group in merged) > 10 * len(merged) > 200
    for group in merged:
        assert all(joinable(case.rule) for case in group.cases)
        body = request_of(group).body
        assert reasons(body) == []
        assert len(request_of(group).content) <= LARGEST
        most = max(len(families(case.request.body)) for case in group.cases)
        assert len(families(body)) <= max(1, most)
        for pair in (pair for pair in COUPLED if pair <= body.keys()):  # one of the bodies had it by itself
            assert any(pair <= case.request.body.keys() for case in group.cases)


def test_the_whole_says_what_each_says() -> None:
    for group in (group for group in GROUPS if len(group.cases) > 1):
        whole = request_of(group).body
        for case in group.cases:
            said = {name: value for name, value in case.request.body.items() if lean().get(name) != value}
            for name, value in said.items():
                assert (
                    within(value, whole[name]) if name in ("messages", "tools", "functions") else whole[name] == value
                )


def test_the_combination_of_a_group_is_valid_and_has_its_options() -> None:
    combined = [(group, body) for group in GROUPS if (body := combination(group))]
    assert len(combined) > 12
    for group, body in combined:
        assert reasons(body) == []
        assert body.keys() == {name for name, value in request_of(group).body.items() if value is not None}
        for name in ("messages", "tools", "functions"):
            of_one = [case.request.body.get(name) for case in group.cases]
            assert body.get(name) in [*of_one, lean().get(name)]


def test_what_is_refused_as_one_is_asked_as_a_combination(serve: Serve) -> None:
    """Of two properties that fail together, and not alone: the rule about combinations says so, and no other."""
    combined = replace(asked("x")[0], id=COMBINED_RULE, pins=(), fit=lambda body, offered: body)
    rows = [*asked("seed", "stop"), combined]

    def both(request: servers.Received) -> bool:
        return request.is_chat and None not in (request.value("seed"), request.value("stop"))

    found = fire(serve(picky(both)), rows, depth="smoke")
    assert [name for name, result in found.items() if result.finding] == [COMBINED_RULE]
    found = fire(serve(picky(lambda request: request.value("seed") == 2)), rows, depth="smoke")
    assert [name for name, result in found.items() if result.finding] == ["seed.y.accepts"]
    found = fire(serve(servers.agreeable), rows, depth="smoke")
    assert not any(result.finding for result in found.values())


@pytest.mark.parametrize("vintage", VINTAGES)
def test_no_combination_holds_what_guides_keep_apart(vintage: str) -> None:
    rules = load(vintage)
    for group in groups(cases(rules, rules.rules, Settings(depth="smoke", vintage=vintage))):
        body = combination(group) or {}
        for name in ("reasoning_effort", "web_search_options"):
            assert name not in body or body.keys().isdisjoint(("tools", "functions"))


@pytest.mark.parametrize(
    "odd",
    [
        {"messages": []},
        {"messages": [{}]},
        {"messages": [{"role": "user", "content": [{}]}]},
        {"messages": "Say hi."},
        {"messages": None},
        {"messages": [user(), {"role": "assistant", "tool_calls": [{}]}]},
        {"messages": [user(), {"role": "assistant", "tool_calls": 7}]},
        {"messages": [user()], "tools": [{"type": "search"}]},
        {"messages": [user()], "tools": [{"type": ["function"]}, 7]},
        {"messages": [user()], "functions": {"name": "f"}},
    ],
)
def test_what_others_write_is_left_as_it_is(odd: dict[str, Any]) -> None:
    strange = rule("odd", pins=({"model": "m", **odd},))
    listed = [
        Case(one, Request(pin), False, (0, 0, place, 0))
        for place, one in enumerate([*asked("n"), strange])
        for pin in one.pins
    ]
    assert [len(group.cases) for group in groups(listed) if group.cases[0].rule is strange] == [1]


def within(some: list[Any], whole: list[Any]) -> bool:
    """Whether these stand in the whole in their order, whatever calls and tools are named."""

    def nameless(value: Any) -> Any:
        if isinstance(value, list):
            return [nameless(one) for one in value]
        if isinstance(value, dict):
            return {key: nameless(one) for key, one in value.items() if key not in ("id", "tool_call_id", "name")}
        return value

    rest = iter(map(nameless, whole))
    return all(nameless(one) in rest for one in some)


TALK = lean(messages=[user("Hello."), assistant("Hi."), user()])
INSTRUCTED = lean(messages=[system(), user()])
CALLED = lean(messages=[user(), assistant_calls(tool_call(1)), tool_reply(1)], tools=[tool()])


def test_conversations_follow_each_other() -> None:
    both = in_one(TALK, INSTRUCTED)
    assert both is not None
    roles = [row["role"] for row in both["messages"]]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert in_one(INSTRUCTED, lean(messages=[system("Be kind."), user()])) is None
    assert in_one(TALK, lean(messages=[assistant(), user()])) is None


def test_calls_of_two_conversations_have_ids_of_their_own() -> None:
    both = in_one(CALLED, CALLED | {"messages": [*CALLED["messages"], assistant("Sunny."), user()]})
    assert both is not None
    calls = [call["id"] for row in both["messages"] for call in row.get("tool_calls", ())]
    answered = [row["tool_call_id"] for row in both["messages"] if row["role"] == "tool"]
    assert calls == answered
    assert len(set(calls)) == 2
    assert both["messages"][-1]["role"] == "tool"  # what ends otherwise than with the user comes last
    assert reasons(both) == []


def test_tools_of_one_name_get_others_unless_they_are_called() -> None:
    plain, other = lean(tools=[tool()]), lean(tools=[tool(description="Another one.")])
    both = in_one(plain, other)
    assert both is not None
    assert [one["function"]["name"] for one in both["tools"]] == ["get_weather", "get_weather_2"]
    assert in_one(plain, other | {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}) is None
    assert in_one(plain, plain) == plain
    full = lean(tools=[tool(f"f{number}") for number in range(128)])
    assert in_one(plain, full) is None  # one more than there may be


def test_probes_without_effect_are_one_request() -> None:
    ((found, body), (rest, other)) = probes(CATALOGUE.gates)
    assert len(found) > 8
    assert reasons(body) == []
    assert all(gate.effect is None for gate in found)
    assert all(gate.optional for gate in rest)
    assert not any(gate.optional for gate in found)
    assert reasons(other) == []
    assert probes([*found[:1], *rest[:1]]) == []


def picky(test: servers.Test) -> servers.Behaviour:
    return servers.on(test, servers.refuses(), servers.agreeable)


def asked(*names: str) -> list[Any]:
    return [rule(name, pins=(lean(**{name: 1}), lean(**{name: 2}))) for name in names]


def test_together_they_are_few_requests(serve: Serve) -> None:
    server = serve(servers.agreeable)
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    assert len({str(body) for body in server.bodies} - {str({**lean(), "model": servers.MODEL})}) == 2


def test_a_second_pin_that_is_refused_is_found_and_nothing_else(serve: Serve) -> None:
    server = serve(picky(lambda request: request.is_chat and request.value("top_p") == 2))
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {name: result.verdict.value for name, result in found.items()} == {
        "seed.y.accepts": "passed",
        "top_p.y.accepts": "failed",
        "stop.y.accepts": "passed",
    }
    finding = found["top_p.y.accepts"].finding
    assert finding is not None
    assert finding.symptom is Symptom.REFUSED_VALID
    assert {name for name in finding.request.body if name not in lean()} == {"top_p"}


@pytest.mark.parametrize("special", [servers.refuses(), servers.refuses(500), servers.resets])
def test_a_server_that_takes_no_whole_is_blamed_for_nothing(serve: Serve, special: servers.Behaviour) -> None:
    def rich(request: servers.Received) -> bool:
        return request.is_chat and isinstance(request.body, dict) and len(request.body) > len(lean()) + 1

    server = serve(servers.on(rich, special, servers.agreeable))
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}


def test_the_label_is_no_rule() -> None:
    assert LABEL not in CATALOGUE.by_id
