"""Findings of what rules saw only under some circumstance: in a crowd, after refused requests, in company, repeated,
now and then."""

from __future__ import annotations

from dataclasses import replace

from .again import IN_SEQUEL, REFUSED, Crowd, crowd_of
from .bearers import CROWD_RULE, REFUSED_RULE, REPEAT_RULE
from .exchange import Request
from .outgoing import curl, prepare
from .record import cut
from .results import Finding
from .target import Target


def _kept(kept: Crowd, why: str, curl_line: str, steps: tuple[Request, ...]) -> Finding:
    """One finding of all that rules saw only under some circumstance."""
    first, *others = kept.sightings
    return Finding(
        symptom=first.symptom,
        why=why,
        request=first.request,
        exchange=first.exchange,
        curl=curl_line,
        confirmed=first.confirmed,
        sightings=len(kept.sightings),
        others=tuple(cut(f"{row.rule}: {row.why}", 300) for row in others[:5]),
        steps=steps,
    )


def _in_turn(kept: Crowd, target: Target, why: str, steps: tuple[Request, ...]) -> Finding:
    """The finding that these requests show, sent one after the other."""
    return _kept(kept, why, " ; ".join(curl(one, target) for one in steps), steps)


def _of_crowd(kept: Crowd, target: Target) -> Finding:
    """The finding that what other rules saw only with many in flight makes."""
    first = kept.sightings[0]
    crowd = tuple(prepare(one, target) for one in crowd_of(first.request))
    return _kept(
        kept,
        f"{first.rule} holds alone, and is broken with many requests in flight: {first.why}",
        " & ".join(curl(one, target) for one in crowd) + " & wait",
        crowd,
    )


def _of_refused(kept: Crowd, target: Target) -> Finding:
    """The finding that what other rules saw only after refused requests makes."""
    first = kept.sightings[0]
    if first.after:
        why = f"{first.rule} holds alone: {first.why}{IN_SEQUEL}"
        return _in_turn(kept, target, why, (*first.after, first.request))
    steps = (*(prepare(one, target) for one in REFUSED), first.request)
    said = "holds after an accepted request, and is broken after a refused one in the same connection"
    why = f"{first.rule} {said}: {first.why}"
    return _in_turn(kept, target, why, steps)


def _of_rare(kept: Crowd, target: Target) -> Finding:
    """The finding that answers make which were missing, or there, once, and not when the request was sent again."""
    first = kept.sightings[0]
    many = sum(row.rare for row in kept.sightings)
    why = f"{first.rule} holds, but not every time: {first.why}; {many} request{'s' * (many > 1)} failed so"
    return _in_turn(kept, target, why, (first.request,))


def _of_repeated(kept: Crowd, target: Target) -> Finding:
    """The finding that refusals make which other rules saw, and which did not repeat themselves."""
    first = kept.sightings[0]
    why = f"a request that is refused gets {first.exchange.status} when it is sent again as it was"
    return _in_turn(kept, target, why, (first.request,) * 2)


def _of_company(kept: Crowd, target: Target) -> Finding:
    """The finding that invalid requests make which are taken, or fail, in company only."""
    first = kept.sightings[0]
    return _in_turn(kept, target, f"{first.rule} holds, but not {kept.when}: {first.why}", (first.request,))


_MAKERS = {CROWD_RULE: _of_crowd, REFUSED_RULE: _of_refused, REPEAT_RULE: _of_repeated}


def finding_of(rule_id: str, kept: Crowd, target: Target) -> Finding:
    """The finding of the rule that bears the blame for what others saw, of which there is at least one sighting."""
    kept = replace(kept, sightings=sorted(kept.sightings, key=lambda row: row.rare))
    make = _of_rare if kept.sightings[0].rare else _MAKERS.get(rule_id, _of_company)
    return make(kept, target)
