"""Servers that die or fall ill of one request: the killer is named, nothing else is blamed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
import servers
from chatproof.conformance.health import MOST_RESTARTS, MOST_RETURNS, Health

FRAIL = Path(__file__).with_name("frail.py")
KILLED = "temperature.max.accepts"
SELECTION = "temperature or top_p or logit_bias"


def suite(folder: Path, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--endpoint", f"http://127.0.0.1:{port}/v1", "-q", "--report-dir", "out"]
    return subprocess.run(
        [*command, "-k", SELECTION, *options], cwd=folder, capture_output=True, text=True, timeout=240
    )


def results(folder: Path) -> dict[str, dict]:
    lines = [json.loads(line) for line in (folder / "out/run.jsonl").read_text().splitlines()]
    return {line["rule"]: line for line in lines if line["kind"] == "result"}


@pytest.mark.parametrize(("mode", "in_flight"), [("exit", "8"), ("ill", "8"), ("ill", "1")])
def test_the_killer_is_found_and_the_run_completes(tmp_path: Path, mode: str, in_flight: str) -> None:
    port = servers.free_port()
    start = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(FRAIL))} {port} {mode}"
    done = suite(tmp_path, port, "--start", start, "--in-flight", in_flight)
    assert done.returncode == 1, done.stdout + done.stderr
    found = results(tmp_path)
    assert found[KILLED]["verdict"] == "failed"
    assert found[KILLED]["finding"]["symptom"] == "killed_server"
    assert json.loads(found[KILLED]["finding"]["request"]["body"])["temperature"] == 2
    others = {name: line["verdict"] for name, line in found.items() if name != KILLED}
    assert set(others.values()) <= {"passed", "info"}, others
    assert len(others) > 30
    assert (tmp_path / "out/server.log").exists()
    assert not servers.listens(port), "the server that was started is stopped at the end"


def starting(port: int, mode: str) -> tuple[str, str]:
    """The option that starts a frail server."""
    return "--start", f"exec {shlex.quote(sys.executable)} {shlex.quote(str(FRAIL))} {port} {mode}"


def footer(folder: Path) -> dict:
    return json.loads((folder / "out/run.jsonl").read_text().splitlines()[-1])


@pytest.mark.slow
def test_a_server_that_dies_of_three_at_once(tmp_path: Path) -> None:
    port = servers.free_port()
    done = suite(tmp_path, port, *starting(port, "crowd"), "-k", "top_p or many.ids or many.refusals")
    assert done.returncode == 1, done.stdout + done.stderr
    found = results(tmp_path)
    assert found["many.refusals"]["finding"]["symptom"] == "killed_server"
    assert "died of 3 requests at once" in found["many.refusals"]["finding"]["why"]
    assert found["many.refusals"]["finding"]["curl"].count("curl ") == 3
    assert found["many.ids"]["blocked_by"] == "many.refusals"
    others = {line["verdict"] for name, line in found.items() if not name.startswith("many.")}
    assert others <= {"passed", "info"}
    assert len(footer(tmp_path)["incidents"]) == 1, "fewer are in flight from then on"
    assert not servers.listens(port)


@pytest.mark.slow
def test_a_server_that_leaks_until_it_dies_is_nobodys_finding_and_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = servers.free_port()
    monkeypatch.setenv("CHATPROOF_API_KEY", "sk-this-is-secret-0123456789")
    option, command = starting(port, "leak")
    command = f"echo key $CHATPROOF_API_KEY; {command}"
    done = suite(tmp_path, port, option, command, "-k", "temperature or top_p or seed")
    assert done.returncode == 6, done.stdout + done.stderr
    assert {line["verdict"] for line in results(tmp_path).values()} <= {"passed", "info"}
    assert footer(tmp_path)["verdict"] == "incomplete"
    assert footer(tmp_path)["incidents"]
    assert "exit code 137" in done.stdout
    assert "incomplete: no finding explains" in done.stdout
    log = (tmp_path / "out/server.log").read_text()
    assert "--- chatproof: start 2 ---" in log
    assert "key [key]" in log
    assert "sk-" not in log


@pytest.mark.nightly
def test_a_killer_is_made_smaller(tmp_path: Path) -> None:
    port = servers.free_port()
    done = suite(tmp_path, port, *starting(port, "drawn"), "-k", "together.random")
    assert done.returncode == 1, done.stdout + done.stderr
    finding = results(tmp_path)["together.random.accepts"]["finding"]
    assert finding["symptom"] == "killed_server"
    body = json.loads(finding["request"]["body"])
    assert isinstance(body["stop"], list), "what kills is still in it"
    assert len(body) <= 7, body


@pytest.mark.nightly
def test_a_server_that_does_not_come_back(tmp_path: Path) -> None:
    port = servers.free_port()
    mark = tmp_path / "started"
    command = starting(port, "exit")[1]
    start = f"test -e {mark} && exit 7; touch {mark}; {command}"
    done = suite(tmp_path, port, "--start", start, "--in-flight", "2")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "stopped: the server went away" in done.stdout
    assert '"temperature": 2' in done.stdout, "the suspects are named"
    assert {line["verdict"] for line in results(tmp_path).values()} <= {"passed", "info", "error"}


def test_an_ill_server_that_nobody_restarts_ends_the_run_without_blame(tmp_path: Path) -> None:
    port = servers.free_port()
    server = subprocess.Popen([sys.executable, str(FRAIL), str(port), "ill"])
    try:
        ends = time.monotonic() + 20
        while not servers.listens(port) and time.monotonic() < ends:
            time.sleep(0.1)
        done = suite(tmp_path, port)
    finally:
        server.terminate()
        server.wait(10)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "no longer takes a minimal request" in done.stdout
    assert '"temperature": 2' in done.stdout, "the suspects are named"
    assert {line["verdict"] for line in results(tmp_path).values()} <= {"passed", "info", "error"}


def test_a_command_that_ends_at_once_is_one_clear_line(tmp_path: Path) -> None:
    done = suite(tmp_path, servers.free_port(), "--start", "echo no model; exit 3")
    assert done.returncode == 6
    assert "--start: the command ended with code 3" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "no model" in (tmp_path / "out/server.log").read_text()


def test_start_goes_without_workers_and_the_reference(tmp_path: Path) -> None:
    for extra in (("-n", "2"), ("--endpoint", "reference")):
        done = suite(tmp_path, servers.free_port(), "--start", "true", *extra)
        assert done.returncode == 4
        assert "--start" in done.stderr


@pytest.mark.parametrize("restarts", [True, False])
def test_a_server_that_falls_again_and_again_is_given_up(restarts: bool) -> None:
    class Standing:
        """As much of a pipeline as a server needs that is always found listening."""

        gone = ""

        def give_up(self, what: str) -> None:
            self.gone = self.gone or what

    async def revive() -> bool:
        return True

    async def fall() -> int:
        pipeline = Standing()
        health = Health(pipeline, 1.0, revive if restarts else None)  # type: ignore[arg-type]
        health.well = lambda *args, **kwargs: asyncio.sleep(0)  # type: ignore[method-assign]
        pipeline.listening = lambda: asyncio.sleep(0, True)  # type: ignore[attr-defined]
        pipeline.lane = contextlib.nullcontext  # type: ignore[attr-defined]
        falls = 0
        while falls < 1000 and await health.back():
            falls += 1
        assert f"fell ill {falls + 1} times" in pipeline.gone
        return falls

    assert asyncio.run(fall()) == (MOST_RESTARTS if restarts else MOST_RETURNS)
