"""Sampling numbers: temperature, top_p, the penalties, seed and n (fact base §1.5)."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ..model import Chapter, Request, Strength
from .forms import (
    accepts,
    contested,
    decimal_bounds,
    default_accepted,
    documented,
    integer_ceiling,
    integer_floor,
    integral_observed,
    leanest,
    null_accepted,
    observes,
    values,
    varying,
    wrong_types_refused,
)

_PENALTIES = ("frequency_penalty", "presence_penalty")
_SAFE_SEED = 2**53 - 1

temperature = [
    *decimal_bounds("temperature", 0, 2, documented("temperature: a number from 0 to 2")),
    wrong_types_refused("temperature", "number", source=documented("temperature: a number")),
    null_accepted("temperature", documented("temperature: nullable")),
    default_accepted("temperature", 1, documented("temperature: default 1")),
    accepts(
        "temperature.number",
        "temperature",
        "accepts temperature as an integer, with a fraction and with many digits",
        documented("temperature: a number"),
        values("temperature", 1, 1.0, 1e-3, 0.30000000000000004),
    ),
    accepts(
        "temperature.exponent",
        "temperature",
        "accepts temperature written with an exponent or a minus before zero",
        documented("temperature: a number"),
        [Request(raw=f'{json.dumps(lean())[:-1]}, "temperature": {text}}}'.encode()) for text in ("1e0", "5E-1", "-0")],
        control=leanest,
    ),
]

top_p = [
    *decimal_bounds(
        "top_p",
        0,
        1,
        documented("top_p: minimum 0, maximum 1"),
        edges={"min": {"strength": Strength.SHOULD}},
    ),
    wrong_types_refused("top_p", "number", source=documented("top_p: a number")),
    null_accepted("top_p", documented("top_p: nullable")),
    default_accepted("top_p", 1, documented("top_p: default 1")),
]

penalties = [
    rule
    for name in _PENALTIES
    for rule in (
        *decimal_bounds(name, -2, 2, documented(f"{name}: a number from -2.0 to 2.0")),
        wrong_types_refused(name, "number", source=documented(f"{name}: a number")),
        null_accepted(name, documented(f"{name}: nullable")),
        default_accepted(name, 0, documented(f"{name}: default 0")),
    )
]

seed = [
    accepts(
        "seed.type",
        "seed",
        "accepts any integer within ±(2^53-1) as seed",
        documented("seed: an integer"),
        values("seed", 0, 1, -1, 2**31, -(2**31) - 1, _SAFE_SEED, -_SAFE_SEED),
        examples=varying("seed", st.integers(-_SAFE_SEED, _SAFE_SEED)),
    ),
    wrong_types_refused("seed", "integer", source=documented("seed: an integer")),
    null_accepted("seed", documented("seed: nullable")),
    integral_observed("seed", 1),
    observes(
        "seed.int64",
        "seed",
        "accepts the ends of the int64 range as seed",
        contested("seed: the schema's bounds are int64 rounded through a double"),
        values("seed", 2**63 - 1, -(2**63)),
    ),
    observes(
        "seed.range",
        "seed",
        "refuses seeds outside 64 bits",
        contested("seed: the printed bounds lie outside int64, so nothing is asserted beyond it"),
        values("seed", 2**64, -(2**64)),
    ),
]

n = [
    *integer_floor("n", 1, documented("n: minimum 1")),
    *integer_ceiling(
        "n",
        128,
        documented("n: maximum 128"),
        accepted_strength=Strength.SHOULD,
        risky=True,
        needs=["multiple_choices"],
    ),
    wrong_types_refused("n", "integer", source=documented("n: an integer")),
    null_accepted("n", documented("n: nullable")),
    default_accepted("n", 1, documented("n: default 1")),
    integral_observed("n", 1),
    accepts(
        "n.few",
        "n",
        "accepts n of 2 and 3",
        documented("n: up to 128"),
        values("n", 2, 3),
        strength=Strength.SHOULD,  # a service may stop at two, as it may at one
        needs=["multiple_choices"],
    ),
    accepts(
        "n.more",
        "n",
        "accepts n of 6",
        documented("n: up to 128"),
        values("n", 6),
        strength=Strength.SHOULD,  # engines are started with room for four
        needs=["multiple_choices"],
    ),
    observes(
        "n.temp0",
        "n",
        "accepts n above 1 with temperature 0",
        contested("n, temperature: no document forbids it; some engines refuse several greedy samples"),
        [lean(n=2, temperature=0)],
        needs=["multiple_choices"],
    ),
]

CHAPTER = Chapter("sampling", "Sampling numbers", (*temperature, *top_p, *penalties, *seed, *n))
