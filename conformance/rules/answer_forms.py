"""What the rules about plain answers share: what is asked, and checks of a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import lean
from ...strategies.messages import user
from ..model import Body
from .answer_views import Object
from .forms import documented
from .gates import OTHER_TOOL, TOOL
from .views import long_answer, said

PLAIN = [lean()]
WEATHER: Body = {"messages": [{"role": "user", "content": "What is the weather in Paris?"}], "max_tokens": 128}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
CALLS = [
    lean(**WEATHER, tools=[TOOL], tool_choice=NAMED),
    lean(**WEATHER, tools=[TOOL], tool_choice="required"),
    lean(**WEATHER, tools=[TOOL]),
]
FOR_BOTH = [user("What are the weather and the time in Paris? Ask get_weather and get_time.")]
"""Speaks of two tools by their names, so that a model with a free choice calls both."""

BOTH = lean(messages=FOR_BOTH, tools=[TOOL, OTHER_TOOL], max_tokens=128)
FUNCTIONS = [
    lean(**WEATHER, functions=[TOOL["function"]], function_call={"name": "get_weather"}),
    lean(**WEATHER, functions=[TOOL["function"]]),
]
QUOTED = 'say "hi" \\ C:\\temp\n\u2028\U0001f6d1'
"""A text that JSON writes with escapes (quotes, backslashes, a line end), with signs beyond the basic plane."""

TWO_CUT = long_answer(max_tokens=8, n=2, logprobs=True, top_logprobs=2)
"""Tells much at once, so that a small run needs fewer requests."""


SLACK = 1e-6
"""By how much a logarithm may be above 0, or above its neighbour, for rounding."""

CHOICE = documented("choices: finish_reason, index, message and logprobs are required, logprobs is nullable")

_CARRIED = ("tool_calls", "function_call", "audio", "refusal", "reasoning_content", "reasoning")


def missing(names: tuple[str, ...], what: str) -> Callable[[Object], str | None]:
    """A check: all members of these names are there."""

    def wrong(item: Object) -> str | None:
        gone = [name for name in names if name not in item]
        return f"{what} has no {' and no '.join(gone)}" if gone else None

    return wrong


def must_be(what: str, test: Callable[[Any], bool], wanted: str) -> Callable[[Any], str | None]:
    """A check: the value passes the test; ``wanted`` says in words what passes."""
    return lambda value: None if test(value) else f"{what} is {said(value)}, not {wanted}"


def is_text(value: Any) -> bool:
    """A string that is not empty."""
    return isinstance(value, str) and bool(value)


def text_or_null(value: Any) -> bool:
    """A string, or null."""
    return value is None or isinstance(value, str)


def shown(item: Object, name: str) -> str:
    """A member as a message shows it."""
    return said(item[name]) if name in item else "missing"


def carries(message: Object) -> bool:
    """Whether a message holds something else than content: a call, audio, a refusal, reasoning."""
    return any(message.get(name) for name in _CARRIED)
