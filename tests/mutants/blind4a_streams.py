"""Servers of the fourth blind list with one wrong thing in their streams. See ``BLIND_4A.md``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.stream import DONE

from .base import Mutant
from .blind2_streams import Events, events
from .blind_common import Sent, between, is_stream
from .load_common import body_of
from .stream_common import (
    Around,
    Members,
    Rows,
    counting,
    each,
    finishing,
    fragments,
    pieces,
    row,
    spoilt,
    where,
)

BLOCK = 16
PLAIN = b"application/json"


def stream(name: str, fails: str, around: Around, with_it: str = "", *, prop: str = "stream") -> Mutant:
    return row(f"blind4a-{name}", fails, None, with_it, prop=prop, around=around)


def rows_changed(
    name: str, fails: str, change: Callable[[Rows], Any], with_it: str = "", *, prop: str = "stream"
) -> Mutant:
    return spoilt(f"blind4a-{name}", fails, change, with_it, prop=prop)


def called_plain(raw: bytes, sent: Sent) -> Sent:
    if not is_stream(sent) or not (body_of(raw) or {}).get("tools"):
        return sent
    headers = [(name, PLAIN if name == b"content-type" else value) for name, value in sent[0]["headers"]]
    return [{**sent[0], "headers": headers}, *sent[1:]]


def blocks_run_on(found: Events) -> Events:
    """The second line break between two events is lost where a block ends; the end of the stream stands apart."""
    return [
        event[:-1] if at % BLOCK == 0 and event != DONE and at < len(found) and found[at] != DONE else event
        for at, event in enumerate(found, start=1)
    ]


def plain_at_end(rows: Rows) -> None:
    for chunk in rows:
        if list(finishing([chunk])):
            chunk["object"] = "chat.completion"


def end_of_each_call(rows: Rows) -> None:
    reasons = {piece["index"]: piece["finish_reason"] for piece in finishing(rows)}
    made: Rows = []
    for chunk in rows:
        if any("id" in call and call["index"] for call in fragments([chunk])):
            ended = [
                {**piece, "delta": {}, "finish_reason": reasons[piece["index"]]}
                for piece in chunk["choices"]
                if piece["index"] in reasons
            ]
            made.append({**chunk, "choices": ended})
        made.append(chunk)
    rows[:] = made


def chunks_as_tokens(rows: Rows) -> None:
    usage = rows[-1]["usage"]
    usage["total_tokens"] = usage["prompt_tokens"] + len(rows) - 1


def no_zero_index(call: Members) -> None:
    if call["index"] == 0:
        del call["index"]


def logged_at_end(rows: Rows) -> None:
    known: dict[int, list[Members]] = {}
    for piece in pieces(rows):
        if piece["logprobs"]:
            known.setdefault(piece["index"], []).extend(piece["logprobs"]["content"])
            piece["logprobs"] = None
    for piece in finishing(rows):
        if piece["index"] in known:
            piece["logprobs"] = {"content": known[piece["index"]], "refusal": None}


MUTANTS = [
    stream("stream-ctype-json-tools", "sse.ctype", between(called_plain), prop="tools", with_it="client.tools.stream"),
    stream(
        "stream-blank-line-lost",
        "sse.frame.json",
        events(blocks_run_on),
        with_it="sse.frame.lines client.stream* client.tools.stream",
    ),
    rows_changed("stream-object-plain-finish", "sse.chunk.object", plain_at_end),
    rows_changed(
        "stream-finish-each-call",
        "sse.finish.last",
        end_of_each_call,
        prop="tools",
        with_it="sse.finish.once client.tools.stream",
    ),
    rows_changed(
        "stream-usage-total-chunks", "sse.usage.on.sum", where(counting, chunks_as_tokens), prop="stream_options"
    ),
    rows_changed(
        "stream-tool-index-omitted",
        "sse.tool.index",
        each(fragments, no_zero_index),
        prop="tools",
        with_it="sse.tool.apart client.tools.stream",
    ),
    rows_changed(
        "stream-logprobs-on-finish", "sse.logprobs.chunk", logged_at_end, prop="logprobs", with_it="sse.logprobs"
    ),
]
