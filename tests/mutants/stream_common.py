"""Small parts that single-fault servers with a wrong stream are put together from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant, of, streaming

Members = dict[str, Any]
Rows = list[Members]
"""The chunks of one stream."""

Change = Callable[[Members], Any]
"""A function that spoils an object in place."""

Spoil = Callable[[Rows], Any]
"""A function that spoils a stream in place."""

Around = Callable[[ASGIApp], ASGIApp]


def row(
    name: str,
    fails: str,
    server: Reference | None = None,
    with_it: str = "",
    *,
    prop: str = "stream",
    family: str = "stream",
    around: Around | None = None,
) -> Mutant:
    """A mutant, with its rules as words of a string."""
    return Mutant(
        name=name,
        property=prop,
        family=family,
        fails=of(*fails.split()),
        with_it=of(*with_it.split()),
        server=server or Reference(),
        around=around,
    )


def collection(prefix: str, **usual: str) -> Callable[..., Mutant]:
    """``row`` for mutants whose names start alike, with the ``prop`` and ``family`` that most of them have."""

    def made(name: str, *rest: Any, **own: Any) -> Mutant:
        return row(prefix + name, *rest, **{**usual, **own})

    return made


def spoilt(
    name: str, fails: str, change: Spoil, with_it: str = "", *, prop: str = "stream", family: str = "stream"
) -> Mutant:
    """A mutant whose chunks are changed."""
    return row(name, fails, streaming(change), with_it, prop=prop, family=family)


# --- which streams ----------------------------------------------------------------------------------------------------


def where(test: Callable[[Rows], bool], change: Spoil) -> Spoil:
    """Changes only the streams that pass the test."""
    return lambda rows: change(rows) if test(rows) else None


def several(rows: Rows) -> bool:
    """Streams of more than one choice."""
    return any(piece["index"] for piece in pieces(rows))


def counting(rows: Rows) -> bool:
    """Streams that end with their usage."""
    return not rows[-1]["choices"]


def cut(rows: Rows) -> bool:
    """Streams that the token bound has cut."""
    return any(piece["finish_reason"] == "length" for piece in pieces(rows))


# --- which parts of them ----------------------------------------------------------------------------------------------


def pieces(rows: Rows) -> Iterator[Members]:
    """All choice objects, in order."""
    return (piece for row in rows for piece in row["choices"])


def finishing(rows: Rows) -> Iterator[Members]:
    """The choice objects that end a choice."""
    return (piece for piece in pieces(rows) if piece["finish_reason"])


def fragments(rows: Rows) -> Iterator[Members]:
    """All fragments of tool calls."""
    return (call for piece in pieces(rows) for call in piece["delta"].get("tool_calls") or ())


def heads(rows: Rows) -> Iterator[Members]:
    """The first fragments of tool calls."""
    return (call for call in fragments(rows) if "id" in call)


def tails(rows: Rows) -> Iterator[Members]:
    """The fragments of tool calls after the first ones."""
    return (call for call in fragments(rows) if "id" not in call)


def logs(rows: Rows) -> Iterator[Members]:
    """All log probabilities."""
    return (piece["logprobs"] for piece in pieces(rows) if piece["logprobs"])


def entries(rows: Rows) -> Iterator[Members]:
    """All entries of log probabilities."""
    return (entry for log in logs(rows) for entry in log["content"])


def deltas(rows: Rows) -> Iterator[Members]:
    """All deltas."""
    return (piece["delta"] for piece in pieces(rows))


def each(parts: Callable[[Rows], Iterator[Members]], change: Change) -> Spoil:
    """Changes all parts of a kind."""

    def all_parts(rows: Rows) -> None:
        for part in list(parts(rows)):
            change(part)

    return all_parts


def last(change: Change) -> Spoil:
    """Changes the last chunk."""
    return lambda rows: change(rows[-1])


def first(change: Change) -> Spoil:
    """Changes the first chunk."""
    return lambda rows: change(rows[0])


def later_choices(change: Change) -> Spoil:
    """Changes the pieces of all choices but the first."""
    return each(lambda rows: (piece for piece in pieces(rows) if piece["index"]), change)


def keep(rows: Rows, good: Callable[[Members], Any]) -> None:
    """Drops the chunks whose choice is not a good one."""
    rows[:] = [row for row in rows if all(good(piece) for piece in row["choices"])]


# --- servers ----------------------------------------------------------------------------------------------------------


def forgetful(*names: str) -> Reference:
    """A model that does not hear of these properties when it streams."""

    def plan(body: Mapping[str, Any], now: int) -> Reply:
        left = {name: value for name, value in body.items() if name not in names}
        return answers.plan(left if body.get("stream") is True else body, now)

    return Reference(behaviour=Behaviour(plan=plan))


def refused_streams(change: Callable[[int, bytes], tuple[int, str, bytes]]) -> Around:
    """Another status, content type and body for refusals of requests that ask for a stream."""

    def around(app: ASGIApp) -> ASGIApp:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            raw, more = b"", True
            while more:
                message = await receive()
                raw, more = raw + message.get("body", b""), message.get("more_body", False)
            sent: list[Message] = []

            async def replayed() -> Message:
                return {"type": "http.request", "body": raw, "more_body": False}

            async def kept(message: Message) -> None:
                sent.append(message)

            await app(scope, replayed, kept)
            if scope["method"] == "POST" and sent[0]["status"] >= 400 and _asks_for_stream(raw):
                status, kind, body = change(sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]))
                headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
                sent = [
                    {"type": "http.response.start", "status": status, "headers": headers},
                    {"type": "http.response.body", "body": body},
                ]
            for message in sent:
                await send(message)

        return changed

    return around


def _asks_for_stream(raw: bytes) -> bool:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("stream") is True
