"""Servers that take a wrong request or refuse a right one: the numbers, and every property by the same faults."""

from __future__ import annotations

from typing import Any

from . import (
    requests_calls,
    requests_choices,
    requests_formats,
    requests_messages,
    requests_options,
    requests_parts,
    requests_tools,
)
from .base import Mutant, bounded, unchecked
from .requests_making import about, crashing, fault, is_integer, is_text, reading, refusing_valid, rewriting, stumbling

DECIMALS = ("temperature", "top_p", "frequency_penalty", "presence_penalty")


INTEGERS = ("n", "max_tokens", "max_completion_tokens", "seed", "top_logprobs")


NULLABLE = (
    *DECIMALS,
    *INTEGERS,
    *("audio", "logit_bias", "logprobs", "metadata", "modalities", "prediction"),
    *("service_tier", "stop", "store", "stream", "stream_options"),
)
"""Properties for which null is documented to mean absent."""

OTHERS = ("functions", "function_call", "parallel_tool_calls", "response_format", "tool_choice", "tools", "user")
WITH = {
    "functions": ("function_call",),
    "logprobs": ("top_logprobs",),
    "modalities": ("audio",),
    "stream": ("stream_options",),
    "tools": ("tool_choice", "parallel_tool_calls"),
}
"""Who does not look at a property does not look at what needs it either."""

SEEN = {
    "max_tokens": "ef.maxtokens ef.length",
    "max_completion_tokens": "ef.maxtokens.completion ef.length.completion",
    "modalities": "gate.audio_output",
    "n": "gate.multiple_choices",
    "response_format": "gate.json_object gate.json_schema",
    "stream": "gate.streaming gate.stream_options",
    "stream_options": "gate.stream_usage",
    "tools": "gate.tool_choice gate.parallel_tool_calls gate.forced_tool",
    "functions": "gate.function_call gate.forced_function",
    "logprobs": "gate.top_logprobs",
    "tool_choice": "gate.forced_tool ef.choice.*",
    "function_call": "gate.forced_function",
}
"""Rules that see the effect of a property which is not looked at."""

MODEL = "chatproof-reference"


def fraction(value: object) -> bool:
    return isinstance(value, float) and not value.is_integer()


def digits(value: object) -> bool:
    """A number that is written as a string."""
    return isinstance(value, str) and value.replace(".", "", 1).isdecimal()


def is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def number(prop: str, low: float, high: float) -> Any:
    """A test: the value of a property is a number outside these bounds, both of which are inside."""
    return lambda body: body.get(prop) is not None and not low <= body[prop] <= high


MODEL = "chatproof-reference"


temperature_row = about("temperature")
top_p_row = about("top_p")
frequency_penalty_row = about("frequency_penalty")
presence_penalty_row = about("presence_penalty")
count_row = about("n")
max_tokens_row = about("max_tokens")
max_completion_tokens_row = about("max_completion_tokens")
seed_row = about("seed")
top_logprobs_row = about("top_logprobs")
logprobs_row = about("logprobs")
model_row = about("model")

