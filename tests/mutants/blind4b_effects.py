"""Servers where one property has not its effect beside another one. See ``BLIND_4B.md``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.text import bound, tokenize

from .blind2_effects import Tokens, ending
from .blind4b_answers import strict_names
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, without
from .stream_common import collection

BLOCK = 8
BOUNDS = ("max_tokens", "max_completion_tokens")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


effect = collection("blind4b-", family="ignored")


# --- bounds and stop strings ------------------------------------------------------------------------------------------


def by_blocks(body: Body, choice: Choice) -> Choice:
    """What a draft has right is taken over by whole blocks."""
    limit = bound(body)
    if not limit or not choice.speaks or not isinstance(body.get("prediction"), dict):
        return choice
    wider = {**without(*BOUNDS)(body), "max_tokens": -(-limit // BLOCK) * BLOCK}
    written = answers.write(wider, choice.index)
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def bound_apiece(body: Body, choice: Choice) -> Choice:
    """Each call is a generation of its own."""
    names, finish, legacy = answers.decide(body)
    if len(names) < 2 or legacy or bound(body) is None:
        return choice
    calls: list[Call] = []
    for name in names:
        alone = {**without("n")(body), "tool_choice": {"type": "function", "function": {"name": name}}}
        made = answers.plan(alone, 0).choices[0]
        calls += made.calls
        finish = "length" if made.finish == "length" else finish
    return replace(choice, calls=tuple(calls), finish=finish)


def in_units(tokens: Tokens, strings: list[str]) -> int | None:
    """The place of the first stop string, in UTF-16 units, that is then taken for one in characters."""
    text = "".join(tokens)
    place = min((place for place in (text.find(string) for string in strings) if place >= 0), default=None)
    return None if place is None else len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


# --- formats and tools ------------------------------------------------------------------------------------------------


def structured(body: Body) -> bool:
    return wanted(body).get("type") in ("json_object", "json_schema")


def one_processor(body: Body) -> Body:
    return without("response_format")(body) if body.get("logit_bias") and structured(body) else body


def format_first(body: Body) -> Body:
    choice = body.get("tool_choice")
    forced = choice == "required" or isinstance(choice, dict)
    return {**body, "tool_choice": "none"} if forced and wanted(body).get("type") == "json_schema" else body


def tools_first(body: Body) -> Body:
    return without("response_format")(body) if body.get("tools") and wanted(body).get("type") == "json_schema" else body


def free_later(body: Body, choice: Choice) -> Choice:
    """Later choices may call a tool, as with `auto`."""
    if not choice.index or body.get("tool_choice") != "required":
        return choice
    return answers.plan({**body, "tool_choice": "auto"}, 0).choices[choice.index]


def flat_items(schema: Any) -> Any:
    """The schema with strings for the items that have alternatives."""
    if isinstance(schema, list):
        return [flat_items(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: flat_items(inner) for key, inner in schema.items()}
    items = made.get("items")
    if isinstance(items, dict) and ("anyOf" in items or "oneOf" in items):
        made["items"] = {"type": "string"}
    return made


def alternatives_lost(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or "schema" not in inner:
        return body
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": flat_items(inner["schema"])}}}


def bare_quotes(body: Body, choice: Choice) -> Choice:
    if not choice.calls or choice.finish == "length":
        return choice
    strict = strict_names(body)
    return replace(choice, calls=tuple(bare(call) if call.name in strict else call for call in choice.calls))


def bare(call: Call) -> Call:
    """The call with arguments in which no quote is escaped."""
    text = "".join(call.arguments)
    turned = _ESCAPE.sub(lambda found: '"' if found[1] == '"' else found[0], text)
    return call if turned == text else replace(call, arguments=tuple(tokenize(turned)))


MUTANTS = [
    effect(
        "prediction-past-bound",
        "ef.maxtokens",
        choosing(by_blocks),
        prop="prediction",
        with_it="ef.maxtokens.*",
    ),
    effect(
        "bound-per-call",
        "ef.maxtokens",
        choosing(bound_apiece),
        prop="max_tokens",
        with_it="ef.maxtokens.*",
    ),
    effect(
        "stop-offset-utf16",
        "ef.stop",
        ending(in_units),
        prop="stop",
        with_it="ef.stop.stream ef.stop.text ef.stop.text.stream",
    ),
    effect(
        "format-lost-with-bias",
        "ef.json_object",
        planning(one_processor),
        prop="response_format",
        with_it="ef.json_object.* ef.json_schema ef.json_schema.*",
    ),
    effect(
        "format-over-choice",
        "ef.choice.required",
        planning(format_first),
        prop="tool_choice",
        with_it="ef.choice.required.stream ef.choice.named ef.choice.named.stream",
    ),
    effect(
        "schema-lost-with-tools",
        "ef.json_schema",
        planning(tools_first),
        prop="response_format",
        with_it="ef.json_schema.*",
    ),
    effect(
        "required-first-choice-only",
        "ef.choice.required",
        choosing(free_later),
        prop="tool_choice",
        with_it="ef.choice.required.stream",
    ),
    effect(
        "schema-anyof-items",
        "ef.json_schema.array",
        planning(alternatives_lost),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.anyof ef.json_schema.stream",
    ),
    effect(
        "arguments-quote-unescaped",
        "res.toolcalls.args.strict",
        choosing(bare_quotes),
        prop="tools",
        with_it="res.toolcalls.args.strict.stream res.toolcalls.args res.toolcalls.args.schema sse.tool.args",
    ),
]
