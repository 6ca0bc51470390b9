"""Servers where a property has not its effect beside another one, from the sixth blind list. See ``BLIND_6.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.text import stops

from .blind_common import Body
from .blind_effects import wanted
from .effects_common import planning, replying, without
from .stream_common import collection

_boundless = without("max_tokens", "max_completion_tokens")


effect = collection("blind6-", family="ignored")


def calling(body: Body) -> bool:
    """Whether the answer is a call and no text."""
    return bool(answers.decide(body)[0])


def stops_or_tools(body: Body) -> Body:
    return without("stop")(body) if body.get("tools") else body


def stops_or_format(body: Body) -> Body:
    return without("stop")(body) if wanted(body).get("type") in ("json_object", "json_schema") else body


def whole_json(body: Body) -> Body:
    return _boundless(body) if wanted(body).get("type") == "json_schema" and not calling(body) else body


def one_condition(body: Body) -> Body:
    return _boundless(body) if stops(body) and not calling(body) else body


def alone_logged(body: Body) -> Body:
    return without("n")(body) if body.get("logprobs") is True else body


def unlogged_text(body: Body, reply: Reply) -> Reply:
    unseen = bool(body.get("tools")) and any(choice.speaks for choice in reply.choices)
    return replace(reply, alternatives=None) if unseen else reply


def quoted_numbers(schema: Any) -> Any:
    """The schema with strings for the numbers of its enumerations."""
    if isinstance(schema, list):
        return [quoted_numbers(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: quoted_numbers(inner) for key, inner in schema.items()}
    if isinstance(schema.get("enum"), list):
        made["enum"] = [str(value) if type(value) in (int, float) else value for value in schema["enum"]]
    return made


def enumerated_words(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or "schema" not in inner:
        return body
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": quoted_numbers(inner["schema"])}}}


MUTANTS = [
    effect(
        "stop-lost-with-tools",
        "ef.stop ef.stop.text",
        planning(stops_or_tools),
        prop="stop",
        with_it="ef.stop.*",
    ),
    effect(
        "stop-lost-with-format",
        "ef.stop ef.stop.text",
        planning(stops_or_format),
        prop="stop",
        with_it="ef.stop.*",
    ),
    effect(
        "bound-lost-with-schema",
        "ef.maxtokens",
        planning(whole_json),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* many.bounds",
    ),
    effect(
        "bound-lost-with-stop",
        "ef.maxtokens",
        planning(one_condition),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.*",
    ),
    effect(
        "n-lost-with-logprobs",
        "res.choices.count",
        planning(alone_logged),
        prop="n",
        with_it="sse.choice.count",
    ),
    effect(
        "logprobs-lost-with-tools",
        "ef.logprobs",
        replying(unlogged_text),
        prop="logprobs",
        with_it="sse.logprobs",
    ),
    effect(
        "schema-enum-number-quoted",
        "ef.json_schema.enum",
        planning(enumerated_words),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.* many.schemas client.structured",
    ),
]
