"""Servers where a property has not its effect, from the fifth blind list. See ``BLIND_5.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.prompt import text_of
from chatproof.conformance.reference.text import stops

from .blind5_taken import after_result
from .blind_common import Body, messages_of
from .blind_effects import wanted
from .effects_common import planning, replying, without
from .stream_common import collection

HELD = 3
"""Characters of a stream that are held back."""


effect = collection("blind5-", family="ignored")


def with_stops(body: Body, left: list[str]) -> Body:
    return {**body, "stop": left} if left else without("stop")(body)


def unsaid_stops(body: Body) -> Body:
    """Only the stop strings that are nowhere in the prompt."""
    said = [text_of(message.get("content")) for message in messages_of(body)]
    return with_stops(body, [string for string in stops(body) if not any(string in text for text in said)])


def held_stops(body: Body) -> Body:
    if body.get("stream") is not True:
        return body
    return with_stops(body, [string for string in stops(body) if len(string) <= HELD])


def unlogged(body: Body, reply: Reply) -> Reply:
    """No log probabilities where a text goes on without the stop strings."""
    if reply.alternatives is None or not stops(body):
        return reply
    free = without("stop")(body)
    spoken = [choice for choice in reply.choices if choice.speaks]
    ended = any(answers.write(free, choice.index).tokens != choice.tokens for choice in spoken)
    return replace(reply, alternatives=None) if ended else reply


def unbounded_parts(body: Body) -> Body:
    asked = [message.get("content") for message in messages_of(body) if message.get("role") == "user"]
    if not asked or not isinstance(asked[-1], list):
        return body
    return without("max_tokens", "max_completion_tokens")(body)


def free_after_result(body: Body) -> Body:
    if wanted(body).get("type") == "json_object" and after_result(body):
        return without("response_format")(body)
    return body


# --- schemas ----------------------------------------------------------------------------------------------------------


def may_be_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    kind = schema.get("type")
    if kind == "null" or (isinstance(kind, list) and "null" in kind):
        return True
    branches = [branch for key in ("anyOf", "oneOf") for branch in schema.get(key) or ()]
    return any(may_be_null(branch) for branch in branches)


def without_nullable(schema: Any) -> Any:
    """The schema without the members of objects that may be null."""
    if isinstance(schema, list):
        return [without_nullable(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: without_nullable(inner) for key, inner in schema.items()}
    properties, required = schema.get("properties"), schema.get("required")
    if isinstance(properties, dict):
        lost = {name for name, inner in properties.items() if may_be_null(inner)}
        made["properties"] = {name: inner for name, inner in made["properties"].items() if name not in lost}
        if isinstance(required, list):
            made["required"] = [name for name in required if name not in lost]
    return made


def optional_left_out(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if form.get("type") != "json_schema" or not isinstance(inner, dict) or "schema" not in inner:
        return body
    schema = without_nullable(inner["schema"])
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": schema}}}


MUTANTS = [
    effect(
        "schema-nullable-left-out",
        "ef.json_schema",
        planning(optional_left_out),
        prop="response_format",
        with_it="ef.json_schema.* client.structured",
    ),
    effect(
        "stop-of-prompt-missed",
        "ef.stop",
        planning(unsaid_stops),
        prop="stop",
        with_it="ef.stop.*",
    ),
    effect(
        "stop-long-stream-missed",
        "ef.stop.stream",
        planning(held_stops),
        prop="stop",
        with_it="ef.stop.text.stream ef.stop.across.stream ef.stop.finish.stream",
    ),
    effect(
        "logprobs-lost-when-stopped",
        "ef.logprobs",
        replying(unlogged),
        prop="logprobs",
        with_it="sse.logprobs",
    ),
    effect(
        "bound-lost-with-parts",
        "ef.maxtokens",
        planning(unbounded_parts),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.*",
    ),
    effect(
        "json-lost-after-tool",
        "ef.json_object",
        planning(free_after_result),
        prop="response_format",
        with_it="ef.json_object.*",
    ),
]
