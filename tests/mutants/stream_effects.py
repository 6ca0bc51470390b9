"""Servers that keep their promises in plain answers and break them in streams only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.text import tokenize

from .base import Mutant
from .effects_common import Body, choosing, planning, without
from .stream_common import forgetful, row


def streamed(change: Callable[[Body, Choice], Choice]) -> Reference:
    """With every choice changed where a stream is asked for."""
    return choosing(lambda body, choice: change(body, choice) if body.get("stream") is True else choice)


def ending(old: str, new: Any) -> Reference:
    """Another reason to finish in place of one."""
    return streamed(lambda body, choice: replace(choice, finish=new) if choice.finish == old else choice)


def saying(text: str, kind: str) -> Reference:
    """Another text where this format is asked for."""

    def change(body: Body, choice: Choice) -> Choice:
        wanted = body.get("response_format")
        asked = isinstance(wanted, dict) and wanted.get("type") == kind
        return replace(choice, tokens=tuple(tokenize(text))) if asked and choice.finish == "stop" else choice

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


def mutant(name: str, prop: str, server: Reference, fails: str, with_it: str = "") -> Mutant:
    """One that forgets in streams."""
    return row(f"streamed-{name}", fails, server, with_it, prop=prop)


LENGTHS = "res.finish.length.stream ef.length.*stream"

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
]  # fmt: skip
