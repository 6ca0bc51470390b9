"""Hostile answers, one request at a time and as runs: each ends in bounded time, memory and with a true verdict."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import servers
from chatproof.conformance.intake import BUDGET, SAMPLE, BrokenCoding, Decoder, Intake
from chatproof.conformance.judge import Reaction, react
from chatproof.conformance.model import Request
from chatproof.conformance.target import Bounds
from chatproof.strategies.bodies import lean
from conftest import Ran, clean_environment
from test_endpoint import LEAN, ask, target_of

Serve = Callable[..., servers.Server]
SHORT = Bounds(connect=2, read=0.5, total=1.0, size=200_000)

ANSWERS: dict[str, tuple[servers.Behaviour, Reaction, str | None]] = {
    "sends half a head": (servers.half_head, Reaction.HUNG, "timeout"),
    "stalls after the head": (servers.stalls, Reaction.HUNG, "timeout"),
    "a gigabyte": (servers.gigabyte, Reaction.HUNG, "too_large"),
    "gzip": (servers.coded("gzip"), Reaction.ACCEPTED, None),
    "deflate": (servers.coded("deflate"), Reaction.ACCEPTED, None),
    "raw deflate": (servers.coded("raw deflate"), Reaction.ACCEPTED, None),
    "brotli that nobody asked for": (servers.coded("br", b"\x0b\x02\x80hello\x03"), Reaction.ACCEPTED, None),
    "gzip that is none": (servers.writes(
        servers.HEAD + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello"
    ), Reaction.DISCONNECTED, "protocol"),
    "gzip bomb": (servers.bomb("gzip"), Reaction.HUNG, "too_large"),
    "deflate bomb": (servers.bomb("deflate"), Reaction.HUNG, "too_large"),
    "gzip bomb in gzip": (servers.bomb("gzip, gzip"), Reaction.HUNG, "too_large"),
    "more than the length says": (servers.says_less, Reaction.ACCEPTED, None),
    "less than the length says": (servers.cut_short, Reaction.DISCONNECTED, "disconnected"),
    "bad chunks": (servers.bad_chunks, Reaction.DISCONNECTED, "protocol"),
    "no last chunk": (servers.unended_chunks, Reaction.DISCONNECTED, "disconnected"),
    "tiny chunks": (servers.tiny_chunks, Reaction.HUNG, "too_large"),
    "endless headers": (servers.endless_head, Reaction.DISCONNECTED, "protocol"),
    "many headers": (servers.many_headers, Reaction.ACCEPTED, None),
    "100 Continue for ever": (servers.only_continues, Reaction.HUNG, "timeout"),
    "HTTP/1.0": (servers.old_http, Reaction.ACCEPTED, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_what_comes_back(serve: Serve, name: str) -> None:
    behave, reaction, kind = ANSWERS[name]
    exchanges = ask(target_of(serve(behave), bounds=SHORT), LEAN, LEAN)
    for exchange in exchanges:
        assert react(exchange) is reaction, exchange.trouble
        assert (exchange.trouble.kind if exchange.trouble else None) == kind
        if kind == "too_large":
            assert exchange.answer is not None
            assert len(exchange.answer.content) <= SAMPLE


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
def test_a_coding_is_undone(serve: Serve, coding: str) -> None:
    [exchange] = ask(target_of(serve(servers.coded(coding)), bounds=SHORT), LEAN)
    assert exchange.answer is not None
    assert exchange.answer.json == servers.completion()


def test_what_comes_after_the_end_is_nobodys_answer(serve: Serve) -> None:
    server = serve(servers.says_less)
    exchanges = ask(target_of(server, bounds=SHORT), *[Request(body=lean(user=name)) for name in "abc"])
    texts = [exchange.answer.json["choices"][0]["message"]["content"] for exchange in exchanges if exchange.answer]
    assert texts == ["a", "b", "c"]
    assert server.connections == 3


@pytest.mark.parametrize("behave", [servers.json_bomb, servers.line_bomb], ids=["values", "lines"])
def test_what_would_take_too_much_memory_is_not_parsed(serve: Serve, behave: servers.Behaviour) -> None:
    [exchange] = ask(target_of(serve(behave), bounds=Bounds(total=10)), LEAN)
    assert react(exchange) is Reaction.ACCEPTED
    assert exchange.trouble is not None
    assert exchange.trouble.kind == "unkept"
    assert exchange.answer is not None
    assert len(exchange.answer.content) <= SAMPLE


def test_the_budget_of_a_run() -> None:
    intake = Intake()
    block = b"x" * 2**20
    kept = [intake.keep(block) for _ in range(200)]
    assert sum(trouble is None for _, trouble in kept) == BUDGET // len(block)
    assert sum(len(content) for content, _ in kept) < BUDGET + 200 * SAMPLE
    assert intake.keep(b"small") == (b"small", None), "ordinary answers are kept whatever came before"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, deflate", "x-gzip", ""])
@pytest.mark.parametrize("step", [7, 100_000])
def test_decoding_in_pieces(size: int, coding: str, step: int) -> None:
    plain = bytes(number * 31 % 251 for number in range(size))
    wire = plain
    for name in filter(None, coding.split(", ")):
        wire = zlib.compress(wire, 1, 31 if "gzip" in name else 15)
    for limit in (size, size // 2):
        decoder = Decoder(coding, limit)
        found = b"".join(decoder.decode(wire[place : place + step]) for place in range(0, len(wire), step))
        assert found == plain[:limit]
        assert decoder.overflowed is (limit < size)


def test_a_coding_that_breaks_off_in_the_middle() -> None:
    wire = zlib.compress(b"hello" * 1000, 9, 31)
    decoder = Decoder("gzip", 10_000)
    with pytest.raises(BrokenCoding, match="gzip"):
        decoder.decode(wire[:20] + b"\xff" * 20)


# --- runs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behave", "symptom"),
    [
        (servers.stalls, "hung"),
        (servers.gigabyte, "hung"),
        (servers.bomb("gzip"), "hung"),
        (servers.endless, "hung"),
        (servers.bad_chunks, "disconnected"),
        (servers.endless_head, "disconnected"),
        (servers.cut_short, "disconnected"),
    ],
    ids=["stalls", "gigabyte", "bomb", "endless", "bad chunks", "endless head", "cut short"],
)
def test_one_body_is_answered_badly(
    ask: Callable[..., Ran], serve: Serve, behave: servers.Behaviour, symptom: str
) -> None:
    server = serve(servers.on(servers.hot, behave, servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature or top_p.max")
    assert ran.code == 1, ran.out
    assert "Traceback" not in ran.out
    assert ran.results["temperature.max.accepts"]["finding"]["symptom"] == symptom
    assert {rule for rule, verdict in ran.verdicts.items() if verdict == "failed"} == {"temperature.max.accepts"}
    assert set(ran.verdicts.values()) <= {"failed", "passed", "info"}
    assert ran.footer["verdict"] == "non-conformant"


@pytest.mark.parametrize(
    "behave",
    [servers.resets, servers.stalls, servers.bomb("gzip", 10), servers.redirects("/elsewhere"), servers.bad_chunks],
    ids=["resets", "stalls", "bomb", "redirects", "bad chunks"],
)
def test_everything_is_answered_badly_from_some_point_on(
    ask: Callable[..., Ran], serve: Serve, behave: servers.Behaviour
) -> None:
    server = serve(servers.on(lambda request: request.number > 25, behave, servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature or top_p or stop")
    assert ran.code == 6, ran.out
    assert "Traceback" not in ran.out
    assert "stopped: the server no longer takes a minimal request" in ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "error"}, "no rule is to blame"
    assert ran.footer["verdict"] == "incomplete"
    assert len(server.received) < 150


@pytest.mark.parametrize("place", ["same host", "another host"])
def test_a_redirect_is_not_followed_and_gives_no_verdict(ask: Callable[..., Ran], serve: Serve, place: str) -> None:
    other = serve(servers.strict)
    to = other.url + "/v1/chat/completions" if place == "another host" else "/v1/elsewhere"
    server = serve(servers.on(servers.hot, servers.redirects(to), servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature")
    assert ran.code == 6, ran.out
    assert ran.verdicts["temperature.max.accepts"] == "error"
    assert "redirected" in ran.results["temperature.max.accepts"]["note"]
    assert other.received == []
    assert not any("elsewhere" in request.path for request in server.received)


@pytest.mark.parametrize(
    "behave",
    [servers.old_http, servers.many_headers, servers.coded("gzip"), servers.says_less],
    ids=["HTTP/1.0", "many headers", "gzip", "more than the length says"],
)
def test_odd_but_understandable_is_no_finding(ask: Callable[..., Ran], serve: Serve, behave: servers.Behaviour) -> None:
    server = serve(servers.on(servers.hot, behave, servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature.max or temperature.min or top_p.max")
    assert ran.code == 0, ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info"}


HOSTILE = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import pytest, servers
TURNS = [servers.gigabyte, servers.bomb("gzip"), servers.json_bomb, servers.line_bomb, servers.endless,
         servers.endless_head]
PLAIN = [b" " * 1_000_000 + servers.json.dumps(servers.completion()).encode()]

async def behave(request, talk):
    turn = hash(request.content) % 10
    if request.value("stop") is None or request.number < 10 or turn > len(TURNS):
        await servers.strict(request, talk)
    elif turn == len(TURNS):
        await talk.reply(200, PLAIN[0])
    else:
        await TURNS[turn](request, talk)

import subprocess
with servers.Server(behave) as server:
    done = subprocess.run([sys.executable, "-m", "pytest", "--endpoint", server.url, "-q", "--report-dir", "report",
        "-p", "no:cacheprovider", "-k", "stop.string or stop.array or temperature.max"],
        capture_output=True, text=True)
print(done.stdout[-3000:], done.stderr[-2000:])
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


@pytest.mark.nightly
def test_memory_stays_small_whatever_comes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(Path(__file__).parent)],
        cwd=tmp_path,
        env={**clean_environment(), "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    code, peak = map(int, done.stdout.split()[-2:])
    assert code == 1, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert peak < 300, f"{peak} MB"
    lines = [json.loads(line) for line in (tmp_path / "report" / "run.jsonl").read_text().splitlines()]
    assert lines[-1]["kind"] == "footer"
    assert len([line for line in lines if line["kind"] == "result"]) > 10
