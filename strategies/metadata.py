"""Metadata: small maps from strings to strings."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .faults import bad_key_in, bad_value_in
from .text import SPOKEN, WHOLE
from .wrong import wrong_type

MOST_PAIRS = 16
LONGEST_KEY = 64
LONGEST_VALUE = 512

_WORD = string.ascii_letters + string.digits + "_-"


_ELSEWHERE = (
    "model",
    "messages",
    "role",
    "content",
    "temperature",
    "n",
    "stop",
    "stream",
    "user",
    "store",
    "metadata",
    "max_tokens",
    "tools",
    "id",
    "type",
)
"""Keys that mean something in another place of a request or of an answer."""

_EMPTY_OR_CODED = ("", "null", "true", "0", "{}", '["a"]', *SPOKEN, *WHOLE)
"""Values that lax code takes for none, or for what they look like."""


def metadata_keys() -> SearchStrategy[str]:
    """Keys of plain letters, digits, underscores and dashes, at most 64: any, and names that mean something elsewhere.
    Shrinks towards "a"."""
    return st.text(_WORD, min_size=1, max_size=LONGEST_KEY) | st.sampled_from(_ELSEWHERE)


def metadata_values() -> SearchStrategy[str]:
    """Printable values of at most 512 characters. Shrinks towards "0"."""
    return st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)


def metadata(*, min_size: int = 0, max_size: int = 8) -> SearchStrategy[dict[str, str]]:
    """Valid maps; now and then a value is empty or looks like JSON. Shrinks towards the empty map."""
    values = metadata_values() | st.sampled_from(_EMPTY_OR_CODED)
    return st.dictionaries(metadata_keys(), values, min_size=min_size, max_size=max_size)


def metadata_with_wrong_type() -> SearchStrategy[dict[str, Any]]:
    """Maps valid but for one value that is no string and not null, anywhere. Shrinks towards one pair."""
    return bad_value_in(metadata(min_size=1, max_size=5), wrong_type("string"))


def metadata_with_long_key() -> SearchStrategy[dict[str, str]]:
    """Maps valid but for one key of more than 64 characters, anywhere. Shrinks towards one key of 65."""
    long = st.text(_WORD, min_size=LONGEST_KEY + 1, max_size=LONGEST_KEY + 40)
    return bad_key_in(metadata(min_size=1, max_size=5), long)


def metadata_with_long_value() -> SearchStrategy[dict[str, str]]:
    """Maps valid but for one value of more than 512 characters, anywhere. Shrinks towards one value of 513."""
    long = st.integers(LONGEST_VALUE + 1, LONGEST_VALUE + 100).map(lambda size: "v" * size)
    return bad_value_in(metadata(min_size=1, max_size=5), long)


def metadata_with_too_many() -> SearchStrategy[dict[str, str]]:
    """Maps of more than 16 pairs, otherwise valid. Shrinks towards 17 short pairs."""
    return st.integers(MOST_PAIRS + 1, 40).map(lambda count: {f"k{i}": "v" for i in range(count)})
