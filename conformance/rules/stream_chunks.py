"""The chunks of a streamed answer, their choices and deltas (fact base §2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_array, is_object
from ..model import Exchange
from .forms import documented, observed, prose
from .stream_forms import SHOULD, Check, each, rule, text_or_null
from .stream_views import deltas, ended, framed, pieces, placed, show, wanted, whole
from .views import FINISHES, TIERS, chunks, is_integer, long_answer

ROLES = ("assistant", "user", "system", "tool", "developer")
SPOKEN = ("content", "refusal", "tool_calls", "function_call")
_TIER = (lean(stream=True, service_tier="auto"),)
_TWO = (lean(stream=True, n=2), long_answer(stream=True, n=3, max_tokens=4))
_CHUNK = documented("chunk object: members that must be there and their types")
_CHOICE = documented("chunk object, choices: members that must be there and their types")
_DELTA = documented("chunk object, delta: members and their types")
_SAME = prose("chunk object: all chunks of a stream share it")


def same(name: str, good: Callable[[Any], bool]) -> Check:
    """A check that a member is the same on all chunks that have it in its right type."""

    def check(exchange: Exchange) -> str | None:
        values = [chunk[name] for chunk in chunks(exchange) if good(chunk.get(name))]
        other = next((value for value in values if value != values[0]), None)
        return None if other is None else f"{name} is {show(values[0])} on the first chunk and {show(other)} on another"

    return check


def some_id(exchange: Exchange) -> str | None:
    values = [chunk.get("id") for chunk in chunks(exchange)]
    bad = [value for value in values if not isinstance(value, str)]
    if bad:
        return f"the id of a chunk is {show(bad[0])}"
    return "the id is an empty string on every chunk" if values and not any(values) else None


def in_seconds(exchange: Exchange) -> str | None:
    values = [chunk["created"] for chunk in chunks(exchange) if is_integer(chunk.get("created"))]
    if not values or 10**9 <= max(values) < 10**11:
        return None
    return f"created is {show(max(values))}, which is no time of today in seconds"


def in_range(exchange: Exchange) -> str | None:
    count = wanted(exchange)
    for index, _, _ in placed(exchange):
        if count and not 0 <= index < count:
            return f"a choice has the index {show(index)}, where {show(count)} were asked for"
    return None


def all_choices(exchange: Exchange) -> str | None:
    count = wanted(exchange)
    found = {index for index, _, _ in placed(exchange)}
    return f"{len(found)} choices in the stream, where {count} were asked for" if count and len(found) < count else None


def first_role(exchange: Exchange) -> str | None:
    known: set[int] = set()
    for index, piece, delta in placed(exchange):
        if not is_object(piece.get("delta")):
            continue  # another rule owns that
        if index not in known and delta.get("role") not in ("assistant", *_odd(delta.get("role"))):
            said = f"the role {show(delta['role'])}" if "role" in delta else "no role"
            return f"the first delta of choice {show(index)} has {said}"
        known.add(index)
    return None


def _odd(role: object) -> tuple[object, ...]:
    return () if role is None or role in ROLES else (role,)  # another rule owns values outside the enum


def finishes(exchange: Exchange) -> str | None:
    every = {index for index, _, _ in placed(exchange)}
    done = {index for index, piece, _ in placed(exchange) if ended(piece)}
    if any(ended(piece) and not is_integer(piece.get("index")) for piece in pieces(exchange)):
        return None  # another rule owns that
    left = sorted(every - done)
    return f"no chunk has a finish_reason for choice {show(left[0])}" if left else None


def finishes_once(exchange: Exchange) -> str | None:
    seen: set[int] = set()
    for index, piece, _ in placed(exchange):
        if ended(piece) and piece["finish_reason"] in FINISHES:
            if index in seen:
                return f"a second chunk has a finish_reason for choice {show(index)}"
            seen.add(index)
    return None


def nothing_after(exchange: Exchange) -> str | None:
    seen: set[int] = set()
    for index, piece, delta in placed(exchange):
        more = next((name for name in SPOKEN if delta.get(name)), None)
        if index in seen and more and not ended(piece):
            return f"choice {show(index)} gets more {more} after its finish_reason"
        if ended(piece) and piece["finish_reason"] in FINISHES:
            seen.add(index)
    return None


def _tier(chunk: dict[str, Any]) -> bool:
    return not isinstance(chunk.get("service_tier"), str) or chunk["service_tier"] in TIERS


def _tiered(exchange: Exchange) -> bool:
    return framed(exchange) and any(isinstance(chunk.get("service_tier"), str) for chunk in chunks(exchange))


def _objects(chunk: dict[str, Any]) -> bool:
    found = chunk.get("choices")
    return is_array(found) and all(is_object(choice) for choice in found)


def _reason(piece: dict[str, Any]) -> bool:
    return piece.get("finish_reason") is None or piece["finish_reason"] in FINISHES


def _role(delta: dict[str, Any]) -> bool:
    return delta.get("role") is None or delta["role"] in ROLES


def _legacy(delta: dict[str, Any]) -> bool:
    call = delta.get("function_call")
    return call is None or (is_object(call) and all(text_or_null(name)(call) for name in ("arguments", "name")))


def _placed(exchange: Exchange) -> bool:
    """A whole stream in which every choice can be told apart."""
    listed_all = all(is_array(chunk.get("choices")) for chunk in chunks(exchange))
    return whole(exchange) and listed_all and all(is_integer(piece.get("index")) for piece in pieces(exchange))


def _one(exchange: Exchange) -> bool:
    return _placed(exchange) and wanted(exchange) == 1


def _several(exchange: Exchange) -> bool:
    return _placed(exchange) and (wanted(exchange) or 1) > 1


RULES = [
    rule("chunk.id", "gives every chunk an id", _CHUNK, some_id),
    rule("chunk.object", "names every chunk chat.completion.chunk", _CHUNK,
          each(chunks, lambda c: c.get("object") == "chat.completion.chunk", "object")),
    rule("chunk.created", "gives every chunk an integer created", _CHUNK,
          each(chunks, lambda c: is_integer(c.get("created")), "created")),
    rule("chunk.created.seconds", "counts created in seconds in chunks", _CHUNK, in_seconds, **SHOULD),
    rule("chunk.model", "names the model in every chunk", _CHUNK,
          each(chunks, lambda c: isinstance(c.get("model"), str), "model")),
    rule("chunk.choices", "gives every chunk an array of choices", _CHUNK, each(chunks, _objects, "choices")),
    rule("chunk.fingerprint", "sends system_fingerprint in chunks as a string or not at all", _CHUNK,
          each(chunks, text_or_null("system_fingerprint"), "system_fingerprint")),
    rule("chunk.tier", "sends service_tier in chunks as a string or null or not at all", _CHUNK,
          each(chunks, text_or_null("service_tier"), "service_tier"), pins=_TIER),
    rule("chunk.tier.value", "names a documented tier in chunks", observed("service_tier: the tiers of both vintages"),
          each(chunks, _tier, "service_tier"), applies=_tiered, pins=_TIER),
    rule("same.id", "keeps one id in all chunks of a stream", _SAME, same("id", lambda v: isinstance(v, str))),
    rule("same.created", "keeps one created in all chunks of a stream", _SAME, same("created", is_integer),
          timed=True),
    rule("same.model", "keeps one model in all chunks of a stream", _SAME, same("model", lambda v: isinstance(v, str)),
          **SHOULD),
    rule("choice.delta", "gives every streamed choice a delta", _CHOICE,
          each(pieces, lambda p: is_object(p.get("delta")), "delta")),
    rule("choice.index", "gives every streamed choice an integer index", _CHOICE,
          each(pieces, lambda p: is_integer(p.get("index")), "index")),
    rule("choice.finish_reason", "has finish_reason on every streamed choice, null until the end", _CHOICE,
          each(pieces, lambda p: "finish_reason" in p, "finish_reason"), **SHOULD),
    rule("choice.range", "streams only choices from 0 to n - 1", documented("n and choices.index"), in_range),
    rule("choice.one", "streams a choice where n is 1", prose("n: how many choices"), all_choices, applies=_one),
    rule("choice.count", "streams as many choices as n asks for", prose("n: how many choices"), all_choices,
          applies=_several, prop="n", needs=("multiple_choices",), pins=_TWO),
    rule("role", "begins every streamed choice with role: assistant", observed("the first delta of a choice"),
          first_role, applies=whole),
    rule("role.value", "sends only known roles in deltas", _DELTA, each(deltas, _role, "role")),
    rule("delta.content", "streams content as strings", _DELTA, each(deltas, text_or_null("content"), "content")),
    rule("delta.refusal", "streams a refusal as strings", _DELTA, each(deltas, text_or_null("refusal"), "refusal")),
    rule("delta.tool_calls", "streams tool_calls as an array", _DELTA,
          each(deltas, lambda d: isinstance(d.get("tool_calls"), list | None), "tool_calls")),
    rule("delta.function_call", "streams a function_call as an object of strings", _DELTA,
          each(deltas, _legacy, "function_call")),
    rule("finish", "gives every streamed choice a finish_reason", prose("finish_reason in chunks"), finishes,
          applies=whole),
    rule("finish.enum", "streams only documented values of finish_reason", _CHOICE,
          each(pieces, _reason, "finish_reason")),
    rule("finish.once", "finishes every streamed choice once", observed("the last chunk of a choice"), finishes_once),
    rule("finish.last", "streams nothing for a choice after its finish_reason", prose("finish_reason in chunks"),
          nothing_after),
]  # fmt: skip
