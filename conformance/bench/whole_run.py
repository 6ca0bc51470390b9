"""Peak memory, time and size of whole runs of ``pytest --endpoint reference`` at the smoke and the default depth.

Prints a line a depth: requests, seconds, processor seconds of the run and of the reference, and the peak of resident
memory of the largest process (the run itself; the reference is smaller).
Run ``python tests/benchmarks/memory.py [DEPTH ...]``.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import resource, sys, pytest
code = pytest.main(sys.argv[1:])
own, child = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
cpus = [who.ru_utime + who.ru_stime for who in (own, child)]
print(own.ru_maxrss // 1024, child.ru_maxrss // 1024, *cpus, file=sys.stderr)
sys.exit(code)
"""


def measure(depth: str) -> None:
    """One run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [
            "--endpoint",
            "reference",
            "--depth",
            depth,
            "--report-dir",
            folder,
            "-q",
            "-p",
            "no:cacheprovider",
        ]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        seconds = time.perf_counter() - started
        footer = json.loads((Path(folder) / "run.jsonl").read_text().splitlines()[-1])
    memory, reference, cpu, reference_cpu = map(float, done.stderr.split()[-4:])
    print(
        f"{depth:9} exit {done.returncode}, {footer['verdict']}, {footer['requests']} requests, {seconds:.1f} s"
        f" (CPU {cpu:.1f} s, reference {reference_cpu:.1f} s)"
        f", peak memory {memory:.0f} MB, reference {reference:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measure the depths that were named."""
    for depth in sys.argv[1:] or ["smoke", "default"]:
        measure(depth)
    print(f"(this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB)")


if __name__ == "__main__":
    main()
