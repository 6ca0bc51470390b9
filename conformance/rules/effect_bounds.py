"""The effect of a token bound (fact base §3.2)."""

from __future__ import annotations

from collections.abc import Callable

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..model import Exchange, Strength
from .answer_forms import FOR_BOTH
from .answer_views import bound
from .effect_forms import COUNTING, effect, texts
from .gates import TOOL
from .views import ENDS_THERE, asked, choices, is_integer, long_answer, option, plain, usage

_REJECTED = "rejected_prediction_tokens"
"""They count into the completion without being in it."""

_TWO = [TOOL, {"type": "function", "function": {**TOOL["function"], "name": "get_time"}}]
_TWO_CALLS = lean(messages=FOR_BOTH, tools=_TWO, tool_choice="required")
"""Two calls with arguments, which need more than 16 tokens together."""


def _spent_on(exchange: Exchange, kind: str) -> object:
    """One of the details of the completion tokens."""
    details = usage(exchange).get("completion_tokens_details")
    return details.get(kind) if is_object(details) else None


def bounded(name: str) -> Callable[[Exchange], bool]:
    """Answers that tell how many tokens they spent under this bound (sound counts otherwise, and so does a prediction
    of which it is not told what was rejected)."""

    def applies(exchange: Exchange) -> bool:
        return (
            is_integer(option(exchange, name))
            and bound(exchange) == option(exchange, name)
            and not option(exchange, "audio")
            and is_integer(usage(exchange).get("completion_tokens"))
            and (not option(exchange, "prediction") or is_integer(_spent_on(exchange, _REJECTED)))
        )

    return applies


def overspent(name: str, slack: int) -> Callable[[Exchange], str | None]:
    """More tokens than all choices may have, with some slack for each. max_tokens may leave out hidden reasoning."""

    def check(exchange: Exchange) -> str | None:
        spent = usage(exchange)["completion_tokens"]
        unseen = (_REJECTED, "reasoning_tokens") if name == "max_tokens" else (_REJECTED,)
        counts = [_spent_on(exchange, kind) for kind in unseen]
        hidden = sum(count for count in counts if is_integer(count))
        number = option(exchange, "n", 1)
        number = max(number if is_integer(number) else 1, len(choices(exchange)))  # too many are another rule's
        most = option(exchange, name)
        if spent - hidden <= (most + slack) * number:
            return None
        return f"{spent} completion_tokens for {name}: {most} and {number} choice(s)"

    return check


def one_token(name: str) -> Callable[[Exchange], bool]:
    """Plain answers with text to the endless question under a bound of one token."""

    def applies(exchange: Exchange) -> bool:
        others = ("stop", "tools", "functions", "logit_bias", "response_format", "prediction", "audio")
        return (
            plain(exchange)
            and option(exchange, name) == 1
            and asked(exchange).get("messages") == COUNTING
            and usage(exchange).get("completion_tokens") in (None, 0, 1)  # else the bound was not kept: ef.maxtokens
            and not any(option(exchange, other) for other in others)
            and bool(texts(exchange))
        )

    return applies


def not_length(exchange: Exchange) -> str | None:
    for choice in choices(exchange):
        message = choice.get("message")
        text = message.get("content") if is_object(message) else None
        if isinstance(text, str) and text.strip() and choice.get("finish_reason") in ("stop", "tool_calls"):
            return (
                f"a bound of one token cut the answer {text[:40]!r}, and its finish_reason is {choice['finish_reason']}"
            )
    return None


RULES = [
    rule
    for name, suffix, other in (
        ("max_tokens", "", "max_completion_tokens"),
        ("max_completion_tokens", ".completion", "max_tokens"),
    )
    for rule in (
        effect(
            f"ef.maxtokens{suffix}",
            name,
            f"spends no more tokens than {name} allows (one more for the end is let pass)",
            bounded(name),
            overspent(name, 1),
            long_answer(**{name: 1}),
            long_answer(**{name: 16, other: None}),  # null is no bound
            {**_TWO_CALLS, name: 16},
        ),
        effect(
            f"ef.maxtokens{suffix}.exact",
            name,
            f"spends not even one token more than {name} allows",
            bounded(name),
            overspent(name, 0),
            long_answer(**{name: 1}),
            long_answer(**{name: 16, other: None}),
            strength=Strength.MAY,
        ),
        effect(
            f"ef.length{suffix}",
            name,
            f"says finish_reason length where {name}: 1 cuts the answer",
            one_token(name),
            not_length,
            long_answer(**{name: 1}),
            long_answer(**{name: 1}, temperature=0),
            doubt=ENDS_THERE,
        ),
    )
]
