"""Servers that judge the choice of a tool, or functions and the choice of one, wrongly."""

from __future__ import annotations

from collections.abc import Callable

from chatproof.conformance.reference.behaviour import Reference

from .base import bounded, unchecked
from .requests_making import (
    Body,
    about,
    crashing,
    drop_if,
    entries,
    first_of,
    is_integer,
    is_object,
    is_text,
    reading,
    refusing_valid,
    rewriting,
    set_if,
    stumbling,
    viewing,
    within,
)
from .requests_tools import DOTTED, functions


def each_legacy(change: Callable[[Body], object]) -> Reference:
    """A server that reads every one of ``functions`` as another one."""
    return rewriting(lambda body: [change(function) for function in entries(body, "functions")])


def any_legacy(test: Callable[[Body], object]) -> Callable[[Body], bool]:
    return lambda body: any(test(function) for function in entries(body, "functions"))


def absent(body: Body) -> bool:
    """A choice names a tool that is not there."""
    choice = body.get("tool_choice")
    named = choice.get("function") if isinstance(choice, dict) else None
    wanted = named.get("name") if isinstance(named, dict) else None
    return is_text(wanted) and bool(entries(body, "tools")) and wanted not in [f.get("name") for f in functions(body)]


def flattened(choice: Body) -> None:
    """The object form of ``function_call``, which a lax server takes for a tool too."""
    if "function" not in choice and "name" in choice:
        choice.update(type="function", function={"name": choice.pop("name")})


tool_choice_row = about("tool_choice")
parallel_tool_calls_row = about("parallel_tool_calls")
functions_row = about("functions")
function_call_row = about("function_call")

CHOICES = [
    tool_choice_row("choice-any-word", "enum", unchecked("tool_choice.enum"), "tool_choice.enum.refuses"),
    tool_choice_row("choice-number", "type", reading("tool_choice", is_integer), "gate.tool_choice"),
    tool_choice_row(
        "choice-boolean",
        "type",
        reading("tool_choice", lambda value: isinstance(value, bool), lambda value: "auto" if value else "none"),
        "tool_choice.type.refuses",
    ),
    tool_choice_row(
        "choice-named-refused",
        "refused",
        refusing_valid(lambda body: is_object(body.get("tool_choice"))),
        "tool_choice.named.shape.accepts",
    ),
    tool_choice_row(
        "choice-required-refused",
        "refused",
        refusing_valid(lambda body: body.get("tool_choice") == "required"),
        "tool_choice.required.accepts",
    ),
    tool_choice_row(
        "choice-auto-refused",
        "refused",
        refusing_valid(lambda body: body.get("tool_choice") == "auto"),
        "gate.tool_choice",
        "mm.default",
    ),
    tool_choice_row(
        "choice-none-crash",
        "crash",
        crashing(lambda body: body.get("tool_choice") == "none" and body.get("tools")),
        "tool_choice.enum.accepts",
        "functions.and.tools.choices.accepts tool_choice.required.accepts",
    ),
    tool_choice_row(
        "choice-legacy-form",
        "type",
        within("tool_choice", flattened),
        "tool_choice.legacy.form.refuses",
        "tool_choice.named.shape.refuses",
    ),
    tool_choice_row(
        "choice-type-guessed",
        "required",
        within("tool_choice", lambda choice: choice.setdefault("type", "function") if "function" in choice else None),
        "tool_choice.named.shape.refuses",
    ),
    tool_choice_row(
        "choice-name-guessed",
        "required",
        within(
            "tool_choice",
            lambda choice: (
                choice["function"].setdefault("name", "get_weather") if is_object(choice.get("function")) else None
            ),
        ),
        "tool_choice.named.shape.refuses",
    ),
    tool_choice_row(
        "choice-absent",
        "coupling",
        unchecked("tool_choice.named.exists"),
        "tool_choice.named.exists.refuses",
        "function_call.named.exists",
    ),
    tool_choice_row("choice-absent-crash", "crash", stumbling(absent), "tool_choice.named.exists.refuses"),
    tool_choice_row(
        "choice-without-tools",
        "coupling",
        unchecked("tool_choice.needs.tools"),
        "tool_choice.needs.tools.refuses tool_choice.with.functions.refuses",
    ),
    tool_choice_row(
        "choice-without-tools-crash",
        "crash",
        stumbling(lambda body: body.get("tool_choice") == "auto" and "tools" not in body),
        "tool_choice.needs.tools.refuses",
        "tool_choice.with.functions.refuses",
    ),
    parallel_tool_calls_row(
        "parallel-without-tools",
        "coupling",
        unchecked("parallel_tool_calls.needs.tools"),
        "parallel_tool_calls.needs.tools.refuses parallel_tool_calls.with.functions.refuses",
    ),
    parallel_tool_calls_row(
        "parallel-false-refused",
        "refused",
        refusing_valid(lambda body: body.get("parallel_tool_calls") is False),
        "parallel_tool_calls.type.accepts",
        "parallel_tool_calls.needs.tools.accepts",
    ),
    parallel_tool_calls_row(
        "parallel-default-refused",
        "refused",
        refusing_valid(lambda body: body.get("parallel_tool_calls") is True),
        "gate.parallel_tool_calls",
        "mm.default",
    ),
]

