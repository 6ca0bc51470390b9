"""Servers whose texts do not follow the format, the stop strings or the conversation that were asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.text import VOCABULARY, bound, stops, tokenize

from .base import answering, each_choice
from .effects_common import Body, choosing, cold, effect, planning, refusing_messages, without

# ---------------------------------------------------------------------------------------------------- formats


def structured(change: Callable[[str], str], kind: str, when: Callable[[Body], bool] = bool) -> Reference:
    """Writes something else for a response format (where `when`); an answer that was cut stays as it is."""

    def changed(body: Body, choice: Choice) -> Choice:
        wanted = (body.get("response_format") or {}).get("type") == kind
        if not wanted or not when(body) or not choice.speaks or choice.finish != "stop":
            return choice
        tokens = tuple(tokenize(change("".join(choice.tokens))))
        # not beyond the bound, which would be another fault
        return replace(choice, tokens=tokens) if len(tokens) <= (bound(body) or len(tokens)) else choice

    return choosing(changed)


def extra_member(text: str) -> str:
    value = json.loads(text)
    return json.dumps({**value, "note": "as you asked"} if isinstance(value, dict) else value)


def strings_only(text: str) -> str:
    value = json.loads(text)
    return json.dumps(dict.fromkeys(value, 0) if isinstance(value, dict) else value)


# ---------------------------------------------------------------------------------------------------- stop


def stop_kept(body: Body, choice: Choice) -> Choice:
    """Ends at the stop string, and shows it."""
    free = answers.write({**body, "stop": None, "n": None}, choice.index).text
    said = "".join(choice.tokens)
    if not choice.speaks or choice.finish != "stop" or not free.startswith(said) or free == said:
        return choice
    hit = next((string for string in stops(body) if free[len(said) :].startswith(string)), "")
    return replace(choice, tokens=(*choice.tokens, *([hit] if hit else [])))


def stop_on_token(body: Body) -> Body:
    """Knows a stop string only where it is a token by itself."""
    return {**body, "stop": [string for string in stops(body) if string in VOCABULARY] or None}


def first_stop(body: Body) -> Body:
    return {**body, "stop": stops(body)[:1] or None}


def stop_says_length(body: Body, choice: Choice) -> Choice:
    """Takes a stop string for the end of its room."""
    if not stops(body) or not choice.speaks or choice.finish != "stop":
        return choice
    free = answers.write({**body, "stop": None}, choice.index)
    return replace(choice, finish="length") if len(free.text) > len("".join(choice.tokens)) else choice


def stop_rewrites(body: Body, choice: Choice) -> Choice:
    """Says the same with another first word where there are stop strings."""
    if not stops(body) or not choice.speaks or not choice.tokens or any("Our" in string for string in stops(body)):
        return choice
    return replace(choice, tokens=("Our", *choice.tokens[1:]))


MUTANTS = [
    # response_format
    effect(
        "format-unread",
        "response_format",
        planning(without("response_format")),
        "gate.json_object",
        "gate.json_schema",
    ),
    effect(
        "json-fenced",
        "response_format",
        structured(lambda text: f"```json\n{text}\n```", "json_object"),
        "gate.json_object",
        with_it=("ef.json_object",),
        family="answer",
    ),
    effect(
        "json-fenced-cold",
        "response_format",
        structured(lambda text: f"```json\n{text}\n```", "json_object", cold),
        "ef.json_object",
        family="answer",
    ),
    effect(
        "json-array",
        "response_format",
        structured(lambda text: f"[{text}]", "json_object"),
        "ef.json_object.kind",
        "gate.json_object",
        family="answer",
    ),
    effect(
        "json-array-cold",
        "response_format",
        structured(lambda text: f"[{text}]", "json_object", cold),
        "ef.json_object.kind",
        family="answer",
    ),
    effect(
        "schema-any-object",
        "response_format",
        structured(lambda text: '{"answer": "yes"}', "json_schema"),
        "ef.json_schema",
        family="answer",
    ),
    effect(
        "schema-extra", "response_format", structured(extra_member, "json_schema"), "ef.json_schema", family="answer"
    ),
    effect(
        "schema-types", "response_format", structured(strings_only, "json_schema"), "ef.json_schema", family="answer"
    ),
    # its own words back
    effect(
        "echo-long-ids",
        "messages",
        choosing(
            lambda body, choice: replace(
                choice, calls=tuple(replace(call, ident=call.ident + "0" * 20) for call in choice.calls)
            )
        ),
        "ef.echo",
        family="refused",
    ),
    effect(
        "echo-null-content",
        "messages",
        planning(
            dict,
            refusing_messages("null", lambda row: bool(row.get("tool_calls")) and row.get("content", "") is None),
        ),
        "content.assistant.optional.accepts",
        with_it=(
            "ef.echo",
            "toolcall.*.accepts",
            "assistant.toolcalls.max.accepts",
            "content.tool.*.accepts",
            "content.empty.tool.accepts",
            "tools.conversation.accepts",
            "role.tool.accepts",
            "together.*",
        ),
        family="refused",
    ),
    effect(
        "echo-refusal-calls",
        "messages",
        planning(dict, refusing_messages("refusal", lambda row: "refusal" in row and bool(row.get("tool_calls")))),
        "ef.echo",
        with_it=("assistant.refusal.null.accepts",),
        family="refused",
    ),
    effect(
        "echo-empty-calls",
        "messages",
        answering(each_choice(lambda choice: choice["message"].setdefault("tool_calls", []))),
        "ef.echo.text",
        "res.toolcalls.absent",
        family="answer",
    ),
    effect(
        "echo-refusal-null",
        "messages",
        planning(dict, refusing_messages("refusal", lambda row: "refusal" in row and not row.get("tool_calls"))),
        "ef.echo.text",
        "assistant.refusal.null.accepts",
        family="refused",
    ),
    # stop
    effect(
        "stop-unread",
        "stop",
        planning(without("stop")),
        "ef.stop.text",
        "ef.stop",
        "ef.stop.stream",
        with_it=("ef.stop.finish",),
    ),
    effect(
        "stop-unread-stream",
        "stop",
        planning(lambda body: without("stop")(body) if body.get("stream") else body),
        "ef.stop.text.stream",
        "ef.stop.stream",
    ),
    effect("stop-shown", "stop", choosing(stop_kept), "ef.stop.text", "ef.stop", "ef.stop.stream", family="answer"),
    effect("stop-token-only", "stop", planning(stop_on_token), "ef.stop", "ef.stop.stream"),
    effect("stop-first-only", "stop", planning(first_stop), "ef.stop.text", "ef.stop"),
    effect("stop-says-length", "stop", choosing(stop_says_length), "ef.stop.finish", family="answer"),
    effect("stop-rewrites", "stop", choosing(stop_rewrites), "ef.stop.prefix", family="answer"),
]
