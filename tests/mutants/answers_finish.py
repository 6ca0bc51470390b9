"""Servers that say the wrong reason for the end of an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Finish, Reply
from chatproof.conformance.reference.behaviour import Reference

from .answers_common import Change, Members, later_choices, planned, row, setting, turning, when, written_out
from .base import answering, each_choice


def ends(words: Mapping[str, Any], test: Callable[[Members], Any] = bool) -> Change:
    """Other words for finish reasons, in the choices that pass the test."""
    changed = turning("finish_reason", lambda word: words.get(word, word))
    return each_choice(when(test, changed))


def ended(turn: Callable[[Mapping[str, Any], Choice], Finish]) -> Reference:
    """Finish reasons by request and choice, in plain answers."""

    def changed(body: Mapping[str, Any], reply: Reply) -> Reply:
        return replace(reply, choices=tuple(replace(choice, finish=turn(body, choice)) for choice in reply.choices))

    return planned(changed, streams=False)


def hard_coded(body: Mapping[str, Any], choice: Choice) -> Finish:
    """The same word for every end, as in an engine that never looked."""
    return "stop"


def cut_by_new_name(body: Mapping[str, Any], choice: Choice) -> Finish:
    """A cut by max_completion_tokens is not noticed."""
    return "stop" if choice.finish == "length" and "max_completion_tokens" in body else choice.finish


def cut_call(body: Mapping[str, Any], choice: Choice) -> Finish:
    """A call that was cut counts as a call."""
    return "tool_calls" if choice.calls and choice.finish == "length" else choice.finish


def forced_by_name(body: Mapping[str, Any], choice: Choice) -> Finish:
    """The word of legacy calls where tool_choice names a tool."""
    return "function_call" if isinstance(body.get("tool_choice"), dict) and choice.calls else choice.finish


def required(body: Mapping[str, Any], choice: Choice) -> Finish:
    """An exhausted answer where a call was required."""
    return "content_filter" if body.get("tool_choice") == "required" and choice.calls else choice.finish


def legacy_text(body: Mapping[str, Any], choice: Choice) -> Finish:
    """A legacy call is told wherever functions were declared."""
    return "function_call" if body.get("functions") and choice.finish == "stop" and choice.speaks else choice.finish


def offered(body: Mapping[str, Any], choice: Choice) -> Finish:
    """A call is told wherever tools were declared."""
    return "tool_calls" if body.get("tools") and choice.finish == "stop" and choice.speaks else choice.finish


def structured(body: Mapping[str, Any], choice: Choice) -> Finish:
    """A call is told where JSON was written, as by servers that make JSON with a hidden tool."""
    form = body.get("response_format")
    hidden = isinstance(form, dict) and form.get("type") == "json_schema" and choice.finish == "stop"
    return "tool_calls" if hidden else choice.finish


def stopped(body: Mapping[str, Any], choice: Choice) -> Finish:
    """Length where a bound was given, whatever ended the text."""
    bounded = body.get("max_tokens") or body.get("max_completion_tokens")
    return "length" if bounded and choice.finish == "stop" and choice.speaks else choice.finish


def calls(choice: Members) -> bool:
    return bool(choice["message"].get("tool_calls"))


def several(choice: Members) -> bool:
    return len(choice["message"].get("tool_calls") or ()) > 1


def legacy(choice: Members) -> bool:
    return "function_call" in choice["message"]


WORDS = "res.finish.length ef.length ef.length.completion"

MUTANTS = [
    row("finish-eos", "res.finish.enum", answering(ends({"stop": "eos"})), "ef.stop.finish"),
    row(
        "answer-finish-eos-token",
        "res.finish.enum",
        answering(ends({"stop": "eos_token"}, written_out)),
        "ef.stop.finish",
    ),
    row(
        "answer-finish-upper",
        "res.finish.enum",
        answering(each_choice(turning("finish_reason", str.upper))),
        f"{WORDS} res.finish.* ef.stop.finish",
    ),
    row("answer-finish-null", "res.finish.enum", answering(ends({"stop": None})), "ef.stop.finish"),
    row("answer-finish-empty", "res.finish.enum", answering(ends({"stop": ""})), "ef.stop.finish"),
    row(
        "answer-finish-end-turn",
        "res.finish.enum",
        answering(ends({"stop": "end_turn"}, written_out)),
        "ef.stop.finish",
    ),
    row("answer-finish-max-tokens", "res.finish.enum", answering(ends({"length": "max_tokens"})), WORDS),
    row(
        "answer-finish-tool-use",
        "res.finish.enum",
        answering(ends({"tool_calls": "tool_use"})),
        "res.finish.tools res.finish.forced",
    ),
    row(
        "answer-finish-tool-call",
        "res.finish.enum",
        answering(ends({"tool_calls": "tool_call"})),
        "res.finish.tools res.finish.forced",
    ),
    row(
        "answer-finish-null-second", "res.finish.enum", answering(later_choices(setting(finish_reason=None))), prop="n"
    ),
    row(
        "answer-finish-null-logprobs",
        "res.finish.enum",
        answering(each_choice(when(lambda choice: choice["logprobs"], setting(finish_reason=None)))),
        prop="logprobs",
    ),
    row(
        "answer-finish-hard-coded",
        "res.finish.length res.finish.tools res.finish.function ef.length ef.length.completion",
        ended(hard_coded),
    ),
    row(
        "answer-finish-cut-stop",
        "res.finish.length ef.length ef.length.completion",
        answering(ends({"length": "stop"})),
        "res.toolcalls.args",
        prop="max_tokens",
    ),
    row(
        "answer-finish-cut-completion",
        "res.finish.length ef.length.completion",
        ended(cut_by_new_name),
        prop="max_completion_tokens",
    ),
    row(
        "answer-finish-cut-second",
        "res.finish.length",
        answering(later_choices(turning("finish_reason", lambda word: "stop" if word == "length" else word))),
        prop="n",
    ),
    row("answer-finish-cut-call", "res.finish.length", ended(cut_call), "res.toolcalls.args", prop="tools"),
    row(
        "answer-finish-cut-logprobs",
        "res.finish.length",
        answering(ends({"length": "stop"}, lambda choice: choice["logprobs"])),
        prop="logprobs",
    ),
    row("answer-finish-length-always", "res.finish.early", ended(stopped), "ef.stop.finish", prop="max_tokens"),
    row("answer-finish-tools-stop", "res.finish.tools", answering(ends({"tool_calls": "stop"})), prop="tools"),
    row(
        "answer-finish-tools-several",
        "res.finish.tools",
        answering(ends({"tool_calls": "stop"}, several)),
        prop="parallel_tool_calls",
    ),
    row(
        "answer-finish-tools-legacy",
        "res.finish.tools res.finish.forced",
        answering(ends({"tool_calls": "function_call"})),
        prop="tools",
    ),
    row(
        "answer-finish-tools-length",
        "res.finish.early",
        answering(ends({"tool_calls": "length"}, calls)),
        "res.finish.forced",
        prop="tools",
    ),
    row(
        "answer-finish-named-legacy",
        "res.finish.forced",
        ended(forced_by_name),
        "res.finish.length",
        prop="tool_choice",
    ),
    row("answer-finish-required-filter", "res.finish.forced", ended(required), prop="tool_choice"),
    row("answer-finish-calls-offered", "res.finish.calls", ended(offered), "ef.stop.finish", prop="tools"),
    row("answer-finish-calls-legacy", "res.finish.calls", ended(legacy_text), "ef.stop.finish", prop="functions"),
    row("answer-finish-calls-json", "res.finish.calls", ended(structured), prop="response_format"),
    row(
        "answer-finish-function-stop",
        "res.finish.function",
        answering(ends({"function_call": "stop"})),
        prop="functions",
    ),
    row(
        "answer-finish-function-tools",
        "res.finish.function",
        answering(ends({"function_call": "tool_calls"}, legacy)),
        prop="functions",
    ),
]
