"""What the eighth list of dialects is put together from: refusals, errors, ids, calls in one piece, notes on a reply.

No dialect is here; ``BLIND_8.md`` tells of them.
"""

from __future__ import annotations

import itertools
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import biased, biases, bound, script, stops, take
from starlette.types import Send

from .answering import Chunk
from .blind4_limits import choices, format_of, pictures
from .blind6_parts import Plan, Rows
from .blind_words import plain
from .odd import Body, copies

Check = Callable[[Ask], Iterator[Reason]]

# --- what is not offered ------------------------------------------------------------------------------------------


def forced(body: Body) -> bool:
    """Whether a call is wanted, and not left to the model."""
    choice = body.get("tool_choice")
    return choice == "required" or isinstance(choice, dict) or isinstance(body.get("function_call"), dict)


def sounds(ask: Ask) -> bool:
    """Whether anything is to be heard or spoken."""
    heard = any(part.get("type") == "input_audio" for _, _, part in ask.parts)
    return heard or "audio" in (ask.body.get("modalities") or ())


FEATURES: dict[str, Callable[[Ask], Any]] = {
    "n": lambda ask: choices(ask.body) > 1,
    "logprobs": lambda ask: ask.body.get("logprobs") is True,
    "logit_bias": lambda ask: ask.body.get("logit_bias"),
    "frequency_penalty": lambda ask: ask.body.get("frequency_penalty"),
    "presence_penalty": lambda ask: ask.body.get("presence_penalty"),
    "seed": lambda ask: ask.body.get("seed") is not None,
    "stop": lambda ask: ask.body.get("stop"),
    "tools": lambda ask: ask.body.get("tools"),
    "functions": lambda ask: ask.body.get("functions"),
    "prediction": lambda ask: ask.body.get("prediction"),
    "messages": pictures,
    "modalities": sounds,
    "response_format": lambda ask: format_of(ask.body) == "json_schema",
    "tool_choice": lambda ask: forced(ask.body),
}
"""What may be wanted, by the property that asks for it."""


def lacking(say: Callable[[str], str], *features: str, **more: Any) -> Check:
    """Refuses what wants one of these features, in these words; ``more`` is what the reason has beside them."""

    def check(ask: Ask) -> Iterator[Reason]:
        for name in features:
            if FEATURES[name](ask):
                yield replace(Reason("dialect", say(name), name, "unsupported_parameter"), **more)

    return check


def several(*checks: Check) -> Check:
    """One check after the other."""

    def check(ask: Ask) -> Iterator[Reason]:
        for one in checks:
            yield from one(ask)

    return check


def greedy_is_single(why: str) -> Check:
    """Several choices want a temperature."""

    def check(ask: Ask) -> Iterator[Reason]:
        if choices(ask.body) > 1 and ask.body.get("temperature") == 0:
            yield Reason("dialect", why, "n", None)

    return check


