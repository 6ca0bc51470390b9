"""Bodies with legacy functions and with function_call, for all rules about them."""

from __future__ import annotations

from typing import Any

from ...strategies.tools import definition
from ..model import Body
from .forms import values

FUNCTION = definition()
"""The usual function."""

A, B = definition("alpha"), definition("beta")
"""Two to stand beside it."""

NAMED = {"name": "get_weather"}
"""The object with which function_call names it."""


def with_functions(*lists: list[Any]) -> list[Body]:
    """Bodies, one for each of these lists of functions."""
    return values("functions", *lists)


def with_calls(*wanted: Any) -> list[Body]:
    """Bodies with the usual function, one for each of these values of function_call."""
    return values("function_call", *wanted, functions=[FUNCTION])
