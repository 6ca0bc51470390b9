"""Small limits, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_9.md``.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import objects, prompt_tokens, text_of
from chatproof.conformance.reference.text import bound, stops
from chatproof.conformance.reference.vintages import VINTAGES
from chatproof.conformance.vintages import FIRST
from starlette.types import ASGIApp, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_limits import choices, pictures
from .blind4_traffic import heard, read, slow_down
from .blind6_parts import Plan, built, formed, posts
from .odd import Body

# --- a window -----------------------------------------------------------------------------------------------------

WINDOW = 1_024


def window_by_estimate(ask: Ask) -> Iterator[Reason]:
    """Nobody in front of the model has its vocabulary."""
    needed = len(json.dumps(ask.body, ensure_ascii=False).encode("utf-8", "surrogatepass")) // 4
    if needed > WINDOW:
        why = f"Input is too long: an estimated {needed} tokens do not fit into the context size of {WINDOW} tokens."
        yield Reason("dialect", why, None, None, status=413)


def window_in_words(ask: Ask) -> Iterator[Reason]:
    needed = prompt_tokens(ask.body)
    if needed > WINDOW:
        why = f"Requested tokens ({needed}) exceed context window of {WINDOW}"
        yield Reason("dialect", why, None, None, status=422)


# --- how many -----------------------------------------------------------------------------------------------------

FEW = 2


def two_of_everything(ask: Ask) -> Iterator[Reason]:
    """Three is a crowd."""
    run = longest = 0
    for _, _, role in ask.spoken:
        run = run + 1 if role == "tool" else 0
        longest = max(longest, run)
    counts = {
        "stop": len(stops(ask.body)),
        "tools": len(ask.body.get("tools") or ()),
        "functions": len(ask.body.get("functions") or ()),
        "n": choices(ask.body),
        "logit_bias": len(ask.body.get("logit_bias") or ()),
        "images": len(pictures(ask)),
        "tool messages": longest,
    }
    for name, count in counts.items():
        if count > FEW:
            path = name if name in ask.body else "messages"
            why = f"{name}: {count} given; more than {FEW} are not supported with this model."
            yield Reason("dialect", why, path, "unsupported_value")


# --- how long -----------------------------------------------------------------------------------------------------

NAME, PARTICIPANT, IDENT, USER, NOTE = 32, 16, 32, 48, 64


def lengths(ask: Ask) -> Iterator[tuple[str, Any, int]]:
    """What has a length: where it is, what it is, and how long it may be."""
    body = ask.body
    for path, function in ask.declared:
        yield f"{path}.name", function["name"], NAME
    yield (
        "response_format.json_schema.name",
        ((body.get("response_format") or {}).get("json_schema") or {}).get("name"),
        NAME,
    )
    for place, message, role in ask.spoken:
        yield f"messages[{place}].name", message.get("name"), NAME if role == "function" else PARTICIPANT
        yield f"messages[{place}].tool_call_id", message.get("tool_call_id"), IDENT
    for path, call in ask.calls:
        yield f"{path}.id", call["id"], IDENT
        yield f"{path}.function.name", call["function"]["name"], NAME
    yield "user", body.get("user"), USER
    for key, value in (body.get("metadata") or {}).items():
        yield f"metadata.{key}", value, NOTE


def short_names(ask: Ask) -> Iterator[Reason]:
    """A table with narrow columns."""
    for path, value, most in lengths(ask):
        if isinstance(value, str) and len(value) > most:
            why = f"'{path}' has {len(value)} characters; more than {most} are not supported with this model."
            yield Reason("dialect", why, path, "string_above_max_length")


CALLS, RESULT = 4, 1_000


def short_histories(ask: Ask) -> Iterator[Reason]:
    """What happened is remembered if it is short."""
    for place, message, role in ask.spoken:
        calls = objects(message.get("tool_calls")) if role == "assistant" else []
        found = {
            "tool calls": (len(calls), CALLS),
            "characters of a tool's result": (len(text_of(message.get("content"))) * (role == "tool"), RESULT),
        }
        for what, (count, most) in found.items():
            if count > most:
                why = f"messages[{place}]: more than {most} {what} are not supported with this model ({count} given)."
                yield Reason("dialect", why, f"messages[{place}]", "unsupported_value")


# --- a firewall ---------------------------------------------------------------------------------------------------

DEPTH, ITEMS, SIGNS, BYTES = 24, 64, 32_768, 262_144


def measures(value: object) -> tuple[int, int, int]:
    """How deep it goes, the length of the longest array and of the longest string, without recursion."""
    deepest = most = longest = 0
    waiting = [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(node, dict):
            waiting.extend((inner, depth + 1) for inner in node.values())
        elif isinstance(node, list):
            most = max(most, len(node))
            waiting.extend((inner, depth + 1) for inner in node)
        elif isinstance(node, str):
            longest = max(longest, len(node))
    return deepest, most, longest


def firewall(ask: Ask) -> Iterator[Reason]:
    """Policy 4711."""
    names = "container depth", "array element count", "string value length"
    for name, found, most in zip(names, measures(ask.body), (DEPTH, ITEMS, SIGNS), strict=True):
        if found > most:
            why = f"JSONThreatProtection[4711]: Execution failed. exceeded {name}, the maximum supported is {most}"
            yield Reason("dialect", why, None, None, status=413, type="firewall")


# --- schemas ------------------------------------------------------------------------------------------------------


def nested(schema: object) -> bool:
    """Whether a schema has objects below its root."""
    waiting, root = [schema], True
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        kind = node.get("type")
        if not root and ("properties" in node or kind == "object" or (isinstance(kind, list) and "object" in kind)):
            return True
        root = False
        properties, items = node.get("properties"), node.get("items")
        if isinstance(properties, dict):
            waiting.extend(properties.values())
        waiting.append(items)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(node.get(key), list):
                waiting.extend(node[key])
        if isinstance(node.get("$defs"), dict):
            waiting.extend(node["$defs"].values())
    return False


def flat_schemas(ask: Ask) -> Iterator[Reason]:
    """A form to fill in has fields, and no forms in them."""
    found = [(f"{path}.parameters", function.get("parameters")) for path, function in ask.declared]
    shape = (ask.body.get("response_format") or {}).get("json_schema")
    if shape is not None:
        found.append(("response_format.json_schema.schema", shape.get("schema")))
    for path, schema in found:
        if nested(schema):
            yield Reason("dialect", f"{path}: nested objects are not supported with this model.", path, None)


# --- without a word -----------------------------------------------------------------------------------------------

ALONE, TOGETHER, OTHERS = 100, 20, 3


def capped(plan: Plan) -> Plan:
    """A bound of the house, where the one that was given is not below it."""

    def planned(body: Body, now: int) -> Reply:
        most = ALONE if choices(body) == 1 else TOGETHER
        return plan({**body, "max_tokens": min(bound(body) or most, most), "max_completion_tokens": None}, now)

    return planned


def few_others(owner: Chunk) -> None:
    """Whatever comes after the likeliest is hardly possible."""
    for choice in owner["choices"]:
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            del entry["top_logprobs"][OTHERS:]
            for other in entry["top_logprobs"][1:]:
                other["logprob"] = -9999.0


PLAIN = VINTAGES[FIRST].plan
QUIET: dict[str, Any] = formed(few_others, few_others)

# --- a quota ------------------------------------------------------------------------------------------------------

NAMED, NAMELESS, KNOWN = 20, 40, 10_000
"""Requests a second for each user, and for all who are none; and how many users are remembered."""


def quota_by_user(app: ASGIApp) -> ASGIApp:
    """A user is whoever says so."""
    times: dict[str, deque[float]] = {}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if not posts(scope):
            await app(scope, receive, send)
            return
        raw, receive = await heard(receive)
        user = read(raw).get("user")
        name, most = (f"user:{user}", NAMED) if isinstance(user, str) else ("", NAMELESS)
        now = asyncio.get_running_loop().time()
        if len(times) > KNOWN:
            times.clear()
        mine = times.setdefault(name, deque())
        while mine and now - mine[0] > 1:
            mine.popleft()
        if len(mine) >= most:
            wait = max(1, int(1_000 * (1 - now + mine[0])) + 1)
            rows = (b"retry-after-ms", str(wait).encode()), (b"retry-after", b"1")
            why = f"Quota of {most} requests per second exceeded for this user. Please retry in {wait}ms."
            await slow_down(send, "quota", why, *rows)
            return
        mine.append(now)
        await app(scope, receive, send)

    return wrapped


DIALECTS = [
    Dialect(name="blind9-window-by-estimate", server=built(refuses=window_by_estimate)),
    Dialect(
        name="blind9-two-of-everything",
        server=built(refuses=two_of_everything),
        warnings=frozenset({"n.max.accepts"}),
    ),
    Dialect(
        name="blind9-short-names",
        server=built(refuses=short_names),
        warnings=frozenset({"toolcall.id.maxlen*"}),
    ),
    Dialect(
        name="blind9-short-histories",
        server=built(refuses=short_histories),
        warnings=frozenset({"assistant.toolcalls.max*"}),
    ),
    Dialect(name="blind9-json-firewall", server=built(refuses=firewall, limits=replace(LIMITS, body_max=BYTES))),
    Dialect(name="blind9-flat-schemas", server=built(refuses=flat_schemas)),
    Dialect(name="blind9-quiet-caps", server=built(plan=capped(PLAIN), **QUIET)),
    Dialect(name="blind9-quota-by-user", around=quota_by_user),
]
