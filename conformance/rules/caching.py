"""The prompt cache: its key, how long it is kept, its options, and marks in the content (fact base §4).

Whether anything is cached is not asked: a server may have no cache at all. Retention and options belong to some models
only, and their gates may be refused cleanly; the marks need what the options need.
"""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.caching import BREAKPOINT, MODES, RETENTIONS, TTL, cache_options, identifiers, marked
from ...strategies.json_values import is_array
from ...strategies.messages import system, text_part, user
from ...strategies.text import LABEL
from ...strategies.words import no_such, wrong_words
from ..model import Body, Chapter, Strength
from .forms import (
    accepts,
    contested,
    default_accepted,
    documented,
    null_accepted,
    null_observed,
    observes,
    refuses,
    since,
    values,
    varying,
    wrong_types_refused,
)

_OPTIONS = documented("prompt_cache_options: mode implicit or explicit, ttl 30m, neither required")
_MARK = documented("content part: prompt_cache_breakpoint is an object with the mode explicit")


def _options(*wanted: Any) -> list[Body]:
    return values("prompt_cache_options", *wanted)


key = [
    accepts(
        "prompt_cache_key.type",
        "prompt_cache_key",
        "accepts a string as prompt_cache_key",
        documented("prompt_cache_key: a string"),
        values("prompt_cache_key", "key-1", LABEL, "0b0e7f3c-9f1e-4a53\n9a3b\t2f6b1c9d8e7a"),
        examples=varying("prompt_cache_key", identifiers()),
    ),
    wrong_types_refused("prompt_cache_key", "string", source=documented("prompt_cache_key: a string"), first=[7, {}]),
    null_accepted("prompt_cache_key", documented("prompt_cache_key: nullable")),
    observes(
        "prompt_cache_key.long",
        "prompt_cache_key",
        "accepts a prompt_cache_key of 65 and of 1 024 characters",
        contested("prompt_cache_key: no maximum is documented"),
        values("prompt_cache_key", "k" * 65, "k" * 1024),
    ),
    observes(
        "prompt_cache_key.empty",
        "prompt_cache_key",
        "accepts an empty prompt_cache_key",
        contested("prompt_cache_key: no minimum is documented"),
        values("prompt_cache_key", ""),
    ),
]

retention = [
    accepts(
        "prompt_cache_retention.enum",
        "prompt_cache_retention",
        "accepts the cache retention 24h",
        documented("prompt_cache_retention: in_memory or 24h"),
        values("prompt_cache_retention", RETENTIONS[0]),
    ),
    observes(
        "prompt_cache_retention.memory",
        "prompt_cache_retention",
        "accepts the cache retention in_memory",
        contested("prompt_cache_retention: in the enumeration, and newer models have 24h alone"),
        values("prompt_cache_retention", RETENTIONS[1]),
    ),
    refuses(
        "prompt_cache_retention.enum",
        "prompt_cache_retention",
        "refuses a cache retention that is not listed",
        documented("prompt_cache_retention: in_memory or 24h"),
        values("prompt_cache_retention", "48h", "in-memory", *wrong_words(RETENTIONS)),
        examples=varying("prompt_cache_retention", no_such((*RETENTIONS, "in-memory"))),
    ),
    wrong_types_refused(
        "prompt_cache_retention", "string", source=documented("prompt_cache_retention: a string"), first=[24, {}]
    ),
    null_accepted("prompt_cache_retention", documented("prompt_cache_retention: nullable")),
]

options = [
    accepts(
        "prompt_cache_options.shape",
        "prompt_cache_options",
        "accepts cache options with a mode, a time to live, both or neither",
        _OPTIONS,
        _options({"mode": "implicit"}, {"mode": "explicit"}, {"ttl": TTL}, {}, {"mode": "explicit", "ttl": TTL}),
        examples=varying("prompt_cache_options", cache_options()),
    ),
    refuses(
        "prompt_cache_options.mode.enum",
        "prompt_cache_options",
        "refuses a mode of cache options that is not listed",
        _OPTIONS,
        _options(*({"mode": word} for word in (*wrong_words(MODES), 7))),
        examples=varying("prompt_cache_options", no_such(MODES).map(lambda word: {"mode": word})),
    ),
    refuses(
        "prompt_cache_options.ttl.enum",
        "prompt_cache_options",
        "refuses a time to live of cache options other than 30m",
        _OPTIONS,
        _options(*({"ttl": value} for value in ("31m", "30", "1h", 30))),
        # the prose has it that there is one value so far, so that another is what a server may have first
        strength=Strength.SHOULD,
    ),
    wrong_types_refused(
        "prompt_cache_options",
        "object",
        source=documented("prompt_cache_options: an object"),
        first=["implicit", [{"mode": "implicit"}]],
    ),
    null_observed("prompt_cache_options", contested("prompt_cache_options: not nullable in the document")),
    default_accepted(
        "prompt_cache_options",
        {"mode": "implicit", "ttl": TTL},
        documented("prompt_cache_options: default mode implicit, default ttl 30m"),
    ),
]

_NEEDS = ["prompt_cache_options", "content_parts"]


def _content(*parts: Any) -> Body:
    return lean(messages=[user(list(parts))])


def _unmarked(body: Body) -> Body:
    """The same body without marks in its content."""

    def plain(content: Any) -> Any:
        if not is_array(content):
            return content
        return [{name: value for name, value in part.items() if name not in BREAKPOINT} for part in content]

    return {**body, "messages": [{**one, "content": plain(one["content"])} for one in body["messages"]]}


marks = [
    accepts(
        "part.breakpoint",
        "messages",
        "accepts text parts that end a prefix of the prompt cache",
        _MARK,
        [
            _content(marked()),
            _content(marked("Say"), text_part("hi.")),
            lean(messages=[system([marked("You are terse.")]), user()], prompt_cache_options={"mode": "explicit"}),
        ],
        needs=[*_NEEDS, "system_role"],
        strength=Strength.SHOULD,  # it came with the options, and no row of the fact base speaks of it
        control=_unmarked,
    ),
    observes(
        "part.breakpoint.shape",
        "messages",
        "refuses a mark in a part that has no mode, another mode or is no object",
        contested("content part: the mark has one mode in the schema; other unknown members are passed over"),
        [
            _content(marked(prompt_cache_breakpoint={"mode": "implicit"})),
            _content(marked(prompt_cache_breakpoint={})),
            _content(text_part(), marked("Hi.", prompt_cache_breakpoint=True)),
            _content(marked(prompt_cache_breakpoint="explicit")),
            _content(marked(prompt_cache_breakpoint={"mode": 7})),
        ],
        needs=_NEEDS,
        control=_unmarked,
    ),
    observes(
        "part.breakpoint.many",
        "messages",
        "refuses more than four marks in a prompt",
        contested("content part: the prose has four written and the latest of them count"),
        [_content(*(marked(str(number)) for number in range(5)), text_part())],
        needs=_NEEDS,
        control=_unmarked,
    ),
]

CHAPTER = Chapter("caching", "The prompt cache", tuple(since("2026-08", *key, *retention, *options, *marks)))
