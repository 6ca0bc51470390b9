"""No false alarms: servers that differ only where the documents are silent get no failure and no unexpected warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from chatproof.conformance.depths import Settings
from chatproof.conformance.proving import Subject, attempt, servers, verdicts
from dialects import BLIND, DIALECTS, audited, odd, odder

ODD = frozenset(dialect.name for module in (odd, odder, audited, *BLIND) for dialect in module.DIALECTS)
"""So many that the default size is asked of them by night only."""

BY_DAY = 4
"""One in so many of them is asked at smoke by day."""

Served = tuple[str, Mapping[str, Subject]]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with servers(Path(__file__).with_name("dialects")) as (root, subjects):
        yield root, {subject.name: subject for subject in subjects}


def listen(served: Served, name: str, settings: Settings) -> None:
    root, subjects = served
    trial = attempt(root, subjects[name], settings)
    assert trial.error == ""
    assert trial.barked == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ODD)[::BY_DAY])
def test_no_alarm_of_the_odd_ones_at_a_glance(served: Served, name: str) -> None:
    listen(served, name, Settings(depth="smoke"))


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(ODD.difference(sorted(ODD)[::BY_DAY])))
def test_no_alarm_of_the_other_odd_ones_at_a_glance(served: Served, name: str) -> None:
    listen(served, name, Settings(depth="smoke"))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(ODD))
def test_no_alarm_of_the_odd_ones(served: Served, name: str, seed: int) -> None:
    listen(served, name, Settings(seed=seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - ODD))
def test_no_alarm_by_default(served: Served, name: str) -> None:
    listen(served, name, Settings())


@pytest.mark.slow
def test_what_a_thinking_model_lacks_is_not_offered_and_the_rest_is_asked(served: Served) -> None:
    root, _ = served
    lines, _, _ = verdicts(f"{root}/thinks-aloud/v1", Settings(depth="smoke"))
    for rule in ("temperature.max.refuses", "stop.string.accepts", "max_tokens.type.accepts", "logprobs.type.accepts"):
        assert lines[rule]["verdict"] == "not_offered", rule
    for rule in (
        "stream.tools.accepts",
        "tools.type.accepts",
        "seed.type.accepts",
        "max_completion_tokens.min.accepts",
    ):
        assert lines[rule]["verdict"] == "passed", rule
    assert not [rule for rule, line in lines.items() if line["verdict"] == "blocked"]


@pytest.mark.nightly
@pytest.mark.parametrize("depth", ["default", "nightly"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", sorted(DIALECTS.keys() - ODD))
def test_no_alarm_at_any_depth_and_seed(served: Served, name: str, seed: int, depth: str) -> None:
    listen(served, name, Settings(depth=depth, seed=seed))
