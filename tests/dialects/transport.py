"""Dialects of the wire: case and set of headers, chunked or sized, marks between events, slowness, busy answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference, authorize
from chatproof.conformance.reference.faults import Reason
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect


def crlf(chunk: Mapping[str, Any]) -> bytes:
    """An event whose lines end as HTTP's do."""
    return b"data: " + behaviour.dump(chunk) + b"\r\n\r\n"


def with_comments(chunk: Mapping[str, Any]) -> bytes:
    """A comment and a name around every event."""
    return b": keep-alive\n\nevent: message\ndata: " + behaviour.dump(chunk) + b"\n\n"


def with_ids(chunk: Mapping[str, Any]) -> bytes:
    """Further fields in every event."""
    return b": keep-alive\nid: 1\nretry: 10\ndata: " + behaviour.dump(chunk) + b"\n\n"


def with_ids_apart(chunk: Mapping[str, Any]) -> bytes:
    """An id in every event, and comments that stand alone between them."""
    return b"id: 1\ndata: " + behaviour.dump(chunk) + b"\n\n: keep-alive\n\n"


def with_bare_fields(chunk: Mapping[str, Any]) -> bytes:
    """Fields that stand alone before every event: the standard drops them, the official client does not."""
    return b": keep-alive\n\nretry: 3000\n\nid: 1\n\ndata: " + behaviour.dump(chunk) + b"\n\n"


def tight(chunk: Mapping[str, Any]) -> bytes:
    """An event without the blank after the colon."""
    return b"data:" + behaviour.dump(chunk) + b"\n\n"


def loud_headers(app: ASGIApp) -> ASGIApp:
    """Header names in another case, and headers of its own."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                rows = [(name.title(), value) for name, value in message["headers"]]
                rows += [(b"X-Request-Id", b"1"), (b"OpenAI-Processing-Ms", b"7"), (b"Set-Cookie", b"a=b; Path=/")]
                message = {**message, "headers": rows}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def chunked(app: ASGIApp) -> ASGIApp:
    """No content length: every answer is sent in chunks."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                rows = [row for row in message["headers"] if row[0] != b"content-length"]
                message = {**message, "headers": rows}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def wanting_length(app: ASGIApp) -> ASGIApp:
    """Declines bodies in chunks, as HTTP lets it."""
    error = {"message": "A length is required.", "type": "invalid_request_error", "param": None, "code": None}
    body = json.dumps({"error": error}).encode()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if not any(name == b"transfer-encoding" for name, _ in scope["headers"]):
            await app(scope, receive, send)
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 411, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})

    return wrapped


def masked(value: str | None, key: str | None) -> Reason | None:
    """Shows the ends of a wrong key, as the original service does."""
    reason = authorize(value, key)
    given = (value or "").partition(" ")[2]
    if reason is None or len(given) < 16:
        return reason
    shown = f"{given[:7]}{'*' * (len(given) - 11)}{given[-4:]}"
    return replace(reason, message=f"The API key {shown} is not a valid one.")


def late(app: ASGIApp) -> ASGIApp:
    """Ends the message of every tenth stream some time after its end marker."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        sent = b""

        async def sending(message: Message) -> None:
            nonlocal sent
            sent = message.get("body", b"") or sent
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if last and sent.endswith(b"[DONE]\n\n") and next(number) % 10 == 0:
                await asyncio.sleep(1)
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def closing(app: ASGIApp) -> ASGIApp:
    """Every connection serves one request."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def busy(app: ASGIApp) -> ASGIApp:
    """Every fortieth request is told to come again."""
    number = itertools.count(1)
    error = {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    body = json.dumps({"error": error}).encode()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or next(number) % 40:
            await app(scope, receive, send)
            return
        while (await receive()).get("more_body", False):
            pass
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return wrapped


DIALECTS = [
    Dialect(name="loud-headers", around=loud_headers),
    Dialect(name="chunked", around=chunked),
    Dialect(name="closing", around=closing),
    Dialect(
        name="guarded",
        server=Reference(api_key="test-key-0123456789", behaviour=Behaviour(authorize=masked)),
        around=lambda app: late(wanting_length(app)),
    ),
    Dialect(name="busy-now-and-then", around=busy),
    Dialect(name="slow", server=Reference(latency=0.03)),
    Dialect(name="events-with-crlf", server=Reference(behaviour=Behaviour(frame=crlf, done=b"data: [DONE]\r\n\r\n"))),
    Dialect(name="events-with-comments", server=Reference(behaviour=Behaviour(frame=with_comments))),
    Dialect(name="events-with-ids", server=Reference(behaviour=Behaviour(frame=with_ids))),
    Dialect(name="events-with-bare-fields", server=Reference(behaviour=Behaviour(frame=with_bare_fields))),
    Dialect(name="events-with-ids-and-comments", server=Reference(behaviour=Behaviour(frame=with_ids_apart))),
    Dialect(name="events-without-blanks", server=Reference(behaviour=Behaviour(frame=tight, done=b"data: [DONE]\n\n"))),
    Dialect(
        name="json-with-charset", server=Reference(behaviour=Behaviour(json_type="application/json; charset=utf-8"))
    ),
    Dialect(name="events-without-charset", server=Reference(behaviour=Behaviour(event_type="text/event-stream"))),
]
