"""Servers where one property has not the effect that it should have, invented without a look at the rules."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.text import bound, stops, tokenize

from .blind_common import Body, blind, messages_of
from .effects_common import choosing, planning, without
from .stream_common import forgetful

WINDOW = 4
DEFAULT = 16


def unended(body: Body, choice: Choice) -> Choice:
    """Later choices go on after a stop string."""
    if not choice.index or not choice.speaks or not stops(body):
        return choice
    written = answers.write(without("stop")(body), choice.index)
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def strings_stripped(body: Body) -> Body:
    left = [string.strip() for string in stops(body) if string.strip()]
    return {**body, "stop": left} if left else without("stop")(body)


def naive(text: str, string: str) -> int | None:
    """Where a string begins; a character that ends a partial match is not tried as the beginning of another."""
    matched = 0
    for at, character in enumerate(text):
        matched = matched + 1 if character == string[matched] else 0
        if matched == len(string):
            return at + 1 - matched
    return None


def naively_stopped(body: Body, choice: Choice) -> Choice:
    if not choice.speaks or not stops(body):
        return choice
    written = answers.write(without("stop")(body), choice.index)
    found = [place for string in stops(body) if (place := naive(written.text, string)) is not None]
    if not found:
        return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")
    kept: list[str] = []
    left = min(found)
    for token in written.tokens:
        if left > 0:
            kept.append(token[:left])
            left -= len(token)
    return replace(choice, tokens=tuple(kept), finish="stop")


def characters(body: Body) -> Body:
    return {**body, "stop": list(body["stop"])} if isinstance(body.get("stop"), str) else body


def one_bias(body: Body) -> Body:
    bias = body.get("logit_bias")
    return {**body, "logit_bias": dict(list(bias.items())[:1])} if isinstance(bias, dict) else body


def boundless_calls(body: Body) -> Body:
    return without("max_tokens", "max_completion_tokens")(body) if answers.decide(body)[0] else body


def wanted(body: Body) -> Body:
    found = body.get("response_format")
    return found if isinstance(found, dict) else {}


def rewritten(body: Body, choice: Choice, text: str) -> Choice:
    """The choice with another text, if the bound has room for it."""
    tokens = tuple(tokenize(text))
    return choice if len(tokens) > (bound(body) or len(tokens)) else replace(choice, tokens=tokens)


def fenced(body: Body, choice: Choice) -> Choice:
    kind = wanted(body).get("type")
    if body.get("stream") is not True or kind != "json_object" or not choice.speaks or choice.finish != "stop":
        return choice
    return rewritten(body, choice, f"```json\n{''.join(choice.tokens)}\n```")


def noted(value: Any, inner: bool = False) -> Any:
    """The value with one member more in every object but the outermost."""
    if isinstance(value, dict):
        grown = {key: noted(item, True) for key, item in value.items()}
        return {**grown, "note": ""} if inner else grown
    return [noted(item, True) for item in value] if isinstance(value, list) else value


def extra_inside(body: Body, choice: Choice) -> Choice:
    if wanted(body).get("type") != "json_schema" or not choice.speaks or choice.finish != "stop":
        return choice
    try:
        value = json.loads("".join(choice.tokens))
    except ValueError:  # a stop string has ended it
        return choice
    grown = noted(value)
    return choice if grown == value else rewritten(body, choice, json.dumps(grown))


def null_for_ref(schema: Any) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return {"type": "null"}
        return {key: null_for_ref(inner) for key, inner in schema.items()}
    return [null_for_ref(inner) for inner in schema] if isinstance(schema, list) else schema


def unresolved(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or "schema" not in inner:
        return body
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": null_for_ref(inner["schema"])}}}


def type_first(body: Body) -> Body:
    form = wanted(body)
    return without("response_format")(body) if form and next(iter(form)) != "type" else body


def window(body: Body) -> Body:
    return {**body, "messages": messages_of(body)[-WINDOW:]}


def default_for_null(body: Body) -> Body:
    return {**body, "max_tokens": DEFAULT} if "max_tokens" in body and body["max_tokens"] is None else body


MUTANTS = [
    blind("stop-first-choice", "ef.stop.text", choosing(unended), prop="stop", family="ignored"),
    blind("stop-stripped", "ef.stop.text", planning(strings_stripped), prop="stop", family="ignored"),
    blind("stop-naive-matcher", "ef.stop.text", choosing(naively_stopped), prop="stop"),
    blind(
        "stop-characters", "ef.stop.part", planning(characters), prop="stop", family="ignored", with_it="mm.stop.scalar"
    ),
    blind("bias-first-only", "ef.bias.ban", planning(one_bias), prop="logit_bias", family="ignored"),
    blind("bound-not-for-arguments", "ef.maxtokens", planning(boundless_calls), prop="max_tokens", family="ignored"),
    blind(
        "newer-bound-not-in-streams",
        "ef.maxtokens.completion.stream",
        forgetful("max_completion_tokens"),
        prop="max_completion_tokens",
        family="ignored",
        with_it="mm.alias.bound ef.length.completion.stream",
    ),
    blind("json-fenced-stream", "ef.json_object.stream", choosing(fenced), prop="response_format"),
    blind(
        "schema-nested-extra",
        "ef.json_schema.nested",
        choosing(extra_inside),
        prop="response_format",
        with_it="ef.json_schema.*",
    ),
    blind("schema-ref-null", "ef.json_schema.ref", planning(unresolved), prop="response_format"),
    blind("schema-type-last", "mm.keyorder", planning(type_first), prop="response_format", family="relation"),
    blind("prompt-window", "ef.prompt.monotone", planning(window), prop="messages", family="ignored"),
    blind("null-bound-sixteen", "mm.null", planning(default_for_null), prop="max_tokens", family="relation"),
]
