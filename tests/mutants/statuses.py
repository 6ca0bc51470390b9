"""Servers whose refusals have a wrong status."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant, of


def with_status(change: Callable[[int], int], kind: bytes | None = None) -> Callable[[ASGIApp], ASGIApp]:
    """Other statuses (and another content type, where they differ)."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if (
                    message["type"] == "http.response.start"
                    and (status := change(message["status"])) != message["status"]
                ):
                    headers = [
                        (name, kind if kind and name == b"content-type" else value)
                        for name, value in message["headers"]
                    ]
                    message = {**message, "status": status, "headers": headers}
                await send(message)

            await app(scope, receive, sent)

        return wrapped

    return around


def in_stream(app: ASGIApp) -> ASGIApp:
    """Every refusal as an event of a stream that began with 200."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        refused = False

        async def sent(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
                refused = True
                message = {**message, "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            elif message["type"] == "http.response.body" and refused and message.get("body"):
                message = {**message, "body": b"data: " + message["body"] + b"\n\ndata: [DONE]\n\n"}
            await send(message)

        await app(scope, receive, sent)

    return wrapped


def told_as(status: int, when: Callable[[Reason], bool]) -> Reference:
    """Another status for one family of refusals."""

    def first(found: Any) -> Reason:
        reason = behaviour.first(found)
        return replace(reason, status=status) if when(reason) else reason

    return Reference(behaviour=Behaviour(first=first))


def refusal(
    name: str,
    fails: Iterable[str],
    with_it: Iterable[str] = (),
    *,
    server: Reference | None = None,
    around: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Mutant:
    return Mutant(
        name=name,
        property="error",
        family="status",
        server=server or Reference(),
        fails=frozenset(fails),
        with_it=frozenset(with_it),
        around=around,
    )


def all_refusals(status: int) -> Callable[[ASGIApp], ASGIApp]:
    return with_status(lambda given: status if 400 <= given < 500 else given)


SOME = of(
    "temperature.max.refuses",
    "n.type.refuses",
    "stop.array.max.refuses",
    "messages.required.refuses",
    "role.enum.refuses",
    "tools.max.refuses",
    "top_logprobs.needs.refuses",
    "response_format.type.enum.refuses",
    "http.json.refuses",
)
"""Rules about refusals of every layer, for servers that answer all of them wrongly."""

TYPES = of(
    "temperature.type.refuses",
    "top_p.type.refuses",
    "n.type.refuses",
    "stream.type.refuses",
    "messages.type.refuses",
    "tools.type.refuses",
    "user.type.refuses",
    "metadata.type.refuses",
)

MISSING = of(
    "messages.required.refuses",
    "role.required.refuses",
    "fn.name.required.refuses",
    "tool.function.required.refuses",
    "audio.required.refuses",
)

BOUNDS = of("temperature.max.refuses", "top_p.min.refuses", "n.max.refuses", "frequency_penalty.max.refuses")

MUTANTS = [
    # every refusal
    refusal("refusals-500", SOME, ("*",), around=all_refusals(500)),
    refusal("refusals-404", SOME, ("*.refuses",), around=all_refusals(404)),
    refusal("refusals-409", SOME, ("*.refuses",), around=all_refusals(409)),
    refusal("refusals-403", SOME, ("*.refuses",), around=all_refusals(403)),
    refusal("refusals-200", SOME, ("*.refuses", "err.*", "mm.*", "sse.error.*"), around=all_refusals(200)),
    refusal("refusals-in-stream", SOME, ("*.refuses", "err.*", "mm.*", "sse.error.*"), around=in_stream),
    # one family of refusals
    refusal("types-500", TYPES, ("*",), server=told_as(500, lambda reason: reason.code == "invalid_type")),
    refusal(
        "missing-500",
        MISSING,
        ("*.refuses", "*.required.accepts", "mm.*"),
        server=told_as(500, lambda reason: reason.code == "missing_required_parameter"),
    ),
    refusal(
        "bounds-409",
        BOUNDS,
        ("*.max.refuses", "*.min.refuses", "*.range.refuses", "*.maxlen.refuses", "*.name.refuses"),
        server=told_as(409, lambda reason: bool(re.search("(above|below)_m", reason.code or ""))),
    ),
    refusal(
        "model-unknown-500",
        ("model.unknown.refuses",),
        server=told_as(500, lambda reason: reason.rule == "model.unknown"),
    ),
    refusal(
        "model-missing-404",
        ("model.required.refuses",),
        ("model.empty.refuses",),
        server=told_as(404, lambda reason: reason.rule in ("model.required", "model.empty")),
    ),
    refusal(
        "coupling-500",
        ("top_logprobs.needs.refuses", "stream_options.needs.refuses", "tool_choice.needs.tools.refuses"),
        ("*",),
        server=told_as(
            500,
            lambda reason: (
                reason.code is None and not reason.rule.startswith(("http.", "model.", "messages.", "content."))
            ),
        ),
    ),
    refusal(
        "enum-404",
        ("role.enum.refuses", "response_format.type.enum.refuses", "service_tier.enum.v0.refuses"),
        ("*.refuses",),
        server=told_as(404, lambda reason: reason.code == "invalid_value"),
    ),
    refusal(
        "tools-500",
        ("fn.name.pattern.refuses", "tools.max.refuses", "tool.type.refuses"),
        ("gate.tools", "tool*", "fn.*", "mm.*", "parallel_tool_calls.*", "functions.and.tools.*"),
        server=told_as(500, lambda reason: (reason.param or "").startswith("tools")),
    ),
]
