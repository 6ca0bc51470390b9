"""Blind dialects of members: what stands beside the answer, in log probabilities and counts (see ``BLIND.md``)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.text import VOCABULARY, bound, stops

from .answering import telling
from .base import Dialect
from .blind_words import model
from .odd import Body, Rows, copies, thinking


def no_error(owner: dict[str, Any]) -> None:
    """A gateway that tells everybody how well it went."""
    owner |= {"error": None, "code": 0, "message": "success", "detail": None, "success": True, "errors": []}


def nested(levels: int) -> Any:
    value: Any = {"end": None}
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


STUFF: dict[str, Any] = {
    "": "",
    "__proto__": {"polluted": True},
    "constructor": None,
    "data: [DONE]": "\n\ndata: [DONE]\n\n",
    "x": {"id": "", "object": "error", "choices": [], "usage": {"total_tokens": -1}, "created": 1.5},
    "deep": nested(60),
    "big": 10**30 - 1,
    "small": 5e-324,
    "ключ \u2028": ["\u0000", "\U0001f600"],
}


def baggage(owner: dict[str, Any]) -> None:
    """Things that nobody asked for, at every level."""
    owner |= STUFF | {"x_groq": {"id": "req_1", "usage": None}, "timings": {"predicted_ms": 0.5}}
    for choice in owner["choices"]:
        choice |= STUFF | {"stop_reason": 128001, "message_index": None}
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            entry |= {"id": 1, "rank": 1}
        for name in ("message", "delta"):
            if name not in choice:
                continue
            for at, call in enumerate(choice[name].get("tool_calls") or ()):
                if "id" in call:
                    call |= {"index": at if name == "message" else call["index"], "extra_content": {"sign": "a=="}}
            choice[name] |= STUFF | {"thinking_blocks": [], "provider_specific_fields": None, "context": {}}
            if name == "delta":
                # the official client cannot join lists of objects that have no index
                del choice[name]["deep"]
    if isinstance(owner.get("usage"), dict):
        owner["usage"] |= {"cost": 0.00012, "prompt_time": 0.001, "x": {"total_tokens": 10**12}}


# --- thoughts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Thinking(Reply):
    """A reply with what went before it."""

    thought: str = ""


def thinks_of_stops(body: Body, now: int) -> Reply:
    """Ten tokens of thought, in which the stop strings and the tools are named."""
    reply = thinking(body, now)
    used = sum(one.used for one in reply.choices)
    details = {"reasoning_tokens": reply.usage["completion_tokens"] - used}
    tools = [str((tool.get("function") or {}).get("name")) for tool in body.get("tools") or ()]
    thought = "".join((*stops(body), " tool_calls: ", *tools, "\n", *stops(body)))
    safe = thought.encode("utf-8", "replace").decode()
    usage = {**reply.usage, "completion_tokens_details": details}
    return Thinking(**{**vars(reply), "usage": usage, "thought": safe})


def thoughts(reply: Reply) -> Any:
    body = answers.completion(reply)
    assert isinstance(reply, Thinking)
    for choice in body["choices"]:
        choice["message"]["reasoning_content"] = reply.thought
    return body


def thoughts_first(reply: Reply) -> Rows:
    """The thoughts in pieces of some characters, after the role."""
    assert isinstance(reply, Thinking)
    pieces = [reply.thought[at : at + 400] for at in range(0, len(reply.thought), 400)]
    for row in copies(reply):
        yield row
        for choice in row["choices"]:
            if "role" in choice["delta"]:
                for piece in pieces:
                    yield {**row, "choices": [{**choice, "delta": {"reasoning_content": piece}, "logprobs": None}]}


# --- log probabilities --------------------------------------------------------------------------------------------


def number(token: str) -> str:
    """A token by its number alone."""
    known = VOCABULARY.index(token) if token in VOCABULARY else 1_000 + zlib.crc32(token.encode()) % 90_000
    return f"token_id:{known}"


def numbered(owner: dict[str, Any]) -> None:
    """Tokens are told by their number; the bytes tell the text."""
    for choice in owner["choices"]:
        for entry in (choice.get("logprobs") or {}).get("content") or ():
            for one in (entry, *entry["top_logprobs"]):
                one["token"] = number(one["token"])


@dataclass(frozen=True)
class Surprising(Reply):
    """A reply whose every token is less likely than the alternatives that are told."""


def surprising(body: Body, now: int) -> Reply:
    """One alternative more is made, as the token itself is to be left out; a cold model stays as it is."""
    reply = answers.plan(body, now)
    if reply.alternatives is None or body.get("temperature") == 0:
        return reply
    return Surprising(**{**vars(reply), "alternatives": reply.alternatives + 1})


def unlikely(choice: dict[str, Any]) -> None:
    for entry in (choice.get("logprobs") or {}).get("content") or ():
        entry["top_logprobs"] = entry["top_logprobs"][1:]
        if entry["top_logprobs"]:
            entry["logprob"] = entry["top_logprobs"][-1]["logprob"] - 0.5


def unlikely_words(reply: Reply) -> Any:
    body = answers.completion(reply)
    for choice in body["choices"] if isinstance(reply, Surprising) else ():
        unlikely(choice)
    return body


def unlikely_pieces(reply: Reply) -> Rows:
    for row in copies(reply):
        for choice in row["choices"] if isinstance(reply, Surprising) else ():
            unlikely(choice)
        yield row


# --- counts -------------------------------------------------------------------------------------------------------

HIDDEN, CACHED = 3_000, 2_944


def hidden_prompt(body: Body, now: int) -> Reply:
    """A long prompt of the server's own, and the fate of a prediction where there is room to tell it."""
    reply = answers.plan(body, now)
    usage = dict(reply.usage)
    usage["prompt_tokens"] += HIDDEN
    usage["prompt_tokens_details"] = {**usage["prompt_tokens_details"], "cached_tokens": CACHED}
    if body.get("prediction") is not None and bound(body) is None:
        accepted = usage["completion_tokens"] // 2
        usage["completion_tokens"] += 7
        usage["completion_tokens_details"] = {
            **usage["completion_tokens_details"],
            "accepted_prediction_tokens": accepted,
            "rejected_prediction_tokens": 7,
        }
    usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
    return replace(reply, usage=usage)


DIALECTS = [
    Dialect(name="blind-no-error", server=telling(no_error, no_error)),
    Dialect(name="blind-baggage", server=telling(baggage, baggage)),
    Dialect(name="blind-stop-in-thoughts", server=model(thinks_of_stops, completion=thoughts, chunks=thoughts_first)),
    Dialect(
        name="blind-token-numbers",
        server=telling(numbered, numbered),
        warnings=frozenset({"res.logprobs.concat*"}),
    ),
    Dialect(
        name="blind-unlikely-words",
        server=model(surprising, completion=unlikely_words, chunks=unlikely_pieces),
    ),
    Dialect(name="blind-hidden-prompt", server=model(hidden_prompt)),
]
