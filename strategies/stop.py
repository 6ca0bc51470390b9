"""Stop sequences."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .text import CODE

MOST = 4
"""How many stop sequences a request may name."""


_CODED = (
    *("{{x}}", "{", "{0}", "{%", "${x}", "$1", "\\n", "\\", '"', "'", "<b>", "&lt;", "[*", "data:", "null", "0", "```"),
    *("<|im_end|>", "[/INST]", "e\u0301", "\u0301", "👩‍👩‍👧‍👦", "שלום", "\ufeff", "\r\n", "a\u200b"),
)
"""Sequences that mean something to careless code, or are more or less than they look like."""


def stop_strings() -> SearchStrategy[str]:
    """Short printable sequences with a character that is no space; some are code in other languages. Shrinks towards
    "0"."""
    visible = st.characters(categories=("L", "N", "P", "Sm", "Sc"))
    return st.one_of(
        st.text(visible, min_size=1, max_size=8),
        st.sampled_from(["\n\n", "\n", "###", "</s>", "Human:", "\U0001f6d1", "a|b", "%s", *_CODED]),
        st.text(CODE, min_size=1, max_size=4),
    )


def stop_lists(*, min_size: int = 1, max_size: int = MOST) -> SearchStrategy[list[str]]:
    """Lists of different stop sequences; in some each begins or ends with the one before. Shrinks towards short
    sequences and the fewest of them."""
    different = st.lists(stop_strings(), min_size=min_size, max_size=max_size, unique=True)
    pieces = st.lists(stop_strings(), min_size=min_size, max_size=max_size)
    return st.one_of(different, pieces.map(_growing), pieces.map(_growing_in_front))


def _growing(pieces: list[str]) -> list[str]:
    return list(accumulate(pieces))


def _growing_in_front(pieces: list[str]) -> list[str]:
    return list(accumulate(pieces, lambda whole, piece: piece + whole))
