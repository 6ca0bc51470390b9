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
    answer("id-number", "TODO", answering(numbered)),
    answer("usage-counts-strings", "TODO", answering(counted_in_words)),
    answer("stream-delta-as-message", "TODO", streaming(each(pieces, called_message)), prop="stream", family="stream"),
    answer("error-msg-key", "TODO", refusing(called_msg), prop="error", family="error"),
    answer("usage-total-without-calls", "TODO", replying(uncalled_total)),
    answer("stream-finish-lost-bound-one", "TODO", prop="max_tokens", family="stream", around=between(unfinished)),
    answer(
        "stream-finish-twice-with-usage",
        "TODO",
        streaming(where(counting, finished_again)),
        prop="stream_options",
        family="stream",
    ),
    answer("accept-json-unstreamed", "TODO", prop="stream", family="transport", around=as_accepted),
]
