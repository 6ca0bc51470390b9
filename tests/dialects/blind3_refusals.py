"""What is not offered, and two models of the later vintage, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_3.md``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import stream
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import objects
from chatproof.conformance.reference.text import bound, take
from chatproof.conformance.reference.vintages import VINTAGES

from .base import Dialect
from .odd import Body, Rows, checking

LATER = "2026-08"


def unsupported(path: str, why: str, code: str = "unsupported_value") -> Reason:
    """What the model does not take, as the original service tells it."""
    return Reason("dialect", f"{why} is not supported with this model.", path, code)


def no_streaming(ask: Ask) -> Iterator[Reason]:
    """An early model that thinks, and answers when it has done so."""
    if ask.body.get("stream") is True:
        why = "Unsupported value: 'stream' does not support true with this model. Only false is supported."
        yield Reason("dialect", why, "stream", "unsupported_value")


def no_stream_options(ask: Ask) -> Iterator[Reason]:
    """A stream is a stream, and cannot be chosen."""
    if ask.body.get("stream_options") is not None:
        yield unsupported("stream_options", "Unsupported parameter: 'stream_options'", "unsupported_parameter")


def no_names(ask: Ask) -> Iterator[Reason]:
    """Nobody but a function has a name."""
    for place, message, role in ask.spoken:
        if role != "function" and message.get("name") is not None:
            path = f"messages[{place}].name"
            yield unsupported(path, f"Unsupported parameter: '{path}'", "unsupported_parameter")


def system_first(ask: Ask) -> Iterator[Reason]:
    """A template that looks for the system at the beginning."""
    if any(role == "system" for place, _, role in ask.spoken if place):
        yield Reason("dialect", "System message must be at the beginning.", None, None)


def small_pictures(ask: Ask) -> Iterator[Reason]:
    """A picture has to have some size."""
    for path, _, part in ask.parts:
        if part.get("type") == "image_url":
            why = "The image length and width do not meet the model restrictions: height and width must be over 28."
            yield Reason("dialect", why, f"{path}.image_url", "invalid_image")


def plain_tools(ask: Ask) -> Iterator[Reason]:
    """Tools as they were at first: arguments are as good as they are, calls as many as there are."""
    for path, function in ask.declared:
        if function.get("strict") is True:
            yield unsupported(f"{path}.strict", "Strict mode of tools")
    if ask.body.get("parallel_tool_calls") is False:
        yield unsupported("parallel_tool_calls", "Turning off parallel tool calls")


def only_schemas(ask: Ask) -> Iterator[Reason]:
    """JSON by a schema, or text."""
    if (ask.body.get("response_format") or {}).get("type") == "json_object":
        yield unsupported("response_format", "'response_format' of type 'json_object'")


# --- of the later vintage -----------------------------------------------------------------------------------------


def odd_obfuscation(reply: Reply) -> Rows:
    """Random characters, more or less of them."""
    for row in stream.chunks(reply):
        if "obfuscation" in row:
            row = {**row, "obfuscation": random.choice(["", "data: [DONE]\n\n", "\U0001f600\u2028" * 9, "x" * 3_000])}
        yield row


INPUTS = ((), ("{", '"city"', ":", '"Paris"', "}"), ("data", ":", " [DONE]", "\n", "\n"), ("\n", " "), ("é", "\u0301"))


def custom_inputs(body: Body, now: int) -> Reply:
    """Whatever comes to mind is the input of a tool that asks for no form."""
    reply = VINTAGES[LATER].plan(body, now)
    formal = any((tool.get("custom") or {}).get("format") is not None for tool in objects(body.get("tools")))
    if formal or not any(call.kind == "custom" for one in reply.choices for call in one.calls):
        return reply
    made: list[Choice] = []
    for one in reply.choices:
        left, calls, cut = bound(body), [], one.finish == "length"
        for call in one.calls:
            # what comes after a call that was cut is not there to be changed
            if call.kind == "custom":
                told = take(random.choice(INPUTS), left)
                call, cut = replace(call, arguments=told.tokens), told.cut
            else:
                told = take(call.arguments, left)
                call, cut = replace(call, arguments=told.tokens), told.cut or (cut and call is one.calls[-1])
            calls.append(call)
            if told.cut:
                break
            left = None if left is None else left - len(told.tokens)
        # a forced call keeps the reason that it has
        usual = "tool_calls" if one.finish == "length" else one.finish
        made.append(replace(one, calls=tuple(calls), finish="length" if cut else usual) if one.calls else one)
    spent = sum(one.used for one in made)
    details = {**reply.usage["completion_tokens_details"], "text_tokens": spent}
    usage = {**reply.usage, "completion_tokens": spent, "completion_tokens_details": details}
    usage["total_tokens"] = usage["prompt_tokens"] + spent
    return replace(reply, choices=tuple(made), usage=usage)


def _without(name: str, check: Callable[[Ask], Iterator[Reason]]) -> Dialect:
    return Dialect(name=f"blind3-{name}", server=checking(check))


def _later(name: str, **parts: Any) -> Dialect:
    server = Reference(vintage=LATER, behaviour=Behaviour(**parts))
    return Dialect(name=f"blind3-later-{name}", server=server, vintage=LATER)


DIALECTS = [
    _without("no-streaming", no_streaming),
    _without("no-stream-options", no_stream_options),
    _without("no-names", no_names),
    _without("system-first", system_first),
    _without("small-pictures", small_pictures),
    _without("plain-tools", plain_tools),
    _without("only-schemas", only_schemas),
    _later("odd-obfuscation", plan=VINTAGES[LATER].plan, chunks=odd_obfuscation),
    _later("custom-inputs", plan=custom_inputs),
]
