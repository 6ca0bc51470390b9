"""Servers that take what they must refuse where two things come together. See ``BLIND_4B.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Check
from chatproof.conformance.reference.formats import FORMAT_CHECKS
from chatproof.conformance.reference.validator import CHECKS, reasons

from .blind_common import Body
from .effects_common import cold, without
from .requests_making import RIGHT
from .stream_common import collection

BUDGET = 128 * 16_384
NEAR = 8
"""Messages that are looked at, from the last one on."""
KEPT = 65_536
"""Bytes of the longest body that is kept."""


taken = collection("blind4b-", family="coupling")


def blinkered(names: tuple[str, ...], view: Callable[[Body], Body]) -> Reference:
    """The checks of these names see another body."""

    def changed(check: Check) -> Check:
        return Check(check.name, lambda ask: check.function(replace(ask, body=view(ask.body))))

    assert set(names) <= {check.name for check in CHECKS}, names
    return Reference(checks=tuple(changed(check) if check.name in names else check for check in CHECKS))


def hidden(prop: str, where: Callable[[Body], object]) -> Callable[[Body], Body]:
    """A view without a property, where the rest of the body is such."""
    return lambda body: without(prop)(body) if where(body) else body


def messages_seen(change: Callable[[int, list[Any]], Any]) -> Callable[[Body], Body]:
    """A view with other messages; the function gets the place of one among all of them."""

    def view(body: Body) -> Body:
        rows = body.get("messages")
        if not isinstance(rows, list):
            return body
        return {**body, "messages": [change(at, rows) for at in range(len(rows))]}

    return view


def within_budget(body: Body) -> bool:
    """Whether the product of both numbers is small enough."""
    count, bound = body.get("n"), body.get("max_tokens")
    return type(count) is int and type(bound) is int and bound > 0 and count * bound <= BUDGET


def merged(body: Body) -> Body:
    listed = body.get("stop")
    if not isinstance(listed, list):
        return body
    texts = [item for item in listed if isinstance(item, str) and item]
    left = [
        item
        for item in listed
        if not isinstance(item, str) or not any(item != text and item.startswith(text) for text in texts)
    ]
    return {**body, "stop": left}


def prefilled(at: int, rows: list[Any]) -> Any:
    """The last assistant message with something to say."""
    message = rows[at]
    last = 0 < at == len(rows) - 1 and isinstance(message, dict) and message.get("role") == "assistant"
    return {**message, "content": message.get("content") or ""} if last else message


def far_is_sound(at: int, rows: list[Any]) -> Any:
    return {"role": "user", "content": ""} if at < len(rows) - NEAR else rows[at]


def texts_beside_images(at: int, rows: list[Any]) -> Any:
    """A message with an image, without the parts that are text."""
    message = rows[at]
    content = message.get("content") if isinstance(message, dict) else None
    kinds = [part.get("type") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if "image_url" not in kinds or not isinstance(content, list):
        return message
    return {**message, "content": [{**part, "text": ""} if is_text(part) else part for part in content]}


def is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text"


def without_calls(at: int, rows: list[Any]) -> Any:
    message = rows[at]
    return without("tool_calls")(message) if isinstance(message, dict) else message


def calls_unseen(body: Body) -> Body:
    return body if body.get("tools") else messages_seen(without_calls)(body)


def must_call(body: Body) -> bool:
    choice = body.get("tool_choice")
    return bool(body.get("tools")) and (choice == "required" or isinstance(choice, dict))


def words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def typeless() -> Reference:
    """A body that says the same words as one that was valid is read as that one."""
    known: dict[bytes, Body] = {}

    def parse(raw: bytes) -> Any:
        body = behaviour.parse(raw)
        if not isinstance(body, dict) or len(raw) > KEPT:
            return body
        try:
            said = sorted((name, words(value)) for name, value in body.items())
        except RecursionError:
            return body
        key = hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).digest()
        if key not in known and not reasons(body, models=RIGHT.models):
            known[key] = body
        return known.get(key, body)

    return Reference(behaviour=Behaviour(parse=parse))


MUTANTS = [
    taken(
        "top-p-unchecked-greedy",
        "top_p.max.refuses",
        blinkered(("top_p.min", "top_p.max"), hidden("top_p", cold)),
        prop="top_p",
        with_it="top_p.min.refuses mm.monotone.bad",
    ),
    taken(
        "n-budget-checked",
        "n.max.refuses",
        blinkered(("n.max",), hidden("n", within_budget)),
        prop="n",
        with_it="mm.monotone.bad",
    ),
    taken("stop-prefix-merged", "stop.array.max.refuses", blinkered(("stop.array.max",), merged), prop="stop"),
    taken(
        "metadata-unchecked-unstored",
        "metadata.value.type.refuses",
        blinkered(("metadata.value.type",), hidden("metadata", lambda body: body.get("store") is not True)),
        prop="metadata",
    ),
    taken(
        "assistant-null-last-taken",
        "content.assistant.optional.refuses",
        blinkered(("content.assistant.optional",), messages_seen(prefilled)),
        prop="messages",
        with_it="mm.position.refuses",
    ),
    taken(
        "content-unchecked-far",
        "mm.position.refuses",
        blinkered(("content.type",), messages_seen(far_is_sound)),
        prop="messages",
        with_it="content.type.refuses content.tool.type.refuses",
    ),
    taken(
        "part-text-unchecked-beside-image",
        "part.text.required.refuses",
        blinkered(("part.text.required",), messages_seen(texts_beside_images)),
        prop="messages",
        with_it="mm.position.refuses",
    ),
    taken(
        "call-shape-unchecked-no-tools",
        "toolcall.shape.refuses",
        blinkered(("toolcall.shape",), calls_unseen),
        prop="messages",
        with_it="toolcall.*.refuses mm.position.refuses",
    ),
    taken(
        "format-unchecked-required",
        "mm.monotone.bad response_format.shape.refuses response_format.type.enum.refuses",
        blinkered(tuple(check.name for check in FORMAT_CHECKS), hidden("response_format", must_call)),
        prop="response_format",
        with_it="response_format.*.refuses",
    ),
    taken(
        "typeless-cache",
        "temperature.type.refuses top_p.type.refuses n.type.refuses",  # those whose number was asked before its string
        typeless(),
        prop="body",
        family="type",
        with_it="*.type.refuses mm.repeat.neg mm.default mm.null",
    ),
]
