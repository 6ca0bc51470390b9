"""Tools, legacy functions and the choices among them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .json_schemas import parameters, strict_schemas
from .text import function_names, plain_names, prompts
from .wrong import wrong_type

Definition = dict[str, Any]
Tool = dict[str, Any]

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
"""Parameters every server that has tools can take."""

STRICT_PARAMETERS = {**PARAMETERS, "additionalProperties": False}
"""The same within the strict subset."""


def definition(name: Any = "get_weather", **members: Any) -> Definition:
    """An ordinary function definition with ``members`` added or replaced."""
    usual = {"name": name, "description": "Current weather in a city.", "parameters": PARAMETERS}
    return {**usual, **members}


def tool(name: Any = "get_weather", **members: Any) -> Tool:
    """An ordinary tool with ``members`` of its function added or replaced."""
    return as_tool(definition(name, **members))


def as_tool(function: Any) -> Tool:
    """A function definition as a tool."""
    return {"type": "function", "function": function}


def many_definitions(count: int) -> list[Definition]:
    """``count`` small function definitions: short distinct names and nothing else, so that they cost few tokens."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [*letters, *(first + second for first in letters for second in letters)]
    return [{"name": name} for name in names[:count]]


def named_choice(name: Any) -> dict[str, Any]:
    """The ``tool_choice`` that forces the tool ``name``."""
    return {"type": "function", "function": {"name": name}}


@cache
def _members(bare: bool, strict: bool) -> SearchStrategy[Definition]:
    """The members of a definition beside its name."""
    text = {"description": prompts()}
    schema = {"parameters": parameters(min_properties=1)}
    plain = st.fixed_dictionaries({} if bare else schema, optional={**text, **schema} if bare else text)
    if not strict:
        return plain
    off = st.fixed_dictionaries({**schema, "strict": st.sampled_from([False, None])}, optional=text)
    on = st.fixed_dictionaries({"parameters": strict_schemas(), "strict": st.just(True)}, optional=text)
    return st.one_of(plain, off, on)


def definitions(*, bare: bool = True, strict: bool = False) -> SearchStrategy[Definition]:
    """Valid function definitions. ``bare`` lets some have no parameters, ``strict`` gives some the member strict.

    Shrinks towards a one-character name and parameters with one property (none where ``bare``).
    """

    def made(name: str, members: dict[str, Any]) -> Definition:
        return {"name": name, **members}

    return st.builds(made, function_names(), _members(bare, strict))


@st.composite
def _lists(draw: st.DrawFn, names: SearchStrategy[list[str]], members: SearchStrategy[Definition]) -> list[Definition]:
    return [{"name": name, **draw(members)} for name in draw(names)]


def functions(
    *, min_size: int = 1, max_size: int = 3, bare: bool = True, strict: bool = False
) -> SearchStrategy[list[Definition]]:
    """Valid lists of function definitions with distinct names (``bare``, ``strict``: see ``definitions``).

    Shrinks towards one small definition.
    """
    names = st.lists(function_names(), min_size=min_size, max_size=max_size, unique_by=str.lower)
    return _lists(names, _members(bare, strict))


def tools(
    *, min_size: int = 1, max_size: int = 3, bare: bool = True, strict: bool = False
) -> SearchStrategy[list[Tool]]:
    """Valid lists of tools with distinct names (``bare``, ``strict``: see ``definitions``).

    Shrinks towards one small tool.
    """
    lists = functions(min_size=min_size, max_size=max_size, bare=bare, strict=strict)
    return lists.map(lambda drawn: [as_tool(function) for function in drawn])


def plain_functions(*, max_size: int = 3) -> SearchStrategy[list[Definition]]:
    """Lists of ordinary definitions that differ in their plain names only, for rules whose point is elsewhere.

    Shrinks towards one definition.
    """
    names = st.lists(plain_names(), min_size=1, max_size=max_size, unique=True)
    return names.map(lambda drawn: [definition(name) for name in drawn])


