"""Bodies with lists of tools, for all rules about tools."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.faults import bad_item_in
from ...strategies.messages import user
from ...strategies.tools import tool
from ..model import Body
from .forms import values, varying

TOOL = tool()
"""The usual tool."""

A, B = tool("alpha"), tool("beta")
"""Two to stand beside it."""

WEATHER = [user("What is the weather in Paris?")]
"""Messages for which a model may call it."""

_GOOD = st.sampled_from([[], [A], [A, B]])


def with_tools(*lists: list[Any]) -> list[Body]:
    """Bodies, one for each of these lists of tools."""
    return values("tools", *lists)


def among_tools(bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    """Bodies whose list of tools holds one bad tool, alone or at any place among good ones."""
    return varying("tools", bad_item_in(_GOOD, bad))
