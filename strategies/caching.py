"""What is said about the prompt cache: its key, how long it is kept, and where a prefix of it ends."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from .messages import text_part

RETENTIONS = ("24h", "in_memory")
"""All values of prompt_cache_retention; newer models know the first alone."""

MODES = ("implicit", "explicit")
"""All modes of prompt_cache_options."""

TTL = "30m"
"""The only time to live that there is."""

BREAKPOINT = {"prompt_cache_breakpoint": {"mode": "explicit"}}
"""What ends a prefix of the prompt: a member of a content part."""


def cache_options() -> SearchStrategy[dict[str, Any]]:
    """Valid values of prompt_cache_options. Shrinks towards ``{}``."""
    return st.fixed_dictionaries({}, optional={"mode": st.sampled_from(MODES), "ttl": st.just(TTL)})


def identifiers(*, max_size: int = 64) -> SearchStrategy[str]:
    """Ids as a caller makes them, of letters, digits, underscores and hyphens. Shrinks towards ``a``."""
    return st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=max_size)


def marked(text: str = "Say hi.", **mark: Any) -> dict[str, Any]:
    """A text part that ends a prefix of the cache; ``mark`` replaces the mark."""
    return {**text_part(text), **(mark or BREAKPOINT)}
