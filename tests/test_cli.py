"""Every subcommand through the installed script: help, one thing that it does, exit codes, and errors in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chatproof.conformance.cli import COMMANDS
from chatproof.conformance.reference.serve import READY, start
from chatproof.reports import certificate as certificates
from chatproof.reports.matrix import gallery
from chatproof.reports.reading import read
from conftest import clean_environment
from servers import Received, Server, Talk, completion, strict

SCRIPT = Path(sys.executable).with_name("chatproof")
NOBODY = "http://127.0.0.1:9/v1"
"""Where nothing listens."""

FINDING = "temperature.max.refuses"
"""The rule that ``unbounded`` breaks."""

Done = subprocess.CompletedProcess[str]
Chatproof = Callable[..., Done]


@pytest.fixture
def chatproof(tmp_path: Path) -> Chatproof:
    """Runs the script in an empty folder, without a key."""

    def call(*arguments: str | Path) -> Done:
        environment = {key: value for key, value in clean_environment().items() if key != "CHATPROOF_API_KEY"}
        return subprocess.run(
            [str(SCRIPT), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return call


async def unbounded(request: Received, talk: Talk) -> None:
    """Takes any temperature from 0 up, and is strict otherwise."""
    value = request.body.get("temperature") if isinstance(request.body, dict) else None
    if isinstance(value, int | float) and value > 2:
        await talk.json(200, completion())
    else:
        await strict(request, talk)


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    """The URL of a server with one fault."""
    with Server(unbounded) as server:
        yield f"{server.url}/v1"


@pytest.fixture(scope="module")
def runs(faulty: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two tiny runs: ``good`` of the reference, as the only shard of a run, and ``bad`` of the faulty server."""
    folder = tmp_path_factory.mktemp("runs")
    chosen = ["--depth", "smoke", "-p", "no:cacheprovider", "-q", "-k", "temperature.max"]
    for name, words in (("good", ["reference", "--shard", "1/1"]), ("bad", [faulty])):
        command = [sys.executable, "-m", "pytest", "--endpoint", *words, *chosen, "--report-dir", str(folder / name)]
        done = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, timeout=120)
        assert done.returncode == (1 if name == "bad" else 0), done.stdout.decode()
    return {name: folder / name for name in ("good", "bad")}