def named_tools(*, max_size: int = 3) -> SearchStrategy[list[Tool]]:
    """Lists of ordinary tools that differ in their names only, which may be any. Shrinks towards one tool."""
    names = st.lists(function_names(), min_size=1, max_size=max_size, unique=True)
    return names.map(lambda drawn: [tool(name) for name in drawn])


def plain_tools(*, max_size: int = 3) -> SearchStrategy[list[Tool]]:
    """The same as tools. Shrinks towards one tool."""
    return plain_functions(max_size=max_size).map(lambda drawn: [as_tool(function) for function in drawn])


def tool_names(tools: Sequence[Tool]) -> list[str]:
    """The names of the functions of a valid list of tools."""
    return [item["function"]["name"] for item in tools]


def tool_choices(tools: Sequence[Tool]) -> SearchStrategy[Any]:
    """Valid values of ``tool_choice`` beside ``tools``. Shrinks towards none."""
    return st.sampled_from(["none", "auto", "required", *map(named_choice, tool_names(tools))])


_WRONG_WORDS = ("any", "bogus", "Auto", "NONE", "Required", "always", "function", "tool", "null", "true", "auto ", "")


def wrong_choice_words(tools: Sequence[Tool]) -> SearchStrategy[str]:
    """Words that are no ``tool_choice``, among them the bare names of the tools. Shrinks towards ``any``."""
    names = [name for name in tool_names(tools) if name not in ("none", "auto", "required")]
    return st.sampled_from([*_WRONG_WORDS, *names])


def bad_tool_choices(tools: Sequence[Tool]) -> SearchStrategy[Any]:
    """Values of ``tool_choice`` with one fault: a word that is none, or an object of the wrong shape.

    Shrinks towards a wrong word.
    """
    return st.one_of(wrong_choice_words(tools), st.sampled_from(tool_names(tools)).flatmap(misshapen_choices))


def misshapen_choices(name: str) -> SearchStrategy[dict[str, Any]]:
    """Objects that nearly choose the tool ``name``, with one fault of shape. Shrinks towards a missing member."""
    shapes: list[dict[str, Any]] = [
        {"type": "function"},
        {"type": "function", "function": {}},
        {"function": {"name": name}},
        {"name": name},
        {"type": "function", "name": name},
        {"type": "function", "function": name},
        {"type": "tool", "name": name},
        *({"type": word} for word in ("auto", "any", "none", "required")),
        {"mode": "auto"},
        {"type": "bogus", "function": {"name": name}},
    ]
    return st.one_of(
        st.sampled_from(shapes),
        wrong_type("string").map(named_choice),
        wrong_type("object").map(lambda value: {"type": "function", "function": value}),
    )


def function_calls(functions: Sequence[Definition]) -> SearchStrategy[Any]:
    """Valid values of ``function_call`` beside ``functions``. Shrinks towards none."""
    return st.sampled_from(["none", "auto", *({"name": item["name"]} for item in functions)])


def wrong_call_words(functions: Sequence[Definition]) -> SearchStrategy[str]:
    """Words that are no ``function_call``, among them the bare names of the functions. Shrinks towards ``required``."""
    names = [item["name"] for item in functions if item["name"] not in ("none", "auto")]
    return st.sampled_from(["required", *_WRONG_WORDS, *names])


def misshapen_calls(name: str) -> SearchStrategy[dict[str, Any]]:
    """Objects that nearly call the function ``name``, without a proper name in them. Shrinks towards ``{}``."""
    shapes = st.sampled_from([{}, {"function": {"name": name}}, named_choice(name), {"type": "auto"}, {"Name": name}])
    return st.one_of(shapes, wrong_type("string").map(lambda value: {"name": value}))


def bad_function_calls(functions: Sequence[Definition]) -> SearchStrategy[Any]:
    """Values of ``function_call`` with one fault: a word that is none, or an object without a proper name.

    Shrinks towards a wrong word.
    """
    names = st.sampled_from([item["name"] for item in functions])
    return st.one_of(wrong_call_words(functions), names.flatmap(misshapen_calls))
