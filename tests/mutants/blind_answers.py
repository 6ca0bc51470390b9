"""Servers with one wrong thing in a plain answer, invented without a look at the rules; with the rest of them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.text import bound, stops

from . import blind_calls, blind_effects, blind_state, blind_streams
from .answers_common import written
from .base import answering
from .blind_common import Body, Sent, between, blind, content_of, edited, is_plain, messages_of, with_content
from .effects_common import choosing, planning, replying, without

MOST = 10
WORKERS = 4
BLOCK = 64


def unstopped(body: Body, index: int) -> tuple[str, ...]:
    """What a choice would say without stop strings."""
    return answers.write(without("stop")(body), index).tokens


def ended(body: Body, choice: Choice) -> bool:
    """Whether a stop string ended this choice."""
    spoken = choice.speaks and choice.finish == "stop" and bool(stops(body))
    return spoken and unstopped(body, choice.index) != choice.tokens


def counted_before_stop(body: Body, reply: Reply) -> Reply:
    lost = sum(len(unstopped(body, row.index)) - len(row.tokens) for row in reply.choices if ended(body, row))
    usage = {**reply.usage}
    usage["total_tokens"] += lost
    return replace(reply, usage=usage)


def end_uncounted(body: Body, reply: Reply) -> Reply:
    usage = {**reply.usage}
    usage["completion_tokens"] -= sum(ended(body, row) for row in reply.choices)
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return replace(reply, usage=usage)


def cached_in_blocks() -> Reference:
    seen: set[str] = set()

    def changed(body: Body, reply: Reply) -> Reply:
        prompt = json.dumps(body.get("messages"))
        if prompt not in seen:
            seen.add(prompt)
            return reply
        whole = -(-reply.usage["prompt_tokens"] // BLOCK) * BLOCK
        details = {**reply.usage["prompt_tokens_details"], "cached_tokens": whole}
        return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})

    return replying(changed)


def capped(body: Body) -> Body:
    n = body.get("n")
    return {**body, "n": MOST} if isinstance(n, int) and n > MOST else body


def worker_index(answer: Body) -> None:
    for choice in answer["choices"]:
        choice["index"] %= WORKERS


def in_parts(body: Body, answer: Body) -> None:
    asked = [row for row in messages_of(body) if row.get("role") == "user"]
    for choice in answer["choices"] if asked and isinstance(asked[-1].get("content"), list) else ():
        content = choice["message"]["content"]
        if isinstance(content, str):
            choice["message"]["content"] = [{"type": "text", "text": content}]


def role_of_last(body: Body, answer: Body) -> None:
    rows = messages_of(body)
    for choice in answer["choices"] if rows and rows[-1].get("role") == "tool" else ():
        choice["message"]["role"] = "tool"


def empty_omitted(answer: Body) -> None:
    for choice in answer["choices"]:
        if choice["message"]["content"] == "":
            del choice["message"]["content"]


def bound_first(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="length") if bound(body) and ended(body, choice) else choice


def cut_calls(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="tool_calls") if choice.calls and choice.finish == "length" else choice


def later_calls(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="stop") if choice.index and choice.finish == "tool_calls" else choice


def legacy_call(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="tool_calls") if choice.finish == "function_call" else choice


def asked_tier(body: Body, reply: Reply) -> Reply:
    return replace(reply, tier=body["service_tier"]) if body.get("service_tier") is not None else reply


def unescaped(encoding: str) -> Any:
    """JSON that escapes no more than it must, in an encoding, or as usual where that has no such character."""

    def dump(value: Body) -> bytes:
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(encoding)
        except UnicodeEncodeError:
            return behaviour.dump(value)

    return dump


def in_characters(raw: bytes, sent: Sent) -> Sent:
    if not is_plain(sent):
        return sent
    content = content_of(sent)
    return with_content(sent, content[: len(content.decode())])


ANSWERS = [
    blind("created-local-time", "res.created.fresh", Reference(behaviour=Behaviour(clock=lambda: time.time() + 7_200))),
    blind("usage-total-before-stop", "res.usage.sum", replying(counted_before_stop)),
    blind(
        "usage-cached-block", "res.usage.details.prompt", cached_in_blocks(), with_it="res.usage.details.prompt.stream"
    ),
    blind("usage-minus-one", "res.usage.shape", replying(end_uncounted)),
    blind("n-capped", "res.choices.count", planning(capped), prop="n", family="ignored"),
    blind("index-modulo", "res.choices.index", answering(worker_index), prop="n"),
    blind("content-in-parts", "res.message.content", around=edited(in_parts)),
    blind("role-after-tool", "res.message.role", around=edited(role_of_last)),
    blind("content-omitted-empty", "res.message.required", answering(empty_omitted)),
    blind(
        "finish-bound-over-stop",
        "ef.stop.finish",
        choosing(bound_first),
        prop="stop",
        with_it="ef.stop.finish.stream res.finish.early*",
    ),
    blind("finish-calls-cut", "res.finish.length", choosing(cut_calls), prop="tools"),
    blind("finish-calls-second", "res.finish.tools", choosing(later_calls), prop="tools"),
    blind(
        "finish-legacy",
        "res.finish.function",
        choosing(legacy_call),
        prop="functions",
        with_it="res.finish.function.stream",
    ),
    blind(
        "tier-auto-echo", "res.tier.value", replying(asked_tier), prop="service_tier", with_it="sse.chunk.tier.value"
    ),
    blind("plain-latin-1", "res.json", written(unescaped("latin-1"))),
    blind("length-in-characters", "res.json", written(unescaped("utf-8")), around=between(in_characters)),
]

MUTANTS = [
    *ANSWERS,
    *blind_calls.MUTANTS,
    *blind_effects.MUTANTS,
    *blind_streams.MUTANTS,
    *blind_state.MUTANTS,
]
