"""First words with an endpoint, one request at a time: what the client makes of servers that misbehave."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from shutil import which
from typing import Any

import httpx
import pytest
import servers
from chatproof.conformance import connection
from chatproof.conformance.judge import Reaction, react
from chatproof.conformance.lane import Lane, retry_wait
from chatproof.conformance.model import Exchange, Request, Trouble, Unended
from chatproof.conformance.outgoing import curl, prepare
from chatproof.conformance.redaction import HALF_REDACTED
from chatproof.conformance.target import Bounds, EndpointError, Target, split_url
from chatproof.strategies.bodies import lean

PATIENT = Bounds(connect=30, read=30, total=45, retries=2, longest_wait=0.2, linger=30)
"""No test that awaits an answer fails because a busy machine is late with it."""
STUCK = 120
"""Seconds after which a test fails in place of hanging."""
KEY = "sk-this-is-secret-0123456789"


def ask(target: Target, *requests: Request) -> list[Exchange]:
    """The exchanges of some requests, one after the other on one lane."""

    async def go() -> list[Exchange]:
        async with asyncio.timeout(STUCK), Lane(target) as lane:
            return [await lane.ask(prepare(request, target)) for request in requests]

    return asyncio.run(go())


def target_of(server: servers.Server, **rest: Any) -> Target:
    """A target at a test server."""
    return Target(server.url + "/v1", model=servers.MODEL, bounds=rest.pop("bounds", PATIENT), **rest)


LEAN = Request(body=lean())


@pytest.mark.parametrize(
    ("text", "bases", "query"),
    [
        ("http://h:1", ["http://h:1/v1", "http://h:1"], ""),
        ("http://h:1/", ["http://h:1/v1", "http://h:1"], ""),
        ("http://h:1/v1", ["http://h:1/v1"], ""),
        ("http://h:1/v1/", ["http://h:1/v1"], ""),
        ("http://h:1/v1/chat/completions", ["http://h:1/v1"], ""),
        ("http://h:1/v1/chat/completions/?a=b", ["http://h:1/v1"], "a=b"),
        ("http://h:1/api", ["http://h:1/api", "http://h:1/api/v1"], ""),
        ("https://h/openai/deployments/x?api-version=2024", None, "api-version=2024"),
        ("http://h:1/chat/completions", ["http://h:1/v1", "http://h:1"], ""),
        ("http://[::1]:8000/v1", ["http://[::1]:8000/v1"], ""),
    ],
)
def test_url_forms(text: str, bases: list[str] | None, query: str) -> None:
    found, kept = split_url(text)
    assert kept == query
    if bases is not None:
        assert found == bases


@pytest.mark.parametrize(
    "text",
    ["", "localhost:8000", "ftp://h/v1", "http://", "http://h:99999", "http://h:x/v1", "http://u:p@h/v1", "h/v1"],
)
def test_urls_that_are_none(text: str) -> None:
    with pytest.raises(EndpointError, match="--endpoint") as caught:
        split_url(text)
    assert "\n" not in str(caught.value)


def test_a_conforming_answer(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.strict)
    [exchange] = ask(target_of(server), LEAN)
    assert react(exchange) is Reaction.ACCEPTED
    assert server.bodies == [lean(model=servers.MODEL)]


@pytest.mark.parametrize(
    ("behave", "reaction", "kind"),
    [
        (servers.resets, Reaction.DISCONNECTED, "disconnected"),
        (servers.writes(b""), Reaction.DISCONNECTED, "disconnected"),
        (servers.cut_short, Reaction.DISCONNECTED, "disconnected"),
        (servers.writes(b"220 smtp ready\r\n\r\n"), Reaction.DISCONNECTED, "protocol"),
        (servers.writes(b"\x00\xff\xfe garbage \r\n\r\n"), Reaction.DISCONNECTED, "protocol"),
        (servers.writes(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"), Reaction.DISCONNECTED, "protocol"),
        (servers.web_page, Reaction.ACCEPTED, None),
        (servers.bad_utf8, Reaction.ACCEPTED, None),
        (servers.refuses(400), Reaction.REFUSED, None),
        (servers.refuses(429), Reaction.LIMITED, None),
        (servers.refuses(503), Reaction.LIMITED, None),
        (servers.refuses(500), Reaction.CRASHED, None),
        (servers.redirects("http://127.0.0.1:1/v1"), Reaction.REDIRECTED, None),
    ],
)
def test_what_comes_back(
    serve: Callable[..., servers.Server], behave: servers.Behaviour, reaction: Reaction, kind: str | None
) -> None:
    [exchange] = ask(target_of(serve(behave)), LEAN)
    assert react(exchange) is reaction
    assert (exchange.trouble.kind if exchange.trouble else None) == kind


@pytest.mark.parametrize(
    ("behave", "bounds", "text"),
    [
        (servers.hangs, replace(PATIENT, read=0.5), "no byte for 0.5 s"),
        (servers.drips, replace(PATIENT, total=1), "no complete answer within 1 s"),
    ],
)
def test_what_does_not_come_back(
    serve: Callable[..., servers.Server], behave: servers.Behaviour, bounds: Bounds, text: str
) -> None:
    [exchange] = ask(target_of(serve(behave), bounds=bounds), LEAN)
    assert react(exchange) is Reaction.HUNG
    assert exchange.trouble == Trouble("timeout", text)


def test_nothing_listens_is_no_verdict() -> None:
    [exchange] = ask(Target(f"http://127.0.0.1:{servers.free_port()}/v1", bounds=PATIENT), LEAN)
    assert react(exchange) is Reaction.UNREACHED
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "connect"


def test_a_name_that_does_not_resolve() -> None:
    [exchange] = ask(Target("http://chatproof-test.invalid/v1", bounds=PATIENT), LEAN)
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "dns"


def test_tls_to_a_plain_port(serve: Callable[..., servers.Server]) -> None:
    target = Target(serve(servers.strict).url.replace("http:", "https:") + "/v1", bounds=PATIENT)
    [exchange] = ask(target, LEAN)
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "tls"
    assert react(exchange) is Reaction.UNREACHED


@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limit_is_waited_out(serve: Callable[..., servers.Server], status: int) -> None:
    limited = servers.once(servers.chat, servers.refuses(status, headers=(("retry-after", "0"),)))
    server = serve(limited)
    [exchange] = ask(target_of(server), LEAN)
    assert react(exchange) is Reaction.ACCEPTED
    assert exchange.attempts == 2
    assert len(server.received) == 2


@pytest.mark.parametrize(("asked", "tries"), [("0", 1 + PATIENT.retries), ("soon", 1 + PATIENT.retries), ("86400", 1)])
def test_a_rate_limit_without_end_is_bounded(serve: Callable[..., servers.Server], asked: str, tries: int) -> None:
    server = serve(servers.refuses(429, headers=(("retry-after", asked),)))
    [exchange] = ask(target_of(server), LEAN)
    assert react(exchange) is Reaction.LIMITED
    assert len(server.received) == tries, "nobody asks again before it is time"


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("0", 0, 0),
        ("3", 3, 3),
        ("1.5", 1.5, 1.5),
        ("-5", 0, 0),
        ("1e9", 20, 20),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1)), 0, 0),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1)), 20, 20),
        ("soon", 0.4, 0.6),
        ("", 0.4, 0.6),
        ("nan", 0, 20),
        ("inf", 20, 20),
        ("Mon, 99 Foo 2024", 0.4, 0.6),
    ],
    ids=range(12),
)
def test_retry_after(value: str, low: float, high: float) -> None:
    assert low <= retry_wait(httpx.Headers({"retry-after": value}), 0, 20.0) <= high


def test_connections_closed_without_notice_do_no_harm(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.closes_after_each())
    exchanges = ask(target_of(server), *[LEAN] * 5)
    assert {react(exchange) for exchange in exchanges} == {Reaction.ACCEPTED}
    assert len(server.received) == 5


def test_a_connection_is_kept(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.strict)
    ask(target_of(server), *[LEAN] * 5)
    assert server.connections == 1


def test_an_endless_answer_is_cut(serve: Callable[..., servers.Server]) -> None:
    bounds = replace(PATIENT, size=100_000)
    server = serve(servers.endless)
    [exchange] = ask(target_of(server, bounds=bounds), LEAN)
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "too_large"
    assert exchange.answer is not None
    assert exchange.answer.content.startswith(b"data: {")
    assert len(exchange.answer.content) < 100_000, "its start is enough to look at"
    assert react(exchange) is Reaction.HUNG


def test_redirects_are_not_followed(serve: Callable[..., servers.Server]) -> None:
    other = serve(servers.strict)
    ask(target_of(serve(servers.redirects(other.url + "/v1/chat/completions")), key=KEY), LEAN)
    assert other.received == []


@pytest.mark.parametrize("where", ["body", "header", "garbage"])
def test_the_key_does_not_come_back(serve: Callable[..., servers.Server], where: str) -> None:
    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        sent = request.headers["authorization"]
        assert KEY in sent
        if where == "body":
            await talk.error(400, f"bad {sent}")
        elif where == "header":
            await talk.error(400, "bad", (("x-sent", sent), ("location", f"http://h/?k={sent}")))
        else:
            await talk.raw(f"HTTP/1.1 200 OK\r\n{sent}\r\n\r\n".encode())
            talk.close()

    [exchange] = ask(target_of(serve(behave), key=KEY), LEAN)
    assert KEY not in repr(exchange)


def test_a_short_dummy_key_does_not_change_answers(serve: Callable[..., servers.Server]) -> None:
    for key in ("x", "e", "null", "none"):
        [exchange] = ask(target_of(serve(servers.strict), key=key), LEAN)
        assert exchange.answer is not None
        assert "choices" in exchange.answer.json, key


@pytest.mark.parametrize("key", ["sk-secret-0123\n", "sk-secret-0123\r\nx: y", "sk-geheim-äöü-0123"])
def test_a_key_that_fits_no_header_is_not_shown(serve: Callable[..., servers.Server], key: str) -> None:
    [exchange] = ask(target_of(serve(servers.strict), key=key), LEAN)
    assert "sk-" not in repr(exchange)


def test_requests_without_or_with_another_key(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.strict)
    ask(target_of(server, key=KEY), LEAN, Request(body=lean(), auth=False), Request(body=lean(), auth="Bearer other"))
    sent = [item.headers.get("authorization") for item in server.received]
    assert sent == [f"Bearer {KEY}", None, "Bearer other"]


def test_base_fields_and_model() -> None:
    target = Target("http://h/v1", model='a"b', fields={"max_tokens": 16})
    assert prepare(LEAN, target).body == {**lean(model='a"b'), "max_tokens": 16}
    assert prepare(Request(body=lean(max_completion_tokens=3)), target).body == lean(
        model='a"b', max_completion_tokens=3
    )
    assert prepare(Request(body=lean(), bare=True), target).body == lean(model='a"b')
    assert prepare(Request(body=[1]), target).body == [1]
    raw = prepare(Request(raw=b'{"model": "chatproof-model"}'), target)
    assert raw.content == b'{"model": "a\\"b"}'


def test_a_bound_is_sent_under_the_name_that_is_taken() -> None:
    newer = Target("http://127.0.0.1:1/v1", model="m", fields={"max_completion_tokens": 16})
    older = Target("http://127.0.0.1:1/v1", model="m", fields={"max_tokens": 16})

    def sent(target: Target, **rest: Any) -> Any:
        return prepare(Request(**rest), target).body

    assert list(sent(newer, body=lean(max_tokens=4, seed=1))) == ["model", "messages", "max_completion_tokens", "seed"]
    assert sent(newer, body=lean(max_tokens=4))["max_completion_tokens"] == 4
    assert sent(older, body=lean(max_tokens=4)) == lean(model="m", max_tokens=4)
    assert sent(older, body=lean(max_completion_tokens=4)) == lean(model="m", max_completion_tokens=4)
    for body in (
        lean(max_tokens=4, max_completion_tokens=5),
        lean(max_tokens=None),
        lean(max_tokens="4"),
        lean(max_tokens=True),
    ):
        assert sent(newer, body=body) == {**body, "model": "m"}, "what is under test stays as it is"
    assert sent(newer, body=lean(max_tokens=4), bare=True) == lean(model="m", max_tokens=4)
    raw = b'{"model": "chatproof-model", "max_tokens" : 4}'
    assert prepare(Request(raw=raw), newer).raw == b'{"model": "m", "max_completion_tokens" : 4}'
    assert prepare(Request(raw=raw), older).raw == b'{"model": "m", "max_tokens" : 4}'
    both = b'{"max_tokens": 4, "max_completion_tokens": 4}'
    assert prepare(Request(raw=both), newer).raw == both


def one(server: servers.Server) -> servers.Received:
    """The one request that came."""
    [request] = server.received
    return request


PASTED = [
    LEAN,
    Request(body=lean(user='it\'s "quoted" $HOME `id` \\ ! \n \t')),
    Request(body=lean(user="\u202e\u200b\u0007 \U0001f600 é")),
    Request(raw=b'{"model": "chatproof-model", "x": NaN}'),
    Request(raw=b"\xff\xfe\x00 not text"),
    Request(raw=b"@/etc/hostname"),
    Request(raw=b"two\r\nlines\n"),
    Request(raw=b"-leading dash"),
    Request(raw=b""),
    Request(body=lean(), content_type=None),
    Request(body=lean(), content_type="text/plain; charset=utf-8"),
    Request(body=lean(), auth=False),
    Request(body=lean(), auth="Basic $KEY 'x'"),
    Request(body=lean(), headers=(("x-one", "a'b"), ("x-two", "c"))),
    Request(body=lean(), path="/completions", method="PUT"),
    Request(body=lean(user="Größe"), chunked=True),
    Request(body=lean(user="\n"), chunked=True),
    Request(body=lean(), content_type=None, headers=(("CONTENT-TYPE", "application/json"),)),
]


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("request_", PASTED, ids=range(len(PASTED)))
def test_the_curl_line_sends_the_same(serve: Callable[..., servers.Server], request_: Request) -> None:
    first, second = serve(servers.agreeable), serve(servers.agreeable)
    ask(target_of(first, key=KEY, key_variable="SOME_KEY", query="a=b&c='d'"), request_)
    target = target_of(second, key=KEY, key_variable="SOME_KEY", query="a=b&c='d'")
    line = curl(prepare(request_, target), target)
    assert KEY not in line
    assert line.isprintable()
    subprocess.run(["sh", "-c", line], env={"SOME_KEY": KEY, "PATH": "/usr/bin:/bin"}, check=True, capture_output=True)
    sent, pasted = one(first), one(second)
    assert (sent.method, sent.target, sent.content) == (pasted.method, pasted.target, pasted.content)
    own = dict(request_.headers)
    for name in ("authorization", "content-type", "transfer-encoding", "content-length", *own):
        assert sent.headers.get(name) == pasted.headers.get(name), name


def test_a_chunked_body_goes_in_several_chunks_and_its_connection_ends(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.strict)
    chunked = Request(body=lean(user="Größe"), chunked=True)
    found = ask(target_of(server), LEAN, chunked, LEAN)
    assert [react(exchange) for exchange in found] == [Reaction.ACCEPTED] * 3
    assert [item.headers.get("transfer-encoding") for item in server.received] == [None, "chunked", None]
    assert "content-length" not in server.received[1].headers
    assert [item.connection for item in server.received] == [1, 1, 2]
    assert server.bodies[1]["user"] == "Größe"


STREAM = Request(body=lean(stream=True))


@pytest.mark.parametrize(
    ("then", "unended"),
    [(["end"], None), (["end", "close"], None), (["close"], Unended.CLOSED), ([], Unended.SILENT)],
)
def test_what_follows_the_end_marker(
    serve: Callable[..., servers.Server], then: list[str], unended: Unended | None
) -> None:
    server = serve(servers.streams(*then))
    bounds = replace(PATIENT, linger=0.2) if unended is Unended.SILENT else PATIENT
    found = ask(target_of(server, bounds=bounds), STREAM, LEAN)
    assert [react(exchange) for exchange in found] == [Reaction.ACCEPTED] * 2
    assert [exchange.answer and exchange.answer.unended for exchange in found] == [unended, None]
    assert found[0].answer is not None
    assert found[0].answer.stream.finished


def test_a_body_that_only_speaks_of_the_end_marker(serve: Callable[..., servers.Server]) -> None:
    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        text = json.dumps({"choices": [{"delta": {"content": "\ndata: [DONE]"}}]})
        start = f"data: {text}\n\n".encode()
        head = f"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: {len(start) + 9}\r\n\r\n"
        await talk.raw(head.encode() + start)
        talk.close()

    [exchange] = ask(target_of(serve(behave)), STREAM)
    assert react(exchange) is Reaction.DISCONNECTED


@pytest.mark.parametrize(
    ("shown", "kept"), [(KEY[:-2], False), (KEY[2:], False), (f"{KEY[:6]}***{KEY[-4:]}", True), (KEY[:8], True)]
)
def test_half_a_key_does_not_come_back(serve: Callable[..., servers.Server], shown: str, kept: bool) -> None:
    [exchange] = ask(target_of(serve(servers.refuses(401, f"wrong: {shown} {shown}")), key=KEY), LEAN)
    assert exchange.answer is not None
    assert (shown in exchange.answer.content.decode()) is kept
    assert (HALF_REDACTED in exchange.answer.content.decode()) is not kept


def test_an_environment_that_changes_meanwhile_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([KeyError("PYTEST_CURRENT_TEST"), RuntimeError("dictionary changed size"), None])

    def proxies() -> dict[str, str]:
        fault = next(looks)
        if fault:
            raise fault
        return {}

    monkeypatch.setattr(connection, "getproxies", proxies)
    lane = Lane(Target("http://127.0.0.1:9/v1"))
    asyncio.run(lane.close())
    assert next(looks, "all used") == "all used"


def test_requests_of_one_shape_have_one_head() -> None:
    """The head of a shape is built once; what is sent is the same as by a lane that never sent one like it."""
    shapes = [
        {},
        {"content_type": None},
        {"content_type": "text/plain"},
        {"auth": False},
        {"auth": "Bearer {key}x"},
        {"headers": (("x-a", "1"), ("Accept", "*/*"))},
        {"method": "PUT", "path": "/other"},
    ]
    with servers.Server(servers.strict) as server:
        target = target_of(server, key=KEY)
        asked = [Request(body=lean(user="u" * size), **shape) for shape in shapes for size in (1, 100)]
        asked += [Request(raw=b""), Request(raw=b"{}"), Request(method="GET", raw=b"", path="/models")]
        ask(target, *asked)
        kept, server.received = list(server.received), []
        for request in asked:
            ask(target, request)
    rows = [
        [(item.method, item.target, list(item.headers.items()), item.content) for item in sent]
        for sent in (kept, server.received)
    ]
    assert rows[0] == rows[1]
    assert [len(item.content) for item in kept] == [int(item.headers.get("content-length", "0")) for item in kept]
    lengths = {len(item.content) for item in kept}
    assert len(lengths) > 2
