"""Odd and conforming, thought of by reading the rules for what they take for granted.

Each name is followed by the row of the fact base that lets it be so.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import Written, bound, script, stopped, stops, take
from chatproof.conformance.reference.validator import CHECKS
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import telling
from .base import Dialect
from .odd import Body, Rows, answered, checking, copies, counted, drained, speaking
from .odder import later
from .refusing import without


def _model(plan: Any, **more: Any) -> Reference:
    return Reference(behaviour=Behaviour(plan=plan, **more))


# --- what a model says --------------------------------------------------------------------------------------------


def newer_bound(body: Body, now: int) -> Reply:
    """Of two bounds the newer one counts."""
    if body.get("max_completion_tokens") is not None:
        body = {**body, "max_tokens": None}
    return answers.plan(body, now)


def chatter(body: Body, index: int) -> tuple[str, ...]:
    """More than anybody wants to hear, whatever the question; no more than forty tokens of it are given out."""
    asked = bound(body)
    said = (" again", ",", " and", " more")
    return tuple(itertools.islice(itertools.cycle(said), 500 if asked is not None and asked <= 40 else 40))


def clamped() -> Reference:
    """A talkative model behind a gateway that lowers every bound to forty without a word."""
    inner = speaking(lambda body, index: (" again", ",", " and", " more") * 100)
    plan = inner.behaviour.plan

    def lowered(body: Body, now: int) -> Reply:
        return plan({**body, "max_tokens": min(bound(body) or 40, 40), "max_completion_tokens": None}, now)

    return Reference(behaviour=Behaviour(plan=lowered))


def merged(tokens: Iterator[str]) -> Iterator[str]:
    """Tokens of a large vocabulary: up to four characters of what is said in one."""
    while piece := "".join(itertools.islice(tokens, 3)):
        yield piece


def coarse(body: Body, now: int) -> Reply:
    """Large tokens, and a stop string takes with it the whole token in which it begins."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    for one in reply.choices:
        if not one.speaks or (body.get("response_format") or {}).get("type", "text") != "text" or body.get("logit_bias"):
            made.append(one)
            continue
        written = take(merged(iter(script(body, one.index))), bound(body))
        text = written.text
        found = [place for place in (text.find(stop) for stop in stops(body)) if place >= 0]
        if found:
            kept: list[str] = []
            for token in written.tokens:
                if len("".join(kept)) + len(token) > min(found):
                    break
                kept.append(token)
            written = Written(tuple(kept))
        made.append(replace(one, tokens=written.tokens, finish="length" if written.cut else "stop"))
    return counted(body, reply, *made)


def lost_words(body: Body, now: int) -> Reply:
    """Three answers of ten are empty."""
    reply = answers.plan(body, now)
    made = [
        Choice(one.index, "stop")
        if one.speaks and random.random() < 0.3 and (body.get("response_format") or {}).get("type", "text") == "text"
        else one
        for one in reply.choices
    ]
    return counted(body, reply, *made)


def calls_logged(owner: dict[str, Any]) -> None:
    """Log probabilities come for the tokens of calls as well, and an empty list of refusals beside them."""
    for choice in owner["choices"]:
        log = choice.get("logprobs")
        if log is None:
            continue
        log["refusal"] = []
        message = choice.get("message") or choice.get("delta") or {}
        for call in message.get("tool_calls") or ():
            text = (call.get("function") or {}).get("arguments") or ""
            log["content"] = [
                *(log["content"] or []),
                *({"token": sign, "logprob": -0.1, "bytes": list(sign.encode()), "top_logprobs": []} for sign in text),
            ]


def no_arguments(owner: dict[str, Any]) -> None:
    """A call without arguments has an empty text."""
    for choice in owner["choices"]:
        for call in (choice.get("message") or {}).get("tool_calls") or ():
            if call["function"]["arguments"] == "{}":
                call["function"]["arguments"] = ""


