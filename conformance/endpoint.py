"""The HTTP side: where the endpoint is, how one request is sent, bounded, retried and written as a curl line.

Nothing that comes back is trusted: size and time are bounded, redirects are not followed, and the key is removed
from whatever the server echoes. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import re
import shlex
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies

import httpx

from ..strategies.bodies import MODEL
from .access import DEFAULT_KEY_VARIABLE
from .intake import LARGE, SAMPLE, BrokenCoding, Decoder, Intake
from .model import KEY_HERE, Answer, Exchange, Request, Trouble, Unended
from .pace import BUSY, Pace
from .redaction import Redaction
from .wire import Wire

KEEPALIVE = 4.0
"""Seconds for which an idle connection is used again; servers commonly close theirs after five."""


END_MARKER = re.compile(rb"[\r\n]data: ?\[DONE\]")
"""The end of a stream; in JSON, no line break stands before it."""
_MARKER_SIZE = 16
_TICK = 1.0


class EndpointError(Exception):
    """The endpoint cannot be tested; the message is one line that names the cause and the mend.

    ``passing`` where that may be over in a while, as when a server starts.
    """

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


@dataclass(frozen=True)
class Bounds:
    """What one request may cost: seconds to connect, between bytes and in all; bytes kept of an answer; re-sends and
    the longest wait before one.

    ``linger``: seconds for which the end of a message is awaited after the end marker of its stream, and longer where
    the stream itself took long.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 120.0
    size: int = 4 * 2**20
    retries: int = 4
    longest_wait: float = 60.0
    linger: float = 5.0


@dataclass(frozen=True)
class ExtraHeader:
    """A header that every request bears, and the variable that holds its value."""

    name: str
    variable: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """A resolved endpoint. ``base`` ends before ``/chat/completions``; ``fields`` join bodies without a token bound.

    ``headers`` go with every request; ``ca_bundle`` names a file of certificates that are trusted, too.
    """

    base: str
    query: str = ""
    model: str = MODEL
    key: str | None = field(default=None, repr=False)
    key_variable: str = DEFAULT_KEY_VARIABLE
    fields: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds = Bounds()

    headers: tuple[ExtraHeader, ...] = ()
    ca_bundle: str | None = None

    @cached_property
    def redaction(self) -> Redaction:
        """Takes the key and the values of the extra headers out of a text."""
        return Redaction([self.key, *(header.value for header in self.headers)])

    def url(self, path: str) -> str:
        """Absolute URL of a path below the base, with the query the user gave."""
        return self.base + path + (f"?{self.query}" if self.query else "")


TOKEN_BOUNDS = ("max_tokens", "max_completion_tokens")


def prepare(request: Request, target: Target) -> Request:
    """The request as it is sent: the endpoint's model in place of the placeholder, base fields where they fit."""
    if request.raw is not None:
        name = json.dumps(target.model, ensure_ascii=False)[1:-1].encode()
        return replace(request, raw=request.raw.replace(MODEL.encode(), name))
    body = request.body
    if not isinstance(body, dict):
        return request
    body = dict(body)
    if body.get("model") == MODEL:
        body["model"] = target.model
    if not request.bare and not any(name in body for name in TOKEN_BOUNDS):
        body.update(target.fields)
    return replace(request, body=body)


