"""The hand-written schemas: they are schemas, both validators agree on them, and each bound has two sides.

The tables beside it are of the vintage 2024-11; ``test_schemas_2026.py`` says what 2026-08 changes of them.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatproof.conformance import schemas
from schema_answers import (
    ANSWER,
    ANSWER_EDITS,
    CALL,
    CALLED,
    CHUNK,
    CHUNK_EDITS,
    DROP,
    ENTRY,
    ERROR_EDITS,
    FRAGMENT,
    LOGGED,
    MESSAGE,
    REFUSAL,
    USAGE,
    edited,
    put,
)
from schema_requests import PROPERTIES, REQUESTS, Case

FACTS = Path(__file__).parents[2] / "shared/spec/chat-completions.md"
V0, V1 = "2024-11", "2026-08"
NAMES = ("chunk", "chunk-strict", "error", "error-strict", "request", "response", "response-strict")
EVERY = [(vintage, name) for vintage in schemas.vintages() for name in NAMES]


@functools.cache
def validator(name: str, vintage: str = V0) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.load(name, vintage))


def places(schema: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every definition and every property of a schema, the root included."""
    if path == "#":
        yield path, schema
    if isinstance(schema, list):
        for number, item in enumerate(schema):
            yield from places(item, f"{path}/{number}")
    elif isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("properties", "patternProperties", "$defs"):
                for name, inner in value.items():
                    yield f"{path}/{key}/{name}", inner
                    yield from places(inner, f"{path}/{key}/{name}")
            elif key not in ("const", "enum"):
                yield from places(value, f"{path}/{key}")


def test_loader_lists_what_there_is() -> None:
    assert schemas.vintages()[:2] == (V0, V1)
    assert schemas.names() == NAMES
    for vintage in schemas.vintages():
        assert schemas.names(vintage) == NAMES


def test_loader_gives_each_caller_its_own_copy() -> None:
    first = schemas.load("request")
    first["properties"].clear()
    assert len(schemas.load("request")["properties"]) == 29


@pytest.mark.parametrize(
    ("name", "vintage", "known"),
    [("requests", "2024-11", "request"), ("../2024-11/request", "2024-11", "request"), ("request", "2023", "2024-11")],
)
def test_loader_names_the_known_ones(name: str, vintage: str, known: str) -> None:
    with pytest.raises(ValueError, match=rf"known are .*{known}") as caught:
        schemas.load(name, vintage)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_is_a_2020_12_schema(vintage: str, name: str) -> None:
    schema = schemas.load(name, vintage)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:chatproof:{vintage}:{name}"
    assert schema["title"].endswith(f", vintage {vintage}")
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_metaschema_in_the_other_validator(vintage: str, name: str) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    assert jsonschema_rs.meta.is_valid(schemas.load(name, vintage))


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_no_key_twice_and_no_reference_out(vintage: str, name: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert [key for key, count in Counter(key for key, _ in pairs).items() if count > 1] == []
        return dict(pairs)

    text = resources.files(schemas).joinpath(vintage, f"{name}.json").read_text(encoding="utf-8")
    schema = json.loads(text, object_pairs_hook=once)
    used = set(re.findall(r'"\$ref": "([^"]*)"', text))
    assert used == {f"#/$defs/{key}" for key in schema.get("$defs", {})}


@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_every_part_names_its_rows(vintage: str, name: str) -> None:
    """A row of the fact base; what joined later and has none, the section with its date."""
    wanted = r"rows: [a-z]" if vintage == V0 else r"rows: [a-z]|§4: 20\d\d-\d\d-\d\d|§4 "
    for path, part in places(schemas.load(name, vintage)):
        assert re.match(wanted, part.get("$comment", "")), f"{name}{path} names no row"


@pytest.mark.skipif(not FACTS.is_file(), reason="the fact base does not lie beside this checkout")
@pytest.mark.parametrize(("vintage", "name"), EVERY)
def test_named_rows_exist(vintage: str, name: str) -> None:
    facts = FACTS.read_text(encoding="utf-8")
    known = set(re.findall(r"^\| ([a-z_0-9A-Z.]+) \|", facts, re.MULTILINE))
    dated = set(re.findall(r"^\| \**(\d{4}-\d\d-\d\d)\** \|", facts, re.MULTILINE))
    prefixes = {row.split(".")[0] for row in known if "." in row}
    for path, part in places(schemas.load(name, vintage)):
        rows = re.findall(r"\b[a-z_]+(?:\.[a-z_0-9]+)+\b", part["$comment"])
        dates = re.findall(r"\b\d{4}-\d\d-\d\d\b", part["$comment"])
        assert rows or dates, f"{name}{path}"
        assert set(dates) <= dated, f"{name}{path}"
        for row in rows:
            wild = row.endswith(".strict") and f"{row}.*" in part["$comment"]
            assert row in known or wild, f"{name}{path}: {row}"
            assert row.split(".")[0] in prefixes


def test_the_29_properties() -> None:
    assert sorted(schemas.load("request")["properties"]) == sorted(PROPERTIES)
    assert len(PROPERTIES) == 29


def test_table_reaches_every_property_from_both_sides() -> None:
    assert len(REQUESTS) >= 120
    assert [key for key, count in Counter(case.id for case in REQUESTS).items() if count > 1] == []
    for name in PROPERTIES:
        assert {case.valid for case in REQUESTS if case.about == name} == {True, False}, name


def check_request(case: Case, vintage: str = V0) -> None:
    """The verdict, and that an error points at the place."""
    errors = list(validator("request", vintage).iter_errors(case.body))
    assert (errors == []) is case.valid, [error.message for error in errors]
    if case.at is not None:
        found = {"/".join(map(str, error.absolute_path)) for error in errors}
        assert case.at in found


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.id)
def test_request(case: Case) -> None:
    check_request(case)


