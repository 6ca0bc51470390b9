"""Every rule about a JSON body against two oracles that other hands wrote: the reference's validator, which lists all
reasons to refuse, and the hand-written JSON Schema of the request.

An accepted body has no reason and is schema-valid. A refused body has exactly one reason; it is schema-invalid where a
schema can see the fault and schema-valid where only prose or observation forbids it. Without its fault it is accepted.
"""

from __future__ import annotations

import json

import pytest
from chatproof.conformance import schemas
from chatproof.conformance.catalogue import Catalogue, load
from chatproof.conformance.model import Expect, Request, RequestRule
from chatproof.conformance.plan import draw, seed_of
from chatproof.conformance.reference.validator import reasons

jsonschema_rs = pytest.importorskip("jsonschema_rs")

CATALOGUE: Catalogue = load()
RULES = [rule for rule in CATALOGUE.rules if rule.expect is not Expect.EITHER]
SCHEMA = jsonschema_rs.validator_for(schemas.load("request"))

UNSEEN = {
    "tool_choice.named.exists.refuses": "a JSON Schema cannot compare a name with the names of a list",
    "model.unknown.refuses": "which models there are is not in the schema",
}
"""Documented refusals that no schema of a body can see, with the reason."""


def bodies(rule: RequestRule, drawn: int) -> list[dict]:
    found = [pin for pin in rule.pins if not isinstance(pin, Request)]  # the fault of a Request is on the wire
    if rule.examples is not None and drawn:
        found += [
            value for value in draw(rule.examples, drawn, seed_of(20261122, rule.id)) if not isinstance(value, Request)
        ]
    return found


def why(body: object) -> list[str]:
    return [f"{reason.rule}: {reason.message}" for reason in reasons(body, models=("chatproof-model",))]


def schema_faults(body: object) -> list[str]:
    return [f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}" for error in SCHEMA.iter_errors(body)]


def check(rule: RequestRule, drawn: int) -> None:
    seen = []
    for body in bodies(rule, drawn):
        shown = json.dumps(body)[:1500]
        found, faults = why(body), schema_faults(body)
        if rule.expect is Expect.ACCEPT:
            assert not found, f"the reference refuses {shown}: {found}"
            assert not faults, f"the schema refuses {shown}: {faults}"
            continue
        assert len(found) == 1, f"{len(found)} reasons instead of one for {shown}: {found}"
        seen.append(bool(faults))
        if isinstance(body, dict) and rule.control is not None:
            control = rule.control(body)
            assert control != body, f"the control still has the fault: {shown}"
            assert not why(control), f"the control of {shown} is refused: {why(control)}"
            assert not schema_faults(control), f"the control of {shown} is schema-invalid: {schema_faults(control)}"
    if rule.source.evidence == "documented" and rule.id not in UNSEEN:
        assert all(seen), f"a schema should see every fault of {rule.id}"
    if rule.source.evidence == "observed":
        assert not any(seen), f"no document forbids the bodies of {rule.id}, so the schema should take them"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_bodies_agree_with_both_oracles(rule: RequestRule) -> None:
    check(rule, 8)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.examples is not None], ids=lambda rule: rule.id)
def test_two_hundred_bodies_agree_with_both_oracles(rule: RequestRule) -> None:
    check(rule, 200)


def test_an_oracle_can_refuse() -> None:
    assert why({"model": "x"})
    assert schema_faults({"model": "x"})
