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
