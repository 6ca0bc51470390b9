"""Blind dialects of calls and objects: how they are written, cut, mixed with text and streamed (see ``BLIND.md``)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.text import biases, bound, stops, tokenize

from .answering import Chunk
from .base import Dialect
from .blind_words import model, plain, said, uncalled, written
from .odd import SORRY, Body, Rows, copies, counted

# --- how an object is written -------------------------------------------------------------------------------------


def escaped(text: str) -> str:
    """A JSON string without a letter of its own."""
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2)) + '"'


def spaced(value: Any) -> str:
    """JSON with as many blanks and escapes as it may have."""
    if isinstance(value, dict):
        return "{\n\t " + " ,\r\n".join(f"{escaped(key)} : {spaced(item)}" for key, item in value.items()) + "\n}"
    if isinstance(value, list):
        return "[ " + " ,\t".join(spaced(item) for item in value) + "  ]"
    return escaped(value) if isinstance(value, str) else json.dumps(value)


def loosened(text: str) -> str:
    """The same JSON text with blanks around."""
    try:
        return f" \n{spaced(json.loads(text))}\n "
    except (ValueError, RecursionError):
        return text


def spaced_objects(body: Body, now: int) -> Reply:
    """Objects and arguments as no compact encoder writes them; calls under a bound are left as they are."""
    reply = answers.plan(body, now)
    structured = answers._structured(body)
    made: list[Choice] = []
    for one in reply.choices:
        if one.speaks and structured is not None:
            one = said(one, written({**body, "logit_bias": None}, tokenize(loosened(structured))))
        elif bound(body) is None:
            calls = [replace(call, arguments=tuple(tokenize(loosened("".join(call.arguments))))) for call in one.calls]
            one = replace(one, calls=tuple(calls))
        made.append(one)
    return counted(body, reply, *made)


def six_tokens(body: Body, now: int) -> Reply:
    """Whatever is written is cut after six tokens."""
    return answers.plan({**body, "max_tokens": min(bound(body) or 6, 6), "max_completion_tokens": None}, now)


# --- calls beside texts -------------------------------------------------------------------------------------------


def choices_disagree(body: Body, now: int) -> Reply:
    """Left to itself, the model talks in one choice and calls in the next."""
    talking = uncalled(body)
    if talking is body or (body.get("n") or 1) == 1:
        return answers.plan(body, now)
    reply = answers.plan(talking, now)
    if body.get("tools"):
        forced = {**body, "tool_choice": "required", "parallel_tool_calls": False}
    else:
        forced = {**body, "function_call": {"name": body["functions"][0]["name"]}}
    made: list[Choice] = []
    for talk, call in zip(reply.choices, answers.plan(forced, now).choices, strict=True):
        if call.function is not None and call.finish == "stop":
            call = replace(call, finish="function_call")
        made.append(call if talk.index % 2 else talk)
    return counted(body, reply, *made)


def breaks_off(body: Body, now: int) -> Reply:
    """Half of a text, then second thoughts; where bound, biases or stop strings meet them, none."""
    reply = answers.plan(body, now)
    most = bound(body)
    made: list[Choice] = []
    for one in reply.choices:
        tokens = (*one.tokens[: len(one.tokens) // 2], *SORRY)
        room = most is None or len(tokens) <= most
        met = biases(body) or any(stop in "".join(tokens) for stop in stops(body))
        if plain(body, one) and room and not met:
            one = replace(one, tokens=tokens, finish="stop")
        made.append(one)
    return counted(body, reply, *made)


def border(choice: Choice) -> int | None:
    """How many tokens are text, where the others are a refusal."""
    if choice.speaks and choice.tokens[-len(SORRY) :] == SORRY:
        return len(choice.tokens) - len(SORRY)
    return None


def with_refusal(reply: Reply) -> Any:
    """Content and refusal side by side, each with its log probabilities."""
    body = answers.completion(reply)
    for one, row in zip(reply.choices, body["choices"], strict=True):
        at = border(one)
        if at is None:
            continue
        row["message"] |= {"content": "".join(one.tokens[:at]), "refusal": "".join(one.tokens[at:])}
        if row["logprobs"] is not None:
            entries = row["logprobs"]["content"]
            row["logprobs"] = {"content": entries[:at], "refusal": entries[at:]}
    return body


def refusing_pieces(reply: Reply) -> Rows:
    """The pieces of the text, then those of the refusal."""
    told: dict[int, int] = {}
    for row in copies(reply):
        for choice in row["choices"]:
            at = border(reply.choices[choice["index"]])
            if at is None or "role" in choice["delta"] or "content" not in choice["delta"]:
                continue
            place = told.get(choice["index"], 0)
            told[choice["index"]] = place + 1
            if place >= at:
                choice["delta"] = {"refusal": choice["delta"]["content"]}
                if choice["logprobs"] is not None:
                    choice["logprobs"] = {"content": None, "refusal": choice["logprobs"]["content"]}
        yield row


AFTER = ("I", " have", " asked", " for", " that", ";", " one", " moment", ",", " please", ".")


def talkative(body: Body, choice: Choice) -> Choice:
    """The same calls, and some words, where neither bound nor stop string nor bias could meet them."""
    if not choice.calls or choice.finish == "length" or bound(body) is not None or stops(body) or biases(body):
        return choice
    return replace(choice, tokens=AFTER)


def talks_after(body: Body, now: int) -> Reply:
    reply = answers.plan(body, now)
    return counted(body, reply, *(talkative(body, one) for one in reply.choices))


def beside_calls(reply: Reply) -> Any:
    """The words beside the calls, which have log probabilities as any others."""
    body = answers.completion(reply)
    for one, row in zip(reply.choices, body["choices"], strict=True):
        if one.calls and one.tokens:
            row["message"]["content"] = "".join(one.tokens)
            row["logprobs"] = answers.logprobs(reply, one.tokens)
    return body


def among_calls(reply: Reply) -> Rows:
    """A word after each piece of a call, and what is left of them before the end."""
    left = {one.index: list(enumerate(one.tokens)) for one in reply.choices if one.calls}

    def words(row: Chunk, count: int | None) -> Rows:
        choice = row["choices"][0]
        waiting = left.get(choice["index"], [])
        for place, token in waiting[:count]:
            log = answers.logprobs(reply, (token,), place)
            piece = {**choice, "delta": {"content": token}, "logprobs": log, "finish_reason": None}
            yield {**row, "choices": [piece]}
        del waiting[:count]

    for row in copies(reply):
        if row["choices"] and row["choices"][0]["finish_reason"]:
            yield from words(row, None)
        yield row
        if row["choices"] and row["choices"][0]["delta"].get("tool_calls"):
            yield from words(row, 1)


# --- pieces of calls ----------------------------------------------------------------------------------------------


def backwards(reply: Reply) -> Rows:
    """All calls of a choice at once: names together, then pieces of each in one delta, the last call first.

    Empty pieces come between.
    """
    waiting: dict[int, list[Chunk]] = {}

    def flush(index: int) -> Rows:
        rows = waiting.pop(index, [])
        lines: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            for item in row["choices"][0]["delta"]["tool_calls"]:
                lines.setdefault(item["index"], []).append(item)
        heads = [line.pop(0) for _, line in sorted(lines.items())]
        deltas = [heads] if heads else []
        for pieces in itertools.zip_longest(*(lines[at] for at in sorted(lines, reverse=True))):
            items = [piece for piece in pieces if piece is not None]
            deltas += [items, [{"index": item["index"], "function": {"arguments": ""}} for item in items]]
        for delta in deltas:
            yield {**rows[0], "choices": [{**rows[0]["choices"][0], "delta": {"tool_calls": delta}}]}

    for row in copies(reply):
        if row["choices"]:
            choice = row["choices"][0]
            if "tool_calls" in choice["delta"]:
                waiting.setdefault(choice["index"], []).append(row)
                continue
            if choice["finish_reason"]:
                yield from flush(choice["index"])
        yield row


TALKING: Mapping[str, Any] = {"completion": beside_calls, "chunks": among_calls}

DIALECTS = [
    Dialect(name="blind-spaced-objects", server=model(spaced_objects)),
    Dialect(name="blind-six-tokens", server=model(six_tokens)),
    Dialect(name="blind-choices-disagree", server=model(choices_disagree)),
    Dialect(
        name="blind-breaks-into-refusal", server=model(breaks_off, completion=with_refusal, chunks=refusing_pieces)
    ),
    Dialect(name="blind-talks-after-calls", server=model(talks_after, **TALKING)),
    Dialect(name="blind-calls-backwards", server=Reference(behaviour=Behaviour(chunks=backwards))),
]
