"""Ways to make servers that judge a request wrongly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, coupled
from chatproof.conformance.reference.validator import CHECKS, reasons

from .base import Mutant, of

Body = dict[str, Any]
RIGHT = Reference()


Test = Callable[[Body], object]


def fault(name: str, prop: str, family: str, server: Reference, fails: str, with_it: str = "") -> Mutant:
    """A mutant in one row; the rules are given as words."""
    return Mutant(
        name=name, property=prop, family=family, server=server, fails=of(*fails.split()), with_it=of(*with_it.split())
    )


def rewriting(change: Callable[[Body], object], right: Reference = RIGHT) -> Reference:
    """The ``right`` server, but it reads every object body as something else."""

    def parse(raw: bytes) -> Any:
        body = behaviour.parse(raw)
        if isinstance(body, dict):
            change(body)
        return body

    return replace(right, behaviour=replace(right.behaviour, parse=parse))


def reading(
    prop: str, when: Callable[[Any], object], into: Callable[[Any], Any] | None = None, right: Reference = RIGHT
) -> Reference:
    """A server that reads some values of a property as another one; without ``into``, as if it were absent."""

    def change(body: Body) -> None:
        if prop in body and when(body[prop]):
            value = body.pop(prop)
            if into:
                body[prop] = into(value)

    return rewriting(change, right)


def within(prop: str, change: Callable[[Body], object], right: Reference = RIGHT) -> Reference:
    """A server that reads an option object as another one."""
    return rewriting(lambda body: change(body[prop]) if isinstance(body.get(prop), dict) else None, right)


def refusing_valid(test: Test) -> Reference:
    """A server that refuses some valid bodies; ``test`` is asked of valid ones only."""

    def check(ask: Ask) -> Any:
        if isinstance(ask.raw, dict) and not reasons(ask.raw, models=ask.models) and test(ask.body):
            yield coupled("mutant", None, "This is not supported here.")

    return Reference(checks=(*CHECKS, Check("mutant", check)))


def crashing(test: Test) -> Reference:
    """A server that fails on some valid bodies."""

    def plan(body: Mapping[str, Any], now: int) -> answers.Reply:
        if test(dict(body)):
            raise RuntimeError("mutant")
        return answers.plan(body, now)

    return Reference(behaviour=Behaviour(plan=plan))


def stumbling(test: Test) -> Reference:
    """A server that fails on some bodies before it looks at anything else."""

    def check(ask: Ask) -> Any:
        if test(ask.body):
            raise RuntimeError("mutant")
        return ()

    return Reference(checks=(Check("mutant", check), *CHECKS))


def viewing(name: str, view: Callable[[Body], Body]) -> Reference:
    """A server whose checks of one name see only a part of the body."""

    def seen(check: Check) -> Check:
        return Check(name, lambda ask: check.function(replace(ask, body=view(ask.body))))

    return Reference(checks=tuple(seen(check) if check.name == name else check for check in CHECKS))


def first_of(prop: str) -> Callable[[Body], Body]:
    """A view of only the first member of an array or object."""

    def view(body: Body) -> Body:
        value = body.get(prop)
        if isinstance(value, list):
            return body | {prop: value[:1]}
        return body | {prop: dict(list(value.items())[:1])} if isinstance(value, dict) else body

    return view


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_integer(value: object) -> bool:
    return type(value) is int


def about(prop: str) -> Callable[..., Mutant]:
    """Mutants of one property: ``fault`` without the property."""

    def row(name: str, family: str, server: Reference, fails: str, with_it: str = "") -> Mutant:
        return fault(name, prop, family, server, fails, with_it)

    return row


def entries(body: Body, prop: str) -> list[Body]:
    value = body.get(prop)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def set_if(key: str, when: Callable[[Any], object], value: Any) -> Callable[[Body], None]:
    def change(holder: Body) -> None:
        if key in holder and when(holder[key]):
            holder[key] = value

    return change


def drop_if(key: str, when: Callable[[Any], object]) -> Callable[[Body], None]:
    def change(holder: Body) -> None:
        if key in holder and when(holder[key]):
            del holder[key]

    return change


def objects_only(value: list[Any]) -> list[Any]:
    return [item for item in value if isinstance(item, dict)]


def odd_items(value: object) -> bool:
    return isinstance(value, list) and not all(isinstance(item, dict) for item in value)


def is_array(value: object) -> bool:
    return isinstance(value, list)


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def spoken(body: Body, *roles: str) -> Iterator[Body]:
    """The messages of these roles; of any role, without names."""
    for message in entries(body, "messages"):
        if not roles or message.get("role") in roles:
            yield message


def parts(body: Body, *roles: str) -> Iterator[Body]:
    """The parts of their content."""
    for message in spoken(body, *roles):
        yield from entries(message, "content")


def calls(body: Body) -> Iterator[Body]:
    """The tool calls of a history."""
    for message in spoken(body, "assistant"):
        yield from entries(message, "tool_calls")


def each_message(change: Callable[[Body], object], *roles: str) -> Reference:
    return rewriting(lambda body: [change(message) for message in spoken(body, *roles)])


def each_call(change: Callable[[Body], object]) -> Reference:
    return rewriting(lambda body: [change(call) for call in calls(body)])


def refusing_message(test: Callable[[Body], object], *roles: str) -> Reference:
    return refusing_valid(lambda body: any(test(message) for message in spoken(body, *roles)))


def crashing_message(test: Callable[[Body], object], *roles: str) -> Reference:
    return crashing(lambda body: any(test(message) for message in spoken(body, *roles)))


def null(key: str) -> Callable[[Body], bool]:
    return lambda holder: key in holder and holder[key] is None
