"""The rules of 2026-08 about JSON bodies against the official document, where that lies beside the checkout.

The document is an oracle only: nothing of it is in the project. What it calls valid must be accepted, and what a rule
calls a documented fault must be invalid there, but for the disagreements below; one that has gone is a failure too.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Expect, Request, RequestRule
from chatproof.conformance.plan import draw, seed_of

jsonschema_rs = pytest.importorskip("jsonschema_rs")

DOCUMENT = Path(__file__).parents[2] / "shared/spec/openapi/chat-2026-08.json"
RULES = [rule for rule in load("2026-08").rules if rule.expect is not Expect.EITHER]

pytestmark = pytest.mark.skipif(
    not DOCUMENT.is_file(), reason="the official document does not lie beside this checkout"
)

DISAGREE = {
    "content.developer.required.refuses": "the row has it as observed, for the forms of the refusals",
    "mm.position.refuses": "that an assistant message without calls needs content is prose",
    "tool_choice.named.exists.refuses": "a JSON Schema cannot compare a name with the names of a list",
    "tool_choice.custom.exists.refuses": "a JSON Schema cannot compare a name with the names of a list",
}
"""Rules whose bodies the document judges otherwise, with the reason."""


def modern(schema: Any) -> Any:
    """The document's mixture of two dialects as JSON Schema 2020-12: the older flag for null becomes a type."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: modern(value)
        for key, value in schema.items()
        if not (key in ("nullable", "discriminator", "example") or (key == "format" and isinstance(value, str)))
    }
    return {"anyOf": [{"type": "null"}, plain]} if schema.get("nullable") is True else plain


@cache
def official() -> Any:
    table = modern(json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"])
    # a misprint: the shared part of the request says it again, and without null
    del table["CreateModelResponseProperties"]["allOf"][1]["properties"]["top_logprobs"]
    return jsonschema_rs.validator_for(
        {"components": {"schemas": table}, "$ref": "#/components/schemas/CreateChatCompletionRequest"}
    )


def bodies(rule: RequestRule) -> list[Any]:
    drawn = draw(rule.examples, 5, seed_of(20261126, rule.id)) if rule.examples is not None else ()
    return [body for body in (*rule.pins, *drawn) if not isinstance(body, Request)]


def disagreement(rule: RequestRule) -> str:
    for body in bodies(rule):
        valid = official().is_valid(body)
        if rule.expect is Expect.ACCEPT and not valid:
            return f"the document refuses {json.dumps(body)[:600]}"
        if rule.expect is Expect.REFUSE and rule.source.evidence == "documented" and valid:
            return f"the document takes {json.dumps(body)[:600]}"
        if rule.expect is Expect.REFUSE and rule.source.evidence == "observed" and not valid:
            return f"no document is said to forbid {json.dumps(body)[:600]}"
        if rule.expect is Expect.REFUSE and rule.control is not None and isinstance(body, dict):
            control = rule.control(body)
            if not official().is_valid(control):
                return f"the document refuses the control {json.dumps(control)[:600]}"
    return ""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rules_agree_with_the_document(rule: RequestRule) -> None:
    found = disagreement(rule)
    if rule.id in DISAGREE:
        assert found, f"the disagreement has gone: {DISAGREE[rule.id]}"
    else:
        assert not found


def test_the_document_can_refuse() -> None:
    assert not official().is_valid({"model": "x"})
    assert official().is_valid({"model": "x", "messages": [{"role": "user", "content": "Say hi."}]})
