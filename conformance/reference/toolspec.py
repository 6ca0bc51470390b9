"""Checks of `tools` and `functions`, and the order of all checks about calling (fact base §1.11).

`functions` is the older spelling of `tools`: names, descriptions and parameters are judged alike, so that rewriting a
request from one to the other keeps its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import toolchoice
from .customtools import CUSTOM_CHECKS
from .faults import (
    Ask,
    CheckFunction,
    Reason,
    Strength,
    bad_value,
    coupled,
    holds,
    missing,
    one_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .json_values import is_array, is_boolean, is_object, is_string
from .strict import strict_faults


def fewest(rule: str, key: str, bound: str, strength: Strength) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        least = getattr(ask.limits, bound)
        if is_array(value) and len(value) < least:
            yield Reason(rule, f"'{key}' must hold at least {least} item.", key, "empty_array", strength=strength)

    return check


def most_items(rule: str, key: str, bound: str, strength: Strength = "must") -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        most = getattr(ask.limits, bound)
        if is_array(value) and len(value) > most:
            yield Reason(
                rule,
                f"'{key}' has {len(value)} items, at most {most} are allowed.",
                key,
                "array_above_max_length",
                strength=strength,
            )

    return check


def _tools(ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    value = ask.body.get("tools")
    if is_array(value):
        for i, tool in enumerate(value):
            if is_object(tool):
                yield f"tools[{i}]", tool


def tool_type(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tools")
    if is_array(value):
        for i, tool in enumerate(value):
            if not is_object(tool):
                yield wrong_type("tool.type", f"tools[{i}]", "an object", tool)
    for path, tool in _tools(ask):
        name = tool.get("type")
        if "type" not in tool:
            yield missing("tool.type", f"{path}.type")
        elif not isinstance(name, str):
            yield wrong_type("tool.type", f"{path}.type", "a string", name)
        elif name not in ask.limits.tool_types:
            yield bad_value("tool.type", f"{path}.type", one_of(ask.limits.tool_types))


def tool_function(ask: Ask) -> Iterator[Reason]:
    for path, tool in _tools(ask):
        if holds(tool, ask.limits.tool_types) != "function":
            continue
        if "function" not in tool:
            yield missing("tool.function.required", f"{path}.function")
        elif not is_object(tool["function"]):
            yield wrong_type("tool.function.required", f"{path}.function", "an object", tool["function"])


def functions_item(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("functions")
    if is_array(value):
        for i, function in enumerate(value):
            if not is_object(function):
                yield wrong_type("functions.type", f"functions[{i}]", "an object", function)


def name_required(ask: Ask) -> Iterator[Reason]:
    for path, function in ask.declared:
        rule = "functions.name" if path.startswith("functions") else "fn.name.required"
        if "name" not in function:
            yield missing(rule, f"{path}.name")
        elif not is_string(function["name"]):
            yield wrong_type(rule, f"{path}.name", "a string", function["name"])


def _strings(ask: Ask, key: str) -> Iterator[tuple[str, str]]:
    for path, function in ask.declared:
        value = function.get(key)
        if isinstance(value, str):
            yield f"{path}.{key}", value


def name_pattern(ask: Ask) -> Iterator[Reason]:
    for path, name in _strings(ask, "name"):
        if not ask.limits.function_name.fullmatch(name):
            yield bad_value("fn.name.pattern", path, "one or more letters, digits, '_' or '-'")


def name_maxlen(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.function_name_max
    for path, name in _strings(ask, "name"):
        if len(name) > most and ask.limits.function_name.fullmatch(name):
            yield too_long("fn.name.maxlen", path, most)


def description_type(ask: Ask) -> Iterator[Reason]:
    for path, function in ask.declared:
        value = function.get("description")
        if value is not None and not is_string(value):
            yield wrong_type("fn.description.type", f"{path}.description", "a string", value)


def description_maxlen(ask: Ask) -> Iterator[Reason]:
    most = ask.limits.description_max
    for path, text in _strings(ask, "description"):
        if len(text) > most:
            yield too_long("fn.description.maxlen", path, most, "should")


def parameters_type(ask: Ask) -> Iterator[Reason]:
    for path, function in ask.declared:
        value = function.get("parameters")
        if value is not None and not is_object(value):
            yield wrong_type("fn.parameters.type", f"{path}.parameters", "an object", value)


def _parameters(ask: Ask) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for path, function in ask.declared:
        if is_object(function.get("parameters")):
            yield f"{path}.parameters", function["parameters"], function


def _bad_schema(rule: str, path: str, message: str) -> Reason:
    return Reason(
        rule, f"The schema of '{path}' is not valid: {message}.", path, "invalid_function_parameters", strength="should"
    )


def _object_root(schema: dict[str, Any]) -> bool:
    """The root names no type, or the type object (alone or in a list)."""
    kind = schema.get("type")
    return kind is None or kind == "object" or (is_array(kind) and "object" in kind)


def parameters_root(ask: Ask) -> Iterator[Reason]:
    for path, schema, _ in _parameters(ask):
        if not _object_root(schema):
            yield _bad_schema("fn.parameters.root", path, "its root must be of the type object")


def parameters_properties(ask: Ask) -> Iterator[Reason]:
    """Observed: an object schema lists its properties, if only `{}`; a schema without a type passes."""
    for path, schema, _ in _parameters(ask):
        if schema.get("type") == "object" and not is_object(schema.get("properties")):
            yield _bad_schema("fn.parameters.properties", path, "an object schema needs properties")


def strict_type(ask: Ask) -> Iterator[Reason]:
    for path, function in ask.declared:
        value = function.get("strict")
        # the legacy functions have no such member
        if path.startswith("tools") and value is not None and not is_boolean(value):
            yield wrong_type("fn.strict.type", f"{path}.strict", "a boolean", value)


def strict_schema(ask: Ask) -> Iterator[Reason]:
    for path, schema, function in _parameters(ask):
        if function.get("strict") is not True or not path.startswith("tools") or not schema:
            continue
        # a root that is no object, or has no properties, has its own reason
        listed = schema.get("type") != "object" or is_object(schema.get("properties"))
        if _object_root(schema) and listed and strict_faults(schema):
            yield _bad_schema(
                "fn.strict.schema", path, "with strict, every object forbids other members and requires all of its own"
            )


def functions_and_tools(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("functions") is not None and ask.body.get("tools") is not None:
        yield coupled("functions.and.tools", None, "Give either 'tools' or 'functions', not both.", "should")


TOOL_CHECKS = table(
    ("functions.type", typed("functions.type", "functions", is_array, "an array")),
    ("functions.min", fewest("functions.min", "functions", "functions_min", "must")),
    ("functions.max", most_items("functions.max", "functions", "functions_max")),
    ("functions.type", functions_item),
    ("function_call.enum", toolchoice.function_call),
    ("function_call.needs.functions", toolchoice.function_call_needs),
    ("tools.type", typed("tools.type", "tools", is_array, "an array")),
    ("tools.min", fewest("tools.min", "tools", "tools_min", "should")),
    ("tools.max", most_items("tools.max", "tools", "tools_max")),
    ("tool.type", tool_type),
    ("tool.function.required", tool_function),
    ("fn.name.required", name_required),
    ("fn.name.pattern", name_pattern),
    ("fn.name.maxlen", name_maxlen),
    ("fn.description.type", description_type),
    ("fn.description.maxlen", description_maxlen),
    ("fn.parameters.type", parameters_type),
    ("fn.parameters.root", parameters_root),
    ("fn.parameters.properties", parameters_properties),
    ("fn.strict.type", strict_type),
    ("fn.strict.schema", strict_schema),
    ("functions.and.tools", functions_and_tools),
    ("tool_choice.type", toolchoice.choice_type),
    ("tool_choice.enum", toolchoice.choice_enum),
    ("tool_choice.named.shape", toolchoice.choice_shape),
    ("tool_choice.named.exists", toolchoice.choice_exists),
    ("tool_choice.needs.tools", toolchoice.choice_needs_tools),
    ("parallel_tool_calls.type", typed("parallel_tool_calls.type", "parallel_tool_calls", is_boolean, "a boolean")),
    ("parallel_tool_calls.needs.tools", toolchoice.parallel_needs_tools),
)
TOOL_CHECKS_2026 = (
    *(check for check in TOOL_CHECKS if check.name != "tools.max"),
    # the documents no longer name the number
    *table(("tools.max", most_items("tools.max", "tools", "tools_max", "should"))),
    *CUSTOM_CHECKS,
)
