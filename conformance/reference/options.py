"""Checks of audio, prediction, metadata, streaming and tier (fact base §1.8, §1.9), and of unknown keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import (
    Ask,
    Check,
    CheckFunction,
    Reason,
    Strength,
    bad_value,
    coupled,
    member,
    missing,
    one_of,
    one_string_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .json_values import is_array, is_boolean, is_object, is_string

# modalities, audio, prediction


def modalities(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("modalities")
    if is_array(value):
        for i, name in enumerate(value):
            yield from one_string_of("modalities.enum", f"modalities[{i}]", name, ask.limits.modalities)


def _wants_audio(ask: Ask) -> bool:
    value = ask.body.get("modalities")
    return is_array(value) and "audio" in value


def audio_needs(ask: Ask) -> Iterator[Reason]:
    if _wants_audio(ask) and ask.body.get("audio") is None:
        yield missing("audio.needs", "audio")


def audio_required(ask: Ask) -> Iterator[Reason]:
    audio = member(ask, "audio")
    if audio is not None:
        for key in ("voice", "format"):
            if key not in audio:
                yield missing("audio.required", f"audio.{key}")


def audio_voice(ask: Ask) -> Iterator[Reason]:
    audio = member(ask, "audio")
    if audio is not None and "voice" in audio:
        yield from one_string_of("audio.voice", "audio.voice", audio["voice"], ask.limits.voices)


def audio_voice_free(ask: Ask) -> Iterator[Reason]:
    """Since 2026-08 any name is a voice, and a voice of one's own is an object with its id."""
    rule, path = "audio.voice", "audio.voice"
    voice = (member(ask, "audio") or {"voice": ""}).get("voice", "")
    if is_object(voice):
        if "id" not in voice:
            yield missing(rule, f"{path}.id")
        elif not is_string(voice["id"]):
            yield wrong_type(rule, f"{path}.id", "a string", voice["id"])
    elif not is_string(voice):
        yield wrong_type(rule, path, "a string or an object", voice)


def audio_format(ask: Ask) -> Iterator[Reason]:
    audio = member(ask, "audio")
    if audio is not None and "format" in audio:
        yield from one_string_of("audio.format", "audio.format", audio["format"], ask.limits.audio_formats)


def audio_streamed(ask: Ask) -> Iterator[Reason]:
    """Ruling 9: streamed audio takes only pcm16."""
    audio = member(ask, "audio")
    if audio is None or not _wants_audio(ask) or ask.body.get("stream") is not True:
        return
    wanted, allowed = audio.get("format"), ask.limits.streamed_audio_formats
    # a format that no audio takes has its own reason
    if isinstance(wanted, str) and wanted in ask.limits.audio_formats and wanted not in allowed:
        yield Reason(
            "audio.format",
            f"Streamed audio takes {one_of(allowed)}.",
            "audio.format",
            "unsupported_value",
            strength="should",
        )


def prediction(ask: Ask) -> Iterator[Reason]:
    rule = "prediction.shape"
    value = ask.body.get("prediction")
    if value is None:
        return
    if not is_object(value):
        yield wrong_type(rule, "prediction", "an object", value)
        return
    if "type" not in value:
        yield missing(rule, "prediction.type")
    else:
        yield from one_string_of(rule, "prediction.type", value["type"], ask.limits.prediction_types)
    content, path = value.get("content"), "prediction.content"
    if "content" not in value:
        yield missing(rule, path)
    elif is_array(content):
        if len(content) < ask.limits.prediction_parts_min:
            yield Reason(rule, f"'{path}' must not be empty.", path, "empty_array")
        for i, part in enumerate(content):
            yield from _prediction_part(f"{path}[{i}]", part)
    elif not is_string(content):
        yield wrong_type(rule, path, "a string or an array of text parts", content)


def _prediction_part(path: str, part: object) -> Iterator[Reason]:
    rule = "prediction.shape"
    if not is_object(part):
        yield wrong_type(rule, path, "an object", part)
    elif "type" not in part:
        yield missing(rule, f"{path}.type")
    elif part["type"] != "text":
        yield from one_string_of(rule, f"{path}.type", part["type"], frozenset({"text"}))
    elif "text" not in part:
        yield missing(rule, f"{path}.text")
    elif not is_string(part["text"]):
        yield wrong_type(rule, f"{path}.text", "a string", part["text"])


# metadata, tier, stream


def _metadata(ask: Ask) -> Iterator[tuple[str, object]]:
    yield from (member(ask, "metadata") or {}).items()


def metadata_value(ask: Ask) -> Iterator[Reason]:
    for key, value in _metadata(ask):
        if not is_string(value):
            yield wrong_type("metadata.value.type", f"metadata.{key}", "a string", value)


def metadata_pairs(strength: Strength) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = member(ask, "metadata")
        most = ask.limits.metadata_pairs_max
        if value is not None and len(value) > most:
            yield Reason(
                "metadata.pairs.max",
                f"'metadata' has more than {most} members.",
                "metadata",
                "object_above_max_properties",
                strength=strength,
            )

    return check


