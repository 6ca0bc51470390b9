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
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import Written, bound, script, stops, take
from chatproof.conformance.reference.validator import CHECKS
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import telling
from .base import Dialect
from .odd import Body, Rows, answered, byte_entries, checking, copies, counted, drained, speaking


def _model(plan: Any, **more: Any) -> Reference:
    return Reference(behaviour=Behaviour(plan=plan, **more))


def _plain(body: Body, choice: Choice) -> bool:
    """Whether a choice is a text in no particular format."""
    return choice.speaks and (body.get("response_format") or {}).get("type", "text") == "text"


# --- what a model says --------------------------------------------------------------------------------------------


def newer_bound(body: Body, now: int) -> Reply:
    """Of two bounds the newer one counts."""
    if body.get("max_completion_tokens") is not None:
        body = {**body, "max_tokens": None}
    return answers.plan(body, now)


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
        if not _plain(body, one) or body.get("logit_bias"):
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
    made = [Choice(one.index, "stop") if _plain(body, one) and random.random() < 0.3 else one for one in reply.choices]
    return counted(body, reply, *made)


def ends_anywhere(body: Body, now: int) -> Reply:
    """Six of ten texts come to their end somewhere, whatever the temperature."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    for one in reply.choices:
        if _plain(body, one) and len(one.tokens) > 2 and random.random() < 0.6:
            one = replace(one, tokens=one.tokens[: random.randint(1, len(one.tokens) - 1)], finish="stop")
        made.append(one)
    return counted(body, reply, *made)


def one_a_byte(data: bytes) -> str:
    """UTF-8 in which every byte that belongs to no character is a sign of its own."""
    return "".join(
        "\ufffd" if "\udc80" <= sign <= "\udcff" else sign for sign in data.decode("utf-8", "surrogateescape")
    )


def broken_characters(reply: Reply) -> Any:
    """In a long text that is no JSON and has no other beside it, a token holds a part of a character that no other
    completes. (In JSON no decoder that is held to a grammar writes one.)"""
    body = answers.completion(reply)
    if len(reply.choices) != 1 or "".join(reply.choices[0].tokens).lstrip().startswith(("{", "[")):
        return body
    for one, row in zip(reply.choices, body["choices"], strict=True):
        data = "".join(one.tokens).encode()
        if one.speaks and reply.alternatives is not None and len(data) > 6:
            data = data[:3] + b"\xe6\x97" + data[3:]
            row["message"]["content"] = one_a_byte(data)
            row["logprobs"] = byte_entries(data, reply)
    return body


def halves(reply: Reply) -> Rows:
    """A chunk a unit of UTF-16: of a rarer character, one half and then the other."""
    for row in copies(reply):
        choice = row["choices"][0] if row["choices"] else {"delta": {}}
        content = choice["delta"].get("content") or ""
        if list(choice["delta"]) != ["content"] or not content:
            yield row
            continue
        units = content.encode("utf-16-be")
        for at in range(0, len(units), 2):
            half = chr(int.from_bytes(units[at : at + 2], "big"))
            log = choice["logprobs"] if at == 0 else None
            yield {**row, "choices": [{**choice, "delta": {"content": half}, "logprobs": log}]}


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
    for _, call in ask.calls:
        if not re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"]):
            why = "Tool call id was x but must be a-z, A-Z, 0-9, with a length of 9."
            yield Reason("dialect", why, None, None)


def template(ask: Ask) -> Iterator[Reason]:
    """A chat template that knows two roles, in the words of one that is in use."""
    if any(role not in ("user", "assistant") for _, _, role in ask.spoken):
        yield Reason("dialect", "Only user and assistant roles are supported!", None, None)


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
    """A guard in front of all else, which stops one request of eight whatever is in it."""
    if random.random() < 1 / 8:
        yield Reason("dialect", "Stopped by a guardrail.", None, "content_filter")


FILTERS = (
    ("Your request was rejected as a result of our safety system.", "moderation_blocked"),
    ("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "invalid_prompt"),
    ("Input data may contain inappropriate content.", None),
    ("The response was filtered due to the prompt triggering the content management policy.", None),
    ("Request blocked by guardrail.", None),
)


def filtered_prompts(ask: Ask) -> Iterator[Reason]:
    """A filter that stops some prompts, in the words of one of several services."""
    text = json.dumps(ask.body.get("messages"))
    if re.search("weather|time|Count", text):
        why, code = FILTERS[len(text) % len(FILTERS)]
        yield Reason("dialect", why, None, code)


def shortest(ask: Ask) -> Iterator[Reason]:
    """A model that writes sixteen tokens at most, and refuses a wish for more."""
    for name in ("max_tokens", "max_completion_tokens"):
        value = ask.body.get(name)
        if value and value > 16:
            why = f"{name} is too large: {value}. This model supports at most 16 completion tokens."
            yield Reason("dialect", why, name, "invalid_value")


def one_of_two(ask: Ask) -> Iterator[Reason]:
    """A model that takes one of two properties, not both."""
    if ask.body.get("temperature") is not None and ask.body.get("top_p") is not None:
        why = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        yield Reason("dialect", why, None, None)


def only_named(ask: Ask) -> Iterator[Reason]:
    """System messages are not for this model, in the words of a service."""
    if any(role == "system" for _, _, role in ask.spoken):
        yield Reason("dialect", "Developer instruction is not enabled for models/gemma-3-27b-it", None, None)


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


def clumsy_later(body: Body, now: int) -> Reply:
    """A model that invents the name of a tool where none is named."""
    reply = VINTAGES["2026-08"].plan(body, now)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") != "allowed_tools":
        return reply
    made = [
        replace(
            one, calls=tuple(replace(call, name="look_up") if call.kind == "function" else call for call in one.calls)
        )
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


_EMOJI = tuple("Hi \U0001f600 there \U0001f469\u200d\U0001f467! " * 3)
_EMOJIS = speaking(lambda body, index: _EMOJI)
_INVENTS = Reference(vintage="2026-08", behaviour=Behaviour(plan=clumsy_later))

DIALECTS = [
    # max_tokens.both is refused by observation only, and nothing is said of which one counts
    Dialect(name="newer-bound-wins", server=_model(newer_bound), warnings=frozenset({"max_tokens.both.refuses"})),
    # max_tokens.max: servers clamp silently
    Dialect(name="chatter-clamped", server=clamped()),
    # ef.stop says what a text does not hold, and not where it ends
    Dialect(name="coarse-tokens", server=_model(coarse)),
    # ef.seed, ef.temp0: reports
    Dialect(name="ends-anywhere", server=_model(ends_anywhere)),
    # res.message.nonempty: an empty text is legal
    Dialect(name="lost-for-words", server=_model(lost_words)),
    # res.logprobs.concat: what is no character cannot be compared
    Dialect(name="broken-characters", server=Reference(behaviour=Behaviour(completion=broken_characters))),
    # RFC 8259 §7: an escape may stand for half a pair; §2.3: clients join the pieces
    Dialect(name="halves-in-chunks", server=replace(_EMOJIS, behaviour=replace(_EMOJIS.behaviour, chunks=halves))),
    # res.logprobs.shape: arrays or null
    Dialect(name="logs-its-calls", server=telling(calls_logged, calls_logged)),
    # res.toolcalls.args
    Dialect(name="calls-without-arguments", server=telling(no_arguments), warnings=frozenset({"res.toolcalls.args"})),
    # toolcall.id.maxlen
    Dialect(
        name="nine-letters",
        server=replace(checking(nine_wanted), behaviour=Behaviour(plan=nine)),
        warnings=frozenset({"toolcall.id.maxlen.accepts"}),
    ),
    # res.extra
    Dialect(name="filter-results-in-chunks", server=Reference(behaviour=Behaviour(chunks=filter_results_first))),
    # role.system.unsupported, §3.3.6
    Dialect(name="template-of-two-roles", server=checking(template)),
    Dialect(name="no-instructions", server=checking(only_named)),
    Dialect(name="one-of-two-numbers", server=checking(one_of_two)),
    # ruling 15
    Dialect(name="window-in-other-words", server=checking(window)),
    # max_tokens.max
    Dialect(name="cap-in-other-words", server=checking(capped)),
    Dialect(name="sixteen-tokens", server=checking(shortest)),
    # §0.4: content_filter is an answer of its own
    Dialect(name="filters-in-other-words", server=checking(filtered_prompts)),
    Dialect(name="guard-in-front", server=Reference(checks=(Check("dialect", guarded), *CHECKS))),
    # the standard of events: a byte order mark at the beginning is taken away
    Dialect(name="events-with-a-mark", around=marked),
    # §2.5 429
    Dialect(name="fifty-a-second", around=in_a_second(50)),
    # §2.5 401, 402, 403: nothing about the requests
    Dialect(name="bill-unpaid", around=spent_after(250, 402, None)),
    Dialect(name="key-withdrawn", around=spent_after(250, 401, "invalid_api_key")),
    Dialect(name="forbidden-from-then-on", around=spent_after(250, 403, None)),
    # §2.5 403; err.json: a proxy's page is a report
    Dialect(name="firewall", around=firewall, warnings=frozenset({"err.json"})),
    # res.toolcalls.name: invented names
    Dialect(
        name="later-invents-tools",
        server=_INVENTS,
        vintage="2026-08",
        warnings=frozenset({"res.toolcalls.name*"}),
    ),
]
