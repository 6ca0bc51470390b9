"""Blind dialects of the wire: pieces, line ends, compression, waiting, headers, spellings (see ``BLIND.md``)."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .odd import Rows, copies

# --- pieces -------------------------------------------------------------------------------------------------------


def one_chunk(reply: Reply) -> Rows:
    """A gateway that pretends to stream: all that is said comes in one chunk."""
    rows = list(copies(reply))
    choices: list[dict[str, Any]] = []
    for choice in answers.completion(reply)["choices"]:
        delta = choice.pop("message")
        for at, call in enumerate(delta.get("tool_calls") or ()):
            call["index"] = at
        choices.append({"delta": delta, **choice})
    yield {**rows[0], "choices": choices}
    yield from (row for row in rows if not row["choices"])


def with_heartbeats(reply: Reply) -> Rows:
    """After every piece one in which nothing is said."""
    turn = itertools.count()
    nothing = None if reply.alternatives is None else {"content": [], "refusal": None}
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if choice["finish_reason"] is None:
                said = {"content": ""} if reply.choices[choice["index"]].speaks and next(turn) % 2 else {}
                yield {**row, "choices": [{**choice, "delta": said, "logprobs": nothing}]}


ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r", b"\r\n\n", b"\n\r\n")


def mixed() -> Reference:
    """Lines of a stream that end in one of three ways, by turns, and a comment that ends in the oldest."""
    turn = itertools.count()

    def frame(chunk: Mapping[str, Any]) -> bytes:
        at = next(turn)
        comment = b": x\r" if at % 3 == 0 else b""
        return comment + b"data: " + behaviour.dump(chunk) + ENDS[at % len(ENDS)]

    return Reference(behaviour=Behaviour(frame=frame))


def between_returns(app: ASGIApp) -> ASGIApp:
    """Writes end after a carriage return, whatever comes next."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            data = message.get("body", b"")
            if b"\r" in data and len(data) < 20_000:
                *pieces, last = data.split(b"\r")
                for piece in pieces:
                    await send({"type": "http.response.body", "body": piece + b"\r", "more_body": True})
                message = {**message, "body": last}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


# --- what carries the answer --------------------------------------------------------------------------------------


def header(scope: Scope, name: bytes) -> str:
    """The values of a request header in one string."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def typed(message: Message, media_type: bytes) -> bool:
    """Whether the beginning of an answer is of a media type."""
    return any(key == b"content-type" and value.startswith(media_type) for key, value in message["headers"])


def takes_gzip(scope: Scope) -> bool:
    for item in header(scope, b"accept-encoding").lower().split(","):
        name, _, weight = item.partition(";")
        if name.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


def zipped(app: ASGIApp) -> ASGIApp:
    """Zipped for whoever takes it: each write of a stream is complete; for others all comes at once."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            await app(scope, receive, send)
            return
        packer = zlib.compressobj(wbits=31) if takes_gzip(scope) else None
        start: Message = {}
        held: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                rows = [(key, value) for key, value in message["headers"] if key != b"content-length"]
                rows.append((b"vary", b"Accept-Encoding"))
                if packer is not None:
                    rows.append((b"content-encoding", b"gzip"))
                start = {**message, "headers": rows}
                if packer is not None:
                    await send(start)
                return
            data, more = message.get("body", b""), message.get("more_body", False)
            if packer is not None:
                zipped = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)
                await send({**message, "body": zipped})
                return
            held.append(data)
            if not more:
                whole = b"".join(held)
                start["headers"].append((b"content-length", str(len(whole)).encode()))
                await send(start)
                await send({"type": "http.response.body", "body": whole})

        await app(scope, receive, sending)

    return wrapped


def blank_lines_first(app: ASGIApp) -> ASGIApp:
    """Every twentieth answer lets its client wait, and sends it nothing to read meanwhile."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        waits = scope["method"] == "POST" and next(number) % 20 == 0

        async def padded(pieces: Iterator[bytes]) -> None:
            for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0.02)

        async def sending(message: Message) -> None:
            if not waits or message["type"] != "http.response.start" or message["status"] != 200:
                await send(message)
                return
            rows = [row for row in message["headers"] if row[0] != b"content-length"]
            await send({**message, "headers": rows})
            if typed(message, b"application/json"):
                await padded(iter([b"\n", b"\n\n", b"\r\n", b"  \n", b"\n"] * 3))
            else:
                await padded(iter([b": WORKING\n\n" * 20] * 10))
                await padded(iter([b":" + b" " * 70_000 + b"\n\n"]))

        await app(scope, receive, sending)

    return wrapped


ALARMS = [
    (b"retry-after", b"120"),
    (b"x-should-retry", b"true"),
    (b"x-ratelimit-limit-requests", b"1"),
    (b"x-ratelimit-remaining-requests", b"0"),
    (b"x-ratelimit-remaining-tokens", b"-7"),
    (b"x-ratelimit-reset-requests", b"6m0s"),
    (b"warning", b'199 - "Miscellaneous warning"'),
    (b"deprecation", b"@1688169599"),
    (b"sunset", b"Sun, 30 Jun 2024 23:59:59 GMT"),
    (b"content-language", b"de"),
    (b"x-error", b"none"),
]


def alarming(app: ASGIApp) -> ASGIApp:
    """Good answers with headers of bad ones; after a bad one the connection is closed."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = ALARMS if message["status"] < 400 else [(b"connection", b"close")]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


# --- how JSON is spelled ------------------------------------------------------------------------------------------


def string(text: str) -> str:
    """A JSON string with escapes for strokes, and large letters in the other escapes."""
    plain = json.dumps(text).replace("/", "\\/")
    return re.sub(r"\\(?:u([0-9a-f]{4})|(.))", lambda found: f"\\{found[2] or 'u' + found[1].upper()}", plain)


def spell(value: Any) -> str:
    """JSON with exponents in decimals, members backwards, and a blank here and there."""
    if isinstance(value, Mapping):
        rows = sorted(((str(key), item) for key, item in value.items()), reverse=True)
        return "{" + ",".join(f"{string(key)} :{spell(item)}" for key, item in rows) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(spell(item) for item in value) + "]"
    if isinstance(value, str):
        return string(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "E")
    return json.dumps(value)


def spelled(value: object) -> bytes:
    return spell(value).encode("ascii")


def spelled_event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + spelled(chunk) + b"\n\n"


def _chunks(chunks: Any) -> Reference:
    return Reference(behaviour=Behaviour(chunks=chunks))


DIALECTS = [
    Dialect(name="blind-one-chunk", server=_chunks(one_chunk)),
    Dialect(name="blind-heartbeat-chunks", server=_chunks(with_heartbeats)),
    Dialect(name="blind-mixed-line-ends", server=mixed(), around=between_returns),
    Dialect(name="blind-zipped", around=zipped),
    Dialect(name="blind-blank-lines-first", around=blank_lines_first),
    Dialect(name="blind-alarming-headers", around=alarming),
    Dialect(name="blind-other-spellings", server=Reference(behaviour=Behaviour(dump=spelled, frame=spelled_event))),
]
