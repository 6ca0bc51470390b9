"""Good lists and maps with one bad element at a random position."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_places = st.integers(0, 999)


def bad_item_in(good: SearchStrategy[list[Any]], bad: SearchStrategy[Any]) -> SearchStrategy[list[Any]]:
    """A list drawn from ``good`` with one ``bad`` item put in (one longer than drawn).

    Shrinks towards a simple bad item in front of a short list.
    """

    def put(items: list[Any], place: int, item: Any) -> list[Any]:
        at = place % (len(items) + 1)
        return [*items[:at], item, *items[at:]]

    return st.builds(put, good, _places, bad)


def bad_value_in(good: SearchStrategy[dict[str, Any]], bad: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """A map drawn from ``good`` (never empty) with one of its values replaced by a ``bad`` one.

    Shrinks towards a simple bad value under the first key of a small map.
    """

    def replace(members: dict[str, Any], place: int, value: Any) -> dict[str, Any]:
        return {**members, list(members)[place % len(members)]: value}

    return st.builds(replace, good, _places, bad)


def bad_key_in(good: SearchStrategy[dict[str, Any]], bad: SearchStrategy[str]) -> SearchStrategy[dict[str, Any]]:
    """A map drawn from ``good`` (never empty) with one of its keys replaced by a ``bad`` one, in the same place.

    Shrinks towards a short bad key in front of a small map.
    """

    def rename(members: dict[str, Any], place: int, key: str) -> dict[str, Any]:
        gone = list(members)[place % len(members)]
        return {key if name == gone else name: value for name, value in members.items()}

    return st.builds(rename, good, _places, bad)
