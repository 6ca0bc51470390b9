"""Limits of traffic, and models of the later vintage, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_4.md``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.prompt import objects
from chatproof.conformance.reference.text import bound, whole
from chatproof.conformance.reference.validator import reasons
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .odd import Body

LATER = "2026-08"

# --- traffic ------------------------------------------------------------------------------------------------------


async def heard(receive: Receive) -> tuple[bytes, Receive]:
    """The body of a request, and a way to hear it again."""
    messages: list[Message] = []
    while not messages or messages[-1].get("more_body", False):
        messages.append(await receive())
    waiting = iter(messages)

    async def receiving() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return b"".join(message.get("body", b"") for message in messages), receiving


def read(raw: bytes) -> dict[str, Any]:
    """The object that a body is, or an empty one."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


async def slow_down(send: Send, kind: str, why: str, *rows: tuple[bytes, bytes]) -> None:
    """Too much, and perhaps when to come again."""
    error = {"message": why, "type": kind, "param": None, "code": "rate_limit_exceeded"}
    headers = [(b"content-type", b"application/json"), *rows]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})


SOON = (b"retry-after-ms", b"40"), (b"retry-after", b"1")
LARGEST, FILLS = 8_000, 80_000
"""Tokens that a bucket holds, and that flow into it in a second."""


def tokens_a_minute(app: ASGIApp) -> ASGIApp:
    """What a request may come to is taken from a bucket before it is answered."""
    left, then = float(LARGEST), 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left, then
        if scope["method"] != "POST":
            await app(scope, receive, send)
            return
        raw, receive = await heard(receive)
        body = read(raw)
        wanted = len(raw) // 4 + max(1, whole(body.get("n")) or 1) * (bound(body) or 16)
        now = asyncio.get_running_loop().time()
        left, then = min(float(LARGEST), left + FILLS * (now - then)), now
        if wanted > LARGEST:
            why = f"Request too large for this model on tokens per min (TPM): Limit {LARGEST}, Requested {wanted}."
            await slow_down(send, "tokens", f"{why} The input or output tokens must be reduced.")
        elif wanted > left:
            why = f"Rate limit reached for this model on tokens per min (TPM): Limit {LARGEST}, Requested {wanted}."
            await slow_down(send, "tokens", f"{why} Please try again in 40ms.", *SOON)
        else:
            left -= wanted
            await app(scope, receive, send)

    return wrapped


def one_stream(app: ASGIApp) -> ASGIApp:
    """There is one line for streams, and as many as one likes for all else."""
    busy = False

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal busy
        if scope["method"] != "POST":
            await app(scope, receive, send)
            return
        raw, receive = await heard(receive)
        if read(raw).get("stream") is not True:
            await app(scope, receive, send)
            return
        if busy:
            await slow_down(send, "requests", "Concurrency limit reached: 1 stream at a time.", *SOON)
            return
        busy = True
        try:
            await app(scope, receive, send)
            await asyncio.sleep(0.002)
        finally:
            busy = False

    return wrapped


# --- of the later vintage -----------------------------------------------------------------------------------------


def tools_or_effort(ask: Ask) -> Iterator[Reason]:
    """Who calls does not think."""
    functions = [tool for tool in objects(ask.body.get("tools")) if tool.get("type") == "function"]
    if functions and ask.body.get("reasoning_effort") != "none":
        why = "Function tools with reasoning_effort are not supported with this model. "
        why += "To use function tools, set reasoning_effort to 'none'."
        yield Reason("dialect", why, "reasoning_effort", None)


def developer_or_system(ask: Ask) -> Iterator[Reason]:
    """One who instructs is enough."""
    if {"developer", "system"} <= {role for _, _, role in ask.spoken}:
        why = "Using both 'developer' and 'system' messages in one request is not supported with this model."
        yield Reason("dialect", why, "messages", "unsupported_value")


def cached_by_key() -> Callable[[Body, int], Reply]:
    """A cache for whoever names it: the first prompt is written to it, and the same one is read from it."""
    known: set[bytes] = set()

    def plan(body: Body, now: int) -> Reply:
        reply = VINTAGES[LATER].plan(body, now)
        key = body.get("prompt_cache_key")
        if not isinstance(key, str):
            return reply
        mark = hashlib.blake2b(json.dumps([key, body["messages"], body.get("tools")], sort_keys=True).encode()).digest()
        member = "cached_tokens" if mark in known else "cache_write_tokens"
        known.add(mark)
        details = {**reply.usage["prompt_tokens_details"], member: reply.usage["prompt_tokens"]}
        return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})

    return plan


def _later(name: str, check: Callable[[Ask], Iterator[Reason]] | None = None, **parts: Any) -> Dialect:
    speaks = VINTAGES[LATER]

    def last(ask: Ask) -> Iterator[Reason]:
        if check is not None and not reasons(ask.raw, limits=ask.limits, checks=speaks.checks, models=ask.models):
            yield from check(ask)

    server = Reference(vintage=LATER, checks=(*speaks.checks, Check("dialect", last)), behaviour=Behaviour(**parts))
    return Dialect(name=f"blind4-later-{name}", server=server, vintage=LATER)


DIALECTS = [
    Dialect(name="blind4-tokens-a-minute", around=tokens_a_minute),
    Dialect(name="blind4-one-stream-at-a-time", around=one_stream),
    _later("tools-or-effort", tools_or_effort),
    _later("developer-or-system", developer_or_system),
    _later("cache-by-key", plan=cached_by_key()),
]
