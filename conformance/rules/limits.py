"""Bounds on the length of the reply: max_tokens and max_completion_tokens (fact base §1.5).

The default of both is null, so the null rules are the default rules. Left out: max_tokens.reasoning (it would test the
model). Accepted values are small: they bound the cost, and nearly every cap lies above them.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ...strategies.messages import user
from ..model import Chapter, Request, RequestRule
from .forms import (
    accepts,
    contested,
    documented,
    integer_floor,
    integral_observed,
    leanest,
    null_accepted,
    observed,
    observes,
    refuses,
    values,
    varying,
    without,
    wrong_types_refused,
)
from .views import long_answer


def _floor(name: str) -> list[RequestRule]:
    refused = observed(f"{name}: the floor is 1, though no document names one")
    accepted, *rest = integer_floor(name, 1, documented(f"{name}: an integer"), refused=refused)
    # also where the answer would be long, so that the bound does cut it
    return [replace(accepted, pins=(*accepted.pins, long_answer(**{name: 1}))), *rest]


bounds = [
    rule
    for name in ("max_tokens", "max_completion_tokens")
    for rule in (
        *_floor(name),
        accepts(
            f"{name}.type",
            name,
            f"accepts an integer as {name}",
            documented(f"{name}: an integer"),
            values(name, 16, 2),
            examples=varying(name, st.integers(2, 32)),
        ),
        wrong_types_refused(name, "integer", source=documented(f"{name}: an integer")),
        null_accepted(name, documented(f"{name}: nullable")),
        integral_observed(name, 8),
        observes(
            f"{name}.max",
            name,
            f"accepts {name} far beyond what any model writes",
            contested(f"{name}: above the model's cap some servers refuse, others clamp"),
            values(name, 10**6, 2**31),
        ),
    )
]

both = [
    accepts(
        "max_tokens.optional",
        "max_tokens",
        "accepts a request without any bound on the length of the reply",
        documented("max_tokens: optional"),
        [Request(body=lean(messages=[user("Say hi. One word is enough.")]), bare=True)],
        control=leanest,  # is sent with the usual small bound
    ),
    refuses(
        "max_tokens.both",
        "max_completion_tokens",
        "refuses max_tokens beside max_completion_tokens",
        observed("max_tokens, max_completion_tokens: not both, though no document says so"),
        [lean(max_tokens=16, max_completion_tokens=16), lean(max_tokens=8, max_completion_tokens=16)],
        control=without("max_tokens"),
        needs=["max_tokens"],
    ),
    observes(
        "max_tokens.both.null",
        "max_completion_tokens",
        "accepts max_tokens: null beside max_completion_tokens",
        contested("null means absent, yet one client saw it refused"),
        [lean(max_tokens=None, max_completion_tokens=16)],
    ),
]

CHAPTER = Chapter("limits", "Length of the reply", (*bounds, *both))
