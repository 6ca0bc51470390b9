"""Bodies that are about their messages: a conversation with what its calls need, and one message of a content."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.messages import assistant, assistant_calls, declarations, system, tool_call, tool_reply, user
from ..model import Body

CALLS = ["tools", "tool_messages"]
"""Capabilities that a history with tool calls needs."""


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
    return talk(user(), assistant(content, **more), user("Thank you!"))


def tool_says(content: Any) -> Body:
    """A conversation whose last message, a tool's, has this content."""
    return talk(user(), assistant_calls(tool_call()), tool_reply(content=content))
