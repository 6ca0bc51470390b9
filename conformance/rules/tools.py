"""Lists of tools, what a tool is made of, and a conversation in which one is called (fact base §1.11).

The function of a tool, and the properties that say how tools are used, are modules of their own; tools of type
custom and tool_choice allowed_tools, which came later, have a chapter. Every tool that is not itself under test has a
description and parameters, because some servers demand them.
"""

from __future__ import annotations

import json

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.messages import assistant_calls, tool_call, tool_reply, user
from ...strategies.tools import Tool, as_tool, definition, many_definitions, plain_tools
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter, Strength
from . import tool_choice, tool_functions
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
    varying,
    wrong_types_refused,
)
from .tool_bodies import TOOL, WEATHER, A, B, among_tools, with_tools

tools = [
    accepts(
        "tools.type",
        "tools",
        "accepts an array of tools",
        documented("tools: an array of tools"),
        [*with_tools([TOOL], [A, B, TOOL]), lean(messages=WEATHER, tools=[TOOL], max_tokens=128)],
        examples=varying("tools", plain_tools()),
    ),
    wrong_types_refused("tools", "array", source=documented("tools: an array"), first=("none", TOOL)),
    null_observed("tools", contested("tools: not nullable in the document; the original service reads null as absent")),
    refuses(
        "tools.item",
        "tools",
        "refuses tools that are not objects",
        documented("tools: every item is an object"),
        with_tools(["get_weather"], [A, B, 7], [None], [[TOOL]]),
        examples=among_tools(wrong_type("object")),
    ),
    accepts("tools.min", "tools", "accepts a single tool", documented("tools: an array of tools"), with_tools([TOOL])),
    refuses(
        "tools.min", "tools", "refuses an empty list of tools", observed("tools: the service wants one"), with_tools([])
    ),
    *changed(
        "2026-08",
        accepts(
            "tools.max",
            "tools",
            "accepts 128 tools",
            prose("tools: at most 128 functions"),
            with_tools([as_tool(function) for function in many_definitions(128)]),
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
            with_tools(*([as_tool(function) for function in many_definitions(count)] for count in (129, 200))),
        ),
        source=observed("tools: the service's bound; the document no longer speaks of it"),
        strength=Strength.SHOULD,
    ),
    accepts("tool.type", "tools", "accepts tools of type function", documented("tools: type"), with_tools([TOOL])),
    *changed(
        "2026-08",
        refuses(
            "tool.type",
            "tools",
            "refuses a tool whose type is missing or not function",
            documented("tools: type is required, function the only value"),
            with_tools(
                [{"function": definition()}],
                [{**TOOL, "type": "retrieval"}],
                [A, B, {**TOOL, "type": "function "}],
                [{"Type": "function", "function": definition()}, A, B],
                [{**TOOL, "type": None}],
                [{**TOOL, "type": ["function"]}],
            ),
            examples=among_tools(
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
        with_tools([TOOL]),
    ),
    refuses(
        "tool.function.required",
        "tools",
        "refuses a tool without its function",
        documented("tools: function is required"),
        with_tools([{"type": "function"}], [A, B, {"type": "function", "Function": definition()}], [as_tool(None)]),
    ),
    refuses(
        "tool.function.type",
        "tools",
        "refuses a tool whose function is not an object",
        documented("tools: function is an object"),
        with_tools([as_tool("get_weather")], [as_tool([definition()])], [as_tool(7)]),
        examples=among_tools(wrong_type("object").map(as_tool)),
    ),
    refuses(
        "tool.function.flat",
        "tools",
        "refuses a function whose members lie in the tool itself",
        documented("tools: function is required; the flat form belongs to other services"),
        with_tools([{"type": "function", **definition()}], [A, B, {"type": "function", **definition()}]),
    ),
    observes(
        "fn.name.dup",
        "tools",
        "refuses two tools with one name",
        contested("tools: no primary source says that names are distinct"),
        with_tools([TOOL, TOOL]),
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
        *tool_functions.RULES,
        *conversation,
        *tool_choice.RULES,
    ),
)
