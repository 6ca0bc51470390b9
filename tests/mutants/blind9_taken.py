"""Servers that take what they must refuse, from the ninth blind list. See ``BLIND_9.md``."""

from __future__ import annotations

import re
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference

from .base import bounded, unchecked
from .blind4b_taken import blinkered, hidden
from .blind6_taken import fraction, streamed
from .blind_common import Body
from .requests_making import RIGHT, is_object, reading, within
from .stream_common import collection

SERVED = "chatproof-reference"
HELLO = {"model": SERVED, "messages": [{"role": "user", "content": "Hello"}]}
FORMATS = RIGHT.limits.format_types


taken = collection("blind9-", prop="messages", family="type")


def functions_after_first(body: Body) -> Body:
    """The body with a good type in all tools but the first."""
    listed = body.get("tools")
    if not isinstance(listed, list):
        return body
    later = [{**tool, "type": "function"} if is_object(tool) else tool for tool in listed[1:]]
    return {**body, "tools": [*listed[:1], *later]}


def text_for_unknown(form: Body) -> None:
    """A format with a word for a type that nobody knows is that of plain text."""
    if isinstance(form.get("type"), str) and form["type"] not in FORMATS:
        form["type"] = "text"


def parse_or_greet(raw: bytes) -> Any:
    try:
        return behaviour.parse(raw)
    except BadJson:
        if not raw:
            raise
        return HELLO


def must_call(body: Body) -> bool:
    return body.get("tool_choice") == "required"


MUTANTS = [
    taken(
        "top-logprobs-max-missing",
        "top_logprobs.max.refuses",
        bounded(top_logprobs_max=float("inf")),
        prop="top_logprobs",
        family="bound",
        with_it="mm.monotone.bad",
    ),
    taken(
        "bias-lower-missing",
        "logit_bias.value.range.refuses",
        bounded(bias_min=float("-inf")),
        prop="logit_bias",
        family="bound",
        with_it="logit_bias.value.range.among.refuses logit_bias.value.next mm.monotone.bad",
    ),
    taken(
        "top-p-loose",
        "top_p.min.refuses top_p.max.refuses",
        bounded(top_p_min=-0.05, top_p_max=1.05),
        prop="top_p",
        family="bound",
        with_it="top_p.next mm.monotone.bad",
    ),
    taken(
        "completion-decimal-cut",
        "max_completion_tokens.type.refuses",
        reading("max_completion_tokens", fraction, int),
        prop="max_completion_tokens",
        with_it="mm.alias mm.monotone.bad",
    ),
    taken(
        "tool-type-first-only",
        "tool.type.refuses",
        blinkered(("tool.type",), functions_after_first),
        prop="tools",
        family="enum",
        with_it="mm.monotone.bad",
    ),
    taken(
        "format-unknown-as-text",
        "response_format.type.enum.refuses",
        within("response_format", text_for_unknown),
        prop="response_format",
        family="enum",
        with_it="gate.response_format mm.monotone.bad",
    ),
    taken(
        "schema-name-65-taken",
        "response_format.jsonschema.name.refuses",
        bounded(schema_name_max=65),
        prop="response_format",
        family="bound",
    ),
    taken(
        "tool-name-dot-taken",
        "fn.name.pattern.refuses functions.name.pattern.refuses",
        bounded(function_name=re.compile(r"[A-Za-z0-9_.-]+")),
        prop="tools",
        family="pattern",
        with_it="mm.monotone.bad",
    ),
    taken("audio-missing-taken", "audio.needs.refuses", unchecked("audio.needs"), prop="modalities", family="coupling"),
    taken(
        "assistant-silent-taken",
        "content.assistant.optional.refuses",
        unchecked("content.assistant.optional"),
        family="required",
        with_it="mm.position.refuses",
    ),
    taken(
        "bad-json-as-hello",
        "http.json.refuses",
        Reference(behaviour=Behaviour(parse=parse_or_greet)),
        prop="body",
        family="transport",
        with_it="http.json.*.refuses http.body.empty.refuses http.nan http.bom",
    ),
    taken(
        "metadata-unchecked-stream",
        "metadata.value.type.refuses",
        blinkered(("metadata.value.type",), hidden("metadata", streamed)),
        prop="metadata",
        with_it="mm.stream mm.monotone.bad",
    ),
    taken(
        "parallel-unchecked-with-required",
        "parallel_tool_calls.type.refuses",
        blinkered(("parallel_tool_calls.type",), hidden("parallel_tool_calls", must_call)),
        prop="parallel_tool_calls",
        with_it="mm.monotone.bad",
    ),
]
