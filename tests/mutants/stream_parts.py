"""Servers whose streams have wrong tool calls or wrong log probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .answers_common import planned, setting, turning, without
from .stream_common import (
    Change,
    Members,
    Rows,
    each,
    entries,
    finishing,
    forgetful,
    fragments,
    heads,
    later_choices,
    logs,
    pieces,
    row,
    spoilt,
    tails,
)


def name_late(rows: Rows) -> None:
    """The name with the first piece of the arguments."""
    names: dict[int, str] = {}
    for call in fragments(rows):
        if "id" in call:
            names[call["index"]] = call["function"].pop("name")
        elif call["index"] in names:
            call["function"]["name"] = names.pop(call["index"])


def head_again(rows: Rows) -> None:
    """Id, type and name with every fragment."""
    known: dict[int, Members] = {}
    for call in fragments(rows):
        head = known.setdefault(call["index"], {"id": call.get("id"), "name": call["function"].get("name")})
        call.update(id=head["id"], type="function")
        call["function"]["name"] = head["name"]


def name_again(rows: Rows) -> None:
    """The name with every fragment."""
    names: dict[int, str] = {}
    for call in fragments(rows):
        name = call["function"].get("name", "")
        call["function"]["name"] = names.setdefault(call["index"], name)


def end_of_arguments_lost(rows: Rows) -> None:
    """The last piece of every call's arguments does not arrive."""
    ends = {call["index"]: call for call in tails(rows)}
    for call in ends.values():
        call["function"]["arguments"] = ""


def whole_calls_first(rows: Rows) -> None:
    """Every call in one piece, which is the first of its chunk."""
    texts: dict[int, str] = {}
    for call in fragments(rows):
        texts[call["index"]] = texts.get(call["index"], "") + call["function"]["arguments"]
    for piece in pieces(rows):
        calls = [call for call in piece["delta"].get("tool_calls") or () if "id" in call]
        if "tool_calls" in piece["delta"]:
            piece["delta"] = {"tool_calls": calls} if calls else {}
        for call in calls:
            call["function"]["arguments"] = texts[call["index"]]
            call["index"] = 0


def arguments(turn: Callable[[str], Any]) -> Change:
    """Makes something else of the arguments of a fragment."""
    return lambda call: call["function"].update(arguments=turn(call["function"]["arguments"]))


def ids_count_up_for_each(call: Members) -> None:
    """Every call is the first."""
    call["id"] = "call_0"


def pieces_with_logs(rows: Rows) -> dict[int, list[Members]]:
    """The pieces with log probabilities, by choice."""
    found: dict[int, list[Members]] = {}
    for piece in pieces(rows):
        if piece["logprobs"]:
            found.setdefault(piece["index"], []).append(piece)
    return found


def logs_so_far(rows: Rows) -> None:
    """Every chunk repeats the entries before its own."""
    for found in pieces_with_logs(rows).values():
        so_far: list[Any] = []
        for piece in found:
            so_far += piece["logprobs"]["content"]
            piece["logprobs"]["content"] = list(so_far)


def logs_at_once(rows: Rows) -> None:
    """The first chunk with text has the entries of all."""
    for found in pieces_with_logs(rows).values():
        found[0]["logprobs"]["content"] = [entry for piece in found for entry in piece["logprobs"]["content"]]
        for piece in found[1:]:
            piece["logprobs"] = None


def logs_late(rows: Rows) -> None:
    """Every chunk has the entries of the one before it."""
    for found in pieces_with_logs(rows).values():
        lists = [piece["logprobs"]["content"] for piece in found]
        for piece, late in zip(found, [[], *lists], strict=False):
            piece["logprobs"]["content"] = late


def top_of_first(rows: Rows) -> None:
    """Every token has the alternatives of the first one."""
    first: dict[int, Any] = {}
    for piece in pieces(rows):
        for entry in (piece["logprobs"] or {}).get("content") or ():
            entry["top_logprobs"] = first.setdefault(piece["index"], entry["top_logprobs"])


