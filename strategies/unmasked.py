"""Bodies in which no option masks what another one does to the answer, and in which every pair of options has met.

The bodies of ``combinations`` show whether properties are accepted together. Their bounds, stop strings and biases
leave little of an answer, so what a forced tool or a format must do to it is seldom to be seen there. Here the bound
has room, nobody says the stop strings, and the bias is nought.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import combinations
from .bodies import SCHEMAS
from .combinations import ABSENT, FEATURES, TOOLS, Body, Rules, body_of, called, rows_of
from .text import LABEL

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
    "account": {
        "some": {
            "user": LABEL,
            "store": True,
            "metadata": {"topic": "test"},
            "service_tier": "auto",
            "modalities": ["text"],
        }
    },
    "history": {"turns": FEATURES["history"]["turns"] * 21, "tool calls": FEATURES["history"]["tool calls"]},
    "last": {"results": called("call00002", "call00003")},
    "system": FEATURES["system"],
    "text": {"weather": "What is the weather in Paris and in Rome?", "unicode": FEATURES["text"]["unicode"]},
    "names": FEATURES["names"],
    "parts": FEATURES["parts"],
}
"""Option → level → the properties (or messages) that add it to a lean body. Every option may also be absent. What is
said before, who speaks last and in which form are options as well: each effect is seen after all kinds of talk."""

_TALK = frozenset({ABSENT, "auto", "none"})
RULES: Rules = (
    *combinations.RULES,
    ("last", frozenset({"results"}), "calling", TOOLS),
    ("format", frozenset({"object", "schema"}), "calling", _TALK),
    ("logprobs", frozenset({"top"}), "calling", _TALK),
    ("calling", frozenset({"auto", "none"}), "text", frozenset({"weather"})),
    ("parallel", frozenset({"true"}), "calling", frozenset({"auto", "none"})),
    ("parallel", frozenset({"false"}), "calling", frozenset({"required", "named"})),
)
"""What may meet: a call that must be made masks what a text has to be, one that must not be made masks how many, and
without a question for the tool nobody sees that a call was left to the model, or forbidden."""

TABLE = """
1111111110111111111 4120011102101110210 1012111101110201100 2112000112010011110 3000011011010101211
3020000010001210111 3120000112110200200 4020000111000201001 2001011001000200100 2010100001101100100
1001001002101010101 0002110100001100010 4020001001110010000 0002100002000000101 0002100001000000200
4000000000000000100 2000000000000000101 0001000000000000200
"""
"""What ``combinations.table(OPTIONS, RULES)`` found; a test tells when it is to be renewed."""

FORCED = ({"calling": "required", "format": "object"}, {"calling": "named", "format": "schema"})
"""Rows beside the table: the format is masked, and the call must be made all the same."""

STREAMED = 10
"""How many rows are streamed as well; those behind them add a pair or two each."""


def _roomy(body: Body) -> Body:
    return body if "max_completion_tokens" in body else {**body, "max_tokens": ROOM}


@cache
def unmasked_bodies() -> tuple[Body, ...]:
    """Few fixed bodies in which every pair of options that may meet has met, then the most telling of them streamed."""
    plain = [_roomy(body_of(row, OPTIONS)) for row in rows_of(TABLE, OPTIONS)]
    forced = [_roomy(body_of(row, OPTIONS)) for row in FORCED]
    return (*plain, *forced, *({**body, **FEATURES["stream"]["usage"]} for body in plain[:STREAMED]))
