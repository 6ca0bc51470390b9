"""Servers with one wrong thing in their streams where two things come together. See ``BLIND_4B.md``."""

from __future__ import annotations

import json
import re

from starlette.types import ASGIApp, Receive, Scope, Send

from .base import Mutant, streaming
from .blind_common import is_stream, pass_on, sent_by
from .effects_common import without
from .load_common import body_of, is_create, whole
from .stream_common import Around, Members, Rows, Spoil, finishing, keep, later_choices, pieces, row

PEEKED = 4096
"""Bytes of a body that the gateway looks at."""
_FLAG = re.compile(rb'(?<!\\)"stream"\s*:\s*true')


def stream(
    name: str, fails: str, change: Spoil | None = None, with_it: str = "", *, prop: str, around: Around | None = None
) -> Mutant:
    server = streaming(change) if change else None
    return row(f"blind4b-{name}", fails, server, with_it, prop=prop, around=around)


def silent_unended(rows: Rows) -> None:
    """Choices that never said anything are not ended."""
    told = {
        piece["index"]
        for piece in pieces(rows)
        if piece["delta"].get("content") or piece["delta"].keys() & {"tool_calls", "function_call", "audio"}
    }
    keep(rows, lambda piece: not piece["finish_reason"] or piece["index"] in told)


def ended_each(rows: Rows) -> None:
    """Wherever another call of the same choice begins, the one before has ended."""
    ends = {piece["index"]: chunk for chunk in rows for piece in finishing([chunk])}
    made: Rows = []
    for chunk in rows:
        for piece in chunk["choices"]:
            if any("id" in call and call["index"] for call in piece["delta"].get("tool_calls") or ()):
                made.append(json.loads(json.dumps(ends[piece["index"]])))
        made.append(chunk)
    rows[:] = made


def unlogged(piece: Members) -> None:
    piece["logprobs"] = None


def peeking(app: ASGIApp) -> ASGIApp:
    """Whether to stream is found out before the body is read to its end."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        body = body_of(raw)
        if body and is_stream(sent) and len(raw) > PEEKED and not _FLAG.search(raw[:PEEKED]):
            sent = await sent_by(app, scope, json.dumps(without("stream", "stream_options")(body)).encode())
        await pass_on(send, sent)

    return changed


MUTANTS = [
    stream(
        "stream-empty-no-finish",
        "sse.finish",
        silent_unended,
        prop="stop",
        with_it="ef.stop.finish.stream sse.equiv",
    ),
    stream(
        "stream-finish-per-call",
        "sse.finish.last",
        ended_each,
        prop="tools",
        with_it="sse.finish.once",
    ),
    stream(
        "stream-logprobs-first-only",
        "sse.logprobs",
        later_choices(unlogged),
        prop="logprobs",
        with_it="sse.equiv",
    ),
    stream(
        "stream-flag-beyond-4k",
        "sse.ctype",
        prop="stream",
        around=peeking,
        with_it="sse.frame.events sse.done mm.keyorder mm.stream",
    ),
]