def metadata_key(strength: Strength) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        most = ask.limits.metadata_key_max
        for key, _ in _metadata(ask):
            if len(key) > most:
                yield Reason(
                    "metadata.key.maxlen",
                    f"A name in 'metadata' is longer than {most} characters.",
                    f"metadata.{key}",
                    "property_name_above_max_length",
                    strength=strength,
                )

    return check


def metadata_length(strength: Strength) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        most = ask.limits.metadata_value_max
        for key, value in _metadata(ask):
            if isinstance(value, str) and len(value) > most:
                yield too_long("metadata.value.maxlen", f"metadata.{key}", most, strength)

    return check


def tier(rule: str) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get("service_tier")
        if isinstance(value, str) and value not in ask.limits.tiers:
            yield bad_value(rule, "service_tier", one_of(ask.limits.tiers))

    return check


def stream_options_needs(ask: Ask) -> Iterator[Reason]:
    stream = ask.body.get("stream")
    if member(ask, "stream_options") is not None and (stream is None or stream is False):
        yield coupled("stream_options.needs", "stream_options", "'stream_options' needs 'stream' to be true.")


def stream_option(rule: str, key: str) -> CheckFunction:
    """A flag among the stream options.  A nested null is contested, so it counts as absent."""

    def check(ask: Ask) -> Iterator[Reason]:
        value = (member(ask, "stream_options") or {}).get(key)
        if value is not None and not is_boolean(value):
            yield wrong_type(rule, f"stream_options.{key}", "a boolean", value)

    return check


# unknown keys


def unknown_keys(ask: Ask) -> Iterator[Reason]:
    for key in ask.body:
        if key not in ask.limits.request_keys:
            yield Reason(
                "http.key.unknown",
                f"Unrecognized request argument supplied: {key[:64]}",
                key[:64],
                "unknown_parameter",
                strength="should",
            )


def unknown_nested(ask: Ask) -> Iterator[Reason]:
    """Unknown members of the option objects; a named tool choice is looked into only when it has its shape."""
    for path, known in ask.limits.option_keys.items():
        holder: Any = ask.body
        for step in path.split("."):
            holder = holder.get(step) if is_object(holder) else None
        if not is_object(holder):
            continue
        if path == "tool_choice" and not any(is_object(holder.get(key)) for key in ask.limits.choice_types):
            continue
        for key in holder:
            if key not in known:
                rule = (
                    "response_format.legacy.schema"
                    if (path, key) == ("response_format", "schema")
                    else "http.key.unknown.nested"
                )
                yield Reason(
                    rule,
                    f"Unknown parameter: '{path}.{key[:64]}'.",
                    f"{path}.{key[:64]}",
                    "unknown_parameter",
                    strength="should",
                )


KEY_CHECKS = table(("http.key.unknown", unknown_keys))
NESTED_CHECKS = table(("http.key.unknown.nested", unknown_nested))

USER_CHECKS = table(("user.type", typed("user.type", "user", is_string, "a string")))


def tier_checks(rule: str) -> tuple[Check, ...]:
    """Type and value of the tier; the row of its values has another name in each vintage."""
    return table(
        ("service_tier.type", typed("service_tier.type", "service_tier", is_string, "a string")),
        (rule, tier(rule)),
    )


TIER_CHECKS = tier_checks("service_tier.enum.v0")
TIER_CHECKS_2026 = tier_checks("service_tier.enum.later")

STREAM_CHECKS = table(
    ("stream.type", typed("stream.type", "stream", is_boolean, "a boolean")),
    ("stream_options.type", typed("stream_options.type", "stream_options", is_object, "an object")),
    ("stream_options.needs", stream_options_needs),
    ("stream_options.usage.type", stream_option("stream_options.usage.type", "include_usage")),
)
OBFUSCATION_CHECKS = table(
    ("stream_options.obfuscation.type", stream_option("stream_options.obfuscation.type", "include_obfuscation"))
)


def store_checks(limits: Strength) -> tuple[Check, ...]:
    """Store and metadata; the limits of metadata were observed first and written down later."""
    return table(
        ("store.type", typed("store.type", "store", is_boolean, "a boolean")),
        ("metadata.type", typed("metadata.type", "metadata", is_object, "an object")),
        ("metadata.value.type", metadata_value),
        ("metadata.pairs.max", metadata_pairs(limits)),
        ("metadata.key.maxlen", metadata_key(limits)),
        ("metadata.value.maxlen", metadata_length(limits)),
    )


def output_checks(voice: CheckFunction) -> tuple[Check, ...]:
    """Modalities, audio and prediction; what a voice is changed with the vintage."""
    return table(
        ("modalities.enum", typed("modalities.enum", "modalities", is_array, "an array")),
        ("modalities.enum", modalities),
        ("audio.type", typed("audio.type", "audio", is_object, "an object")),
        ("audio.needs", audio_needs),
        ("audio.required", audio_required),
        ("audio.voice", voice),
        ("audio.format", audio_format),
        ("audio.format", audio_streamed),
        ("prediction.shape", prediction),
    )


OPTION_CHECKS = (*STREAM_CHECKS, *store_checks("should"), *output_checks(audio_voice))
OPTION_CHECKS_2026 = (*STREAM_CHECKS, *OBFUSCATION_CHECKS, *store_checks("must"), *output_checks(audio_voice_free))
