"""Servers with one wrong thing in what they answer, as reported in the field. See ``BLIND_3B.md``."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference

from .base import answering, each_choice, streaming
from .blind_common import Body
from .effects_common import choosing, planning, replying, without
from .stream_common import Rows, collection, entries

OUTSIDE = 64


answer = collection("blind3b-", prop="answer", family="answer")


def cached_away() -> Reference:
    """Of a prompt that was read before nothing is left to be counted."""
    seen: set[str] = set()

    def changed(body: Body, reply: Reply) -> Reply:
        prompt = json.dumps([body.get("messages"), body.get("tools"), body.get("functions")])
        if prompt not in seen:
            seen.add(prompt)
            return reply
        usage = {**reply.usage, "prompt_tokens": 0, "total_tokens": reply.usage["completion_tokens"]}
        return replace(reply, usage=usage)

    return replying(changed)


def reasoned_outside(body: Body, reply: Reply) -> Reply:
    thought = reply.usage["completion_tokens"] + OUTSIDE
    details = {**reply.usage["completion_tokens_details"], "reasoning_tokens": thought}
    return replace(reply, usage={**reply.usage, "completion_tokens_details": details})


def legacy_finish(body: Body, choice: Choice) -> Choice:
    return replace(choice, finish="function_call") if choice.finish == "tool_calls" else choice


def no_content(choice: Body) -> None:
    if choice["message"].get("tool_calls"):
        del choice["message"]["content"]


def unnamed(body: Body, choice: Choice) -> Choice:
    if not isinstance(body.get("tool_choice"), dict):
        return choice
    return replace(choice, calls=tuple(replace(call, ident="") for call in choice.calls))


def four_lists(choice: Body) -> None:
    if not choice["logprobs"]:
        return
    found = choice["logprobs"]["content"]
    offsets = [sum(len(entry["token"]) for entry in found[:at]) for at in range(len(found))]
    choice["logprobs"] = {
        "tokens": [entry["token"] for entry in found],
        "token_logprobs": [entry["logprob"] for entry in found],
        "top_logprobs": [{top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in found],
        "text_offset": offsets,
    }


def probable(entry: Body) -> None:
    for top in entry["top_logprobs"]:
        top["logprob"] = math.exp(top["logprob"])


def each_entry(change: Callable[[Body], Any]) -> Reference:
    """With every entry of log probabilities changed, in plain answers and in streams."""

    def plain(body: Body) -> None:
        # nothing is to be shared between the entries
        body.update(copy.deepcopy(body))
        for choice in body["choices"]:
            for entry in (choice["logprobs"] or {}).get("content") or ():
                change(entry)

    def streamed(rows: Rows) -> None:
        for entry in entries(rows):
            change(entry)

    completion, chunks = answering(plain).behaviour.completion, streaming(streamed).behaviour.chunks
    return Reference(behaviour=Behaviour(completion=completion, chunks=chunks))


def one_with_tools(body: Body) -> Body:
    return without("n")(body) if body.get("tools") else body


MUTANTS = [
    answer(
        "usage-prompt-zero-repeated",
        "res.usage.prompt",
        cached_away(),
        with_it="res.usage.prompt.stream ef.prompt.tokens ef.prompt.tokens.stream ef.prompt.monotone",
    ),
    answer(
        "usage-reasoning-outside",
        "res.usage.details.completion",
        replying(reasoned_outside),
        with_it="res.usage.details.completion.stream",
    ),
    answer(
        "finish-function-call-for-tools",
        "res.finish.tools",
        choosing(legacy_finish),
        prop="tools",
        with_it="sse.tool.finish res.finish.forced res.finish.forced.stream client.tools client.tools.stream",
    ),
    answer(
        "content-omitted-calls",
        "res.message.content.null",
        answering(each_choice(no_content)),
        prop="tools",
        with_it="res.message.required",
    ),
    answer(
        "call-id-empty-named",
        "res.toolcalls.id",
        choosing(unnamed),
        prop="tool_choice",
        with_it="res.toolcalls.id.unique sse.tool.first.id sse.tool.ids ef.echo",
    ),
    answer(
        "logprobs-completions-shape",
        "res.logprobs.shape",
        answering(each_choice(four_lists)),
        prop="logprobs",
        with_it="ef.logprobs res.logprobs.entry res.logprobs.refusal res.logprobs.concat",
    ),
    answer(
        "alternatives-probabilities",
        "res.logprobs.range",
        each_entry(probable),
        prop="top_logprobs",
        with_it="sse.logprobs.range res.logprobs.top.own res.logprobs.top.own.stream",
    ),
    answer(
        "n-one-with-tools",
        "res.choices.count",
        planning(one_with_tools),
        prop="n",
        family="ignored",
        with_it="sse.choice.count sse.finish",
    ),
]
