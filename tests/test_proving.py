"""The kill matrix: what counts as found and as blamed right, and the command that makes it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from chatproof.conformance.depths import Settings
from chatproof.conformance.proving import Subject, Trial, as_json, summary
from chatproof.reports.kill_matrix import render, tallies

SUBJECT = Subject("stop-five", "stop", "bound", ("stop.array.max.refuses",), ("stop.*",))


def trial(*failed: str, shown: tuple[str, ...] | None = None, warned: tuple[str, ...] = (), error: str = "") -> Trial:
    return Trial(SUBJECT, failed, warned, failed if shown is None else shown, 500, 7 if failed else None, 1.0, error)


@pytest.mark.parametrize(
    ("made", "killed", "right"),
    [
        (trial(), False, False),
        (trial("stop.array.max.refuses"), True, True),
        (trial("stop.array.max.refuses", "stop.type.refuses"), True, True),  # with it
        (trial("stop.array.max.refuses", "n.max.refuses"), True, False),  # and an innocent
        (trial("stop.type.refuses"), True, False),  # only a companion
        (trial("n.max.refuses"), True, False),
        (trial(shown=("stop.array.max.refuses",)), True, True),  # a rule that only informs
        (trial("stop.array.max.refuses", error="EndpointError: gone"), True, False),
    ],
)
def test_found_and_blamed(made: Trial, killed: bool, right: bool) -> None:
    assert (made.killed, made.right) == (killed, right)


def test_a_rule_about_the_broken_property_is_right_but_not_exact() -> None:
    made = replace(
        trial("stop.string.accepts", shown=()), subject=replace(SUBJECT, with_it=()), kin=("stop.string.accepts",)
    )
    assert (made.killed, made.right, made.exact, made.wrong) == (True, True, False, ())
    other = replace(made, failed=(*made.failed, "n.max.refuses"))
    assert (other.right, other.wrong) == (False, ("n.max.refuses",))


def test_a_server_without_a_fault_may_have_its_own_warnings() -> None:
    dialect = Subject("x", "", "", (), (), ("http.key.unknown*",))
    assert Trial(dialect, (), ("http.key.unknown.refuses",), (), 5, None, 1.0).barked == ()
    assert Trial(dialect, ("a.b",), ("n.max.accepts",), (), 5, 1, 1.0).barked == ("a.b", "n.max.accepts")


def test_figures() -> None:
    found = summary([trial("stop.array.max.refuses"), trial("stop.array.max.refuses", "n.max.refuses"), trial()])
    assert (found.servers, found.killed, found.right) == (3, 2, 1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.median_first == 7
    assert summary([]).precision == 1.0


def test_the_page_names_what_was_missed_and_escapes_it() -> None:
    odd = Subject("<script>x", "stop", "bound", ("a.b",))
    trials = [trial("stop.array.max.refuses"), Trial(odd, (), (), (), 3, None, 0.1)]
    matrix = json.loads(json.dumps(as_json(trials, Settings())))
    assert tallies(matrix["trials"]) == (["bound"], [("stop", [(1, 2)])])
    page = render(matrix)
    assert "1 of 2 single-fault servers" in page
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from chatproof.conformance.cli import main; main()", "prove", "--depth", "smoke"]
    done = subprocess.run(
        [*command, "temperature-unbounded", "usage-sum", "--json", "m.json", "--html", "m.html"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 servers, 2 found, 2 blamed right (2 by the very rule)" in done.stdout
    matrix = json.loads((tmp_path / "m.json").read_text())
    assert [row["subject"]["name"] for row in matrix["trials"]] == ["temperature-unbounded", "usage-sum"]
    assert "2 of 2" in (tmp_path / "m.html").read_text()


def test_a_folder_without_servers_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from chatproof.conformance.cli import main; main()", "prove"]
    done = subprocess.run(
        [*command, "--servers", str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no single-fault servers there" in done.stderr
