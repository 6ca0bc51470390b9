"""Invalid bodies beside valid properties: they stay invalid, and what a server overlooks there is blamed once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.bearers import ADDED_RULE, STREAM_RULE
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import DEPTHS, Settings
from chatproof.conformance.in_company import GUESTS, SUSPECTS, in_company, welcome
from chatproof.conformance.model import Expect, RequestRule, Strength
from chatproof.conformance.plan import Case, accompanied, example_cases, pin_cases
from chatproof.conformance.reference import vintages as reference
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.faults import Check, Reason
from chatproof.conformance.vintages import FIRST, VINTAGES
from chatproof.strategies.company import COMPANY, NULLS, STREAMED, company
from chatproof.strategies.surroundings import SURROUNDING, TURNS, filled, surrounded
from chatproof.strategies.tools import tool
from mutants.relations_common import unchecked_when
from mutants.requests_making import stumbling
from serving import asked, served

MODEL = "chatproof-model"
ELSEWHERE = ["presence_penalty.max.refuses", "top_p.max.refuses", "messages.type.refuses", "user.type.refuses"]
GATES = ["gate.tools", "gate.streaming", "gate.stop", "gate.seed"]
"""What is offered is known of what is asked."""


def refusing(vintage: str) -> list[RequestRule]:
    return [
        rule
        for rule in load(vintage).rules
        if rule.expect is Expect.REFUSE and rule.strength is Strength.MUST and not rule.risky
    ]


def companied(rule: RequestRule, chosen: Settings) -> list[Case]:
    found: list[Case] = []
    for drawn, cases in ((False, pin_cases(rule, 0, chosen)), (True, example_cases(rule, 0, chosen))):
        found += in_company(rule, cases, GUESTS, chosen, drawn=drawn)
    return [case for case in found if case.alone is not None]


def reasons(body: object, vintage: str) -> list[str]:
    return [reason.rule for reason in reference.vintage(vintage).reasons(body, models=(MODEL,))]


@pytest.mark.parametrize("vintage", VINTAGES)
@pytest.mark.parametrize("depth", ["smoke", "default"])
def test_company_changes_nothing_about_the_fault(vintage: str, depth: str) -> None:
    seen = 0
    for rule in refusing(vintage):
        for seed in range(3):
            for case in companied(rule, Settings(vintage=vintage, depth=depth, seed=seed)):
                assert case.alone is not None
                assert reasons(case.request.body, vintage) == reasons(case.alone.body, vintage), case.request.body
                seen += 1
    assert seen > 90


def test_company_alone_is_valid() -> None:
    everything = dict(COMPANY.values())
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Say hi."}], **everything}
    assert [reasons(body, vintage) for vintage in VINTAGES] == [[]] * len(VINTAGES)
    assert set(COMPANY) <= {gate.capability for gate in load(FIRST).gates}


def test_only_what_is_offered_comes_along() -> None:
    body = {"temperature": 3}
    assert company(body, "temperature", frozenset({"seed", STREAMED}), streamed=True) == {"seed": 7, "stream": True}
    assert company(body, "temperature", frozenset({"seed", STREAMED}), streamed=False) == {"seed": 7}
    assert company({"top_logprobs": 1}, "top_logprobs", frozenset({"logprobs"}), streamed=True) == {}


@pytest.mark.parametrize("offered", [GUESTS, {TURNS}, {TURNS, "tool_messages"}, {TURNS, "system_role"}])
@pytest.mark.parametrize("tool_last", [True, False])
def test_a_longer_conversation_is_valid_by_itself(offered: set[str], tool_last: bool) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Say hi."}]}
    tools = {"tools": [tool()]} if "tool_messages" in offered else {}
    odd = [{"role": "user"}, {"role": "assistant", "content": None}, {"role": "system", "content": None}]
    for core in ([odd[0]], [body["messages"][0], odd[1]], [odd[2], body["messages"][0]]):
        talk = surrounded({**body, "messages": core}, "messages", offered, tool_last=tool_last)
        assert talk
        assert len(talk) > 9
        assert all(reasons({**body, **tools, "messages": talk}, vintage) for vintage in VINTAGES)
        mended = filled(talk, core)
        assert [reasons({**body, **tools, "messages": mended}, vintage) for vintage in VINTAGES] == [[], []]
        assert [row["role"] for row in mended if row["role"] in ("user", "assistant")][-2:] == ["assistant", "user"]
    talk = surrounded(body, "n", offered, tool_last=tool_last)
    assert talk
    assert len(talk) > 9
    assert [reasons({**body, **tools, "messages": talk}, vintage) for vintage in VINTAGES] == [[], []]
    assert (talk[-1]["role"] == "tool") is (tool_last and "tool_messages" in offered)
    assert surrounded(body, "n", offered - {TURNS}, tool_last=tool_last) is None


@pytest.mark.parametrize("role", ["tool", "system"])
def test_what_is_overlooked_in_a_longer_conversation_is_found_with_little_of_it(role: str) -> None:
    server = unchecked_when(lambda body: f"'role': '{role}'" in str(body.get("messages")), "presence_penalty.max")
    gates = [*GATES, "gate.tool_messages", "gate.system_role", "gate.content_parts"]
    with served(create_app(server)) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *gates, STREAM_RULE, ADDED_RULE])
    assert [name for name, line in found.items() if line["verdict"] == "failed"] == [ELSEWHERE[0]]
    finding = found[ELSEWHERE[0]]["finding"]
    assert "(beside other messages" in finding["why"]
    rows = json.loads(finding["request"]["body"])["messages"]
    assert 2 <= len(rows) <= 5
    assert role in [row["role"] for row in rows]


def test_most_bodies_stay_alone() -> None:
    for rule in refusing(FIRST):
        for depth in ("smoke", "default"):
            chosen = Settings(depth=depth)
            pins = pin_cases(rule, 0, chosen)
            assert len(companied(rule, chosen)) <= 3
            alone = [case for case in in_company(rule, pins, GUESTS, chosen, drawn=False) if case.alone is None]
            fewest = 0 if len(pins) == 1 and DEPTHS[depth].jointly and accompanied(rule) else 1
            assert len(alone) >= max(fewest, len(pins) - 2)
    assert DEPTHS["smoke"].jointly


@pytest.mark.parametrize("key", ["stream", "tools"])
def test_what_one_rule_is_not_held_to_in_company_is_its_fault(key: str) -> None:
    server = unchecked_when(lambda body: bool(body.get(key)), "presence_penalty.max")
    with served(create_app(server)) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *GATES, STREAM_RULE, ADDED_RULE])
    assert [name for name, line in found.items() if line["verdict"] == "failed"] == [ELSEWHERE[0]]
    finding = found[ELSEWHERE[0]]["finding"]
    assert finding["why"].endswith(f"(beside {key}; refused without)")
    body = json.loads(finding["request"]["body"])
    assert body.keys() - {"max_tokens", "max_completion_tokens"} == {"model", "messages", "presence_penalty", key}


def test_where_nothing_is_looked_at_in_a_longer_conversation_one_rule_says_so() -> None:
    server = unchecked_when(lambda body: str(body.get("messages")).count("'role'") > 8)
    with served(create_app(server)) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *GATES, STREAM_RULE, ADDED_RULE])
    assert {name for name, line in found.items() if line["verdict"] == "failed"} == {ADDED_RULE}
    assert found[ELSEWHERE[0]]["note"].endswith(f"(see {ADDED_RULE})")


@pytest.mark.parametrize(("key", "bearer"), [("stream", STREAM_RULE), ("tools", ADDED_RULE)])
def test_where_nothing_is_looked_at_in_company_one_rule_says_so(key: str, bearer: str) -> None:
    server = unchecked_when(lambda body: bool(body.get(key)))
    with served(create_app(server)) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *GATES, STREAM_RULE, ADDED_RULE])
    failed = {name for name, line in found.items() if line["verdict"] == "failed"}
    assert failed - {"gate.tools"} == {bearer}  # the gate asks about nonsense in the place of tools
    assert found[ELSEWHERE[0]]["note"].endswith(f"(see {bearer})")


def test_company_that_a_server_does_not_bear_is_no_fault_of_what_it_is_with() -> None:
    server = stumbling(lambda body: bool(body.get("tools")) and bool(body.get("stop")) and bool(body.get("seed")))
    with served(create_app(server)) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *GATES])
    assert {line["verdict"] for line in found.values()} == {"passed"}


def greedy_choices(body: dict[str, Any]) -> bool:
    """What engines refuse: several choices where nothing is drawn."""
    return body.get("n") == 2 and body.get("temperature") == 0


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        (lambda body: False, GUESTS),
        (greedy_choices, GUESTS - {"multiple_choices"}),
        (lambda body: None in body.values(), GUESTS - {NULLS}),
        (lambda body: len(body["messages"]) > 9, GUESTS - {*SURROUNDING}),
        (lambda body: greedy_choices(body) or "tools" in body, GUESTS.difference(*SUSPECTS)),
        (lambda body: "user" in body, {STREAMED}),
    ],
)
def test_only_who_is_welcome_comes_along(refused: Any, left: set[str]) -> None:
    asked_for: list[dict[str, Any]] = []

    async def takes(body: dict[str, Any]) -> bool:
        asked_for.append(body)
        return not refused(body)

    assert asyncio.run(welcome(GUESTS, FIRST, takes)) == left
    assert len(asked_for) <= len(SUSPECTS) + 2
    assert asyncio.run(welcome({"seed"}, FIRST, takes)) <= {"seed", TURNS, NULLS}


def test_a_body_that_is_refused_for_its_company_hides_no_fault() -> None:
    server = unchecked_when(lambda body: body.get("stream") is True, ELSEWHERE[0].removesuffix(".refuses"))
    reason = Reason("n.greedy", "n must be 1 where temperature is 0.", "n", None)
    greedy = Check("n.greedy", lambda ask: (reason,) if greedy_choices(ask.body) else ())
    gates = [*GATES, "gate.n", "gate.multiple_choices", "gate.temperature"]
    with served(create_app(replace(server, checks=(*server.checks, greedy)))) as url:
        found = asked(url, Settings(), only=[*ELSEWHERE, *gates, STREAM_RULE, ADDED_RULE])
    assert [name for name, line in found.items() if line["verdict"] == "failed"] == [ELSEWHERE[0]]
