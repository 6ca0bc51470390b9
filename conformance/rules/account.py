"""What concerns the account and not the answer: store, metadata, user, service_tier (fact base §1.8).

Bodies with good metadata carry store: true, because the original service has refused metadata without it. Wrong
metadata is refused in both cases, so it comes with it and without.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...strategies import text
from ...strategies.bodies import lean
from ...strategies.metadata import metadata as metadata_maps
from ...strategies.metadata import (
    metadata_values,
    metadata_with_long_key,
    metadata_with_long_value,
    metadata_with_too_many,
    metadata_with_wrong_type,
)
from ...strategies.words import no_such, wrong_words
from ...strategies.wrong import wrong_samples, wrong_type
from ..model import Body, Chapter, Strength
from .forms import (
    accepts,
    changed,
    contested,
    default_accepted,
    documented,
    null_accepted,
    null_observed,
    observed,
    observes,
    prose,
    refuses,
    since,
    until_before,
    values,
    varying,
    wrong_types_refused,
)

_STORED = {"store": True}
_KEYS = (
    *("$set.a/ü", "temperature", "n", "model", "messages", "role", "user", "metadata", "__proto__"),
    *("{x}", "{{x}}", "a b", "a[0]", "\"\\'", "%s", "🛑"),
)
"""As many keys as there may be: names of other things, and code."""
_PAIRS = documented("metadata: an object of strings")
_SIZES = observed("metadata: at most 16 pairs, keys of 64 and values of 512 characters; written down only later")


def _stored(*wanted: dict[str, Any]) -> list[Body]:
    return values("metadata", *wanted, **_STORED)


def _apart(*wanted: Any) -> list[Body]:
    """Wrong metadata, in turns beside ``store: true`` and alone: it is looked at whether or not anything is kept."""
    return [lean(metadata=value, **({} if place % 2 else _STORED)) for place, value in enumerate(wanted)]


def _drawn_apart(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Body]:
    return varying("metadata", strategy, **_STORED) | varying("metadata", strategy)


def _pairs(count: int) -> dict[str, str]:
    return {f"k{i}": "v" for i in range(count)}


store = [
    accepts("store.type", "store", "accepts store: true", documented("store: a boolean"), values("store", True)),
    wrong_types_refused("store", "boolean", source=documented("store: a boolean"), first=["true", 1]),
    null_accepted("store", documented("store: nullable")),
    default_accepted("store", False, documented("store: default false")),
]

metadata = [
    accepts(
        "metadata.type",
        "metadata",
        "accepts an object of strings as metadata",
        _PAIRS,
        _stored(
            {"topic": "test"},
            {},
            {"a": "1", "b": "two words", "c": ""},
            dict(zip(_KEYS, text.dealt(len(_KEYS)), strict=True)),
        ),
        examples=varying("metadata", metadata_maps(min_size=1), **_STORED),
    ),
    refuses(
        "metadata.type",
        "metadata",
        "refuses metadata of a wrong JSON type",
        documented("metadata: an object"),
        _apart("x", [], *(value for value in wrong_samples("object") if value != [])),
        examples=_drawn_apart(wrong_type("object")),
    ),
    null_accepted("metadata", documented("metadata: nullable"), context=_STORED),
    refuses(
        "metadata.value.type",
        "metadata",
        "refuses a metadata value that is no string",
        _PAIRS,
        _apart({**_pairs(4), "k": 7}, {"k": None}, {"k": {"a": "b"}}, {"k": True}, {"k": ["v"], **_pairs(4)}),
        examples=_drawn_apart(metadata_with_wrong_type()),
    ),
    accepts("metadata.pairs.max", "metadata", "accepts 16 pairs of metadata", _PAIRS, _stored(_pairs(16))),
    *changed(
        "2026-08",
        refuses(
            "metadata.pairs.max",
            "metadata",
            "refuses more than 16 pairs of metadata",
            _SIZES,
            _apart(_pairs(17), _pairs(64)),
            examples=_drawn_apart(metadata_with_too_many()),
        ),
        source=prose("metadata: at most 16 pairs, keys of 64 and values of 512 characters"),
        strength=Strength.MUST,
    ),
    accepts(
        "metadata.key.maxlen", "metadata", "accepts a metadata key of 64 characters", _PAIRS, _stored({"k" * 64: "v"})
    ),
    *changed(
        "2026-08",
        refuses(
            "metadata.key.maxlen",
            "metadata",
            "refuses a metadata key of more than 64 characters",
            _SIZES,
            _apart({"k" * 65: "v"}, {**_pairs(8), "k" * 65: "v"}),
            examples=_drawn_apart(metadata_with_long_key()),
        ),
        source=prose("metadata: at most 16 pairs, keys of 64 and values of 512 characters"),
        strength=Strength.MUST,
    ),
    accepts(
        "metadata.value.maxlen",
        "metadata",
        "accepts a metadata value of 512 characters",
        _PAIRS,
        _stored({"k": "v" * 512}),
    ),
    *changed(
        "2026-08",
        refuses(
            "metadata.value.maxlen",
            "metadata",
            "refuses a metadata value of more than 512 characters",
            _SIZES,
            _apart({"k": "v" * 513}, {**_pairs(8), "k": "v" * 513}),
            examples=_drawn_apart(metadata_with_long_value()),
        ),
        source=prose("metadata: at most 16 pairs, keys of 64 and values of 512 characters"),
        strength=Strength.MUST,
    ),
    observes(
        "metadata.needs.store",
        "metadata",
        "accepts metadata without store: true",
        contested("metadata: refused without store for a year, taken before and after"),
        [lean(metadata={"topic": "test"}), lean(metadata={"topic": "test"}, store=False)],
    ),
]

user = [
    accepts(
        "user.type",
        "user",
        "accepts a string as user",
        documented("user: a string"),
        values("user", "user-1234", text.LABEL, "0b0e7f3c-9f1e-4a53\n9a3b\t2f6b1c9d8e7a", "u" * 64),
        examples=varying("user", metadata_values()),
    ),
    wrong_types_refused("user", "string", source=documented("user: a string"), first=[7, False]),
    null_observed("user", contested("user: not nullable in the document")),
]

TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
_SIX = documented("service_tier: one of six words")

service_tier = [
    *changed(
        "2026-08",
        accepts(
            "service_tier.enum.v0",
            "service_tier",
            "accepts the service tiers auto and default",
            documented("service_tier: auto or default"),
            values("service_tier", "auto", "default"),
        ),
        source=_SIX,
    ),
    *until_before(
        "2026-08",
        refuses(
            "service_tier.enum.v0",
            "service_tier",
            "refuses a service tier that is not listed",
            documented("service_tier: auto or default"),
            values("service_tier", "AUTO", "", "bogus"),
            examples=varying("service_tier", no_such(TIERS[:2])),
        ),
        observes(
            "service_tier.enum.later",
            "service_tier",
            "accepts service tiers of later vintages",
            contested("service_tier: flex and priority came in 2025"),
            values("service_tier", "flex", "priority"),
        ),
    ),
    *since(
        "2026-08",
        accepts(
            "service_tier.enum.later",
            "service_tier",
            "accepts the service tiers flex, priority and fast",
            _SIX,
            values("service_tier", "flex", "priority", "fast"),
            strength=Strength.SHOULD,  # in which tiers a model is served differs
        ),
        refuses(
            "service_tier.enum.later",
            "service_tier",
            "refuses a service tier that is not listed",
            _SIX,
            values("service_tier", *wrong_words(TIERS)),
            examples=varying("service_tier", no_such(TIERS)),
        ),
        observes(
            "service_tier.scale",
            "service_tier",
            "accepts the service tier scale",
            contested("service_tier: in the enumeration, and not in what the service lists"),
            values("service_tier", "scale"),
        ),
    ),
    wrong_types_refused(
        "service_tier", "string", source=documented("service_tier: a string"), first=[["auto"], False, 7]
    ),
    null_accepted("service_tier", documented("service_tier: nullable")),
    default_accepted("service_tier", "auto", documented("service_tier: default auto")),
]

CHAPTER = Chapter("account", "Account and service", (*store, *metadata, *user, *service_tier))
