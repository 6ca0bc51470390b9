"""Tools of type custom, whose input is free text, their calls, and the choices among tools that came with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .messages import call_id
from .text import plain_names, prompts
from .wrong import wrong_type

Tool = dict[str, Any]

TEXT = {"type": "text"}
"""The default format of the input: any text."""

LARK: dict[str, Any] = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "yes" | "no"'}}
REGEX: dict[str, Any] = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "^(yes|no)$"}}
"""A format of each syntax for the input."""

SYNTAXES = ("lark", "regex")


def custom(name: Any = "note", **members: Any) -> Tool:
    """An ordinary custom tool with ``members`` of its ``custom`` added or replaced."""
    return {"type": "custom", "custom": {"name": name, "description": "Writes a note down.", **members}}


def custom_choice(name: Any = "note") -> dict[str, Any]:
    """The ``tool_choice`` that forces the custom tool ``name``."""
    return {"type": "custom", "custom": {"name": name}}


def custom_call(number: int = 1, name: str = "note", input: Any = "Buy milk.", **more: Any) -> dict[str, Any]:
    """The call of a custom tool with the ``number``-th id; ``more`` replaces members."""
    return {"id": call_id(number), "type": "custom", "custom": {"name": name, "input": input}, **more}


def reference_to(tool: Tool) -> Tool:
    """A tool as a list of allowed tools names it: its type and its name."""
    kind = tool["type"]
    return {"type": kind, kind: {"name": tool[kind]["name"]}}


def allowed(*tools: Tool, mode: Any = "auto") -> dict[str, Any]:
    """The ``tool_choice`` that allows these of the tools."""
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [reference_to(tool) for tool in tools]}}


_MEMBERS: tuple[dict[str, Any], ...] = ({}, {"format": TEXT}, {"format": LARK}, {"format": REGEX})
_members = st.sampled_from(_MEMBERS)


def custom_tools() -> SearchStrategy[Tool]:
    """Valid custom tools. Shrinks towards one with a name of one letter and nothing else."""

    def made(name: str, described: dict[str, Any], members: dict[str, Any]) -> Tool:
        return {"type": "custom", "custom": {"name": name, **described, **members}}

    described = st.just(dict[str, Any]()) | prompts().map(lambda text: {"description": text})
    return st.builds(made, plain_names(), described, _members)


def bad_formats() -> SearchStrategy[Any]:
    """Formats of a custom tool with one fault of shape. Shrinks towards a string."""
    syntax = st.sampled_from(("bogus", "LARK", "ebnf", "")).map(lambda word: _grammar(syntax=word))
    definition = wrong_type("string").map(lambda value: _grammar(definition=value))
    grammar = wrong_type("object").map(lambda value: {"type": "grammar", "grammar": value})
    return st.one_of(wrong_type("object"), st.just({"type": "bogus"}), syntax, definition, grammar)


def _grammar(**members: Any) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {**LARK["grammar"], **members}}


def choices_beside(tools: Sequence[Tool]) -> SearchStrategy[Any]:
    """Valid values of ``tool_choice`` beside tools of both types. Shrinks towards none."""
    named = [reference_to(tool) for tool in tools]
    some = [allowed(*tools[:count], mode=mode) for count in range(1, len(tools) + 1) for mode in ("auto", "required")]
    return st.sampled_from(["none", "auto", "required", *named, *some])
