"""Small parts that single-fault servers with a wrong answer are put together from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant, of

Members = dict[str, Any]
Change = Callable[[Members], Any]
"""A function that spoils an object in place."""


def row(
    name: str,
    fails: str,
    server: Reference,
    with_it: str = "",
    *,
    prop: str = "answer",
    family: str = "answer",
    around: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Mutant:
    """A mutant, with its rules as words of a string."""
    fault, echo = of(*fails.split()), of(*with_it.split())
    return Mutant(name=name, property=prop, family=family, fails=fault, with_it=echo, server=server, around=around)


def without(*keys: str) -> Change:
    """Takes members away."""

    def change(members: Members) -> None:
        for key in keys:
            members.pop(key, None)

    return change


def setting(**values: Any) -> Change:
    """Gives members these values."""
    return lambda members: members.update(values)


def turning(key: str, turn: Callable[[Any], Any]) -> Change:
    """Replaces a member that is there by something made of it."""

    def change(members: Members) -> None:
        if key in members:
            members[key] = turn(members[key])

    return change


def when(test: Callable[[Members], Any], change: Change) -> Change:
    """Changes only the objects that pass the test."""
    return lambda members: change(members) if test(members) else None


def many(body: Members) -> bool:
    """Whether there are several choices."""
    return len(body["choices"]) > 1


def later_choices(change: Change) -> Change:
    """Changes all choices but the first."""

    def changed(body: Members) -> None:
        for choice in body["choices"][1:]:
            change(choice)

    return changed


def each_message(change: Change) -> Change:
    """Changes the message of every choice."""

    def changed(body: Members) -> None:
        for choice in body["choices"]:
            change(choice["message"])

    return changed


def each_call(change: Change) -> Change:
    """Changes every tool call."""

    def changed(message: Members) -> None:
        for call in message.get("tool_calls") or ():
            change(call)

    return each_message(changed)


def each_called_function(change: Change) -> Change:
    """Changes the name and arguments of every tool call."""
    return each_call(lambda call: change(call["function"]))


def each_legacy_call(change: Change) -> Change:
    """Changes every ``function_call``."""
    return each_message(lambda message: change(message["function_call"]) if "function_call" in message else None)


def written_out(choice: Members) -> bool:
    """Whether a text came to its own end."""
    return bool(choice["message"]["content"]) and choice["finish_reason"] == "stop"


def said(turn: Callable[[Members], Any]) -> Reference:
    """With something made of every plain answer in its place."""
    return Reference(behaviour=Behaviour(completion=lambda reply: turn(answers.completion(reply))))


def planned(turn: Callable[[Mapping[str, Any], Reply], Reply], *, streams: bool = True) -> Reference:
    """With replies changed by what was asked for; ``streams`` False leaves streamed ones alone."""

    def plan(body: Mapping[str, Any], now: int) -> Reply:
        reply = answers.plan(body, now)
        return reply if body.get("stream") is True and not streams else turn(body, reply)

    return Reference(behaviour=Behaviour(plan=plan))


def written(dump: Callable[[Members], bytes]) -> Reference:
    """With the bytes of plain answers, and of nothing else, written by ``dump``."""

    def bytes_of(value: Any) -> bytes:
        plain = isinstance(value, dict) and value.get("object") == "chat.completion"
        return dump(value) if plain else behaviour.dump(value)

    return Reference(behaviour=Behaviour(dump=bytes_of))


def headed(kind: str | None, wrong: Callable[[int], bool]) -> Callable[[ASGIApp], ASGIApp]:
    """Another (or no) Content-Type on JSON answers whose status is one of the ``wrong`` ones."""

    def around(app: ASGIApp) -> ASGIApp:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                if message["type"] == "http.response.start" and wrong(message["status"]):
                    pairs = [(name, value) for name, value in message["headers"] if name != b"content-type"]
                    was = dict(message["headers"]).get(b"content-type")
                    if was == b"application/json":
                        now = [] if kind is None else [(b"content-type", kind.encode())]
                        message = {**message, "headers": now + pairs}
                await send(message)

            chat = scope["type"] == "http" and scope["path"].endswith("/chat/completions")
            await app(scope, receive, sending if chat else send)

        return changed

    return around
