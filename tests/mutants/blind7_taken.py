"""Servers that take what they must refuse, from the seventh blind list. See ``BLIND_7.md``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

from .base import bounded
from .blind4b_taken import blinkered, hidden, messages_seen
from .blind6_taken import is_number, streamed
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import planning, without
from .requests_making import entries, parts, reading, rewriting, within
from .stream_common import collection

SERVED = "chatproof-reference"
MANY = 1_000_000
_DIGITS = re.compile(r"-?[0-9]{1,9}")


taken = collection("blind7-", prop="messages", family="type")


# --- plain ------------------------------------------------------------------------------------------------------------


def served(_value: Any) -> str:
    return SERVED


def digits_read(biases: Body) -> None:
    for token, bias in biases.items():
        if isinstance(bias, str) and _DIGITS.fullmatch(bias):
            biases[token] = int(bias)


def numbers_as_texts(body: Body) -> None:
    for part in parts(body):
        if part.get("type") == "text" and is_number(part.get("text")):
            part["text"] = str(part["text"])


def voice_lowered(audio: Body) -> None:
    if isinstance(audio.get("voice"), str):
        audio["voice"] = audio["voice"].lower()


def alias_meant(body: Body) -> Body:
    """The body with the name that a shorter one stands for."""
    form = wanted(body)
    kind = form.get("type")
    if not isinstance(kind, str) or kind.lower() != "json":
        return body
    return {**body, "response_format": {**form, "type": "json_object"}}


def aliased() -> Reference:
    checks = blinkered(("response_format.type.enum",), alias_meant).checks
    return Reference(checks=checks, behaviour=planning(alias_meant).behaviour)


def functions_meant(body: Body) -> None:
    for tool in entries(body, "tools"):
        tool.setdefault("type", "function")


def is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def choice_of(value: bool) -> str:
    return "auto" if value else "none"


# --- two circumstances ------------------------------------------------------------------------------------------------


def is_image(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "image_url"


def shows(message: Any, role: str) -> bool:
    """Whether a message of this role has an image."""
    if not isinstance(message, dict) or message.get("role") != role:
        return False
    return any(is_image(part) for part in entries(message, "content"))


def unseen_after_image(at: int, rows: list[Any]) -> Any:
    """The assistant's message without its images, where the user has shown one before."""
    message = rows[at]
    if not shows(message, "assistant") or not any(shows(row, "user") for row in rows[:at]):
        return message
    return {**message, "content": [part for part in message["content"] if not is_image(part)]}


def uncounted_refusals() -> Reference:
    """How many refusals there are, and beside what, is no matter where there are calls."""

    def changed(check: Check) -> Check:
        def found(ask: Ask) -> Iterator[Reason]:
            calling = {f"messages[{at}].content" for at, message, _ in ask.spoken if message.get("tool_calls")}
            return (reason for reason in check.function(ask) if reason.param not in calling)

        return replace(check, function=found)

    return Reference(checks=tuple(changed(check) if check.name == "part.refusal" else check for check in CHECKS))


def speaking(body: Body) -> bool:
    """Whether audio out is asked for."""
    modalities = body.get("modalities")
    return isinstance(modalities, list) and "audio" in modalities and isinstance(body.get("audio"), dict)


def schemaless_stream(body: Body) -> bool:
    form = wanted(body)
    return streamed(body) and form.get("type") == "json_schema" and "json_schema" not in form


def with_tools(body: Body) -> bool:
    return bool(body.get("tools"))


def voiceless(body: Body) -> Body:
    """The body without what the user said, where it is answered aloud."""
    return without("messages")(body) if speaking(body) else body


MUTANTS = [
    taken("model-number-served", "model.type.refuses", reading("model", is_number, served), prop="model"),
    taken(
        "bias-value-digits",
        "logit_bias.value.type.refuses",
        within("logit_bias", digits_read),
        prop="logit_bias",
        with_it="logit_bias.value.type.among.refuses",
    ),
    taken("part-text-number", "part.text.required.refuses", rewriting(numbers_as_texts), with_it="mm.position.refuses"),
    taken("audio-voice-any-case", "audio.voice.refuses", within("audio", voice_lowered), prop="audio", family="enum"),
    taken("format-json-alias", "response_format.type.enum.refuses", aliased(), prop="response_format", family="enum"),
    taken("tool-type-optional", "tool.type.refuses", rewriting(functions_meant), prop="tools", family="required"),
    taken(
        "choice-boolean-taken",
        "tool_choice.type.refuses",
        reading("tool_choice", is_boolean, choice_of),
        prop="tool_choice",
    ),
    taken(
        "functions-unlimited", "functions.max.refuses", bounded(functions_max=MANY), prop="functions", family="bound"
    ),
    taken(
        "image-role-unchecked-after-image",
        "part.image.role.refuses",
        blinkered(("part.image.role",), messages_seen(unseen_after_image)),
        family="enum",
        with_it="mm.position.refuses",
    ),
    taken(
        "refusal-parts-unchecked-with-calls",
        "part.refusal.refuses",
        uncounted_refusals(),
        family="coupling",
        with_it="mm.position.refuses",
    ),
    taken(
        "input-audio-unchecked-with-audio-out",
        "part.audio.format.refuses",
        blinkered(("part.audio.format",), voiceless),
        family="enum",
        with_it="mm.monotone.bad",
    ),
    taken(
        "schema-missing-stream",
        "response_format.jsonschema.required.refuses",
        blinkered(("response_format.jsonschema.required",), hidden("response_format", schemaless_stream)),
        prop="response_format",
        family="required",
        with_it="mm.stream mm.monotone.bad",
    ),
    taken(
        "frequency-unchecked-with-tools",
        "frequency_penalty.max.refuses",
        blinkered(("frequency_penalty.min", "frequency_penalty.max"), hidden("frequency_penalty", with_tools)),
        prop="frequency_penalty",
        family="bound",
        with_it="frequency_penalty.min.refuses mm.monotone.bad",
    ),
]
