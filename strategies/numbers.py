"""Numbers around bounds."""

from __future__ import annotations

import math

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

GAP = 0.01
"""How far outside a decimal bound a value must lie to be wrong in every precision (a float32 server rounds)."""


def decimals(low: float, high: float) -> SearchStrategy[float]:
    """Finite JSON numbers within [low, high], of a size that no writer puts an exponent to. Shrinks towards simple
    values near zero."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False).map(lambda x: x if abs(x) >= 1e-3 else 0.0)


def decimals_above(high: float) -> SearchStrategy[float]:
    """Numbers at least ``GAP`` above ``high``, up to 1e6. Shrinks towards simple values near the bound."""
    return st.floats(high + GAP, 1e6, allow_nan=False, allow_infinity=False)


def decimals_below(low: float) -> SearchStrategy[float]:
    """Numbers at least ``GAP`` below ``low``, down to -1e6. Shrinks towards simple values near the bound."""
    return st.floats(-1e6, low - GAP, allow_nan=False, allow_infinity=False)


def next_above(high: float) -> float:
    """The next double above ``high``."""
    return math.nextafter(high, math.inf)


def next_below(low: float) -> float:
    """The next double below ``low``."""
    return math.nextafter(low, -math.inf)
