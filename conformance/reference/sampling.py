"""Checks of the sampling numbers, log probabilities, bias and stop (fact base §1.5 to §1.7).

A value of the wrong type has one reason, the type; the range checks pass over it.  `x.type` of a property whose
table has no row of that name stands for the type confusion matrix of §1.13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .faults import Ask, Check, CheckFunction, Reason, Strength, coupled, table, typed, wrong_type
from .json_values import is_array, is_boolean, is_number, is_object, is_string, is_whole

Fits = Callable[[object], bool]
_WORD: dict[Fits, str] = {is_number: "decimal", is_whole: "integer"}


def at_least(rule: str, key: str, fits: Fits, bound: str, strength: Strength = "must") -> CheckFunction:
    """`key` ≥ the limit named `bound`; the error code says integer or decimal after the type of the property."""
    code = f"{_WORD[fits]}_below_min_value"

    def check(ask: Ask) -> Iterator[Reason]:
        value: Any = ask.body.get(key)
        least = getattr(ask.limits, bound)
        if value is not None and fits(value) and value < least:
            yield Reason(rule, f"'{key}' must be at least {least}.", key, code, strength=strength)

    return check


def at_most(
    rule: str, key: str, fits: Fits, bound: str, strength: Strength = "must", code: str | None = None
) -> CheckFunction:
    """`key` ≤ the limit named `bound` (written so that a NaN, should one ever arrive, is out of range)."""
    code = code or f"{_WORD[fits]}_above_max_value"

    def check(ask: Ask) -> Iterator[Reason]:
        value: Any = ask.body.get(key)
        most = getattr(ask.limits, bound)
        if value is not None and fits(value) and not value <= most:
            yield Reason(rule, f"'{key}' must be at most {most}.", key, code, strength=strength)

    return check


def _decimal(key: str) -> tuple[Check, ...]:
    return table(
        (f"{key}.type", typed(f"{key}.type", key, is_number, "a decimal number")),
        (f"{key}.min", at_least(f"{key}.min", key, is_number, f"{key}_min")),
        (f"{key}.max", at_most(f"{key}.max", key, is_number, f"{key}_max")),
    )


def _integer(key: str) -> CheckFunction:
    return typed(f"{key}.type", key, is_whole, "an integer")


def max_tokens_both(ask: Ask) -> Iterator[Reason]:
    """Observed: the two names of the bound exclude each other; a null of either is read as absent."""
    if ask.body.get("max_tokens") is not None and ask.body.get("max_completion_tokens") is not None:
        yield Reason(
            "max_tokens.both",
            "Give either 'max_tokens' or 'max_completion_tokens', not both.",
            "max_tokens",
            "invalid_parameter_combination",
            strength="should",
        )


def top_logprobs_needs(ask: Ask) -> Iterator[Reason]:
    """Prose: top_logprobs goes with logprobs true.  0 alone is contested, so it passes."""
    value: Any = ask.body.get("top_logprobs")
    logprobs = ask.body.get("logprobs")
    if not is_whole(value) or not (logprobs is None or logprobs is False):
        return
    if 0 < value <= ask.limits.top_logprobs_max:
        yield coupled("top_logprobs.needs", "top_logprobs", "'top_logprobs' needs 'logprobs' to be true.")


def _bias(ask: Ask) -> dict[str, Any]:
    value = ask.body.get("logit_bias")
    return value if is_object(value) else {}


def bias_key_numeric(ask: Ask) -> Iterator[Reason]:
    for key in _bias(ask):
        if not ask.limits.bias_key.fullmatch(key):
            yield coupled("logit_bias.key.numeric", "logit_bias", "The keys of 'logit_bias' must be token ids.")


def bias_key_vocabulary(ask: Ask) -> Iterator[Reason]:
    """Observed: an id beyond the vocabulary is refused.  A long run of digits is judged by its length alone."""
    most = ask.limits.vocabulary_max
    for key in _bias(ask):
        if ask.limits.bias_key.fullmatch(key) and key.isdecimal():
            digits = key.lstrip("0")
            if len(digits) > len(str(most)) or int(digits or "0") > most:
                yield coupled("logit_bias.key.vocab", "logit_bias", f"A token id must be at most {most}.", "should")


def bias_value_type(ask: Ask) -> Iterator[Reason]:
    """Any JSON number passes: decimals are contested."""
    for value in _bias(ask).values():
        if not is_number(value):
            yield wrong_type("logit_bias.value.type", "logit_bias", "a map of numbers", value)


def bias_value_range(ask: Ask) -> Iterator[Reason]:
    least, most = ask.limits.bias_min, ask.limits.bias_max
    for value in _bias(ask).values():
        if is_number(value) and not least <= value <= most:
            yield coupled("logit_bias.value.range", "logit_bias", f"A bias must lie between {least} and {most}.")


def stop_array_max(ask: Ask) -> Iterator[Reason]:
    stop = ask.body.get("stop")
    most = ask.limits.stop_max
    if is_array(stop) and len(stop) > most:
        yield Reason(
            "stop.array.max",
            f"'stop' has {len(stop)} items, at most {most} are allowed.",
            "stop",
            "array_above_max_length",
        )


def stop_array_item(ask: Ask) -> Iterator[Reason]:
    stop = ask.body.get("stop")
    if is_array(stop):
        for i, item in enumerate(stop):
            if not is_string(item):
                yield wrong_type("stop.array.item", f"stop[{i}]", "a string", item)


BOUND_CHECKS = table(
    ("max_completion_tokens.type", _integer("max_completion_tokens")),
    (
        "max_completion_tokens.min",
        at_least("max_completion_tokens.min", "max_completion_tokens", is_whole, "output_min", "should"),
    ),
    # no row of its own: the cap of max_tokens.max applied to the newer name
    (
        "max_completion_tokens.max",
        at_most(
            "max_completion_tokens.max", "max_completion_tokens", is_whole, "output_max", "should", "invalid_value"
        ),
    ),
)

NUMBER_CHECKS = (
    *table(
        ("n.type", _integer("n")),
        ("n.min", at_least("n.min", "n", is_whole, "n_min")),
        ("n.max", at_most("n.max", "n", is_whole, "n_max")),
    ),
    *_decimal("temperature"),
    *_decimal("top_p"),
    *_decimal("frequency_penalty"),
    *_decimal("presence_penalty"),
    *table(
        ("logprobs.type", typed("logprobs.type", "logprobs", is_boolean, "a boolean")),
        ("top_logprobs.type", _integer("top_logprobs")),
        ("top_logprobs.min", at_least("top_logprobs.min", "top_logprobs", is_whole, "top_logprobs_min")),
        ("top_logprobs.max", at_most("top_logprobs.max", "top_logprobs", is_whole, "top_logprobs_max")),
        ("top_logprobs.needs", top_logprobs_needs),
    ),
)

SEED_CHECKS = table(
    ("seed.type", _integer("seed")),
    # both ends are one row of the table, kept as two checks
    ("seed.range", at_least("seed.range", "seed", is_whole, "seed_min")),
    ("seed.range", at_most("seed.range", "seed", is_whole, "seed_max")),
)

TAIL_CHECKS = table(
    ("max_tokens.type", _integer("max_tokens")),
    ("max_tokens.min", at_least("max_tokens.min", "max_tokens", is_whole, "output_min", "should")),
    ("max_tokens.max", at_most("max_tokens.max", "max_tokens", is_whole, "output_max", "should", "invalid_value")),
    ("max_tokens.both", max_tokens_both),
    ("logit_bias.type", typed("logit_bias.type", "logit_bias", is_object, "an object")),
    ("logit_bias.key.numeric", bias_key_numeric),
    ("logit_bias.key.vocab", bias_key_vocabulary),
    ("logit_bias.value.type", bias_value_type),
    ("logit_bias.value.range", bias_value_range),
    (
        "stop.string",
        typed(
            "stop.string", "stop", lambda value: is_string(value) or is_array(value), "a string or an array of strings"
        ),
    ),
    ("stop.array.max", stop_array_max),
    ("stop.array.item", stop_array_item),
)
