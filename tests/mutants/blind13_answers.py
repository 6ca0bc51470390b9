"""Servers that answer wrongly, streamed or not or in a refusal, from the thirteenth blind list. See ``BLIND_13.md``."""

from __future__ import annotations

import re
from dataclasses import replace

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.text import tokenize

from .base import answering, each_choice, refusing, streaming
from .blind9_answers import both
from .blind10_effects import is_strict
from .blind12_answers import told_by
from .blind_common import Body, Sent, between
from .effects_common import choosing
from .load_common import body_of
from .stream_common import Members, Rows, collection, counting, deltas, each, logs, where

NOT_FOUND, NO_CONTENT = 404, 204
FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
_KEY = re.compile(r'"(\w+)": ')


answer = collection("blind13-", prop="answer", family="answer")
streams = collection("blind13-", prop="stream", family="stream")


# --- plain and streamed -----------------------------------------------------------------------------------------------


def numbered(choice: Members) -> None:
    choice["finish_reason"] = FINISHES.index(choice["finish_reason"])


def emptied(log: Members) -> None:
    log["content"] = None


def choice_emptied(choice: Members) -> None:
    if choice["logprobs"]:
        emptied(choice["logprobs"])


def bare(body: Body, call: Call) -> Call:
    """The call of a strict tool with arguments as JavaScript writes an object."""
    if not is_strict(body, call.name):
        return call
    return replace(call, arguments=tuple(tokenize(_KEY.sub(r"\1: ", "".join(call.arguments)))))


def bare_calls(body: Body, choice: Choice) -> Choice:
    return replace(choice, calls=tuple(bare(body, call) for call in choice.calls))


# --- streams ----------------------------------------------------------------------------------------------------------


def unmodelled(rows: Rows) -> None:
    for row in rows[1:]:
        del row["model"]


def wrapped(delta: Members) -> None:
    if delta.get("content"):
        delta["content"] = {"text": delta["content"]}


def chunks_counted(rows: Rows) -> None:
    usage = rows[-1]["usage"]
    usage["completion_tokens"] = len(rows) - 1
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def under_data(body: Members) -> None:
    told = {"error": body.pop("error")}
    body.update(success=False, data=told)


def wordless(reason: Reason) -> Members:
    body = behaviour.envelope(reason)
    if reason.code == "invalid_type":
        del body["error"]["message"]
    return body


def nothing_said(raw: bytes, sent: Sent) -> Sent:
    if (body_of(raw) or {}).get("messages") != []:
        return sent
    return [
        {"type": "http.response.start", "status": NO_CONTENT, "headers": []},
        {"type": "http.response.body", "body": b""},
    ]


MUTANTS = [
    answer(
        "finish-number",
        "res.finish.enum",
        answering(each_choice(numbered)),
        with_it="res.finish.* ef.* res.* gate.* sse.equiv mm.* many.* client.*",
    ),
    answer(
        "logprobs-content-null",
        "ef.logprobs",
        both(choice_emptied, each(logs, emptied)),
        prop="logprobs",
        with_it="ef.logprobs.* ef.toplogprobs.nested gate.logprobs res.logprobs.* sse.logprobs* sse.equiv client.*",
    ),
    answer(
        "arguments-keys-bare",
        "res.toolcalls.args.strict",
        choosing(bare_calls),
        prop="tools",
        with_it="res.toolcalls.args* sse.tool.args client.tools*",
    ),
    streams(
        "stream-usage-counts-chunks",
        "ef.maxtokens.stream",
        streaming(where(counting, chunks_counted)),
        prop="stream_options",
        with_it="ef.maxtokens* ef.prompt.tokens* sse.usage.* sse.equiv res.usage.* res.finish.* mm.alias.bound many.*",
    ),
    streams(
        "stream-model-first-only",
        "sse.chunk.model",
        streaming(unmodelled),
        with_it="sse.same.model sse.usage.on.* sse.chunk.* sse.error.during* client.stream* client.tools.stream",
    ),
    streams(
        "stream-content-object",
        "sse.delta.content",
        streaming(each(deltas, wrapped)),
        with_it="sse.* ef.*.stream res.*.stream mm.stream many.* gate.stream* client.stream*",
    ),
    streams(
        "stream-ctype-ndjson",
        "sse.ctype",
        Reference(behaviour=Behaviour(event_type="application/x-ndjson")),
        with_it="gate.streaming client.stream*",
    ),
    answer(
        "error-under-data",
        "err.envelope",
        refusing(under_data),
        prop="error",
        family="error",
        with_it="err.* client.error many.refusals",
    ),
    answer(
        "error-message-missing-type",
        "err.keys.message",
        Reference(behaviour=Behaviour(envelope=wordless)),
        prop="error",
        family="error",
        with_it="err.* client.error",
    ),
    answer(
        "named-shape-404",
        "tool_choice.named.shape.refuses",
        told_by(NOT_FOUND, lambda reason: reason.rule == "tool_choice.named.shape"),
        prop="tool_choice",
        family="status",
        with_it="tool_choice.*.refuses mm.monotone.bad mm.repeat.neg mm.tools.legacy many.refusals",
    ),
    answer(
        "messages-empty-204",
        "messages.min.refuses",
        prop="messages",
        family="status",
        around=between(nothing_said),
        with_it="mm.monotone.bad mm.repeat.neg mm.stream mm.isolation sse.error.before* err.* many.refusals"
        " client.error",
    ),
]
