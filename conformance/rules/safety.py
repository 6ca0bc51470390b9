"""Safety: safety_identifier and moderation (fact base §4, from 2025-07 and 2026-06 on).

A moderation model is another model, which a server may not have: the gate of moderation may be refused cleanly. The
bodies ask it to score and never to block what is harmless. Answers are in the chapter of additions.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies.caching import identifiers
from ...strategies.moderation import MODEL, MODES, SIDES, moderation, moderations
from ...strategies.text import LABEL
from ...strategies.words import no_such, wrong_words
from ...strategies.wrong import wrong_type
from ..model import Body, Chapter
from .forms import (
    accepts,
    contested,
    documented,
    null_accepted,
    observes,
    refuses,
    since,
    values,
    varying,
    wrong_types_refused,
)

MOST = 64
"""Characters of a safety_identifier, at most."""

_ID = documented("safety_identifier: a string of at most 64 characters")
_MODERATION = documented("moderation: model is required, policy is nullable")
_POLICY = documented("moderation.policy: input and output, each null or an object with a mode")

identifier = [
    accepts(
        "safety_identifier.type",
        "safety_identifier",
        "accepts a string as safety_identifier",
        _ID,
        values("safety_identifier", "user-1234", "9f86d081884c7d659a2feaa0c55ad015", LABEL),
        examples=varying("safety_identifier", identifiers()),
    ),
    accepts(
        "safety_identifier.maxlen",
        "safety_identifier",
        "accepts a safety_identifier of 64 characters",
        _ID,
        values("safety_identifier", "s" * MOST, "s" * (MOST - 1)),
    ),
    refuses(
        "safety_identifier.maxlen",
        "safety_identifier",
        "refuses a safety_identifier of more than 64 characters",
        _ID,
        values("safety_identifier", "s" * (MOST + 1), "s" * 512),
        examples=varying("safety_identifier", st.integers(MOST + 1, 8 * MOST).map(lambda size: "s" * size)),
    ),
    wrong_types_refused("safety_identifier", "string", source=_ID, first=[7, {}]),
    null_accepted("safety_identifier", documented("safety_identifier: nullable")),
    observes(
        "safety_identifier.empty",
        "safety_identifier",
        "accepts an empty safety_identifier",
        contested("safety_identifier: no minimum is documented"),
        values("safety_identifier", ""),
    ),
]


def _moderation(*wanted: Any) -> list[Body]:
    return values("moderation", *wanted)


def _with_side(side: str, value: Any) -> Body:
    return {"model": MODEL, "policy": {side: value}}


def _with_mode(side: str, word: str) -> Body:
    return moderation(**{side: {"mode": word}})


def _policy(*wanted: Any) -> list[Body]:
    return _moderation(*({"model": MODEL, "policy": policy} for policy in wanted))


moderated = [
    accepts(
        "moderation.shape",
        "moderation",
        "accepts moderation with a model, and a policy for what is asked, answered, or both",
        _MODERATION,
        [
            *_moderation(moderation(), moderation(input={"mode": "score"})),
            *_policy(None, {}, {"input": None, "output": {"mode": "score"}}, {"output": {"mode": "block"}}),
        ],
        examples=varying("moderation", moderations()),
    ),
    refuses(
        "moderation.model.required",
        "moderation",
        "refuses moderation without a model",
        _MODERATION,
        _moderation({}, {"policy": {}}, {"model": None}, {"model": 7}),
    ),
    refuses(
        "moderation.policy.type",
        "moderation",
        "refuses a moderation policy, or a side of it, of a wrong JSON type",
        _POLICY,
        _policy("score", [], {"input": "score"}, {"output": ["score"]}),
        examples=varying(
            "moderation",
            wrong_type("object").map(lambda value: {"model": MODEL, "policy": value})
            | st.builds(_with_side, st.sampled_from(SIDES), wrong_type("object")),
        ),
    ),
    refuses(
        "moderation.mode.enum",
        "moderation",
        "refuses a side of a moderation policy without a mode or with one that is not listed",
        documented("moderation.policy: mode is required, score or block"),
        _policy({"input": {}}, *({"output": {"mode": word}} for word in (*wrong_words(MODES), 7))),
        examples=varying(
            "moderation",
            st.builds(_with_mode, st.sampled_from(SIDES), no_such(MODES)),
        ),
    ),
    wrong_types_refused("moderation", "object", source=documented("moderation: an object"), first=[True, MODEL]),
    null_accepted("moderation", documented("moderation: nullable")),
    observes(
        "moderation.model.unknown",
        "moderation",
        "refuses a moderation model that does not exist",
        contested("moderation.model: any string in the schema"),
        _moderation({"model": "no-such-moderation-8c41f0d27ab9"}),
    ),
]

CHAPTER = Chapter("safety", "Safety", tuple(since("2026-08", *identifier, *moderated)))
