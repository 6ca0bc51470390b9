"""Services of the east, with the habits that their users tell of, thought of without knowing what is checked.

Whose habits they are and why each of them conforms is told in ``BLIND_8.md``.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answering import Chunk
from .base import Dialect
from .blind4_limits import choices, together
from .blind6_parts import LEAN, Around, built, formed, is_stream, lean, now_and_then, posts
from .blind7_voices import INLINE, THOUGHTS
from .blind8_parts import (
    DIGITS,
    at_most,
    form_is_422,
    lacking,
    marked,
    messages_of,
    role_with_texts,
    shaped,
    signs,
    told,
    turned_away,
)
from .blind_transport import without_length
from .odd import Body, copies

MOST = 8_192
"""Tokens that an answer may have."""

# --- DeepSeek -----------------------------------------------------------------------------------------------------


def waits(every: int) -> Around:
    """One answer of so many takes its time: empty lines before an object, comments before a stream."""

    def around(app: ASGIApp) -> ASGIApp:
        number = itertools.count(1)

        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            late = posts(scope) and next(number) % every == 0

            async def sending(message: Message) -> None:
                if late and message["type"] == "http.response.start" and message["status"] == 200:
                    await send(without_length(message))
                    sign = b": keep-alive\n\n" if is_stream(message) else b"\n"
                    for _ in range(5):
                        await send({"type": "http.response.body", "body": sign, "more_body": True})
                    return
                await send(message)

            await app(scope, receive, sending)

        return wrapped

    return around


def target_type(reason: Reason) -> str:
    if reason.status != 422:
        return reason.message
    where = f"{reason.param}: {reason.message}"
    return f"Failed to deserialize the JSON body into the target type: {where} at line 1 column {20 + len(where)}"


def hits_and_misses(owner: Chunk) -> None:
    lean(owner)
    owner["system_fingerprint"] = "fp_feb633d1f5_prod0820_fp8_kvcache"
    usage = owner.get("usage")
    if usage:
        usage |= {"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": usage["prompt_tokens"]}
        usage["prompt_tokens_details"] = {"cached_tokens": 0}


def bounded(ask: Ask) -> Iterator[Reason]:
    for key in ("max_tokens", "max_completion_tokens"):
        say = f"Invalid max_tokens value, the valid range of max_tokens is [1, {MOST}]"
        yield from at_most(key, MOST, say, None)(ask)


DEEPSEEK = built(
    refuses=bounded,
    first=form_is_422,
    plan=marked(lambda: str(uuid.uuid4()), lambda name, place: f"call_{place}_{uuid.uuid4()}"[:40]),
    envelope=told(message=target_type, param=lambda reason: None, code=lambda reason: "invalid_request_error"),
    **formed(hits_and_misses, hits_and_misses),
)

# --- DashScope ----------------------------------------------------------------------------------------------------


def dashscope(ask: Ask) -> Iterator[Reason]:
    for key in ("max_tokens", "max_completion_tokens"):
        yield from at_most(key, MOST, f"Range of max_tokens should be [1, {MOST}]")(ask)
    if choices(ask.body) > 1 and ask.body.get("tools"):
        yield together("n", "'n' above 1 when tools are given")


def empty_beside(reply: Reply, body: Chunk) -> None:
    body["system_fingerprint"] = None
    for message in messages_of(body):
        if message.get("tool_calls"):
            message["content"] = ""


def later_ids(reply: Reply, row: Chunk) -> None:
    """A piece of a call says what it is, and has an empty id."""
    row["system_fingerprint"] = None
    for choice in row["choices"]:
        for call in choice["delta"].get("tool_calls") or ():
            if "id" not in call:
                call |= {"id": "", "type": "function"}


DASHSCOPE = built(
    refuses=dashscope,
    limits=replace(LIMITS, n_max=4),
    plan=marked(lambda: f"chatcmpl-{uuid.uuid4()}", lambda name, place: f"call_{signs(24)}"),
    envelope=told(
        message=lambda reason: f"<{reason.status}> InternalError.Algo.InvalidParameter: {reason.message}",
        code=lambda reason: reason.code if reason.status == 404 else "invalid_parameter_error",
        beside=lambda reason: {"request_id": str(uuid.uuid4())},
    ),
    **shaped(plain=empty_beside, chunk=later_ids),
)

# --- Moonshot -----------------------------------------------------------------------------------------------------


def one_temperature(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("temperature") not in (None, 1):
        why = "invalid temperature: only 1 is allowed for this model"
        yield Reason("dialect", why, "temperature", "unsupported_value")


def cached_too(body: Body, now: int) -> Reply:
    made = marked(lambda: f"chatcmpl-{signs(24)}", lambda name, place: f"functions.{name}:{place}"[-40:])
    reply = made(body, now)
    return replace(reply, usage={**reply.usage, "cached_tokens": 0})


def usage_within(reply: Reply) -> Iterator[Chunk]:
    """The count stands in the choice that ends last."""
    left = len(reply.choices)
    for row in copies(reply):
        for choice in row["choices"]:
            left -= choice["finish_reason"] is not None
            if not left:
                choice["usage"] = dict(reply.usage)
        yield row


MOONSHOT = built(
    refuses=one_temperature,
    plan=cached_too,
    chunks=usage_within,
    envelope=told(bare=("param", "code")),
)

# --- Zhipu --------------------------------------------------------------------------------------------------------

ZHIPU_CODES = {404: "1211", 401: "1000", 413: "1261"}


def zhipu_members(reply: Reply, owner: Chunk) -> None:
    owner |= {"request_id": reply.ident, "web_search": []}


ZHIPU = built(
    refuses=lacking(
        lambda name: f"当前模型不支持参数 {name} 的该取值",
        *("n", "tool_choice", "logprobs", "logit_bias"),
        code="1210",
    ),
    plan=marked(
        lambda: time.strftime("%Y%m%d%H%M%S") + signs(16, "0123456789abcdef"),
        lambda name, place: f"call_-{signs(19, DIGITS)}",
        fingerprint=None,
    ),
    envelope=told(
        message=lambda reason: f"API 调用参数有误，请检查文档。{reason.message}",
        kind=lambda reason: "",
        code=lambda reason: ZHIPU_CODES.get(reason.status, "1214" if reason.param else "1210"),
    ),
    **shaped(plain=zhipu_members, chunk=zhipu_members),
)

# --- MiniMax ------------------------------------------------------------------------------------------------------

CLEAN: dict[str, Any] = {
    "input_sensitive": False,
    "output_sensitive": False,
    "input_sensitive_type": 0,
    "output_sensitive_type": 0,
    "output_sensitive_int": 0,
}


def minimax_body(reply: Reply, body: Chunk) -> None:
    body |= {**CLEAN, "base_resp": {"status_code": 0, "status_msg": ""}}
    body["usage"]["total_characters"] = 0
    for message in messages_of(body):
        message |= {"name": "MiniMax AI", "audio_content": ""}
        if (message["content"] or "").startswith("<think>"):
            message["reasoning_details"] = [{"type": "reasoning.text", "text": "".join(THOUGHTS), "index": 0}]


def minimax_chunk(reply: Reply, row: Chunk) -> None:
    role_with_texts(row)
    row |= CLEAN
    for choice in row["choices"]:
        choice["delta"] |= {"name": "MiniMax AI", "audio_content": ""}


MINIMAX = built(
    lacks=("messages.name.pattern",),
    plan=marked(
        lambda: signs(32, "0123456789abcdef"), lambda name, place: f"call_function_{signs(12)}_{place + 1}", INLINE
    ),
    envelope=told(beside=lambda reason: {"base_resp": {"status_code": 2013, "status_msg": reason.message}}),
    **shaped(plain=minimax_body, chunk=minimax_chunk),
)

# --- Volcengine ---------------------------------------------------------------------------------------------------

ARK_CODES = {
    "missing_required_parameter": "MissingParameter",
    "model_not_found": "InvalidEndpointOrModel.NotFound",
    None: "InvalidParameter",
}


def ark_message(reason: Reason) -> str:
    which = f"The parameter `{reason.param or ''}` specified in the request are not valid"
    return f"{which}: {reason.message} Request id: 02{int(time.time() * 1000)}{signs(40, '0123456789abcdef')}"


def ark_body(reply: Reply, body: Chunk) -> None:
    for choice in body["choices"]:
        choice["moderation_hit_type"] = None
        choice["message"]["reasoning_content"] = ""


def ark_chunk(reply: Reply, row: Chunk) -> None:
    role_with_texts(row)
    row.setdefault("usage", None)
    row["first_token_return_time"] = reply.created + 0.9974504


ARK = built(
    plan=marked(
        lambda: f"02{int(time.time() * 1000)}{signs(38, '0123456789abcdef')}",
        lambda name, place: f"call_{signs(24)}",
        fingerprint=None,
    ),
    envelope=told(
        message=ark_message,
        kind=lambda reason: "NotFound" if reason.status == 404 else "BadRequest",
        param=lambda reason: "",
        code=lambda reason: ARK_CODES.get(reason.code, "InvalidParameter"),
    ),
    **shaped(plain=ark_body, chunk=ark_chunk),
)

OVERLOADED = "The engine is currently overloaded, please try again later"
DIALECTS = [
    Dialect(name="blind8-like-deepseek", server=DEEPSEEK, around=waits(7), warnings=LEAN),
    Dialect(
        name="blind8-like-dashscope",
        server=DASHSCOPE,
        warnings=frozenset({"n.few.accepts", "n.more.accepts", "n.max.accepts", "sse.tool.later"}),
    ),
    Dialect(
        name="blind8-like-moonshot",
        server=MOONSHOT,
        around=now_and_then(
            70,
            turned_away(429, "The engine is currently overloaded, please try again later", "engine_overloaded_error"),
        ),
        warnings=frozenset({"err.keys.param", "err.keys.code"}),
    ),
    Dialect(name="blind8-like-zhipu", server=ZHIPU, warnings=frozenset({"n.max.accepts"})),
    Dialect(name="blind8-like-minimax", server=MINIMAX, warnings=frozenset({"messages.name.pattern*"})),
    Dialect(name="blind8-like-volcengine", server=ARK, warnings=frozenset({"err.param.path*"})),
]
