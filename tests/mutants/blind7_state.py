"""Servers that remember too much, or fail in a crowd, from the seventh blind list. See ``BLIND_7.md``."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.stream import DONE
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind2_streams import said
from .blind_common import Body, Sent, content_of, is_stream, pass_on, sent_by
from .blind_effects import wanted
from .blind_state import OVERLAP, Flight, crowd
from .effects_common import replying, without
from .load_common import body_of, is_create, whole
from .stream_common import collection

FORMS = ("json_object", "json_schema")
_END = b"\n\n"


state = collection("blind7-", family="load")


def parameters_by_name() -> Reference:
    """What the arguments of a strict tool must be is made once for each name."""
    known: dict[str, Any] = {}

    def remembered(tool: Any) -> Any:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or function.get("strict") is not True or not function.get("parameters"):
            return tool
        schema = known.setdefault(function["name"], function["parameters"])
        return {**tool, "function": {**function, "parameters": schema}}

    def changed(body: Body, reply: Reply) -> Reply:
        listed = body.get("tools")
        if not isinstance(listed, list):
            return reply
        tools = [remembered(tool) for tool in listed]
        if tools == listed or not any(choice.calls for choice in reply.choices):
            return reply
        choices = answers.plan({**body, "tools": tools}, reply.created).choices
        return replace(reply, choices=choices, usage=answers.usage(body, choices))

    return replying(changed)


def formed(raw: bytes) -> bool:
    return wanted(body_of(raw) or {}).get("type") in FORMS


async def ungrammatical(flight: Flight, others: list[Flight]) -> Sent:
    """A batch has a grammar only where all of it has one."""
    body = body_of(flight.raw)
    if not body or not formed(flight.raw) or all(formed(other.raw) for other in others):
        return flight.sent
    return await flight.again(json.dumps(without("response_format")(body)).encode())


def counted(event: bytes) -> bool:
    return event != DONE and not said(event)["choices"]


def counting_first(app: ASGIApp) -> ASGIApp:
    """One counter for all streams, which the first of them holds."""
    flying: list[Any] = []

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        if not is_stream(sent):
            await pass_on(send, sent)
            return
        if flying:
            found = [event + _END for event in content_of(sent).split(_END) if event]
            kept = b"".join(event for event in found if not counted(event))
            sent = [sent[0], {"type": "http.response.body", "body": kept}]
        own = object()
        flying.append(own)
        await asyncio.sleep(OVERLAP)
        flying.remove(own)
        await pass_on(send, sent)

    return changed


MUTANTS = [
    state(
        "strict-parameters-by-name",
        "res.toolcalls.args.schema",
        parameters_by_name(),
        prop="tools",
        with_it="res.toolcalls.args.schema.stream",
    ),
    state(
        "crowd-json-lost-beside-plain",
        "many.schemas",
        prop="response_format",
        around=crowd(ungrammatical),
        with_it="many.refusals ef.json_object ef.json_schema",
    ),
    state(
        "crowd-stream-usage-once",
        "many.streams",
        prop="stream_options",
        around=counting_first,
        with_it="many.refusals sse.usage.on",
    ),
]
