"""One connection: how a request is sent on it and how its answer is received, within the bounds of the target.

Nothing that comes back is trusted: size and time are bounded, redirects are not followed, and the key is removed
from whatever the server echoes. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal
from urllib.request import getproxies

import httpx

from .exchange import EVENT_STREAM, Answer, Exchange, Request, Trouble, Unended
from .intake import LARGE, SAMPLE, BrokenCoding, Decoder, Intake
from .outgoing import headers_of
from .target import EndpointError, Target
from .wire import Wire

KEEPALIVE = 4.0
"""Seconds for which an idle connection is used again; servers commonly close theirs after five."""

BEFORE = 4
"""Requests of a connection that are known to each that comes after them."""

END_MARKER = re.compile(rb"[\r\n]data: ?\[DONE\]")
"""The end of a stream; in JSON, no line break stands before it."""
_MARKER_SIZE = 16
_TICK = 1.0


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    """The bytes in three pieces, cut wherever that falls. A client sends what comes in pieces as chunks."""
    size = max(1, -(-len(content) // 3))
    for start in range(0, len(content), size):
        yield content[start : start + size]


def tls_context(target: Target) -> ssl.SSLContext | None:
    """What https needs. Costly to make, so lanes share one."""
    if not target.base.startswith("https"):
        return None
    context = httpx.create_ssl_context()
    if target.ca_bundle is not None:
        try:
            context.load_verify_locations(target.ca_bundle)
        except (OSError, ssl.SSLError) as error:
            raise EndpointError(f"--ca-bundle {target.ca_bundle}: {error}; name a file of certificates") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


MOST_LOOKS = 20
"""How often the environment is read again because it changed meanwhile."""


def proxied() -> bool:
    """Whether the environment names a proxy for http or https."""
    found = getproxies()
    return any(found.get(scheme) for scheme in ("http", "https", "all"))


class Connection:
    """One connection's worth of requests: an httpx client of its own, because one shared pool is quadratic."""

    def __init__(self, target: Target, context: ssl.SSLContext | None = None, intake: Intake | None = None) -> None:
        self.target = target
        self.used = False
        """Whether it was kept alive after an answer: the server may have closed it since."""
        self._context = context or tls_context(target)
        self._intake = intake or Intake()
        self._alike: dict[tuple[object, ...], httpx.Request] = {}
        self._wire: Wire | None = None
        self._client = self._open()
        self._silent = 0
        self._before: tuple[Request, ...] = ()

    def _open(self) -> httpx.AsyncClient:
        """A new client. Looking for proxies walks through os.environ, which pytest changes for every item it runs, in
        another thread: a member that vanishes meanwhile is a KeyError there."""
        for _ in range(MOST_LOOKS):
            try:
                return self._client_of()
            except (KeyError, RuntimeError):
                continue
        return self._client_of()

    def _client_of(self) -> httpx.AsyncClient:
        bounds = self.target.bounds
        self._wire = None if proxied() else Wire(self._context, KEEPALIVE)
        return httpx.AsyncClient(
            transport=self._wire,
            timeout=httpx.Timeout(bounds.read, connect=bounds.connect),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEPALIVE),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a request is what its curl line says
            verify=self._context if self._context is not None else True,
        )

    def _built(self, request: Request) -> httpx.Request:
        """The request as httpx writes it; of those that differ in their content alone, the head is made once."""
        if request.chunked:
            content, headers = in_chunks(request.content), headers_of(request, self.target)
            return self._client.build_request(
                request.method, self.target.url(request.path), content=content, headers=headers
            )
        shape = request.key[:-1]
        alike = self._alike.get(shape)
        if alike is None or not request.content:
            url, headers = self.target.url(request.path), headers_of(request, self.target)
            built = self._client.build_request(request.method, url, content=request.content, headers=headers)
            if request.content and "content-length" in built.headers:
                self._alike[shape] = built
            return built
        headers = alike.headers.copy()
        headers["content-length"] = str(len(request.content))
        stream = httpx.ByteStream(request.content)
        return httpx.Request(alike.method, alike.url, headers=headers, stream=stream, extensions=alike.extensions)

    @asynccontextmanager
    async def _opened(self, request: Request) -> AsyncGenerator[httpx.Response]:
        """The answer from its head on. Where there is no proxy the wire is asked without the client around it, whose
        cookies, redirects and logins are of no use here and cost as much as the rest."""
        built = self._built(request)
        wire = self._wire
        response = await (wire.handle_async_request(built) if wire else self._client.send(built, stream=True))
        try:
            yield response
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def renew(self) -> None:
        """Close it and open another."""
        await self._client.aclose()
        self._client = self._open()
        self._before = ()
        self.used = False

    async def once(self, request: Request, attempt: int, in_flight: int) -> Exchange:
        """Send a prepared request, once. Never raises for what the server does."""
        target = self.target
        started = time.monotonic()
        content = bytearray()
        seen: httpx.Response | None = None
        trouble: Trouble | None = None
        unended: Unended | None = None
        tail = b""
        try:
            async with asyncio.timeout(target.bounds.total) as deadline:
                async with self._opened(request) as response:
                    seen = response
                    decoder = Decoder(response.headers.get("content-encoding", ""), target.bounds.size)
                    incoming = response.aiter_raw()
                    events = EVENT_STREAM in response.headers.get("content-type", "")
                    while (piece := await self._next(incoming, started, bool(END_MARKER.search(tail)))) is not None:
                        if piece is Unended.SILENT:
                            unended = piece
                            break
                        decoded = decoder.decode(piece)
                        tail = tail[-_MARKER_SIZE:] + decoded if events else b""
                        content += decoded
                        if len(content) > LARGE or decoder.overflowed:
                            await self._rest(incoming, decoder, content, deadline)
                            break
                    if decoder.overflowed:
                        trouble = Trouble("too_large", f"the answer is longer than {target.bounds.size} bytes")
                        del content[SAMPLE:]
        except TimeoutError:
            trouble = Trouble("timeout", f"no complete answer within {target.bounds.total:g} s")
        except BrokenCoding as error:
            trouble = Trouble("protocol", str(error))
        except Exception as error:  # every fault of the transport becomes a value
            trouble = _trouble(error, target)
        if trouble and END_MARKER.search(tail) and trouble.kind in ("disconnected", "protocol", "timeout"):
            unended = Unended.SILENT if trouble.kind == "timeout" else Unended.CLOSED
            trouble = None
        self.used = trouble is None
        answer = None
        if seen is not None:
            whole, unkept = self._intake.keep(bytes(content))
            trouble = trouble or unkept
            headers = tuple((name.lower(), value) for name, value in seen.headers.multi_items())
            redaction = target.redaction
            if redaction.secrets:
                whole = redaction.content(whole)
                headers = tuple((redaction.text(name), redaction.text(value)) for name, value in headers)
            answer = Answer(seen.status_code, headers, whole, time.monotonic() - started, unended)
        after, self._before = self._before, (*self._before, request)[-BEFORE:]
        return Exchange(request, answer, trouble, attempt, in_flight, started, time.monotonic(), after=after)

    async def _rest(
        self, pieces: AsyncIterator[bytes], decoder: Decoder, content: bytearray, deadline: asyncio.Timeout
    ) -> None:
        """The rest of a large answer, in turn with other lanes; the time spent waiting is not the server's."""
        clock = asyncio.get_running_loop()
        left = (deadline.when() or clock.time()) - clock.time()
        deadline.reschedule(None)
        async with self._intake.turn():
            deadline.reschedule(clock.time() + left)
            while not decoder.overflowed:
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                content += decoder.decode(piece)

    async def _next(
        self, incoming: AsyncIterator[bytes], started: float, ended: bool
    ) -> bytes | Literal[Unended.SILENT] | None:
        """The next bytes, None at the end of the message; after the end marker of a stream a silence is told as such.

        A silence is long against what the stream took. Once a connection's worth of streams ended with two of them in
        a row, a short one will do. It is counted in ticks: a process that was held up has lost one.
        """
        if not ended:
            return await anext(incoming, None)
        reading = asyncio.ensure_future(_read(incoming))
        patience = max(self.target.bounds.linger, 2 * (time.monotonic() - started))
        patience = min(patience if self._silent < 2 else patience / 5, self.target.bounds.read)
        while patience > 0:
            tick = min(_TICK, patience)
            done, _ = await asyncio.wait({reading}, timeout=tick)
            if done:
                self._silent = 0
                return reading.result()
            patience -= tick
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        self._silent += 1
        return Unended.SILENT


async def _read(incoming: AsyncIterator[bytes]) -> bytes | None:
    return await anext(incoming, None)


def _trouble(error: Exception, target: Target) -> Trouble:
    text = target.redaction.text(str(error) or type(error).__name__)
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, ssl.SSLError):
            return Trouble("tls", text)
        chain = chain.__cause__ or chain.__context__
    match error:
        case httpx.ConnectTimeout():
            return Trouble("connect_timeout", f"no connection within {target.bounds.connect:g} s")
        case httpx.ConnectError():
            names = ("getaddrinfo", "name or service", "nodename", "name resolution", "no address")
            return Trouble("dns" if any(part in text.lower() for part in names) else "connect", text)
        case httpx.ReadTimeout() | httpx.WriteTimeout() | httpx.PoolTimeout():
            return Trouble("timeout", f"no byte for {target.bounds.read:g} s")
        case httpx.RemoteProtocolError():
            gone = "disconnected" in text or "closed connection" in text or "incomplete" in text
            return Trouble("disconnected" if gone else "protocol", text)
        case httpx.NetworkError():
            return Trouble("disconnected", text)
        case _:
            return Trouble("protocol", f"{type(error).__name__}: {text}")
