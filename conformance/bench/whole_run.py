"""What a whole run of ``pytest --endpoint reference`` takes: requests, completion tokens, time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .memory import peak_mb
from .stub import BenchError

LONGEST = 900.0
"""Seconds that one run may take."""


def measure(depth: str, *choice: str) -> dict[str, Any]:
    """One run at a depth, in a process and a folder of its own; ``choice`` are further options of pytest.

    ``cpu_seconds`` and ``peak_mb`` are of the run, without the reference server, whose own are beside them.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = ["--endpoint", "reference", "--depth", depth, "--report-dir", folder, "-q", "-p", "no:cacheprovider"]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", __name__, *options, *choice],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        seconds = time.perf_counter() - started
        try:
            footer = json.loads((Path(folder) / "run.jsonl").read_text("utf-8").splitlines()[-1])
            used = json.loads(done.stderr.splitlines()[-1])
            size = {name: footer[name] for name in ("verdict", "requests", "tokens")}
        except (OSError, ValueError, LookupError):
            words = (done.stdout + done.stderr).strip().splitlines() or ["no word"]
            raise BenchError(f"the run at depth {depth} left no record: {words[-1]}") from None
    return {"depth": depth, "exit_code": done.returncode, **size, "seconds": seconds, **used}


def run(options: list[str]) -> int:
    """In the process of a run: pytest, and what it took as the last line of standard error."""
    import pytest

    code = pytest.main(options)
    times = os.times()
    used = {
        "cpu_seconds": times.user + times.system,
        "peak_mb": peak_mb(),
        "reference_cpu_seconds": times.children_user + times.children_system,
        "reference_peak_mb": peak_mb(children=True),
    }
    print(json.dumps(used), file=sys.stderr)
    return int(code)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
