"""Servers that take what they must refuse, from the twelfth blind list. See ``BLIND_12.md``."""

from __future__ import annotations

import json
import re
from typing import Any

from .base import bounded
from .blind4b_taken import blinkered, hidden
from .blind6_taken import is_number, streamed
from .blind9_taken import SERVED
from .blind10_taken import unpacked
from .blind_common import Body
from .requests_making import (
    RIGHT,
    each_call,
    each_message,
    entries,
    is_array,
    is_object,
    parts,
    reading,
    rewriting,
    within,
)
from .stream_common import collection

TEXT_ALIASES = ("input_text", "output_text")
FORMATS = RIGHT.limits.audio_formats
MODALITIES = RIGHT.limits.modalities


taken = collection("blind12-", prop="messages", family="type")


def negative(value: Any) -> bool:
    return is_number(value) and value < 0


def is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def unlisted(bias: Body) -> None:
    for key, value in bias.items():
        if isinstance(value, list) and len(value) == 1:
            bias[key] = value[0]


def without_nulls(metadata: Body) -> None:
    for key in [key for key, value in metadata.items() if value is None]:
        del metadata[key]


def numbers_as_text(value: Any) -> Any:
    return [json.dumps(item) if is_number(item) else item for item in value]


def lower_format(audio: Body) -> None:
    wanted = audio.get("format")
    if isinstance(wanted, str) and wanted.lower() in FORMATS:
        audio["format"] = wanted.lower()


def without_parameters(body: Body) -> None:
    for tool in entries(body, "tools"):
        function = tool.get("function")
        if isinstance(function, dict) and is_boolean(function.get("parameters")):
            del function["parameters"]


def listed_part(prediction: Body) -> None:
    if is_object(prediction.get("content")):
        prediction["content"] = [prediction["content"]]


def text_by_any_name(body: Body) -> None:
    for part in parts(body):
        if part.get("type") in TEXT_ALIASES:
            part["type"] = "text"


def unlisted_role(message: Body) -> None:
    role = message.get("role")
    if isinstance(role, list) and len(role) == 1:
        message["role"] = role[0]


def listed_arguments(call: Body) -> None:
    function = call.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), list):
        function["arguments"] = json.dumps(function["arguments"])


def without_empty_images(body: Body) -> None:
    for part in parts(body, "user"):
        if part.get("type") == "image_url" and "image_url" not in part:
            part.update(type="text", text="")


def single_alternative(body: Body) -> bool:
    count = body.get("top_logprobs")
    return is_number(count) and count == 1


def several(body: Body) -> bool:
    count = body.get("n")
    return is_number(count) and count > 1


def may_call(body: Body) -> bool:
    return body.get("tool_choice") == "auto"


