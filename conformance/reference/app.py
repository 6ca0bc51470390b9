"""The ASGI application of the reference server (Starlette): paths, methods, keys, and the size of bodies.

One application serves many variants by path prefix; the lookup is one dictionary access, so hundreds of variants cost
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from .behaviour import Answer, Behaviour, Reference, refuse, respond
from .faults import Reason

__all__ = ["Behaviour", "Reference", "create_app"]

#: The base path of the API under every prefix.
BASE = "/v1"
#: Events of a stream that go out in one write.
EVENTS_PER_WRITE = 32
#: Bytes of an over-large body that are read and dropped, so that a client can finish sending and read its answer.
DRAIN_MAX = 256 * 1024 * 1024

_CREATE, _MODELS = "create", "models"


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body: up to `most` + 1 bytes of it (more is read and dropped), None when the client has gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        if size <= most:
            parts.append(part)
        size += len(part)
        if not message.get("more_body", False) or size > DRAIN_MAX:
            return b"".join(parts)[: most + 1]


async def _send(send: Send, answer: Answer, head: bool = False) -> None:
    headers = [(b"content-type", answer.content_type.encode())]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers]
    whole = len(answer.blocks) == 1
    if whole:
        headers.append((b"content-length", str(len(answer.blocks[0])).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if whole or head:
        await send({"type": "http.response.body", "body": b"" if head else answer.blocks[0]})
        return
    for place in range(0, len(answer.blocks), EVENTS_PER_WRITE):
        block = b"".join(answer.blocks[place : place + EVENTS_PER_WRITE])
        await send({"type": "http.response.body", "body": block, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _listing(reference: Reference, items: list[dict[str, object]]) -> Answer:
    behaviour = reference.behaviour
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": None, "last_id": None}
    body = {"object": "list", "data": items, **ends, "has_more": False}
    return Answer(200, behaviour.json_type, (behaviour.dump(body),))


def _models(reference: Reference) -> Answer:
    created = int(reference.behaviour.clock())
    names = reference.models or ("chatproof-reference",)
    return _listing(
        reference,
        [{"id": name, "object": "model", "created": created, "owned_by": "chatproof"} for name in names],
    )


class Endpoint:
    """The one endpoint behind all paths: finds the variant and what is asked of it."""

    def __init__(self, variants: Mapping[str, Reference]) -> None:
        self.paths: dict[str, tuple[Reference, str]] = {}
        for prefix, reference in variants.items():
            self.paths[f"{prefix}{BASE}/chat/completions"] = reference, _CREATE
            self.paths[f"{prefix}{BASE}/models"] = reference, _MODELS
        # unknown paths are answered by the first variant's manners
        self.default = next(iter(variants.values()), Reference())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        reference, kind = self.paths.get(scope["path"], (self.default, ""))
        raw = await _read(receive, reference.limits.body_max)
        if raw is None:
            return
        if reference.latency > 0:
            await asyncio.sleep(reference.latency)
        await _send(send, self.answer(reference, kind, method, Headers(scope=scope), raw), head=method == "HEAD")

    def answer(self, reference: Reference, kind: str, method: str, headers: Headers, raw: bytes) -> Answer:
        if not kind:
            return refuse(reference, Reason("http.path", "No such path.", None, None, status=404, strength="should"))
        unauthorized = reference.behaviour.authorize(headers.get("authorization"), reference.api_key)
        if unauthorized is not None:
            return refuse(reference, unauthorized, (("www-authenticate", "Bearer"),))
        if kind == _MODELS and method in ("GET", "HEAD"):
            return _models(reference)
        if kind == _CREATE and method == "POST":
            return respond(reference, headers.get("content-type"), raw)
        if kind == _CREATE and method in ("GET", "HEAD"):
            # the list of stored completions: nothing is ever stored
            return _listing(reference, [])
        allowed = "GET, HEAD" if kind == _MODELS else "GET, HEAD, POST"
        reason = Reason(
            "http.method",
            f"The method {method[:16]} is not supported here.",
            None,
            "method_not_supported",
            status=405,
            strength="should",
        )
        return refuse(reference, reason, (("allow", allowed),))


async def _crashed(_request: Request, _error: Exception) -> Response:
    """A fault of this server itself, in the envelope of the others; Starlette raises the error again for the log."""
    reason = Reason("http.crash", "The server failed.", None, None, status=500, type="server_error")
    answer = refuse(Reference(), reason)
    return Response(answer.blocks[0], answer.status, media_type=answer.content_type)


def create_app(reference: Reference | Mapping[str, Reference] | None = None) -> Starlette:
    """The application of one reference, or of several by path prefix (such as `{"": Reference(), "/m1": …}`)."""
    if reference is None:
        reference = Reference()
    variants = {"": reference} if isinstance(reference, Reference) else dict(reference)
    return Starlette(
        routes=[Route("/{path:path}", endpoint=Endpoint(variants))],
        exception_handlers={Exception: _crashed},
    )
