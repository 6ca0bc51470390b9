"""Servers of the fourth blind list where a property has not the effect that it should have. See ``BLIND_4A.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.text import whole

from .blind2_effects import whole_of
from .blind_common import Body
from .blind_effects import rewritten, wanted
from .effects_common import choosing, planning, without
from .requests_making import entries
from .stream_common import collection

ROOM = 3
BOUNDS = ("max_tokens", "max_completion_tokens")


effect = collection("blind4a-", family="ignored")


# --- tools ------------------------------------------------------------------------------------------------------------


def named(holder: object) -> object:
    function = holder.get("function") if isinstance(holder, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def place_is_false(body: Body) -> Body:
    """The place of the named tool is asked for its truth, and that of the first one has none."""
    names = [named(tool) for tool in entries(body, "tools")]
    choice = body.get("tool_choice")
    first = isinstance(choice, dict) and bool(names) and named(choice) == names[0]
    return {**body, "tool_choice": "auto"} if first else body


def later_free(body: Body, choice: Choice) -> Choice:
    if not choice.index or body.get("tool_choice") != "required":
        return choice
    return answers.plan({**body, "tool_choice": "auto"}, 0).choices[choice.index]


def none_beside_parallel(body: Body) -> Body:
    unheard = body.get("tool_choice") == "none" and body.get("parallel_tool_calls") is not None
    return {**body, "tool_choice": "auto"} if unheard else body


# --- formats ----------------------------------------------------------------------------------------------------------


def no_zeros(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: no_zeros(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner or isinstance(inner, dict)}
    return [no_zeros(inner) for inner in value] if isinstance(value, list) else value


def camel_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            re.sub(r"(?<=[a-z0-9])_([a-z])", lambda found: found[1].upper(), key): camel_keys(inner)
            for key, inner in value.items()
        }
    return [camel_keys(inner) for inner in value] if isinstance(value, list) else value


def written_as(turn: Callable[[Any], Any]) -> Reference:
    """Structured answers that came to their end are written as something else."""

    def changed(body: Body, choice: Choice) -> Choice:
        if not whole_of(body, choice, "json_schema"):
            return choice
        text = "".join(choice.tokens)
        said = json.dumps(turn(json.loads(text)))
        return choice if said == text else rewritten(body, choice, said)

    return choosing(changed)


def mode_or_tools(body: Body) -> Body:
    lost = body.get("tools") is not None and wanted(body).get("type") == "json_object"
    return without("response_format")(body) if lost else body


# --- stop strings and bounds ------------------------------------------------------------------------------------------


def room_for_three(body: Body) -> Body:
    stop = body.get("stop")
    return {**body, "stop": stop[:ROOM]} if isinstance(stop, list) else body


def bound_of_all(body: Body) -> Body:
    count = whole(body.get("n")) or 1
    bounds = {name: whole(body.get(name)) for name in BOUNDS}
    return {**body, **{name: most * count for name, most in bounds.items() if most}}


MUTANTS = [
    effect(
        "choice-named-first-lost",
        "gate.forced_tool",
        planning(place_is_false),
        prop="tool_choice",
        with_it="ef.choice.named ef.choice.named.stream client.tools* many.tools",
    ),
    effect(
        "required-first-choice",
        "ef.choice.required",
        choosing(later_free),
        prop="tool_choice",
        with_it="ef.choice.required.stream",
    ),
    effect(
        "choice-none-parallel",
        "ef.choice.none",
        planning(none_beside_parallel),
        prop="tool_choice",
        with_it="ef.choice.none.stream",
    ),
    effect(
        "schema-zero-omitted",
        "ef.json_schema.enum",
        written_as(no_zeros),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.* many.schemas client.structured",
    ),
    effect(
        "schema-keys-camel",
        "ef.json_schema.number",
        written_as(camel_keys),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.* many.schemas client.structured",
    ),
    effect(
        "json-object-lost-tools",
        "ef.json_object.tools",
        planning(mode_or_tools),
        prop="response_format",
        with_it="ef.json_object ef.json_object.stream",
    ),
    effect(
        "stop-fourth-missed",
        "ef.stop.text",
        planning(room_for_three),
        prop="stop",
        with_it="ef.stop ef.stop.stream ef.stop.text.stream ef.stop.finish ef.stop.finish.stream",
    ),
    effect(
        "bound-times-n", "ef.maxtokens", planning(bound_of_all), prop="max_tokens", with_it="ef.maxtokens.* many.bounds"
    ),
]
