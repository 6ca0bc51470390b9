"""Dialects of the vintage 2026-08: what it lets a server decline, leave out or do in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chatproof.conformance.reference import answers, stream
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.vintages import VINTAGES

from .base import Dialect
from .reasoning import shown, thinker

VINTAGE = "2026-08"

DECLINED = (
    "reasoning_effort",
    "verbosity",
    "web_search_options",
    "prompt_cache_retention",
    "prompt_cache_options",
    "moderation",
)
"""Properties that belong to some models only."""


def news(ask: Ask) -> Iterator[Reason]:
    """What a model of an older kind does not know, told without a code that says so."""
    for key in DECLINED:
        if key in ask.body:
            yield Reason("dialect", f"Unrecognized request argument supplied: {key}", None, None)
    text = json.dumps([ask.body.get(key) for key in ("messages", "tools", "tool_choice")])
    for word in ("developer", "file", "custom", "allowed_tools"):
        if f'"{word}"' in text:
            yield Reason("dialect", f"There is no {word} here.", None, None)


def plainer(body: dict[str, Any]) -> None:
    """Without what the vintage lets be absent."""
    for name in ("service_tier", "metadata", "moderation"):
        body.pop(name, None)
    for choice in body["choices"]:
        choice.get("message", {}).pop("annotations", None)
    for name in ("prompt_tokens_details", "completion_tokens_details"):
        (body.get("usage") or {}).pop(name, None)
    body.pop("obfuscation", None)


def plain_answers(reply: Reply) -> Any:
    body = answers.completion(reply)
    plainer(body)
    return body


def plain_chunks(reply: Reply) -> Iterator[Mapping[str, Any]]:
    for row in stream.chunks(reply):
        copy = json.loads(json.dumps(row))
        plainer(copy)
        yield copy


def _dialect(name: str, server: Reference, *warnings: str) -> Dialect:
    return Dialect(name=f"later-{name}", warnings=frozenset(warnings), server=server, vintage=VINTAGE)


DIALECTS = [
    _dialect("as-it-is", Reference(vintage=VINTAGE)),
    _dialect(
        "declines-the-news",
        Reference(vintage=VINTAGE, checks=(*VINTAGES[VINTAGE].checks, Check("dialect", news))),
    ),
    _dialect(
        "plain-answers",
        Reference(vintage=VINTAGE, behaviour=Behaviour(completion=plain_answers, chunks=plain_chunks)),
        "res.tier.sent",
        "res.moderation.presence",
    ),
    _dialect("thinks-aloud", thinker(vintage=VINTAGE, **shown("reasoning_content"))),
]
