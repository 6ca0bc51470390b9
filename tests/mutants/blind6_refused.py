"""Servers that refuse what they must take, or fail at it, from the sixth blind list. See ``BLIND_6.md``."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.prompt import text_of

from .blind_common import Body
from .requests_making import (
    calls,
    crashing,
    crashing_message,
    entries,
    null,
    refusing_message,
    refusing_valid,
)
from .stream_common import collection

BUFFER = 4096
"""Characters of a tool's result that there is room for."""
TYPES = frozenset({"application/json", "application/json; charset=utf-8"})


refused = collection("blind6-", prop="messages", family="refused")


def spelled(value: str | None) -> Reason | None:
    """A refusal of all types but two that are known by heart."""
    if value is None or value in TYPES:
        return None
    return behaviour.media_type(value) or behaviour.media_type("text/plain")


def parts_before_role(message: Body) -> bool:
    names = list(message)
    return isinstance(message.get("content"), list) and names.index("content") < names.index("role")


def called_with_nothing(body: Body) -> bool:
    functions = [call.get("function") for call in calls(body)]
    return any(
        isinstance(function, dict)
        and isinstance(function.get("arguments"), str)
        and function["arguments"].strip() == "{}"
        for function in functions
    )


def named_parts(message: Body) -> bool:
    return isinstance(message.get("name"), str) and isinstance(message.get("content"), list)


def long_result(message: Body) -> bool:
    return len(text_of(message.get("content"))) > BUFFER


def typed_by_schema(schema: Any) -> bool:
    """Whether some object of a schema has a property called type."""
    left = [schema]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            listed = node.get("properties")
            if isinstance(listed, dict) and isinstance(listed.get("type"), dict):
                return True
            left += node.values()
        elif isinstance(node, list):
            left += node
    return False


def property_named_type(body: Body) -> bool:
    functions = [tool.get("function") for tool in entries(body, "tools")] + entries(body, "functions")
    return any(typed_by_schema(function.get("parameters")) for function in functions if isinstance(function, dict))


def listed_stop(body: Body) -> bool:
    return body.get("stream") is True and isinstance(body.get("stop"), list)


MUTANTS = [
    refused(
        "tier-null-refused",
        "service_tier.null.accepts",
        refusing_valid(null("service_tier")),
        prop="service_tier",
        with_it="mm.null",
    ),
    refused(
        "charset-java-refused",
        "mm.charset http.ctype.ok.accepts",
        Reference(behaviour=Behaviour(media_type=spelled)),
        prop="body",
        family="transport",
        with_it="http.ctype.ok.accepts",
    ),
    refused(
        "name-parts-crash",
        "mm.content.parts together.pairs.accepts",
        crashing_message(named_parts),
        family="crash",
        with_it="messages.name.type.accepts messages.name.pattern.accepts content.*parts.accepts together.*",
    ),
    refused(
        "role-after-parts-refused",
        "mm.keyorder",
        refusing_message(parts_before_role),
        family="relation",
        with_it="content.*parts.accepts",
    ),
    refused(
        "tool-content-long-crash",
        "content.tool.required.accepts role.tool.accepts",
        crashing_message(long_result, "tool"),
        family="crash",
        with_it="content.tool.parts.accepts http.size",
    ),
    refused(
        "property-named-type-crash",
        "fn.parameters.type.accepts",
        crashing(property_named_type),
        prop="tools",
        family="crash",
        with_it="fn.parameters.*.accepts functions.parameters.type.accepts fn.strict.*.accepts",
    ),
    refused(
        "stop-array-stream-crash",
        "mm.stream",
        crashing(listed_stop),
        prop="stop",
        family="crash",
        with_it="ef.stop.stream ef.stop.*.stream together.*",
    ),
    refused(
        "call-arguments-empty-object-refused",
        "toolcall.arguments.valid.accepts",
        refusing_valid(called_with_nothing),
        with_it="toolcall.shape.accepts ef.echo ef.echo.stream tools.conversation.accepts client.tools*",
    ),
]