BOUNDS = [
    temperature_row("temperature-unbounded", "bound", unchecked("temperature.max"), "temperature.max.refuses"),
    temperature_row("temperature-negative", "bound", unchecked("temperature.min"), "temperature.min.refuses"),
    temperature_row("temperature-max-1", "bound", bounded(temperature_max=1), "temperature.max.accepts"),
    temperature_row("temperature-loose", "bound", bounded(temperature_max=2.05), "temperature.max.refuses"),
    temperature_row(
        "temperature-zero-refused",
        "bound",
        refusing_valid(lambda body: body.get("temperature") == 0),
        "temperature.min.accepts",
        "temperature.exponent.accepts",
    ),
    top_p_row("top-p-max-2", "bound", bounded(top_p_max=2), "top_p.max.refuses"),
    top_p_row("top-p-loose", "bound", bounded(top_p_max=1.02), "top_p.max.refuses"),
    top_p_row("top-p-negative", "bound", unchecked("top_p.min"), "top_p.min.refuses"),
    top_p_row("top-p-zero-refused", "bound", refusing_valid(lambda body: body.get("top_p") == 0), "top_p.min.accepts"),
    top_p_row(
        "top-p-one-refused",
        "bound",
        refusing_valid(lambda body: body.get("top_p") == 1),
        "top_p.max.accepts top_p.default.accepts",
        "mm.default",
    ),
    frequency_penalty_row(
        "frequency-penalty-min-0", "bound", bounded(frequency_penalty_min=0), "frequency_penalty.min.accepts"
    ),
    frequency_penalty_row(
        "frequency-penalty-unbounded",
        "bound",
        unchecked("frequency_penalty.min", "frequency_penalty.max"),
        "frequency_penalty.min.refuses frequency_penalty.max.refuses",
    ),
    frequency_penalty_row(
        "frequency-penalty-max-1", "bound", bounded(frequency_penalty_max=1), "frequency_penalty.max.accepts"
    ),
    frequency_penalty_row(
        "frequency-penalty-loose", "bound", bounded(frequency_penalty_min=-2.1), "frequency_penalty.min.refuses"
    ),
    presence_penalty_row(
        "presence-penalty-one-sided", "bound", unchecked("presence_penalty.min"), "presence_penalty.min.refuses"
    ),
    presence_penalty_row(
        "presence-penalty-loose", "bound", bounded(presence_penalty_max=2.1), "presence_penalty.max.refuses"
    ),
    presence_penalty_row(
        "presence-penalty-exclusive",
        "bound",
        refusing_valid(lambda body: body.get("presence_penalty") in (-2, 2)),
        "presence_penalty.min.accepts presence_penalty.max.accepts",
    ),
    presence_penalty_row(
        "presence-penalty-whole-crash",
        "crash",
        crashing(lambda body: is_integer(body.get("presence_penalty"))),
        "presence_penalty.default.accepts",
        "presence_penalty.m*.accepts mm.default mm.number",
    ),
    temperature_row(
        "temperature-max-crash", "crash", crashing(lambda body: body.get("temperature") == 2), "temperature.max.accepts"
    ),
    count_row("n-zero", "bound", bounded(n_min=0), "n.min.refuses"),
    count_row("n-unbounded", "bound", unchecked("n.min", "n.max"), "n.min.refuses n.max.refuses"),
    count_row("n-129", "bound", bounded(n_max=129), "n.max.refuses"),
    count_row("n-127", "bound", bounded(n_max=127), "n.max.accepts"),
    count_row("n-128-crash", "crash", crashing(lambda body: body.get("n") == 128), "n.max.accepts"),
    count_row("n-few-refused", "refused", refusing_valid(lambda body: body.get("n") == 3), "n.few.accepts"),
    max_tokens_row("max-tokens-zero", "bound", unchecked("max_tokens.min"), "max_tokens.min.refuses"),
    max_tokens_row(
        "max-tokens-minus-one", "bound", reading("max_tokens", lambda value: value == -1), "max_tokens.min.refuses"
    ),
    max_tokens_row(
        "max-tokens-one-refused",
        "bound",
        refusing_valid(lambda body: body.get("max_tokens") == 1),
        "max_tokens.min.accepts",
        "ef.length",
    ),
    max_completion_tokens_row(
        "max-completion-tokens-zero",
        "bound",
        unchecked("max_completion_tokens.min"),
        "max_completion_tokens.min.refuses",
    ),
    max_completion_tokens_row(
        "max-completion-tokens-one-refused",
        "bound",
        refusing_valid(lambda body: body.get("max_completion_tokens") == 1),
        "max_completion_tokens.min.accepts",
        "ef.length.completion",
    ),
    max_tokens_row("max-tokens-both", "coupling", unchecked("max_tokens.both"), "max_tokens.both.refuses"),
    max_tokens_row(
        "max-tokens-needed",
        "refused",
        refusing_valid(lambda body: "max_tokens" not in body and "max_completion_tokens" not in body),
        "max_tokens.optional.accepts",
        "mm.monotone.good",
    ),
    seed_row("seed-32-bit", "bound", refusing_valid(number("seed", -(2**31), 2**31 - 1)), "seed.type.accepts"),
    seed_row("seed-unsigned", "bound", refusing_valid(number("seed", 0, 2**64)), "seed.type.accepts"),
    seed_row("seed-numpy-crash", "crash", crashing(number("seed", 0, 2**32 - 1)), "seed.type.accepts", "seed.int64"),
    seed_row(
        "seed-zero-refused",
        "refused",
        refusing_valid(lambda body: body.get("seed", 1) == 0 and body["seed"] is not None),
        "seed.type.accepts",
    ),
    top_logprobs_row("top-logprobs-minus-one", "bound", bounded(top_logprobs_min=-1), "top_logprobs.min.refuses"),
    top_logprobs_row("top-logprobs-21", "bound", bounded(top_logprobs_max=21), "top_logprobs.max.refuses"),
    top_logprobs_row("top-logprobs-19", "bound", bounded(top_logprobs_max=19), "top_logprobs.max.accepts"),
    top_logprobs_row("top-logprobs-min-1", "bound", bounded(top_logprobs_min=1), "top_logprobs.min.accepts"),
    top_logprobs_row("top-logprobs-alone", "coupling", unchecked("top_logprobs.needs"), "top_logprobs.needs.refuses"),
    top_logprobs_row(
        "top-logprobs-false",
        "coupling",
        rewriting(lambda body: body.update(logprobs=True) if body.get("logprobs") is False else None),
        "top_logprobs.needs.refuses",
        "ef.logprobs.off sse.logprobs.off",
    ),
    top_logprobs_row(
        "top-logprobs-alone-crash",
        "crash",
        stumbling(lambda body: is_integer(body.get("top_logprobs")) and body.get("logprobs") is None),
        "top_logprobs.needs.refuses",
        "top_logprobs.zero.alone",
    ),
    logprobs_row(
        "logprobs-false-refused",
        "refused",
        refusing_valid(lambda body: body.get("logprobs") is False),
        "logprobs.default.accepts",
        "mm.default",
    ),
    model_row(
        "model-blank", "required", reading("model", lambda value: value == "", lambda _: MODEL), "model.empty.refuses"
    ),
    model_row(
        "model-guessed", "required", rewriting(lambda body: body.setdefault("model", MODEL)), "model.required.refuses"
    ),
    model_row("model-number", "type", reading("model", is_integer, lambda _: MODEL), "model.type.refuses"),
    model_row(
        "model-as-object",
        "type",
        reading("model", lambda value: isinstance(value, dict), lambda _: MODEL),
        "model.type.refuses",
    ),
    model_row("model-any", "enum", unchecked("model.unknown"), "model.unknown.refuses"),
    model_row(
        "model-array-crash", "crash", stumbling(lambda body: isinstance(body.get("model"), list)), "model.type.refuses"
    ),
]


