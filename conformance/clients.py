"""Drives the endpoint through the official ``openai`` package, and keeps what went over the wire.

The package's own HTTP client is used as it is, with three exceptions: redirects are not followed, headers that only the
environment names are left out, and what comes is bounded. Everything runs in a thread of its own; nothing raises.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from .connection import tls_context
from .exchange import Answer, Exchange, Request, Trouble
from .model import Call, Outcome
from .outgoing import prepare
from .rules.clients import MISSING
from .sse import NOT_JSON, read_json
from .target import Target

NO_KEY = "no-key"
"""The package wants a key. Where none is configured its header is taken out again."""

RETRIES = 1
"""How often the client may send again, in the uses that are about it; otherwise never."""

LARGEST = 64 * 2**20
"""Bytes of an unpacked answer."""

_OWN = frozenset(
    {"host", "connection", "content-length", "content-type", "authorization", "transfer-encoding"}
    | {"openai-organization", "openai-project"}
)
"""Headers that are no part of what is recorded."""


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("openai") is not None


class _Beyond(Exception):
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
class _Wire:
    """What one use of the client sends and gets; ``drop`` requests are answered with a broken connection, by us."""

    target: Target
    drop: int = 0
    attempts: list[_Attempt] = field(default_factory=list)
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
        """Note a piece of a body. Raises _Beyond."""
        attempt.content += piece
        if len(attempt.content) > self.target.bounds.size or time.monotonic() > self.ends:
            raise _Beyond

    def exchanges(self) -> tuple[Exchange, ...]:
        """All attempts, the bodies decoded and without the key."""
        return tuple(map(self._exchange, self.attempts))

    def _exchange(self, attempt: _Attempt) -> Exchange:
        now = time.monotonic()
        if attempt.status is None:
            return Exchange(attempt.request, trouble=Trouble("disconnected", "no answer"), started=attempt.started)
        redaction = self.target.redaction
        headers = tuple((redaction.text(name), redaction.text(value)) for name, value in attempt.headers)
        content, trouble = decoded(bytes(attempt.content), dict(attempt.headers).get("content-encoding", ""))
        content = redaction.content(content)
        if not attempt.whole and trouble is None and b"[DONE]" not in content:
            trouble = Trouble("disconnected", "the client did not read to the end")
        answer = Answer(attempt.status, headers, content, now - attempt.started)
        return Exchange(attempt.request, answer, trouble, started=attempt.started, finished=now)


def decoded(content: bytes, encoding: str) -> tuple[bytes, Trouble | None]:
    """A body without its content encoding; as it is, with the trouble, where that cannot be undone."""
    for name in reversed([word.strip().lower() for word in encoding.split(",") if word.strip()]):
        if name == "identity":
            continue
        if name not in ("gzip", "x-gzip", "deflate"):
            return content, Trouble("protocol", f"an answer in the encoding {name!r}")
        for bits in (15, -15) if name == "deflate" else (31,):  # deflate comes with and without a frame
            reader = zlib.decompressobj(bits)
            with suppress(zlib.error):
                plain = reader.decompress(content, LARGEST)
                if reader.eof:
                    content = plain
                    break
        else:
            return content, Trouble("protocol", f"an answer that is called {name} and is not")
    return content, None


def _ambient() -> list[str]:
    """Names of the headers that the package takes from the environment."""
    rows = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    return [row.partition(":")[0].strip() for row in rows if ":" in row]


def _tee(stream: Any, attempt: _Attempt, wire: _Wire) -> Any:
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

    members = {"__iter__": read, "close": lambda self: stream.close()}
    if bases[0].__name__ == "AsyncByteStream":
        members = {"__aiter__": read_async, "aclose": close_async}
    return type("Tee", tuple(bases), members)()


# --- uses -------------------------------------------------------------------------------------------------------------


def _plain(model: Any) -> Any:
    """What the client gave as JSON: a model's members as they came, a text for what it did not read."""
    return model.to_dict(mode="json") if hasattr(model, "to_dict") else model


def create(client: Any, body: Mapping[str, Any]) -> Any:
    """A plain completion."""
    return _plain(client.chat.completions.create(**body))


def stream(client: Any, body: Mapping[str, Any]) -> Any:
    """The chunks of a stream."""
    with client.chat.completions.create(**body, stream=True) as chunks:
        return [_plain(chunk) for chunk in chunks]


def helper(client: Any, body: Mapping[str, Any]) -> Any:
    """What the helper puts together from a stream."""
    with client.chat.completions.stream(**body) as events:
        for _ in events:
            pass
        return _plain(events.get_final_completion())


async def create_async(client: Any, body: Mapping[str, Any]) -> Any:
    """A plain completion, by the asynchronous client."""
    return _plain(await client.chat.completions.create(**body))


async def stream_async(client: Any, body: Mapping[str, Any]) -> Any:
    """The chunks of a stream, by the asynchronous client."""
    async with await client.chat.completions.create(**body, stream=True) as chunks:
        return [_plain(chunk) async for chunk in chunks]


async def helper_async(client: Any, body: Mapping[str, Any]) -> Any:
    """What the asynchronous helper puts together from a stream."""
    async with client.chat.completions.stream(**body) as events:
        async for _ in events:
            pass
        return _plain(await events.get_final_completion())


def parse(client: Any, body: Mapping[str, Any]) -> Any:
    """A structured output: the text, and the object that the client reads from it."""
    from pydantic import BaseModel

    class City(BaseModel):
        city: str

    message = client.chat.completions.parse(**body, response_format=City).choices[0].message
    return {"content": message.content, "parsed": message.parsed and message.parsed.model_dump(mode="json")}


