"""How much the model thinks and says: reasoning_effort and verbosity (fact base §4, from 2024-12 and 2025-08 on).

Both belong to the model: whoever has no such model refuses them cleanly, and the gates find that out. Left out: what a
value does to the length of an answer (models are free in it), and reasoning_effort beside tools (ruling 10).
"""

from __future__ import annotations

from ...strategies.reasoning import EFFORTS, LATER_EFFORTS, VERBOSITIES
from ...strategies.words import no_such, wrong_words
from ..model import Chapter, Strength
from .forms import (
    accepts,
    default_accepted,
    documented,
    null_accepted,
    refuses,
    since,
    values,
    varying,
    wrong_types_refused,
)

_EFFORT = documented("reasoning_effort: one of seven words, or null")
_VERBOSITY = documented("verbosity: low, medium or high, or null")

effort = [
    accepts(
        "reasoning_effort.enum",
        "reasoning_effort",
        "accepts the efforts low, medium and high",
        _EFFORT,
        values("reasoning_effort", *EFFORTS),
    ),
    accepts(
        "reasoning_effort.enum.later",
        "reasoning_effort",
        "accepts the efforts none, minimal, xhigh and max",
        _EFFORT,
        values("reasoning_effort", *LATER_EFFORTS),
        strength=Strength.SHOULD,  # not every model knows every one, as the document itself says
    ),
    refuses(
        "reasoning_effort.enum",
        "reasoning_effort",
        "refuses an effort that is not listed",
        _EFFORT,
        values("reasoning_effort", *wrong_words((*EFFORTS, *LATER_EFFORTS))),
        examples=varying("reasoning_effort", no_such((*EFFORTS, *LATER_EFFORTS))),
    ),
    wrong_types_refused("reasoning_effort", "string", source=documented("reasoning_effort: a string"), first=[1, True]),
    null_accepted("reasoning_effort", documented("reasoning_effort: nullable")),
    default_accepted(
        "reasoning_effort",
        "medium",
        documented("reasoning_effort: default medium, though newer models have another"),
        strength=Strength.SHOULD,
    ),
]

verbosity = [
    accepts(
        "verbosity.enum",
        "verbosity",
        "accepts the verbosities low, medium and high",
        _VERBOSITY,
        values("verbosity", *VERBOSITIES),
    ),
    refuses(
        "verbosity.enum",
        "verbosity",
        "refuses a verbosity that is not listed",
        _VERBOSITY,
        values("verbosity", *wrong_words(VERBOSITIES)),
        examples=varying("verbosity", no_such(VERBOSITIES)),
    ),
    wrong_types_refused("verbosity", "string", source=documented("verbosity: a string"), first=[1, True]),
    null_accepted("verbosity", documented("verbosity: nullable")),
    default_accepted("verbosity", "medium", documented("verbosity: default medium")),
]

CHAPTER = Chapter("reasoning", "Thinking and talking", tuple(since("2026-08", *effort, *verbosity)))
