"""Checks of the option objects: output format, audio, prediction, metadata, streaming (fact base §1.8 to §1.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import (
    Ask,
    Reason,
    Strength,
    bad_value,
    coupled,
    is_array,
    is_boolean,
    is_object,
    is_string,
    missing,
    one_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .prompt import text_of
from .strict import StrictFault, strict_faults


def _object(ask: Ask, key: str) -> dict[str, Any] | None:
    value = ask.body.get(key)
    return value if isinstance(value, dict) else None


def _enum(
    rule: str, path: str, value: object, allowed: frozenset[str], strength: Strength = "must"
) -> Iterator[Reason]:
    if not isinstance(value, str):
        yield wrong_type(rule, path, "a string", value, strength)
    elif value not in allowed:
        yield bad_value(rule, path, one_of(allowed), strength)


# response_format


def format_type_required(ask: Ask) -> Iterator[Reason]:
    value = _object(ask, "response_format")
    if value is not None and "type" not in value:
        yield missing("response_format.type.required", "response_format.type")


def format_type(ask: Ask) -> Iterator[Reason]:
    value = _object(ask, "response_format")
    if value is not None and "type" in value:
        yield from _enum("response_format.type.enum", "response_format.type", value["type"], ask.limits.format_types)


def _json_schema(ask: Ask) -> dict[str, Any] | None:
    value = _object(ask, "response_format")
    if value is None or value.get("type") != "json_schema":
        return None
    inner = value.get("json_schema")
    return inner if isinstance(inner, dict) else None


def json_schema_required(ask: Ask) -> Iterator[Reason]:
    value = _object(ask, "response_format")
    if value is not None and value.get("type") == "json_schema":
        rule, path = "response_format.jsonschema.required", "response_format.json_schema"
        if "json_schema" not in value:
            yield missing(rule, path)
        elif not is_object(value["json_schema"]):
            yield wrong_type(rule, path, "an object", value["json_schema"])


def json_schema_name(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is None:
        return
    rule, path, name = "response_format.jsonschema.name", "response_format.json_schema.name", inner.get("name")
    if "name" not in inner:
        yield missing(rule, path)
    elif not isinstance(name, str):
        yield wrong_type(rule, path, "a string", name)
    elif not ask.limits.schema_name.fullmatch(name):
        yield bad_value(rule, path, "one or more letters, digits, '_' or '-'")
    elif len(name) > ask.limits.schema_name_max:
        yield too_long(rule, path, ask.limits.schema_name_max)


def json_schema_schema(ask: Ask) -> Iterator[Reason]:
    """A schema that is there is an object; that it may be absent is contested, so it may."""
    inner = _json_schema(ask)
    if inner is not None and inner.get("schema") is not None and not is_object(inner["schema"]):
        yield wrong_type(
            "response_format.jsonschema.schema", "response_format.json_schema.schema", "an object", inner["schema"]
        )


def json_schema_description(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is not None and inner.get("description") is not None and not is_string(inner["description"]):
        yield wrong_type(
            "response_format.jsonschema.description.type",
            "response_format.json_schema.description",
            "a string",
            inner["description"],
        )


def json_schema_strict(ask: Ask) -> Iterator[Reason]:
    inner = _json_schema(ask)
    if inner is not None and inner.get("strict") is not None and not is_boolean(inner["strict"]):
        yield wrong_type(
            "response_format.jsonschema.strict.type", "response_format.json_schema.strict", "a boolean", inner["strict"]
        )


_STRICT = {
    "root": "the root of a strict schema must be an object",
    "additional": "every object of a strict schema must set additionalProperties to false",
    "required": "every property of a strict schema must be required",
}


def strict_rule(fault: StrictFault):
    rule = f"response_format.strict.{fault}"

    def check(ask: Ask) -> Iterator[Reason]:
        inner = _json_schema(ask)
        schema = inner.get("schema") if inner is not None and inner.get("strict") is True else None
        if isinstance(schema, dict) and fault in strict_faults(schema):
            yield coupled(rule, "response_format", f"The schema is not valid: {_STRICT[fault]}.", "should")

    return check


def json_word(ask: Ask) -> Iterator[Reason]:
    """Observed: json_object wants the word in a message; messages that are no messages have their own reason."""
    value = _object(ask, "response_format")
    messages = ask.body.get("messages")
    if value is None or value.get("type") != "json_object" or not isinstance(messages, list) or not messages:
        return
    if len(ask.items) != len(messages):
        return
    contents = [message.get("content") for _, message in ask.items]
    if all(content is None or isinstance(content, (str, list)) for content in contents) and not any(
        "json" in text_of(content).lower() for content in contents
    ):
        yield coupled(
            "response_format.jsonobject.word",
            "messages",
            "A message must contain the word 'json' for a response format of the type 'json_object'.",
            "should",
        )


# modalities, audio, prediction


def modalities(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("modalities")
    if isinstance(value, list):
        for i, name in enumerate(value):
            yield from _enum("modalities.enum", f"modalities[{i}]", name, ask.limits.modalities)


def _wants_audio(ask: Ask) -> bool:
    value = ask.body.get("modalities")
    return isinstance(value, list) and "audio" in value


def audio_needs(ask: Ask) -> Iterator[Reason]:
    if _wants_audio(ask) and ask.body.get("audio") is None:
        yield missing("audio.needs", "audio")


def audio_required(ask: Ask) -> Iterator[Reason]:
    audio = _object(ask, "audio")
    if audio is not None:
        for key in ("voice", "format"):
            if key not in audio:
                yield missing("audio.required", f"audio.{key}")


def audio_voice(ask: Ask) -> Iterator[Reason]:
    audio = _object(ask, "audio")
    if audio is not None and "voice" in audio:
        yield from _enum("audio.voice", "audio.voice", audio["voice"], ask.limits.voices)


def audio_format(ask: Ask) -> Iterator[Reason]:
    audio = _object(ask, "audio")
    if audio is not None and "format" in audio:
        yield from _enum("audio.format", "audio.format", audio["format"], ask.limits.audio_formats)


def audio_streamed(ask: Ask) -> Iterator[Reason]:
    """Ruling 9: streamed audio takes only pcm16."""
    audio = _object(ask, "audio")
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
    if not isinstance(value, dict):
        yield wrong_type(rule, "prediction", "an object", value)
        return
    if "type" not in value:
        yield missing(rule, "prediction.type")
    else:
        yield from _enum(rule, "prediction.type", value["type"], ask.limits.prediction_types)
    content, path = value.get("content"), "prediction.content"
    if "content" not in value:
        yield missing(rule, path)
    elif isinstance(content, list):
        if len(content) < ask.limits.prediction_parts_min:
            yield Reason(rule, f"'{path}' must not be empty.", path, "empty_array")
        for i, part in enumerate(content):
            yield from _prediction_part(f"{path}[{i}]", part)
    elif not is_string(content):
        yield wrong_type(rule, path, "a string or an array of text parts", content)


def _prediction_part(path: str, part: object) -> Iterator[Reason]:
    rule = "prediction.shape"
    if not isinstance(part, dict):
        yield wrong_type(rule, path, "an object", part)
    elif "type" not in part:
        yield missing(rule, f"{path}.type")
    elif part["type"] != "text":
        yield from _enum(rule, f"{path}.type", part["type"], frozenset({"text"}))
    elif "text" not in part:
        yield missing(rule, f"{path}.text")
    elif not is_string(part["text"]):
        yield wrong_type(rule, f"{path}.text", "a string", part["text"])


# metadata, tier, stream


def _metadata(ask: Ask) -> Iterator[tuple[str, object]]:
    yield from (_object(ask, "metadata") or {}).items()


def metadata_value(ask: Ask) -> Iterator[Reason]:
    for key, value in _metadata(ask):
        if not is_string(value):
            yield wrong_type("metadata.value.type", f"metadata.{key}", "a string", value)


def metadata_pairs(ask: Ask) -> Iterator[Reason]:
    value = _object(ask, "metadata")
    most = ask.limits.metadata_pairs_max
    if value is not None and len(value) > most:
        yield Reason(
            "metadata.pairs.max",
            f"'metadata' has more than {most} members.",
            "metadata",
            "object_above_max_properties",
            strength="should",
        )


def metadata_key(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.metadata_key_max
    for key, _ in _metadata(ask):
        if len(key) > most:
            yield Reason(
                "metadata.key.maxlen",
                f"A name in 'metadata' is longer than {most} characters.",
                f"metadata.{key}",
                "property_name_above_max_length",
                strength="should",
            )


def metadata_length(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.metadata_value_max
    for key, value in _metadata(ask):
        if isinstance(value, str) and len(value) > most:
            yield too_long("metadata.value.maxlen", f"metadata.{key}", most, "should")


def tier(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("service_tier")
    if isinstance(value, str) and value not in ask.limits.tiers:
        yield bad_value("service_tier.enum.v0", "service_tier", one_of(ask.limits.tiers))


def stream_options_needs(ask: Ask) -> Iterator[Reason]:
    stream = ask.body.get("stream")
    if _object(ask, "stream_options") is not None and (stream is None or stream is False):
        yield coupled("stream_options.needs", "stream_options", "'stream_options' needs 'stream' to be true.")


def stream_options_usage(ask: Ask) -> Iterator[Reason]:
    """A nested null is contested, so it counts as absent."""
    value = (_object(ask, "stream_options") or {}).get("include_usage")
    if value is not None and not is_boolean(value):
        yield wrong_type("stream_options.usage.type", "stream_options.include_usage", "a boolean", value)


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
            holder = holder.get(step) if isinstance(holder, dict) else None
        if not isinstance(holder, dict):
            continue
        if path == "tool_choice" and not isinstance(holder.get("function"), dict):
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

FORMAT_CHECKS = table(
    ("response_format.shape", typed("response_format.shape", "response_format", is_object, "an object")),
    ("response_format.type.required", format_type_required),
    ("response_format.type.enum", format_type),
    ("response_format.jsonschema.required", json_schema_required),
    ("response_format.jsonschema.name", json_schema_name),
    ("response_format.jsonschema.schema", json_schema_schema),
    ("response_format.jsonschema.description.type", json_schema_description),
    ("response_format.jsonschema.strict.type", json_schema_strict),
    ("response_format.strict.root", strict_rule("root")),
    ("response_format.strict.additional", strict_rule("additional")),
    ("response_format.strict.required", strict_rule("required")),
    ("response_format.jsonobject.word", json_word),
    ("service_tier.type", typed("service_tier.type", "service_tier", is_string, "a string")),
    ("service_tier.enum.v0", tier),
)

OPTION_CHECKS = table(
    ("stream.type", typed("stream.type", "stream", is_boolean, "a boolean")),
    ("stream_options.type", typed("stream_options.type", "stream_options", is_object, "an object")),
    ("stream_options.needs", stream_options_needs),
    ("stream_options.usage.type", stream_options_usage),
    ("store.type", typed("store.type", "store", is_boolean, "a boolean")),
    ("metadata.type", typed("metadata.type", "metadata", is_object, "an object")),
    ("metadata.value.type", metadata_value),
    ("metadata.pairs.max", metadata_pairs),
    ("metadata.key.maxlen", metadata_key),
    ("metadata.value.maxlen", metadata_length),
    ("modalities.enum", typed("modalities.enum", "modalities", is_array, "an array")),
    ("modalities.enum", modalities),
    ("audio.type", typed("audio.type", "audio", is_object, "an object")),
    ("audio.needs", audio_needs),
    ("audio.required", audio_required),
    ("audio.voice", audio_voice),
    ("audio.format", audio_format),
    ("audio.format", audio_streamed),
    ("prediction.shape", prediction),
)
