"""Calls, objects and thoughts, and the pieces that they come in, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_3.md``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.text import biases, bound, stops, tokenize

from .answering import Chunk
from .base import Dialect
from .blind_calls import beside_calls
from .blind_forms import respelled
from .blind_talk import written
from .blind_words import model, said
from .odd import Body, Rows, copies, counted
from .refusing import without

# --- objects ------------------------------------------------------------------------------------------------------

DEPTH = 60
ODD = (
    '{"": "", "deep": ' + '[{"": ' * DEPTH + "null" + "}]" * DEPTH + ', "big": ' + "1234567890" * 4 + ', "minus": -0, '
    '"power": 1.0E+2, "tiny": 25e-3, "path": "a\\/b", "\\u0000": "\\ud83d\\ude00\\u2028", "true": true, '
    '"list": [[], {}, [[]], ""]}'
)


def odd_objects(body: Body, now: int) -> Reply:
    """An object that few would write."""
    reply = answers.plan(body, now)
    if (body.get("response_format") or {}).get("type") != "json_object":
        return reply
    told = written(body, tuple(tokenize(ODD)))
    return counted(body, reply, *(said(one, told) if one.speaks else one for one in reply.choices))


def flooded(value: Any) -> str:
    """JSON from a model that has lost itself in white space and comes back."""
    text, flood = json.dumps(value), "\n \t" * 30
    return text[0] + flood + text[1:] if isinstance(value, dict | list) else text + flood


# --- calls --------------------------------------------------------------------------------------------------------


def calls_everything(body: Body, now: int) -> Reply:
    """One call leads to another."""
    reply = answers.plan(body, now)
    named = isinstance(body.get("tool_choice"), dict)
    if named or body.get("parallel_tool_calls") is False:
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        if one.calls:
            calls, cut = answers._calls(body, list(answers._declared(body, "tools")), False)
            one = replace(one, calls=calls, finish="length" if cut else "tool_calls")
        made.append(one)
    return counted(body, reply, *made)


def long_ids(body: Body, now: int) -> Reply:
    """What a gateway has to remember of a call stands in its id."""
    reply = answers.plan(body, now)
    made = [
        replace(one, calls=tuple(replace(call, ident=f"{call.ident}|sig=" + "aB+/9" * 59 + "==") for call in one.calls))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


def unstripped(body: Body, now: int) -> Reply:
    """The markup stays in the text, where neither bound nor stop string nor bias could meet it."""
    reply = answers.plan(body, now)
    if bound(body) is not None or stops(body) or biases(body):
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        text = "".join(
            f'<tool_call>\n{{"name": {json.dumps(call.name)}, "arguments": {"".join(call.arguments)}}}\n</tool_call>\n'
            for call in one.calls
        )
        made.append(replace(one, tokens=tuple(tokenize(text))) if one.calls else one)
    return counted(body, reply, *made)


def markup_first(reply: Reply) -> Rows:
    """The markup as it was written, then the call that was found in it."""
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            one = reply.choices[choice["index"]]
            for at, token in enumerate(one.tokens if "role" in choice["delta"] and one.calls else ()):
                log = answers.logprobs(reply, (token,), at)
                yield {**row, "choices": [{**choice, "delta": {"content": token}, "logprobs": log}]}


# --- thoughts -----------------------------------------------------------------------------------------------------

THOUGHTS = ("Wait", ",", " let", " me", " see", ":", " [DONE]", "?", "\n", " tool_calls", " it", " is", ".")


@dataclass(frozen=True)
class Thoughtful(Reply):
    """A reply with so many tokens of thought in each choice."""

    thoughts: tuple[int, ...] = ()


def now_and_then(body: Body, now: int) -> Reply:
    """Some choices are thought about, where no bound is given."""
    reply = answers.plan(body, now)
    most = 0 if bound(body) is not None else len(THOUGHTS)
    thoughts = tuple(random.choice((0, random.randint(0, most))) for _ in reply.choices)
    spent, usage = sum(thoughts), dict(reply.usage)
    usage["completion_tokens"] += spent
    usage["total_tokens"] += spent
    usage["completion_tokens_details"] = {**usage["completion_tokens_details"], "reasoning_tokens": spent}
    return Thoughtful(**{**vars(reply), "usage": usage, "thoughts": thoughts})


def thoughts_beside(reply: Reply) -> Any:
    body = answers.completion(reply)
    assert isinstance(reply, Thoughtful)
    for count, choice in zip(reply.thoughts, body["choices"], strict=True):
        if count:
            choice["message"]["reasoning_content"] = "".join(THOUGHTS[:count])
    return body


def thoughts_between(reply: Reply) -> Rows:
    """A thought before each of the pieces after the first, and what is left of them before the end."""
    assert isinstance(reply, Thoughtful)
    left = {at: list(THOUGHTS[:count]) for at, count in enumerate(reply.thoughts)}
    for row in copies(reply):
        for choice in row["choices"]:
            waiting = left[choice["index"]]
            number = 0 if "role" in choice["delta"] else len(waiting) if choice["finish_reason"] else 1
            for token in waiting[:number]:
                piece = {**choice, "delta": {"reasoning_content": token}, "logprobs": None, "finish_reason": None}
                yield {**row, "choices": [piece]}
            del waiting[:number]
        yield row


# --- pieces -------------------------------------------------------------------------------------------------------


def idle(row: Chunk) -> Iterator[Chunk]:
    """The chunk, with those that say nothing before or after it."""
    choice = row["choices"][0] if row["choices"] else {"delta": {}}
    delta = choice["delta"]
    if "role" in delta and "function_call" in delta:
        name = delta.pop("function_call")["name"]
        yield row
        yield {**row, "choices": [{**choice, "delta": {"function_call": {"name": name}}}]}
        return
    if "role" in delta:
        delta["tool_calls"] = []
    yield row
    for call in delta.get("tool_calls", ()):
        piece = {"index": call["index"], "function": {}}
        yield {**row, "choices": [{**choice, "delta": {"tool_calls": [piece]}}]}


def idle_pieces(reply: Reply) -> Rows:
    for row in copies(reply):
        yield from idle(row)


def after_the_end(reply: Reply) -> Rows:
    """Something that a filter had still to say about every choice."""
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if choice["finish_reason"]:
                late = {**choice, "delta": {}, "finish_reason": None, "content_filter_results": {}}
                yield {**row, "choices": [late]}


_LONG = without("toolcall.id.maxlen")

DIALECTS = [
    Dialect(name="blind3-odd-objects", server=model(odd_objects)),
    Dialect(name="blind3-whitespace-flood", server=model(respelled(flooded))),
    Dialect(name="blind3-calls-everything", server=model(calls_everything)),
    Dialect(
        name="blind3-long-call-ids",
        server=replace(_LONG, behaviour=replace(_LONG.behaviour, plan=long_ids)),
        warnings=frozenset({"toolcall.id.maxlen*"}),
    ),
    Dialect(name="blind3-unstripped-calls", server=model(unstripped, completion=beside_calls, chunks=markup_first)),
    Dialect(
        name="blind3-interleaved-thoughts",
        server=model(now_and_then, completion=thoughts_beside, chunks=thoughts_between),
    ),
    Dialect(name="blind3-idle-call-pieces", server=model(answers.plan, chunks=idle_pieces)),
    Dialect(name="blind3-after-the-end", server=model(answers.plan, chunks=after_the_end)),
]
