"""One status line below pytest's own output while a run is under way: done, rate, in flight, time left.

The line stands below the cursor and is wiped before pytest writes, so that pytest's own progress stays whole. It is
there only on a terminal, and not under ``-q``. With ``-n`` the workers send the requests and tell of them at their end,
so that the line then counts rules only.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .session import Session

TICK = 0.25
"""Seconds between two looks at a run."""
WINDOW = 8.0
"""Seconds over which the rate is taken."""
EARLY = 0.02
"""Share of the work before which nobody can say how long the rest takes."""

WIPE = "\x1b[J"
"""Clears what is right of and below the cursor: nothing but our line ever stands there."""
BELOW = "\x1bD\x1b[A\x1b7\x1b[B\r\x1b[K"
"""Makes sure of a line below (the page scrolls where there is none), keeps the place of the cursor, and goes there."""
BACK = "\x1b8"


@dataclass(frozen=True)
class State:
    """A run at one moment. ``work`` and ``worked`` are in requests as planned; ``sent`` is None where nobody counts."""

    done: int
    rules: int
    red: int
    work: float
    worked: float
    sent: int | None = None
    in_flight: int = 0
    waiting: bool = False


def shown(state: State, seconds: float, rate: float | None, width: int) -> str:
    """The status line, cut to ``width`` columns. ``rate`` is in requests a second."""
    parts = [f"{state.done}/{state.rules} rules"]
    if state.red:
        parts.append(f"{state.red} broken")
    if state.sent is not None:
        parts.append(f"{state.sent} requests")
        if rate is not None:
            parts.append(f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s")
        parts.append(f"{state.in_flight} in flight")
    share = min(1.0, state.worked / state.work) if state.work else 0.0
    if state.waiting:
        parts.append("waiting for the server")
    elif EARLY <= share < 1:
        parts.append(f"about {clock(seconds * (1 - share) / share)} left")
    return " · ".join(parts)[:width]


def clock(seconds: float) -> str:
    """A duration as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Watch:
    """Looks at a session: how much of its planned work is done. ``counted``: this process sends the requests."""

    def __init__(self, run: Session, *, counted: bool) -> None:
        self.run = run
        self.counted = counted
        self._weights: dict[str, float] = {}

    def state(self) -> State:
        """The run as it is now."""
        from .depths import worth_of

        run = self.run
        if len(self._weights) != len(run.expected):
            self._weights = {
                name: worth_of(run.catalogue.by_id[name], run.settings)
                for name in run.expected
                if name in run.catalogue.by_id
            }
        lines = [line for name, line in list(run.lines.items()) if name in self._weights]
        campaign = run.campaign
        return State(
            done=len(lines),
            rules=len(self._weights),
            red=sum(line["verdict"] in ("failed", "inconsistent") for line in lines),
            work=sum(self._weights.values()),
            worked=sum(self._weights[line["rule"]] for line in lines),
            sent=run.sent if self.counted else None,
            in_flight=campaign.in_flight if campaign else 0,
            waiting=bool(campaign and campaign.waiting),
        )


class Progress:
    """The plugin that keeps the line. ``reporter`` is pytest's terminal reporter."""

    def __init__(self, watch: Watch, reporter: Any, *, workers: bool) -> None:
        self._watch = watch
        self._reporter = reporter
        self._workers = workers
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._file: Any = None
        self._drawn = False
        self._text = ""
        self._last = 0.0
        self._started = 0.0
        self._seen: deque[tuple[float, int]] = deque()
        self._thread = threading.Thread(target=self._tick, name="chatproof-progress", daemon=True)

    # --- pytest ---------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Around all that is asked. Where workers are being started pytest-xdist has the line to itself."""
        if not self._workers:
            self._start()
        try:
            return (yield)
        finally:
            self.stop()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None, object, object]:
        """Make way."""
        with self._away():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self) -> Generator[None, object, object]:
        """Make way; with workers the first report starts the line."""
        if self._workers and self._file is None:
            self._start()
        with self._away():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None, object, object]:
        """Make way."""
        with self._away():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True, optionalhook=True)
    def pytest_testnodedown(self) -> Generator[None, object, object]:
        """Make way: pytest-xdist says that a worker is gone."""
        with self._away():
            return (yield)

    # --- the line -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        # a file of our own: while a test runs pytest has the usual one point to what it captures
        self._file = os.fdopen(os.dup(self._reporter._tw._file.fileno()), "w", encoding="utf-8", errors="replace")
        self._started = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Wipe the line and draw it no more."""
        self._over.set()
        if self._file is None or self._file.closed:
            return
        self._thread.join(5)
        with self._lock, suppress(OSError, ValueError):
            self._wipe()
            self._file.close()

    def _tick(self) -> None:
        while not self._over.wait(TICK):
            with self._lock:
                self._draw()

    @contextmanager
    def _away(self) -> Generator[None]:
        with self._lock:
            self._wipe()
            yield
            self._reporter.flush()
            if time.monotonic() - self._last < TICK and not self._over.is_set():
                self._put()

    def _wipe(self) -> None:
        if self._drawn:
            self._drawn = False
            with suppress(OSError, ValueError):
                self._file.write(WIPE)
                self._file.flush()

    def _draw(self) -> None:
        now = time.monotonic()
        try:
            state = self._watch.state()
            width = os.get_terminal_size(self._file.fileno()).columns - 1
            self._text = shown(state, now - self._started, self._rate(now, state.sent), width)
        except (OSError, ValueError, RuntimeError):
            return  # the terminal has gone, or a result came just now: another time
        self._last = now
        self._put()

    def _put(self) -> None:
        with suppress(OSError, ValueError):
            self._file.write(f"{BELOW}{self._text}{BACK}")
            self._file.flush()
            self._drawn = True

    def _rate(self, now: float, sent: int | None) -> float | None:
        if sent is None:
            return None
        self._seen.append((now, sent))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        began, before = self._seen[0]
        return (sent - before) / (now - began) if now - began > 0.2 else None


def wanted(config: pytest.Config) -> bool:
    """Whether somebody looks: a terminal that takes escapes, no ``-q``, and nothing else that writes at any time."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return (
        reporter is not None
        and bool(getattr(reporter, "isatty", False))
        and config.get_verbosity() >= 0
        and os.environ.get("TERM", "") not in ("", "dumb")
        and sys.platform != "win32"
        and not (config.option.usepdb or config.getini("log_cli") or config.getoption("log_cli_level", None))
    )


def install(config: pytest.Config, run: Session) -> None:
    """Register the line for this run, if somebody looks. With workers their controller only knows rules."""
    if wanted(config):
        workers = bool(getattr(config.option, "numprocesses", None))
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        progress = Progress(Watch(run, counted=not workers), reporter, workers=workers)
        config.pluginmanager.register(progress, "chatproof-progress")
