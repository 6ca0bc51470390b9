"""Servers that answer wrongly, plainly, streamed or in a refusal, from the ninth blind list. See ``BLIND_9.md``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .base import answering, each_choice, refusing, streaming
from .blind_common import Body, Sent, between, content_of, with_content
from .effects_common import replying
from .stream_common import Members, Rows, collection, counting, each, entries, fragments, pieces, where

ABSENT_STATUS = 409
MODEL_ABSENT = ("model.required", "model.empty")
"""The rows whose refusals say what is missing without a code."""
TOLD = b"parsed as JSON"
"""What stands in every refusal of a body that is not JSON."""


answer = collection("blind9-", prop="answer", family="answer")
streams = collection("blind9-", prop="stream", family="stream")


# --- plain and streamed -----------------------------------------------------------------------------------------------


def both(change: Any, rows: Any) -> Reference:
    """A server that spoils plain answers and streams in the same way."""
    plain, streamed = answering(each_choice(change)), streaming(rows)
    return Reference(behaviour=replace(plain.behaviour, chunks=streamed.behaviour.chunks))


def byteless(entry: Members) -> None:
    for other in entry["top_logprobs"]:
        del other["bytes"]


def byteless_choice(choice: Members) -> None:
    for entry in choice["logprobs"]["content"] if choice["logprobs"] else ():
        byteless(entry)


def all_first(choice: Members) -> None:
    choice["index"] = 0


def negative(_body: Body, reply: Reply) -> Reply:
    prompt, written = reply.usage["prompt_tokens"], -reply.usage["completion_tokens"]
    return replace(reply, usage={**reply.usage, "completion_tokens": written, "total_tokens": prompt + written})


# --- streams ----------------------------------------------------------------------------------------------------------


def unplaced(piece: Members) -> None:
    del piece["index"]


def place_in_words(call: Members) -> None:
    call["index"] = str(call["index"])


def choice_beside_usage(rows: Rows) -> None:
    rows[-1]["choices"] = [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": None}]


# --- refusals ---------------------------------------------------------------------------------------------------------


def typeless(body: Members) -> None:
    del body["error"]["type"]


def absent_is_conflict(found: Sequence[Reason]) -> Reason:
    reason = behaviour.first(found)
    absent = reason.code == "missing_required_parameter" or reason.rule in MODEL_ABSENT
    return replace(reason, status=ABSENT_STATUS) if absent else reason


def echoed(raw: bytes, sent: Sent) -> Sent:
    """The refusal with the bytes in it that are no UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = raw[error.start : error.end]
        content = content_of(sent)
        return with_content(sent, content.replace(TOLD, TOLD + b": " + bad)) if TOLD in content else sent
    return sent


MUTANTS = [
    answer(
        "index-all-zero",
        "res.choices.index",
        answering(each_choice(all_first)),
        prop="n",
        with_it="gate.multiple_choices many.choices",
    ),
    answer(
        "usage-completion-negative",
        "res.usage.shape",
        replying(negative),
        with_it="res.usage.sum res.usage.details.completion res.usage.details.completion.stream"
        " sse.usage.on.members sse.usage.on.sum",
    ),
    answer(
        "alternatives-bytes-missing",
        "res.logprobs.bytes.null",
        both(byteless_choice, each(entries, byteless)),
        prop="logprobs",
        with_it="res.logprobs.top res.logprobs.bytes res.logprobs.entry sse.logprobs.entry sse.logprobs.keys",
    ),
    streams(
        "stream-choice-index-missing",
        "sse.choice.index",
        streaming(each(pieces, unplaced)),
        with_it="sse.choice.range sse.choice.one sse.choice.count sse.finish sse.finish.once sse.role"
        " client.stream client.stream.* client.tools.stream",
    ),
    streams(
        "stream-tool-index-string",
        "sse.tool.index",
        streaming(each(fragments, place_in_words)),
        prop="tools",
        with_it="sse.tool.apart ef.echo.stream client.tools.stream",
    ),
    streams(
        "stream-usage-empty-choice",
        "sse.usage.on",
        streaming(where(counting, choice_beside_usage)),
        prop="stream_options",
        with_it="sse.usage.on.* sse.finish.last gate.stream_usage",
    ),
    answer(
        "error-type-missing", "err.keys.type", refusing(typeless), prop="error", family="error", with_it="client.error"
    ),
    answer(
        "missing-status-409",
        "messages.required.refuses model.required.refuses",
        Reference(behaviour=Behaviour(first=absent_is_conflict)),
        prop="error",
        family="status",
        with_it="*.required.refuses role.type.refuses"
        " model.empty.refuses toolcall.shape.refuses tool.type.refuses functions.name.refuses"
        " tool_choice.named.shape.refuses function_call.named.shape.refuses prediction.shape.refuses"
        " prediction.parts.refuses audio.needs.refuses part.image.url.refuses content.function.nullable.refuses"
        " tool.function.flat.refuses *.form.refuses mm.position.refuses client.error many.refusals",
    ),
    answer(
        "bad-utf8-echoed",
        "err.json",
        prop="error",
        family="error",
        around=between(echoed),
        with_it="err.envelope err.keys.message err.keys.type http.json.utf8.refuses",
    ),
]
