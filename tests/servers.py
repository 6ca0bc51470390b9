"""Small servers that misbehave on purpose, down to the byte. Each runs in a thread on a free port of 127.0.0.1.

A server is a behaviour: an async function that gets what was received and a ``Talk`` to answer with. Behaviours can be
wrapped around each other: ``crashes_on(test, strict)`` crashes where the test holds and is conforming elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import html
import json
import socket
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

from chatproof.conformance.reference.app import Endpoint
from chatproof.conformance.reference.behaviour import Reference
from starlette.datastructures import Headers

MODEL = "test-model"


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes
    number: int
    connection: int

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.split("?")[0]

    @property
    def query(self) -> str:
        """The query, or an empty string."""
        return self.target.partition("?")[2]

    @property
    def body(self) -> Any:
        """The JSON value of the content, or None."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def is_chat(self) -> bool:
        """Whether a completion is asked for."""
        return self.path.endswith("/chat/completions")

    def value(self, name: str) -> Any:
        """A member of the body, or None."""
        body = self.body
        return body.get(name) if isinstance(body, dict) else None


class Closed(Exception):
    """Ends a connection."""


@dataclass
class Talk:
    """What a behaviour answers with."""

    server: Server
    writer: asyncio.StreamWriter

    async def raw(self, content: bytes) -> None:
        """These bytes and no others."""
        self.writer.write(content)
        await self.writer.drain()

    async def reply(
        self, status: int, content: bytes, kind: str = "application/json", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """A complete HTTP answer."""
        rows = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(content)}"]
        rows += [f"{name}: {value}" for name, value in headers]
        await self.raw("\r\n".join(rows).encode() + b"\r\n\r\n" + content)

    async def json(self, status: int, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """A complete answer with a JSON body."""
        await self.reply(status, json.dumps(value).encode(), headers=headers)

    async def error(self, status: int, message: str = "no", headers: tuple[tuple[str, str], ...] = ()) -> None:
        """An error in the usual envelope."""
        value = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
        await self.json(status, value, headers)

    def reset(self) -> None:
        """Reset the connection (RST)."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Closed

    def close(self) -> None:
        """Close the connection after what was written."""
        raise Closed


Behaviour = Callable[[Received, Talk], Awaitable[None]]
Test = Callable[[Received], bool]


@dataclass
class Server:
    """Runs a behaviour. Use as a context manager; ``url`` is the root, ``received`` what came in."""

    behave: Behaviour
    received: list[Received] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """The root URL, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self) -> list[Any]:
        """The bodies of all completion requests, in the order of arrival."""
        return [item.body for item in self.received if item.is_chat]

    def __enter__(self) -> Server:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._connections = 0
        self._most = 0
        self._busy = 0
        self._stopped = False
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="test-server")
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def most_in_flight(self) -> int:
        """The largest number of requests that were under way at once."""
        return self._most

    @property
    def connections(self) -> int:
        """How many connections were opened."""
        return self._connections

    def die(self) -> None:
        """Close the listening socket and every connection, as a process does that is killed."""
        self._stop_listening()
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        raise Closed

    def _stop_listening(self) -> None:
        """Accept nothing more, and close the listening socket in the next round of the loop: what was accepted in this
        one has no transport yet, and asyncio forgets such a connection, unclosed, when its server was closed before."""
        self._stopped = True
        for listening in self._listener.sockets:
            self._loop.remove_reader(listening.fileno())
        self._loop.call_soon(self._listener.close)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(started))
        finally:
            self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._end = asyncio.Event()
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", self.port, limit=2**26)
        self.port = self._listener.sockets[0].getsockname()[1]
        started.set()
        await self._end.wait()
        self._stop_listening()
        for _ in range(20):  # rounds of the loop, however slow: connections that were accepted just now become known
            await asyncio.sleep(0)
        for writer in self._writers:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:  # a transport is closed in a later round of the loop
            with suppress(Exception):
                await asyncio.wait_for(writer.wait_closed(), 1)
        await asyncio.sleep(0.01)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self._connections += 1
        number = self._connections
        try:
            while not self._stopped:
                request = await self._read(reader, writer, number)
                if request is None:
                    break
                self.received.append(request)
                self._busy += 1
                self._most = max(self._most, self._busy)
                try:
                    await self.behave(request, Talk(self, writer))
                finally:
                    self._busy -= 1
        except (Closed, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> Received | None:
        first = await reader.read(1)
        if not first.isalpha():  # the end, or the start of a TLS handshake
            if first:
                writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            return None
        words = (first + await reader.readline()).decode("latin-1").split()
        headers: dict[str, str] = {}
        while (row := (await reader.readline()).decode("latin-1").strip()) != "":
            name, _, value = row.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            content = b"".join([chunk async for chunk in _chunks(reader)])
        else:
            content = await reader.readexactly(int(headers.get("content-length", "0")))
        return Received(words[0], words[1], headers, content, len(self.received) + 1, connection)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The chunks of a body, up to the one without bytes."""
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Whether a server listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- conforming servers ------------------------------------------------------------------------------------------


def completion(text: str = "Hi.") -> dict[str, Any]:
    """A valid chat completion."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


async def agreeable(request: Received, talk: Talk) -> None:
    """Accepts everything with a valid completion and refuses nothing."""
    if request.path.endswith("/models"):
        await talk.json(200, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "t"}]})
    else:
        await talk.json(200, completion())