def split_url(text: str) -> tuple[list[str], str]:
    """Candidate bases for what the user typed, the likeliest first, and the query: ``http://h:p`` may mean ``…/v1``."""
    parts = urlsplit(text)
    try:
        port_is_fine = parts.port is None or parts.port >= 0
    except ValueError:
        port_is_fine = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise EndpointError(f"--endpoint {text!r} is not an http(s) URL; write it like http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise EndpointError(
            "--endpoint holds a user or password; keys come from an environment variable (--api-key-env)"
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    root = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    if not path:
        return [root + "/v1", root], parts.query
    last = path.rsplit("/", 1)[1]
    versioned = last[:1] == "v" and last[1:2].isdigit()
    return [root + path, *([] if versioned else [root + path + "/v1"])], parts.query


def headers_of(request: Request, target: Target) -> dict[str, str]:
    """The headers of a request. The key is in no other place."""
    headers = {
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": "chatproof",
    }
    for extra in target.headers:
        headers[extra.name.lower()] = extra.value
    if request.content_type is not None:
        headers["content-type"] = request.content_type
    if isinstance(request.auth, str):
        headers["authorization"] = request.auth.replace(KEY_HERE, target.key or "")
    elif request.auth and target.key:
        headers["authorization"] = f"Bearer {target.key}"
    headers.update(request.headers)
    return headers


def curl(request: Request, target: Target) -> str:
    """A line that sends the same request when pasted into a POSIX shell, the key taken from its variable."""
    words = ["curl", "-sS", "-X", request.method, shlex.quote(target.url(request.path))]
    if target.ca_bundle is not None:
        words += ["--cacert", shlex.quote(target.ca_bundle)]
    if request.content_type is None:
        words += ["-H", "'Content-Type:'"]
    else:
        words += ["-H", shlex.quote(f"Content-Type: {request.content_type}")]
    if isinstance(request.auth, str):
        before, here, after = request.auth.partition(KEY_HERE)
        variable = f'"${{{target.key_variable}}}"' if here else ""
        words += ["-H", shlex.quote(f"Authorization: {before}") + variable + (shlex.quote(after) if after else "")]
    elif request.auth and target.key:
        words += ["-H", f'"Authorization: Bearer ${target.key_variable}"']
    own = [name.lower() for name, _ in request.headers]
    words += [
        part
        for extra in target.headers
        if extra.name.lower() not in own
        for part in ("-H", f'"{extra.name}: ${extra.variable}"')
    ]
    for name, value in request.headers:
        words += ["-H", shlex.quote(f"{name}: {value}")]
    if request.chunked:
        words += ["-H", "'Transfer-Encoding: chunked'"]
    content = request.content
    try:
        text = content.decode()
        # what a terminal or a shell could alter goes through base64; curl would read a file for a leading @
        plain = text.isprintable() and not text.startswith("@") and len(content) < 100_000
    except UnicodeDecodeError:
        text, plain = "", False
    if plain:
        words += ["--data-binary", shlex.quote(text)]
        return " ".join(words)
    words += ["--data-binary", "@-"]
    import base64

    return f"printf %s {base64.b64encode(content).decode()} | base64 -d | " + " ".join(words)


def retry_wait(headers: httpx.Headers, attempt: int, longest: float) -> float:
    """Seconds to wait before re-sending: what Retry-After asks for (seconds or a date), else 0.5 doubling."""
    asked = headers.get("retry-after", "").strip()
    if asked:
        try:
            seconds = float(asked)
            if seconds == seconds:  # not NaN
                return min(max(seconds, 0.0), longest)
        except ValueError:
            pass
        try:
            when = email.utils.parsedate_to_datetime(asked).timestamp()
            return min(max(when - time.time(), 0.0), longest)
        except (TypeError, ValueError):
            pass
    return min(0.5 * 2**attempt, longest) * random.uniform(0.8, 1.2)


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


class Lane:
    """One connection's worth of requests: an httpx client of its own, because one shared pool is quadratic."""

    def __init__(
        self,
        target: Target,
        context: ssl.SSLContext | None = None,
        *,
        intake: Intake | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.target = target
        self._context = context or tls_context(target)
        self._intake = intake or Intake()
        self._pace = pace
        self._alike: dict[tuple[object, ...], httpx.Request] = {}
        self._wire: Wire | None = None
        self._client = self._open()
        self._used = False
        self._silent = 0

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
    async def _opened(self, request: Request) -> AsyncIterator[httpx.Response]:
        """The answer from its head on. Where there is no proxy the wire is asked without the client around it, whose
        cookies, redirects and logins are of no use here and cost as much as the rest."""
        built = self._built(request)
        wire = self._wire
        response = await (wire.handle_async_request(built) if wire else self._client.send(built, stream=True))
        try:
            yield response
        finally:
            await response.aclose()

    async def __aenter__(self) -> Lane:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    async def ask(self, request: Request, *, in_flight: int = 1, ticket: int = 0) -> Exchange:
        """Send one prepared request, one of ``in_flight`` under way. Never raises for what the server does.

        429 and 503 are waited out within the bounds; with a pace, all lanes wait, and those with a lower ``ticket`` go
        first. A connection that was kept alive may have been closed by the server at any time, so a drop before the
        first byte on a used one is asked again on a new one before it counts.
        """
        attempts = 0
        waits = 0
        alone = False
        pace = self._pace
        dropped: Exchange | None = None
        while True:
            attempts += 1
            reused = self._used
            if pace is None:
                exchange = await self._once(request, attempts, in_flight)
            else:
                await pace.take(ticket)
                alone = pace.alone
                try:
                    if pace.stopped:
                        return Exchange(
                            request, trouble=Trouble("cancelled", "the run has ended"), attempts=attempts - 1
                        )
                    exchange = await self._once(request, attempts, pace.flying)
                finally:
                    pace.give()
            trouble, answer = exchange.trouble, exchange.answer
            if trouble or request.chunked or (answer and answer.unended):
                await self._renew()  # what a server did not read of a chunked body, it takes for the next request
            if trouble:
                if dropped and trouble.kind == "connect":
                    return replace(dropped, attempts=attempts)  # the drop was the server's end, not a stale connection
                if trouble.kind in ("disconnected", "protocol") and answer is None and reused and not dropped:
                    dropped = exchange
                    continue
            if answer is None or answer.status not in BUSY:
                if pace is not None and answer is not None:
                    pace.served()
                return exchange
            bounds = self.target.bounds
            wait = retry_wait(httpx.Headers(list(answer.headers)), waits, bounds.longest_wait)
            if pace is None:
                if waits >= bounds.retries:
                    return exchange
                waits += 1
                await asyncio.sleep(wait)
                continue
            pace.busy(exchange.started, min(wait, bounds.longest_wait))
            # put off among many it says nothing about the request: only what it meets alone counts in full
            waits += alone
            if waits >= bounds.retries or attempts > 4 * bounds.retries or pace.hopeless:
                return exchange

    async def _renew(self) -> None:
        await self._client.aclose()
        self._client = self._open()
        self._used = False

    async def _once(self, request: Request, attempt: int, in_flight: int) -> Exchange:
        target = self.target
        started = time.monotonic()
        content = bytearray()
        seen: httpx.Response | None = None
        first: float | None = None
        trouble: Trouble | None = None
        unended: Unended | None = None
        tail = b""
        try:
            async with asyncio.timeout(target.bounds.total) as deadline:
                async with self._opened(request) as response:
                    seen = response
                    decoder = Decoder(response.headers.get("content-encoding", ""), target.bounds.size)
                    incoming = response.aiter_raw()
                    events = "text/event-stream" in response.headers.get("content-type", "")
                    while (piece := await self._next(incoming, started, bool(END_MARKER.search(tail)))) is not None:
                        if piece is Unended.SILENT:
                            unended = piece
                            break
                        if first is None:
                            first = time.monotonic() - started
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
        self._used = trouble is None
        answer = None
        if seen is not None:
            whole, unkept = self._intake.keep(bytes(content))
            trouble = trouble or unkept
            headers = tuple((name.lower(), value) for name, value in seen.headers.multi_items())
            redaction = target.redaction
            if redaction.secrets:
                whole = redaction.content(whole)
                headers = tuple((redaction.text(name), redaction.text(value)) for name, value in headers)
            answer = Answer(seen.status_code, headers, whole, time.monotonic() - started, first, unended)
        return Exchange(request, answer, trouble, attempt, in_flight, started, time.monotonic())

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
