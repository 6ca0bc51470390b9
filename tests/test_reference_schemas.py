"""The reference server and the hand-written schemas agree, at each vintage, although neither is made from the other.

What the reference calls a *must* a schema sees, unless it is out of a schema's sight; what it calls a *should* no
document forbids, so the schema takes it. Every answer of the reference fits the letter of the answer schemas.
"""

from __future__ import annotations

import json

import pytest
from chatproof.conformance import schemas
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.vintages import VINTAGES
from reference_bodies import ACCEPTED, REFUSED
from reference_bodies_2026 import NEWLY_ACCEPTED, NEWLY_REFUSED, NOW_ACCEPTED
from schema_cases_2026 import REQUESTS_2026
from schema_requests import REQUESTS
from test_reference_replies import STREAMS, ask
from test_reference_replies_2026 import STREAMS as STREAMS_2026
from test_schemas import V0, V1, validator

TAKEN = {V0: ACCEPTED, V1: ACCEPTED | NEWLY_ACCEPTED}
TURNED_DOWN = {V0: REFUSED, V1: [row for row in REFUSED if row not in NOW_ACCEPTED] + NEWLY_REFUSED}
CASES = {V0: REQUESTS, V1: REQUESTS_2026}
LARGE = {"n 128", "top_logprobs 20", "long content"}  # their answers are alike, and there are many of them
SAID = {V0: STREAMS, V1: STREAMS + STREAMS_2026}

# a must of the reference that the schema takes: rule and why
ONLY_REFERENCE = {
    "model.empty": "observed: the empty name and null are answered as an absent model",
    "part.refusal": "no row gives the members beside the type; the reference wants the string",
}
# what only the schema refuses: id of the case and why
ONLY_SCHEMA = {
    "messages: function message, parts": "content.function.nullable; the reference reads mm.content.parts",
}


def reasons(value: object, vintage: str) -> list[Reason]:
    return VINTAGES[vintage].reasons(value)


def test_both_know_the_same_vintages() -> None:
    assert tuple(VINTAGES) == schemas.vintages()
    for vintage in VINTAGES:
        assert VINTAGES[vintage].limits.request_keys == schemas.load("request", vintage)["properties"].keys()


@pytest.mark.parametrize("vintage", VINTAGES)
def test_what_the_reference_takes_fits_the_schema(vintage: str) -> None:
    found = [name for name, value in TAKEN[vintage].items() if not validator("request", vintage).is_valid(value)]
    assert found == []


@pytest.mark.parametrize("vintage", VINTAGES)
def test_a_schema_sees_what_is_a_must_and_nothing_else(vintage: str) -> None:
    found = set()
    for rule, bad in TURNED_DOWN[vintage]:
        (reason,) = reasons(bad, vintage)
        if validator("request", vintage).is_valid(bad) != (reason.strength == "should"):
            found.add((rule, reason.strength))
    assert found == {("model.empty", "must")}


@pytest.mark.parametrize("vintage", VINTAGES)
def test_the_reference_judges_the_cases_of_the_schema_alike(vintage: str) -> None:
    only_reference, only_schema = set(), set()
    for case in CASES[vintage]:
        found = reasons(case.body, vintage)
        if case.valid:
            only_reference |= {reason.rule for reason in found if reason.strength == "must"}
        elif not found:
            only_schema.add(case.id)
    assert only_reference == ONLY_REFERENCE.keys()
    assert only_schema == ONLY_SCHEMA.keys()


@pytest.mark.parametrize("vintage", VINTAGES)
def test_answers_fit_the_letter(vintage: str) -> None:
    server = Reference(vintage=vintage)
    asked = [*SAID[vintage], *(value for name, value in TAKEN[vintage].items() if name not in LARGE)]
    for value in asked:
        for stream in (False, True):
            body = {**value, "stream": stream}
            if stream and (value.get("audio") or {}).get("format") not in (None, "pcm16"):
                continue  # only one format is streamed
            if not stream:
                body.pop("stream_options", None)
            answer = ask(body, server)
            assert answer.status == 200, (value, answer.blocks)
            name = "chunk-strict" if stream else "response-strict"
            for block in answer.blocks:
                if block != b"data: [DONE]\n\n":
                    validator(name, vintage).validate(json.loads(block.removeprefix(b"data: ")))


@pytest.mark.parametrize("vintage", VINTAGES)
def test_refusals_fit_the_letter(vintage: str) -> None:
    server = Reference(vintage=vintage)
    for rule, bad in TURNED_DOWN[vintage]:
        raw = json.dumps(bad).replace("Infinity", "1e400").encode()
        answer = ask(raw, server)
        assert answer.status == 400, rule
        validator("error-strict", vintage).validate(json.loads(answer.blocks[0]))
