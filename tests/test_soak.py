"""``chatproof soak``: rounds with new seeds, each finding told once, an end in time and on Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.cli import main
from click.testing import CliRunner, Result
from conftest import clean_environment
from test_endpoint import KEY
from test_record import check_record

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Serve = Callable[..., servers.Server]


@pytest.fixture(autouse=True)
def _signals() -> Any:
    """The command takes SIGTERM for an end; the tests' own process does not."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def soak(folder: Path, *arguments: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["soak", *arguments, "--report-dir", str(folder / "report")])


def record(folder: Path) -> list[dict[str, Any]]:
    """The lines of the record."""
    return [json.loads(line) for line in (folder / "report" / "run.jsonl").read_text().splitlines()]


def test_each_finding_is_told_once(serve: Serve, tmp_path: Path) -> None:
    seen: list[float] = []

    def bad(request: servers.Received) -> bool:
        value = request.value("temperature")
        fraction = isinstance(value, float) and value not in (0.0, 1.0, 2.0)
        if fraction:
            seen.append(value)
        return value == 2 or (fraction and value < 0.3 and len(set(seen)) > 12)

    server = serve(servers.on(bad, servers.refuses(400), servers.strict))
    done = soak(tmp_path, server.url, "temperature.m*", "--rounds", "3")
    assert done.exit_code == 1, done.output
    assert done.output.count("failed       temperature.max.accepts: refused_valid") == 1, done.output
    lines = record(tmp_path)
    check_record(lines)
    found = lines[-1]["soak"]["findings"]
    assert lines[-1]["soak"]["rounds"] == 3
    assert lines[-1]["soak"]["seeds"] == [0, 2]
    by_rule = {one["rule"]: one for one in found}
    assert by_rule["temperature.max.accepts"]["rounds"] == 3
    assert by_rule["temperature.max.accepts"]["seed"] == 0
    assert len(by_rule) == len(found)
    verdicts = {line["rule"]: line["verdict"] for line in lines if line["kind"] == "result"}
    assert verdicts["temperature.max.accepts"] == "failed"
    assert verdicts["gate.temperature"] == "passed"
    assert len(set(seen)) > 12, "other seeds send other bodies"
    assert (tmp_path / "report" / "report.html").exists()


def test_a_conforming_server_passes(serve: Serve, tmp_path: Path) -> None:
    done = soak(tmp_path, serve(servers.strict).url, "top_p.*", "--rounds", "2", "--seed", "7")
    assert done.exit_code == 0, done.output
    assert "0 findings" in done.output
    assert record(tmp_path)[-1]["soak"]["seeds"] == [7, 8]
    assert record(tmp_path)[-1]["verdict"] == "conformant"


def test_time_ends_it(serve: Serve, tmp_path: Path) -> None:
    done = soak(tmp_path, serve(servers.slowly(0.02)).url, "stop.*", "top_p.*", "--minutes", "0.02", "--in-flight", "1")
    assert done.exit_code in (0, 6), done.output
    lines = record(tmp_path)
    check_record(lines)
    assert {line["verdict"] for line in lines if line["kind"] == "result"} <= {"passed", "info", "error"}


def test_a_server_that_goes_away_ends_it(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatproof.conformance.pipeline import Pipeline

    monkeypatch.setitem(Pipeline.__init__.__kwdefaults__ or {}, "patience", 0.5)
    done = soak(tmp_path, serve(servers.dies_after(110)).url, "top_p.*")
    assert done.exit_code == 6, done.output
    assert "stopped: the server " in done.output
    assert {line["verdict"] for line in record(tmp_path) if line["kind"] == "result"} <= {"passed", "info"}
    assert record(tmp_path)[-1]["kind"] == "footer"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("http://127.0.0.1:{port}",), 6, "nothing listens"),
        (("localhost:80",), 6, "--endpoint"),
        (("reference", "nosuch.*"), 2, "nosuch.*"),
        (("reference", "--minutes", "0"), 2, "--minutes"),
        (("reference", "--rate", "x"), 2, "--rate"),
        (("reference", "--header-env", "X-A=NO_SUCH_VARIABLE"), 2, "NO_SUCH_VARIABLE"),
        (("reference", "--api-key-file", "nowhere"), 2, "--api-key-file"),
    ],
)
def test_what_cannot_be_soaked(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = soak(tmp_path, *(word.format(port=servers.free_port()) for word in arguments))
    assert done.exit_code == code, done.output
    assert words in done.output
    assert "Traceback" not in done.output


def test_the_key_is_nowhere(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATPROOF_API_KEY", KEY)
    done = soak(tmp_path, serve(servers.echoes_key()).url, "temperature.max.*", "--rounds", "1", "--model", "m")
    assert done.exit_code == 1, done.output
    assert "$CHATPROOF_API_KEY" in done.output
    left = [done.output.encode(), *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())]
    assert not [form for form in servers.told(KEY) for content in left if form.encode() in content]


def test_ctrl_c_is_an_end_like_any_other(serve: Serve, tmp_path: Path) -> None:
    enough = threading.Event()

    def bad(request: servers.Received) -> bool:
        if request.number > 60:
            enough.set()
        return request.value("top_p") == 1

    server = serve(servers.on(bad, servers.refuses(400), servers.slowly(0.02)))
    more = ("top_p.*", "stop.*", "--report-dir", "report", "--in-flight", "4")
    process = subprocess.Popen(
        [sys.executable, "-c", "from chatproof.conformance.cli import main; main()", "soak", server.url, *more],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert enough.wait(60)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert "Traceback" not in out
    assert process.returncode in (0, 1, 6), out
    assert "record: " in out
    lines = record(tmp_path)
    check_record(lines)
    assert lines[-1]["soak"]["rounds"] >= 1
