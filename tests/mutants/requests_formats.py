"""Servers that judge modalities, audio, prediction or the response format wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference.behaviour import Reference

from .base import bounded, unchecked
from .requests_making import (
    Body,
    about,
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
from .requests_options import no_string, strings


def audio_guessed(body: Body) -> None:
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities and body.get("audio") is None:
        body["audio"] = {"voice": "alloy", "format": "wav"}


def video_dropped(value: list[Any]) -> list[Any]:
    return [item for item in value if item != "video"]


def plain_content(body: Body) -> Any:
    return (body.get("prediction") or {}).get("content")


def text_only(prediction: Body) -> None:
    """Parts of another type are left out, where a text part is left."""
    content = prediction.get("content")
    if isinstance(content, list):
        left = [part for part in content if not (isinstance(part, dict) and part.get("type") == "image_url")]
        prediction["content"] = left or ""


def spelled(prediction: Body) -> None:
    if type(prediction.get("content")) in (int, float, bool):
        prediction["content"] = str(prediction["content"])


def form(body: Body) -> Body:
    return body.get("response_format") or {}


def schema(body: Body) -> Body:
    return form(body).get("json_schema") or {}


def schema_change(change: Callable[[Body], object]) -> Reference:
    def inner(holder: Body) -> None:
        if isinstance(holder.get("json_schema"), dict):
            change(holder["json_schema"])

    return within("response_format", inner)


def json_shouted(body: Body) -> bool:
    """No message has the word in small letters."""
    return form(body).get("type") == "json_object" and "json" not in json.dumps(body["messages"])


def json_early(body: Body) -> bool:
    """The last message does not have the word."""
    return form(body).get("type") == "json_object" and "json" not in json.dumps(body["messages"][-1]).lower()


modality_row = about("modalities")
audio_row = about("audio")
prediction_row = about("prediction")
form_row = about("response_format")

MEDIA = [
    modality_row(
        "modalities-word", "type", reading("modalities", is_text, lambda value: [value]), "modalities.type.refuses"
    ),
    modality_row(
        "modality-video",
        "enum",
        reading("modalities", lambda value: isinstance(value, list), video_dropped),
        "modalities.enum.refuses",
    ),
    modality_row(
        "modality-items-dropped", "type", reading("modalities", no_string, strings), "modalities.item.refuses"
    ),
    modality_row(
        "modalities-first-only",
        "enum",
        viewing("modalities.enum", first_of("modalities")),
        "modalities.enum.refuses",
        "modalities.item.refuses",
    ),
    audio_row(
        "audio-ignored",
        "ignored",
        unchecked("audio.type", "audio.needs", "audio.required", "audio.voice", "audio.format"),
        "audio.type.refuses audio.needs.refuses audio.required.refuses audio.voice.refuses audio.format.refuses",
    ),
    audio_row("audio-guessed", "coupling", rewriting(audio_guessed), "audio.needs.refuses"),
    audio_row("audio-members-missing", "required", unchecked("audio.required"), "audio.required.refuses"),
    audio_row("voice-unchecked", "enum", unchecked("audio.voice"), "audio.voice.refuses", "audio.required.refuses"),
    audio_row(
        "audio-ogg",
        "enum",
        within("audio", lambda audio: audio.update(format="wav") if audio.get("format") == "ogg" else None),
        "audio.format.refuses",
    ),
    audio_row(
        "voice-verse-refused",
        "refused",
        refusing_valid(lambda body: (body.get("audio") or {}).get("voice") == "verse"),
        "audio.voice.accepts",
    ),
    audio_row(
        "audio-flac-refused",
        "refused",
        refusing_valid(lambda body: (body.get("audio") or {}).get("format") == "flac"),
        "audio.format.accepts",
    ),
    audio_row(
        "audio-word",
        "type",
        reading("audio", is_text, lambda _: {"voice": "alloy", "format": "wav"}),
        "audio.type.refuses",
    ),
    audio_row(
        "audio-needs-crash",
        "crash",
        stumbling(lambda body: body.get("modalities") == ["text", "audio"] and body.get("audio") is None),
        "audio.needs.refuses",
    ),
    prediction_row(
        "prediction-type-missing",
        "required",
        within("prediction", lambda value: value.setdefault("type", "content")),
        "prediction.shape.refuses",
    ),
    prediction_row("prediction-part-image", "enum", within("prediction", text_only), "prediction.parts.refuses"),
    prediction_row("prediction-number", "type", within("prediction", spelled), "prediction.content.type.refuses"),
    prediction_row(
        "prediction-array",
        "type",
        reading("prediction", lambda value: isinstance(value, list)),
        "prediction.type.refuses",
    ),
    prediction_row(
        "prediction-parts-refused",
        "refused",
        refusing_valid(lambda body: isinstance(plain_content(body), list)),
        "prediction.parts.accepts",
    ),
]

FORMATS = [
    form_row(
        "format-type-missing",
        "required",
        within("response_format", lambda value: value.setdefault("type", "text")),
        "response_format.type.required.refuses",
    ),
    form_row(
        "format-type-unchecked",
        "enum",
        unchecked("response_format.type.enum"),
        "response_format.type.enum.refuses",
        "response_format.type.required.refuses",
    ),
    form_row(
        "format-array",
        "type",
        reading("response_format", lambda value: isinstance(value, list)),
        "response_format.shape.refuses",
    ),
    form_row(
        "format-text-refused",
        "refused",
        refusing_valid(lambda body: form(body).get("type") == "text"),
        "gate.response_format",
    ),
    form_row(
        "json-word-unchecked",
        "coupling",
        unchecked("response_format.jsonobject.word"),
        "response_format.jsonobject.word.refuses",
    ),
    form_row("json-word-case", "refused", refusing_valid(json_shouted), "response_format.jsonobject.word.accepts"),
    form_row(
        "json-word-last-message", "refused", refusing_valid(json_early), "response_format.jsonobject.word.accepts"
    ),
    form_row(
        "schema-missing",
        "required",
        unchecked("response_format.jsonschema.required"),
        "response_format.jsonschema.required.refuses",
        "response_format.jsonschema.type.refuses",
    ),
    form_row(
        "schema-missing-crash",
        "crash",
        stumbling(
            lambda body: (
                isinstance(body.get("response_format"), dict)
                and form(body).get("type") == "json_schema"
                and not isinstance(form(body).get("json_schema"), dict)
            )
        ),
        "response_format.jsonschema.required.refuses response_format.jsonschema.type.refuses",
    ),
    form_row(
        "schema-name-dot",
        "pattern",
        bounded(schema_name=re.compile(r"[A-Za-z0-9_.-]+")),
        "response_format.jsonschema.name.refuses",
    ),
    form_row(
        "schema-name-no-hyphen",
        "pattern",
        bounded(schema_name=re.compile("[A-Za-z0-9_]+")),
        "response_format.jsonschema.name.accepts",
    ),
    form_row("schema-name-65", "bound", bounded(schema_name_max=65), "response_format.jsonschema.name.refuses"),
    form_row("schema-name-63", "bound", bounded(schema_name_max=63), "response_format.jsonschema.name.accepts"),
    form_row(
        "schema-name-missing",
        "required",
        schema_change(lambda value: value.setdefault("name", "answer")),
        "response_format.jsonschema.name.required.refuses",
    ),
    form_row(
        "schema-name-number",
        "type",
        schema_change(lambda value: value.update(name="7") if is_integer(value.get("name")) else None),
        "response_format.jsonschema.name.type.refuses",
    ),
    form_row(
        "schema-description-unchecked",
        "type",
        unchecked("response_format.jsonschema.description.type"),
        "response_format.jsonschema.description.type.refuses",
    ),
    form_row(
        "schema-as-text",
        "type",
        schema_change(lambda value: value.pop("schema") if is_text(value.get("schema")) else None),
        "response_format.jsonschema.schema.type.refuses",
    ),
    form_row(
        "schema-strict-unchecked",
        "type",
        unchecked("response_format.jsonschema.strict.type"),
        "response_format.jsonschema.strict.type.refuses",
    ),
    form_row(
        "schema-strict-null-refused",
        "refused",
        refusing_valid(lambda body: schema(body).get("strict", 0) is None),
        "response_format.jsonschema.strict.type.accepts",
    ),
    form_row(
        "strict-open",
        "ignored",
        unchecked("response_format.strict.additional"),
        "response_format.strict.additional.refuses",
    ),
    form_row(
        "strict-optional",
        "ignored",
        unchecked("response_format.strict.required"),
        "response_format.strict.required.refuses",
    ),
    form_row("strict-root", "ignored", unchecked("response_format.strict.root"), "response_format.strict.root.refuses"),
    form_row(
        "schema-loose-refused",
        "refused",
        refusing_valid(lambda body: bool(schema(body)) and schema(body).get("strict") is not True),
        "response_format.jsonschema.schema.accepts",
        "response_format.jsonschema.*.accepts",
    ),
    form_row(
        "format-legacy-schema",
        "type",
        within("response_format", lambda value: value.pop("schema", None)),
        "response_format.legacy.schema.refuses",
    ),
]

MUTANTS = [*MEDIA, *FORMATS]
