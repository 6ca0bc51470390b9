"""Servers whose plain answers break one promise."""

from __future__ import annotations

from typing import Any

from .base import Mutant, answering, each_choice, of


def finish(choice: dict[str, Any]) -> None:
    """An unknown word for a stop."""
    choice["finish_reason"] = "eos" if choice["finish_reason"] == "stop" else choice["finish_reason"]


def arguments_as_object(choice: dict[str, Any]) -> None:
    """Arguments of calls as an object instead of a string of JSON."""
    for call in choice["message"].get("tool_calls") or ():
        call["function"]["arguments"] = {}


MUTANTS = [
    Mutant(
        name="usage-sum",
        property="answer",
        family="answer",
        server=answering(lambda body: body["usage"].update(total_tokens=body["usage"]["total_tokens"] + 1)),
        fails=of("res.usage.sum"),
    ),
    Mutant(
        name="object-wrong",
        property="answer",
        family="answer",
        server=answering(lambda body: body.update(object="text_completion")),
        fails=of("res.object"),
    ),
    Mutant(
        name="created-float",
        property="answer",
        family="answer",
        server=answering(lambda body: body.update(created=body["created"] + 0.5)),
        fails=of("res.created"),
    ),
    Mutant(
        name="model-missing",
        property="answer",
        family="answer",
        server=answering(lambda body: body.pop("model")),
        fails=of("res.required"),
    ),
    Mutant(
        name="one-choice",
        property="n",
        family="ignored",
        server=answering(lambda body: body.update(choices=body["choices"][:1])),
        fails=of("gate.multiple_choices"),
        with_it=of("res.choices.count"),
    ),
    Mutant(
        name="finish-eos",
        property="answer",
        family="answer",
        server=answering(each_choice(finish)),
        fails=of("res.finish.enum"),
        with_it=of("res.finish.stop"),
    ),
    Mutant(
        name="role-user",
        property="answer",
        family="answer",
        server=answering(each_choice(lambda choice: choice["message"].update(role="user"))),
        fails=of("res.message.role"),
    ),
    Mutant(
        name="arguments-object",
        property="tools",
        family="answer",
        server=answering(each_choice(arguments_as_object)),
        fails=of("res.toolcalls.arguments"),
    ),
]
