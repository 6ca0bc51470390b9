"""Servers that keep their promises in plain answers and break them in streams only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice, Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.text import bound, tokenize

from .base import Mutant
from .effects_common import Body, choosing, planning, replying, without
from .stream_common import Members, Rows, each, entries, forgetful, row, spoilt


def streamed(change: Callable[[Body, Choice], Choice]) -> Reference:
    """With every choice changed where a stream is asked for."""
    return choosing(lambda body, choice: change(body, choice) if body.get("stream") is True else choice)


def ending(old: str, new: Any) -> Reference:
    """Another reason to finish in place of one."""
    return streamed(lambda body, choice: replace(choice, finish=new) if choice.finish == old else choice)


def saying(text: str, kind: str) -> Reference:
    """Another text where this format is asked for, and where the token bound has room for it."""
    tokens = tuple(tokenize(text))

    def change(body: Body, choice: Choice) -> Choice:
        wanted = body.get("response_format")
        asked = isinstance(wanted, dict) and wanted.get("type") == kind
        room = len(tokens) <= (bound(body) or len(tokens))
        return replace(choice, tokens=tokens) if asked and room and choice.finish == "stop" else choice

    return streamed(change)


def calling(body: Body, choice: Choice) -> Choice:
    """Calls the first tool although none may be called."""
    if body.get("tool_choice") != "none" or not body.get("tools"):
        return choice
    call = Call("call_x", body["tools"][0]["function"]["name"], tuple(tokenize("{}")))
    return replace(choice, finish="tool_calls", tokens=(), calls=(call,))


def other_tool(body: Body, choice: Choice) -> Choice:
    """Calls a tool that was never declared."""
    return replace(choice, calls=tuple(replace(call, name="lookup") for call in choice.calls))


def named_ignored(body: Body) -> Body:
    """Takes a named choice for a free one where a stream is asked for."""
    named = body.get("stream") is True and isinstance(body.get("tool_choice"), dict)
    return without("tool_choice")(body) if named else body


def forced_legacy(body: Body, choice: Choice) -> Choice:
    """The word of legacy calls for a forced one."""
    forced = body.get("tool_choice") not in (None, "auto", "none") and choice.calls and choice.finish != "length"
    return replace(choice, finish="function_call") if forced else choice


def text_legacy(body: Body, choice: Choice) -> Choice:
    """The word of legacy calls for a text beside functions."""
    told = choice.speaks and choice.finish == "stop" and body.get("functions")
    return replace(choice, finish="function_call") if told else choice


def stopped_length(body: Body, choice: Choice) -> Choice:
    """A stop string counts as a bound."""
    return replace(choice, finish="length") if body.get("stop") and choice.finish == "stop" else choice


def strict_cut(body: Body, choice: Choice) -> Choice:
    """The last piece of the arguments of a strict tool is lost."""
    strict = any((tool.get("function") or {}).get("strict") is True for tool in body.get("tools") or ())
    calls = tuple(replace(call, arguments=call.arguments[:-1]) for call in choice.calls)
    return replace(choice, calls=calls) if strict and choice.finish != "length" else choice


def code_points(entry: Members) -> None:
    """Code points where bytes belong."""
    entry["bytes"] = [min(255, ord(sign)) for sign in entry["token"]]


def shifted(entry: Members) -> None:
    """Bytes of a token without its first character."""
    entry["bytes"] = entry["bytes"][1:] or [63]


def counted(change: Callable[[Members], Any]) -> Callable[[Rows], None]:
    """Changes the usage of a stream that tells it."""

    def changed(rows: Rows) -> None:
        for chunk in rows:
            if chunk.get("usage"):
                change(chunk["usage"])

    return changed


def worded(usage: Members) -> None:
    usage["prompt_tokens_details"] = "none"


def more(details: str, name: str) -> Callable[[Members], None]:
    """A part that is larger than the whole."""
    return lambda usage: usage[details].update({name: usage[details.removesuffix("_details")] + 1})


def first_counted(body: Body, reply: Reply) -> Reply:
    """The usage of a stream is that of its first choice."""
    return replace(reply, usage=answers.usage(body, reply.choices[:1])) if body.get("stream") is True else reply


def mutant(name: str, prop: str, server: Reference, fails: str, with_it: str = "") -> Mutant:
    """One that forgets in streams."""
    return row(f"streamed-{name}", fails, server, with_it, prop=prop)


LENGTHS = "res.finish.length.stream res.finish.function.stream ef.length.*stream"

MUTANTS = [
    mutant(
        "bound-forgotten",
        "max_tokens",
        forgetful("max_tokens"),
        "ef.maxtokens.stream",
        "res.finish.length.stream ef.length.stream",
    ),
    mutant(
        "completion-bound-forgotten",
        "max_completion_tokens",
        forgetful("max_completion_tokens"),
        "ef.maxtokens.completion.stream",
        "ef.length.completion.stream",
    ),
    mutant("cut-ends-with-stop", "max_tokens", ending("length", "stop"), "res.finish.length.stream", LENGTHS),
    mutant(
        "cut-ends-with-stop-completion",
        "max_completion_tokens",
        ending("length", "stop"),
        "ef.length.stream ef.length.completion.stream",
        LENGTHS,
    ),
    mutant("ends-with-length", "max_tokens", ending("stop", "length"), "res.finish.early.stream", "ef.stop.finish"),
    mutant("format-forgotten", "response_format", forgetful("response_format"),
           "ef.json_object.stream ef.json_schema.stream"),
    mutant("json-fenced", "response_format", saying('```json\n{"a": 1}\n```', "json_object"), "ef.json_object.stream"),
    mutant("json-array", "response_format", saying("[1, 2]", "json_object"), "ef.json_object.kind.stream"),
    mutant("schema-loose", "response_format", saying(json.dumps({"town": "Paris"}), "json_schema"),
           "ef.json_schema.stream", "many.schemas"),
    mutant("tools-forgotten", "tools", forgetful("tools", "tool_choice"),
           "ef.choice.required.stream", "ef.choice.named.stream"),
    mutant("choice-forgotten", "tool_choice", planning(named_ignored), "ef.choice.named.stream"),
    mutant("none-calls", "tool_choice", streamed(calling), "ef.choice.none.stream", "res.toolcalls.name.stream"),
    mutant("another-tool", "tools", streamed(other_tool), "res.toolcalls.name.stream", "ef.choice.named.stream"),
    mutant("parallel-anyway", "parallel_tool_calls", forgetful("parallel_tool_calls"),
           "ef.parallel.off.stream"),
    mutant("function-call-ends-with-stop", "functions", ending("function_call", "stop"), "res.finish.function.stream"),
    mutant("forced-ends-legacy", "tool_choice", streamed(forced_legacy), "res.finish.forced.stream"),
    mutant("text-ends-with-call", "answer", ending("stop", "tool_calls"), "res.finish.calls.stream",
           "ef.stop.finish.stream"),
    mutant("text-ends-with-function-call", "answer", streamed(text_legacy), "res.finish.calls.stream"),
    mutant("usage-of-first-choice", "n", replying(first_counted), "res.usage.choices.stream"),
    mutant("stop-string-ends-with-length", "stop", streamed(stopped_length), "ef.stop.finish.stream",
           "res.finish.early.stream"),
    mutant("strict-cut", "tools", streamed(strict_cut), "res.toolcalls.args.strict.stream", "sse.tool.args"),
    spoilt("streamed-logs-of-letters", "res.logprobs.concat.stream", each(entries, code_points), prop="logprobs"),
    spoilt("streamed-logs-shifted", "res.logprobs.concat.stream", each(entries, shifted), prop="logprobs"),
    spoilt("streamed-details-words", "res.usage.details.stream", counted(worded), prop="stream_options"),
    spoilt("streamed-reasoning-beyond", "res.usage.details.completion.stream",
           counted(more("completion_tokens_details", "reasoning_tokens")), "ef.maxtokens*", prop="stream_options"),
    spoilt("streamed-cached-beyond", "res.usage.details.prompt.stream",
           counted(more("prompt_tokens_details", "cached_tokens")), prop="stream_options"),
    spoilt("streamed-tier-number", "sse.chunk.tier",
           each(list, lambda row: row.update(service_tier=1) if "service_tier" in row else None), prop="service_tier"),
    spoilt("streamed-tier-on-demand", "sse.chunk.tier.value",
           each(list, lambda row: row.update(service_tier="on_demand")), prop="service_tier"),
]  # fmt: skip
