"""How tools are used: tool_choice and parallel_tool_calls (fact base §1.11)."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.tools import (
    STRICT_PARAMETERS,
    misshapen_choices,
    named_choice,
    named_tools,
    tool,
    tool_choices,
    wrong_choice_words,
)
from ..model import Body, Strength
from .forms import (
    accepts,
    contested,
    default_accepted,
    documented,
    null_observed,
    observed,
    observes,
    prose,
    refuses,
    values,
    varying,
    wrong_types_refused,
)
from .tool_bodies import TOOL, WEATHER, A, B


def _choices(*wanted: Any) -> list[Body]:
    return values("tool_choice", *wanted, tools=[TOOL])


def _shapes(name: str) -> list[dict[str, Any]]:
    """Objects that nearly choose a tool, each with one fault of shape."""
    return [
        {"function": {"name": name}},
        {"type": "Function", "function": {"name": name}},
        {"type": "function", "function": {}},
        {"type": "function"},
        {"name": name},
        {"type": "function", "function": name},
        {"type": "function", "name": name},  # as the Responses endpoint writes it
        {"type": "auto"},  # as the Messages endpoint of another service writes it
        {"type": "function", "function": {"name": None}},
        {"type": "function", "function": [{"name": name}]},
        {"type": None, "function": {"name": name}},
    ]


_WITH_TOOLS = {"tools": [TOOL]}

tool_choice = [
    accepts(
        "tool_choice.enum",
        "tool_choice",
        "accepts tool_choice none and auto",
        documented("tool_choice: its three words"),
        _choices("none", "auto"),
        needs=["tools"],
    ),
    accepts(
        "tool_choice.required",
        "tool_choice",
        "accepts tool_choice required, and any other choice among several tools",
        documented("tool_choice: its three words, and the object that names a tool"),
        _choices("required"),
        examples=named_tools().flatmap(lambda drawn: varying("tool_choice", tool_choices(drawn), tools=drawn)),
        needs=["tools", "forced_tool"],
    ),
    refuses(
        "tool_choice.enum",
        "tool_choice",
        "refuses any other word as tool_choice",
        documented("tool_choice: its three words"),
        _choices("Auto", "", "any", "get_weather", "auto "),
        examples=varying("tool_choice", wrong_choice_words([TOOL]), tools=[TOOL]),
        needs=["tools"],
    ),
    wrong_types_refused(
        "tool_choice",
        "string",
        "object",
        source=documented("tool_choice: a string or an object"),
        first=(["auto"], 7),
        context=_WITH_TOOLS,
        needs=["tools"],
    ),
    null_observed(
        "tool_choice", contested("tool_choice: not nullable; servers differ"), context=_WITH_TOOLS, needs=["tools"]
    ),
    default_accepted(
        "tool_choice", "auto", prose("tool_choice: default beside tools"), context=_WITH_TOOLS, needs=["tools"]
    ),
    accepts(
        "tool_choice.named.shape",
        "tool_choice",
        "accepts the object that names a tool as tool_choice",
        documented("tool_choice: type and function.name"),
        _choices(named_choice("get_weather")),
        needs=["tools"],  # not forced_tool: where that is refused, this is the one rule that says so
    ),
    refuses(
        "tool_choice.named.shape",
        "tool_choice",
        "refuses a tool_choice object of another shape",
        documented("tool_choice: type and function.name are required"),
        _choices(*_shapes("get_weather")),
        examples=varying("tool_choice", misshapen_choices("get_weather"), tools=[TOOL]),
        needs=["tools"],
    ),
    accepts(
        "tool_choice.named.exists",
        "tool_choice",
        "accepts a tool_choice that names any of the tools",
        documented("tool_choice: forces the named tool"),
        [
            *values("tool_choice", *map(named_choice, ("get_weather", "alpha", "beta")), tools=[A, B, TOOL]),
            lean(
                messages=WEATHER,
                tools=[tool(parameters=STRICT_PARAMETERS, strict=True)],
                tool_choice=named_choice("get_weather"),
                max_tokens=128,
            ),
        ],
        needs=["tools", "forced_tool"],
    ),
    refuses(
        "tool_choice.named.exists",
        "tool_choice",
        "refuses a tool_choice that names a tool which is not there",
        documented("tool_choice: forces the named tool, so it has to be one of the tools"),
        [
            *_choices(named_choice("Get_Weather"), named_choice("get_time")),
            *values("tool_choice", named_choice("gamma"), tools=[A, B]),
        ],
        strength=Strength.SHOULD,  # no document says it, but no server can do what is asked
        needs=["tools"],
    ),
    accepts(
        "tool_choice.needs.tools",
        "tool_choice",
        "accepts tool_choice beside tools",
        documented("tool_choice: controls which tool is called"),
        _choices("auto"),
        needs=["tools"],
    ),
    refuses(
        "tool_choice.needs.tools",
        "tool_choice",
        "refuses tool_choice without tools",
        observed("tool_choice: only where tools are given"),
        values("tool_choice", "required", named_choice("get_weather"), "auto"),
        needs=["tools"],
    ),
    observes(
        "tool_choice.none.alone",
        "tool_choice",
        "accepts tool_choice none without tools",
        contested(
            "tool_choice: none is the default without tools, yet the original service has been seen to refuse it"
        ),
        values("tool_choice", "none"),
        needs=["tools"],
    ),
]

parallel = [
    accepts(
        "parallel_tool_calls.type",
        "parallel_tool_calls",
        "accepts parallel_tool_calls true and false",
        documented("parallel_tool_calls: a boolean"),
        values("parallel_tool_calls", False, True, tools=[TOOL]),
        needs=["tools"],
    ),
    wrong_types_refused(
        "parallel_tool_calls",
        "boolean",
        source=documented("parallel_tool_calls: a boolean"),
        first=("true",),
        context=_WITH_TOOLS,
        needs=["tools"],
    ),
    null_observed(
        "parallel_tool_calls",
        contested("parallel_tool_calls: not nullable; the original service refused null, later read it as absent"),
        context=_WITH_TOOLS,
        needs=["tools"],
    ),
    default_accepted(
        "parallel_tool_calls", True, documented("parallel_tool_calls: default"), context=_WITH_TOOLS, needs=["tools"]
    ),
    accepts(
        "parallel_tool_calls.needs.tools",
        "parallel_tool_calls",
        "accepts parallel_tool_calls beside tools",
        documented("parallel_tool_calls: during tool use"),
        values("parallel_tool_calls", False, tools=[A, B]),
        needs=["tools"],
    ),
    refuses(
        "parallel_tool_calls.needs.tools",
        "parallel_tool_calls",
        "refuses parallel_tool_calls without tools",
        observed("parallel_tool_calls: only where tools are given"),
        values("parallel_tool_calls", True, False),
        needs=["tools"],
    ),
]

RULES = [*tool_choice, *parallel]
