"""Servers where a property has not its effect, from the ninth blind list. See ``BLIND_9.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Finish, Reply
from chatproof.conformance.reference.text import whole

from .blind6_taken import streamed
from .blind_common import Body
from .effects_common import choosing, planning, replying, without
from .stream_common import collection

OWN_END = cast(Finish, "complete")  # no reason that there is


effect = collection("blind9-", family="ignored")


def outside(schema: Any) -> Any:
    """The schema where every list of words is one word that is not among them."""
    if isinstance(schema, list):
        return [outside(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    words = schema.get("enum")
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        return {"const": max(words, key=len) + "_other"}
    return {name: outside(inner) for name, inner in schema.items()}


def outside_if_strict(tool: Any) -> Any:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or function.get("strict") is not True:
        return tool
    return {**tool, "function": {**function, "parameters": outside(function.get("parameters"))}}


def called_outside(body: Body, reply: Reply) -> Reply:
    """Calls by other schemas; the prompt is counted as it came."""
    listed = body.get("tools")
    if not isinstance(listed, list) or not any(choice.calls for choice in reply.choices):
        return reply
    tools = [outside_if_strict(tool) for tool in listed]
    if tools == listed:
        return reply
    choices = answers.plan({**body, "tools": tools}, reply.created).choices
    return replace(reply, choices=choices, usage=answers.usage(body, choices))


def completed(body: Body, choice: Choice) -> Choice:
    """The end of a text that neither the bound nor a stop string has cut, in another word."""
    if choice.finish != "stop" or not choice.speaks:
        return choice
    own = answers.write(without("stop")(body), choice.index)
    return replace(choice, finish=OWN_END) if own.tokens == choice.tokens else choice


def first_stop(body: Body) -> Body:
    return {**body, "stop": body["stop"][:1]} if isinstance(body.get("stop"), list) else body


def doubled(body: Body) -> Body:
    most = whole(body.get("max_tokens"))
    return body if most is None else {**body, "max_tokens": 2 * most}


def unnamed_stream(body: Body) -> Body:
    return without("tool_choice")(body) if streamed(body) and isinstance(body.get("tool_choice"), dict) else body


MUTANTS = [
    effect(
        "arguments-enum-outside",
        "res.toolcalls.args.schema",
        replying(called_outside),
        prop="tools",
        family="answer",
        with_it="res.toolcalls.args.schema.stream",
    ),
    effect(
        "finish-complete",
        "res.finish.enum",
        choosing(completed),
        prop="answer",
        family="answer",
        with_it="sse.finish.enum",
    ),
    effect("stop-second-ignored", "ef.stop", planning(first_stop), prop="stop", with_it="ef.stop.*"),
    effect(
        "max-tokens-doubled",
        "ef.maxtokens",
        planning(doubled),
        prop="max_tokens",
        with_it="ef.maxtokens.stream ef.maxtokens.exact ef.length ef.length.stream mm.alias.bound many.bounds",
    ),
    effect(
        "named-lost-stream",
        "ef.choice.named.stream",
        planning(unnamed_stream),
        prop="tool_choice",
        with_it="many.tools client.tools.stream",
    ),
]
