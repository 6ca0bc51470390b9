"""Servers whose fault only several requests at once, or now and then one, show.

Each wrapper waits a little, so that requests overlap, and keeps its state to itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from . import load_cross
from .base import Mutant
from .load_common import Around, Body, Taken, body_of, caught, failure, is_create, load, put, replayed, whole
from .relations_common import unchecked_when

QUEUE = 0.05
"""Seconds for which a request is counted: a client on a busy machine needs a while to send a dozen."""

MANY = 8
"""Requests in flight that are still served as they should be."""

RARE = 50
"""One request of so many is answered wrongly."""


# ---------------------------------------------------------------------------------------------------- in a crowd


def crowded(wrong: Callable[[ASGIApp, Scope, bytes, Send], Any], level: list[int] | None = None) -> Around:
    """Answers wrongly while more than `MANY` requests are in flight; `level` is where their number is kept."""
    now = level if level is not None else [0]

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            now[0] += 1
            try:
                raw = await whole(receive)
                await asyncio.sleep(QUEUE)
                if is_create(scope) and now[0] > MANY:
                    await wrong(app, scope, raw, send)
                else:
                    await app(scope, replayed(raw), send)
            finally:
                now[0] -= 1

        return wrapped

    return around


async def dropped(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    """The head of an answer, and the connection closes."""
    await put(send, await caught(app, scope, raw), 0)


async def overwhelmed(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    await put(send, failure(500, "Too much at once."))


async def as_usual(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    await app(scope, replayed(raw), send)


async def unbounded(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    """Forgets the bound of a valid request."""
    body = body_of(raw)
    if body is not None and type(body.get("max_tokens")) is int and body["max_tokens"] > 0:
        raw = json.dumps({**body, "max_tokens": 64}).encode()
    await app(scope, replayed(raw), send)


async def confused(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    """Refuses what is valid."""
    taken = await caught(app, scope, raw)
    await put(send, failure(400, "The body could not be read.") if taken.status == 200 else taken)


def lenient_crowd(name: str, fails: Iterable[str], *checks: str) -> Mutant:
    """Skips checks in a crowd."""
    level = [0]
    server = unchecked_when(lambda body: level[0] > MANY, *checks)
    return load(name, crowded(as_usual, level), *fails, with_it=("*.refuses", "mm.*"), server=server)


# ---------------------------------------------------------------------------------------------------- now and then


def rarely(wrong: Callable[[Taken, Taken], tuple[Taken, int | None]], plain: bool = False) -> Around:
    """Sends what `wrong` makes of every fiftieth answer (of the plain ones) and the one before it."""

    def around(app: ASGIApp) -> ASGIApp:
        ticks = count(1)
        before: list[Taken] = [Taken()]

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            taken = await caught(app, scope, await whole(receive))
            counts = is_create(scope) and (taken.completion is not None or not plain)
            last = before[0]
            if taken.status == 200 and is_create(scope):
                before[0] = taken
            if counts and next(ticks) % RARE == 0:
                await put(send, *wrong(taken, last))
            else:
                await put(send, taken)

        return wrapped

    return around


def edited(change: Callable[[Body], Any]) -> Callable[[Taken, Taken], tuple[Taken, int | None]]:
    def wrong(taken: Taken, last: Taken) -> tuple[Taken, int | None]:
        body = json.loads(taken.content)
        change(body)
        return Taken(taken.status, taken.headers, json.dumps(body).encode()), None

    return wrong


def one_more(body: Body) -> None:
    body["choices"].append({**body["choices"][0], "index": len(body["choices"])})


MUTANTS = [
    *load_cross.MUTANTS,
    # a crowd
    load("crowd-dropped", crowded(dropped), "many.refusals", with_it=("*",)),
    load("crowd-500", crowded(overwhelmed), "many.refusals", with_it=("*",)),
    load("crowd-refused", crowded(confused), "many.refusals", with_it=("*",)),
    load("crowd-unbounded", crowded(unbounded), "many.bounds", about="max_tokens", with_it=("many.refusals",)),
    lenient_crowd("crowd-unchecked", ("many.refusals",), "messages.type"),
    lenient_crowd("crowd-trusted", ("many.refusals",)),
    # now and then
    load(
        "rare-500",
        rarely(lambda taken, last: (failure(500, "Something went wrong."), None)),
        "mm.repeat",
        with_it=("*",),
    ),
    load(
        "rare-truncated",
        rarely(lambda taken, last: (taken, len(taken.content) // 2)),
        "mm.repeat",
        with_it=("*",),
    ),
    load(
        "rare-other",
        rarely(lambda taken, last: (last, None) if last.status else (taken, None)),
        "sse.ctype",
        "res.ctype",
        about="answer",
        with_it=("*",),
    ),
    load(
        "rare-no-usage",
        rarely(edited(lambda body: body.pop("usage")), plain=True),
        "res.usage.presence",
        about="answer",
        with_it=("ef.prompt.*", "ef.maxtokens*"),
    ),
    load(
        "rare-choice-more",
        rarely(edited(one_more), plain=True),
        "res.choices.one",
        about="n",
        with_it=("res.choices.count", "gate.multiple_choices", "many.choices"),
    ),
    load(
        "rare-choice-none",
        rarely(edited(lambda body: body.update(choices=[])), plain=True),
        "res.choices.one",
        about="n",
        with_it=("*",),
    ),
]
