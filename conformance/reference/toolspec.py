"""Checks of `tools`, `functions` and the choice between them (fact base §1.11).

`functions` is the older spelling of `tools`: names, descriptions and parameters are judged alike, so that rewriting a
request from one to the other keeps its outcome.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import (
    Ask,
    CheckFunction,
    Reason,
    Strength,
    bad_value,
    coupled,
    holds,
    is_array,
    is_boolean,
    is_object,
    is_string,
    missing,
    one_of,
    one_string_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .limits import Limits
from .strict import strict_faults


def fewest(rule: str, key: str, bound: str, strength: Strength) -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        least = getattr(ask.limits, bound)
        if isinstance(value, list) and len(value) < least:
            yield Reason(rule, f"'{key}' must hold at least {least} item.", key, "empty_array", strength=strength)

    return check


def most_items(rule: str, key: str, bound: str, strength: Strength = "must") -> CheckFunction:
    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        most = getattr(ask.limits, bound)
        if isinstance(value, list) and len(value) > most:
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
    if isinstance(value, list):
        for i, tool in enumerate(value):
            if isinstance(tool, dict):
                yield f"tools[{i}]", tool


def tool_type(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tools")
    if isinstance(value, list):
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


def custom_required(ask: Ask) -> Iterator[Reason]:
    for path, tool in ask.customs:
        if "custom" not in tool:
            yield missing("tool.custom.required", f"{path}.custom")
        elif not is_object(tool["custom"]):
            yield wrong_type("tool.custom.required", f"{path}.custom", "an object", tool["custom"])


def _customs(ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, tool in ask.customs:
        if isinstance(tool.get("custom"), dict):
            yield f"{path}.custom", tool["custom"]


def custom_name(ask: Ask) -> Iterator[Reason]:
    """A string; no document bounds it."""
    for path, custom in _customs(ask):
        yield from _string("custom.name.required", path, custom, "name")


def custom_description(ask: Ask) -> Iterator[Reason]:
    for path, custom in _customs(ask):
        value = custom.get("description")
        if value is not None and not is_string(value):
            yield wrong_type("custom.description.type", f"{path}.description", "a string", value)


def custom_format(ask: Ask) -> Iterator[Reason]:
    """Free text, or a grammar with its syntax; the grammar itself is not read."""
    for path, custom in _customs(ask):
        value, path = custom.get("format"), f"{path}.format"
        if value is None:
            continue
        if not isinstance(value, dict):
            yield wrong_type("custom.format", path, "an object", value)
        elif "type" not in value:
            yield missing("custom.format", f"{path}.type")
        else:
            yield from one_string_of("custom.format", f"{path}.type", value["type"], ask.limits.custom_formats)
            if value["type"] == "grammar":
                yield from _grammar(ask, f"{path}.grammar", value)


#: Members of a custom tool's format by its type; any other one is refused, as in the option objects.
_FORMAT_KEYS = {"text": frozenset({"type"}), "grammar": frozenset({"type", "grammar"})}


def custom_format_keys(ask: Ask) -> Iterator[Reason]:
    for path, custom in _customs(ask):
        value = custom.get("format")
        name = value.get("type") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(name, str) or name not in _FORMAT_KEYS:
            continue
        for key in value:
            if key not in _FORMAT_KEYS[name]:
                yield Reason(
                    "http.key.unknown.nested",
                    f"Unknown parameter: '{path}.format.{key[:64]}'.",
                    f"{path}.format.{key[:64]}",
                    "unknown_parameter",
                    strength="should",
                )


def _grammar(ask: Ask, path: str, holder: dict[str, Any]) -> Iterator[Reason]:
    rule, grammar = "custom.format", holder.get("grammar")
    if "grammar" not in holder:
        yield missing(rule, path)
    elif not isinstance(grammar, dict):
        yield wrong_type(rule, path, "an object", grammar)
    else:
        yield from _string(rule, path, grammar, "definition")
        if "syntax" not in grammar:
            yield missing(rule, f"{path}.syntax")
        else:
            yield from one_string_of(rule, f"{path}.syntax", grammar["syntax"], ask.limits.grammar_syntaxes)


def functions_item(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("functions")
    if isinstance(value, list):
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
        if isinstance(function.get("parameters"), dict):
            yield f"{path}.parameters", function["parameters"], function


def _bad_schema(rule: str, path: str, message: str) -> Reason:
    return Reason(
        rule, f"The schema of '{path}' is not valid: {message}.", path, "invalid_function_parameters", strength="should"
    )


def _object_root(schema: dict[str, Any]) -> bool:
    """The root names no type, or the type object (alone or in a list)."""
    kind = schema.get("type")
    return kind is None or kind == "object" or (isinstance(kind, list) and "object" in kind)


def parameters_root(ask: Ask) -> Iterator[Reason]:
    for path, schema, _ in _parameters(ask):
        if not _object_root(schema):
            yield _bad_schema("fn.parameters.root", path, "its root must be of the type object")


def parameters_properties(ask: Ask) -> Iterator[Reason]:
    """Observed: an object schema lists its properties, if only `{}`; a schema without a type passes."""
    for path, schema, _ in _parameters(ask):
        if schema.get("type") == "object" and not isinstance(schema.get("properties"), dict):
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
        listed = schema.get("type") != "object" or isinstance(schema.get("properties"), dict)
        if _object_root(schema) and listed and strict_faults(schema):
            yield _bad_schema(
                "fn.strict.schema", path, "with strict, every object forbids other members and requires all of its own"
            )


def functions_and_tools(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("functions") is not None and ask.body.get("tools") is not None:
        yield coupled("functions.and.tools", None, "Give either 'tools' or 'functions', not both.", "should")


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
    if not isinstance(inner, dict):
        return wrong_type(rule, path, "an object", inner)
    fault = next(_allowed_faults(inner, limits) if key == "allowed_tools" else _string(rule, path, inner, "name"), None)
    if fault is not None:
        return fault
    if "type" not in value:
        return missing(rule, "tool_choice.type")
    if not is_string(value["type"]):
        return wrong_type(rule, "tool_choice.type", "a string", value["type"])
    if value["type"] not in limits.choice_types:
        return bad_value(rule, "tool_choice.type", one_of(limits.choice_types))
    return None


def _string(rule: str, path: str, holder: dict[str, Any], key: str) -> Iterator[Reason]:
    if key not in holder:
        yield missing(rule, f"{path}.{key}")
    elif not is_string(holder[key]):
        yield wrong_type(rule, f"{path}.{key}", "a string", holder[key])


def _allowed_faults(inner: dict[str, Any], limits: Limits) -> Iterator[Reason]:
    """A mode and a list of objects; what an entry holds is not said, so any object passes."""
    rule, path = "tool_choice.allowed.shape", "tool_choice.allowed_tools"
    if "mode" not in inner:
        yield missing(rule, f"{path}.mode")
    else:
        yield from one_string_of(rule, f"{path}.mode", inner["mode"], limits.allowed_modes)
    if "tools" not in inner:
        yield missing(rule, f"{path}.tools")
    elif not isinstance(inner["tools"], list):
        yield wrong_type(rule, f"{path}.tools", "an array", inner["tools"])
    else:
        for i, entry in enumerate(inner["tools"]):
            if not is_object(entry):
                yield wrong_type(rule, f"{path}.tools[{i}]", "an object", entry)


def choice_shape(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("tool_choice")
    if isinstance(value, dict):
        fault = _choice_fault(value, ask.limits)
        if fault is not None:
            yield fault


def _names(ask: Ask, key: str) -> set[tuple[str, str]] | None:
    """Kind and name of what is declared under `tools` or `functions`; None where a malformed entry makes it moot."""
    value = ask.body.get(key)
    if not isinstance(value, list) or not value:
        return None
    found = [("function", function.get("name")) for path, function in ask.declared if path.startswith(key)]
    if key == "tools":
        found += [("custom", custom.get("name")) for _, custom in _customs(ask)]
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
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            yield kind, inner["name"]


def choice_exists(ask: Ask) -> Iterator[Reason]:
    """A named tool is one of `tools`, and so is an allowed one; a named function is one of `functions`."""
    value = ask.body.get("tool_choice")
    names = _names(ask, "tools")
    shaped = isinstance(value, dict) and _choice_fault(value, ask.limits) is None
    if isinstance(value, dict) and shaped and names is not None and not names.issuperset(_chosen(value, ask.limits)):
        yield coupled("tool_choice.named.exists", "tool_choice", "No tool of this name is in 'tools'.", "should")
    value = ask.body.get("function_call")
    names = _names(ask, "functions")
    if (
        isinstance(value, dict)
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
        fine = not isinstance(value, dict) or _choice_fault(value, ask.limits) is not None
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
    elif isinstance(value, dict):
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
        isinstance(value, dict) and is_string(value.get("name"))
    ):
        yield coupled("function_call.needs.functions", "function_call", "'function_call' needs 'functions'.", "should")


TOOL_CHECKS = table(
    ("functions.type", typed("functions.type", "functions", is_array, "an array")),
    ("functions.min", fewest("functions.min", "functions", "functions_min", "must")),
    ("functions.max", most_items("functions.max", "functions", "functions_max")),
    ("functions.type", functions_item),
    ("function_call.enum", function_call),
    ("function_call.needs.functions", function_call_needs),
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
    ("tool_choice.type", choice_type),
    ("tool_choice.enum", choice_enum),
    ("tool_choice.named.shape", choice_shape),
    ("tool_choice.named.exists", choice_exists),
    ("tool_choice.needs.tools", choice_needs_tools),
    ("parallel_tool_calls.type", typed("parallel_tool_calls.type", "parallel_tool_calls", is_boolean, "a boolean")),
    ("parallel_tool_calls.needs.tools", parallel_needs_tools),
)
TOOL_CHECKS_2026 = (
    *(check for check in TOOL_CHECKS if check.name != "tools.max"),
    *table(
        # the documents no longer name the number
        ("tools.max", most_items("tools.max", "tools", "tools_max", "should")),
        ("tool.custom.required", custom_required),
        ("custom.name.required", custom_name),
        ("custom.description.type", custom_description),
        ("custom.format", custom_format),
        ("http.key.unknown.nested", custom_format_keys),
    ),
)
