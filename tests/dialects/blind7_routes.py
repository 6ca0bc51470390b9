"""Servers whose manner depends on the request and on the client, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_7.md``.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.prompt import digest, input_tokens, last_user_text
from chatproof.conformance.reference.text import bound, script, stops, tokenize
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk, tiny
from .base import Dialect
from .blind4_limits import format_of
from .blind4_traffic import LATER, heard
from .blind6_parts import built, headed, lumped, posts, sized, wrapping
from .blind_forms import respelled
from .blind_transport import accepted, header
from .blind_words import plain, said, saying, written
from .odd import LEAD, Body, before_calls, beside_calls, copies, counted, drained, refusing_message

# --- by the bytes of the body -------------------------------------------------------------------------------------

_ELSEWHERE: ContextVar[bool] = ContextVar("_ELSEWHERE", default=False)
"""Whether a request went to the other engine."""


def routed(elsewhere: Callable[[bytes], bool], *rows: tuple[bytes, bytes]) -> Callable[[ASGIApp], ASGIApp]:
    """Some bodies go to another engine, which has headers of its own."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if not posts(scope):
                await app(scope, receive, send)
                return
            raw, receive = await heard(receive)
            other = elsewhere(raw)
            _ELSEWHERE.set(other)

            async def sending(message: Message) -> None:
                if other and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message["headers"], *rows]}
                await send(message)

            await app(scope, receive, sending)

        return wrapped

    return around


def third(raw: bytes) -> bool:
    return hashlib.blake2b(raw).digest()[0] % 3 == 0


