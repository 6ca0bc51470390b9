"""Tools, and with ``tool_choice`` the properties that say how they are used (fact base §1.11).

Tools of type custom and tool_choice allowed_tools, which came later, have a chapter of their own. Every tool that is
not itself under test has a description and parameters, because some servers demand them.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from ...strategies import json_schemas, text
from ...strategies.bodies import lean
from ...strategies.faults import bad_item_in
from ...strategies.messages import assistant_calls, tool_call, tool_reply, user
from ...strategies.plainer import fewer_properties, plainer
from ...strategies.tools import (
    PARAMETERS,
    STRICT_PARAMETERS,
    Definition,
    Tool,
    as_tool,
    definition,
    many_definitions,
    plain_tools,
    tool,
)
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter, Strength
from . import tool_choice
from .forms import (
    accepts,
    changed,
    contested,
    documented,
    first_only,
    null_observed,
    observed,
    observes,
    only,
    prose,
    refuses,
    values,
    varying,
    without,
    wrong_types_refused,
)
from .tool_choice import TOOL, WEATHER, A, B

_GOOD = st.sampled_from([[], [A], [A, B]])
_STRICT = documented("tools: function.strict is a boolean, null allowed")
_BOTH = json_schemas.Schema(
    type="object",
    properties={
        "city": {"type": "string", "description": "A city."},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "days": {"type": "array", "items": {"type": "integer"}},
        "place": {"type": "object", "properties": {"lat": {"type": "number"}, "exact": {"type": "boolean"}}},
    },
    required=["city"],
)
_MANY = {
    "type": "object",
    "properties": {**{f"p{i}": {} for i in range(100)}, "deep": json_schemas.deep(9)},
}
_NUMBERED = tuple(enumerate(json_schemas.RARE))
_OPEN = PARAMETERS
_OPTIONAL = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def _tools(*lists: list[Any]) -> list[Body]:
    return values("tools", *lists)


def _functions(member: str, *wanted: Any, **others: Any) -> list[Body]:
    """Bodies with one ordinary tool, one for each value of one member of its function."""
    return [lean(tools=[tool(**{**others, member: value})]) for value in wanted]


def _each_strict(*wanted: Any, **members: Any) -> list[Tool]:
    """Tools, one for each value of strict."""
    return [tool(f"tool_{place}", strict=value, **members) for place, value in enumerate(wanted)]


def _drawn(member: str, strategy: st.SearchStrategy[Any], **others: Any) -> st.SearchStrategy[Body]:
    """Bodies with one ordinary tool one member of whose function is drawn."""
    return strategy.map(lambda value: lean(tools=[tool(**{**others, member: value})]))


def _among(bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """Bodies whose list of tools holds one bad tool, alone or at any place among good ones."""
    return varying("tools", bad_item_in(_GOOD, bad))


def _as_many(body: Body) -> Body:
    """The control of what a tool holds: as many ordinary tools, or none instead of a single one."""
    many = len(body["tools"])
    return {**body, "tools": [tool(f"tool_{place}") for place in range(many)]} if many > 1 else without("tools")(body)


def _cut(function: Definition, member: str) -> Tool:
    return as_tool({key: value for key, value in function.items() if key != member})


tools = [
    accepts(
        "tools.type",
        "tools",
        "accepts an array of tools",
        documented("tools: an array of tools"),
        [*_tools([TOOL], [A, B, TOOL]), lean(messages=WEATHER, tools=[TOOL], max_tokens=128)],
        examples=varying("tools", plain_tools()),
    ),
    wrong_types_refused("tools", "array", source=documented("tools: an array"), first=("none", TOOL)),
    null_observed("tools", contested("tools: not nullable in the document; the original service reads null as absent")),
    refuses(
        "tools.item",
        "tools",
        "refuses tools that are not objects",
        documented("tools: every item is an object"),
        _tools(["get_weather"], [A, B, 7], [None], [[TOOL]]),
        examples=_among(wrong_type("object")),
    ),
    accepts("tools.min", "tools", "accepts a single tool", documented("tools: an array of tools"), _tools([TOOL])),
    refuses(
        "tools.min", "tools", "refuses an empty list of tools", observed("tools: the service wants one"), _tools([])
    ),
    *changed(
        "2026-08",
        accepts(
            "tools.max",
            "tools",
            "accepts 128 tools",
            prose("tools: at most 128 functions"),
            _tools([as_tool(function) for function in many_definitions(128)]),
            control=first_only("tools"),  # without parameters, as they all are
        ),
        source=observed("tools: the service's bound; the document no longer speaks of it"),
        strength=Strength.SHOULD,
    ),
    *changed(
        "2026-08",
        refuses(
            "tools.max",
            "tools",
            "refuses more than 128 tools",
            prose("tools: at most 128 functions"),
            _tools(*([as_tool(function) for function in many_definitions(count)] for count in (129, 200))),
        ),
        source=observed("tools: the service's bound; the document no longer speaks of it"),
        strength=Strength.SHOULD,
    ),
    accepts("tool.type", "tools", "accepts tools of type function", documented("tools: type"), _tools([TOOL])),
    *changed(
        "2026-08",
        refuses(
            "tool.type",
            "tools",
            "refuses a tool whose type is missing or not function",
            documented("tools: type is required, function the only value"),
            _tools(
                [{"function": definition()}],
                [{**TOOL, "type": "retrieval"}],
                [A, B, {**TOOL, "type": "function "}],
                [{"Type": "function", "function": definition()}, A, B],
                [{**TOOL, "type": None}],
            ),
            examples=_among(
                (
                    wrong_type("string")
                    | st.sampled_from(["retrieval", "code_interpreter", "FUNCTION", "tool", "object", ""])
                ).map(lambda kind: {**TOOL, "type": kind})
            ),
        ),
        title="refuses a tool whose type is missing or neither function nor custom",
        source=documented("tools: type is required, function or custom"),
    ),
    accepts(
        "tool.function.required",
        "tools",
        "accepts a tool with its function",
        documented("tools: function"),
        _tools([TOOL]),
    ),
    refuses(
        "tool.function.required",
        "tools",
        "refuses a tool without its function",
        documented("tools: function is required"),
        _tools([{"type": "function"}], [A, B, {"type": "function", "Function": definition()}], [as_tool(None)]),
    ),
    refuses(
        "tool.function.type",
        "tools",
        "refuses a tool whose function is not an object",
        documented("tools: function is an object"),
        _tools([as_tool("get_weather")], [as_tool([definition()])], [as_tool(7)]),
        examples=_among(wrong_type("object").map(as_tool)),
    ),
    refuses(
        "tool.function.flat",
        "tools",
        "refuses a function whose members lie in the tool itself",
        documented("tools: function is required; the flat form belongs to other services"),
        _tools([{"type": "function", **definition()}], [A, B, {"type": "function", **definition()}]),
    ),
    observes(
        "fn.name.dup",
        "tools",
        "refuses two tools with one name",
        contested("tools: no primary source says that names are distinct"),
        _tools([TOOL, TOOL]),
    ),
]

function_name = [
    accepts("fn.name.required", "tools", "accepts a function with a name", documented("function.name"), _tools([TOOL])),
    refuses(
        "fn.name.required",
        "tools",
        "refuses a function without a name",
        documented("tools: function.name is required"),
        _tools([_cut(definition(), "name")], [A, B, _cut(definition(Name="get_weather"), "name")], [tool(None)]),
    ),
    refuses(
        "fn.name.type",
        "tools",
        "refuses a function name that is not a string",
        documented("tools: function.name is a string"),
        _functions("name", *wrong_samples("string")[:4]),
        examples=_among(wrong_type("string").map(tool)),
    ),
    accepts(
        "fn.name.pattern",
        "tools",
        "accepts function names of letters, digits, underscores and hyphens",
        prose("tools: characters of function.name"),
        _tools([tool("a")], [tool("Get-Weather_2"), tool("Z"), tool("0")], [tool("_"), tool("-")]),
        examples=_drawn("name", text.function_names(max_size=text.NAME_MAX - 1)),
        control=_as_many,
    ),
    refuses(
        "fn.name.pattern",
        "tools",
        "refuses function names that are empty or hold another character",
        prose("tools: characters of function.name"),
        [
            *_functions("name", "has space", "a.b", "", "naïve", "a/b", "a\n"),
            *_tools([tool("has space"), A, B], [A, B, tool("a.b")]),
        ],
        examples=_among(text.bad_function_names().map(tool)),
    ),
    accepts(
        "fn.name.maxlen",
        "tools",
        "accepts function names of 64 characters",
        prose("tools: length of function.name"),
        _tools([tool("a" * 64), tool("b" * 63)]),
        control=_as_many,
    ),
    refuses(
        "fn.name.maxlen",
        "tools",
        "refuses function names of more than 64 characters",
        prose("tools: length of function.name"),
        [*_functions("name", "a" * 65, "a" * 256), *_tools([A, B, tool("a" * 65)])],
        examples=_among(st.text(text.NAME_ALPHABET, min_size=65, max_size=200).map(tool)),
    ),
]

function_description = [
    accepts(
        "fn.description",
        "tools",
        "accepts a function with any description or none",
        documented("tools: function.description is an optional string"),
        [
            *_tools([_cut(definition(), "description")]),
            *_functions("description", "What it does."),
            *_tools([tool(description=" ".join(text.SPOKEN)), tool("other", description="{")]),
        ],
        examples=_drawn("description", text.prompts()),
        control=_as_many,
        reduce=plainer,
    ),
    observes(
        "fn.description.empty",
        "tools",
        "accepts an empty function description",
        documented("tools: function.description has no minimum length"),
        _functions("description", ""),
    ),
    refuses(
        "fn.description.type",
        "tools",
        "refuses a function description that is not a string",
        documented("tools: function.description is a string"),
        [*_functions("description", *wrong_samples("string")[:3]), *_tools([A, tool(description=[])])],
        examples=_drawn("description", wrong_type("string")),
    ),
    observes(
        "fn.description.null",
        "tools",
        "accepts a function description that is null",
        contested("tools: function.description is optional and not nullable"),
        _functions("description", None),
    ),
    accepts(
        "fn.description.maxlen",
        "tools",
        "accepts a function description of 1024 characters",
        observed("tools: the service's bound on function.description"),
        _functions("description", ("word " * 205)[:1024]),
    ),
    refuses(
        "fn.description.maxlen",
        "tools",
        "refuses a function description of more than 1024 characters",
        observed("tools: the service's bound on function.description"),
        _functions("description", ("word " * 206)[:1025], "word " * 400),
    ),
]

function_parameters = [
    accepts(
        "fn.parameters.optional",
        "tools",
        "accepts a function without parameters",
        prose("tools: leaving function.parameters out means that there are none"),
        _tools([_cut(definition(), "parameters")]),
    ),
    accepts(
        "fn.parameters.empty",
        "tools",
        "accepts a function whose parameters are an empty object",
        documented("tools: function.parameters is an object without required members"),
        _functions("parameters", {}),
        strength=Strength.SHOULD,  # a schema without a type; some strict services refuse it
    ),
    accepts(
        "fn.parameters.type",
        "tools",
        "accepts parameters that are a JSON Schema of an object",
        documented("tools: function.parameters is a JSON Schema object"),
        _functions("parameters", PARAMETERS, json_schemas.WRITTEN),
        examples=_drawn("parameters", json_schemas.documents()),
        reduce=fewer_properties,
    ),
    accepts(
        "fn.parameters.keywords",
        "tools",
        "accepts parameters with rare keywords of JSON Schema, and of many properties and levels",
        documented("tools: function.parameters is a JSON Schema object"),
        [
            lean(tools=[tool(f"rare_{i}", parameters=one) for i, one in _NUMBERED]),
            *_functions("parameters", _MANY),
        ],
        strength=Strength.SHOULD,  # engines make grammars of schemas, and say which they cannot
        risky=True,  # some have died of those that refer to themselves
        control=_as_many,
        reduce=fewer_properties,
    ),
    refuses(
        "fn.parameters.type",
        "tools",
        "refuses parameters that are not an object",
        documented("tools: function.parameters is an object"),  # true and false are JSON Schemas, so they are left out
        [
            *_functions("parameters", "x", [], 7, '{"type": "object", "properties": {}}'),
            *_tools([A, B, tool(parameters="x")]),
        ],
        examples=_among(wrong_type("object", "boolean").map(lambda value: tool(parameters=value))),
    ),
    observes(
        "fn.parameters.null",
        "tools",
        "accepts parameters that are null",
        contested("tools: function.parameters is optional and not nullable"),
        _functions("parameters", None),
    ),
    accepts(
        "fn.parameters.root",
        "tools",
        "accepts parameters whose root has the type object",
        documented("tools: function.parameters is a JSON Schema object"),
        _functions("parameters", PARAMETERS),
    ),
    refuses(
        "fn.parameters.root",
        "tools",
        "refuses parameters whose root has another type than object",
        observed("tools: the root of function.parameters"),
        _functions(
            "parameters",
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "integer"},
            {"type": "null"},
        ),
        examples=_among(json_schemas.other_roots().map(lambda schema: tool(parameters=schema))),
    ),
    accepts(
        "fn.parameters.properties",
        "tools",
        "accepts parameters with an empty map of properties",
        observed("tools: properties of function.parameters"),
        _functions("parameters", {"type": "object", "properties": {}}),
    ),
    observes(  # the service refuses it, but it is a whole JSON Schema and most servers rightly take it
        "fn.parameters.properties",
        "tools",
        "refuses parameters of type object without properties",
        contested("tools: properties of function.parameters"),
        _functions("parameters", {"type": "object"}),
    ),
]

function_strict = [
    accepts(
        "fn.strict.type",
        "tools",
        "accepts strict true, false and null in a function",
        _STRICT,
        [
            *_functions("strict", True, parameters=STRICT_PARAMETERS),
            lean(tools=_each_strict(False, None, parameters=STRICT_PARAMETERS)),
        ],
        control=_as_many,
    ),
    refuses(
        "fn.strict.type",
        "tools",
        "refuses strict in a function that is not a boolean",
        _STRICT,
        [
            *_functions("strict", "yes", 1, parameters=STRICT_PARAMETERS),
            *_tools([A, tool(strict="true", parameters=STRICT_PARAMETERS)]),
        ],
        examples=_drawn("strict", wrong_type("boolean"), parameters=STRICT_PARAMETERS),
    ),
    accepts(
        "fn.strict.default",
        "tools",
        "accepts strict false and null beside parameters outside the strict subset",
        documented("tools: function.strict defaults to false, and null is the same"),
        [lean(tools=_each_strict(False, None, parameters=_BOTH))],
        control=_as_many,
    ),
    accepts(
        "fn.strict.schema",
        "tools",
        "accepts strict true with parameters within the strict subset",
        observed("tools: the strict subset of JSON Schema"),
        _functions("parameters", STRICT_PARAMETERS, strict=True),
        examples=_drawn("parameters", json_schemas.strict_schemas(), strict=True),
    ),
    refuses(
        "fn.strict.schema",
        "tools",
        "refuses strict true with an object that is not closed",
        observed("tools: additionalProperties in the strict subset"),
        _functions("parameters", _OPEN, {**_OPEN, "additionalProperties": True}, strict=True),
        examples=_drawn("parameters", json_schemas.open_schemas(), strict=True),
    ),
    refuses(
        "fn.strict.required",
        "tools",
        "refuses strict true with a property that is not required",
        observed("tools: required in the strict subset"),
        _functions("parameters", _OPTIONAL, strict=True),
        examples=_drawn("parameters", json_schemas.partly_required_schemas(), strict=True),
    ),
]


def _talk(declared: list[Tool], arguments: str) -> Body:
    """The first of the declared tools was called and answered."""
    call = tool_call(1, declared[0]["function"]["name"], arguments)
    return lean(tools=declared, messages=[user("What is the weather?"), assistant_calls(call), tool_reply(1)])


@st.composite
def _talks(draw: st.DrawFn) -> Body:
    city = draw(st.sampled_from(["Paris", "Rome", "Oslo"]))
    return _talk(draw(plain_tools(max_size=2)), json.dumps({"city": city}))


conversation = [
    accepts(
        "tools.conversation",
        "tools",
        "accepts a conversation in which a declared tool was called and answered",
        documented("tools, messages: tool calls and tool messages"),
        [_talk([TOOL], json.dumps({"city": "Paris"})), _talk([A, B], json.dumps({"city": "Rome"}))],
        examples=_talks(),
        needs=["tool_messages"],
        control=only("tools"),
    ),
]

CHAPTER = Chapter(
    "tools",
    "Tools and tool choice",
    (
        *tools,
        *function_name,
        *function_description,
        *function_parameters,
        *function_strict,
        *conversation,
        *tool_choice.RULES,
    ),
)
