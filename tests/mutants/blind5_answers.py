"""Servers that answer wrongly, plainly or in a stream, from the fifth blind list. See ``BLIND_5.md``."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour, stream
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.text import VOCABULARY

from .answers_common import each_call
from .base import answering, streaming
from .blind_common import Body
from .effects_common import choosing, replying
from .stream_common import Members, Rows, collection, finishing, heads, keep, pieces

_IDS = {token: ident for ident, token in enumerate(VOCABULARY)}


answer = collection("blind5-", prop="answer", family="answer")


# --- plain answers and errors -----------------------------------------------------------------------------------------


def max_tokens(_body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="max_tokens") if choice.finish == "length" else choice


def flat(call: Members) -> None:
    call.update(call.pop("function"))


def ident(token: str) -> int:
    return _IDS.get(token, len(_IDS) + zlib.crc32(token.encode("utf-8", "surrogatepass")) % 100_000)


def each_entry(change: Callable[[Members], None]) -> Reference:
    """With every entry of log probabilities changed, and every alternative."""

    def all_entries(choices: list[Members]) -> None:
        for log in (choice["logprobs"] for choice in choices if choice["logprobs"]):
            for entry in log["content"]:
                for other in (entry, *entry["top_logprobs"]):
                    change(other)

    def completion(reply: Reply) -> Any:
        body = json.loads(json.dumps(answers.completion(reply)))
        all_entries(body["choices"])
        return body

    def chunks(reply: Reply) -> Iterator[Mapping[str, Any]]:
        for chunk in stream.chunks(reply):
            copy = json.loads(json.dumps(chunk))
            all_entries(copy["choices"])
            yield copy

    return Reference(behaviour=Behaviour(completion=completion, chunks=chunks))


def token_id(entry: Members) -> None:
    entry["token"] = ident(entry["token"])


def bare_error(reason: Reason) -> Any:
    return {"error": reason.message} if reason.rule == "model.unknown" else behaviour.envelope(reason)


# --- streams ----------------------------------------------------------------------------------------------------------


def twice(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + behaviour.frame(chunk)


def whole_arguments(rows: Rows) -> None:
    """The first fragment of a call has all of its arguments, unless they were cut."""
    texts: dict[tuple[int, int], str] = {}
    for piece in pieces(rows):
        for call in piece["delta"].get("tool_calls") or ():
            key = piece["index"], call["index"]
            texts[key] = texts.get(key, "") + call["function"]["arguments"]
    ready: dict[tuple[int, int], Any] = {}
    for key, text in texts.items():
        try:
            ready[key] = json.loads(text)
        except ValueError:
            continue

    def told(piece: Members) -> bool:
        calls = piece["delta"].get("tool_calls") or ()
        return not any("id" not in call and (piece["index"], call["index"]) in ready for call in calls)

    keep(rows, told)
    for chunk in rows:
        for piece in chunk["choices"]:
            for call in heads([{"choices": [piece]}]):
                key = piece["index"], call["index"]
                call["function"]["arguments"] = ready.get(key, call["function"]["arguments"])


def compacted(rows: Rows) -> None:
    """After every step of all choices, those that have ended are taken out of the batch."""
    gone: set[int] = set()
    ended: set[int] = set()
    last = -1
    for chunk in rows:
        for piece in chunk["choices"]:
            own = piece["index"]
            if own <= last:
                gone |= ended
            last = own
            ended |= {own for _ in finishing([chunk])}
            piece["index"] = own - sum(other < own for other in gone)


def total_of_first(body: Body, reply: Reply) -> Reply:
    if body.get("stream") is not True or not reply.include_usage:
        return reply
    usage = {**reply.usage, "total_tokens": reply.usage["prompt_tokens"] + reply.choices[0].used}
    return replace(reply, usage=usage)


MUTANTS = [
    answer(
        "finish-max-tokens",
        "res.finish.enum",
        choosing(max_tokens),
        with_it="sse.finish.enum res.finish.length res.finish.length.stream ef.length ef.length.*",
    ),
    answer(
        "calls-flat",
        "res.toolcalls.function",
        answering(each_call(flat)),
        with_it="res.toolcalls.arguments res.toolcalls.args* client.tools gate.forced_tool ef.echo",
    ),
    answer(
        "logprobs-token-ids",
        "res.logprobs.entry",
        each_entry(token_id),
        with_it="res.logprobs.top sse.logprobs.entry",
    ),
    answer(
        "error-model-string",
        "err.envelope",
        Reference(behaviour=Behaviour(envelope=bare_error)),
        prop="error",
        family="error",
        with_it="err.keys.* client.error model.unknown.refuses",
    ),
    answer(
        "stream-data-twice",
        "sse.frame.json",
        Reference(behaviour=Behaviour(frame=twice, done=b"data: " + stream.DONE)),
        prop="stream",
        family="stream",
        with_it="sse.frame.events sse.done sse.done.exact client.stream* client.tools.stream gate.streaming",
    ),
    answer(
        "stream-args-object",
        "sse.tool.arguments",
        streaming(whole_arguments),
        prop="stream",
        family="stream",
        with_it="sse.tool.args res.toolcalls.args.strict.stream client.tools.stream",
    ),
    answer(
        "stream-index-compacted",
        "sse.finish.last",
        streaming(compacted),
        prop="stream",
        family="stream",
        with_it="sse.finish sse.finish.once sse.equiv",
    ),
    answer(
        "stream-usage-total-one",
        "sse.usage.on.sum",
        replying(total_of_first),
        prop="stream",
        family="stream",
        with_it="res.usage.sum",
    ),
]