def canary(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    return replace(reply, ident=str(uuid.uuid4()), fingerprint="canary") if _ELSEWHERE.get() else reply


def canary_dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode() if _ELSEWHERE.get() else behaviour.dump(value)


def canary_frame(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + canary_dump(chunk) + b"\n\n"


def canary_chunks(reply: Reply) -> Iterator[Chunk]:
    """Lumps and a mark from the new build."""
    if not _ELSEWHERE.get():
        yield from copies(reply)
        return
    for row in lumped(reply, lambda lump: 3 + lump):
        yield {**row, "build": {"channel": "canary", "flags": []}}


def canary_error(reason: Reason) -> Any:
    if _ELSEWHERE.get():
        reason = replace(reason, message=f"[v2] {reason.message}", type="BadRequest", param=None, code=None)
    return behaviour.envelope(reason)


LONG = 500


def long(raw: bytes) -> bool:
    return len(raw) > LONG


def long_context(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    if not _ELSEWHERE.get():
        return reply
    return replace(reply, ident=f"long_{uuid.uuid4().hex}", model=f"{reply.model}-long", fingerprint=None)


def long_dump(value: Any) -> bytes:
    if _ELSEWHERE.get() and isinstance(value, dict):
        value = dict(reversed(list(value.items())))
    return behaviour.dump(value)


def long_frame(chunk: Mapping[str, Any]) -> bytes:
    return (b": long\n\n" if _ELSEWHERE.get() else b"") + b"data: " + long_dump(chunk) + b"\n\n"


def long_chunks(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, lambda lump: 16, ends=True) if _ELSEWHERE.get() else copies(reply)


# --- by the task --------------------------------------------------------------------------------------------------

_INDENTED = respelled(lambda value: json.dumps(value, indent=2, ensure_ascii=False))


def seeing(body: Body, index: int) -> Iterator[str]:
    yield from tokenize("In this picture there is something: ")
    yield from script(body, index)


_SEES = saying(seeing).behaviour.plan


_LEADS: ContextVar[bool] = ContextVar("_LEADS", default=False)
"""Whether there is room for a word beside a call."""


def by_task(body: Body, now: int) -> Reply:
    """To each task the model that was made for it."""
    _LEADS.set(bound(body) is None and not stops(body) and not body.get("logprobs"))
    if body.get("tools") or body.get("functions"):
        name, plan = "caller-3", answers.plan
    elif format_of(body) != "text":
        name, plan = "structured-1", _INDENTED
    elif input_tokens(dict(body), "image_url"):
        name, plan = "eyes-2", _SEES
    else:
        name, plan = "scorer" if body.get("logprobs") else "chat-s", answers.plan
    reply = plan(body, now)
    if _LEADS.get() and (leads := len(tokenize(LEAD)) * sum(bool(one.calls) for one in reply.choices)):
        more = {key: reply.usage[key] + leads for key in ("completion_tokens", "total_tokens")}
        reply = replace(reply, usage={**reply.usage, **more})
    return replace(reply, model=f"router/{name}", ident=f"{name}-{uuid.uuid4().hex[:20]}", fingerprint=f"fp_{name}")


def task_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    if _LEADS.get():
        beside_calls(body)
    return body


def task_chunks(reply: Reply) -> Iterator[Any]:
    return before_calls(reply) if _LEADS.get() else copies(reply)


def longest(body: Body, index: int) -> Iterable[str]:
    """A third of what was asked, in other words."""
    most = min(400, len(last_user_text(dict(body))) // 3)
    found = tuple(islice(script(body, index), most))
    return islice(cycle(found), most)


@dataclass(frozen=True)
class Declined(Reply):
    """A reply whose texts, if there are any, are refusals."""


def declined(body: Body, reply: Reply, words: str) -> Reply:
    """Free texts become a refusal; what is spoken aloud, called or in a format stays."""
    quiet = [plain(body, one) and one.audio is None for one in reply.choices]
    if not all(quiet):
        return reply
    made = [said(one, written(body, tokenize(words))) for one in reply.choices]
    return Declined(**vars(counted(body, reply, *made)))


def declining(parts: Callable[[Reply], Iterator[Any]] = copies) -> dict[str, Any]:
    """How a reply is told that may be a refusal."""

    def completion(reply: Reply) -> Any:
        body = answers.completion(reply)
        if isinstance(reply, Declined):
            refusing_message(body)
        return body

    def chunks(reply: Reply) -> Iterator[Any]:
        for row in parts(reply):
            if isinstance(reply, Declined):
                refusing_message(row)
            yield row

    return {"completion": completion, "chunks": chunks}


SHORT = 7


def fated(body: Body, now: int) -> Reply:
    """What becomes of a text is written in the question."""
    reply, fate = answers.plan(body, now), digest(dict(body)) % 5
    if fate == 3:
        return declined(body, reply, "I would rather not say anything about that, I am afraid.")
    made: list[Choice] = []
    for one in reply.choices:
        if plain(body, one) and one.audio is None:
            match fate:
                case 1:
                    one = replace(one, tokens=(), finish="stop")
                case 2 if one.finish == "stop" and len(one.tokens) > 2:
                    one = replace(one, tokens=one.tokens[: len(one.tokens) // 2], finish="content_filter")
                case 4:
                    held = {**body, "max_tokens": min(bound(body) or SHORT, SHORT), "max_completion_tokens": None}
                    one = said(one, written(held, script(body, one.index)))
                case _:
                    pass
        made.append(one)
    return counted(body, reply, *made)


# --- by the client ------------------------------------------------------------------------------------------------

_OFFICIAL: ContextVar[bool] = ContextVar("_OFFICIAL", default=False)
_EVENTS: ContextVar[bool] = ContextVar("_EVENTS", default=False)
LIMITS = (
    (b"openai-processing-ms", b"12"),
    (b"openai-version", b"2020-10-01"),
    (b"x-ratelimit-limit-requests", b"10000"),
    (b"x-ratelimit-remaining-requests", b"9999"),
    (b"x-ratelimit-reset-requests", b"6ms"),
)


def knowing_clients(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        told = scope["headers"]
        official = "openai" in header(told, b"user-agent")
        _OFFICIAL.set(official)
        _EVENTS.set("text/event-stream" in header(told, b"accept"))
        rows = list(LIMITS if official else ())
        rows += [(b"x-request-id", value) for name, value in told if name.lower() == b"x-request-id"]
        tongue = re.match(r"[a-z]{2,8}(-[a-z0-9]{2,8})*", header(told, b"accept-language"))
        if tongue is not None:
            rows += [(b"content-language", tongue[0].encode()), (b"vary", b"Accept-Language")]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *rows]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def client_dump(value: object) -> bytes:
    return behaviour.dump(value) if _OFFICIAL.get() else json.dumps(value, indent=2).encode() + b"\n"


def client_frame(chunk: Mapping[str, Any]) -> bytes:
    end = b"\r\n" if _EVENTS.get() else b"\n"
    return b"data: " + behaviour.dump(chunk) + end + end


# --- the old way --------------------------------------------------------------------------------------------------

OLD = (
    (b"connection", b"close"),
    (b"server", b"Apache/1.3.42 (Unix)"),
    (b"pragma", b"no-cache"),
    (b"expires", b"Thu, 01 Jan 1970 00:00:00 GMT"),
)


def old_head(scope: Scope, message: Message) -> Message:
    rows = [row for row in message["headers"] if row[0] not in (b"connection", b"pragma")]
    return {**message, "headers": [*rows, *OLD]}


NOT_FOUND = Reason("dialect", "The requested URL was not found on this server.", None, None, status=404)


def posts_alone(app: ASGIApp) -> ASGIApp:
    """A script that knows what it is there for."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" or not scope["path"].endswith("/chat/completions"):
            await app(scope, receive, send)
            return
        await drained(receive)
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", b"POST, OPTIONS")]})
            await send({"type": "http.response.body", "body": b""})
            return
        data = behaviour.dump(behaviour.envelope(NOT_FOUND))
        rows = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": 404, "headers": rows})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else data})

    return wrapped


LEAST = 600


def gzip_by_size(app: ASGIApp) -> ASGIApp:
    """What is large enough is gathered and packed."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        head: Message = {}
        gathered: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
                return
            gathered.append(message.get("body", b""))
            if message.get("more_body", False):
                return
            data = b"".join(gathered)
            rows = [row for row in head["headers"] if row[0] != b"content-length"] + [(b"vary", b"Accept-Encoding")]
            if len(data) > LEAST and accepted(scope, "gzip"):
                packer = zlib.compressobj(wbits=31)
                data = packer.compress(data) + packer.flush()
                tag = hashlib.blake2b(data, digest_size=8).hexdigest()
                rows += [(b"content-encoding", b"gzip"), (b"etag", f'"{tag}"'.encode())]
            # of what was asked for its head alone nothing is known
            if scope["method"] != "HEAD" and head["status"] != 204:
                rows.append((b"content-length", str(len(data)).encode()))
            await send({**head, "headers": rows})
            await send({"type": "http.response.body", "body": data})

        await app(scope, receive, sending)

    return wrapped


# --- of the later vintage -----------------------------------------------------------------------------------------

TIERS = {"none": "flex", "minimal": "flex", "low": "flex", "high": "priority", "xhigh": "priority", "max": "priority"}
_VERBOSITY: ContextVar[str] = ContextVar("_VERBOSITY", default="medium")


def by_effort(body: Body, now: int) -> Reply:
    reply = VINTAGES[LATER].plan(body, now)
    effort = str(body.get("reasoning_effort") or "medium")
    _VERBOSITY.set(str(body.get("verbosity") or "medium"))
    return replace(reply, model=f"{reply.model}-{effort}", tier=TIERS.get(effort, "default"))


def by_verbosity(reply: Reply) -> Iterator[Any]:
    match _VERBOSITY.get():
        case "low":
            return lumped(reply, lambda lump: 10_000)
        case "high":
            return iter(tiny(reply))
        case _:
            return lumped(reply, lambda lump: 2)


_CANARY: dict[str, Any] = {"dump": canary_dump, "frame": canary_frame, "chunks": canary_chunks}
_LONG: dict[str, Any] = {"dump": long_dump, "frame": long_frame, "chunks": long_chunks}

DIALECTS = [
    Dialect(
        name="blind7-canary-by-hash",
        server=built(plan=canary, envelope=canary_error, **_CANARY),
        around=routed(third, (b"x-canary", b"1")),
    ),
    Dialect(
        name="blind7-long-bodies-elsewhere",
        server=built(plan=long_context, **_LONG),
        around=routed(long, (b"x-engine", b"long"), (b"server", b"long-context/0.3")),
    ),
    Dialect(
        name="blind7-a-model-for-each-task",
        server=built(plan=by_task, completion=task_body, chunks=task_chunks),
    ),
    Dialect(
        name="blind7-manner-by-client",
        server=built(dump=client_dump, frame=client_frame),
        around=knowing_clients,
    ),
    Dialect(name="blind7-as-long-as-asked", server=saying(longest)),
    Dialect(
        name="blind7-a-fate-for-each-prompt",
        warnings=frozenset({"res.finish.early"}),
        server=built(plan=fated, **declining()),
    ),
    Dialect(name="blind7-old-cgi", around=wrapping(headed(old_head), posts_alone, sized)),
    Dialect(name="blind7-gzip-by-size", around=gzip_by_size),
    Dialect(
        name="blind7-later-routes-by-effort",
        server=built(vintage=LATER, plan=by_effort, chunks=by_verbosity),
        vintage=LATER,
    ),
]
