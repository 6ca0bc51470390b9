"""Ways to make wrong servers of the vintage 2026-08 from its reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.faults import Ask, Check, coupled

from . import requests_making
from .base import Mutant, of

VINTAGE = "2026-08"
LATER = Reference(vintage=VINTAGE)

Body = dict[str, Any]
GONE = object()


rewriting = partial(requests_making.rewriting, right=LATER)
reading = partial(requests_making.reading, right=LATER)
within = partial(requests_making.within, right=LATER)


def refusing(test: Callable[[Body], object]) -> Reference:
    """A server that refuses some bodies, whatever else they hold."""

    def check(ask: Ask) -> Iterator[Any]:
        if test(ask.body):
            yield coupled("mutant", None, "This is not taken here.")

    return replace(LATER, checks=(*LATER.checks, Check("mutant", check)))


def answering(change: Callable[[Body], object]) -> Reference:
    """With every plain answer changed."""
    usual = LATER.behaviour.completion

    def completion(reply: Reply) -> Any:
        body = usual(reply)
        change(body)
        return body

    return replace(LATER, behaviour=replace(LATER.behaviour, completion=completion))


def streaming(change: Callable[[Body], object]) -> Reference:
    """With every chunk changed."""
    usual = LATER.behaviour.chunks

    def chunks(reply: Reply) -> Iterator[Mapping[str, Any]]:
        for row in usual(reply):
            copy = json.loads(json.dumps(row))
            change(copy)
            yield copy

    return replace(LATER, behaviour=replace(LATER.behaviour, chunks=chunks))


def each_message(change: Callable[[Body], object]) -> Callable[[Body], None]:
    """A change of every message of an answer."""

    def all_messages(body: Body) -> None:
        for choice in body["choices"]:
            change(choice["message"])

    return all_messages


def each_call(change: Callable[[Body], object]) -> Callable[[Body], None]:
    """A change of every call of a custom tool."""

    def calls(message: Body) -> None:
        for call in message.get("tool_calls") or ():
            if call.get("type") == "custom":
                change(call)

    return each_message(calls)


def parts(change: Callable[[str, Any], Any]) -> Reference:
    """A server that reads every content part, of a message with this role, as another one; GONE drops the part."""

    def messages(body: Body) -> None:
        for message in body.get("messages") if isinstance(body.get("messages"), list) else ():
            if isinstance(message, dict) and isinstance(message.get("content"), list):
                changed = [change(str(message.get("role")), part) for part in message["content"]]
                message["content"] = [part for part in changed if part is not GONE] or "x"

    return rewriting(messages)


def tools(change: Callable[[Body], object]) -> Reference:
    """A server that reads every tool that is an object as another one."""

    def all_tools(body: Body) -> None:
        for tool in body.get("tools") if isinstance(body.get("tools"), list) else ():
            if isinstance(tool, dict):
                change(tool)

    return rewriting(all_tools)


def choice(kind: str, change: Callable[[Body], object]) -> Reference:
    """A server that reads a ``tool_choice`` of this type as another one."""

    def chosen(body: Body) -> None:
        found = body.get("tool_choice")
        if isinstance(found, dict) and found.get("type") == kind:
            change(found)

    return rewriting(chosen)


def put(key: str, when: Callable[[Any], object], value: Any) -> Callable[[Body], None]:
    """A change that puts a good value in the place of some others."""

    def change(holder: Body) -> None:
        if when(holder.get(key)):
            holder[key] = value

    return change


def fault(prop: str, name: str, family: str, server: Reference, fails: str, with_it: str = "") -> Mutant:
    """A mutant in one row; the rules are given as words."""
    return Mutant(
        name=f"later-{name}",
        property=prop,
        family=family,
        server=server,
        fails=of(*fails.split()),
        with_it=of(*with_it.split()),
        vintage=VINTAGE,
    )
