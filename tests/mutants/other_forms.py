"""Servers that mind how a request is sent, or by which of two names a property is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Receive, Scope, Send

from .base import Mutant, of
from .load_common import Around, Taken, is_create, put, replayed, whole
from .relations_common import Body, has, refused_when, unchecked_when

Headers = list[tuple[bytes, bytes]]
Read = Callable[[bytes], bytes | None]
"""What a server makes of the bytes of a body; None: it gives up and closes the connection."""


def bodies(when: Callable[[Headers], bool], read: Read) -> Around:
    """Reads the body otherwise where the headers are so."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            raw: bytes | None = await whole(receive)
            if is_create(scope) and when(scope["headers"]):
                raw = read(raw or b"")
            if raw is None:
                await put(send, Taken(200, ((b"content-type", b"application/json"),), b"{"), 0)
            else:
                await app(scope, replayed(raw), send)

        return wrapped

    return around


def to_another(when: Callable[[Headers], bool], other: Reference) -> Around:
    """Has another server answer where the headers are so."""

    def around(app: ASGIApp) -> ASGIApp:
        instead: list[ASGIApp] = []

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if is_create(scope) and when(scope["headers"]):
                if not instead:
                    name = scope["path"].split("/")[1]
                    instead.append(create_app({f"/{name}": other}))
                await instead[0](scope, receive, send)
            else:
                await app(scope, receive, send)

        return wrapped

    return around


def in_chunks(headers: Headers) -> bool:
    return (b"transfer-encoding", b"chunked") in headers


def with_charset(headers: Headers) -> bool:
    return any(name == b"content-type" and b"charset" in value for name, value in headers)


def form(name: str, about: str, fails: str, *with_it: str, server: Any = None, around: Around | None = None) -> Mutant:
    return Mutant(
        name=name,
        property=about,
        family="relation",
        fails=of(*fails.split()),
        with_it=frozenset(with_it),
        server=server or Reference(),
        around=around,
    )


def hot(body: Body) -> bool:
    return body.get("temperature") == 3


MUTANTS = [
    form("chunks-unread", "body", "mm.ccase", around=bodies(in_chunks, lambda raw: b"")),
    form("chunks-first", "body", "mm.ccase", around=bodies(in_chunks, lambda raw: raw[: len(raw) // 3])),
    form("chunks-dropped", "body", "mm.ccase", around=bodies(in_chunks, lambda raw: None)),
    form(
        "chunks-unchecked",
        "body",
        "mm.ccase",
        around=to_another(in_chunks, unchecked_when(hot, "temperature.max")),
    ),
    form(
        "charset-unchecked",
        "body",
        "mm.charset",
        around=to_another(with_charset, unchecked_when(hot, "temperature.max")),
    ),
    form(
        "charset-latin",
        "body",
        "mm.charset",
        around=bodies(with_charset, lambda raw: raw.decode().encode("ascii", "ignore") if raw.isascii() else b"\xff"),
    ),
    form(
        "alias-alone",
        "max_completion_tokens",
        "mm.alias",
        "together.*",
        server=refused_when(has("max_completion_tokens", "presence_penalty")),
    ),
    form(
        "alias-unchecked",
        "max_completion_tokens",
        "mm.alias",
        server=unchecked_when(has("max_completion_tokens"), "temperature.max"),
    ),
    form(
        "functions-alone",
        "functions",
        "mm.tools.legacy together.pairs.accepts",
        "together.*",
        server=refused_when(has("functions", "stop")),
    ),
    form(
        "functions-unchecked",
        "functions",
        "mm.tools.legacy",
        server=unchecked_when(has("functions"), "temperature.max"),
    ),
]
