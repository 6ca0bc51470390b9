"""Properties together: what is accepted alone is accepted in company, since no document forbids these combinations.

The pins hold every pair of features that may meet, and pairs that mask none of each other's effects, also where the
answer is cut, so that the rules about answers see them; the examples are random. Each body is asked without what the
server does not offer, and a failure is taken apart until two features are left that fail only together. What the rules
about answers ask is held to the same, and so is what a small run merges.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from ...strategies.bodies import bodies
from ...strategies.combinations import covering_bodies
from ...strategies.cut import cut_bodies
from ...strategies.json_values import is_object
from ...strategies.simpler import features, manifold, simpler, without
from ...strategies.unmasked import unmasked_bodies
from ..model import AnswerRule, Body, Chapter, Strength, as_request
from .forms import accepts, changed, documented
from .gates import GATES

_GATES = {gate.capability for gate in GATES}

_CAPABILITIES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("stream", lambda value: value is True, "streaming"),
    ("stream_options", lambda value: is_object(value) and bool(value.get("include_usage")), "stream_usage"),
    ("n", lambda value: (value or 1) > 1, "multiple_choices"),
    ("response_format", lambda value: value["type"] == "json_object", "json_object"),
    ("response_format", lambda value: value["type"] == "json_schema", "json_schema"),
    ("tool_choice", lambda value: value == "required" or is_object(value), "forced_tool"),
    ("function_call", is_object, "forced_function"),
    ("modalities", lambda value: "audio" in (value or ()), "audio_output"),
    ("audio", lambda value: True, "audio_output"),
    ("system", lambda value: True, "system_role"),
    ("tool_calls", lambda value: True, "tools"),
    ("tool_calls", lambda value: True, "tool_messages"),
    ("function_calls", lambda value: True, "functions"),
    ("function_calls", lambda value: True, "function_messages"),
    ("parts", lambda value: True, "content_parts"),
    ("images", lambda value: True, "images"),
    ("developer", lambda value: True, "developer_role"),
    ("tools", lambda value: any(tool["type"] == "custom" for tool in value), "custom_tools"),
    ("tool_choice", lambda value: is_object(value) and value["type"] == "allowed_tools", "allowed_tools"),
)
"""Feature, which of its values, and the capability they need beside the gate that is named like the property."""


def _capabilities(feature: str, body: Body) -> set[str]:
    """The gates behind a feature of a body."""
    value = body.get(feature)
    special = {gate for name, concerns, gate in _CAPABILITIES if name == feature and concerns(value)}
    return ({feature} | special) & _GATES


def fit(body: Body, offered: Collection[str]) -> Body | None:
    """The body without the features that are not offered; None where no two are left to meet."""
    for feature in sorted(features(body)):
        if not _capabilities(feature, body) <= set(offered) and feature in features(body):
            body = without(body, feature)
    return body if manifold(body) else None


def _whole(body: Body, offered: Collection[str]) -> Body | None:
    """The body, where all of its features are offered."""
    return body if fit(body, offered) == body else None


def _asked_for_answers(answers: Iterable[AnswerRule]) -> list[Body]:
    """What the rules about answers ask for the sake of the answer, each body once."""
    pins = {
        as_request(pin).content: pin
        for rule in answers
        if rule.strength is not Strength.MAY and not rule.refused
        for pin in rule.pins
        if is_object(pin) and manifold(pin) and (pin.get("n") or 1) <= 2  # services cap the choices of a request
    }
    return list(pins.values())


# no document forbids a pair, but some services say that two features exclude each other there; a crash fails anyway
_FREE = documented("the request object: nothing forbids using these properties together")

together = [
    *changed(
        "2026-08",
        accepts(
            "together.pairs",
            "together",
            "accepts every pair of features that may be used together",
            _FREE,
            (*covering_bodies(), *unmasked_bodies(), *cut_bodies()),
            strength=Strength.SHOULD,
            fit=fit,
            reduce=simpler,
        ),
        pins=(*covering_bodies("2026-08"), *unmasked_bodies(), *cut_bodies()),
    ),
    *changed(
        "2026-08",
        accepts(
            "together.random",
            "together",
            "accepts random combinations of properties",
            _FREE,
            [],
            examples=bodies(),
            strength=Strength.SHOULD,
            weight=4,
            fit=fit,
            reduce=simpler,
        ),
        examples=bodies(vintage="2026-08"),
    ),
    # it sends nothing that they do not send, so a body is left alone where the server does not offer all of it
    accepts(
        "together.asked",
        "together",
        "accepts the requests of the rules about answers",
        _FREE,
        [],
        strength=Strength.SHOULD,
        fit=_whole,
        reduce=simpler,
        borrows=_asked_for_answers,
    ),
]

CHAPTER = Chapter("together", "Properties together", tuple(together))
