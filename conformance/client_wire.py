"""What the official client sends and gets: requests noted, answers bounded and kept, by hooks of its HTTP client.

Headers that only the environment names are left out of what it sends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .exchange import Answer, Exchange, Request, Trouble
from .intake import BrokenCoding, decoded
from .sse import NOT_JSON, read_json
from .target import Target

_OWN = frozenset(
    {"host", "connection", "content-length", "content-type", "authorization", "transfer-encoding"}
    | {"openai-organization", "openai-project"}
)
"""Headers that are no part of what is recorded."""


class Beyond(Exception):
    """More bytes or seconds than the bounds allow."""


@dataclass
class _Attempt:
    """One request of the client as it was sent, and what came."""

    request: Request
    started: float
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content: bytearray = field(default_factory=bytearray)
    whole: bool = False


@dataclass
class ClientWire:
    """What one use of the client sends and gets; ``drop`` requests are answered with a broken connection, by us."""

    target: Target
    drop: int = 0
    attempts: list[_Attempt] = field(default_factory=list[_Attempt])
    ends: float = 0.0

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + self.target.bounds.total

    def sent(self, request: Any) -> None:
        """A hook: takes out what the environment put in, and notes the request."""
        for name in (*_ambient(), "openai-organization", "openai-project"):
            request.headers.pop(name, None)
        if self.target.key:
            request.headers["authorization"] = f"Bearer {self.target.key}"
        else:
            request.headers.pop("authorization", None)
        if self.drop:
            self.drop -= 1
            module = sys.modules[type(request).__module__.partition(".")[0]]
            raise module.ConnectError("dropped on purpose", request=request)
        raw = bytes(request.content)
        body = read_json(raw)
        left_out = {*_OWN, *(extra.name.lower() for extra in self.target.headers)}  # what every request bears
        headers = tuple((name, value) for name, value in request.headers.items() if name.lower() not in left_out)
        path = str(request.url).partition("?")[0].removeprefix(self.target.base)
        self.attempts.append(
            _Attempt(
                Request(
                    body=None if body is NOT_JSON else body,
                    raw=raw,
                    method=request.method,
                    path=path,
                    headers=headers,
                ),
                time.monotonic(),
            )
        )

    def came(self, response: Any) -> None:
        """A hook: notes the head, and lets the bytes of the body pass through ``_tee``."""
        attempt = self.attempts[-1]
        attempt.status = response.status_code
        attempt.headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
        response.stream = _tee(response.stream, attempt, self)

    def took(self, attempt: _Attempt, piece: bytes) -> None:
        """Note a piece of a body. Raises Beyond."""
        attempt.content += piece
        if len(attempt.content) > self.target.bounds.size or time.monotonic() > self.ends:
            raise Beyond

    def exchanges(self) -> tuple[Exchange, ...]:
        """All attempts, the bodies decoded and without the key."""
        return tuple(map(self._exchange, self.attempts))

    def _exchange(self, attempt: _Attempt) -> Exchange:
        now = time.monotonic()
        if attempt.status is None:
            return Exchange(attempt.request, trouble=Trouble("disconnected", "no answer"), started=attempt.started)
        redaction = self.target.redaction
        headers = tuple((redaction.text(name), redaction.text(value)) for name, value in attempt.headers)
        content, trouble = bytes(attempt.content), None
        try:
            coding = dict(attempt.headers).get("content-encoding", "")
            # a client that has read [DONE] leaves the rest, be it the end of the coding
            content = decoded(content, coding, self.target.bounds.size, whole=attempt.whole)
        except BrokenCoding as error:
            trouble = Trouble("protocol", str(error))
        content = redaction.content(content)
        if not attempt.whole and trouble is None and b"[DONE]" not in content:
            trouble = Trouble("disconnected", "the client did not read to the end")
        answer = Answer(attempt.status, headers, content, now - attempt.started)
        return Exchange(attempt.request, answer, trouble, started=attempt.started, finished=now)


def _ambient() -> list[str]:
    """Names of the headers that the package takes from the environment."""
    rows = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    return [row.partition(":")[0].strip() for row in rows if ":" in row]


def _tee(stream: Any, attempt: _Attempt, wire: ClientWire) -> Any:
    """The stream of a response, whose bytes are noted as they pass. Of the kind that its library wants."""
    bases = [base for base in type(stream).__mro__ if base.__name__ in ("SyncByteStream", "AsyncByteStream")]

    def read(self: Any) -> Iterator[bytes]:
        for piece in stream:
            wire.took(attempt, piece)
            yield piece
        attempt.whole = True

    async def read_async(self: Any) -> AsyncIterator[bytes]:
        async for piece in stream:
            wire.took(attempt, piece)
            yield piece
        attempt.whole = True

    async def close_async(self: Any) -> None:
        await stream.aclose()

    def close(self: Any) -> None:
        stream.close()

    members: dict[str, Callable[..., Any]] = {"__iter__": read, "close": close}
    if bases[0].__name__ == "AsyncByteStream":
        members = {"__aiter__": read_async, "aclose": close_async}
    return type("Tee", tuple(bases), members)()
