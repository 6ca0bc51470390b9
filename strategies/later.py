"""What later vintages bring into rich bodies, vintage by vintage, so that ``bodies`` itself asks about none.

A step gets the way to draw, the body so far, the way to add a property perhaps, and the kind of the body (``plain``,
``tools``, ``functions``, ``prediction`` or ``audio``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from .caching import RETENTIONS, cache_options, identifiers
from .custom_tools import allowed, custom, reference_to
from .moderation import moderations
from .reasoning import EFFORTS, VERBOSITIES
from .web_search import web_search_options

Body = dict[str, Any]
Step = Callable[[DrawFn, Body, Callable[[str, SearchStrategy[Any]], Any], str], None]

_coin = st.booleans()
_tiers = st.sampled_from(("flex", "priority"))
_efforts = st.sampled_from(EFFORTS)
_verbosities = st.sampled_from(VERBOSITIES)
_retentions = st.just(RETENTIONS[0])
_ids = identifiers(max_size=16)
_cache = cache_options()
_searches = web_search_options()
_moderations = moderations()
_choices = st.sampled_from(("as drawn", "allowed", "custom"))
_modes = st.sampled_from(("auto", "required"))
_formats = st.sampled_from(({}, {"format": {"type": "text"}}))


def _of_2026_08(draw: DrawFn, body: Body, perhaps: Callable[[str, SearchStrategy[Any]], Any], kind: str) -> None:
    """Its eight properties, developer messages, custom and allowed tools, further tiers, chunks without obfuscation."""
    first = body["messages"][0]
    if first["role"] == "system" and draw(_coin):
        body["messages"] = [{**first, "role": "developer"}, *body["messages"][1:]]
    for key in ("safety_identifier", "prompt_cache_key"):
        perhaps(key, _ids)
    perhaps("prompt_cache_retention", _retentions)
    perhaps("prompt_cache_options", _cache)
    if body.get("service_tier") and draw(_coin):
        body["service_tier"] = draw(_tiers)
    if isinstance(body.get("stream_options"), dict) and draw(_coin):
        body["stream_options"] = {**body["stream_options"], "include_obfuscation": draw(_coin)}
    if kind == "tools":
        _choose(draw, body)
    if kind in ("prediction", "audio"):
        return
    perhaps("verbosity", _verbosities)
    perhaps("moderation", _moderations)
    if kind == "plain":
        perhaps("reasoning_effort", _efforts)
        perhaps("web_search_options", _searches)


def _choose(draw: DrawFn, body: Body) -> None:
    """Perhaps a custom tool behind the others, and a choice of it or of some of all."""
    if draw(_coin):
        names = {tool["function"]["name"].lower() for tool in body["tools"]}
        name = "note"
        while name in names:
            name += "_2"
        body["tools"] = [*body["tools"], custom(name, **draw(_formats))]
    choice, last = draw(_choices), body["tools"][-1]
    if choice == "allowed":
        some = body["tools"][: draw(st.integers(1, len(body["tools"])))]
        body["tool_choice"] = allowed(*some, mode=draw(_modes))
    elif choice == "custom" and last["type"] == "custom":
        body["tool_choice"] = reference_to(last)


STEPS: dict[str, Step] = {"2026-08": _of_2026_08}
"""What each vintage after the oldest brings."""


def later(vintage: str) -> Sequence[Step]:
    """The steps of a vintage (``YYYY-MM``), of older ones first."""
    return [step for since, step in sorted(STEPS.items()) if since <= vintage]
