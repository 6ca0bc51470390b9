"""Histories in which tools and functions were called: how calls and replies go together, and what else an assistant
message may have (fact base §1.4, ``assistant.*``, ``tool.*`` and ``functionmsg.*``).

A history with calls is sent with the tools or functions it calls, as a client would. Left out: a former audio answer in
an assistant message (its id must be one the server gave).
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.messages import (
    Message,
    assistant,
    assistant_calls,
    assistant_function,
    function_reply,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.text import call_id
from ...strategies.tools import definition
from ..model import Body
from .forms import accepts, believed, contested, documented, each, lacking, observed, observes, refuses
from .talks import CALLS, FUNCTIONS, THANKS, TOOLS, called, talk, undeclared

_P = "messages"


def _replied_to(call: Any) -> Body:
    """A reply with this in place of the id of a call, beside one in order."""
    return talk(user(), assistant_calls(tool_call()), tool_reply(), tool_reply(tool_call_id=call))


def _as_long(body: Body) -> Body:
    """The control of many calls: about as many messages, and no call."""
    turns = len(body["messages"]) // 2
    return {**body, "messages": [*[user("1"), assistant("2")] * turns, user("3")]}


def _many(number: int) -> Body:
    ids = range(1, number + 1)
    return talk(user(), assistant_calls(*(tool_call(i, "f") for i in ids)), *(tool_reply(i, "1") for i in ids))


def _with_function_message(message: Message) -> Body:
    return talk(user(), assistant_function(), message, assistant(), THANKS)


histories = [
    refuses(
        "assistant.toolcalls.min",
        _P,
        "refuses an assistant message with tool_calls: []",
        observed("assistant: error texts about empty tool_calls, also beside content"),
        [talk(user(), assistant(tool_calls=[]), THANKS)],
        needs=["tools"],
    ),
    accepts(
        "assistant.toolcalls.max",
        _P,
        "accepts an assistant message with 128 tool calls",
        observed("assistant: the number of tool_calls in error texts"),
        [_many(128)],
        control=_as_long,
        needs=CALLS,
    ),
    refuses(
        "assistant.toolcalls.max",
        _P,
        "refuses an assistant message with 129 tool calls",
        observed("assistant: the number of tool_calls in error texts"),
        [_many(129)],
        needs=CALLS,
    ),
    observes(
        "assistant.toolcalls.null",
        _P,
        "accepts tool_calls: null in an assistant message",
        contested("assistant: tool_calls is optional, not nullable in the document"),
        [talk(user(), assistant(tool_calls=None), THANKS)],
    ),
    accepts(
        "assistant.refusal.null",
        _P,
        "accepts refusal: null in an assistant message",
        documented("assistant: refusal is nullable"),
        [talk(user(), assistant(refusal=None), THANKS)],
    ),
    accepts(
        "assistant.audio.null",
        _P,
        "accepts audio: null in an assistant message",
        documented("assistant: audio is nullable"),
        [talk(user(), assistant(audio=None), THANKS)],
    ),
    accepts(
        "assistant.function_call.null",
        _P,
        "accepts function_call: null in an assistant message",
        documented("assistant: function_call is nullable"),
        [talk(user(), assistant(function_call=None), THANKS)],
    ),
    observes(
        "assistant.refusal.text",
        _P,
        "accepts content and refusal in one assistant message",
        contested("assistant: no document says whether they exclude each other"),
        [talk(user(), assistant("I am sorry.", refusal="No."), THANKS)],
    ),
    refuses(
        "tool.id.required",
        _P,
        "refuses a tool message without tool_call_id",
        documented("tool: tool_call_id is required"),
        # Every call is answered besides, so that the missing id is the only fault.
        [
            talk(user(), assistant_calls(tool_call()), tool_reply(), {"role": "tool", "content": "21"}),
            talk(
                user(),
                assistant_calls(tool_call()),
                {"role": "tool", "toolCallId": call_id(1), "name": "get_weather", "content": "21"},
                tool_reply(),
            ),
        ],
        needs=CALLS,
    ),
    refuses(
        "tool.id.type",
        _P,
        "refuses a tool_call_id that is not a string",
        documented("tool: tool_call_id is a string"),
        each(_replied_to, 7, None, {}),
        needs=CALLS,
    ),
    refuses(
        "tool.preceded",
        _P,
        "refuses a tool message that follows no tool call",
        observed("tool: error texts about the role of orphans"),
        [
            talk(user(), tool_reply(), **TOOLS),
            talk(user(), assistant(), tool_reply(), **TOOLS),
            talk(tool_reply(), user(), **TOOLS),
            talk(user(), assistant(), tool_reply(), THANKS, **TOOLS),
            # A second reply, when the turn of the call is over.
            talk(user(), assistant_calls(tool_call()), tool_reply(), THANKS, tool_reply()),
        ],
        needs=CALLS,
    ),
    observes(
        "tool.id.match",
        _P,
        "refuses a tool_call_id that no call has",
        believed("tool: follows from the rules about orphans and unanswered calls"),
        [talk(user(), assistant_calls(tool_call()), tool_reply(), tool_reply(2))],
        needs=CALLS,
    ),
    refuses(
        "toolcalls.answered",
        _P,
        "refuses a history in which a tool call is not answered",
        observed("tool: error texts about unanswered calls"),
        [
            talk(user(), assistant_calls(tool_call()), THANKS),
            talk(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(1), THANKS),
            talk(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(2), assistant(), THANKS),
            talk(user(), assistant_calls(tool_call(1), tool_call(2)), tool_reply(1), tool_reply(1), THANKS),
        ],
        examples=st.integers(2, 4).flatmap(
            lambda number: st.permutations(range(1, number + 1)).map(
                lambda order: talk(
                    user(), assistant_calls(*map(tool_call, sorted(order))), *map(tool_reply, order[1:]), THANKS
                )
            )
        ),
        needs=CALLS,
    ),
    observes(
        "toolcalls.undeclared",
        _P,
        "accepts a history with tool calls without tools",
        contested("messages, tools: no document asks for the tools of former calls"),
        [undeclared(called(tool_call()))],
        needs=CALLS,
    ),
]


legacy = [
    refuses(
        "functionmsg.name.required",
        _P,
        "refuses a function message whose name is missing or no string",
        documented("function message: name is a required string"),
        [
            _with_function_message(lacking(function_reply(), "name")),
            *(_with_function_message({**function_reply(), "name": name}) for name in (None, 7)),
        ],
        needs=FUNCTIONS,
    ),
    observes(
        "functionmsg.preceded",
        _P,
        "refuses a function message that follows no function call",
        believed("function message: the original service takes orphans"),
        [talk(user(), function_reply(), assistant(), THANKS, functions=[definition()])],
        needs=FUNCTIONS,
    ),
    refuses(
        "functions.history",
        _P,
        "refuses functions beside a history with tool_calls",
        observed("functions, tool_calls: error text about mixing the two"),
        [lean(messages=[user(), assistant_calls(tool_call()), tool_reply()], functions=[definition()])],
        needs=["functions", *CALLS],
    ),
]


RULES = [*histories, *legacy]
