"""More servers invented without looking at the rules: stop, stream, store and output. See ``BLIND_REQUESTS_2.md``."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference.limits import LIMITS

from .requests_making import (
    Body,
    crashing,
    fault,
    first_of,
    is_array,
    is_object,
    is_text,
    reading,
    rewriting,
    viewing,
    within,
)

TRUE_WORDS = frozenset(("1", "on", "t", "true", "y", "yes"))
FALSE_WORDS = frozenset(("0", "off", "f", "false", "n", "no"))
LAST_OF_THE_PLANE = "\uffff"


def js_truth(value: Any) -> bool:
    return isinstance(value, (dict, list)) or bool(value)


def is_word(value: Any) -> bool:
    """Whether pydantic reads it as a boolean, which it is not."""
    if is_text(value):
        return value.lower() in TRUE_WORDS | FALSE_WORDS
    return type(value) in (int, float) and value in (0, 1)


def word(value: Any) -> bool:
    return value.lower() in TRUE_WORDS if is_text(value) else bool(value)


def idle_usage(body: Body) -> None:
    options = body.get("stream_options")
    idle = is_object(options) and options.get("include_usage") is False and len(options) == 1
    if idle and (body.get("stream") is None or body["stream"] is False):
        del body["stream_options"]


def reserved_key(body: Body) -> bool:
    return any("." in key or key.startswith("$") for key in body.get("metadata") or ())


def outside_plane(body: Body) -> bool:
    return any(char > LAST_OF_THE_PLANE for char in body.get("user") or "")


def known_modalities(value: list[Any]) -> list[Any]:
    return [name for name in value if is_text(name) and name in LIMITS.modalities] or value


def default_format(audio: Body) -> None:
    audio.setdefault("format", "pcm16")


SENDING = [
    fault(
        "blind2-stop-items-after-first",
        "stop",
        "type",
        viewing("stop.array.item", first_of("stop")),
        "stop.array.item.refuses",
    ),
    fault(
        "blind2-stream-truthiness",
        "stream",
        "type",
        reading("stream", lambda value: value is not None and not isinstance(value, bool), js_truth),
        "gate.stream",
        "stream.type.refuses",
    ),
    fault(
        "blind2-usage-false-alone",
        "stream_options",
        "coupling",
        rewriting(idle_usage),
        "stream_options.needs.refuses",
    ),
]

KEEPING = [
    fault("blind2-store-words", "store", "type", reading("store", is_word, word), "store.type.refuses"),
    fault("blind2-metadata-dollar-key-crash", "metadata", "crash", crashing(reserved_key), "metadata.type.accepts"),
    fault("blind2-user-astral-crash", "user", "crash", crashing(outside_plane), "user.type.accepts"),
    fault(
        "blind2-tier-any-case",
        "service_tier",
        "enum",
        reading("service_tier", lambda value: is_text(value) and value.lower() in LIMITS.tiers, str.lower),
        "service_tier.enum.v0.refuses",
    ),
]

OUTPUT = [
    fault(
        "blind2-modalities-some-known",
        "modalities",
        "enum",
        reading("modalities", is_array, known_modalities),
        "modalities.enum.refuses",
    ),
    fault(
        "blind2-audio-format-default", "audio", "required", within("audio", default_format), "audio.required.refuses"
    ),
]

MUTANTS = [*SENDING, *KEEPING, *OUTPUT]
