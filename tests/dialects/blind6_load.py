"""How a server fares over time and under load, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_6.md``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.text import bound, script, whole
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Dialect
from .blind4_traffic import heard, read
from .blind6_parts import Around, built, posts
from .blind_words import plain, said, saying, written
from .odd import Body, answered, counted, drained

SOON = (b"retry-after", b"1"), (b"retry-after-ms", b"50")


async def away(send: Send, why: str, *rows: tuple[bytes, bytes]) -> None:
    """Nobody is there for a moment."""
    await answered(send, 503, why, *SOON, *rows, code="service_unavailable")


# --- queues -------------------------------------------------------------------------------------------------------


def queued(room: int | None) -> Around:
    """One request at a time; where there is no more room to wait, the next one has to come again."""

    def around(app: ASGIApp) -> ASGIApp:
        line = asyncio.Lock()
        waiting = 0

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal waiting
            if not posts(scope):
                await app(scope, receive, send)
                return
            if room is not None and waiting > room:
                await drained(receive)
                await away(send, f"The queue is full: {room} requests are waiting.")
                return
            place, waiting = waiting, waiting + 1

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    rows = [*message["headers"], (b"x-queue-position", str(place).encode())]
                    message = {**message, "headers": rows}
                await send(message)

            try:
                # whoever is slow to send or to leave would hold up all others
                _, receive = await heard(receive)
                async with line:
                    await asyncio.sleep(0.001)
                    await app(scope, receive, sending)
            finally:
                waiting -= 1

        return wrapped

    return around


CAPACITY = 12


def weight(raw: bytes) -> int:
    """What a request takes of the capacity."""
    body = read(raw)
    several = max(0, (whole(body.get("n")) or 1) - 1)
    return 1 + (body.get("stream") is True) + several + bool(body.get("tools"))


def weighed(app: ASGIApp) -> ASGIApp:
    """So much at a time, or one thing that is more than that."""
    used = 0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal used
        if not posts(scope):
            await app(scope, receive, send)
            return
        raw, receive = await heard(receive)
        wanted = weight(raw)
        if used and used + wanted > CAPACITY:
            why = f"overloaded: {used} of {CAPACITY} units are in use, {wanted} were asked for"
            await answered(send, 503, why, *SOON, code="overloaded")
            return
        used += wanted
        try:
            await asyncio.sleep(0.003)
            await app(scope, receive, send)
        finally:
            used -= wanted

    return wrapped


# --- age ----------------------------------------------------------------------------------------------------------

TIRED, SLOWEST, PAUSE = 400, 0.04, 0.3
"""Requests until a restart, the most seconds an answer takes, and the seconds of a restart."""


def tires(app: ASGIApp) -> ASGIApp:
    """Something leaks, and somebody watches it."""
    count, back = 0, 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count, back
        if posts(scope):
            if time.monotonic() < back:
                await drained(receive)
                await away(send, "The worker is starting again.")
                return
            count += 1
            if count > TIRED:
                count, back = 0, time.monotonic() + PAUSE
            await asyncio.sleep(min(SLOWEST, count / 4_000))
        await app(scope, receive, send)

    return wrapped


OLDEST, MOST = 0.7, 9
"""Seconds and requests of a connection."""


def short_lived(app: ASGIApp) -> ASGIApp:
    """Connections are told when to end, and end then."""
    born: dict[object, tuple[float, int]] = {}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        now, key = time.monotonic(), tuple(scope.get("client") or ())
        first, count = born.get(key, (now, 0))
        if now - first > 60:
            first, count = now, 0  # another connection from the same port
        count += 1
        ends = count >= MOST or now - first > OLDEST
        born[key] = first, count
        if ends:
            del born[key]
        if len(born) > 10_000:
            born.clear()
        row = (b"connection", b"close") if ends else (b"keep-alive", f"timeout=1, max={MOST - count}".encode())

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], row]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


@dataclass
class Build:
    """Which build is out, and how much it has done."""

    number: int = 0
    served: int = 0
    back: float = 0.0


SERVED, AWAY = 150, 0.25
"""Requests of a build, and the seconds between two of them."""


def rolling() -> Dialect:
    """A service that is brought out anew all day long."""
    state = Build()

    def plan(body: Body, now: int) -> Reply:
        number = state.number
        reply = answers.plan({**body, "seed": number * 7_919 + (whole(body.get("seed")) or 0)}, now)
        forms = f"chatcmpl-{secrets.token_hex(14)}", f"{number}-{secrets.token_urlsafe(12)}"
        return replace(reply, ident=forms[number % 2], fingerprint=f"build-{number}")

    def dump(value: object) -> bytes:
        return json.dumps(value, sort_keys=bool(state.number % 2)).encode()

    def frame(chunk: object) -> bytes:
        return b"data: " + dump(chunk) + b"\n\n"

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if posts(scope):
                if time.monotonic() < state.back:
                    await drained(receive)
                    await away(send, "A new version is being brought out.", (b"connection", b"close"))
                    return
                state.served += 1
                if state.served > SERVED:
                    state.served, state.number, state.back = 0, state.number + 1, time.monotonic() + AWAY
            await app(scope, receive, send)

        return wrapped

    return Dialect(name="blind6-rolling-restart", server=built(plan=plan, dump=dump, frame=frame), around=around)


# --- company ------------------------------------------------------------------------------------------------------


def crowded() -> Dialect:
    """The more ask, the less each of them gets."""
    going = 0

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(body, now)
        room = 8 if going >= 5 else 24 if going >= 2 else None
        if room is None:
            return reply
        held = {**body, "max_tokens": min(bound(body) or room, room), "max_completion_tokens": None}
        made = [said(one, written(held, script(body, one.index))) if plain(body, one) else one for one in reply.choices]
        return counted(body, reply, *made)

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal going
            going += 1
            try:
                await asyncio.sleep(0.002)
                await app(scope, receive, send)
            finally:
                going -= 1

        return wrapped

    return Dialect(name="blind6-shorter-under-load", server=built(plan=plan), around=around)


def time_slices(app: ASGIApp) -> ASGIApp:
    """One scheduler, that gives a slice to each by turns."""
    turn = asyncio.Lock()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            data = message.get("body", b"")
            size = max(1_500, len(data) // 4 + 1)
            for at in range(0, len(data), size):
                # the slice is measured, what the client makes of it is not waited for
                async with turn:
                    await asyncio.sleep(0.0005)
                await send({"type": "http.response.body", "body": data[at : at + size], "more_body": True})
            await send({**message, "body": b""} if "body" in message else message)

        await app(scope, receive, sending)

    return wrapped


def chatty() -> Callable[[Body, int], Iterator[str]]:
    """The longer it talks, the more it has to say."""
    asked = itertools.count()

    def say(body: Body, index: int) -> Iterator[str]:
        length = next(asked) % 90 + 1
        found = tuple(itertools.islice(script(body, index), 90)) or ("Well",)
        return itertools.islice(itertools.cycle(found), length)

    return say


DIALECTS = [
    Dialect(name="blind6-queue-of-one", around=queued(8)),
    Dialect(name="blind6-tires-and-restarts", around=tires),
    Dialect(name="blind6-short-lived-connections", around=short_lived),
    rolling(),
    Dialect(name="blind6-weighed-capacity", around=weighed),
    crowded(),
    Dialect(name="blind6-time-slices", around=time_slices),
    Dialect(name="blind6-grows-chatty", server=saying(chatty())),
]
