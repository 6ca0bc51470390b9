"""Servers where a property has not its effect, from the tenth blind list. See ``BLIND_10.md``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.text import bound, stopped, stops, take, tokenize, whole

from .blind_common import Body, messages_of
from .effects_common import choosing, planning, without
from .stream_common import collection

EPILOGUE = "\nThat is all."
EXTRA = "comment"
LONG = 4
"""Messages of the longest conversation in which the bound is heard."""


effect = collection("blind10-", family="ignored")


def is_json_mode(body: Body) -> bool:
    form = body.get("response_format")
    return isinstance(form, dict) and form.get("type") == "json_object"


def is_strict(body: Body, name: str) -> bool:
    """Whether there is such a tool, it is strict, and its schema takes no other members."""
    for tool in body.get("tools") or ():
        function = tool["function"]
        if function["name"] == name and function.get("strict") is True:
            return (function.get("parameters") or {}).get("additionalProperties") is False
    return False


def commented(body: Body, call: Call) -> Call:
    if not is_strict(body, call.name):
        return call
    try:
        told: Any = json.loads("".join(call.arguments))
    except ValueError:
        return call  # cut by the bound
    return replace(call, arguments=tuple(tokenize(json.dumps({**told, EXTRA: "none"}))))


def with_extra(body: Body, choice: Choice) -> Choice:
    return replace(choice, calls=tuple(commented(body, call) for call in choice.calls))


def with_epilogue(body: Body, choice: Choice) -> Choice:
    """More text after the whole JSON; bound and stop strings hold for it as well."""
    if not is_json_mode(body) or not choice.speaks or choice.finish != "stop":
        return choice
    if answers.write(without("stop")(body), choice.index).tokens != choice.tokens:
        return choice
    written = stopped(take((*choice.tokens, *tokenize(EPILOGUE)), bound(body)), stops(body))
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def last_stop_lost(body: Body) -> Body:
    stop = body.get("stop")
    return {**body, "stop": stop[:-1]} if isinstance(stop, list) and len(stop) > 1 else body


def two_more(body: Body) -> Body:
    most = whole(body.get("max_tokens"))
    return body if most is None else {**body, "max_tokens": most + 2}


def several_unstopped(body: Body) -> Body:
    return without("stop")(body) if (whole(body.get("n")) or 1) > 1 else body


def seeded_text(body: Body) -> Body:
    return without("response_format")(body) if is_json_mode(body) and body.get("seed") is not None else body


def long_unbound(body: Body) -> Body:
    return without("max_tokens")(body) if len(messages_of(body)) > LONG else body


def led_by_system(body: Body) -> Body:
    led = messages_of(body)[0].get("role") == "system"
    return without("tool_choice")(body) if led and body.get("tool_choice") == "required" else body


MUTANTS = [
    effect(
        "arguments-extra-strict",
        "res.toolcalls.args.schema",
        choosing(with_extra),
        prop="tools",
        family="answer",
        with_it="res.toolcalls.args.schema.stream res.toolcalls.args.strict res.toolcalls.args.strict.stream",
    ),
    effect(
        "json-object-epilogue",
        "ef.json_object",
        choosing(with_epilogue),
        prop="response_format",
        with_it="ef.json_object.* gate.json_object res.finish.*",
    ),
    effect("stop-last-ignored", "ef.stop", planning(last_stop_lost), prop="stop", with_it="ef.stop.*"),
    effect(
        "max-tokens-plus-two",
        "ef.maxtokens",
        planning(two_more),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* mm.alias mm.alias.bound many.bounds res.finish.*",
    ),
    effect("stop-lost-several", "ef.stop", planning(several_unstopped), prop="stop", with_it="ef.stop.* many.choices"),
    effect(
        "json-object-lost-with-seed",
        "ef.json_object",
        planning(seeded_text),
        prop="response_format",
        with_it="ef.json_object.*",
    ),
    effect(
        "bound-lost-long",
        "ef.maxtokens",
        planning(long_unbound),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* mm.alias.bound many.bounds res.finish.*",
    ),
    effect(
        "required-lost-with-system",
        "ef.choice.required",
        planning(led_by_system),
        prop="tool_choice",
        with_it="ef.choice.required.stream many.tools",
    ),
]
