"""Checks of tools of the type custom, which take any text in place of a JSON object (fact base §4, 2025-08-07)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .faults import Ask, Reason, missing, one_string_of, string_member, table, wrong_type
from .json_values import is_object, is_string


def custom_required(ask: Ask) -> Iterator[Reason]:
    for path, tool in ask.customs:
        if "custom" not in tool:
            yield missing("tool.custom.required", f"{path}.custom")
        elif not is_object(tool["custom"]):
            yield wrong_type("tool.custom.required", f"{path}.custom", "an object", tool["custom"])


def bodies(ask: Ask) -> Iterator[tuple[str, dict[str, Any]]]:
    """What stands under `custom`, where it is an object: path, object."""
    for path, tool in ask.customs:
        if is_object(tool.get("custom")):
            yield f"{path}.custom", tool["custom"]


def custom_name(ask: Ask) -> Iterator[Reason]:
    """A string; no document bounds it."""
    for path, custom in bodies(ask):
        yield from string_member("custom.name.required", path, custom, "name")


def custom_description(ask: Ask) -> Iterator[Reason]:
    for path, custom in bodies(ask):
        value = custom.get("description")
        if value is not None and not is_string(value):
            yield wrong_type("custom.description.type", f"{path}.description", "a string", value)


def custom_format(ask: Ask) -> Iterator[Reason]:
    """Free text, or a grammar with its syntax; the grammar itself is not read."""
    for path, custom in bodies(ask):
        value, path = custom.get("format"), f"{path}.format"
        if value is None:
            continue
        if not is_object(value):
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
    for path, custom in bodies(ask):
        value = custom.get("format")
        name = value.get("type") if is_object(value) else None
        if not is_object(value) or not isinstance(name, str) or name not in _FORMAT_KEYS:
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
    elif not is_object(grammar):
        yield wrong_type(rule, path, "an object", grammar)
    else:
        yield from string_member(rule, path, grammar, "definition")
        if "syntax" not in grammar:
            yield missing(rule, f"{path}.syntax")
        else:
            yield from one_string_of(rule, f"{path}.syntax", grammar["syntax"], ask.limits.grammar_syntaxes)


CUSTOM_CHECKS = table(
    ("tool.custom.required", custom_required),
    ("custom.name.required", custom_name),
    ("custom.description.type", custom_description),
    ("custom.format", custom_format),
    ("http.key.unknown.nested", custom_format_keys),
)
