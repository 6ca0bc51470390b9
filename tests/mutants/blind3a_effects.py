"""Servers of the third blind list: a property has not the effect that it should have. See ``BLIND_3A.md``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Reference

from .blind2_effects import Tokens, ending, whole_of
from .blind_common import Body, messages_of
from .blind_effects import rewritten
from .effects_common import choosing, planning, replying, without
from .stream_common import collection

LONG = 7
BOUNDS = ("max_tokens", "max_completion_tokens")


effect = collection("blind3a-", family="ignored")


def first_listed(tokens: Tokens, strings: list[str]) -> int | None:
    """Where the first string of the list that occurs at all begins."""
    text = "".join(tokens)
    return next((place for place in (text.find(string) for string in strings) if place >= 0), None)


def shadowed(body: Body) -> Body:
    """The newer name of the bound counts wherever it stands, be it null."""
    return without("max_tokens")(body) if "max_completion_tokens" in body else body


def one_with_tools(body: Body) -> Body:
    return without("n")(body) if body.get("tools") else body


def bare(value: Any) -> Any:
    """The value with the item in the place of each array that has one alone."""
    if isinstance(value, dict):
        return {key: bare(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return bare(value[0]) if len(value) == 1 else [bare(inner) for inner in value]
    return value


def unwrapped(body: Body, choice: Choice) -> Choice:
    if not whole_of(body, choice, "json_schema"):
        return choice
    value = json.loads("".join(choice.tokens))
    turned = bare(value)
    return choice if turned == value else rewritten(body, choice, json.dumps(turned))


def literal(body: Body, choice: Choice) -> Choice:
    if not whole_of(body, choice, "json_object"):
        return choice
    return rewritten(body, choice, repr(json.loads("".join(choice.tokens))))


def none_unheard(body: Body) -> Body:
    streamed = body.get("stream") is True and body.get("tool_choice") == "none"
    return without("tool_choice")(body) if streamed else body


def unheard_late(body: Body) -> Body:
    return without("tool_choice")(body) if len(messages_of(body)) >= LONG else body


def boundless_key() -> Reference:
    """Plain texts are kept by all of the request but the bound."""
    known: dict[str, tuple[Choice, ...]] = {}

    def changed(body: Body, reply: Reply) -> Reply:
        if body.get("stream") is True or not all(choice.speaks for choice in reply.choices):
            return reply
        choices = known.setdefault(json.dumps(without(*BOUNDS)(body), sort_keys=True), reply.choices)
        return replace(reply, choices=choices, usage=answers.usage(body, choices))

    return replying(changed)


MUTANTS = [
    effect("stop-list-order", "ef.stop.text", ending(first_listed), prop="stop", with_it="ef.stop ef.stop.*"),
    effect(
        "bound-null-newer",
        "ef.maxtokens",
        planning(shadowed),
        prop="max_tokens",
        with_it="mm.null ef.maxtokens.stream ef.length ef.length.stream",
    ),
    effect("n-lost-tools", "res.choices.count", planning(one_with_tools), prop="n", with_it="sse.choice.count"),
    effect(
        "schema-array-unwrapped",
        "ef.json_schema.array",
        choosing(unwrapped),
        prop="response_format",
        with_it="ef.json_schema* many.schemas",
    ),
    effect(
        "json-object-python",
        "gate.json_object",
        choosing(literal),
        prop="response_format",
        with_it="ef.json_object ef.json_object.*",
    ),
    effect("choice-none-stream", "ef.choice.none.stream", planning(none_unheard), prop="tool_choice"),
    effect("choice-lost-long", "ef.choice.none", planning(unheard_late), prop="tool_choice", with_it="ef.choice.*"),
    effect(
        "cache-without-bound",
        "ef.maxtokens",
        boundless_key(),
        prop="max_tokens",
        family="load",
        with_it="ef.maxtokens.completion ef.length ef.length.completion many.bounds mm.alias.bound",
    ),
]
