"""Answers held against all rules: what is passed over at once, judged once, and not kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Exchange, Request, Trouble, as_request, view
from chatproof.conformance.reference.behaviour import Reference, respond
from chatproof.conformance.sightings import Sightings
from chatproof.conformance.vintages import VINTAGES
from chatproof.strategies.bodies import lean

RULES = {rule.id: rule for vintage in VINTAGES for rule in load(vintage).answers}
REFERENCE = Reference(models=None)
TYPES = ("application/json", "text/event-stream", "text/html")
STATUSES = (200, 201, 302, 400, 401, 404, 405, 413, 422, 429, 500, 503)


def answered(body: object) -> Exchange:
    answer = respond(REFERENCE, "application/json", json.dumps(body).encode())
    headers = (("content-type", answer.content_type),)
    return Exchange(Request(body=body), Answer(answer.status, headers, b"".join(answer.blocks)))


def exchanges() -> Iterator[Exchange]:
    """Answers to the pins of all rules as they are, and with other statuses, types, methods and paths."""
    pins = [as_request(pin).body for rule in RULES.values() for pin in rule.pins]
    bodies = {json.dumps(body): body for body in [*pins, lean(temperature="hot")] if isinstance(body, dict)}
    for body in bodies.values():
        one = answered(body)
        assert one.answer is not None
        yield one
        for status in STATUSES:
            yield replace(one, answer=replace(one.answer, status=status))
        for kind in TYPES:
            yield replace(one, answer=replace(one.answer, headers=(("content-type", kind),)))
        yield replace(one, request=replace(one.request, method="GET"))
        yield replace(one, request=replace(one.request, path="/models"))
        yield replace(one, answer=replace(one.answer, content=b'{"error": {"message": "no"}}'))
        yield replace(one, trouble=Trouble("disconnected", "gone"))
        yield replace(one, answer=None, trouble=Trouble("timeout", "late"))


def test_what_a_chapter_passes_over_no_rule_of_it_applies_to() -> None:
    passed_over = {rule.id: 0 for rule in RULES.values() if rule.among}
    applied = dict.fromkeys(RULES, 0)
    for one in exchanges():
        for rule in RULES.values():
            applies = bool(rule.applies(one))
            applied[rule.id] += applies
            if rule.among and not rule.among(one):
                passed_over[rule.id] += 1
                assert not applies, (rule.id, one.request, one.status)
    assert passed_over
    assert all(passed_over.values())
    assert sum(count > 0 for count in applied.values()) > len(RULES) * 0.9


def test_all_rules_at_once_judge_as_one_by_one() -> None:
    together, apart = Sightings(tuple(RULES.values())), Sightings(tuple(RULES.values()))
    for one in [*exchanges()][::7]:
        together.observe(one)
        together.observe(one)
        for rule in RULES.values():
            apart.hold(one, rule)
            apart.hold(one, rule)
            together.hold(one, rule)
    assert together.of == apart.of
    assert sum(watched.judged for watched in together.of.values()) > 1000


def test_what_was_held_before_is_not_counted_again() -> None:
    one, rule = answered(lean()), RULES["res.id"]
    sightings = Sightings(tuple(RULES.values()))
    sightings.hold(one, rule)
    sightings.observe(one)
    assert (sightings.of["res.id"].judged, sightings.of["res.object"].judged) == (1, 1)


def test_a_view_looks_once_and_is_not_kept_with_a_judged_answer() -> None:
    looked: list[Exchange] = []

    @view
    def seen(exchange: Exchange) -> bool:
        looked.append(exchange)
        return True

    rules = [replace(RULES["res.id"], id=name, applies=seen, check=lambda _: None, among=None) for name in "abc"]
    one = answered(lean())
    Sightings(tuple(rules)).observe(one)
    assert looked == [one]
    assert one.views == {}
    assert seen(replace(one))
    assert len(looked) == 2
