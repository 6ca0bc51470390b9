"""Servers invented without looking at the rules: options. See ``BLIND_REQUESTS.md``."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.limits import LIMITS

from .requests_making import (
    Body,
    crashing,
    fault,
    is_integer,
    null,
    reading,
    refusing_valid,
    rewriting,
    stumbling,
    within,
)


def is_decimal(value: object) -> bool:
    return type(value) in (int, float)


def clamped_when_streamed(body: Body) -> None:
    value: Any = body.get("presence_penalty")
    if body.get("stream") is True and is_decimal(value):
        body["presence_penalty"] = max(-2, min(2, value))


def equal_limits(body: Body) -> None:
    value = body.get("max_tokens")
    if is_integer(value) and is_integer(body.get("max_completion_tokens")) and body["max_completion_tokens"] == value:
        del body["max_completion_tokens"]


def conflict(found: Any) -> Reason:
    reason = behaviour.first(found)
    return replace(reason, status=409) if reason.rule == "max_tokens.both" else reason


def null_is_enough(body: Body) -> None:
    if null("logprobs")(body) and body.get("top_logprobs") is not None:
        body["logprobs"] = True


def wants(body: Body, kind: str) -> bool:
    return (body.get("response_format") or {}).get("type") == kind


def keys_as_int(bias: Body) -> None:
    for key in list(bias):
        with suppress(ValueError):
            if int(key) >= 0:
                bias[str(int(key))] = bias.pop(key)


def all_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def stops(body: Body) -> list[str]:
    stop = body.get("stop") or []
    return [stop] if isinstance(stop, str) else stop


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def first_modality_decides(body: Body) -> None:
    modalities = body.get("modalities")
    if modalities and all_text(modalities) and modalities[0] == "text" and set(modalities) <= LIMITS.modalities:
        body["modalities"] = modalities if body.get("audio") is not None else ["text"]


def silent(body: Body) -> None:
    modalities = body.get("modalities")
    if "audio" in body and not (isinstance(modalities, list) and "audio" in modalities):
        del body["audio"]


def first_part_only(prediction: Body) -> None:
    if isinstance(prediction.get("content"), list):
        prediction["content"] = prediction["content"][:1]


def seed(body: Body) -> Any:
    return body.get("seed")


NUMBERS = [
    fault(
        "blind-temperature-minus-zero",
        "temperature",
        "refused",
        refusing_valid(lambda body: body.get("temperature") == 0 and math.copysign(1, body["temperature"]) < 0),
        "temperature.min.accepts",
    ),
    fault(
        "blind-top-p-percent",
        "top_p",
        "bound",
        reading("top_p", lambda value: is_integer(value) and 2 <= value <= 100, lambda value: value / 100),
        "top_p.max.refuses",
    ),
    fault(
        "blind-frequency-rounded",
        "frequency_penalty",
        "bound",
        reading(
            "frequency_penalty", lambda value: type(value) is float and math.isfinite(value), lambda v: round(v, 1)
        ),
        "frequency_penalty.max.refuses frequency_penalty.min.refuses",
    ),
    fault(
        "blind-presence-unchecked-streaming", "presence_penalty", "bound", rewriting(clamped_when_streamed), "mm.stream"
    ),
    fault(
        "blind-seed-unsigned", "seed", "bound", refusing_valid(lambda body: (seed(body) or 0) < 0), "seed.type.accepts"
    ),
    fault(
        "blind-seed-huge-crash",
        "seed",
        "crash",
        stumbling(lambda body: is_integer(seed(body)) and abs(seed(body)) >= 2**64),
        "seed.range",
    ),
    fault(
        "blind-n-zero-absent",
        "n",
        "bound",
        reading("n", lambda value: is_integer(value) and value == 0),
        "n.min.refuses",
    ),
    fault(
        "blind-max-tokens-minus-one",
        "max_tokens",
        "bound",
        reading("max_tokens", lambda value: is_integer(value) and value == -1),
        "max_tokens.min.refuses",
    ),
    fault(
        "blind-completion-true",
        "max_completion_tokens",
        "type",
        reading("max_completion_tokens", lambda value: value is True, int),
        "max_completion_tokens.type.refuses",
    ),
    fault("blind-both-equal", "max_tokens", "coupling", rewriting(equal_limits), "max_tokens.both.refuses"),
    fault(
        "blind-both-conflict",
        "max_tokens",
        "status",
        Reference(behaviour=Behaviour(first=conflict)),
        "max_tokens.both.refuses",
    ),
    fault(
        "blind-top-logprobs-null-logprobs",
        "top_logprobs",
        "coupling",
        rewriting(null_is_enough),
        "top_logprobs.needs.refuses",
    ),
    fault(
        "blind-logprobs-json-refused",
        "logprobs",
        "refused",
        refusing_valid(lambda body: body.get("logprobs") is True and wants(body, "json_object")),
        "together.pairs.accepts",
    ),
    fault(
        "blind-bias-key-int",
        "logit_bias",
        "pattern",
        within("logit_bias", keys_as_int),
        "logit_bias.key.numeric.refuses",
    ),
]

OPTIONS = [
    fault(
        "blind-stop-deduped",
        "stop",
        "bound",
        reading("stop", all_text, lambda v: list(dict.fromkeys(v))),
        "stop.array.max.refuses",
    ),
    fault(
        "blind-stop-newline-refused",
        "stop",
        "refused",
        refusing_valid(lambda body: any(text and not text.strip() for text in stops(body))),
        "stop.string.accepts",
    ),
    fault("blind-stream-null-crash", "stream", "crash", crashing(null("stream")), "stream.null.accepts"),
    fault(
        "blind-stream-options-null-needs",
        "stream_options",
        "refused",
        refusing_valid(lambda body: null("stream_options")(body) and body.get("stream") is not True),
        "stream_options.null.accepts",
    ),
    fault(
        "blind-store-stream-refused",
        "store",
        "refused",
        refusing_valid(lambda body: body.get("store") is True and body.get("stream") is True),
        "together.pairs.accepts together.random.accepts",
    ),
    fault(
        "blind-metadata-utf16",
        "metadata",
        "bound",
        refusing_valid(lambda body: any(units(value) > 512 for value in (body.get("metadata") or {}).values())),
        "metadata.value.maxlen.accepts",
    ),
    fault(
        "blind-metadata-null-store-crash",
        "metadata",
        "crash",
        crashing(lambda body: null("metadata")(body) and body.get("store") is True),
        "metadata.null.accepts",
    ),
    fault(
        "blind-tier-empty",
        "service_tier",
        "enum",
        reading("service_tier", lambda value: value == ""),
        "service_tier.enum.v0.refuses",
    ),
    fault(
        "blind-user-empty-refused",
        "user",
        "refused",
        refusing_valid(lambda body: body.get("user") == ""),
        "user.type.accepts",
    ),
    fault(
        "blind-audio-needs-first", "modalities", "coupling", rewriting(first_modality_decides), "audio.needs.refuses"
    ),
    fault("blind-audio-unchecked-text", "audio", "enum", rewriting(silent), "audio.voice.refuses"),
    fault(
        "blind-prediction-second-part",
        "prediction",
        "type",
        within("prediction", first_part_only),
        "prediction.parts.refuses",
    ),
]


MUTANTS = [*NUMBERS, *OPTIONS]
