"""The validator of the reference server: all reasons to refuse a parsed body, in the order OpenAI looks for them.

`CHECKS` is for the vintage 2024-11, `CHECKS_2026` for 2026-08; `vintages.py` pairs each with its limits.

A body with one fault has one reason: a check that depends on another's outcome (a range on a type, a sequence on
its members) passes over what that other check refuses.  `CHECKS` is an ordered table of small named functions, and
every value that they compare with is in `Limits`: a wrong server is made by replacing an entry of either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from . import dialogue, formats, messages, newer, options, sampling, toolspec
from .faults import Ask, Check, Reason, coupled, table
from .json_values import is_object, kind
from .limits import LIMITS, Limits

__all__ = ["CHECKS", "CHECKS_2026", "LIMITS", "Check", "Limits", "Reason", "reasons"]


def body_object(ask: Ask) -> Iterator[Reason]:
    if not is_object(ask.raw):
        yield coupled("http.json.object", None, f"The body must be a JSON object, it is {kind(ask.raw)}.")


def model_required(ask: Ask) -> Iterator[Reason]:
    if "model" not in ask.body:
        yield coupled("model.required", None, "A model must be named.")


def model_empty(ask: Ask) -> Iterator[Reason]:
    """Null and the empty string are answered as an absent model is."""
    if "model" in ask.body and (ask.body["model"] is None or ask.body["model"] == ""):
        yield coupled("model.empty", None, "A model must be named.")


def model_type(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("model")
    if value is not None and not isinstance(value, str):
        yield coupled("model.type", None, f"The model must be a string, it is {kind(value)}.")


def model_unknown(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("model")
    if ask.models is not None and isinstance(value, str) and value and value not in ask.models:
        yield Reason(
            "model.unknown",
            f"The model '{value[:128]}' does not exist or is not served here.",
            None,
            "model_not_found",
            status=404,
            strength="should",
        )


HEAD_CHECKS = table(
    ("http.json.object", body_object),
    ("model.required", model_required),
    ("model.empty", model_empty),
    ("model.type", model_type),
    ("messages.required", messages.required),
)
# after all else: an unknown model hides no other fault
MODEL_CHECKS = table(("model.unknown", model_unknown))

CHECKS: tuple[Check, ...] = (
    *HEAD_CHECKS,
    *options.KEY_CHECKS,
    *messages.SHAPE_CHECKS,
    *dialogue.CALL_CHECKS,
    *toolspec.TOOL_CHECKS,
    *sampling.BOUND_CHECKS,
    *sampling.NUMBER_CHECKS,
    *options.USER_CHECKS,
    *sampling.SEED_CHECKS,
    *formats.FORMAT_CHECKS,
    *options.TIER_CHECKS,
    *sampling.TAIL_CHECKS,
    *options.OPTION_CHECKS,
    *options.NESTED_CHECKS,
    *messages.CONTENT_CHECKS,
    *dialogue.SEQUENCE_CHECKS,
    *MODEL_CHECKS,
)
CHECKS_2026: tuple[Check, ...] = (
    *HEAD_CHECKS,
    *options.KEY_CHECKS,
    *messages.SHAPE_CHECKS_2026,
    *dialogue.CALL_CHECKS,
    *toolspec.TOOL_CHECKS_2026,
    *sampling.BOUND_CHECKS,
    *sampling.NUMBER_CHECKS,
    *options.USER_CHECKS,
    *sampling.SEED_CHECKS,
    *formats.FORMAT_CHECKS,
    *options.TIER_CHECKS_2026,
    *sampling.TAIL_CHECKS,
    *options.OPTION_CHECKS_2026,
    *newer.NEWER_CHECKS,
    *options.NESTED_CHECKS,
    *messages.CONTENT_CHECKS_2026,
    *dialogue.SEQUENCE_CHECKS,
    *MODEL_CHECKS,
)


def reasons(
    body: object,
    *,
    limits: Limits = LIMITS,
    checks: Sequence[Check] = CHECKS,
    models: Collection[str] | None = None,
) -> list[Reason]:
    """All reasons to refuse a parsed JSON body, in the order of `checks`; an empty list accepts it.

    `models` are the served model names; None takes any non-empty string.  A body that is no object is asked about
    that alone.
    """
    if is_object(body):
        ask = Ask(body, limits, models, body)
        return [reason for check in checks for reason in check.function(ask)]
    ask = Ask({}, limits, models, body)
    return [reason for check in checks if check.name == "http.json.object" for reason in check.function(ask)]
