"""Servers that give one request what belongs to another in flight."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from .load_common import Around, Body, body_of, caught, is_create, load, put, replayed, whole

PAUSE = 0.02
"""Seconds for which a request stays in flight: those that are sent together must overlap."""


def crossing(fits: Callable[[Body], Any], *names: str) -> Around:
    """These properties lie in one place for all requests: the last one that came counts for all in flight."""

    def around(app: ASGIApp) -> ASGIApp:
        shared: Body = {}

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            raw = await whole(receive)
            body = body_of(raw)
            mine = is_create(scope) and body is not None and all(name in body for name in names) and fits(body)
            if mine and body is not None:
                shared.update({name: body[name] for name in names})
            await asyncio.sleep(PAUSE)
            if mine and body is not None:
                raw = json.dumps({**body, **shared}).encode()
            await app(scope, replayed(raw), send)

        return wrapped

    return around


def few(body: Body) -> bool:
    return type(body["n"]) is int and 1 <= body["n"] <= 8


def limited(body: Body) -> bool:
    return type(body["max_tokens"]) is int and body["max_tokens"] > 0


def names_tool(body: Body) -> bool:
    """A well-formed list of tools one of which is forced."""
    try:
        names = [tool["function"]["name"] for tool in body["tools"]]
        named = body["tool_choice"]["function"]["name"]
    except (TypeError, KeyError):
        return False
    return set(body["tool_choice"]) == {"type", "function"} and named in names and named.startswith("mark_")


def any_named(body: Body) -> bool:
    try:
        names = [tool["function"]["name"] for tool in body["tools"]]
        return len(names) == 1 and body["tool_choice"]["function"]["name"] in names and bool(names[0])
    except (TypeError, KeyError):
        return False


def strings(body: Body) -> bool:
    value = body["stop"]
    listed = value if isinstance(value, list) else [value]
    return 1 <= len(listed) <= 4 and all(isinstance(item, str) and item for item in listed)


def mixing(mix: Callable[[Body, Body], Any]) -> Around:
    """Plain answers lie in one place until they are sent: what came last is mixed into all of them."""

    def around(app: ASGIApp) -> ASGIApp:
        shared: Body = {}

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            taken = await caught(app, scope, await whole(receive))
            body = taken.completion if is_create(scope) else None
            if body is not None:
                shared["last"] = json.loads(taken.content)
            await asyncio.sleep(PAUSE)
            if body is not None:
                mix(body, shared["last"])
                taken.content = json.dumps(body).encode()
            await put(send, taken)

        return wrapped

    return around


def any_schema(body: Body) -> bool:
    wanted = body["response_format"]
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema" and "messages" in body


def last_stream(app: ASGIApp) -> ASGIApp:
    """Streams lie in one place until they are sent: what came last goes to all of them."""
    shared: list[bytes] = [b""]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        taken = await caught(app, scope, await whole(receive))
        streamed = taken.content.startswith(b"data:")
        if streamed:
            shared[0] = taken.content
        await asyncio.sleep(PAUSE)
        if streamed:
            taken.content = shared[0]
        await put(send, taken)

    return wrapped


def text_of_last(mine: Body, last: Body) -> None:
    """The words of another answer, where both have words."""
    message, other = (body["choices"][0]["message"] for body in (mine, last))
    if isinstance(message["content"], str) and isinstance(other["content"], str):
        message["content"] = other["content"]


N_RULES = ("many.*", "ef.maxtokens*", "res.choices.*", "sse.choice.*", "gate.multiple_choices", "n.*", "together.*")

MUTANTS = [
    load("cross-n", crossing(few, "n"), "many.choices", about="n", with_it=N_RULES),
    load(
        "cross-tools",
        crossing(any_named, "tools", "tool_choice"),
        "many.tools",
        about="tools",
        with_it=("many.*", "gate.forced_tool", "ef.choice.*", "res.toolcalls.*", "ef.echo", "ef.parallel.off"),
    ),
    load(
        "cross-bounds",
        crossing(limited, "max_tokens"),
        "many.bounds",
        about="max_tokens",
        with_it=("ef.maxtokens*", "ef.length", "ef.monotone.max", "mm.alias.bound"),
    ),
    load("cross-marks", crossing(names_tool, "tools", "tool_choice"), "many.tools", about="tools", with_it=("many.*",)),
    load("cross-stop", crossing(strings, "stop"), "ef.stop", "many.refusals", about="stop", with_it=("ef.stop.*",)),
    load(
        "cross-text",
        mixing(text_of_last),
        "ef.json_object",
        "ef.json_schema",
        "many.refusals",
        about="answer",
        with_it=("*",),
    ),
    load(
        "cross-answer",
        mixing(lambda mine, last: mine.update(last)),
        "many.choices",
        "many.tools",
        about="answer",
        with_it=("*",),
    ),
    load(
        "cross-schemas",
        crossing(any_schema, "response_format"),
        "many.schemas",
        about="response_format",
        with_it=("many.*", "ef.json_schema", "*.refuses", "*.accepts"),
    ),
    load("cross-streams", last_stream, "many.streams", about="stream", with_it=("many.*", "sse.*", "*.stream")),
    load(
        "cross-ids",
        mixing(lambda mine, last: mine.update(id=last["id"])),
        "many.ids",
        about="answer",
        with_it=("res.id.unique",),
    ),
]
