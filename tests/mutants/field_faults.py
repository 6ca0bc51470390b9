"""Faults that servers in the field were reported with, and that the suite did not see when they were collected."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Call, Choice, Reply
from chatproof.conformance.reference.text import bound, script, stops, take, tokenize
from starlette.types import ASGIApp, Scope, Send

from .answers_common import row, setting
from .answers_logprobs import tokens
from .base import Mutant
from .effects_common import Body, choosing, effect, planning, replying, without
from .load import crowded
from .load_common import body_of, load, replayed
from .stream_common import each, fragments, spoilt


def stop_begun(body: Body, choice: Choice) -> Choice:
    """A stream looks for stop strings at the end of each token, when what came before has been sent."""
    if not body.get("stream") or not choice.speaks or choice.finish != "stop":
        return choice
    free = take(script(body, choice.index), bound(body)).tokens
    text = ""
    for at, token in enumerate(free):
        if any(string in text + token for string in stops(body)):
            # all tokens before the one that completes the stop string are out
            return replace(choice, tokens=free[:at]) if len(text) > len("".join(choice.tokens)) else choice
        text += token
    return choice


def first_counted(body: Body, reply: Reply) -> Reply:
    """Usage of the first choice alone."""
    return replace(reply, usage=answers.usage(body, reply.choices[:1]))


def first_alternatives(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alternatives of the first position at every position."""
    return [{**entry, "top_logprobs": entries[0]["top_logprobs"]} for entry in entries]


def has_enum(schema: object) -> bool:
    if isinstance(schema, dict):
        return isinstance(schema.get("enum"), list) or any(has_enum(inner) for inner in schema.values())
    return isinstance(schema, list) and any(has_enum(inner) for inner in schema)


def other_words(value: object) -> object:
    """The same shape, with another text in every string."""
    if isinstance(value, dict):
        return {key: other_words(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [other_words(inner) for inner in value]
    return "something else" if isinstance(value, str) else value


def beside_enum(body: Body, choice: Choice) -> Choice:
    """A grammar that knows the types of a schema and not its enumerations."""
    wanted = body.get("response_format")
    if not choice.speaks or choice.finish != "stop" or not isinstance(wanted, dict) or not has_enum(wanted):
        return choice
    spoken = tuple(tokenize(json.dumps(other_words(json.loads("".join(choice.tokens))))))
    return replace(choice, tokens=spoken) if len(spoken) <= (bound(body) or len(spoken)) else choice


def short_arguments(body: Body, choice: Choice) -> Choice:
    """Strict tools are called as the others are, here without the last member that the schema requires."""
    strict = {
        tool["function"].get("name")
        for tool in body.get("tools") or ()
        if tool["type"] == "function" and tool["function"].get("strict") is True
    }
    if choice.finish == "length" or not any(call.name in strict for call in choice.calls):
        return choice

    def shortened(call: Call) -> Call:
        if call.name not in strict:
            return call
        members = list(json.loads("".join(call.arguments)).items())
        return replace(call, arguments=tuple(tokenize(json.dumps(dict(members[:-1])))))

    return replace(choice, calls=tuple(shortened(call) for call in choice.calls))


def no_arguments(body: Body, choice: Choice) -> Choice:
    """Nothing in place of an empty object."""
    calls = (replace(call, arguments=()) if "".join(call.arguments) == "{}" else call for call in choice.calls)
    return replace(choice, calls=tuple(calls))


def one_grammar(body: Body) -> Body:
    """Where there are tools the format is theirs, called or not."""
    return without("response_format")(body) if body.get("tools") else body


async def unbounded(app: ASGIApp, scope: Scope, raw: bytes, send: Send) -> None:
    """As if no bound had been given."""
    body = body_of(raw)
    left = raw if body is None else behaviour.dump(without("max_tokens", "max_completion_tokens")(body))
    await app(scope, replayed(left), send)


MUTANTS: list[Mutant] = [
    effect("field-stop-begun-in-stream", "stop", choosing(stop_begun), "ef.stop.across.stream", family="answer"),
    effect("field-usage-first-choice", "n", replying(first_counted), "res.usage.choices", family="answer"),
    row("field-alternatives-of-first", "res.logprobs.top.own", tokens(first_alternatives), prop="logprobs"),
    load("field-bound-lost-in-crowd", crowded(unbounded), "many.refusals", about="max_tokens"),
    spoilt(
        "field-parallel-calls-one-index",
        "sse.tool.apart",
        each(fragments, setting(index=0)),
        prop="tools",
    ),
    effect(
        "field-schema-enum-unread",
        "response_format",
        choosing(beside_enum),
        "ef.json_schema.enum",
        with_it=("ef.json_schema.*",),
        family="answer",
    ),
    effect("field-strict-arguments-short", "tools", choosing(short_arguments), "res.toolcalls.args.schema"),
    effect("field-arguments-empty", "tools", choosing(no_arguments), "res.toolcalls.args", family="answer"),
    effect("field-format-lost-beside-tools", "response_format", planning(one_grammar), "ef.json_object.tools"),
]