MUTANTS = [
    taken(
        "frequency-min-loose",
        "frequency_penalty.min.refuses",
        bounded(frequency_penalty_min=-2.5),
        prop="frequency_penalty",
        family="bound",
        with_it="frequency_penalty.next mm.monotone.bad",
    ),
    taken(
        "presence-min-loose",
        "presence_penalty.min.refuses",
        bounded(presence_penalty_min=-2.25),
        prop="presence_penalty",
        family="bound",
        with_it="presence_penalty.next mm.monotone.bad",
    ),
    taken(
        "n-negative-taken",
        "n.min.refuses",
        reading("n", negative, abs),
        prop="n",
        family="bound",
        with_it="mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "max-tokens-object-taken",
        "max_tokens.type.refuses",
        reading("max_tokens", is_object),
        prop="max_tokens",
        with_it="gate.max_tokens mm.alias mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "bias-value-list-taken",
        "logit_bias.value.type.refuses",
        within("logit_bias", unlisted),
        prop="logit_bias",
        with_it="logit_bias.value.type.among.refuses mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "logprobs-array-taken",
        "logprobs.type.refuses",
        reading("logprobs", is_array, lambda _: False),
        prop="logprobs",
        with_it="gate.logprobs mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "model-boolean-taken",
        "model.type.refuses",
        reading("model", is_boolean, lambda _: SERVED),
        prop="model",
        with_it="mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "metadata-null-value-taken",
        "metadata.value.type.refuses",
        within("metadata", without_nulls),
        prop="metadata",
        with_it="mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "stop-number-items-taken",
        "stop.array.item.refuses",
        reading("stop", is_array, numbers_as_text),
        prop="stop",
        with_it="mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "modalities-image-taken",
        "modalities.enum.refuses",
        bounded(modalities=MODALITIES | {"image"}),
        prop="modalities",
        family="enum",
        with_it="modalities.* mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "audio-format-any-case",
        "audio.format.refuses",
        within("audio", lower_format),
        prop="audio",
        family="enum",
        with_it="mm.monotone.bad",
    ),
    taken(
        "functions-single-object-taken",
        "functions.type.refuses",
        reading("functions", is_object, lambda value: [value]),
        prop="functions",
        with_it="functions.*.refuses mm.tools.legacy mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "function-call-array-taken",
        "function_call.type.refuses",
        reading("function_call", is_array, unpacked),
        prop="function_call",
        with_it="function_call.*.refuses gate.function_call mm.tools.legacy mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "choice-array-taken",
        "tool_choice.type.refuses",
        reading("tool_choice", is_array, unpacked),
        prop="tool_choice",
        with_it="tool_choice.*.refuses gate.tool_choice mm.tools.legacy mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "parameters-boolean-taken",
        "fn.parameters.type.refuses",
        rewriting(without_parameters),
        prop="tools",
        with_it="mm.tools.legacy mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "prediction-single-part-taken",
        "prediction.content.type.refuses",
        within("prediction", listed_part),
        prop="prediction",
        with_it="prediction.*.refuses mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "part-input-text-taken",
        "part.type.enum.refuses",
        rewriting(text_by_any_name),
        family="enum",
        with_it="mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "role-list-taken",
        "role.type.refuses",
        each_message(unlisted_role),
        with_it="mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "call-arguments-array-taken",
        "toolcall.arguments.type.refuses",
        each_call(listed_arguments),
        with_it="toolcall.shape.refuses mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "parallel-array-taken",
        "parallel_tool_calls.type.refuses",
        reading("parallel_tool_calls", is_array, unpacked),
        prop="parallel_tool_calls",
        with_it="parallel_tool_calls.*.refuses gate.parallel_tool_calls mm.monotone.bad mm.repeat.neg",
    ),
    taken(
        "user-object-taken",
        "user.type.refuses",
        reading("user", is_object),
        prop="user",
        with_it="gate.user mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    taken(
        "image-object-missing-taken",
        "part.image.url.refuses",
        rewriting(without_empty_images),
        family="required",
        with_it="part.* mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "tool-name-blank-taken",
        "fn.name.pattern.refuses",
        bounded(function_name=re.compile(r"[A-Za-z0-9_ -]+")),
        prop="tools",
        family="pattern",
        with_it="functions.*.refuses mm.tools.legacy mm.monotone.bad",
    ),
    taken(
        "top-logprobs-one-alone-taken",
        "top_logprobs.needs.refuses",
        blinkered(("top_logprobs.needs",), hidden("top_logprobs", single_alternative)),
        prop="top_logprobs",
        family="coupling",
        with_it="mm.stream mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    taken(
        "top-p-unchecked-several",
        "top_p.max.refuses",
        blinkered(("top_p.min", "top_p.max"), hidden("top_p", several)),
        prop="top_p",
        family="bound",
        with_it="top_p.min.refuses top_p.next mm.monotone.bad",
    ),
    taken(
        "store-unchecked-stream",
        "store.type.refuses",
        blinkered(("store.type",), hidden("store", streamed)),
        prop="store",
        with_it="mm.stream sse.error.before sse.error.before.plain mm.monotone.bad",
    ),
    taken(
        "bias-range-unchecked-stream",
        "logit_bias.value.range.refuses",
        blinkered(("logit_bias.value.range",), hidden("logit_bias", streamed)),
        prop="logit_bias",
        family="bound",
        with_it="logit_bias.value.* mm.stream sse.error.before sse.error.before.plain mm.monotone.bad",
    ),
    taken(
        "parallel-unchecked-with-auto",
        "parallel_tool_calls.type.refuses",
        blinkered(("parallel_tool_calls.type",), hidden("parallel_tool_calls", may_call)),
        prop="parallel_tool_calls",
        with_it="gate.parallel_tool_calls mm.monotone.bad",
    ),
    taken(
        "user-unchecked-stream",
        "user.type.refuses",
        blinkered(("user.type",), hidden("user", streamed)),
        prop="user",
        with_it="gate.user mm.stream sse.error.before sse.error.before.plain mm.monotone.bad",
    ),
]
