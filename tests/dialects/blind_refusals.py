"""Blind dialects of refusals and of whole servers: errors, what is not offered, balancers (see ``BLIND.md``)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.additions import usage as later_usage
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import grouped
from .base import Dialect
from .blind_calls import TALKING, talkative
from .blind_words import plain, uncalled
from .odd import Body, checking, drained

# --- errors -------------------------------------------------------------------------------------------------------


def numbered(reason: Reason) -> dict[str, Any]:
    """An error of a gateway: what it does not know it calls None, and its code is the status."""
    why = f"litellm.BadRequestError: OpenAIException - {reason.message}. Received Model Group=x"
    return {"error": {"message": why, "type": "None", "param": "None", "code": str(reason.status)}}


async def told(send: Send, status: int, body: Any, *rows: tuple[bytes, bytes]) -> None:
    """A JSON answer."""
    data = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), *rows]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def bursts(app: ASGIApp) -> ASGIApp:
    """Eighty requests a second, and forty at once; the time to wait is told in thousandths of a second."""
    left, then = 40.0, 0.0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left, then
        now = asyncio.get_running_loop().time()
        left, then = min(40.0, left + 80 * (now - then)), now
        if left < 1:
            await drained(receive)
            error = {"message": "Rate limit exceeded", "type": "None", "param": "None", "code": "429"}
            await told(send, 429, {"error": error}, (b"retry-after-ms", b"150"))
            return
        left -= 1
        await app(scope, receive, send)

    return wrapped


# --- what is not offered ------------------------------------------------------------------------------------------

KNOWN = ("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "stream")

DEFAULTS: dict[str, tuple[Any, ...]] = {
    "store": (False,),
    "metadata": ({},),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "n": (1,),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "stream_options": ({}, {"include_usage": False}),
    "top_p": (1,),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none",),
    "function_call": ("none",),
}


def few(ask: Ask) -> Iterator[Reason]:
    """A model without any of the finer settings."""
    for key, value in ask.body.items():
        if key not in KNOWN and value is not None and value not in DEFAULTS.get(key, ()):
            yield Reason("dialect", f"'{key}' is not supported with this model.", key, "unsupported_parameter")


def unforced(ask: Ask) -> Iterator[Reason]:
    """A model that nobody can make call."""
    choice = ask.body.get("tool_choice")
    if choice == "required" or isinstance(choice, dict):
        why = "This value of 'tool_choice' is not supported with this model: only none and auto are."
        yield Reason("dialect", why, "tool_choice", "unsupported_value")
    if isinstance(ask.body.get("function_call"), dict):
        why = "This value of 'function_call' is not supported with this model."
        yield Reason("dialect", why, "function_call", "unsupported_value")


def bare(ask: Ask) -> Iterator[Reason]:
    """An engine that has texts, and no calls of any kind."""
    for key in ("tools", "functions", "tool_choice", "function_call"):
        if ask.body.get(key) not in (None, "none"):
            yield Reason("dialect", f"'{key}' is not supported with this model.", key, "unsupported_parameter")
    for place, message, role in ask.spoken:
        if role in ("tool", "function") or message.get("tool_calls") or message.get("function_call"):
            why = f"'messages[{place}]' is part of a tool call, which is not supported with this model."
            yield Reason("dialect", why, f"messages[{place}].role", "unsupported_value")
        if isinstance(message.get("content"), list):
            why = f"'messages[{place}].content' must be a string: parts are not supported with this model."
            yield Reason("dialect", why, f"messages[{place}].content", "unsupported_value")


def open_intervals(ask: Ask) -> Iterator[Reason]:
    """An engine that takes no ends of ranges, where that breaks a should row alone."""
    if ask.body.get("top_p") == 0:
        yield Reason("dialect", "top_p must be in (0, 1], got 0.0.", "top_p", None)
    for key, most in (("n", 16), ("top_logprobs", 10)):
        value = ask.body.get(key)
        if value is not None and value > most:
            why = f"'{key}' may be {most} at most with this model."
            yield Reason("dialect", why, key, "unsupported_value")
    seed = ask.body.get("seed")
    if seed is not None and abs(seed) >= 2**53:
        yield Reason("dialect", "This seed is not a whole number that is safe.", "seed", "invalid_value")
    for place, message, role in ask.spoken:
        if message.get("content") == "" and role in ("system", "user"):
            yield Reason("dialect", "An empty message says nothing.", f"messages[{place}].content", None)


# --- what is no JSON, strictly ------------------------------------------------------------------------------------

DEEPEST = 128


def once(rows: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different."""
    found = dict(rows)
    if len(found) < len(rows):
        raise BadJson("a name comes twice")
    return found


def no_constant(name: str) -> Any:
    raise BadJson(name)


def whole(literal: str) -> int:
    return int(literal[:4_000])


