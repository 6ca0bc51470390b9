"""The first words with an endpoint: find its base URL, its model and a token bound it takes, or say why that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..strategies.bodies import lean
from ..strategies.json_values import is_array, is_object
from .budget import Budget
from .exchange import Exchange, Request
from .judge import Reaction, describe, error_of, react
from .lane import Lane
from .outgoing import prepare
from .pace import Pace
from .profile import CHAT, Profile
from .sse import NOT_JSON
from .target import Bounds, EndpointError, ExtraHeader, Target, split_url

CANARY = Request(body=lean())
"""The minimal request, which every endpoint takes."""

TOKENS = 16
"""Token bound of every request that does not set its own: answers stay cheap."""

_BASE_FIELDS: tuple[Mapping[str, Any], ...] = ({"max_tokens": TOKENS}, {"max_completion_tokens": TOKENS}, {})


async def resolve(
    text: str,
    *,
    model: str | None = None,
    key: str | None = None,
    key_variable: str,
    bounds: Bounds | None = None,
    budget: Budget | None = None,
    headers: tuple[ExtraHeader, ...] = (),
    ca_bundle: str | None = None,
    pace: Pace | None = None,
    profile: Profile | None = None,
) -> Target:
    """A target that answered the canary (the minimal body). Raises EndpointError with one line otherwise.

    ``profile`` names models, a token bound and what joins every request; a ``model`` that is given goes before its own.
    """
    profile = profile or Profile()
    if profile.key == "none":
        key = None
    model = model or profile.models.get(CHAT)
    bases, query = split_url(text)
    if key and not (key.isascii() and key.isprintable() and key == key.strip()):
        raise EndpointError(
            f"the key in {key_variable} holds a character that no header can hold, such as a line break"
        )
    target = Target(
        bases[0],
        query,
        key=key,
        key_variable=key_variable,
        bounds=bounds or Bounds(),
        headers=headers,
        ca_bundle=ca_bundle,
        budget=budget,
        models={name: model for name, model in profile.models.items() if name != CHAT},
        extra=dict(profile.fields),
        plain_headers=profile.headers,
    )
    try:
        return await _resolved(target, bases, model, pace, profile.token_bound)
    except EndpointError as error:  # what a server says is quoted there
        raise EndpointError(target.redaction.text(str(error)), passing=error.passing) from None


async def _resolved(
    target: Target, bases: list[str], model: str | None, pace: Pace | None, token_bound: str | None
) -> Target:
    refusal: Exchange | None = None
    for base in bases:
        target = replace(target, base=base)
        async with Lane(target, pace=pace) as lane:
            name = model or await _first_model(lane, last=base == bases[-1])
            if name is None:
                continue
            for fields in _BASE_FIELDS if not token_bound else (_token_bound(token_bound),):
                ready = replace(target, model=name, fields=fields)
                exchange = await lane.ask(prepare(CANARY, ready))
                _reached(exchange, ready)
                if react(exchange) is Reaction.ACCEPTED:
                    _completion(exchange)
                    return ready
                if exchange.status in (404, 405) and base != bases[-1]:
                    break
                if react(exchange) is not Reaction.REFUSED:
                    raise EndpointError(
                        f"canary failed: {_said(exchange)}; the endpoint must take a minimal request",
                        passing=(exchange.status or 0) >= 500,
                    )
                refusal = refusal or exchange
    if refusal is None:
        raise EndpointError(f"no model found: GET {target.url('/models')} lists none; name one with --model")
    raise EndpointError(f"canary refused: {_said(refusal)}; the endpoint must take a minimal request (--model NAME?)")


POLL = 0.5
"""Seconds between two looks whether a server has started."""


def await_ready(
    resolved: Callable[[], Target], seconds: float, check: Callable[[], None] = lambda: None, odd: float = 0.0
) -> Target:
    """What ``resolved`` gives, tried again for some seconds while it fails for a reason that may pass, for ``odd``
    seconds also for any other.

    ``check`` raises where waiting longer is in vain. Raises EndpointError.
    """
    started = time.monotonic()
    while True:
        try:
            return resolved()
        except EndpointError as error:
            check()
            if time.monotonic() + POLL - started > (seconds if error.passing else min(odd, seconds)):
                raise
        time.sleep(POLL)


def _token_bound(name: str) -> Mapping[str, Any]:
    return {} if name == "none" else {name: TOKENS}


async def _first_model(lane: Lane, *, last: bool) -> str | None:
    exchange = await lane.ask(Request(method="GET", path="/models", raw=b"", content_type=None))
    _reached(exchange, lane.target)
    value = exchange.answer.json if exchange.answer and exchange.answer.status == 200 else NOT_JSON
    rows = value.get("data") if is_object(value) else None
    for row in rows if is_array(rows) else ():
        if is_object(row) and isinstance(row.get("id"), str) and row["id"]:
            return row["id"]
    if last:
        url = lane.target.url("/models")
        raise EndpointError(
            f"no model found: GET {url} answered {describe(exchange)}; name one with --model",
            passing=(exchange.status or 0) >= 500,
        )
    return None


def _reached(exchange: Exchange, target: Target) -> None:
    where = target.base
    trouble = exchange.trouble
    if trouble is not None:
        words = {
            "dns": f"cannot resolve the host of {where}: {trouble.text}",
            "tls": f"TLS error at {where}: {trouble.text}",
            "connect": f"nothing listens at {where}: {trouble.text}",
            "connect_timeout": f"cannot connect to {where}: {trouble.text}",
            "timeout": f"{where} does not answer: {trouble.text}",
            "disconnected": f"{where} closes the connection without an answer: {trouble.text}",
            "protocol": f"{where} does not speak HTTP: {trouble.text}",
            "budget": f"not asked: {trouble.text}; allow more",
        }
        passing = trouble.kind in ("dns", "connect", "connect_timeout", "timeout", "disconnected")
        raise EndpointError(words.get(trouble.kind, f"{where}: {trouble.text}"), passing=passing)
    status = exchange.status or 0
    if status in (401, 403):
        has = "the key was sent" if target.key else f"no key was sent; put it into {target.key_variable}"
        raise EndpointError(f"{where} wants a key ({_said(exchange)}; {has})")
    if 300 <= status < 400:
        to = exchange.answer.header("location") if exchange.answer else None
        raise EndpointError(f"{where} redirects ({status} to {_printable(to or '?')}); give the final URL")
    if react(exchange) is Reaction.LIMITED:
        raise EndpointError(f"{where} answers only {status}; try again when it takes requests", passing=True)


def _completion(exchange: Exchange) -> None:
    value = exchange.answer.json if exchange.answer else NOT_JSON
    if not is_object(value) or not is_array(value.get("choices")):
        raise EndpointError(f"canary answered with something that is not a chat completion: {_said(exchange)}")


def _said(exchange: Exchange) -> str:
    message = error_of(exchange.answer).get("message") if exchange.answer else None
    if not message and exchange.answer:
        message = exchange.answer.content[:120].decode("utf-8", "replace")
    return f"{describe(exchange)} {_printable(str(message or ''))}".strip()


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]
