"""Servers that take what they must refuse, from the eighth blind list. See ``BLIND_8.md``."""

from __future__ import annotations

import re
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference
from chatproof.conformance.reference.json_values import is_whole
from chatproof.conformance.reference.limits import LIMITS

from .base import bounded, unchecked
from .blind4b_taken import blinkered, hidden, messages_seen
from .blind6_taken import is_number, streamed, truth
from .blind_common import Body
from .requests_making import each_message, first_of, reading, rewriting, viewing, within
from .stream_common import collection

SERVED = "chatproof-reference"
LITERALS = ("true", "false", "null")
CONSTANTS = ("NaN", "Infinity")
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


taken = collection("blind8-", prop="messages", family="type")


# --- plain ------------------------------------------------------------------------------------------------------------


def number_written(value: object) -> bool:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def nought_or_one(value: object) -> bool:
    return is_number(value) and value in (0, 1)


def no_options(body: Body) -> bool:
    return body.get("stream_options") == {}


def nothing_predicted(prediction: Body) -> None:
    prediction.setdefault("content", "")


def one_more(function: Any) -> Any:
    """The function with a name that is one character shorter, where it is just too long."""
    name = function.get("name") if isinstance(function, dict) else None
    too_long = isinstance(name, str) and len(name) == LIMITS.function_name_max + 1
    return {**function, "name": name[1:]} if too_long and isinstance(name, str) else function


def shorter_functions(body: Body) -> Body:
    listed = body.get("functions")
    return {**body, "functions": [one_more(item) for item in listed]} if isinstance(listed, list) else body


def called_alone(message: Body) -> None:
    if isinstance(message.get("tool_calls"), dict):
        message["tool_calls"] = [message["tool_calls"]]


def spoken_text(raw: bytes) -> str | None:
    """What the user says, where a body begins like no JSON value."""
    try:
        text = raw.decode("utf-8").strip()
    except ValueError:
        return None
    if not text[:1].isascii() or not text[:1].isalpha() or text.startswith(CONSTANTS):
        return None
    return None if any(text.startswith(word) or word.startswith(text) for word in LITERALS) else text


def parse_or_listen(raw: bytes) -> Any:
    try:
        return behaviour.parse(raw)
    except BadJson:
        text = spoken_text(raw)
        if text is None:
            raise
        return {"model": SERVED, "messages": [{"role": "user", "content": text}]}


# --- two circumstances ------------------------------------------------------------------------------------------------


def seeded(body: Body) -> bool:
    return body.get("seed") is not None


def truthful_stream(body: Body) -> None:
    given = body.get("logprobs")
    if streamed(body) and given is not None and not isinstance(given, bool):
        body["logprobs"] = truth(given)


def most_several(body: Body) -> Body:
    """The body with no more alternatives than there may be, where it asks for several choices."""
    count, top = body.get("n"), body.get("top_logprobs")
    if not is_whole(count) or count < 2 or not is_whole(top) or top <= LIMITS.top_logprobs_max:
        return body
    return {**body, "top_logprobs": LIMITS.top_logprobs_max}


def is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "system"


def later_systems_speak(at: int, rows: list[Any]) -> Any:
    message = rows[at]
    if not is_system(message) or not any(is_system(row) for row in rows[:at]) or message.get("content") is not None:
        return message
    return {**message, "content": ""}


MUTANTS = [
    taken(
        "frequency-min-missing",
        "frequency_penalty.min.refuses",
        unchecked("frequency_penalty.min"),
        prop="frequency_penalty",
        family="bound",
        with_it="frequency_penalty.next mm.monotone.bad",
    ),
    taken(
        "presence-bounds-loose",
        "presence_penalty.min.refuses presence_penalty.max.refuses",
        bounded(presence_penalty_min=-2.1, presence_penalty_max=2.1),
        prop="presence_penalty",
        family="bound",
        with_it="presence_penalty.next mm.monotone.bad",
    ),
    taken("n-129-taken", "n.max.refuses", bounded(n_max=129), prop="n", family="bound", with_it="mm.monotone.bad"),
    taken("top-p-string-taken", "top_p.type.refuses", reading("top_p", number_written, float), prop="top_p"),
    taken(
        "parallel-number-taken",
        "parallel_tool_calls.type.refuses",
        reading("parallel_tool_calls", nought_or_one, bool),
        prop="parallel_tool_calls",
    ),
    taken(
        "metadata-first-value-only",
        "metadata.value.type.refuses",
        viewing("metadata.value.type", first_of("metadata")),
        prop="metadata",
    ),
    taken(
        "stream-options-empty-alone",
        "stream_options.needs.refuses",
        blinkered(("stream_options.needs",), hidden("stream_options", no_options)),
        prop="stream_options",
        family="coupling",
    ),
    taken(
        "prediction-content-missing-taken",
        "prediction.shape.refuses",
        within("prediction", nothing_predicted),
        prop="prediction",
        family="required",
    ),
    taken(
        "function-name-65-taken",
        "functions.name.maxlen.refuses",
        blinkered(("fn.name.maxlen",), shorter_functions),
        prop="functions",
        family="pattern",
        with_it="mm.tools.legacy",
    ),
    taken(
        "bias-key-negative-taken",
        "logit_bias.key.numeric.refuses",
        bounded(bias_key=re.compile(r"-?[0-9]+")),
        prop="logit_bias",
        family="pattern",
        with_it="logit_bias.key.numeric.among.refuses logit_bias.key.form",
    ),
    taken(
        "calls-single-object-taken",
        "toolcall.type.item.refuses",
        each_message(called_alone, "assistant"),
        with_it="toolcall.shape.refuses mm.position.refuses",
    ),
    taken(
        "tier-any-word",
        "service_tier.enum.v0.refuses",
        unchecked("service_tier.enum.v0"),
        prop="service_tier",
        family="enum",
        with_it="service_tier.enum.later",
    ),
    taken(
        "text-body-taken",
        "http.json.refuses",
        Reference(behaviour=Behaviour(parse=parse_or_listen)),
        prop="body",
        family="transport",
    ),
    taken(
        "temperature-unchecked-with-seed",
        "temperature.max.refuses",
        blinkered(("temperature.min", "temperature.max"), hidden("temperature", seeded)),
        prop="temperature",
        family="bound",
        with_it="temperature.min.refuses mm.monotone.bad",
    ),
    taken(
        "logprobs-unchecked-stream",
        "logprobs.type.refuses",
        rewriting(truthful_stream),
        prop="logprobs",
        with_it="mm.stream mm.monotone.bad",
    ),
    taken(
        "top-logprobs-unchecked-several",
        "top_logprobs.max.refuses",
        blinkered(("top_logprobs.max", "top_logprobs.needs"), most_several),
        prop="top_logprobs",
        family="bound",
        with_it="mm.monotone.bad",
    ),
    taken(
        "system-null-later-taken",
        "content.system.required.refuses",
        blinkered(("content.system.required",), messages_seen(later_systems_speak)),
        family="required",
        with_it="mm.position.refuses",
    ),
]
