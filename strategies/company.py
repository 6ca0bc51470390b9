"""Ordinary values of optional properties that say nothing about another one: company for a body with a fault."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .bodies import nullable
from .surroundings import speaks_of_functions
from .tools import tool

STREAMED = "streaming"
"""The feature under which ``stream`` is offered."""

NULLS = "nulls"
"""Stands for null as the value of what may be null. No gate asks for it."""

COMPANY: dict[str, tuple[str, Any]] = {
    "seed": ("seed", 7),
    "user": ("user", "user-1"),
    "stop": ("stop", "END"),
    "presence_penalty": ("presence_penalty", 0.5),
    "frequency_penalty": ("frequency_penalty", 0.5),
    "temperature": ("temperature", 0),
    "top_p": ("top_p", 0.9),
    "multiple_choices": ("n", 2),
    "logprobs": ("logprobs", True),
    "response_format": ("response_format", {"type": "text"}),
    "tools": ("tools", [tool()]),
    "tool_choice": ("tool_choice", "none"),
    "forced_tool": ("tool_choice", "required"),
    STREAMED: ("stream", True),
}
"""Feature that a server must offer: a property and a valid value of it, the last that it offers where there are two.
None repairs a fault of another property."""

_LEFT_OUT = ("stream", "tool_choice", "frequency_penalty", "top_p")
ADDITIONS = {name: value for name, value in COMPANY.values() if name not in _LEFT_OUT}
"""What is added by itself: no stream, which has a comparison of its own, no choice without tools, and few of a kind."""

LATER_ADDITIONS = {**ADDITIONS, "safety_identifier": "user-1", "prompt_cache_key": "key-1", "verbosity": "low"}
"""The same for the vintage 2026-08."""

_MEANT_FOR = {
    "top_logprobs": {"logprobs"},
    "stream_options": {"stream"},
    "tool_choice": {"tools"},
    "parallel_tool_calls": {"tools"},
    "function_call": {"tools"},
    "functions": {"tools"},
}
"""Properties without which another is invalid, or beside which it is contested."""

_ALONE = frozenset({"modalities", "audio", "prediction", "web_search_options"})
"""Properties that go with few others."""


def company(body: dict[str, Any], prop: str, offered: frozenset[str], *, streamed: bool) -> dict[str, Any]:
    """What may be added to a body whose ``prop`` is wrong, of the features that are ``offered`` or taken; empty where
    nothing should. ``streamed``: whether ``stream`` may be among it."""
    names = {prop, *body}
    if names & _ALONE or speaks_of_functions(body.get("messages")):
        return {}
    kept_out = _kept_out(names)
    left_out = set[str]() if streamed else {STREAMED}
    if body.get("tools"):
        left_out |= {"forced_tool"} if prop == "tools" else set()  # nothing is called of what may have the fault
    else:
        left_out |= (
            {"tool_choice"} if "tools" in offered and "tools" not in kept_out else {"tool_choice", "forced_tool"}
        )
    return {
        name: value
        for feature, (name, value) in COMPANY.items()
        if feature in offered - left_out and name not in names | kept_out
    }


def nulls(body: dict[str, Any], prop: str, offered: Collection[str], vintage: str) -> dict[str, Any]:
    """Null for every property that may be null and that a body whose ``prop`` is wrong has not, if that is taken."""
    names = {prop, *body}
    if NULLS not in offered or names & _ALONE:
        return {}
    return dict.fromkeys(sorted(nullable(vintage) - names - _kept_out(names)))


def _kept_out(names: set[str]) -> set[str]:
    """The properties that would repair the fault of one of these."""
    return set[str]().union(*(_MEANT_FOR.get(name, ()) for name in names))
