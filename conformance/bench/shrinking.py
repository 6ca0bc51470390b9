"""What shrinking costs: requests from a drawn body that fails to the smallest one that does. Sends nothing.

Each fault of the table is looked for among drawn bodies and shrunk twice: as long as Hypothesis likes, which shows how
small a body can become, and within the bound that a run has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...strategies import bodies, conversations, lean, logit_bias, metadata, stop_lists, tools
from ..depths import Settings
from ..exchange import Body, as_request
from ..model import Expect, RequestRule, Source, Strength
from ..proof import SHRINK_BOUND
from ..shrink import smallest

MOST = 2_000
"""Requests of a search that is not to be bounded."""

DRAWN = 100
"""Bodies among which the first failing one is looked for: the size of the certify depth."""

_TALKS = conversations().map(lambda value: lean(messages=value))
_TOOLS = tools().map(lambda value: lean(tools=value))


def _nested(body: Body) -> bool:
    functions = [tool.get("function", {}) for tool in body["tools"]]
    parameter_sets = [function.get("parameters", {}).get("properties", {}) for function in functions]
    return any(schema.get("type") == "object" for found in parameter_sets for schema in found.values())


FAULTS: tuple[tuple[str, SearchStrategy[Body], Callable[[Body], bool]], ...] = (
    (
        "a temperature above 1",
        st.floats(0, 2).map(lambda value: lean(temperature=value)),
        lambda body: body["temperature"] > 1,
    ),
    ("two stop strings", stop_lists().map(lambda value: lean(stop=value)), lambda body: len(body["stop"]) >= 2),
    (
        "a bias below 0",
        logit_bias().map(lambda value: lean(logit_bias=value)),
        lambda body: min(body["logit_bias"].values(), default=0) < 0,
    ),
    (
        "a metadata value of 20 characters",
        metadata().map(lambda value: lean(metadata=value)),
        lambda body: any(len(value) >= 20 for value in body["metadata"].values()),
    ),
    ("text beyond ASCII", _TALKS, lambda body: not json.dumps(body["messages"], ensure_ascii=False).isascii()),
    ("four messages", _TALKS, lambda body: len(body["messages"]) >= 4),
    ("two tools", _TOOLS, lambda body: len(body["tools"]) >= 2),
    ("a nested parameter", _TOOLS, _nested),
    ("a bound in a stream", bodies(), lambda body: body.get("stream") is True and "max_completion_tokens" in body),
    ("a tool call in the history", bodies(), lambda body: any("tool_calls" in message for message in body["messages"])),
    ("tools beside a seed", bodies(), lambda body: "tools" in body and "seed" in body),
)
"""What a server minds, and the bodies in which it is looked for."""


def search(name: str, strategy: SearchStrategy[Body], minds: Callable[[Body], bool], bound: int) -> dict[str, int]:
    """One search: requests in all, requests until the smallest body, bytes of the first failing and of the smallest."""
    rule = RequestRule(
        id=f"bench.{name}",
        property="",
        title="",
        expect=Expect.ACCEPT,
        strength=Strength.MAY,
        source=Source("believed", ""),
        examples=strategy,
    )
    known: dict[tuple[object, ...], bool] = {}
    found = {"requests": 0, "to_smallest": 0, "first_bytes": 0, "smallest_bytes": 0}

    def fails(body: Body) -> bool | None:
        request = as_request(body)
        if request.key not in known:
            if len(known) >= bound:
                return None
            known[request.key] = minds(body)
            size = len(request.content)
            if known[request.key] and (not found["first_bytes"] or size < found["smallest_bytes"]):
                first = found["first_bytes"] or size
                found.update(first_bytes=first, smallest_bytes=size, to_smallest=len(known))
        return known[request.key]

    smallest(rule, Settings(examples=DRAWN), fails)
    return {**found, "requests": len(known)}


def measure(faults: Sequence[tuple[str, SearchStrategy[Body], Callable[[Body], bool]]] = FAULTS) -> dict[str, Any]:
    """A row for each fault: the search without a bound, and the bytes that the bounded one comes to."""
    rows: list[dict[str, Any]] = []
    for name, strategy, minds in faults:
        free = search(name, strategy, minds, MOST)
        if free["first_bytes"]:
            bounded = search(name, strategy, minds, SHRINK_BOUND)
            rows.append({"fault": name, **free, "bounded_bytes": bounded["smallest_bytes"]})
    return {
        "bound": SHRINK_BOUND,
        "faults": len(faults),
        "met": len(rows),
        "to_smallest_median": median(row["to_smallest"] for row in rows) if rows else None,
        "minimal_within_bound": sum(row["bounded_bytes"] <= row["smallest_bytes"] for row in rows),
        "rows": rows,
    }