def at_most(key: str, most: int, say: str, code: str | None = "invalid_value") -> Check:
    """A property of one's own measure."""

    def check(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        if value is not None and value > most:
            yield Reason("dialect", say, key, code)

    return check


def shared_window(most: int, say: Callable[[int, int], str], code: str | None = None) -> Check:
    """Prompt and bound have one window; what is told is how many tokens either wants."""

    def check(ask: Ask) -> Iterator[Reason]:
        needed, wanted = prompt_tokens(ask.body), bound(ask.body) or 0
        if needed + wanted > most:
            yield Reason("dialect", say(needed, wanted), "messages", code)

    return check


# --- how it is told -----------------------------------------------------------------------------------------------

CLASSES = {401: "AuthenticationError", 404: "NotFoundError", 405: "MethodNotAllowedError", 413: "RequestTooLargeError"}
FORM = frozenset({"invalid_type", "missing_required_parameter", "invalid_value", "unknown_parameter"})
"""The codes of what a parser that knows the types would find."""


def class_of(reason: Reason) -> str:
    """The name of an exception."""
    return CLASSES.get(reason.status, "BadRequestError")


def form_is_422(found: Sequence[Reason]) -> Reason:
    """What the parser finds has a status of its own."""
    reason = behaviour.first(found)
    return replace(reason, status=422) if reason.status == 400 and reason.code in FORM else reason


def told(
    *,
    message: Callable[[Reason], str] = lambda reason: reason.message,
    kind: Callable[[Reason], str] = lambda reason: reason.type,
    param: Callable[[Reason], str | None] = lambda reason: reason.param,
    code: Callable[[Reason], Any] = lambda reason: reason.code,
    within: Callable[[Reason], Mapping[str, Any]] = lambda reason: {},
    beside: Callable[[Reason], Mapping[str, Any]] = lambda reason: {},
    bare: Sequence[str] = (),
) -> Callable[[Reason], Any]:
    """An error, member by member, with others within it and beside it, and without some."""

    def envelope(reason: Reason) -> Any:
        error = {"message": message(reason), "type": kind(reason), "param": param(reason), "code": code(reason)}
        error |= within(reason)
        return {"error": {name: value for name, value in error.items() if name not in bare}, **beside(reason)}

    return envelope


async def said_in_words(send: Send, status: int, body: Mapping[str, Any], *rows: tuple[bytes, bytes]) -> None:
    """An answer that no model gave."""
    headers = [(b"content-type", b"application/json"), *rows]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


SOON = (b"retry-after", b"1"), (b"retry-after-ms", b"50")


def turned_away(status: int, message: str, kind: str, code: Any = None, **beside: Any) -> Callable[[Send], Any]:
    """Come again, in this house's words."""
    error = {"message": message, "type": kind, "param": None, "code": code}

    async def answer(send: Send) -> None:
        await said_in_words(send, status, {"error": error, **beside}, *SOON)

    return answer


# --- ids ----------------------------------------------------------------------------------------------------------

DIGITS, LOWER = "0123456789", "0123456789abcdefghijklmnopqrstuvwxyz"
SIGNS = LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def signs(count: int, among: str = SIGNS) -> str:
    """So many signs by chance."""
    return "".join(random.choices(among, k=count))


def hashed(body: Body) -> int:
    """A number of a conversation, the same in every process."""
    return zlib.crc32(json.dumps(body.get("messages"), sort_keys=True).encode())


def called(reply: Reply, call: Callable[[str, int], str]) -> Reply:
    """The calls under other ids, by their name and place."""
    place = itertools.count()
    made = [
        replace(one, calls=tuple(replace(row, ident=call(row.name, next(place))) for row in one.calls))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


def marked(
    ident: Callable[[], str],
    call: Callable[[str, int], str] | None = None,
    plan: Plan = answers.plan,
    **changes: Any,
) -> Plan:
    """A plan whose replies and calls have ids of this form, and whatever else is to be changed."""

    def planned(body: Body, now: int) -> Reply:
        reply = replace(plan(body, now), ident=ident(), **changes)
        return called(reply, call) if call is not None else reply

    return planned


# --- notes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noted(Reply):
    """A reply of which one knows more than the reference tells."""

    notes: Mapping[str, Any] = field(default_factory=dict[str, Any])


def noted(reply: Reply, **notes: Any) -> Noted:
    return Noted(**{**vars(reply), "notes": notes})


def note(reply: Reply, name: str) -> Any:
    """What is known under this name; None for a reply without."""
    return reply.notes.get(name) if isinstance(reply, Noted) else None


def matched(body: Body, one: Choice) -> str | None:
    """The stop string that ended a free text."""
    if not plain(body, one) or one.audio is not None or one.finish != "stop":
        return None
    text = "".join(take(biased(script(body, one.index), biases(body)), bound(body)).tokens)
    rest = text[len("".join(one.tokens)) :]
    return next((string for string in stops(body) if rest.startswith(string)), None)


def thinking_within(spent: int, plan: Plan = answers.plan) -> Plan:
    """So many tokens of thought, or what the bound allows, before anything is said."""

    def planned(body: Body, now: int) -> Reply:
        most = bound(body)
        thought = spent if most is None else min(most, spent)
        left = None if most is None else most - thought
        reply = plan({**body, "max_completion_tokens": left or None}, now)
        if left == 0:
            reply = replace(reply, choices=tuple(Choice(one.index, "length") for one in reply.choices))
        thoughts = thought * len(reply.choices)
        usage = answers.usage(body, reply.choices)
        usage["completion_tokens"] += thoughts
        usage["total_tokens"] += thoughts
        usage["completion_tokens_details"] |= {"reasoning_tokens": thoughts}
        return replace(reply, usage=usage)

    return planned


# --- streams ------------------------------------------------------------------------------------------------------


def calls_of(one: Choice) -> list[dict[str, Any]]:
    """The calls of a choice as a delta has them."""
    return [
        {
            "index": place,
            "id": call.ident,
            "type": call.kind,
            call.kind: {"name": call.name, call.said: "".join(call.arguments)},
        }
        for place, call in enumerate(one.calls)
    ]


def calls_at_once(reply: Reply, rows: Rows = copies, ends: bool = False) -> Iterator[Chunk]:
    """All calls of a choice in one chunk, which may be the one that ends."""
    for row in rows(reply):
        choice = row["choices"][0] if row["choices"] else {"delta": {}, "finish_reason": None}
        if "tool_calls" in choice["delta"]:
            continue
        one = reply.choices[choice["index"]] if choice["finish_reason"] else None
        if one is None or not one.calls:
            yield row
        elif ends:
            yield {**row, "choices": [{**choice, "delta": {"tool_calls": calls_of(one)}}]}
        else:
            yield {**row, "choices": [{**choice, "delta": {"tool_calls": calls_of(one)}, "finish_reason": None}]}
            yield row


def role_with_texts(row: Chunk) -> None:
    """The role again wherever there is content."""
    for choice in row["choices"]:
        if "content" in choice["delta"]:
            choice["delta"] = {"role": "assistant", **choice["delta"]}


def usage_at_the_end(reply: Reply, rows: Rows = copies) -> Iterator[Chunk]:
    """The count with the end of an only choice, where nobody asked for it."""
    for row in rows(reply):
        last = len(reply.choices) == 1 and any(choice["finish_reason"] for choice in row["choices"])
        if last and not reply.include_usage:
            row["usage"] = dict(reply.usage)
        yield row


def shaped(
    completion: Callable[[Reply], Any] = answers.completion,
    rows: Rows = copies,
    plain: Callable[[Reply, Chunk], Any] = lambda reply, body: None,
    chunk: Callable[[Reply, Chunk], Any] = lambda reply, row: None,
) -> dict[str, Any]:
    """The parts of a behaviour: forms that are changed in place, by one who knows the reply."""

    def whole(reply: Reply) -> Any:
        body = completion(reply)
        plain(reply, body)
        return body

    def chunks(reply: Reply) -> Iterator[Any]:
        for row in rows(reply):
            chunk(reply, row)
            yield row

    return {"completion": whole, "chunks": chunks}


def messages_of(body: Chunk) -> Iterator[dict[str, Any]]:
    """The messages of a plain answer."""
    for choice in body["choices"]:
        yield choice["message"]
