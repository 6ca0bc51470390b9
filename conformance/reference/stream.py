"""The streamed form of a reply: chunks, and their server-sent events (fact base §2.3).

Per choice: the role, then the pieces, then one chunk with an empty delta and the finish reason; the choices take
turns.  All chunks share id, created and model.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

from .answers import Call, Choice, Reply, logprobs

#: The last event of every stream.
DONE = b"data: [DONE]\n\n"
#: Characters of the text that a piece is filled up to, or to a multiple of them, by its obfuscation.
OBFUSCATED = 64


_Delta = tuple[dict[str, Any], dict[str, Any] | None]
"""Of a choice, with the log probabilities of its tokens."""


def _call_deltas(index: int, call: Call) -> Iterator[dict[str, Any]]:
    """Id, type and name once, then the arguments (or the input) in pieces."""
    first = {"index": index, "id": call.ident, "type": call.kind, call.kind: {"name": call.name, call.said: ""}}
    yield {"tool_calls": [first]}
    for piece in call.arguments:
        yield {"tool_calls": [{"index": index, call.kind: {call.said: piece}}]}


def _deltas(reply: Reply, choice: Choice) -> Iterator[_Delta]:
    """Deltas of one choice with the log probabilities of exactly their tokens, without the finish."""
    role: dict[str, Any] = {"role": "assistant", "content": "" if choice.speaks else None, "refusal": None}
    if choice.function is not None:
        call = choice.function
        yield {**role, "function_call": {"name": call.name, "arguments": ""}}, None
        for piece in call.arguments:
            yield {"function_call": {"arguments": piece}}, None
        return
    yield role, None
    for index, call in enumerate(choice.calls):
        for delta in _call_deltas(index, call):
            yield delta, None
    if choice.audio is not None:
        audio = choice.audio
        yield {"audio": {"id": audio.ident, "transcript": ""}}, None
        for token in choice.tokens:
            yield {"audio": {"transcript": token}}, None
        yield {"audio": {"data": audio.data}}, None
        yield {"audio": {"expires_at": audio.expires_at}}, None
    elif choice.speaks:
        for position, token in enumerate(choice.tokens):
            yield {"content": token}, logprobs(reply, (token,), position)
        if choice.annotations:
            yield {"annotations": [dict(annotation) for annotation in choice.annotations]}, None


def _chunk(reply: Reply, choices: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": reply.ident,
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "choices": choices,
    }
    if reply.fingerprint is not None:
        result["system_fingerprint"] = reply.fingerprint
    if reply.tier is not None:
        result["service_tier"] = reply.tier
    if reply.include_usage:
        result["usage"] = None
    if reply.obfuscated:
        # random characters that hide how long the piece is
        length = OBFUSCATED - len(json.dumps(choices)) % OBFUSCATED
        result["obfuscation"] = secrets.token_hex(OBFUSCATED // 2)[:length]
    return result


def _piece(
    choice: Choice, delta: dict[str, Any], entries: dict[str, Any] | None = None, finish: str | None = None
) -> dict[str, Any]:
    return {"index": choice.index, "delta": delta, "logprobs": entries, "finish_reason": finish}


def chunks(reply: Reply) -> Iterator[dict[str, Any]]:
    """All chunks of a reply in order; with `include_usage` a last one without choices carries the usage.

    What moderation found stands on the chunk that ends the last choice.
    """
    turns = [(choice, _deltas(reply, choice)) for choice in reply.choices]
    ended = 0
    while turns:
        going: list[tuple[Choice, Iterator[_Delta]]] = []
        for choice, deltas in turns:
            found = next(deltas, None)
            if found is None:
                ended += 1
                chunk = _chunk(reply, [_piece(choice, {}, finish=choice.finish)])
                if reply.moderation is not None and ended == len(reply.choices):
                    chunk["moderation"] = dict(reply.moderation)
                yield chunk
                continue
            going.append((choice, deltas))
            delta, entries = found
            yield _chunk(reply, [_piece(choice, delta, entries)])
        turns = going
    if reply.include_usage:
        yield {**_chunk(reply, []), "usage": dict(reply.usage)}
