"""Looking into plain answers: which of them a rule is about, and their parts, those alone that can be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.json_values import is_array, is_object
from ..model import Answer, Exchange, view
from .views import FINISHES, asked, is_integer, option, plain

Object = dict[str, Any]
Find = Callable[[Exchange], list[Any]]


@view
def unstreamed(exchange: Exchange) -> list[Answer]:
    """The answer to an accepted body that asked for no stream; where false or null is streamed, ``declined`` has it."""
    answer, body = exchange.answer, asked(exchange)
    if answer is None or exchange.trouble or not body or not plain(exchange):
        return []
    if "stream" in body and answer.event_stream:
        return []
    return [answer] if body.get("stream") is None or body.get("stream") is False else []


def declined(exchange: Exchange) -> list[Answer]:
    """The answer to an accepted body with false or null for ``stream``."""
    answer, body = exchange.answer, asked(exchange)
    if answer is None or exchange.trouble or "stream" not in body or not plain(exchange):
        return []
    return [answer] if body["stream"] is None or body["stream"] is False else []


@view
def completions(exchange: Exchange) -> list[Object]:
    """The completion object."""
    answer = exchange.answer
    if answer is None or exchange.trouble or not is_object(answer.json) or not plain(exchange):
        return []
    return [answer.json]


@view
def choices(exchange: Exchange) -> list[Object]:
    """The choices that are objects."""
    return [choice for body in completions(exchange) for choice in objects(body.get("choices"))]


@view
def messages(exchange: Exchange) -> list[Object]:
    """The messages that are objects."""
    return [choice["message"] for choice in choices(exchange) if is_object(choice.get("message"))]


@view
def spoken(exchange: Exchange) -> list[tuple[Object, Object]]:
    """Choices with their messages, where the choice says why it ended in a word of the document."""
    return [
        (choice, choice["message"])
        for choice in choices(exchange)
        if is_object(choice.get("message")) and choice.get("finish_reason") in FINISHES
    ]


@view
def tool_calls(exchange: Exchange) -> list[Object]:
    """The tool calls that are objects."""
    return [call for message in messages(exchange) for call in objects(message.get("tool_calls"))]


@view
def functions(exchange: Exchange) -> list[Object]:
    """The functions called, where they are objects."""
    return [call["function"] for call in tool_calls(exchange) if is_object(call.get("function"))]


@view
def usages(exchange: Exchange) -> list[Object]:
    """The usage object."""
    return [body["usage"] for body in completions(exchange) if is_object(body.get("usage"))]


@view
def logprobs(exchange: Exchange) -> list[Object]:
    """The logprobs objects of choices."""
    return [choice["logprobs"] for choice in choices(exchange) if is_object(choice.get("logprobs"))]


@view
def tokens(exchange: Exchange) -> list[Any]:
    """The entries of all logprobs."""
    lists = [found.get(name) for found in logprobs(exchange) for name in ("content", "refusal")]
    return [entry for found in lists if is_array(found) for entry in found]


@view
def alternatives(exchange: Exchange) -> list[Any]:
    """The entries of all ``top_logprobs``."""
    lists = [entry.get("top_logprobs") for entry in objects(tokens(exchange))]
    return [entry for found in lists if is_array(found) for entry in found]


@view
def every_token(exchange: Exchange) -> list[Object]:
    """Chosen tokens and alternatives that are objects."""
    return objects([*tokens(exchange), *alternatives(exchange)])


def objects(value: Any) -> list[Object]:
    """The items of a list that are objects; none where the value is no list."""
    return [item for item in value if is_object(item)] if is_array(value) else []


def member(found: Find, name: str, *, null: bool = False) -> Find:
    """The values of a member, where it is there; with ``null`` only those that are not null."""
    return lambda exchange: [
        item[name] for item in found(exchange) if name in item and not (null and item[name] is None)
    ]


def bound(exchange: Exchange) -> int | None:
    """The token bound that was sent."""
    sent = [asked(exchange).get(name) for name in ("max_tokens", "max_completion_tokens")]
    return min((value for value in sent if is_integer(value) and value > 0), default=None)


def spent(exchange: Exchange) -> int | None:
    """The completion tokens that the usage counts."""
    return next(
        (use["completion_tokens"] for use in usages(exchange) if is_integer(use.get("completion_tokens"))), None
    )


def single(exchange: Exchange) -> bool:
    """Whether one choice was asked for."""
    n = option(exchange, "n", 1)
    return bool(asked(exchange)) and is_integer(n) and n == 1
