"""What rules about answers look at: one exchange from several sides. A view that does not fit is None or empty."""

from __future__ import annotations

from typing import Any, TypeGuard

from ...strategies.bodies import lean
from ...strategies.cut import ENDLESS
from ...strategies.json_values import is_array, is_object
from ..judge import Reaction, react
from ..model import Body, Doubt, Exchange, view
from ..sse import NOT_JSON

COUNT = [{"role": "user", "content": ENDLESS}]
"""A prompt with a long answer, whose beginning is known."""

FINISHES = ("stop", "length", "tool_calls", "content_filter", "function_call")
"""Reasons to finish that the documents know."""

TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
"""Service tiers that an answer may name, of all vintages."""


def asked(exchange: Exchange) -> Body:
    """The request body as it was sent; empty where it was no JSON object."""
    body = exchange.request.body
    return body if exchange.request.raw is None and is_object(body) else {}


def option(exchange: Exchange, name: str, default: Any = None) -> Any:
    """The value of a request property; ``default`` where it is absent or null."""
    value = asked(exchange).get(name)
    return default if value is None else value


@view
def accepted(exchange: Exchange) -> bool:
    """A 2xx answer of ``POST /chat/completions`` that is no error in disguise."""
    request = exchange.request
    return request.method == "POST" and request.path == "/chat/completions" and react(exchange) is Reaction.ACCEPTED


@view
def refused(exchange: Exchange) -> bool:
    """A 4xx answer."""
    return react(exchange) is Reaction.REFUSED


@view
def plain(exchange: Exchange) -> bool:
    """An accepted request that did not ask for a stream."""
    return accepted(exchange) and asked(exchange).get("stream") is not True


@view
def streamed(exchange: Exchange) -> bool:
    """An accepted request that asked for a stream."""
    return accepted(exchange) and asked(exchange).get("stream") is True


@view
def completion(exchange: Exchange) -> dict[str, Any]:
    """The JSON object of a plain answer; empty where there is none."""
    if not plain(exchange) or exchange.answer is None:
        return {}
    value = exchange.answer.json
    return value if value is not NOT_JSON and is_object(value) else {}


@view
def choices(exchange: Exchange) -> list[dict[str, Any]]:
    """The choices of a plain answer that are objects."""
    found = completion(exchange).get("choices")
    return [choice for choice in found if is_object(choice)] if is_array(found) else []


@view
def messages(exchange: Exchange) -> list[dict[str, Any]]:
    """The messages of a plain answer that are objects."""
    return [choice["message"] for choice in choices(exchange) if is_object(choice.get("message"))]


@view
def usage(exchange: Exchange) -> dict[str, Any]:
    """The usage object of a plain answer; empty where there is none."""
    found = completion(exchange).get("usage")
    return found if is_object(found) else {}


@view
def chunks(exchange: Exchange) -> list[dict[str, Any]]:
    """The chunk objects of a streamed answer, in order."""
    return exchange.answer.stream.chunks if streamed(exchange) and exchange.answer else []


@view
def error(exchange: Exchange) -> dict[str, Any]:
    """The ``error`` object of a refusal; empty where there is none."""
    value = exchange.answer.json if refused(exchange) and exchange.answer else None
    found = value.get("error") if is_object(value) else None
    return found if is_object(found) else {}


def is_integer(value: object) -> TypeGuard[int]:
    """A JSON integer: no boolean, no decimal."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: object) -> TypeGuard[int]:
    """A JSON integer from 0 up."""
    return is_integer(value) and value >= 0


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number: no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def long_answer(**properties: Any) -> Body:
    """A body that asks for a long answer."""
    return lean(messages=COUNT, **properties)


def _roomy(body: Body) -> Body:
    """The request without a stream and with room for sixteen times as many tokens, and for 64 at least."""
    plain = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
    bounds = ("max_tokens", "max_completion_tokens")
    return plain | {name: max(64, 16 * plain[name]) for name in bounds if is_integer(plain.get(name))}


def _ends_there(roomy: Exchange, cut: Exchange) -> str | None:
    """A model that says no more with more room was not cut: its answer came to its end just there."""
    most = min(option(cut, name) for name in ("max_tokens", "max_completion_tokens") if is_integer(option(cut, name)))
    spent = usage(roomy).get("completion_tokens")
    if is_integer(spent):
        short = spent <= most * option(cut, "n", 1)
    else:
        texts = [[message.get("content") for message in messages(one)] for one in (roomy, cut)]
        short = bool(texts[0]) and texts[0] == texts[1]
    return "the answer is no longer where there is more room: it was not cut" if short else None


ENDS_THERE = Doubt(_roomy, _ends_there)
"""Whether an answer that used up its bound may be whole."""


def said(value: object) -> str:
    """A JSON value in a few words, whatever it is: containers are only named."""
    if is_object(value):
        return "an object"
    if is_array(value):
        return "an array"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very large number"
    return text if len(text) <= 60 else text[:59] + "…"
