"""Gateways and stand-ins, with the habits that their users tell of, thought of without knowing what is checked.

Whose habits they are and why each of them conforms is told in ``BLIND_8.md``.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import last_user_text
from chatproof.conformance.reference.text import bound, take, tokenize
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_traffic import heard, read
from .blind6_parts import Around, built, headed, is_stream, now_and_then, posts, with_rows, wrapping
from .blind7_time import capped
from .blind8_parts import (
    DIGITS,
    SOON,
    class_of,
    hashed,
    marked,
    messages_of,
    note,
    noted,
    said_in_words,
    shaped,
    signs,
    told,
    turned_away,
)
from .blind_words import plain, said, written
from .odd import Body, counted

# --- LiteLLM ------------------------------------------------------------------------------------------------------

GROUP = "Received Model Group=chatproof-reference\nAvailable Model Group Fallbacks=None"


def fallen_back(body: Body, now: int) -> Reply:
    """A third of the conversations is served by somebody else, which a stream does not tell."""
    served = hashed(body) % 3 == 0
    reply = marked(lambda: f"chatcmpl-{uuid.uuid4()}", lambda name, place: f"call_{uuid.uuid4().hex}"[:40])(body, now)
    if served and body.get("stream") is not True:
        reply = replace(reply, model="vendor-secondary-2024-10-01")
    return replace(reply, fingerprint=None) if served else reply


def specific(reply: Reply, owner: Chunk) -> None:
    for choice in owner["choices"]:
        said_there = choice.get("message") or choice.get("delta")
        if said_there is not None:
            said_there["provider_specific_fields"] = None
        if "delta" in choice:
            owner["citations"] = None


def litellm_headers(scope: Scope, message: Message) -> Message:
    rows = [(b"x-litellm-call-id", str(uuid.uuid4()).encode()), (b"x-litellm-version", b"1.79.0")]
    if not is_stream(message):
        rows += [(b"x-litellm-model-group", b"chatproof-reference"), (b"x-litellm-attempted-retries", b"0")]
    return {**message, "headers": [*message["headers"], *rows]}


LITELLM = built(
    plan=fallen_back,
    envelope=told(
        message=lambda reason: f"litellm.{class_of(reason)}: OpenAIException - {reason.message}. {GROUP}",
        code=lambda reason: str(reason.status),
    ),
    **shaped(plain=specific, chunk=specific),
)

# --- one-api ------------------------------------------------------------------------------------------------------

CHANNELS: tuple[Callable[[], str], ...] = (
    lambda: f"chatcmpl-{signs(29)}",
    lambda: str(uuid.uuid4()),
    lambda: time.strftime("%Y%m%d%H%M%S") + signs(18),
    lambda: f"msg_{signs(24)}",
)


def request_id() -> str:
    return time.strftime("%Y%m%d%H%M%S") + signs(9, DIGITS) + signs(8)


def by_channel(body: Body, now: int) -> Reply:
    return marked(random.choice(CHANNELS))(body, now)


def pinging(chunk: Any) -> bytes:
    """A sign of life before the first word."""
    first = any("role" in choice["delta"] for choice in chunk["choices"])
    return (b": PING\n\n" if first else b"") + behaviour.frame(chunk)


ONE_API = built(
    plan=by_channel,
    frame=pinging,
    envelope=told(
        message=lambda reason: f"{reason.message} (request id: {request_id()})",
        kind=lambda reason: "new_api_error",
        param=lambda reason: "",
        code=lambda reason: reason.code if reason.status == 404 else None,
    ),
)
SATURATED = "当前分组上游负载已饱和，请稍后再试"

# --- Portkey ------------------------------------------------------------------------------------------------------

HOOK = {"verdict": True, "id": "guard-1", "transformed": False, "checks": [], "feedback": None, "execution_time": 3}


def suspicious(body: Body) -> bool:
    return hashed(body) % 10 == 0


def checked(body: Body, now: int) -> Reply:
    return noted(marked(lambda: f"chatcmpl-{signs(29)}")(body, now), verdict=not suspicious(body))


def hooked(reply: Reply, body: Chunk) -> None:
    before = {**HOOK, "verdict": note(reply, "verdict")}
    body |= {"provider": "azure-openai", "hook_results": {"before_request_hooks": [before], "after_request_hooks": []}}


def in_doubt(app: ASGIApp) -> ASGIApp:
    """An answer to what looked suspicious has a status of its own."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if not posts(scope):
            await app(scope, receive, send)
            return
        data, receive = await heard(receive)
        doubt = suspicious(read(data))

        async def sending(message: Message) -> None:
            if doubt and message["type"] == "http.response.start" and message["status"] == 200:
                message = {**message, "status": 246}
            await send(message)

        await app(scope, receive, sending)

    return wrapped


