"""Every single-fault server is well described; a sample of them is found at smoke depth, and nobody else is blamed."""

from __future__ import annotations

from pathlib import Path

import pytest
from chatproof.conformance.catalogue import SECOND_WAVE, load, properties
from chatproof.conformance.depths import Settings
from chatproof.conformance.proving import prove, summary
from chatproof.conformance.vintages import VINTAGES
from mutants import MUTANTS
from mutants.base import FAMILIES

FOLDER = Path(__file__).with_name("mutants")
PARTS = (*properties(VINTAGES[-1]), "body", "answer", "stream", "error", "server")

SAMPLE = 36
"""Every so many-th server is tried in the ordinary tests; all of them by ``chatproof prove``."""


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_fault_is_described_in_known_words(name: str) -> None:
    mutant = MUTANTS[name]
    assert mutant.property in PARTS
    assert mutant.family in FAMILIES
    assert mutant.fails
    unknown = [rule for rule in mutant.fails if rule not in load(mutant.vintage).by_id]
    assert not unknown


@pytest.mark.slow
def test_a_sample_is_found_and_nothing_else_is_blamed() -> None:
    trials = prove(FOLDER, Settings(depth="smoke", strict=True), lambda subjects: subjects[::SAMPLE])
    assert len(trials) >= len(MUTANTS) // SAMPLE
    told = [(trial.subject.name, trial.wrong, trial.error) for trial in trials if trial.wrong or trial.error]
    assert told == []
    found = summary(trials)
    assert found.right >= 0.7 * found.servers, [trial.subject.name for trial in trials if not trial.right]


def test_every_rule_about_answers_has_a_server_that_breaks_it() -> None:
    covered = {rule for mutant in MUTANTS.values() for rule in mutant.fails}
    for vintage in VINTAGES:
        later = [rule.id for rule in load(vintage).by_id.values() if rule.chapter in SECOND_WAVE]
        assert [rule for rule in later if rule not in covered] == []
