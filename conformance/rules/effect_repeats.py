"""What a server may do alike at another time, reported only (fact base §3.2)."""

from __future__ import annotations

from ...strategies.bodies import lean
from ..model import Body, Fresh, Request, Script, Strength, Undecided
from .effect_forms import relation, text_of
from .effect_stops import stop_prefix
from .views import completion, long_answer


def repeats(body: Body) -> Script:
    first = yield Request(body)
    second = yield Fresh(Request(body))
    marks = [completion(exchange).get("system_fingerprint") for exchange in (first, second)]
    if not text_of(first) or marks[0] != marks[1]:
        raise Undecided("no two texts of one configuration to compare")
    return None if text_of(first) == text_of(second) else "the same request gets two different texts"


def longer(body: Body) -> Script:
    before = 0
    for most in (8, 16, 32, 64):
        after = len(text_of((yield Request({**body, "max_tokens": most}))))
        if after < before:
            return f"a larger bound makes the text shorter: {after} characters for {most} tokens, {before} for fewer"
        before = after
    return None


RULES = [
    relation(row, prop, title, script, pin, strength=Strength.MAY)
    for row, prop, title, script, pin in (
        ("ef.seed", "seed", "repeats its text for the same seed", repeats, lean(seed=7, max_tokens=16)),
        ("ef.temp0", "temperature", "repeats its text at temperature 0", repeats, lean(temperature=0, max_tokens=16)),
        (
            "ef.stop.prefix",
            "stop",
            "only shortens the text for a stop string at temperature 0",
            stop_prefix,
            long_answer(max_tokens=32, temperature=0),
        ),
        (
            "ef.monotone.max",
            "max_tokens",
            "does not shorten a text for a larger bound at temperature 0",
            longer,
            long_answer(temperature=0),
        ),
    )
]
