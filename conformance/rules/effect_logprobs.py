"""The effect of logprobs (fact base §3.2)."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..model import Exchange
from .effect_forms import effect, talkative
from .forms import documented
from .views import choices, option, plain


def entries(choice: dict[str, Any]) -> list[Any]:
    """The token log probabilities of a choice."""
    logprobs = choice.get("logprobs")
    found = logprobs.get("content") if is_object(logprobs) else None
    return found if is_array(found) else []


def logprobs_missing(exchange: Exchange) -> str | None:
    for choice in choices(exchange):
        logprobs = choice.get("logprobs")
        content = logprobs.get("content") if is_object(logprobs) else None
        if talkative(choice) and (logprobs is None or (is_object(logprobs) and content in (None, []))):
            return "logprobs: true, and a choice with text has no token log probabilities"
    return None


def logprobs_unasked(exchange: Exchange) -> str | None:
    if any(entries(choice) for choice in choices(exchange)):
        return "token log probabilities come unasked"
    return None


RULES = [
    effect(
        "ef.logprobs",
        "logprobs",
        "gives token log probabilities for logprobs: true",
        lambda exchange: (
            plain(exchange) and option(exchange, "logprobs") is True and any(map(talkative, choices(exchange)))
        ),
        logprobs_missing,
        lean(logprobs=True),
        lean(logprobs=True, top_logprobs=2),
    ),
    effect(
        "ef.logprobs.off",
        "answer",
        "gives no token log probabilities unasked",
        lambda exchange: plain(exchange) and option(exchange, "logprobs", False) is False and bool(choices(exchange)),
        logprobs_unasked,
        lean(),
        source=documented("logprobs: default false"),
    ),
]
