"""Servers where a property has not its effect beside another thing, from the seventh blind list. See ``BLIND_7.md``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.instances import instance
from chatproof.conformance.reference.text import bound, stopped, stops, take, tokenize

from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, replying, without
from .requests_making import calls
from .stream_common import collection

ENTRIES = 80
"""The most alternatives that a token has."""
LEVELS = 2
"""Objects inside of each other that are written as such."""
_boundless = without("max_tokens", "max_completion_tokens")


effect = collection("blind7-", family="ignored")


def unended_after_calls(body: Body) -> Body:
    return without("stop")(body) if any(True for _ in calls(body)) else body


def longest_only(body: Body) -> Body:
    """The stop strings that no other one begins with."""
    listed = stops(body)
    left = [string for string in listed if not any(other != string and other.startswith(string) for other in listed)]
    return {**body, "stop": left} if len(left) < len(listed) else body


def first_bounded(body: Body, reply: Reply) -> Reply:
    if bound(body) is None or len(reply.choices) < 2:
        return reply
    whole = answers.plan(_boundless(body), reply.created)
    choices = (reply.choices[0], *whole.choices[1:])
    return replace(reply, choices=choices, usage=answers.usage(body, choices))


def older_bound_only(body: Body) -> Body:
    return without("max_completion_tokens")(body) if body.get("tools") else body


def stopped_or_required(body: Body) -> Body:
    return without("tool_choice")(body) if body.get("tool_choice") == "required" and stops(body) else body


def called_once(body: Body) -> Body:
    """The body with a choice of no tool, where the chosen one has been called."""
    choice = body.get("tool_choice")
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict):
        return body
    called = [call.get("function") for call in calls(body)]
    names = [inner.get("name") for inner in called if isinstance(inner, dict)]
    return {**body, "tool_choice": "none"} if function.get("name") in names else body


def shallow(value: Any, level: int = 1) -> Any:
    """The value with strings for its deeper objects."""
    if isinstance(value, list):
        return [shallow(item, level) for item in value]
    if not isinstance(value, dict):
        return value
    if level > LEVELS:
        return json.dumps(value)
    return {name: shallow(item, level + 1) for name, item in value.items()}


def deep_written_twice(body: Body, choice: Choice) -> Choice:
    form = wanted(body)
    inner = form.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if form.get("type") != "json_schema" or not isinstance(schema, dict) or not choice.speaks:
        return choice
    made = instance(schema)
    spoilt = shallow(made)
    if spoilt == made:
        return choice
    written = stopped(take(tokenize(json.dumps(spoilt)), bound(body)), stops(body))
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def for_all_choices(_body: Body, reply: Reply) -> Reply:
    if not reply.alternatives or len(reply.choices) < 2:
        return reply
    return replace(reply, alternatives=min(ENTRIES, reply.alternatives * len(reply.choices)))


MUTANTS = [
    effect("stop-lost-after-calls", "ef.stop", planning(unended_after_calls), prop="stop", with_it="ef.stop.*"),
    effect("stop-prefix-swallowed", "ef.stop", planning(longest_only), prop="stop", with_it="ef.stop.*"),
    effect(
        "bound-first-choice-only",
        "ef.maxtokens",
        replying(first_bounded),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* many.bounds",
    ),
    effect(
        "newer-bound-lost-with-tools",
        "ef.maxtokens.completion",
        planning(older_bound_only),
        prop="max_completion_tokens",
        with_it="ef.maxtokens.completion.* ef.length.completion ef.length.completion.stream mm.alias mm.alias.bound",
    ),
    effect(
        "required-lost-with-stop",
        "ef.choice.required",
        planning(stopped_or_required),
        prop="tool_choice",
        with_it="ef.choice.required.stream",
    ),
    effect(
        "named-lost-when-called-before",
        "ef.choice.named",
        planning(called_once),
        prop="tool_choice",
        with_it="ef.choice.named.stream",
    ),
    effect(
        "schema-deep-object-string",
        "ef.json_schema.nested",
        choosing(deep_written_twice),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.* many.schemas client.structured",
    ),
    effect(
        "alternatives-times-n",
        "res.logprobs.count",
        replying(for_all_choices),
        prop="top_logprobs",
        family="answer",
        with_it="sse.logprobs.count",
    ),
]
