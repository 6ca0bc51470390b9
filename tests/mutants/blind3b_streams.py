"""Servers with one wrong thing in their streams, as reported in the field. See ``BLIND_3B.md``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.stream import DONE

from .base import Mutant
from .blind_common import Body, Sent, between, content_of, is_stream
from .effects_common import choosing
from .stream_common import (
    Members,
    Rows,
    collection,
    counting,
    each,
    finishing,
    keep,
    pieces,
    several,
    spoilt,
    tails,
    where,
)

_CALLS = b'"tool_calls":'


stream = collection("blind3b-", prop="stream")


def rows_changed(
    name: str, fails: str, change: Callable[[Rows], Any], with_it: str = "", *, prop: str = "stream"
) -> Mutant:
    return spoilt(f"blind3b-{name}", fails, change, with_it, prop=prop)


def cut_as_ended(body: Body, choice: Choice) -> Choice:
    cut = body.get("stream") is True and choice.speaks and choice.finish == "length"
    return replace(choice, finish="stop") if cut else choice


def called_as_ended(body: Body, choice: Choice) -> Choice:
    chosen = body.get("stream") is True and body.get("tool_choice") in (None, "auto")
    return replace(choice, finish="stop") if chosen and choice.finish == "tool_calls" else choice


def filtered_first(rows: Rows) -> None:
    """What the filter said of the prompt comes in a chunk that was made before the answer was begun."""
    rows.insert(0, {**rows[0], "id": "", "object": "", "created": 0, "choices": [], "prompt_filter_results": []})


def own_id(rows: Rows) -> None:
    prefix, _, own = rows[-1]["id"].partition("-")
    rows[-1]["id"] = f"{prefix}-{own[::-1]}x"


def usage_on_finish(rows: Rows) -> None:
    usage = rows.pop()["usage"]
    rows[-1]["usage"] = usage


def no_delta(piece: Members) -> None:
    del piece["delta"]


def first_ends(rows: Rows) -> None:
    keep(rows, lambda piece: not piece["finish_reason"] or not piece["index"])


def calls_undone(raw: bytes, sent: Sent) -> Sent:
    content = content_of(sent)
    if not is_stream(sent) or _CALLS not in content:
        return sent
    return [sent[0], {"type": "http.response.body", "body": content.removesuffix(DONE)}]


def tail_lost(rows: Rows) -> None:
    """The parser of calls stops before it has sent the rest of what it held back."""
    last: dict[tuple[int, int], Members] = {}
    for piece in pieces(rows):
        for call in piece["delta"].get("tool_calls") or ():
            if "id" not in call:
                last[piece["index"], call["index"]] = call
    lost = {id(call) for call in last.values()}
    keep(rows, lambda piece: all(id(call) not in lost for call in piece["delta"].get("tool_calls") or ()))


def zero(call: Members) -> None:
    call["index"] = 0


def unlogged(piece: Members) -> None:
    piece["logprobs"] = None


MUTANTS = [
    stream(
        "stream-length-as-stop",
        "res.finish.length.stream",
        choosing(cut_as_ended),
        prop="max_tokens",
        with_it="ef.length.stream ef.length.completion.stream sse.equiv",
    ),
    stream(
        "stream-calls-finish-stop",
        "sse.tool.finish",
        choosing(called_as_ended),
        prop="tools",
        with_it="sse.equiv client.tools.stream",
    ),
    rows_changed(
        "stream-azure-first-chunk",
        "sse.chunk.object",
        filtered_first,
        with_it="sse.same.id sse.same.created sse.chunk.id sse.chunk.created.seconds sse.usage.off sse.usage.on",
    ),
    rows_changed("stream-usage-new-id", "sse.same.id", where(counting, own_id), prop="stream_options"),
    rows_changed(
        "stream-usage-on-finish",
        "sse.usage.on",
        where(counting, usage_on_finish),
        prop="stream_options",
        with_it="gate.stream_usage sse.usage.on.null sse.usage.on.once",
    ),
    rows_changed(
        "stream-finish-no-delta",
        "sse.choice.delta",
        each(finishing, no_delta),
        with_it="client.stream* client.tools.stream",
    ),
    rows_changed("stream-finish-first-only", "sse.finish", where(several, first_ends), prop="n", with_it="sse.equiv"),
    stream(
        "stream-done-quoted",
        "sse.done",
        Reference(behaviour=Behaviour(done=b'data: "[DONE]"\n\n')),
        with_it="sse.done.exact sse.frame.json client.stream* client.tools.stream",
    ),
    stream("stream-done-lost-calls", "sse.done", prop="tools", around=between(calls_undone)),
    rows_changed(
        "stream-args-tail-lost",
        "res.toolcalls.args.strict.stream",
        tail_lost,
        prop="tools",
        with_it="sse.tool.args sse.equiv client.tools.stream",
    ),
    rows_changed(
        "stream-tail-index-zero",
        "sse.tool.apart",
        each(tails, zero),
        prop="tools",
        with_it="res.toolcalls.args.strict.stream sse.tool.args sse.equiv client.tools.stream",
    ),
    rows_changed("stream-logprobs-lost", "sse.logprobs", each(pieces, unlogged), prop="logprobs", with_it="sse.equiv"),
]
