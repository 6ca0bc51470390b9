"""The status line: what it says, that pytest's own output stays whole beside it, and that nobody else ever sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings, worth_of
from chatproof.conformance.model import RequestRule
from chatproof.conformance.plan import example_cases, pin_cases
from chatproof.conformance.progress import State, clock, shown
from conftest import Ran, clean_environment
from hypothesis import given
from hypothesis import strategies as st

pyte: Any = pytest.importorskip("pyte")

Serve = Callable[..., servers.Server]
ROWS, COLUMNS = 30, 90
COUNTED = re.compile(r"\d+/\d+ rules · (\d+ broken · )?\d+ requests · [\d.]+/s · \d+ in flight · about \d+:\d\d left")
RULES_ONLY = re.compile(r"\d+/\d+ rules · (\d+ broken · )?about \d+:\d\d left")

counts = st.integers(0, 10**6)
states = st.builds(
    State,
    done=counts,
    rules=counts,
    red=counts,
    work=st.floats(0, 1e6),
    worked=st.floats(0, 1e6),
    sent=st.none() | counts,
    in_flight=counts,
    waiting=st.booleans(),
)


@given(states, st.floats(0, 1e6), st.none() | st.floats(0, 1e6), st.integers(0, 200))
def test_it_never_takes_a_second_line(state: State, seconds: float, rate: float | None, width: int) -> None:
    text = shown(state, seconds, rate, width)
    assert len(text) <= width
    assert text.isprintable()


def test_what_it_says() -> None:
    half = State(done=10, rules=30, red=2, work=100, worked=50, sent=400, in_flight=16)
    assert shown(half, 60, 42.4, 200) == "10/30 rules · 2 broken · 400 requests · 42/s · 16 in flight · about 1:00 left"
    with_workers = State(done=10, rules=30, red=0, work=100, worked=25)
    assert shown(with_workers, 60, None, 200) == "10/30 rules · about 3:00 left"
    beginning = State(done=0, rules=30, red=0, work=100, worked=0, sent=3, in_flight=1)
    assert shown(beginning, 60, 0.05, 200) == "0/30 rules · 3 requests · 0.1/s · 1 in flight"
    away = State(done=10, rules=30, red=0, work=100, worked=50, sent=3, waiting=True)
    assert shown(away, 60, 0.0, 200).endswith("waiting for the server")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_plan_behind_the_time_left_is_what_is_asked() -> None:
    catalogue, settings = load(), Settings()
    rules = [rule for rule in catalogue.rules if isinstance(rule, RequestRule)][::25]
    for rule in rules:
        cases = pin_cases(rule, 0, settings) + example_cases(rule, 0, settings)
        assert len(cases) <= worth_of(rule, settings) <= len(cases) + 3, rule.id


# --- on a terminal -------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What somebody saw at the terminal: every screen, the last one, and the bytes."""

    screens: list[list[str]]
    last: list[str]
    raw: bytes
    code: int


def watch(folder: Path, *arguments: str, **environment: str) -> Seen:
    """Run pytest on a terminal of its own and look at it after every write."""
    outside, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    unset = ("COLUMNS", "LINES", "CHATPROOF_API_KEY", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in clean_environment().items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--report-dir", "report", *arguments],
        cwd=folder,
        env={**kept, "TERM": "xterm", **environment},
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    screen = pyte.HistoryScreen(COLUMNS, ROWS, history=2000)
    stream, raw, screens, ends = pyte.ByteStream(screen), b"", [], time.monotonic() + 60
    try:
        while time.monotonic() < ends:
            try:
                data = os.read(outside, 65536) if select.select([outside], [], [], 1)[0] else b""
            except OSError:  # the other side is closed
                break
            raw += data
            stream.feed(data)
            screens.append([row.rstrip() for row in screen.display])
        process.wait(10)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(outside)
    above = ["".join(row[column].data for column in range(COLUMNS)).rstrip() for row in screen.history.top]
    return Seen(screens, above + [row.rstrip() for row in screen.display], raw, process.returncode)


def plain(rows: list[str]) -> list[str]:
    """What pytest has to say of each rule, without what differs between two runs."""
    start = next(place for place, row in enumerate(rows) if row.startswith(("collected", "2 workers")))
    end = next(place for place, row in enumerate(rows) if re.match("=+ chatproof =+$", row))
    return rows[start:end]


SMALL = ("--depth", "smoke", "--tb=no", "--in-flight", "2", "-k", "temperature or top_p")


def test_the_line_is_there_and_pytests_own_output_is_whole(serve: Serve, tmp_path: Path) -> None:
    behave = servers.on(lambda request: request.value("temperature") == 2, servers.refuses(500), servers.strict)
    server = serve(servers.slowly(0.08, behave))
    seen = watch(tmp_path, "--endpoint", server.url, *SMALL)
    assert any(COUNTED.match(row) for screen in seen.screens for row in screen), seen.last
    assert not [row for row in seen.last if " in flight" in row or "left" in row]
    assert seen.code == 1
    silent = watch(tmp_path, "--endpoint", server.url, *SMALL, TERM="dumb")
    assert b"in flight" not in silent.raw
    assert plain(seen.last) == plain(silent.last)


def test_names_are_whole_too(serve: Serve, tmp_path: Path) -> None:
    seen = watch(tmp_path, "--endpoint", serve(servers.slowly(0.08)).url, "-v", *SMALL)
    assert any(COUNTED.match(row) for screen in seen.screens for row in screen), seen.last
    rows = [row for row in plain(seen.last)[1:] if row]
    assert len(rows) > 10
    assert [row for row in rows if not re.match(r"chatproof::[\w.]+ [A-Z]+ .*\[ *\d+%\]$", row)] == []


@pytest.mark.slow
def test_with_workers_it_counts_rules(serve: Serve, tmp_path: Path) -> None:
    seen = watch(tmp_path, "--endpoint", serve(servers.slowly(0.08)).url, "-n", "2", *SMALL)
    assert any(RULES_ONLY.match(row) for screen in seen.screens for row in screen), seen.last
    assert not [row for row in seen.last if "left" in row]
    assert re.search(r"^[.sF]+ +\[100%\]$", "\n".join(plain(seen.last)), re.MULTILINE), seen.last


def test_quiet_is_quiet(serve: Serve, tmp_path: Path) -> None:
    seen = watch(tmp_path, "--endpoint", serve(servers.slowly(0.04)).url, "-q", *SMALL)
    assert "rules ·" not in seen.raw.decode()
    assert b"\x1bD" not in seen.raw


def test_without_a_terminal_there_is_no_line(ask: Callable[..., Ran], serve: Serve) -> None:
    ran = ask("--endpoint", serve(servers.slowly(0.04)).url, *SMALL)
    assert "rules ·" not in ran.out
    assert "\x1b" not in ran.out
