"""Every rule about a JSON body against two oracles that other hands wrote: the reference's validator, which lists all
reasons to refuse, and the hand-written JSON Schema of the request.

An accepted body has no reason and is schema-valid. A refused body has exactly one reason; it is schema-invalid where a
schema can see the fault and schema-valid where only prose or observation forbids it. Without its fault it is accepted.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from chatproof.conformance import schemas
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Expect, Request, RequestRule
from chatproof.conformance.plan import draw, seed_of
from chatproof.conformance.reference import vintages as reference
from chatproof.conformance.vintages import FIRST, VINTAGES

jsonschema_rs = pytest.importorskip("jsonschema_rs")

RULES = [
    pytest.param(vintage, rule, id=rule.id if vintage == FIRST else f"{vintage}-{rule.id}")
    for vintage in VINTAGES
    for rule in load(vintage).rules
    # a rule that did not change was held against the oracles of the vintage before
    if rule.expect is not Expect.EITHER and (vintage == FIRST or load(FIRST).by_id.get(rule.id) != rule)
]

DRAWN = [row for row in RULES if isinstance(rule := row.values[1], RequestRule) and rule.examples is not None]

UNSEEN = {
    "tool_choice.named.exists.refuses": "a JSON Schema cannot compare a name with the names of a list",
    "tool_choice.custom.exists.refuses": "a JSON Schema cannot compare a name with the names of a list",
    "model.unknown.refuses": "which models there are is not in the schema",
}
"""Documented refusals that no schema of a body can see, with the reason."""

BESIDES = {"response_format.jsonschema.required.refuses": {"http.key.unknown.nested", "response_format.legacy.schema"}}
"""Refusals in one of whose bodies what is missing stands in another place, where it is unknown besides."""


@cache
def schema(vintage: str) -> Any:
    if vintage not in schemas.vintages():
        pytest.skip(f"no folder of schemas for {vintage}")
    return jsonschema_rs.validator_for(schemas.load("request", vintage))


def bodies(rule: RequestRule, drawn: int) -> list[Any]:
    found: list[Any] = [pin for pin in rule.pins if not isinstance(pin, Request)]  # a Request's fault is on the wire
    if rule.examples is not None and drawn:
        found += [
            value for value in draw(rule.examples, drawn, seed_of(20261122, rule.id)) if not isinstance(value, Request)
        ]
    return found


def why(body: object, vintage: str) -> list[str]:
    found = reference.vintage(vintage).reasons(body, models=("chatproof-model",))
    return [f"{reason.rule}: {reason.message}" for reason in found]


def schema_faults(body: object, vintage: str) -> list[str]:
    errors = schema(vintage).iter_errors(body)
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}" for error in errors]


def check(vintage: str, rule: RequestRule, drawn: int) -> None:
    seen = []
    for body in bodies(rule, drawn):
        shown = json.dumps(body)[:1500]
        found, faults = why(body, vintage), schema_faults(body, vintage)
        if rule.expect is Expect.ACCEPT:
            assert not found, f"the reference refuses {shown}: {found}"
            assert not faults, f"the schema refuses {shown}: {faults}"
            continue
        found = [reason for reason in found if reason.split(":")[0] not in BESIDES.get(rule.id, ())]
        assert len(found) == 1, f"{len(found)} reasons instead of one for {shown}: {found}"
        seen.append(bool(faults))
        if isinstance(body, dict) and rule.control is not None:
            control = rule.control(body)
            assert control != body, f"the control still has the fault: {shown}"
            assert not why(control, vintage), f"the control of {shown} is refused: {why(control, vintage)}"
            wrong = schema_faults(control, vintage)
            assert not wrong, f"the control of {shown} is schema-invalid: {wrong}"
    if rule.source.evidence == "documented" and rule.id not in UNSEEN:
        assert all(seen), f"a schema should see every fault of {rule.id}"
    if rule.source.evidence == "observed":
        assert not any(seen), f"no document forbids the bodies of {rule.id}, so the schema should take them"


@pytest.mark.parametrize(("vintage", "rule"), RULES)
def test_bodies_agree_with_both_oracles(vintage: str, rule: RequestRule) -> None:
    check(vintage, rule, 8)


@pytest.mark.slow
@pytest.mark.parametrize(("vintage", "rule"), DRAWN)
def test_two_hundred_bodies_agree_with_both_oracles(vintage: str, rule: RequestRule) -> None:
    check(vintage, rule, 200)


@pytest.mark.parametrize("vintage", VINTAGES)
def test_an_oracle_can_refuse(vintage: str) -> None:
    assert schema_faults({"model": "x"}, vintage)
    assert why({"model": "x"}, vintage)
