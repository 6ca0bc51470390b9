"""The command that runs the server under test, in a process group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from .canary import CANARY
from .judge import Reaction, react
from .lane import Lane
from .outgoing import prepare
from .pace import NURSE, Pace
from .target import EndpointError, Target

READY_WITHIN = 120.0
"""Seconds a server has to take its first request."""

MOST_STARTS = 3
"""How often a command is started after one death, where it ends by itself."""

GRACE = 5.0
"""Seconds between a polite word and a kill."""


class Lifeline:
    """Owns one server process. The command runs in a shell; what it prints goes to ``log``.

    ``deaths`` are the exit codes of those that ended by themselves.
    """

    def __init__(self, command: str, log: Path) -> None:
        self.command = command
        self.log = log
        self.target: Target | None = None
        self.pace: Pace | None = None
        self.ready_within = READY_WITHIN
        self.starts = 0
        self.deaths: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] | None = None

    def start(self) -> None:
        """Start the command."""
        if self._file is None:
            self._file = self.log.open("ab")
        self.starts += 1
        if self.starts > 1:
            self._file.write(f"--- chatproof: start {self.starts} ---\n".encode())
            self._file.flush()
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
        """Restart, and wait until the canary is taken. False when that does not happen in time.

        A command that ends by itself is tried again: the port of the one before may not be free yet.
        """
        process = self._process
        if process is not None and process.poll() is not None:
            self.deaths.append(process.returncode)
        for number in range(MOST_STARTS):
            await asyncio.sleep(number)
            await asyncio.to_thread(self._kill)
            self.start()
            if await self._ready():
                return True
            if self._process is None or self._process.poll() is None:
                return False  # it runs, and takes nothing
        return False

    async def _ready(self) -> bool:
        assert self.target is not None
        ends = time.monotonic() + self.ready_within
        while time.monotonic() < ends:
            if self._process is not None and self._process.poll() is not None:
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
            self._redact()

    def _redact(self) -> None:
        """Take the secrets out of what the server has printed."""
        redaction = self.target.redaction if self.target else None
        if redaction is None or not redaction.secrets:
            return
        cleaned = self.log.with_name(self.log.name + ".part")
        with suppress(OSError), self.log.open("rb") as old, cleaned.open("wb") as new:
            for line in old:
                new.write(redaction.content(line))
            cleaned.replace(self.log)