PORTKEY = built(
    plan=checked,
    envelope=told(
        message=lambda reason: f"azure-openai error: {reason.message}",
        beside=lambda reason: {"provider": "azure-openai"},
    ),
    **shaped(plain=hooked),
)
PORTKEY_HEADERS = (
    (b"x-portkey-provider", b"azure-openai"),
    (b"x-portkey-retry-attempt-count", b"0"),
    (b"x-portkey-cache-status", b"DISABLED"),
)

# --- Kong ---------------------------------------------------------------------------------------------------------

QUOTA, SECONDS = 12_000, 0.3
"""Tokens until the window is closed, and how long one is."""


def paid_afterwards(app: ASGIApp) -> ASGIApp:
    """What was answered is counted, and who had too much waits until the window is over."""
    spent, began = 0, 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal spent, began
        if not posts(scope):
            await app(scope, receive, send)
            return
        now = asyncio.get_running_loop().time()
        if now - began > SECONDS:
            spent, began = 0, now
        data, receive = await heard(receive)
        if spent > QUOTA:
            why = "AI token rate limit exceeded for provider(s): openai"
            error = {"message": why, "type": "rate_limit", "param": None, "code": None}
            rows = (b"x-ai-ratelimit-retry-after-minute-openai", b"1"), *SOON
            await said_in_words(send, 429, {"error": error, "request_id": signs(32, "0123456789abcdef")}, *rows)
            return
        spent += len(data) // 4

        async def sending(message: Message) -> None:
            nonlocal spent
            spent += len(message.get("body", b"")) // 40
            await send(message)

        await app(scope, receive, sending)

    return wrapped


KONG = built(envelope=told(beside=lambda reason: {"request_id": signs(32, "0123456789abcdef")}))
KONG_HEADERS = (
    *((b"x-kong-llm-model", b"openai/chatproof-reference"), (b"x-kong-upstream-latency", b"131")),
    *((b"x-kong-proxy-latency", b"7"), (b"via", b"1.1 kong/3.9.0-enterprise-edition"), (b"server", b"kong/3.9.0")),
    *((b"x-ai-ratelimit-limit-minute-openai", b"12000"), (b"x-kong-request-id", b"019b98cb9ba77ce1")),
)

# --- Workers AI ---------------------------------------------------------------------------------------------------

LONGEST = 256


def strings_only(ask: Ask) -> Iterator[Reason]:
    for place, message, _ in ask.spoken:
        if isinstance(message.get("content"), list):
            where = f"/messages/{place}/content"
            why = f"Error: oneOf at '/' not met: Type mismatch of '{where}', 'array' not in 'string'"
            yield Reason("dialect", why, f"messages[{place}].content", "unsupported_value")


def no_longer(body: Body, now: int) -> Reply:
    reply = marked(lambda: f"id-{int(time.time() * 1000)}-{signs(6, DIGITS)}", fingerprint=None)(body, now)
    return reply if bound(body) is not None else capped(body, reply, LONGEST)


def workers_members(reply: Reply, body: Chunk) -> None:
    body |= {"success": True, "errors": [], "messages": []}
    for message in messages_of(body):
        body["response"] = message["content"]


WORKERS = built(
    refuses=strings_only,
    plan=no_longer,
    envelope=told(
        message=lambda reason: f"AiError: Bad input: {reason.message}",
        beside=lambda reason: {
            "success": False,
            "errors": [{"code": 5006, "message": f"AiError: Bad input: {reason.message}"}],
            "messages": [],
        },
    ),
    **shaped(plain=workers_members),
)
WORKERS_HEADERS = (b"cf-aig-cache-status", b"MISS"), (b"cf-aig-step", b"0"), (b"cf-aig-log-id", b"01JADMCQQQ")

# --- a simulator --------------------------------------------------------------------------------------------------

SENTENCES = tuple(
    tuple(tokenize(text))
    for text in (
        "Testing, testing 1,2,3.",
        "I am fine, how are you today?",
        "I am your AI assistant, how can I help you today?",
        "Today is a nice sunny day.",
        "The temperature here is twenty-five degrees centigrade.",
        "Today it is partially cloudy and raining.",
        "To be or not to be that is the question.",
        "Alas, poor Yorick! I knew him, Horatio: A fellow of infinite jest.",
        "The rest is silence.",
        "Give a man a fish and you feed him for a day; teach a man to fish and you feed him for a lifetime.",
    )
)


