"""Dialects of models that think before they speak, in the manner of the original service and of local engines.

They take ``max_completion_tokens`` alone, spend it on thinking first (so that a small bound leaves an empty text cut by
it), and refuse whatever steers sampling. What they thought they keep to themselves or show beside the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from chatproof.conformance.reference import answers, stream
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.vintages import VINTAGES
from chatproof.conformance.vintages import FIRST

from .base import Dialect

THOUGHT = 12
"""Tokens that a model thinks before it says the first word."""

THINKING = "The user wants something; I had better be brief."

DEFAULTS = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
"""Values that are fixed: any other is not supported."""

REFUSED = ("max_tokens", "stop", "logprobs", "top_logprobs", "logit_bias", "prediction")
"""Properties that are not supported at all."""


def unsupported(ask: Ask) -> Iterator[Reason]:
    """What the model does not take, told as the original service tells it."""
    for key in REFUSED:
        value = ask.body.get(key)
        if value is not None and value is not False:
            hint = " Use 'max_completion_tokens' instead." if key == "max_tokens" else ""
            why = f"Unsupported parameter: '{key}' is not supported with this model.{hint}"
            yield Reason("dialect", why, key, "unsupported_parameter")
    for key, only in DEFAULTS.items():
        value = ask.body.get(key)
        if value is not None and value != only:
            why = f"Unsupported value: '{key}' does not support {value} with this model. Only {only} is supported."
            yield Reason("dialect", why, key, "unsupported_value")
    for place, message, role in ask.spoken:
        if role == "function" and isinstance(message.get("content"), str | None):
            why = f"Unsupported value: 'messages[{place}].role' does not support 'function' with this model."
            yield Reason("dialect", why, f"messages[{place}].role", "unsupported_value")


def curtly(ask: Ask) -> Iterator[Reason]:
    """The same without a code: only the words speak of the model, by its name."""
    for reason in unsupported(ask):
        yield replace(reason, code=None, message=reason.message.replace("with this model", f"for {ask.body['model']}"))


def thoughtful(vintage: str, body: Mapping[str, Any], now: int) -> Reply:
    """A reply whose first tokens are thoughts that nobody sees: they count, and the bound may end with them."""
    most = body.get("max_completion_tokens")
    left = None if most is None else most - THOUGHT
    reply = VINTAGES[vintage].plan({**body, "max_completion_tokens": left if left is None or left > 0 else 1}, now)
    thought = THOUGHT if most is None or most > THOUGHT else most
    if left is not None and left <= 0:
        reply = replace(reply, choices=tuple(Choice(choice.index, "length") for choice in reply.choices))
    used = sum(choice.used for choice in reply.choices)
    thoughts = thought * len(reply.choices)
    counts = dict(reply.usage)
    counts["completion_tokens"] = used + thoughts
    counts["total_tokens"] = counts["prompt_tokens"] + used + thoughts
    if "text_tokens" in counts["completion_tokens_details"]:
        counts["completion_tokens_details"]["text_tokens"] = used
    counts["completion_tokens_details"] = {**counts["completion_tokens_details"], "reasoning_tokens": thoughts}
    return replace(reply, usage=counts)


def shown(name: str, *, null: bool = False) -> dict[str, Any]:
    """Answering functions that show the thoughts under this name; with ``null`` an empty text is null."""

    def completion(reply: Reply) -> Any:
        body = answers.completion(reply)
        for choice in body["choices"]:
            choice["message"][name] = THINKING
            if null and not choice["message"]["content"]:
                choice["message"]["content"] = None
        return body

    def chunks(reply: Reply) -> Iterator[Mapping[str, Any]]:
        for row in stream.chunks(reply):
            copy = json.loads(json.dumps(row))
            first = [choice for choice in copy["choices"] if "role" in choice["delta"]]
            for choice in first if null else ():
                choice["delta"] = {"role": "assistant", "content": None} | {
                    key: value for key, value in choice["delta"].items() if key == "function_call"
                }
            yield copy
            for choice in first:
                for word in THINKING.split(" "):
                    piece = {**choice, "delta": {name: f"{word} "}, "logprobs": None, "finish_reason": None}
                    yield {**copy, "choices": [piece]}

    return {"completion": completion, "chunks": chunks}


def thinker(check: Any = unsupported, vintage: str = FIRST, **answering: Any) -> Reference:
    """The model with one of the ways to refuse and to show its thoughts."""
    checks = (*VINTAGES[vintage].checks, Check("dialect", check))
    behaviour = Behaviour(plan=partial(thoughtful, vintage), **answering)
    return Reference(vintage=vintage, checks=checks, behaviour=behaviour)


DIALECTS = [
    Dialect(name="thinks-in-silence", server=thinker()),
    Dialect(name="thinks-aloud", server=thinker(**shown("reasoning_content"))),
    Dialect(name="thinks-by-another-name", server=thinker(curtly, **shown("reasoning"))),
    Dialect(name="thinks-and-says-null", server=thinker(**shown("reasoning_content", null=True))),
]
