"""Valid bodies that say less, to find out which of their texts or schemas a server does not bear."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .bodies import PROMPT, lean
from .json_values import is_array, is_object

Path = tuple[str | int, ...]

FREE = frozenset({"content", "text", "description", "refusal", "title"})
"""Members that hold free text wherever they stand."""

DEFINITIONS = ("$defs", "definitions")
"""Members of a schema that others may refer to."""

MAPS = frozenset({"metadata"})
"""Members whose values are all free text."""


def plainer(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body without the turns, parts and tools that say nothing special; those with half of the awkward texts
    replaced by a plain one, or, where one is left, with a part of it. The last one has plain texts only; of a body that
    has no others it is the lean one."""
    shorter = {**body, "messages": [_unpadded(message) for message in _special_turns(body["messages"])]}
    if is_array(body.get("tools")):
        shorter["tools"] = _special(body["tools"])
    if shorter != body:
        yield shorter
    left = [path for path, text in _texts(body) if text != PROMPT]
    if len(left) > 1:
        middle = len(left) // 2
        yield _with(body, left[:middle], PROMPT)
        yield _with(body, left[middle:], PROMPT)
    elif left:
        text = _at(body, left[0])
        if not said_by_user(body):
            yield lean(messages=[{"role": "user", "content": text}])
        cuts = [max(1, len(text) // share) for share in (2, 4)]
        parts = dict.fromkeys(part for cut in cuts for part in (text[:-cut], text[cut:]))
        yield from (_with(body, left, part) for part in parts if part.strip())
    if left:
        yield _with(body, left, PROMPT)
    elif body != lean():
        yield lean()


def said_by_user(body: dict[str, Any]) -> bool:
    """Whether nothing is said about a body but a text of its only message, a user's."""
    rows = body.get("messages")
    return (
        is_array(rows)
        and len(rows) == 1
        and body == lean(messages=[{**_plain("user"), "content": rows[0].get("content")}])
    )


def fewer_properties(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The bodies with half of the tools, or, where one is left, with half of the properties of its parameters, or with
    one keyword less beside them. The last one is the lean body."""
    tools = body.get("tools")
    if not tools:
        return
    middle = len(tools) // 2
    if middle:
        yield from ({**body, "tools": half} for half in (tools[:middle], tools[middle:]))
    else:
        function = tools[0]["function"]
        for schema in _less(function["parameters"]):
            yield {**body, "tools": [{**tools[0], "function": {**function, "parameters": schema}}]}
    yield lean()


def _less(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = list(schema.get("properties", ()))
    middle = len(names) // 2
    for half in (names[:middle], names[middle:]) if middle else ():
        fewer = {**schema, "properties": {name: schema["properties"][name] for name in half}}
        if "required" in schema:
            fewer["required"] = [name for name in schema["required"] if name in half]
        yield fewer
    kept = {"type", "properties", *(DEFINITIONS if '"$ref"' in json.dumps(schema) else ())}
    for keyword in [name for name in schema if name not in kept]:
        yield {name: value for name, value in schema.items() if name != keyword}


def _special(items: Sequence[Any]) -> list[Any]:
    """The items that say something special, or all where none does."""
    return [item for item in items if any(text != PROMPT for _, text in _texts(item))] or list(items)


def _unpadded(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    return {**message, "content": _special(content)} if is_array(content) else message


def _special_turns(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation without the turns in which all say the plain text, and call tools and functions at most."""
    kept: list[dict[str, Any]] = []
    for message in messages:
        kept.append(message)
        for turn in (_TURN, _CALLING):
            if _says(kept[-len(turn) :], turn):
                del kept[-len(turn) :]
    while len(kept) > len(_CALLING) and _says(kept[-len(_CALLING) :], _CALLING[-1:] + _CALLING[:-1]):
        del kept[-len(_CALLING) :]  # the result of another call comes last
    return kept


_CALLER, _RESULT = "caller", "result"
_TURN = ("user", "assistant")
_CALLING = ("user", _CALLER, _RESULT, "assistant")


def _says(messages: Sequence[dict[str, Any]], turn: Sequence[str]) -> bool:
    """Whether these are such messages with the plain text."""
    return [_kind(message) for message in messages] == list(turn)


def _kind(message: dict[str, Any]) -> str:
    """What a message with the plain text, or a call without any, is in its turn; empty where it says more."""
    for role in _TURN:
        if message == _plain(role):
            return role
    if message.get("content", PROMPT) not in (PROMPT, None):
        return ""
    if message.get("role") == "assistant" and ("tool_calls" in message or "function_call" in message):
        return _CALLER
    return _RESULT if message.get("role") in ("tool", "function") and message.get("content") else ""


def _plain(role: str) -> dict[str, Any]:
    return {"role": role, "content": PROMPT}


def _texts(value: Any, path: Path = (), *, free: bool = False) -> Iterator[tuple[Path, str]]:
    """The free texts within a value, with the way to each."""
    if isinstance(value, str):
        if free:
            yield path, value
    elif is_array(value):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, place))
    elif is_object(value):
        within = bool(path) and path[-1] in MAPS
        for name, item in value.items():
            yield from _texts(item, (*path, name), free=within or name in FREE)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(body: dict[str, Any], paths: Sequence[Path], text: str) -> dict[str, Any]:
    """A copy of the body with this text at each of these places."""
    return _replaced(body, (), frozenset(paths), text)


def _replaced(value: Any, path: Path, paths: frozenset[Path], text: str) -> Any:
    if path in paths:
        return text
    if is_array(value):
        return [_replaced(item, (*path, place), paths, text) for place, item in enumerate(value)]
    if is_object(value):
        return {name: _replaced(item, (*path, name), paths, text) for name, item in value.items()}
    return value
