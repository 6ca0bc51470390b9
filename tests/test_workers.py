"""Several processes: fixed shares, full lanes, one record, the verdicts of one process."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.shards import spread
from conftest import Ran
from test_record import check_record
from test_resume import FAULTY

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]
CHOSEN = ("--depth", "smoke", "-k", "temperature or top_p or stop or res. or err. or gate")


def test_shares_are_even_and_each_rule_has_one() -> None:
    names = list(load().by_id)
    for workers in (1, 2, 5):
        sizes = Counter(spread(names, workers).values())
        assert len(sizes) == workers
        assert max(sizes.values()) - min(sizes.values()) <= 1


@pytest.mark.slow
def test_workers_have_the_verdicts_of_one_process(run: Ask, serve: Serve, tmp_path: Path) -> None:
    alone = run("--endpoint", serve(FAULTY).url, *CHOSEN)
    (tmp_path / "report" / "run.jsonl").unlink()
    server = serve(servers.slowly(0.05, FAULTY))
    junit = tmp_path / "junit.xml"
    ran = run("--endpoint", server.url, *CHOSEN, "-n", "2", "--in-flight", "8", "-v", "--junitxml", str(junit))
    assert ran.code == alone.code == 1, ran.out
    assert ran.verdicts == alone.verdicts
    assert ran.results["res.usage.sum"]["verdict"] == "failed"
    check_record(ran.record)
    assert ran.results["res.id"]["judged"] >= alone.results["res.id"]["judged"]
    assert server.most_in_flight >= 6  # each of two workers has four lanes, and keeps them full
    assert len(re.findall(r"chatproof::res\.usage\.sum FAILED", ran.out)) == 1
    cases = [case.get("name") for case in ElementTree.parse(junit).getroot().iter("testcase")]
    assert sorted(name for name in cases if name) == sorted(ran.verdicts)


@pytest.mark.slow
def test_remote_workers_over_a_gateway(run: Ask, serve: Serve, tmp_path: Path) -> None:
    """What a remote worker gets goes through the gateway: a folder of its own, and a share of the ceiling."""
    (tmp_path / "elsewhere").mkdir()
    server = serve(servers.strict)
    place = f"2*popen//chdir={tmp_path / 'elsewhere'}"
    # xdist wants to carry over every argument that is a path: an option and its value are one
    chosen = ("--endpoint", server.url, *CHOSEN, "-d", "--tx", place, "--report-dir=report")
    ran = run(*chosen, "--max-requests", "85", report=False)
    assert ran.code == 6, ran.out
    assert len(server.received) <= 85
    check_record(ran.record)
    assert set(ran.verdicts.values()) <= {"passed", "info", "not_offered", "error"}
    assert len([verdict for verdict in ran.verdicts.values() if verdict == "passed"]) > 20
    whole = run(*chosen, "--resume", report=False)
    assert whole.code == 0, whole.out
    assert "error" not in whole.verdicts.values()
    assert not (tmp_path / "elsewhere" / "report").exists()


@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 4])
def test_workers_make_room_on_a_server_that_serves_few_at_once(run: Ask, serve: Serve, most: int) -> None:
    """Each has a pace of its own: both slow down, and what a server for one puts off all the same the controller
    asks when it has the server for itself."""
    chosen = ("--depth", "smoke", "-k", "temperature or top_p or res.usage or res.id or gate")
    alone = run("--endpoint", serve(FAULTY).url, *chosen)
    (alone.folder / "report" / "run.jsonl").unlink()
    server = serve(servers.serves_at_most(most, 0.03, FAULTY))
    ran = run("--endpoint", server.url, *chosen, "-n", "2", "--in-flight", "16", timeout=200)
    assert ran.code == alone.code == 1, ran.out
    assert ran.verdicts == alone.verdicts
    assert sum(ran.footer["traffic"]["statuses"].values()) >= len(ran.verdicts) / 4
    assert len(server.received) < 2.5 * ran.footer["requests"], "most requests are not sent in vain"


# --- a worker that dies ----------------------------------------------------------------------------------------------

DYING = """
import os, signal

