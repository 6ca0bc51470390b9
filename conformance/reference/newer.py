"""Checks of the eight properties that joined after the vintage 2024-11 (fact base §4, §1.12).

A null of a property, and of an optional member inside one, counts as absent: the documents say so of most, and of the
others it is contested.
"""

from __future__ import annotations

from collections.abc import Iterator

from .faults import (
    Ask,
    Check,
    CheckFunction,
    Reason,
    member,
    missing,
    one_string_of,
    table,
    too_long,
    typed,
    wrong_type,
)
from .json_values import is_object, is_string


def _enumerated(key: str, bound: str) -> tuple[Check, ...]:
    """A string out of the set that `Limits` holds under `bound`."""

    def value_of(ask: Ask) -> Iterator[Reason]:
        value = ask.body.get(key)
        if isinstance(value, str):
            yield from one_string_of(f"{key}.enum", key, value, getattr(ask.limits, bound))

    return table((f"{key}.type", typed(f"{key}.type", key, is_string, "a string")), (f"{key}.enum", value_of))


def _object(key: str) -> CheckFunction:
    return typed(f"{key}.type", key, is_object, "an object")


def safety_identifier(ask: Ask) -> Iterator[Reason]:
    value = ask.body.get("safety_identifier")
    most = ask.limits.safety_identifier_max
    if isinstance(value, str) and len(value) > most:
        yield too_long("safety_identifier.maxlen", "safety_identifier", most)


def _option(rule: str, path: str, bound: str) -> CheckFunction:
    """An optional member of an option object: a string out of the set that `Limits` holds under `bound`."""
    key, _, inner = path.partition(".")

    def check(ask: Ask) -> Iterator[Reason]:
        value = (member(ask, key) or {}).get(inner)
        if value is not None:
            yield from one_string_of(rule, path, value, getattr(ask.limits, bound))

    return check


def search_location(ask: Ask) -> Iterator[Reason]:
    """Where the user is, about: a type and an object of strings."""
    rule, path = "web_search_options.location", "web_search_options.user_location"
    value = (member(ask, "web_search_options") or {}).get("user_location")
    if value is None:
        return
    if not is_object(value):
        yield wrong_type(rule, path, "an object", value)
        return
    if "type" not in value:
        yield missing(rule, f"{path}.type")
    else:
        yield from one_string_of(rule, f"{path}.type", value["type"], ask.limits.location_types)
    place, path = value.get("approximate"), f"{path}.approximate"
    if "approximate" not in value:
        yield missing(rule, path)
    elif not is_object(place):
        yield wrong_type(rule, path, "an object", place)
    else:
        for key in ("country", "region", "city", "timezone"):
            if place.get(key) is not None and not is_string(place[key]):
                yield wrong_type(rule, f"{path}.{key}", "a string", place[key])


def moderation_model(ask: Ask) -> Iterator[Reason]:
    value = member(ask, "moderation")
    if value is not None:
        if "model" not in value:
            yield missing("moderation.model", "moderation.model")
        elif not is_string(value["model"]):
            yield wrong_type("moderation.model", "moderation.model", "a string", value["model"])


def moderation_policy(ask: Ask) -> Iterator[Reason]:
    """What is done about the input and the output: each side may have a mode, which it must then name."""
    rule, path = "moderation.policy", "moderation.policy"
    policy = (member(ask, "moderation") or {}).get("policy")
    if policy is None:
        return
    if not is_object(policy):
        yield wrong_type(rule, path, "an object", policy)
        return
    for key in ("input", "output"):
        side = policy.get(key)
        if side is None:
            continue
        if not is_object(side):
            yield wrong_type(rule, f"{path}.{key}", "an object", side)
        elif "mode" not in side:
            yield missing(rule, f"{path}.{key}.mode")
        else:
            yield from one_string_of(rule, f"{path}.{key}.mode", side["mode"], ask.limits.moderation_modes)


NEWER_CHECKS = (
    *_enumerated("reasoning_effort", "efforts"),
    *_enumerated("verbosity", "verbosities"),
    *_enumerated("prompt_cache_retention", "retentions"),
    *table(
        ("safety_identifier.type", typed("safety_identifier.type", "safety_identifier", is_string, "a string")),
        ("safety_identifier.maxlen", safety_identifier),
        ("prompt_cache_key.type", typed("prompt_cache_key.type", "prompt_cache_key", is_string, "a string")),
        ("prompt_cache_options.type", _object("prompt_cache_options")),
        (
            "prompt_cache_options.mode",
            _option("prompt_cache_options.mode", "prompt_cache_options.mode", "cache_modes"),
        ),
        ("prompt_cache_options.ttl", _option("prompt_cache_options.ttl", "prompt_cache_options.ttl", "cache_ttls")),
        ("web_search_options.type", _object("web_search_options")),
        (
            "web_search_options.size",
            _option("web_search_options.size", "web_search_options.search_context_size", "search_sizes"),
        ),
        ("web_search_options.location", search_location),
        ("moderation.type", _object("moderation")),
        ("moderation.model", moderation_model),
        ("moderation.policy", moderation_policy),
    ),
)
