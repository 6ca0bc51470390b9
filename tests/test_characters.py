"""A character that a server does not bear is one fault, wherever in a body it stands."""

from __future__ import annotations

import pytest
from chatproof.conformance.bearers import FAULTY_TEXT_RULE, TEXT_RULE
from chatproof.conformance.depths import Settings
from chatproof.conformance.reference.app import create_app
from chatproof.strategies.json_values import in_ascii
from mutants.load_common import replayed
from serving import asked, served
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ELSEWHERE = ["stop.array.max.accepts", "fn.description.accepts"]


def answering_astral(status: int, where: bytes = b"") -> ASGIApp:
    """The reference, but for an error to characters beyond the basic plane in bodies that hold ``where``."""
    reference = create_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if where in body and any(sign > "\uffff" for sign in body.decode("utf-8", "replace")):
            error = {"message": "no such character", "type": "invalid_request_error", "param": None, "code": None}
            await JSONResponse({"error": error}, status)(scope, receive, send)
            return

        await reference(scope, replayed(body), send)

    return app


@pytest.mark.parametrize("status", [400, 500])
def test_one_rule_bears_a_character_that_is_not_borne(status: int) -> None:
    with served(answering_astral(status)) as url:
        found = asked(url, Settings(), only=[TEXT_RULE, "content.unicode.accepts", *ELSEWHERE])
    assert found[TEXT_RULE]["verdict"] == found["content.unicode.accepts"]["verdict"] == "failed"
    assert {found[name]["verdict"] for name in ELSEWHERE} == {"blocked"}
    assert {found[name]["blocked_by"] for name in ELSEWHERE} == {TEXT_RULE}


def refusing_ascii_alone() -> ASGIApp:
    """The reference, but for an error where it refuses a body that holds characters beyond ASCII."""
    reference = create_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 400 and not body.isascii():
                message = {**message, "status": 500}
            await send(message)

        await reference(scope, replayed(body), sent)

    return app


REFUSED = ["fn.name.pattern.refuses", "role.enum.refuses", "temperature.max.refuses"]


def test_one_rule_bears_characters_with_which_nothing_is_refused() -> None:
    with served(refusing_ascii_alone()) as url:
        found = asked(url, Settings(), only=[TEXT_RULE, FAULTY_TEXT_RULE, *REFUSED])
    failed = {name for name, line in found.items() if line["verdict"] == "failed"}
    assert failed == {FAULTY_TEXT_RULE}
    assert found["fn.name.pattern.refuses"]["blocked_by"] == FAULTY_TEXT_RULE


def test_an_error_for_every_refusal_has_nothing_to_do_with_characters() -> None:
    reference = create_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            await send({**message, "status": 500} if message.get("status") == 400 else message)

        await reference(scope, receive, sent)

    with served(app) as url:
        found = asked(url, Settings(), only=[FAULTY_TEXT_RULE, *REFUSED])
    assert found[FAULTY_TEXT_RULE]["verdict"] != "failed"
    assert {found[name]["verdict"] for name in REFUSED} == {"failed"}


def test_half_a_surrogate_pair_is_a_fault_of_its_own_rule() -> None:
    """No body but an escaped one can hold it, so nothing else is asked in its place."""
    with served(answering_astral(500)) as url:
        found = asked(url, Settings(), only=[TEXT_RULE, "http.surrogate"])
    assert found["http.surrogate"]["verdict"] != "error"


def failing_at_halves() -> ASGIApp:
    """The reference, but for a server error where an escape stands for half a surrogate pair."""
    reference = create_app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        if b"\\ud800" in body or b"\\ude00" in body:
            await JSONResponse({"error": {"message": "no"}}, 500)(scope, receive, send)
            return
        await reference(scope, replayed(body), send)

    return app


def test_who_fails_at_half_a_surrogate_pair_is_found() -> None:
    with served(failing_at_halves()) as url:
        found = asked(url, Settings(), only=[TEXT_RULE, "http.surrogate"])
    assert {name: line["verdict"] for name, line in found.items()} == {TEXT_RULE: "passed", "http.surrogate": "failed"}


def test_who_is_asked_alone_speaks_for_itself() -> None:
    with served(answering_astral(500)) as url:
        found = asked(url, Settings(), only=ELSEWHERE)
    assert {line["verdict"] for line in found.values()} == {"failed"}


def test_a_character_that_is_not_borne_in_one_place_is_a_fault_of_that_place() -> None:
    with served(answering_astral(500, where=b'"stop"')) as url:
        found = asked(url, Settings(), only=[TEXT_RULE, *ELSEWHERE])
    assert {name: line["verdict"] for name, line in found.items()} == {
        TEXT_RULE: "passed",
        "stop.array.max.accepts": "failed",
        "fn.description.accepts": "passed",
    }


def test_every_character_has_its_place_taken() -> None:
    assert in_ascii({"ü": ["é🛑", 1, None, "a"]}) == {"a": ["aa", 1, None, "a"]}
