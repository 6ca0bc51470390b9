"""Dialects of what is answered: other texts, more or fewer members where they are free, other cuts of a stream."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, stream
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference

from .base import Dialect

Chunk = dict[str, Any]


def replying(change: Callable[[Reply], Reply]) -> Reference:
    """With what is said changed, in both forms alike."""
    return Reference(behaviour=Behaviour(plan=lambda body, now: change(answers.plan(body, now))))


def telling(
    plain: Callable[[dict[str, Any]], Any] = lambda body: None, chunk: Callable[[Chunk], Any] = lambda row: None
) -> Reference:
    """With every plain answer and every chunk changed."""

    def completion(reply: Reply) -> Any:
        body = answers.completion(reply)
        plain(body)
        return body

    def chunks(reply: Reply) -> Iterator[Mapping[str, Any]]:
        for row in stream.chunks(reply):
            copy = json.loads(json.dumps(row))
            chunk(copy)
            yield copy

    return Reference(behaviour=Behaviour(completion=completion, chunks=chunks))


def random_text(body: Mapping[str, Any], now: int) -> Reply:
    """Another text every time, as a sampling model gives."""
    return answers.plan({**body, "seed": random.getrandbits(31)}, now)


def more(owner: dict[str, Any]) -> None:
    """Members of the server's own, at every level of an answer."""
    owner |= {"provider": "x", "prompt_logprobs": None, "kv_transfer_params": None}
    for choice in owner.get("choices") or ():
        choice |= {"stop_reason": None, "token_ids": None, "content_filter_results": {}}
        for name in ("message", "delta"):
            if name in choice:
                choice[name] |= {"reasoning_content": None, "annotations": []}
    if isinstance(owner.get("usage"), dict):
        owner["usage"] |= {"queue_time": 0.1, "prompt_cache_hit_tokens": 0}


def fewer(owner: dict[str, Any]) -> None:
    """Without the members that are null."""
    for choice in owner.get("choices") or ():
        if choice.get("logprobs", 0) is None:
            del choice["logprobs"]
        for name in ("message", "delta"):
            if choice.get(name, {}).get("refusal", 0) is None:
                del choice[name]["refusal"]
    owner.pop("system_fingerprint", None)
    owner.pop("service_tier", None)


def without_usage(row: Chunk) -> None:
    """Chunks without usage, but for the one that is there for it."""
    if row.get("usage", 0) is None:
        del row["usage"]


def without_details(owner: dict[str, Any]) -> None:
    """Three counts and no more."""
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        (owner.get("usage") or {}).pop(name, None)


def empty_beside_calls(owner: dict[str, Any]) -> None:
    """An empty text beside calls, where the original service has null."""
    for choice in owner.get("choices") or ():
        message = choice.get("message") or choice.get("delta") or {}
        if message.get("content", 0) is None:
            message["content"] = ""


def grouped(reply: Reply) -> Iterator[Mapping[str, Any]]:
    """Up to five tokens of text in a chunk."""
    waiting: dict[int, tuple[Chunk, int]] = {}

    def text_of(row: Chunk) -> str | None:
        choices = row["choices"]
        delta = choices[0]["delta"] if len(choices) == 1 else {}
        return delta["content"] if list(delta) == ["content"] else None

    for row in stream.chunks(reply):
        copy = json.loads(json.dumps(row))
        index = copy["choices"][0]["index"] if copy["choices"] else None
        if index is None or text_of(copy) is None:
            for held in [index] if index is not None else list(waiting):
                if held in waiting:
                    yield waiting.pop(held)[0]
            yield copy
            continue
        if index not in waiting:
            waiting[index] = copy, 1
        else:
            first, count = waiting[index]
            choice, other = first["choices"][0], copy["choices"][0]
            choice["delta"]["content"] += other["delta"]["content"]
            if choice["logprobs"] is not None:
                choice["logprobs"]["content"] += other["logprobs"]["content"]
            waiting[index] = first, count + 1
        if waiting[index][1] == 5:
            yield waiting.pop(index)[0]


