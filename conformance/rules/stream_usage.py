"""The usage chunk of a streamed answer (fact base §2.3)."""

from __future__ import annotations

from typing import Any

from ...strategies.bodies import lean
from ...strategies.json_values import is_object
from ..model import Exchange
from .forms import documented, prose
from .stream_forms import LEAN, SHOULD, each, rule
from .stream_views import counted, framed, is_usage, listed, member, totals
from .views import chunks, option

_USAGE = tuple({**body, "stream_options": {"include_usage": True}} for body in (*LEAN, lean(stream=True, n=2)))
_COUNTS: Any = {"prop": "stream_options", "needs": ("stream_usage",), "pins": _USAGE, "applies": counted}
_ON = prose("stream_options.include_usage: one more chunk with the usage, before the end marker")


def usage_chunk(exchange: Exchange) -> str | None:
    if totals(exchange):
        return None
    inside = any(is_object(chunk.get("usage")) for chunk in chunks(exchange))
    return "the usage came on a chunk that has choices" if inside else "no chunk has empty choices and a usage"


def usage_last(exchange: Exchange) -> str | None:
    seen = False
    for chunk in chunks(exchange):
        if seen and listed(chunk.get("choices")):
            return "a chunk with choices follows the usage chunk"
        seen = seen or is_usage(chunk)
    return None


def usage_sums(exchange: Exchange) -> str | None:
    for usage in totals(exchange):
        if not _full(usage):
            continue
        if usage["total_tokens"] != usage["prompt_tokens"] + usage["completion_tokens"]:
            return " and ".join(member(usage, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    return None


def _full(usage: dict[str, Any]) -> bool:
    return all(_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _unasked(exchange: Exchange) -> bool:
    options = option(exchange, "stream_options", {})
    silent = is_object(options) and options.get("include_usage", False) is False
    return framed(exchange) and silent and bool(chunks(exchange))


def _other_chunks(exchange: Exchange) -> list[dict[str, Any]]:
    return [chunk for chunk in chunks(exchange) if not is_usage(chunk)] if totals(exchange) else []


def _usage_only(exchange: Exchange) -> str | None:
    return "a chunk without choices carries a usage that was not asked for" if totals(exchange) else None


def _second_usage(exchange: Exchange) -> str | None:
    return "there is more than one usage chunk" if len(totals(exchange)) > 1 else None


def _usage_members(exchange: Exchange) -> str | None:
    return None if all(map(_full, totals(exchange))) else "the usage lacks a token count, or has one that is no count"


RULES = [
    rule("usage.off", "sends no usage chunk that was not asked for", _ON, _usage_only, applies=_unasked),
    rule("usage.on", "sends a usage chunk with empty choices for include_usage", _ON, usage_chunk, **_COUNTS),
    rule("usage.on.once", "sends one usage chunk", _ON, _second_usage, **_COUNTS),
    rule("usage.on.last", "sends the usage chunk after all choices", _ON, usage_last, **_COUNTS),
    rule("usage.on.null", "has usage: null on the other chunks with include_usage", _ON,
          each(_other_chunks, lambda c: "usage" in c and c["usage"] is None, "usage"), **_COUNTS, **SHOULD),
    rule("usage.on.members", "sends three token counts in the usage chunk", documented("usage: its required members"),
          _usage_members, **_COUNTS),
    rule("usage.on.sum", "sends token counts that add up in the usage chunk", prose("usage: the total is the sum"),
          usage_sums, **_COUNTS),
]  # fmt: skip
