"""Running the reference server: in this process (`run`), or as a child of a test (`start`)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn

from .app import BASE, create_app
from .behaviour import Reference
from .vintages import DEFAULT

#: What the one line says that is printed when the server is ready; the base URL follows.
READY = "chatproof reference listening on "
#: Seconds that `start` waits for that line, and for the end of the child.
START_TIMEOUT = 20.0
STOP_TIMEOUT = 5.0


class _Server(uvicorn.Server):
    """Tells its URL once its socket accepts connections."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self.url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"{READY}{self.url}", flush=True)


def _stop_at_eof(server: uvicorn.Server) -> None:
    """Ends the server when standard input does: a parent that is killed takes its child down."""
    # os.read and not sys.stdin, whose lock a daemon thread must not hold at exit
    while True:
        try:
            if not os.read(0, 4096):
                break
        except OSError:
            break
    server.should_exit = True


def run(
    host: str = "127.0.0.1",
    port: int = 8000,
    reference: Reference | Mapping[str, Reference] | None = None,
    *,
    until_eof: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT (or the end of standard input); port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only on sockets that name TCP; without it every answer takes 40 ms more
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        config = uvicorn.Config(
            create_app(reference),
            log_level="error",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            backlog=512,
            timeout_graceful_shutdown=2,
        )
        server = _Server(config, f"http://{shown}:{listener.getsockname()[1]}{BASE}")
        if until_eof:
            threading.Thread(target=_stop_at_eof, args=(server,), daemon=True).start()
        # uvicorn raises a caught signal again after its clean stop; these handlers end the process without an error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _pass)
        server.run(sockets=[listener])


def _pass(number: int, frame: FrameType | None) -> None:
    """Handles a signal by doing nothing."""


def _first_line(process: subprocess.Popen[str], timeout: float) -> str | None:
    """The first line of the child's output; None after the timeout, empty when it ended without one."""
    lines: list[str] = []
    pipe = process.stdout
    assert pipe is not None
    reader = threading.Thread(target=lambda: lines.append(pipe.readline()), daemon=True)
    reader.start()
    reader.join(timeout)
    return lines[0] if lines else None


@contextmanager
def start(
    arguments: Sequence[str] = (),
    *,
    vintage: str = DEFAULT,
    env: Mapping[str, str] | None = None,
    timeout: float = START_TIMEOUT,
) -> Generator[str, None, None]:
    """A reference server as a child process on a free port: yields its base URL, and stops it at the end.

    `arguments` are further options of the command line; `env` is added to the environment.
    """
    command = [sys.executable, "-m", "chatproof.conformance.reference", "--port", "0", "--until-eof"]
    command += ["--vintage", vintage, *arguments]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **env} if env else None,
        )
        try:
            line = _first_line(process, timeout)
            if not line or not line.startswith(READY):
                why = f"not within {timeout:g} s" if line is None else "it ended"
                errors.seek(0)
                raise RuntimeError(f"The reference server did not start ({why}): {errors.read()[-2000:]}{line or ''}")
            yield line.removeprefix(READY).strip()
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
