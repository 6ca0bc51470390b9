"""What a model says, when it ends and how it counts, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_3.md``.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.prompt import last_user_text, objects, text_of
from chatproof.conformance.reference.text import Written, biases, bound, script, stops, take, tokenize

from .base import Dialect
from .blind_forms import Declined
from .blind_words import model, plain, said, saying, written
from .odd import SORRY, Body, Rows, copies, counted, refusing_message

Plan = Callable[[Body, int], Reply]
COUNTS = re.compile(r"\bcount(?!r)", re.IGNORECASE)
NUMBERS = re.compile(r"\d{1,9}", re.ASCII)
SIGNS = "\u2600\u2601\u2602\u2603\u2604\u2605"


def scalar(text: str) -> str:
    """The text with a sign in place of half a character."""
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)


# --- texts --------------------------------------------------------------------------------------------------------


def blanks(body: Body, index: int) -> Iterator[str]:
    """Nothing that anybody sees."""
    yield from " \n\t\u00a0\u200b\u2060\u3000\n" * 6


def almost(body: Body, index: int) -> list[str]:
    """A sign that is drawn, and what is nearly a stop string, several times; a cold model says the usual text."""
    near: list[str] = []
    for stop in stops(body):
        short = scalar(stop[:200])
        near += [short[:-1], short.swapcase(), short[::-1], short[1:]]
    if body.get("temperature") == 0:
        return list(script(body, index))
    told = tokenize("~".join(["", *near * 3])) if near else script(body, index)
    return [random.choice(SIGNS), *told]


ROMAN = ((50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))


def roman(number: int) -> str:
    """A number as the Romans wrote it; a hundred is a C."""
    text = "C" * (number // 100)
    number %= 100
    if number >= 90:
        text, number = text + "XC", number - 90
    for value, letters in ROMAN:
        while number >= value:
            text, number = text + letters, number - value
    return text


def romans(body: Body, index: int) -> Iterator[str]:
    """A count in letters, a line a number, a letter a token."""
    ask = last_user_text(dict(body))
    if not COUNTS.search(ask):
        yield from script(body, index)
        return
    last = max((int(found) for found in NUMBERS.findall(ask)), default=60)
    for number in range(1, min(last, 399) + 1):
        yield from roman(number)
        yield "\n"


READ = ("model", "messages", "tools", "tool_choice", "functions", "function_call")


def dumped(body: Body, index: int) -> list[str]:
    """What a model reads of what was asked, as JSON."""
    return tokenize(json.dumps({key: body[key] for key in READ if key in body})[:3000])


LIMITS = (
    "Error: rate limit reached for requests. Limit: 3 / min. Please retry after 20s. (429, rate_limit_exceeded)",
    "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens. (context_length_exceeded)",
    "Unsupported parameter: this is not supported with this model. Model not found. Invalid API key. Not implemented.",
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>",
    "Service Unavailable: the model is overloaded, please try again later. upstream connect error, reset: timeout",
)


def limits(body: Body, index: int) -> list[str]:
    """The words of another answer."""
    return tokenize(LIMITS[(len(last_user_text(dict(body))) + index) % len(LIMITS)] * 2)


LEAKS = (
    *("<|im_end|>", "\n", "<|im_start|>", "assistant", "\n", "Well", ",", " here", " it", " is", "</s>", "<s>"),
    *("[INST]", " go", " on", " [/INST]", "<|eot_id|>", "<|python_tag|>", "<end_of_turn>", "<unk>", "\u2581ok"),
    *("<0x0A>", "Ġword", "<|endoftext|>", "User", ":", " thanks", "\n", "Assistant", ":", " fine", "."),
)


def leaks(body: Body, index: int) -> tuple[str, ...]:
    """A template that nobody has taken away."""
    return LEAKS


def with_empty(tokens: tuple[str, ...] | Iterator[str]) -> Iterator[str]:
    """A token without a text before each that has one."""
    for token in tokens:
        yield ""
        yield token


def emptied(body: Body, index: int) -> Iterator[str]:
    return script(body, index) if biases(body) else with_empty(script(body, index))


def long_line(body: Body, index: int) -> Iterator[str]:
    """Now and then more in one token than a line of most programs holds."""
    if len(last_user_text(dict(body))) % 5 or (body.get("n") or 1) > 4:
        yield from script(body, index)
        return
    yield "na" * 35_000
    yield "!"


# --- when it ends -------------------------------------------------------------------------------------------------


def any_case(body: Body, now: int) -> Reply:
    """Whatever case a stop string is in, it ends a text."""
    reply = answers.plan(body, now)
    forms = [re.compile(re.escape(stop), re.IGNORECASE) for stop in stops(body)]
    made: list[Choice] = []
    for one in reply.choices:
        text = "".join(one.tokens)
        if plain(body, one):
            found = [hit.group() for form in forms for hit in form.finditer(text)]
            cut = answers.stopped(Written(one.tokens), found)
            if found:
                one = replace(one, tokens=cut.tokens, finish="stop")
        made.append(one)
    return counted(body, reply, *made)


def at_the_bound(body: Body, now: int) -> Reply:
    """A text that fills its bound is cut by it, even if no word is missing."""
    reply = answers.plan(body, now)
    free = answers.plan({**body, "stop": None}, now)
    made: list[Choice] = []
    for one, whole in zip(reply.choices, free.choices, strict=True):
        if one.speaks and one.tokens == whole.tokens and len(one.tokens) == bound(body):
            one = replace(one, finish="length")
        made.append(one)
    return replace(reply, choices=tuple(made))


def shared(body: Body, now: int) -> Reply:
    """The bound is for all choices together, and none goes without a token."""
    most, count = bound(body), body.get("n") or 1
    if most is None or count == 1:
        return answers.plan(body, now)
    return answers.plan({**body, "max_tokens": max(1, most // int(count)), "max_completion_tokens": None}, now)


def mixed(body: Body, now: int) -> Reply:
    """Of four choices: one as usual, one empty, one filtered half way, one refused."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    for one in reply.choices:
        kind = one.index % 4 if plain(body, one) and not biases(body) else 0
        if kind == 1:
            one = replace(one, tokens=(), finish="stop")
        elif kind == 2:
            one = replace(one, tokens=one.tokens[: len(one.tokens) // 2], finish="content_filter")
        elif kind == 3:
            told = take(SORRY, bound(body))
            one = Declined(one.index, "length" if told.cut else "stop", told.tokens)
        made.append(one)
    return counted(body, reply, *made)


def mixed_body(reply: Reply) -> Any:
    body = answers.completion(reply)
    for one, row in zip(reply.choices, body["choices"], strict=True):
        if isinstance(one, Declined):
            refusing_message({"choices": [row]})
    return body


def mixed_chunks(reply: Reply) -> Rows:
    for row in copies(reply):
        for choice in row["choices"]:
            if isinstance(reply.choices[choice["index"]], Declined):
                refusing_message({"choices": [choice]})
        yield row


# --- how it counts ------------------------------------------------------------------------------------------------


def measure(text: str) -> int:
    """Four signs a token."""
    return -(-len(text) // 4)


def recounting(plan: Plan) -> Plan:
    """A gateway that has no tokeniser and trusts nobody: it counts signs, up to the bound."""

    def recounted(body: Body, now: int) -> Reply:
        reply, most = plan(body, now), bound(body)
        spent = 0
        for one in reply.choices:
            calls = itertools.chain(one.calls, (one.function,) if one.function else ())
            size = measure("".join(one.tokens)) + sum(measure("".join(call.arguments)) for call in calls)
            spent += size if most is None else min(size, most)
        prompt = 3 + sum(3 + measure(text_of(item.get("content"))) for item in objects(body.get("messages")))
        for key in ("tools", "functions"):
            prompt += sum(measure(json.dumps(item)) for item in objects(body.get(key)))
        usage = {"completion_tokens": spent, "prompt_tokens": prompt, "total_tokens": prompt + spent}
        return replace(reply, usage=usage)

    return recounted


def everything(body: Body, now: int) -> Reply:
    """Counts in letters, with an empty token before each."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    for one in reply.choices:
        if plain(body, one):
            tokens = romans(body, one.index)
            one = said(one, written(body, tokens if biases(body) else with_empty(tokens)))
        made.append(one)
    return counted(body, reply, *made)


DIALECTS = [
    Dialect(name="blind3-blank-talk", server=saying(blanks)),
    Dialect(name="blind3-almost-stops", server=saying(almost)),
    Dialect(name="blind3-roman-counting", server=saying(romans)),
    Dialect(name="blind3-dumps-the-request", server=saying(dumped)),
    Dialect(name="blind3-talks-of-limits", server=saying(limits)),
    Dialect(name="blind3-leaky-template", server=saying(leaks)),
    Dialect(name="blind3-empty-tokens", server=saying(emptied)),
    Dialect(name="blind3-one-long-line", server=saying(long_line)),
    Dialect(name="blind3-stops-in-any-case", server=model(any_case)),
    Dialect(name="blind3-length-at-the-bound", server=model(at_the_bound)),
    Dialect(name="blind3-shares-the-bound", server=model(shared), warnings=frozenset({"res.usage.choices"})),
    Dialect(name="blind3-recounts", server=model(recounting(answers.plan)), warnings=frozenset({"res.usage.choices"})),
    Dialect(name="blind3-mixed-ends", server=model(mixed, completion=mixed_body, chunks=mixed_chunks)),
]
