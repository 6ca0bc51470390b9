"""Bodies whose answers end before their time, after every kind of conversation and beside every other option.

A bound or a stop string is seen at work only where more would have been said: here an endless answer is asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import combinations
from .combinations import ABSENT, FEATURES, TOOLS, Body, Rules, body_of, called, rows_of
from .unmasked import OPTIONS as UNMASKED

ENDLESS = "Count from 1 to 1000, one number after the other, and do not stop early."
"""Asks for a long answer, whose beginning is known."""

OPTIONS: dict[str, dict[str, Any]] = {
    "cut": {
        "old": {"max_tokens": 8},
        "new": {"max_completion_tokens": 8},
        "stop": {"stop": ["9", "3 and more", "3", '"'], "max_tokens": 64},  # the last one ends JSON, whatever it says
    },
    "text": {"endless": ENDLESS},
    "calling": {"auto": UNMASKED["calling"]["auto"]},
    "n": {"2": {"n": 2}},
    "stream": {"usage": FEATURES["stream"]["usage"]},
    "logprobs": {"true": FEATURES["logprobs"]["true"]},
    "sampling": {"some": {"seed": 1, "logit_bias": {"0": 0}, "top_p": 0.9, "service_tier": "auto"}},
    "format": {"object": FEATURES["format"]["object"]},
    "history": {"calls": [*UNMASKED["history"]["turns"], *UNMASKED["history"]["tool calls"]]},
    "last": {"results": called("call00002", "call00003")},
    "system": FEATURES["system"],
    "names": FEATURES["names"],
    "parts": FEATURES["parts"],
}
"""Option → level → the properties (or messages) that add it to a lean body. Every option may also be absent."""

_CUTS = frozenset(OPTIONS["cut"])
RULES: Rules = (
    *combinations.RULES,
    ("cut", frozenset({ABSENT}), "text", frozenset()),
    ("cut", _CUTS, "text", frozenset({"endless"})),
    ("history", frozenset({"calls"}), "calling", TOOLS),
    ("last", frozenset({"results"}), "calling", TOOLS),
)
"""What may meet: in every body something cuts an endless answer."""

TABLE = """
2110111011110 3111000101111 1110111101000 3110011010011 1101010000110 2110100111001 3101101100100
1111000010001 2101000000001
"""
"""What ``combinations.table(OPTIONS, RULES)`` found; a test tells when it is to be renewed."""

ENOUGH = 8
"""How many rows are used; one behind them adds the pair of several choices and a stream, which others send."""


@cache
def cut_bodies() -> tuple[Body, ...]:
    """Few fixed bodies with an answer that is cut, in which nearly every pair of options that may meet has met."""
    return tuple(body_of(row, OPTIONS) for row in rows_of(TABLE, OPTIONS)[:ENOUGH])
