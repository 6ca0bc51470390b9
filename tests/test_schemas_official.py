"""The hand-written schemas against the official documents, where those lie beside the checkout.

The documents are an oracle only: nothing of them is in the project. Every disagreement is listed below
with its reason, and a listed one that has gone is a failure too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatproof.conformance import schemas
from test_schemas import ANSWER_EDITS, CHUNK_EDITS, ERROR_EDITS, REQUESTS, edited

DOCUMENT = Path(__file__).parents[2] / "shared/spec/openapi" / "chat-2024-11.json"

pytestmark = pytest.mark.skipif(not DOCUMENT.is_file(), reason="the official documents do not lie beside this checkout")


def modern(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema 2020-12: the ``nullable`` flag becomes a type."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: modern(value) for key, value in schema.items() if key not in ("nullable", "discriminator", "example")}
    if schema.get("nullable") is not True:
        return plain
    return {"anyOf": [{"type": "null"}, plain]}


def named(tree: Any, key: str) -> Iterator[Any]:
    """Every value that stands under the key, at any depth."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        for value in tree.values():
            yield from named(value, key)
    elif isinstance(tree, list):
        for value in tree:
            yield from named(value, key)


def official(name: str) -> jsonschema.Draft202012Validator:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    table = document["components"]["schemas"]
    # the misprint of this vintage (fact base §1.10): a member is demanded that the object does not have
    misprints = [
        inner
        for inner in named(table, "json_schema")
        if isinstance(inner, dict) and "type" in inner.get("required", ()) and "type" not in inner["properties"]
    ]
    assert len(misprints) == 1
    misprints[0]["required"].remove("type")
    schema = modern({"components": {"schemas": table}, "$ref": f"#/components/schemas/{name}"})
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


# Each list is (pattern of a case's id, why). A pattern that no disagreement meets any more is a failure.
Reasons = tuple[tuple[str, str], ...]

# ours accepts, the document refuses
LENIENT: Reasons = (
    (r"(?!model|messages)\w+: null \(contested\)", "ruling 7: a null outside the nullable column is a may"),
    (r"model: null .*", "model.empty: a null model is observed only"),
    (r"(tools|functions|response_format): \w+ null \(contested\)", "ruling 7, for the optional nested members"),
    (r"stream_options: usage null", "ruling 7, for the optional nested members"),
    (r"messages: (system|user|assistant) name null", "ruling 7, for the optional nested members"),
    (r"messages: detail null", "ruling 7, for the optional nested members"),
    (r"messages: tool_calls null with content", "assistant.toolcalls.null: contested"),
    (r"messages: (system|user|assistant|tool) no parts .*", "ruling 12: an empty content list is a may"),
    (r"messages: developer .*", "role.developer: contested in this vintage; its content row is observed only"),
    (r"stop: empty list .*", "ruling 12: an empty stop list is a may"),
    (r"logit_bias: decimal .*", "ruling 5: decimals as values are a may"),
    (r"messages: refusal part of unknown shape", "no row of the fact base gives the members of a refusal part"),
    (r"messages: audio of unknown shape", "no row of the fact base gives the members of an assistant's audio"),
)

# ours refuses, the document accepts
STRICTER: Reasons = (
    (r"top_logprobs: (without logprobs|logprobs (false|null))", "top_logprobs.needs: prose"),
    (r"stream_options: (without stream|stream (false|null))", "stream_options.needs: prose"),
    (r"modalities: audio with(out| null) audio", "audio.needs: prose"),
    (r"logit_bias: value -?101", "logit_bias.value.range: prose"),
    (r"logit_bias: key .*", "logit_bias.key.numeric: prose"),
    (r"response_format: name .*", "response_format.jsonschema.name: the pattern and the length are prose"),
    (r"(tools|functions): name .*", "fn.name.pattern, fn.name.maxlen: prose"),
    (r"tools: 129", "tools.max: prose"),
    (r"messages: assistant (no|null) content", "content.assistant.optional: prose"),
    (r"messages: \w+ null with(out| null) content", "content.assistant.optional: prose; null is absent"),
    (r"messages: (two refusal parts|text and refusal part)", "part.refusal: exactly one, in prose"),
)

# the same two for the strict answers
ANSWER_LENIENT: Reasons = (
    (r".*system_fingerprint null", "res.fingerprint: null is to be accepted"),
    (r".*top_logprobs/0/bytes dropped", "no row of the fact base gives the members of an alternative token"),
)
ANSWER_STRICTER: Reasons = (
    (r"response: \d+ (id|model) \"\"", "res.id, res.model: non-empty"),
    (r"response: \d+ choices \[\]", "res.choices.count: n of them, and n is 1 at least"),
    (r"response: \d+ choices/0/index -1", "res.choices.index: from 0"),
    (r"response: \d+ .*tool_calls/0/id \"\"", "res.toolcalls.shape: non-empty"),
    (r"response: \d+ usage/.* (-1|0)", "res.usage.sum: none negative, and a prompt has a token"),
    (r"response: \d+ .*/bytes \[(256|-1)\]", "res.logprobs.entry: 0 to 255"),
    (r"response: \d+ .*/logprob 0\.01", "res.logprobs.range: prose"),
    (r"response: \d+ .*/top_logprobs \[.*", "res.logprobs.count with top_logprobs.max: prose"),
    (r"error: \d+ error/message \"\"", "err.message: non-empty"),
)


def unexplained(found: list[str], reasons: Reasons) -> list[str]:
    """What the reasons leave open: disagreements without a reason, and reasons without a disagreement."""
    fresh = [name for name in found if not any(re.fullmatch(pattern, name, re.DOTALL) for pattern, _ in reasons)]
    stale = [pattern for pattern, _ in reasons if not any(re.fullmatch(pattern, name, re.DOTALL) for name in found)]
    return fresh + stale


def test_requests_that_only_we_accept() -> None:
    theirs = official("CreateChatCompletionRequest")
    found = [case.id for case in REQUESTS if case.valid and not theirs.is_valid(case.body)]
    assert unexplained(found, LENIENT) == []


def test_requests_that_only_we_refuse() -> None:
    theirs = official("CreateChatCompletionRequest")
    found = [case.id for case in REQUESTS if not case.valid and theirs.is_valid(case.body)]
    assert unexplained(found, STRICTER) == []


def answers() -> Iterator[tuple[str, bool, bool]]:
    """Every answer of the tables: its id, what the strict schema says, what the document says."""
    for name, title, edits in (
        ("response", "CreateChatCompletionResponse", ANSWER_EDITS),
        ("chunk", "CreateChatCompletionStreamResponse", CHUNK_EDITS),
        ("error", "ErrorResponse", ERROR_EDITS),
    ):
        ours = jsonschema.Draft202012Validator(schemas.load(f"{name}-strict"))
        theirs = official(title)
        for row in edited(edits):
            record = row.values[0]
            yield f"{name}: {row.id}", ours.is_valid(record), theirs.is_valid(record)


def test_answers_that_only_we_accept() -> None:
    assert unexplained([name for name, ours, theirs in answers() if ours and not theirs], ANSWER_LENIENT) == []


def test_answers_that_only_we_refuse() -> None:
    assert unexplained([name for name, ours, theirs in answers() if theirs and not ours], ANSWER_STRICTER) == []


def test_the_29_properties() -> None:
    table = json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]
    theirs = table["CreateChatCompletionRequest"]
    ours = schemas.load("request")
    assert set(theirs["properties"]) == set(ours["properties"])
    assert set(theirs["required"]) == set(ours["required"])
