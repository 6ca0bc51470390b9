"""How answers are written and carried, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_3.md``.
"""

from __future__ import annotations

import itertools
import json
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .blind3_talk import everything, recounting
from .blind_talk import japanese
from .blind_transport import accepted, without_length
from .odd import Body, answered, drained, raw_dump, speaking

# --- JSON and events ----------------------------------------------------------------------------------------------


def spelled(value: Any) -> str:
    """JSON in which nought is below nought."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{spelled(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(spelled(item) for item in value) + "]"
    return "-0" if type(value) is int and value == 0 else json.dumps(value)


def dump_below(value: object) -> bytes:
    return spelled(value).encode("ascii")


def frame_below(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + dump_below(chunk) + b"\n\n"


def raw_crlf(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + raw_dump(chunk) + b"\r\n\r\n"


FORMS = itertools.cycle(
    (
        (b"data\ndata:", b"\ndata\n\n"),
        (b": one\nevent: chunk\nid: 7\ndata:\t", b"\t\n: two\nretry: 1000\nx-trace: a:b\n\n"),
        (b"lone\nid\ndata:  ", b"\nevent: chat.completion.chunk\n\n"),
        (b"id: {}\n:\n:data: [DONE]\ndata: ", b"\nevent\n\n"),
    )
)
"""What stands before and after the JSON of an event, by turns."""


def odd_events(chunk: Mapping[str, Any]) -> bytes:
    """An event as the standard lets one write it."""
    before, after = next(FORMS)
    return before + behaviour.dump(chunk) + after


# --- the connection -----------------------------------------------------------------------------------------------


def byte_by_byte(app: ASGIApp) -> ASGIApp:
    """The beginning of every write comes a byte at a time."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            data = message.get("body", b"")
            if message["type"] == "http.response.body":
                for at in range(min(300, len(data))):
                    await send({"type": "http.response.body", "body": data[at : at + 1], "more_body": True})
                message = {**message, "body": data[300:]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def twice_zipped(app: ASGIApp) -> ASGIApp:
    """Deflate inside gzip, flushed after every write, for a client that takes both."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        inner, outer = zlib.compressobj(wbits=15), zlib.compressobj(wbits=31)
        packs = scope["method"] != "HEAD" and accepted(scope, "deflate") and accepted(scope, "gzip")

        async def sending(message: Message) -> None:
            if packs and message["type"] == "http.response.start":
                rows = (b"content-encoding", b"deflate, gzip"), (b"vary", b"Accept-Encoding")
                message = without_length(message, *rows)
            elif packs:
                how = zlib.Z_SYNC_FLUSH if message.get("more_body", False) else zlib.Z_FINISH
                data = inner.compress(message.get("body", b"")) + inner.flush(how)
                message = {**message, "body": outer.compress(data) + outer.flush(how)}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


IDLE, START = 20.0, 1.2


def cold_start(app: ASGIApp) -> ASGIApp:
    """After some time without a request the model is loaded anew, and is not there until it is."""
    asked, ready = float("-inf"), 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal asked, ready
        if scope["method"] == "POST":
            now = time.monotonic()
            if now - asked > IDLE:
                ready = now + START
            asked = now
            if now < ready:
                await drained(receive)
                await answered(send, 503, "Loading model", (b"retry-after", b"1"), code="unavailable")
                return
        await app(scope, receive, send)

    return wrapped


CDN = (
    (b"age", b"3600"),
    (b"etag", b'W/"c0ffee"'),
    (b"x-cache", b"HIT from edge-7, MISS"),
    (b"alt-svc", b'h3=":443"; ma=86400, h2=":443"'),
    (b"cache-control", b"public, max-age=600, stale-if-error=60"),
    (b"content-disposition", b"attachment; filename*=UTF-8''a%20b.json"),
    (b"content-language", b"tlh"),
    (b"deprecation", b"@1700000000"),
    (b"sunset", b"Sat, 01 Jan 2022 00:00:00 GMT"),
    (b"expires", b"0"),
    (b"keep-alive", b"timeout=5, max=100"),
    (b"server-timing", b'cache;desc="a, b";dur=23.2, db'),
    (b"via", b"1.0 fred, 1.1 p.example.net"),
)


def behind_a_cdn(app: ASGIApp) -> ASGIApp:
    """Headers of a content network around everything."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *CDN]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


# --- ids and times ------------------------------------------------------------------------------------------------

NUMBERS, TURNS = itertools.count(1), itertools.count()


def two_clocks() -> float:
    """One clock has no seconds, the other is early."""
    return time.time() // 60 * 60 if next(TURNS) % 2 else time.time() + 100


def counted_answers(body: Body, now: int) -> Reply:
    """Answers that are numbered."""
    return replace(answers.plan(body, now), ident=str(next(NUMBERS)))


NAMES = ("@cf/acme/Møøse 7B:latest+q4#2?x=1&y=%2F", "模型", "a", "b" * 250, "../models", "null")

# --- errors -------------------------------------------------------------------------------------------------------


def pydantic_like(reason: Reason) -> dict[str, Any]:
    """An error as a library of models tells it, with a number that changes."""
    where = (reason.param or "body").replace("[", ".").replace("]", "").replace("..", ".")
    kind = reason.code or "value_error"
    message = (
        f"1 validation error for ChatCompletionRequest\n{where}\n  {reason.message} [type={kind}, input_value='…', "
        f"input_type=str]\n    For further information visit https://errors.pydantic.dev/2.12/v/{kind} "
        f"(request id: {uuid.uuid4()}, {time.time():.3f})"
    )
    return behaviour.envelope(replace(reason, message=message, type="BadRequestError", param=None, code=None))


def pointing(reason: Reason) -> dict[str, Any]:
    """An error that points at its place, of a type that is an address."""
    place = "/" + (reason.param or "").replace(".[", "[").replace("[", "/").replace("]", "").replace(".", "/")
    message = f"{reason.message} At '{place}' of the body; see '#/components/schemas{place}'."
    body = behaviour.envelope(replace(reason, message=message, type="https://example.com/problems/invalid#body"))
    body["error"] |= {"title": "Bad Request", "status": reason.status, "instance": "/v1/chat/completions", "causes": []}
    return body


def _model(**parts: Any) -> Reference:
    return Reference(behaviour=Behaviour(**parts))


_JAPANESE = speaking(japanese)
_RAW = {"dump": raw_dump, "frame": raw_crlf, "done": b"data: [DONE]\r\n\r\n"}

DIALECTS = [
    Dialect(name="blind3-odd-events", server=_model(frame=odd_events), warnings=frozenset({"sse.frame.lines"})),
    Dialect(
        name="blind3-byte-by-byte",
        server=replace(_JAPANESE, behaviour=replace(_JAPANESE.behaviour, **_RAW)),
        around=byte_by_byte,
    ),
    Dialect(name="blind3-twice-zipped", around=twice_zipped),
    Dialect(name="blind3-cold-start", around=cold_start),
    Dialect(name="blind3-two-clocks", server=_model(plan=counted_answers, clock=two_clocks)),
    Dialect(name="blind3-negative-noughts", server=_model(dump=dump_below, frame=frame_below)),
    Dialect(name="blind3-odd-model-names", server=Reference(models=NAMES)),
    Dialect(name="blind3-pydantic-errors", server=_model(envelope=pydantic_like)),
    Dialect(name="blind3-pointer-errors", server=_model(envelope=pointing)),
    Dialect(
        name="blind3-all-at-once",
        server=_model(plan=recounting(everything), envelope=pydantic_like, frame=odd_events),
        around=lambda app: behind_a_cdn(twice_zipped(app)),
        warnings=frozenset({"res.usage.choices", "sse.frame.lines"}),
    ),
]
