"""More servers invented without looking at the rules: numbers, log probabilities, bias. See ``BLIND_REQUESTS_2.md``."""

from __future__ import annotations

import math
from typing import Any

from .blind_options import is_decimal, seed
from .requests_making import (
    Body,
    fault,
    first_of,
    is_array,
    is_integer,
    is_text,
    reading,
    refusing_valid,
    rewriting,
    viewing,
)

LEAST_OUTPUT = 16
INT32 = 2**31


def js_number(value: Any) -> Any:
    """What Number() makes of a JSON value; the value itself where that is not a number."""
    if isinstance(value, bool):
        return int(value)
    if is_array(value) and len(value) < 2:
        return js_number(value[0]) if value and value[0] is not None else 0
    if is_text(value):
        try:
            number = float(value.strip() or 0)
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    return value


def free_beside_top_p(body: Body) -> None:
    value: Any = body.get("temperature")
    if is_decimal(body.get("top_p")) and is_decimal(value):
        body["temperature"] = max(0, min(2, value))


def greedy_without_seed(body: Body) -> None:
    if is_decimal(body.get("temperature")) and body["temperature"] == 0:
        body.pop("seed", None)


def logged_call_stream(body: Body) -> bool:
    return body.get("logprobs") is True and body.get("tools") is not None and body.get("stream") is True


NUMBERS = [
    fault(
        "blind2-temperature-js-number",
        "temperature",
        "type",
        reading("temperature", lambda value: value is not None and not is_decimal(value), js_number),
        "temperature.type.refuses",
    ),
    fault(
        "blind2-temperature-unchecked-top-p",
        "temperature",
        "bound",
        rewriting(free_beside_top_p),
        "mm.monotone.bad",
        "temperature.*",
    ),
    fault(
        "blind2-temperature-top-p-exclusive",
        "temperature",
        "refused",
        refusing_valid(lambda body: body.get("temperature") is not None and body.get("top_p") is not None),
        "together.pairs.accepts",
        "together.random.accepts mm.default",
    ),
    fault(
        "blind2-top-p-one-refused",
        "top_p",
        "refused",
        refusing_valid(lambda body: body.get("top_p") == 1),
        "top_p.max.accepts",
        "mm.default mm.number",
    ),
    fault(
        "blind2-frequency-negative-refused",
        "frequency_penalty",
        "refused",
        refusing_valid(lambda body: (body.get("frequency_penalty") or 0) < 0),
        "frequency_penalty.min.accepts",
    ),
    fault(
        "blind2-presence-truncated",
        "presence_penalty",
        "bound",
        reading("presence_penalty", lambda value: type(value) is float and math.isfinite(value), int),
        "presence_penalty.max.refuses presence_penalty.min.refuses",
    ),
    fault(
        "blind2-seed-int32",
        "seed",
        "refused",
        refusing_valid(lambda body: not -INT32 <= (seed(body) or 0) < INT32),
        "seed.type.accepts",
    ),
    fault(
        "blind2-seed-unchecked-greedy",
        "seed",
        "type",
        rewriting(greedy_without_seed),
        "seed.type.refuses",
        "mm.monotone.bad",
    ),
    fault(
        "blind2-n-null-zero",
        "n",
        "refused",
        reading("n", lambda value: value is None, lambda _: 0),
        "n.null.accepts",
        "mm.null mm.default",
    ),
    fault(
        "blind2-max-tokens-falsy-absent",
        "max_tokens",
        "type",
        reading("max_tokens", lambda value: value in ("", 0)),
        "max_tokens.type.refuses",
        "max_tokens.min.refuses",
    ),
    fault(
        "blind2-completion-below-16-refused",
        "max_completion_tokens",
        "refused",
        refusing_valid(lambda body: (body.get("max_completion_tokens") or LEAST_OUTPUT) < LEAST_OUTPUT),
        "max_completion_tokens.min.accepts",
        "mm.alias",
    ),
]

LOGS = [
    fault(
        "blind2-logprobs-integer",
        "logprobs",
        "type",
        reading("logprobs", is_integer, lambda value: value > 0),
        "logprobs.type.refuses",
    ),
    fault(
        "blind2-logprobs-tools-stream-refused",
        "logprobs",
        "refused",
        refusing_valid(logged_call_stream),
        "together.pairs.accepts",
        "together.random.accepts mm.stream",
    ),
    fault(
        "blind2-top-logprobs-zero-refused",
        "top_logprobs",
        "refused",
        refusing_valid(lambda body: body.get("top_logprobs") == 0),
        "top_logprobs.min.accepts",
    ),
    fault(
        "blind2-bias-first-entry-only",
        "logit_bias",
        "bound",
        viewing("logit_bias.value.range", first_of("logit_bias")),
        "logit_bias.value.range.among.refuses",
    ),
]

MUTANTS = [*NUMBERS, *LOGS]
