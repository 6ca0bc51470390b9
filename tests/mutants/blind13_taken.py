"""Servers that take what they must refuse, from the thirteenth blind list. See ``BLIND_13.md``."""

from __future__ import annotations

import json
import re
from typing import Any

from .base import bounded
from .blind4b_taken import blinkered, hidden
from .blind6_taken import is_number, streamed
from .blind10_taken import unpacked
from .blind12_taken import is_boolean
from .blind_common import Body
from .requests_making import (
    RIGHT,
    each_call,
    each_message,
    is_array,
    is_object,
    objects_only,
    parts,
    reading,
    rewriting,
    within,
)
from .stream_common import collection

FORMATS = RIGHT.limits.format_types
AWRY = "mm.monotone.bad mm.repeat.neg many.refusals"
"""What sees a wrong value of any option that is taken."""


taken = collection("blind13-", prop="messages", family="type")


def alone(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 1


def falsy(value: Any) -> bool:
    """What is false in Python, and neither null nor a number."""
    return value is not None and not is_number(value) and not value


def flat(strings: Any) -> Any:
    return [part for item in strings for part in (item if isinstance(item, list) else [item])]


def nested_as_text(metadata: Body) -> None:
    for key, value in metadata.items():
        if isinstance(value, (dict, list)):
            metadata[key] = json.dumps(value)


def contented(prediction: Body) -> None:
    if "content" in prediction and prediction["content"] is None:
        prediction["content"] = ""


def lower_type(form: Body) -> None:
    kind = form.get("type")
    if isinstance(kind, str) and kind.lower() in FORMATS:
        form["type"] = kind.lower()


def a_function(choice: Body) -> None:
    if isinstance(choice.get("type"), str):
        choice["type"] = "function"


def some_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(objects_only(value))


def word_of(flag: Any) -> str:
    return "auto" if flag else "none"


def written_content(message: Body) -> None:
    if is_boolean(message.get("content")):
        message["content"] = json.dumps(message["content"])


def joined_texts(body: Body) -> None:
    for part in parts(body):
        text = part.get("text")
        if isinstance(text, list):
            part["text"] = "".join(map(str, text))


def refusing_something(body: Body) -> None:
    for part in parts(body, "assistant"):
        if part.get("type") == "refusal":
            part.setdefault("refusal", "")


def with_arguments(call: Body) -> None:
    function = call.get("function")
    if isinstance(function, dict):
        function.setdefault("arguments", "{}")


def declaring(body: Body) -> bool:
    return bool(body.get("tools"))


MUTANTS = [
    taken(
        "top-p-array-taken",
        "top_p.type.refuses",
        reading("top_p", alone, unpacked),
        prop="top_p",
        with_it=f"gate.top_p {AWRY}",
    ),
    taken(
        "frequency-max-missing",
        "frequency_penalty.max.refuses",
        bounded(frequency_penalty_max=float("inf")),
        prop="frequency_penalty",
        family="bound",
        with_it=f"frequency_penalty.next gate.frequency_penalty {AWRY}",
    ),
    taken(
        "max-tokens-array-taken",
        "max_tokens.type.refuses",
        reading("max_tokens", alone, unpacked),
        prop="max_tokens",
        with_it=f"gate.max_tokens mm.alias {AWRY}",
    ),
    taken(
        "completion-falsy-absent",
        "max_completion_tokens.type.refuses",
        reading("max_completion_tokens", falsy),
        prop="max_completion_tokens",
        with_it=f"gate.max_completion_tokens mm.alias {AWRY}",
    ),
    taken(
        "logprobs-object-taken",
        "logprobs.type.refuses",
        reading("logprobs", is_object, lambda _: True),
        prop="logprobs",
        with_it=f"gate.logprobs top_logprobs.needs.refuses {AWRY}",
    ),
    taken(
        "top-logprobs-array-taken",
        "top_logprobs.type.refuses",
        reading("top_logprobs", alone, unpacked),
        prop="top_logprobs",
        with_it=f"gate.top_logprobs {AWRY}",
    ),
    taken(
        "bias-101-taken",
        "logit_bias.value.range.refuses",
        bounded(bias_min=-101, bias_max=101),
        prop="logit_bias",
        family="bound",
        with_it=f"logit_bias.value.range.among.refuses logit_bias.value.next {AWRY}",
    ),
    taken(
        "stop-nested-flattened",
        "stop.array.item.refuses",
        reading("stop", is_array, flat),
        prop="stop",
        with_it=AWRY,
    ),
    taken(
        "stream-options-array-taken",
        "stream_options.type.refuses",
        reading("stream_options", lambda value: value == [], lambda _: {}),
        prop="stream_options",
        with_it=f"gate.stream_options stream_options.needs.refuses mm.stream {AWRY}",
    ),
    taken(
        "metadata-nested-taken",
        "metadata.value.type.refuses",
        within("metadata", nested_as_text),
        prop="metadata",
        with_it=AWRY,
    ),
    taken(
        "user-boolean-taken",
        "user.type.refuses",
        reading("user", is_boolean, json.dumps),
        prop="user",
        with_it=f"gate.user {AWRY}",
    ),
    taken(
        "audio-array-taken",
        "audio.type.refuses",
        reading("audio", alone, unpacked),
        prop="audio",
        with_it=f"audio.*.refuses {AWRY}",
    ),
    taken(
        "prediction-content-null-taken",
        "prediction.content.type.refuses",
        within("prediction", contented),
        prop="prediction",
        with_it=f"prediction.*.refuses {AWRY}",
    ),
    taken(
        "format-any-case",
        "response_format.type.enum.refuses",
        within("response_format", lower_type),
        prop="response_format",
        family="enum",
        with_it=AWRY,
    ),
    taken(
        "tool-name-colon-taken",
        "fn.name.pattern.refuses",
        bounded(function_name=re.compile(r"[A-Za-z0-9_:/-]+")),
        prop="tools",
        family="pattern",
        with_it=f"functions.*.refuses mm.tools.legacy {AWRY}",
    ),
    taken(
        "choice-type-unchecked",
        "tool_choice.named.shape.refuses",
        within("tool_choice", a_function),
        prop="tool_choice",
        family="enum",
        with_it=f"tool_choice.*.refuses gate.tool_choice {AWRY}",
    ),
    taken(
        "functions-items-dropped",
        "functions.item.refuses",
        reading("functions", some_objects, objects_only),
        prop="functions",
        with_it=f"functions.*.refuses mm.tools.legacy {AWRY}",
    ),
    taken(
        "function-call-boolean-taken",
        "function_call.type.refuses",
        reading("function_call", is_boolean, word_of),
        prop="function_call",
        with_it=f"function_call.*.refuses gate.function_call mm.tools.legacy {AWRY}",
    ),
    taken(
        "content-boolean-taken",
        "content.type.refuses",
        each_message(written_content),
        with_it=f"content.tool.type.refuses mm.position.refuses {AWRY}",
    ),
    taken(
        "part-text-list-taken",
        "part.text.required.refuses",
        rewriting(joined_texts),
        with_it=f"part.*.refuses prediction.*.refuses mm.position.refuses {AWRY}",
    ),
    taken(
        "refusal-part-empty-taken",
        "part.refusal.refuses",
        rewriting(refusing_something),
        family="required",
        with_it=f"mm.position.refuses {AWRY}",
    ),
    taken(
        "call-arguments-missing-taken",
        "toolcall.shape.refuses",
        each_call(with_arguments),
        family="required",
        with_it=f"toolcall.*.refuses mm.position.refuses {AWRY}",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    taken(
        "temperature-unchecked-stream",
        "temperature.type.refuses",
        blinkered(("temperature.type",), hidden("temperature", streamed)),
        prop="temperature",
        with_it=f"gate.temperature mm.stream sse.error.before sse.error.before.plain {AWRY}",
    ),
    taken(
        "seed-unchecked-with-tools",
        "seed.type.refuses",
        blinkered(("seed.type",), hidden("seed", declaring)),
        prop="seed",
        with_it=f"gate.seed mm.stream {AWRY}",
    ),
]