def nine(body: Body, now: int) -> Reply:
    """Ids of calls are nine letters and digits."""
    reply = answers.plan(body, now)
    signs = string.ascii_letters + string.digits
    made = [
        replace(one, calls=tuple(replace(call, ident="".join(random.choices(signs, k=9))) for call in one.calls))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


def filter_results_first(reply: Reply) -> Rows:
    """What a filter found comes in chunks of its own: before the first choice without any, after the last with one."""
    rows = list(copies(reply))
    yield {**rows[0], "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    for row in rows:
        yield row
        for choice in row["choices"]:
            if choice["delta"].get("content"):
                marked = {"content_filter_results": {}, "content_filter_offsets": {"start_offset": 0}}
                yield {**row, "choices": [{**choice, "delta": {}, "logprobs": None, **marked}]}


# --- what is refused ----------------------------------------------------------------------------------------------


def nine_wanted(ask: Ask) -> Iterator[Reason]:
    """Ids of another length are refused."""
    for path, call in ask.calls:
        if not re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"]):
            why = "Tool call id was x but must be a-z, A-Z, 0-9, with a length of 9."
            yield Reason("dialect", why, None, None)


def template(ask: Ask) -> Iterator[Reason]:
    """A chat template that knows two roles, in the words of one that is in use."""
    if any(role not in ("user", "assistant") for _, _, role in ask.spoken):
        yield Reason("dialect", "Only user and assistant roles are supported!", None, None)


def late_system(ask: Ask) -> Iterator[Reason]:
    """A chat template that wants a system message at the start, and text in every turn."""
    roles = [role for _, _, role in ask.spoken]
    if "system" in roles[1:]:
        yield Reason("dialect", "System message must be at the beginning.", None, None)
    if not any(role == "user" for role in roles):
        yield Reason("dialect", "No user query found in messages.", None, None)


WORDS = (
    "prompt is too long: {} tokens > {} maximum",
    "Requested tokens ({}) exceed context window of {}",
    "the request exceeds the available context size ({} > {}), try increasing it",
    "This endpoint's maximum context length is {1} tokens. However, you requested about {0} tokens.",
    "Input length {} exceeds the maximum number of tokens allowed ({})",
    "The input token count ({}) exceeds the maximum number of tokens allowed ({}).",
    "Please shorten your prompt ({} > {} tokens).",
    "Token limit exceeded: {} > {}",
    "`inputs` tokens + `max_new_tokens` must be <= {1}. Given: {0} `inputs` tokens",
    "输入的 tokens 数 {} 超过了模型的上下文长度 {}",
    "max_tokens is too large for the prompt: {} tokens do not fit in the context of {}",
)
WINDOW = 128


def window(ask: Ask) -> Iterator[Reason]:
    """A very small context, told in one of many ways."""
    needed = prompt_tokens(ask.body) + (bound(ask.body) or 0)
    if needed > WINDOW:
        yield Reason("dialect", WORDS[needed % len(WORDS)].format(needed, WINDOW), None, None)


def capped(ask: Ask) -> Iterator[Reason]:
    """A bound above what the model writes is refused, in words of no model."""
    for name in ("max_tokens", "max_completion_tokens"):
        value = ask.body.get(name)
        if value and value > 64:
            yield Reason("dialect", f"{name}: must be less than or equal to 64", name, "invalid_value")


def guarded(ask: Ask) -> Iterator[Reason]:
    """A guard in front of all else, which stops one request of twenty whatever is in it."""
    if random.random() < 1 / 20:
        yield Reason("dialect", "Stopped by a guardrail.", None, "content_filter")


def exclusive(ask: Ask) -> Iterator[Reason]:
    """A format and tools exclude each other, and so do logprobs and a stream; no code says so."""
    body = ask.body
    if (body.get("response_format") or {}).get("type", "text") != "text" and (body.get("tools") or body.get("functions")):
        yield Reason("dialect", "json mode cannot be combined with tool/function calling", None, None)
    if body.get("logprobs") and body.get("stream"):
        yield Reason("dialect", "logprobs is not supported with streaming", None, None)


# --- the wire -----------------------------------------------------------------------------------------------------


def marked(app: ASGIApp) -> ASGIApp:
    """A byte order mark before the first event, which the standard of events takes away."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        first = True

        async def sending(message: Message) -> None:
            nonlocal first
            data = message.get("body", b"")
            if first and data.startswith(b"data: "):
                message = {**message, "body": b"\xef\xbb\xbf" + data}
            first = first and not data
            await send(message)

        await app(scope, receive, sending)

    return wrapped


def one_at_once(app: ASGIApp) -> ASGIApp:
    """A second request is told to come back, and not when."""
    going = 0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal going
        if going >= 1:
            await drained(receive)
            await answered(send, 429, "Concurrency limit reached.", code="rate_limit_exceeded")
            return
        going += 1
        try:
            await asyncio.sleep(0.005)
            await app(scope, receive, send)
        finally:
            going -= 1

    return wrapped


def in_a_second(most: int, status: int = 429) -> Any:
    """So many requests a second."""

    def around(app: ASGIApp) -> ASGIApp:
        began, count = 0.0, 0

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal began, count
            now = asyncio.get_running_loop().time()
            if now - began > 1:
                began, count = now, 0
            count += 1
            if count > most:
                await drained(receive)
                await answered(send, status, "Rate limit reached.", (b"retry-after", b"1"), code="rate_limit_exceeded")
                return
            await app(scope, receive, send)

        return wrapped

    return around


def spent_after(most: int, status: int, code: str | None) -> Any:
    """From some request on the quota is spent."""

    def around(app: ASGIApp) -> ASGIApp:
        number = itertools.count(1)

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] == "POST" and next(number) > most:
                await drained(receive)
                await answered(send, status, "You exceeded your current quota.", code=code)
                return
            await app(scope, receive, send)

        return wrapped

    return around


def firewall(app: ASGIApp) -> ASGIApp:
    """A firewall that stops what looks like an attack, with a page of its own."""
    page = b"<html><head><title>403 Forbidden</title></head><body>Request blocked.</body></html>"

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[Message] = []
        while True:
            parts.append(await receive())
            if not parts[-1].get("more_body", False):
                break
        raw = b"".join(part.get("body", b"") for part in parts)
        if re.search(rb"<\|\w|\.\./|\\u001b", raw):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": page})
            return
        rows = iter(parts)

        async def replay() -> Message:
            return next(rows, None) or await receive()

        await app(scope, replay, send)

    return wrapped


def guard(app: Reference) -> Reference:
    return replace(app, checks=(Check("dialect", guarded), *CHECKS))


def clumsy_later(body: Body, now: int) -> Reply:
    """A model that invents the name of a tool where none is named."""
    reply = VINTAGES["2026-08"].plan(body, now)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "allowed_tools":
        return reply
    made = [
        replace(one, calls=tuple(replace(call, name="look_up") if call.kind == "function" else call for call in one.calls))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


DIALECTS = [
    # max_tokens.both: accepted by many, and nothing is said of which one counts
    Dialect(name="newer-bound-wins", server=_model(newer_bound), warnings=frozenset()),
    # max_tokens.max: servers clamp silently
    Dialect(name="chatter-clamped", server=clamped()),
    # ef.stop
    Dialect(name="coarse-tokens", server=_model(coarse)),
    # res.message.nonempty: empty text is legal
    Dialect(name="lost-for-words", server=_model(lost_words)),
    # res.logprobs.shape: arrays or null
    Dialect(name="logs-its-calls", server=telling(calls_logged, calls_logged)),
    Dialect(name="calls-without-arguments", server=telling(no_arguments), warnings=frozenset({"res.toolcalls.args"})),
    # toolcall.id.maxlen
    Dialect(
        name="nine-letters",
        server=replace(checking(nine_wanted), behaviour=Behaviour(plan=nine)),
        warnings=frozenset({"toolcall.id.maxlen.accepts"}),
    ),
    # res.extra; chunks: choices may be empty
    Dialect(name="filter-results-in-chunks", server=Reference(behaviour=Behaviour(chunks=filter_results_first))),
    # role.system.unsupported
    Dialect(name="template-of-two-roles", server=checking(template)),
    Dialect(name="template-with-a-place", server=checking(late_system)),
    # ruling 15
    Dialect(name="window-in-other-words", server=checking(window)),
    # max_tokens.max
    Dialect(name="cap-in-other-words", server=checking(capped)),
    Dialect(name="guard-in-front", server=guard(Reference())),
    Dialect(name="exclusive-without-a-code", server=checking(exclusive)),
    # SSE standard
    Dialect(name="events-with-a-mark", around=marked),
    # §2.5 429
    Dialect(name="one-at-once", around=one_at_once),
    Dialect(name="fifty-a-second", around=in_a_second(50)),
    Dialect(name="quota-ends", around=spent_after(250, 429, "insufficient_quota")),
    Dialect(name="bill-unpaid", around=spent_after(250, 402, None)),
    Dialect(name="key-withdrawn", around=spent_after(250, 401, "invalid_api_key")),
    Dialect(name="forbidden-from-then-on", around=spent_after(250, 403, None)),
    Dialect(name="firewall", around=firewall, warnings=frozenset({"err.json"})),
    Dialect(name="later-invents-tools", server=Reference(vintage="2026-08", behaviour=Behaviour(plan=clumsy_later)),
            vintage="2026-08", warnings=frozenset({"res.toolcalls.*"})),
]
