"""Valid messages around those of a body: company for a fault that is looked for in a short conversation only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

from .bodies import lean
from .json_values import is_array, is_object

Message = dict[str, Any]

TURNS = "turns"
"""Stands for a longer conversation with names among the features of a server. No gate asks for it."""

SURROUNDING = (TURNS, "system_role", "content_parts", "tool_messages")
"""Features that say what may stand around a message."""

_FILLER = 5
"""Turns that only make a conversation long."""

_NAMES = {"user": "alice", "assistant": "Bob_2"}
_NAMELESS = ("tool", "function")
LEADING = ("system", "developer")
"""Roles whose messages begin a conversation."""


def _said(role: str, content: Any, **more: Any) -> Message:
    return {"role": role, "content": content, **({"name": _NAMES[role]} if role in _NAMES else {}), **more}


def _called(call: str) -> list[Message]:
    """A call of the tool that keeps company, and its result."""
    made = {"id": call, "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": call, "content": "It is sunny in Rome."},
    ]


def _turns(offered: Collection[str]) -> list[Message]:
    """Turns of user and assistant, of every kind that is offered."""
    rows: list[Message] = []
    if "content_parts" in offered:
        parts = [{"type": "text", "text": "Two things."}, {"type": "text", "text": "Say hello first."}]
        rows += [_said("user", parts), _said("assistant", "Hello.")]
    if "tool_messages" in offered:
        rows += [_said("user", "And the weather in Rome?"), *_called("company01"), _said("assistant", "Sunny.")]
    for number in range(_FILLER):
        rows += [_said("user", f"What is {number} + 1?"), _said("assistant", str(number + 1))]
    return rows


def surrounded(body: dict[str, Any], prop: str, offered: Collection[str], *, tool_last: bool) -> list[Message] | None:
    """The messages of a body whose ``prop`` is wrong, in the middle of a longer conversation if they have the fault
    themselves, else at its end, or where ``tool_last`` (and those are offered) before the result of a tool; None where
    nothing may stand around them."""
    rows = body.get("messages")
    mine = prop == "messages"
    if TURNS not in offered or not is_array(rows) or not rows or (not mine and rows != lean()["messages"]):
        return None
    if mine and speaks_of_functions(rows):
        return None
    legacy = not {"functions", "function_call"}.isdisjoint({prop, *body})
    offered = set(offered) - ({"tool_messages"} if legacy else set())
    leads = mine and _role(rows[0]) in LEADING
    system = [_said("system", "You are terse.")] if "system_role" in offered and not leads else []
    front = [*rows[:1], *_turns(offered)] if leads else [*system, *_turns(offered)]
    middle = [_with_name(row) for row in rows[1 if leads else 0 :]] if mine else list(rows)
    return [*front, *middle, *_ending(rows[-1], mine=mine, tool_last=tool_last and "tool_messages" in offered)]


def _ending(last: Any, *, mine: bool, tool_last: bool) -> list[Message]:
    if not mine:
        return _called("company02") if tool_last else []
    if _role(last) == "assistant":
        return [_said("user", "Thank you!")]
    return [_said("assistant", "Hi."), _said("user", "Thank you!")]


def _with_name(row: Any) -> Any:
    named = not is_object(row) or "name" in row or _role(row) in _NAMELESS
    return row if named else {**row, "name": _NAMES["user"]}


def _role(row: Any) -> Any:
    return row.get("role") if is_object(row) else None


def fewer_turns(rows: Sequence[Message], core: Sequence[Any]) -> Iterator[list[Message]]:
    """Conversations like this one without one of the turns that surround ``core``, the first ones first."""
    inner = [_bare(row) for row in core]
    begins = [0, *(i for i, row in enumerate(rows) if i and _role(row) == "user"), len(rows)]
    for begin, end in pairwise(begins):
        if not any(_bare(row) in inner for row in rows[begin:end]):
            yield [*rows[:begin], *rows[end:]]


def filled(rows: Sequence[Message], core: Sequence[Any]) -> list[Message]:
    """The same conversation, valid: with a plain message in the place of ``core`` and what follows it."""
    inner = [_bare(row) for row in core]
    around = [row for row in rows if _bare(row) not in inner]
    while around and _role(around[-1]) == "user":
        around.pop()
    if [_role(row) for row in around[-2:]] == ["assistant", "assistant"]:
        around.pop()
    return [*around, *lean()["messages"]]


def _bare(row: Any) -> Any:
    """A message without what company has added to it."""
    if is_object(row) and row.get("name") == _NAMES["user"]:
        return {key: value for key, value in row.items() if key != "name"}
    return row


def speaks_of_functions(messages: Any) -> bool:
    """Whether a conversation speaks of legacy functions, which are not mixed with tools."""
    rows = messages if is_array(messages) else []
    return any(is_object(row) and ("function_call" in row or row.get("role") == "function") for row in rows)
