"""A streamed answer as bytes and events (fact base §2.3)."""

from __future__ import annotations

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ...strategies.messages import user
from ..model import NOT_JSON, Exchange, Symptom, Unended
from ..sse import unglued
from .forms import documented, prose
from .stream_forms import BYTES, LEAN, SHOULD, rule
from .stream_views import framed, read, show
from .views import streamed

_SSE = documented("stream: server-sent events, as their standard defines them")
_FAR = lean(messages=[user("Say hi. " * 700)], stream=True)
"""What asks for the stream stands behind some five kilobytes."""

_DONE = prose("stream: data: [DONE] ends it")


def content_type(exchange: Exchange) -> str | None:
    answer = exchange.answer
    if answer is not None and answer.event_stream:
        return None
    return f"the content type of the stream is {show(answer.media_type if answer else '')}"


def some_event(exchange: Exchange) -> str | None:
    return None if read(exchange).payloads else "there is no event with a chunk in the stream"


def one_object(exchange: Exchange) -> str | None:
    for event in read(exchange).events:
        parts = unglued(event)
        if parts:
            return f"{len(parts)} data lines have no blank line between them, which makes them one event"
        if event.done:
            return None
        if not is_object(event.json):
            what = "not JSON" if event.json is NOT_JSON else "JSON, but no object"
            return f"the data of an event is {what}: {show(event.data)}"
    return None


def ends_events(exchange: Exchange) -> str | None:
    rest = read(exchange).rest
    return f"no blank line ends the last event, so it does not count: {show(rest)}" if rest else None


def after_done(exchange: Exchange) -> str | None:
    stream = read(exchange)
    late = len(stream.messages) - len(stream.payloads) - 1
    return f"{late} more events follow the end marker" if late > 0 else None


def exact_marker(exchange: Exchange) -> str | None:
    stream = read(exchange)
    marker = stream.messages[len(stream.payloads)].data
    return None if marker == "[DONE]" else f"the end marker is {show(marker)}"


def closed_early(exchange: Exchange) -> str | None:
    early = exchange.answer is not None and exchange.answer.unended is Unended.CLOSED
    return "after the end marker the connection is closed in the middle of the message" if early else None


def _stray(exchange: Exchange) -> str | None:
    found = read(exchange).stray
    return f"a line is no field of an event: {show(found[0])}" if found else None


def _decodes(exchange: Exchange) -> str | None:
    return None if read(exchange).decodes else "the stream is not UTF-8"


def _marker(exchange: Exchange) -> str | None:
    return None if read(exchange).finished else "the stream ends without data: [DONE]"


def _ends_chunk(exchange: Exchange) -> bool:
    return framed(exchange) and not read(exchange).rest.lstrip().startswith("[DONE]")


def _ends_marker(exchange: Exchange) -> bool:
    return framed(exchange) and read(exchange).finished and not _open_chunk(exchange)


def _open_chunk(exchange: Exchange) -> bool:
    return bool(read(exchange).rest) and _ends_chunk(exchange)


def _closed(exchange: Exchange) -> bool:
    return framed(exchange) and bool(read(exchange).payloads) and not read(exchange).failed


def _finished(exchange: Exchange) -> bool:
    return framed(exchange) and read(exchange).finished


RULES = [
    rule("ctype", "answers stream: true with text/event-stream", prose("stream: server-sent events"), content_type,
          applies=streamed, pins=(*LEAN, _FAR), **BYTES),
    rule("frame.events", "sends chunks as data: events", _SSE, some_event, **BYTES),
    rule("frame.json", "sends one JSON object per event, with a blank line after it", _SSE, one_object, **BYTES),
    rule("frame.ended", "ends the last chunk with a blank line", _SSE, ends_events, applies=_ends_chunk, **BYTES),
    rule("frame.lines", "sends no lines but fields and comments", _SSE, _stray, **BYTES, **SHOULD),
    rule("frame.utf8", "sends streams as UTF-8", _SSE, _decodes, **BYTES),
    rule("done", "ends a stream with data: [DONE]", _DONE, _marker, applies=_closed, **BYTES),
    rule("done.last", "sends nothing after [DONE]", _DONE, after_done, applies=_finished, **BYTES),
    rule("done.exact", "sends exactly [DONE] as end marker", _DONE, exact_marker,
          applies=_finished, **BYTES, **SHOULD),
    rule("done.ended", "sends a blank line after [DONE]", _SSE, ends_events,
          applies=_ends_marker, **BYTES, **SHOULD),
    rule("done.closed", "ends the message after [DONE] before it closes the connection",
          documented("HTTP/1.1: a message in chunks ends with the last chunk"), closed_early,
          applies=_finished, symptom=Symptom.DISCONNECTED),
]  # fmt: skip
