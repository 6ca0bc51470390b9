"""Servers that judge one option wrongly: bias, stop, stream, metadata, user, tier."""

from __future__ import annotations

import json
import re
from typing import Any

from .base import bounded, unchecked
from .requests_making import (
    Body,
    about,
    crashing,
    first_of,
    is_integer,
    is_text,
    reading,
    refusing_valid,
    rewriting,
    stumbling,
    viewing,
    within,
)


def pairs(value: object) -> bool:
    """Pairs in an array, an older form of a bias; an empty array is one of no pairs."""
    return isinstance(value, list)


def biases(body: Body) -> Body:
    return body.get("logit_bias") or {}


def all_numbers(body: Body) -> None:
    bias = body.get("logit_bias")
    if isinstance(bias, dict):
        for key, value in bias.items():
            if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
                bias[key] = float(value)


def odd_key(body: Body) -> bool:
    bias = body.get("logit_bias")
    return isinstance(bias, dict) and not all(re.fullmatch("[0-9]+", key) for key in bias)


def texts(holder: Body) -> None:
    """Every value as a string, as a lax server writes it down."""
    for key, value in holder.items():
        holder[key] = value if isinstance(value, str) else json.dumps(value)


def without_nulls(holder: Body) -> None:
    for key in [key for key, value in holder.items() if value is None]:
        del holder[key]


def no_string(value: object) -> bool:
    return isinstance(value, list) and not all(isinstance(item, str) for item in value)


def strings(value: list[Any]) -> list[Any]:
    return [item for item in value if isinstance(item, str)]


def stops(body: Body) -> list[Any]:
    stop = body.get("stop")
    return stop if isinstance(stop, list) else []


def usage_wanted(options: Body) -> None:
    if "include_usage" in options:
        options["include_usage"] = bool(options["include_usage"])


logit_bias_row = about("logit_bias")
stop_row = about("stop")
stream_row = about("stream")
stream_options_row = about("stream_options")
store_row = about("store")
metadata_row = about("metadata")
user_row = about("user")
service_tier_row = about("service_tier")

