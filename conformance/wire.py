"""One HTTP/1.1 connection straight on asyncio, as a transport under an httpx client.

httpx still builds requests and decodes answers, and h11 still reads the protocol; what is left out is the pool with its
locks, of no use to a client of one connection: a request costs about a quarter of the processor time. Errors are
httpx's own, so that nobody above sees a difference.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import h11
import httpx

LONGEST_HEAD = 100 * 1024
"""Bytes of status line and headers, or of one chunk's header, that are read at most."""

AHEAD = 2**17
"""Bytes that are received ahead of whoever reads; more wait in the kernel."""


class _Socket(asyncio.Protocol):
    """What came in and was not read yet; bytes that arrived before a reset are not lost with it."""

    def __init__(self) -> None:
        self.ended = False
        self._received = bytearray()
        self._error: Exception | None = None
        self._clogged = False
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self.ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._error = exc
        self._wake()

    def pause_writing(self) -> None:
        self._clogged = True

    def resume_writing(self) -> None:
        self._clogged = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    @property
    def stale(self) -> bool:
        """Whether an idle connection is of no more use: closed, or the server spoke without being asked."""
        return self.ended or bool(self._received)

    async def write(self, data: bytes, timeout: float | None) -> None:
        """Hand bytes to the kernel; ends early when the server answers or goes away before it took them all."""
        if self.ended:
            return
        self._transport.write(data)
        if self._clogged:
            async with asyncio.timeout(timeout):
                while self._clogged and not self.stale:
                    await self._wait()

    async def read(self, timeout: float | None) -> bytes:
        """The next bytes; none at the end of the connection, OSError after a reset."""
        if not self.stale:
            async with asyncio.timeout(timeout):
                while not self.stale:
                    await self._wait()
        if not self._received and self._error is not None:
            raise self._error
        data = bytes(self._received)
        self._received.clear()
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def close(self) -> None:
        """Close, without waiting for the server to agree."""
        self._transport.close()
        await asyncio.sleep(0)
        self._transport.abort()


class _Body(httpx.AsyncByteStream):
    def __init__(self, wire: Wire, timeout: float | None) -> None:
        self._wire = wire
        self._timeout = timeout

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._wire.next_event(self._timeout), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        await self._wire.finish()


class Wire(httpx.AsyncBaseTransport):
    """A transport that keeps one connection to one origin for ``keepalive`` seconds between requests.

    ``context`` is needed for https. One request at a time.
    """

    def __init__(self, context: ssl.SSLContext | None = None, keepalive: float = 4.0) -> None:
        self._context = context
        self._keepalive = keepalive
        self._idle_since = 0.0
        self._socket: _Socket | None = None
        self._http: h11.Connection

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the head of its answer."""
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        assert isinstance(request.stream, httpx.AsyncByteStream)  # what an AsyncClient hands on
        pieces = [piece async for piece in request.stream]
        if self._socket and (self._socket.stale or time.monotonic() - self._idle_since > self._keepalive):
            await self.aclose()
        try:
            if self._socket is None:
                self._socket = await self._connect(request.url, timeouts.get("connect"))
                self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
            await self._send(request, pieces, timeouts.get("write"))
            timeout = timeouts.get("read")
            while True:
                event = await self.next_event(timeout)
                if isinstance(event, h11.Response) or getattr(event, "status_code", None) == 101:
                    break
        except BaseException:
            await self.aclose()
            raise
        return httpx.Response(event.status_code, headers=event.headers.raw_items(), stream=_Body(self, timeout))

    async def _connect(self, url: httpx.URL, timeout: float | None) -> _Socket:
        secure = url.scheme == "https"
        more: dict[str, Any] = {"ssl": self._context} if secure else {}
        host = url.raw_host.decode("ascii")
        try:
            async with asyncio.timeout(timeout):
                _, opened = await asyncio.get_running_loop().create_connection(
                    _Socket, host, url.port or (443 if secure else 80), happy_eyeballs_delay=0.25, **more
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        return opened

    async def _send(self, request: httpx.Request, pieces: list[bytes], timeout: float | None) -> None:
        assert self._socket is not None
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            data = self._http.send(head) or b""
            for piece in filter(None, pieces):
                data += self._http.send(h11.Data(data=piece)) or b""
            data += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        try:
            await self._socket.write(data, timeout)
        except TimeoutError as error:
            raise httpx.WriteTimeout(str(error)) from error

    async def next_event(self, timeout: float | None) -> Any:
        """The next event of h11, once it is complete."""
        assert self._socket is not None
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._socket.read(timeout)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error)) from error
        return event

    async def finish(self) -> None:
        """The end of an answer: keep the connection where both sides are done with it."""
        if self._socket is None:
            return
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if done and not self._http.trailing_data[0]:  # what comes after the end would be read as the next answer
            self._http.start_next_cycle()
            self._idle_since = time.monotonic()
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
