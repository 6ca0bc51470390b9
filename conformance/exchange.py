"""What goes to the endpoint and what comes back, as values: requests, answers, and the exchanges of one with the other.

Nothing here does I/O. Durations are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, wraps
from typing import Any, ClassVar, TypeVar

from ..strategies.json_values import is_object
from .sse import Stream, parse, read_json

T = TypeVar("T")

Body = dict[str, Any]
"""A request body: the JSON object of one ``POST /chat/completions``."""

KEY_HERE = "{key}"
"""In an Authorization header of a rule's own: the place of the key."""

EVENT_STREAM = "text/event-stream"
"""Media type of a stream of server-sent events."""

TOKEN_BOUNDS = ("max_tokens", "max_completion_tokens")
"""Properties that bound the tokens of an answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request below the endpoint's base URL.

    ``body`` is sent as JSON unless ``raw`` holds the exact bytes. ``content_type`` None leaves the header out.
    ``auth`` False leaves the key out, a string replaces the whole Authorization header (``{key}`` in it is the key).
    ``bare`` requests get no base fields (such as the small token bound that keeps answers cheap). ``chunked`` ones are
    sent in several chunks, without a Content-Length, and no other request follows on their connection.
    """

    body: Any = None
    raw: bytes | None = None
    method: str = "POST"
    path: str = "/chat/completions"
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    auth: bool | str = True
    bare: bool = False
    chunked: bool = False

    @cached_property
    def content(self) -> bytes:
        """The bytes of the message body."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Two requests with one key are the same request on the wire."""
        return (self.method, self.path, self.content_type, self.headers, self.auth, self.chunked, self.content)

    @property
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return self.raw is None and is_object(self.body) and self.body.get("stream") is True


def as_request(body: Body | Request) -> Request:
    """A pin or drawn value as a Request."""
    return body if isinstance(body, Request) else Request(body=body)


@dataclass(frozen=True)
class Trouble:
    """Why there is no complete answer. ``kind`` is one of

    ``dns`` ``tls`` ``connect`` ``connect_timeout`` (nothing reached the server), ``disconnected`` (closed or reset
    before a complete answer), ``timeout`` (no complete answer in time), ``too_large`` (over the size cap),
    ``unkept`` (complete, but only its start was kept),
    ``protocol`` (not HTTP), ``killed`` (the server went away or fell ill on this request, twice), ``cancelled``
    (the run ended before it was sent), ``set_aside`` (not sent, because its like has killed the server), ``budget``
    (not sent, because a ceiling forbids it).
    """

    kind: str
    text: str


class Unended(StrEnum):
    """What followed the end marker of a stream in place of the end of the message."""

    CLOSED = "the connection was closed"
    SILENT = "nothing came"


LARGE_ANSWER = 2**15
"""Bytes from which on the JSON value or the events of an answer are not kept beside it: they take much more memory."""


class _read_once(cached_property[Any]):
    """A cached property that of all large answers remembers the last one alone."""

    _last: ClassVar[tuple[object, dict[str, Any]]] = (None, {})

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None or len(instance.content) <= LARGE_ANSWER:
            return super().__get__(instance, owner)
        if _read_once._last[0] is not instance:
            _read_once._last = (instance, {})
        values = _read_once._last[1]
        name = self.func.__name__
        if name not in values:
            values[name] = self.func(instance)
        return values[name]


@dataclass(frozen=True)
class Answer:
    """What came back: ``headers`` have lower-case names, ``content`` is the decoded body up to the size cap.

    ``unended`` says how the message went on after the end marker of its stream where HTTP did not end it: the server
    closed the connection, or was silent. Such an answer is complete for a client that stops at the marker.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    seconds: float = 0.0
    unended: Unended | None = None

    def header(self, name: str) -> str | None:
        """First value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @_read_once
    def json(self) -> Any:
        """The body as JSON, or the ``NOT_JSON`` marker."""
        return read_json(self.content)

    @_read_once
    def stream(self) -> Stream:
        """The body read as an event stream."""
        return parse(self.content)

    @cached_property
    def media_type(self) -> str:
        """Content type without parameters, lower case, or an empty string."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def event_stream(self) -> bool:
        """Whether it says that it is an event stream."""
        return self.media_type == EVENT_STREAM

    @property
    def like_events(self) -> bool:
        """Whether it says so, or begins as one under whatever content type."""
        return self.event_stream or self.content.lstrip().startswith(b"data:")


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, or with the trouble that came instead (also beside an incomplete answer).

    ``started`` and ``finished`` are seconds of the monotonic clock. ``vetted`` exchanges were made alone, and the
    server was seen to be well after them. ``after`` are the last few requests before it on the
    same connection.
    """

    request: Request
    answer: Answer | None = None
    trouble: Trouble | None = None
    attempts: int = 1
    in_flight: int = 1
    started: float = 0.0
    finished: float = 0.0
    vetted: bool = False
    after: tuple[Request, ...] = ()

    @cached_property
    def views(self) -> dict[Callable[[Exchange], Any], Any]:
        """What each ``view`` saw in it; may be cleared at any time."""
        return {}

    @property
    def status(self) -> int | None:
        """HTTP status, or None where there is no answer."""
        return self.answer.status if self.answer else None


def unaffordable(exchange: Exchange) -> bool:
    """Whether a ceiling has kept a request from being sent."""
    return exchange.trouble is not None and exchange.trouble.kind == "budget"


def view(look: Callable[[Exchange], T]) -> Callable[[Exchange], T]:
    """Decorator of a function of one exchange: what it gives is kept with the exchange, since some 170 rules look for
    the same few things in every answer. Nobody may change what it gives."""

    @wraps(look)
    def seen(exchange: Exchange) -> T:
        views = exchange.views
        try:
            return views[look]
        except KeyError:
            value = views[look] = look(exchange)
            return value

    return seen
