"""What a model makes of a conversation, and manners of gateways, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_5.md``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chatproof.conformance.reference import additions, answers, behaviour, stream
from chatproof.conformance.reference.answers import Call, Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import objects, prompt_tokens
from chatproof.conformance.reference.text import bound, script, tokenize
from chatproof.conformance.reference.vintages import VINTAGES
from starlette.types import ASGIApp, Receive, Scope, Send

from .base import Dialect
from .blind4_limits import choices, format_of
from .blind4_traffic import LATER, heard, read, slow_down
from .blind_words import model, plain, saying, written
from .odd import Body, Rows, checking, copies, counted

# --- calls of the past --------------------------------------------------------------------------------------------


def unparsed(arguments: str) -> str | None:
    """Why an engine that reads arguments cannot."""
    try:
        value = json.loads(arguments)
    except RecursionError:
        return "exceeded max depth"
    except ValueError:
        return "unexpected end of JSON input" if not arguments.strip() else "invalid character"
    return None if isinstance(value, dict) else "cannot unmarshal into an object"


def parsing(ask: Ask) -> Iterator[Reason]:
    """Calls of the past are told to the model as objects."""
    found = [(f"{path}.function", call["function"]) for path, call in ask.calls]
    found += [
        (f"messages[{place}].function_call", message["function_call"])
        for place, message, role in ask.spoken
        if role == "assistant" and message.get("function_call") is not None
    ]
    for path, called in found:
        why = unparsed(called["arguments"])
        if why is not None:
            yield Reason("dialect", f"invalid tool call arguments: {why}", f"{path}.arguments", None)


def whole_or_empty(one: Call) -> Call:
    """A call that can be read."""
    return one if unparsed("".join(one.arguments)) is None else replace(one, arguments=("{}",))


def readable(body: Body, now: int) -> Reply:
    """A call that would be cut has nothing in it, in one token."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    for one in reply.choices:
        function = None if one.function is None else whole_or_empty(one.function)
        made.append(replace(one, calls=tuple(whole_or_empty(call) for call in one.calls), function=function))
    return counted(body, reply, *made)


# --- what is read, and by whom it is said -------------------------------------------------------------------------


def gathered(body: Body) -> Body:
    """The conversation with its instructions at the beginning."""
    messages = objects(body.get("messages"))
    systems = [message for message in messages if message.get("role") == "system"]
    return {**body, "messages": systems + [message for message in messages if message.get("role") != "system"]}


def after_systems(body: Body, index: int) -> Iterable[str]:
    """Without a user there is nothing to answer."""
    asked = any(message.get("role") == "user" for message in objects(body.get("messages")))
    return script(gathered(body), index) if asked else ()


SAFE = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAME = "chatproof_bot-1"


def addressed(body: Body, index: int) -> Iterator[str]:
    """Whoever has a name is called by it."""
    names = [str(message.get("name") or "") for message in objects(body.get("messages"))]
    name = next((name for name in reversed(names) if SAFE.fullmatch(name)), None)
    if name is not None:
        yield from tokenize(f"{name}: ")
    yield from script(body, index)


def named_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    for choice in body["choices"]:
        choice["message"]["name"] = NAME
    return body


def named_chunks(reply: Reply) -> Rows:
    for row in copies(reply):
        for choice in row["choices"]:
            if "role" in choice["delta"]:
                choice["delta"]["name"] = NAME
        yield row


# --- gateways -----------------------------------------------------------------------------------------------------

BLOCK = 4
KNOWN = 50_000
"""Tokens of a block of the cache, and how many beginnings are known at once."""


def cached_prefixes() -> Callable[[Body, int], Reply]:
    """A cache of what conversations begin with."""
    known: set[bytes] = set()

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(body, now)
        messages = objects(body.get("messages"))
        declared = {key: body[key] for key in ("tools", "functions") if body.get(key)}
        state = hashlib.blake2b(json.dumps(declared, sort_keys=True).encode(), digest_size=16)
        longest, marks = 0, list[bytes]()
        for place, message in enumerate(messages, start=1):
            state.update(json.dumps(message, sort_keys=True).encode())
            marks.append(state.digest())
            longest = place if marks[-1] in known else longest
        if len(known) > KNOWN:
            known.clear()
        known.update(marks)
        usage = {key: value for key, value in reply.usage.items() if not key.endswith("_details")}
        cached = prompt_tokens({**declared, "messages": messages[:longest]}) // BLOCK * BLOCK if longest else 0
        if cached:
            usage["prompt_tokens_details"] = {"cached_tokens": min(cached, usage["prompt_tokens"])}
        return replace(reply, usage=usage)

    return plan


@dataclass(frozen=True)
class Carrying(Reply):
    """A reply that shows what was asked."""

    asked: Mapping[str, Any] = field(default_factory=dict)


LARGE = 4_000


