"""Two valid bodies in one that says what both say: conversations after each other, tools beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .bodies import lean
from .json_values import is_array, is_object
from .messages import assistant
from .surroundings import LEADING, speaks_of_functions

Body = dict[str, Any]
Message = dict[str, Any]

_OF_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")
_OF_FUNCTIONS = ("functions", "function_call")
_OF_SOUND = ("audio", "modalities")
_LONGEST_NAME = 64
_MOST_DECLARED = 128

APART = (_OF_TOOLS, _OF_FUNCTIONS, ("response_format",), ("prediction",), _OF_SOUND, ("image_url",))
"""Groups of properties, and kinds of parts, of which services are known to take only one at a time."""


def families(body: Body) -> set[int]:
    """Places in ``APART`` of what a valid body speaks of, in its conversation as well."""
    rows = body["messages"]
    names = {
        *(name for name, value in body.items() if value is not None),
        *(part["type"] for row in rows for part in _parts(row)),
    }
    names |= {"tools"} if any(row["role"] == "tool" or "tool_calls" in row for row in rows) else set()
    names |= {"functions"} if speaks_of_functions(rows) else set()
    names |= {"audio"} if "input_audio" in names or any("audio" in row for row in rows) else set()
    return {place for place, family in enumerate(APART) if not names.isdisjoint(family)}


def _parts(row: Message) -> list[dict[str, Any]]:
    content = row.get("content")
    return content if is_array(content) else []


def in_one(one: Body, other: Body) -> Body | None:
    """A valid body that says what two valid ones say, or None where they say different things of a property."""
    plain = lean()
    first, second = _added(one, plain), _added(other, plain)
    for name in first.keys() & second.keys():
        if first[name] != second[name]:
            merge = _MERGED.get(name)
            found = merge(one, other) if merge else None
            if found is None:
                return None
            first[name], second = found[name], {**second, **found}
    return {**plain, **first, **second}


def _added(body: Body, plain: Body) -> Body:
    return {name: value for name, value in body.items() if name not in plain or plain[name] != value}


def _talks(one: Body, other: Body) -> Body | None:
    """Both conversations, the one that begins with instructions first, else the one that ends with the user."""
    first, second = one["messages"], other["messages"]
    leads = [_leads(rows) for rows in (first, second)]
    if leads[1] or (not leads[0] and first[-1]["role"] != "user"):
        first, second = second, first
    if _leads(second) or second[0]["role"] != "user":
        return None
    between = [] if first[-1]["role"] == "assistant" else [assistant()]
    return {"messages": [*first, *between, *_with_other_ids(second, _ids(first))]}


def _leads(rows: Sequence[Message]) -> bool:
    return rows[0]["role"] in LEADING


def _ids(rows: Sequence[Message]) -> set[str]:
    return {call["id"] for row in rows for call in row.get("tool_calls") or ()}


def _with_other_ids(rows: Sequence[Message], taken: set[str]) -> list[Message]:
    """The same conversation; calls whose ids are taken get others, which are as ordinary."""
    ids = _ids(rows)
    free = (name for name in map("call{:05}".format, range(10, 1000)) if name not in taken | ids)
    new = {name: next(free) for name in sorted(ids & taken)}

    def renamed(row: Message) -> Message:
        if row.get("tool_calls"):
            calls = [{**call, "id": new.get(call["id"], call["id"])} for call in row["tool_calls"]]
            return {**row, "tool_calls": calls}
        if "tool_call_id" in row:
            return {**row, "tool_call_id": new.get(row["tool_call_id"], row["tool_call_id"])}
        return row

    return [renamed(row) for row in rows]


def declaration(row: Body) -> Body:
    """Where a tool or function has its name: in the member that its type says, or in itself."""
    kind = row.get("type")
    inside = row.get(kind) if isinstance(kind, str) else None
    return inside if is_object(inside) else row


def _lists(name: str, one: Body, other: Body) -> Body | None:
    """All that both lists declare. Of two that differ under one name the other's gets another, unless it is called."""
    known = {declaration(row)["name"]: row for row in one[name]}
    rows = list(one[name])
    for row in other[name]:
        inside = declaration(row)
        called = inside["name"]
        if called in known and known[called] == row:
            continue
        if called in known:
            called = _another(called, known)
            if not called or _calls(other):
                return None
            renamed = {**inside, "name": called}
            row = renamed if inside is row else {**row, row["type"]: renamed}
        known[called] = row
        rows.append(row)
    return {name: rows} if len(rows) <= _MOST_DECLARED else None


def _another(name: str, taken: dict[str, Any]) -> str:
    """An ordinary name like this one, or none."""
    names = (f"{name}_{number}" for number in range(2, 100))
    return next((one for one in names if one not in taken and len(one) <= _LONGEST_NAME), "")


def _calls(body: Body) -> bool:
    """Whether a body speaks of what it declares by name."""
    choices = (body.get("tool_choice"), body.get("function_call"))
    return any(map(is_object, choices)) or any(row["role"] not in ("user", *LEADING) for row in body["messages"])


_MERGED: dict[str, Callable[[Body, Body], Body | None]] = {
    "messages": _talks,
    "tools": partial(_lists, "tools"),
    "functions": partial(_lists, "functions"),
}
"""What is merged where it differs; of any other property there is one value."""