EXTRAS = [
    logit_bias_row("bias-pairs", "type", reading("logit_bias", pairs), "logit_bias.type.refuses"),
    logit_bias_row(
        "bias-unbounded",
        "bound",
        unchecked("logit_bias.value.range"),
        "logit_bias.value.range.refuses logit_bias.value.range.among.refuses",
    ),
    logit_bias_row("bias-99", "bound", bounded(bias_max=99), "logit_bias.value.range.accepts"),
    logit_bias_row(
        "bias-one-sided",
        "bound",
        bounded(bias_min=-1_000_000),
        "logit_bias.value.range.refuses",
        "logit_bias.value.range.among.refuses",
    ),
    logit_bias_row(
        "bias-range-first-only",
        "bound",
        viewing("logit_bias.value.range", first_of("logit_bias")),
        "logit_bias.value.range.among.refuses",
    ),
    logit_bias_row(
        "bias-keys-unchecked",
        "pattern",
        unchecked("logit_bias.key.numeric"),
        "logit_bias.key.numeric.refuses logit_bias.key.numeric.among.refuses",
    ),
    logit_bias_row(
        "bias-key-negative",
        "pattern",
        bounded(bias_key=re.compile("-?[0-9]+")),
        "logit_bias.key.numeric.refuses",
        "logit_bias.key.numeric.among.refuses",
    ),
    logit_bias_row(
        "bias-key-crash",
        "crash",
        stumbling(odd_key),
        "logit_bias.key.numeric.refuses logit_bias.key.numeric.among.refuses",
        "logit_bias.key.form",
    ),
    logit_bias_row(
        "bias-string",
        "type",
        rewriting(all_numbers),
        "logit_bias.value.type.refuses",
        "logit_bias.value.type.among.refuses",
    ),
    logit_bias_row("bias-null-dropped", "type", within("logit_bias", without_nulls), "logit_bias.value.null.refuses"),
    logit_bias_row(
        "bias-empty-refused",
        "refused",
        refusing_valid(lambda body: body.get("logit_bias") == {}),
        "logit_bias.empty.accepts",
    ),
    logit_bias_row(
        "bias-zero-refused",
        "refused",
        refusing_valid(lambda body: 0 in biases(body).values()),
        "logit_bias.zero.accepts",
        "logit_bias.value.range.accepts",
    ),
    logit_bias_row(
        "bias-ten-only", "refused", refusing_valid(lambda body: len(biases(body)) > 10), "logit_bias.size.accepts"
    ),
    logit_bias_row(
        "bias-extreme-crash",
        "crash",
        crashing(lambda body: any(abs(value) == 100 for value in biases(body).values())),
        "logit_bias.value.range.accepts",
    ),
    stop_row("stop-three", "bound", bounded(stop_max=3), "stop.array.max.accepts"),
    stop_row("stop-max-loose", "bound", bounded(stop_max=5), "stop.array.max.refuses"),
    stop_row(
        "stop-items-dropped",
        "type",
        reading("stop", no_string, strings),
        "stop.array.item.refuses",
        "stop.type.refuses",
    ),
    stop_row("stop-item-first-only", "type", viewing("stop.array.item", first_of("stop")), "stop.array.item.refuses"),
    stop_row(
        "stop-item-crash",
        "crash",
        stumbling(lambda body: no_string(body.get("stop"))),
        "stop.array.item.refuses",
        "mm.stop.scalar",
    ),
    stop_row("stop-number", "type", reading("stop", is_integer, str), "stop.type.refuses"),
    stop_row("stop-four-crash", "crash", crashing(lambda body: len(stops(body)) == 4), "stop.array.max.accepts"),
    stop_row(
        "stop-array-refused",
        "refused",
        refusing_valid(lambda body: isinstance(body.get("stop"), list)),
        "stop.array.min.accepts stop.array.max.accepts stop.array.item.accepts",
        "mm.stop.scalar",
    ),
    stream_row(
        "stream-string",
        "type",
        reading("stream", lambda value: value in ("true", "false"), lambda value: value == "true"),
        "stream.type.refuses",
    ),
    stream_row("stream-number", "type", reading("stream", is_integer, bool), "stream.type.refuses"),
    stream_row(
        "stream-false-refused",
        "refused",
        refusing_valid(lambda body: body.get("stream") is False),
        "gate.stream",
        "mm.default",
    ),
    stream_options_row(
        "stream-options-alone", "coupling", unchecked("stream_options.needs"), "stream_options.needs.refuses"
    ),
    stream_options_row(
        "stream-options-stream-false",
        "coupling",
        rewriting(lambda body: body.pop("stream_options", None) if body.get("stream") is False else None),
        "stream_options.needs.refuses",
    ),
    stream_options_row(
        "usage-truthy", "type", within("stream_options", usage_wanted), "stream_options.usage.type.refuses"
    ),
    stream_options_row(
        "usage-false-refused",
        "refused",
        refusing_valid(lambda body: (body.get("stream_options") or {}).get("include_usage") is False),
        "stream_options.usage.type.accepts",
    ),
    stream_options_row(
        "stream-options-empty-refused",
        "refused",
        refusing_valid(lambda body: body.get("stream_options") == {}),
        "stream_options.empty.accepts",
    ),
    stream_options_row(
        "stream-options-true",
        "type",
        reading("stream_options", lambda value: value is True, lambda _: {"include_usage": True}),
        "stream_options.type.refuses",
    ),
    store_row("store-string", "type", reading("store", is_text, bool), "store.type.refuses"),
    store_row("store-number", "type", reading("store", is_integer, bool), "store.type.refuses"),
    store_row(
        "store-false-refused",
        "refused",
        refusing_valid(lambda body: body.get("store") is False),
        "gate.store",
        "mm.default",
    ),
    metadata_row("metadata-17", "bound", bounded(metadata_pairs_max=17), "metadata.pairs.max.refuses"),
    metadata_row("metadata-15", "bound", bounded(metadata_pairs_max=15), "metadata.pairs.max.accepts"),
    metadata_row("metadata-keys-unbounded", "bound", unchecked("metadata.key.maxlen"), "metadata.key.maxlen.refuses"),
    metadata_row("metadata-key-63", "bound", bounded(metadata_key_max=63), "metadata.key.maxlen.accepts"),
    metadata_row("metadata-value-513", "bound", bounded(metadata_value_max=513), "metadata.value.maxlen.refuses"),
    metadata_row("metadata-value-511", "bound", bounded(metadata_value_max=511), "metadata.value.maxlen.accepts"),
    metadata_row("metadata-value-coerced", "type", within("metadata", texts), "metadata.value.type.refuses"),
    metadata_row(
        "metadata-first-only",
        "type",
        viewing("metadata.value.type", first_of("metadata")),
        "metadata.value.type.refuses",
    ),
    metadata_row(
        "metadata-array", "type", reading("metadata", lambda value: isinstance(value, list)), "metadata.type.refuses"
    ),
    user_row("user-number", "type", reading("user", is_integer, str), "user.type.refuses"),
    user_row(
        "user-unicode-crash",
        "crash",
        crashing(lambda body: not (body.get("user") or "").isascii()),
        "user.type.accepts",
    ),
    user_row(
        "user-long-refused",
        "refused",
        refusing_valid(lambda body: len(body.get("user") or "") > 16),
        "user.type.accepts",
    ),
    service_tier_row(
        "tier-unchecked",
        "enum",
        unchecked("service_tier.enum.v0"),
        "service_tier.enum.v0.refuses",
        "service_tier.enum.later",
    ),
    service_tier_row(
        "tier-any-case", "enum", reading("service_tier", is_text, str.lower), "service_tier.enum.v0.refuses"
    ),
    service_tier_row("tier-number", "type", reading("service_tier", is_integer), "service_tier.type.refuses"),
    service_tier_row(
        "tier-default-refused",
        "refused",
        refusing_valid(lambda body: body.get("service_tier") == "default"),
        "service_tier.enum.v0.accepts",
    ),
]

MUTANTS = [*EXTRAS]
