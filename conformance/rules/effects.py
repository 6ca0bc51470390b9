"""Effects: what a property does must be seen in the answer (fact base §3.2).

Left out: ef.n (res.choices.count, res.choices.index and sse.finish.once), ef.usage.stream (sse.usage.on and
sse.usage.off), ef.tier (res.tier), ef.bias.zero (logit_bias), and what is in ``compared``.
Bodies whose stop strings, biases or token bounds may cut an answer short are passed over.
"""

from __future__ import annotations

from dataclasses import replace

from ..model import Chapter, Relation
from . import effect_bounds, effect_counts, effect_formats, effect_logprobs, effect_repeats, effect_stops, effect_tools
from .views import accepted

_PARTS = (
    effect_bounds,
    effect_tools,
    effect_logprobs,
    effect_formats,
    effect_stops,
    effect_counts,
    effect_repeats,
)

CHAPTER = Chapter(
    "effects",
    "Effects of properties",
    tuple(replace(rule, valid=True) if isinstance(rule, Relation) else rule for part in _PARTS for rule in part.RULES),
    accepted,
)
