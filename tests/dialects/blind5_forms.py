"""Answers whose form depends on what was asked, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_5.md``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.prompt import input_tokens
from chatproof.conformance.reference.text import Written, biased, biases, bound, script, stopped, stops, take

from .base import Dialect
from .blind3_talk import mixed_body, mixed_chunks
from .blind4_limits import choices
from .blind4_talk import last
from .blind5_limits import forces
from .blind_forms import Declined
from .blind_words import model, plain, said, saying, written
from .odd import SORRY, Body, Rows, copies, counted

# --- what sampling does to a text ---------------------------------------------------------------------------------

HOT = 1.2


def scalar() -> str:
    """Any character at all, half of them common ones."""
    number = random.randrange(0x20, 0x250) if random.random() < 0.5 else random.randrange(0x110000)
    return "\ufffd" if 0xD800 <= number < 0xE000 else chr(number)


def babble(body: Body, index: int) -> Iterable[str]:
    """A hot head says whatever it has letters for."""
    if (body.get("temperature") or 0) <= HOT:
        return script(body, index)
    most = max(2, 300 // choices(body))
    return ["".join(scalar() for _ in range(random.randint(1, 3))) for _ in range(random.randint(1, most))]


LOOP = 400


def bitten(body: Body, index: int) -> Written:
    """A text that may not come back to anything, or can do nothing else."""
    values = [body.get(key) or 0 for key in ("frequency_penalty", "presence_penalty")]
    tokens: Iterator[str] = script(body, index)
    if min(values) < -1:
        room = max(1, LOOP // choices(body))
        most = bound(body)
        again = biased(itertools.repeat(next(tokens, "again")), biases(body))
        return stopped(take(again, room if most is None else min(most, room)), stops(body))
    if max(values) > 1:
        # a bias may bring a token back: what is said once is what comes out
        once = dict.fromkeys(biased(tokens, biases(body)))
        return stopped(take(once, bound(body)), stops(body))
    return written(body, tokens)


def penalised(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    made = [said(one, bitten(body, one.index)) if plain(body, one) else one for one in reply.choices]
    return counted(body, reply, *made)


# --- calls --------------------------------------------------------------------------------------------------------


def ends_by_form(body: Body, now: int) -> Reply:
    """The stream and the plain answer were written by different people."""
    reply = answers.plan(body, now)
    if forces(body) != "tool_choice":
        return reply
    end: answers.Finish = "stop" if body.get("stream") is True else "tool_calls"
    made = [replace(one, finish=end) if one.calls and one.finish != "length" else one for one in reply.choices]
    return replace(reply, choices=tuple(made))


def parallel_when_asked(body: Body, now: int) -> Reply:
    """Many calls are made for those who say that they want them."""
    if not body.get("tools"):
        return answers.plan(body, now)
    if body.get("parallel_tool_calls") is not True:
        return answers.plan({**body, "parallel_tool_calls": False}, now)
    reply = answers.plan(body, now)
    names, finish, _ = answers.decide(body)
    made: list[Choice] = []
    for one in reply.choices:
        if one.calls:
            calls, cut = answers._calls(body, [name for name in names for _ in range(3)], False)
            one = replace(one, calls=calls, finish="length" if cut else finish)
        made.append(one)
    return counted(body, reply, *made)


# --- pictures -----------------------------------------------------------------------------------------------------


def declining_pictures(body: Body, now: int) -> Reply:
    """Nothing is said of what is on a picture."""
    reply = answers.plan(body, now)
    if not input_tokens(dict(body), "image_url"):
        return reply
    told = written(body, SORRY)
    end: answers.Finish = "length" if told.cut else "stop"
    made = [Declined(one.index, end, told.tokens) if one.speaks else one for one in reply.choices]
    return counted(body, reply, *made)


# --- log probabilities --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cold(Reply):
    """A reply of a model that takes the likeliest token and knows no other."""


def cold(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    value = body.get("temperature")
    return Cold(**vars(reply)) if value is not None and value == 0 else reply


def certain(reply: Reply, owner: dict[str, Any]) -> None:
    """The token itself is certain, and all others are out of the question."""
    for choice in owner["choices"] if isinstance(reply, Cold) else ():
        for row in (choice["logprobs"] or {}).get("content") or ():
            row["logprob"] = 0
            for other in row["top_logprobs"]:
                other["logprob"] = 0 if other["token"] == row["token"] else -9999.0


def certain_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    certain(reply, body)
    return body


def certain_chunks(reply: Reply) -> Rows:
    for row in copies(reply):
        certain(reply, row)
        yield row


def alternatives_by_form(body: Body, now: int) -> Reply:
    """What has to be quick is told with less beside it."""
    reply = answers.plan(body, now)
    if reply.alternatives is None:
        return reply
    most = 0 if len(reply.choices) > 1 else 1 if body.get("stream") is True else reply.alternatives
    return replace(reply, alternatives=min(most, reply.alternatives))


# --- thoughts -----------------------------------------------------------------------------------------------------

THOUGHTS = ("So", " that", " is", " what", " it", " says", "."), ("Then", " I", " am", " done", ".")
SPENT = sum(len(piece) for piece in THOUGHTS)


def thinking(body: Body, now: int) -> Reply:
    """A result is something to think about, where there is room to."""
    reply = answers.plan(body, now)
    if last(body).get("role") not in ("tool", "function") or bound(body) is not None:
        return reply
    spent, usage = SPENT * len(reply.choices), dict(reply.usage)
    usage["completion_tokens"] += spent
    usage["total_tokens"] += spent
    usage["completion_tokens_details"] = {**usage["completion_tokens_details"], "reasoning_tokens": spent}
    return replace(reply, usage=usage)


def thought(reply: Reply) -> bool:
    return bool(reply.usage["completion_tokens_details"]["reasoning_tokens"])


def thoughts_beside(reply: Reply) -> Any:
    body = answers.completion(reply)
    for choice in body["choices"] if thought(reply) else ():
        choice["message"]["reasoning_content"] = "\n".join("".join(piece) for piece in THOUGHTS)
    return body


def thoughts_first(reply: Reply) -> Rows:
    """Under another name than in a plain answer; they stand before whatever else is said."""
    for row in copies(reply):
        choice = row["choices"][0] if row["choices"] and thought(reply) else {"delta": {}}
        if "role" not in choice["delta"]:
            yield row
            continue
        rest = {key: value for key, value in choice["delta"].items() if key not in ("role", "content", "refusal")}
        opening = {key: value for key, value in choice["delta"].items() if key not in rest}
        yield {**row, "choices": [{**choice, "delta": opening}]}
        for piece in THOUGHTS:
            yield {**row, "choices": [{**choice, "delta": {"reasoning": "".join(piece)}}]}
        if rest:
            yield {**row, "choices": [{**choice, "delta": rest}]}


DIALECTS = [
    Dialect(name="blind5-hot-babble", server=saying(babble)),
    Dialect(name="blind5-penalties-bite", server=model(penalised)),
    Dialect(name="blind5-ends-by-form", server=model(ends_by_form)),
    Dialect(name="blind5-parallel-when-asked", server=model(parallel_when_asked)),
    Dialect(
        name="blind5-declines-pictures", server=model(declining_pictures, completion=mixed_body, chunks=mixed_chunks)
    ),
    Dialect(name="blind5-certain-when-cold", server=model(cold, completion=certain_body, chunks=certain_chunks)),
    Dialect(name="blind5-alternatives-by-form", server=model(alternatives_by_form)),
    Dialect(
        name="blind5-thoughts-after-results",
        server=model(thinking, completion=thoughts_beside, chunks=thoughts_first),
    ),
]
