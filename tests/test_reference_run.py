"""The suite against the reference: no false alarm at any size and seed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def run(folder: Path, *options: str) -> list[dict]:
    command = [sys.executable, "-m", "pytest", "--endpoint", "reference", "-q", "--report-dir", "out", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return [json.loads(line) for line in (folder / "out/run.jsonl").read_text().splitlines()]


def check(lines: list[dict]) -> None:
    verdicts = {line["rule"]: line["verdict"] for line in lines if line["kind"] == "result"}
    keys = {name for name in verdicts if name.startswith("http.auth.") or name == "err.noleak.key"}
    assert {verdicts.pop(name) for name in keys} <= {"not_offered"}  # the reference runs without a key
    if find_spec("openai") is None:
        assert {verdicts.pop(name) for name in list(verdicts) if name.startswith("client.")} <= {"not_offered"}
    assert set(verdicts.values()) <= {"passed", "info"}, verdicts
    assert lines[-1]["verdict"] == "conformant"


def test_smoke(tmp_path: Path) -> None:
    lines = run(tmp_path, "--depth", "smoke")
    check(lines)
    assert lines[-1]["requests"] <= 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_default(tmp_path: Path, seed: int) -> None:
    lines = run(tmp_path, "--hypothesis-seed", str(seed), "--strict")
    check(lines)
    by_clients = sum(line["requests"] for line in lines if line.get("chapter") == "clients")
    assert lines[-1]["requests"] - by_clients <= 2000


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nightly(tmp_path: Path, seed: int) -> None:
    check(run(tmp_path, "--depth", "nightly", "--hypothesis-seed", str(seed), "--strict"))
