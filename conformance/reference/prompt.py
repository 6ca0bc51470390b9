"""What the toy model reads: the plain text of a conversation, its size in tokens, and a digest to draw answers from.

Everything here takes bodies that a (possibly weakened) validator let through, so it never assumes a type.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .json_values import is_array, is_object

#: Characters of prompt text that make one token.  Generous, so that a string of the documented maximal length
#: (1 048 576 characters) still fits the context window.
CHARACTERS_PER_TOKEN = 10
#: Tokens that a message costs beside its text, and the reply's opening.
MESSAGE_OVERHEAD = 4
REPLY_OVERHEAD = 3
IMAGE_TOKENS = 85
AUDIO_TOKENS = 10
FILE_TOKENS = 120

#: Tokens of a content part that is no text, by its type.
_PART_TOKENS = {"image_url": IMAGE_TOKENS, "input_audio": AUDIO_TOKENS, "file": FILE_TOKENS}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in an array; nothing for anything else."""
    return [item for item in value if is_object(item)] if is_array(value) else []


def text_of(content: object) -> str:
    """A message's content as one string: parts of text are joined, so both spellings read the same."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in objects(content) if isinstance(part.get("text"), str))


def last_user_text(body: dict[str, Any]) -> str:
    """Text of the last message that a user wrote, or nothing."""
    for message in reversed(objects(body.get("messages"))):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def _size(text: object) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN) if isinstance(text, str) else 0


def _nodes(value: object) -> int:
    """Number of values in a JSON tree, without recursion: a schema may be nested deeper than the stack."""
    count, stack = 0, [value]
    while stack:
        node = stack.pop()
        count += 1
        if is_object(node):
            stack.extend(node.values())
        elif is_array(node):
            stack.extend(node)
    return count


def _part_tokens(part: dict[str, Any]) -> int:
    kind = part.get("type")
    return _PART_TOKENS.get(kind, 0) if isinstance(kind, str) else 0


def input_tokens(body: dict[str, Any], kind: str) -> int:
    """Tokens of the content parts of one type, in all messages."""
    return sum(
        _part_tokens(part)
        for message in objects(body.get("messages"))
        for part in objects(message.get("content"))
        if part.get("type") == kind
    )


def _member(owner: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The first of the members that is an object, or an empty one."""
    return next((value for key in keys if is_object(value := owner.get(key))), None) or {}


def prompt_tokens(body: dict[str, Any]) -> int:
    """Tokens of the prompt: grows with every message, and does not depend on how the answer is asked for."""
    total = REPLY_OVERHEAD
    for message in objects(body.get("messages")):
        content = message.get("content")
        total += MESSAGE_OVERHEAD + _size(message.get("name")) + _size(text_of(content))
        for part in objects(content):
            total += _part_tokens(part)
        for call in objects(message.get("tool_calls")):
            called = _member(call, "function", "custom")
            if called:
                total += MESSAGE_OVERHEAD + _size(called.get("name"))
                total += _size(called.get("arguments", called.get("input")))
    declared = [_member(tool, "function", "custom") for tool in objects(body.get("tools"))]
    for function in declared + objects(body.get("functions")):
        if function:
            total += MESSAGE_OVERHEAD + _size(function.get("name")) + _size(function.get("description"))
            total += _nodes(function.get("parameters", function.get("format"))) - 1
    return total


def digest(body: dict[str, Any]) -> int:
    """Eight bytes of randomness from what the model reads and the seed: the same for a request asked twice.

    The way the answer is cut or sent (stop, bounds, stream, n) is left out on purpose: a reply with a stop string is
    then a prefix of the reply without it.  A developer is the later name of the system.
    """
    state = hashlib.blake2b(digest_size=8)
    for message in objects(body.get("messages")):
        role = message.get("role")
        state.update(str("system" if role == "developer" else role).encode("utf-8", "surrogatepass") + b"\x1f")
        state.update(text_of(message.get("content")).encode("utf-8", "surrogatepass") + b"\x1e")
    seed = body.get("seed")
    if isinstance(seed, (int, float)):
        # 1 and 1.0 are the same seed
        state.update(repr(int(seed) if isinstance(seed, int) or seed.is_integer() else seed).encode())
    return int.from_bytes(state.digest(), "big")
