"""Servers whose manner depends on when they are asked, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_7.md``.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import random
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound, script, whole
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_traffic import heard, read, slow_down
from .blind6_parts import Around, built, lumped, posts
from .blind_words import plain, said, uncalled, written
from .odd import Body, copies, counted, drained

# --- what is common -----------------------------------------------------------------------------------------------


def capped(body: Body, reply: Reply, most: int) -> Reply:
    """Free texts are cut at so many tokens, or where they would be anyhow."""
    held = {**body, "max_tokens": min(bound(body) or most, most), "max_completion_tokens": None}
    made = [said(one, written(held, script(body, one.index))) if plain(body, one) else one for one in reply.choices]
    return counted(body, reply, *made)


def seeded(body: Body, number: int) -> Body:
    """The body as somebody reads it who has this number, and other things to say than all others."""
    return {**body, "seed": number * 7_919 + (whole(body.get("seed")) or 0)}


def reworded(reason: Reason, tail: str) -> Reason:
    """The same reason in other words."""
    return replace(reason, message=f"{reason.message} {tail}")


@dataclass
class Crowd:
    """How many requests are in flight."""

    going: int = 0

    def around(self, app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            self.going += 1
            try:
                await asyncio.sleep(0.006)
                await app(scope, receive, send)
            finally:
                self.going -= 1

        return wrapped


# --- a short memory -----------------------------------------------------------------------------------------------

REMEMBERED, KNOWN = 2.0, 20_000
"""Seconds that an answer is remembered, and how many of them at most."""


def remembering() -> Dialect:
    """What was just said is said again, and whoever asks the same at the same time waits for it."""
    told: dict[str, tuple[float, int]] = {}
    waiting: Counter[bytes] = Counter()
    locks: dict[bytes, asyncio.Lock] = {}

    def plan(body: Body, now: int) -> Reply:
        asked = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
        key, at = json.dumps(asked, sort_keys=True), time.monotonic()
        then, seed = told.get(key, (-REMEMBERED, 0))
        again = at - then < REMEMBERED
        if not again:
            if len(told) > KNOWN:
                told.clear()
            seed = random.getrandbits(31)
            told[key] = at, seed
        reply = answers.plan({**body, "seed": seed}, now)
        if not again:
            return reply
        details = {**reply.usage["prompt_tokens_details"], "cached_tokens": reply.usage["prompt_tokens"]}
        return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if not posts(scope):
                await app(scope, receive, send)
                return
            raw, receive = await heard(receive)
            key = hashlib.blake2b(raw, digest_size=16).digest()
            waiting[key] += 1
            try:
                async with locks.setdefault(key, asyncio.Lock()):
                    await asyncio.sleep(0.002)
                    await app(scope, receive, send)
            finally:
                waiting[key] -= 1
                if not waiting[key]:
                    del waiting[key], locks[key]

        return wrapped

    return Dialect(name="blind7-remembers-for-a-moment", server=built(plan=plan), around=around)


# --- stages of a life ---------------------------------------------------------------------------------------------

COLD, TEPID, LIFE, SHORT = 15, 40, 300, 12
"""Answers until it is tepid, until it is warm, and until it begins anew; tokens of a cold text."""


def warming() -> Dialect:
    served = 0

    def plan(body: Body, now: int) -> Reply:
        nonlocal served
        served = served % LIFE + 1
        reply = answers.plan(body, now)
        return replace(capped(body, reply, SHORT), fingerprint=None) if served <= COLD else reply

    def chunks(reply: Reply) -> Iterator[Chunk]:
        return lumped(reply, lambda lump: 10_000) if COLD < served <= TEPID else copies(reply)

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if posts(scope):
                await asyncio.sleep(max(0, COLD - served % LIFE) * 0.006)
            await app(scope, receive, send)

        return wrapped

    return Dialect(name="blind7-warms-up-in-stages", server=built(plan=plan, chunks=chunks), around=around)


# --- one model in memory ------------------------------------------------------------------------------------------

SIZES = {"alpha-8b": 1, "beta-70b-instruct": 12, "gamma-moe": 4}
"""The models, and how many tokens of a text they send at a time."""
REST, LOAD = 1.0, 0.12
"""Seconds after which a model is put away, and that it takes to have one back."""
_LOADED: ContextVar[bool] = ContextVar("_LOADED", default=False)


def swapping() -> Dialect:
    loaded, last = "", 0.0
    line = asyncio.Lock()

    def plan(body: Body, now: int) -> Reply:
        name = str(body["model"])
        forms = f"chatcmpl-{secrets.token_hex(12)}", f"cmpl-{uuid.uuid4()}", secrets.token_urlsafe(21)
        at = list(SIZES).index(name)
        return replace(answers.plan(seeded(body, at), now), ident=forms[at], fingerprint=f"{name}@q4")

    def chunks(reply: Reply) -> Iterator[Chunk]:
        size = SIZES[reply.model]
        for row in lumped(reply, lambda lump: size):
            yield row
            for choice in row["choices"]:
                if _LOADED.get() and "role" in choice["delta"]:
                    for word in ("loading ", reply.model, " ...", " done\n"):
                        yield {**row, "choices": [{**choice, "delta": {"reasoning_content": word}, "logprobs": None}]}

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal loaded, last
            if not posts(scope):
                await app(scope, receive, send)
                return
            raw, receive = await heard(receive)
            name = read(raw).get("model")
            _LOADED.set(False)
            if isinstance(name, str) and name in SIZES:
                async with line:
                    if name != loaded or time.monotonic() - last > REST:
                        await asyncio.sleep(LOAD)
                        _LOADED.set(True)
                    loaded, last = name, time.monotonic()
            await app(scope, receive, send)

        return wrapped

    server = replace(built(plan=plan, chunks=chunks), models=tuple(SIZES))
    return Dialect(name="blind7-swaps-models", server=server, around=around)


# --- going together -----------------------------------------------------------------------------------------------

WINDOW, BATCH = 0.012, 6
"""Seconds that the first one waits for others, and how many go together."""


def batches(app: ASGIApp) -> ASGIApp:
    """Whoever came last is let go first."""
    inside: list[asyncio.Event] = []

    def release() -> list[asyncio.Event]:
        gone = inside[::-1]
        inside.clear()
        return gone

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if posts(scope):
            # a body that is still on its way would hold up nobody but itself
            _, receive = await heard(receive)
            mine = asyncio.Event()
            inside.append(mine)
            if len(inside) >= BATCH:
                for one in release():
                    one.set()
            try:
                await asyncio.wait_for(mine.wait(), WINDOW)
            except TimeoutError:
                for one in release():
                    one.set()
                    await asyncio.sleep(0)
        await app(scope, receive, send)

    return wrapped


# --- patience -----------------------------------------------------------------------------------------------------

PATIENCE, SULK = 12, 0.25


def tired_of_mistakes(app: ASGIApp) -> ASGIApp:
    """Whoever makes one mistake after another has to wait."""
    mistakes, until = 0, 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal mistakes, until
        if not posts(scope):
            await app(scope, receive, send)
            return
        if time.monotonic() < until:
            await drained(receive)
            rows = (b"retry-after-ms", b"100"), (b"retry-after", b"1")
            await slow_down(send, "requests", "Too many invalid requests. Please try again in 100ms.", *rows)
            return

        async def sending(message: Message) -> None:
            nonlocal mistakes, until
            if message["type"] == "http.response.start":
                mistakes = mistakes + 1 if message["status"] >= 400 else 0
                if mistakes == PATIENCE:
                    mistakes, until = 0, time.monotonic() + SULK
            await send(message)

        await app(scope, receive, sending)

    return wrapped


# --- company ------------------------------------------------------------------------------------------------------


def falling_back() -> Dialect:
    """A large model for one, a small one for many."""
    crowd = Crowd()

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(body, now)
        if crowd.going < 2:
            return reply
        small = answers.plan(seeded(body, 3), now)
        return replace(capped(seeded(body, 3), small, 40), model=f"{reply.model}-mini", fingerprint="fp_small")

    def chunks(reply: Reply) -> Iterator[Chunk]:
        return lumped(reply, lambda lump: 8 if reply.fingerprint == "fp_small" else 1)

    server = built(plan=plan, chunks=chunks)
    return Dialect(name="blind7-falls-back-when-busy", server=server, around=crowd.around)


LARGE, SMALL = 4_096, 700


def window_by_load() -> Dialect:
    """The more there are, the less context each of them has."""
    crowd = Crowd()

    def refuses(ask: Ask) -> Iterator[Reason]:
        window, needed = SMALL if crowd.going >= 3 else LARGE, prompt_tokens(ask.body)
        if needed > window:
            why = f"This model's maximum context length is {window} tokens. "
            why += f"However, your messages resulted in {needed} tokens."
            yield Reason("dialect", why, "messages", "context_length_exceeded")

    return Dialect(name="blind7-window-by-load", server=built(refuses=refuses), around=crowd.around)


# --- shifts -------------------------------------------------------------------------------------------------------

SHIFT = 0.7
_LUMPS = 1, 5, 30


def shift() -> int:
    """Who is on duty."""
    return int(time.monotonic() / SHIFT) % 3


def on_duty(body: Body, now: int) -> Reply:
    forms = f"chatcmpl-{secrets.token_hex(10)}", str(uuid.uuid4()), f"{time.time_ns()}"
    return replace(answers.plan(seeded(body, shift()), now), ident=forms[shift()], fingerprint=f"shift-{shift()}")


def duty_dump(value: object) -> bytes:
    gaps = ((",", ":"), (", ", ": "), (",", ": "))[shift()]
    return json.dumps(value, sort_keys=shift() == 1, separators=gaps).encode()


def duty_frame(chunk: object) -> bytes:
    end = b"\r\n" if shift() == 2 else b"\n"
    return b"data: " + duty_dump(chunk) + end + end


def duty_chunks(reply: Reply) -> Iterator[Chunk]:
    # asked once, as nobody leaves in the middle of an answer
    size = _LUMPS[shift()]
    return lumped(reply, lambda lump: size)


def duty_error(reason: Reason) -> Any:
    tails = "", "Please check the documentation.", "(early shift)"
    return behaviour.envelope(reworded(reason, tails[shift()]))


# --- hosts --------------------------------------------------------------------------------------------------------

HOSTS, FIRST, LAST = 4, 0.03, 25
"""How many there are, the seconds of the first answer of a connection, and its last one."""
HOST: ContextVar[int] = ContextVar("HOST", default=0)


def by_hosts(app: ASGIApp) -> ASGIApp:
    """A connection stays with the host that it came to."""
    found: dict[object, tuple[int, int]] = {}
    turns = itertools.cycle(range(HOSTS))

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        key = tuple(scope.get("client") or ())
        host, count = found.get(key) or (next(turns), 0)
        rows = [(b"x-served-by", f"host-{host}".encode())]
        if not count:
            await asyncio.sleep(FIRST)
            rows.append((b"set-cookie", f"affinity={host}; Path=/; HttpOnly".encode()))
        found[key] = host, count + 1
        if count + 1 >= LAST:
            del found[key]
            rows.append((b"connection", b"close"))
        if len(found) > 10_000:
            found.clear()
        HOST.set(host)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *rows]}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def of_host(plan: Callable[[Body, int], Reply]) -> Callable[[Body, int], Reply]:
    """What each host makes of a plan."""

    def hosted(body: Body, now: int) -> Reply:
        host = HOST.get()
        forms = f"chatcmpl-{secrets.token_hex(12)}", str(uuid.uuid4()), f"{host}.{time.time_ns()}", uuid.uuid4().hex
        return replace(plan(seeded(body, host), now), ident=forms[host], fingerprint=f"fp_host{host}")

    return hosted


def host_chunks(reply: Reply) -> Iterator[Chunk]:
    size = (1, 3, 9, 27)[HOST.get()]
    return lumped(reply, lambda lump: size, ends=HOST.get() % 2 == 1)


def host_error(reason: Reason) -> Any:
    return behaviour.envelope(reworded(reason, f"(host {HOST.get()}, request {secrets.token_hex(6)})"))


# --- the second time ----------------------------------------------------------------------------------------------


def second_asking() -> Callable[[Body, int], Reply]:
    """Asks back before it does anything."""
    seen: set[bytes] = set()

    def plan(body: Body, now: int) -> Reply:
        talking = uncalled(body)
        if talking is body:
            return answers.plan(body, now)
        asked = json.dumps([body["messages"], body.get("tools"), body.get("functions")], sort_keys=True)
        key = hashlib.blake2b(asked.encode(), digest_size=16).digest()
        again = key in seen
        if len(seen) > KNOWN:
            seen.clear()
        seen.add(key)
        return answers.plan(body if again else talking, now)

    return plan


_SHIFTS: dict[str, Any] = {"dump": duty_dump, "frame": duty_frame, "chunks": duty_chunks, "envelope": duty_error}
_HOSTS = built(plan=of_host(answers.plan), chunks=host_chunks, envelope=host_error)


def _around(name: str, around: Around, server: Reference | None = None) -> Dialect:
    return Dialect(name=f"blind7-{name}", server=server or Reference(), around=around)


DIALECTS = [
    remembering(),
    warming(),
    swapping(),
    _around("leaves-in-batches", batches),
    _around("tired-of-mistakes", tired_of_mistakes),
    falling_back(),
    window_by_load(),
    Dialect(name="blind7-day-and-night", server=built(plan=on_duty, **_SHIFTS)),
    _around("host-of-a-connection", by_hosts, _HOSTS),
    Dialect(name="blind7-calls-on-second-asking", server=built(plan=second_asking())),
]
