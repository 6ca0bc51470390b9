"""Servers that take what is not valid, as reported in the field. See ``BLIND_3B.md``."""

from __future__ import annotations

import json
import math
from typing import Any

from .requests_making import (
    Body,
    each_call,
    each_message,
    fault,
    is_array,
    is_object,
    is_text,
    parts,
    reading,
    rewriting,
    within,
)

BANNED = -100


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def no_stop(value: object) -> bool:
    return value is not None and not is_text(value) and not is_array(value)


def from_pairs(value: list[Any]) -> dict[str, Any]:
    """A map from pairs of id and bias; what is no pair is passed over."""
    pairs = [item for item in value if is_array(item) and len(item) == 2 and type(item[0]) is int]
    return {str(ident): bias for ident, bias in pairs}


def false_as_ban(bias: Body) -> None:
    for key, value in bias.items():
        if value is False:
            bias[key] = BANNED


def wrapped_url(body: Body) -> None:
    for part in parts(body):
        if part.get("type") == "image_url" and is_text(part.get("image_url")):
            part["image_url"] = {"url": part["image_url"]}


def name_moved(choice: Body) -> None:
    if is_text(choice.get("name")) and "function" not in choice:
        choice["function"] = {"name": choice.pop("name")}


def arguments_written(call: Body) -> None:
    function = call.get("function")
    if isinstance(function, dict) and is_object(function.get("arguments")):
        function["arguments"] = json.dumps(function["arguments"])


def result_written(message: Body) -> None:
    if is_object(message.get("content")):
        message["content"] = json.dumps(message["content"])


MUTANTS = [
    fault(
        "blind3b-presence-boolean-number",
        "presence_penalty",
        "type",
        reading("presence_penalty", is_flag, int),
        "presence_penalty.type.refuses",
    ),
    fault(
        "blind3b-top-logprobs-fraction-cut",
        "top_logprobs",
        "type",
        reading("top_logprobs", is_finite, int),
        "top_logprobs.type.refuses",
    ),
    fault("blind3b-stop-other-type-absent", "stop", "type", reading("stop", no_stop), "stop.type.refuses"),
    fault(
        "blind3b-bias-pairs-array",
        "logit_bias",
        "type",
        reading("logit_bias", is_array, from_pairs),
        "logit_bias.type.refuses",
    ),
    fault(
        "blind3b-bias-false-bans",
        "logit_bias",
        "type",
        within("logit_bias", false_as_ban),
        "logit_bias.value.type.refuses",
        "logit_bias.value.type.among.refuses",
    ),
    fault("blind3b-image-url-string", "messages", "type", rewriting(wrapped_url), "part.image.url.refuses"),
    fault(
        "blind3b-choice-flat-name",
        "tool_choice",
        "required",
        within("tool_choice", name_moved),
        "tool_choice.named.shape.refuses",
    ),
    fault(
        "blind3b-call-arguments-object",
        "messages",
        "type",
        each_call(arguments_written),
        "toolcall.arguments.type.refuses",
        "toolcall.shape.refuses",
    ),
    fault(
        "blind3b-tool-content-object-text",
        "messages",
        "type",
        each_message(result_written, "tool"),
        "content.tool.type.refuses",
        "content.type.refuses",
    ),
]
