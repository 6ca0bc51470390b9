"""Servers that refuse what they must take, or fail at a request, from the eleventh blind list. See ``BLIND_11.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason, coupled
from chatproof.conformance.reference.prompt import text_of
from chatproof.conformance.reference.validator import CHECKS, reasons

from .blind6_taken import is_number
from .blind_common import Body
from .requests_making import (
    crashing,
    crashing_message,
    entries,
    is_object,
    null,
    refusing_message,
    refusing_valid,
    stumbling,
)
from .stream_common import collection

MOST_TOOLS = 128
NAMED = ("system", "user", "assistant")
"""The roles whose name says who speaks."""


refused = collection("blind11-", prop="messages", family="refused")


def plain_text(body: Body) -> bool:
    form = body.get("response_format")
    return isinstance(form, dict) and form.get("type") == "text"


def has_name(message: Body) -> bool:
    return isinstance(message.get("name"), str)


def scalar_stop(body: Body) -> bool:
    return isinstance(body.get("stop"), str)


def of_several_lines(message: Body) -> bool:
    return "\n" in text_of(message.get("content"))


def holds_array(message: Body) -> bool:
    """Whether the content is the JSON text of an array."""
    content = message.get("content")
    if not isinstance(content, str):
        return False
    try:
        return isinstance(json.loads(content), list)
    except (ValueError, RecursionError):
        return False


def unlikely(body: Body) -> bool:
    top_p = body.get("top_p")
    return body.get("logprobs") is True and is_number(top_p) and top_p < 1


def many_tools(body: Body) -> bool:
    tools = body.get("tools")
    return isinstance(tools, list) and len(tools) > MOST_TOOLS


def is_integer(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def word_key(body: Body) -> bool:
    bias = body.get("logit_bias")
    return isinstance(bias, dict) and not all(is_integer(key) for key in bias)


def several(body: Body) -> bool:
    count = body.get("n")
    return is_number(count) and count > 1


def erring_with_200() -> Reference:
    """More than one choice is not supported, and the handler of errors forgets the status."""

    def check(ask: Ask) -> Iterator[Reason]:
        if isinstance(ask.raw, dict) and not reasons(ask.raw, models=ask.models) and several(ask.body):
            yield replace(coupled("mutant", "n", "Only one choice is supported."), status=200)

    return Reference(checks=(*CHECKS, Check("mutant", check)))


# --- moved ------------------------------------------------------------------------------------------------------------


def bare_function(body: Body) -> bool:
    return any("parameters" not in function for function in entries(body, "functions"))


def whole_top_p(body: Body) -> bool:
    return type(body.get("top_p")) is int


def told_in_lines(body: Body) -> bool:
    return any("\n" in (tool["function"].get("description") or "") for tool in entries(body, "tools"))


def named_of_several(body: Body) -> bool:
    return is_object(body.get("tool_choice")) and len(entries(body, "tools")) > 1


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "format-text-refused",
        "gate.response_format",
        refusing_valid(plain_text),
        prop="response_format",
        with_it="response_format.*.accepts gate.response_format mm.default mm.default.should mm.monotone.good"
        " mm.isolation.options stream.format.accepts together.*",
    ),
    refused(
        "name-any-refused",
        "messages.name.type.accepts",
        refusing_message(has_name, *NAMED),
        with_it="messages.* http.unicode.accepts http.json.escapes.accepts mm.whitespace* mm.keyorder mm.monotone.good"
        " together.*",
    ),
    refused(
        "stop-scalar-refused",
        "stop.string.accepts",
        refusing_valid(scalar_stop),
        prop="stop",
        with_it="stop.* gate.stop mm.stop.scalar mm.monotone.good mm.isolation.options ef.stop* http.unicode.accepts"
        " http.surrogate together.*",
    ),
    refused(
        "assistant-null-refused",
        "content.assistant.optional.accepts",
        refusing_message(null("content"), "assistant"),
        with_it="content.assistant.*.accepts content.* toolcall.* tool.* toolcalls.* tools.*.accepts assistant.*"
        " gate.tool_messages gate.function_messages functions.conversation.accepts role.*.accepts part.refusal.accepts"
        " ef.echo* messages.* mm.* http.key.unknown.message.* together.*",
    ),
    failing(
        "content-newline-crash",
        "content.unicode.accepts",
        crashing_message(of_several_lines, "user"),
        with_it="content.* http.* messages.* mm.* ef.prompt.* together.* part.* many.* ef.echo*",
    ),
    failing(
        "tool-content-json-array-crash",
        "content.tool.required.accepts",
        crashing_message(holds_array, "tool"),
        with_it="content.tool.* tool.* tools.conversation.accepts gate.tool_messages ef.echo* together.*",
    ),
    failing(
        "logprobs-top-p-crash",
        "together.pairs.accepts",
        crashing(unlikely),
        "logprobs",
        with_it="logprobs.*.accepts top_logprobs.*.accepts top_p.*.accepts mm.monotone.good together.*",
    ),
    failing(
        "max-tokens-null-crash",
        "max_tokens.null.accepts",
        crashing(null("max_tokens")),
        "max_tokens",
        with_it="max_tokens.both.null mm.null mm.monotone.good together.*",
    ),
    failing(
        "tools-too-many-crash",
        "tools.max.refuses",
        stumbling(many_tools),
        "tools",
        with_it="mm.tools.legacy mm.monotone.bad mm.repeat.neg",
    ),
    failing(
        "bias-key-word-crash",
        "logit_bias.key.numeric.refuses",
        stumbling(word_key),
        "logit_bias",
        with_it="logit_bias.key.* mm.monotone.bad mm.repeat.neg mm.isolation many.refusals",
    ),
    failing(
        "n-several-error-200",
        "n.few.accepts",
        erring_with_200(),
        "n",
        with_it="n.* gate.n gate.multiple_choices mm.monotone.good mm.isolation.options many.* res.* sse.* ef.*"
        " together.*",
    ),
    # --- moved --------------------------------------------------------------------------------------------------------
    refused(
        "function-parameters-absent-refused",
        "functions.parameters.optional.accepts",
        refusing_valid(bare_function),
        prop="functions",
        with_it="functions.*.accepts function_call.*.accepts functions.* function_call.* gate.functions"
        " gate.function_call gate.forced_function stream.functions.accepts mm.* res.* ef.* sse.* together.*",
    ),
    refused(
        "top-p-integer-refused",
        "mm.number",
        refusing_valid(whole_top_p),
        prop="top_p",
        with_it="top_p.*.accepts gate.top_p mm.default mm.default.should mm.monotone.good mm.isolation.options"
        " together.*",
    ),
    refused(
        "modalities-null-refused",
        "modalities.null.accepts",
        refusing_valid(null("modalities")),
        prop="modalities",
        with_it="mm.null mm.default mm.default.should mm.monotone.good together.*",
    ),
    failing(
        "description-newline-crash",
        "fn.description.accepts",
        crashing(told_in_lines),
        "tools",
        with_it="fn.description.* mm.tools.legacy mm.monotone.good together.*",
    ),
    failing(
        "named-several-tools-crash",
        "tool_choice.named.shape.accepts",
        crashing(named_of_several),
        "tool_choice",
        with_it="tool_choice.named.* stream.tool_choice.accepts gate.tool_choice gate.forced_tool ef.choice.named*"
        " res.* sse.* many.tools client.tools* mm.tools.legacy mm.monotone.good together.*",
    ),
]
