"""Findings with one cause are said once, the most urgent first, and none is lost."""

from __future__ import annotations

import fnmatch

from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Symptom
from chatproof.reports.causes import HABIT, KINDS, URGENCY, causes
from hypothesis import given
from hypothesis import strategies as st


def line(rule: str, symptom: str, status: int | None = 200) -> dict:
    return {"rule": rule, "verdict": "failed", "finding": {"symptom": symptom, "status": status, "why": f"why {rule}"}}


def test_every_symptom_has_an_urgency() -> None:
    assert set(URGENCY) == {symptom.value for symptom in Symptom}


def test_loose_types_are_one_cause() -> None:
    found = causes([line("n.type.refuses", "accepted_invalid"), line("stop.type.refuses", "accepted_invalid")])
    assert [cause.says for cause in found] == ["values of a wrong JSON type are taken: 2 rules"]


def test_a_wrong_status_is_one_cause_by_status() -> None:
    found = causes(
        [
            line("a.refuses", "wrong_status", 404),
            line("b.refuses", "wrong_status", 404),
            line("c.refuses", "wrong_status", 409),
        ]
    )
    assert {cause.says for cause in found} == {"invalid requests are refused with 404: 2 rules", "why c.refuses"}


def test_what_nullable_members_lack_is_one_cause() -> None:
    rules = ["res.choice.logprobs", "res.message.refusal.null", "err.keys.code"]
    [cause] = causes([line(rule, "malformed") for rule in rules])
    assert cause.says == "members that may be null are left out: 3 rules"


def test_a_fault_with_and_without_a_stream_is_one_cause() -> None:
    found = causes([line("ef.stop", "wrong_content"), line("ef.stop.stream", "wrong_content"), line("x", "malformed")])
    assert [cause.says for cause in found] == ["why ef.stop, with and without a stream: 2 rules", "why x"]


def test_server_faults_of_one_property_are_one_cause() -> None:
    rows = [{**line(f"{rule}.refuses", "crashed", 500), "property": prop} for rule, prop in (("a", "n"), ("b", "n"))]
    other = {**line("c.refuses", "crashed", 500), "property": "stop"}
    assert [cause.says for cause in causes([*rows, other])] == ["why a.refuses on n: 2 rules", "why c.refuses"]


def test_every_pattern_of_a_cause_fits_a_rule() -> None:
    patterns = [pattern for kind in KINDS for pattern in kind.patterns]
    assert [pattern for pattern in patterns if not fnmatch.filter(load().by_id, pattern)] == []


def test_a_lone_finding_speaks_for_itself() -> None:
    [cause] = causes([line("n.type.refuses", "accepted_invalid")])
    assert cause.says == "why n.type.refuses"


RULES = [
    "gate.n",
    "gate.stop",
    "n.type.refuses",
    "stop.null.accepts",
    "top_p.max.refuses",
    "res.id",
    "role.enum.refuses",
]


@given(
    st.lists(
        st.builds(line, st.sampled_from(RULES), st.sampled_from(list(URGENCY)), st.sampled_from([None, 200, 404, 500]))
    )
)
def test_no_finding_is_lost_and_urgency_never_falls(findings: list[dict]) -> None:
    found = causes(findings)
    assert sorted(map(id, findings)) == sorted(id(one) for cause in found for one in cause.lines)
    order = list(dict.fromkeys(URGENCY.values()))
    places = [order.index(cause.urgency) for cause in found]
    assert places == sorted(places)


def test_a_server_that_makes_a_server_error_of_everything_is_one_cause() -> None:
    rows = [{**line(f"r{place}.refuses", "crashed", 500), "property": f"p{place}"} for place in range(HABIT)]
    assert [cause.says for cause in causes(rows)] == [
        f"invalid requests are answered with a server error: {HABIT} rules"
    ]
    assert len(causes(rows[1:])) == HABIT - 1