def coerced() -> list[Mutant]:
    """A string, a boolean or a fraction is taken for a number, and a string or a number for a boolean."""
    made: list[Mutant] = []
    for prop in (*DECIMALS, *INTEGERS):
        name, rule = prop.replace("_", "-"), f"{prop}.type.refuses"
        into = float if prop in DECIMALS else lambda value: int(float(value))
        context = {"top_logprobs": "top_logprobs.*"}.get(prop, "")
        made += [
            fault(f"{name}-string", prop, "type", reading(prop, digits, into), rule, context),
            fault(f"{name}-boolean", prop, "type", reading(prop, is_boolean, int), rule, context),
        ]
    for prop in INTEGERS:
        name, rule = prop.replace("_", "-"), f"{prop}.type.refuses"
        made.append(fault(f"{name}-fraction", prop, "type", reading(prop, fraction, int), rule))
    for prop in ("logprobs", "parallel_tool_calls"):
        name, rule = prop.replace("_", "-"), f"{prop}.type.refuses"
        made += [
            fault(f"{name}-string", prop, "type", reading(prop, is_text, lambda value: value == "true"), rule),
            fault(f"{name}-number", prop, "type", reading(prop, is_integer, bool), rule),
        ]
    for prop in ("temperature", "n", "seed", "user", "service_tier", "stream"):
        made.append(
            fault(
                f"{prop.replace('_', '-')}-array",
                prop,
                "type",
                reading(prop, lambda value: isinstance(value, list)),
                f"{prop}.type.refuses",
            )
        )
    return made


def stumbled() -> list[Mutant]:
    """A value of a wrong type makes the server fail."""
    strings = ("temperature", "top_p", "n", "max_tokens", "max_completion_tokens", "logprobs", "store", "prediction")
    arrays = ("frequency_penalty", "presence_penalty", "seed", "user", "stream", "metadata", "audio", "service_tier")
    numbers = ("stop", "stream_options", "logit_bias", "modalities", "tools", "functions", "tool_choice")
    words = {"string": str, "array": list, "number": int}
    rows = [(kind, prop) for kind, props in zip(words, (strings, arrays, numbers), strict=True) for prop in props]
    return [
        fault(
            f"{prop.replace('_', '-')}-{kind}-crash",
            prop,
            "crash",
            stumbling(lambda body, prop=prop, kind=kind: type(body.get(prop)) is words[kind]),
            f"{prop}.type.refuses",
            "gate.metadata gate.prediction gate.tool_choice",
        )
        for kind, prop in rows
    ]


def null_refused(prop: str) -> Mutant:
    return fault(
        f"{prop.replace('_', '-')}-null-refused",
        prop,
        "refused",
        refusing_valid(lambda body: prop in body and body[prop] is None),
        f"{prop}.null.accepts",
        f"mm.null {prop}.*null*",
    )


def null_crash(prop: str) -> Mutant:
    return fault(
        f"{prop.replace('_', '-')}-null-crash",
        prop,
        "crash",
        stumbling(lambda body: prop in body and body[prop] is None),
        f"{prop}.null.accepts",
        f"mm.null {prop}.*null*",
    )


def ignored(prop: str) -> Mutant:
    """The server reads every body as if the property, and what needs it, were absent."""
    gone = (prop, *WITH.get(prop, ()))
    server = rewriting(lambda body: [body.pop(name, None) for name in gone])
    return fault(f"{prop.replace('_', '-')}-ignored", prop, "ignored", server, f"gate.{prop}", SEEN.get(prop, ""))


MUTANTS = [
    *BOUNDS,
    *coerced(),
    *stumbled(),
    *map(null_refused, NULLABLE),
    *map(null_crash, ("max_tokens", "stop", "logit_bias", "metadata")),
    *(ignored(prop) for prop in (*NULLABLE, *OTHERS) if prop != "audio"),
    *requests_options.MUTANTS,
    *requests_formats.MUTANTS,
    *requests_messages.MUTANTS,
    *requests_parts.MUTANTS,
    *requests_calls.MUTANTS,
    *requests_tools.MUTANTS,
    *requests_choices.MUTANTS,
]