def check_other_validator(cases: tuple[Case, ...], vintage: str = V0) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    other = jsonschema_rs.Draft202012Validator(schemas.load("request", vintage))
    assert [case.id for case in cases if other.is_valid(case.body) is not case.valid] == []
    for case in cases:
        found = {"/".join(map(str, error.instance_path)) for error in other.iter_errors(case.body)}
        assert case.at is None or case.at in found, case.id


def test_both_validators_agree_on_requests() -> None:
    check_other_validator(REQUESTS)


@functools.cache
def other_validator(name: str, vintage: str = V0) -> Any:
    try:
        import jsonschema_rs
    except ModuleNotFoundError:
        return validator(name, vintage)
    return jsonschema_rs.Draft202012Validator(schemas.load(name, vintage))


def judged(name: str, record: Any, vintage: str = V0) -> bool:
    """What both validators say; the second is optional."""
    verdict = validator(name, vintage).is_valid(record)
    assert other_validator(name, vintage).is_valid(record) is verdict
    return verdict


@pytest.mark.parametrize(
    ("name", "record"),
    [("response", ANSWER), ("response", LOGGED), ("response", CALLED), ("chunk", CHUNK), ("error", REFUSAL)],
)
def test_plain_answers_fit_the_letter(name: str, record: Any) -> None:
    assert judged(name, record)
    assert judged(f"{name}-strict", record)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(ANSWER_EDITS))
def test_response(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("response", record), judged("response-strict", record)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(CHUNK_EDITS))
def test_chunk(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("chunk", record), judged("chunk-strict", record)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(ERROR_EDITS))
def test_error(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("error", record), judged("error-strict", record)) == (valid, strict)


# every member there is, once
FULL_LOGPROBS = {"content": [ENTRY], "refusal": [ENTRY]}
FULL_USAGE = {
    **USAGE,
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
}
FULL_HEAD = {"usage": FULL_USAGE, "system_fingerprint": "fp", "service_tier": "default"}
FULL_MESSAGE = {
    "role": "assistant",
    "content": "pong",
    "refusal": "no",
    "tool_calls": [CALL],
    "function_call": CALL["function"],
    "audio": {"id": "a", "expires_at": 1, "data": "AAAA", "transcript": "x"},
}
FULL_DELTA = {
    "role": "assistant",
    "content": "p",
    "refusal": "no",
    "tool_calls": [FRAGMENT],
    "function_call": {"name": "f", "arguments": ""},
}
FULL_CHOICE = {"index": 0, "finish_reason": "stop", "logprobs": FULL_LOGPROBS}
FULL = {
    "response": {**ANSWER, **FULL_HEAD, "choices": [{**FULL_CHOICE, "message": FULL_MESSAGE}]},
    "chunk": {**CHUNK, **FULL_HEAD, "choices": [{**FULL_CHOICE, "delta": FULL_DELTA}]},
    "error": put(put(REFUSAL, "error/param", "n"), "error/code", "invalid_value"),
}
# patterns of the members that may be absent, or null: in both schemas, or in the wider one only
DETAILS = r"usage/\w+_details(/\w+)?"
OPEN = rf"usage|{DETAILS}|system_fingerprint|service_tier"
LOG = r"choices/0/logprobs"
MAY_LACK = {
    "response": (rf"{OPEN}|{MESSAGE}/(tool_calls|function_call|audio)|{LOG}/.*/top_logprobs/0/bytes"),
    "chunk": (rf"{OPEN}|{LOG}|{LOG}/.*/top_logprobs/0/bytes|choices/0/delta/(?!.*/index).*"),
    "error": r"(?!)",
}
MAY_LACK_WIDE = {
    "response": rf"{LOG}|{LOG}/refusal|{MESSAGE}/refusal",
    "chunk": rf"choices/0/finish_reason|{LOG}/refusal",
    "error": r"error/(param|code)",
}
TOKENS = rf"{LOG}|{LOG}/(content|refusal)|{LOG}/.*/bytes"
MAY_BE_NULL = {
    "response": rf"system_fingerprint|service_tier|{TOKENS}|{MESSAGE}/(content|refusal|audio)",
    "chunk": rf"system_fingerprint|service_tier|usage|{TOKENS}|choices/0/(finish_reason|delta/(content|refusal))",
    "error": r"error/(param|code)",
}
MAY_BE_NULL_WIDE = {
    "response": rf"usage|{DETAILS}|{MESSAGE}/(tool_calls|function_call)",
    "chunk": rf"{DETAILS}|choices/0/delta/(?!.*(/index|/0)$).*",
    "error": r"(?!)",
}


