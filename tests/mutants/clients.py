"""Servers whose fault only a real client shows: by its headers, by what it unpacks, by how it reads and tries again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .base import Mutant, of
from .load_common import Taken, body_of, caught, failure, is_create, put, whole

STREAMS = ("client.stream", "client.stream.async", "client.stream.helper", "client.stream.helper.async")
PLAIN = ("client.create", "client.create.async", "client.tools", "client.structured", "client.retry")
ALL = (*PLAIN, *STREAMS, "client.tools.stream", "client.error")

Headers = Mapping[bytes, bytes]


def client(
    name: str, fails: Iterable[str], change: Callable[[Headers, bytes, Taken], Taken] | None = None, **rest: Any
) -> Mutant:
    """Sends what `change` makes of the request's headers and body and of the answer."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            raw = await whole(receive)
            taken = await caught(app, scope, raw)
            if change is not None and is_create(scope):
                taken = change(dict(scope["headers"]), raw, taken)
            await put(send, taken)

        return wrapped

    return Mutant(
        name=f"client_{name}",
        property="server",
        family="transport",
        fails=of(*fails),
        around=around if change else None,
        **rest,
    )


def mislabelled(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Calls an answer gzip where the client takes that, and does not pack it."""
    if b"gzip" not in headers.get(b"accept-encoding", b""):
        return taken
    return Taken(taken.status, (*taken.headers, (b"content-encoding", b"gzip")), taken.content)


def negotiated(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Streams only to those who say in Accept that they take events."""
    streamed = (body_of(raw) or {}).get("stream") is True
    if streamed and b"text/event-stream" not in headers.get(b"accept", b""):
        return failure(406, "Not acceptable.")
    return taken


def wary(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Refuses headers that it does not know."""
    return failure(400, "Unknown header.") if any(name.startswith(b"x-stainless-") for name in headers) else taken


def choosy(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Keeps out what it takes for a robot."""
    return failure(403, "Forbidden.") if b"Python" in headers.get(b"user-agent", b"") else taken


def inviting(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Says of a refusal that to try again may help."""
    if taken.status < 400:
        return taken
    return Taken(taken.status, (*taken.headers, (b"x-should-retry", b"true")), taken.content)


def once(headers: Headers, raw: bytes, taken: Taken) -> Taken:
    """Takes a second attempt for a duplicate."""
    again = headers.get(b"x-stainless-retry-count", b"0") != b"0"
    return failure(400, "This request was made before.") if again else taken


MUTANTS = (
    client("gzip_in_name_only", ALL, mislabelled),
    client("stream_wants_accept", (*STREAMS, "client.tools.stream"), negotiated),
    client("unknown_headers", (*PLAIN, *STREAMS, "client.tools.stream"), wary),
    client("user_agent", ALL, choosy),
    client("should_retry_refusals", ("client.error",), inviting),
    client("retry_is_duplicate", ("client.retry",), once),
)
