"""Servers with one wrong thing in their streams, from the second blind list."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from chatproof.conformance.reference.behaviour import Behaviour, Reference, dump
from chatproof.conformance.reference.stream import DONE

from .blind_common import Sent, between, content_of, is_stream
from .stream_common import (
    Around,
    Members,
    Rows,
    collection,
    counting,
    each,
    finishing,
    keep,
    pieces,
    several,
    spoilt,
    tails,
    where,
)

Events = list[bytes]
"""The events of one stream, each with the blank line that ends it."""

TICK = 16
PING = 32
BUFFER = 32_768
_END = b"\n\n"
_PLACE = "chatproof place"


stream = collection("blind2-", prop="stream")


def rows_changed(name: str, fails: str, change: Callable[[Rows], Any], with_it: str = "", prop: str = "stream") -> Any:
    return spoilt(f"blind2-{name}", fails, change, with_it, prop=prop)


def events(change: Callable[[Events], Events]) -> Around:
    """Sends other events than the application would."""

    def turned(raw: bytes, sent: Sent) -> Sent:
        if not is_stream(sent):
            return sent
        found = [event + _END for event in content_of(sent).split(_END) if event]
        return [sent[0], {"type": "http.response.body", "body": b"".join(change(found))}]

    return between(turned)


def one_newline(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + dump(chunk) + b"\n"


def said(event: bytes) -> Members:
    """The chunk of an event; nothing for the end of the stream."""
    return {} if event == DONE else json.loads(event.removeprefix(b"data: "))


def done_again(found: Events) -> Events:
    """The end of the stream after each choice."""
    made: Events = []
    left = sum(bool(list(finishing([said(event)]))) for event in found if event != DONE)
    for event in found:
        made.append(event)
        if event != DONE and list(finishing([said(event)])):
            left -= 1
            made += [DONE] if left else []
    return made


def usage_last(found: Events) -> Events:
    late = [event for event in found if said(event).get("choices") == []]
    return [event for event in found if event not in late] + late


def no_longer(found: Events) -> Events:
    kept: Events = []
    for event in found:
        if sum(map(len, kept)) + len(event) > BUFFER:
            break
        kept.append(event)
    return kept


def list_for_nothing(piece: Members) -> None:
    if piece["delta"] == {}:
        piece["delta"] = []


def empty_finish(piece: Members) -> None:
    piece["finish_reason"] = piece["finish_reason"] or ""


def unfinished(rows: Rows) -> None:
    keep(rows, lambda piece: not piece["finish_reason"])


def ticking(rows: Rows) -> None:
    for at, chunk in enumerate(rows):
        chunk["created"] += at // TICK


def all_zero(piece: Members) -> None:
    piece["index"] = 0


def pinged(rows: Rows) -> None:
    for at in reversed(range(PING, len(rows), PING)):
        rows.insert(at, {"type": "ping"})


def cumulative(rows: Rows) -> None:
    known: dict[int, list[Members]] = {}
    for piece in pieces(rows):
        if piece["logprobs"]:
            so_far = known.setdefault(piece["index"], [])
            so_far += piece["logprobs"]["content"]
            piece["logprobs"]["content"] = list(so_far)


def raw(text: bytes) -> bytes:
    """The inside of a JSON string with these bytes as they are."""
    return json.dumps(text.decode("latin-1"), ensure_ascii=False)[1:-1].encode("latin-1")


def bytes_apart(chunk: Mapping[str, Any]) -> bytes:
    """Two events where a piece has a character of several bytes: the second begins inside of the character."""
    piece = chunk["choices"][0] if chunk["choices"] else {"delta": {}}
    text = str(piece["delta"].get("content") or "").encode("utf-8", "surrogatepass")
    cut = next((at + 1 for at, byte in enumerate(text) if byte > 127), None)
    if cut is None:
        return b"data: " + dump(chunk) + _END
    made = b""
    for part, log in ((text[:cut], piece["logprobs"]), (text[cut:], None)):
        marked = {**piece, "delta": {**piece["delta"], "content": _PLACE}, "logprobs": log}
        event = dump({**chunk, "choices": [marked]}).replace(_PLACE.encode(), raw(part))
        made += b"data: " + event + _END
    return made


def framed(frame: Callable[[Mapping[str, Any]], bytes]) -> Reference:
    return Reference(behaviour=Behaviour(frame=frame))


MUTANTS = [
    stream("stream-one-newline", "sse.frame.json", framed(one_newline)),
    stream(
        "stream-done-per-choice",
        "sse.done.last",
        prop="n",
        around=events(done_again),
        with_it="sse.finish sse.usage.on",
    ),
    stream(
        "stream-usage-after-done",
        "sse.done.last",
        prop="stream_options",
        around=events(usage_last),
        with_it="sse.usage.on",
    ),
    rows_changed("stream-delta-list", "sse.choice.delta", each(pieces, list_for_nothing)),
    rows_changed("stream-finish-empty", "sse.finish.enum", each(pieces, empty_finish)),
    rows_changed("stream-finish-lost-with-usage", "sse.finish", where(counting, unfinished), prop="stream_options"),
    rows_changed("stream-created-ticks", "sse.same.created", ticking),
    rows_changed("stream-tool-index-once", "sse.tool.index", each(tails, lambda call: call.pop("index")), prop="tools"),
    rows_changed(
        "stream-index-zero",
        "sse.choice.count",
        where(several, each(pieces, all_zero)),
        "sse.finish.once sse.finish.last sse.tool.later",
        prop="n",
    ),
    rows_changed(
        "stream-ping-chunk",
        "sse.chunk.choices",
        pinged,
        "sse.chunk.id sse.chunk.object sse.chunk.created sse.chunk.model sse.usage.on.null",
    ),
    stream("stream-bytes-across-events", "sse.frame.utf8", framed(bytes_apart)),
    rows_changed("stream-logprobs-cumulative", "sse.logprobs.chunk", cumulative, prop="logprobs"),
    stream("stream-cut-long", "sse.done", around=events(no_longer), with_it="sse.finish"),
]
