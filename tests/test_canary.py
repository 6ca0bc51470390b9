"""Finding the endpoint: what is resolved, and the one line that says why nothing can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
import servers
from chatproof.conformance.canary import TOKENS, resolve
from chatproof.conformance.target import Bounds, EndpointError, Target

QUICK = Bounds(connect=2, read=0.5, total=1, retries=1, longest_wait=0.1)
KEY = "sk-this-is-secret-0123456789"


def find(url: str, *, model: str | None = None, key: str | None = None, bounds: Bounds = QUICK) -> Target:
    """The target, or an error."""
    return asyncio.run(resolve(url, model=model, key=key, key_variable="SOME_KEY", bounds=bounds))


def under(prefix: str) -> servers.Behaviour:
    """A conforming server whose API lies under another path; 404 elsewhere."""

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        if request.path in (f"{prefix}/models", f"{prefix}/chat/completions"):
            await servers.agreeable(request, talk)
        else:
            await talk.error(404, "no such path")

    return behave


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/"])
@pytest.mark.parametrize("model", [None, "mine"])
def test_forms_of_one_url(serve: Callable[..., servers.Server], tail: str, model: str | None) -> None:
    server = serve(servers.agreeable)
    target = find(server.url + tail, model=model)
    assert target.base == server.url + "/v1"
    assert target.model == (model or servers.MODEL)


@pytest.mark.parametrize("prefix", ["", "/v1", "/api/v1", "/openai", "/v2", "/api/v3"])
@pytest.mark.parametrize("model", [None, "mine"])
def test_other_places(serve: Callable[..., servers.Server], prefix: str, model: str | None) -> None:
    server = serve(under(prefix))
    target = find(server.url + prefix, model=model)
    assert target.base == server.url + prefix


def test_a_query_is_kept(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.agreeable)
    target = find(server.url + "/v1/?api-version=1&x=%20y")
    assert target.url("/chat/completions") == server.url + "/v1/chat/completions?api-version=1&x=%20y"
    assert {item.query for item in server.received} == {"api-version=1&x=%20y"}


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", None])
def test_the_token_bound_the_server_takes(serve: Callable[..., servers.Server], name: str | None) -> None:
    def bad(request: servers.Received) -> bool:
        return any(request.value(key) is not None for key in ("max_tokens", "max_completion_tokens") if key != name)

    target = find(serve(servers.on(bad, servers.refuses(400), servers.agreeable)).url)
    assert target.fields == ({name: TOKENS} if name else {})


def test_the_key_is_sent(serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.agreeable)
    find(server.url, key=KEY)
    assert {item.headers.get("authorization") for item in server.received} == {f"Bearer {KEY}"}


def no_models(request: servers.Received) -> bool:
    """A request for the list of models."""
    return request.path.endswith("/models")


async def empty_list(_: servers.Received, talk: servers.Talk) -> None:
    """No model."""
    await talk.json(200, {"object": "list", "data": []})


async def odd_list(_: servers.Received, talk: servers.Talk) -> None:
    """No list."""
    await talk.json(200, {"data": [1, {"id": 7}, {"id": ""}, None]})


async def error_in_200(_: servers.Received, talk: servers.Talk) -> None:
    """An error in disguise."""
    await talk.json(200, {"error": {"message": "overloaded"}})


async def clear_screen(_: servers.Received, talk: servers.Talk) -> None:
    """A message that would steer a terminal."""
    await talk.error(400, "\x1b[2J\r\n\u202eevil " + "x" * 100_000)


FAILURES = {
    "401": (servers.refuses(401), None, "wants a key"),
    "403": (servers.refuses(403), None, "wants a key"),
    "401 on the canary": (servers.on(servers.chat, servers.refuses(401), servers.agreeable), None, "SOME_KEY"),
    "no list": (servers.on(no_models, servers.refuses(404), servers.agreeable), None, "no model found"),
    "404": (servers.refuses(404), None, "no model found"),
    "404, model named": (servers.refuses(404), "mine", "canary refused: 404"),
    "empty list": (servers.on(no_models, empty_list, servers.agreeable), None, "no model found"),
    "odd list": (servers.on(no_models, odd_list, servers.agreeable), None, "no model found"),
    "refused": (servers.on(servers.chat, servers.refuses(400, "bad model"), servers.agreeable), None, "bad model"),
    "crashed": (
        servers.on(servers.chat, servers.refuses(500, "oops"), servers.agreeable),
        None,
        "canary failed: 500 oops",
    ),
    "redirect": (servers.redirects("https://example.invalid/v1"), None, "redirects"),
    "redirect of the canary": (servers.on(servers.chat, servers.redirects("/x"), servers.agreeable), None, "redirects"),
    "429": (servers.refuses(429), None, "only 429"),
    "503": (servers.refuses(503), "mine", "only 503"),
    "web page": (servers.web_page, None, "no model found"),
    "web page, model named": (servers.web_page, "mine", "not a chat completion"),
    "truncated": (servers.on(servers.chat, servers.truncated, servers.agreeable), None, "not a chat completion"),
    "not UTF-8": (servers.on(servers.chat, servers.bad_utf8, servers.agreeable), None, "canary"),
    "error in 200": (servers.on(servers.chat, error_in_200, servers.agreeable), None, "canary failed"),
    "not HTTP": (servers.writes(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), None, "does not speak HTTP"),
    "closes": (servers.writes(b""), None, "closes the connection"),
    "resets": (servers.resets, None, "closes the connection"),
    "hangs": (servers.hangs, None, "does not answer"),
    "drips": (servers.drips, "mine", "does not answer"),
    "terminal codes": (servers.on(servers.chat, clear_screen, servers.agreeable), None, "canary refused"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_why_not(serve: Callable[..., servers.Server], name: str) -> None:
    behave, model, words = FAILURES[name]
    with pytest.raises(EndpointError) as caught:
        find(serve(behave).url, model=model)
    text = str(caught.value)
    assert words in text
    assert text.isprintable()
    assert len(text) < 500


def test_nothing_listens() -> None:
    with pytest.raises(EndpointError, match="nothing listens"):
        find(f"http://127.0.0.1:{servers.free_port()}")


def test_no_such_host() -> None:
    with pytest.raises(EndpointError, match="cannot resolve"):
        find("http://chatproof-test.invalid/v1")


def test_no_tls(serve: Callable[..., servers.Server]) -> None:
    with pytest.raises(EndpointError, match="TLS"):
        find(serve(servers.agreeable).url.replace("http:", "https:"))


@pytest.mark.parametrize("key", ["sk-0123456789\n", "sk-0123\r\nx: y", "sk-0123-äöü", " sk-0123456789"])
def test_a_key_that_fits_no_header(serve: Callable[..., servers.Server], key: str) -> None:
    server = serve(servers.agreeable)
    with pytest.raises(EndpointError, match="SOME_KEY") as caught:
        find(server.url, key=key)
    assert "0123" not in str(caught.value)
    assert server.received == []


@pytest.mark.parametrize("status", [307, 400, 401, 500])
@pytest.mark.parametrize("escaped", [False, True])
def test_the_key_is_not_told(serve: Callable[..., servers.Server], status: int, escaped: bool) -> None:
    async def tells(request: servers.Received, talk: servers.Talk) -> None:
        sent = request.headers["authorization"]
        content = json.dumps({"error": {"message": f"I got {sent}"}})
        if escaped:  # as no library does it: the first letter alone
            content = content.replace("sk-", "\\u0073k-")
        await talk.reply(status, content.encode(), headers=(("location", f"http://h/?{sent}"),))

    with pytest.raises(EndpointError) as caught:
        find(serve(servers.on(servers.chat, tells, servers.agreeable)).url, key=KEY)
    assert KEY not in str(caught.value)
