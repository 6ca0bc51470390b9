"""How a stream is cut, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_2.md``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.text import bound

from .answering import Chunk, bare_first, grouped, last_with_text, more, tiny, whole_calls
from .base import Dialect
from .blind_forms import dump_escaped, error_null, frame_escaped, heavy
from .odd import Body, Rows, copies, empty_refusals


def lines(rows: Iterable[Chunk]) -> dict[int, list[Chunk]]:
    """The chunks of every choice, in their order."""
    found: dict[int, list[Chunk]] = {}
    for row in rows:
        if row["choices"]:
            found.setdefault(row["choices"][0]["index"], []).append(row)
    return found


def _join(owner: dict[str, Any], piece: dict[str, Any]) -> None:
    """Adds a piece of a delta: texts are joined, calls found by their index, all else replaces."""
    for key, value in piece.items():
        if key == "tool_calls":
            for call in value:
                known = owner.setdefault(key, [])
                same = next((one for one in known if one["index"] == call["index"]), None)
                if same is None:
                    known.append(call)
                else:
                    _join(same, {name: item for name, item in call.items() if name != "index"})
        elif isinstance(value, dict) and isinstance(owner.get(key), dict):
            _join(owner[key], value)
        elif isinstance(value, str) and isinstance(owner.get(key), str):
            owner[key] += value
        else:
            owner[key] = value


def whole(rows: list[Chunk]) -> Chunk:
    """One chunk in place of all that a choice has."""
    delta: dict[str, Any] = {}
    entries: list[Any] | None = None
    for row in rows:
        choice = row["choices"][0]
        _join(delta, choice["delta"])
        if choice["logprobs"] is not None:
            entries = (entries or []) + choice["logprobs"]["content"]
    last = rows[-1]["choices"][0]
    log = None if entries is None else {"content": entries, "refusal": None}
    return {**rows[0], **rows[-1], "choices": [{**last, "delta": delta, "logprobs": log}]}


def one_chunk(reply: Reply) -> Rows:
    """A chunk a choice."""
    rows = list(copies(reply))
    for line in lines(rows).values():
        yield whole(line)
    yield from (row for row in rows if not row["choices"])


def single_event(reply: Reply) -> Rows:
    """All choices in one event."""
    rows = list(copies(reply))
    made = [whole(line) for line in lines(rows).values()]
    joined: Chunk = {}
    for row in made:
        joined |= row
    yield {**joined, "choices": [row["choices"][0] for row in made]}
    yield from (row for row in rows if not row["choices"])


def empty_deltas(reply: Reply) -> Rows:
    """Nothing before every piece but the first."""
    begun: set[int] = set()
    for at, row in enumerate(copies(reply)):
        for choice in row["choices"]:
            if choice["index"] in begun:
                speaks = reply.choices[choice["index"]].speaks
                delta = {"content": ""} if speaks and at % 3 == 0 else {}
                piece = {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": None}
                yield {**row, "choices": [piece]}
            begun.add(choice["index"])
        yield row


def _is_call(row: Chunk) -> bool:
    return bool(row["choices"]) and "tool_calls" in row["choices"][0]["delta"]


def side_by_side(reply: Reply) -> Rows:
    """Pieces of all the calls of a choice in one chunk."""
    rows = list(copies(reply))
    calls = lines(row for row in rows if _is_call(row))
    for row in rows:
        if _is_call(row):
            held = calls.pop(row["choices"][0]["index"], [])
            found: dict[int, list[Any]] = {}
            for other in held:
                piece = other["choices"][0]["delta"]["tool_calls"][0]
                found.setdefault(piece["index"], []).append(piece)
            for pieces in itertools.zip_longest(*found.values()):
                kept = [piece for piece in pieces if piece is not None]
                yield {**row, "choices": [{**row["choices"][0], "delta": {"tool_calls": kept}}]}
        else:
            yield row


def by_character(reply: Reply) -> Rows:
    """A head without arguments, an empty piece, and a piece a character."""
    for row in copies(reply):
        if not _is_call(row):
            yield row
            continue
        choice = row["choices"][0]
        call = choice["delta"]["tool_calls"][0]
        said = call["function"].pop("arguments")
        if "id" in call:
            yield row
        for sign in ("", *said):
            piece = {"index": call["index"], "function": {"arguments": sign}}
            yield {**row, "choices": [{**choice, "delta": {"tool_calls": [piece]}}]}


def at_random(reply: Reply) -> Rows:
    """The pieces of a choice in their order, those of several in none."""
    rows = list(copies(reply))
    left = list(lines(rows).values())
    while left:
        line = random.choice(left)
        yield line.pop(0)
        left = [one for one in left if one]
    yield from (row for row in rows if not row["choices"])


def ends_together(reply: Reply) -> Rows:
    """Every choice ends in the same chunk."""
    rows = list(copies(reply))
    ends = [row for row in rows if row["choices"] and row["choices"][0]["finish_reason"]]
    yield from (row for row in rows if row["choices"] and not row["choices"][0]["finish_reason"])
    yield {**ends[-1], "choices": [row["choices"][0] for row in ends]}
    yield from (row for row in rows if not row["choices"])


THOUGHTS = ("What", " is", " asked", " here", "?", " I", " will", " be", " brief", ".")


def thoughtful(body: Body, now: int) -> Reply:
    """Where no bound is given it thinks first, and the thoughts count."""
    reply = answers.plan(body, now)
    if bound(body) is not None:
        return reply
    spent = len(THOUGHTS) * len(reply.choices)
    use = dict(reply.usage)
    use["completion_tokens"] += spent
    use["total_tokens"] += spent
    use["completion_tokens_details"] = {**use["completion_tokens_details"], "reasoning_tokens": spent}
    return replace(reply, usage=use)


def _thought(text: str) -> dict[str, Any]:
    details = {"type": "reasoning.text", "text": text, "format": None, "index": 0}
    return {"reasoning": text, "reasoning_details": [details]}


def _thinks(reply: Reply) -> bool:
    return bool(reply.usage["completion_tokens_details"]["reasoning_tokens"])


def thoughts_beside(reply: Reply) -> Any:
    body = answers.completion(reply)
    for choice in body["choices"] if _thinks(reply) else ():
        choice["message"] |= _thought("".join(THOUGHTS))
    return body


def thoughts_first(reply: Reply) -> Rows:
    """Chunks of thoughts after the one with the role."""
    for row in copies(reply):
        yield row
        for choice in row["choices"] if _thinks(reply) else ():
            if "role" in choice["delta"]:
                empty = {"content": ""} if reply.choices[choice["index"]].speaks else {}
                for token in THOUGHTS:
                    yield {**row, "choices": [{**choice, "delta": {**empty, **_thought(token)}, "logprobs": None}]}


def balanced(reply: Reply) -> Any:
    """A plain answer in the manner of one of several engines."""
    body = answers.completion(reply)
    manner: Callable[[dict[str, Any]], Any] = random.choice(
        [lambda body: None, more, error_null, heavy, empty_refusals]
    )
    manner(body)
    return body


def balanced_chunks(reply: Reply) -> Rows:
    """A stream in the manner of one of several engines."""
    manners: list[Callable[[Reply], Rows]] = [copies, grouped, tiny, bare_first, whole_calls, last_with_text]
    manners += [one_chunk, empty_deltas, at_random]
    yield from random.choice(manners)(reply)


def _cut(name: str, chunks: Callable[[Reply], Rows], **parts: Any) -> Dialect:
    return Dialect(name=f"blind2-{name}", server=Reference(behaviour=Behaviour(chunks=chunks, **parts)))


THINKS = Behaviour(plan=thoughtful, completion=thoughts_beside, chunks=thoughts_first)

DIALECTS = [
    _cut("one-chunk", one_chunk),
    _cut("single-event", single_event),
    _cut("empty-deltas", empty_deltas),
    _cut("calls-side-by-side", side_by_side),
    _cut("arguments-by-character", by_character),
    _cut("choices-at-random", at_random),
    _cut("ends-together", ends_together),
    Dialect(name="blind2-thinks-in-details", server=Reference(behaviour=THINKS)),
    _cut("load-balancer", balanced_chunks, completion=balanced),
    Dialect(
        name="blind2-later-single-event",
        server=Reference(
            vintage="2026-08", behaviour=Behaviour(chunks=single_event, dump=dump_escaped, frame=frame_escaped)
        ),
        vintage="2026-08",
    ),
]
