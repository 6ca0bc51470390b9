"""Servers that answer wrongly, plainly, streamed or in a refusal, from the seventh blind list. See ``BLIND_7.md``."""

from __future__ import annotations

from dataclasses import replace

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.stream import DONE
from chatproof.conformance.reference.text import bound
from starlette.types import ASGIApp, Receive, Scope, Send

from .base import answering, refusing, streaming
from .blind2_streams import said
from .blind4b_state import in_form
from .blind_common import Body, Sent, between, content_of, is_stream, pass_on, sent_by
from .effects_common import replying
from .load_common import body_of, is_create, whole
from .stream_common import Members, Rows, collection, counting, each, finishing, pieces, where

COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
ACCEPTED = "application/json"
_END = b"\n\n"


answer = collection("blind7-", prop="answer", family="answer")


# --- plain ------------------------------------------------------------------------------------------------------------


def numbered(body: Members) -> None:
    body["id"] = int(body["id"][-12:], 16)


def counted_in_words(body: Members) -> None:
    for name in COUNTS:
        body["usage"][name] = str(body["usage"][name])


def called_message(piece: Members) -> None:
    piece["message"] = piece.pop("delta")


def called_msg(body: Members) -> None:
    body["error"]["msg"] = body["error"].pop("message")


# --- two circumstances ------------------------------------------------------------------------------------------------


def uncalled_total(_body: Body, reply: Reply) -> Reply:
    called = sum(len(call.arguments) for choice in reply.choices for call in choice.calls)
    return replace(reply, usage={**reply.usage, "total_tokens": reply.usage["total_tokens"] - called})


def unfinished(raw: bytes, sent: Sent) -> Sent:
    """The stream without the chunks that end a choice, where one token was asked for."""
    body = body_of(raw)
    if not body or bound(body) != 1 or not is_stream(sent):
        return sent
    found = [event + _END for event in content_of(sent).split(_END) if event]
    kept = [event for event in found if event == DONE or not list(finishing([said(event)]))]
    return [sent[0], {"type": "http.response.body", "body": b"".join(kept)}]


def finished_again(rows: Rows) -> None:
    rows.insert(len(rows) - 1, rows[-2])


def json_alone(scope: Scope) -> bool:
    """Whether the only type that the client takes is that of a plain answer."""
    listed = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    kinds = {kind.split(";", 1)[0].strip().lower() for value in listed for kind in value.split(",")}
    return kinds == {ACCEPTED}


def as_accepted(app: ASGIApp) -> ASGIApp:
    """The form of an answer is what the client says that it takes."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent, body = await sent_by(app, scope, raw), body_of(raw)
        if body and is_stream(sent) and json_alone(scope):
            sent = await sent_by(app, scope, in_form(body, False))
        await pass_on(send, sent)

    return changed


MUTANTS = [
    answer("id-number", "res.id", answering(numbered), with_it="client.create*"),
    answer(
        "usage-counts-strings",
        "res.usage.shape",
        answering(counted_in_words),
        with_it="res.usage.sum res.usage.prompt ef.prompt.* ef.maxtokens ef.maxtokens.completion client.create*",
    ),
    answer(
        "stream-delta-as-message",
        "sse.choice.delta",
        streaming(each(pieces, called_message)),
        prop="stream",
        family="stream",
        with_it="sse.role sse.equiv sse.tool.* ef.*.stream gate.streaming many.streams client.stream* client.tools.*",
    ),
    answer(
        "error-msg-key",
        "err.keys.message",
        refusing(called_msg),
        prop="error",
        family="error",
        with_it="err.message err.message.names client.error",
    ),
    answer("usage-total-without-calls", "res.usage.sum", replying(uncalled_total), with_it="sse.usage.on.sum"),
    answer(
        "stream-finish-lost-bound-one",
        "sse.finish",
        prop="max_tokens",
        family="stream",
        around=between(unfinished),
        with_it="sse.finish.once ef.length.stream ef.length.completion.stream res.finish.length.stream",
    ),
    answer(
        "stream-finish-twice-with-usage",
        "sse.finish.once",
        streaming(where(counting, finished_again)),
        prop="stream_options",
        family="stream",
        with_it="sse.finish.last sse.finish",
    ),
    answer(
        "accept-json-unstreamed",
        "client.stream",
        prop="stream",
        family="transport",
        around=as_accepted,
        with_it="client.stream.* client.tools.stream sse.ctype gate.streaming mm.stream",
    ),
]
