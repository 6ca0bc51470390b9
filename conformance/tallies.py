"""What the requests of one rule said about the rules about answers, so that the line of that rule keeps it.

Rules about answers are judged on the traffic of all others. A record that holds, in the line of each finished rule,
what its traffic said can be continued without asking it again, and what several processes saw can be added up.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from ..strategies.json_values import is_object
from .again import Crowd, CrowdSighting
from .exchange import Answer, Exchange, Request, Trouble
from .model import AnswerRule, Symptom
from .record import BODY_CUT, recorded_request, request_line
from .sightings import KEPT, Sighting, Sightings

KEY = "tally"
"""Member of a result line that holds it."""

Line = Mapping[str, Any]


class Ledger:
    """Tells apart what each rule adds to the sightings of one run."""

    def __init__(self, sightings: Sightings) -> None:
        self._sightings = sightings
        self._judged: dict[str, list[int]] = {}
        self._seen: dict[str, dict[str, int]] = {}
        self._found: dict[str, dict[str, list[Sighting]]] = {}
        self._marks: dict[str, dict[str, list[str]]] = {}

    @contextmanager
    def of(self, label: str) -> Generator[None]:
        """Book what is observed within for the rule ``label``. Nothing may be awaited within."""
        watched = [self._sightings.of[rule.id] for rule in self._sightings.rules]
        before = [(one.judged, one.seen, tuple(one.smallest), frozenset(one.marks)) for one in watched]
        yield
        judged = self._judged.setdefault(label, [0] * len(watched))
        for place, (rule, one) in enumerate(zip(self._sightings.rules, watched, strict=True)):
            judged_before, seen_before, smallest_before, marks_before = before[place]
            if len(one.marks) > len(marks_before):
                self._marks.setdefault(label, {}).setdefault(rule.id, []).extend(sorted(one.marks - marks_before))
            judged[place] += one.judged - judged_before
            if new := one.seen - seen_before:
                seen = self._seen.setdefault(label, {})
                seen[rule.id] = seen.get(rule.id, 0) + new
                rows = self._found.setdefault(label, {}).setdefault(rule.id, [])
                rows += [row for row in one.smallest if not any(row is other for other in smallest_before)]

    def take(self, label: str, kept: Mapping[str, Crowd]) -> dict[str, Any]:
        """What the rule ``label`` has added since it was last taken, and to what is kept by these rules that bear it,
        JSON-safe; empty where it added nothing."""
        judged = self._judged.pop(label, [0] * len(self._sightings.rules))
        seen = self._seen.pop(label, {})
        found, marks = self._found.pop(label, {}), self._marks.pop(label, {})
        only_crowds = [
            row for name, one in kept.items() for row in one.sightings if row.rule == label and row.bearer == name
        ]
        if not any(judged) and not only_crowds:
            return {}
        told: dict[str, Any] = {"judged": [[count, len(list(rows))] for count, rows in groupby(judged)]}
        if seen:
            told["seen"] = seen
            told["sightings"] = {
                name: [_told(row) for row in heapq.nsmallest(KEPT, rows)] for name, rows in found.items()
            }
        if marks:
            told["marks"] = marks
        if only_crowds:
            told["crowd"] = list(map(_told_crowd, only_crowds))
        return told


def _told_crowd(sighting: CrowdSighting) -> dict[str, Any]:
    answer, trouble = sighting.exchange.answer, sighting.exchange.trouble
    return {
        "why": sighting.why,
        "symptom": sighting.symptom.value,
        "confirmed": sighting.confirmed,
        "rare": sighting.rare,
        "request": request_line(sighting.request),
        "trouble": [trouble.kind, trouble.text] if trouble else None,
        "status": answer.status if answer else None,
        "content_type": answer.header("content-type") if answer else None,
        "body": answer.content[:BODY_CUT].decode("utf-8", "replace") if answer else "",
    }


def _restored_crowd(rule: str, row: Line) -> CrowdSighting:
    request = resendable(recorded_request(row["request"], "", ""))
    trouble = Trouble(*row["trouble"]) if row["trouble"] else None
    exchange = Exchange(request, _answer(row) if row["status"] is not None else None, trouble)
    rare = bool(row.get("rare"))
    return CrowdSighting(rule, row["why"], Symptom(row["symptom"]), request, exchange, row["confirmed"], rare=rare)


def _answer(row: Line) -> Answer:
    kind = row["content_type"]
    return Answer(row["status"], (("content-type", kind),) if kind else (), row["body"].encode())


def _told(sighting: Sighting) -> dict[str, Any]:
    answer = sighting.exchange.answer
    assert answer is not None
    return {
        "why": sighting.why,
        "request": request_line(sighting.request),
        "status": answer.status,
        "content_type": answer.header("content-type"),
        "body": answer.content[:BODY_CUT].decode("utf-8", "replace"),
    }


def restore(sightings: Sightings, kept: Mapping[str, Crowd], lines: Iterable[Line]) -> None:
    """Add what the lines of finished rules tell. They must come from the same catalogue."""
    for line in lines:
        told = line.get(KEY)
        if told:
            _add(sightings, told)
            for row in told.get("crowd", ()):
                sighting = _restored_crowd(line["rule"], row)
                kept[sighting.bearer].sightings.append(sighting)


def _add(sightings: Sightings, told: Line) -> None:
    counts = [count for count, times in told["judged"] for _ in range(times)]
    for rule, count in zip(sightings.rules, counts, strict=True):
        sightings.of[rule.id].judged += count
    for name, count in told.get("seen", {}).items():
        sightings.of[name].seen += count
    for name, marks in told.get("marks", {}).items():
        sightings.of[name].marks.update(marks)
    for name, rows in told.get("sightings", {}).items():
        watched = sightings.of[name]
        watched.smallest = heapq.nsmallest(KEPT, [*watched.smallest, *map(_restored, rows)])


def _restored(row: Line) -> Sighting:
    request = resendable(recorded_request(row["request"], "", ""))
    content = request.content
    return Sighting(len(content), content, row["why"], Exchange(request, _answer(row)), request)


def resendable(request: Request) -> Request:
    """A recorded request as it was before it was sent: with its body where that gives the same bytes."""
    if request.raw is None or not is_object(request.body):
        return request
    plain = Request(
        body=request.body,
        method=request.method,
        path=request.path,
        content_type=request.content_type,
        headers=request.headers,
        auth=request.auth,
        chunked=request.chunked,
        bare=True,  # what it was sent with is in it
    )
    return plain if plain.content == request.raw else request


def holds(line: Line, rules: Sequence[AnswerRule]) -> bool:
    """Whether a tally fits these rules: a record may have been edited."""
    told = line.get(KEY)
    try:
        return told is None or sum(times for _, times in told["judged"]) == len(rules)
    except (KeyError, TypeError, ValueError):
        return False
