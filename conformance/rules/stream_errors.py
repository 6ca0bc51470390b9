"""Errors where a stream was asked for: before its first byte and after (fact base §2.3)."""

from __future__ import annotations

from dataclasses import replace

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..judge import Reaction, react
from ..model import Exchange
from .forms import observed
from .stream_forms import BYTES, rule
from .stream_views import read, show
from .views import asked, refused

_BAD = (
    lean(stream=True, messages="nonsense"),
    lean(stream=True, messages=[]),
    lean(stream=True, temperature=3),
    lean(stream=True, tools="x"),
)
_BEFORE = observed("a bad request is refused the same way with and without stream")
_DURING = observed("a failure after the first byte: one event with an error, then the end")


def _refused(exchange: Exchange) -> bool:
    request = exchange.request
    right = request.method == "POST" and request.path == "/chat/completions"
    return right and asked(exchange).get("stream") is True and refused(exchange)


def _tried(exchange: Exchange) -> bool:
    return _refused(exchange) or _disguised(exchange)


def _disguised(exchange: Exchange) -> bool:
    request = exchange.request
    right = request.method == "POST" and request.path == "/chat/completions"
    return right and asked(exchange).get("stream") is True and react(exchange) is Reaction.ERROR_IN_200


def error_status(exchange: Exchange) -> str | None:
    said = f"status {exchange.status}, and then an error in the body"
    return said if _disguised(exchange) else None


def error_plain(exchange: Exchange) -> str | None:
    answer = exchange.answer
    if answer is None:
        return None
    if answer.like_events:
        return f"the refusal ({answer.status}) is an event stream"
    return None


def error_last(exchange: Exchange) -> str | None:
    seen = False
    for event in read(exchange).payloads:
        if seen and not event.failed:
            return "the stream goes on after an error event"
        seen = seen or event.failed
    return None


def error_shape(exchange: Exchange) -> str | None:
    for event in read(exchange).payloads:
        error = event.json.get("error") if event.failed else None
        if event.failed and not (is_object(error) and isinstance(error.get("message"), str)):
            return f"the error of an event is {show(error)}, where an object with a message belongs"
    return None


_EARLY = [
    rule("error.before", "refuses before it begins to stream", _BEFORE, error_status, applies=_tried, pins=_BAD,
          **BYTES),
    rule("error.before.plain", "refuses stream: true with a plain body", _BEFORE, error_plain, applies=_refused,
          pins=_BAD, **BYTES),
]  # fmt: skip

RULES = [
    *(replace(one, refused=True) for one in _EARLY),
    rule("error.during", "ends a stream with its error event", _DURING, error_last),
    rule("error.during.shape", "puts an error object with a message in an error event", _DURING, error_shape),
]  # fmt: skip
