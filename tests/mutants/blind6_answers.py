"""Servers that answer wrongly, plainly, in a stream or in a refusal, from the sixth blind list. See ``BLIND_6.md``."""

from __future__ import annotations

import json
import re
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.stream import DONE
from starlette.types import ASGIApp, Receive, Scope, Send

from .answers_common import each_message
from .base import answering, each_choice, streaming
from .blind2_streams import Events, events, said
from .blind5_answers import each_entry
from .blind_common import Sent, between, content_of, is_stream, pass_on, sent_by, with_content
from .effects_common import without
from .load_common import body_of, is_create, whole
from .stream_common import Members, Rows, collection, counting, finishing, fragments, keep, last, where

PROXY = 8192
"""Bytes of a request from which on a refusal is told by the proxy."""
_FLAG = re.compile(rb'"stream" ?: ?true')


answer = collection("blind6-", prop="answer", family="answer")


# --- plain ------------------------------------------------------------------------------------------------------------


def index_word(choice: Members) -> None:
    choice["index"] = str(choice["index"])


def as_map(entry: Members) -> None:
    if "top_logprobs" in entry:
        entry["top_logprobs"] = {other["token"]: other["logprob"] for other in entry["top_logprobs"]}


def endless_audio(message: Members) -> None:
    if message.get("audio"):
        del message["audio"]["expires_at"]


def bare_finish(rows: Rows) -> None:
    for chunk in rows:
        if list(finishing([chunk])):
            for name in chunk.keys() - {"choices", "object"}:
                del chunk[name]


def promptless(chunk: Members) -> None:
    del chunk["usage"]["prompt_tokens"]


def by_field(reason: Reason) -> Any:
    body = behaviour.envelope(reason)
    if reason.code == "invalid_type":
        body["error"]["message"] = {reason.param or "body": [reason.message]}
    return body


# --- two circumstances ------------------------------------------------------------------------------------------------


def counted_calls(rows: Rows) -> bool:
    return counting(rows) and bool(list(fragments(rows)))


def uncounted(rows: Rows) -> None:
    rows.pop()


def usage_ends(found: Events) -> Events:
    ends = len(found) > 1 and found[-1] == DONE and found[-2] != DONE and not said(found[-2])["choices"]
    return found[:-1] if ends else found


def first_calls(rows: Rows) -> None:
    keep(rows, lambda piece: not piece["index"] or not piece["delta"].get("tool_calls"))


def sniffing(app: ASGIApp) -> ASGIApp:
    """Whether to stream is seen from the bytes of the body."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        body = body_of(raw)
        if body and is_stream(sent) and not _FLAG.search(raw):
            sent = await sent_by(app, scope, json.dumps(without("stream", "stream_options")(body)).encode())
        await pass_on(send, sent)

    return changed


def told_by_proxy(raw: bytes, sent: Sent) -> Sent:
    if sent[0]["status"] < 400 or len(raw) <= PROXY:
        return sent
    told = json.loads(content_of(sent))["error"]["message"]
    plain = with_content(sent, f"Bad request: {told}\n".encode("ascii", "replace"))
    kept = [pair for pair in plain[0]["headers"] if pair[0] != b"content-type"]
    plain[0]["headers"] = [(b"content-type", b"text/plain; charset=utf-8"), *kept]
    return plain


MUTANTS = [
    answer(
        "index-string",
        "res.choices.index",
        answering(each_choice(index_word)),
        with_it="res.choice.required client.create*",
    ),
    answer(
        "alternatives-as-map",
        "res.logprobs.entry",
        each_entry(as_map),
        prop="top_logprobs",
        with_it="res.logprobs.top* res.logprobs.count* sse.logprobs.*",
    ),
    answer(
        "audio-expires-missing",
        "res.audio",
        answering(each_message(endless_audio)),
        prop="audio",
        with_it="gate.audio_output",
    ),
    answer(
        "stream-finish-bare",
        "sse.chunk.id sse.chunk.created sse.chunk.model sse.usage.on.null",
        streaming(bare_finish),
        prop="stream",
        family="stream",
        with_it="sse.same.* client.stream* client.tools.stream",
    ),
    answer(
        "stream-usage-prompt-missing",
        "sse.usage.on.members",
        streaming(where(counting, last(promptless))),
        prop="stream_options",
        family="stream",
        with_it="sse.usage.on sse.usage.on.sum gate.stream_usage res.usage.prompt.stream ef.prompt.tokens.stream",
    ),
    answer(
        "error-message-object",
        "err.keys.message",
        Reference(behaviour=Behaviour(envelope=by_field)),
        prop="error",
        family="error",
        with_it="err.message err.message.names client.error",
    ),
    answer(
        "stream-usage-lost-with-calls",
        "sse.usage.on",
        streaming(where(counted_calls, uncounted)),
        prop="stream_options",
        family="stream",
        with_it="sse.usage.on.*",
    ),
    answer(
        "stream-done-lost-with-usage",
        "sse.done",
        prop="stream_options",
        family="stream",
        around=events(usage_ends),
        with_it="sse.done.*",
    ),
    answer(
        "stream-calls-first-choice-only",
        "ef.choice.required.stream ef.choice.named.stream",
        streaming(first_calls),
        prop="n",
        family="stream",
        with_it="ef.choice.named.stream res.finish.calls.stream sse.equiv mm.stream",
    ),
    answer(
        "stream-flag-spaced-lost",
        "mm.whitespace mm.whitespace.escapes",
        prop="stream",
        family="relation",
        around=sniffing,
        with_it="http.json.whitespace.accepts sse.ctype",
    ),
    answer(
        "error-plain-long-body",
        "err.json",
        prop="error",
        family="error",
        around=between(told_by_proxy),
        with_it="err.ctype err.envelope err.keys.* client.error",
    ),
]
