"""Servers where a property has not its effect, from the twelfth blind list. See ``BLIND_12.md``."""

from __future__ import annotations

from dataclasses import replace

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.text import bound, stops, take

from .blind10_effects import is_json_mode
from .blind_common import Body, messages_of
from .blind_effects import wanted
from .effects_common import choosing, cold, planning, replying, without
from .stream_common import collection

LONG = 3
"""Messages of the longest conversation in which a schema is heard."""
MARK = "\ufeff"


effect = collection("blind12-", family="ignored")


def stop_words(body: Body) -> Body:
    """The body with the stop strings that are no number."""
    left = [string for string in stops(body) if not string.isdecimal()]
    if len(left) == len(stops(body)):
        return body
    return {**body, "stop": left} if left else without("stop")(body)


def marked(body: Body, choice: Choice) -> Choice:
    if not is_json_mode(body) or not choice.speaks:
        return choice
    written = take((MARK, *choice.tokens), bound(body))
    return replace(choice, tokens=written.tokens, finish="length" if written.cut else choice.finish)


def cold_unbound(body: Body) -> Body:
    return without("max_tokens")(body) if cold(body) else body


def long_text(body: Body) -> Body:
    long = len(messages_of(body)) > LONG
    return without("response_format")(body) if long and wanted(body).get("type") == "json_schema" else body


def led(body: Body) -> bool:
    """Whether the first message is the system's."""
    return messages_of(body)[0].get("role") == "system"


def free_after_system(body: Body) -> Body:
    return without("tool_choice")(body) if led(body) and body.get("tool_choice") == "none" else body


def unbound_after_system(body: Body) -> Body:
    return without("max_completion_tokens")(body) if led(body) else body


def parallel_after_system(body: Body) -> Body:
    return without("parallel_tool_calls")(body) if led(body) else body


def single_if_stopped(body: Body) -> Body:
    return without("n")(body) if stops(body) else body


def uncounted(body: Body, reply: Reply) -> Reply:
    return replace(reply, include_usage=reply.include_usage and not stops(body))


MUTANTS = [
    effect(
        "stop-digits-missed",
        "ef.stop",
        planning(stop_words),
        prop="stop",
        with_it="ef.stop.* mm.stop.scalar many.* res.finish.*",
    ),
    effect(
        "json-object-bom",
        "ef.json_object",
        choosing(marked),
        prop="response_format",
        with_it="ef.json_object.* gate.json_object res.finish.*",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    effect(
        "bound-lost-cold",
        "ef.maxtokens",
        planning(cold_unbound),
        prop="max_tokens",
        with_it="ef.maxtokens.* ef.length ef.length.* ef.monotone.max mm.alias mm.alias.bound many.bounds res.finish.*",
    ),
    effect(
        "completion-lost-with-system",
        "ef.maxtokens.completion",
        planning(unbound_after_system),
        prop="max_completion_tokens",
        with_it="ef.maxtokens.completion.* ef.length.completion ef.length.completion.* mm.alias mm.alias.bound"
        " many.bounds res.finish.*",
    ),
    effect(
        "n-lost-with-stop",
        "res.choices.count",
        planning(single_if_stopped),
        prop="n",
        with_it="res.choices.* sse.choice.count gate.multiple_choices many.choices ef.stop*",
    ),
    effect(
        "parallel-off-lost-with-system",
        "ef.parallel.off",
        planning(parallel_after_system),
        prop="parallel_tool_calls",
        with_it="ef.parallel.off.stream many.tools",
    ),
    effect(
        "schema-lost-long",
        "ef.json_schema",
        planning(long_text),
        prop="response_format",
        with_it="ef.json_schema.* many.schemas",
    ),
    effect(
        "none-lost-with-system",
        "ef.choice.none",
        planning(free_after_system),
        prop="tool_choice",
        with_it="ef.choice.none.stream many.tools",
    ),
    effect(
        "usage-lost-with-stop",
        "sse.usage.on",
        replying(uncounted),
        prop="stream_options",
        family="stream",
        with_it="sse.usage.on.* res.usage.* ef.prompt.tokens.stream gate.stream_usage",
    ),
]
