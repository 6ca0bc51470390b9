"""Servers that take what they must refuse, from the eleventh blind list. See ``BLIND_11.md``."""

from __future__ import annotations

from typing import Any

from .blind3a_messages import images_as_text
from .blind6_taken import is_number
from .blind_common import Body
from .requests_making import each_message, reading, within
from .stream_common import collection

MOST = 100
"""The largest bias."""
WORDS = ("true", "false")


taken = collection("blind11-", prop="messages", family="type")


def clamped(bias: Body) -> None:
    for key, value in bias.items():
        if is_number(value) and value > MOST:
            bias[key] = MOST


def is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def is_word(value: Any) -> bool:
    return value in WORDS


MUTANTS = [
    taken(
        "image-in-system",
        "part.image.role.refuses",
        each_message(images_as_text, "system"),
        family="enum",
        with_it="mm.position.refuses mm.monotone.bad",
    ),
    taken(
        "bias-above-clamped",
        "logit_bias.value.range.refuses",
        within("logit_bias", clamped),
        prop="logit_bias",
        family="bound",
        with_it="logit_bias.value.range.among.refuses logit_bias.value.next mm.monotone.bad many.refusals",
    ),
    taken(
        "temperature-boolean-taken",
        "temperature.type.refuses",
        reading("temperature", is_boolean, int),
        prop="temperature",
        with_it="mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    # --- moved --------------------------------------------------------------------------------------------------------
    taken(
        "logprobs-word-taken",
        "logprobs.type.refuses",
        reading("logprobs", is_word, lambda value: value == WORDS[0]),
        prop="logprobs",
        with_it="mm.monotone.bad many.refusals",
    ),
]
