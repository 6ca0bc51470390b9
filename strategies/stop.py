"""Stop sequences."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

MOST = 4
"""How many stop sequences a request may name."""


def stop_strings() -> SearchStrategy[str]:
    """Short printable sequences with a character that is no space. Shrinks towards "0"."""
    visible = st.characters(categories=("L", "N", "P", "Sm", "Sc"))
    return st.text(visible, min_size=1, max_size=8) | st.sampled_from(
        ["\n\n", "\n", "###", "</s>", "Human:", "\U0001f6d1"]
    )


def stop_lists(*, min_size: int = 1, max_size: int = MOST) -> SearchStrategy[list[str]]:
    """Lists of different stop sequences. Shrinks towards short sequences and the fewest of them."""
    return st.lists(stop_strings(), min_size=min_size, max_size=max_size, unique=True)