WHERE, DYING, AFTER = "{where}", {dying}, {after}
told = 0


def die():
    if os.environ.get("PYTEST_XDIST_WORKER") in DYING:
        os.kill(os.getpid(), signal.SIGKILL)


def pytest_collection_finish(session):
    if WHERE == "collecting":
        die()


def pytest_runtest_logreport(report):
    global told
    told += report.when == "call"
    if WHERE == "asking" and told > AFTER:
        die()
"""
"""A plugin that kills workers: while they collect, or when they have told so many verdicts."""


def deadly(folder: Path, *dying: str, where: str = "asking", after: int = 5) -> tuple[str, str]:
    """The options that load it."""
    (folder / "deadly.py").write_text(DYING.format(where=where, dying=dying, after=after))
    return "-p", "deadly"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dying", "where"),
    [(("gw1",), "asking"), (("gw0", "gw1"), "asking"), (("gw1",), "collecting")],
    ids=["one", "all", "before it asks"],
)
def test_a_worker_that_dies_takes_no_verdict_with_it(
    run: Ask, serve: Serve, tmp_path: Path, dying: tuple[str, ...], where: str
) -> None:
    alone = run("--endpoint", serve(FAULTY).url, *CHOSEN)
    (tmp_path / "report" / "run.jsonl").unlink()
    server = serve(FAULTY)
    ran = run("--endpoint", server.url, *CHOSEN, "-n", "2", *deadly(tmp_path, *dying, where=where))
    assert ran.out.count("node down: Not properly terminated") == len(dying), ran.out
    assert ran.code == alone.code == 1, ran.out
    assert ran.verdicts == alone.verdicts
    assert "crashed while running" not in ran.out  # no rule is to blame for it
    check_record(ran.record)
    names = [line["rule"] for line in ran.record if line["kind"] == "result"]
    assert len(names) == len(set(names))
    assert 0.8 * len(server.received) <= ran.footer["requests"] <= len(server.received)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["asking", "collecting"])
def test_a_ceiling_holds_when_a_worker_dies(run: Ask, serve: Serve, tmp_path: Path, where: str) -> None:
    """What the dead one may have sent counts as sent; whoever takes its place gets nothing of the ceiling."""
    server = serve(servers.strict)
    chosen = ("--endpoint", server.url, *CHOSEN, "-n", "2")
    ran = run(*chosen, "--max-requests", "120", *deadly(tmp_path, "gw1", where=where))
    assert "node down" in ran.out
    assert ran.code == 6, ran.out
    assert len(server.received) <= 120
    assert ran.footer["budget"]["requests"] >= len(server.received) - 1
    check_record(ran.record)
    assert set(ran.verdicts.values()) <= {"passed", "info", "not_offered", "error"}
    notes = {line["note"].partition(" ")[0] for line in ran.results.values() if line["verdict"] == "error"}
    assert notes == {"budget:"}
    whole = run(*chosen, "--resume")
    assert whole.code == 0, whole.out
    assert "error" not in whole.verdicts.values()


@pytest.mark.slow
def test_what_one_share_did_not_allow_is_asked_from_what_all_have_left(run: Ask, serve: Serve) -> None:
    """A ceiling that is enough for one process is nearly enough for two: no worker sits on what another lacks."""
    server = serve(servers.strict)
    ran = run("--endpoint", server.url, *CHOSEN, "-n", "2", "--max-requests", "190")
    assert len(server.received) <= 190
    assert ran.code == 0, ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "not_offered"}


@pytest.mark.parametrize("several", [("-n", "2"), ("-d", "--tx", "2*popen"), ("--dist", "load", "--tx", "popen")])
@pytest.mark.parametrize("option", [("--start", "true"), ("--plan",)], ids=["start", "plan"])
def test_what_works_in_one_process_only(ask: Ask, option: tuple[str, ...], several: tuple[str, ...]) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9/v1", *option, *several, report=False)
    assert ran.code == 4
    (row,) = {row for row in ran.out.splitlines() if "ERROR: " in row}
    assert f"{option[0]} works in one process" in row
    assert "leave out -n" in row
