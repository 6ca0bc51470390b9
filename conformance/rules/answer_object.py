"""The completion object of a plain answer: its bytes and its own members (fact base §2.1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..model import Answer, Exchange, Strength, Symptom
from ..sse import NOT_JSON
from .answer_forms import PLAIN, is_text, missing, must_be, text_or_null
from .answer_views import completions, declined, member, objects, unstreamed
from .forms import documented, judges, observed, prose
from .views import TIERS, chunks, is_integer, said

_NOT_SECONDS = 10**11
_NEAR = 15 * 60


def _unreadable(answer: Answer) -> str | None:
    if answer.json is NOT_JSON:
        return "the body of the answer is not JSON"
    return None if is_object(answer.json) else f"the body of the answer is {said(answer.json)}, not an object"


def _times(exchange: Exchange) -> list[tuple[int, list[int]]]:
    """``created`` with the clocks it may follow: ours when the answer came, and the one in the Date header."""
    created = [value for value in member(completions, "created")(exchange) if is_integer(value)]
    if not created:
        return []
    ago = time.monotonic() - exchange.finished if exchange.finished else 0.0
    clocks = [int(time.time() - ago)]
    date = exchange.answer.header("date") if exchange.answer else None
    with suppress(ValueError, TypeError, OverflowError, OSError):
        clocks.append(int(parsedate_to_datetime(date or "").timestamp()))
    return [(value, clocks) for value in created if value < _NOT_SECONDS]


def _stale(pair: tuple[int, list[int]]) -> str | None:
    created, clocks = pair
    away = min(abs(created - clock) for clock in clocks)
    return f"created is {said(created)}, more than a quarter of an hour off the clock" if away > _NEAR else None


def _tier(value: str) -> str | None:
    return None if value in TIERS else f"service_tier is {said(value)}, not one of {', '.join(TIERS)}"


def _ident(exchange: Exchange) -> str | None:
    """The id of an answer, of a stream that of its first chunk."""
    found = [*member(completions, "id")(exchange), *(chunk.get("id") for chunk in chunks(exchange)[:1])]
    return found[0] if found and is_text(found[0]) else None


_REQUIRED: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("id", is_text, "a non-empty string"),
    ("object", lambda value: value == "chat.completion", "chat.completion"),
    ("created", is_integer, "an integer"),
    ("model", is_text, "a non-empty string"),
    ("choices", lambda found: is_array(found) and len(objects(found)) == len(found), "an array of objects"),
)
_OBJECT = documented("the completion object: id, object, created, model and choices are required")
RULES = [
    judges(
        "res.ctype",
        "answer",
        "answers with content type application/json",
        documented("the answer without a stream is application/json"),
        unstreamed,
        lambda answer: (
            None
            if answer.media_type == "application/json"
            else f"the content type is {said(answer.header('content-type'))}"
        ),
        PLAIN,
    ),
    judges(
        "stream.off",
        "stream",
        "answers with no event stream where stream is false or null",
        documented("stream: false is the default, and null says nothing"),
        declined,
        lambda answer: "an event stream is answered" if answer.event_stream else None,
        (lean(stream=None), lean(stream=False)),
    ),
    judges(
        "res.json",
        "answer",
        "answers with a JSON object",
        documented("the answer without a stream is the completion object"),
        lambda exchange: [one for one in unstreamed(exchange) if not one.event_stream],
        _unreadable,
        PLAIN,
    ),
    judges(
        "res.required",
        "answer",
        "gives id, object, created, model and choices",
        _OBJECT,
        completions,
        missing(tuple(name for name, *_ in _REQUIRED), "the answer"),
        PLAIN,
    ),
    *(
        judges(
            f"res.{name}",
            "answer",
            f"gives {wanted} as {name}",
            _OBJECT,
            member(completions, name),
            must_be(name, test, wanted),
            PLAIN,
        )
        for name, test, wanted in _REQUIRED
    ),
    judges(
        "res.created.seconds",
        "answer",
        "counts created in seconds",
        documented("created: Unix time in seconds"),
        lambda exchange: [value for value in member(completions, "created")(exchange) if is_integer(value)],
        lambda value: f"created is {said(value)}, which are no seconds" if value >= _NOT_SECONDS else None,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.created.fresh",
        "answer",
        "gives the time of the answer as created",
        observed("created: when the completion was made"),
        _times,
        _stale,
        PLAIN,
        symptom=Symptom.WRONG_CONTENT,
    ),
    judges(
        "res.fingerprint",
        "answer",
        "gives system_fingerprint, if at all, as a string or null",
        documented("system_fingerprint: an optional string; null is seen at the origin"),
        member(completions, "system_fingerprint"),
        must_be("system_fingerprint", text_or_null, "a string or null"),
        PLAIN,
    ),
    judges(
        "res.tier",
        "answer",
        "gives service_tier, if at all, as a string or null",
        documented("service_tier: a nullable string"),
        member(completions, "service_tier"),
        must_be("service_tier", text_or_null, "a string or null"),
        [lean(service_tier="auto")],
    ),
    judges(
        "res.tier.value",
        "answer",
        "names a documented tier as service_tier",
        observed("service_tier: the tiers of both vintages"),
        lambda exchange: [value for value in member(completions, "service_tier")(exchange) if isinstance(value, str)],
        _tier,
        [lean(service_tier="auto")],
        symptom=Symptom.WRONG_CONTENT,
    ),
    replace(
        judges(
            "res.id.unique",
            "answer",
            "gives every answer of a run an id of its own",
            prose("id: unique; servers that draw from a small pool are known"),
            lambda exchange: [mark] if (mark := _ident(exchange)) else [],
            lambda mark: None,
            PLAIN,
            strength=Strength.MAY,
            symptom=Symptom.WRONG_CONTENT,
        ),
        mark=_ident,
    ),
]
