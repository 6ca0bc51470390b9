"""Servers whose answers show no effect, or a wrong one, of what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.text import bound

from . import effects_text
from .effects_common import Body, choosing, cold, counting, effect, planning, replying, without

# ---------------------------------------------------------------------------------------------------- the bound


def more_room(name: str, extra: int) -> Callable[[Body], Body]:
    """A bound that is so much wider than asked."""

    def change(body: Body) -> Body:
        value = body.get(name)
        return {**body, name: value + extra} if isinstance(value, int) else body

    return change


def end_counted(name: str) -> Reference:
    """Counts the token that ends an answer, also where the bound left no room for it."""

    def change(body: Body, usage: dict[str, Any]) -> int:
        return usage["completion_tokens"] + (1 if body.get(name) else 0)

    return counting(change, "completion_tokens")


def never_length(name: str) -> Reference:
    """Says stop where this bound cut."""

    def change(body: Body, choice: Choice) -> Choice:
        return replace(choice, finish="stop") if choice.finish == "length" and body.get(name) else choice

    return choosing(change)


def shy(most: int) -> Reference:
    """Says less where it has more room: five tokens for a larger bound than `most`."""

    def change(body: Body, choice: Choice) -> Choice:
        limit = bound(body)
        if limit is None or limit <= most or not choice.speaks or body.get("response_format"):
            return choice
        return replace(choice, tokens=choice.tokens[:5], finish="stop")

    return choosing(change)


# ---------------------------------------------------------------------------------------------------- tools


def choice_as(word: str, other: str) -> Callable[[Body], Body]:
    """Treats one word of `tool_choice` as another."""
    return lambda body: {**body, "tool_choice": other} if body.get("tool_choice") == word else body


def first_tool(body: Body) -> Body:
    """Forces the first tool instead of the named one."""
    if not isinstance(body.get("tool_choice"), dict):
        return body
    return {**body, "tool_choice": {"type": "function", "function": {"name": body["tools"][0]["function"]["name"]}}}


def call_each(body: Body, choice: Choice) -> Choice:
    """One call for each of two places, whether several calls are wanted or not."""
    asks = str(body["messages"][-1].get("content"))
    room = bound(body)
    if len(choice.calls) != 1 or " and " not in asks or (room is not None and 2 * choice.used > room):
        return choice
    call = choice.calls[0]
    return replace(choice, calls=(call, replace(call, ident=call.ident[::-1])))


def named_as_auto(body: Body) -> Body:
    return {**body, "tool_choice": "auto"} if isinstance(body.get("tool_choice"), dict) else body


# ---------------------------------------------------------------------------------------------------- chance, counts


def restless(when: Callable[[Body], bool]) -> Reference:
    """Draws anew for every request of this kind."""
    ticks = count(1)
    return planning(lambda body: {**body, "seed": 10**9 + next(ticks)} if when(body) else body)


def drifting() -> Reference:
    """Adds up the prompts of a session."""
    ticks = count(1)
    return counting(lambda body, usage: usage["prompt_tokens"] + next(ticks))


def uncached() -> Reference:
    """Counts only the tokens that were not in the cache: a conversation costs one token the second time."""
    seen: set[str] = set()

    def change(body: Body, usage: dict[str, Any]) -> int:
        key = json.dumps(body.get("messages"), sort_keys=True)
        fresh = key not in seen
        seen.add(key)
        return usage["prompt_tokens"] if fresh else 1

    return counting(change)


def last_only(body: Body, usage: dict[str, Any]) -> int:
    """The prompt tokens of the last message alone."""
    return answers.usage({**body, "messages": body["messages"][-1:]}, ())["prompt_tokens"]


MUTANTS = [
    # max_tokens, max_completion_tokens
    effect(
        "max-tokens-unread",
        "max_tokens",
        planning(without("max_tokens")),
        "ef.maxtokens",
        "ef.maxtokens.exact",
        "ef.length",
        with_it=("res.finish.length",),
    ),
    effect(
        "max-tokens-wide",
        "max_tokens",
        planning(more_room("max_tokens", 3)),
        "ef.maxtokens",
        "ef.maxtokens.exact",
        with_it=("res.finish.length", "mm.alias.bound"),
    ),
    effect(
        "max-tokens-plus-end",
        "max_tokens",
        end_counted("max_tokens"),
        "ef.maxtokens.exact",
        with_it=("mm.alias.bound",),
    ),
    effect(
        "max-tokens-stop",
        "max_tokens",
        never_length("max_tokens"),
        "ef.length",
        "res.finish.length",
        family="answer",
    ),
    effect(
        "max-completion-unread",
        "max_completion_tokens",
        planning(without("max_completion_tokens")),
        "ef.maxtokens.completion",
        "ef.maxtokens.completion.exact",
        "ef.length.completion",
        with_it=("res.finish.length",),
    ),
    effect(
        "max-completion-plus-one",
        "max_completion_tokens",
        planning(more_room("max_completion_tokens", 1)),
        "ef.maxtokens.completion.exact",
        with_it=("mm.alias.bound",),
    ),
    effect(
        "max-completion-stop",
        "max_completion_tokens",
        never_length("max_completion_tokens"),
        "ef.length.completion",
        with_it=("res.finish.length",),
        family="answer",
    ),
    effect("room-shortens", "max_tokens", shy(12), "ef.monotone.max"),
    effect("room-shortens-late", "max_tokens", shy(24), "ef.monotone.max"),
    # tools
    effect("choice-none-calls", "tool_choice", planning(choice_as("none", "required")), "ef.choice.none"),
    effect("choice-none-auto", "tool_choice", planning(choice_as("none", "auto")), "ef.choice.none"),
    effect("choice-required-auto", "tool_choice", planning(choice_as("required", "auto")), "ef.choice.required"),
    effect("choice-required-none", "tool_choice", planning(choice_as("required", "none")), "ef.choice.required"),
    effect("choice-named-first", "tool_choice", planning(first_tool), "ef.choice.named"),
    effect("choice-named-auto", "tool_choice", planning(named_as_auto), "gate.forced_tool"),
    effect("parallel-unread", "parallel_tool_calls", planning(without("parallel_tool_calls")), "ef.parallel.off"),
    effect("parallel-two-places", "parallel_tool_calls", choosing(call_each), "ef.parallel.off"),
    # logprobs
    effect(
        "logprobs-unread",
        "logprobs",
        replying(lambda body, reply: replace(reply, alternatives=None)),
        "gate.logprobs",
    ),
    effect(
        "logprobs-top-unread",
        "logprobs",
        replying(lambda body, reply: reply if not body.get("top_logprobs") else replace(reply, alternatives=None)),
        "ef.logprobs",
        "sse.logprobs",
    ),
    effect(
        "logprobs-always",
        "logprobs",
        replying(lambda body, reply: replace(reply, alternatives=reply.alternatives or 0)),
        "ef.logprobs.off",
        "sse.logprobs.off",
        family="answer",
    ),
    # chance
    effect("seed-unread", "seed", restless(lambda body: "seed" in body and not cold(body)), "ef.seed"),
    effect("temperature-unread", "temperature", restless(cold), "ef.temp0"),
    # prompt tokens
    effect(
        "prompt-tokens-drift",
        "answer",
        drifting(),
        "ef.prompt.tokens",
        with_it=("ef.prompt.tokens.stream",),
        family="answer",
    ),
    effect(
        "prompt-tokens-uncached",
        "answer",
        uncached(),
        "ef.prompt.tokens",
        with_it=("ef.prompt.tokens.stream", "ef.prompt.monotone"),
        family="answer",
    ),
    effect(
        "prompt-tokens-stream",
        "stream_options",
        counting(lambda body, usage: usage["prompt_tokens"] + (2 if body.get("stream") else 0)),
        "ef.prompt.tokens.stream",
        family="stream",
    ),
    effect("prompt-tokens-last", "answer", counting(last_only), "ef.prompt.monotone", family="answer"),
    effect(
        "prompt-tokens-constant", "answer", counting(lambda body, usage: 999), "ef.prompt.monotone", family="answer"
    ),
    *effects_text.MUTANTS,
]
