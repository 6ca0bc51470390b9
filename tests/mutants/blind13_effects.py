"""Servers where a property has not its effect, from the thirteenth blind list. See ``BLIND_13.md``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.text import bound, stops, take, tokenize, whole

from .blind6_taken import streamed
from .blind10_effects import is_json_mode
from .blind12_effects import led
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, without
from .stream_common import collection

TIMES = 2


effect = collection("blind13-", family="ignored")


def saying(body: Body, choice: Choice, text: str) -> Choice:
    """The choice with another text, within the bound."""
    written = take(tokenize(text), bound(body))
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")


def twice_encoded(body: Body, choice: Choice) -> Choice:
    if not is_json_mode(body) or not choice.speaks or choice.finish == "length" or stops(body):
        return choice
    return saying(body, choice, json.dumps("".join(choice.tokens)))


def echoed(body: Body, choice: Choice) -> Choice:
    schema: Any = (wanted(body).get("json_schema") or {}).get("schema")
    if not isinstance(schema, dict) or not choice.speaks or stops(body):
        return choice
    return saying(body, choice, json.dumps(schema))


def joined(body: Body) -> Body:
    return {**body, "stop": "".join(stops(body))} if isinstance(body.get("stop"), list) else body


def doubled(body: Body) -> Body:
    most = whole(body.get("max_completion_tokens"))
    return body if most is None else {**body, "max_completion_tokens": most * TIMES}


def all_called(body: Body, choice: Choice) -> Choice:
    """A choice with the call of the tool that was named has the calls of the others after it."""
    named = body.get("tool_choice")
    if not isinstance(named, dict) or not choice.calls or choice.finish == "length":
        return choice
    others = [tool["function"] for tool in body["tools"] if tool["function"]["name"] != choice.calls[0].name]
    calls = list(choice.calls)
    for at, function in enumerate(others):
        spoken = tuple(tokenize(answers.arguments(function.get("parameters"))))
        calls.append(Call(f"{calls[0].ident}{at}", function["name"], spoken))
    return replace(choice, calls=tuple(calls))


def stop_shown(body: Body, choice: Choice) -> Choice:
    """A streamed text goes on to the end of the stop string that ended it."""
    if not streamed(body) or not choice.speaks or not stops(body):
        return choice
    unstopped = answers.write(without("stop")(body), choice.index)
    said = "".join(choice.tokens)
    if len(said) >= len(unstopped.text):
        return choice
    rest = unstopped.text[len(said) :]
    shown = next((string for string in stops(body) if rest.startswith(string)), "")
    return replace(choice, tokens=(*choice.tokens, *tokenize(shown)))


# --- two circumstances ------------------------------------------------------------------------------------------------


def unbound_if_seeded(body: Body) -> Body:
    return body if body.get("seed") is None else without("max_tokens")(body)


def unstopped_after_system(body: Body) -> Body:
    return without("stop")(body) if led(body) else body


def untold_after_system(body: Body) -> Body:
    return without("logprobs")(body) if led(body) else body


MUTANTS = [
    effect(
        "json-object-encoded-twice",
        "gate.json_object",
        choosing(twice_encoded),
        prop="response_format",
        with_it="ef.json_object*",
    ),
    effect(
        "schema-echoed",
        "ef.json_schema",
        choosing(echoed),
        prop="response_format",
        with_it="ef.json_schema* gate.json_schema many.schemas client.structured",
    ),
    effect(
        "stop-array-joined",
        "ef.stop",
        planning(joined),
        prop="stop",
        with_it="ef.stop.* mm.stop.scalar many.* res.finish.*",
    ),
    effect(
        "completion-bound-doubled",
        "ef.maxtokens.completion",
        planning(doubled),
        prop="max_completion_tokens",
        with_it="ef.maxtokens.completion* ef.length.completion* ef.monotone.max mm.alias mm.alias.bound many.bounds"
        " res.finish.*",
    ),
    effect(
        "named-all-called",
        "ef.choice.named",
        choosing(all_called),
        prop="tool_choice",
        with_it="ef.choice.named.* ef.parallel.* ef.maxtokens* gate.tool_choice gate.forced_tool many.tools"
        " res.toolcalls.* res.finish.* sse.tool.* client.tools*",
    ),
    effect(
        "stream-stop-shown",
        "ef.stop.stream",
        choosing(stop_shown),
        prop="stop",
        with_it="ef.stop* sse.equiv many.*",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    effect(
        "bound-lost-with-seed",
        "ef.maxtokens",
        planning(unbound_if_seeded),
        prop="max_tokens",
        with_it="ef.maxtokens* ef.length* ef.monotone.max ef.seed mm.alias mm.alias.bound many.bounds res.finish.*",
    ),
    effect(
        "stop-lost-with-system",
        "ef.stop",
        planning(unstopped_after_system),
        prop="stop",
        with_it="ef.stop* mm.stop.scalar many.* res.finish.*",
    ),
    effect(
        "logprobs-lost-with-system",
        "ef.logprobs",
        planning(untold_after_system),
        prop="logprobs",
        with_it="ef.logprobs* ef.toplogprobs.nested gate.logprobs res.logprobs.* sse.logprobs* many.*",
    ),
]
