"""The 200 answer: what the model decides (`plan`), and how a whole reply is written (`completion`).

A `Reply` holds everything that is to be said; `completion` here and `chunks` in `stream.py` only spell it, so both
forms agree in text, finish and usage.  The same body gets the same text: only `id`, `created` and the ids of calls
differ.  Bodies may come from a weakened validator, so no member is trusted to have its type.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from .instances import instance
from .json_values import is_array, is_object
from .prompt import input_tokens, last_user_text, objects, prompt_tokens
from .text import Written, biased, biases, bound, entry, script, stopped, stops, take, tokenize, whole

Finish = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]

FINGERPRINT = "fp_c0ffee2411"
#: Most choices in one reply, whatever was let through.
CHOICES_MAX = 1_024
#: Tokens of the input of a custom tool, when nothing cuts it.
INPUT_TOKENS = 12
#: Seconds that the audio of a reply stays available.
AUDIO_LIFE = 3_600

_TOOL_WORDS = re.compile(r"\b(?:tool|weather|function)s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One call of a declared tool or function: `arguments` as tokens of a JSON object, cut ones are not whole.

    For a custom tool they are the tokens of its input, any text.
    """

    ident: str
    name: str
    arguments: tuple[str, ...]
    kind: Literal["function", "custom"] = "function"

    @property
    def said(self) -> str:
        """The member that the arguments stand under."""
        return "input" if self.kind == "custom" else "arguments"


@dataclass(frozen=True)
class Audio:
    """Spoken output: base64 `data`, its expiry in Unix seconds; the transcript is the tokens of the choice."""

    ident: str
    expires_at: int
    data: str


@dataclass(frozen=True)
class Choice:
    """One choice: text, or audio with its transcript, or calls, or one legacy call.

    `annotations` None leaves the member out, as the vintage 2024-11 does.
    """

    index: int
    finish: Finish
    tokens: tuple[str, ...] = ()
    audio: Audio | None = None
    calls: tuple[Call, ...] = ()
    function: Call | None = None
    annotations: tuple[Mapping[str, Any], ...] | None = None

    @property
    def speaks(self) -> bool:
        """Whether the tokens are the message's content."""
        return self.audio is None and not self.calls and self.function is None

    @property
    def used(self) -> int:
        """Completion tokens."""
        calls = self.calls if self.function is None else (*self.calls, self.function)
        return len(self.tokens) + sum(len(call.arguments) for call in calls)


@dataclass(frozen=True)
class Reply:
    """A reply before it is spelled: `alternatives` is None without logprobs, else the number of top entries.

    The members from `metadata` on are the later vintages' (`additions.py`).
    """

    ident: str
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: Mapping[str, Any]
    tier: str | None = None
    alternatives: int | None = None
    banned: frozenset[str] = frozenset()
    include_usage: bool = False
    fingerprint: str | None = FINGERPRINT
    metadata: Mapping[str, Any] | None = None
    moderation: Mapping[str, Any] | None = None
    obfuscated: bool = False


def _ident(prefix: str) -> str:
    return prefix + secrets.token_hex(12)


def _kind(value: Mapping[str, Any]) -> Literal["function", "custom"]:
    """Whether a tool or a choice is about a custom tool: then its content stands under that name."""
    return "custom" if value.get("type") == "custom" else "function"


