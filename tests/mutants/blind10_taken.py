"""Servers that take what they must refuse, from the tenth blind list. See ``BLIND_10.md``."""

from __future__ import annotations

import re
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference

from .base import bounded
from .blind4b_taken import blinkered, hidden
from .blind6_taken import beside, is_number, streamed
from .blind9_taken import HELLO
from .blind_common import Body
from .requests_making import RIGHT, each_message, is_array, is_object, is_text, reading, within
from .stream_common import collection

CHOICES = RIGHT.limits.choices
VOICE = "alloy"


taken = collection("blind10-", prop="messages", family="type")


def unpacked(value: Any) -> Any:
    """The first item of an array; nothing of an empty one."""
    return value[0] if value else None


def cased_choice(value: object) -> bool:
    return isinstance(value, str) and value.lower() in CHOICES


def lowered(value: Any) -> Any:
    return [item.lower() if isinstance(item, str) else item for item in value]


def last_function_named(body: Body) -> Body:
    """The body with a good name for the last of the functions."""
    listed = body.get("functions")
    if not isinstance(listed, list) or not listed or not is_object(listed[-1]) or not is_text(listed[-1].get("name")):
        return body
    return {**body, "functions": [*listed[:-1], {**listed[-1], "name": "f"}]}


def with_voice(audio: Body) -> None:
    audio.setdefault("voice", VOICE)


def joined_name(message: Body) -> None:
    name = message.get("name")
    if isinstance(name, list) and all(isinstance(item, str) for item in name):
        message["name"] = "".join(name)


def parse_or_greet(raw: bytes) -> Any:
    value = behaviour.parse(raw)
    return HELLO if is_number(value) or isinstance(value, bool) else value


MUTANTS = [
    taken(
        "temperature-half-below",
        "temperature.min.refuses",
        bounded(temperature_min=-0.5),
        prop="temperature",
        family="bound",
        with_it="temperature.next mm.monotone.bad",
    ),
    taken(
        "frequency-max-three",
        "frequency_penalty.max.refuses",
        bounded(frequency_penalty_max=3),
        prop="frequency_penalty",
        family="bound",
        with_it="frequency_penalty.next mm.monotone.bad",
    ),
    taken(
        "top-logprobs-25-taken",
        "top_logprobs.max.refuses",
        bounded(top_logprobs_max=25),
        prop="top_logprobs",
        family="bound",
        with_it="mm.monotone.bad",
    ),
    taken(
        "completion-array-taken",
        "max_completion_tokens.type.refuses",
        reading("max_completion_tokens", is_array, unpacked),
        prop="max_completion_tokens",
        with_it="gate.max_completion_tokens mm.alias mm.monotone.bad many.refusals",
    ),
    taken(
        "store-array-taken",
        "store.type.refuses",
        reading("store", is_array, lambda _: False),
        prop="store",
        with_it="gate.store mm.monotone.bad",
    ),
    taken(
        "parallel-object-taken",
        "parallel_tool_calls.type.refuses",
        reading("parallel_tool_calls", is_object, lambda _: True),
        prop="parallel_tool_calls",
        with_it="gate.parallel_tool_calls mm.monotone.bad",
    ),
    taken(
        "choice-any-case",
        "tool_choice.enum.refuses",
        reading("tool_choice", cased_choice, str.lower),
        prop="tool_choice",
        family="enum",
        with_it="mm.monotone.bad",
    ),
    taken(
        "function-call-empty-taken",
        "function_call.enum.refuses",
        reading("function_call", lambda value: value == ""),
        prop="function_call",
        family="enum",
        with_it="mm.monotone.bad",
    ),
    taken(
        "function-name-last-unchecked",
        "functions.name.pattern.refuses",
        blinkered(("fn.name.pattern",), last_function_named),
        prop="functions",
        family="pattern",
        with_it="functions.name.refuses functions.and.tools.name.refuses mm.tools.legacy mm.monotone.bad",
    ),
    taken(
        "modalities-any-case",
        "modalities.enum.refuses",
        reading("modalities", is_array, lowered),
        prop="modalities",
        family="enum",
        with_it="modalities.item.refuses mm.monotone.bad",
    ),
    taken(
        "audio-voice-missing-taken",
        "audio.required.refuses",
        within("audio", with_voice),
        prop="audio",
        family="required",
        with_it="audio.voice.refuses mm.monotone.bad",
    ),
    taken(
        "name-list-taken",
        "messages.name.type.refuses",
        each_message(joined_name),
        with_it="mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "schema-name-blank-taken",
        "response_format.jsonschema.name.refuses",
        bounded(schema_name=re.compile(r"[A-Za-z0-9_ -]+")),
        prop="response_format",
        family="pattern",
        with_it="mm.monotone.bad",
    ),
    taken(
        "root-scalar-as-hello",
        "http.json.object.refuses",
        Reference(behaviour=Behaviour(parse=parse_or_greet)),
        prop="body",
        family="transport",
        with_it="http.json.refuses http.json.*.refuses many.refusals",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    taken(
        "n-unchecked-with-tools",
        "n.type.refuses",
        blinkered(("n.type",), hidden("n", beside("tools"))),
        prop="n",
        with_it="mm.monotone.bad",
    ),
    taken(
        "stop-max-unchecked-with-format",
        "stop.array.max.refuses",
        blinkered(("stop.array.max",), hidden("stop", beside("response_format"))),
        prop="stop",
        family="bound",
        with_it="mm.monotone.bad",
    ),
    taken(
        "presence-unchecked-with-stop",
        "presence_penalty.max.refuses",
        blinkered(("presence_penalty.min", "presence_penalty.max"), hidden("presence_penalty", beside("stop"))),
        prop="presence_penalty",
        family="bound",
        with_it="presence_penalty.min.refuses presence_penalty.next mm.monotone.bad",
    ),
    taken(
        "model-type-unchecked-stream",
        "model.type.refuses",
        blinkered(("model.type",), hidden("model", streamed)),
        prop="model",
        with_it="mm.stream sse.error.before sse.error.before.plain mm.monotone.bad",
    ),
]
