"""What a profile says that decides over single requests: the bounds that a server documents, and the model for a body.

Pure functions over request bodies, so that plan, campaign and client ask them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..strategies.json_values import is_array, is_object

Limit = tuple[str, float | None, float | None]
"""Name of a bound (a key of ``MEASURES``), least and greatest value; None where nothing is documented."""


def _number(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    def measure(body: Mapping[str, Any]) -> float | None:
        value = body.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    return measure


def _count(name: str) -> Callable[[Mapping[str, Any]], float | None]:
    def measure(body: Mapping[str, Any]) -> float | None:
        value = body.get(name)
        return len(value) if is_array(value) or is_object(value) else None

    return measure


def _stops(body: Mapping[str, Any]) -> float | None:
    value = body.get("stop")
    return 1 if isinstance(value, str) else len(value) if is_array(value) else None


def _parts(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = body.get("messages")
    found: list[Mapping[str, Any]] = []
    for message in messages if is_array(messages) else ():
        content = message.get("content") if is_object(message) else None
        found += [part for part in content if is_object(part)] if is_array(content) else []
    return found


NUMBERS = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "top_logprobs",
)
"""Properties whose value a profile may bound."""

LISTS = ("messages", "tools", "functions", "logit_bias", "metadata")
"""Properties whose number of items a profile may bound, as ``max_NAME``."""

MEASURES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], float | None]]] = {
    **{name: (name, _number(name)) for name in NUMBERS},
    **{f"max_{name}": (f"the number of {name}", _count(name)) for name in LISTS},
    "max_stop": ("the number of stop sequences", _stops),
    "max_images": (
        "the number of images",
        lambda body: sum(part.get("type") == "image_url" for part in _parts(body)) or None,
    ),
}
"""Bounds by name: what is measured in words, and its value in a body (None: not there)."""


def excess(body: object, limits: tuple[Limit, ...], profile: str) -> str:
    """Why a body goes beyond what a server documents, in words; empty where it does not."""
    if not limits or not is_object(body):
        return ""
    for name, least, most in limits:
        words, measure = MEASURES[name]
        value = measure(body)
        if value is None:
            continue
        if most is not None and value > most:
            return f"{words} is {value}, and the profile {profile} says that the server documents at most {most:g}"
        if least is not None and value < least:
            return f"{words} is {value}, and the profile {profile} says that the server documents at least {least:g}"
    return ""


def _holds(body: Mapping[str, Any], name: str) -> bool:
    return body.get(name) is not None


def _format(body: Mapping[str, Any]) -> object:
    value = body.get("response_format")
    return value.get("type") if is_object(value) else None


def _speaks(body: Mapping[str, Any]) -> bool:
    modalities = body.get("modalities")
    return _holds(body, "audio") or (is_array(modalities) and "audio" in modalities)


USES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "audio_output": _speaks,
    "audio_input": lambda body: any(part.get("type") == "input_audio" for part in _parts(body)),
    "images": lambda body: any(part.get("type") == "image_url" for part in _parts(body)),
    "prediction": lambda body: _holds(body, "prediction"),
    "functions": lambda body: _holds(body, "functions"),
    "tools": lambda body: _holds(body, "tools"),
    "json_schema": lambda body: _format(body) == "json_schema",
    "logprobs": lambda body: bool(body.get("logprobs")),
}
"""Capabilities that may want a model of their own, and whether a body uses one. The first that is used decides."""


def model_of(body: Mapping[str, Any], models: Mapping[str, str], otherwise: str) -> str:
    """The model that a body is for."""
    for name, uses in USES.items():
        if name in models and uses(body):
            return models[name]
    return otherwise
