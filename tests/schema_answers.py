"""Answers, chunks and errors for the schemas, of the vintage 2024-11: whole ones, and what is changed in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

USAGE = {
    "prompt_tokens": 3,
    "completion_tokens": 1,
    "total_tokens": 4,
    "completion_tokens_details": {"reasoning_tokens": 0, "accepted_prediction_tokens": 0},
    "prompt_tokens_details": {"cached_tokens": 0},
}
ENTRY = {
    "token": "p",
    "logprob": -0.5,
    "bytes": [112],
    "top_logprobs": [{"token": "p", "logprob": -0.5, "bytes": [112]}],
}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_730_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "pong", "refusal": None},
            "logprobs": None,
        }
    ],
    "usage": USAGE,
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_730_000_000,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}],
}
REFUSAL = {
    "error": {"message": "temperature is too high", "type": "invalid_request_error", "param": None, "code": None}
}

DROP = object()


def put(record: Any, path: str, value: Any) -> Any:
    """A copy of the record with one member replaced, or dropped for ``DROP``."""
    copy = json.loads(json.dumps(record))
    *front, key = (int(step) if step.isdigit() else step for step in path.split("/"))
    inner = copy
    for step in front:
        inner = inner[step]
    if value is DROP:
        del inner[key]
    else:
        inner[key] = value
    return copy


MESSAGE = "choices/0/message"
LOGGED = put(ANSWER, "choices/0/logprobs", {"content": [ENTRY], "refusal": None})
CALLED = put(put(ANSWER, f"{MESSAGE}/tool_calls", [CALL]), f"{MESSAGE}/content", None)
SPOKEN = put(ANSWER, f"{MESSAGE}/audio", {"id": "a", "expires_at": 1, "data": "AAAA", "transcript": "x"})

# (record, path, value, valid, valid by the letter)
ANSWER_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((ANSWER, key, DROP, False, False) for key in ("id", "object", "created", "model", "choices")),
    *((ANSWER, key, None, False, False) for key in ("id", "object", "created", "model", "choices")),
    (ANSWER, "id", "", False, False),
    (ANSWER, "id", 7, False, False),
    (ANSWER, "model", "", False, False),
    (ANSWER, "model", "m-2024", True, True),
    (ANSWER, "object", "chat.completion.chunk", False, False),
    (ANSWER, "object", "text_completion", False, False),
    (ANSWER, "created", 1_730_000_000.5, False, False),
    (ANSWER, "created", "1730000000", False, False),
    (ANSWER, "choices", [], False, False),
    (ANSWER, "choices", {}, False, False),
    (ANSWER, "extra", {"x": 1}, True, True),
    (ANSWER, "usage", DROP, True, True),
    (ANSWER, "usage", None, True, False),
    (ANSWER, "usage/prompt_tokens", 0, True, False),
    (ANSWER, "usage/prompt_tokens", -1, False, False),
    (ANSWER, "usage/completion_tokens", 0, True, True),
    (ANSWER, "usage/completion_tokens", 1.5, False, False),
    (ANSWER, "usage/total_tokens", DROP, False, False),
    (ANSWER, "usage/completion_tokens_details", DROP, True, True),
    (ANSWER, "usage/completion_tokens_details", None, True, False),
    (ANSWER, "usage/completion_tokens_details", [], False, False),
    (ANSWER, "usage/completion_tokens_details/reasoning_tokens", -1, False, False),
    (ANSWER, "usage/prompt_tokens_details/cached_tokens", "0", False, False),
    (ANSWER, "usage/prompt_tokens_details/cached_tokens", None, True, False),
    (ANSWER, "system_fingerprint", "fp_1", True, True),
    (ANSWER, "system_fingerprint", None, True, True),
    (ANSWER, "system_fingerprint", 7, False, False),
    *((ANSWER, "service_tier", tier, True, True) for tier in ("scale", "default", None)),
    (ANSWER, "service_tier", "bogus", False, False),
    *((ANSWER, f"choices/0/{key}", DROP, False, False) for key in ("finish_reason", "index", "message")),
    (ANSWER, "choices/0/logprobs", DROP, True, False),
    *(
        (ANSWER, "choices/0/finish_reason", reason, True, True)
        for reason in ("length", "tool_calls", "content_filter", "function_call")
    ),
    *((ANSWER, "choices/0/finish_reason", reason, False, False) for reason in (None, "", "eos", "eos_token")),
    (ANSWER, "choices/0/index", -1, False, False),
    (ANSWER, "choices/0/index", "0", False, False),
    (ANSWER, f"{MESSAGE}/role", "user", False, False),
    (ANSWER, f"{MESSAGE}/role", DROP, False, False),
    (ANSWER, f"{MESSAGE}/content", None, True, True),
    (ANSWER, f"{MESSAGE}/content", "", True, True),
    (ANSWER, f"{MESSAGE}/content", DROP, False, False),
    (ANSWER, f"{MESSAGE}/content", [], False, False),
    (ANSWER, f"{MESSAGE}/refusal", DROP, True, False),
    (ANSWER, f"{MESSAGE}/refusal", "no", True, True),
    (ANSWER, f"{MESSAGE}/refusal", 7, False, False),
    (ANSWER, f"{MESSAGE}/reasoning_content", "hm", True, True),
    (ANSWER, f"{MESSAGE}/tool_calls", [], True, True),
    (ANSWER, f"{MESSAGE}/tool_calls", None, True, False),
    (ANSWER, f"{MESSAGE}/tool_calls", {}, False, False),
    (CALLED, "extra", 1, True, True),
    *((CALLED, f"{MESSAGE}/tool_calls/0/{key}", DROP, False, False) for key in ("id", "type", "function")),
    (CALLED, f"{MESSAGE}/tool_calls/0/id", "", False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/type", "custom", False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/name", DROP, False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/arguments", {}, False, False),
    (CALLED, f"{MESSAGE}/tool_calls/0/function/arguments", "{", True, True),
    (ANSWER, f"{MESSAGE}/function_call", {"name": "f", "arguments": "{}"}, True, True),
    (ANSWER, f"{MESSAGE}/function_call", {"name": "f", "arguments": {}}, False, False),
    (ANSWER, f"{MESSAGE}/function_call", None, True, False),
    (ANSWER, f"{MESSAGE}/audio", None, True, True),
    (SPOKEN, "extra", 1, True, True),
    *((SPOKEN, f"{MESSAGE}/audio/{key}", DROP, False, False) for key in ("id", "expires_at", "data", "transcript")),
    (SPOKEN, f"{MESSAGE}/audio/expires_at", 1.5, False, False),
    (LOGGED, "extra", 1, True, True),
    (LOGGED, "choices/0/logprobs/content", DROP, False, False),
    (LOGGED, "choices/0/logprobs/content", None, True, True),
    (LOGGED, "choices/0/logprobs/refusal", DROP, True, False),
    (LOGGED, "choices/0/logprobs", [], False, False),
    *(
        (LOGGED, f"choices/0/logprobs/content/0/{key}", DROP, False, False)
        for key in ("token", "logprob", "bytes", "top_logprobs")
    ),
    (LOGGED, "choices/0/logprobs/content/0/bytes", None, True, True),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [0, 255], True, True),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [256], False, False),
    (LOGGED, "choices/0/logprobs/content/0/bytes", [-1], False, False),
    (LOGGED, "choices/0/logprobs/content/0/logprob", 0, True, True),
    (LOGGED, "choices/0/logprobs/content/0/logprob", -9999.0, True, True),
    (LOGGED, "choices/0/logprobs/content/0/logprob", 0.01, False, False),
    (LOGGED, "choices/0/logprobs/content/0/logprob", None, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", [], True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", None, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", ENTRY["top_logprobs"] * 20, True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs", ENTRY["top_logprobs"] * 21, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/logprob", DROP, False, False),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/bytes", DROP, True, True),
    (LOGGED, "choices/0/logprobs/content/0/top_logprobs/0/bytes", None, True, True),
)

FRAGMENT = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
FRAGMENTS = put(CHUNK, "choices/0/delta", {"tool_calls": [FRAGMENT]})
TOOL = "choices/0/delta/tool_calls/0"
LOGGED_CHUNK = put(CHUNK, "choices/0/logprobs", {"content": [ENTRY], "refusal": None})
CHUNK_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    *((CHUNK, key, DROP, False, False) for key in ("id", "object", "created", "model", "choices")),
    (CHUNK, "object", "chat.completion", False, False),
    (CHUNK, "object", "", False, False),
    (CHUNK, "id", 7, False, False),
    (CHUNK, "created", 1.5, False, False),
    (CHUNK, "choices", [], True, True),
    (CHUNK, "choices", None, False, False),
    (CHUNK, "usage", None, True, True),
    (CHUNK, "usage", USAGE, True, True),
    (CHUNK, "usage", {}, False, False),
    (CHUNK, "obfuscation", "x", True, True),
    (CHUNK, "system_fingerprint", None, True, True),
    *((CHUNK, "service_tier", tier, True, True) for tier in ("scale", "default", None)),
    (CHUNK, "service_tier", "bogus", False, False),
    (CHUNK, "choices/0/delta", DROP, False, False),
    (CHUNK, "choices/0/delta", None, False, False),
    (CHUNK, "choices/0/delta", {}, True, True),
    (CHUNK, "choices/0/index", DROP, False, False),
    (CHUNK, "choices/0/finish_reason", DROP, True, False),
    *(
        (CHUNK, "choices/0/finish_reason", reason, True, True)
        for reason in ("stop", "length", "tool_calls", "content_filter", "function_call")
    ),
    (CHUNK, "choices/0/finish_reason", "eos", False, False),
    (CHUNK, "choices/0/logprobs", DROP, True, True),
    (CHUNK, "choices/0/delta/role", None, True, False),
    (CHUNK, "choices/0/delta/role", 7, False, False),
    (CHUNK, "choices/0/delta/content", None, True, True),
    (CHUNK, "choices/0/delta/content", 7, False, False),
    (CHUNK, "choices/0/delta/refusal", "no", True, True),
    (CHUNK, "choices/0/delta/tool_calls", None, True, False),
    (CHUNK, "choices/0/delta/function_call", {"arguments": "{"}, True, True),
    (CHUNK, "choices/0/delta/function_call", {"arguments": {}}, False, False),
    (CHUNK, "choices/0/delta/function_call", None, True, False),
    (FRAGMENTS, "extra", 1, True, True),
    (FRAGMENTS, f"{TOOL}/index", DROP, False, False),
    (FRAGMENTS, f"{TOOL}/index", "0", False, False),
    (FRAGMENTS, f"{TOOL}/id", DROP, True, True),
    (FRAGMENTS, f"{TOOL}/id", None, True, False),
    (FRAGMENTS, f"{TOOL}/type", None, True, False),
    (FRAGMENTS, f"{TOOL}/type", "x", False, False),
    (FRAGMENTS, f"{TOOL}/function", {"arguments": "{"}, True, True),
    (FRAGMENTS, f"{TOOL}/function", {"arguments": {}}, False, False),
    (LOGGED_CHUNK, "extra", 1, True, True),
    (LOGGED_CHUNK, "choices/0/logprobs/refusal", DROP, True, False),
    (LOGGED_CHUNK, "choices/0/logprobs/content/0/token", DROP, False, False),
)

ERROR_EDITS: tuple[tuple[Any, str, Any, bool, bool], ...] = (
    (REFUSAL, "extra", 1, True, True),
    (REFUSAL, "error", DROP, False, False),
    *((REFUSAL, "error", value, False, False) for value in ("too high", None, [], 400)),
    (REFUSAL, "error/message", DROP, False, False),
    (REFUSAL, "error/message", "", False, False),
    (REFUSAL, "error/message", None, False, False),
    (REFUSAL, "error/type", DROP, False, False),
    (REFUSAL, "error/type", None, False, False),
    (REFUSAL, "error/param", DROP, True, False),
    (REFUSAL, "error/param", "messages[0].role", True, True),
    (REFUSAL, "error/param", {}, False, False),
    (REFUSAL, "error/code", DROP, True, False),
    (REFUSAL, "error/code", "invalid_value", True, True),
    (REFUSAL, "error/code", 400, True, False),
    (REFUSAL, "error/code", {}, False, False),
    (REFUSAL, "error/extra", 1, True, True),
)


def edited(edits: tuple[tuple[Any, str, Any, bool, bool], ...]) -> list[Any]:
    rows = []
    for number, (record, path, value, valid, strict) in enumerate(edits):
        shown = "dropped" if value is DROP else json.dumps(value)[:30]
        rows.append(pytest.param(put(record, path, value), valid, strict, id=f"{number} {path} {shown}"))
    return rows
