"""Law 6: the list of cases is a function of the seed alone."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any

import pytest
from chatproof.conformance import joint
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import DEPTHS, Settings, asked_at
from chatproof.conformance.model import RequestRule, Strength
from chatproof.conformance.plan import cases, disposition, draw
from chatproof.conformance.results import Capability, Verdict
from hypothesis import strategies as st

CATALOGUE = load()
BY_ID: dict[str, Any] = dict(CATALOGUE.by_id)
FINGERPRINT = """
import hashlib, json, sys
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.plan import cases
catalogue = load()
rules = catalogue.rules if sys.argv[1] == "all" else [r for r in catalogue.rules if r.property == sys.argv[1]]
rows = cases(catalogue, rules, Settings(seed=int(sys.argv[2]), in_flight=int(sys.argv[3])))
print(hashlib.sha256(b"".join(row.rule.id.encode() + row.request.content for row in rows)).hexdigest())
"""


def fingerprint(which: str, seed: int, in_flight: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", FINGERPRINT, which, str(seed), str(in_flight)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_list_is_the_same_in_another_process_and_whatever_is_in_flight() -> None:
    first = fingerprint("messages", 0, 1)
    assert len(first) == hashlib.sha256().digest_size * 2
    assert fingerprint("messages", 0, 64) == first
    assert fingerprint("messages", 1, 1) != first


def test_a_selection_draws_what_the_whole_run_draws() -> None:
    one = BY_ID["temperature.max.refuses"]
    alone = cases(CATALOGUE, [one], Settings())
    together = [case for case in cases(CATALOGUE, (*CATALOGUE.rules[:60], one), Settings()) if case.rule is one]
    assert [case.request.content for case in alone] == [case.request.content for case in together]


def test_the_list_is_ordered_by_value() -> None:
    rows = cases(CATALOGUE, CATALOGUE.rules, Settings())
    assert [row.order for row in rows] == sorted(row.order for row in rows)
    first_drawn = next(place for place, row in enumerate(rows) if row.drawn)
    assert all(row.drawn for row in rows[first_drawn:])
    strengths = [row.rule.strength for row in rows[:first_drawn] if row.order[0] == 0]
    assert strengths == sorted(strengths, key=list(Strength).index)


@pytest.mark.parametrize(
    ("vintage", "depth", "most"),
    [("2024-11", "smoke", 500), ("2024-11", "default", 2000), ("2026-08", "smoke", 650), ("2026-08", "default", 2300)],
)
def test_the_size_of_a_run(vintage: str, depth: str, most: int) -> None:
    catalogue = load(vintage)
    rules = [rule for rule in asked_at(catalogue, depth) if isinstance(rule, RequestRule)]
    rows = cases(catalogue, rules, Settings(vintage, depth))
    whole = [joint.request_of(group) for group in joint.groups(rows)]
    asked = whole if DEPTHS[depth].jointly else [row.request for row in rows]
    assert len({request.key for request in asked}) + len(catalogue.gates) <= most
    assert {row.rule.id for row in rows} == {rule.id for rule in rules}


def test_a_smaller_strategy_than_asked_for_is_drawn_once_each() -> None:
    assert sorted(draw(st.booleans(), 50, 7)) == [False, True]
    assert draw(st.integers(), 5, 7) == draw(st.integers(), 5, 7)
    assert len(draw(st.integers(), 5, 7)) == 5


@pytest.mark.parametrize(
    ("rule", "capabilities", "verdict"),
    [
        ("temperature.max.refuses", {"temperature": Capability.OFFERED}, None),
        ("temperature.max.refuses", {"temperature": Capability.IGNORED}, Verdict.BLOCKED),
        ("temperature.max.accepts", {"temperature": Capability.IGNORED}, None),
        ("temperature.max.accepts", {"temperature": Capability.REFUSED}, Verdict.BLOCKED),
        ("tools.max.refuses", {"tools": Capability.REFUSED}, Verdict.NOT_OFFERED),
        ("tools.max.refuses", {"tools": Capability.BROKEN}, Verdict.BLOCKED),
        ("n.few.accepts", {"multiple_choices": Capability.REFUSED}, Verdict.NOT_OFFERED),
        ("n.min.accepts", {"multiple_choices": Capability.REFUSED}, None),
    ],
)
def test_gates_decide_which_rules_are_asked(
    rule: str, capabilities: dict[str, Capability], verdict: Verdict | None
) -> None:
    found = disposition(BY_ID[rule], CATALOGUE.gates, capabilities, safe=False)
    assert (found and found.verdict) == verdict


def test_what_a_model_lacks_is_not_offered_although_its_gate_is_none_that_may_be_refused() -> None:
    found = {"stop": Capability.REFUSED}
    asked = (BY_ID["stop.string.accepts"], CATALOGUE.gates, found, False)
    for declined, verdict in (((), Verdict.BLOCKED), (("gate.stop",), Verdict.NOT_OFFERED)):
        decided = disposition(*asked, declined)
        assert decided is not None
        assert (decided.verdict, decided.blocked_by) == (verdict, "gate.stop")


def test_safe_leaves_out_what_has_killed_engines() -> None:
    risky = next(rule for rule in CATALOGUE.rules if rule.risky)
    assert disposition(risky, CATALOGUE.gates, {}, safe=True)
    assert not cases(CATALOGUE, [risky], Settings(safe=True))


def test_depths_grow() -> None:
    assert [depth.examples for depth in DEPTHS.values()] == sorted(depth.examples for depth in DEPTHS.values())


@pytest.mark.parametrize(
    ("rule", "name"), [("seed.type.accepts", "seed"), ("function_call.enum.refuses", "function_call")]
)
def test_what_is_refused_without_fault_is_not_offered(rule: str, name: str) -> None:
    capabilities = {name: Capability.REFUSED}
    blocked = disposition(BY_ID[rule], CATALOGUE.gates, capabilities, safe=False)
    declined = disposition(BY_ID[rule], CATALOGUE.gates, capabilities, safe=False, declined={f"gate.{name}"})
    assert blocked is not None
    assert declined is not None
    assert (blocked.verdict, declined.verdict) == (Verdict.BLOCKED, Verdict.NOT_OFFERED)