def carrying(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    try:
        size = len(json.dumps(body, allow_nan=False))
    except ValueError:
        # a number that was read as infinite cannot be said again
        return reply
    return Carrying(**vars(reply), asked=body) if size < LARGE else reply


def carried(reply: Reply, row: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the request where the answer has none of that name."""
    return {**(reply.asked if isinstance(reply, Carrying) else {}), **row}


def carrying_body(reply: Reply) -> Any:
    return carried(reply, answers.completion(reply))


def carrying_chunks(reply: Reply) -> Rows:
    for row in stream.chunks(reply):
        yield carried(reply, row)


def large(body: dict[str, Any]) -> bool:
    """Whether a request costs more than others."""
    shape = body.get("response_format")
    kind = format_of(body) if isinstance(shape, dict) else "text"
    several = isinstance(body.get("n"), int) and choices(body) > 1
    return bool(body.get("tools")) or kind != "text" or body.get("logprobs") is True or several


def sheds(app: ASGIApp) -> ASGIApp:
    """When there is much to do, what costs much is sent away for a moment."""
    count = 0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal count
        if scope["method"] != "POST":
            await app(scope, receive, send)
            return
        raw, receive = await heard(receive)
        count += large(read(raw))
        if count == 5:
            count = 0
            why = "The engine is at capacity for this kind of request. Please try again in 30ms."
            await slow_down(send, "overloaded", why, (b"retry-after-ms", b"30"))
            return
        await app(scope, receive, send)

    return wrapped


OUTER = ("invalid_type", "missing_required_parameter")
"""Codes of what is seen without knowing the model."""


def outer_first(found: Sequence[Reason]) -> Reason:
    """The gateway refuses in its way what it can find."""
    reason = behaviour.first(found)
    return replace(reason, status=422) if reason.status == 400 and reason.code in OUTER else reason


def two_envelopes(reason: Reason) -> Any:
    """Each layer has an envelope of its own."""
    body = behaviour.envelope(reason)
    if reason.status == 422:
        place = " -> ".join(["body", *re.findall(r"[^.\[\]]+", reason.param or "")])
        told = {"message": f"{place}: {reason.message}", "type": "validation_error", "param": None, "code": "422"}
        return {"error": told}
    if reason.status == 400:
        body["error"]["type"] = "BadRequestError"
    return body


# --- of the later vintage -----------------------------------------------------------------------------------------

EFFORTS = {"none": 0, "minimal": 2, "low": 4, "medium": 8, "high": 64, "xhigh": 128, "max": 256}


def thinking_by_effort(body: Body, now: int) -> Reply:
    """Thoughts come first, and take of the bound what they need."""
    reply = VINTAGES[LATER].plan(body, now)
    effort, most = body.get("reasoning_effort"), bound(body)
    wanted = EFFORTS.get(effort if isinstance(effort, str) else "medium", 8)
    spent = wanted if most is None else min(wanted, most)
    made: list[Choice] = []
    thought = 0
    for one in reply.choices:
        if plain(body, one) and spent:
            thought += spent
            left = {} if most is None else {"max_tokens": most - spent, "max_completion_tokens": None}
            text = written({**body, **left}, script(body, one.index) if most != spent else ())
            end: answers.Finish = "length" if text.cut or most == spent else "stop"
            one = replace(one, tokens=text.tokens, finish=end)
            one = replace(one, annotations=additions.citations(body, one))
        made.append(one)
    said = sum(one.used for one in made)
    usage = dict(reply.usage)
    usage |= {"completion_tokens": said + thought, "total_tokens": usage["prompt_tokens"] + said + thought}
    details = usage["completion_tokens_details"]
    told = {"reasoning_tokens": thought, "text_tokens": said - details["audio_tokens"]}
    usage["completion_tokens_details"] = {**details, **told}
    return replace(reply, choices=tuple(made), usage=usage)


_PARSING = checking(parsing)
_LAYERS = Behaviour(first=outer_first, envelope=two_envelopes)
_BY_EFFORT = Reference(vintage=LATER, behaviour=Behaviour(plan=thinking_by_effort))

DIALECTS = [
    Dialect(
        name="blind5-parsed-arguments",
        server=replace(_PARSING, behaviour=model(readable).behaviour),
        warnings=frozenset({"res.finish.early"}),
    ),
    Dialect(name="blind5-systems-gather", server=saying(after_systems, gathered)),
    Dialect(
        name="blind5-named-assistant",
        server=model(saying(addressed).behaviour.plan, completion=named_body, chunks=named_chunks),
    ),
    Dialect(name="blind5-caches-prefixes", server=model(cached_prefixes())),
    Dialect(
        name="blind5-carries-the-request", server=model(carrying, completion=carrying_body, chunks=carrying_chunks)
    ),
    Dialect(name="blind5-sheds-large-requests", around=sheds),
    Dialect(name="blind5-two-layers-of-errors", server=Reference(behaviour=_LAYERS)),
    Dialect(name="blind5-later-thinks-by-effort", server=_BY_EFFORT, vintage=LATER),
]
