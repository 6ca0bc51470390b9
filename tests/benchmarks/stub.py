"""A fast stub endpoint in its own process: the same valid completion for every request, after a fixed latency.

Run ``python tests/benchmarks/stub.py --latency-ms 50``: prints its base URL (127.0.0.1, a free port), serves with
keep-alive until its standard input ends. ``start(latency_ms)`` does that for the other benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODEL = "stub"
_HEAD = "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n"
_COMPLETION = {
    "id": "chatcmpl-stub",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}
_MODELS = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": "stub"}]}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def _answer(status: str, value: object) -> bytes:
    content = json.dumps(value).encode()
    return _HEAD.format(status, len(content)).encode() + content


COMPLETION = _answer("200 OK", _COMPLETION)
MODELS = _answer("200 OK", _MODELS)
NOT_FOUND = _answer("404 Not Found", {"error": {"message": "no such path"}})


class Stub(asyncio.Protocol):
    """One connection. Requests carry a content-length (what httpx sends for bytes); nothing is parsed beyond that."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.buffer, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < whole:
                return
            path = bytes(self.buffer[:200]).split(b" ", 2)[1].split(b"?")[0]
            del self.buffer[:whole]
            if path.endswith(b"/chat/completions"):
                self.later(COMPLETION)
            else:
                self.later(MODELS if path.endswith(b"/models") else NOT_FOUND)

    def later(self, answer: bytes) -> None:
        """Write after the latency."""
        if self.latency > 0:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def serve(latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(latency), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    ended = asyncio.Event()
    await loop.connect_read_pipe(lambda: _UntilEnd(ended), sys.stdin)
    await ended.wait()
    server.close()


class _UntilEnd(asyncio.Protocol):
    def __init__(self, ended: asyncio.Event) -> None:
        self.ended = ended

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


@contextmanager
def start(latency_ms: float = 0.0) -> Iterator[str]:
    """A stub as a child process: yields its base URL, stops it at the end."""
    command = [sys.executable, __file__, "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description="A stub endpoint on a free port of 127.0.0.1.")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    asyncio.run(serve(parser.parse_args().latency_ms / 1000))


if __name__ == "__main__":
    main()
