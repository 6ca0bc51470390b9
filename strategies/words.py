"""Words that are none of an enumeration."""

from __future__ import annotations

import string
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


def wrong_words(words: Sequence[str]) -> list[str]:
    """Fixed words that nearly are one of ``words``, the most telling first: none of them is one in another spelling."""
    near = ["bogus", "", words[0].upper(), words[-1].title(), f"{words[0]} "]
    return [word for word in dict.fromkeys(near) if word not in words]


def no_such(words: Sequence[str]) -> SearchStrategy[str]:
    """Strings that are none of ``words``. Shrinks towards ``bogus``."""
    made_up = st.text(string.ascii_lowercase, min_size=1, max_size=8).map("zz{}".format)
    return st.sampled_from(wrong_words(words)) | made_up
