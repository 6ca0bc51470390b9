"""Features of request bodies: how to add each to a lean body, and which of them may meet.

``covering_bodies`` are few fixed bodies in which every pair of features that may meet has met.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import combinations, product
from typing import Any

from .bodies import EDGES, SCHEMAS, in_parts, lean, named
from .simpler import PLAIN_TEXTS, worded

Body = dict[str, Any]
Message = dict[str, Any]
Row = dict[str, str]

ABSENT = ""
"""The level of a feature that is left out."""

_FUNCTION = {"name": "get_weather", "description": "Current weather in a city.", "parameters": SCHEMAS[0]}
_TOOLS = {"tools": [{"type": "function", "function": _FUNCTION}, {"type": "function", "function": {"name": "f-2"}}]}
_FUNCTIONS = {"functions": [_FUNCTION, {"name": "f-2"}]}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_UNICODE = "👩‍👩‍👧‍👦 مرحبا 𝒳 日本語 naïve é"


def _says(role: str, **more: Any) -> Message:
    return {"role": role, "content": PLAIN_TEXTS[role], **more}


def _calls(*ids: str) -> list[Message]:
    made = [{"id": i, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for i in ids]
    replies = [_says("tool", tool_call_id=i) for i in ids]
    return [{"role": "assistant", "content": None, "tool_calls": made}, *replies]


_CALLED = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": "{}"}}

FEATURES: dict[str, dict[str, Any]] = {
    "stream": {
        "true": {"stream": True},
        "usage": {"stream": True, "stream_options": {"include_usage": True}},
        "no usage": {"stream": True, "stream_options": {"include_usage": False}},
        "false": {"stream": False, "stream_options": None},
    },
    "n": {"1": {"n": 1}, "2": {"n": 2}},
    "logprobs": {
        "true": {"logprobs": True},
        "top": {"logprobs": True, "top_logprobs": 2},
        "false": {"logprobs": False, "top_logprobs": None},
    },
    "calling": {
        "tools": _TOOLS,
        "auto": {**_TOOLS, "tool_choice": "auto"},
        "none": {**_TOOLS, "tool_choice": "none"},
        "required": {**_TOOLS, "tool_choice": "required"},
        "named": {**_TOOLS, "tool_choice": _NAMED},
        "functions": _FUNCTIONS,
        "function auto": {**_FUNCTIONS, "function_call": "auto"},
        "function named": {**_FUNCTIONS, "function_call": {"name": "get_weather"}},
    },
    "parallel": {"true": {"parallel_tool_calls": True}, "false": {"parallel_tool_calls": False}},
    "format": {
        "text": {"response_format": {"type": "text"}},
        "object": {"response_format": {"type": "json_object"}},
        "schema": {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "city", "schema": SCHEMAS[0], "strict": True},
            }
        },
    },
    "stop": {"string": {"stop": "\n"}, "array": {"stop": EDGES["stop"][1]}, "null": {"stop": None}},
    "frequency_penalty": {"low": {"frequency_penalty": -2}, "high": {"frequency_penalty": 2}},
    "presence_penalty": {"low": {"presence_penalty": -2.0}, "high": {"presence_penalty": 2.0}},
    "logit_bias": {"some": {"logit_bias": EDGES["logit_bias"][1]}, "empty": {"logit_bias": {}}},
    "seed": {"0": {"seed": 0}, "large": {"seed": 2**53 - 1}},
    "temperature": {"0": {"temperature": 0}, "0.7": {"temperature": 0.7}, "2": {"temperature": 2}},
    "top_p": {"low": {"top_p": 0.1}, "1": {"top_p": 1}},
    "bound": {"old": {"max_tokens": 16}, "new": {"max_completion_tokens": 16}},
    "user": {"some": {"user": "user-1"}},
    "store": {
        "true": {"store": True},
        "metadata": {"store": True, "metadata": {"topic": "test"}},
        "false": {"store": False, "metadata": None},
    },
    "service_tier": {"auto": {"service_tier": "auto"}, "default": {"service_tier": "default"}},
    "modalities": {"text": {"modalities": ["text"]}, "null": {"modalities": None, "audio": None}},
    "prediction": {
        "string": {"prediction": {"type": "content", "content": "Hi."}},
        "parts": {"prediction": {"type": "content", "content": [{"type": "text", "text": "Hi."}]}},
    },
    # What follows says how the conversation is made: messages in front of or behind the lean one, or a change to all.
    "history": {
        "turns": [_says("user"), _says("assistant")],
        "tool calls": [_says("user"), *_calls("call00001"), _says("assistant")],
        "tool last": [],
        "function": [_says("user"), _CALLED, _says("function", name="get_weather"), _says("assistant")],
    },
    "system": {"some": [_says("system")]},
    "text": {"unicode": _UNICODE},
    "names": {"some": named},
    "parts": {"some": in_parts},
}
"""Feature → level → the properties (or messages) that add it to a lean body. Every feature may also be absent."""

TOOLS = frozenset({"tools", "auto", "none", "required", "named"})
"""The levels of ``calling`` that declare tools."""

FUNCTIONS = frozenset({"functions", "function auto", "function named"})
"""The levels of ``calling`` that declare legacy functions."""

# A prediction meets nothing that some guide excludes, not even a harmless value of it.
_BESIDE_PREDICTION = {
    "n": {ABSENT, "1"},
    "logprobs": {ABSENT},
    "calling": {ABSENT},
    "frequency_penalty": {ABSENT, "low"},
    "presence_penalty": {ABSENT, "low"},
    "bound": {ABSENT, "old"},
    "modalities": {ABSENT, "text"},
}

RULES: tuple[tuple[str, frozenset[str], str, frozenset[str]], ...] = (
    ("parallel", frozenset({"true", "false"}), "calling", TOOLS),
    ("history", frozenset({"tool calls", "tool last"}), "calling", TOOLS),
    ("history", frozenset({"function"}), "calling", FUNCTIONS),
    ("n", frozenset({"2"}), "temperature", frozenset({ABSENT, "0.7", "2"})),
    *(
        ("prediction", frozenset({"string", "parts"}), feature, frozenset(levels))
        for feature, levels in _BESIDE_PREDICTION.items()
    ),
)
"""(feature, levels, other feature, levels): where the one has such a level, the other must have one of its."""


_TABLE = """
221522102012211011011101 113600121212020122040111 410211011103220321031001 311601312221101311040000
312322320112101220030010 213421211111010210020001 002412121023201302021010 323703220023110112000000
121310202223010201001101 423801322120020002011010 212702001001121212041111 112803210113100322011000
111111312021010120030000 300003101021211211210110 422121100202001312001101 203210300112101011020110
422602210010211320041101 200123120110120101030110 200002301223200120100001 101202220101020112020000
413510010121120322020000 203313111000220312010000 301800021000021110011111 120420002222211022030100
102503302200001200020110 000000210101111220111110 400803200202210201040000 023122201203020011030000
401403300001120101000000 022213122220010100000010 010003010112000000200001 400000300200100320211000
300511221003000100000000 001701112211000002040000 310001100010000011100000 400700300100200320010000
312100000000200201020000 100002200003000100200000 000301000001000100020000 300220000000000200010000
400003000002000300100000 002802300103000000040000 000603000103000000000000 200600000000000200010000
100700000002000001000000 200800100001000000000000 300400000000000000010000 420300000000000000020000
200001000000000000200000 000500000000000000030000 100000000000000000100000 000100000000000000010000
"""
# What make_rows found, kept because the search takes seconds: a row a word, a digit a feature (0: absent). After a
# change of FEATURES or RULES print ``table()`` and put it in; a test tells when that was forgotten.


def levels(feature: str) -> list[str]:
    """The levels of a feature, absence first."""
    return [ABSENT, *FEATURES[feature]]


def allowed(row: Mapping[str, str]) -> bool:
    """Whether the features of a row may meet. A row may leave features open."""
    return all(
        row.get(one) not in having or other not in row or row[other] in wanted for one, having, other, wanted in RULES
    )


def body_of(row: Mapping[str, str]) -> Body:
    """The lean body with the features of a row (which must be allowed)."""
    chosen = {feature: FEATURES[feature][level] for feature, level in row.items() if level != ABSENT}
    body = lean()
    for addition in chosen.values():
        if isinstance(addition, dict):
            body |= addition
    messages = [*chosen.get("system", []), *chosen.get("history", []), _says("user")]
    if row.get("history") == "tool last":
        messages += _calls("call00001", "call00002")
    if "text" in chosen:
        messages = [
            {**message, "content": chosen["text"]} if message["role"] == "user" else message for message in messages
        ]
    for change in (named, in_parts):
        messages = change(messages) if change in chosen.values() else messages
    return worded({**body, "messages": messages})


def possible_pairs() -> set[frozenset[tuple[str, str]]]:
    """Every pair of levels of two features, none of them absent, that some allowed body can have."""
    pairs = (
        ((one, a), (other, b))
        for one, other in combinations(FEATURES, 2)
        for a, b in product(FEATURES[one], FEATURES[other])
    )
    return {frozenset(pair) for pair in pairs if _completable(dict(pair))}


def _completable(row: Row) -> bool:
    calling = [row["calling"]] if "calling" in row else levels("calling")
    return any(allowed({**row, "calling": level}) for level in calling)


def pairs_in(row: Mapping[str, str]) -> set[frozenset[tuple[str, str]]]:
    """The pairs of levels that a whole row has, without the absent ones."""
    return {frozenset(pair) for pair in combinations([part for part in row.items() if part[1] != ABSENT], 2)}


def make_rows() -> list[Row]:
    """Search for a covering array anew with covertable, which takes some seconds. The most telling row is first."""
    import covertable

    def either(one: str, having: frozenset[str], other: str, wanted: frozenset[str]) -> dict[str, Any]:
        has = {"operator": "in", "left": one, "values": sorted(having)}
        fits = {"operator": "in", "left": other, "values": sorted(wanted)}
        return {"operator": "or", "conditions": [{"operator": "not", "condition": has}, fits]}

    factors = {name: levels(name) for name in FEATURES}
    found = covertable.make(factors, constraints=[either(*rule) for rule in RULES], salt="c")  # the best of some salts
    rows = [{name: row[name] for name in FEATURES} for row in found]
    ordered: list[Row] = []
    missing = possible_pairs()
    while rows and missing:
        best = max(rows, key=lambda row: len(pairs_in(row) & missing))
        rows.remove(best)
        missing -= pairs_in(best)
        ordered.append(best)
    return ordered


def covering_rows() -> tuple[Row, ...]:
    """Few rows in which every pair of levels that may meet has met, the most telling first."""
    return tuple(
        {name: levels(name)[int(digit)] for name, digit in zip(FEATURES, word, strict=True)} for word in _TABLE.split()
    )


@cache
def covering_bodies() -> tuple[Body, ...]:
    """Few fixed bodies in which every pair of features that may meet has met, the most telling first."""
    return tuple(body_of(row) for row in covering_rows())


def table() -> str:
    """A table for this module, searched anew."""
    words = ["".join(str(levels(name).index(level)) for name, level in row.items()) for row in make_rows()]
    return "\n".join(" ".join(words[i : i + 4]) for i in range(0, len(words), 4))
