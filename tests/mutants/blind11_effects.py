"""Servers where a property has not its effect, from the eleventh blind list. See ``BLIND_11.md``."""

from __future__ import annotations

from dataclasses import replace

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.text import bound, stops

from .blind6_taken import streamed
from .blind8_effects import stop_left
from .blind_common import Body
from .blind_effects import wanted
from .effects_common import choosing, planning, without
from .requests_making import null, rewriting
from .stream_common import collection

JSON_TYPES = ("json_object", "json_schema")
RETURN = "<|return|>"


effect = collection("blind11-", family="ignored")


def unstopped(body: Body, choice: Choice) -> tuple[str, ...]:
    """The tokens that the choice would have without stop strings."""
    return answers.write(without("stop")(body), choice.index).tokens


def with_brace(body: Body, choice: Choice) -> Choice:
    """The template opens the object, and so does the grammar: one token has both braces, so the count stays."""
    if not streamed(body) or wanted(body).get("type") not in JSON_TYPES or not choice.speaks:
        return choice
    text = "".join(choice.tokens)
    return replace(choice, tokens=("{" + choice.tokens[0], *choice.tokens[1:])) if text.startswith("{") else choice


def with_return(body: Body, choice: Choice) -> Choice:
    """The last token has more text, where the answer came to its own end."""
    if wanted(body).get("type") != "json_schema" or not choice.speaks or choice.finish != "stop":
        return choice
    if not choice.tokens or unstopped(body, choice) != choice.tokens:
        return choice
    return replace(choice, tokens=(*choice.tokens[:-1], choice.tokens[-1] + RETURN))


def uncounted(body: Body) -> Body:
    return without("logprobs")(body) if null("top_logprobs")(body) else body


def called_off(body: Body, choice: Choice) -> Choice:
    """A text where no tool may be called, which ends as if one had been."""
    off = bool(body.get("tools")) and body.get("tool_choice") == "none"
    return replace(choice, finish="tool_calls") if off and choice.speaks and choice.finish == "stop" else choice


def stopped_as_cut(body: Body, choice: Choice) -> Choice:
    """The engine wrote on to the bound, and its reason to end is told."""
    bounded = streamed(body) and stops(body) and bound(body) is not None
    if not bounded or not choice.speaks or choice.finish != "stop":
        return choice
    return choice if unstopped(body, choice) == choice.tokens else replace(choice, finish="length")


# --- moved ------------------------------------------------------------------------------------------------------------


def parallel_stream(body: Body) -> Body:
    return without("parallel_tool_calls")(body) if streamed(body) else body


def several_unbound(body: Body) -> Body:
    several = isinstance(body.get("n"), (int, float)) and body["n"] > 1
    return without("max_completion_tokens")(body) if several else body


def later_unstopped(body: Body, choice: Choice) -> Choice:
    return stop_left({**body, "logprobs": True}, choice) if choice.index else choice


def null_as_true(body: Body) -> None:
    if null("stream")(body):
        body["stream"] = True


MUTANTS = [
    effect(
        "stream-json-brace-twice",
        "ef.json_object.stream",
        choosing(with_brace),
        prop="response_format",
        with_it="ef.json_schema.stream ef.json_object.kind.stream stream.schema.accepts sse.equiv client.structured",
    ),
    effect(
        "schema-return-token",
        "gate.json_schema",
        choosing(with_return),
        prop="response_format",
        with_it="ef.json_schema ef.json_schema.* many.schemas client.structured",
    ),
    effect(
        "logprobs-lost-top-null",
        "ef.logprobs",
        planning(uncounted),
        prop="logprobs",
        with_it="mm.null top_logprobs.null.accepts res.logprobs.* sse.logprobs*",
    ),
    effect(
        "none-finish-calls",
        "res.finish.calls",
        choosing(called_off),
        prop="tool_choice",
        family="answer",
        with_it="res.finish.* ef.choice.none ef.choice.none.stream sse.tool.finish sse.finish* client.tools*",
    ),
    effect(
        "stream-stop-as-length",
        "ef.stop.finish.stream",
        choosing(stopped_as_cut),
        prop="stop",
        family="stream",
        with_it="res.finish.* ef.length.* ef.stop.*",
    ),
    # --- moved --------------------------------------------------------------------------------------------------------
    effect(
        "stream-parallel-off-lost",
        "ef.parallel.off.stream",
        planning(parallel_stream),
        prop="parallel_tool_calls",
        with_it="sse.equiv",
    ),
    effect(
        "completion-lost-several",
        "ef.maxtokens.completion",
        planning(several_unbound),
        prop="max_completion_tokens",
        with_it="ef.maxtokens.completion.* ef.length.completion ef.length.completion.stream mm.alias.bound"
        " many.choices many.bounds res.finish.*",
    ),
    effect(
        "stop-included-later-choices",
        "ef.stop",
        choosing(later_unstopped),
        prop="stop",
        with_it="ef.stop.* many.choices",
    ),
    effect(
        "stream-null-streamed",
        "stream.off",
        rewriting(null_as_true),
        prop="stream",
        with_it="gate.stream mm.null mm.default stream_options.* together.* mm.monotone.*",
    ),
]
