"""Servers that answer wrongly, plainly, streamed or in a refusal, from the twelfth blind list. See ``BLIND_12.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .base import answering, each_choice, streaming
from .blind9_answers import both
from .blind_common import Body
from .effects_common import choosing
from .stream_common import Members, Rows, collection, counting, each, entries, last, where

LENGTH_STATUS = 414
LENGTH_CODES = (
    "array_above_max_length",
    "string_above_max_length",
    "object_above_max_properties",
    "property_name_above_max_length",
)
COUPLING_STATUS = 412
COUPLED = (
    "top_logprobs.needs",
    "stream_options.needs",
    "audio.needs",
    "tool_choice.needs.tools",
    "parallel_tool_calls.needs.tools",
    "function_call.needs.functions",
)


answer = collection("blind12-", prop="answer", family="answer")
streams = collection("blind12-", prop="stream", family="stream")


# --- plain and streamed -----------------------------------------------------------------------------------------------


def bytes_in_words(entry: Members) -> None:
    entry["bytes"] = [str(byte) for byte in entry["bytes"]]


def choice_in_words(choice: Members) -> None:
    for entry in choice["logprobs"]["content"] if choice["logprobs"] else ():
        bytes_in_words(entry)


def apart(choice: Members) -> None:
    choice["index"] *= 2


def filtered(_body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="content_filter") if choice.finish == "length" and choice.speaks else choice


# --- streams ----------------------------------------------------------------------------------------------------------


def beheaded(rows: Rows) -> None:
    """Without the chunk of the first piece of each call's arguments."""
    seen: set[tuple[int, int]] = set()
    kept: Rows = []
    for row in rows:
        places = [
            (piece["index"], call["index"])
            for piece in row["choices"]
            for call in piece["delta"].get("tool_calls") or ()
            if "id" not in call
        ]
        if places and places[0] not in seen:
            seen.add(places[0])
            continue
        kept.append(row)
    rows[:] = kept


def unmodelled(row: Members) -> None:
    del row["model"]


# --- refusals ---------------------------------------------------------------------------------------------------------


def numbered(reason: Reason) -> Members:
    body = behaviour.envelope(reason)
    body["error"]["message"] = reason.status
    return body


def told_by(status: int, test: Callable[[Reason], bool]) -> Reference:
    """Some refusals have another status."""

    def first(found: Sequence[Reason]) -> Reason:
        reason = behaviour.first(found)
        return replace(reason, status=status) if test(reason) else reason

    return Reference(behaviour=Behaviour(first=first))


MUTANTS = [
    answer(
        "bytes-strings",
        "res.logprobs.bytes",
        both(choice_in_words, each(entries, bytes_in_words)),
        prop="logprobs",
        with_it="res.logprobs.* sse.logprobs.* ef.toplogprobs.nested sse.equiv client.*",
    ),
    answer(
        "index-skips",
        "res.choices.index",
        answering(each_choice(apart)),
        prop="n",
        with_it="gate.multiple_choices many.choices ef.* res.choices.*",
    ),
    answer(
        "finish-cut-filter",
        "res.finish.length",
        choosing(filtered),
        with_it="ef.length ef.length.* res.finish.* ef.maxtokens* mm.alias.bound many.bounds sse.finish* sse.equiv",
    ),
    streams(
        "stream-args-head-lost",
        "res.toolcalls.args.strict.stream",
        streaming(beheaded),
        prop="tools",
        with_it="sse.tool.* sse.equiv res.toolcalls.args.schema.stream ef.echo.stream client.tools.stream many.tools",
    ),
    streams(
        "usage-chunk-model-missing",
        "sse.chunk.model",
        streaming(where(counting, last(unmodelled))),
        prop="stream_options",
        with_it="sse.same.model sse.usage.on.* client.stream client.stream.*",
    ),
    answer(
        "error-message-number",
        "err.keys.message",
        Reference(behaviour=Behaviour(envelope=numbered)),
        prop="error",
        family="error",
        with_it="err.message err.message.names err.envelope* client.error",
    ),
    answer(
        "length-status-414",
        "stop.array.max.refuses tools.max.refuses functions.max.refuses fn.name.maxlen.refuses",
        told_by(LENGTH_STATUS, lambda reason: reason.code in LENGTH_CODES),
        prop="error",
        family="status",
        with_it="*.max.refuses *.maxlen.refuses response_format.jsonschema.name.refuses functions.*.refuses"
        " metadata.*.refuses mm.monotone.bad mm.tools.legacy client.error many.refusals",
    ),
    answer(
        "coupling-status-412",
        "top_logprobs.needs.refuses stream_options.needs.refuses audio.needs.refuses",
        told_by(COUPLING_STATUS, lambda reason: reason.rule in COUPLED),
        prop="error",
        family="status",
        with_it="*.needs.*.refuses *.needs.refuses *.with.*.refuses mm.monotone.bad mm.tools.legacy client.error"
        " many.refusals",
    ),
]
