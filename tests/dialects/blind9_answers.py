"""What is answered, and mixtures of five habits, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_9.md``.
"""

from __future__ import annotations

import base64
import itertools
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.prompt import last_user_text
from chatproof.conformance.reference.text import bound, stops, tokenize
from chatproof.conformance.reference.vintages import VINTAGES
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_traffic import LATER
from .blind6_load import queued
from .blind6_parts import Plan, built, posts, wrapping
from .blind7_routes import gzip_by_size
from .blind8_parts import messages_of, note, noted, several, shaped, turned_away
from .blind9_lacks import before_tools_but_logs, gone, narrow_numbers, room_to_call, unbounded_objects
from .blind9_limits import capped, few_others, short_histories, short_names, window_in_words
from .blind9_validators import KEY, asked_last, every_fault, joins, roughly, types_first
from .blind_words import plain, saying
from .odd import Body, counted, drained
from .transport import closing

PLAIN = VINTAGES[FIRST].plan

# --- calls --------------------------------------------------------------------------------------------------------

WORD = "Sure."
TIMES = 3


def thrice(body: Body, one: Choice) -> Choice:
    """The same call again and again, where the bound has room for it."""
    most = bound(body)
    if not one.calls or one.finish == "length" or (most is not None and most < TIMES * one.used):
        return one
    calls = [replace(one.calls[0], ident=f"call_{secrets.token_hex(8)}") for _ in range(TIMES)]
    return replace(one, calls=tuple(calls))


def calls_by_turns(plan: Plan) -> Plan:
    """Who may choose chooses something else each time."""
    turns, besides = itertools.count(), itertools.cycle((None, "", WORD))

    def planned(body: Body, now: int) -> Reply:
        wanted = dict(body)
        turn = 1
        if body.get("tools") and body.get("tool_choice") in (None, "auto"):
            turn = next(turns) % 3
            wanted |= (
                {"tool_choice": "none"} if turn == 0 else {"tool_choice": "required", "parallel_tool_calls": False}
            )
        reply = plan(wanted, now)
        if turn == 2 and body.get("parallel_tool_calls") is not False:
            reply = counted(body, reply, *(thrice(body, one) for one in reply.choices))
        beside = next(besides) if any(one.calls for one in reply.choices) else None
        if beside and (bound(body) is not None or stops(body) or body.get("logprobs")):
            beside = ""
        if beside:
            # a token for each choice that calls
            more = sum(bool(one.calls) for one in reply.choices)
            use = {**reply.usage, **{key: reply.usage[key] + more for key in ("completion_tokens", "total_tokens")}}
            reply = replace(reply, usage=use)
        return noted(reply, beside=beside)

    return planned


def beside_calls(reply: Reply, body: Chunk) -> None:
    for message in messages_of(body):
        if message.get("tool_calls"):
            message["content"] = note(reply, "beside")


def before_calls(reply: Reply, row: Chunk) -> None:
    for choice in row["choices"]:
        if "role" in choice["delta"] and reply.choices[choice["index"]].calls:
            choice["delta"]["content"] = note(reply, "beside")


_BESIDE = shaped(plain=beside_calls, chunk=before_calls)

# --- thoughts -----------------------------------------------------------------------------------------------------

LEAST, MOST = 150, 400


def half_for_thoughts(plan: Plan) -> Plan:
    """Of two tokens one is thought."""

    def planned(body: Body, now: int) -> Reply:
        most = bound(body)
        thought = random.randint(LEAST, MOST) if most is None else most // 2
        left = None if most is None else most - thought
        reply = plan({**body, "max_tokens": None, "max_completion_tokens": left}, now)
        spent = thought * len(reply.choices)
        use = {**reply.usage, **{key: reply.usage[key] + spent for key in ("completion_tokens", "total_tokens")}}
        use["completion_tokens_details"] = {**use["completion_tokens_details"], "reasoning_tokens": spent}
        sealed = base64.b64encode(secrets.token_bytes(3 * min(thought, 100))).decode()
        return noted(replace(reply, usage=use), sealed=sealed)

    return planned


def sealed(reply: Reply) -> list[dict[str, Any]]:
    return [{"type": "reasoning.encrypted", "index": 0, "data": note(reply, "sealed")}]


def sealed_body(reply: Reply, body: Chunk) -> None:
    for message in messages_of(body):
        message["reasoning_details"] = sealed(reply)


