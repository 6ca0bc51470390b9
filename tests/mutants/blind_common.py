"""Small parts of the single-fault servers that were invented without a look at the rules."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .load_common import body_of, is_create, replayed, whole
from .stream_common import Around, collection

Body = dict[str, Any]
Sent = list[Message]
"""The messages of one answer, caught before they go out."""


blind = collection("blind-", prop="answer", family="answer")
"""A mutant of this collection, with its rules as words of a string."""


async def sent_by(app: ASGIApp, scope: Scope, raw: bytes) -> Sent:
    """What the application would send."""
    sent: Sent = []

    async def kept(message: Message) -> None:
        sent.append(message)

    await app(scope, replayed(raw), kept)
    return sent


async def pass_on(send: Send, sent: Iterable[Message]) -> None:
    for message in sent:
        await send(message)


def content_of(sent: Sent) -> bytes:
    return b"".join(message.get("body", b"") for message in sent[1:])


def with_content(sent: Sent, content: bytes) -> Sent:
    """The same answer with another body, in one block."""
    headers = [row for row in sent[0]["headers"] if row[0] != b"content-length"]
    headers.append((b"content-length", str(len(content)).encode()))
    return [{**sent[0], "headers": headers}, {"type": "http.response.body", "body": content}]


def is_plain(sent: Sent) -> bool:
    """Whether it is an accepted answer that is not streamed."""
    return sent[0]["status"] == 200 and content_of(sent[:2]).startswith(b"{")


def is_stream(sent: Sent) -> bool:
    return sent[0]["status"] == 200 and content_of(sent[:2]).startswith(b"data:")


def replaced(app: ASGIApp, change: Callable[[Scope, bytes], Awaitable[Sent]]) -> ASGIApp:
    """The application, with other answers to completion requests: the function gets the request's bytes."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
        else:
            await pass_on(send, await change(scope, await whole(receive)))

    return changed


def between(change: Callable[[bytes, Sent], Sent]) -> Around:
    """Sends something else than the application would; the function gets the request's bytes and the answer."""

    def around(app: ASGIApp) -> ASGIApp:
        async def turned(scope: Scope, raw: bytes) -> Sent:
            return change(raw, await sent_by(app, scope, raw))

        return replaced(app, turned)

    return around


def edited(change: Callable[[Body, Body], Any]) -> Around:
    """Changes plain answers in place, with a look at the request."""

    def turned(raw: bytes, sent: Sent) -> Sent:
        body = body_of(raw)
        if body is None or not is_plain(sent):
            return sent
        answer = json.loads(content_of(sent))
        before = json.dumps(answer)
        change(body, answer)
        return sent if json.dumps(answer) == before else with_content(sent, json.dumps(answer).encode())

    return between(turned)


def messages_of(body: Body) -> list[Body]:
    rows = body.get("messages")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
