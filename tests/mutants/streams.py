"""Servers whose streams are wrong: their bytes and events, their end marker, their errors; with all other streams."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from chatproof.conformance.reference import answers, stream
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference, dump, frame
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import stream_content, stream_parts
from .base import streaming
from .stream_common import Members, Rows, counting, cut, entries, refused_streams, row, several, spoilt, where

EVENTS = "text/event-stream"
DONE = stream.DONE
Write = Callable[[Mapping[str, Any]], bytes]

_END = "_end"
"""Marks the chunk after which the marker is written, in servers that write it themselves."""


def framing(write: Write, **more: Any) -> Reference:
    """With events written otherwise."""
    return Reference(behaviour=Behaviour(frame=write, **more))


def ending(done: bytes) -> Reference:
    """With another end marker."""
    return Reference(behaviour=Behaviour(done=done))


def marked(mark: Callable[[Rows], Any]) -> Reference:
    """Without an end marker but the ones that ``mark`` asks for, by ``_END`` in chunks; True: after, False: before."""

    def chunks(reply: Reply) -> Iterator[Members]:
        rows = [dict(chunk) for chunk in stream.chunks(reply)]
        mark(rows)
        yield from rows

    def write(chunk: Mapping[str, Any]) -> bytes:
        told = frame({name: value for name, value in chunk.items() if name != _END})
        if _END not in chunk:
            return told
        return told + DONE if chunk[_END] else DONE + told

    return Reference(behaviour=Behaviour(chunks=chunks, frame=write, done=b""))


def done_unless(test: Callable[[Rows], bool]) -> Reference:
    """The end marker, but not in some streams."""
    return marked(lambda rows: None if test(rows) else rows[-1].update({_END: True}))


def done_before_usage(rows: Rows) -> None:
    """The usage chunk comes when the stream has already been ended."""
    rows[-1][_END] = not counting(rows)


def done_by_choice(rows: Rows) -> None:
    """Every choice that ends says that the stream does."""
    for chunk in rows:
        if any(piece["finish_reason"] for piece in chunk["choices"]):
            chunk[_END] = True


def as_one_answer(reply: Reply) -> Iterable[Members]:
    """The plain answer where the chunks belong."""
    yield answers.completion(reply)


def in_two(chunk: Mapping[str, Any]) -> bytes:
    """The JSON of a chunk in two events."""
    text = dump(chunk)
    return b"data: " + text[:40] + b"\n\ndata: " + text[40:] + b"\n\n"


def sized(chunk: Mapping[str, Any]) -> bytes:
    """An event with the lines of a transfer coding that has been applied twice."""
    event = frame(chunk)
    return f"{len(event):x}\r\n".encode() + event + b"\r\n"


def in_latin_1(chunk: Mapping[str, Any]) -> bytes:
    """An event in another encoding."""
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode("latin-1") + b"\n\n"


def half_a_character(chunk: Mapping[str, Any]) -> bytes:
    """A comment that ends in the middle of a character."""
    return ": ok ✓".encode()[:-1] + b"\n" + frame(chunk)


def unended(chunk: Mapping[str, Any]) -> bytes:
    """The last event of a choice without its blank line."""
    last = any(piece["finish_reason"] for piece in chunk["choices"])
    return frame(chunk)[: -1 if last else None]


def infinite(rows: Rows) -> None:
    """Minus infinity as the least likely alternative."""
    for entry in entries(rows):
        for top in entry["top_logprobs"][-1:]:
            top["logprob"] = float("-inf")


def with_infinity(chunk: Mapping[str, Any]) -> bytes:
    """JSON as Python writes it."""
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def infinities() -> Reference:
    """A server whose log probabilities can be minus infinity, which JSON has not."""
    chunks = streaming(infinite).behaviour.chunks
    return Reference(behaviour=Behaviour(chunks=chunks, frame=with_infinity))


def lost_end(reply: Reply) -> Iterator[Members]:
    rows = list(stream.chunks(reply))
    yield from rows[:-1]
    yield {**rows[-1], _END: True}


def not_written(chunk: Mapping[str, Any]) -> bytes:
    """An event; the one at the end without its last bytes."""
    told = frame({name: value for name, value in chunk.items() if name != _END})
    return told[:-2] if _END in chunk else told


FRAMES = [
    row("stream-json-type", "sse.ctype", Reference(behaviour=Behaviour(event_type="application/json"))),
    row("stream-text-type", "sse.ctype", Reference(behaviour=Behaviour(event_type="text/plain; charset=utf-8"))),
    row("stream-lines", "sse.frame.events", framing(lambda chunk: dump(chunk) + b"\n", done=b""), "sse.frame.lines"),
    row("stream-field-capital", "sse.frame.events", framing(lambda chunk: b"Data: " + dump(chunk) + b"\n\n"),
        "sse.frame.lines"),
    row("stream-field-indented", "sse.frame.events", framing(lambda chunk: b"  " + frame(chunk)), "sse.frame.lines"),
    row("stream-empty", "sse.frame.events", framing(lambda _: b""), "gate.stream_usage"),
    row("stream-plain-answer", "gate.streaming",
        framing(dump, chunks=as_one_answer, done=b"", event_type="application/json"), "sse.ctype", family="ignored"),
    row("stream-plain-event", "sse.chunk.object sse.choice.delta", Reference(behaviour=Behaviour(chunks=as_one_answer)),
        "sse.usage.on", family="ignored"),
    row("event-unparted", "sse.frame.json", framing(lambda chunk: frame(chunk)[:-1])),
    row("event-in-two", "sse.frame.json", framing(in_two)),
    row("event-python", "sse.frame.json", framing(lambda chunk: f"data: {dict(chunk)}\n\n".encode())),
    row("event-twice-coded", "sse.frame.json",
        framing(lambda chunk: b"data: " + dump(dump(chunk).decode()) + b"\n\n")),
    row("event-in-array", "sse.frame.json", framing(lambda chunk: b"data: [" + dump(chunk) + b"]\n\n")),
    row("event-escaped-newline", "sse.frame.json", framing(lambda chunk: b"data: " + dump(chunk) + b"\\n\\n"),
        "sse.done"),
    row("event-pretty", "sse.frame.json", framing(lambda chunk: f"data: {json.dumps(chunk, indent=1)}\n\n".encode()),
        "sse.frame.lines"),
    row("event-keep-alive-data", "sse.frame.json", framing(lambda chunk: b"data: ping\n\n" + frame(chunk))),
    row("event-null", "sse.frame.json", framing(lambda chunk: frame(chunk) + b"data: null\n\n")),
    row("event-infinity", "sse.frame.json", infinities(), prop="logprobs"),
    row("last-event-unended", "sse.frame.json", framing(unended)),
    row("stream-end-lost", "sse.frame.ended sse.done", framing(not_written, chunks=lost_end, done=b"")),
    row("stream-sized-lines", "sse.frame.lines", framing(sized)),
    row("stream-ping-lines", "sse.frame.lines", framing(lambda chunk: b"ping\n" + frame(chunk))),
    row("event-byte-order-mark", "sse.frame.lines", framing(lambda chunk: b"\xef\xbb\xbf\n" + frame(chunk))),
    row("stream-latin-1", "sse.frame.utf8", framing(
        lambda chunk: in_latin_1({**chunk, "system_fingerprint": "modèle"}))),
    row("stream-half-a-character", "sse.frame.utf8", framing(half_a_character)),
]  # fmt: skip

MARKERS = [
    row("no-done", "sse.done", ending(b"")),
    row("done-lower", "sse.done", ending(b"data: [done]\n\n"), "sse.frame.json client.*stream*"),
    row("done-json", "sse.done", ending(b'data: "[DONE]"\n\n'), "sse.frame.json"),
    row("done-event", "sse.done", ending(b"event: done\ndata: {}\n\n"), "sse.chunk.* sse.usage.on.null"),
    row("done-bare", "sse.done", ending(b"[DONE]\n\n"), "sse.frame.lines"),
    row("done-not-after-usage", "sse.done", done_unless(counting)),
    row("done-not-after-several", "sse.done", done_unless(several)),
    row("done-not-after-cut", "sse.done", done_unless(cut)),
    row("done-twice", "sse.done.last", ending(DONE + DONE)),
    row("done-then-usage", "sse.done.last", marked(done_before_usage), "sse.usage.on gate.stream_usage"),
    row("done-by-choice", "sse.done.last", marked(done_by_choice),
        "sse.choice.count sse.finish sse.usage.on gate.stream_usage"),
    row("done-then-closing", "sse.done.last", ending(DONE + b'data: {"status": "closed"}\n\n')),
    row("done-blank", "sse.done.exact", ending(b"data: [DONE] \n\n")),
    row("done-two-blanks", "sse.done.exact", ending(b"data:  [DONE]\n\n"), "client.*stream*"),
    row("done-stop", "sse.done.exact", ending(b"data: [DONE].\n\n")),
    row("done-unended", "sse.done.ended", ending(b"data: [DONE]")),
    row("done-one-newline", "sse.done.ended", ending(b"data: [DONE]\n")),
]  # fmt: skip


def breaking(error: Members, go_on: bool = False) -> Callable[[Rows], None]:
    """An error after the second chunk of streams that the bound will cut, instead of the rest or before it.

    Streams with their usage stay whole, so that the gate for it does not see the fault from another side.
    """

    def change(rows: Rows) -> None:
        rows[2:] = [copy.deepcopy(error), *(rows[2:] if go_on else [])]

    return where(lambda rows: cut(rows) and not counting(rows), change)


def in_words(chunk: Mapping[str, Any]) -> bytes:
    return b"data: Internal Server Error\n\n" if chunk.get("error") else frame(chunk)


def event(status: int, body: bytes) -> bytes:
    return b"data: " + body + b"\n\n"


def late(status: int, body: bytes) -> bytes:
    """A first chunk, and the error after it."""
    opening = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    chunk = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "m"}
    return frame({**chunk, "choices": [opening]}) + event(status, body)


def torn(app: ASGIApp) -> ASGIApp:
    """Streams with their usage end in the middle, and their connection with them."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            body = message.get("body", b"")
            if b'"usage":{' in body and body.startswith(b"data: "):
                await send({**message, "body": body[: len(body) // 2], "more_body": True})
                raise ConnectionAbortedError
            await send(message)

        await app(scope, receive, sending)

    return changed


_TROUBLE = {"message": "The server is overloaded.", "type": "server_error", "param": None, "code": None}
_REFUSALS = "mm.stream gate.stream_options stream_options.*.refuses http.key.unknown.nested.refuses"
"""Rules that send a bad request with ``stream: true`` and look for a refusal of it."""

ERRORS = [
    row("refusal-in-stream", "sse.error.before", None, _REFUSALS, family="error",
        around=refused_streams(lambda status, body: (200, EVENTS, event(status, body) + DONE))),
    row("refusal-in-plain-200", "sse.error.before", None, _REFUSALS, family="status",
        around=refused_streams(lambda status, body: (200, "application/json", body))),
    row("refusal-late-in-stream", "sse.error.before", None, _REFUSALS, family="error",
        around=refused_streams(lambda status, body: (200, EVENTS, late(status, body)))),
    row("refusal-empty-stream", "sse.error.before", None, _REFUSALS, family="error",
        around=refused_streams(lambda status, body: (200, EVENTS, DONE))),
    row("refusal-stream-crash", "mm.stream", None, _REFUSALS + " sse.error.before", family="crash",
        around=refused_streams(lambda status, body: (500, "application/json", body))),
    row("refusal-stream-status", "mm.stream", None, family="status",
        around=refused_streams(lambda status, body: (422, "application/json", body))),
    row("refusal-as-event", "sse.error.before.plain", None, "err.json err.ctype err.envelope", family="error",
        around=refused_streams(lambda status, body: (status, EVENTS, event(status, body)))),
    row("refusal-as-event-in-json", "sse.error.before.plain", None, "err.json err.envelope", family="error",
        around=refused_streams(lambda status, body: (status, "application/json", event(status, body)))),
    row("refusal-event-type", "sse.error.before.plain", None, "err.ctype", family="error",
        around=refused_streams(lambda status, body: (status, EVENTS, body))),
    spoilt("stream-error-goes-on", "sse.error.during", breaking({"error": _TROUBLE}, go_on=True), family="error"),
    spoilt("stream-error-text", "sse.error.during.shape", breaking({"error": "overloaded"}), family="error"),
    spoilt("stream-error-code-only", "sse.error.during.shape", breaking({"error": {"code": 500}}), family="error"),
    spoilt("stream-error-flat", "sse.error.during.shape", breaking({"object": "error", **_TROUBLE, "code": 500}),
           family="error"),
    row("stream-error-in-words", "sse.frame.json", Reference(behaviour=Behaviour(
        chunks=streaming(breaking({"error": _TROUBLE})).behaviour.chunks, frame=in_words)), family="error"),
    row("stream-torn-with-usage", "gate.stream_options", None, "gate.stream_usage stream_options.*.accepts mm.*",
        prop="stream_options", family="crash", around=torn),
]  # fmt: skip

MUTANTS = [*FRAMES, *MARKERS, *ERRORS, *stream_content.MUTANTS, *stream_parts.MUTANTS]
