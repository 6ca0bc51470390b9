"""Certificates and proxies: TLS is verified, --ca-bundle adds to what is trusted, proxies come from the environment."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest
import servers
from chatproof.conformance.connection import tls_context
from chatproof.conformance.judge import Reaction, react
from chatproof.conformance.outgoing import curl, prepare
from chatproof.conformance.target import EndpointError, Target
from conftest import Ran
from test_endpoint import KEY, LEAN, PATIENT, ask

if TYPE_CHECKING:
    import trustme
else:
    trustme = pytest.importorskip("trustme")

Serve = Callable[..., servers.Server]


@contextmanager
def tunnel(to: int | None, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A port that hands all on to another: with a context after a TLS handshake; without a port of its own as a proxy
    does it that is asked to CONNECT. Gives the port, and the first lines of what came."""
    heads: list[bytes] = []
    loop = asyncio.new_event_loop()
    ready, end = threading.Event(), asyncio.Event()
    port = 0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = to
        if target is None:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            target = int(head.split()[1].rpartition(b":")[2])
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async def live() -> None:
        nonlocal port
        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: loop.run_until_complete(live()), name="tunnel")
    thread.start()
    assert ready.wait(10)
    try:
        yield port, heads
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """A file with its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA, serve: Serve) -> Iterator[tuple[int, servers.Server]]:
    """A conforming server behind TLS, with a certificate that nobody else knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = serve(servers.strict)
    with tunnel(server.port, context) as (port, _):
        yield port, server


def target_at(port: int, bundle: str | None) -> Target:
    """A target behind TLS."""
    return Target(f"https://127.0.0.1:{port}/v1", model=servers.MODEL, key=KEY, ca_bundle=bundle, bounds=PATIENT)


def test_an_unknown_certificate_is_no_verdict_and_gets_no_key(secure: tuple[int, servers.Server]) -> None:
    port, server = secure
    [exchange] = ask(target_at(port, None), LEAN)
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "tls"
    assert react(exchange) is Reaction.UNREACHED
    assert server.received == []


def test_a_bundle_is_trusted_beside_the_usual_ones(secure: tuple[int, servers.Server], bundle: str) -> None:
    port, server = secure
    target = target_at(port, bundle)
    assert react(ask(target, LEAN)[0]) is Reaction.ACCEPTED
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    context = tls_context(target)
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) > 1


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
def test_the_curl_line_names_the_bundle(secure: tuple[int, servers.Server], bundle: str) -> None:
    port, server = secure
    target = target_at(port, bundle)
    line = curl(prepare(LEAN, target), target)
    env = {"CHATPROOF_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", line], env=env, check=True, capture_output=True)
    assert len(server.received) == 1


def test_a_run_behind_tls(ask: Callable[..., Ran], secure: tuple[int, servers.Server], bundle: str) -> None:
    arguments = ("--endpoint", f"https://127.0.0.1:{secure[0]}/v1", "--depth", "smoke", "-k", "gate.n")
    assert ask(*arguments, "--ca-bundle", bundle).code == 0
    ran = ask(*arguments)
    assert ran.code == 6
    assert "TLS error" in ran.one_line()


def test_a_bundle_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="--ca-bundle"):
        tls_context(target_at(1, str(tmp_path / "gone.pem")))


# --- proxies -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_plain_requests_go_through_the_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve(servers.agreeable)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    target = Target("http://chatproof-test.invalid/v1", model=servers.MODEL, bounds=PATIENT)
    assert react(ask(target, LEAN)[0]) is Reaction.ACCEPTED
    assert proxy.received[0].target == "http://chatproof-test.invalid/v1/chat/completions"


def test_secure_requests_go_through_a_tunnel(
    secure: tuple[int, servers.Server], bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, server = secure
    with tunnel(None) as (proxy, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
        assert react(ask(target_at(port, bundle), LEAN)[0]) is Reaction.ACCEPTED
    assert heads[0].startswith(f"CONNECT 127.0.0.1:{port} ".encode())
    assert KEY.encode() not in b"".join(heads), "the proxy does not see the key"
    assert len(server.received) == 1


def test_hosts_without_a_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server, proxy = serve(servers.agreeable), serve(servers.agreeable)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert react(ask(Target(server.url + "/v1", model=servers.MODEL, bounds=PATIENT), LEAN)[0]) is Reaction.ACCEPTED
    assert (len(server.received), len(proxy.received)) == (1, 0)


def test_bombs_burst_behind_a_proxy_as_well(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", serve(servers.bomb("gzip", 20)).url)
    [exchange] = ask(Target("http://chatproof-test.invalid/v1", model=servers.MODEL, bounds=PATIENT), LEAN)
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "too_large"


def test_a_run_behind_a_proxy_outlives_a_dropped_connection(
    ask: Callable[..., Ran], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def behind(request: servers.Received, talk: servers.Talk) -> None:
        request.target = request.target.removeprefix("http://chatproof-test.invalid")
        await servers.on(servers.hot, servers.resets, servers.strict)(request, talk)

    monkeypatch.setenv("HTTP_PROXY", serve(behind).url)
    url = "http://chatproof-test.invalid/v1"
    ran = ask("--endpoint", url, "--depth", "smoke", "-k", "temperature.max or top_p.max")
    assert ran.code == 1, ran.out
    assert ran.results["temperature.max.accepts"]["finding"]["symptom"] == "disconnected"
    assert ran.verdicts["top_p.max.accepts"] == "passed"
