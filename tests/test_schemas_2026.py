"""The hand-written schemas of the vintage 2026-08: what they change of the older tables, and both sides of the new."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance import schemas
from schema_answers import ANSWER_EDITS, CHUNK_EDITS, ERROR_EDITS, edited
from schema_cases_2026 import (
    FLIPPED,
    FREEDOM_2026,
    FULL_2026,
    KEPT,
    NEW_ANSWERS,
    NEW_CHUNKS,
    NEWER,
    REQUESTS_2026,
    TURNED,
    newer,
)
from schema_requests import PROPERTIES, Case
from test_schemas import V1, check_member, check_other_validator, check_request, judged, members


def test_the_37_properties() -> None:
    assert sorted(schemas.load("request", V1)["properties"]) == sorted([*PROPERTIES, *NEWER])
    assert len([*PROPERTIES, *NEWER]) == 37


def test_a_further_vintage_is_a_further_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in schemas.names(V1):
        folder = tmp_path / "2099-01"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({**schemas.load(name, V1), "title": "made up"}))
    (tmp_path / "notes").mkdir()  # a folder without a request schema is no vintage
    cached = (schemas.vintages, schemas.names, schemas._parsed)
    for function in cached:
        function.cache_clear()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(schemas.resources, "files", lambda package: tmp_path)
            assert schemas.vintages() == ("2099-01",)
            assert schemas.load("request", "2099-01")["title"] == "made up"
    finally:
        for function in cached:
            function.cache_clear()


def test_table_reaches_every_property_from_both_sides() -> None:
    names = [case.id for case in REQUESTS_2026]
    assert sorted(names) == sorted(set(names))
    assert len(TURNED) == len(FLIPPED)
    for name in (*PROPERTIES, *NEWER):
        assert {case.valid for case in REQUESTS_2026 if case.about == name} == {True, False}, name


# the others are the older table: both validators see them below, and one verdict each is enough
@pytest.mark.parametrize("case", REQUESTS_2026[len(KEPT) :], ids=lambda case: case.id)
def test_request(case: Case) -> None:
    check_request(case, V1)


def test_what_the_older_vintage_said_still_holds() -> None:
    for case in KEPT:
        check_request(case, V1)


def test_the_older_vintage_knows_none_of_it() -> None:
    """What is new and valid is an unknown key, or refused, there; what is new and invalid is not seen."""
    for case in newer():
        assert judged("request", case.body)
    kinds = ("custom call whole", "user file {}", "allowed both", "custom smallest", "flex (later)", "format aac")
    found = [case for case in REQUESTS_2026 if case.id.split(": ", 1)[1] in kinds]
    assert len(found) == len(kinds)
    for case in found:
        assert case.valid
        assert not judged("request", case.body), case.id


def test_both_validators_agree_on_requests() -> None:
    check_other_validator(REQUESTS_2026, V1)


@pytest.mark.parametrize(("record", "valid", "strict"), edited((*ANSWER_EDITS, *NEW_ANSWERS)))
def test_response(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("response", record, V1), judged("response-strict", record, V1)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited((*CHUNK_EDITS, *NEW_CHUNKS)))
def test_chunk(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("chunk", record, V1), judged("chunk-strict", record, V1)) == (valid, strict)


@pytest.mark.parametrize(("record", "valid", "strict"), edited(ERROR_EDITS))
def test_error(record: Any, valid: bool, strict: bool) -> None:
    assert (judged("error", record, V1), judged("error-strict", record, V1)) == (valid, strict)


@pytest.mark.parametrize(
    ("kind", "path", "value"), [(kind, *pair) for kind in FULL_2026 for pair in members(FULL_2026[kind])]
)
def test_every_member_of_a_full_answer(kind: str, path: str, value: Any) -> None:
    check_member(FULL_2026, FREEDOM_2026, kind, path, value, V1)


def test_strict_is_never_wider() -> None:
    assert all(valid or not strict for _, _, _, valid, strict in (*NEW_ANSWERS, *NEW_CHUNKS))
