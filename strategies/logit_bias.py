"""Maps from token ids to biases, good ones and ones with a single fault."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .faults import bad_key_in, bad_value_in
from .wrong import wrong_type

SAFE_IDS = 100
"""Token ids below this exist in every vocabulary; larger ones depend on the model."""

LIMIT = 100
"""The largest bias, in both directions."""


def token_ids() -> SearchStrategy[str]:
    """Keys that every vocabulary has: "0" to "99". Shrinks towards "0"."""
    return st.integers(0, SAFE_IDS - 1).map(str)


def biases() -> SearchStrategy[int]:
    """Integers from -100 to 100, the two ends often. Shrinks towards 0."""
    return st.integers(-LIMIT, LIMIT) | st.sampled_from([-LIMIT, LIMIT])


def biases_outside() -> SearchStrategy[int]:
    """Integers just or far beyond ±100. Shrinks towards 101."""
    return st.integers(LIMIT + 1, 10**6) | st.integers(-(10**6), -LIMIT - 1)


def not_token_ids() -> SearchStrategy[str]:
    """Keys that no reading takes for a token id: words, negative numbers, decimals, nothing at all.

    Shrinks towards the one-letter word "a".
    """
    words = st.text(string.ascii_letters, min_size=1, max_size=6)
    negative = st.integers(-SAFE_IDS, -1).map(str)
    decimal = st.integers(0, SAFE_IDS - 1).map(lambda whole: f"{whole}.5")
    return words | negative | decimal | st.just("")


def logit_bias(*, min_size: int = 0, max_size: int = 8) -> SearchStrategy[dict[str, int]]:
    """Valid maps: ids 0 to 99 with integers from -100 to 100. Shrinks towards the empty map."""
    return st.dictionaries(token_ids(), biases(), min_size=min_size, max_size=max_size)


def logit_bias_with_bias_outside() -> SearchStrategy[dict[str, int]]:
    """Maps valid but for one bias beyond ±100, anywhere in the map. Shrinks towards {"0": 101}."""
    return bad_value_in(logit_bias(min_size=1), biases_outside())


def logit_bias_with_wrong_type() -> SearchStrategy[dict[str, Any]]:
    """Maps valid but for one bias that is no number and not null. Shrinks towards one entry with a short string."""
    return bad_value_in(logit_bias(min_size=1), wrong_type("number"))


def logit_bias_with_bad_key() -> SearchStrategy[dict[str, int]]:
    """Maps valid but for one key that is no token id. Shrinks towards one entry with a one-letter key."""
    return bad_key_in(logit_bias(min_size=1), not_token_ids())
