"""Blind dialects of words: what a model says, how long, and when it ends (see ``BLIND.md``)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.prompt import digest, last_user_text
from chatproof.conformance.reference.text import (
    VOCABULARY,
    Written,
    biased,
    biases,
    bound,
    script,
    stopped,
    stops,
    take,
    tokenize,
)

from .base import Dialect
from .odd import Body, counted


def model(plan: Callable[[Body, int], Reply], **more: Any) -> Reference:
    """A server whose model decides by this plan."""
    return Reference(behaviour=Behaviour(plan=plan, **more))


def plain(body: Body, choice: Choice) -> bool:
    """Whether a choice is a text in no particular format."""
    return choice.speaks and (body.get("response_format") or {}).get("type", "text") == "text"


def uncalled(body: Body) -> Body:
    """The body of somebody who lets the model choose, and whose model chooses not to call."""
    if body.get("tools") and body.get("tool_choice") in (None, "auto"):
        return {**body, "tool_choice": "none"}
    if body.get("functions") and body.get("function_call") in (None, "auto"):
        return {**body, "function_call": "none"}
    return body


def written(body: Body, tokens: Iterable[str]) -> Written:
    """What is left of a text after biases, bound and stop strings."""
    return stopped(take(biased(tokens, biases(body)), bound(body)), stops(body))


def said(choice: Choice, text: Written) -> Choice:
    """The choice with another text."""
    return replace(choice, tokens=text.tokens, finish="length" if text.cut else "stop")


def saying(say: Callable[[Body, int], Iterable[str]], heard: Callable[[Body], Body] = lambda body: body) -> Reference:
    """A model whose plain texts are what ``say`` tells, and that calls and makes objects as the reference does."""

    def plan(body: Body, now: int) -> Reply:
        reply = answers.plan(heard(body), now)
        made = [said(one, written(body, say(body, one.index))) if plain(body, one) else one for one in reply.choices]
        return counted(body, reply, *made)

    return model(plan)


# --- texts --------------------------------------------------------------------------------------------------------


def markup(body: Body, index: int) -> Iterable[str]:
    """A call as some models write it, which nobody has parsed."""
    tools = [tool["function"]["name"] for tool in body.get("tools") or () if "function" in tool]
    name = next(iter(tools), "lookup")
    call = f'{{"name": "{name}", "arguments": {{"place": "Paris"}}}}'
    forms = (
        f"<tool_call>\n{call}\n</tool_call>",
        f"[TOOL_CALLS][{call}]",
        f"<|python_tag|>{name}(place='Paris')<|eom_id|>",
    )
    return tokenize(forms[index % len(forms)])


#: A mark without a letter, letters with many marks, both directions, joiners, selectors and signs without a form.
SCRIPT = (
    "\u0301مرحباً \u202eabc\u202c \u200fe\u0301\u0327\u0323\u0310 \u0928\u092e\u0938\u094d\u0924\u0947 "
    "\u0ba8\u0bbf 👨\u200d👩\u200d👧\ufe0f 🇫🇷 a\u20dd \U0001d554\U000e0067 \u2066العدد\u2069 \ufdfa\ufffc"
)


def other_script(body: Body, index: int) -> Iterable[str]:
    """A token a code point; the count is in the digits of that script."""
    digits = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    count = "، ".join(str(number + index).translate(digits) for number in range(1, 60))
    return tuple(SCRIPT + count)


def echo(body: Body, index: int) -> Iterable[str]:
    """The first two thousand characters of what the user said last."""
    text = last_user_text(dict(body))[:2_000]
    return tokenize("".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text))


def long_winded(body: Body, index: int) -> Iterator[str]:
    """Some two thousand words for all choices together."""
    draw = random.Random(digest(dict(body)) + index)
    words = [token for token in VOCABULARY if token.startswith(" ") and len(token) > 1]
    yield "Well"
    for place in range(1, max(20, 2_000 // int(body.get("n") or 1))):
        yield "," if place % 7 == 0 else draw.choice(words)
    yield "."


ERRORS = (
    '{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}',
    'data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}\n\n',
    '{"object":"error","message":"CUDA out of memory","type":"InternalServerError","param":null,"code":500}',
    "event: error\ndata: [DONE]\n\n",
)


def error_talk(body: Body, index: int) -> Iterable[str]:
    """A text that is an error, word for word."""
    return tokenize(ERRORS[(digest(dict(body)) + index) % len(ERRORS)])


# --- ends ---------------------------------------------------------------------------------------------------------


def stops_at_once(body: Body, now: int) -> Reply:
    """Any stop string is the first thing that would be said."""
    reply = answers.plan(body, now)
    silent = bool(stops(body))
    made = [replace(one, tokens=(), finish="stop") if silent and plain(body, one) else one for one in reply.choices]
    return counted(body, reply, *made)


def fits_the_bound(body: Body, now: int) -> Reply:
    """A model that sees its bound coming and ends of itself."""
    reply = answers.plan(body, now)
    most = bound(body)
    made: list[Choice] = []
    for one in reply.choices:
        if plain(body, one) and one.finish == "length" and most is not None and most > 1:
            text = take(biased(script(body, one.index), biases(body)), most - 1)
            one = replace(one, tokens=stopped(text, stops(body)).tokens, finish="stop")
        made.append(one)
    return counted(body, reply, *made)


def stripped(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Without the blanks at both ends, be they tokens or parts of tokens."""
    left = list(tokens)
    while left and not left[0].lstrip():
        del left[0]
    while left and not left[-1].rstrip():
        del left[-1]
    if left:
        left[0] = left[0].lstrip()
        left[-1] = left[-1].rstrip()
    return tuple(left)


def trims(body: Body, now: int) -> Reply:
    """A blank before and a line end after every text are generated, counted, and taken away."""
    reply = answers.plan(body, now)
    made: list[Choice] = []
    hidden = 0
    for one in reply.choices:
        if plain(body, one):
            text = written(body, (" ", *script(body, one.index), "\n"))
            shown = stripped(text.tokens)
            hidden += len(text.tokens) - len(shown)
            one = replace(one, tokens=shown, finish="length" if text.cut else "stop")
        made.append(one)
    reply = counted(body, reply, *made)
    more = {name: reply.usage[name] + hidden for name in ("completion_tokens", "total_tokens")}
    return replace(reply, usage={**reply.usage, **more})


def twins(body: Body, now: int) -> Reply:
    """Choices without a difference, and calls that are numbered in each of them."""
    reply = answers.plan({**body, "temperature": 0}, now)
    made = [
        replace(one, calls=tuple(replace(call, ident=str(at)) for at, call in enumerate(one.calls)))
        for one in reply.choices
    ]
    return replace(reply, choices=tuple(made))


DIALECTS = [
    Dialect(name="blind-markup-calls", server=saying(markup, uncalled)),
    Dialect(name="blind-other-script", server=saying(other_script)),
    Dialect(name="blind-echoes", server=saying(echo)),
    Dialect(name="blind-long-winded", server=saying(long_winded)),
    Dialect(name="blind-error-talk", server=saying(error_talk)),
    Dialect(name="blind-stops-at-once", server=model(stops_at_once)),
    Dialect(name="blind-fits-the-bound", server=model(fits_the_bound)),
    Dialect(name="blind-trims", server=model(trims)),
    Dialect(name="blind-twins", server=model(twins)),
]
