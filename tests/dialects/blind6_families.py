"""Services written anew in some language, with all its habits, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_6.md``.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import prompt_tokens
from starlette.types import Message, Scope

from .answering import Chunk
from .base import Dialect
from .blind4_limits import choices
from .blind6_load import queued
from .blind6_parts import (
    IGNORES,
    LEAN,
    UNKNOWN,
    as_422,
    built,
    formed,
    headed,
    lean,
    lumped,
    unsized,
    with_rows,
    wrapping,
)
from .odd import Body

# --- Java ---------------------------------------------------------------------------------------------------------


def java_dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def java_frame(chunk: Any) -> bytes:
    return b"data:" + java_dump(chunk) + b"\n\n"


def no_nulls(row: Chunk) -> None:
    """An inclusion rule for everything."""
    lean(row)
    for choice in row["choices"]:
        if choice["finish_reason"] is None:
            del choice["finish_reason"]


def bean_error(reason: Reason) -> dict[str, Any]:
    """The property, what is wrong with it, and when that was."""
    body = behaviour.envelope(replace(reason, message=f"{reason.param or 'body'}: {reason.message}"))
    return body | {"timestamp": "2026-11-22T10:15:30.123+00:00", "path": "/v1/chat/completions", "violations": []}


SECURE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"0"),
    (b"cache-control", b"no-cache, no-store, max-age=0, must-revalidate"),
    (b"pragma", b"no-cache"),
    (b"x-frame-options", b"DENY"),
    (b"vary", b"Origin"),
    (b"vary", b"Access-Control-Request-Method"),
)

# --- Go -----------------------------------------------------------------------------------------------------------


def go_text(value: object) -> bytes:
    """JSON that may stand in a page."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


def go_dump(value: object) -> bytes:
    return go_text(value) + b"\n"


def go_frame(chunk: Any) -> bytes:
    return b"data: " + go_text(chunk) + b"\n\n"


INTEGERS = "n", "max_tokens", "max_completion_tokens", "seed", "top_logprobs"


def go_integers(ask: Ask) -> Iterator[Reason]:
    """A decoder that goes by the letters of a number."""
    for key in INTEGERS:
        value = ask.body.get(key)
        if isinstance(value, float):
            why = (
                f"json: cannot unmarshal number {value!r} into Go struct field ChatCompletionRequest.{key} of type int"
            )
            yield Reason("dialect", why, key, "invalid_type")


def go_error(reason: Reason) -> dict[str, Any]:
    return behaviour.envelope(replace(reason, type="bad_request" if reason.status == 400 else "api_error"))


# --- Rust ---------------------------------------------------------------------------------------------------------

DEEPEST = 128


