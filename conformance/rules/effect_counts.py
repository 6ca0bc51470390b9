"""The prompt tokens that an answer counts, in several requests (fact base §3.2)."""

from __future__ import annotations

import secrets
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ...strategies.messages import user
from ..model import Body, Exchange, Fresh, Request, Script, Strength, Undecided
from .effect_forms import relation
from .views import asked, chunks, is_integer, usage

_TURNS = 16
"""How often a conversation goes to and fro."""


def prompt_tokens(exchange: Exchange) -> int:
    """The count of an answer, from the last chunk that has one in a stream."""
    counts = [usage(exchange)] if asked(exchange).get("stream") is not True else []
    counts += [chunk["usage"] for chunk in chunks(exchange) if is_object(chunk.get("usage"))]
    count = counts[-1].get("prompt_tokens") if counts else None
    if not is_integer(count) or count < 1:
        raise Undecided("no prompt_tokens to compare")
    return count


def same_prompt(body: Body) -> Script:
    """A prompt that the server never saw, then the same once more, which it may have in a cache."""
    new = {**body, "messages": [user(f"Say hi to guest {secrets.token_hex(4)}.")]}
    first = prompt_tokens((yield Request(new)))
    second = prompt_tokens((yield Fresh(Request(new))))
    return None if first == second else f"the same request has {first} prompt_tokens, then {second}"


def _counting_chunks(exchange: Exchange) -> list[dict[str, Any]]:
    return [chunk for chunk in chunks(exchange) if is_object(chunk.get("usage"))]


def streamed_prompt(body: Body) -> Script:
    first = prompt_tokens((yield Request(body)))
    streamed: Exchange = yield Request({**body, "stream": True, "stream_options": {"include_usage": True}})
    if any(chunk.get("usage") and chunk["usage"].get("prompt_tokens") == 0 for chunk in _counting_chunks(streamed)):
        return f"{first} prompt_tokens without stream, 0 with it"
    second = prompt_tokens(streamed)
    return None if first == second else f"{first} prompt_tokens without stream, {second} with it"


def growing_prompt(body: Body) -> Script:
    first = prompt_tokens((yield Request(body)))
    # the same messages again and again: a server that counts only the last few of them counts too little
    more = [*body["messages"], *[{"role": "assistant", "content": "Hi."}, body["messages"][-1]] * _TURNS]
    second = prompt_tokens((yield Request({**body, "messages": more})))
    # a message that says something has one token at least
    if second >= first + 2 * _TURNS:
        return None
    said = f"{first} prompt_tokens, {second} with {2 * _TURNS} more messages"
    return f"{said}: less than one for each of them" if second > first else said


RULES = [
    relation(
        "ef.prompt.tokens",
        "messages",
        "counts the same prompt tokens for the same request",
        same_prompt,
        lean(),
        strength=Strength.SHOULD,
    ),
    relation(
        "ef.prompt.tokens.stream",
        "stream_options",
        "counts the same prompt tokens with and without a stream",
        streamed_prompt,
        lean(),
        strength=Strength.SHOULD,
        needs=("stream_usage",),
    ),
    relation(
        "ef.prompt.monotone",
        "messages",
        "counts more prompt tokens for more messages",
        growing_prompt,
        lean(),
        strength=Strength.SHOULD,
    ),
]
