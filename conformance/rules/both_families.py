"""Functions and function_call beside tools and tool_choice (fact base §1.11).

Each family alone, both at once, the choice of one family beside the list of the other, and forms of the one in the
place of the other. functions beside a history of tool calls (functions.history) is in the chapter on roles.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.messages import assistant_calls, assistant_function, function_reply, tool_call, tool_reply, user
from ...strategies.tools import definition, function_calls, named_choice, tool, tool_choices
from ...strategies.tools import functions as function_lists
from ...strategies.tools import tools as tool_lists
from ..model import Body
from .forms import accepts, contested, documented, leanest, observed, observes, refuses, values
from .function_bodies import FUNCTION, NAMED, A, B, with_calls, with_functions
from .tool_bodies import TOOL

_BOTH = observed("functions, tools: the service takes one of the two, although no document says so")


@st.composite
def _mixtures(draw: st.DrawFn) -> Body:
    """Both families in one body, perhaps with their choices; the lists may share names."""
    tools = draw(tool_lists(max_size=2, bare=False))
    shared = draw(st.booleans())
    functions = [tools[0]["function"]] if shared else draw(function_lists(max_size=2, bare=False))
    body = lean(tools=tools, functions=functions)
    if draw(st.booleans()):
        body["tool_choice"] = draw(tool_choices(tools))
    if draw(st.booleans()):
        body["function_call"] = draw(function_calls(functions))
    return body


RULES = [
    accepts(
        "functions.and.tools",
        "functions",
        "accepts functions alone and tools alone",
        documented("functions, tools: each is enough by itself"),
        [lean(functions=[FUNCTION]), lean(tools=[TOOL])],
        needs=["tools"],
        control=leanest,
    ),
    accepts(
        "functions.and.tools.choices",
        "functions",
        "accepts functions with function_call alone and tools with tool_choice alone",
        documented("function_call, tool_choice: each beside its own list"),
        [
            lean(functions=[FUNCTION], function_call={"name": "get_weather"}),
            lean(tools=[TOOL], tool_choice=named_choice("get_weather")),
            lean(functions=[FUNCTION], function_call="none"),
            lean(tools=[TOOL], tool_choice="none"),
        ],
        needs=["tools", "tool_choice", "function_call", "forced_tool", "forced_function"],
        control=leanest,
    ),
    refuses(
        "functions.and.tools",
        "functions",
        "refuses functions and tools at once",
        _BOTH,
        [
            lean(tools=[TOOL], functions=[A]),
            lean(tools=[tool("alpha"), tool("beta")], functions=[FUNCTION, definition("gamma")]),
        ],
        examples=_mixtures(),
        needs=["tools"],
    ),
    refuses(
        "functions.and.tools.name",
        "functions",
        "refuses the same function among functions and among tools",
        _BOTH,
        [lean(tools=[TOOL], functions=[FUNCTION]), lean(tools=[tool("alpha"), TOOL], functions=[B, FUNCTION])],
        needs=["tools"],
    ),
    refuses(
        "functions.and.tools.choice",
        "functions",
        "refuses functions and tools at once also where a choice settles which is meant",
        _BOTH,
        [
            lean(tools=[TOOL], functions=[A], tool_choice=named_choice("get_weather")),
            lean(tools=[TOOL], functions=[A], function_call={"name": "alpha"}),
            lean(tools=[TOOL], functions=[A], tool_choice="none"),
            lean(tools=[TOOL], functions=[A], function_call="none"),
        ],
        needs=["tools"],
    ),
    observes(
        "functions.and.tools.null",
        "functions",
        "accepts one list where the other is null",
        contested("functions, tools: null may mean absent"),
        [lean(functions=[FUNCTION], tools=None), lean(tools=[TOOL], functions=None)],
        needs=["tools"],
    ),
    observes(
        "functions.and.tools.empty",
        "functions",
        "accepts functions beside an empty list of tools",
        contested("tools: an empty list may count as absent"),
        [lean(functions=[FUNCTION], tools=[])],
        needs=["tools"],
    ),
    refuses(
        "tool_choice.with.functions",
        "tool_choice",
        "refuses tool_choice beside functions only",
        observed("tool_choice: only where tools are given"),
        values("tool_choice", "auto", named_choice("get_weather"), "required", functions=[FUNCTION]),
        needs=["tools", "functions"],
    ),
    observes(
        "tool_choice.with.functions.none",
        "tool_choice",
        "accepts tool_choice none beside functions only",
        contested("tool_choice: none is the default without tools"),
        values("tool_choice", "none", functions=[FUNCTION]),
        needs=["tools", "functions"],
    ),
    refuses(
        "function_call.with.tools",
        "function_call",
        "refuses function_call beside tools only",
        observed("function_call: only where functions are given"),
        values("function_call", "auto", NAMED, tools=[TOOL]),
        needs=["tools", "functions"],
    ),
    observes(
        "function_call.with.tools.none",
        "function_call",
        "accepts function_call none beside tools only",
        contested("function_call: none is the default without functions"),
        values("function_call", "none", tools=[TOOL]),
        needs=["tools", "functions"],
    ),
    refuses(
        "parallel_tool_calls.with.functions",
        "parallel_tool_calls",
        "refuses parallel_tool_calls beside functions only",
        observed("parallel_tool_calls: only where tools are given"),
        values("parallel_tool_calls", False, True, functions=[FUNCTION]),
        needs=["tools", "functions"],
    ),
    refuses(
        "tool_choice.legacy.form",
        "tool_choice",
        "refuses the object form of function_call as tool_choice",
        documented("tool_choice: type and function are required"),
        values("tool_choice", NAMED, tools=[TOOL]),
        needs=["tools"],
    ),
    refuses(
        "function_call.tool.form",
        "function_call",
        "refuses the object form of tool_choice as function_call",
        documented("function_call: name is required"),
        with_calls(named_choice("get_weather")),
        needs=["functions"],
    ),
    refuses(
        "tools.legacy.form",
        "tools",
        "refuses a legacy function definition among tools",
        documented("tools: function is required"),
        values("tools", [{**FUNCTION, "type": "function"}], [tool("alpha"), {**FUNCTION, "type": "function"}]),
    ),
    refuses(
        "functions.tool.form",
        "functions",
        "refuses a tool among functions",
        documented("functions: name is required"),
        with_functions([TOOL], [A, TOOL]),
    ),
    observes(
        "tools.history.functions",
        "tools",
        "accepts tools beside a history of legacy function calls",
        contested("tools, messages: no document joins or separates them"),
        [
            lean(
                tools=[TOOL],
                messages=[user("What is the weather?"), assistant_function(), function_reply(), user("Thanks.")],
            )
        ],
        needs=["functions", "function_messages"],
    ),
    observes(
        "tools.history.both",
        "tools",
        "accepts a history that has both tool calls and legacy function calls",
        contested("messages: no document joins or separates them"),
        [
            lean(
                tools=[TOOL],
                messages=[
                    user("What is the weather?"),
                    assistant_calls(tool_call(1)),
                    tool_reply(1),
                    user("And tomorrow?"),
                    assistant_function(),
                    function_reply(),
                    user("Thanks."),
                ],
            )
        ],
        needs=["functions", "function_messages", "tool_messages"],
    ),
]
