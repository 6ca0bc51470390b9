"""How legacy functions are used: function_call (fact base §1.11)."""

from __future__ import annotations

from ...strategies.tools import function_calls, misshapen_calls, wrong_call_words
from ...strategies.tools import functions as function_lists
from .forms import (
    accepts,
    believed,
    contested,
    default_accepted,
    documented,
    null_observed,
    observed,
    observes,
    refuses,
    values,
    varying,
    wrong_types_refused,
)
from .function_bodies import FUNCTION, NAMED, A, B, with_calls

_WITH_FUNCTIONS = {"functions": [FUNCTION]}

RULES = [
    accepts(
        "function_call.enum",
        "function_call",
        "accepts function_call none, auto and a named function",
        documented("function_call: two words or an object with a name"),
        [
            *with_calls("auto", {"name": "get_weather"}, "none"),
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
        with_calls("", "Auto", "required", "get_weather"),
        examples=varying("function_call", wrong_call_words([FUNCTION]), functions=[FUNCTION]),
        needs=["functions"],
    ),
    wrong_types_refused(
        "function_call",
        "string",
        "object",
        source=documented("function_call: a string or an object"),
        first=(["auto"], 7),
        context=_WITH_FUNCTIONS,
        needs=["functions"],
    ),
    refuses(
        "function_call.named.shape",
        "function_call",
        "refuses a function_call object without a proper name",
        documented("function_call: name is required and a string"),
        with_calls({}, {"name": 7}, {"name": None}, {"function": NAMED}),
        examples=varying("function_call", misshapen_calls("get_weather"), functions=[FUNCTION]),
        needs=["functions"],
    ),
    observes(
        "function_call.named.exists",
        "function_call",
        "refuses a function_call that names a function which is not there",
        believed("function_call: by likeness with tool_choice"),
        with_calls({"name": "get_time"}),
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
        with_calls("auto"),
        needs=["functions"],
    ),
    refuses(
        "function_call.needs.functions",
        "function_call",
        "refuses function_call without functions",
        observed("function_call: only where functions are given"),
        values("function_call", "auto", NAMED),
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
