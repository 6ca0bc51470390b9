"""Searching the web while answering: web_search_options (fact base §4, from 2025-03 on).

A server without a search refuses the property cleanly; then nothing here is asked. No member is required, so ``{}`` is
the ordinary use. Left out: whether a country or a time zone exists.
"""

from __future__ import annotations

from typing import Any

from ...strategies.web_search import PLACE, SIZES, located, misplaced
from ...strategies.web_search import web_search_options as options
from ...strategies.words import no_such, wrong_words
from ..model import Body, Chapter
from .forms import (
    accepts,
    contested,
    default_accepted,
    documented,
    null_observed,
    observes,
    refuses,
    since,
    values,
    varying,
    wrong_types_refused,
)

_P = "web_search_options"
_PLACE = documented("web_search_options.user_location: type approximate, and an object of strings")
_SIZE = documented("web_search_options.search_context_size: low, medium or high")


def _options(*wanted: Any) -> list[Body]:
    return values(_P, *wanted)


whole = [
    accepts(
        "web_search_options.empty",
        _P,
        "accepts web_search_options: {}",
        documented("web_search_options: no member is required"),
        _options({}),
        examples=varying(_P, options()),
    ),
    wrong_types_refused(
        _P, "object", source=documented("web_search_options: an object"), first=[True, "medium", [{"type": "web"}]]
    ),
    null_observed(_P, contested("web_search_options: not nullable in the document")),
]

size = [
    accepts(
        "web_search_options.size.enum",
        _P,
        "accepts the search context sizes low, medium and high",
        _SIZE,
        _options(*({"search_context_size": word} for word in SIZES)),
    ),
    refuses(
        "web_search_options.size.enum",
        _P,
        "refuses a search context size that is not listed",
        _SIZE,
        _options(*({"search_context_size": word} for word in (*wrong_words(SIZES), 7))),
        examples=varying(_P, no_such(SIZES).map(lambda word: {"search_context_size": word})),
    ),
    default_accepted(
        _P,
        {"search_context_size": "medium"},
        documented("web_search_options.search_context_size: default medium"),
    ),
]

place = [
    accepts(
        "web_search_options.location.shape",
        _P,
        "accepts an approximate place with any of its members",
        _PLACE,
        _options(located(), located({}), located({"country": "US"}), {**located(), "search_context_size": "low"}),
    ),
    accepts(
        "web_search_options.location.null",
        _P,
        "accepts user_location: null",
        documented("web_search_options.user_location: nullable"),
        _options({"user_location": None}),
    ),
    refuses(
        "web_search_options.location.shape",
        _P,
        "refuses a place without its type or without what is approximate",
        _PLACE,
        _options(
            {"user_location": {"type": "approximate"}},
            {"user_location": {"approximate": PLACE}},
            located(type="exact"),
        ),
    ),
    refuses(
        "web_search_options.location.type",
        _P,
        "refuses a place, or a member of one, of a wrong JSON type",
        _PLACE,
        _options({"user_location": "Paris"}, located("Paris"), located({"city": 7}), located({"country": ["FR"]})),
        examples=varying(_P, misplaced()),
    ),
    observes(
        "web_search_options.location.country",
        _P,
        "refuses a country that is no code of two letters",
        contested("web_search_options: the prose speaks of a code, the schema takes any string"),
        _options(located({"country": "France"}), located({"country": ""})),
    ),
]

CHAPTER = Chapter("web_search", "Searching the web", tuple(since("2026-08", *whole, *size, *place)))
