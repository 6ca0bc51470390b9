"""Checks of the choice between tools, and between the older functions (fact base §1.11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import customtools
from .faults import Ask, Reason, bad_value, coupled, holds, missing, one_of, one_string_of, string_member, wrong_type
from .json_values import is_array, is_boolean, is_object, is_string
from .limits import Limits


def choice_type(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tool_choice")
    if value is not None and not is_string(value) and not is_object(value):
        yield wrong_type("tool_choice.type", "tool_choice", "a string or an object", value)


def choice_enum(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tool_choice")
    if isinstance(value, str) and value not in ask.limits.choices:
        yield bad_value("tool_choice.enum", "tool_choice", one_of(ask.limits.choices))


def _choice_fault(value: dict[str, Any], limits: Limits) -> Reason | None:
    """The first thing that is wrong with a choice that is an object: one without its content lacks much else too."""
    key = holds(value, limits.choice_types)
    rule, path = "tool_choice.named.shape", f"tool_choice.{key}"
    if key not in value:
        return missing(rule, path)
    inner = value[key]
    if not is_object(inner):
        return wrong_type(rule, path, "an object", inner)
    inside = _allowed_faults(inner, limits) if key == "allowed_tools" else string_member(rule, path, inner, "name")
    for fault in inside:
        return fault
    if "type" not in value:
        return missing(rule, "tool_choice.type")
    if not is_string(value["type"]):
        return wrong_type(rule, "tool_choice.type", "a string", value["type"])
    if value["type"] not in limits.choice_types:
        return bad_value(rule, "tool_choice.type", one_of(limits.choice_types))
    return None


def _allowed_faults(inner: dict[str, Any], limits: Limits) -> Iterator[Reason]:
    """A mode and a list of objects; what an entry holds is not said, so any object passes."""
    rule, path = "tool_choice.allowed.shape", "tool_choice.allowed_tools"
    if "mode" not in inner:
        yield missing(rule, f"{path}.mode")
    else:
        yield from one_string_of(rule, f"{path}.mode", inner["mode"], limits.allowed_modes)
    if "tools" not in inner:
        yield missing(rule, f"{path}.tools")
    elif not is_array(inner["tools"]):
        yield wrong_type(rule, f"{path}.tools", "an array", inner["tools"])
    else:
        for i, entry in enumerate(inner["tools"]):
            if not is_object(entry):
                yield wrong_type(rule, f"{path}.tools[{i}]", "an object", entry)


def choice_shape(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tool_choice")
    if is_object(value):
        fault = _choice_fault(value, ask.limits)
        if fault is not None:
            yield fault


def _names(ask: Ask, key: str) -> set[tuple[str, str]] | None:
    """Kind and name of what is declared under `tools` or `functions`; None where a malformed entry makes it moot."""
    value = ask.body.get(key)
    if not is_array(value) or not value:
        return None
    found = [("function", function.get("name")) for path, function in ask.declared if path.startswith(key)]
    if key == "tools":
        found += [("custom", custom.get("name")) for _, custom in customtools.bodies(ask)]
    if len(found) != len(value) or not all(isinstance(name, str) for _, name in found):
        return None
    return {(kind, name) for kind, name in found if isinstance(name, str)}


def _chosen(value: dict[str, Any], limits: Limits) -> Iterator[tuple[str, str]]:
    """Kind and name of every tool that a well-formed choice speaks of."""
    key = holds(value, limits.choice_types)
    if key != "allowed_tools":
        yield key, value[key]["name"]
        return
    for entry in value[key]["tools"]:
        kind = holds(entry, limits.tool_types)
        inner = entry.get(kind)
        if is_object(inner) and isinstance(inner.get("name"), str):
            yield kind, inner["name"]


def choice_exists(ask: Ask) -> Iterator[Reason]:
    """A named tool is one of `tools`, and so is an allowed one; a named function is one of `functions`."""
    value = ask.body.get("tool_choice")
    names = _names(ask, "tools")
    shaped = is_object(value) and _choice_fault(value, ask.limits) is None
    if is_object(value) and shaped and names is not None and not names.issuperset(_chosen(value, ask.limits)):
        yield coupled("tool_choice.named.exists", "tool_choice", "No tool of this name is in 'tools'.", "should")
    value = ask.body.get("function_call")
    names = _names(ask, "functions")
    if (
        is_object(value)
        and names is not None
        and is_string(value.get("name"))
        and ("function", value["name"]) not in names
    ):
        yield coupled(
            "tool_choice.named.exists", "function_call", "No function of this name is in 'functions'.", "should"
        )


def choice_needs_tools(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tool_choice")
    if value is None or ask.body.get("tools") is not None:
        return
    if isinstance(value, str):
        fine = value in ask.limits.choices_without_tools or value not in ask.limits.choices
    else:
        fine = not is_object(value) or _choice_fault(value, ask.limits) is not None
    if not fine:
        yield coupled("tool_choice.needs.tools", "tool_choice", "'tool_choice' needs 'tools'.", "should")


def parallel_needs_tools(ask: Ask) -> Iterator[Reason]:
    if is_boolean(ask.body.get("parallel_tool_calls")) and ask.body.get("tools") is None:
        yield coupled(
            "parallel_tool_calls.needs.tools", "parallel_tool_calls", "'parallel_tool_calls' needs 'tools'.", "should"
        )


def function_call(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("function_call")
    if isinstance(value, str):
        if value not in ask.limits.function_choices:
            yield bad_value("function_call.enum", "function_call", one_of(ask.limits.function_choices))
    elif is_object(value):
        if "name" not in value:
            yield missing("function_call.enum", "function_call.name")
        elif not is_string(value["name"]):
            yield wrong_type("function_call.enum", "function_call.name", "a string", value["name"])
    elif value is not None:
        yield wrong_type("function_call.enum", "function_call", "a string or an object", value)


def function_call_needs(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("function_call")
    if value is None or ask.body.get("functions") is not None:
        return
    # a malformed choice has its own reason
    if (isinstance(value, str) and value in ask.limits.function_choices) or (
        is_object(value) and is_string(value.get("name"))
    ):
        yield coupled("function_call.needs.functions", "function_call", "'function_call' needs 'functions'.", "should")
