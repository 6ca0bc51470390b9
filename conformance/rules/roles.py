"""Roles, and histories in which tools and functions were called (fact base §1.4).

A history with calls is sent with the tools or functions it calls, as a client would. Ids of calls are nine letters and
digits unless the rule is about ids, because some models insist on that.

Left out: ``role.system.unsupported`` and ``role.function.unsupported`` (they test the model), a former audio answer in
an assistant message (its id must be one the server gave), the length limit of function-call names in a history.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.bodies import lean
from ...strategies.messages import (
    Message,
    assistant,
    assistant_calls,
    assistant_function,
    bad_roles,
    conversations,
    declarations,
    declared,
    function_reply,
    json_arguments,
    system,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.plainer import plainer
from ...strategies.text import LONG, call_id
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter, Strength
from .forms import accepts, believed, contested, documented, each, observed, observes, refuses, until_before

_P = "messages"
_THANKS = user("Thank you!")
_TOOLS = declarations([assistant_calls(tool_call())])
_CALLS = ["tools", "tool_messages"]
_FUNCTIONS = ["functions", "function_messages"]
_ARGUMENTS = {
    "city": "Zürich 😀",
    "n": [1, {"a": None}],
    "said": text.SPOKEN,
    **{name: {name: True} for name in ("größe", "a b", "a.b", "{x}", "$1", '"', "\\", "id", "name", "arguments")},
}


def _body(*messages: Any, **more: Any) -> Body:
    return lean(messages=list(messages), **{**declarations(messages), **more})


def _replied_to(call: Any) -> Body:
    """A reply with this in place of the id of a call, beside one in order."""
    return _body(user(), assistant_calls(tool_call()), tool_reply(), tool_reply(tool_call_id=call))


def _without(thing: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name != key}


def _called(call: Any) -> Body:
    """One call, answered. A call without a name or function is sent with the usual tool."""
    body = _body(user(), assistant_calls(call), tool_reply(call["id"]))
    return body if "tools" in body else {**body, **_TOOLS}


def _second_of_two(call: Any) -> Body:
    """A good call, answered, and after it in the list of calls a strange one that nothing can answer."""
    return _body(user(), assistant_calls(tool_call(1), call), tool_reply(1))


def _first_of_two(call: Any) -> Body:
    return _body(user(), assistant_calls(call, tool_call(1)), tool_reply(1))


def _undeclared(body: Body) -> Body:
    """The body without its tools: whether or not a history needs them, its calls have to be in order."""
    return _without(body, "tools")


def _with_arguments(arguments: Any, told: bool) -> Body:
    body = _called(tool_call(arguments=arguments))
    return body if told else _undeclared(body)


def _function(**members: Any) -> dict[str, Any]:
    """A call whose ``function`` has exactly these members."""
    return tool_call(function=members)


def _many(number: int) -> Body:
    ids = range(1, number + 1)
    return _body(user(), assistant_calls(*(tool_call(i, "f") for i in ids)), *(tool_reply(i, "1") for i in ids))


def _with_id(id: str) -> Body:
    return _called(tool_call(id=id))


def _with_name(name: str) -> Body:
    # The tool that is declared has a good name, so that only the name in the history is under test.
    return {**_called(tool_call(name=name)), **_TOOLS}


_BESIDE: tuple[Body, ...] = ({}, {"name": "alice"})
"""What else a message of the user may have."""


def _spoken_as(role: Any, beside: Body) -> Body:
    return _body(user(role=role, **beside))


def _each(message: Callable[[Any], Message], *wrong: Any) -> list[Body]:
    return [_body(message(value)) for value in wrong]


roles = [
    accepts(
        "role.enum",
        _P,
        "accepts the roles system, user and assistant",
        documented("role: the roles of the document"),
        [_body(system(), user()), _body(user(), assistant(), _THANKS)],
        needs=["system_role"],
    ),
    accepts(
        "role.tool",
        _P,
        "accepts the role tool",
        documented("role: the roles of the document"),
        [
            _called(tool_call()),
            _body(user(), assistant_calls(tool_call()), tool_reply(content=LONG), assistant(LONG), _THANKS),
        ],
        needs=_CALLS,
        reduce=plainer,
    ),
    accepts(
        "role.function",
        _P,
        "accepts the deprecated role function",
        documented("role: the roles of the document"),
        [_body(user(), assistant_function(), function_reply(), assistant(), _THANKS)],
        examples=conversations(functions=True, plain=True, system_first=False).map(lambda messages: _body(*messages)),
        # Reasoning models refuse it (row role.function.unsupported).
        strength=Strength.SHOULD,
        needs=_FUNCTIONS,
    ),
    *until_before(
        "2026-08",  # from then on the chapter about developer messages has it
        observes(
            "role.developer",
            _P,
            "accepts the role developer",
            contested("role: developer came in 2024-12 and depends on the model"),
            [_body(system(role="developer"), user())],
        ),
    ),
    refuses(
        "role.required",
        _P,
        "refuses a message without role",
        documented("role: required"),
        [
            _body({"content": "Say hi."}),
            _body({"Role": "user", "content": "Hello."}, user()),  # names are not read in any letter case
            # Its other members tell which role it would be.
            _undeclared(_body(user(), _without(assistant_calls(tool_call()), "role"), tool_reply())),
            _undeclared(_body(user(), assistant_calls(tool_call()), _without(tool_reply(), "role"))),
            _body(user(), assistant(), {"content": "Thank you!"}),
        ],
    ),
    refuses(
        "role.enum",
        _P,
        "refuses a role that does not exist",
        documented("role: one of a fixed set"),
        [
            *_each(lambda role: user(role=role), "bogus", "", "USER", "ai"),
            _body(user(role="bogus", name="alice"), assistant(), _THANKS),
            _body(user(), assistant(role="bogus"), _THANKS),
            _body(user(), assistant(), user(role="user ")),  # nothing may be cut off
        ],
        examples=st.builds(_spoken_as, bad_roles(), st.sampled_from(_BESIDE)),
    ),
    refuses(
        "role.type",
        _P,
        "refuses a role that is not a string",
        documented("role: a string"),
        [
            *_each(lambda role: user(role=role), 7, None, {}, ["user"]),
            _body(user(), assistant(role=True), _THANKS),
        ],
        examples=st.builds(_spoken_as, wrong_type("string"), st.sampled_from(_BESIDE)),
    ),
]

calls = [
    accepts(
        "toolcall.shape",
        _P,
        "accepts tool calls in the history, each answered once",
        documented("tool call: id, type and function with name and arguments"),
        [
            _called(tool_call()),
            # Parallel calls, answered in another order.
            _body(user(), assistant_calls(*map(tool_call, (1, 2, 3))), tool_reply(2), tool_reply(3), tool_reply(1)),
            # One call after another.
            _body(user(), assistant_calls(tool_call(1)), tool_reply(1), assistant_calls(tool_call(2)), tool_reply(2)),
            _body(user(), assistant_calls(tool_call(), content="Let me look."), tool_reply(), assistant(), _THANKS),
        ],
        examples=conversations(tools=True, plain=True, system_first=False, max_turns=2).map(
            lambda messages: _body(*messages)
        ),
        needs=_CALLS,
    ),
    refuses(
        "toolcall.shape",
        _P,
        "refuses a tool call that lacks a member or has a wrong type",
        documented("tool call: id, type and function with name and arguments, all required"),
        [
            # as the Responses endpoint writes it
            _called({**_without(tool_call(), "function"), "name": "get_weather", "arguments": "{}"}),
            _undeclared(_called(_without(tool_call(), "type"))),
            _called(_function(name="get_weather")),
            _undeclared(_called(_function(Name="get_weather", arguments="{}"))),
            _called(tool_call(type="retrieval")),
            _body(user(), assistant_calls(tool_call(1), _without(tool_call(2), "type")), tool_reply(1), tool_reply(2)),
        ],
        needs=_CALLS,
    ),
    refuses(
        "toolcall.id.required",
        _P,
        "refuses a tool call whose id is missing or no string",
        documented("tool call: id is a required string"),
        # Another call is answered: nothing can answer this one, and a plain history would have two faults.
        [
            _second_of_two(_without(tool_call(), "id")),
            _undeclared(_first_of_two(_without(tool_call(), "id"))),
            _second_of_two(tool_call(id=7)),
        ],
        needs=_CALLS,
    ),
    refuses(
        "toolcall.arguments.type",
        _P,
        "refuses arguments of a tool call that are not a string",
        documented("tool call: arguments is a string"),
        [
            _called(tool_call(arguments={})),
            _undeclared(_called(tool_call(arguments={"city": "Paris"}))),
            _called(tool_call(arguments=None)),
            _body(user(), assistant_calls(tool_call(1), tool_call(2, arguments=7)), tool_reply(1), tool_reply(2)),
        ],
        examples=st.builds(
            _with_arguments,
            wrong_type("string"),
            st.booleans(),
        ),
        needs=_CALLS,
    ),
    refuses(
        "toolcall.type.item",
        _P,
        "refuses tool calls that are not an array of objects",
        documented("assistant: tool_calls is an array of tool calls"),
        [
            _body(user(), assistant(tool_calls="none"), _THANKS, **_TOOLS),
            _body(user(), assistant(tool_calls={}), _THANKS),
            _body(user(), assistant(tool_calls=tool_call()), tool_reply(), **_TOOLS),
            _body(user(), assistant(tool_calls=[7]), _THANKS, **_TOOLS),
        ],
        needs=["tools"],
    ),
    accepts(
        "toolcall.arguments.valid",
        _P,
        "accepts any JSON object as the arguments of a tool call",
        documented("tool call: arguments is a string, JSON as the model wrote it"),
        [_called(tool_call(arguments=text)) for text in (json.dumps(_ARGUMENTS, ensure_ascii=False), "{}")],
        examples=json_arguments().map(lambda arguments: _called(tool_call(arguments=arguments))),
        needs=_CALLS,
    ),
    observes(
        "toolcall.arguments.json",
        _P,
        "accepts arguments of a tool call that are not JSON",
        contested("tool call: arguments is free text in the document, some servers parse it"),
        [_called(tool_call(arguments=arguments)) for arguments in ('{"city": ', "")],
        needs=_CALLS,
    ),
    accepts(
        "toolcall.id.maxlen",
        _P,
        "accepts ids of tool calls of up to 40 characters",
        observed("tool call: the length of ids in error texts"),
        [_with_id("c" * 40), _with_id("call_" + "0aB" * 8), _with_id("1")],
        examples=text.call_ids().map(_with_id),
        needs=_CALLS,
    ),
    refuses(
        "toolcall.id.maxlen",
        _P,
        "refuses ids of tool calls of more than 64 characters",
        observed("tool call: the length of ids in error texts, 40 or 64"),
        [_with_id("c" * 65), _with_id("c" * 400)],
        needs=_CALLS,
    ),
    observes(
        "toolcall.id.next",
        _P,
        "refuses an id of a tool call of 41 characters",
        contested("tool call: a limit of 64 is reported beside that of 40"),
        [_with_id("c" * 41)],
        needs=_CALLS,
    ),
    observes(
        "toolcall.id.unique",
        _P,
        "refuses two tool calls with one id in a message",
        contested("tool call: no document says that ids differ"),
        [_body(user(), assistant_calls(tool_call(), tool_call()), tool_reply())],
        needs=_CALLS,
    ),
    accepts(
        "toolcall.name.pattern",
        _P,
        "accepts names of letters, digits, underscore and hyphen in tool calls",
        observed("tool call: the pattern of names in error texts"),
        [_called(tool_call(name=name)) for name in ("Ab_9-z", "n" * 64)],
        examples=text.function_names().map(lambda name: _called(tool_call(name=name))),
        needs=_CALLS,
    ),
    refuses(
        "toolcall.name.pattern",
        _P,
        "refuses a name of a tool call with a character that names cannot have",
        observed("tool call: the pattern of names in error texts"),
        [_with_name("a.b"), _with_name("has space"), _with_name("naïve")],
        examples=text.bad_function_names().map(_with_name),
        needs=_CALLS,
    ),
]

histories = [
    refuses(
        "assistant.toolcalls.min",
        _P,
        "refuses an assistant message with tool_calls: []",
        observed("assistant: error texts about empty tool_calls, also beside content"),
        [_body(user(), assistant(tool_calls=[]), _THANKS)],
        needs=["tools"],
    ),
    accepts(
        "assistant.toolcalls.max",
        _P,
        "accepts an assistant message with 128 tool calls",
        observed("assistant: the number of tool_calls in error texts"),
        [_many(128)],
        needs=_CALLS,
    ),
    refuses(
        "assistant.toolcalls.max",
        _P,
        "refuses an assistant message with 129 tool calls",
        observed("assistant: the number of tool_calls in error texts"),
        [_many(129)],
        needs=_CALLS,
    ),
    observes(
        "assistant.toolcalls.null",
        _P,
        "accepts tool_calls: null in an assistant message",
        contested("assistant: tool_calls is optional, not nullable in the document"),
        [_body(user(), assistant(tool_calls=None), _THANKS)],
    ),
    accepts(
        "assistant.refusal.null",
        _P,
        "accepts refusal: null in an assistant message",
        documented("assistant: refusal is nullable"),
        [_body(user(), assistant(refusal=None), _THANKS)],
    ),
    accepts(
        "assistant.audio.null",
        _P,
        "accepts audio: null in an assistant message",
        documented("assistant: audio is nullable"),
        [_body(user(), assistant(audio=None), _THANKS)],
    ),
    accepts(
        "assistant.function_call.null",
        _P,
        "accepts function_call: null in an assistant message",
        documented("assistant: function_call is nullable"),
        [_body(user(), assistant(function_call=None), _THANKS)],
    ),
    observes(
        "assistant.refusal.text",
        _P,
        "accepts content and refusal in one assistant message",
        contested("assistant: no document says whether they exclude each other"),
        [_body(user(), assistant("I am sorry.", refusal="No."), _THANKS)],
    ),
    refuses(
        "tool.id.required",
        _P,
        "refuses a tool message without tool_call_id",
        documented("tool: tool_call_id is required"),
        # Every call is answered besides, so that the missing id is the only fault.
        [
            _body(user(), assistant_calls(tool_call()), tool_reply(), {"role": "tool", "content": "21"}),
            _body(
                user(),
                assistant_calls(tool_call()),
                {"role": "tool", "toolCallId": call_id(1), "name": "get_weather", "content": "21"},
                tool_reply(),
            ),
        ],
        needs=_CALLS,
    ),
    refuses(
        "tool.id.type",
        _P,
        "refuses a tool_call_id that is not a string",
        documented("tool: tool_call_id is a string"),
        each(_replied_to, 7, None, {}),
        needs=_CALLS,
    ),
    refuses(
        "tool.preceded",
        _P,
        "refuses a tool message that follows no tool call",
        observed("tool: error texts about the role of orphans"),
        [
            _body(user(), tool_reply(), **_TOOLS),
            _body(user(), assistant(), tool_reply(), **_TOOLS),
            _body(tool_reply(), user(), **_TOOLS),
            _body(user(), assistant(), tool_reply(), _THANKS, **_TOOLS),
            # A second reply, when the turn of the call is over.
            _body(user(), assistant_calls(tool_call()), tool_reply(), _THANKS, tool_reply()),
        ],
        needs=_CALLS,
    ),
    observes(
        "tool.id.match",
        _P,
        "refuses a tool_call_id that no call has",
        believed("tool: follows from the rules about orphans and unanswered calls"),
        [_body(user(), assistant_calls(tool_call()), tool_reply(), tool_reply(2))],
        needs=_CALLS,
    ),
    refuses(
        "toolcalls.answered",
        _P,
        "refuses a history in which a tool call is not answered",
        observed("tool: error texts about unanswered calls"),
        [
            _body(user(), assistant_calls(tool_call()), _THANKS),
            _body(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(1), _THANKS),
            _body(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(2), assistant(), _THANKS),
            _body(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(1), tool_reply(1), _THANKS),
        ],
        examples=st.integers(2, 4).flatmap(
            lambda number: st.permutations(range(1, number + 1)).map(
                lambda order: _body(
                    user(), assistant_calls(*map(tool_call, sorted(order))), *map(tool_reply, order[1:]), _THANKS
                )
            )
        ),
        needs=_CALLS,
    ),
    observes(
        "toolcalls.undeclared",
        _P,
        "accepts a history with tool calls without tools",
        contested("messages, tools: no document asks for the tools of former calls"),
        [_undeclared(_called(tool_call()))],
        needs=_CALLS,
    ),
]


def _with_function_message(message: Message) -> Body:
    return _body(user(), assistant_function(), message, assistant(), _THANKS)


legacy = [
    refuses(
        "functionmsg.name.required",
        _P,
        "refuses a function message without name",
        documented("function message: name is required"),
        [_with_function_message(_without(function_reply(), "name"))],
        needs=_FUNCTIONS,
    ),
    observes(
        "functionmsg.preceded",
        _P,
        "refuses a function message that follows no function call",
        believed("function message: the original service takes orphans"),
        [_body(user(), function_reply(), assistant(), _THANKS, functions=[declared()])],
        needs=_FUNCTIONS,
    ),
    refuses(
        "functions.history",
        _P,
        "refuses functions beside a history with tool_calls",
        observed("functions, tool_calls: error text about mixing the two"),
        [lean(messages=[user(), assistant_calls(tool_call()), tool_reply()], functions=[declared()])],
        needs=["functions", *_CALLS],
    ),
]

CHAPTER = Chapter("roles", "Roles and call histories", (*roles, *calls, *histories, *legacy))
