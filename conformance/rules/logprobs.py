"""Log probabilities: logprobs and top_logprobs (fact base §1.6).

The default of top_logprobs is null, so its null rule is its default rule. Left out: logprobs.model (it would test the
model). Values of top_logprobs above 5 and below 20 are left alone: ceilings differ by model.
"""

from __future__ import annotations

from hypothesis import strategies as st

from ...strategies.bodies import lean
from ..model import Body, Chapter, Strength
from .forms import (
    accepts,
    contested,
    default_accepted,
    documented,
    integer_ceiling,
    integer_floor,
    integral_observed,
    null_accepted,
    observes,
    prose,
    refuses,
    values,
    varying,
    wrong_types_refused,
)

_ON = {"logprobs": True}
_NEEDS = ["logprobs"]


def _unasked(count: int, off: Body) -> Body:
    return lean(top_logprobs=count, **off)


logprobs = [
    accepts(
        "logprobs.type",
        "logprobs",
        "accepts logprobs: true",
        documented("logprobs: a boolean"),
        values("logprobs", True),
    ),
    wrong_types_refused("logprobs", "boolean", source=documented("logprobs: a boolean"), first=["true", 1]),
    null_accepted("logprobs", documented("logprobs: nullable")),
    default_accepted("logprobs", False, documented("logprobs: default false")),
]

top_logprobs = [
    *integer_floor("top_logprobs", 0, documented("top_logprobs: from 0 to 20"), context=_ON, needs=_NEEDS),
    *integer_ceiling(
        "top_logprobs",
        20,
        documented("top_logprobs: from 0 to 20"),
        accepted_strength=Strength.SHOULD,
        context=_ON,
        needs=_NEEDS,
    ),
    accepts(
        "top_logprobs.few",
        "top_logprobs",
        "accepts top_logprobs from 1 to 5",
        documented("top_logprobs: from 0 to 20"),
        [lean(top_logprobs=most, **_ON) for most in (1, 5)],  # the order of members means nothing
        examples=varying("top_logprobs", st.integers(1, 5), **_ON),
        needs=_NEEDS,
    ),
    wrong_types_refused(
        "top_logprobs", "integer", source=documented("top_logprobs: an integer"), context=_ON, needs=_NEEDS
    ),
    accepts(
        "top_logprobs.null",
        "top_logprobs",
        "accepts top_logprobs: null",
        documented("top_logprobs: nullable"),
        [lean(top_logprobs=None), lean(logprobs=True, top_logprobs=None)],
    ),
    integral_observed("top_logprobs", 1, context=_ON, needs=_NEEDS),
    refuses(
        "top_logprobs.needs",
        "top_logprobs",
        "refuses top_logprobs without logprobs: true",
        prose("top_logprobs: logprobs must be true if it is used"),
        [lean(top_logprobs=1), lean(top_logprobs=1, logprobs=False), lean(top_logprobs=1, logprobs=None)],
        examples=st.builds(
            _unasked,
            st.integers(1, 5),
            st.sampled_from([{}, {"logprobs": False}]),
        ),
        needs=_NEEDS,
    ),
    observes(
        "top_logprobs.zero.alone",
        "top_logprobs",
        "accepts top_logprobs: 0 without logprobs",
        contested("top_logprobs: 0 asks for nothing"),
        [lean(top_logprobs=0)],
    ),
]

CHAPTER = Chapter("logprobs", "Log probabilities", (*logprobs, *top_logprobs))
