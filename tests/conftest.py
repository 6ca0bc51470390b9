"""Fixtures of the end-to-end tests: hostile servers, and runs of the plugin against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# how long a drawn case takes says nothing on a shared machine
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

pytest_plugins = ["pytester"]


@dataclass
class Ran:
    """One finished run of pytest: its exit code, what it printed, and the record it left."""

    code: int
    out: str
    folder: Path

    @property
    def record(self) -> list[dict[str, Any]]:
        """The lines of the record; empty where there is none."""
        path = self.folder / "report" / "run.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The result lines by rule."""
        return {line["rule"]: line for line in self.record if line["kind"] == "result"}

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each rule."""
        return {rule: line["verdict"] for rule, line in self.results.items()}

    @property
    def footer(self) -> dict[str, Any]:
        """The last line."""
        line = self.record[-1]
        assert line["kind"] == "footer", line
        return line

    def one_line(self) -> str:
        """The one line that says why nothing was tested. Fails where there is more, or a traceback."""
        assert "Traceback" not in self.out, self.out
        assert "INTERNALERROR" not in self.out, self.out
        rows = [row.strip("! ") for row in self.out.splitlines() if "chatproof: " in row]
        assert len({row.partition("chatproof: ")[2] for row in rows}) == 1, self.out
        assert len(rows) <= 2, self.out  # pytest says it once on each of its two streams
        return rows[0]


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """Starts a server with a behaviour of ``servers`` and stops it after the test."""
    from servers import Server

    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(Server(behave))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs ``pytest`` in a child process, in an empty folder, with the report below it."""
    monkeypatch.delenv("CHATPROOF_API_KEY", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def start(*arguments: str, cwd: Path | None = None, timeout: float = 60, report: bool = True) -> Ran:
        folder = cwd or tmp_path
        extra = ["--report-dir", str(tmp_path / "report")] if report else []
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, *extra],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr, tmp_path)

    return start


def clean_environment() -> dict[str, str]:
    """The environment without what an outer pytest puts into it."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}


@pytest.fixture(scope="session")
def warm() -> None:
    """Import all that a run imports: pytester forgets modules that an inner run was the first to import."""
    import asyncio

    import chatproof.conformance.summary
    from chatproof.conformance import canary
    from chatproof.conformance.catalogue import load
    from chatproof.conformance.depths import Settings
    from chatproof.conformance.plan import cases
    from chatproof.conformance.target import EndpointError
    from servers import Server, agreeable

    assert chatproof.conformance.summary
    with Server(agreeable) as server:
        asyncio.run(canary.resolve(server.url, key_variable="X"))
    with pytest.raises(EndpointError):
        asyncio.run(canary.resolve(server.url.replace("http:", "https:"), key_variable="X"))
    catalogue = load()
    cases(catalogue, catalogue.rules, Settings(examples=1))


@pytest.fixture
def ask(warm: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs ``pytest`` in this process (fast), in pytester's folder, with short timeouts towards the endpoint."""
    from chatproof.conformance import canary
    from chatproof.conformance.pipeline import Pipeline
    from chatproof.conformance.target import Bounds
    from hypothesis.configuration import storage_directory

    bounds = Bounds(connect=2, read=1, total=2, retries=2, longest_wait=0.2)
    monkeypatch.setitem(canary.resolve.__kwdefaults__ or {}, "bounds", bounds)
    monkeypatch.setitem(Pipeline.__init__.__kwdefaults__ or {}, "patience", 1.0)
    outer: Any = storage_directory()  # of the outer run; an older Hypothesis gives the path itself
    monkeypatch.setenv("HYPOTHESIS_STORAGE_DIRECTORY", str(getattr(outer, "path", outer)))
    monkeypatch.delenv("CHATPROOF_API_KEY", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def start(*arguments: str, report: bool = True) -> Ran:
        extra = ["--report-dir", "report"] if report else []
        done = pytester.runpytest_inprocess(*arguments, *extra)
        return Ran(int(done.ret), "\n".join([*done.outlines, *done.errlines]), pytester.path)

    return start
