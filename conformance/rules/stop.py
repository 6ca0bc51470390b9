"""Stop sequences (fact base §1.7).

stop.type.refuses is the refusing side of the row stop.string. The default of stop is null, so the null rule is the
default rule. Left out: stop.model (it would test the model).
"""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies.faults import bad_item_in
from ...strategies.stop import MOST, stop_lists, stop_strings
from ...strategies.wrong import wrong_type
from ..model import Chapter
from .forms import (
    accepts,
    contested,
    documented,
    null_accepted,
    observes,
    refuses,
    values,
    varying,
    wrong_types_refused,
)

_ITEMS = documented("stop: up to 4 strings")

one = [
    accepts(
        "stop.string",
        "stop",
        "accepts a string as stop",
        documented("stop: a string or an array of strings"),
        values("stop", "\n", "END", "([{*+?|^$%s\\"),
        examples=varying("stop", stop_strings()),
    ),
    wrong_types_refused(
        "stop", "string", "array", source=documented("stop: a string or an array of strings"), first=[7, True]
    ),
    null_accepted("stop", documented("stop: nullable")),
    observes(
        "stop.empty.string",
        "stop",
        "accepts an empty string as stop",
        contested("stop: a string without a minimum length, and nothing to look for"),
        values("stop", "", [""]),
    ),
]

several = [
    accepts("stop.array.min", "stop", "accepts an array of one stop", _ITEMS, values("stop", ["END"])),
    observes(
        "stop.array.min",
        "stop",
        "accepts stop: []",
        contested("stop: at least one in the schema, none taken by the original service"),
        values("stop", []),
    ),
    accepts(
        "stop.array.max",
        "stop",
        "accepts four stops",
        _ITEMS,
        values("stop", ["A", "B", "C", "D"], ["\n", "#", "END", "\U0001f6d1"], ["{", "a|b", "{{x}} %s", "\\"]),
        examples=varying("stop", stop_lists(min_size=MOST)),
    ),
    refuses(
        "stop.array.max",
        "stop",
        "refuses more than four stops",
        _ITEMS,
        values(
            "stop",
            ["A", "B", "C", "D", "E"],
            ["a"] * 5,
            ["A", "AB", "ABC", "ABCD", "ABCDE"],  # each begins with the one before
            [f"s{i}" for i in range(64)],
        ),
        examples=varying("stop", stop_lists(min_size=MOST + 1, max_size=2 * MOST)),
    ),
    accepts(
        "stop.array.item",
        "stop",
        "accepts two and three stops",
        _ITEMS,
        values("stop", ["A", "B"], ["[", "*", "e\u0301 👩‍👩‍👧‍👦"]),
        examples=varying("stop", stop_lists(min_size=2, max_size=MOST - 1)),
    ),
    refuses(
        "stop.array.item",
        "stop",
        "refuses a stop that is no string",
        _ITEMS,
        values("stop", ["A", "B", "C", 7], [None], [1], [7, "A", "B", "C"], [["A"]], [{"A": 1}]),
        examples=varying(
            "stop", bad_item_in(stop_lists(min_size=0, max_size=MOST - 1), wrong_type("string") | st.none())
        ),
    ),
]

CHAPTER = Chapter("stop", "Stop sequences", (*one, *several))
