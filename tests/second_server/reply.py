"""Answers: the choices of one completion, as one object or as a stream of chunks."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random
from secrets import token_hex
from typing import Any

from .invent import invent
from .manners import Manners
from .request import prompt_tokens, said
from .speech import Spoken, bound, dice_for, logprobs, plan, utter

Json = dict[str, Any]


@dataclass
class Choice:
    """One choice, whole. ``calls`` are (name, arguments)."""

    index: int
    spoken: Spoken | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)
    legacy: bool = False
    refused: bool = False
    audio: bool = False
    reason: str = "stop"
    spent: int = 0
    thought: int = 0
    entries: list[Json] | None = None


def choices(asked: Json, manners: Manners) -> list[Choice]:
    """All choices of a completion."""
    return [_choice(asked, manners, number) for number in range(asked.get("n", 1))]


def _choice(asked: Json, manners: Manners, number: int) -> Choice:
    dice = dice_for(asked, number)
    choice = Choice(number, thought=min(manners.thinking, bound(asked)))
    choice.spent = choice.thought
    left = bound(asked) - choice.thought
    if left > 0 and dice.random() < manners.refusing:
        choice.refused = True
        choice.spoken = utter("I would rather not, süß as it is.", asked, manners, left)
        choice.spent += choice.spoken.spent
        choice.reason = choice.spoken.reason
        if asked.get("logprobs"):
            choice.entries = list(logprobs(choice.spoken.tokens, asked, dice, manners))
        return choice
    audio = "audio" in asked.get("modalities", ())
    wanted, forced, choice.legacy = _wanted(asked, dice, manners)
    if left <= 0:
        choice.spoken, choice.reason = Spoken(), "length"
    elif wanted:
        if manners.lavish and not forced and not choice.legacy:
            choice.spoken = utter("I look it up. ", asked, manners, left)
            choice.spent += choice.spoken.spent
        _call(choice, wanted, asked, manners, dice)
        if choice.reason == "stop":
            auto = "function_call" if choice.legacy else "tool_calls"
            choice.reason = auto if manners.lavish or not forced else "stop"
    else:
        choice.spoken = utter(plan(asked, dice, manners), asked, manners, left)
        choice.audio = audio
        choice.spent += choice.spoken.spent
        choice.reason = choice.spoken.reason
    if choice.spoken and not choice.calls and dice.random() < manners.filtered:
        choice.spoken.tokens = choice.spoken.tokens[:1]
        choice.reason = "content_filter"
    if asked.get("logprobs") and choice.spoken and not choice.audio:
        choice.entries = list(logprobs(choice.spoken.tokens, asked, dice, manners))
    return choice


def _wanted(asked: Json, dice: Random, manners: Manners) -> tuple[list[Json], bool, bool]:
    """The functions to call, whether the request forces it, and whether they are legacy functions."""
    legacy = "functions" in asked
    functions = asked.get("functions") or [tool["function"] for tool in asked.get("tools", ())]
    rule = asked.get("function_call" if legacy else "tool_choice", "auto")
    if not functions or rule == "none":
        return [], False, legacy
    if isinstance(rule, dict):
        name = rule["name"] if legacy else rule["function"]["name"]
        return [one for one in functions if one["name"] == name][:1], True, legacy
    last = asked["messages"][-1]
    text = said(last).lower()
    named = [one for one in functions if one["name"].lower().replace("_", " ") in text.replace("_", " ")]
    if rule == "required":
        named = named or [dice.choice(functions), dice.choice(functions)]
    elif manners.voice == "eager":
        named = named or functions
    elif last["role"] != "user":
        named = []
    single = legacy or asked.get("parallel_tool_calls") is False
    return named[: 1 if single else 3], rule == "required", legacy


def _call(choice: Choice, functions: list[Json], asked: Json, manners: Manners, dice: Random) -> None:
    for function in functions:
        left = bound(asked) - choice.spent
        if left <= 0:
            choice.reason = "length"
            return
        made = invent(function.get("parameters") or {"type": "object"}, dice)
        text = json.dumps(made if isinstance(made, dict) else {}, ensure_ascii=False)
        spoken = utter(text, asked, manners, left, stops=False)
        choice.calls.append((function["name"], spoken.text()))
        choice.spent += spoken.spent
        choice.reason = spoken.reason


def usage(asked: Json, made: list[Choice], manners: Manners) -> Json:
    """What a completion cost."""
    before, after = prompt_tokens(asked), sum(choice.spent for choice in made)
    counted: Json = {"prompt_tokens": before, "completion_tokens": after, "total_tokens": before + after}
    if manners.lavish:
        heard = sum(choice.spoken.spent for choice in made if choice.audio and choice.spoken)
        counted["prompt_tokens_details"] = {"cached_tokens": before // 2, "audio_tokens": 0, "text_tokens": before}
        counted["completion_tokens_details"] = {
            "reasoning_tokens": sum(choice.thought for choice in made),
            "audio_tokens": heard,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    return counted


def _head(asked: Json, manners: Manners, kind: str) -> Json:
    head: Json = {"object": kind, "created": int(time.time()), "model": asked["model"], "id": token_hex(24)}
    if "service_tier" in asked:
        head["service_tier"] = "default" if manners.lavish else None
    if manners.lavish:
        head |= {"system_fingerprint": None, "provider": {"name": "hermit", "region": "cave"}, "took_ms": 0.25}
        head["model"] = asked["model"] + "-2024-11-20"
    return head


def completion(asked: Json, made: list[Choice], manners: Manners) -> Json:
    """The answer as one object."""
    answer = _head(asked, manners, "chat.completion")
    answer["choices"] = [_whole(asked, choice, manners) for choice in made]
    if manners.lavish:
        answer["choices"].reverse()
    answer["usage"] = usage(asked, made, manners)
    return answer


def _content(choice: Choice) -> str | None:
    return choice.spoken.text() if choice.spoken and not choice.audio and not choice.refused else None


def _logprobs(asked: Json, choice: Choice, entries: list[Json] | None) -> Json | None:
    if not asked.get("logprobs"):
        return None
    return {"content": None, "refusal": entries} if choice.refused else {"content": entries, "refusal": None}


def _whole(asked: Json, choice: Choice, manners: Manners) -> Json:
    message: Json = {"role": "assistant", "content": _content(choice), "refusal": None}
    if choice.refused and choice.spoken:
        message["refusal"] = choice.spoken.text()
    if choice.legacy and choice.calls:
        message["function_call"] = {"name": choice.calls[0][0], "arguments": choice.calls[0][1]}
    elif choice.calls:
        message["tool_calls"] = [_tool_call(name, text) for name, text in choice.calls]
    if choice.audio:
        message["audio"] = _audio(asked, choice)
    if manners.lavish:
        message |= {"annotations": [], "reasoning_content": "hm " * choice.thought}
        message.setdefault("audio", None)
    whole: Json = {"index": choice.index, "message": message, "finish_reason": choice.reason}
    whole["logprobs"] = _logprobs(asked, choice, choice.entries)
    return whole


def _tool_call(name: str, text: str) -> Json:
    return {"function": {"arguments": text, "name": name}, "id": token_hex(16), "type": "function"}


def _audio(asked: Json, choice: Choice) -> Json:
    assert choice.spoken
    sound = asked["audio"]["format"].encode() + bytes(16)
    return {
        "id": "sound-" + token_hex(8),
        "data": base64.b64encode(sound).decode(),
        "transcript": choice.spoken.text(),
        "expires_at": int(time.time()) + 3600,
    }


def chunks(asked: Json, made: list[Choice], manners: Manners) -> Iterator[Json]:
    """The answer as a stream of chunks."""
    head = _head(asked, manners, "chat.completion.chunk")
    counts = (asked.get("stream_options") or {}).get("include_usage") is True
    silent: Json = {"usage": None} if counts else {}
    if manners.lavish:
        head["obfuscation"] = token_hex(3)
    streams = [_deltas(asked, choice, manners) for choice in made]
    rounds = zip_longest(*streams) if manners.lavish else ([row] for stream in streams for row in stream)
    rows = [part for row in rounds for part in row if part]
    for number, part in enumerate(rows, 1):
        if manners.lavish and not counts and number == len(rows):
            silent = {"usage": usage(asked, made, manners)}
        yield {**head, **silent, "choices": [part]}
    if counts:
        yield {**head, "choices": [], "usage": usage(asked, made, manners)}


def _deltas(asked: Json, choice: Choice, manners: Manners) -> list[Json]:
    rows: list[tuple[Json, list[Json] | None]] = []
    if choice.audio:
        sound = _audio(asked, choice)
        rows += [({"audio": {"id": sound["id"], "transcript": ""}}, None)]
        rows += [({"audio": {key: sound[key]}}, None) for key in ("transcript", "data", "expires_at")]
    elif choice.spoken:
        rows += _texts(choice, 3 if manners.lavish else 1)
    streams = [_fragments(choice, number, *call, manners) for number, call in enumerate(choice.calls)]
    if manners.lavish and not choice.legacy:  # the calls side by side, the next fragments of all of them in one delta
        for row in zip_longest(*streams):
            rows.append(({"tool_calls": [one for part in row if part for one in part["tool_calls"]]}, None))
    else:
        rows += [(delta, None) for stream in streams for delta in stream]
    if manners.lavish:
        rows = [
            ({"role": "assistant", **delta}, entries)
            for delta, entries in rows or [({"content": ""}, [] if choice.entries == [] else None)]
        ]
    else:
        rows = [
            ({"role": "assistant", "content": None if choice.calls else "", "refusal": None}, None),
            *rows,
            ({}, None),
        ]
    made: list[Json] = [
        {"index": choice.index, "delta": delta, "finish_reason": None, "logprobs": _logprobs(asked, choice, entries)}
        for delta, entries in rows
    ]
    made[-1]["finish_reason"] = choice.reason
    if not asked.get("logprobs") and not manners.lavish:
        for part in made:
            del part["logprobs"]
    return made


def _texts(choice: Choice, size: int) -> Iterator[tuple[Json, list[Json] | None]]:
    """Deltas of whole characters: some tokens each, more where a token ends inside a character."""
    assert choice.spoken
    held: list[int] = []
    tokens = choice.spoken.tokens
    for number in range(len(tokens)):
        held.append(number)
        last = number == len(tokens) - 1
        data = b"".join(tokens[at] for at in held)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            if not last:
                continue
            text = data.decode(errors="replace")
        if len(held) >= size or last:
            yield (
                {"refusal" if choice.refused else "content": text},
                [choice.entries[at] for at in held] if choice.entries else None,
            )
            held = []


def _fragments(choice: Choice, number: int, name: str, text: str, manners: Manners) -> Iterator[Json]:
    size = 7 if manners.lavish else 3
    cuts = [text[at : at + size] for at in range(0, len(text), size)]
    if choice.legacy:
        yield {"function_call": {"name": name, "arguments": ""}}
        yield from ({"function_call": {"arguments": cut}} for cut in cuts)
        return
    first = cuts.pop(0) if manners.lavish and cuts else ""
    yield {"tool_calls": [{"index": number, **_tool_call(name, first)}]}
    yield from ({"tool_calls": [{"index": number, "function": {"arguments": cut}}]} for cut in cuts)