_REFERENCE = Reference(models=(MODEL,))
_ENDPOINT = Endpoint({"": _REFERENCE})


def _answer(request: Received) -> Any:
    reference, kind = _ENDPOINT.paths.get(request.path, (_REFERENCE, ""))
    return _ENDPOINT.answer(reference, kind, request.method, Headers(request.headers), request.content)


def status_of(request: Received) -> int:
    """With which status the reference answers."""
    return _answer(request).status


async def strict(request: Received, talk: Talk) -> None:
    """Conforms: the reference's own answers, over this module's sockets."""
    answer = _answer(request)
    content = b"" if request.method == "HEAD" else b"".join(answer.blocks)
    await talk.reply(answer.status, content, answer.content_type, tuple(answer.headers))


# --- deviations around another behaviour ---------------------------------------------------------------------------


def on(test: Test, special: Behaviour, other: Behaviour) -> Behaviour:
    """``special`` where the test holds, ``other`` elsewhere."""

    async def behave(request: Received, talk: Talk) -> None:
        await (special if test(request) else other)(request, talk)

    return behave


def chat(request: Received) -> bool:
    """Every completion request."""
    return request.is_chat


def hot(request: Received) -> bool:
    """A temperature of 2."""
    return request.value("temperature") == 2


def everything(_: Received) -> bool:
    """Every request."""
    return True


def refuses(status: int = 400, message: str = "no", headers: tuple[tuple[str, str], ...] = ()) -> Behaviour:
    """One status for all."""

    async def behave(_: Received, talk: Talk) -> None:
        await talk.error(status, message, headers)

    return behave


async def miscounts(_: Received, talk: Talk) -> None:
    """A usage that does not add up."""
    value = completion()
    value["usage"]["total_tokens"] = 99
    await talk.json(200, value)


async def hangs(_: Received, talk: Talk) -> None:
    """Never answers."""
    await asyncio.sleep(3600)


async def resets(_: Received, talk: Talk) -> None:
    """Resets the connection instead of an answer."""
    talk.reset()


def writes(content: bytes) -> Behaviour:
    """These bytes, then the end of the connection."""

    async def behave(_: Received, talk: Talk) -> None:
        await talk.raw(content)
        talk.close()

    return behave


async def web_page(_: Received, talk: Talk) -> None:
    """A web page with status 200."""
    await talk.reply(200, b"<!doctype html><title>Welcome</title>", "text/html")


async def truncated(_: Received, talk: Talk) -> None:
    """JSON that stops in the middle, in a complete HTTP message."""
    await talk.reply(200, json.dumps(completion()).encode()[:40])


async def bad_utf8(_: Received, talk: Talk) -> None:
    """A body that is not UTF-8."""
    await talk.reply(200, b'{"choices": [], "id": "\xff\xfe\xc3"}')