def sealed_row(reply: Reply, row: Chunk) -> None:
    for choice in row["choices"]:
        if "role" in choice["delta"]:
            choice["delta"]["reasoning_details"] = sealed(reply)


_SEALED = shaped(plain=sealed_body, chunk=sealed_row)

# --- words --------------------------------------------------------------------------------------------------------

LISTED = "kill", "hell", "die", "ass", "sex", "bomb", "drug", "password"
"""Looked for within words too, as such filters do."""


def filters_words(body: Body, now: int) -> Reply:
    """Nothing is said to somebody who speaks like this."""
    reply = PLAIN(body, now)
    heard = last_user_text(dict(body)).lower()
    if not any(word in heard for word in LISTED):
        return reply
    made = [replace(one, tokens=(), finish="content_filter") if plain(body, one) else one for one in reply.choices]
    return counted(body, reply, *made)


SPOKEN = "hyvää päivää kaikille täällä yö tulee hitaasti järven ylle ja lumi sataa metsään äänettömästi"
FINNISH = SPOKEN.split()


def tells_the_time(body: Body, index: int) -> Iterator[str]:
    """What time it is, and then more or less."""
    yield from tokenize(str(time.time_ns()))
    for _ in range(random.choice((1, 12, 300))):
        yield " "
        yield random.choice(FINNISH)


TIME = saying(tells_the_time).behaviour.plan

# --- mixtures of five ---------------------------------------------------------------------------------------------

SELDOM = 1 / 60
AWAY = (
    turned_away(429, "Too many requests. Please try again in 50ms.", "rate_limit_error", "rate_limit_exceeded"),
    turned_away(503, "No worker is free. Please try again in 50ms.", "service_unavailable"),
)


def either_by_chance(app: ASGIApp) -> ASGIApp:
    """Too much of it, or too little of us."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if posts(scope) and random.random() < SELDOM:
            await drained(receive)
            await random.choice(AWAY)(send)
            return
        await app(scope, receive, send)

    return wrapped


def agents_body(reply: Reply, body: Chunk) -> None:
    beside_calls(reply, body)
    few_others(body)


def agents_row(reply: Reply, row: Chunk) -> None:
    before_calls(reply, row)
    few_others(row)


def one_tier(body: Body, now: int) -> Reply:
    """Whatever one asks for, there is one service."""
    return replace(VINTAGES[LATER].plan(body, now), tier="default")


_GUARDED = replace(built(refuses=short_names, plan=filters_words, envelope=roughly), api_key=KEY)
_LATER = built(refuses=room_to_call, plan=joins(one_tier), envelope=roughly, vintage=LATER)

DIALECTS = [
    Dialect(name="blind9-calls-by-turns", server=built(plan=calls_by_turns(PLAIN), **_BESIDE)),
    Dialect(name="blind9-half-for-thoughts", server=built(plan=half_for_thoughts(PLAIN), **_SEALED)),
    Dialect(name="blind9-filters-words", server=built(plan=filters_words)),
    Dialect(name="blind9-tells-the-time", server=built(plan=TIME)),
    Dialect(
        name="blind9-mix-cheap-host",
        server=built(refuses=several(before_tools_but_logs, window_in_words), plan=TIME, first=every_fault),
        around=wrapping(closing, queued(None)),
    ),
    Dialect(
        name="blind9-mix-reasoner",
        server=built(
            refuses=several(gone, narrow_numbers, unbounded_objects),
            plan=half_for_thoughts(PLAIN),
            **_SEALED,
        ),
        around=gzip_by_size,
        warnings=frozenset({"top_p.zero*", "top_p.min*"}),
    ),
    Dialect(
        name="blind9-mix-guarded",
        server=_GUARDED,
        around=wrapping(either_by_chance, asked_last(_GUARDED)),
        warnings=frozenset({"toolcall.id.maxlen*"}),
    ),
    Dialect(
        name="blind9-mix-agents",
        server=built(
            refuses=short_histories,
            plan=joins(calls_by_turns(capped(PLAIN))),
            first=types_first,
            **shaped(plain=agents_body, chunk=agents_row),
        ),
        warnings=frozenset({"assistant.toolcalls.max*"}),
    ),
    Dialect(name="blind9-later-mixed", server=_LATER, around=gzip_by_size, vintage=LATER),
]