def tools(client: Any, body: Mapping[str, Any]) -> Any:
    """A tool call, and the turn after it: the message as the client gave it, and a reply to each call."""
    message = client.chat.completions.create(**body).choices[0].message
    replies = [{"role": "tool", "tool_call_id": call.id, "content": "21 degrees"} for call in message.tool_calls or ()]
    if not replies:
        return {"message": _plain(message)}
    second = {name: value for name, value in body.items() if name != "tool_choice"}
    second["messages"] = [*body["messages"], message, *replies]
    return {"message": _plain(message), "second": _plain(client.chat.completions.create(**second))}


def refused(client: Any, body: Mapping[str, Any]) -> Any:
    """What the client says of a refusal; the completion where there is none."""
    import openai

    try:
        return {"completion": create(client, body)}
    except openai.APIStatusError as error:
        said = {name: getattr(error, name, None) for name in ("param", "code", "type")}
        said["message"] = error.body.get("message") if isinstance(error.body, dict) else error.message
        return {"class": type(error).__name__, "status": error.status_code, **said}


@dataclass(frozen=True)
class Use:
    """One way to use the package. ``drop``: connections that we break before the request is sent."""

    run: Callable[[Any, Mapping[str, Any]], Any]
    asynchronous: bool = False
    retries: int = 0
    drop: int = 0


USES: Mapping[str, Use] = {
    "create": Use(create),
    "create_async": Use(create_async, asynchronous=True),
    "stream": Use(stream),
    "stream_async": Use(stream_async, asynchronous=True),
    "helper": Use(helper),
    "helper_async": Use(helper_async, asynchronous=True),
    "parse": Use(parse),
    "tools": Use(tools),
    "refused": Use(refused, retries=RETRIES),
    "retry": Use(create, retries=RETRIES, drop=1),
}


async def drive(call: Call, target: Target) -> Outcome:
    """Use the client once. It runs in a thread, and ends within the bounds of the target."""
    return await asyncio.to_thread(_driven, call, target)


def _driven(call: Call, target: Target) -> Outcome:
    if not installed():
        return Outcome(undecided=MISSING)
    use = USES[call.use]
    wire = _Wire(target, drop=use.drop)
    value: Any = None
    error = undecided = ""
    try:
        import openai

        body = _arguments(prepare(Request(body=call.body), target).body)
        value = asyncio.run(_async_use(openai, use, body, wire)) if use.asynchronous else _use(openai, use, body, wire)
    except Exception as raised:
        chain: BaseException | None = raised
        while chain is not None and not isinstance(chain, _Beyond):
            chain = chain.__cause__ or chain.__context__
        if chain is not None:
            undecided = "the answer went beyond the bounds"
        elif isinstance(raised, Warning):  # of the package about itself, where a run makes errors of warnings
            undecided = f"the client warns: {type(raised).__name__}: {raised}"
        error = target.redaction.text(f"{type(raised).__name__}: {raised}")
    return Outcome(wire.exchanges(), value, error, undecided=undecided)


def _settings(target: Target, use: Use) -> dict[str, Any]:
    return {
        "base_url": target.base,
        "api_key": target.key or NO_KEY,
        "max_retries": use.retries,
        "timeout": target.bounds.read,
        "default_headers": dict(target.plain_headers) | {extra.name: extra.value for extra in target.headers},
        "default_query": dict(parse_qsl(target.query, keep_blank_values=True)),
    }


def _http(target: Target) -> dict[str, Any]:
    """Of the HTTP client; where there is no TLS, certificates are not read, which takes longer than all else."""
    bounds = target.bounds
    return {"follow_redirects": False, "timeout": bounds.read} | ({"verify": tls_context(target) or False})


def _use(openai: Any, use: Use, body: Mapping[str, Any], wire: _Wire) -> Any:
    hooks = {"request": [wire.sent], "response": [wire.came]}
    http = openai.DefaultHttpxClient(event_hooks=hooks, **_http(wire.target))
    with openai.OpenAI(**_settings(wire.target, use), http_client=http) as client:
        return use.run(client, body)


async def _async_use(openai: Any, use: Use, body: Mapping[str, Any], wire: _Wire) -> Any:
    async def sent(request: Any) -> None:
        wire.sent(request)

    async def came(response: Any) -> None:
        wire.came(response)

    hooks = {"request": [sent], "response": [came]}
    http = openai.DefaultAsyncHttpxClient(event_hooks=hooks, **_http(wire.target))
    async with openai.AsyncOpenAI(**_settings(wire.target, use), http_client=http) as client:
        return await use.run(client, body)


_KNOWN = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "tools",
        "tool_choice",
        "stream_options",
    }
)


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as arguments of the client: what it may not know goes by its own way for that."""
    extra = {name: value for name, value in body.items() if name not in _KNOWN}
    return {name: value for name, value in body.items() if name in _KNOWN} | ({"extra_body": extra} if extra else {})


def judged(outcome: Outcome, breaks: Callable[[Exchange], tuple[str, ...]]) -> Outcome:
    """The outcome with the rules that its last exchange breaks."""
    if not outcome.exchanges:
        return outcome
    last = outcome.exchanges[-1]
    seen = replace(last, request=replace(last.request, raw=None)) if isinstance(last.request.body, dict) else last
    return replace(outcome, unlike=breaks(seen))
