"""The plugin against servers that cannot be asked, that misbehave midway, and that only seem to be at fault."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import servers
from conftest import Ran

# a run that is stopped leaves connections to the collector, which may complain in a later test
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]

# --- no verdict possible -------------------------------------------------------------------------------------------

UNREACHABLE: dict[str, tuple[servers.Behaviour, tuple[str, ...], str]] = {
    "401": (servers.on(servers.chat, servers.refuses(401), servers.agreeable), (), "wants a key"),
    "no model": (servers.refuses(404), (), "no model found"),
    "refused": (servers.on(servers.chat, servers.refuses(400), servers.agreeable), (), "canary refused"),
    "redirect": (servers.redirects("https://example.invalid/"), (), "redirects"),
    "only 429": (servers.refuses(429), (), "429"),
    "not HTTP": (servers.writes(b"SSH-2.0-x\r\n\r\n"), (), "does not speak HTTP"),
    "web page": (servers.web_page, ("--model", "m"), "not a chat completion"),
    "truncated": (servers.truncated, ("--model", "m"), "not a chat completion"),
    "not UTF-8": (servers.bad_utf8, ("--model", "m"), "not a chat completion"),
    "hangs": (servers.hangs, (), "does not answer"),
    "resets": (servers.resets, (), "closes the connection"),
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_unreachable(ask: Ask, serve: Serve, name: str, pytester: pytest.Pytester) -> None:
    behave, arguments, words = UNREACHABLE[name]
    ran = ask("--endpoint", serve(behave).url, *arguments)
    assert ran.code == 6, ran.out
    assert words in ran.one_line()
    assert not (pytester.path / "report").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:{port}/v1", "nothing listens"),
        ("http://chatproof-test.invalid/v1", "cannot resolve"),
        ("https://127.0.0.1:{plain}/v1", "TLS error"),
    ],
)
def test_nothing_to_reach(ask: Ask, serve: Serve, url: str, words: str) -> None:
    ran = ask("--endpoint", url.format(port=servers.free_port(), plain=serve(servers.strict).port))
    assert ran.code == 6, ran.out
    assert words in ran.one_line()


def test_nothing_to_reach_with_workers(run: Ask) -> None:
    ran = run("--endpoint", f"http://127.0.0.1:{servers.free_port()}", "-n", "2")
    assert ran.code == 6, ran.out
    assert "nothing listens" in ran.one_line()


# --- servers that misbehave midway ---------------------------------------------------------------------------------


@pytest.mark.parametrize("in_flight", ["1", "16"])
def test_gone_midway(ask: Ask, serve: Serve, in_flight: str) -> None:
    started = time.monotonic()
    ran = ask("--endpoint", serve(servers.dies_on(servers.hot)).url, "--depth", "smoke", "--in-flight", in_flight)
    assert time.monotonic() - started < 20
    assert ran.code == 6, ran.out
    assert "Traceback" not in ran.out
    assert "stopped: the server" in ran.out
    assert any('"temperature": 2' in row for row in ran.out.splitlines() if "in flight then" in row), ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "not_offered", "error"}
    assert ran.verdicts["temperature.max.accepts"] == "error"
    assert ran.footer["verdict"] == "incomplete"


@pytest.mark.slow
def test_gone_midway_with_workers(run: Ask, serve: Serve) -> None:
    server = serve(servers.dies_on(servers.hot))
    ran = run("--endpoint", server.url, "--depth", "smoke", "-n", "2", "-k", "temperature or top_p")
    assert ran.code == 6, ran.out
    assert "Traceback" not in ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "error"}
    assert "in flight then" in ran.out
    assert '"temperature": 2' in ran.out


def test_gone_after_a_failure(ask: Ask, serve: Serve) -> None:
    def nonsense(request: servers.Received) -> bool:
        return isinstance(request.value("temperature"), dict)

    behave = servers.on(nonsense, servers.agreeable, servers.dies_on(servers.hot))
    ran = ask("--endpoint", serve(behave).url, "--depth", "smoke", "-k", "temperature or top_p")
    assert ran.code == 1, ran.out
    assert ran.verdicts["gate.temperature"] == "failed"
    assert ran.verdicts["temperature.max.accepts"] == "error"
    assert ran.footer["verdict"] == "non-conformant"


def test_gone_while_gates_are_asked(ask: Ask, serve: Serve) -> None:
    ran = ask("--endpoint", serve(servers.dies_after(6)).url, "--depth", "smoke")
    assert ran.code == 6, ran.out
    assert "Traceback" not in ran.out
    assert "stopped: the server" in ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "error"}


def test_hangs_on_one_body(ask: Ask, serve: Serve) -> None:
    server = serve(servers.on(servers.hot, servers.hangs, servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature")
    assert ran.code == 1, ran.out
    assert ran.results["temperature.max.accepts"]["finding"]["symptom"] == "hung"
    assert {rule for rule, verdict in ran.verdicts.items() if verdict == "failed"} == {"temperature.max.accepts"}


def test_resets_on_one_body(ask: Ask, serve: Serve) -> None:
    ran = ask("--endpoint", serve(servers.on(servers.hot, servers.resets, servers.strict)).url, "-k", "temperature")
    assert ran.code == 1, ran.out
    assert ran.results["temperature.max.accepts"]["finding"]["symptom"] == "disconnected"
    assert {rule for rule, verdict in ran.verdicts.items() if verdict == "failed"} == {"temperature.max.accepts"}


def test_only_429_from_some_point_on(ask: Ask, serve: Serve) -> None:
    def later(request: servers.Received) -> bool:
        return request.number > 45  # after the gates

    behave = servers.on(later, servers.refuses(429, headers=(("retry-after", "0"),)), servers.strict)
    ran = ask("--endpoint", serve(behave).url, "--depth", "smoke", "-k", "temperature or top_p or stop")
    assert ran.code == 6, ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "error"}


@pytest.mark.parametrize(
    "behave",
    [
        servers.closes_after_each(),
        servers.once(servers.chat, servers.refuses(429, headers=(("retry-after", "0"),))),
        servers.once(servers.chat, servers.refuses(503)),
    ],
    ids=["closes", "429 once", "503 once"],
)
def test_no_false_alarm(ask: Ask, serve: Serve, behave: servers.Behaviour) -> None:
    ran = ask("--endpoint", serve(behave).url, "--depth", "smoke", "-k", "temperature or logprobs or tools")
    assert ran.code == 0, ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info"}


@pytest.mark.parametrize("strict", [False, True])
def test_warnings(ask: Ask, serve: Serve, strict: bool) -> None:
    def many(request: servers.Received) -> bool:
        return request.value("n") == 128

    server = serve(servers.on(many, servers.refuses(400), servers.strict))
    more = ["--strict"] if strict else []
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "n.max", *more)
    assert ran.code == (1 if strict else 0), ran.out
    assert ran.verdicts["n.max.accepts"] == ("failed" if strict else "warning")
    assert "n.max.accepts" in ran.out
    safe = ask("--endpoint", server.url, "--depth", "smoke", "-k", "n.max", "--safe", *more)
    assert safe.verdicts["n.max.accepts"] == "not_offered"
    assert safe.code == 0
