"""Bodies that are about their messages: a conversation with what its calls need, and one message of a content."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.messages import assistant, assistant_calls, declarations, system, tool_call, tool_reply, user
from ..model import Body
from .forms import lacking

CALLS = ["tools", "tool_messages"]
"""Capabilities that a history with tool calls needs."""

FUNCTIONS = ["functions", "function_messages"]
"""Capabilities that a history with legacy function calls needs."""

THANKS = user("Thank you!")
"""What the user says when a conversation goes on."""

TOOLS = declarations([assistant_calls(tool_call())])
"""The property ``tools`` with the usual tool."""


def talk(*messages: Any, **more: Any) -> Body:
    """A lean body with these messages, and with the tools or functions that they call unless ``more`` has others."""
    return lean(messages=list(messages), **{**declarations(messages), **more})


def system_says(content: Any) -> Body:
    """A conversation whose system message has this content."""
    return talk(system(content), user())


def user_says(content: Any) -> Body:
    """One message of the user with this content."""
    return talk(user(content))


def user_parts(*parts: Any) -> Body:
    """One message of the user whose content is an array of these parts."""
    return user_says(list(parts))


def assistant_says(content: Any, **more: Any) -> Body:
    """A conversation whose assistant message has this content and these further members."""
    return talk(user(), assistant(content, **more), THANKS)


def tool_says(content: Any) -> Body:
    """A conversation whose last message, a tool's, has this content."""
    return talk(user(), assistant_calls(tool_call()), tool_reply(content=content))


def called(call: Any) -> Body:
    """One call, answered. A call without a name or function is sent with the usual tool."""
    body = talk(user(), assistant_calls(call), tool_reply(call["id"]))
    return body if "tools" in body else {**body, **TOOLS}


def undeclared(body: Body) -> Body:
    """The body without its tools: whether or not a history needs them, its calls have to be in order."""
    return lacking(body, "tools")
