"""The hand-written schemas against the official documents, where those lie beside the checkout.

The documents are an oracle only: nothing of them is in the project. Every disagreement is listed below
with its reason, and a listed one that has gone is a failure too.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatproof.conformance import schemas
from schema_answers import ANSWER_EDITS, CHUNK_EDITS, ERROR_EDITS, edited
from schema_cases_2026 import NEW_ANSWERS, NEW_CHUNKS, REQUESTS_2026
from schema_requests import REQUESTS
from test_schemas import V0, V1

FOLDER = Path(__file__).parents[2] / "shared/spec/openapi"
VINTAGES = (V0, V1)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the official documents do not lie beside this checkout")


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


def document(vintage: str) -> dict[str, Any]:
    """The schemas of one document by name."""
    found = json.loads((FOLDER / f"chat-{vintage}.json").read_text(encoding="utf-8"))
    table: dict[str, Any] = found["components"]["schemas"]
    return table


def official(name: str, vintage: str) -> jsonschema.Draft202012Validator:
    table = document(vintage)
    # a misprint of the older one (fact base §1.10): a member is demanded that the object does not have
    misprints = [
        inner
        for inner in named(table, "json_schema")
        if isinstance(inner, dict) and "type" in inner.get("required", ()) and "type" not in inner["properties"]
    ]
    assert len(misprints) == (1 if vintage == V0 else 0)
    for misprint in misprints:
        misprint["required"].remove("type")
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


# what changes of these in the newer vintage


def changed(reasons: Reasons, *gone: str, new: Reasons) -> Reasons:
    """The reasons without those whose explanation begins so, and the new ones; a word that removes nothing fails."""
    for start in gone:
        assert any(why.startswith(start) for _, why in reasons), start
    return (*(row for row in reasons if not row[1].startswith(gone)), *new)


LENIENT_2026 = changed(
    LENIENT,
    "role.developer: contested",
    new=(
        (r"messages: developer (no|null) content", "content.developer.required: observed only"),
        (r"messages: developer (no parts .*|name null)", "rulings 7 and 12, as for the other roles"),
        (
            r"top_logprobs: null",
            "§1.12: the split is that of the older one; the document says it twice, once without null",
        ),
        (
            r"(prompt_cache_options|web_search_options): (?!.*user_location\": null).*null.*",
            "ruling 7, for the optional nested members",
        ),
        (r"stream_options: obfuscation null", "ruling 7, for the optional nested members"),
        (r'messages: user file .*"file_id": null.*', "ruling 7, for the optional nested members"),
        (r"tools: custom (description None|format null)", "ruling 7, for the optional nested members"),
        (r'tools: custom format .*"x": 1.*', "http.key.unknown.nested: observed only"),
        (r'audio: voice .*"x": 1.*', "http.key.unknown.nested: observed only"),
    ),
)
STRICTER_2026 = changed(
    STRICTER,
    "tools.max",
    new=((r"metadata: (17 pairs|long) .*|metadata: long (key|value)", "metadata.pairs.max and its neighbours: prose"),),
)
ANSWER_LENIENT_2026 = changed(
    ANSWER_LENIENT,
    new=((r"chunk: \d+ choices/0/delta/tool_calls/0/custom.*", "res.toolcalls.shape: a custom call is streamed too"),),
)
ANSWER_STRICTER_2026 = changed(ANSWER_STRICTER, new=((r"response: \d+ .*/start_index -1", "an index counts from 0"),))


def unexplained(found: list[str], reasons: Reasons) -> list[str]:
    """What the reasons leave open: disagreements without a reason, and reasons without a disagreement."""
    fresh = [name for name in found if not any(re.fullmatch(pattern, name, re.DOTALL) for pattern, _ in reasons)]
    stale = [pattern for pattern, _ in reasons if not any(re.fullmatch(pattern, name, re.DOTALL) for name in found)]
    return fresh + stale


CASES = {V0: REQUESTS, V1: REQUESTS_2026}


@pytest.mark.parametrize("vintage", VINTAGES)
def test_requests_that_only_we_accept(vintage: str) -> None:
    theirs = official("CreateChatCompletionRequest", vintage)
    found = [case.id for case in CASES[vintage] if case.valid and not theirs.is_valid(case.body)]
    assert unexplained(found, {V0: LENIENT, V1: LENIENT_2026}[vintage]) == []


@pytest.mark.parametrize("vintage", VINTAGES)
def test_requests_that_only_we_refuse(vintage: str) -> None:
    theirs = official("CreateChatCompletionRequest", vintage)
    found = [case.id for case in CASES[vintage] if not case.valid and theirs.is_valid(case.body)]
    assert unexplained(found, {V0: STRICTER, V1: STRICTER_2026}[vintage]) == []


@functools.cache
def answers(vintage: str) -> list[tuple[str, bool, bool]]:
    """Every answer of the tables: its id, what the strict schema says, what the document says."""
    newer = vintage == V1
    found = []
    for name, title, edits in (
        ("response", "CreateChatCompletionResponse", (*ANSWER_EDITS, *(NEW_ANSWERS if newer else ()))),
        ("chunk", "CreateChatCompletionStreamResponse", (*CHUNK_EDITS, *(NEW_CHUNKS if newer else ()))),
        ("error", "ErrorResponse", ERROR_EDITS),
    ):
        ours = jsonschema.Draft202012Validator(schemas.load(f"{name}-strict", vintage))
        theirs = official(title, vintage)
        for row in edited(edits):
            record = row.values[0]
            found.append((f"{name}: {row.id}", ours.is_valid(record), theirs.is_valid(record)))
    return found


@pytest.mark.parametrize("vintage", VINTAGES)
def test_answers_that_only_we_accept(vintage: str) -> None:
    reasons = {V0: ANSWER_LENIENT, V1: ANSWER_LENIENT_2026}[vintage]
    assert unexplained([name for name, ours, theirs in answers(vintage) if ours and not theirs], reasons) == []


@pytest.mark.parametrize("vintage", VINTAGES)
def test_answers_that_only_we_refuse(vintage: str) -> None:
    reasons = {V0: ANSWER_STRICTER, V1: ANSWER_STRICTER_2026}[vintage]
    assert unexplained([name for name, ours, theirs in answers(vintage) if theirs and not ours], reasons) == []


def test_the_29_properties() -> None:
    theirs = document(V0)["CreateChatCompletionRequest"]
    ours = schemas.load("request")
    assert set(theirs["properties"]) == set(ours["properties"])
    assert set(theirs["required"]) == set(ours["required"])


def test_the_37_properties() -> None:
    table = document(V1)
    found: set[str] = set()
    todo: list[Any] = [table["CreateChatCompletionRequest"]]
    while todo:
        part = todo.pop()
        found |= part.get("properties", {}).keys()
        todo += part.get("allOf", [])
        if "$ref" in part:
            todo.append(table[part["$ref"].rsplit("/", 1)[1]])
    assert found == set(schemas.load("request", V1)["properties"])
    assert len(found) == 37
