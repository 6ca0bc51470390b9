"""Awkward texts and schemas: each in its place, valid, and taken apart until one is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import jsonschema
import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import RequestRule
from chatproof.conformance.plan import draw
from chatproof.strategies import json_schemas, text
from chatproof.strategies.bodies import lean
from chatproof.strategies.plainer import fewer_properties, plainer

Body = dict[str, Any]

RULES = [rule for rule in load().rules if isinstance(rule, RequestRule)]
REDUCED: dict[Callable[..., Any], list[RequestRule]] = {
    how: [rule for rule in RULES if rule.reduce is how] for how in (plainer, fewer_properties)
}


def smallest(body: Body, reduce: Callable[[Body], Iterable[Body]], fails: Callable[[Body], bool]) -> Body:
    """What the search for the smallest failing body ends with, in a bounded number of steps."""
    for _ in range(200):
        smaller = next((one for one in reduce(body) if fails(one)), None)
        if smaller is None:
            return body
        body = smaller
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("places", [12, 16])
def test_every_text_has_one_place(places: int, turn: int) -> None:
    texts = text.dealt(places, turn)
    assert len(texts) == places
    assert all(said.strip() for said in texts)
    for said in text.SPOKEN:
        assert sum(said in one for one in texts) == 1
    assert all(whole in texts for whole in text.WHOLE)


def test_the_next_turn_moves_every_text() -> None:
    assert not any(one == other for one, other in zip(text.dealt(16), text.dealt(16, 1), strict=True))


def test_a_label_fits_an_identifier() -> None:
    assert len(text.LABEL) <= 64


@pytest.mark.parametrize("rule", REDUCED[plainer], ids=lambda rule: rule.id)
def test_what_is_left_holds_the_text_that_fails(rule: RequestRule) -> None:
    for pin in rule.pins:
        if "{%" in (written := json.dumps(pin)):
            left = smallest(dict(pin), plainer, lambda body: "{%" in json.dumps(body))  # pyright: ignore[reportArgumentType, reportCallIssue]
            assert len(json.dumps(left)) < len(written) / 2
            assert any(said in json.dumps(left) for said in ('"{%"', "{%}", '"{% '))


@pytest.mark.parametrize("how", [plainer, fewer_properties])
def test_a_body_that_fails_whatever_it_says_ends_with_the_lean_one(how: Callable[[Body], Iterable[Body]]) -> None:
    for rule in REDUCED[how]:
        assert smallest(dict(rule.pins[0]), how, lambda body: True) == lean()  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_a_body_that_fails_for_its_turns_keeps_them() -> None:
    said = [{"role": role, "content": "Hello."} for role in ("user", "assistant", "user")]
    body = lean(messages=said)
    assert len(smallest(body, plainer, lambda one: len(one["messages"]) == 3)["messages"]) == 3


def schemas_in(body: Body) -> list[Body]:
    return [tool["function"]["parameters"] for tool in body.get("tools", ())]


@pytest.mark.parametrize("rule", REDUCED[fewer_properties], ids=lambda rule: rule.id)
def test_smaller_parameters_are_schemas_whose_references_lead_somewhere(rule: RequestRule) -> None:
    for pin in rule.pins:
        for body in (pin, *fewer_properties(dict(pin))):  # pyright: ignore[reportArgumentType, reportCallIssue]
            for schema in schemas_in(body):  # pyright: ignore[reportArgumentType]
                check(schema)


def check(schema: Body) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    for kind in references(schema):
        assert kind in (*schema.get("$defs", ()), *schema.get("definitions", ()))


def references(value: Any) -> list[str]:
    """The names that references within a schema lead to, those to the root apart."""
    if isinstance(value, dict):
        here = [value["$ref"].rsplit("/", 1)[-1]] if isinstance(value.get("$ref"), str) and value["$ref"] != "#" else []
        return here + [name for item in value.values() for name in references(item)]
    return [name for item in value for name in references(item)] if isinstance(value, list) else []


def test_one_keyword_of_many_is_found() -> None:
    [_, body] = [pin for rule in REDUCED[fewer_properties] if "type" in rule.id for pin in rule.pins]
    left = smallest(dict(body), fewer_properties, lambda one: "oneOf" in json.dumps(one))  # pyright: ignore[reportArgumentType, reportCallIssue]
    [schema] = schemas_in(left)
    name = list(json_schemas.WRITTEN["properties"])[2]
    assert schema == {"type": "object", "properties": {name: json_schemas.ORDINARY[2]}}


def test_drawn_documents_are_schemas_and_use_most_keywords() -> None:
    drawn = draw(json_schemas.documents(), 150, 1)
    for schema in drawn:
        check(schema)
    written = json.dumps(drawn)
    assert sum(json.dumps(one) in written for one in json_schemas.ORDINARY) >= 6
