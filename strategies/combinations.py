"""Features of request bodies: how to add each to a lean body, and which of them may meet.

``covering_bodies`` are few fixed bodies in which every pair of features that may meet has met.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import cache
from itertools import combinations, product
from typing import Any

from .bodies import EDGES, SCHEMAS, in_parts, lean, named
from .caching import RETENTIONS, TTL
from .custom_tools import allowed as allowed_tools
from .custom_tools import custom, custom_choice
from .messages import USUAL_ARGUMENTS
from .moderation import moderation
from .simpler import PLAIN_TEXTS, worded
from .web_search import located

Body = dict[str, Any]
Message = dict[str, Any]
Row = dict[str, str]
Features = Mapping[str, Mapping[str, Any]]
"""Feature → level → the properties (or messages) that add it to a lean body."""

FIRST = "2024-11"
"""The vintage that is meant where none is named."""

ABSENT = ""
"""The level of a feature that is left out."""

_FUNCTION = {"name": "get_weather", "description": "Current weather in a city.", "parameters": SCHEMAS[0]}
_TOOLS = {"tools": [{"type": "function", "function": _FUNCTION}, {"type": "function", "function": {"name": "f-2"}}]}
_FUNCTIONS = {"functions": [_FUNCTION, {"name": "f-2"}]}
_NAMED = {"type": "function", "function": {"name": "get_weather"}}
_UNICODE = "👩‍👩‍👧‍👦 مرحبا 𝒳 日本語 naïve é"


def _says(role: str, **more: Any) -> Message:
    return {"role": role, "content": PLAIN_TEXTS[role], **more}


def called(*ids: str) -> list[Message]:
    """Calls of the weather tool in one message, and what it said to each."""
    made = [
        {"id": i, "type": "function", "function": {"name": "get_weather", "arguments": USUAL_ARGUMENTS}} for i in ids
    ]
    replies = [_says("tool", tool_call_id=i) for i in ids]
    return [{"role": "assistant", "content": None, "tool_calls": made}, *replies]


_CALLED = {"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": USUAL_ARGUMENTS}}

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
        "tool calls": [_says("user"), *called("call00001"), _says("assistant")],
        "tool last": [],
        "function": [_says("user"), _CALLED, _says("function", name="get_weather"), _says("assistant")],
    },
    "system": {"some": [_says("system")]},
    "text": {"unicode": _UNICODE},
    "names": {"some": named},
    "parts": {"some": in_parts},
}
"""Feature → level → the properties (or messages) that add it to a lean body. Every feature may also be absent."""

_BOTH_TOOLS = {"tools": [*_TOOLS["tools"], custom()]}

LATER: dict[str, dict[str, dict[str, Any]]] = {
    "2026-08": {
        "stream": {"plain": {"stream": True, "stream_options": {"include_obfuscation": False}}},
        "calling": {
            "custom": {**_BOTH_TOOLS, "tool_choice": custom_choice()},
            "allowed": {**_BOTH_TOOLS, "tool_choice": allowed_tools(*_TOOLS["tools"])},
        },
        "service_tier": {"flex": {"service_tier": "flex"}},
        "system": {"developer": [_says("developer")]},
        "effort": {"some": {"reasoning_effort": "low"}},
        "verbosity": {"some": {"verbosity": "low"}},
        "search": {"some": {"web_search_options": located()}},
        "safety": {"some": {"safety_identifier": "user-1"}},
        "cache": {
            "key": {"prompt_cache_key": "key-1"},
            "all": {
                "prompt_cache_key": "key-1",
                "prompt_cache_retention": RETENTIONS[0],
                "prompt_cache_options": {"mode": "explicit", "ttl": TTL},
            },
        },
        "moderation": {"some": {"moderation": moderation()}},
    },
}
"""Features, and levels of features, that later vintages add, by vintage."""


@cache
def features_of(vintage: str) -> Features:
    """The features with the levels that a vintage (``YYYY-MM``) has."""
    found: dict[str, dict[str, Any]] = {name: dict(known) for name, known in FEATURES.items()}
    for more in (rows for since, rows in sorted(LATER.items()) if since <= vintage):
        for name, added in more.items():
            found[name] = {**found.get(name, {}), **added}
    return found


TOOLS = frozenset({"tools", "auto", "none", "required", "named", "custom", "allowed"})
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
    "effort": {ABSENT},
    "verbosity": {ABSENT},
    "search": {ABSENT},
    "moderation": {ABSENT},
}

Rules = tuple[tuple[str, frozenset[str], str, frozenset[str]], ...]

RULES: Rules = (
    ("parallel", frozenset({"true", "false"}), "calling", TOOLS),
    ("history", frozenset({"tool calls", "tool last"}), "calling", TOOLS),
    ("history", frozenset({"function"}), "calling", FUNCTIONS),
    ("n", frozenset({"2"}), "temperature", frozenset({ABSENT, "0.7", "2"})),
    *(
        ("prediction", frozenset({"string", "parts"}), feature, frozenset(levels))
        for feature, levels in _BESIDE_PREDICTION.items()
    ),
    # models that think refuse an effort beside functions, and those that search are another kind again
    ("effort", frozenset({"some"}), "calling", frozenset({ABSENT})),
    ("search", frozenset({"some"}), "calling", frozenset({ABSENT})),
    ("search", frozenset({"some"}), "effort", frozenset({ABSENT})),
)
"""(feature, levels, other feature, levels): where the one has such a level, the other must have one of its."""


_TABLES = {
    "2024-11": """
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
""",
    "2026-08": """
