"""Roles, and the histories in which tools and functions were called (fact base §1.4).

The calls of a history, and how they go together with replies, are modules of their own. Left out:
``role.system.unsupported`` and ``role.function.unsupported`` (they test the model).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ...strategies.messages import (
    Message,
    assistant,
    assistant_calls,
    assistant_function,
    bad_roles,
    conversations,
    function_reply,
    system,
    tool_call,
    tool_reply,
    user,
)
from ...strategies.plainer import plainer
from ...strategies.text import LONG
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter, Strength
from . import histories, past_calls
from .forms import accepts, contested, documented, lacking, observes, refuses, until_before
from .talks import CALLS, FUNCTIONS, THANKS, called, talk, undeclared

_P = "messages"
_BESIDE: tuple[Body, ...] = ({}, {"name": "alice"})
"""What else a message of the user may have."""


def _spoken_as(role: Any, beside: Body) -> Body:
    return talk(user(role=role, **beside))


def _each(message: Callable[[Any], Message], *wrong: Any) -> list[Body]:
    return [talk(message(value)) for value in wrong]


roles = [
    accepts(
        "role.enum",
        _P,
        "accepts the roles system, user and assistant",
        documented("role: the roles of the document"),
        [talk(system(), user()), talk(user(), assistant(), THANKS)],
        needs=["system_role"],
    ),
    accepts(
        "role.tool",
        _P,
        "accepts the role tool",
        documented("role: the roles of the document"),
        [
            called(tool_call()),
            talk(user(), assistant_calls(tool_call()), tool_reply(content=LONG), assistant(LONG), THANKS),
        ],
        needs=CALLS,
        reduce=plainer,
    ),
    accepts(
        "role.function",
        _P,
        "accepts the deprecated role function",
        documented("role: the roles of the document"),
        [talk(user(), assistant_function(), function_reply(), assistant(), THANKS)],
        examples=conversations(functions=True, plain=True, system_first=False).map(lambda messages: talk(*messages)),
        # Reasoning models refuse it (row role.function.unsupported).
        strength=Strength.SHOULD,
        needs=FUNCTIONS,
    ),
    *until_before(
        "2026-08",  # from then on the chapter about developer messages has it
        observes(
            "role.developer",
            _P,
            "accepts the role developer",
            contested("role: developer came in 2024-12 and depends on the model"),
            [talk(system(role="developer"), user())],
        ),
    ),
    refuses(
        "role.required",
        _P,
        "refuses a message without role",
        documented("role: required"),
        [
            talk({"content": "Say hi."}),
            talk({"Role": "user", "content": "Hello."}, user()),  # names are not read in any letter case
            # Its other members tell which role it would be.
            undeclared(talk(user(), lacking(assistant_calls(tool_call()), "role"), tool_reply())),
            undeclared(talk(user(), assistant_calls(tool_call()), lacking(tool_reply(), "role"))),
            talk(user(), assistant(), {"content": "Thank you!"}),
        ],
    ),
    refuses(
        "role.enum",
        _P,
        "refuses a role that does not exist",
        documented("role: one of a fixed set"),
        [
            *_each(lambda role: user(role=role), "USER", "", "bogus", "ai"),
            talk(user(role="bogus", name="alice"), assistant(), THANKS),
            talk(user(), assistant(role="bogus"), THANKS),
            talk(user(), assistant(), user(role="user ")),  # nothing may be cut off
        ],
        examples=st.builds(_spoken_as, bad_roles(), st.sampled_from(_BESIDE)),
    ),
    refuses(
        "role.type",
        _P,
        "refuses a role that is not a string",
        documented("role: a string"),
        [
            *_each(lambda role: user(role=role), ["user"], None, {}, 7),
            talk(user(), assistant(role=True), THANKS),
        ],
        examples=st.builds(_spoken_as, wrong_type("string"), st.sampled_from(_BESIDE)),
    ),
]


CHAPTER = Chapter("roles", "Roles and call histories", (*roles, *past_calls.RULES, *histories.RULES))
