"""Looking into streamed answers: which of them a rule is about, and the parts of their chunks."""

from __future__ import annotations

from typing import Any

from ...strategies.json_values import is_array, is_object
from ..model import Exchange, view
from ..sse import Stream
from .views import chunks, is_integer, option, streamed


def read(exchange: Exchange) -> Stream:
    """The stream of an exchange that has an answer."""
    assert exchange.answer is not None
    return exchange.answer.stream


@view
def framed(exchange: Exchange) -> bool:
    """A streamed answer that is one by its content type or its first bytes."""
    if not streamed(exchange) or exchange.answer is None:
        return False
    return exchange.answer.event_stream or bool(read(exchange).messages)


@view
def whole(exchange: Exchange) -> bool:
    """A stream with chunks, all of whose events can be read, and that no error broke off."""
    if not framed(exchange) or not read(exchange).chunks or read(exchange).failed:
        return False
    return all(is_object(event.json) for event in read(exchange).payloads)


@view
def counted(exchange: Exchange) -> bool:
    """A whole stream that was asked for its usage."""
    options = option(exchange, "stream_options")
    return whole(exchange) and is_object(options) and options.get("include_usage") is True


def wanted(exchange: Exchange) -> int | None:
    """How many choices were asked for; None where the request is not clear."""
    count = option(exchange, "n", 1)
    return count if is_integer(count) and count > 0 else None


@view
def pieces(exchange: Exchange) -> list[dict[str, Any]]:
    """Every choice object of every chunk, in order."""
    every = [choice for chunk in chunks(exchange) for choice in listed(chunk.get("choices"))]
    return [choice for choice in every if is_object(choice)]


@view
def placed(exchange: Exchange) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Index, choice object and delta of every piece that has an integer index."""
    sure = [piece for piece in pieces(exchange) if is_integer(piece.get("index"))]
    found = [(piece["index"], piece, piece.get("delta")) for piece in sure]
    return [(index, piece, delta if is_object(delta) else {}) for index, piece, delta in found]


@view
def deltas(exchange: Exchange) -> list[dict[str, Any]]:
    """Every delta that is an object."""
    return [piece["delta"] for piece in pieces(exchange) if is_object(piece.get("delta"))]


@view
def calls(exchange: Exchange) -> list[Any]:
    """Every item of every ``tool_calls`` array."""
    return [call for delta in deltas(exchange) for call in listed(delta.get("tool_calls"))]


@view
def fragments(exchange: Exchange) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The fragments of each tool call, by the index of the choice and its own."""
    found: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for index, _, delta in placed(exchange):
        for call in listed(delta.get("tool_calls")):
            if is_object(call) and is_integer(call.get("index")):
                found.setdefault((index, call["index"]), []).append(call)
    return found


def function(call: dict[str, Any]) -> dict[str, Any]:
    """The ``function`` of a fragment; empty where it is no object."""
    found = call.get("function")
    return found if is_object(found) else {}


@view
def logs(exchange: Exchange) -> list[dict[str, Any]]:
    """Every ``logprobs`` that is an object."""
    return [piece["logprobs"] for piece in pieces(exchange) if is_object(piece.get("logprobs"))]


def entries(log: object) -> list[Any]:
    """The token entries of one ``logprobs``, of its content and its refusal."""
    return [*listed(log.get("content")), *listed(log.get("refusal"))] if is_object(log) else []


def ended(piece: dict[str, Any]) -> bool:
    """Whether a choice object carries a reason to finish, of whatever spelling."""
    return bool(piece.get("finish_reason"))


def is_usage(chunk: dict[str, Any]) -> bool:
    """Whether a chunk is there for the usage: no choices, and token counts."""
    return chunk.get("choices") == [] and is_object(chunk.get("usage"))


@view
def totals(exchange: Exchange) -> list[dict[str, Any]]:
    """The usage objects of the usage chunks."""
    return [chunk["usage"] for chunk in chunks(exchange) if is_usage(chunk)]


def listed(value: object) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if is_array(value) else []


def show(value: object) -> str:
    """A value in a sentence."""
    if is_object(value) or is_array(value):
        return "an object" if is_object(value) else "an array"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def member(owner: dict[str, Any], name: str) -> str:
    """A member in a sentence: its value, or that it is missing."""
    return f"{name} is {show(owner[name])}" if name in owner else f"{name} is missing"