async def cut_short(_: Received, talk: Talk) -> None:
    """Promises more bytes than it sends."""
    await talk.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{")
    talk.close()


def redirects(to: str) -> Behaviour:
    """Points elsewhere."""
    return refuses(307, "elsewhere", (("location", to),))


def streams(*then: str) -> Behaviour:
    """A whole stream up to its end marker, in chunks; then ``end`` ends the message, ``close`` the connection."""

    async def behave(request: Received, talk: Talk) -> None:
        if not request.value("stream"):
            await strict(request, talk)
            return
        content = b'data: {"choices": []}\n\ndata: [DONE]\n\n'
        await talk.raw(b"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await talk.raw(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        if "end" in then:
            await talk.raw(b"0\r\n\r\n")
        if "close" in then:
            talk.close()

    return behave


async def drips(_: Received, talk: Talk) -> None:
    """One byte of the answer at a time, without end."""
    await talk.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        await talk.raw(b"1\r\n \r\n")
        await asyncio.sleep(0.05)


async def endless(_: Received, talk: Talk) -> None:
    """An event stream that never ends, as fast as it can."""
    await talk.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    event = b'data: {"object": "chat.completion.chunk", "choices": []}\n\n' * 1000
    while True:
        await talk.raw(event)
        await asyncio.sleep(0)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
"""The start of a good answer, without an end of the headers."""


async def stalls(_: Received, talk: Talk) -> None:
    """A head, the start of a body, and then nothing."""
    await talk.raw(HEAD + b"content-length: 999\r\n\r\n{")
    await asyncio.sleep(3600)


async def half_head(_: Received, talk: Talk) -> None:
    """The start of a head, and then nothing."""
    await talk.raw(HEAD)
    await asyncio.sleep(3600)


async def gigabyte(_: Received, talk: Talk) -> None:
    """An answer of a gigabyte, as its content-length says."""
    await talk.raw(HEAD + b"content-length: 1073741824\r\n\r\n")
    for _number in range(2**10):
        await talk.raw(b" " * 2**20)


def _many_spaces(megabytes: int, squeeze: Any) -> bytes:
    return b"".join([squeeze.compress(b" " * 2**20) for _ in range(megabytes)]) + squeeze.flush()


def coded(coding: str, content: bytes | None = None) -> Behaviour:
    """A good completion in a content coding that nobody asked for: ``gzip``, ``deflate``, ``raw deflate``, ``br``."""
    value = json.dumps(completion()).encode() if content is None else content
    wbits = {"gzip": 31, "deflate": 15, "raw deflate": -15}
    if coding in wbits:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, wbits[coding])
        value = squeeze.compress(value) + squeeze.flush()

    async def behave(_: Received, talk: Talk) -> None:
        await talk.reply(200, value, headers=(("content-encoding", coding.split()[-1]),))

    return behave


def bomb(coding: str, megabytes: int = 40) -> Behaviour:
    """Some kilobytes that stand for many megabytes."""
    wbits = {"gzip": 31, "deflate": 15}
    content = _many_spaces(megabytes, zlib.compressobj(9, zlib.DEFLATED, wbits[coding.split(",")[0]]))
    for name in coding.split(",")[1:]:
        content = zlib.compress(content, 9, wbits[name.strip()])

    async def behave(_: Received, talk: Talk) -> None:
        await talk.reply(200, content, headers=(("content-encoding", coding),))

    return behave


async def json_bomb(_: Received, talk: Talk) -> None:
    """A few megabytes of JSON that take hundreds when parsed."""
    await talk.reply(200, b"[" + b"{}," * 1_200_000 + b"{}]")


async def line_bomb(_: Received, talk: Talk) -> None:
    """A few megabytes of events."""
    await talk.reply(200, b"data:\n\n" * 500_000, "text/event-stream")


async def says_less(request: Received, talk: Talk) -> None:
    """More bytes than the content-length says, which look like an answer of their own."""
    second = HEAD + b"content-length: 2\r\n\r\n{}"
    content = json.dumps(completion(str(request.value("user")))).encode()
    await talk.raw(HEAD + f"content-length: {len(content)}\r\n\r\n".encode() + content + second)


async def bad_chunks(_: Received, talk: Talk) -> None:
    """Chunked, with a size that is no number."""
    await talk.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nxyz\r\n{}\r\n")
    talk.close()


async def unended_chunks(_: Received, talk: Talk) -> None:
    """Chunked, without the last chunk."""
    await talk.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n")
    talk.close()


async def tiny_chunks(_: Received, talk: Talk) -> None:
    """Chunks of twenty bytes without end."""
    await talk.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        await talk.raw((b"14\r\n" + b" " * 20 + b"\r\n") * 1000)


async def endless_head(_: Received, talk: Talk) -> None:
    """Headers without end."""
    await talk.raw(HEAD)
    while True:
        await talk.raw(b"x-more: " + b"x" * 2**16 + b"\r\n")


async def many_headers(_: Received, talk: Talk) -> None:
    """Fifty kilobytes of headers, with bytes that are not ASCII: more than usual, and legal."""
    rows = b"".join(b"x-%d: \xff\xfe %s\r\n" % (number, b"y" * 500) for number in range(100))
    content = json.dumps(completion()).encode()
    await talk.raw(HEAD + rows + f"content-length: {len(content)}\r\n\r\n".encode() + content)


async def only_continues(_: Received, talk: Talk) -> None:
    """Tells to go on, again and again."""
    while True:
        await talk.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


async def old_http(request: Received, talk: Talk) -> None:
    """HTTP/1.0: no length, the end of the connection is the end of the answer."""
    content = json.dumps(completion()).encode()
    await talk.raw(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + content)
    talk.close()


def serves_at_most(many: int, seconds: float, other: Behaviour = strict, wait: str = "0") -> Behaviour:
    """429 while more than ``many`` completions are under way, each of which takes some seconds."""
    now = 0

    async def behave(request: Received, talk: Talk) -> None:
        nonlocal now
        if not request.is_chat:
            await other(request, talk)
            return
        now += 1
        try:
            if now > many:
                await talk.error(429, "too many", (("retry-after", wait),))
                return
            await asyncio.sleep(seconds)
            await other(request, talk)
        finally:
            now -= 1

    return behave


def starting(seconds: float, other: Behaviour = strict) -> Behaviour:
    """503 to everything, until some seconds after the first request."""
    began: list[float] = []

    async def behave(request: Received, talk: Talk) -> None:
        began.append(asyncio.get_running_loop().time())
        if began[-1] - began[0] < seconds:
            await talk.error(503, "loading the model")
        else:
            await other(request, talk)

    return behave


def dies_after(count: int, other: Behaviour = strict) -> Behaviour:
    """Gone, with its listening socket and connections, at the request after ``count``."""

    async def behave(request: Received, talk: Talk) -> None:
        if request.number > count:
            talk.server.die()
        await other(request, talk)

    return behave


def dies_on(test: Test, other: Behaviour = strict) -> Behaviour:
    """Gone for good at the first request for which the test holds."""

    async def behave(request: Received, talk: Talk) -> None:
        if test(request):
            talk.server.die()
        await other(request, talk)

    return behave


def once(test: Test, special: Behaviour, other: Behaviour = strict) -> Behaviour:
    """``special`` the first time the test holds for a body, ``other`` from then on."""
    seen: set[bytes] = set()

    async def behave(request: Received, talk: Talk) -> None:
        first = test(request) and request.content not in seen
        if first:
            seen.add(request.content)
        await (special if first else other)(request, talk)

    return behave


def by_turns(test: Test, special: Behaviour, other: Behaviour = strict) -> Behaviour:
    """``special`` at the first, third, fifth … time a body comes for which the test holds."""
    seen: dict[bytes, int] = {}

    async def behave(request: Received, talk: Talk) -> None:
        if test(request):
            seen[request.content] = seen.get(request.content, 0) + 1
            if seen[request.content] % 2:
                await special(request, talk)
                return
        await other(request, talk)

    return behave


def closes_after_each(other: Behaviour = strict) -> Behaviour:
    """Keeps the promise of a kept connection for no more than one answer, and says nothing about it."""

    async def behave(request: Received, talk: Talk) -> None:
        await other(request, talk)
        talk.close()

    return behave


def slowly(seconds: float, other: Behaviour = strict) -> Behaviour:
    """Waits before every answer."""

    async def behave(request: Received, talk: Talk) -> None:
        await asyncio.sleep(seconds)
        await other(request, talk)

    return behave


def told(secret: str) -> list[str]:
    """A secret as a careless server may write it down."""
    raw = secret.encode()
    return [
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        "".join(f"%{byte:02x}" for byte in raw),
        json.dumps(secret)[1:-1],
        "".join(f"\\u{ord(char):04x}" for char in secret),
        base64.b64encode(raw).decode(),
        base64.b64encode(b"Bearer " + raw + b" and more").decode(),
        base64.urlsafe_b64encode(b"x" + raw).decode(),
        raw.hex(),
        html.escape(secret),
        repr({"authorization": secret}),
    ]


def echoes_key(other: Behaviour = strict) -> Behaviour:
    """Puts the Authorization header, and X-Secret, into every answer, in many forms: status 400 for a temperature of 2,
    in text and in headers; streams with the secret in two pieces, and in two chunks of the transfer."""

    async def behave(request: Received, talk: Talk) -> None:
        sent = request.headers.get("authorization", "")
        secret, more = sent.removeprefix("Bearer "), request.headers.get("x-secret", "")
        every = " ".join(told(secret) + told(more)) if secret else ""
        if request.path.endswith("/models"):
            await talk.json(200, {"object": "list", "data": [{"id": f"model-of-{sent}", "object": "model"}]})
        elif request.value("stream") is True:
            half = len(secret) // 2
            pieces = [secret[:half], secret[half:], *told(secret)]
            chunks = [
                {"object": "chat.completion.chunk", "choices": [{"delta": {"content": piece}}]} for piece in pieces
            ]
            content = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode()
            await talk.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for place in range(0, len(content), 7):
                part = content[place : place + 7]
                await talk.raw(b"%x\r\n%s\r\n" % (len(part), part))
            await talk.raw(b"0\r\n\r\n")
        elif request.value("temperature") == 2:
            await talk.error(400, f"I do not like {sent} {every}", (("x-echo", sent),))
        elif isinstance(request.value("temperature"), str):
            await talk.reply(200, every.encode(), "text/plain")
        else:
            await talk.json(200, completion(f"You said {sent} {every}"), (("x-echo", sent),))

    return behave