DECODER = json.JSONDecoder(object_pairs_hook=once, parse_constant=no_constant, parse_int=whole)


def strictly(raw: bytes) -> Any:
    """JSON without equal names, NUL, halves of pairs, and more than so many levels."""
    try:
        value = DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadJson(str(error)) from error
    level = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, str) and any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in item):
                raise BadJson("a character that no text has")
            if isinstance(item, dict):
                inner += [*item, *item.values()]
            elif isinstance(item, list):
                inner += item
        if not inner:
            return value
        level = inner
    raise BadJson("recursion limit exceeded")


def wants_type(value: str | None) -> Reason | None:
    """A body must be said to be JSON."""
    if value is None:
        return Reason("http.ctype.missing", "A Content-Type is needed.", None, "unsupported_content_type", status=415)
    return behaviour.media_type(value)


# --- more than one server -----------------------------------------------------------------------------------------


def backwards(value: object) -> bytes:
    """The members in the other order."""

    def turned(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {key: turned(item[key]) for key in reversed(list(item))}
        return [turned(one) for one in item] if isinstance(item, list | tuple) else item

    return behaviour.dump(turned(value))


def other_plan(body: Body, now: int) -> Reply:
    """Another text under the same name, by a build that tells no fingerprint."""
    reply = answers.plan({**body, "seed": 4242}, now)
    return replace(reply, ident=str(uuid.uuid4()), fingerprint=None)


def other_words(reason: Reason) -> dict[str, Any]:
    """The same error in other words, and a number for the hotline."""
    body = behaviour.envelope(replace(reason, message=f"Ungültige Anfrage: {reason.message}"))
    return {**body, "request_id": str(uuid.uuid4())}


SECOND = Reference(
    behaviour=Behaviour(
        plan=other_plan,
        chunks=grouped,
        dump=backwards,
        frame=lambda chunk: b"event: message\r\ndata:" + backwards(chunk) + b"\r\n\r\n",
        envelope=other_words,
        json_type="application/json; charset=utf-8",
        event_type="text/event-stream",
    )
)


def balanced(name: str) -> Callable[[ASGIApp], ASGIApp]:
    """Every other request or so goes to a second back end, which answers under the same path."""

    def around(app: ASGIApp) -> ASGIApp:
        second = create_app({f"/{name}": SECOND})

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            backend = random.choice([app, second])

            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start":
                    mark = b"a" if backend is app else b"b"
                    message = {**message, "headers": [*message["headers"], (b"x-served-by", mark)]}
                await send(message)

            await backend(scope, receive, sending)

        return wrapped

    return around


TIERS = itertools.cycle(["priority", "flex", "scale", "default"])


def cites(body: Body, now: int) -> Reply:
    """Every plain text has its source, asked for or not; calls have words beside them; tiers take turns."""
    told = VINTAGES["2026-08"].plan(body, now)
    made = []
    for one in told.choices:
        text = "".join(one.tokens)
        if plain(body, one) and text:
            source = {"start_index": 0, "end_index": len(text), "url": "https://example.org/?a=b#c", "title": ""}
            one = replace(one, annotations=({"type": "url_citation", "url_citation": source},))
        made.append(talkative(body, one))
    usage = later_usage(body, answers.usage(body, tuple(made)))
    return replace(told, choices=tuple(made), usage=usage, tier=next(TIERS))


UNFORCED = checking(unforced)

DIALECTS = [
    # err.param.path: a param that is no path (should)
    Dialect(
        name="blind-numbered-errors",
        server=Reference(behaviour=Behaviour(envelope=numbered)),
        around=bursts,
        warnings=frozenset({"err.param.path*"}),
    ),
    Dialect(name="blind-few-parameters", server=checking(few)),
    Dialect(
        name="blind-no-forced-calls",
        server=replace(UNFORCED, behaviour=Behaviour(plan=lambda body, now: answers.plan(uncalled(body), now))),
    ),
    Dialect(name="blind-bare-engine", server=checking(bare)),
    # top_p.zero, n.max, top_logprobs.max, content.empty.string: should by rulings 3, 4, 12
    Dialect(
        name="blind-open-intervals",
        server=checking(open_intervals),
        warnings=frozenset(
            {"top_p.zero*", "top_p.min*", "n.max.accepts", "top_logprobs.max.accepts", "content.empty.string*"}
        ),
    ),
    Dialect(name="blind-strict-parser", server=Reference(behaviour=Behaviour(parse=strictly, media_type=wants_type))),
    Dialect(name="blind-two-backends", around=balanced("blind-two-backends")),
    Dialect(
        name="blind-later-cites",
        vintage="2026-08",
        server=Reference(vintage="2026-08", behaviour=Behaviour(plan=cites, **TALKING)),
    ),
]
