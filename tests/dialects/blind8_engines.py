"""Engines that one runs oneself, with the habits that their users tell of, thought of without knowing what is checked.

Whose habits they are and why each of them conforms is told in ``BLIND_8.md``.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.limits import LIMITS
from chatproof.conformance.reference.prompt import prompt_tokens
from starlette.types import ASGIApp, Receive, Scope, Send

from .answering import Chunk, tiny
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
    lean,
    lumped,
    now_and_then,
    posts,
    with_rows,
    wrapping,
)
from .blind8_parts import (
    DIGITS,
    LOWER,
    Noted,
    calls_at_once,
    class_of,
    greedy_is_single,
    lacking,
    marked,
    matched,
    messages_of,
    note,
    noted,
    role_with_texts,
    said_in_words,
    several,
    shaped,
    shared_window,
    signs,
    told,
    turned_away,
)
from .odd import Body, copies, drained

EMPTY_CALLS = "assistant.toolcalls.min"
"""The check that a server lacks which tells ``tool_calls: []``, as it has to take that back."""


def without_calls(body: Chunk) -> None:
    """An empty list where nothing is called."""
    for message in messages_of(body):
        message.setdefault("tool_calls", [])


def ending(plan: Any) -> Any:
    """A plan that remembers which string ended a text."""

    def planned(body: Body, now: int) -> Noted:
        reply = plan(body, now)
        return noted(reply, ended=[matched(body, one) for one in reply.choices])

    return planned


# --- vLLM ---------------------------------------------------------------------------------------------------------


def vllm_body(reply: Reply, body: Chunk) -> None:
    without_calls(body)
    body |= {"service_tier": reply.tier, "system_fingerprint": None, "prompt_logprobs": None}
    body |= {"prompt_token_ids": None, "kv_transfer_params": None}
    for choice in body["choices"]:
        choice |= {"stop_reason": note(reply, "ended")[choice["index"]], "token_ids": None}
        choice["message"] |= {"reasoning": None, "annotations": None}


def vllm_chunk(reply: Reply, row: Chunk) -> None:
    row["system_fingerprint"] = None
    for choice in row["choices"]:
        choice["token_ids"] = None
        if choice["finish_reason"]:
            choice["stop_reason"] = note(reply, "ended")[choice["index"]]
            if reply.choices[choice["index"]].speaks:
                choice["delta"] = {"content": ""}


WINDOW = 4_096


def vllm_window(needed: int, wanted: int) -> str:
    why = f"This model's maximum context length is {WINDOW} tokens. However, you requested {needed + wanted} tokens"
    return f"{why} ({needed} in the messages, {wanted} in the completion). Please reduce the length of either."


VLLM = built(
    lacks=(*UNKNOWN, EMPTY_CALLS, "toolcall.id.maxlen"),
    refuses=several(
        greedy_is_single("n must be 1 when using greedy sampling, got n > 1."), shared_window(WINDOW, vllm_window)
    ),
    plan=ending(
        marked(lambda: f"chatcmpl-{uuid.uuid4().hex}", lambda name, place: f"chatcmpl-tool-{uuid.uuid4().hex}")
    ),
    envelope=told(kind=class_of, code=lambda reason: reason.status),
    **shaped(plain=vllm_body, chunk=vllm_chunk),
)

# --- SGLang -------------------------------------------------------------------------------------------------------


def sglang_ended(reply: Reply, choice: dict[str, Any]) -> Any:
    """The string, or the number of the token that ends a turn."""
    ended = note(reply, "ended")[choice["index"]]
    return 151_645 if ended is None and choice["finish_reason"] == "stop" else ended


def sglang_body(reply: Reply, body: Chunk) -> None:
    body.pop("system_fingerprint", None)
    body["metadata"] = {"weight_version": "default"}
    for choice in body["choices"]:
        choice["matched_stop"] = sglang_ended(reply, choice)
        choice["message"]["reasoning_content"] = None


def sglang_chunk(reply: Reply, row: Chunk) -> None:
    row.pop("system_fingerprint", None)
    row.setdefault("usage", None)
    for choice in row["choices"]:
        nulls = {"role": None, "content": None, "reasoning_content": None, "tool_calls": None}
        choice["delta"] = nulls | choice["delta"]
        choice["matched_stop"] = sglang_ended(reply, choice) if choice["finish_reason"] else None


def open_top_p(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("top_p") == 0:
        yield Reason("dialect", f"top_p must be in (0, 1], got {ask.body['top_p']}.", "top_p", None)


SGLANG = built(
    refuses=open_top_p,
    plan=ending(marked(lambda: uuid.uuid4().hex)),
    envelope=told(kind=class_of, code=lambda reason: str(reason.status), within=lambda reason: {"object": "error"}),
    **shaped(plain=sglang_body, chunk=sglang_chunk),
)

# --- llama.cpp ----------------------------------------------------------------------------------------------------

SLOT = 4_096


def timings(reply: Reply) -> dict[str, Any]:
    asked, said = reply.usage["prompt_tokens"], reply.usage["completion_tokens"]
    return {
        "cache_n": 0,
        "prompt_n": asked,
        "prompt_ms": asked * 0.41,
        "prompt_per_second": 2439.0243902439024,
        "predicted_n": said,
        "predicted_ms": said * 18.887542857142858,
        "predicted_per_second": 52.94494935437416,
    }


def numbered_entries(owner: Chunk) -> None:
    """The number of a token beside it."""
    for choice in owner["choices"]:
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            for one in (entry, *entry["top_logprobs"]):
                one["id"] = 1_000 + sum(one["bytes"])


def llama_body(reply: Reply, body: Chunk) -> None:
    numbered_entries(body)
    body["timings"] = timings(reply)


def llama_chunk(reply: Reply, row: Chunk) -> None:
    numbered_entries(row)
    for choice in row["choices"]:
        if "role" in choice["delta"] and "function_call" not in choice["delta"]:
            choice["delta"] = {"role": "assistant", "content": None}
        if choice["finish_reason"] and not reply.include_usage:
            row["timings"] = timings(reply)
    if not row["choices"]:
        row["timings"] = timings(reply)


def llama_slot(ask: Ask) -> Iterator[Reason]:
    needed = prompt_tokens(ask.body)
    if needed > SLOT:
        why = f"request ({needed} tokens) exceeds the available context size ({SLOT} tokens), try increasing it"
        yield Reason("slot", why, None, None, type="exceed_context_size_error")


def llama_within(reason: Reason) -> dict[str, Any]:
    if reason.rule != "slot":
        return {}
    needed = re.findall("[0-9]+", reason.message)[0]
    return {"n_prompt_tokens": int(needed), "n_ctx": SLOT}


def loading(app: ASGIApp) -> ASGIApp:
    """A model that is not there at first, and is put away when nobody wants it; who asks twice gets it."""
    left, served, last = 2, 0, 0.0
    error = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal left, served, last
        if not posts(scope):
            await app(scope, receive, send)
            return
        now = asyncio.get_running_loop().time()
        if served and now - last > 2:
            left, served = 1, 0
        last = now
        if left:
            left -= 1
            await drained(receive)
            await said_in_words(send, 503, error)
            return
        served += 1
        await app(scope, receive, send)

    return wrapped


LLAMA = built(
    lacks=("model.unknown",),
    refuses=several(
        llama_slot, lacking(lambda name: "Only one completion choice is allowed: several are not supported.", "n")
    ),
    any_model=True,
    plan=marked(
        lambda: f"chatcmpl-{signs(32)}",
        lambda name, place: signs(32),
        model="/models/reference-8b-q4_k_m.gguf",
        fingerprint="b8681-Debian",
    ),
    envelope=told(code=lambda reason: reason.status, within=llama_within, bare=("param",)),
    **shaped(plain=llama_body, chunk=llama_chunk),
)

# --- Ollama -------------------------------------------------------------------------------------------------------

OLLAMA_TYPES = {404: "not_found_error", 405: "api_error", 413: "api_error"}


def in_one_text(reply: Reply) -> Iterator[Chunk]:
    """The calls at once, and where there may be some a text is not told before it is known to be none."""
    tools = note(reply, "tools")
    for row in calls_at_once(reply, lambda made: lumped(made, lambda k: 100_000) if tools else copies(made)):
        for choice in row["choices"]:
            choice["delta"] = {"role": "assistant", "content": "", **choice["delta"]}
            if choice["delta"]["content"] is None:
                choice["delta"]["content"] = ""
        yield row


def ollama_plan(body: Body, now: int) -> Reply:
    reply = marked(lambda: f"chatcmpl-{int(signs(4, DIGITS)) % 999}", lambda name, place: f"call_{signs(8, LOWER)}")
    return noted(replace(reply(body, now), fingerprint="fp_ollama"), tools=bool(body.get("tools")))


def ollama_lean(owner: Chunk) -> None:
    lean(owner)
    owner["system_fingerprint"] = "fp_ollama"


OLLAMA = built(
    lacks=UNKNOWN,
    plan=ollama_plan,
    envelope=told(
        kind=lambda reason: OLLAMA_TYPES.get(reason.status, "invalid_request_error"),
        param=lambda reason: None,
        code=lambda reason: None,
    ),
    **formed(ollama_lean, ollama_lean, in_one_text),
)

# --- LM Studio ----------------------------------------------------------------------------------------------------


def lm_studio(ask: Ask) -> Iterator[Reason]:
    if isinstance(ask.body.get("tool_choice"), dict):
        why = "Invalid tool_choice type: 'object' is not supported. Supported string values: none, auto, required"
        yield Reason("dialect", why, "tool_choice", "unsupported_value")
    for place, message, _ in ask.spoken:
        if message.get("content") == "":
            why = f"Invalid 'messages[{place}].content': the content must not be empty."
            yield Reason("dialect", why, f"messages[{place}].content", None)
    needed = prompt_tokens(ask.body)
    if needed > SLOT:
        why = f"Trying to keep the first {needed} tokens when context the overflows. However, the model is loaded with"
        yield Reason("dialect", f"{why} context length of only {SLOT} tokens, which is not enough.", None, None)


LM_STUDIO = built(
    refuses=lm_studio,
    plan=marked(
        lambda: f"chatcmpl-{signs(22, LOWER)}",
        lambda name, place: signs(9, DIGITS),
        fingerprint="chatproof-reference",
    ),
    **formed(lambda body: body.update(stats={})),
)

# --- TGI behind a router ------------------------------------------------------------------------------------------

TOTAL = 2_048


def tgi_window(needed: int, wanted: int) -> str:
    given = f"Given: {needed} `inputs` tokens and {wanted} `max_new_tokens`"
    return f"`inputs` tokens + `max_new_tokens` must be <= {TOTAL}. {given}"


def tgi(ask: Ask) -> Iterator[Reason]:
    yield from open_top_p(ask)
    yield from shared_window(TOTAL, tgi_window)(ask)
    yield from lacking(lambda name: f"`{name}` greater than 1 is not supported", "n")(ask)


TGI = built(
    refuses=tgi,
    limits=replace(LIMITS, top_logprobs_max=5),
    first=as_422,
    plan=marked(lambda: signs(24, LOWER), lambda name, place: str(place), fingerprint="3.3.4-sha-9f38d93"),
    envelope=told(
        message=lambda reason: f"Input validation error: {reason.message}",
        kind=lambda reason: "validation",
        within=lambda reason: {"http_status_code": reason.status},
    ),
    **formed(chunk=role_with_texts),
)
ROUTER = (b"x-inference-provider", b"hf-inference"), (b"x-compute-type", b"1-h100"), (b"x-total-tokens", b"42")

# --- TensorRT-LLM -------------------------------------------------------------------------------------------------


def trt_members(owner: Chunk) -> None:
    owner.pop("system_fingerprint", None)
    for choice in owner["choices"]:
        choice |= {"stop_reason": None, "disaggregated_params": None, "avg_decoded_tokens_per_iter": 2.5}
    if owner.get("usage"):
        owner["usage"].pop("completion_tokens_details", None)
        owner["usage"]["prompt_tokens_details"] = {"cached_tokens": 1}


def trt_body(body: Chunk) -> None:
    trt_members(body)
    body["prompt_token_ids"] = None


def drafts(reply: Reply) -> Iterator[Chunk]:
    """What the small model guessed right comes together."""
    return lumped(reply, lambda k: 1 + (k * 7 + 3) % 4)


TRT = built(
    refuses=greedy_is_single("Greedy decoding in the LLM API does not allow multiple returns. Please set n to 1"),
    plan=marked(lambda: f"chatcmpl-{uuid.uuid4().hex}"),
    envelope=told(kind=class_of, code=lambda reason: None, within=lambda reason: {"object": "error"}),
    **formed(trt_body, trt_members, drafts),
)

# --- OpenVINO model server ----------------------------------------------------------------------------------------

GRAPH = "Mediapipe execution failed. MP status - INVALID_ARGUMENT: CalculatorGraph::Run() failed: Calculator::Process()"


def by_name(value: Any) -> Any:
    """The members in order."""
    if isinstance(value, dict):
        return {name: by_name(value[name]) for name in sorted(value)}
    return [by_name(item) for item in value] if isinstance(value, list) else value


def ovms_dump(value: Any) -> bytes:
    return behaviour.dump(by_name(value))


def ovms_frame(chunk: Any) -> bytes:
    return b"data: " + ovms_dump(chunk) + b"\n\n"


def three_counts(owner: Chunk) -> None:
    owner.pop("system_fingerprint", None)
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        (owner.get("usage") or {}).pop(name, None)
    for choice in owner["choices"]:
        said = choice.get("message") or choice.get("delta") or {}
        if said.get("refusal", 0) is None:
            del said["refusal"]


def ovms_body(body: Chunk) -> None:
    three_counts(body)
    without_calls(body)


def ends_with_text(reply: Reply) -> Iterator[Chunk]:
    return lumped(reply, lambda k: 1, ends=True)


def quiet_streams(ask: Ask) -> Iterator[Reason]:
    if ask.body.get("stream") is True and ask.body.get("logprobs") is True:
        yield Reason("dialect", "logprobs are not supported in streaming mode.", "logprobs", "unsupported_parameter")
    if choices(ask.body) > 20:
        yield Reason("dialect", "n value cannot be greater than 20", "n", None)


OVMS = built(
    lacks=(EMPTY_CALLS,),
    refuses=quiet_streams,
    plan=marked(lambda: f"chatcmpl-{signs(12, DIGITS)}", lambda name, place: signs(9)),
    dump=ovms_dump,
    frame=ovms_frame,
    envelope=told(
        message=lambda reason: f'{GRAPH} for node "LLMExecutor" failed: {reason.message}',
        kind=lambda reason: "INVALID_ARGUMENT",
    ),
    **formed(ovms_body, three_counts, ends_with_text),
)

# --- mlx ----------------------------------------------------------------------------------------------------------


def reading(chunk: Any) -> bytes:
    """How far the prompt is read, before the first word."""
    first = any("role" in choice["delta"] for choice in chunk["choices"])
    return (b": keepalive 0/128\n\n: keepalive 128/128\n\n" if first else b"") + behaviour.frame(chunk)


MLX = built(
    limits=replace(LIMITS, top_logprobs_max=10),
    plan=marked(
        lambda: f"chatcmpl-{uuid.uuid4()}",
        lambda name, place: str(uuid.uuid4()),
        fingerprint="0.29.1-0.30.0-macOS-26.0-arm64-arm-64bit-applegpu_g16s",
    ),
    frame=reading,
    chunks=lambda reply: calls_at_once(reply, ends=True),
)
ORIGINS = (b"access-control-allow-origin", b"*"), (b"access-control-allow-headers", b"*"), (b"connection", b"close")

# --- LocalAI ------------------------------------------------------------------------------------------------------


def only_ends(row: Chunk) -> None:
    """A reason where there is one, and no member of a gap."""
    lean(row)
    for choice in row["choices"]:
        if choice["finish_reason"] is None:
            del choice["finish_reason"]


def characters(reply: Reply) -> Iterator[Chunk]:
    for row in tiny(reply):
        yield dict(row)


LOCALAI = built(
    any_model=True,
    plan=marked(lambda: str(uuid.uuid4()), lambda name, place: str(uuid.uuid4())),
    envelope=told(kind=lambda reason: "", code=lambda reason: reason.status, bare=("param",)),
    **formed(lean, only_ends, characters),
)

NUMBER = frozenset({"err.keys.code"})
SHORT = NUMBER | {"err.keys.param"}
DIALECTS = [
    Dialect(
        name="blind8-like-vllm",
        server=VLLM,
        warnings=NUMBER | IGNORES | {"assistant.toolcalls.min.refuses", "toolcall.id.maxlen*"},
    ),
    Dialect(name="blind8-like-sglang", server=SGLANG, warnings=frozenset({"top_p.zero*", "top_p.min*"})),
    Dialect(
        name="blind8-like-llama-cpp",
        server=LLAMA,
        around=loading,
        warnings=SHORT | {"n.max.accepts", "model.unknown.refuses"},
    ),
    Dialect(name="blind8-like-ollama", server=OLLAMA, warnings=IGNORES | LEAN),
    Dialect(name="blind8-like-lm-studio", server=LM_STUDIO, warnings=frozenset({"content.empty.*"})),
    Dialect(
        name="blind8-like-tgi-router",
        server=TGI,
        around=wrapping(
            with_rows(*ROUTER),
            now_and_then(60, turned_away(429, "Model is overloaded", "overloaded", error_type="overloaded")),
        ),
        warnings=frozenset({"top_p.zero*", "top_p.min*", "n.max.accepts", "top_logprobs.max.accepts"}),
    ),
    Dialect(name="blind8-like-trtllm", server=TRT),
    Dialect(
        name="blind8-like-ovms",
        server=OVMS,
        warnings=frozenset({"n.max.accepts", "res.message.refusal*", "sse.delta.refusal"})
        | {"assistant.toolcalls.min.refuses"},
    ),
    Dialect(
        name="blind8-like-mlx",
        server=MLX,
        around=wrapping(with_rows(*ORIGINS), queued(None)),
        warnings=frozenset({"top_logprobs.max.accepts"}),
    ),
    Dialect(name="blind8-like-localai", server=LOCALAI, warnings=SHORT | LEAN | {"model.unknown.refuses"}),
]
