"""Valid bodies together: the merged ones are valid, and a refusal of the whole blames nobody."""

from __future__ import annotations

from typing import Any

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.joint import APART, COUPLED, LABEL, groups, request_of
from chatproof.conformance.model import Request, Symptom
from chatproof.conformance.plan import Settings, cases, joinable
from chatproof.conformance.reference.validator import reasons
from chatproof.conformance.results import Verdict
from chatproof.strategies.bodies import lean
from test_campaign import Serve, fire, rule

CATALOGUE = load()
LISTED = cases(CATALOGUE, CATALOGUE.rules, Settings(depth="smoke"))
GROUPS = groups(LISTED)


def test_every_case_is_in_one_group_in_the_order_of_the_list() -> None:
    assert sorted(case.order for group in GROUPS for case in group.cases) == [case.order for case in LISTED]
    assert [group.cases[0].order for group in GROUPS] == sorted(group.cases[0].order for group in GROUPS)


def test_all_valid_bodies_are_asked() -> None:
    for one in CATALOGUE.rules:
        if joinable(one) and one.chapter != "http":
            asked = [case.request for case in LISTED if case.rule is one]
            assert len(asked) >= len([pin for pin in one.pins if not isinstance(pin, Request)])


def test_only_what_must_be_accepted_is_merged_and_the_whole_is_valid() -> None:
    merged = [group for group in GROUPS if len(group.cases) > 1]
    assert len(merged) > 40
    for group in merged:
        assert all(joinable(case.rule) for case in group.cases)
        body = request_of(group).body
        assert reasons(body) == []
        assert sum(bool(family & body.keys()) for family in APART) <= 1
        for pair in (pair for pair in COUPLED if pair <= body.keys()):  # one of the bodies had it by itself
            assert any(pair <= case.request.body.keys() for case in group.cases)


def test_the_whole_says_what_each_says() -> None:
    for group in GROUPS:
        whole = request_of(group).body
        for case in group.cases:
            if isinstance(case.request.body, dict):
                said = {name: value for name, value in case.request.body.items() if lean().get(name) != value}
                assert {name: whole.get(name, "absent") for name in said} == said


def picky(test: servers.Test) -> servers.Behaviour:
    return servers.on(test, servers.refuses(), servers.agreeable)


def asked(*names: str) -> list[Any]:
    return [rule(name, pins=(lean(**{name: 1}), lean(**{name: 2}))) for name in names]


def test_together_they_are_few_requests(serve: Serve) -> None:
    server = serve(servers.agreeable)
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    assert len({str(body) for body in server.bodies} - {str({**lean(), "model": servers.MODEL})}) == 2


def test_a_second_pin_that_is_refused_is_found_and_nothing_else(serve: Serve) -> None:
    server = serve(picky(lambda request: request.is_chat and request.value("top_p") == 2))
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {name: result.verdict.value for name, result in found.items()} == {
        "seed.y.accepts": "passed",
        "top_p.y.accepts": "failed",
        "stop.y.accepts": "passed",
    }
    finding = found["top_p.y.accepts"].finding
    assert finding is not None
    assert finding.symptom is Symptom.REFUSED_VALID
    assert {name for name in finding.request.body if name not in lean()} == {"top_p"}


@pytest.mark.parametrize("special", [servers.refuses(), servers.refuses(500), servers.resets])
def test_a_server_that_takes_no_whole_is_blamed_for_nothing(serve: Serve, special: servers.Behaviour) -> None:
    def rich(request: servers.Received) -> bool:
        return request.is_chat and isinstance(request.body, dict) and len(request.body) > len(lean()) + 1

    server = serve(servers.on(rich, special, servers.agreeable))
    found = fire(server, asked("seed", "top_p", "stop"), depth="smoke")
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}


def test_the_label_is_no_rule() -> None:
    assert LABEL not in CATALOGUE.by_id
