"""What a run cost: requests, statuses, completion tokens and latencies, as tallies that can be added up.

Latencies are kept in buckets of equal ratio, so that memory does not grow with the run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..strategies.json_values import is_object
from .exchange import Answer, Exchange
from .sse import NOT_JSON

PER_DECADE = 10
"""Buckets from one power of ten seconds to the next; a latency is known to a quarter of itself."""


@dataclass
class Traffic:
    """Tallies of the exchanges of one process. ``tokens`` is None while no answer has told any;
    ``busy`` answers said that it was too much."""

    requests: int = 0
    tokens: int | None = None
    busy: int = 0
    statuses: Counter[str] = field(default_factory=Counter[str])
    latencies: Counter[int] = field(default_factory=Counter[int])

    def add(self, exchange: Exchange) -> None:
        """Count one exchange, with its re-sends."""
        self.requests += exchange.attempts
        answer = exchange.answer
        self.statuses["none" if answer is None else str(answer.status)] += 1
        if answer is None:
            return
        if exchange.trouble is None and answer.seconds > 0:
            self.latencies[math.ceil(PER_DECADE * math.log10(answer.seconds))] += 1
        told = completion_tokens(answer) if answer.status == 200 else None
        if told is not None:
            self.tokens = (self.tokens or 0) + told

    def merge(self, other: Mapping[str, Any]) -> None:
        """Add what another process has counted (its ``as_dict``)."""
        self.requests += other["requests"]
        self.busy += other["busy"]
        if other["tokens"] is not None:
            self.tokens = (self.tokens or 0) + other["tokens"]
        self.statuses.update(other["statuses"])
        self.latencies.update({int(bucket): count for bucket, count in other["latencies"].items()})

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return {
            "requests": self.requests,
            "tokens": self.tokens,
            "busy": self.busy,
            "statuses": dict(self.statuses),
            "latencies": {str(bucket): count for bucket, count in self.latencies.items()},
        }

    def quantile(self, share: float) -> float | None:
        """Seconds within which that share of the answers came, rounded up to the end of a bucket."""
        left = share * sum(self.latencies.values())
        for bucket in sorted(self.latencies):
            left -= self.latencies[bucket]
            if left <= 0:
                return seconds(bucket)
        return None

    def told(self) -> dict[str, Any]:
        """The ``traffic`` of a run record's footer."""
        latency: dict[str, Any] = {
            name: self.quantile(share) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
        }
        latency["histogram"] = [[seconds(bucket), self.latencies[bucket]] for bucket in sorted(self.latencies)]
        return {"statuses": dict(sorted(self.statuses.items())), "busy": self.busy, "latency": latency}


def bucket_of(end: float) -> int:
    """The bucket that ends there: the inverse of ``seconds``."""
    return round(PER_DECADE * math.log10(end))


def seconds(bucket: int) -> float:
    """The end of a bucket, with three digits."""
    return float(f"{10 ** (bucket / PER_DECADE):.3g}")


def completion_tokens(answer: Answer) -> int | None:
    """What an answer says it cost in completion tokens; None where it says nothing that can be counted."""
    escaped = b"\\u00" in answer.content  # any letter of a key may be
    if b'"usage"' not in answer.content and not escaped:
        return None
    if answer.event_stream:
        values = [event.json for event in answer.stream.events if escaped or '"usage"' in event.data]
    else:
        values = [answer.json]
    for value in reversed(values):
        usage = value.get("usage") if value is not NOT_JSON and is_object(value) else None
        told = usage.get("completion_tokens") if is_object(usage) else None
        if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 2**40:
            return told
    return None