def logs_of_old(piece: Members) -> None:
    """The form of the older completions."""
    found = piece["logprobs"]["content"]
    piece["logprobs"] = {
        "tokens": [entry["token"] for entry in found],
        "token_logprobs": [entry["logprob"] for entry in found],
        "top_logprobs": [{top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in found],
        "text_offset": [0 for _ in found],
    }


def logged(rows: Rows) -> Iterator[Members]:
    """The choice objects with log probabilities."""
    return (piece for piece in pieces(rows) if piece["logprobs"])


STRICT = "res.toolcalls.args.strict.stream"

TOOLS = [
    spoilt("stream-tool-index-missing", "sse.tool.index", each(fragments, without("index")), prop="tools"),
    spoilt("stream-tool-index-later-missing", "sse.tool.index", each(tails, without("index")), prop="tools"),
    spoilt("stream-tool-index-text", "sse.tool.index", each(fragments, turning("index", str)), prop="tools"),
    spoilt("stream-tool-index-null", "sse.tool.index", each(fragments, setting(index=None)), prop="tools"),
    spoilt("stream-tool-index-stuck", "sse.tool.apart", each(fragments, setting(index=0)), prop="tools"),
    spoilt("stream-tool-index-of-pieces", "sse.tool.apart", whole_calls_first, prop="tools"),
    spoilt("stream-tool-type-word", "sse.tool.type", each(heads, setting(type="tool_call")), prop="tools"),
    spoilt("stream-tool-type-empty", "sse.tool.type", each(fragments, setting(type="")), prop="tools"),
    spoilt("stream-tool-type-null", "sse.tool.first.type", each(heads, setting(type=None)), prop="tools"),
    spoilt("stream-tool-type-missing", "sse.tool.first.type", each(heads, without("type")), prop="tools"),
    spoilt("stream-tool-arguments-object", "sse.tool.arguments", each(fragments, arguments(lambda _: {})),
           prop="tools"),
    spoilt("stream-tool-arguments-null", "sse.tool.arguments", each(heads, arguments(lambda _: None)), prop="tools"),
    spoilt("stream-tool-id-missing", "sse.tool.first.id", each(heads, without("id")), prop="tools"),
    spoilt("stream-tool-id-empty", "sse.tool.first.id", each(heads, setting(id="")), prop="tools"),
    spoilt("stream-tool-id-number", "sse.tool.first.id", each(heads, setting(id=7)), prop="tools"),
    spoilt("stream-tool-name-missing", "sse.tool.first.name", each(heads, lambda call: call["function"].pop("name")),
           "client.tools.stream", prop="tools"),
    spoilt("stream-tool-name-late", "sse.tool.first.name", name_late, "sse.tool.later", prop="tools"),
    spoilt("stream-tool-head-again", "sse.tool.later", head_again, prop="tools"),
    spoilt("stream-tool-name-again", "sse.tool.later", name_again, prop="tools"),
    spoilt("stream-tool-ids-equal", "sse.tool.ids", each(heads, ids_count_up_for_each), prop="tools"),
    spoilt("stream-tool-arguments-cut", "sse.tool.args", end_of_arguments_lost, STRICT, prop="tools"),
    spoilt("stream-tool-arguments-quotes", "sse.tool.args",
           each(fragments, arguments(lambda text: text.replace('"', "'"))), STRICT, prop="tools"),
    spoilt("stream-tool-arguments-twice", "sse.tool.args", each(tails, arguments(lambda text: text * 2)), STRICT,
           prop="tools"),
    spoilt("stream-tool-finish-stop", "sse.tool.finish",
           each(finishing, turning("finish_reason", lambda reason: "stop" if reason == "tool_calls" else reason)),
           prop="tools"),
    spoilt("stream-tool-finish-legacy", "sse.tool.finish",
           each(finishing, turning("finish_reason", lambda why: "function_call" if why == "tool_calls" else why)),
           "res.finish.forced.stream", prop="tools"),
]  # fmt: skip

LOGPROBS = [
    row("stream-logs-never", "sse.logprobs", forgetful("logprobs"), prop="logprobs", family="ignored"),
    spoilt("stream-logs-first-choice-only", "sse.logprobs", later_choices(setting(logprobs=None)), prop="logprobs"),
    row("stream-logs-always", "sse.logprobs.off",
        planned(lambda body, reply: replace(reply, alternatives=reply.alternatives or 0)
                if body.get("stream") is True else reply), prop="logprobs"),
    row("stream-logs-if-named", "sse.logprobs.off",
        planned(lambda body, reply: replace(reply, alternatives=reply.alternatives or 0)
                if body.get("stream") is True and "logprobs" in body else reply), prop="logprobs"),
    spoilt("stream-logs-list", "sse.logprobs.shape", each(logged, lambda piece: piece.update(
        logprobs=piece["logprobs"]["content"])), prop="logprobs"),
    spoilt("stream-logs-object", "sse.logprobs.shape", each(logs, turning("content", lambda found: found[0])),
           prop="logprobs"),
    spoilt("stream-logs-old-form", "sse.logprobs", each(logged, logs_of_old), "sse.logprobs.keys", prop="logprobs"),
    spoilt("stream-logs-refusal-missing", "sse.logprobs.keys", each(logs, without("refusal")), prop="logprobs"),
    spoilt("stream-logs-bytes-missing", "sse.logprobs.keys", each(entries, without("bytes")), prop="logprobs"),
    spoilt("stream-logs-token-id", "sse.logprobs.entry", each(entries, setting(token=262)), prop="logprobs"),
    spoilt("stream-logs-logprob-text", "sse.logprobs.entry", each(entries, turning("logprob", str)), prop="logprobs"),
    spoilt("stream-logs-top-missing", "sse.logprobs.entry", each(entries, without("top_logprobs")), prop="logprobs"),
    spoilt("stream-logs-top-object", "sse.logprobs.entry", each(entries, turning(
        "top_logprobs", lambda found: {top["token"]: top["logprob"] for top in found})), prop="logprobs"),
    spoilt("stream-logs-bytes-text", "sse.logprobs.entry", each(entries, turning("bytes", str)), prop="logprobs"),
    spoilt("stream-logs-probabilities", "sse.logprobs.range", each(entries, turning("logprob", math.exp)),
           prop="logprobs"),
    spoilt("stream-logs-top-positive", "sse.logprobs.range", each(entries, lambda entry: [
        top.update(logprob=-top["logprob"]) for top in entry["top_logprobs"]]), prop="logprobs"),
    row("stream-logs-one-more", "sse.logprobs.count",
        planned(lambda body, reply: replace(reply, alternatives=reply.alternatives + 1)
                if body.get("stream") is True and reply.alternatives is not None else reply), prop="top_logprobs"),
    row("stream-logs-five", "sse.logprobs.count",
        planned(lambda body, reply: replace(reply, alternatives=5)
                if body.get("stream") is True and reply.alternatives is not None else reply), prop="top_logprobs"),
    spoilt("stream-logs-top-of-first", "res.logprobs.top.own.stream", top_of_first, prop="top_logprobs"),
    spoilt("stream-logs-so-far", "sse.logprobs.chunk", logs_so_far, prop="logprobs"),
    spoilt("stream-logs-at-once", "sse.logprobs.chunk", logs_at_once, prop="logprobs"),
    spoilt("stream-logs-late", "sse.logprobs.chunk", logs_late, "res.logprobs.concat.stream", prop="logprobs"),
]  # fmt: skip

MUTANTS = [*TOOLS, *LOGPROBS]
