"""How the reference server is served: paths, methods, keys, sizes, latency, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Behaviour, Reference, envelope
from chatproof.conformance.reference.serve import READY, start
from chatproof.conformance.reference.validator import LIMITS
from reference_bodies import COUNT, MODEL, body, said


def fetch(reference: Any, method: str, path: str, **options: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(reference))
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.request(method, path, **options)

    return asyncio.run(go())


def test_paths_and_methods() -> None:
    assert fetch(None, "POST", "/v1/chat/completions", json=body()).status_code == 200
    assert [item["id"] for item in fetch(None, "GET", "/v1/models").json()["data"]] == [MODEL]
    assert fetch(None, "GET", "/v1/chat/completions").json()["data"] == []
    for method in ("PUT", "DELETE", "PATCH"):
        found = fetch(None, method, "/v1/chat/completions", json=body())
        assert found.status_code == 405
        assert found.json()["error"]["code"] == "method_not_supported"
    for path in ("/v1/chat/completionz", "/chat/completions", "/", "/v1/chat/completions/"):
        assert fetch(None, "POST", path, json=body()).status_code == 404
    unknown = fetch(None, "POST", "/v1/chat/completions", json=body(model="gpt-does-not-exist"))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


def test_keys() -> None:
    secret = "sk-reference-secret"
    locked = Reference(api_key=secret)
    for headers, status, code in (
        ({}, 401, None),
        ({"Authorization": "Bearer nope"}, 401, "invalid_api_key"),
        ({"Authorization": f"Bearer {secret}"}, 200, None),
    ):
        found = fetch(locked, "POST", "/v1/chat/completions", json=body(), headers=headers)
        assert found.status_code == status
        assert secret not in found.text
        if status != 200:
            assert found.json()["error"]["code"] == code
    assert fetch(locked, "GET", "/v1/models").status_code == 401


def test_large_bodies() -> None:
    small = Reference(limits=replace(LIMITS, body_max=200))
    fitting = json.dumps(body()).encode()
    headers = {"content-type": "application/json"}
    path = "/v1/chat/completions"
    assert fetch(small, "POST", path, content=fitting.ljust(200), headers=headers).status_code == 200
    found = fetch(small, "POST", path, content=fitting.ljust(201), headers=headers)
    assert found.status_code == 413
    assert found.json()["error"]["type"] == "server_error"
    assert fetch(None, "POST", path, content=fitting.ljust(1_000_000), headers=headers).status_code == 200


def test_variants_by_prefix() -> None:
    flat = Behaviour(envelope=lambda reason: {"object": "error", **envelope(reason)["error"]})
    variants = {"": Reference(), "/m1": Reference(behaviour=flat), "/m2": Reference(models=None)}
    bad = body(n=0)
    assert "error" in fetch(variants, "POST", "/v1/chat/completions", json=bad).json()
    assert fetch(variants, "POST", "/m1/v1/chat/completions", json=bad).json()["object"] == "error"
    assert fetch(variants, "POST", "/m2/v1/chat/completions", json=body(model="any")).status_code == 200


def test_a_crash_is_a_json_error() -> None:
    def crash(*_: object) -> Any:
        raise ZeroDivisionError

    broken = create_app(Reference(behaviour=Behaviour(plan=crash)))

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(broken, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://reference.invalid") as client:
            return await client.post("/v1/chat/completions", json=body())

    found = asyncio.run(go())
    assert found.status_code == 500
    assert found.json()["error"]["type"] == "server_error"


def test_latency() -> None:
    began = time.perf_counter()
    assert fetch(Reference(latency=0.05), "GET", "/v1/models").status_code == 200
    assert time.perf_counter() - began >= 0.05


# a real socket


def test_over_a_socket() -> None:
    name = "CHATPROOF_TEST_KEY"
    with start(["--api-key-env", name], env={name: "k1"}) as url:
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer k1"}, timeout=20) as client:
            began = time.perf_counter()
            assert client.get("/models").status_code == 200
            assert client.post("/chat/completions", json=body()).status_code == 200
            with client.stream("POST", "/chat/completions", json=said(COUNT, stream=True)) as streamed:
                lines = [line for line in streamed.iter_lines() if line]
            assert lines[-1] == "data: [DONE]"
            assert len(lines) > 1000

            def pieces() -> Iterator[bytes]:
                yield json.dumps(body()).encode()

            chunked = client.post("/chat/completions", content=pieces(), headers={"content-type": "application/json"})
            assert chunked.status_code == 200
            large = client.post("/chat/completions", content=b" " * 26_214_401)
            assert large.status_code == 413
            assert client.get("/models").status_code == 200
            assert time.perf_counter() - began < 15
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/models")


@pytest.mark.parametrize("how", ["eof", "term", "int"])
def test_the_server_stops_cleanly(how: str) -> None:
    command = [sys.executable, "-m", "chatproof.conformance.reference", "--port", "0", "--until-eof"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert process.stdout.readline().startswith(READY)
            if how == "eof":
                process.stdin.close()
            else:
                os.kill(process.pid, signal.SIGTERM if how == "term" else signal.SIGINT)
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            if process.poll() is None:
                process.kill()


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(RuntimeError, match="is not set"), start(["--api-key-env", "CHATPROOF_NO_SUCH_KEY"]):
        pass
