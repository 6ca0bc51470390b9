"""Manners of the wire and of refusal, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_2.md``.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .blind_streams import THINKS
from .odd import Body, checking, drained

Headers = list[tuple[bytes, bytes]]


def header(rows: Headers, name: bytes) -> str:
    """The values of a header, joined."""
    return ", ".join(value.decode("latin-1") for key, value in rows if key.lower() == name).lower()


def without_length(message: Message, *rows: tuple[bytes, bytes]) -> Message:
    """The head of an answer whose length is not known before."""
    return {**message, "headers": [*(row for row in message["headers"] if row[0] != b"content-length"), *rows]}


def accepted(scope: Scope, coding: str) -> bool:
    """Whether the client takes a coding: it names it, and not to refuse it."""
    for item in header(scope["headers"], b"accept-encoding").split(","):
        name, _, quality = item.partition(";")
        if name.strip() == coding:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return False


def compressed(app: ASGIApp) -> ASGIApp:
    """Answers in gzip, streams in deflate with a flush after every write, for a client that takes them."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        packer: Any = None

        async def sending(message: Message) -> None:
            nonlocal packer
            if message["type"] == "http.response.start":
                stream = header(message["headers"], b"content-type").startswith("text/event-stream")
                coding = "deflate" if stream else "gzip"
                if scope["method"] != "HEAD" and accepted(scope, coding):
                    packer = zlib.compressobj(wbits=15 if stream else 31)
                    rows = (b"content-encoding", coding.encode()), (b"vary", b"Accept-Encoding")
                    message = without_length(message, *rows)
            elif packer is not None:
                last = not message.get("more_body", False)
                data = packer.compress(message.get("body", b""))
                data += packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
                message = {**message, "body": data}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def blank_lines(app: ASGIApp) -> ASGIApp:
    """Line ends that keep a connection alive until the answer is there, and comments before a stream."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] != "http.response.start" or scope["method"] != "POST":
                await send(message)
                return
            await send(without_length(message))
            stream = header(message["headers"], b"content-type").startswith("text/event-stream")
            blank = b": keep-alive\n\n" if stream else b"\n" * 100
            for _ in range(3):
                await send({"type": "http.response.body", "body": blank, "more_body": True})

        await app(scope, receive, sending)

    return wrapped


def slow_first_token(app: ASGIApp) -> ASGIApp:
    """Every fortieth stream waits a second behind comments, comes to its middle at once, and pauses there."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        slow = False

        async def sending(message: Message) -> None:
            nonlocal slow
            if message["type"] == "http.response.start":
                stream = header(message["headers"], b"content-type").startswith("text/event-stream")
                slow = stream and next(number) % 40 == 0
                await send(message)
                for _ in range(4 if slow else 0):
                    await send({"type": "http.response.body", "body": b": waiting\n\n", "more_body": True})
                    await asyncio.sleep(0.25)
                return
            data = message.get("body", b"")
            if slow and data:
                slow, half = False, len(data) // 2
                await send({"type": "http.response.body", "body": data[:half], "more_body": True})
                await asyncio.sleep(0.4)
                message = {**message, "body": data[half:]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def closes(app: ASGIApp) -> ASGIApp:
    """A connection ends with every refusal and every third answer."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and (message["status"] >= 400 or next(number) % 3 == 0):
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def empty_503(app: ASGIApp) -> ASGIApp:
    """Every forty-fifth request is turned away without a word."""
    number = itertools.count(1)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or next(number) % 45:
            await app(scope, receive, send)
            return
        await drained(receive)
        headers = [(b"content-length", b"0"), (b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return wrapped


# --- what is refused ----------------------------------------------------------------------------------------------

COST, WINDOW = 100, 4096


def _tools(body: Body) -> int:
    return len(body.get("tools") or ()) + len(body.get("functions") or ())


def costly(ask: Ask) -> Iterator[Reason]:
    """A context that many tools do not fit in."""
    needed = prompt_tokens(ask.body) + COST * _tools(ask.body) + (bound(ask.body) or 0)
    if needed > WINDOW:
        why = f"This model's maximum context length is {WINDOW} tokens. However, you requested {needed} tokens."
        yield Reason("dialect", why, "messages", "context_length_exceeded")


def costing(body: Body, now: int) -> Reply:
    """The tools counted at their price."""
    reply = answers.plan(body, now)
    extra = COST * _tools(body)
    use = dict(reply.usage)
    use["prompt_tokens"] += extra
    use["total_tokens"] += extra
    return replace(reply, usage=use)


def no_schemas(ask: Ask) -> Iterator[Reason]:
    """JSON, but not by a schema."""
    if (ask.body.get("response_format") or {}).get("type") == "json_schema":
        why = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
        yield Reason("dialect", why, "response_format", "unsupported_value")


def no_penalties(ask: Ask) -> Iterator[Reason]:
    """A model that cannot be steered in these ways."""
    for key in ("frequency_penalty", "presence_penalty"):
        if ask.body.get(key):
            yield Reason("dialect", f"'{key}' is not supported with this model.", key, "unsupported_parameter")
    if ask.body.get("seed") is not None:
        yield Reason("dialect", "'seed' is not supported with this model.", "seed", "unsupported_parameter")


def no_forced_calls(ask: Ask) -> Iterator[Reason]:
    """A model that thinks first decides by itself whether it calls."""
    for key in ("tool_choice", "function_call"):
        value = ask.body.get(key)
        if isinstance(value, dict) or value == "required":
            why = f"A forced '{key}' is not supported with this model in thinking mode."
            yield Reason("dialect", why, key, "unsupported_value")


NAMES = {401: "AuthenticationError", 404: "NotFoundError", 405: "MethodNotAllowed", 413: "RequestTooLarge"}


def code_as_text(reason: Reason) -> dict[str, Any]:
    """An error of a gateway: its own type and prefix, and the status as a text."""
    kind = NAMES.get(reason.status, "BadRequestError")
    told = replace(reason, message=f"gateway.{kind}: UpstreamException - {reason.message}", type=kind, param=None)
    return behaviour.envelope(replace(told, code=str(reason.status)))


def _without(name: str, check: Any) -> Dialect:
    return Dialect(name=f"blind2-{name}", server=checking(check))


_COSTLY = checking(costly)

DIALECTS = [
    Dialect(name="blind2-compressed", around=compressed),
    Dialect(name="blind2-blank-lines", around=blank_lines),
    Dialect(name="blind2-slow-first-token", around=slow_first_token),
    Dialect(name="blind2-closes-after-errors", around=closes),
    Dialect(name="blind2-empty-503", around=empty_503),
    Dialect(name="blind2-costly-tools", server=replace(_COSTLY, behaviour=replace(_COSTLY.behaviour, plan=costing))),
    _without("no-schemas", no_schemas),
    _without("no-penalties", no_penalties),
    _without("no-forced-calls", no_forced_calls),
    Dialect(name="blind2-code-as-text", server=Reference(behaviour=behaviour.Behaviour(envelope=code_as_text))),
    Dialect(
        name="blind2-gateway",
        server=Reference(behaviour=replace(THINKS, envelope=code_as_text)),
        around=lambda app: compressed(closes(app)),
    ),
]
