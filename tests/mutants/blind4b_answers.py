"""Servers with one wrong thing in their answers where two things come together. See ``BLIND_4B.md``."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.prompt import input_tokens
from chatproof.conformance.reference.stream import DONE
from chatproof.conformance.reference.text import stops

from .blind_common import Body, Sent, between, content_of, is_plain, is_stream, with_content
from .effects_common import choosing, cold, replying
from .load_common import body_of
from .stream_common import Around, collection

_DATA, _END = b"data: ", b"\n\n"


answer = collection("blind4b-", family="answer")


def relogged(where: Callable[[Body], object], change: Callable[[Body, list[Body]], Any]) -> Around:
    """Changes the log probabilities of each choice, plain or streamed, with a look at the request."""

    def turned(raw: bytes, sent: Sent) -> Sent:
        body = body_of(raw)
        if body is None or body.get("logprobs") is not True or not where(body):
            return sent
        if is_plain(sent):
            parts = [json.loads(content_of(sent))]
        elif is_stream(sent):
            events = [event + _END for event in content_of(sent).split(_END) if event]
            parts = [json.loads(event.removeprefix(_DATA)) for event in events if event != DONE]
        else:
            return sent
        logs: dict[int, list[Body]] = defaultdict(list)
        for part in parts:
            for choice in part["choices"]:
                logs[choice["index"]] += (choice["logprobs"] or {}).get("content") or ()
        for entries in logs.values():
            change(body, entries)
        if is_plain(sent):
            return with_content(sent, json.dumps(parts[0]).encode())
        content = b"".join(_DATA + json.dumps(part).encode() + _END for part in parts) + DONE
        return [sent[0], {"type": "http.response.body", "body": content}]

    return between(turned)


def infinite(_body: Body, entries: list[Body]) -> None:
    """The temperature divides, and zero is not left out."""
    for entry in entries:
        for other in entry["top_logprobs"][1:]:
            other["logprob"] = -float("inf")


def number(value: object) -> float:
    return value if isinstance(value, (int, float)) else 0


def rewarding(body: Body) -> bool:
    return number(body.get("frequency_penalty")) < 0 or number(body.get("presence_penalty")) < 0


def shifted(body: Body, entries: list[Body]) -> None:
    """What has been said before is likelier by the penalty, and nothing makes the sum one again."""
    seen: Counter[str] = Counter()
    for entry in entries:
        for told in (entry, *entry["top_logprobs"]):
            times = seen[told["token"]]
            own = min(0, number(body.get("frequency_penalty"))) * times
            told["logprob"] -= own + (min(0, number(body.get("presence_penalty"))) if times else 0)
        seen[entry["token"]] += 1


def one_ahead(body: Body, reply: Reply) -> Reply:
    return (
        replace(reply, alternatives=reply.alternatives + 1) if body.get("logit_bias") and reply.alternatives else reply
    )


def bare_total(body: Body, reply: Reply) -> Reply:
    """The encoder of images adds its tokens after the sum was made."""
    images = input_tokens(body, "image_url")
    if not images:
        return reply
    return replace(reply, usage={**reply.usage, "total_tokens": reply.usage["total_tokens"] - images})


def with_text(body: Body, reply: Reply) -> Reply:
    if len(reply.choices) < 2 or not stops(body):
        return reply
    left = tuple(choice for choice in reply.choices if choice.tokens or not choice.speaks)
    return replace(reply, choices=left or reply.choices[:1])


def strict_names(body: Body) -> set[str]:
    functions = [tool["function"] for tool in body.get("tools") or ()]
    return {function["name"] for function in functions if function.get("strict") is True}


def ended_by_grammar(body: Body, choice: Choice) -> Choice:
    if choice.finish != "tool_calls" or body.get("tool_choice") not in (None, "auto"):
        return choice
    return replace(choice, finish="stop") if strict_names(body) & {call.name for call in choice.calls} else choice


MUTANTS = [
    answer(
        "logprobs-infinity-cold",
        "res.json sse.frame.json",
        prop="top_logprobs",
        around=relogged(cold, infinite),
        with_it="res.logprobs.range sse.logprobs.range",
    ),
    answer(
        "logprobs-positive-penalty",
        "res.logprobs.range",
        prop="logprobs",
        around=relogged(rewarding, shifted),
        with_it="sse.logprobs.range",
    ),
    answer(
        "top-one-more-bias",
        "res.logprobs.count sse.logprobs.count",
        replying(one_ahead),
        prop="top_logprobs",
    ),
    answer(
        "usage-total-without-images",
        "res.usage.sum",
        replying(bare_total),
        prop="messages",
        with_it="sse.usage.on.sum",
    ),
    answer(
        "choice-empty-dropped",
        "res.choices.count",
        replying(with_text),
        prop="n",
        with_it="sse.choice.count res.choices.index",
    ),
    answer(
        "finish-strict-auto-stop",
        "res.finish.tools",
        choosing(ended_by_grammar),
        prop="tools",
        with_it="sse.tool.finish",
    ),
]
