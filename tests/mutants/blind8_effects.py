"""Servers where a property has not its effect, from the eighth blind list. See ``BLIND_8.md``."""

from __future__ import annotations

from dataclasses import replace

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Call, Choice
from chatproof.conformance.reference.text import stops, whole

from .blind6_taken import streamed
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, without
from .requests_making import entries
from .stream_common import collection

effect = collection("blind8-", family="ignored")


def bound_raised(body: Body) -> Body:
    most = whole(body.get("max_completion_tokens"))
    return body if most is None else {**body, "max_completion_tokens": most + 1}


def first_named(body: Body) -> Body:
    """The body with a choice of the first tool, where any is named."""
    names = [function.get("name") for function in (tool.get("function") for tool in entries(body, "tools")) if function]
    if not isinstance(body.get("tool_choice"), dict) or not names:
        return body
    return {**body, "tool_choice": {"type": "function", "function": {"name": names[0]}}}


def strict_names(body: Body) -> set[str]:
    functions = [tool["function"] for tool in entries(body, "tools") if isinstance(tool.get("function"), dict)]
    return {function["name"] for function in functions if function.get("strict") is True}


def comma_before_brace(call: Call) -> Call:
    """The call with one character more in the last token of its arguments, so that the count of tokens stays."""
    text = "".join(call.arguments)
    return call if len(text) < 3 or text[-1] != "}" else replace(call, arguments=(*call.arguments[:-1], ",}"))


def with_commas(body: Body, choice: Choice) -> Choice:
    if choice.finish == "length" or not choice.calls:
        return choice
    names = strict_names(body)
    calls = tuple(comma_before_brace(call) if call.name in names else call for call in choice.calls)
    return replace(choice, calls=calls)


def one_streamed(body: Body) -> Body:
    return without("n")(body) if streamed(body) else body


def shapeless_stream(body: Body) -> Body:
    lost = streamed(body) and wanted(body).get("type") == "json_schema"
    return without("response_format")(body) if lost else body


def stop_left(body: Body, choice: Choice) -> Choice:
    """The text up to the end of the stop string that ends it."""
    if body.get("logprobs") is not True or not choice.speaks or not stops(body):
        return choice
    tokens = answers.write(without("stop")(body), choice.index).tokens
    text = "".join(tokens)
    found = [(place, string) for string in stops(body) if (place := text.find(string)) >= 0]
    if not found:
        return choice
    place, string = min(found)
    left, kept = place + len(string), list[str]()
    for token in tokens:
        if left <= 0:
            break
        kept.append(token[:left])
        left -= len(token)
    return replace(choice, tokens=tuple(kept))


def cut_as_stop(body: Body, choice: Choice) -> Choice:
    cut = choice.speaks and choice.finish == "length" and body.get("max_tokens") is not None
    return replace(choice, finish="stop") if cut and body.get("tools") else choice


MUTANTS = [
    effect(
        "completion-bound-plus-one",
        "ef.maxtokens.completion.exact",
        planning(bound_raised),
        prop="max_completion_tokens",
        with_it="ef.maxtokens.completion ef.maxtokens.completion.stream mm.alias.bound",
    ),
    effect(
        "named-first-called",
        "ef.choice.named",
        planning(first_named),
        prop="tool_choice",
        with_it="ef.choice.named.stream gate.forced_tool many.tools client.tools client.tools.stream",
    ),
    effect(
        "arguments-trailing-comma",
        "res.toolcalls.args.strict",
        choosing(with_commas),
        prop="tools",
        family="answer",
        with_it="res.toolcalls.args.strict.stream res.toolcalls.args res.toolcalls.args.schema"
        " res.toolcalls.args.schema.stream sse.tool.args client.tools client.tools.stream",
    ),
    effect(
        "stream-n-ignored", "sse.choice.count", planning(one_streamed), prop="n", with_it="many.choices many.streams"
    ),
    effect(
        "stream-schema-lost",
        "ef.json_schema.stream",
        planning(shapeless_stream),
        prop="response_format",
        with_it="many.schemas",
    ),
    effect("stop-leaks-with-logprobs", "ef.stop", choosing(stop_left), prop="stop", with_it="ef.stop.*"),
    effect(
        "finish-cut-stop-with-tools",
        "res.finish.length",
        choosing(cut_as_stop),
        prop="max_tokens",
        family="answer",
        with_it="res.finish.length.stream ef.length ef.length.stream",
    ),
]
