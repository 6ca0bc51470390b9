"""Servers that judge tools wrongly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from chatproof.conformance.reference.behaviour import Reference

from .base import bounded, unchecked
from .requests_making import (
    Body,
    about,
    crashing,
    drop_if,
    entries,
    first_of,
    is_array,
    is_integer,
    is_object,
    is_text,
    objects_only,
    odd_items,
    reading,
    refusing_valid,
    rewriting,
    set_if,
    stumbling,
    viewing,
)


def functions(body: Body) -> Iterator[Body]:
    """The functions of all tools."""
    for tool in entries(body, "tools"):
        if isinstance(tool.get("function"), dict):
            yield tool["function"]


def each_tool(change: Callable[[Body], object]) -> Reference:
    """A server that reads every tool as another one."""
    return rewriting(lambda body: [change(tool) for tool in entries(body, "tools")])


def each_function(change: Callable[[Body], object]) -> Reference:
    """A server that reads the function of every tool as another one."""
    return rewriting(lambda body: [change(function) for function in functions(body)])


def any_function(test: Callable[[Body], object]) -> Callable[[Body], bool]:
    return lambda body: any(test(function) for function in functions(body))


def nested(tool: Body) -> None:
    """The members of a function that lie in the tool itself, where another API has them."""
    if "function" not in tool and "name" in tool:
        tool["function"] = {key: tool.pop(key) for key in ("name", "description", "parameters") if key in tool}


def unnamed(body: Body) -> bool:
    return any("name" not in function for function in functions(body))


DOTTED = re.compile("[A-Za-z0-9_.-]+")


tools_row = about("tools")

TOOLS = [
    tools_row("tools-unbounded", "bound", unchecked("tools.max"), "tools.max.refuses"),
    tools_row("tools-129", "bound", bounded(tools_max=129), "tools.max.refuses"),
    tools_row("tools-127", "bound", bounded(tools_max=127), "tools.max.accepts"),
    tools_row("tools-empty", "bound", unchecked("tools.min"), "tools.min.refuses", "functions.and.tools.empty"),
    tools_row(
        "tools-one-only",
        "refused",
        refusing_valid(lambda body: len(entries(body, "tools")) > 1),
        "tools.type.accepts",
        "tools.max.accepts",
    ),
    tools_row(
        "tools-128-crash", "crash", crashing(lambda body: len(entries(body, "tools")) == 128), "tools.max.accepts"
    ),
    tools_row(
        "tools-single-object",
        "type",
        reading("tools", lambda value: is_object(value) and "function" in value, lambda value: [value]),
        "tools.type.refuses",
    ),
    tools_row("tools-word", "type", reading("tools", is_text), "tools.type.refuses"),
    tools_row("tool-items-dropped", "type", reading("tools", odd_items, objects_only), "tools.item.refuses"),
    tools_row(
        "tool-type-guessed",
        "required",
        each_tool(lambda tool: tool.setdefault("type", "function")),
        "tool.type.refuses",
    ),
    tools_row("tool-type-unchecked", "enum", unchecked("tool.type"), "tool.type.refuses tools.item.refuses"),
    tools_row(
        "tool-function-missing",
        "required",
        each_tool(lambda tool: tool.setdefault("function", {"name": "f"})),
        "tool.function.required.refuses",
        "tool.function.flat.refuses tools.legacy.form.refuses",
    ),
    tools_row(
        "tool-function-flat", "type", each_tool(nested), "tool.function.flat.refuses", "tools.legacy.form.refuses"
    ),
    tools_row(
        "tool-function-text",
        "type",
        each_tool(set_if("function", is_text, {"name": "f"})),
        "tool.function.type.refuses",
    ),
    tools_row(
        "tool-function-crash",
        "crash",
        stumbling(lambda body: any("function" not in tool for tool in entries(body, "tools"))),
        "tool.function.required.refuses",
        "tool.function.flat.refuses tools.legacy.form.refuses",
    ),
    tools_row(
        "tool-name-guessed",
        "required",
        each_function(lambda function: function.setdefault("name", "f")),
        "fn.name.required.refuses",
    ),
    tools_row("tool-name-missing-crash", "crash", stumbling(unnamed), "fn.name.required.refuses"),
    tools_row("tool-name-number", "type", each_function(set_if("name", is_integer, "f")), "fn.name.type.refuses"),
    tools_row(
        "tool-name-dotted",
        "pattern",
        each_function(set_if("name", lambda name: is_text(name) and DOTTED.fullmatch(name) and "." in name, "f")),
        "fn.name.pattern.refuses",
    ),
    tools_row(
        "tool-name-unicode",
        "pattern",
        each_function(
            set_if("name", lambda name: is_text(name) and re.fullmatch(r"[\w-]+", name) and not name.isascii(), "f")
        ),
        "fn.name.pattern.refuses",
    ),
    tools_row(
        "tool-name-empty",
        "pattern",
        each_function(set_if("name", lambda name: name == "", "f")),
        "fn.name.pattern.refuses",
    ),
    tools_row(
        "tool-name-newline",
        "pattern",
        each_function(set_if("name", lambda name: is_text(name) and re.fullmatch(r"[A-Za-z0-9_-]+\n", name), "f")),
        "fn.name.pattern.refuses",
    ),
    tools_row(
        "tool-name-first-only", "pattern", viewing("fn.name.pattern", first_of("tools")), "fn.name.pattern.refuses"
    ),
    tools_row(
        "tool-name-65",
        "bound",
        each_function(set_if("name", lambda name: is_text(name) and len(name) == 65, "f")),
        "fn.name.maxlen.refuses",
    ),
    tools_row(
        "tool-name-unbounded",
        "bound",
        each_function(set_if("name", lambda name: is_text(name) and len(name) > 64, "f")),
        "fn.name.maxlen.refuses",
    ),
    tools_row(
        "tool-name-63",
        "bound",
        refusing_valid(any_function(lambda function: len(function["name"]) == 64)),
        "fn.name.maxlen.accepts",
    ),
    tools_row(
        "tool-name-digit-refused",
        "refused",
        refusing_valid(any_function(lambda function: function["name"][0].isdigit())),
        "fn.name.pattern.accepts",
    ),
    tools_row(
        "tool-name-hyphen-refused",
        "refused",
        refusing_valid(any_function(lambda function: "-" in function["name"])),
        "fn.name.pattern.accepts",
    ),
    tools_row(
        "tool-description-number",
        "type",
        each_function(set_if("description", is_integer, "7")),
        "fn.description.type.refuses",
    ),
    tools_row(
        "tool-description-needed",
        "refused",
        refusing_valid(any_function(lambda function: "description" not in function)),
        "fn.description.accepts",
        "tools.max.accepts",
    ),
    tools_row(
        "tool-description-newline-refused",
        "refused",
        refusing_valid(any_function(lambda function: "\n" in (function.get("description") or ""))),
        "fn.description.accepts",
    ),
    tools_row(
        "tool-description-unbounded",
        "bound",
        each_function(drop_if("description", lambda text: is_text(text) and len(text) > 1024)),
        "fn.description.maxlen.refuses",
    ),
    tools_row(
        "tool-description-1000",
        "bound",
        refusing_valid(any_function(lambda function: len(function.get("description") or "") > 1000)),
        "fn.description.maxlen.accepts",
    ),
    tools_row(
        "tool-parameters-needed",
        "refused",
        refusing_valid(any_function(lambda function: "parameters" not in function)),
        "fn.parameters.optional.accepts",
        "tools.max.accepts",
    ),
    tools_row(
        "tool-parameters-empty-refused",
        "refused",
        refusing_valid(any_function(lambda function: function.get("parameters") == {})),
        "fn.parameters.empty.accepts",
    ),
    tools_row(
        "tool-parameters-text", "type", each_function(drop_if("parameters", is_text)), "fn.parameters.type.refuses"
    ),
    tools_row(
        "tool-parameters-array", "type", each_function(drop_if("parameters", is_array)), "fn.parameters.type.refuses"
    ),
    tools_row("tool-parameters-any-root", "ignored", unchecked("fn.parameters.root"), "fn.parameters.root.refuses"),
    tools_row(
        "tool-properties-needed",
        "refused",
        refusing_valid(any_function(lambda function: (function.get("parameters") or {}).get("properties") == {})),
        "fn.parameters.properties.accepts",
    ),
    tools_row("tool-strict-unchecked", "type", unchecked("fn.strict.type"), "fn.strict.type.refuses"),
    tools_row(
        "tool-strict-null-refused",
        "refused",
        refusing_valid(any_function(lambda function: function.get("strict", 0) is None)),
        "fn.strict.type.accepts",
        "fn.strict.default.accepts",
    ),
    tools_row(
        "tool-strict-schema-unchecked",
        "ignored",
        unchecked("fn.strict.schema"),
        "fn.strict.schema.refuses fn.strict.required.refuses",
    ),
    tools_row(
        "tool-strict-always",
        "refused",
        refusing_valid(any_function(lambda function: function.get("strict") in (False, None) and "strict" in function)),
        "fn.strict.type.accepts fn.strict.default.accepts",
    ),
]

MUTANTS = [*TOOLS]