210123120210211311021101010120 322411202022100232030100010111 221913301023021001022110010021
523603110112111222041000000001 312922220123120320002001000110 411001122203020122010101110100
512322021201201300030011000111 502520210122020131021011010020 113412121220011201022011000010
313001001102211312012010100021 221702010202101131041001000110 003002322201120032001011011121
110003201210111030111101000110 510701322022220010042110010021 402110110101101011032000000011
420321310210020222030100010020 101201300001010112022111000110 123520102003210210000110010121
301a23002221100021020110010001 122213011112100320031000000000 202801222111010332000000010101
511003000113211221012100001000 400002200021210110212010000000 213220122220221201010000010021
020a23121003011132031000000010 310001111110001221200101000120 101800011103021320042011000010
211503321210101002032000000010 402703101111010202040000000000 011601202000220300040111010120
412a00300102020300010000000000 300600321221000131042000000010 021a12012010201220002101000120
003111200113100101011010000101 003901112210200212030000000000 001303102122110130022000000000
200001210001200220112010000020 521112302022020230000000000000 323803100022100111000000000000
400413010102220300001000000020 502800300200200202011100000021 022000320022200331012000100010
222000111020000300000000001010 103310200003000011011000000000 300002210011100000001000100000
000003300202100030201000000010 501420000003000110010000000000 100900000001010130011000000000
400511000001000320010000000000 403400300011000020020000000000 400002000022000330100000000000
100001200002000110000000001000 310000311110000101100100000000 103a01200000000010000000000000
202602000003000010000000000000 003700200000000320000000000000 000202200003000030000000000000
300100001000000022000000000000 100000000003000300200000000000 300700000003000000010000000000
000000100003000010100000000000 200003000000000200000000100000 410802000000000000000000000000
500900000002000000000000000000 400600000000000000010000000000 300000000000000000000000001000
100100000000000000000000000000 000502000000000000000000000000 100600000000000000000000000000
400000000000000000000000001000 400200000000000000000000000000 200300000000000000000000000000
500000000000000000100000000000 300500000000000000000000000000 500200000000000000000000000000
300200000000000000000000000000 500000000000000000000000100000 500a00000000000000000000000000
500000000000000000200000000000 200a00000000000000000000000000 400900000000000000000000000000
300300000000000000000000000000 100700000000000000000000000000 200000000000000000200000000000
200400000000000000000000000000 100000000000000000000000100000
""",
}
# What make_rows found, kept because the search takes seconds: a row a word, a digit a feature (0: absent). After a
# change of FEATURES, LATER or RULES print ``table(features_of(vintage))`` and put it in; a test tells when it is old.

DIGITS = string.digits + string.ascii_lowercase
"""What levels are counted in."""


def levels(feature: str, known: Features) -> list[str]:
    """The levels of a feature, absence first."""
    return [ABSENT, *known.get(feature, ())]


def allowed(row: Mapping[str, str], rules: Rules = RULES) -> bool:
    """Whether the features of a row may meet. A row may leave features open."""
    return all(
        row.get(one) not in having or other not in row or row[other] in wanted for one, having, other, wanted in rules
    )


def body_of(row: Mapping[str, str], known: Features) -> Body:
    """The lean body with the features of a row (which must be allowed)."""
    chosen = {feature: known[feature][level] for feature, level in row.items() if level != ABSENT}
    body = lean()
    for addition in chosen.values():
        if isinstance(addition, dict):
            body |= addition
    messages = [*chosen.get("system", []), *chosen.get("history", []), _says("user")]
    messages += chosen.get("last", [])
    if row.get("history") == "tool last":
        messages += called("call00001", "call00002")
    if "text" in chosen:
        messages = [
            {**message, "content": chosen["text"]} if message["role"] == "user" else message for message in messages
        ]
    for change in (named, in_parts):
        messages = change(messages) if change in chosen.values() else messages
    return worded({**body, "messages": messages})


def possible_pairs(known: Features, rules: Rules = RULES) -> set[frozenset[tuple[str, str]]]:
    """Every pair of levels of two features, none of them absent, that some allowed body can have."""
    pairs = (
        ((one, a), (other, b)) for one, other in combinations(known, 2) for a, b in product(known[one], known[other])
    )
    return {frozenset(pair) for pair in pairs if _completable(dict(pair), rules)}


def _completable(row: Row, rules: Rules) -> bool:
    calling = [row["calling"]] if "calling" in row else [ABSENT, *sorted(TOOLS), *sorted(FUNCTIONS)]
    return any(allowed({**row, "calling": level}, rules) for level in calling)


def pairs_in(row: Mapping[str, str]) -> set[frozenset[tuple[str, str]]]:
    """The pairs of levels that a whole row has, without the absent ones."""
    return {frozenset(pair) for pair in combinations([part for part in row.items() if part[1] != ABSENT], 2)}


def make_rows(known: Features, rules: Rules = RULES) -> list[Row]:
    """Search for a covering array anew with covertable, which takes some seconds. The most telling row is first."""
    import covertable  # pyright: ignore[reportMissingTypeStubs]  it has none

    factors = {name: levels(name, known) for name in known}
    held = [rule for rule in rules if rule[0] in factors and rule[2] in factors]

    def either(one: str, having: frozenset[str], other: str, wanted: frozenset[str]) -> dict[str, Any]:
        has = {"operator": "in", "left": one, "values": sorted(having & set(factors[one]))}
        fits = {"operator": "in", "left": other, "values": sorted(wanted & set(factors[other]))}
        return {"operator": "or", "conditions": [{"operator": "not", "condition": has}, fits]}

    constraints = [either(*rule) for rule in held]
    found = list[Any](covertable.make(factors, constraints=constraints, salt="c"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    rows: list[Row] = [{name: row[name] for name in factors} for row in found]  # the salt is the best of some
    ordered: list[Row] = []
    missing = possible_pairs(known, rules)
    while rows and missing:
        best = max(rows, key=lambda row: len(pairs_in(row) & missing))
        rows.remove(best)
        missing -= pairs_in(best)
        ordered.append(best)
    return ordered


def rows_of(table: str, known: Features) -> tuple[Row, ...]:
    """The rows of a table: a word a row, a digit the level of a feature."""
    return tuple(
        {name: levels(name, known)[DIGITS.index(digit)] for name, digit in zip(known, word, strict=True)}
        for word in table.split()
    )


def table(known: Features, rules: Rules = RULES) -> str:
    """A table of rows in which every pair of levels meets, searched anew."""
    rows = make_rows(known, rules)
    words = ["".join(DIGITS[levels(name, known).index(level)] for name, level in row.items()) for row in rows]
    per = 100 // (len(words[0]) + 1)
    return "\n".join(" ".join(words[i : i + per]) for i in range(0, len(words), per))


def covering_rows(vintage: str = FIRST) -> tuple[Row, ...]:
    """Few rows in which every pair of levels that may meet has met, the most telling first."""
    return rows_of(_TABLES[max(known for known in _TABLES if known <= vintage)], features_of(vintage))


@cache
def covering_bodies(vintage: str = FIRST) -> tuple[Body, ...]:
    """Few fixed bodies in which every pair of features that may meet has met, the most telling first."""
    return tuple(body_of(row, features_of(vintage)) for row in covering_rows(vintage))
