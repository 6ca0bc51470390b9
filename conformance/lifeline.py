"""The command that runs the server under test, in a process group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from .endpoint import EndpointError, Lane, Target, prepare
from .health import CANARY, NURSE
from .judge import Reaction, react
from .pace import Pace

READY_WITHIN = 120.0
"""Seconds a server has to take its first request."""

GRACE = 5.0
"""Seconds between a polite word and a kill."""


class Lifeline:
    """Owns one server process. The command runs in a shell; what it prints goes to ``log``."""

    def __init__(self, command: str, log: Path) -> None:
        self.command = command
        self.log = log
        self.target: Target | None = None
        self.pace: Pace | None = None
        self.ready_within = READY_WITHIN
        self._process: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] | None = None

    def start(self) -> None:
        """Start the command."""
        if self._file is None:
            self._file = self.log.open("ab")
        self._process = subprocess.Popen(
            self.command,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def check(self) -> None:
        """Raise EndpointError when the command has ended."""
        code = self._process.poll() if self._process else None
        if code is not None:
            raise EndpointError(f"--start: the command ended with code {code}; what it printed is in {self.log}")

    async def revive(self) -> bool:
        """Restart, and wait until the canary is taken. False when that does not happen in time."""
        assert self.target is not None
        await asyncio.to_thread(self._kill)
        self.start()
        ends = time.monotonic() + self.ready_within
        while time.monotonic() < ends:
            try:
                self.check()
            except EndpointError:
                return False
            async with Lane(self.target, pace=self.pace) as lane:
                if react(await lane.ask(prepare(CANARY, self.target), ticket=NURSE)) is Reaction.ACCEPTED:
                    return True
            await asyncio.sleep(0.2)
        return False

    def _kill(self) -> None:
        """Stop the whole process group: the shell and what it started."""
        process = self._process
        if process is None:
            return
        for word, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
            try:
                os.killpg(process.pid, word)
            except ProcessLookupError:
                break
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            if word is signal.SIGTERM:
                continue  # the shell has gone; a child that ignores the polite word goes with the next
        process.wait()

    def stop(self) -> None:
        """Stop the server for good."""
        self._kill()
        if self._file:
            self._file.close()
            self._file = None