def tiny(reply: Reply) -> Iterator[Mapping[str, Any]]:
    """One character of text in a chunk."""
    for row in stream.chunks(reply):
        copy = json.loads(json.dumps(row))
        choice = copy["choices"][0] if copy["choices"] else {"delta": {}, "logprobs": {}}
        content = choice["delta"].get("content")
        if list(choice["delta"]) != ["content"] or choice["logprobs"] is not None or not content:
            yield copy
            continue
        for character in content:
            yield {**copy, "choices": [{**choice, "delta": {"content": character}}]}


def bare_first(reply: Reply) -> Iterator[Mapping[str, Any]]:
    """A first chunk with the role alone, and empty texts here and there."""
    for row in stream.chunks(reply):
        copy = json.loads(json.dumps(row))
        for choice in copy["choices"]:
            if "role" in choice["delta"] and "function_call" not in choice["delta"]:
                choice["delta"] = {"role": choice["delta"]["role"]}
            elif choice["finish_reason"] and not choice["delta"]:
                choice["delta"] = {"content": ""}
        yield copy


def whole_calls(reply: Reply) -> Iterator[Mapping[str, Any]]:
    """Every call with all its arguments in one piece."""
    choices = tuple(
        replace(
            choice,
            calls=tuple(replace(call, arguments=("".join(call.arguments),)) for call in choice.calls),
        )
        for choice in reply.choices
    )
    yield from stream.chunks(replace(reply, choices=choices))


def last_with_text(reply: Reply) -> Iterator[Mapping[str, Any]]:
    """The reason to finish in the chunk of the last token, not in one of its own."""
    held: dict[int, Chunk] = {}
    for row in stream.chunks(reply):
        copy = json.loads(json.dumps(row))
        if not copy["choices"]:
            yield copy
            continue
        choice = copy["choices"][0]
        before = held.pop(choice["index"], None)
        if choice["finish_reason"] and before:
            before["choices"][0]["finish_reason"] = choice["finish_reason"]
            yield before
            continue
        if before:
            yield before
        if choice["finish_reason"]:
            yield copy
        else:
            held[choice["index"]] = copy


SHOULD_BE_THERE = frozenset({"res.choice.logprobs", "res.message.refusal.null", "res.message.required", "sse.*"})

DIALECTS = [
    Dialect(name="random-text", server=Reference(behaviour=Behaviour(plan=random_text))),
    Dialect(name="more-members", server=telling(more, more)),
    Dialect(
        name="fewer-members",
        server=telling(fewer, fewer),
        warnings=frozenset({"res.choice.logprobs", "res.message.refusal*", "sse.choice.*", "sse.delta.refusal"}),
    ),
    Dialect(name="no-usage-in-chunks", server=telling(chunk=without_usage), warnings=frozenset({"sse.usage.on.null"})),
    Dialect(name="three-counts", server=telling(without_details, without_details)),
    Dialect(
        name="empty-beside-calls",
        server=telling(empty_beside_calls, empty_beside_calls),
        warnings=frozenset({"res.message.content.null"}),
    ),
    Dialect(name="grouped-tokens", server=Reference(behaviour=Behaviour(chunks=grouped))),
    Dialect(name="tiny-chunks", server=Reference(behaviour=Behaviour(chunks=tiny))),
    Dialect(name="bare-first-chunk", server=Reference(behaviour=Behaviour(chunks=bare_first))),
    Dialect(name="whole-calls", server=Reference(behaviour=Behaviour(chunks=whole_calls))),
    Dialect(name="finish-with-text", server=Reference(behaviour=Behaviour(chunks=last_with_text))),
    Dialect(name="ids-of-its-own", server=replying(lambda reply: replace(reply, ident=uuid.uuid4().hex))),
    Dialect(
        name="model-by-another-name",
        server=replying(lambda reply: replace(reply, model="chatproof-reference-2024-11-20")),
    ),
]
