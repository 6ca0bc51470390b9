"""What a single-fault server is, and the usual ways to make one from the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour, stream
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.validator import CHECKS
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One wrong server: the reference with exactly one thing wrong, and what the suite must say of it.

    ``property`` is what is broken (one of the request, or ``body``, ``answer``, ``stream``, ``error``, ``server``),
    ``family`` the kind of fault (a key of ``FAMILIES``). Every rule of ``fails`` must show the fault at the default
    depth (a *may* rule by its finding, the others by failing under ``--strict``); rules that match a pattern of
    ``with_it`` may fail as well because they see the same fault from another side; no other rule may.
    ``around`` wraps the ASGI application, for faults of the transport. It is asked what holds in its ``vintage``.
    """

    name: str
    property: str
    family: str
    fails: frozenset[str]
    with_it: frozenset[str] = frozenset()
    server: Reference = field(default_factory=Reference)
    around: Callable[[ASGIApp], ASGIApp] | None = None
    vintage: str = FIRST


FAMILIES = {
    "bound": "a bound is missing, off by one, one-sided or loose",
    "type": "a wrong JSON type is taken",
    "enum": "a value outside a set is taken",
    "pattern": "a pattern or length is not checked",
    "required": "a required member may be missing",
    "coupling": "members that need each other are not held together",
    "refused": "a valid request is refused",
    "crash": "a request makes the server fail",
    "ignored": "a feature is taken without effect",
    "transport": "HTTP or JSON is not read as it should be",
    "answer": "a plain answer is not what was promised",
    "stream": "a streamed answer is not what was promised",
    "error": "a refusal is not told as promised",
    "status": "a refusal has the wrong status",
    "relation": "two requests that mean the same are not treated alike",
    "load": "only several requests at once, or now and then one, show it",
}
"""Kinds of faults, for the picture of the kill matrix."""


def unchecked(*names: str) -> Reference:
    """Without the checks of these names."""
    left = tuple(check for check in CHECKS if check.name not in names)
    assert len(left) < len(CHECKS), names
    return Reference(checks=left)


def bounded(**limits: Any) -> Reference:
    """With other limits."""
    return Reference(limits=replace(LIMITS, **limits))


def answering(change: Callable[[dict[str, Any]], Any]) -> Reference:
    """With every plain answer changed."""

    def completion(reply: answers.Reply) -> Any:
        body = answers.completion(reply)
        change(body)
        return body

    return Reference(behaviour=Behaviour(completion=completion))


def streaming(change: Callable[[list[dict[str, Any]]], Any]) -> Reference:
    """With the chunks of every stream changed."""

    def chunks(reply: answers.Reply) -> Iterator[Mapping[str, Any]]:
        rows = [json.loads(json.dumps(row)) for row in stream.chunks(reply)]
        change(rows)
        yield from rows

    return Reference(behaviour=Behaviour(chunks=chunks))


def refusing(change: Callable[[dict[str, Any]], Any]) -> Reference:
    """With every error body changed."""

    def envelope(reason: Any) -> Any:
        body = behaviour.envelope(reason)
        change(body)
        return body

    return Reference(behaviour=Behaviour(envelope=envelope))


def each_choice(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], None]:
    def all_choices(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            change(choice)

    return all_choices


def each_chunk(change: Callable[[dict[str, Any]], Any]) -> Callable[[list[dict[str, Any]]], None]:
    def all_chunks(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            change(row)

    return all_chunks


def of(*names: str) -> frozenset[str]:
    return frozenset(names)
