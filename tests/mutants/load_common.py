"""Catching an answer before it goes out, and sending it otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant, of

Body = dict[str, Any]
Around = Callable[[ASGIApp], ASGIApp]


@dataclass
class Taken:
    """An answer that was caught before it went out."""

    status: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes = b""

    @property
    def completion(self) -> Body | None:
        """The body of a plain answer, or None for streams and refusals."""
        return json.loads(self.content) if self.status == 200 and self.content.startswith(b"{") else None


async def whole(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def replayed(raw: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return receive


async def caught(app: ASGIApp, scope: Scope, raw: bytes) -> Taken:
    taken = Taken()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            taken.status, taken.headers = message["status"], tuple(message["headers"])
        else:
            taken.content += message.get("body", b"")

    await app(scope, replayed(raw), send)
    return taken


async def put(send: Send, taken: Taken, most: int | None = None) -> None:
    """Sends an answer; only `most` bytes of it, and then the connection closes, where that is given."""
    headers = [row for row in taken.headers if row[0] != b"content-length"]
    headers.append((b"content-length", str(len(taken.content)).encode()))
    await send({"type": "http.response.start", "status": taken.status, "headers": headers})
    part = taken.content[:most]
    await send({"type": "http.response.body", "body": part, "more_body": most is not None})


def failure(status: int, text: str) -> Taken:
    error = {"message": text, "type": "server_error", "param": None, "code": None}
    return Taken(status, ((b"content-type", b"application/json"),), json.dumps({"error": error}).encode())


def is_create(scope: Scope) -> bool:
    return scope["method"] == "POST" and scope["path"].endswith("/chat/completions")


def body_of(raw: bytes) -> Body | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def load(
    name: str,
    around: Around,
    *fails: str,
    about: str = "server",
    with_it: Iterable[str] = (),
    server: Reference | None = None,
) -> Mutant:
    return Mutant(
        name=name,
        property=about,
        family="load",
        server=server or Reference(),
        fails=of(*fails),
        with_it=frozenset((*with_it, "many.refusals")),  # what only a crowd breaks is its
        around=around,
    )
