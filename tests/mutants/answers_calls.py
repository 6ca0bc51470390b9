"""Servers whose calls are wrong: of tools and of functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Reference

from .answers_common import (
    Members,
    each_call,
    each_called_function,
    each_legacy_call,
    each_message,
    planned,
    row,
    setting,
    turning,
    when,
    without,
)
from .base import answering, each_choice


def each_calls(turn: Any) -> Reference:
    """With other ``tool_calls`` where there are some."""
    return answering(each_message(turning("tool_calls", turn)))


def uncalled(value: Any) -> Reference:
    """With ``tool_calls`` of no call."""
    return answering(each_message(when(lambda message: "tool_calls" not in message, setting(tool_calls=value))))


def flat(call: Members) -> None:
    """Name and arguments beside the id."""
    call.update(call.pop("function"))


def chosen(choice: Members) -> bool:
    """Whether the model called without being told which tool."""
    return choice["finish_reason"] == "tool_calls"


def strict_names(body: Mapping[str, Any]) -> set[str]:
    """The tools with ``strict``."""
    functions = [tool["function"] for tool in body.get("tools") or ()]
    return {function["name"] for function in functions if function.get("strict") is True}


def loose(body: Mapping[str, Any], reply: Reply) -> Reply:
    """Arguments of strict tools without their last brace."""
    names = strict_names(body)

    def cut(choice: Choice) -> Choice:
        calls = [replace(call, arguments=call.arguments[:-1]) if call.name in names else call for call in choice.calls]
        return replace(choice, calls=tuple(calls))

    return replace(reply, choices=tuple(cut(choice) for choice in reply.choices))


def quoted(arguments: str) -> str:
    """An object as Python prints it."""
    return arguments if arguments == "{}" else repr(json.loads(arguments)) if arguments.endswith("}") else arguments


def twice(arguments: str) -> str:
    """JSON inside a JSON string."""
    return json.dumps(arguments)


NAMED = "gate.forced_tool ef.choice.named"

TOOLS = [
    row(
        "answer-calls-object",
        "res.toolcalls.shape",
        each_calls(lambda calls: calls[0]),
        "gate.forced_tool ef.echo ef.choice.required",
        prop="tools",
    ),
    row(
        "answer-calls-strings",
        "res.toolcalls.shape",
        each_calls(lambda calls: [json.dumps(call) for call in calls]),
        "gate.forced_tool ef.echo",
        prop="tools",
    ),
    row(
        "answer-calls-null-second",
        "res.toolcalls.shape",
        each_calls(lambda calls: [*calls[:1], *[None for _ in calls[1:]]]),
        prop="parallel_tool_calls",
    ),
    row("answer-call-id-missing", "res.toolcalls.id", answering(each_call(without("id"))), "ef.echo", prop="tools"),
    row("answer-call-id-empty", "res.toolcalls.id", answering(each_call(setting(id=""))), prop="tools"),
    row("answer-call-id-null", "res.toolcalls.id", answering(each_call(setting(id=None))), "ef.echo", prop="tools"),
    row("answer-call-id-number", "res.toolcalls.id", answering(each_call(setting(id=0))), "ef.echo", prop="tools"),
    row(
        "answer-call-id-constant",
        "res.toolcalls.id.unique",
        answering(each_call(setting(id="call_0"))),
        prop="parallel_tool_calls",
    ),
    row(
        "answer-call-type-missing", "res.toolcalls.type", answering(each_call(without("type"))), "ef.echo", prop="tools"
    ),
    row(
        "answer-call-type-null", "res.toolcalls.type", answering(each_call(setting(type=None))), "ef.echo", prop="tools"
    ),
    row(
        "answer-call-type-tool",
        "res.toolcalls.type",
        answering(each_call(setting(type="tool_call"))),
        "ef.echo",
        prop="tools",
    ),
    row("answer-call-flat", "res.toolcalls.function", answering(each_call(flat)), f"{NAMED} ef.echo", prop="tools"),
    row(
        "answer-call-name-missing",
        "res.toolcalls.function",
        answering(each_called_function(without("name"))),
        f"{NAMED} ef.echo",
        prop="tools",
    ),
    row(
        "answer-call-name-null",
        "res.toolcalls.function",
        answering(each_called_function(setting(name=None))),
        f"{NAMED} ef.echo",
        prop="tools",
    ),
    row(
        "answer-call-name-empty",
        "res.toolcalls.function",
        answering(each_called_function(setting(name=""))),
        f"{NAMED} ef.echo res.toolcalls.name",
        prop="tools",
    ),
    row(
        "answer-arguments-missing",
        "res.toolcalls.arguments",
        answering(each_called_function(without("arguments"))),
        "ef.echo",
        prop="tools",
    ),
    row(
        "answer-arguments-null",
        "res.toolcalls.arguments",
        answering(each_called_function(setting(arguments=None))),
        "ef.echo",
        prop="tools",
    ),
    row(
        "answer-arguments-null-if-none",
        "res.toolcalls.arguments",
        answering(each_called_function(turning("arguments", lambda text: None if text == "{}" else text))),
        "ef.echo",
        prop="tools",
    ),
    row(
        "answer-arguments-object-second",
        "res.toolcalls.arguments",
        each_calls(
            lambda calls: [
                *calls[:1],
                *[{**call, "function": {**call["function"], "arguments": {}}} for call in calls[1:]],
            ]
        ),
        prop="parallel_tool_calls",
    ),
    row(
        "answer-arguments-python",
        "res.toolcalls.args",
        answering(each_called_function(turning("arguments", quoted))),
        "res.toolcalls.args.strict",
        prop="tools",
    ),
    row(
        "answer-arguments-twice",
        "res.toolcalls.args",
        answering(each_called_function(turning("arguments", twice))),
        "res.toolcalls.args.strict",
        prop="tools",
    ),
    row(
        "answer-arguments-empty-if-none",
        "res.toolcalls.args",
        answering(each_called_function(turning("arguments", lambda text: "" if text == "{}" else text))),
        "res.toolcalls.args.strict",
        prop="tools",
    ),
    row(
        "answer-arguments-fenced",
        "res.toolcalls.args",
        answering(each_called_function(turning("arguments", lambda text: f"```json\n{text}\n```"))),
        "res.toolcalls.args.strict",
        prop="tools",
    ),
    row(
        "answer-arguments-array",
        "res.toolcalls.args",
        answering(each_called_function(turning("arguments", lambda text: f"[{text}]"))),
        "res.toolcalls.args.strict",
        prop="tools",
    ),
    row(
        "answer-arguments-strict-cut",
        "res.toolcalls.args.strict",
        planned(loose, streams=False),
        "res.toolcalls.args",
        prop="tools",
    ),
    row(
        "answer-call-name-prefixed",
        "res.toolcalls.name",
        answering(each_called_function(turning("name", lambda name: f"functions.{name}"))),
        f"{NAMED} ef.echo",
        prop="tools",
    ),
    row(
        "answer-call-name-lower",
        "res.toolcalls.name",
        answering(each_called_function(turning("name", str.lower))),
        NAMED,
        prop="tools",
    ),
    row(
        "answer-call-name-prefixed-chosen",
        "res.toolcalls.name",
        answering(
            each_choice(
                when(
                    chosen,
                    lambda choice: [
                        call["function"].update(name=f"functions.{call['function']['name']}")
                        for call in choice["message"]["tool_calls"]
                    ],
                )
            )
        ),
        prop="tools",
    ),
    row("answer-calls-none-empty", "res.toolcalls.absent", uncalled([]), "ef.echo.text", prop="tools"),
    row("answer-calls-none-null", "res.toolcalls.absent", uncalled(None), prop="tools"),
]

FUNCTIONS = [
    row(
        "answer-function-string",
        "res.functioncall.shape",
        answering(each_message(turning("function_call", lambda call: call["name"]))),
        "gate.forced_function",
        prop="functions",
    ),
    row(
        "answer-function-arguments-object",
        "res.functioncall.shape",
        answering(each_legacy_call(setting(arguments={}))),
        prop="functions",
    ),
    row(
        "answer-function-arguments-missing",
        "res.functioncall.shape",
        answering(each_legacy_call(without("arguments"))),
        prop="functions",
    ),
    row(
        "answer-function-name-missing",
        "res.functioncall.shape",
        answering(each_legacy_call(without("name"))),
        "gate.forced_function",
        prop="functions",
    ),
]

MUTANTS = [*TOOLS, *FUNCTIONS]
