"""Every single-fault server is caught at smoke depth, by a rule about its fault and by no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mutants import MUTANTS

PROGRAM = Path(__file__).with_name("mutants.py")


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_the_fault_is_found_and_nothing_else_is_blamed(name: str, port: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{port}/{name}/v1"
    command = [sys.executable, "-m", "pytest", "--endpoint", url, "-q", "--depth", "smoke", "--strict"]
    done = subprocess.run([*command, "--report-dir", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out/run.jsonl").read_text().splitlines()]
    failed = {line["rule"] for line in lines if line.get("verdict") in ("failed", "inconsistent")}
    mutant = MUTANTS[name]
    assert mutant.fails <= failed
    assert failed <= mutant.fails | mutant.with_it