def simulated() -> Callable[[Body, int], Reply]:
    """A sentence by chance, or what the user said, by turns; some are cut for no reason."""
    turns = itertools.count()

    def words(body: Body, echoes: bool) -> tuple[str, ...]:
        text = last_user_text(dict(body))[:2_000].encode("utf-8", "replace").decode()
        return tuple(tokenize(text)) if echoes and text else random.choice(SENTENCES)

    def plan(body: Body, now: int) -> Reply:
        reply = marked(lambda: f"chatcmpl-{uuid.uuid4()}", lambda name, place: f"chatcmpl-tool-{signs(10)}")(body, now)
        echoes = next(turns) % 2 == 0
        made = [
            said(one, written(body, words(body, echoes))) if plain(body, one) and one.audio is None else one
            for one in reply.choices
        ]
        for place, one in enumerate(made):
            if plain(body, one) and len(one.tokens) > 3 and random.random() < 0.2:
                shorter = take(one.tokens, random.randrange(1, len(one.tokens)))
                made[place] = replace(one, tokens=shorter.tokens, finish="length")
        return counted(body, reply, *made)

    return plan


def times(app: ASGIApp) -> ASGIApp:
    """A time to the first token, and one between tokens."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            await asyncio.sleep(random.uniform(0.002, 0.01) if message["type"] == "http.response.start" else 0.001)
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def injected(every: int) -> Around:
    """Failures of two kinds by turns."""
    limit = turned_away(429, "Rate limit reached for this model.", "rate_limit_exceeded", "rate_limit_exceeded")
    busy = turned_away(503, "The server is overloaded or not ready yet.", "server_overloaded", "server_overloaded")
    turns = itertools.cycle((limit, busy))

    async def answer(send: Send) -> None:
        await next(turns)(send)

    return now_and_then(every, answer)


# --- a recorder ---------------------------------------------------------------------------------------------------

KEPT, TAPES = 60.0, 5_000
"""Seconds that a tape is good for, and how many there are."""


@dataclass
class Tape:
    """What was answered, and when."""

    at: float
    head: Message
    body: bytes = b""


def recorded(app: ASGIApp) -> ASGIApp:
    """What was asked before is answered as it was."""
    tapes: dict[tuple[Any, ...], Tape] = {}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if not posts(scope):
            await app(scope, receive, send)
            return
        data, receive = await heard(receive)
        told_so = {name: value for name, value in scope["headers"] if name in (b"content-type", b"authorization")}
        key = scope["path"], told_so.get(b"content-type"), told_so.get(b"authorization"), data
        now = asyncio.get_running_loop().time()
        tape = tapes.get(key)
        if tape is not None and now - tape.at < KEPT:
            rows = [(b"x-cache", b"HIT"), (b"age", str(int(now - tape.at)).encode())]
            await send({**tape.head, "headers": [*tape.head["headers"], *rows]})
            await send({"type": "http.response.body", "body": tape.body})
            return
        made = Tape(now, {})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                made.head = message
            else:
                made.body += message.get("body", b"")
                if not message.get("more_body", False):
                    if len(tapes) >= TAPES:
                        tapes.clear()
                    tapes[key] = made
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def drawn(body: Body, now: int) -> Reply:
    """By chance, so that one sees that it is the same."""
    return answers.plan({**body, "seed": random.getrandbits(31)}, now)


DIALECTS = [
    Dialect(name="blind8-like-litellm", server=LITELLM, around=headed(litellm_headers)),
    Dialect(
        name="blind8-like-one-api",
        server=ONE_API,
        around=now_and_then(45, turned_away(429, SATURATED, "new_api_error")),
        warnings=frozenset({"err.param.path*"}),
    ),
    Dialect(name="blind8-like-portkey", server=PORTKEY, around=wrapping(with_rows(*PORTKEY_HEADERS), in_doubt)),
    Dialect(name="blind8-like-kong", server=KONG, around=wrapping(with_rows(*KONG_HEADERS), paid_afterwards)),
    Dialect(
        name="blind8-like-workers-ai",
        server=WORKERS,
        around=with_rows(*WORKERS_HEADERS),
        warnings=frozenset({"res.finish.early"}),
    ),
    Dialect(
        name="blind8-like-inference-sim",
        server=built(plan=simulated()),
        around=wrapping(times, injected(50)),
        warnings=frozenset({"res.finish.early"}),
    ),
    Dialect(name="blind8-like-recorder", server=built(plan=drawn), around=recorded),
]
