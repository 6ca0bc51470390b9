"""Real clients: what only the official package shows is found, and nothing of the environment goes with it."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import servers
from chatproof.conformance import clients
from chatproof.conformance.budget import NOTE, Budget
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import load
from chatproof.conformance.client_uses import USES, Use
from chatproof.conformance.depths import Settings
from chatproof.conformance.intake import BrokenCoding, decoded
from chatproof.conformance.model import Answer, Call, Exchange, Outcome, Request, Undecided
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.results import Verdict
from chatproof.conformance.rules import clients as chapter
from chatproof.conformance.target import Bounds, Target
from chatproof.strategies.bodies import lean
from mutants.base import answering, streaming
from mutants.clients import MUTANTS
from serving import asked, served
from variants import application

RULES = [rule.id for rule in load().relations if rule.chapter == "clients"]
DEFAULT = Settings(strict=True)

SERVED = "chatproof-reference"

needs_the_package = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="openai is not installed: pip install 'chatproof[clients]'"
)


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with served(application({mutant.name: mutant for mutant in MUTANTS})) as url:
        yield url.removesuffix("/v1")


@needs_the_package
def test_the_reference_is_usable() -> None:
    with served(Reference()) as url:
        lines = asked(url, DEFAULT, only=RULES)
    assert {name: line["verdict"] for name, line in lines.items()} == dict.fromkeys(RULES, "passed")
    assert all(line["strength"] == "must" for line in lines.values())


@needs_the_package
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_only_a_client_shows(root: str, mutant: Any) -> None:
    lines = asked(f"{root}/{mutant.name}/v1", DEFAULT, only=RULES)
    assert {name for name, line in lines.items() if line["verdict"] == "failed"} == mutant.fails
    finding = next(line["finding"] for line in lines.values() if "finding" in line)
    assert finding["confirmed"] == "2/2"
    assert "x-stainless-lang: python" in finding["curl"]


@needs_the_package
def test_what_a_rule_about_answers_says_is_said_there_alone() -> None:
    def gone(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["choices"] = [{**choice, "delta": None} for choice in row["choices"]]

    with served(streaming(gone)) as url:
        lines = asked(url, DEFAULT, only=["client.stream", "client.stream.helper"])
    assert {line["verdict"] for line in lines.values()} <= {"not_offered", "passed"}
    with served(answering(lambda body: [choice.pop("message") for choice in body["choices"]])) as url:
        lines = asked(url, DEFAULT, only=["client.create", "client.tools", "client.structured"])
    assert {line["verdict"] for line in lines.values()} <= {"not_offered", "passed", "blocked"}


def test_without_the_package_it_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapter, "find_spec", lambda name: None)
    with served(Reference()) as url:
        lines = asked(url, DEFAULT, only=RULES)
    assert {line["verdict"] for line in lines.values()} == {"not_offered"}
    assert {line["note"] for line in lines.values()} == {chapter.MISSING}
    assert sum(line["requests"] for line in lines.values()) == 0


@needs_the_package
def test_a_client_that_sends_nothing_says_nothing_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(client: Any, body: Any) -> Any:
        raise AttributeError("of another version")

    monkeypatch.setattr(clients, "USES", {**USES, "create": Use(broken)})
    with served(Reference()) as url:
        [line] = asked(url, DEFAULT, only=["client.create"]).values()
    assert line["verdict"] == "not_offered"
    assert line["note"] == "the client sent nothing: AttributeError: of another version"


def test_without_the_package_the_driver_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "installed", lambda: False)
    outcome = asyncio.run(clients.drive(Call("create", lean()), Target("http://127.0.0.1:9/v1")))
    assert outcome == Outcome(undecided=chapter.MISSING)


# --- what is sent -----------------------------------------------------------------------------------------------------


@needs_the_package
@pytest.mark.parametrize("use", ["create", "create_async"])
@pytest.mark.parametrize("key", [None, "sk-0123456789"])
def test_nothing_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch, use: str, key: str | None) -> None:
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "from-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Own: from-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        await talk.json(200, {"id": "sk-0123456789"})

    with servers.Server(behave) as server:
        target = Target(
            f"{server.url}/v1", "tier=a", key=key, model="m", plain_headers=(("x-tier", "t"),), extra={"own": 1}
        )
        outcome = asyncio.run(clients.drive(Call(use, lean()), target))
    [request] = server.received
    assert "from-the-environment" not in repr(request.headers)
    sent = {name.lower(): value for name, value in request.headers.items()}
    assert request.query == "tier=a"
    assert sent.get("authorization") == (f"Bearer {key}" if key else None)
    assert sent["x-tier"] == "t"
    assert request.value("own") == 1
    [exchange] = outcome.exchanges
    assert exchange.request.path == "/chat/completions"
    assert exchange.answer is not None
    assert (b"sk-0123456789" in exchange.answer.content) is (key is None)
    assert "sk-" not in repr(exchange.request)


@needs_the_package
def test_no_redirect_is_followed() -> None:
    with servers.Server(servers.redirects("/v1/elsewhere")) as server:
        outcome = asyncio.run(clients.drive(Call("create", lean()), Target(f"{server.url}/v1")))
    assert [request.path for request in server.received] == ["/v1/chat/completions"]
    assert outcome.error


@needs_the_package
def test_what_never_ends_is_bounded() -> None:
    with servers.Server(servers.endless) as server:
        target = Target(f"{server.url}/v1", bounds=Bounds(size=10_000))
        outcome = asyncio.run(clients.drive(Call("stream", lean()), target))
    assert outcome.undecided == "the answer went beyond the bounds"


@needs_the_package
@pytest.mark.parametrize("use", list(USES))
def test_no_use_sends_more_than_it_says(use: str, serve: Callable[..., servers.Server]) -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    body = lean() | ({"tools": [tool], "tool_choice": "required"} if use == "tools" else {})
    counts: list[int] = []
    with served(Reference()) as url:
        counts.append(len(asyncio.run(clients.drive(Call(use, body), Target(url, model=SERVED))).exchanges))
    for behave in (servers.refuses(500, "no"), servers.refuses(429, "later")):
        server = serve(behave)
        asyncio.run(clients.drive(Call(use, body), Target(f"{server.url}/v1")))
        counts.append(len(server.received))
    assert max(counts) == USES[use].most_requests


@needs_the_package
@pytest.mark.parametrize("requests", [3, 5, 12])
def test_a_client_keeps_to_the_ceiling(requests: int) -> None:
    """What it may send is booked before it starts."""
    with served(Reference()) as url:
        budget = Budget(requests=requests)
        catalogue = load()
        campaign = Campaign(Target(url, model=SERVED, budget=budget), catalogue, Settings(in_flight=4), capabilities={})
        campaign.open()
        try:
            campaign.submit([catalogue.by_id[name] for name in RULES])  # pyright: ignore[reportArgumentType]
            results = [campaign.result(name) for name in RULES]
        finally:
            campaign.close()
    assert campaign.sent == budget.sent <= requests
    cut = [result for result in results if result.verdict is Verdict.ERROR]
    assert cut
    assert all(result.note.startswith(NOTE) for result in cut)


@pytest.mark.parametrize(
    ("encoding", "content", "trouble"),
    [
        ("", b"x", ""),
        ("identity", b"x", ""),
        ("gzip", gzip.compress(b"x", mtime=0), ""),
        ("deflate", zlib.compress(b"x"), ""),
        ("deflate, gzip", gzip.compress(zlib.compress(b"x"), mtime=0), ""),
        ("gzip", b"no gzip", "the answer is not the gzip"),
        ("gzip", gzip.compress(b"x", mtime=0)[:-1], "ends before its content-encoding does"),
        ("gzip", gzip.compress(bytes(10**6)), "longer than 100000 bytes"),
        ("br", b"x", "a content-encoding that is not undone here: 'br'"),
    ],
)
def test_encodings(encoding: str, content: bytes, trouble: str) -> None:
    if trouble:
        with pytest.raises(BrokenCoding, match=trouble):
            decoded(content, encoding, 100_000)
    else:
        assert decoded(content, encoding, 100_000) == b"x"


def test_a_client_that_has_read_enough_leaves_the_end_of_the_coding() -> None:
    content = gzip.compress(b"data: [DONE]", mtime=0)[:-4]
    assert decoded(content, "gzip", 100_000, whole=False) == b"data: [DONE]"


# --- what is compared -------------------------------------------------------------------------------------------------


def wire(content: object, media: str = "application/json") -> Exchange:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Exchange(Request(body=lean()), Answer(200, (("content-type", media),), raw))


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETION = {
    "id": "c",
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi", "refusal": None}}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def changed(change: Callable[[Any], None]) -> Any:
    value = json.loads(json.dumps(COMPLETION))
    change(value)
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.update(id="d"),
        lambda value: value["choices"][0]["message"].update(content="h"),
        lambda value: value["choices"][0]["message"].update(tool_calls=[CALL]),
        lambda value: value["choices"][0].update(finish_reason="length"),
        lambda value: value["choices"].pop(),
        lambda value: value["usage"].update(total_tokens=4),
        lambda value: value.pop("usage"),
    ],
)
def test_what_a_client_loses_is_seen(change: Callable[[Any], None]) -> None:
    assert chapter.same_completion(changed(change), wire(COMPLETION))


def test_what_a_client_may_leave_out() -> None:
    got = changed(lambda value: value["choices"][0]["message"].pop("refusal"))
    assert chapter.same_completion(got, wire(COMPLETION)) is None
    assert "is no completion" in str(chapter.same_completion("<html>", wire(COMPLETION)))


def test_chunks_are_compared_by_what_they_amount_to() -> None:
    rows = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "h"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "i"}, "finish_reason": "stop"}]},
    ]
    content = b"".join(b"data: " + json.dumps(row).encode() + b"\n\n" for row in rows) + b"data: [DONE]\n\n"
    sent = wire(content, "text/event-stream")
    assert chapter.same_stream(rows, sent) is None
    assert chapter.same_stream(rows[:1], sent)
    whole = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]}
    assert chapter.same_whole(whole, sent) is None
    whole["choices"][0]["message"] = {"content": "h"}
    assert chapter.same_whole(whole, sent)


def test_an_answer_that_was_cut_is_no_fault_of_a_helper() -> None:
    cut = wire({"choices": [{"index": 0, "finish_reason": "length", "message": {"content": "h"}}]})
    outcome = Outcome((cut,), error="LengthFinishReasonError: …")
    with pytest.raises(Undecided, match="was cut"):
        chapter._wrong(outcome, chapter.same_completion)
    outcome = Outcome((wire(COMPLETION),), error="LengthFinishReasonError: …")
    assert "LengthFinishReasonError" in str(chapter._wrong(outcome, chapter.same_completion))


@pytest.mark.parametrize("events", ["retry: 3000\n\ndata: {}\n\n", 'data: {"error": {"message": "no"}}\n\n'])
def test_what_a_stream_may_hold_and_the_client_raises_is_no_fault_of_the_server(events: str) -> None:
    exchange = wire(events.encode(), "text/event-stream")
    with pytest.raises(Undecided, match="the stream"):
        chapter._wrong(Outcome((exchange,), error="JSONDecodeError: …"), chapter.same_stream)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(400, "tool_use_failed", False), (400, "content_filter", False), (400, None, True), (403, None, True)],
)
def test_what_excuses_a_refusal_excuses_it_of_a_client(status: int, code: str | None, told: bool) -> None:
    """A model may fail at one call and not at the next; who sends the request does not matter."""
    no = wire({"error": {"message": "Failed.", "type": "invalid_request_error", "param": None, "code": code}})
    assert no.answer is not None
    no = replace(no, request=Request(raw=b"{}"), answer=replace(no.answer, status=status))
    script = chapter.used("create", chapter.same_completion)(lean())
    next(script)
    assert isinstance(script.send(wire(COMPLETION)), Call)
    with pytest.raises(StopIteration if told else Undecided) as end:
        script.send(Outcome((no,), error="BadRequestError: Failed."))
    ended: Any = end.value
    assert not told or "BadRequestError" in ended.value


def test_a_stream_that_another_client_gets_is_streamed_to_this_one() -> None:
    """A server may go by the Accept header, in which the official client names JSON alone; nothing is nothing there."""
    events = wire(b"data: [DONE]\n\n", "text/event-stream")
    for came, fault in ((wire(COMPLETION), True), (events, False)):
        script = chapter.used("stream", chapter.same_stream, stream=True)(lean())
        next(script)
        assert isinstance(script.send(events), Call)
        with pytest.raises(StopIteration) as end:
            script.send(Outcome((came,), value=[]))
        assert (end.value.value is not None) is fault


def test_a_client_may_send_again_what_was_put_off() -> None:
    """A busy server refuses the second time: that is one refusal."""
    busy = Exchange(Request(body=lean(n=0)), Answer(429, (("content-type", "application/json"),), b"{}"))
    error = {"error": {"message": "no", "type": "invalid_request_error", "param": "n", "code": None}}
    plain = wire(error)
    assert plain.answer is not None
    no = replace(plain, answer=replace(plain.answer, status=400))
    value = {"class": "BadRequestError", "status": 400, **error["error"]}
    for exchanges, fault in (((busy, no), False), ((no, no), True)):
        script = chapter.refused(lean(n=0))
        next(script)
        assert isinstance(script.send(no), Call)
        with pytest.raises(StopIteration) as end:
            script.send(Outcome(exchanges, value=value))
        assert bool(end.value.value) is fault
