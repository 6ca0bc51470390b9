"""Answers whose form depends on what was asked, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_4.md``.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers, stream
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.prompt import digest
from chatproof.conformance.reference.text import biases, bound, stopped, stops, take

from .answering import Chunk, last_with_text, more, tiny, whole_calls
from .base import Dialect
from .blind3_talk import mixed_body, mixed_chunks
from .blind4_limits import choices, format_of
from .blind_forms import Declined
from .blind_streams import one_chunk, whole
from .blind_talk import japanese
from .blind_words import model, plain, saying
from .odd import SORRY, Body, Rows, abreast, copies, counted, roles_again

# --- streams that are not as plain answers are --------------------------------------------------------------------

_STREAMING = saying(japanese).behaviour.plan


def two_houses(body: Body, now: int) -> Reply:
    """Streams are another department, with another model."""
    if body.get("stream") is not True:
        return replace(answers.plan(body, now), ident=secrets.token_hex(8), model="chatproof-reference-batch")
    return replace(
        _STREAMING(body, now), ident=f"gen-{now}-{secrets.token_urlsafe(9)}", model="turbo/live", fingerprint=None
    )


def batch_body(reply: Reply) -> Any:
    """A plain answer with many members."""
    body = answers.completion(reply)
    more(body)
    return body


_asked: set[bytes] = set()


def remembered(body: Body, now: int) -> Reply:
    """A stream that was asked for before has its prompt in the cache."""
    reply = answers.plan(body, now)
    mark = hashlib.blake2b(json.dumps(body, sort_keys=True).encode()).digest()
    if body.get("stream") is not True or mark not in _asked:
        _asked.update([mark] if body.get("stream") is True else [])
        return reply
    details = {**reply.usage["prompt_tokens_details"], "cached_tokens": reply.usage["prompt_tokens"]}
    return replace(reply, usage={**reply.usage, "prompt_tokens_details": details})


def replayed(reply: Reply) -> Rows:
    """What is in the cache comes at once."""
    if reply.usage["prompt_tokens_details"]["cached_tokens"]:
        yield from one_chunk(reply)
    else:
        yield from copies(reply)


@dataclass(frozen=True)
class Searched(Reply):
    """A reply in which stop strings are looked for."""


def searching(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    return Searched(**vars(reply)) if stops(body) else reply


def held_back(reply: Reply) -> Rows:
    """As long as a stop string may still come, no text is let out."""
    held: dict[int, list[Chunk]] = {}
    for row in copies(reply):
        choice = row["choices"][0] if row["choices"] else {"delta": {}, "finish_reason": None, "index": -1}
        if isinstance(reply, Searched) and list(choice["delta"]) == ["content"]:
            held.setdefault(choice["index"], []).append(row)
            yield {**row, "choices": [{**choice, "delta": {}, "logprobs": None}]}
            continue
        if choice["finish_reason"] and choice["index"] in held:
            yield whole(held.pop(choice["index"]))
        yield row


def first_call_streamed(body: Body, now: int) -> Reply:
    """The parser of the stream has done when it has found a call."""
    if body.get("stream") is True and body.get("tools"):
        return answers.plan({**body, "parallel_tool_calls": False}, now)
    return answers.plan(body, now)


def filtered_late(body: Body, now: int) -> Reply:
    """A filter finds fault with every second text; a stream has let it out by then."""
    reply = answers.plan(body, now)
    if stops(body) or bound(body) is not None:
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        if plain(body, one) and (digest(dict(body)) + one.index) % 2:
            kept = one.tokens if body.get("stream") is True else ()
            one = replace(one, tokens=kept, finish="content_filter")
        made.append(one)
    return counted(body, reply, *made)


def by_request(reply: Reply) -> Rows:
    """Each way to ask has a way of being answered."""
    if len(reply.choices) > 1:
        manner = abreast
    elif any(one.calls for one in reply.choices):
        manner = whole_calls
    elif reply.include_usage:
        manner = last_with_text
    else:
        manner = tiny if reply.alternatives is None else roles_again
    yield from manner(reply)


# --- choices and calls --------------------------------------------------------------------------------------------


def another_tool(body: Body, now: int) -> Reply:
    """Every choice is another way to do what must be done."""
    reply = answers.plan(body, now)
    names = list(answers._declared(body, "tools"))
    if body.get("tool_choice") != "required" or choices(body) == 1 or not names:
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        calls, cut = answers._calls(body, [names[one.index % len(names)]], False)
        made.append(replace(one, calls=calls, finish="length" if cut else "tool_calls"))
    return counted(body, reply, *made)


def declines_some(body: Body, now: int) -> Reply:
    """Of several choices that follow a schema every second one does not."""
    reply = answers.plan(body, now)
    if format_of(body) != "json_schema" or biases(body):
        return reply
    told = stopped(take(SORRY, bound(body)), stops(body))
    finish: answers.Finish = "length" if told.cut else "stop"
    made = [Declined(one.index, finish, told.tokens) if one.speaks and one.index % 2 else one for one in reply.choices]
    return counted(body, reply, *made)


# --- thoughts -----------------------------------------------------------------------------------------------------

THOUGHTS = ("Which", " of", " the", " tools", "?", " None", " or", " one", ";", " let", " me", " see", ".")


def thinking_of_tools(body: Body, now: int) -> Reply:
    """Tools give it to think, where there is room to."""
    reply = answers.plan(body, now)
    if not (body.get("tools") or body.get("functions")) or bound(body) is not None:
        return reply
    spent, usage = len(THOUGHTS) * len(reply.choices), dict(reply.usage)
    usage["completion_tokens"] += spent
    usage["total_tokens"] += spent
    usage["completion_tokens_details"] = {**usage["completion_tokens_details"], "reasoning_tokens": spent}
    return replace(reply, usage=usage)


def thoughts_beside(reply: Reply) -> Any:
    body = answers.completion(reply)
    if reply.usage["completion_tokens_details"]["reasoning_tokens"]:
        for choice in body["choices"]:
            choice["message"]["reasoning_content"] = "".join(THOUGHTS)
    return body


def thoughts_first(reply: Reply) -> Rows:
    thinks = reply.usage["completion_tokens_details"]["reasoning_tokens"]
    for row in copies(reply):
        yield row
        for choice in row["choices"] if thinks else ():
            for token in THOUGHTS if "role" in choice["delta"] else ():
                yield {**row, "choices": [{**choice, "delta": {"reasoning_content": token}, "logprobs": None}]}


@dataclass(frozen=True)
class Muted(Choice):
    """A choice whose text has not come out of its thoughts."""


def muted(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    made = tuple(Muted(**vars(one)) if plain(body, one) else one for one in reply.choices)
    spent = sum(one.used for one in made if isinstance(one, Muted))
    details = {**reply.usage["completion_tokens_details"], "reasoning_tokens": spent}
    return replace(reply, choices=made, usage={**reply.usage, "completion_tokens_details": details})


def muted_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    for one, row in zip(reply.choices, body["choices"], strict=True):
        if isinstance(one, Muted):
            row["message"] |= {"content": "", "reasoning_content": "".join(one.tokens)}
            row["logprobs"] = answers.logprobs(reply, ())
    return body


def muted_chunks(reply: Reply) -> Rows:
    for row in stream.chunks(reply):
        choice = row["choices"][0] if row["choices"] else {"delta": {}, "index": -1}
        if list(choice["delta"]) == ["content"] and isinstance(reply.choices[choice["index"]], Muted):
            delta = {"reasoning_content": choice["delta"]["content"]}
            row = {**row, "choices": [{**choice, "delta": delta, "logprobs": answers.logprobs(reply, ())}]}
        yield row


DIALECTS = [
    Dialect(
        name="blind4-two-houses", server=model(two_houses, completion=batch_body), warnings=frozenset({"sse.equiv"})
    ),
    Dialect(name="blind4-replays-in-one-event", server=model(remembered, chunks=replayed)),
    Dialect(name="blind4-holds-back-for-stops", server=model(searching, chunks=held_back)),
    Dialect(name="blind4-another-tool-a-choice", server=model(another_tool)),
    Dialect(name="blind4-one-call-a-stream", server=model(first_call_streamed)),
    Dialect(name="blind4-filters-late-in-streams", server=model(filtered_late)),
    Dialect(
        name="blind4-declines-one-of-many", server=model(declines_some, completion=mixed_body, chunks=mixed_chunks)
    ),
    Dialect(
        name="blind4-thinks-for-tools-only",
        server=model(thinking_of_tools, completion=thoughts_beside, chunks=thoughts_first),
    ),
    Dialect(name="blind4-manner-by-request", server=Reference(behaviour=Behaviour(chunks=by_request))),
    Dialect(name="blind4-answers-in-thoughts", server=model(muted, completion=muted_body, chunks=muted_chunks)),
]