def rust_parse(raw: bytes) -> Any:
    """A parser that counts how deep it is."""
    value = behaviour.parse(raw)
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise RecursionError
        inner: list[Any] = []
        for item in level:
            inner.extend(item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        level = inner
    return value


def rust_type(value: str | None) -> Reason | None:
    """An extractor that wants to be told what it reads."""
    reason = behaviour.media_type(value or "none")
    why = "Expected request with `Content-Type: application/json`"
    return None if reason is None else replace(reason, status=415, message=why)


def rust_error(reason: Reason) -> dict[str, Any]:
    if reason.status != 422:
        return behaviour.envelope(reason)
    column = 7 + sum(map(ord, reason.param or "")) % 100
    why = "Failed to deserialize the JSON body into the target type"
    message = f"{why}: {reason.param or '.'}: {reason.message} at line 1 column {column}"
    return behaviour.envelope(replace(reason, message=message, code=None))


def rust_frames() -> Callable[[Any], bytes]:
    """Every tenth event is followed by a sign of life."""
    number = itertools.count(1)

    def frame(chunk: Any) -> bytes:
        return behaviour.frame(chunk) + (b":\n\n" if next(number) % 10 == 0 else b"")

    return frame


# --- Node ---------------------------------------------------------------------------------------------------------

FIRM = "tools", "tool_choice", "parallel_tool_calls", "response_format", "user", "functions", "function_call"


def no_null(ask: Ask) -> Iterator[Reason]:
    """Optional is not nullable."""
    for key in FIRM:
        if key in ask.body and ask.body[key] is None:
            yield Reason("dialect", f"Expected a value for '{key}', received null", key, "invalid_type")


def issues(reason: Reason) -> dict[str, Any]:
    """An error whose message is a list."""
    path = [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", reason.param or "")]
    told = json.dumps([{"code": reason.code or "custom", "path": path, "message": reason.message}], indent=2)
    return behaviour.envelope(replace(reason, message=told))


def node_dump(value: object) -> bytes:
    return json.dumps(value, indent=2).encode()


def express(scope: Scope, message: Message) -> Message:
    length = dict(message["headers"]).get(b"content-length", b"")
    tag = [(b"etag", f'W/"{int(length):x}-{secrets.token_urlsafe(20)}"'.encode())] if length else []
    more = (b"x-powered-by", b"Express"), (b"keep-alive", b"timeout=5"), (b"access-control-allow-origin", b"*")
    return {**message, "headers": [*message["headers"], *tag, *more]}


# --- a small model on a small machine -----------------------------------------------------------------------------

WINDOW = 2_048


def small(ask: Ask) -> Iterator[Reason]:
    needed = prompt_tokens(ask.body)
    if needed > WINDOW:
        why = f"request ({needed} tokens) exceeds the available context size ({WINDOW} tokens), try increasing it"
        yield Reason("dialect", why, None, None, type="exceed_context_size_error")


def one_call(body: Body, now: int) -> Reply:
    alone = {**body, "parallel_tool_calls": False} if body.get("tools") else body
    reply = answers.plan(alone, now)
    return replace(reply, model="/models/tiny-1b.Q4_K_M.gguf", fingerprint="b4321-abcdef12")


def timings(body: Chunk) -> None:
    body["timings"] = {"prompt_n": 12, "prompt_ms": 3.5, "predicted_per_second": 88.25, "draft_n": 0}


def ended(row: Chunk) -> None:
    """The times are told with the last chunk of a choice."""
    if any(choice["finish_reason"] for choice in row["choices"]):
        timings(row)


def without_param(reason: Reason) -> dict[str, Any]:
    body = behaviour.envelope(reason)
    del body["error"]["param"]
    return body


# --- an engine ----------------------------------------------------------------------------------------------------


def in_steps(reply: Reply) -> Iterator[Chunk]:
    """As the batch empties there is more to send at a time."""
    return lumped(replace(reply, fingerprint=None), lambda lump: 2 ** min(lump, 6))


def engine_members(owner: Chunk) -> None:
    owner |= {"prompt_logprobs": None, "prompt_token_ids": None, "kv_transfer_params": None}
    for choice in owner["choices"]:
        choice |= {"stop_reason": 151645 if choice["finish_reason"] == "stop" else None, "token_ids": [1, 2, 3]}


def unnamed(body: Chunk) -> None:
    del body["system_fingerprint"]
    engine_members(body)


def not_greedy(ask: Ask) -> Iterator[Reason]:
    count = choices(ask.body)
    if count > 1 and ask.body.get("temperature") == 0:
        yield Reason("dialect", f"n must be 1 when using greedy sampling, got {count}.", "n", None)


def engine_error(reason: Reason) -> dict[str, Any]:
    named = {404: "NotFoundError", 413: "RequestTooLarge"}.get(reason.status, "BadRequestError")
    return {"object": "error", **behaviour.envelope(replace(reason, type=named, param=None, code=None))}


DIALECTS = [
    Dialect(
        name="blind6-java-service",
        server=built(
            lacks=UNKNOWN,
            dump=java_dump,
            frame=java_frame,
            done=b"data:[DONE]\n\n",
            envelope=bean_error,
            **formed(no_nulls, no_nulls),
        ),
        around=wrapping(with_rows(*SECURE), headed(unsized)),
        warnings=IGNORES | LEAN,
    ),
    Dialect(
        name="blind6-go-service",
        server=built(refuses=go_integers, dump=go_dump, frame=go_frame, envelope=go_error, **formed(lean, lean)),
        warnings=LEAN,
    ),
    Dialect(
        name="blind6-rust-service",
        server=built(
            limits=replace(LIMITS, body_max=16 * 1024 * 1024),
            parse=rust_parse,
            media_type=rust_type,
            first=as_422,
            envelope=rust_error,
            frame=rust_frames(),
        ),
    ),
    Dialect(
        name="blind6-node-service",
        server=built(refuses=no_null, dump=node_dump, envelope=issues),
        around=headed(express),
    ),
    Dialect(
        name="blind6-embedded-model",
        server=built(
            refuses=small,
            limits=replace(LIMITS, n_max=1),
            any_model=True,
            plan=one_call,
            envelope=without_param,
            **formed(timings, ended),
        ),
        around=queued(None),
        warnings=frozenset({"n.max.accepts", "model.unknown.refuses", "err.keys.param"}),
    ),
    Dialect(
        name="blind6-batching-engine",
        server=built(refuses=not_greedy, envelope=engine_error, **formed(unnamed, engine_members, in_steps)),
    ),
]
