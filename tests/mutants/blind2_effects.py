"""Servers where one property has not the effect that it should have, from the second blind list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import Written, bound, stopped, stops

from .blind_answers import unstopped
from .blind_common import Body, messages_of
from .blind_effects import rewritten, wanted
from .effects_common import choosing, counting, planning, without
from .stream_common import collection

Tokens = tuple[str, ...]

LEAST, MOST = -5, 5
FURTHER = 32
LONG = 5
PREAMBLE = "Here is the JSON:\n"
_unbounded = without("max_tokens", "max_completion_tokens", "stop")


effect = collection("blind2-", family="ignored")


# --- stop strings and bounds ------------------------------------------------------------------------------------------


def starts(tokens: Tokens) -> Iterator[tuple[int, str]]:
    """The tokens with the place in the text where each begins."""
    at = 0
    for token in tokens:
        yield at, token
        at += len(token)


def ending(place: Callable[[Tokens, list[str]], int | None]) -> Reference:
    """Texts end at this place, which is given in characters, or do not end before their time."""

    def changed(body: Body, choice: Choice) -> Choice:
        if not choice.speaks or not stops(body):
            return choice
        written = answers.write(without("stop")(body), choice.index)
        left = place(written.tokens, stops(body))
        if left is None:
            return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")
        kept = tuple(token[: left - at] for at, token in starts(written.tokens) if at < left)
        return replace(choice, tokens=kept, finish="stop")

    return choosing(changed)


def within_token(tokens: Tokens, strings: list[str]) -> int | None:
    found = (at + token.find(string) for at, token in starts(tokens) for string in strings if string in token)
    return min(found, default=None)


def end_of_token(tokens: Tokens, strings: list[str]) -> int | None:
    """The beginning of the first stop string, or the end of the token that it begins inside of."""
    text = "".join(tokens)
    found = [place for place in (text.find(string) for string in strings) if place >= 0]
    if not found:
        return None
    left = min(found)
    return next((at + len(token) for at, token in starts(tokens) if at < left < at + len(token)), left)


def reaching(most: Callable[[Tokens, int], int]) -> Reference:
    """Texts may have so many tokens, of all that would be said, under a bound."""

    def changed(body: Body, choice: Choice) -> Choice:
        limit = bound(body)
        if not limit or not choice.speaks:
            return choice
        free = answers.write(_unbounded(body), choice.index).tokens
        end = most(free, limit)
        written = stopped(Written(free[:end], cut=len(free) > end), stops(body))
        return replace(choice, tokens=written.tokens, finish="length" if written.cut else "stop")

    return choosing(changed)


def words(free: Tokens, limit: int) -> int:
    seen = 0
    for at, token in enumerate(free):
        seen += token.strip().isalnum()
        if seen > limit:
            return at
    return len(free)


def sentence(free: Tokens, limit: int) -> int:
    ends = (at + 1 for at in range(limit - 1, min(len(free), limit + FURTHER)) if free[at] in (".", "!", "?", "\n"))
    return next(ends, limit + FURTHER)


def clipped(body: Body) -> Body:
    bias = body.get("logit_bias")
    if not isinstance(bias, dict):
        return body
    return {**body, "logit_bias": {key: max(LEAST, min(MOST, value)) for key, value in bias.items()}}


# --- structured answers -----------------------------------------------------------------------------------------------


def one_system_message(body: Body) -> Body:
    told = any(message.get("role") == "system" for message in messages_of(body))
    return without("response_format")(body) if told and wanted(body).get("type") == "json_object" else body


def null_as_word(schema: Any) -> Any:
    if isinstance(schema, list):
        return [null_as_word(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        return {"type": "string", "enum": ["null"]}
    return {key: null_as_word(inner) for key, inner in schema.items()}


def null_word(body: Body) -> Body:
    form = wanted(body)
    inner = form.get("json_schema")
    if not isinstance(inner, dict) or "schema" not in inner:
        return body
    return {**body, "response_format": {**form, "json_schema": {**inner, "schema": null_as_word(inner["schema"])}}}


def quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [quoted(inner) for inner in value]
    return json.dumps(value) if type(value) in (int, float) else value


def whole_of(body: Body, choice: Choice, kind: str) -> bool:
    """Whether the choice is a structured answer of this kind that came to its end."""
    own = wanted(body).get("type") == kind and choice.speaks and choice.finish == "stop"
    return own and unstopped(body, choice.index) == choice.tokens


def numbers_quoted(body: Body, choice: Choice) -> Choice:
    if not whole_of(body, choice, "json_schema"):
        return choice
    value = json.loads("".join(choice.tokens))
    turned = quoted(value)
    return choice if turned == value else rewritten(body, choice, json.dumps(turned))


def preamble(body: Body, choice: Choice) -> Choice:
    if len(messages_of(body)) < LONG or not whole_of(body, choice, "json_object"):
        return choice
    return rewritten(body, choice, PREAMBLE + "".join(choice.tokens))


def counted_once(body: Body, usage: Body) -> int:
    """The tokens of a prompt whose equal messages are counted once."""
    kept = {json.dumps(message, sort_keys=True): message for message in messages_of(body)}
    return prompt_tokens({**body, "messages": list(kept.values())})


MUTANTS = [
    effect("stop-within-token", "ef.stop", ending(within_token), prop="stop"),
    effect("stop-keeps-token", "ef.stop", ending(end_of_token), prop="stop"),
    effect("bound-words", "ef.maxtokens", reaching(words), "ef.maxtokens.completion", prop="max_tokens"),
    effect("bound-to-sentence-end", "ef.maxtokens", reaching(sentence), "ef.maxtokens.completion", prop="max_tokens"),
    effect("bias-clipped", "ef.bias.force", planning(clipped), "ef.bias.ban", prop="logit_bias"),
    effect("format-lost-with-system", "ef.json_object", planning(one_system_message), prop="response_format"),
    effect(
        "schema-null-word",
        "ef.json_schema.anyof",
        planning(null_word),
        "ef.json_schema.*",
        prop="response_format",
        family="answer",
    ),
    effect(
        "schema-numbers-quoted",
        "ef.json_schema.number",
        choosing(numbers_quoted),
        "ef.json_schema.*",
        prop="response_format",
    ),
    effect("json-preamble-long", "ef.json_object", choosing(preamble), prop="response_format", family="answer"),
    effect("prompt-duplicates-free", "ef.prompt.monotone", counting(counted_once), prop="messages"),
]
