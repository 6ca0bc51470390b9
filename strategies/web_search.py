"""web_search_options: where the user is, and how much of the found text the model may read."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .wrong import wrong_type

Options = dict[str, Any]

SIZES = ("low", "medium", "high")
"""All values of search_context_size."""

PLACE = {"country": "FR", "region": "Île-de-France", "city": "Paris", "timezone": "Europe/Paris"}
"""Every member of an approximate place."""

_places: tuple[dict[str, Any], ...] = (
    {},
    {"country": "US"},
    {"city": "Zürich", "country": "CH"},
    {"timezone": "America/Sao_Paulo"},
    PLACE,
)


def located(approximate: Any = PLACE, **more: Any) -> Options:
    """Options with a place; ``more`` adds or replaces members of ``user_location``."""
    return {"user_location": {"type": "approximate", "approximate": approximate, **more}}


def _both(one: Options, other: Options) -> Options:
    return {**one, **other}


def web_search_options() -> SearchStrategy[Options]:
    """Valid options. Shrinks towards ``{}``."""
    size = st.sampled_from(SIZES).map(lambda word: {"search_context_size": word})
    place = st.sampled_from(_places).map(located)
    return st.just(Options()) | size | place | st.builds(_both, size, place)


def _strange(name: str, value: Any) -> Options:
    return located({**PLACE, name: value})


def misplaced() -> SearchStrategy[Options]:
    """Options whose place has one fault of shape. Shrinks towards a place of the wrong type."""
    whole = wrong_type("object").map(lambda value: {"user_location": value})
    inner = wrong_type("object").map(located)
    member = st.builds(_strange, st.sampled_from(sorted(PLACE)), _no_string)
    return whole | inner | member


_no_string = wrong_type("string")
