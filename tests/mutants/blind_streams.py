"""Servers with one wrong thing in their streams, invented without a look at the rules."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference, dump
from chatproof.conformance.reference.stream import DONE

from .blind_common import Body, blind
from .effects_common import replying
from .stream_common import (
    Members,
    Rows,
    counting,
    cut,
    finishing,
    fragments,
    heads,
    keep,
    pieces,
    refused_streams,
    several,
    spoilt,
    where,
)

_NEWLINE = re.compile(rb"(?<!\\)\\n")


def replaced(rows: Rows) -> None:
    """Each byte of a character that is not ASCII is decoded by itself."""
    for piece in pieces(rows):
        content = piece["delta"].get("content")
        if content:
            turned = (one if one.isascii() else "\ufffd" * len(one.encode("utf-8", "surrogatepass")) for one in content)
            piece["delta"]["content"] = "".join(turned)


def raw_newlines(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + _NEWLINE.sub(b"\n", dump(chunk)) + b"\n\n"


def pieces_of(rows: Rows, index: int) -> list[Members]:
    return [piece for piece in pieces(rows) if piece["index"] == index]


def last_again(rows: Rows) -> None:
    for end in finishing(rows):
        texts = [piece["delta"]["content"] for piece in pieces_of(rows, end["index"]) if piece["delta"].get("content")]
        if end["finish_reason"] == "length" and texts:
            end["delta"]["content"] = texts[-1]


def usage_again(rows: Rows) -> None:
    rows.extend(copy.deepcopy(rows[-1]) for _ in range(len(list(finishing(rows))) - 1))


def usage_lost(rows: Rows) -> None:
    del rows[-1]


def no_list(rows: Rows) -> None:
    rows[-1]["choices"] = None


def other_id(rows: Rows) -> None:
    called = False
    for row in rows:
        if called:
            row["id"] = row["id"] + "-tools"
        called = called or any(piece["delta"].get("tool_calls") for piece in row["choices"])


def name_again(rows: Rows) -> None:
    names = {call["index"]: call["function"]["name"] for call in heads(rows)}
    for call in fragments(rows):
        if call["index"]:
            call["function"]["name"] = names[call["index"]]


def no_arguments(rows: Rows) -> None:
    """No fragment for an empty object."""
    said: dict[tuple[int, int], str] = {}
    for piece in pieces(rows):
        for call in piece["delta"].get("tool_calls") or ():
            key = piece["index"], call["index"]
            said[key] = said.get(key, "") + call["function"]["arguments"]

    def told(piece: Members) -> bool:
        calls = piece["delta"].get("tool_calls") or ()
        return all("id" in call or said[piece["index"], call["index"]] != "{}" for call in calls)

    keep(rows, told)


def late_piece(rows: Rows) -> None:
    """The finish reason overtakes the last piece of each text."""
    for end in list(finishing(rows)):
        before = pieces_of(rows, end["index"])[-2]
        if before["delta"].get("content"):
            kept = copy.deepcopy(end)
            end.update(copy.deepcopy(before))
            before.update(kept)


def usage_unasked(body: Body, reply: Reply) -> Reply:
    return replace(reply, include_usage=True) if isinstance(body.get("stream_options"), dict) else reply


def tools_in_stream(status: int, body: bytes) -> tuple[int, str, bytes]:
    param = json.loads(body)["error"]["param"] or ""
    if not param.startswith(("tools", "tool_choice")):
        return status, "application/json", body
    return 200, "text/event-stream", b"data: " + body + b"\n\n" + DONE


MUTANTS = [
    spoilt("blind-stream-replacement", "res.logprobs.concat.stream", replaced, with_it="sse.equiv"),
    blind(
        "stream-raw-newline",
        "sse.frame.json",
        Reference(behaviour=Behaviour(frame=raw_newlines)),
        prop="stream",
        with_it="sse.frame.lines",
        family="stream",
    ),
    spoilt("blind-stream-repeats-last", "sse.equiv", where(cut, last_again), with_it="res.logprobs.concat.stream"),
    spoilt("blind-stream-usage-per-choice", "sse.usage.on.once", where(counting, usage_again)),
    spoilt(
        "blind-stream-usage-lost-on-length",
        "gate.stream_usage",
        where(lambda rows: counting(rows) and cut(rows), usage_lost),
        with_it="sse.usage.on",
    ),
    spoilt("blind-stream-usage-choices-null", "sse.usage.on", where(counting, no_list), with_it="sse.chunk.choices"),
    spoilt("blind-stream-id-after-calls", "sse.same.id", other_id, prop="tools"),
    spoilt("blind-stream-name-again", "sse.tool.later", name_again, prop="tools"),
    spoilt("blind-stream-no-arguments", "sse.tool.args", no_arguments, prop="tools"),
    spoilt("blind-stream-late-piece", "sse.finish.last", where(several, late_piece), prop="n"),
    blind("stream-usage-unasked", "sse.usage.off", replying(usage_unasked), prop="stream_options", family="stream"),
    blind(
        "stream-refusal-of-tools",
        "sse.error.before",
        prop="tools",
        family="error",
        around=refused_streams(tools_in_stream),
    ),
]
