"""The reference server in the vintage 2026-08: what it refuses, and how both vintages stand beside each other."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import httpx
import pytest
from chatproof.conformance.reference.__main__ import main
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.limits import LIMITS, LIMITS_2026
from chatproof.conformance.reference.serve import start
from chatproof.conformance.reference.validator import CHECKS, CHECKS_2026
from chatproof.conformance.reference.vintages import VINTAGES, vintage
from reference_bodies import ACCEPTED, MODEL, REFUSED, USER, body, parts, said, tool
from reference_bodies_2026 import (
    HARMLESS,
    NAMED,
    NAMED_CUSTOM,
    NEW,
    NEWLY_ACCEPTED,
    NEWLY_REFUSED,
    NOW_ACCEPTED,
    RENAMED,
    V1,
    C,
    custom,
    file,
    grammar,
)
from test_reference_http import fetch
from test_reference_replies import ask


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
