"""The judge, as a table: what each answer means for a rule that expects acceptance, refusal or either."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import servers
from chatproof.conformance.judge import Kind, Reaction, excuse, judge, react
from chatproof.conformance.model import (
    Answer,
    Exchange,
    Expect,
    Request,
    RequestRule,
    Source,
    Strength,
    Symptom,
    Trouble,
)
from chatproof.strategies.bodies import lean


def rule(expect: Expect, *statuses: int) -> RequestRule:
    """A rule about nothing."""
    return RequestRule(
        id="x.y",
        property="x",
        title="does x",
        expect=expect,
        strength=Strength.MUST,
        source=Source("documented", "here"),
        statuses=frozenset(statuses),
    )


def got(status: int | None, value: Any = None, kind: str = "application/json", trouble: str | None = None) -> Exchange:
    """An exchange: a status and a body (bytes, or a value that becomes JSON), or a trouble, or both."""
    content = value if isinstance(value, bytes) else json.dumps(value if value is not None else {}).encode()
    answer = None if status is None else Answer(status, (("content-type", kind),), content)
    return Exchange(Request(body=lean(model="m-5.4")), answer, Trouble(trouble, "words") if trouble else None)


def error(message: str = "no", code: str | None = None) -> dict[str, Any]:
    """An error body."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


COMPLETION = servers.completion()
STREAM = b'data: {"choices": []}\n\ndata: [DONE]\n\n'
STREAM_ERROR = b'data: {"error": {"message": "no"}}\n\ndata: [DONE]\n\n'

