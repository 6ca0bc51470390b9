"""More servers invented without looking at the rules: formats, tools and functions. See ``BLIND_REQUESTS_2.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .blind_tools import declared
from .requests_making import (
    Body,
    about,
    crashing,
    fault,
    is_object,
    is_text,
    null,
    reading,
    refusing_valid,
    rewriting,
)

NAME_MOST = 63


def not_implemented(found: Any) -> Reason:
    reason = behaviour.first(found)
    return replace(reason, status=501) if reason.rule == "response_format.type.enum" else reason


def strict_null(body: Body) -> bool:
    return null("strict")((body.get("response_format") or {}).get("json_schema") or {})


def unread_tools(body: Body) -> None:
    """Puts a sound tool in the place of what is not looked at, so that nothing else misses the tools."""
    if body.get("tool_choice") == "none" and body.get("tools") is not None:
        body["tools"] = [{"type": "function", "function": {"name": "f"}}]


def unread_parallel(body: Body) -> None:
    if is_object(body.get("tool_choice")) and body.get("parallel_tool_calls") is not None:
        body["parallel_tool_calls"] = True


formats = about("response_format")
tools = about("tools")

FORMATS = [
    formats(
        "blind2-format-string-ignored",
        "type",
        reading("response_format", is_text),
        "gate.response_format",
        "response_format.shape.refuses",
    ),
    formats(
        "blind2-format-unknown-501",
        "status",
        Reference(behaviour=Behaviour(first=not_implemented)),
        "response_format.type.enum.refuses",
        "response_format.type.required.refuses",
    ),
    formats(
        "blind2-schema-strict-null-refused",
        "refused",
        refusing_valid(strict_null),
        "response_format.jsonschema.strict.type.accepts",
    ),
]

TOOLS = [
    tools(
        "blind2-tools-unchecked-choice-none",
        "coupling",
        rewriting(unread_tools),
        "tool.type.refuses tool.function.required.refuses fn.name.required.refuses",
        "tool.*.refuses tools.*.refuses fn.*.refuses mm.monotone.bad",
    ),
    tools(
        "blind2-fn-name-63",
        "refused",
        refusing_valid(lambda body: any(len(function["name"]) > NAME_MOST for function in declared(body))),
        "fn.name.maxlen.accepts",
        "mm.tools.legacy",
    ),
    tools(
        "blind2-fn-parameters-absent-crash",
        "crash",
        crashing(lambda body: any("parameters" not in function for function in declared(body))),
        "fn.parameters.optional.accepts",
        "tools.max.accepts mm.tools.legacy",
    ),
    fault(
        "blind2-choice-any-alias",
        "tool_choice",
        "enum",
        reading("tool_choice", lambda value: value == "any", lambda _: "required"),
        "tool_choice.enum.refuses",
    ),
    fault(
        "blind2-parallel-unchecked-named",
        "parallel_tool_calls",
        "type",
        rewriting(unread_parallel),
        "parallel_tool_calls.type.refuses",
        "mm.monotone.bad",
    ),
    fault(
        "blind2-functions-empty-absent",
        "functions",
        "bound",
        reading("functions", lambda value: value == []),
        "functions.min.refuses",
    ),
    fault(
        "blind2-function-call-required",
        "function_call",
        "enum",
        reading("function_call", lambda value: value == "required", lambda _: "auto"),
        "function_call.enum.refuses",
    ),
]

MUTANTS = [*FORMATS, *TOOLS]
