"""The reference server keeps the fact base: what it refuses, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from chatproof.conformance.reference.validator import CHECKS, LIMITS, reasons
from reference_bodies import ACCEPTED, MODEL, REFUSED, body


@pytest.mark.parametrize("name", ACCEPTED)
def test_valid_bodies_have_no_reason(name: str) -> None:
    assert reasons(ACCEPTED[name], models=(MODEL,)) == []


@pytest.mark.parametrize(("rule", "bad"), REFUSED, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(REFUSED)])
def test_one_fault_has_one_reason(rule: str, bad: dict[str, Any]) -> None:
    found = reasons(bad)
    assert [reason.rule for reason in found] == [rule]
    assert found[0].message
    assert found[0].status == 400
    assert found[0].param is None or found[0].param.split(".")[0].split("[")[0] in LIMITS.request_keys | {"zzz_unknown"}


@pytest.mark.parametrize(
    ("rule", "param", "code"),
    [
        ("messages.min", "messages", "empty_array"),
        ("temperature.max", "temperature", "decimal_above_max_value"),
        ("n.min", "n", "integer_below_min_value"),
        ("max_tokens.max", "max_tokens", "invalid_value"),
        ("tool.preceded", "messages.[1].role", None),
        ("tool.id.required", "messages.[2].tool_call_id", None),
        ("content.user.required", "messages.[1].content", None),
        ("toolcall.id.maxlen", "messages[1].tool_calls[0].id", "string_above_max_length"),
        ("functions.and.tools", None, None),
        ("model.required", None, None),
        ("top_logprobs.needs", "top_logprobs", None),
        ("metadata.value.type", "metadata.k", "invalid_type"),
        ("http.key.unknown", "zzz_unknown", "unknown_parameter"),
        ("fn.parameters.properties", "tools[0].function.parameters", "invalid_function_parameters"),
        ("metadata.pairs.max", "metadata", "object_above_max_properties"),
    ],
)
def test_reasons_carry_openai_param_and_code(rule: str, param: str | None, code: str | None) -> None:
    bad = next(bad for name, bad in REFUSED if name == rule)
    assert (reasons(bad)[0].param, reasons(bad)[0].code) == (param, code)


def test_every_fault_of_a_body_is_listed() -> None:
    found = reasons(body(temperature=9, n=0, zzz=1, stop=[1]))
    assert Counter(reason.rule for reason in found) == Counter(
        ["http.key.unknown", "temperature.max", "n.min", "stop.array.item"]
    )


@pytest.mark.parametrize("value", [[], "x", 7, None, True])
def test_a_body_that_is_no_object_has_that_reason_alone(value: object) -> None:
    assert [reason.rule for reason in reasons(value)] == ["http.json.object"]


def test_limits_and_checks_are_replaceable() -> None:
    assert reasons(body(n=129), limits=replace(LIMITS, n_max=200)) == []
    assert reasons(body(n=129), checks=[check for check in CHECKS if check.name != "n.max"]) == []
    assert [reason.rule for reason in reasons(body(model="other"), models=[MODEL])] == ["model.unknown"]
    refused = {rule for rule, _ in REFUSED}
    untested = {check.name for check in CHECKS} - refused
    assert untested <= {
        "http.json.object", "model.unknown", "max_completion_tokens.max", "functions.type", "fn.description.type",
        "response_format.jsonschema.schema", "response_format.jsonschema.description.type",
    }  # fmt: skip