LEGACY = [
    functions_row("functions-empty", "bound", unchecked("functions.min"), "functions.min.refuses"),
    functions_row("functions-129", "bound", bounded(functions_max=129), "functions.max.refuses"),
    functions_row("functions-127", "bound", bounded(functions_max=127), "functions.max.accepts"),
    functions_row(
        "functions-first-only", "type", viewing("functions.type", first_of("functions")), "functions.item.refuses"
    ),
    functions_row("functions-word", "type", reading("functions", is_text), "functions.type.refuses"),
    functions_row(
        "function-name-guessed",
        "required",
        each_legacy(lambda function: function.setdefault("name", "f")),
        "functions.name.refuses",
        "functions.tool.form.refuses",
    ),
    functions_row(
        "function-name-number", "type", each_legacy(set_if("name", is_integer, "f")), "functions.name.type.refuses"
    ),
    functions_row(
        "function-name-dotted",
        "pattern",
        each_legacy(set_if("name", lambda name: is_text(name) and DOTTED.fullmatch(name) and "." in name, "f")),
        "functions.name.pattern.refuses",
    ),
    functions_row(
        "function-name-long",
        "bound",
        each_legacy(set_if("name", lambda name: is_text(name) and len(name) > 64, "f")),
        "functions.name.maxlen.refuses",
    ),
    functions_row(
        "function-name-63",
        "bound",
        refusing_valid(any_legacy(lambda function: len(function["name"]) == 64)),
        "functions.name.maxlen.accepts",
    ),
    functions_row(
        "function-description-number",
        "type",
        each_legacy(set_if("description", is_integer, "7")),
        "functions.description.type.refuses",
    ),
    functions_row(
        "function-parameters-needed",
        "refused",
        refusing_valid(any_legacy(lambda function: "parameters" not in function)),
        "functions.parameters.optional.accepts",
        "functions.max.accepts",
    ),
    functions_row(
        "function-parameters-text",
        "type",
        each_legacy(drop_if("parameters", is_text)),
        "functions.parameters.type.refuses",
    ),
    functions_row(
        "function-tool-form",
        "type",
        each_legacy(
            lambda function: function.update(function.pop("function")) if is_object(function.get("function")) else None
        ),
        "functions.tool.form.refuses",
    ),
    functions_row(
        "functions-and-tools",
        "coupling",
        unchecked("functions.and.tools"),
        "functions.and.tools.refuses functions.and.tools.name.refuses functions.and.tools.choice.refuses",
    ),
    functions_row(
        "functions-several-refused",
        "refused",
        refusing_valid(lambda body: len(entries(body, "functions")) in (2, 3)),
        "functions.min.accepts",
    ),
    functions_row(
        "functions-128-crash",
        "crash",
        crashing(lambda body: len(entries(body, "functions")) == 128),
        "functions.max.accepts",
    ),
    functions_row("functions-history", "coupling", unchecked("functions.history"), "functions.history.refuses"),
    function_call_row(
        "function-choice-any-word",
        "enum",
        reading("function_call", lambda value: is_text(value) and value not in ("none", "auto"), lambda _: "auto"),
        "function_call.enum.refuses",
    ),
    function_call_row(
        "function-choice-required",
        "enum",
        bounded(function_choices=frozenset({"none", "auto", "required"})),
        "function_call.enum.refuses",
    ),
    function_call_row("function-choice-number", "type", reading("function_call", is_integer), "gate.function_call"),
    function_call_row(
        "function-choice-name-missing",
        "required",
        reading("function_call", lambda value: value == {}),
        "function_call.named.shape.refuses",
    ),
    function_call_row(
        "function-choice-tool-form",
        "type",
        within(
            "function_call", lambda call: call.update(call.pop("function")) if is_object(call.get("function")) else None
        ),
        "function_call.tool.form.refuses",
        "function_call.named.shape.refuses",
    ),
    function_call_row(
        "function-choice-without-functions",
        "coupling",
        unchecked("function_call.needs.functions"),
        "function_call.needs.functions.refuses function_call.with.tools.refuses",
    ),
    function_call_row(
        "function-choice-named-refused",
        "refused",
        refusing_valid(lambda body: is_object(body.get("function_call"))),
        "function_call.enum.accepts",
    ),
    function_call_row(
        "function-choice-none-crash",
        "crash",
        crashing(lambda body: body.get("function_call") == "none" and body.get("functions")),
        "function_call.enum.accepts",
        "functions.and.tools.choices.accepts",
    ),
    function_call_row(
        "function-choice-auto-refused",
        "refused",
        refusing_valid(lambda body: body.get("function_call") == "auto"),
        "gate.function_call",
    ),
]

MUTANTS = [*CHOICES, *LEGACY]
