"""Tool calls in a history: what one is made of (fact base §1.4, ``toolcall.*``).

Ids of calls are nine letters and digits unless the rule is about ids, because some models insist on that. Left out: the
length limit of function-call names in a history.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.messages import (
    assistant,
    assistant_calls,
    conversations,
    json_arguments,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.wrong import wrong_type
from ..model import Body
from .forms import accepts, contested, documented, lacking, observed, observes, refuses
from .talks import CALLS, THANKS, TOOLS, called, talk, undeclared

_P = "messages"
_ARGUMENTS = {
    "city": "Zürich 😀",
    "n": [1, {"a": None}],
    "said": text.SPOKEN,
    **{name: {name: True} for name in ("größe", "a b", "a.b", "{x}", "$1", '"', "\\", "id", "name", "arguments")},
}


def _second_of_two(call: Any) -> Body:
    """A good call, answered, and after it in the list of calls a strange one that nothing can answer."""
    return talk(user(), assistant_calls(tool_call(1), call), tool_reply(1))


def _first_of_two(call: Any) -> Body:
    return talk(user(), assistant_calls(call, tool_call(1)), tool_reply(1))


def _with_arguments(arguments: Any, told: bool) -> Body:
    body = called(tool_call(arguments=arguments))
    return body if told else undeclared(body)


def _function(**members: Any) -> dict[str, Any]:
    """A call whose ``function`` has exactly these members."""
    return tool_call(function=members)


def _with_id(id: str) -> Body:
    return called(tool_call(id=id))


def _with_name(name: str) -> Body:
    # The tool that is declared has a good name, so that only the name in the history is under test.
    return {**called(tool_call(name=name)), **TOOLS}


RULES = [
    accepts(
        "toolcall.shape",
        _P,
        "accepts tool calls in the history, each answered once",
        documented("tool call: id, type and function with name and arguments"),
        [
            called(tool_call()),
            # Parallel calls, answered in another order.
            talk(user(), assistant_calls(*map(tool_call, (1, 2, 3))), tool_reply(2), tool_reply(3), tool_reply(1)),
            # One call after another.
            talk(user(), assistant_calls(tool_call(1)), tool_reply(1), assistant_calls(tool_call(2)), tool_reply(2)),
            talk(user(), assistant_calls(tool_call(), content="Let me look."), tool_reply(), assistant(), THANKS),
        ],
        examples=conversations(tools=True, plain=True, system_first=False, max_turns=2).map(
            lambda messages: talk(*messages)
        ),
        needs=CALLS,
    ),
    refuses(
        "toolcall.shape",
        _P,
        "refuses a tool call that lacks a member or has a wrong type",
        documented("tool call: id, type and function with name and arguments, all required"),
        [
            # as the Responses endpoint writes it
            called({**lacking(tool_call(), "function"), "name": "get_weather", "arguments": "{}"}),
            talk(user(), assistant_calls(tool_call(1), lacking(tool_call(2), "type")), tool_reply(1), tool_reply(2)),
            called(_function(name="get_weather")),
            undeclared(called(_function(Name="get_weather", arguments="{}"))),
            called(tool_call(type="Function")),
            undeclared(called(lacking(tool_call(), "type"))),
            called(tool_call(function="get_weather")),
            called(tool_call(function=None)),
            called(_function(name=None, arguments="{}")),
            called(tool_call(type=None)),
        ],
        needs=CALLS,
    ),
    refuses(
        "toolcall.id.required",
        _P,
        "refuses a tool call whose id is missing or no string",
        documented("tool call: id is a required string"),
        # Another call is answered: nothing can answer this one, and a plain history would have two faults.
        [
            _second_of_two(lacking(tool_call(), "id")),
            undeclared(_first_of_two(lacking(tool_call(), "id"))),
            _second_of_two(tool_call(id=7)),
            _first_of_two(tool_call(id=None)),
        ],
        needs=CALLS,
    ),
    refuses(
        "toolcall.arguments.type",
        _P,
        "refuses arguments of a tool call that are not a string",
        documented("tool call: arguments is a string"),
        [
            called(tool_call(arguments={})),
            called(tool_call(arguments=None)),
            undeclared(called(tool_call(arguments={"city": "Paris"}))),
            talk(
                user(), assistant_calls(tool_call(1), tool_call(2, arguments=["Paris"])), tool_reply(1), tool_reply(2)
            ),
        ],
        examples=st.builds(
            _with_arguments,
            wrong_type("string"),
            st.booleans(),
        ),
        needs=CALLS,
    ),
    refuses(
        "toolcall.type.item",
        _P,
        "refuses tool calls that are not an array of objects",
        documented("assistant: tool_calls is an array of tool calls"),
        [
            talk(user(), assistant(tool_calls="none"), THANKS, **TOOLS),
            talk(user(), assistant(tool_calls={}), THANKS),
            talk(user(), assistant(tool_calls=tool_call()), tool_reply(), **TOOLS),
            talk(user(), assistant(tool_calls=[7]), THANKS, **TOOLS),
            talk(user(), assistant_calls(tool_call(1), "get_weather"), tool_reply(1), **TOOLS),
            talk(user(), assistant_calls(None, tool_call(1)), tool_reply(1)),
        ],
        needs=["tools"],
    ),
    accepts(
        "toolcall.arguments.valid",
        _P,
        "accepts any JSON object as the arguments of a tool call",
        documented("tool call: arguments is a string, JSON as the model wrote it"),
        [called(tool_call(arguments=text)) for text in (json.dumps(_ARGUMENTS, ensure_ascii=False, indent=2), "{}")],
        examples=json_arguments().map(lambda arguments: called(tool_call(arguments=arguments))),
        needs=CALLS,
    ),
    observes(
        "toolcall.arguments.json",
        _P,
        "accepts arguments of a tool call that are not JSON",
        contested("tool call: arguments is free text in the document, some servers parse it"),
        [called(tool_call(arguments=arguments)) for arguments in ('{"city": ', "")],
        needs=CALLS,
    ),
    accepts(
        "toolcall.id.maxlen",
        _P,
        "accepts ids of tool calls of up to 40 characters",
        observed("tool call: the length of ids in error texts"),
        [_with_id("c" * 40), _with_id("call_" + "0aB" * 8), _with_id("1")],
        examples=text.call_ids().map(_with_id),
        needs=CALLS,
    ),
    refuses(
        "toolcall.id.maxlen",
        _P,
        "refuses ids of tool calls of more than 64 characters",
        observed("tool call: the length of ids in error texts, 40 or 64"),
        [_with_id("c" * 65), _with_id("c" * 400)],
        needs=CALLS,
    ),
    observes(
        "toolcall.id.next",
        _P,
        "refuses an id of a tool call of 41 characters",
        contested("tool call: a limit of 64 is reported beside that of 40"),
        [_with_id("c" * 41)],
        needs=CALLS,
    ),
    observes(
        "toolcall.id.unique",
        _P,
        "refuses two tool calls with one id in a message",
        contested("tool call: no document says that ids differ"),
        [talk(user(), assistant_calls(tool_call(), tool_call()), tool_reply())],
        needs=CALLS,
    ),
    accepts(
        "toolcall.name.pattern",
        _P,
        "accepts names of letters, digits, underscore and hyphen in tool calls",
        observed("tool call: the pattern of names in error texts"),
        [called(tool_call(name=name)) for name in ("Ab_9-z", "n" * 64)],
        examples=text.function_names().map(lambda name: called(tool_call(name=name))),
        needs=CALLS,
    ),
    refuses(
        "toolcall.name.pattern",
        _P,
        "refuses a name of a tool call with a character that names cannot have",
        observed("tool call: the pattern of names in error texts"),
        [_with_name("a.b"), _with_name("has space"), _with_name("naïve")],
        examples=text.bad_function_names().map(_with_name),
        needs=CALLS,
    ),
]
