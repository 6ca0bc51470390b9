"""Usual ways to make a server that answers as if something else had been asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

from .base import Mutant, of

Body = dict[str, Any]


def planning(change: Callable[[Body], Body], *more: Check) -> Reference:
    """Answers as if another body had come; `more` are checks beside the usual ones."""

    def plan(body: Any, now: int) -> Reply:
        return answers.plan(change(dict(body)), now)

    return Reference(behaviour=Behaviour(plan=plan), checks=(*CHECKS, *more))


def replying(change: Callable[[Body, Reply], Reply]) -> Reference:
    """Decides as usual, then says something else."""

    def plan(body: Any, now: int) -> Reply:
        return change(dict(body), answers.plan(body, now))

    return Reference(behaviour=Behaviour(plan=plan))


def choosing(change: Callable[[Body, Choice], Choice]) -> Reference:
    """Changes each choice; the counts of tokens follow, as they would in a server that counts what it wrote."""

    def changed(body: Body, reply: Reply) -> Reply:
        choices = tuple(change(body, choice) for choice in reply.choices)
        return replace(reply, choices=choices, usage=answers.usage(body, choices))

    return replying(changed)


def counting(change: Callable[[Body, dict[str, Any]], int], member: str = "prompt_tokens") -> Reference:
    """Tells another count of tokens, in a total that still adds up."""

    def changed(body: Body, reply: Reply) -> Reply:
        usage = {**reply.usage}
        usage[member] = change(body, usage)
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        return replace(reply, usage=usage)

    return replying(changed)


def cold(body: Body) -> bool:
    return type(body.get("temperature")) in (int, float) and body["temperature"] == 0


def without(*names: str) -> Callable[[Body], Body]:
    """The body without these properties."""
    return lambda body: {name: value for name, value in body.items() if name not in names}


def refusing_messages(rule: str, wrong: Callable[[dict[str, Any]], bool]) -> Check:
    """Refuses a conversation with such a message."""

    def found(ask: Ask) -> list[Reason]:
        return [Reason(rule, "Not taken.", "messages", "invalid_value") for _, row in ask.items if wrong(row)]

    return Check(rule, found)


def effect(
    name: str,
    about: str,
    server: Reference,
    *fails: str,
    with_it: Iterable[str] = (),
    family: str = "ignored",
) -> Mutant:
    return Mutant(name=name, property=about, family=family, server=server, fails=of(*fails), with_it=frozenset(with_it))
