"""The plugin end to end: what is collected, what the options mean, how a run ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Gate
from chatproof.conformance.suite import marker_names
from conftest import Ran, clean_environment

# a run that is stopped leaves connections to the collector, which may complain in a later test
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]
ROOT = Path(__file__).parents[1]
KEY = "sk-this-is-secret-0123456789"
NOWHERE = "http://127.0.0.1:9/v1"
"""For runs that send nothing."""


def ids(text: str) -> list[str]:
    """The node ids in the output of ``--collect-only -q``."""
    return [row for row in text.splitlines() if row.startswith("chatproof::")]


def names(text: str) -> set[str]:
    """The rules among them."""
    return {row.removeprefix("chatproof::") for row in ids(text)}


# --- inert ---------------------------------------------------------------------------------------------------------

HEAVY = (
    "httpx",
    "hypothesis",
    "hypothesis_jsonschema",
    "starlette",
    "uvicorn",
    "asyncio",
    "chatproof.conformance.session",
)


def test_the_import_is_light() -> None:
    code = f"import sys, chatproof.conformance.plugin; print([name for name in {HEAVY[:-2]} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean_environment()
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_other_suites_are_left_alone(run: Ask, tmp_path: Path, workers: tuple[str, ...]) -> None:
    heavy = [name for name in HEAVY if name != "asyncio"]
    (tmp_path / "test_x.py").write_text(
        f"import sys\ndef test_x(request):\n    assert not [name for name in {heavy} if name in sys.modules]\n"
        "    assert not hasattr(request.config.option, 'endpoint')\n"
    )
    ran = run(*workers, report=False)
    assert ran.code == 0, ran.out
    assert "1 passed" in ran.out
    assert "chatproof" not in ran.out.replace("plugins: chatproof", "").replace("chatproof-", "")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["test_x.py"]


def test_options_need_the_endpoint(ask: Ask) -> None:
    ran = ask("--depth", "smoke", report=False)
    assert ran.code == 4
    assert "--depth" in ran.out


def test_an_own_option_of_the_same_name_does_no_harm_without_endpoint(ask: Ask, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--model')\n")
    pytester.makepyfile("def test_x(request):\n    assert request.config.option.model == 'a'\n")
    assert ask("--model", "a", report=False).code == 0


def test_the_help_names_the_options(ask: Ask) -> None:
    ran = ask("--help", report=False)
    assert ran.code == 0
    for name in ("--endpoint", "--model", "--api-key-env", "--depth", "--in-flight", "--report-dir", "--safe"):
        assert name in ran.out


# --- discovery -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_node_ids_are_the_same_everywhere(run: Ask, serve: Serve, tmp_path: Path) -> None:
    server = serve(servers.strict)
    wanted = [f"chatproof::{name}" for name in load().by_id]
    other = tmp_path / "some where"
    (other / "tests").mkdir(parents=True)
    (other / "reports").mkdir()
    (other / "tests" / "test_x.py").write_text("def test_x(): raise SystemExit\n")
    (other / "pytest.ini").write_text("[pytest]\ntestpaths = tests\naddopts = --strict-markers\n")
    for folder, workers in ((ROOT, ()), (other, ("-n", "2"))):
        ran = run("--endpoint", server.url, "--collect-only", "-q", *workers, cwd=folder)
        assert ran.code == 0, ran.out
        assert ids(ran.out) == wanted
    assert server.received == []
    assert not (tmp_path / "report").exists()


@pytest.mark.slow
def test_workers_report_the_same_ids(run: Ask, serve: Serve) -> None:
    ran = run(
        "--endpoint", serve(servers.strict).url, "--depth", "smoke", "-n", "2", "-v", "-k", "top_p.type or gate.n"
    )
    assert ran.code == 0, ran.out
    seen = set(re.findall(r"PASSED (chatproof::\S+)", ran.out))
    wanted = {f"chatproof::{name}" for name in load().by_id if "top_p.type" in name or name.startswith("gate.n")}
    assert seen == wanted


@pytest.mark.parametrize(
    ("selection", "holds"),
    [
        (("-k", "temperature"), lambda rule: "temperature" in rule.id.lower()),
        (("-k", "logit_bias and not type"), lambda rule: "logit_bias" in rule.id and "type" not in rule.id),
        (("-m", "must and tools"), lambda rule: {"must", "tools"} <= set(marker_names(rule))),
        (("-m", "gate"), lambda rule: isinstance(rule, Gate)),
        (("-m", "may and not gate"), lambda rule: rule.strength == "may" and not isinstance(rule, Gate)),
    ],
)
def test_selection(ask: Ask, selection: tuple[str, ...], holds: Callable[[Any], bool]) -> None:
    ran = ask("--endpoint", NOWHERE, "--collect-only", "-q", "--strict-markers", *selection, report=False)
    wanted = {rule.id for rule in load().by_id.values() if holds(rule)}
    assert wanted
    if selection[0] == "-k":  # pytest also looks at markers and user-visible names
        assert wanted <= names(ran.out)
    else:
        assert names(ran.out) == wanted


def test_a_selection_of_nothing(ask: Ask, serve: Serve) -> None:
    assert ask("--endpoint", serve(servers.strict).url, "-k", "nosuchrule").code == 5


def test_a_path_of_the_user_is_what_runs(ask: Ask, pytester: pytest.Pytester, serve: Serve) -> None:
    server = serve(servers.strict)
    path = pytester.makepyfile("def test_x(): pass\n")
    ran = ask("--endpoint", server.url, str(path))
    assert ran.code == 0
    assert "1 passed" in ran.out
    assert server.received == []


def test_last_failed_and_failed_first(ask: Ask, serve: Serve) -> None:
    server = serve(servers.on(servers.hot, servers.refuses(400), servers.strict))
    arguments = ("--endpoint", server.url, "--depth", "smoke", "-k", "temperature or top_p", "-v")
    first = ask(*arguments)
    assert first.code == 1
    broken = {rule for rule, verdict in first.verdicts.items() if verdict == "failed"}
    assert broken == {"temperature.max.accepts"}
    second = ask(*arguments, "--lf")
    assert second.code == 1, second.out
    assert re.findall(r"(chatproof::\S+) ", second.out)[:1] == ["chatproof::temperature.max.accepts"]
    assert "1 failed" in second.out
    assert "passed" not in second.out.splitlines()[-1]
    third = ask(*arguments, "--ff")
    assert third.code == 1
    assert re.findall(r"(chatproof::\S+) (?:FAILED|PASSED)", third.out)[0] == "chatproof::temperature.max.accepts"
    assert third.verdicts == first.verdicts


def test_stop_at_the_first_failure(ask: Ask, serve: Serve) -> None:
    server = serve(servers.on(servers.hot, servers.refuses(400), servers.slowly(0.02)))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-x", "--in-flight", "4")
    assert ran.code == 1, ran.out
    assert "1 failed" in ran.out
    assert ran.footer["verdict"] == "non-conformant"
    assert ran.results["temperature.max.accepts"]["verdict"] == "failed"
    assert "incomplete" not in ran.out
    received = len(server.received)
    time.sleep(0.3)
    assert len(server.received) == received


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["alone", "xdist"])
def test_junit(run: Ask, serve: Serve, tmp_path: Path, workers: tuple[str, ...]) -> None:
    junitparser: Any = pytest.importorskip("junitparser")
    xunit2: Any = pytest.importorskip("junitparser.xunit2")
    behave = servers.on(servers.hot, servers.refuses(500, "\x1b[2J\x00"), servers.strict)
    chosen = "temperature or stop.null"
    arguments = ("--depth", "smoke", "-k", chosen, "--junitxml", "junit.xml", *workers)
    ran = run("--endpoint", serve(behave).url, *arguments)
    cases = [case for suite in xunit2.JUnitXml.fromfile(str(tmp_path / "junit.xml")) for case in suite]
    facts = {case.name: {fact.name: fact.value for fact in case.properties()} for case in cases}
    assert len(cases) == len(facts) > 10, "one case a rule"
    results = {name: ran.results[name] for name in facts}  # the record also holds the gates that these rules need
    assert {case.classname for case in cases} == {"chatproof"}
    for name, line in results.items():
        wanted = {fact: line[fact] for fact in ("strength", "chapter", "property", "verdict")}
        assert facts[name] == wanted | ({"symptom": line["finding"]["symptom"]} if "finding" in line else {})
    assert facts["temperature.max.accepts"]["symptom"] == "crashed"
    [broken] = [case for case in cases if case.name == "temperature.max.accepts"]
    [failure] = broken.result
    assert isinstance(failure, junitparser.Failure)
    assert "curl" in failure.text
    red = {name for name, line in results.items() if line["verdict"] in ("failed", "inconsistent")}
    assert {case.name for case in cases if any(isinstance(one, junitparser.Failure) for one in case.result)} == red
    skipped = {case.name for case in cases if any(isinstance(one, junitparser.Skipped) for one in case.result)}
    assert skipped == {name for name, line in results.items() if line["verdict"] in ("blocked", "not_offered")}


# --- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--depth", "huge"), "--depth"),
        (("--in-flight", "0"), "--in-flight"),
        (("--in-flight", "many"), "--in-flight"),
        (("--max-examples", "-1"), "--max-examples"),
        (("--vintage", "1999-01"), "--vintage"),
        (("--conformance-profile", "nosuch"), "--conformance-profile"),
        (("--hypothesis-seed", "x"), "--hypothesis-seed"),
        (("--api-key-env", "NO_SUCH_VARIABLE"), "--api-key-env"),
        (("--no-such-option",), "--no-such-option"),
        (("--endpoint",), "--endpoint"),
        (("--endpoint", ""), "--endpoint"),
        (("--endpoint", "localhost:8000"), "--endpoint"),
        (("--endpoint", "http://user:pass@127.0.0.1/v1"), "--endpoint"),
        (("--endpoint", "ftp://127.0.0.1/v1"), "--endpoint"),
        (("--endpoint", "http://127.0.0.1:99999/v1"), "--endpoint"),
    ],
)
def test_usage_errors(ask: Ask, pytester: pytest.Pytester, arguments: tuple[str, ...], named: str) -> None:
    pytester.makepyfile("def test_x(): pass\n")
    ran = ask("--endpoint", NOWHERE, *arguments, report=False)
    assert ran.code == 4, ran.out
    assert "Traceback" not in ran.out
    assert len([row for row in ran.out.splitlines() if named in row and "usage:" not in row]) == 1, ran.out
    assert "pass@" not in ran.out


def test_a_report_folder_that_cannot_be(ask: Ask, serve: Serve, pytester: pytest.Pytester) -> None:
    (pytester.path / "report").write_text("a file")
    ran = ask("--endpoint", serve(servers.strict).url, "--depth", "smoke", "-k", "gate.n")
    assert ran.code == 4, ran.out
    assert "Traceback" not in ran.out
    assert "--report-dir" in ran.out


def test_the_endpoint_may_come_from_addopts(ask: Ask, serve: Serve, pytester: pytest.Pytester) -> None:
    pytester.makeini(f"[pytest]\naddopts = --endpoint={serve(servers.strict).url} --depth=smoke\n")
    ran = ask("-k", "top_p.max")
    assert ran.code == 0, ran.out
    assert ran.verdicts["top_p.max.accepts"] == "passed"


# --- what is shown -------------------------------------------------------------------------------------------------


def failure_of(text: str, rule: str) -> list[str]:
    """The rows of one failure in pytest's output."""
    rows = text.splitlines()
    heads = [place for place, row in enumerate(rows) if row.startswith("____") and rule in row]
    assert len(heads) == 1, text
    rest = rows[heads[0] + 1 :]
    ends = [place for place, row in enumerate(rest) if row.startswith(("____", "====", "----"))]
    return rest[: ends[0]]


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
def test_the_failure_text_reproduces(ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    server = serve(servers.on(servers.hot, servers.refuses(400, "too hot\n\x1b[2J"), servers.strict))
    ran = ask(
        "--endpoint", server.url + "/v1/?a=b", "--api-key-env", "SOME_KEY", "--depth", "smoke", "-k", "temperature"
    )
    rows = failure_of(ran.out, "temperature.max.accepts")
    assert len(rows) <= 25
    rule = load().find("temperature.max.accepts")
    text = "\n".join(rows)
    for words in (rule.id, rule.title, rule.source.where, '"temperature": 2', "400", "too hot"):
        assert words in text
    [line] = [row.split("again", 1)[1].strip() for row in rows if row.strip().startswith("again")]
    assert KEY not in line
    sent = server.received[-1]
    done = subprocess.run(
        ["sh", "-c", f"{line} -o /dev/null -w '%{{http_code}}'"],
        env={"SOME_KEY": KEY, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "400"
    pasted = server.received[-1]
    assert pasted is not sent
    assert pasted.value("temperature") == 2
    assert pasted.query == "a=b"
    assert pasted.headers["authorization"] == f"Bearer {KEY}"
    assert pasted.content in [item.content for item in server.received[:-1]]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_key_is_nowhere(
    run: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CHATPROOF_API_KEY", KEY)
    server = serve(servers.echoes_key())
    selection = (
        "--depth",
        "smoke",
        "-k",
        "temperature.max or gate",
        "--junitxml",
        str(tmp_path / "junit.xml"),
        "-vv",
        "-rA",
    )
    ran = run("--endpoint", server.url, *selection, *workers)
    assert ran.code == 1, ran.out
    assert any(KEY in item.headers.get("authorization", "") for item in server.received)
    assert "I do not like Bearer [key]" in ran.out
    assert KEY not in ran.out
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert "$CHATPROOF_API_KEY" in ran.results["temperature.max.accepts"]["finding"]["curl"]


def test_the_openai_key_stays_at_home(ask: Ask, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = serve(servers.strict)
    ask("--endpoint", server.url, "--depth", "smoke", "-k", "gate.n")
    assert server.received
    assert not any("authorization" in item.headers for item in server.received)


def test_one_folder_per_run(ask: Ask, serve: Serve, pytester: pytest.Pytester) -> None:
    url = serve(servers.strict).url
    for _ in range(2):
        assert ask("--endpoint", url, "--depth", "smoke", "-k", "gate.n", report=False).code == 0
    parent = pytester.path / "conformance-report"
    assert len([path for path in parent.iterdir() if path.is_dir() and not path.is_symlink()]) == 2
    assert (parent / "latest" / "run.jsonl").exists()


# --- workers, interrupts -------------------------------------------------------------------------------------------


def odd(request: servers.Received) -> bool:
    """Several faults at once, for a comparison."""
    return request.value("top_p") == 1 or request.value("stop") == "END" or servers.hot(request)


@pytest.mark.slow
def test_workers_come_to_the_same_verdicts(run: Ask, serve: Serve) -> None:
    selection = ("--depth", "smoke", "-k", "temperature or top_p or stop or metadata")
    found = []
    received = []
    for workers in ((), ("-n", "2")):
        server = serve(servers.on(odd, servers.refuses(500), servers.strict))
        ran = run("--endpoint", server.url, *selection, *workers)
        assert ran.code == 1, ran.out
        # a controller asks all gates, a single process those of the selection
        found.append({name: verdict for name, verdict in ran.verdicts.items() if not name.startswith("gate.")})
        received.append((ran.footer["requests"], len(server.received)))
    assert found[0] == found[1]
    for counted, came in received:
        assert came - 5 <= counted <= came, received  # the canary's own are not counted


def group_is_empty(group: int) -> bool:
    """Whether no process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    "more",
    [("--in-flight", "64"), pytest.param(("-n", "2"), marks=pytest.mark.slow)],
    ids=["alone", "xdist"],
)
def test_interrupt(serve: Serve, tmp_path: Path, more: tuple[str, ...]) -> None:
    server = serve(servers.slowly(0.2))
    enough = threading.Event()

    async def counting(request: servers.Received, talk: servers.Talk) -> None:
        if request.number > 80:
            enough.set()
        await servers.slowly(0.2)(request, talk)

    server.behave = counting
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--endpoint", server.url, "--report-dir", "report", *more],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert enough.wait(40)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        out, _ = process.communicate(timeout=30)
        assert time.monotonic() - started < 15
        assert process.returncode == 2, out
        assert "INTERNALERROR" not in out
        lines = [json.loads(row) for row in (tmp_path / "report" / "run.jsonl").read_text().splitlines()]
        assert lines[0]["kind"] == "header"
        assert lines[-1]["kind"] == "footer"
        assert lines[-1]["verdict"] == "incomplete"
        assert not {line["verdict"] for line in lines[1:-1]} & {"failed", "warning", "inconsistent"}
        assert group_is_empty(process.pid)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_interrupt_with_the_embedded_server(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "--endpoint",
            "reference",
            "--report-dir",
            "report",
            "--depth",
            "nightly",
            "-v",
        ],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    guard = threading.Timer(60, process.kill)  # a run that hangs must not hang the tests
    guard.start()
    try:
        assert process.stdout is not None
        while "PASSED" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 2
        lines = (tmp_path / "report" / "run.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["kind"] == "footer"
        assert group_is_empty(process.pid)
    finally:
        guard.cancel()
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_embedded_server(run: Ask) -> None:
    ran = run("--endpoint", "reference", "--depth", "smoke", "-k", "temperature or tools")
    assert ran.code == 0, ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info"}


def test_a_plan_sends_nothing(ask: Ask, tmp_path: Path) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9/v1", "--plan", "--depth", "smoke", report=False)
    assert ran.code == 0, ran.out
    assert [line for line in ran.out.splitlines() if line.startswith("total")]
    assert not (ran.folder / "conformance-report").exists()


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_run_leaves_nothing_but_its_report(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    folder = tmp_path / "empty"
    folder.mkdir()
    ran = run("--endpoint", "reference", "-q", "-k", "temperature", *workers, cwd=folder)
    assert ran.code == 0, ran.out
    assert list(folder.iterdir()) == []
    assert (tmp_path / "caches" / "chatproof" / "hypothesis").is_dir()


def test_where_tests_of_ones_own_run_too_hypothesis_keeps_its_place(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.delenv("HYPOTHESIS_STORAGE_DIRECTORY", raising=False)
    (tmp_path / "test_own.py").write_text(
        "from hypothesis import given, strategies as st\n\n@given(st.text())\ndef test_own(text):\n    str(text)\n"
    )
    ran = run("--endpoint", "reference", "-q", "test_own.py", report=False)
    assert ran.code == 0, ran.out
    assert (tmp_path / ".hypothesis").is_dir()
    assert not (tmp_path / "caches" / "chatproof").exists()
