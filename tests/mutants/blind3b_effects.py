"""Servers where one property has not the effect that it should have, as reported in the field. See ``BLIND_3B.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.text import stops, whole

from .blind2_effects import Tokens, ending
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, without
from .stream_common import collection

LEAST = 16
BOUNDS = ("max_tokens", "max_completion_tokens")


effect = collection("blind3b-", family="ignored")


def listed_first(tokens: Tokens, strings: list[str]) -> int | None:
    text = "".join(tokens)
    return next((text.find(string) for string in strings if string in text), None)


def after_start(tokens: Tokens, strings: list[str]) -> int | None:
    """The first place of each string counts, and none is a place."""
    text = "".join(tokens)
    return min((place for place in (text.find(string) for string in strings) if place > 0), default=None)


def ascii_stops(body: Body) -> Body:
    left = [string for string in stops(body) if string.isascii()]
    if left == stops(body):
        return body
    return {**body, "stop": left} if left else without("stop")(body)


def raised(body: Body) -> Body:
    low = {name: LEAST for name in BOUNDS if (whole(body.get(name)) or LEAST) < LEAST}
    return {**body, **low}


def hidden(body: Body) -> Body:
    newer = body.get("max_completion_tokens", ...)
    return without("max_tokens")(body) if newer is None else body


def later_free(body: Body, choice: Choice) -> Choice:
    """The grammar is spent on the first choice."""
    if not choice.index or not choice.speaks or wanted(body).get("type") != "json_object":
        return choice
    written = answers.write(without("response_format")(body), choice.index)
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def target(root: Any, ref: object) -> Any:
    """What a reference inside of a schema points at."""
    node = root
    for step in ref.split("/")[1:] if isinstance(ref, str) else ():
        node = node.get(step) if isinstance(node, dict) else None
    return node


def enums_as_objects(schema: Any, root: Any) -> Any:
    if isinstance(schema, list):
        return [enums_as_objects(inner, root) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found = target(root, schema["$ref"]) if "$ref" in schema else None
    if isinstance(found, dict) and "enum" in found:
        return {"type": "object"}
    return {key: enums_as_objects(inner, root) for key, inner in schema.items()}


def enum_unfollowed(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or "schema" not in inner:
        return body
    schema = enums_as_objects(inner["schema"], inner["schema"])
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": schema}}}


def one_tool(body: Body) -> Body:
    unheard = body.get("tool_choice") == "required" and len(body.get("tools") or ()) > 1
    return {**body, "tool_choice": "auto"} if unheard else body


MUTANTS = [
    effect(
        "stop-listed-first",
        "ef.stop.text",
        ending(listed_first),
        prop="stop",
        with_it="ef.stop ef.stop.stream ef.stop.text.stream",
    ),
    effect(
        "stop-at-start-missed",
        "ef.stop",
        ending(after_start),
        prop="stop",
        with_it="ef.stop.stream ef.stop.text ef.stop.text.stream ef.stop.finish ef.stop.finish.stream",
    ),
    effect(
        "stop-non-ascii-missed",
        "ef.stop",
        planning(ascii_stops),
        prop="stop",
        with_it="ef.stop.stream ef.stop.text ef.stop.text.stream ef.stop.finish ef.stop.finish.stream",
    ),
    effect(
        "bound-raised-16",
        "ef.maxtokens",
        planning(raised),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* many.bounds",
    ),
    effect(
        "bound-hidden-by-null",
        "ef.maxtokens",
        planning(hidden),
        prop="max_tokens",
        family="relation",
        with_it="mm.null ef.maxtokens.stream",
    ),
    effect(
        "json-first-choice-only",
        "ef.json_object",
        choosing(later_free),
        prop="response_format",
        with_it="ef.json_object.stream ef.json_object.kind ef.json_object.kind.stream",
    ),
    effect(
        "schema-ref-enum-object",
        "ef.json_schema.ref",
        planning(enum_unfollowed),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.enum ef.json_schema.stream",
    ),
    effect(
        "required-one-tool-only",
        "ef.choice.required",
        planning(one_tool),
        prop="tool_choice",
        with_it="ef.choice.required.stream",
    ),
]
