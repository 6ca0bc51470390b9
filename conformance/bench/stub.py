"""A fast stub endpoint in its own process: the same valid answer for every request, after a fixed latency.

It knows what to refuse by the hash of the body, so that a whole list of valid and invalid requests can be sent without
a validator's cost. ``start`` runs it on a free port of 127.0.0.1; it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from ...strategies.bodies import MODEL

_HEAD = "HTTP/1.1 {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n"
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
_ERROR = {"error": {"message": "Invalid value.", "type": "invalid_request_error", "param": None, "code": None}}
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": ?true')


def _answer(status: str, content: bytes, kind: str = "application/json") -> bytes:
    return _HEAD.format(status, kind, len(content)).encode() + content


def _chunk(delta: dict[str, str], reason: str | None = None) -> str:
    head = {name: _COMPLETION[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"


_CHUNKS = [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "Hello."}), _chunk({}, "stop")]

COMPLETION = _answer("200 OK", json.dumps(_COMPLETION).encode())
STREAM = _answer("200 OK", "".join([*_CHUNKS, "data: [DONE]\n\n"]).encode(), "text/event-stream")
REFUSAL = _answer("400 Bad Request", json.dumps(_ERROR).encode())
MODELS = _answer("200 OK", json.dumps(_MODELS).encode())
NOT_FOUND = _answer("404 Not Found", json.dumps(_ERROR).encode())


def mark(content: bytes) -> str:
    """What the stub knows a body by."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class Stub(asyncio.Protocol):
    """One connection. Requests carry a content-length (what httpx sends for bytes); nothing is parsed beyond that."""

    def __init__(self, latency: float, refused: frozenset[str]) -> None:
        self.latency = latency
        self.refused = refused
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
            content = bytes(self.buffer[end + 4 : whole])
            del self.buffer[:whole]
            if path.endswith(b"/chat/completions"):
                self.later(self.said_to(content))
            else:
                self.later(MODELS if path.endswith(b"/models") else NOT_FOUND)

    def said_to(self, content: bytes) -> bytes:
        """The answer to a body."""
        if self.refused and mark(content) in self.refused:
            return REFUSAL
        return STREAM if _STREAMED.search(content) else COMPLETION

    def later(self, answer: bytes) -> None:
        """Write after the latency."""
        if self.latency > 0:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, answer)
        else:
            self.transport.write(answer)


async def serve(latency: float, refused: frozenset[str]) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(latency, refused), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


class BenchError(Exception):
    """Nothing could be measured; the message is one line that says why."""


@contextmanager
def start(latency_ms: float = 0.0, refused: Iterable[str] = ()) -> Generator[str, None, None]:
    """A stub as a child process: yields its base URL, stops it at the end. ``refused`` are marks of bodies."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"latency_ms": latency_ms, "refused": sorted(refused)}) + "\n")
            process.stdin.flush()
            url = process.stdout.readline().strip()  # empty when the process has died
            if not url:
                raise BenchError("the stub endpoint did not start")
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    told = json.loads(sys.stdin.readline())
    asyncio.run(serve(told["latency_ms"] / 1000, frozenset(told["refused"])))
