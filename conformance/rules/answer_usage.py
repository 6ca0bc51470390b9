"""The usage of a plain answer: the counts, their sums and their details (fact base §2.1, §2.2)."""

from __future__ import annotations

from typing import Any

from ...strategies.json_values import is_object
from ..model import Exchange, Strength, Symptom
from .answer_forms import PLAIN, TWO_CUT, shown
from .answer_views import Find, Object, bound, choices, completions, member, objects, spent, usages
from .forms import documented, judges, observed, prose
from .views import COUNT, asked, is_count, long_answer, said

_TOTALS = ("prompt_tokens", "completion_tokens", "total_tokens")
_DETAILS = {
    "completion_tokens_details": (
        "reasoning_tokens",
        "audio_tokens",
        "accepted_prediction_tokens",
        "rejected_prediction_tokens",
    ),
    "prompt_tokens_details": ("cached_tokens", "audio_tokens"),
}


def _no_usage(body: Object) -> str | None:
    return None if body.get("usage") is not None else f"usage is {shown(body, 'usage')}"


def _usage_shape(use: Any) -> str | None:
    if not is_object(use):
        return f"usage is {said(use)}, not an object"
    odd = [name for name in _TOTALS if not is_count(use.get(name))]
    return f"usage.{odd[0]} is {shown(use, odd[0])}, not an integer from 0 up" if odd else None


def _counted(exchange: Exchange) -> list[Object]:
    return [use for use in usages(exchange) if all(is_count(use.get(name)) for name in _TOTALS)]


def _counted_words(exchange: Exchange) -> list[Object]:
    """The usage of answers to prompts that say something: the empty text has no token of its own."""
    said_so = any(message.get("content") for message in objects(asked(exchange).get("messages")))
    return _counted(exchange) if said_so else []


def _sum(use: Object) -> str | None:
    prompt, completion, total = (use[name] for name in _TOTALS)
    if total == prompt + completion:
        return None
    return f"total_tokens is {said(total)}, prompt_tokens {said(prompt)} and completion_tokens {said(completion)}"


def _detailed(exchange: Exchange) -> list[Object]:
    return [use for use in usages(exchange) if any(use.get(name) is not None for name in _DETAILS)]


def _details_shape(use: Object) -> str | None:
    for name, members in _DETAILS.items():
        details = use.get(name)
        if details is not None and not is_object(details):
            return f"usage.{name} is {said(details)}, not an object"
        for one in members:
            value = (details or {}).get(one)
            if value is not None and not is_count(value):
                return f"{name}.{one} is {said(value)}, not an integer from 0 up"
    return None


def _parts(name: str) -> Find:
    """The parts of a count with the count itself: each alone, and reasoning with audio."""
    total = name.removesuffix("_details")

    def found(exchange: Exchange) -> list[tuple[str, int, int]]:
        pairs: list[tuple[str, int, int]] = []
        for use in usages(exchange):
            details = use.get(name)
            if is_object(details) and is_count(use.get(total)):
                known = {one: details[one] for one in _DETAILS[name] if is_count(details.get(one))}
                pairs += [(one, value, use[total]) for one, value in known.items()]
                both = [known[one] for one in ("reasoning_tokens", "audio_tokens") if one in known]
                pairs += [("reasoning_tokens with audio_tokens", sum(both), use[total])] if len(both) == 2 else []
        return pairs

    return found


def _part(triple: tuple[str, int, int]) -> str | None:
    name, part, total = triple
    return f"{name} is {said(part)} of a total of {said(total)}" if part > total else None


def _shares(exchange: Exchange) -> list[tuple[int, list[int]]]:
    """The completion tokens, and how many of them each of several choices has: by its log probabilities, or by the
    bound that cut a count to 1000. Nothing where one of the choices does not tell."""
    used, most = spent(exchange), bound(exchange)
    counting = asked(exchange).get("messages") == COUNT and asked(exchange).get("stop") is None
    found: list[int] = []
    for choice in choices(exchange):
        log = choice.get("logprobs")
        entries = objects(log.get("content")) if is_object(log) else []
        if entries:
            found.append(min(len(entries), most or len(entries)))
        elif most and counting and choice.get("finish_reason") == "length":
            found.append(most)
        else:
            return []
    return [(used, found)] if used is not None and used > 0 and len(found) > 1 else []


def _one_share(pair: tuple[int, list[int]]) -> str | None:
    """Whether no more is counted than one choice has; one token each may be the end, which some count and some list."""
    used, found = pair
    if used > max(found) + 1 or used >= sum(found) - len(found):
        return None
    return f"completion_tokens is {said(used)} for {len(found)} choices with {said(sum(found))} tokens in all"


_COUNTED = prose("usage: the details break a count down")
RULES = [
    judges(
        "res.usage.presence",
        "answer",
        "gives usage",
        observed("usage: optional in the document, sent by all"),
        lambda exchange: [body for body in completions(exchange) if "choices" in body],
        _no_usage,
        PLAIN,
    ),
    judges(
        "res.usage.shape",
        "answer",
        "gives usage as an object of three integers",
        documented("usage: prompt_tokens, completion_tokens and total_tokens are required integers"),
        member(completions, "usage", null=True),
        _usage_shape,
        PLAIN,
    ),
    judges(
        "res.usage.sum",
        "answer",
        "gives usage totals that add up",
        prose("total_tokens: prompt and completion tokens together"),
        _counted,
        _sum,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.usage.prompt",
        "answer",
        "counts at least one prompt token",
        prose("prompt_tokens: the tokens of the prompt"),
        _counted_words,
        lambda use: "prompt_tokens is 0" if use["prompt_tokens"] == 0 else None,
        PLAIN,
        strength=Strength.SHOULD,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.usage.details",
        "answer",
        "gives the details of usage as integers",
        documented("usage: the details are objects of integers"),
        _detailed,
        _details_shape,
        PLAIN,
    ),
    *(
        judges(
            f"res.usage.details.{name.split('_')[0]}",
            "answer",
            f"gives {name} that fit their total",
            _COUNTED,
            _parts(name),
            _part,
            PLAIN,
            symptom=Symptom.WRONG_CONTENT,
        )
        for name in _DETAILS
    ),
    judges(
        "res.usage.choices",
        "n",
        "counts the tokens of all choices",
        observed("usage: completion_tokens is the sum over the choices"),
        _shares,
        _one_share,
        [TWO_CUT, long_answer(max_tokens=8, n=2)],
        strength=Strength.SHOULD,
        needs=["multiple_choices"],
        symptom=Symptom.WRONG_CONTENT,
    ),
]