def _declared(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Name to parameters schema of the declared tools (or functions), in their order; a custom tool has no schema."""
    entries = objects(body.get(key))
    functions = entries if key == "functions" else [entry.get(_kind(entry)) for entry in entries]
    return {
        function["name"]: function.get("parameters")
        for function in functions
        if is_object(function) and isinstance(function.get("name"), str)
    }


def _kinds(body: Mapping[str, Any]) -> dict[str, Literal["function", "custom"]]:
    """Name to kind of the declared tools."""
    return {
        tool[_kind(tool)]["name"]: _kind(tool)
        for tool in objects(body.get("tools"))
        if is_object(tool.get(_kind(tool))) and isinstance(tool[_kind(tool)].get("name"), str)
    }


def _narrowed(tools: Mapping[str, Any], allowed: Mapping[str, Any]) -> dict[str, Any]:
    """The declared tools that a list of allowed ones names."""
    named = [entry.get(_kind(entry)) for entry in objects(allowed.get("tools"))]
    names = [inner["name"] for inner in named if is_object(inner) and isinstance(inner.get("name"), str)]
    return {name: schema for name, schema in tools.items() if name in names}


def _mentioned(body: Mapping[str, Any], names: Mapping[str, Any]) -> list[str]:
    """The tools that a model with a free choice would call: after a user's turn that speaks of them."""
    messages = objects(body.get("messages"))
    if not messages or messages[-1].get("role") != "user":
        return []
    ask = last_user_text(dict(body))
    found = [name for name in names if name and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", ask)]
    return found or (list(names)[:1] if _TOOL_WORDS.search(ask) else [])


def decide(body: Mapping[str, Any]) -> tuple[list[str], Finish, bool]:
    """Names to call, the finish reason when nothing is cut, and whether the calls are legacy ones.

    A forced named call finishes with `stop`, any other with the reason of its kind.
    """
    tools = _declared(body, "tools")
    if tools:
        choice = body.get("tool_choice")
        if is_object(choice) and is_object(choice.get("allowed_tools")):
            allowed = choice["allowed_tools"]
            tools, choice = _narrowed(tools, allowed), allowed.get("mode")
        if is_object(choice):
            function = choice.get(_kind(choice))
            name = function.get("name") if is_object(function) else None
            return ([name], "stop", False) if isinstance(name, str) else ([], "stop", False)
        if choice == "none":
            return [], "stop", False
        names = list(tools)[:2] if choice == "required" else _mentioned(body, tools)
        return names[:1] if body.get("parallel_tool_calls") is False else names, "tool_calls", False
    functions = _declared(body, "functions")
    if functions:
        choice = body.get("function_call")
        if is_object(choice):
            name = choice.get("name")
            return ([name], "stop", True) if isinstance(name, str) else ([], "stop", True)
        names = [] if choice == "none" else _mentioned(body, functions)[:1]
        return names, "function_call", True
    return [], "stop", False


def arguments(schema: object) -> str:
    """A JSON object that the schema describes, as text."""
    value = instance(schema) if is_object(schema) else None
    return _json(value) if is_object(value) else "{}"


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        # a schema can ask for a number that JSON has not (1e400 is read as infinity)
        return "{}"


def _calls(body: Mapping[str, Any], names: list[str], legacy: bool) -> tuple[tuple[Call, ...], bool]:
    """Calls within the token bound: one that is cut is the last one."""
    schemas = _declared(body, "functions" if legacy else "tools")
    kinds = {} if legacy else _kinds(body)
    left = bound(body)
    calls: list[Call] = []
    for name in names:
        if left is not None and left <= 0:
            return tuple(calls), True
        kind = kinds.get(name, "function")
        # a grammar is not solved, as a pattern is not
        spoken = islice(script(body, 0), INPUT_TOKENS) if kind == "custom" else tokenize(arguments(schemas.get(name)))
        written = take(spoken, left)
        calls.append(Call(_ident("call_"), name, written.tokens, kind))
        if written.cut:
            return tuple(calls), True
        left = left - len(written.tokens) if left is not None else None
    return tuple(calls), False


def _structured(body: Mapping[str, Any]) -> str | None:
    """The JSON text that `response_format` asks for, or None for plain text."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if is_object(wanted) else None
    if kind == "json_object":
        return _json({"answer": "".join(script(body, 0))[:80], "items": [1, 2, 3], "ok": True})
    if is_object(wanted) and kind == "json_schema":
        inner = wanted.get("json_schema")
        schema = inner.get("schema") if is_object(inner) else None
        return _json(instance(schema)) if is_object(schema) else "{}"
    return None


def write(body: Mapping[str, Any], index: int) -> Written:
    """The text of one choice after bound and stop strings."""
    structured = _structured(body)
    tokens = biased(script(body, index), biases(body)) if structured is None else tokenize(structured)
    return stopped(take(tokens, bound(body)), stops(body))


def _speaks(body: Mapping[str, Any], now: int) -> Audio | None:
    modalities = body.get("modalities")
    if is_array(modalities) and "audio" in modalities and is_object(body.get("audio")):
        return Audio(_ident("audio_"), now + AUDIO_LIFE, base64.b64encode(bytes(480)).decode())
    return None


def _choice(body: Mapping[str, Any], index: int, now: int) -> Choice:
    names, finish, legacy = decide(body)
    if names:
        calls, cut = _calls(body, names, legacy)
        end: Finish = "length" if cut else finish
        return Choice(index, end, function=calls[0]) if legacy else Choice(index, end, calls=calls)
    written = write(body, index)
    return Choice(index, "length" if written.cut else "stop", written.tokens, _speaks(body, now))


def usage(body: Mapping[str, Any], choices: tuple[Choice, ...]) -> dict[str, Any]:
    """Token counts: the completion is summed over all choices."""
    prompt = prompt_tokens(dict(body))
    completion = sum(choice.used for choice in choices)
    spoken = sum(len(choice.tokens) for choice in choices if choice.audio is not None)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": input_tokens(dict(body), "input_audio")},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": spoken,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def plan(body: Mapping[str, Any], now: int) -> Reply:
    """Everything that the reply to an accepted body says; `now` is the time in Unix seconds."""
    count = max(1, min(whole(body.get("n")) or 1, CHOICES_MAX))
    choices = tuple(_choice(body, index, now) for index in range(count))
    options = body.get("stream_options")
    top = whole(body.get("top_logprobs")) or 0
    return Reply(
        ident=_ident("chatcmpl-"),
        created=now,
        model=str(body.get("model") or "chatproof-reference"),
        choices=choices,
        usage=usage(body, choices),
        # told only when the request named a tier; there is one
        tier="default" if body.get("service_tier") is not None else None,
        alternatives=max(0, min(top, 80)) if body.get("logprobs") is True else None,
        banned=frozenset(token for token, bias in biases(body).items() if bias <= -100),
        include_usage=is_object(options) and options.get("include_usage") is True,
    )


def logprobs(reply: Reply, tokens: tuple[str, ...], start: int = 0) -> dict[str, Any] | None:
    """The log probabilities of content tokens from position `start` on; None when they were not asked for."""
    if reply.alternatives is None:
        return None
    entries = [entry(token, start + i, reply.alternatives, reply.banned) for i, token in enumerate(tokens)]
    return {"content": entries, "refusal": None}


def message(choice: Choice) -> dict[str, Any]:
    """The assistant message of a choice: role, content and refusal are always there."""
    result: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(choice.tokens) if choice.speaks else None,
        "refusal": None,
    }
    if choice.audio is not None:
        audio = choice.audio
        result["audio"] = {
            "id": audio.ident,
            "expires_at": audio.expires_at,
            "data": audio.data,
            "transcript": "".join(choice.tokens),
        }
    if choice.calls:
        result["tool_calls"] = [
            {
                "id": call.ident,
                "type": call.kind,
                call.kind: {"name": call.name, call.said: "".join(call.arguments)},
            }
            for call in choice.calls
        ]
    if choice.function is not None:
        call = choice.function
        result["function_call"] = {"name": call.name, "arguments": "".join(call.arguments)}
    if choice.annotations is not None:
        result["annotations"] = [dict(annotation) for annotation in choice.annotations]
    return result


def completion(reply: Reply) -> dict[str, Any]:
    """The body of a reply that is not streamed."""
    result: dict[str, Any] = {
        "id": reply.ident,
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [
            {
                "index": choice.index,
                "message": message(choice),
                "logprobs": logprobs(reply, choice.tokens if choice.speaks else ()),
                "finish_reason": choice.finish,
            }
            for choice in reply.choices
        ],
        "usage": dict(reply.usage),
    }
    if reply.fingerprint is not None:
        result["system_fingerprint"] = reply.fingerprint
    if reply.tier is not None:
        result["service_tier"] = reply.tier
    if reply.metadata is not None:
        result["metadata"] = dict(reply.metadata)
    if reply.moderation is not None:
        result["moderation"] = dict(reply.moderation)
    return result
