"""What the sixth list of dialects is put together from: servers, forms of answers, and wrappings.

No dialect is here; ``BLIND_6.md`` tells of them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.limits import Limits
from chatproof.conformance.reference.vintages import VINTAGES
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk, fewer, without_usage
from .blind_transport import without_length
from .odd import Body, copies, drained

Around = Callable[[ASGIApp], ASGIApp]
Plan = Callable[[Body, int], Reply]
Rows = Callable[[Reply], Iterable[Any]]

UNKNOWN = "http.key.unknown", "http.key.unknown.nested"
"""The checks that a server which ignores unknown keys lacks."""
IGNORES = frozenset({"http.key.unknown*", "response_format.legacy.schema.refuses"})
LEAN = frozenset(
    {"res.choice.logprobs", "res.message.refusal*", "sse.choice.*", "sse.delta.refusal", "sse.usage.on.null"}
)
"""What may be warned about: unknown keys that are ignored, and members left out where they are null."""


# --- servers ------------------------------------------------------------------------------------------------------


def built(
    *,
    lacks: Sequence[str] = (),
    refuses: Callable[[Ask], Iterator[Reason]] | None = None,
    limits: Limits | None = None,
    any_model: bool = False,
    vintage: str = FIRST,
    **parts: Any,
) -> Reference:
    """A server that lacks some checks, refuses further things when there is no other fault, and behaves as told."""
    speaks = VINTAGES[vintage]
    left = tuple(check for check in speaks.checks if check.name not in lacks)

    def last(ask: Ask) -> Iterator[Reason]:
        if refuses is not None and not any(reason for check in left for reason in check.function(ask)):
            yield from refuses(ask)

    server = Reference(
        vintage=vintage,
        limits=limits or speaks.limits,
        checks=(*left, Check("dialect", last)),
        behaviour=Behaviour(**{"plan": speaks.plan, **parts}),
    )
    return replace(server, models=None) if any_model else server


def as_422(found: Sequence[Reason]) -> Reason:
    """What the original answers with 400 is 422."""
    reason = behaviour.first(found)
    return replace(reason, status=422) if reason.status == 400 else reason


# --- forms of answers ---------------------------------------------------------------------------------------------


def formed(
    plain: Callable[[Chunk], Any] = lambda body: None,
    chunk: Callable[[Chunk], Any] = lambda row: None,
    rows: Rows = copies,
) -> dict[str, Any]:
    """The parts of a behaviour that change every plain answer and every chunk; ``rows`` may be changed in place."""

    def completion(reply: Reply) -> Any:
        body = answers.completion(reply)
        plain(body)
        return body

    def chunks(reply: Reply) -> Iterator[Any]:
        for row in rows(reply):
            chunk(row)
            yield row

    return {"completion": completion, "chunks": chunks}


def lean(owner: Chunk) -> None:
    """Without what is null and may be absent."""
    fewer(owner)
    without_usage(owner)


def lumped(reply: Reply, size: Callable[[int], int], ends: bool = False) -> Iterator[Chunk]:
    """Texts in lumps: the k-th of a choice has ``size(k)`` tokens; with ``ends`` the reason goes with the last."""
    held: dict[int, Chunk] = {}
    counts: dict[int, int] = {}
    lumps: dict[int, int] = {}
    for row in copies(reply):
        if not row["choices"]:
            yield row
            continue
        choice = row["choices"][0]
        index = choice["index"]
        before = held.get(index)
        if list(choice["delta"]) == ["content"]:
            if before is not None and counts[index] < max(1, size(lumps.get(index, 0))):
                inner = before["choices"][0]
                inner["delta"]["content"] += choice["delta"]["content"]
                if inner["logprobs"] is not None:
                    inner["logprobs"]["content"] += choice["logprobs"]["content"]
                counts[index] += 1
                continue
            if before is not None:
                lumps[index] = lumps.get(index, 0) + 1
                yield before
            held[index], counts[index] = row, 1
            continue
        if before is not None:
            del held[index]
            if ends and choice["finish_reason"] and not choice["delta"]:
                before["choices"][0]["finish_reason"] = choice["finish_reason"]
                yield {**row, **before}
                continue
            yield before
        yield row


# --- wrappings ----------------------------------------------------------------------------------------------------


def is_stream(message: Message) -> bool:
    """Whether the head of an answer is that of a stream."""
    return any(name.lower() == b"content-type" and b"event-stream" in value for name, value in message["headers"])


def posts(scope: Scope) -> bool:
    """Whether an answer of the model is asked for."""
    return scope["type"] == "http" and scope["method"] == "POST"


def headed(change: Callable[[Scope, Message], Message]) -> Around:
    """The head of every answer changed."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                await send(change(scope, message) if message["type"] == "http.response.start" else message)

            await app(scope, receive, sending)

        return wrapped

    return around


def with_rows(*rows: tuple[bytes, bytes]) -> Around:
    """Further headers in every answer."""
    return headed(lambda scope, message: {**message, "headers": [*message["headers"], *rows]})


def unsized(scope: Scope, message: Message) -> Message:
    """No length is told."""
    return message if scope["method"] == "HEAD" else without_length(message)


def closing_refusals(scope: Scope, message: Message) -> Message:
    """A connection ends with what it refuses."""
    if message["status"] < 400:
        return message
    return {**message, "headers": [*message["headers"], (b"connection", b"close")]}


def sized(app: ASGIApp) -> ASGIApp:
    """Streams are gathered, and sent whole with their length."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        head: Message = {}
        gathered: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start" and is_stream(message):
                head = message
                return
            if not head:
                await send(message)
                return
            gathered.append(message.get("body", b""))
            if not message.get("more_body", False):
                data = b"".join(gathered)
                rows = [*head["headers"], (b"content-length", str(len(data)).encode())]
                await send({**head, "headers": rows})
                await send({"type": "http.response.body", "body": data})

        await app(scope, receive, sending)

    return wrapped


def in_pieces(cut: Callable[[bytes], Iterator[bytes]]) -> Around:
    """Every write in several."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                if message["type"] != "http.response.body":
                    await send(message)
                    return
                for piece in cut(message.get("body", b"")):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({**message, "body": b""})

            await app(scope, receive, sending)

        return wrapped

    return around


def sevens(data: bytes) -> Iterator[bytes]:
    """Seven bytes at a time at the beginning, and then the rest."""
    for at in range(0, min(350, len(data)), 7):
        yield data[at : at + 7]
    if len(data) > 350:
        yield data[350:]


def anyhow(data: bytes) -> Iterator[bytes]:
    """Cut at random places."""
    places = sorted(random.randrange(len(data)) for _ in range(random.randrange(9))) if data else []
    for start, end in itertools.pairwise((0, *places, len(data))):
        if start < end:
            yield data[start:end]


def now_and_then(every: int, answer: Callable[[Send], Any]) -> Around:
    """One request of so many is turned away."""

    def around(app: ASGIApp) -> ASGIApp:
        number = itertools.count(1)

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if not posts(scope) or next(number) % every:
                await app(scope, receive, send)
                return
            await drained(receive)
            await answer(send)

        return wrapped

    return around


def wrapping(*layers: Around) -> Around:
    """Several wrappings, the first one outermost."""

    def around(app: ASGIApp) -> ASGIApp:
        for layer in reversed(layers):
            app = layer(app)
        return app

    return around