ANSWERS: dict[str, tuple[Exchange, Reaction]] = {
    "200": (got(200, COMPLETION), Reaction.ACCEPTED),
    "201": (got(201, COMPLETION), Reaction.ACCEPTED),
    "200 stream": (got(200, STREAM, "text/event-stream"), Reaction.ACCEPTED),
    "200 not JSON": (got(200, b"<html>", "text/html"), Reaction.ACCEPTED),
    "200 with error: null": (got(200, {**COMPLETION, "error": None}), Reaction.ACCEPTED),
    "200 error": (got(200, error()), Reaction.ERROR_IN_200),
    "200 error as text": (got(200, {"error": "no"}), Reaction.ERROR_IN_200),
    "200 error stream": (got(200, STREAM_ERROR, "text/event-stream"), Reaction.ERROR_IN_200),
    "200 error stream, wrong type": (got(200, STREAM_ERROR), Reaction.ERROR_IN_200),
    "307": (got(307), Reaction.REDIRECTED),
    "400": (got(400, error()), Reaction.REFUSED),
    "403": (got(403, error()), Reaction.REFUSED),
    "404": (got(404, error()), Reaction.REFUSED),
    "408": (got(408, error()), Reaction.LIMITED),
    "413": (got(413, error()), Reaction.REFUSED),
    "422": (got(422, {"detail": []}), Reaction.REFUSED),
    "429": (got(429, error()), Reaction.LIMITED),
    "500": (got(500, error()), Reaction.CRASHED),
    "501": (got(501, error()), Reaction.CRASHED),
    "503": (got(503, error()), Reaction.LIMITED),
    "500 cut short": (got(500, trouble="disconnected"), Reaction.CRASHED),
    "dropped": (got(None, trouble="disconnected"), Reaction.DISCONNECTED),
    "200 cut short": (got(200, COMPLETION, trouble="disconnected"), Reaction.DISCONNECTED),
    "not HTTP": (got(None, trouble="protocol"), Reaction.DISCONNECTED),
    "hung": (got(None, trouble="timeout"), Reaction.HUNG),
    "hung midway": (got(200, COMPLETION, trouble="timeout"), Reaction.HUNG),
    "killed": (got(None, trouble="killed"), Reaction.KILLED),
    "no name": (got(None, trouble="dns"), Reaction.UNREACHED),
    "no TLS": (got(None, trouble="tls"), Reaction.UNREACHED),
    "nothing listens": (got(None, trouble="connect"), Reaction.UNREACHED),
    "no connection in time": (got(None, trouble="connect_timeout"), Reaction.UNREACHED),
    "not sent": (got(None, trouble="cancelled"), Reaction.UNREACHED),
}
UNDECIDED = {Reaction.UNREACHED, Reaction.LIMITED, Reaction.REDIRECTED}
FAULTS = {
    Reaction.CRASHED: Symptom.CRASHED,
    Reaction.DISCONNECTED: Symptom.DISCONNECTED,
    Reaction.HUNG: Symptom.HUNG,
    Reaction.KILLED: Symptom.KILLED_SERVER,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_reactions(name: str) -> None:
    exchange, reaction = ANSWERS[name]
    assert react(exchange) is reaction


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("expect", list(Expect))
def test_judgements(name: str, expect: Expect) -> None:
    exchange, reaction = ANSWERS[name]
    found = judge(rule(expect), exchange)
    if reaction in UNDECIDED:
        assert found.kind is Kind.UNDECIDED
        assert found.symptom is None
    elif reaction is Reaction.HUNG and expect is Expect.EITHER:
        assert found.kind is Kind.HELD  # a hang may be slowness
        assert found.observed.startswith("no answer")
    elif reaction in FAULTS:
        assert (found.kind, found.symptom) == (Kind.VIOLATED, FAULTS[reaction])
    elif expect is Expect.EITHER:
        assert found.kind is Kind.HELD
        assert found.observed
    elif expect is Expect.ACCEPT:
        wanted = {
            Reaction.ACCEPTED: (Kind.HELD, None),
            Reaction.ERROR_IN_200: (Kind.VIOLATED, Symptom.MALFORMED),
            Reaction.REFUSED: (Kind.VIOLATED, Symptom.REFUSED_VALID),
        }[reaction]
        if exchange.status in (403, 413):
            wanted = (Kind.EXCUSED, None)
        assert (found.kind, found.symptom) == wanted
    elif reaction is Reaction.REFUSED:
        legal = exchange.status in (400, 422)
        assert (found.kind, found.symptom) == ((Kind.HELD, None) if legal else (Kind.VIOLATED, Symptom.WRONG_STATUS))
    else:
        assert (found.kind, found.symptom) == (Kind.VIOLATED, Symptom.ACCEPTED_INVALID)
    assert found.why or found.kind is Kind.HELD
    assert "\n" not in found.why


@pytest.mark.parametrize("status", [404, 405, 413, 415])
def test_statuses_that_a_rule_allows(status: int) -> None:
    exchange = got(status, error())
    assert judge(rule(Expect.REFUSE, status), exchange).kind is Kind.HELD
    assert judge(rule(Expect.REFUSE), exchange).symptom is Symptom.WRONG_STATUS


@pytest.mark.parametrize(("size", "kind"), [(100, Kind.VIOLATED), (20_000, Kind.EXCUSED)])
def test_413_says_nothing_of_a_large_body_and_is_wrong_for_a_small_one(size: int, kind: Kind) -> None:
    exchange = replace(got(413, error("too large")), request=Request(body=lean(user="u" * size)))
    assert judge(rule(Expect.REFUSE), exchange).kind is kind
    assert judge(rule(Expect.REFUSE, 413), exchange).kind is Kind.HELD
    assert judge(rule(Expect.ACCEPT), exchange).kind is Kind.EXCUSED


@pytest.mark.parametrize(
    ("message", "code", "legal"),
    [
        ("You are not allowed to request logprobs from this model.", None, True),
        ("no", "unsupported_parameter", True),
        ("temperature is out of range", "invalid_value", False),
    ],
)
def test_403_is_for_what_a_model_may_do(message: str, code: str | None, legal: bool) -> None:
    found = judge(rule(Expect.REFUSE), got(403, error(message, code)))
    assert found.kind is (Kind.HELD if legal else Kind.VIOLATED)


@pytest.mark.parametrize(
    ("status", "message", "code", "excused"),
    [
        (400, "This model's maximum context length is 2048 tokens, however you requested 5000", None, True),
        (400, "nope", "context_length_exceeded", True),
        (400, "request (5000 tokens) exceeds the available context size (2048 tokens)", None, True),
        (413, "too big", None, True),
        (403, "not allowed", None, True),
        (400, "Unsupported value: 'temperature' does not support 0.5 with this model.", "unsupported_value", True),
        (400, "max_tokens is not supported with this model", None, True),
        (400, "Web search options not supported with this model.", None, True),
        (400, "Function tools with reasoning_effort are not supported for m-5.4 in this interface.", None, True),
        (400, "m-5.4 supports only the default verbosity", None, True),
        (400, "stop is unsupported (m-5.4)", None, True),
        (400, "Function tools with reasoning_effort are not supported for m-5.4-mini in this interface.", None, False),
        (400, "seed is not supported", None, False),
        (400, "m-5.4 wants a number as seed", None, False),
        (400, "temperature must be at most 1", None, False),
        (400, "The context of this message is unclear", None, False),
        (400, "max_tokens must be smaller", None, False),
        (400, "unknown model", "model_not_found", False),
    ],
)
def test_excuses(status: int, message: str, code: str | None, excused: bool) -> None:
    exchange = got(status, error(message, code))
    assert bool(excuse(exchange)) is excused
    assert judge(rule(Expect.ACCEPT), exchange).kind is (Kind.EXCUSED if excused else Kind.VIOLATED)
    assert "\n" not in excuse(got(status, error(message + "\n\n" + "x" * 5000, code)))


@pytest.mark.parametrize("said", ["logprobs is not supported with tools", "Calling with a format is unsupported"])
def test_features_that_are_not_offered_together(said: str) -> None:
    exchange = got(400, error(said, None))
    assert judge(rule(Expect.ACCEPT), exchange).kind is Kind.VIOLATED
    many = replace(rule(Expect.ACCEPT), fit=lambda body, _: body)
    assert judge(many, exchange).kind is Kind.EXCUSED
    for said_of_nothing in ("no", "This is not supported here."):
        assert judge(many, got(400, error(said_of_nothing, None))).kind is Kind.VIOLATED


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"error": []}',
        b'{"error": {"message": [1]}}',
        b"data: {",
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_no_body_confuses_the_judge(value: bytes, status: int) -> None:
    for expect in Expect:
        for kind in ("application/json", "text/event-stream", ""):
            judge(rule(expect), got(status, value, kind))


def test_no_answer_in_time_is_no_fault_where_nothing_bounds_the_thinking() -> None:
    late = Trouble("timeout", "no byte for 60 seconds")

    def judged(**rest: Any) -> Kind:
        return judge(rule(Expect.ACCEPT), Exchange(Request(**rest), None, late)).kind

    assert judged(body=lean(), bare=True) is Kind.EXCUSED
    assert judged(body=lean()) is Kind.VIOLATED
    assert judged(body=lean(max_tokens=16), bare=True) is Kind.VIOLATED
    assert judge(rule(Expect.REFUSE), Exchange(Request(body=lean(), bare=True), None, late)).kind is Kind.VIOLATED
