"""What is not offered in some circumstances, and what templates want of a conversation.

Thought of without knowing what is checked. Why each of them conforms is told in ``BLIND_5.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.prompt import objects, text_of
from chatproof.conformance.reference.validator import reasons
from chatproof.conformance.reference.vintages import VINTAGES

from .base import Dialect
from .blind4_limits import choices, format_of, together
from .odd import Body, checking

LATER = "2026-08"


def told(why: str, key: str | None = None) -> Reason:
    """What an engine says in words of its own."""
    return Reason("dialect", why, key, None)


def callable_ones(body: Body) -> bool:
    """Whether anything is declared that could be called."""
    return bool(body.get("tools") or body.get("functions"))


def forces(body: Body) -> str | None:
    """The property that makes a call certain."""
    if body.get("tool_choice") == "required" or isinstance(body.get("tool_choice"), dict):
        return "tool_choice"
    return "function_call" if isinstance(body.get("function_call"), dict) else None


# --- what is not offered together ---------------------------------------------------------------------------------


def three_at_once(ask: Ask) -> Iterator[Reason]:
    """A parser of calls in a stream that loses the tokens on its way."""
    if ask.body.get("logprobs") is True and callable_ones(ask.body) and ask.body.get("stream") is True:
        yield told("logprobs is not supported with tools + stream", "logprobs")


def mime_with_calls(ask: Ask) -> Iterator[Reason]:
    """A service that knows formats as media types."""
    if callable_ones(ask.body) and format_of(ask.body) != "text":
        yield told("Function calling with a response mime type 'application/json' is unsupported")


def schemas_alone(ask: Ask) -> Iterator[Reason]:
    """A schema is followed in one go, and by text alone."""
    if format_of(ask.body) != "json_schema":
        return
    if ask.body.get("stream") is True:
        yield together("response_format", "Streaming with 'json_schema'")
    if callable_ones(ask.body):
        yield together("response_format", "Tool use with 'json_schema'")


def last_pictures(ask: Ask) -> Iterator[Reason]:
    """Eyes for the last message only."""
    for place, message, _ in ask.spoken[:-1]:
        for number, part in enumerate(objects(message.get("content"))):
            if part.get("type") == "image_url":
                path = f"messages[{place}].content[{number}]"
                yield together(path, "An image in a message before the last one")


NOUGHT = 0.01


def single_when_greedy(ask: Ask) -> Iterator[Reason]:
    """Whoever always takes the likeliest token has one thing to say."""
    nearly = [ask.body.get(key) for key in ("temperature", "top_p")]
    if choices(ask.body) > 1 and any(value is not None and value < NOUGHT for value in nearly):
        yield told(f"n must be 1 when using greedy sampling, got {choices(ask.body)}.", "n")


def tools_or_systems(ask: Ask) -> Iterator[Reason]:
    """The tools are described where a system message would be."""
    if callable_ones(ask.body) and any(role == "system" for _, _, role in ask.spoken):
        yield together("messages", "A system message in a request with tools")


SHORT = 6


def tools_in_short_talks(ask: Ask) -> Iterator[Reason]:
    """A model that loses its tools from sight."""
    if callable_ones(ask.body) and len(ask.spoken) > SHORT:
        key = "tools" if ask.body.get("tools") else "functions"
        yield together(key, f"'{key}' in a conversation of more than {SHORT} messages")


def users_force(ask: Ask) -> Iterator[Reason]:
    """Only a user can make the model call."""
    key = forces(ask.body)
    if key and ask.spoken[-1][2] != "user":
        yield together(key, f"A forced '{key}' after a message that is not a user's")


# --- conversations ------------------------------------------------------------------------------------------------


def has_calls(ask: Ask) -> bool:
    """Whether tools were used before."""
    return any(role == "tool" or (role == "assistant" and row.get("tool_calls")) for _, row, role in ask.spoken)


def history_wants_tools(ask: Ask) -> Iterator[Reason]:
    """A provider that checks each call against what is declared."""
    if has_calls(ask) and not ask.body.get("tools"):
        yield told("UnsupportedParamsError: this provider doesn't support tool calls without the `tools=` param.")


def results_in_order(ask: Ask) -> Iterator[Reason]:
    """Results belong to calls by their place."""
    wanted: list[str] = []
    for place, message, role in ask.spoken:
        if role == "tool":
            if not wanted or message["tool_call_id"] != wanted.pop(0):
                path = f"messages[{place}].tool_call_id"
                yield together(path, "A tool's result in another order than that of the calls")
                return
        else:
            wanted = [call["id"] for call in objects(message.get("tool_calls"))] if role == "assistant" else []


def says_or_calls(ask: Ask) -> Iterator[Reason]:
    """A template that writes one or the other."""
    for place, message, role in ask.spoken:
        if role == "assistant" and message.get("tool_calls") and text_of(message.get("content")):
            why = "Assistant messages with both content and tool calls"
            yield Reason("dialect", f"{why} are not supported with this model.", f"messages[{place}]", None)


def one_system(ask: Ask) -> Iterator[Reason]:
    """One instruction is enough."""
    places = [place for place, _, role in ask.spoken if role == "system"]
    if len(places) > 1:
        yield together(f"messages[{places[1]}].role", "A second system message")


def one_era(ask: Ask) -> Iterator[Reason]:
    """Functions were before tools, and never beside them."""
    before = [
        place
        for place, message, role in ask.spoken
        if role == "function" or (role == "assistant" and message.get("function_call") is not None)
    ]
    if before and (has_calls(ask) or ask.body.get("tools")):
        yield together(f"messages[{before[0]}]", "A call or result of a function beside tools")


# --- of the later vintage -----------------------------------------------------------------------------------------


def one_kind(ask: Ask) -> Iterator[Reason]:
    """Arguments or free inputs."""
    if {"function", "custom"} <= {str(tool.get("type")) for tool in objects(ask.body.get("tools"))}:
        yield together("tools", "Mixing function tools and custom tools")


def _without(name: str, check: Callable[[Ask], Iterator[Reason]]) -> Dialect:
    return Dialect(name=f"blind5-{name}", server=checking(check))


def _later(name: str, check: Callable[[Ask], Iterator[Reason]]) -> Dialect:
    speaks = VINTAGES[LATER]

    def last(ask: Ask) -> Iterator[Reason]:
        if not reasons(ask.raw, limits=ask.limits, checks=speaks.checks, models=ask.models):
            yield from check(ask)

    server = Reference(vintage=LATER, checks=(*speaks.checks, Check("dialect", last)))
    return Dialect(name=f"blind5-later-{name}", server=server, vintage=LATER)


DIALECTS = [
    _without("logs-tools-streams", three_at_once),
    _without("no-objects-with-tools", mime_with_calls),
    _without("objects-not-streamed", schemas_alone),
    _without("pictures-in-the-last-word", last_pictures),
    _without("greedy-is-single", single_when_greedy),
    _without("tools-or-systems", tools_or_systems),
    _without("tools-in-short-talks", tools_in_short_talks),
    _without("forced-by-users-only", users_force),
    _without("history-wants-tools", history_wants_tools),
    _without("results-in-order", results_in_order),
    _without("says-or-calls", says_or_calls),
    _without("one-system", one_system),
    _without("one-era", one_era),
    _later("one-kind-of-tools", one_kind),
]
