"""What a ceiling would cut from a planned run: the list in the order of its value, up to where a ceiling ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .budget import kept

TIERS = ("gates", "first pins", "other pins", "comparisons and rules about answers", "drawn bodies")
"""Kinds of requests, the most valuable first."""

GATES, FIRST, PINS, LATER, DRAWN = range(len(TIERS))


CANARIES = 50
"""One request of so many is about the health of a server."""


@dataclass(frozen=True)
class Planned:
    """One request of a plan: of which kind, for which rule, the completion tokens that its answer may take, and those
    that must be left for it to be sent.

    Equal requests have one ``key`` and are sent once. Where several bodies are one request, ``alone`` is what is sent
    for this rule when that one is not.
    """

    tier: int
    rule: str
    key: object
    tokens: int
    held: int = 0
    alone: Planned | None = None


@dataclass(frozen=True)
class Cut:
    """What is left out below a ceiling: requests by the name of their tier, and of so many rules the ``losing`` ones,
    which lose some or all of theirs.

    ``kept`` requests are held back for canaries and proofs. ``whole`` is the least --max-requests that cuts nothing
    from a server without faults. ``refused`` are the keys of what is left out.
    """

    asked: dict[str, int]
    left_out: dict[str, int]
    losing: list[str]
    of_rules: int
    kept: int
    whole: int
    refused: frozenset[object]


def cut(
    planned: Sequence[Planned], slack: int, requests: int | None, tokens: int | None, rules: Iterable[str] = ()
) -> Cut:
    """What ceilings leave of a plan. ``slack``: requests kept for wave 2 beyond what it takes; ``rules``: all that the
    plan is about, also those that send nothing of their own."""
    left = None if requests is None else max(0, requests - kept(requests))
    asked: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    losing: set[str] = set()
    paid: set[object] = set()
    refused: set[object] = set()
    closed = False

    proofs = kept(tokens) if tokens is not None else 0

    def spare(one: Planned) -> int:
        return 0 if one.tier == GATES else proofs

    def pays(one: Planned) -> bool:
        nonlocal left, tokens
        if one.key in paid:
            return True
        room = left is None or left > (slack if one.tier == DRAWN else 0)
        if closed or not room or (tokens is not None and max(one.held, one.tokens) > tokens - spare(one)):
            return False
        paid.add(one.key)
        asked[TIERS[one.tier]] += 1
        left = None if left is None else left - 1
        tokens = None if tokens is None else tokens - one.tokens
        return True

    for one in sorted(planned, key=lambda one: one.tier):  # stable: the order of asking within a tier
        if pays(one) or (one.alone and pays(one.alone)):
            continue
        left_out[TIERS[one.tier]] += one.key not in refused
        refused.add(one.key)
        losing.add(one.rule)
        closed = closed or one.tier == GATES  # without gates nothing can be asked
    needed = len({one.key for one in planned}) + slack
    needed += needed // CANARIES
    whole = needed
    while whole - kept(whole) < needed:
        whole += 1
    every = set(rules) or {one.rule for one in planned}
    if closed:
        losing |= every - {one.rule for one in planned if one.tier == GATES}
    return Cut(
        dict(asked),
        dict(left_out),
        sorted(losing & every),
        len(every),
        kept(requests) if requests else 0,
        whole,
        frozenset(refused),
    )


def as_json(found: Cut) -> dict[str, Any]:
    """The cut as plain values; keys are of no use outside."""
    return {name: value for name, value in vars(found).items() if name != "refused"}


def sentences(found: Cut, requests: int | None, tokens: int | None) -> list[str]:
    """The cut in words."""
    names = [f"--max-requests {requests}"] if requests is not None else []
    names += [f"--max-tokens-total {tokens}"] if tokens is not None else []
    under = f"under {' and '.join(names)}"
    if not found.left_out:
        return [f"{under} nothing is cut from a server without faults."]
    about = f"{under} about {len(found.losing)} of {found.of_rules} rules would not be asked to the end"
    rows = [f"{about} (error: budget, exit 6){'; fewer where answers are short' if tokens is not None else ''}:"]
    for tier in TIERS:
        asked, missing = found.asked.get(tier, 0), found.left_out.get(tier, 0)
        if asked or missing:
            rows.append(f"  {tier:40}{asked:>6} asked{missing:>8} not")
    if found.kept:
        rows.append(f"  {'kept for canaries and proofs':40}{found.kept:>6}")
    if requests is not None:
        rows.append(f"  a whole run takes --max-requests {found.whole} or more, --depth smoke takes less")
    return rows