def one_line(done: Done, code: int, *words: str) -> None:
    """The command failed with this code and says why in one line; a wrong use is shown the usage before it."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Usage: ", "usage: ", "Try ", " "))]
    lines = [line for line in lines if line]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


# --- help --------------------------------------------------------------------------------------------------------


def test_the_command_lists_its_subcommands(chatproof: Chatproof) -> None:
    done = chatproof("--help")
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line]
    assert listed == list(COMMANDS)
    one_line(chatproof("nonsense"), 2, "nonsense")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example(chatproof: Chatproof, name: str) -> None:
    done = chatproof(name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"Usage: chatproof {name} ".lower() in done.stdout.lower()
    examples = [line.strip() for line in done.stdout.splitlines() if "Example: " in line]
    assert examples
    for line in examples:
        assert line.startswith(f"Example: chatproof {name}")
        assert line.count("Example: ") == 1


# --- the catalogue -----------------------------------------------------------------------------------------------


def test_rules(chatproof: Chatproof) -> None:
    done = chatproof("rules", "--property", "stop", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {rule["property"] for rule in json.loads(done.stdout)} == {"stop"}
    assert "rules; by property: stop " in chatproof("rules", "--property", "stop").stdout
    one_line(chatproof("rules", "--property", "stopp"), 2, "--property", "'stopp' is none of", "stop, ")


def test_explain(chatproof: Chatproof) -> None:
    done = chatproof("explain", FINDING)
    assert done.returncode == 0, done.stderr
    assert '"temperature": 2.01' in done.stdout
    assert f"pytest --endpoint URL -k {FINDING}" in done.stdout
    one_line(chatproof("explain", "temperature.max.refuse"), 1, "temperature.max.refuse", FINDING)


def test_plan(chatproof: Chatproof) -> None:
    done = chatproof("plan", "--depth", "smoke", "--format", "json", "--max-requests", "50")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ceilings"]
    one_line(chatproof("plan", "--price-in", "1"), 1, "--price-in needs --price-out")
    one_line(chatproof("plan", "--depth", "deep"), 2, "--depth", "'smoke'")


@pytest.mark.parametrize(
    "words",
    [
        ("rules",),
        ("plan", "--depth", "smoke"),
        ("soak", "reference", "temperature.max.*", "--rounds", "1", "--depth", "smoke"),
    ],
    ids=lambda words: words[0],
)
def test_nothing_of_hypothesis_is_left_where_a_command_runs(
    chatproof: Chatproof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    caches = tmp_path / "caches"
    monkeypatch.setenv("XDG_CACHE_HOME", str(caches))
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    done = chatproof(*words)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / ".hypothesis").exists()
    assert (caches / "chatproof" / "hypothesis").is_dir()


def test_a_place_of_ones_own_for_hypothesis_stays(
    chatproof: Chatproof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(tmp_path / "mine"))
    assert chatproof("plan", "--depth", "smoke").returncode == 0
    assert (tmp_path / "mine").is_dir()


# --- records -----------------------------------------------------------------------------------------------------


def test_compare(chatproof: Chatproof, runs: dict[str, Path]) -> None:
    done = chatproof("compare", runs["good"], runs["bad"])
    assert done.returncode == 0, done.stderr
    assert FINDING in done.stdout
    assert chatproof("compare", runs["good"], runs["bad"], "--fail-on-regression").returncode == 1
    one_line(chatproof("compare", runs["good"], "gone"), 2, "gone")
    one_line(chatproof("compare", runs["good"], runs["bad"], "-o", "no/x.html"), 2, "no/x.html", "folder that is there")


def test_matrix(chatproof: Chatproof, runs: dict[str, Path], tmp_path: Path) -> None:
    done = chatproof("matrix", f"one={runs['good']}", f"other={runs['bad']}", "-o", "m.html", "--reports")
    assert done.returncode == 0, done.stderr
    assert FINDING in (tmp_path / "m.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "m-runs").iterdir())) == 2
    one_line(chatproof("matrix"), 2, "name a RUN, or give --gallery")
    one_line(chatproof("matrix", "gone"), 2, "gone")


def test_verify(chatproof: Chatproof, runs: dict[str, Path], tmp_path: Path) -> None:
    record = next(iter(gallery().values()))
    certificate = certificates.write(read(record), tmp_path)
    done = chatproof("verify", certificate, record)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("the certificate agrees with the record")
    assert chatproof("verify", certificate, runs["bad"]).returncode == 1
    one_line(chatproof("verify", "gone.json", runs["good"]), 2, "gone.json")


def test_merge(chatproof: Chatproof, runs: dict[str, Path], tmp_path: Path) -> None:
    done = chatproof("merge", runs["good"], "-o", "whole")
    assert done.returncode in (0, 6), done.stdout + done.stderr
    assert (tmp_path / "whole" / "report.html").exists()
    one_line(chatproof("merge", runs["bad"], "-o", "other"), 2, "shard")
    one_line(chatproof("merge", "gone", "-o", "other"), 2, "gone")


def test_waivers(chatproof: Chatproof, runs: dict[str, Path], tmp_path: Path) -> None:
    done = chatproof("waivers", "--from", runs["bad"], "-o", "w.toml")
    assert done.returncode == 0, done.stderr
    drafted = tomllib.loads((tmp_path / "w.toml").read_text(encoding="utf-8"))
    assert FINDING in {entry["rule"] for entry in drafted["waiver"]}
    one_line(chatproof("waivers", "--from", runs["bad"], "-o", "w.toml"), 2, "w.toml: is there already")
    one_line(chatproof("waivers", "--from", "gone"), 2, "gone")


# --- with an endpoint ---------------------------------------------------------------------------------------------


def test_replay(chatproof: Chatproof, runs: dict[str, Path]) -> None:
    done = chatproof("replay", runs["bad"], FINDING)
    assert done.returncode == 1, done.stderr
    assert FINDING in done.stdout
    done = chatproof("replay", runs["good"])
    assert (done.returncode, done.stdout) == (0, "no finding to send\n")
    one_line(chatproof("replay", runs["bad"], "--endpoint", NOBODY), 6, NOBODY)
    one_line(chatproof("replay", "gone"), 2, "gone")


def test_soak(chatproof: Chatproof, faulty: str) -> None:
    short = ["--rounds", "1", "--depth", "smoke"]
    assert chatproof("soak", "reference", "temperature.max.*", *short).returncode == 0
    done = chatproof("soak", faulty, FINDING, *short)
    assert done.returncode == 1, done.stderr
    assert FINDING in done.stdout
    one_line(chatproof("soak", NOBODY, FINDING, *short), 6, NOBODY)
    one_line(chatproof("soak", "reference", "no.such.*", *short), 2, "no.such.*", "chatproof rules")


def test_probe(chatproof: Chatproof) -> None:
    with start() as url:
        done = chatproof("probe", url)
    assert done.returncode == 0, done.stderr
    assert "tools" in tomllib.loads(done.stdout)["capabilities"]["claimed"]
    one_line(chatproof("probe", NOBODY), 6, NOBODY)


def test_reference(chatproof: Chatproof, tmp_path: Path) -> None:
    words = ["reference", "--port", "0", "--until-eof"]
    with subprocess.Popen([SCRIPT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(READY)
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    one_line(chatproof("reference", "--vintage", "1999-01"), 2, "--vintage", "2024-11")
    one_line(chatproof("reference", "--api-key-env", "NO_SUCH_KEY"), 2, "NO_SUCH_KEY is not set")


# --- measuring ----------------------------------------------------------------------------------------------------


def test_prove(chatproof: Chatproof, tmp_path: Path) -> None:
    done = chatproof("prove", "temperature-unbounded", "--depth", "smoke", "--html", "m.html")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 servers, 1 found, 1 blamed right" in done.stdout
    assert "1 of 1" in (tmp_path / "m.html").read_text(encoding="utf-8")
    one_line(chatproof("prove", "no-such-server"), 2, "no-such-server")
    one_line(chatproof("prove", "--json", "no/m.json"), 2, "--json no/m.json")


def test_bench(chatproof: Chatproof, tmp_path: Path) -> None:
    options = ["--quick", "--latency-ms", "0", "--in-flight", "1", "--json", "b.json"]
    done = chatproof("bench", "throughput", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(json.loads((tmp_path / "b.json").read_text()))[-1] == "throughput"
    one_line(chatproof("bench", "speed"), 2, "'speed'", "throughput")
    one_line(chatproof("bench", "--json", "no/b.json"), 2, "--json no/b.json")


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_what_is_closed_early_is_no_error(runs: dict[str, Path]) -> None:
    """``chatproof rules | head -1``"""
    line = f"{SCRIPT} rules --format md | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, env=clean_environment(), timeout=60)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
