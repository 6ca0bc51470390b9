"""The deprecated functions and function_call, and how they mix with tools and tool_choice (fact base §1.11).

The mixed rules cover each family alone, both at once, and the choice of one family beside the list of the other.
functions beside a history of tool calls (functions.history) is in the chapter on roles.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from ...strategies import json_schemas, text
from ...strategies.bodies import lean
from ...strategies.faults import bad_item_in
from ...strategies.messages import assistant_calls, assistant_function, function_reply, tool_call, tool_reply, user
from ...strategies.tools import (
    Definition,
    definition,
    function_calls,
    many_definitions,
    misshapen_calls,
    named_choice,
    plain_functions,
    tool,
    tool_choices,
    wrong_call_words,
)
from ...strategies.tools import functions as function_lists
from ...strategies.tools import tools as tool_lists
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter, Strength
from .forms import (
    accepts,
    believed,
    contested,
    default_accepted,
    documented,
    first_only,
    leanest,
    null_observed,
    observed,
    observes,
    only,
    prose,
    refuses,
    values,
    varying,
    wrong_types_refused,
)

FUNCTION = definition()
TOOL = tool()
A, B = definition("alpha"), definition("beta")
_GOOD = st.sampled_from([[], [A], [A, B]])
_BARE = {"name": "get_weather"}
_WITH_FUNCTIONS = {"functions": [FUNCTION]}
_BOTH = observed("functions, tools: the service takes one of the two, although no document says so")


def _functions(*lists: list[Any]) -> list[Body]:
    return values("functions", *lists)


def _among(bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """Bodies whose list of functions holds one bad function, alone or at any place among good ones."""
    return varying("functions", bad_item_in(_GOOD, bad))


def _cut(member: str) -> Definition:
    return {key: value for key, value in FUNCTION.items() if key != member}


functions = [
    accepts(
        "functions.min",
        "functions",
        "accepts one function and several",
        documented("functions: at least one"),
        [
            *_functions([FUNCTION], [A, B, FUNCTION]),
            lean(messages=[user("What is the weather in Paris?")], functions=[FUNCTION], max_tokens=128),
        ],
        examples=varying("functions", plain_functions()),
    ),
    refuses(
        "functions.min",
        "functions",
        "refuses an empty list of functions",
        documented("functions: at least one"),
        _functions([]),
    ),
    accepts(
        "functions.max",
        "functions",
        "accepts 128 functions",
        documented("functions: at most 128"),
        _functions(many_definitions(128)),
        control=first_only("functions"),  # without parameters, as they all are
    ),
    refuses(
        "functions.max",
        "functions",
        "refuses more than 128 functions",
        documented("functions: at most 128"),
        _functions(many_definitions(129), many_definitions(200)),
    ),
    wrong_types_refused("functions", "array", source=documented("functions: an array")),
    null_observed("functions", contested("functions: not nullable in the document")),
    refuses(
        "functions.item",
        "functions",
        "refuses functions that are not objects",
        documented("functions: every item is an object"),
        _functions(["get_weather"], [A, B, 7], [None]),
        examples=_among(wrong_type("object")),
    ),
    accepts(
        "functions.name",
        "functions",
        "accepts a function with a name",
        documented("functions: name"),
        _functions([FUNCTION]),
    ),
    refuses(
        "functions.name",
        "functions",
        "refuses a function without a name",
        documented("functions: name is required"),
        _functions([_cut("name")], [A, B, _cut("name")], [definition(None)]),
    ),
    refuses(
        "functions.name.type",
        "functions",
        "refuses a function name that is not a string",
        documented("functions: name is a string"),
        _functions(*([definition(value)] for value in wrong_samples("string")[:3])),
        examples=_among(wrong_type("string").map(definition)),
    ),
    accepts(
        "functions.name.pattern",
        "functions",
        "accepts legacy function names of letters, digits, underscores and hyphens",
        prose("functions: characters of name"),
        _functions([definition("a")], [definition("Get-Weather_2")]),
        examples=varying(
            "functions", text.function_names(max_size=text.NAME_MAX - 1).map(lambda name: [definition(name)])
        ),
    ),
    refuses(
        "functions.name.pattern",
        "functions",
        "refuses legacy function names that are empty or hold another character",
        prose("functions: characters of name"),
        _functions(
            [definition("has space")],
            [A, B, definition("a.b")],
            [definition("")],
            [definition("naïve")],
            [definition("a\n")],
        ),
        examples=_among(text.bad_function_names().map(definition)),
    ),
    accepts(
        "functions.name.maxlen",
        "functions",
        "accepts legacy function names of 64 characters",
        prose("functions: length of name"),
        _functions([definition("a" * 64)]),
    ),
    refuses(
        "functions.name.maxlen",
        "functions",
        "refuses legacy function names of more than 64 characters",
        prose("functions: length of name"),
        _functions([definition("a" * 65)], [A, B, definition("a" * 256)]),
        examples=_among(st.text(text.NAME_ALPHABET, min_size=65, max_size=200).map(definition)),
    ),
    refuses(
        "functions.description.type",
        "functions",
        "refuses a legacy function description that is not a string",
        documented("functions: description is a string"),
        _functions([definition(description=7)], [A, definition(description=["x"])]),
    ),
    accepts(
        "functions.parameters.optional",
        "functions",
        "accepts a legacy function without parameters",
        prose("functions: leaving parameters out means that there are none"),
        _functions([_cut("parameters")]),
    ),
    accepts(
        "functions.parameters.type",
        "functions",
        "accepts legacy parameters that are a JSON Schema of an object",
        documented("functions: parameters is a JSON Schema object"),
        _functions([FUNCTION]),
        examples=varying("functions", json_schemas.documents().map(lambda schema: [definition(parameters=schema)])),
    ),
    refuses(
        "functions.parameters.type",
        "functions",
        "refuses legacy parameters that are not an object",
        documented("functions: parameters is an object"),
        _functions([definition(parameters="x")], [definition(parameters=[])], [A, B, definition(parameters=7)]),
        examples=_among(wrong_type("object", "boolean").map(lambda value: definition(parameters=value))),
    ),
    observes(
        "functions.name.dup",
        "functions",
        "refuses two functions with one name",
        contested("functions: no primary source says that names are distinct"),
        _functions([FUNCTION, FUNCTION]),
    ),
]


def _talk(declared: list[Definition], arguments: str) -> Body:
    """The first of the declared functions was called and answered, and the user goes on."""
    name = declared[0]["name"]
    messages = [
        user("What is the weather?"),
        assistant_function(name, arguments),
        function_reply(name),
        user("Thanks."),
    ]
    return lean(functions=declared, messages=messages)


@st.composite
def _talks(draw: st.DrawFn) -> Body:
    city = draw(st.sampled_from(["Paris", "Rome", "Oslo"]))
    return _talk(draw(plain_functions(max_size=2)), json.dumps({"city": city}))


conversation = [
    accepts(
        "functions.conversation",
        "functions",
        "accepts a conversation in which a declared function was called and answered",
        documented("functions, messages: function calls and function messages"),
        [_talk([FUNCTION], json.dumps({"city": "Paris"}))],
        examples=_talks(),
        strength=Strength.SHOULD,  # reasoning models refuse the role function, as in the chapter on roles
        needs=["function_messages"],
        control=only("functions"),
    ),
]


def _calls(*wanted: Any) -> list[Body]:
    return values("function_call", *wanted, functions=[FUNCTION])


function_call = [
    accepts(
        "function_call.enum",
        "function_call",
        "accepts function_call none, auto and a named function",
        documented("function_call: two words or an object with a name"),
        [
            *_calls("auto", {"name": "get_weather"}, "none"),
            *values("function_call", {"name": "beta"}, functions=[FUNCTION, A, B]),
        ],
        examples=function_lists(bare=False).flatmap(
            lambda drawn: varying("function_call", function_calls(drawn), functions=drawn)
        ),
        needs=["functions"],
    ),
    refuses(
        "function_call.enum",
        "function_call",
        "refuses any other word as function_call",
        documented("function_call: required and the rest are no words of it"),
        _calls("required", "auto ", "get_weather", ""),
        examples=varying("function_call", wrong_call_words([FUNCTION]), functions=[FUNCTION]),
        needs=["functions"],
    ),
    wrong_types_refused(
        "function_call",
        "string",
        "object",
        source=documented("function_call: a string or an object"),
        first=(7,),
        context=_WITH_FUNCTIONS,
        needs=["functions"],
    ),
    refuses(
        "function_call.named.shape",
        "function_call",
        "refuses a function_call object without a proper name",
        documented("function_call: name is required and a string"),
        _calls({}, {"name": 7}, {"name": None}, {"function": _BARE}),
        examples=varying("function_call", misshapen_calls("get_weather"), functions=[FUNCTION]),
        needs=["functions"],
    ),
    observes(
        "function_call.named.exists",
        "function_call",
        "refuses a function_call that names a function which is not there",
        believed("function_call: by likeness with tool_choice"),
        _calls({"name": "get_time"}),
        needs=["functions"],
    ),
    null_observed(
        "function_call",
        contested("function_call: not nullable in the document"),
        context=_WITH_FUNCTIONS,
        needs=["functions"],
    ),
    default_accepted(
        "function_call",
        "auto",
        documented("function_call: default beside functions"),
        context=_WITH_FUNCTIONS,
        needs=["functions"],
    ),
    accepts(
        "function_call.needs.functions",
        "function_call",
        "accepts function_call beside functions",
        documented("function_call: controls which function is called"),
        _calls("auto"),
        needs=["functions"],
    ),
    refuses(
        "function_call.needs.functions",
        "function_call",
        "refuses function_call without functions",
        observed("function_call: only where functions are given"),
        values("function_call", "auto", _BARE),
        needs=["functions"],
    ),
    observes(
        "function_call.none.alone",
        "function_call",
        "accepts function_call none without functions",
        contested("function_call: none is the default without functions, yet the service wants functions"),
        values("function_call", "none"),
        needs=["functions"],
    ),
]


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


mixed = [
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
        values("function_call", "auto", _BARE, tools=[TOOL]),
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
        values("tool_choice", _BARE, tools=[TOOL]),
        needs=["tools"],
    ),
    refuses(
        "function_call.tool.form",
        "function_call",
        "refuses the object form of tool_choice as function_call",
        documented("function_call: name is required"),
        _calls(named_choice("get_weather")),
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
        _functions([TOOL], [A, TOOL]),
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

CHAPTER = Chapter(
    "legacy",
    "Legacy functions, and functions mixed with tools",
    (*functions, *conversation, *function_call, *mixed),
)
