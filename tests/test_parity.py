"""--parity: a refusal is held against the set of forms that the original service has, by family of rules."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.judge import Kind, judge
from chatproof.conformance.model import Answer, Exchange, Expect, Request, RequestRule, Symptom
from chatproof.conformance.parity import FAMILIES, RELATED, form_of, held_to_parity

RULES = load().by_id
REFUSING = [rule.id for rule in load().rules if rule.expect is Expect.REFUSE]


def refused(status: int = 400, **members: Any) -> Exchange:
    error = {"message": "no", "type": "invalid_request_error", "param": None, "code": None} | members
    return Exchange(Request(body={}), Answer(status, (), json.dumps({"error": error}).encode()))


def fault(rule_id: str, exchange: Exchange) -> str:
    rule = RULES[rule_id]
    assert isinstance(rule, RequestRule)
    judgement = judge(rule, exchange)
    assert judgement.kind is Kind.HELD  # legal without --parity
    strict = held_to_parity(rule, exchange, judgement)
    assert (strict.kind is Kind.VIOLATED) == bool(strict.why)
    return strict.why


@pytest.mark.parametrize("rule_id", [name for name in REFUSING if form_of(name).status == 400])
def test_the_old_validator_may_answer_everything(rule_id: str) -> None:
    assert fault(rule_id, refused()) == ""


@pytest.mark.parametrize(
    ("rule_id", "members"),
    [
        ("temperature.max.refuses", {"param": "temperature", "code": "decimal_above_max_value"}),
        ("n.min.refuses", {"param": "n", "code": "integer_below_min_value"}),
        ("messages.min.refuses", {"param": "messages", "code": "empty_array"}),
        ("role.enum.refuses", {"param": "messages[0].role", "code": "invalid_value"}),
        ("content.user.required.refuses", {"param": "messages.[0].content"}),
        ("stop.array.max.refuses", {"param": "stop", "code": "array_above_max_length"}),
        ("stream_options.needs.refuses", {"param": "stream_options"}),
        ("tool_choice.needs.tools.refuses", {"param": "tool_choice"}),
        ("max_tokens.both.refuses", {"param": "max_tokens", "code": "invalid_parameter_combination"}),
        ("fn.name.maxlen.refuses", {"param": "tools[11].function.name", "code": "string_above_max_length"}),
        ("metadata.pairs.max.refuses", {"param": "metadata", "code": "object_above_max_properties"}),
        ("http.key.unknown.refuses", {"param": "zzz", "code": "unknown_parameter"}),
        ("response_format.jsonobject.word.refuses", {"param": "messages"}),
        ("http.ctype.bad.refuses", {"code": "unsupported_content_type"}),
    ],
)
def test_forms_seen_in_the_wild_are_legal(rule_id: str, members: dict[str, Any]) -> None:
    assert fault(rule_id, refused(**members)) == ""


@pytest.mark.parametrize(
    ("rule_id", "exchange", "says"),
    [
        ("temperature.max.refuses", refused(422), "422"),
        ("model.unknown.refuses", refused(400), "404"),
        ("http.method.refuses", refused(404), "405"),
        ("http.ctype.bad.refuses", refused(415), "400"),
        ("temperature.max.refuses", refused(type="BadRequestError"), "error.type"),
        ("temperature.max.refuses", refused(param="top_p"), "error.param"),
        ("temperature.max.refuses", refused(param=["body", "temperature"]), "error.param"),
        ("temperature.max.refuses", refused(param="temperatures"), "error.param"),
        ("temperature.max.refuses", refused(param="temperature", code=400), "error.code"),
        ("temperature.max.refuses", refused(param="temperature", code="bad_request"), "error.code"),
        ("temperature.max.refuses", refused(param="temperature", code="decimal_below_min_value"), "error.code"),
        ("temperature.max.refuses", refused(code="decimal_above_max_value"), "without a path"),
        ("messages.min.refuses", refused(param="messages", code="invalid_type"), "error.code"),
        ("http.json.truncated.refuses", refused(code="parse_error"), "error.code"),
    ],
)
def test_other_forms_are_named(rule_id: str, exchange: Exchange, says: str) -> None:
    assert says in fault(rule_id, exchange)


def test_a_wrong_status_and_a_wrong_form_are_different_symptoms() -> None:
    rule = RULES["temperature.max.refuses"]
    assert isinstance(rule, RequestRule)
    for exchange, symptom in [
        (refused(422), Symptom.WRONG_STATUS),
        (refused(code="x"), Symptom.WRONG_CONTENT),
    ]:
        assert held_to_parity(rule, exchange, judge(rule, exchange)).symptom is symptom


def test_what_is_violated_anyway_stays_as_it_is() -> None:
    rule = RULES["temperature.max.refuses"]
    assert isinstance(rule, RequestRule)
    taken = Exchange(Request(body={}), Answer(200, (), b"{}"))
    judgement = judge(rule, taken)
    assert held_to_parity(rule, taken, judgement) is judgement


def test_every_family_has_a_rule() -> None:
    first = {name: next(pattern for pattern, _ in FAMILIES if fnmatch.fnmatchcase(name, pattern)) for name in REFUSING}
    assert [pattern for pattern, _ in FAMILIES if pattern not in first.values()] == []
    properties = {rule.property for rule in load().rules}
    assert [name for name in RELATED if name not in properties] == []
