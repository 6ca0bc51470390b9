"""Bodies in which no option masks what another one does to the answer, and in which every pair of options has met.

The bodies of ``combinations`` show whether properties are accepted together. Their bounds, stop strings and biases
leave little of an answer, so what a forced tool or a format must do to it is seldom to be seen there. Here the bound
has room, nobody says the stop strings, and the bias is nought.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .bodies import SCHEMAS
from .combinations import FEATURES, Body, body_of, rows_of

ROOM = 128
"""Tokens that a short answer has room in."""

UNSAID = tuple(f"never-said-{letter * 8}" for letter in "qxzj")
"""Stop strings that no answer holds unless somebody asks for them."""

_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather in a city.",
        "parameters": SCHEMAS[0],
        "strict": True,
    },
}
_TOOLS = {"tools": [_TOOL]}

OPTIONS: dict[str, dict[str, Any]] = {
    "calling": {
        "auto": _TOOLS,
        "none": {**_TOOLS, "tool_choice": "none"},
        "required": {**_TOOLS, "tool_choice": "required"},
        "named": {**_TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
    },
    "n": {"2": {"n": 2}},
    "parallel": FEATURES["parallel"],
    "format": {name: FEATURES["format"][name] for name in ("object", "schema")},
    "logprobs": {"top": FEATURES["logprobs"]["top"]},
    "stop": {"array": {"stop": list(UNSAID)}},
    "penalties": {"small": {"frequency_penalty": -0.1, "presence_penalty": 0.1}},
    "logit_bias": {"nought": {"logit_bias": {"0": 0}}},
    "seed": {"1": {"seed": 1}},
    "temperature": {name: FEATURES["temperature"][name] for name in ("0", "0.7")},
    "top_p": {"high": {"top_p": 0.9}},
    "bound": {"new": {"max_completion_tokens": ROOM}},
    "user": FEATURES["user"],
    "store": {"metadata": FEATURES["store"]["metadata"]},
    "service_tier": {"auto": FEATURES["service_tier"]["auto"]},
    "modalities": {"text": FEATURES["modalities"]["text"]},
    "history": {name: FEATURES["history"][name] for name in ("turns", "tool calls")},
    "system": FEATURES["system"],
    "text": {"weather": "What is the weather in Paris and in Rome?"},
    "names": FEATURES["names"],
    "parts": FEATURES["parts"],
}
"""Option → level → the properties (or messages) that add it to a lean body. Every option may also be absent."""

TABLE = """
111111110011011011111 402200111000111111111 311200110210100020001 212211000200010101100
201201001100100110001 010111001211101111000 301011000110011011100 102100000100100120000
410011100210110020100 210000010011001121101 302100011001001101010 102000101210001020011
000210111101110000011 401100000101000000000 200100100000000000010 100200000000000000000
"""
"""What ``combinations.table(OPTIONS)`` found; a test tells when it is to be renewed."""


STREAMED = 12
"""How many rows are streamed as well; those behind them add a pair or two each."""


def _roomy(body: Body) -> Body:
    return body if "max_completion_tokens" in body else {**body, "max_tokens": ROOM}


@cache
def unmasked_bodies() -> tuple[Body, ...]:
    """Few fixed bodies in which every pair of options that may meet has met, then the most telling of them streamed."""
    plain = [_roomy(body_of(row, OPTIONS)) for row in rows_of(TABLE, OPTIONS)]
    return (*plain, *({**body, **FEATURES["stream"]["usage"]} for body in plain[:STREAMED]))
