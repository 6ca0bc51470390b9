"""Servers with one wrong thing in their tool calls or log probabilities, invented without a look at the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice, Reply
from chatproof.conformance.reference.text import stops, tokenize

from .base import answering
from .blind_common import Body, blind, edited, messages_of
from .effects_common import choosing, planning, replying, without
from .relations_common import refused_when
from .stream_common import Rows, finishing, forgetful, pieces, spoilt

MANY = 5
TAIL = 15


def one_id(body: Body, choice: Choice) -> Choice:
    return replace(choice, calls=tuple(replace(call, ident=choice.calls[0].ident) for call in choice.calls))


def pythonic(body: Body, choice: Choice) -> Choice:
    def turned(call: Call) -> Call:
        text = "".join(call.arguments).replace(": true", ": True").replace(": false", ": False")
        return replace(call, arguments=tuple(tokenize(text)))

    return replace(choice, calls=tuple(turned(call) for call in choice.calls))


def by_prefix(body: Body) -> Body:
    chosen = body.get("tool_choice")
    if not isinstance(chosen, dict) or not body.get("tools"):
        return body
    name = chosen["function"]["name"]
    names = [tool["function"]["name"] for tool in body["tools"]]
    first = next((other for other in names if other.startswith(name)), name)
    return {**body, "tool_choice": {"type": "function", "function": {"name": first}}}


def uncalled(test: Callable[[Body], Any]) -> Callable[[Body], Body]:
    """As if no call had been asked for, where `required` meets what is tested."""
    return lambda body: (
        {**body, "tool_choice": "none"} if body.get("tool_choice") == "required" and test(body) else body
    )


def own_refusal(body: Body) -> bool:
    return any(
        row.get("role") == "assistant" and row.get("tool_calls") and "refusal" in row for row in messages_of(body)
    )


def every_entry(answer: Body) -> list[Body]:
    logs = [choice["logprobs"] for choice in answer["choices"] if choice["logprobs"]]
    entries = [entry for log in logs for entry in log["content"]]
    return [row for entry in entries for row in (entry, *entry["top_logprobs"])]


def signed(answer: Body) -> None:
    for row in every_entry(answer):
        row["bytes"] = [byte - 256 if byte > 127 else byte for byte in row["bytes"]]


def one_more(body: Body, reply: Reply) -> Reply:
    most = reply.alternatives or 0
    return replace(reply, alternatives=most + 1) if most >= MANY else reply


def null_tail(answer: Body) -> None:
    for row in every_entry(answer):
        top = row.get("top_logprobs") or []
        if len(top) >= TAIL:
            top[-1]["logprob"] = None


def with_stop_string(body: Body, answer: Body) -> None:
    """The entries of everything that had been generated when the stop string was seen."""
    free = answers.completion(answers.plan(without("stop")(body), 0))["choices"]
    for choice, whole in zip(answer["choices"], free, strict=True):
        text = whole["message"]["content"]
        if not choice["logprobs"] or not text or text == choice["message"]["content"]:
            continue
        start = len(choice["message"]["content"])
        end = start + min(len(string) for string in stops(body) if text.startswith(string, start))
        kept: list[Body] = []
        for entry in whole["logprobs"]["content"]:
            if len("".join(row["token"] for row in kept)) < end:
                kept.append(entry)
        choice["logprobs"]["content"] = kept


def of_first(answer: Body) -> None:
    for choice in answer["choices"][1:]:
        choice["logprobs"] = answer["choices"][0]["logprobs"]


def beside_format(body: Body, reply: Reply) -> Reply:
    wanted = body.get("response_format") or {}
    return replace(reply, alternatives=None) if wanted.get("type") in ("json_object", "json_schema") else reply


def stripped(answer: Body) -> None:
    for choice in answer["choices"]:
        message = choice["message"]
        message["content"] = message["content"] and message["content"].strip()


def lagging(rows: Rows) -> None:
    """The entries of a piece come with the next one, those of the last with the finish reason."""
    for index in {piece["index"] for piece in finishing(rows)}:
        late = None
        for piece in pieces(rows):
            if piece["index"] == index:
                piece["logprobs"], late = late, piece["logprobs"]


MUTANTS = [
    blind("call-ids-equal", "res.toolcalls.id.unique sse.tool.ids", choosing(one_id), prop="tools"),
    blind("arguments-python-true", "res.toolcalls.args.strict", choosing(pythonic), prop="tools"),
    blind("named-prefix", "ef.choice.named", planning(by_prefix), prop="tool_choice"),
    blind(
        "required-parallel-off",
        "ef.choice.required",
        planning(uncalled(lambda body: body.get("parallel_tool_calls") is False)),
        prop="tool_choice",
        family="ignored",
    ),
    blind(
        "required-after-result",
        "ef.choice.required",
        planning(uncalled(lambda body: any(row.get("role") == "tool" for row in messages_of(body)))),
        prop="tool_choice",
        family="ignored",
    ),
    blind("echo-refusal-null", "ef.echo", refused_when(own_refusal), prop="messages", family="refused"),
    blind(
        "parallel-off-stream",
        "ef.parallel.off.stream",
        forgetful("parallel_tool_calls"),
        prop="parallel_tool_calls",
        family="ignored",
    ),
    blind("bytes-signed", "res.logprobs.bytes", answering(signed), prop="logprobs", with_it="res.logprobs.concat"),
    blind("top-one-more", "res.logprobs.count", replying(one_more), with_it="sse.logprobs.count", prop="top_logprobs"),
    blind("logprob-null-tail", "res.logprobs.top", answering(null_tail), prop="top_logprobs"),
    blind("logprobs-keep-stop", "res.logprobs.concat", around=edited(with_stop_string), prop="logprobs"),
    blind("logprobs-of-first", "res.logprobs.concat", answering(of_first), prop="logprobs"),
    blind(
        "logprobs-lost-with-format",
        "ef.logprobs",
        replying(beside_format),
        prop="logprobs",
        family="ignored",
        with_it="sse.logprobs",
    ),
    blind("content-stripped", "res.logprobs.concat", answering(stripped), prop="logprobs"),
    spoilt("blind-logprobs-lag", "sse.logprobs.chunk", lagging, prop="logprobs"),
]