def members(record: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    pairs = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in pairs:
        inner = f"{path}/{key}" if path else str(key)
        yield inner, value
        yield from members(value, inner)


@dataclass(frozen=True)
class Freedom:
    """Patterns of the members that may be absent or null: in both schemas, or in the wider one only."""

    lack: dict[str, str]
    lack_wide: dict[str, str]
    null: dict[str, str]
    null_wide: dict[str, str]


FREEDOM = Freedom(MAY_LACK, MAY_LACK_WIDE, MAY_BE_NULL, MAY_BE_NULL_WIDE)


def check_member(full: dict[str, Any], freedom: Freedom, kind: str, path: str, value: Any, vintage: str = V0) -> None:
    """One member of a full answer: what else it may be, and whether it may be absent."""

    def verdicts(new: Any) -> tuple[bool, bool]:
        record = put(full[kind], path, new)
        return judged(kind, record, vintage), judged(f"{kind}-strict", record, vintage)

    assert verdicts(value) == (True, True)
    assert verdicts("x" if isinstance(value, dict | list | int | float) else {}) == (False, False)
    if isinstance(value, int) and not isinstance(value, bool) and not path.endswith(("created", "expires_at")):
        assert verdicts(-1) == (False, False)
        assert verdicts(0.5) == (False, False)
    if not path.endswith("/0"):
        strict = re.fullmatch(freedom.lack[kind], path) is not None
        assert verdicts(DROP) == (strict or re.fullmatch(freedom.lack_wide[kind], path) is not None, strict)
    strict = re.fullmatch(freedom.null[kind], path) is not None
    assert verdicts(None) == (strict or re.fullmatch(freedom.null_wide[kind], path) is not None, strict)


@pytest.mark.parametrize(("kind", "path", "value"), [(kind, *pair) for kind in FULL for pair in members(FULL[kind])])
def test_every_member_of_a_full_answer(kind: str, path: str, value: Any) -> None:
    check_member(FULL, FREEDOM, kind, path, value)


@pytest.mark.parametrize("vintage", [V0, V1])
def test_shared_definitions_are_one(vintage: str) -> None:
    for suffix in ("", "-strict"):
        answer, chunk = (schemas.load(name + suffix, vintage)["$defs"] for name in ("response", "chunk"))
        same = {"TokenLogprob", "TopLogprob", "Logprob", "Bytes", "Moderation", "ModerationVerdict", "ModerationResult"}
        for key in same & answer.keys():
            assert answer[key] == chunk[key]
        for key in ("Logprobs", "Usage"):
            assert answer[key]["properties"] == chunk[key]["properties"]
            assert answer[key]["required"] == chunk[key]["required"]


@pytest.mark.parametrize("name", ["response", "chunk", "error"])
@pytest.mark.parametrize("value", [None, [], "x", 7, {}])
@pytest.mark.parametrize("vintage", [V0, V1])
def test_an_answer_is_an_object_with_members(vintage: str, name: str, value: Any) -> None:
    assert not judged(name, value, vintage)


def test_strict_is_never_wider() -> None:
    rows = (*ANSWER_EDITS, *CHUNK_EDITS, *ERROR_EDITS)
    assert all(valid or not strict for _, _, _, valid, strict in rows)
