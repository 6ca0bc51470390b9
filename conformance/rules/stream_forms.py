"""What the rules about streamed answers share: how one is made, what is asked, and checks of a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...strategies.bodies import lean
from ..model import EVIDENCE_STRENGTH, AnswerRule, Body, Exchange, Source, Strength, Symptom
from .stream_views import framed, member
from .views import long_answer

Check = Callable[[Exchange], str | None]
"""What is wrong with a stream, None where nothing is."""

LEAN = (lean(stream=True), long_answer(stream=True, max_tokens=8), lean(stream=True, temperature=0))
BYTES: Any = {"symptom": Symptom.MALFORMED}
SHOULD: Any = {"strength": Strength.SHOULD}


def rule(
    id: str,
    title: str,
    source: Source,
    check: Check,
    *,
    applies: Callable[[Exchange], bool] = framed,
    prop: str = "answer",
    pins: tuple[Body, ...] = LEAN,
    needs: tuple[str, ...] = (),
    strength: Strength | None = None,
    timed: bool = False,
    symptom: Symptom = Symptom.WRONG_CONTENT,
) -> AnswerRule:
    """A rule about streams, of which ``id`` is the part behind ``sse.``."""
    return AnswerRule(
        id=f"sse.{id}",
        property=prop,
        title=title,
        strength=strength or EVIDENCE_STRENGTH[source.evidence],
        source=source,
        applies=applies,
        check=check,
        pins=pins,
        needs=("streaming", *needs),
        timed=timed,
        symptom=symptom,
    )


def each(values: Callable[[Exchange], Iterable[Any]], good: Callable[[Any], bool], name: str) -> Check:
    """A check that every object of a kind has a member as it should be."""

    def check(exchange: Exchange) -> str | None:
        return next((f"{member(owner, name)}" for owner in values(exchange) if not good(owner)), None)

    return check


def text_or_null(name: str) -> Callable[[dict[str, Any]], bool]:
    """A test that a member is a string, null or missing."""
    return lambda owner: isinstance(owner.get(name), str | None)
