"""Mocks, reasoning models, fronts and gateways with all their habits, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_6.md``.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Call, Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import objects
from chatproof.conformance.reference.text import bound, script, tokenize
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk, tiny
from .base import Dialect
from .blind6_parts import (
    as_422,
    built,
    closing_refusals,
    formed,
    headed,
    is_stream,
    now_and_then,
    posts,
    sized,
    with_rows,
    wrapping,
)
from .blind_transport import compressed
from .blind_words import plain, said, saying, written
from .odd import Body, answered, copies, counted

# --- a mock -------------------------------------------------------------------------------------------------------

CANNED = (
    "This is a mock response.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
    "OK",
    '{"mock": true, "scenario": "default"}',
    "```python\nprint('Hello, world!')\n```\n\n- one\n- two\n",
)


def loose(body: Body) -> set[str]:
    """The tools and functions that may be called with anything."""
    declared = [tool.get("function") or {} for tool in objects(body.get("tools"))]
    return {row["name"] for row in (*declared, *objects(body.get("functions"))) if row.get("strict") is not True}


def empty(call: Call, names: set[str]) -> Call:
    return replace(call, arguments=("{}",)) if call.name in names else call


def canned() -> Callable[[Body, int], Reply]:
    turns = itertools.count()
    numbers = itertools.count(1)
    spoken = saying(lambda body, index: tokenize(CANNED[next(turns) % len(CANNED)])).behaviour.plan

    def plan(body: Body, now: int) -> Reply:
        reply, names = spoken(body, now), loose(body)
        made: list[answers.Choice] = []
        for one in reply.choices:
            if one.finish != "length" and (one.calls or one.function):
                calls = tuple(empty(call, names) for call in one.calls)
                one = replace(one, calls=calls, function=one.function and empty(one.function, names))
            made.append(one)
        told = counted(body, reply, *made)
        return replace(told, ident=f"chatcmpl-mock-{next(numbers):06d}", model="mock-1", fingerprint=None)

    return plan


def ticking(chunk: Any) -> bytes:
    return b": tick\n\n" + behaviour.frame(chunk)


# --- thoughts -----------------------------------------------------------------------------------------------------

HELD = "max_tokens", "stop", "logit_bias", "top_logprobs", "audio"
STILL = ("temperature", 1), ("top_p", 1), ("frequency_penalty", 0), ("presence_penalty", 0)


def reasoning_only(ask: Ask) -> Iterator[Reason]:
    """What such models do not take, each with what it would take."""
    for key in HELD:
        if ask.body.get(key) not in (None, {}):
            hint = " Use 'max_completion_tokens' instead." if key == "max_tokens" else ""
            why = f"Unsupported parameter: '{key}' is not supported with this model.{hint}"
            yield Reason("dialect", why, key, "unsupported_parameter")
    if ask.body.get("logprobs") is True:
        why = "You are not allowed to request logprobs from this model."
        yield Reason("dialect", why, None, None, status=403)
    for key, only in STILL:
        value = ask.body.get(key)
        if value is not None and value != only:
            why = f"Unsupported value: '{key}' does not support {value} with this model."
            yield Reason("dialect", f"{why} Only the default ({only}) value is supported.", key, "unsupported_value")
    if "audio" in (ask.body.get("modalities") or ()):
        why = "Unsupported value: 'modalities' does not support 'audio' with this model."
        yield Reason("dialect", why, "modalities", "unsupported_value")


THOUGHTS = ("Let", " me", " see", ".", "\n", "So", " be", " it", ".")


def reasoning(body: Body, now: int) -> Reply:
    """Thoughts come first, and whatever is said has what they leave of the bound."""
    most = bound(body)
    thought = len(THOUGHTS) if most is None else min(most, len(THOUGHTS))
    left = None if most is None else most - thought
    reply = answers.plan({**body, "max_completion_tokens": left or None}, now)
    if left == 0:
        reply = replace(reply, choices=tuple(answers.Choice(one.index, "length") for one in reply.choices))
    spent = thought * len(reply.choices)
    usage = answers.usage(body, reply.choices)
    usage["completion_tokens"] += spent
    usage["total_tokens"] += spent
    usage["completion_tokens_details"] = {**usage["completion_tokens_details"], "reasoning_tokens": spent}
    return replace(reply, usage=usage)


def thoughts_of(reply: Reply) -> str:
    spent = reply.usage["completion_tokens_details"]["reasoning_tokens"] // len(reply.choices)
    return "".join(THOUGHTS[:spent])


def with_thoughts(reply: Reply) -> Any:
    body = answers.completion(reply)
    for choice in body["choices"]:
        choice["message"]["reasoning_content"] = thoughts_of(reply)
    return body


def thinking_first(reply: Reply) -> Iterator[Chunk]:
    """A token of thought a chunk, after the role."""
    pieces = tokenize(thoughts_of(reply))
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if "role" in choice["delta"]:
                for piece in pieces:
                    yield {**row, "choices": [{**choice, "delta": {"reasoning_content": piece}, "logprobs": None}]}


# --- a front without servers --------------------------------------------------------------------------------------

REST, START, LIFE, LONGEST = 1.5, 0.4, 25, 64
"""Seconds until an instance is put away and until one is there, the answers of one, and the tokens of a text."""


def instances() -> Callable[[Body, int], Reply]:
    """Some answers come from one instance, the next ones from another, and none is long."""
    served = itertools.count()

    def plan(body: Body, now: int) -> Reply:
        number = next(served) // LIFE
        most = min(bound(body) or LONGEST, LONGEST)
        held = {**body, "max_tokens": most, "max_completion_tokens": None}
        reply = answers.plan(body, now)
        made = [said(one, written(held, script(body, one.index))) if plain(body, one) else one for one in reply.choices]
        forms = f"chatcmpl-{uuid.uuid4()}", secrets.token_urlsafe(24), f"{number}/{uuid.uuid4().int}"
        return replace(counted(body, reply, *made), ident=forms[number % 3], fingerprint=f"fn_{number:04d}")

    return plan


def rests(app: ASGIApp) -> ASGIApp:
    last = 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal last
        if posts(scope):
            cold, last = time.monotonic() - last > REST, time.monotonic()
            if cold:
                await asyncio.sleep(START)
                last = time.monotonic()
        await app(scope, receive, send)

    return wrapped


# --- an engine behind a proxy behind a gateway --------------------------------------------------------------------


def wrapped_error(reason: Reason) -> dict[str, Any]:
    inner = {"message": reason.message, "param": reason.param, "code": reason.code}
    named = {404: "NotFoundError", 405: "MethodNotAllowedError", 413: "RequestTooLargeError"}
    kind = named.get(reason.status, "BadRequestError")
    message = f"{kind}: UpstreamException - Error code: {reason.status} - {inner}. Received Model Group=default"
    return behaviour.envelope(Reason(reason.rule, message, None, str(reason.status), type=kind))


def passed_on(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    return replace(reply, ident=f"gen-{now}-{secrets.token_hex(10)}", model=f"vendor/{reply.model}:free")


def gateway_members(owner: Chunk) -> None:
    owner["provider"] = "Vendor"
    for choice in owner["choices"]:
        choice["native_finish_reason"] = {"stop": "end_turn"}.get(choice["finish_reason"], choice["finish_reason"])
    if isinstance(owner.get("usage"), dict):
        owner["usage"] |= {"cost": 1.25e-05, "is_byok": False, "cost_details": {"upstream_inference_cost": None}}


def processing(chunk: Any) -> bytes:
    """A sign of life before what is said first."""
    first = any("role" in choice["delta"] for choice in chunk["choices"])
    return (b": GATEWAY PROCESSING\n\n" * 3 if first else b"") + behaviour.frame(chunk)


async def no_upstream(send: Send) -> None:
    why = "No healthy upstream for this model."
    await answered(send, 503, why, (b"retry-after", b"1"), code="no_upstream")


# --- a worker at the edge -----------------------------------------------------------------------------------------


def padded(reply: Reply) -> Iterator[Chunk]:
    """The text a second time, something to hide its length, and the count with the end of an only choice."""
    for row in copies(reply):
        row["p"] = "abdefghijklmnopqrstuvwxyz0123456789"[: random.randint(0, 35)]
        for choice in row["choices"]:
            if choice["delta"].get("content"):
                row["response"] = choice["delta"]["content"]
            if choice["finish_reason"] and len(reply.choices) == 1 and not reply.include_usage:
                row["usage"] = dict(reply.usage)
        yield row


def bare_id(body: Body, now: int) -> Reply:
    return replace(answers.plan(body, now), ident=uuid.uuid4().hex[:16] + "-AMS")


def starts_late(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and is_stream(message):
                await asyncio.sleep(0.03)

        await app(scope, receive, sending)

    return wrapped


# --- of the later vintage -----------------------------------------------------------------------------------------

LATER = "2026-08"
TIERS = "priority", "flex", "scale", "default"


def tiers_by_turns() -> Callable[[Body, int], Reply]:
    turns = itertools.count()

    def plan(body: Body, now: int) -> Reply:
        reply = VINTAGES[LATER].plan(body, now)
        return replace(reply, tier=TIERS[next(turns) % len(TIERS)], ident=uuid.uuid4().hex)

    return plan


def obfuscated(row: Chunk) -> None:
    if "obfuscation" in row:
        row["obfuscation"] = random.choice(["", "[DONE]", "🫥" * 9, '{"error": {}}', secrets.token_urlsafe(200)])


def later_frame(chunk: Any) -> bytes:
    return b": ok\r\nevent: message\r\ndata: " + behaviour.dump(chunk) + b"\r\n\r\n"


_RAY = (b"cf-ray", b"8f0a1b2c3d4e5f60-AMS"), (b"server", b"edge"), (b"alt-svc", b'h3=":443"; ma=86400')

DIALECTS = [
    Dialect(
        name="blind6-canned-mock",
        server=built(plan=canned(), frame=ticking),
        around=with_rows((b"x-mock-scenario", b"default; hits=1")),
    ),
    Dialect(
        name="blind6-reasoning-api",
        server=built(refuses=reasoning_only, plan=reasoning, completion=with_thoughts, chunks=thinking_first),
    ),
    Dialect(
        name="blind6-serverless-front",
        server=built(limits=replace(LIMITS, body_max=16 * 1024 * 1024), plan=instances()),
        around=wrapping(rests, sized, with_rows((b"x-amzn-requestid", b"0"), (b"x-cold-start", b"?0"))),
    ),
    Dialect(
        name="blind6-engine-proxy-gateway",
        server=built(
            plan=passed_on, envelope=wrapped_error, frame=processing, **formed(gateway_members, gateway_members)
        ),
        around=wrapping(headed(closing_refusals), now_and_then(70, no_upstream), compressed),
    ),
    Dialect(
        name="blind6-edge-worker",
        server=built(plan=bare_id, chunks=padded),
        around=wrapping(starts_late, with_rows(*_RAY)),
    ),
    Dialect(
        name="blind6-later-whole-gateway",
        server=built(
            vintage=LATER,
            first=as_422,
            plan=tiers_by_turns(),
            frame=later_frame,
            done=b"data: [DONE]\r\n\r\n",
            **formed(chunk=obfuscated, rows=tiny),
        ),
        vintage=LATER,
    ),
]
