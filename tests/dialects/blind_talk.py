"""What a model says, thought of without knowing what is checked: other tongues, other tokens, other habits.

Why each of them conforms is told in ``BLIND_2.md``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

from chatproof.conformance.reference import answers
from chatproof.conformance.reference.answers import Choice, Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.prompt import last_user_text
from chatproof.conformance.reference.text import Written, bound, stopped, stops, take, tokenize

from .base import Dialect
from .odd import Body, counted, speaking

Tokens = tuple[str, ...]
UNBOUND = {"max_tokens": None, "max_completion_tokens": None, "stop": None}


def structured(body: Body) -> bool:
    """Whether a JSON text is asked for."""
    return (body.get("response_format") or {}).get("type", "text") != "text"


def written(body: Body, tokens: Tokens) -> Written:
    """What the bound and the stop strings leave of a text."""
    return stopped(take(tokens, bound(body)), stops(body))


def free(body: Body) -> Body:
    """The body for a model that calls nothing unless it must."""
    if body.get("tools") and body.get("tool_choice") in (None, "auto"):
        body = {**body, "tool_choice": "none"}
    if body.get("functions") and body.get("function_call") in (None, "auto"):
        body = {**body, "function_call": "none"}
    return body


def retelling(
    say: Callable[[Body, Tokens], Tokens], heard: Callable[[Body], Body] = lambda body: body
) -> Callable[[Body, int], Reply]:
    """A plan that tells every free text anew, from all the tokens that the reference would say."""

    def plan(body: Body, now: int) -> Reply:
        asked = heard(body)
        reply, whole = answers.plan(asked, now), answers.plan({**asked, **UNBOUND}, now)
        made: list[Choice] = []
        for one, full in zip(reply.choices, whole.choices, strict=True):
            if one.speaks and not structured(body):
                told = written(body, say(body, full.tokens))
                one = replace(one, tokens=told.tokens, finish="length" if told.cut else "stop")
            made.append(one)
        return counted(body, reply, *made)

    return plan


def _of_many(body: Body, index: int, *texts: str) -> str:
    """One of several texts: another for every choice and every length of the question."""
    return texts[(index + len(last_user_text(dict(body)))) % len(texts)]


def japanese(body: Body, index: int) -> Tokens:
    """A sign a token."""
    text = _of_many(
        body,
        index,
        "吾輩は猫である。名前はまだ無い。",
        "雨にも負けず、風にも負けず。「はい」と答えた。",
        "今日は良い天気ですね。散歩に行きましょう！",
    )
    return tuple(text * 3)


MARKS = (
    "Z\u0351\u0321a\u0300\u0301\u0302\u0303l\u0334g\u0335o\u0336 ",
    "e\u0301 \u00e9 n\u0303 \u1112\u1161\u11ab\u1100\u1173\u11af ",
    "\u0915\u094d\u0937\u093f \u0e01\u0e33\u0e49 \ufb01 \u212b \U0001f3f4\u200d\u2620\ufe0f ",
)


def combining(body: Body, index: int) -> Tokens:
    """A code point a token, so that one may begin with a mark that belongs to the sign before."""
    return tuple(_of_many(body, index, *MARKS) * 3)


def controls(body: Body, index: int) -> Tokens:
    """Signs that nobody sees."""
    return tuple("a\x00b\x1b[31mc\x07\x08\x7f\x85\ufffe\uffff\u202eabc\u202c\u2066x\u2069\U0010ffff\x1c\x1d end" * 2)


def fat(body: Body, index: int) -> Tokens:
    """Six hundred characters in a token."""
    return tuple(f"{word} " * (600 // (len(word) + 1)) for word in ("stone", "lantern", "moss", "heron", "kettle"))


def long_winded(body: Body, index: int) -> Tokens:
    """Very much, shared by the choices."""
    most = max(8, 1200 // int(body.get("n") or 1))
    return tuple(itertools.islice(itertools.cycle((" on", " and", " on", ",", " then", " off")), most))


def echo(body: Body, index: int) -> Tokens:
    """The beginning of what was asked; half a character is a sign for it."""
    asked = last_user_text(dict(body))[:2000]
    clean = "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in asked)
    return tuple(tokenize(clean)[:400])


def says_done(body: Body, index: int) -> Tokens:
    """Tokens that look like the end of a stream, like an error, like nothing."""
    return ("[DONE]", "\n", "data: [DONE]", "\n\n", "null", ' {"error":{}}', "[DONE]", " undefined", "\r\n\r\n") * 2


def call_in_text(body: Body, tokens: Tokens) -> Tokens:
    """A call as a model writes it that nobody listens to."""
    declared = [tool["function"] for tool in body.get("tools") or () if "function" in tool]
    if not declared:
        return tokens
    call = {"name": declared[0]["name"], "arguments": {"q": "x"}}
    return ("<tool_call>", "\n", *tokenize(json.dumps(call)), "\n", "</tool_call>")


def with_thoughts(body: Body, tokens: Tokens) -> Tokens:
    """Thoughts in a tag, and then the text."""
    return ("<think>", "\n", "Hm", ",", " what", " is", " wanted", "?", "\n", "</think>", "\n\n", *tokens)


def one_answer(body: Body, index: int) -> Tokens:
    """What a mock says."""
    return ("This", " is", " a", " mock", " answer", ".", " Nothing", " was", " read", ".")


def _model(name: str, plan: Callable[[Body, int], Reply]) -> Dialect:
    return Dialect(name=f"blind2-{name}", server=Reference(behaviour=Behaviour(plan=plan)))


DIALECTS = [
    Dialect(name="blind2-japanese", server=speaking(japanese)),
    Dialect(name="blind2-combining", server=speaking(combining)),
    Dialect(name="blind2-control-characters", server=speaking(controls)),
    Dialect(name="blind2-fat-tokens", server=speaking(fat)),
    Dialect(name="blind2-long-winded", server=speaking(long_winded)),
    Dialect(name="blind2-echo", server=speaking(echo)),
    Dialect(name="blind2-says-done", server=speaking(says_done)),
    Dialect(name="blind2-one-answer", server=speaking(one_answer)),
    _model("calls-in-text", retelling(call_in_text, free)),
    _model("think-tags", retelling(with_thoughts)),
    _model("shy", lambda body, now: answers.plan(free(body), now)),
]
