"""Servers of the third blind list: one wrong thing in the streams. See ``BLIND_3A.md``."""

from __future__ import annotations

from collections import defaultdict

from chatproof.conformance.reference.stream import DONE

from .base import Mutant, streaming
from .blind2_streams import Events, events, said
from .load_common import body_of
from .stream_common import (
    Around,
    Members,
    Rows,
    Spoil,
    counting,
    cut,
    each,
    fragments,
    last,
    pieces,
    refused_streams,
    row,
    several,
    where,
)

OUTSIDE = ("below_min_value", "above_max_value")


def stream(
    name: str, fails: str, change: Spoil, with_it: str = "", *, prop: str = "stream", around: Around | None = None
) -> Mutant:
    server = None if around else streaming(change)
    return row(f"blind3a-{name}", fails, server, with_it, prop=prop, around=around)


def as_it_is(rows: Rows) -> None:
    """Leaves the chunks alone."""


def undone_when_cut(found: Events) -> Events:
    rows = [said(event) for event in found if event != DONE]
    return [event for event in found if event != DONE] if cut([row for row in rows if row.get("choices")]) else found


def index_zero(call: Members) -> None:
    call["index"] = 0


def repeating(rows: Rows) -> None:
    so_far: dict[tuple[int, int], str] = defaultdict(str)
    for piece in pieces(rows):
        for call in piece["delta"].get("tool_calls") or ():
            place = piece["index"], call["index"]
            so_far[place] += call["function"]["arguments"]
            call["function"]["arguments"] = so_far[place]


def own_ids(rows: Rows) -> None:
    for chunk in rows:
        if chunk["choices"] and chunk["choices"][0]["index"]:
            chunk["id"] += f"-{chunk['choices'][0]['index']}"


def usage_alone(chunk: Members) -> None:
    for name in [name for name in chunk if name not in ("choices", "usage")]:
        del chunk[name]


def told_in_stream(status: int, content: bytes) -> tuple[int, str, bytes]:
    code = ((body_of(content) or {}).get("error") or {}).get("code") or ""
    if not code.endswith(OUTSIDE):
        return status, "application/json", content
    return 200, "text/event-stream; charset=utf-8", b"data: " + content + b"\n\n" + DONE


MUTANTS = [
    stream("stream-no-done-length", "sse.done", as_it_is, around=events(undone_when_cut)),
    stream(
        "stream-tool-index-zero",
        "sse.tool.apart",
        each(fragments, index_zero),
        prop="tools",
        with_it="sse.tool.* client.tools.stream res.toolcalls.args.strict.stream",
    ),
    stream(
        "stream-tool-cumulative",
        "res.toolcalls.args.strict.stream",
        repeating,
        prop="tools",
        with_it="sse.tool.args client.tools.stream sse.equiv",
    ),
    stream("stream-id-per-choice", "sse.same.id", where(several, own_ids), prop="n"),
    stream(
        "stream-usage-bare",
        "sse.chunk.id sse.chunk.object sse.chunk.created sse.chunk.model",
        where(counting, last(usage_alone)),
        prop="stream_options",
        with_it="sse.same.*",
    ),
    stream(
        "stream-range-event",
        "sse.error.before",
        as_it_is,
        around=refused_streams(told_in_stream),
        with_it="sse.error.before.plain mm.stream temperature.*.refuses top_p.*.refuses *_penalty.*.refuses n.*",
    ),
]
