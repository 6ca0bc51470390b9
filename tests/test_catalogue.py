"""The catalogue against the seed's properties and, where it is present, against the fact base row by row."""

from __future__ import annotations

import fnmatch
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance.catalogue import PROPERTIES, CatalogueError, load, properties
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import EVIDENCE_STRENGTH, Expect, RequestRule, Strength
from chatproof.conformance.plan import example_cases, pin_cases
from chatproof.conformance.vintages import FIRST, VINTAGES
from chatproof.strategies.bodies import nullable

ROOT = Path(__file__).parents[1]
FACTS = ROOT.parent / "shared/spec/chat-completions.md"
RULES_PAGE = ROOT / "conformance/rules/README.md"
CATALOGUE = load()
ADDITIONS = ("Rules beyond the rows", "Rules beyond the rows, from 2026-08 on")


def row_of(rule_id: str) -> str:
    return re.sub(r"\.(accepts|refuses)$", "", rule_id)


def table(heading: str) -> dict[str, str]:
    section = RULES_PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.M))


@pytest.fixture(scope="module")
def rows() -> set[str]:
    if not FACTS.exists():
        pytest.skip("the fact base is not beside this checkout")
    return set(re.findall(r"^\| ([a-z_0-9]+(?:\.[a-z_0-9]+)+) \|", FACTS.read_text(), re.M))


def test_every_rule_is_a_row_or_a_documented_addition(rows: set[str]) -> None:
    first, later = (set(table(heading)) for heading in ADDITIONS)
    assert not first & later
    ours: dict[str, str] = {}
    for vintage in VINTAGES:
        for rule in load(vintage).rules:
            ours.setdefault(row_of(rule.id), vintage)
    usual = {name for name in ours if re.search(r"\.(type|null|default)$", name)}
    beyond = set(ours) - rows - usual
    assert {name for name in beyond if ours[name] == FIRST} <= first, "neither rows nor additions"
    assert {name for name in beyond if ours[name] != FIRST} <= later, "neither rows nor additions"
    assert (first | later) - set(ours) == set(), "documented additions that no longer exist"
    assert (first | later) & rows == set(), "documented as additions, but rows"


ANSWERS = ("res.", "sse.", "err.", "mm.", "ef.")


def test_every_row_has_a_rule_or_a_reason(rows: set[str]) -> None:
    """Rows about requests by their own id; the others may be several rules below it, or rules of other names."""
    ours = {row_of(rule_id) for vintage in VINTAGES for rule_id in load(vintage).by_id}
    below = {row for row in rows if row.startswith(ANSWERS) and any(name.startswith(f"{row}.") for name in ours)}
    assert rows - ours - below == set(table("Rows without a rule")) | set(table("Rows under other ids")) - STATUSES


STATUSES = {"400", "401", "403", "404", "405", "413", "415", "422", "429", "5xx"}


def test_rows_under_other_ids_name_rules() -> None:
    told = table("Rows under other ids")
    assert set(told) >= STATUSES
    for row, text in told.items():
        named = re.findall(r"`([^`]+)`", text)
        assert named or text.startswith(("no rule: ", "every rule: ")), row
        assert [name for name in named if not fnmatch.filter(CATALOGUE.by_id, name)] == [], row


def test_every_status_of_the_fact_base_is_told() -> None:
    if not FACTS.exists():
        pytest.skip("the fact base is not beside this checkout")
    section = FACTS.read_text().split("### 2.5 ")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| (\d\w\w) \|", section, re.M)) == STATUSES


def test_properties_of_the_vintages() -> None:
    assert len(properties()) == 29
    assert len(properties("2026-08")) == 37
    for vintage in VINTAGES:
        assert len(set(properties(vintage))) == len(properties(vintage))
        assert len(nullable(vintage)) < len(properties(vintage))
        assert nullable(vintage) < set(properties(vintage))
    assert set(PROPERTIES) <= set(VINTAGES)


@pytest.mark.parametrize(("vintage", "name"), [(one, name) for one in VINTAGES for name in properties(one)])
def test_every_property_is_covered(vintage: str, name: str) -> None:
    catalogue = load(vintage)
    ours = [rule for rule in catalogue.rules if rule.property == name]
    ids = {rule.id for rule in ours}
    assert any(rule.expect is Expect.ACCEPT for rule in ours)
    assert any(rule.expect is Expect.REFUSE for rule in ours)
    assert f"{name}.{'shape' if name == 'response_format' else 'type'}.refuses" in ids
    if name in nullable(vintage):
        assert catalogue.by_id[f"{name}.null.accepts"].strength is Strength.MUST
    elif name != "messages":  # null there is wrong by a row of its own
        assert catalogue.by_id[f"{name}.null"].strength is Strength.MAY
    if name not in ("messages", "model"):
        assert f"gate.{name}" in catalogue.by_id or name == "audio"


def test_later_properties_are_unknown_before_their_vintage() -> None:
    for name in PROPERTIES["2026-08"]:
        assert not [rule.id for rule in CATALOGUE.by_id.values() if rule.property == name]


FLIPS = {
    "role.developer": "role.developer.accepts",
    "service_tier.enum.v0.refuses": "service_tier.enum.later.refuses",
    "service_tier.enum.later": "service_tier.enum.later.accepts",
    "part.file": "part.file.accepts",
    "audio.voice.refuses": "audio.voice.custom",
}
"""Rules of the oldest vintage alone, and what says the opposite, or more, from 2026-08 on."""


@pytest.mark.parametrize(("before", "after"), FLIPS.items())
def test_what_flips_is_two_rules(before: str, after: str) -> None:
    later = load("2026-08")
    assert before in CATALOGUE.by_id
    assert after not in CATALOGUE.by_id
    assert before not in later.by_id
    assert after in later.by_id


@pytest.mark.parametrize("row", ["pairs", "key.maxlen", "value.maxlen"])
def test_observed_limits_of_metadata_bind_once_they_are_written(row: str) -> None:
    rule = f"metadata.{'pairs.max' if row == 'pairs' else row}.refuses"
    assert CATALOGUE.by_id[rule].strength is Strength.SHOULD
    assert load("2026-08").by_id[rule].strength is Strength.MUST


@pytest.mark.parametrize("vintage", VINTAGES)
def test_strengths_follow_the_evidence_or_are_weaker(vintage: str) -> None:
    order = list(Strength)
    for rule in load(vintage).rules:
        if rule.expect is not Expect.EITHER and rule.since != FIRST:
            assert order.index(rule.strength) >= order.index(EVIDENCE_STRENGTH[rule.source.evidence]), rule.id


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
def test_boundary_penalties_are_pinned(name: str) -> None:
    def pinned(rule: str) -> list[float]:
        found: Any = CATALOGUE.by_id[f"{name}.{rule}"]
        return [pin[name] for pin in found.pins]

    assert {-2, 2} <= {*pinned("min.accepts"), *pinned("max.accepts")}
    assert -2.01 in pinned("min.refuses")
    assert 2.01 in pinned("max.refuses")
    assert 2.0000000000000004 in pinned("next")


def test_logit_bias_extremes_are_pinned() -> None:
    rules: Any = [rule for rule in CATALOGUE.rules if rule.property == "logit_bias"]
    accepted = [
        pin["logit_bias"]
        for rule in rules
        for pin in rule.pins
        if rule.expect is Expect.ACCEPT and isinstance(pin["logit_bias"], dict)
    ]
    refused = [
        pin["logit_bias"]
        for rule in rules
        for pin in rule.pins
        if rule.expect is Expect.REFUSE and isinstance(pin["logit_bias"], dict)
    ]
    assert any(100 in bias.values() for bias in accepted)
    assert any(-100 in bias.values() for bias in accepted)
    assert any(len(bias) >= 100 for bias in accepted)
    lone = [list(bias.values()) for bias in refused if len(bias) == 1]
    assert [101] in lone
    assert [-101] in lone
    places = set()
    for bias in refused:
        bad = [place for place, value in enumerate(bias.values()) if value in (101, -101)]
        if len(bias) > 3 and len(bad) == 1:
            places.add(bad[0] / (len(bias) - 1))
    assert {0.0, 1.0} <= places, "one bad value among many good ones stands first, and last"


def test_titles_read_after_the_server() -> None:
    for rule in (rule for vintage in VINTAGES for rule in load(vintage).rules):
        assert rule.title.split()[0] in ("accepts", "refuses"), rule.id
        assert rule.source.where, rule.id


def test_an_unknown_rule_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(CatalogueError, match=r"did you mean temperature\.max\.refuses"):
        CATALOGUE.find("temperature.max.refuse")


@pytest.mark.parametrize("vintage", VINTAGES)
def test_after_the_result_of_a_tool_a_valid_conversation_goes_on_with_the_assistant(vintage: str) -> None:
    """Templates of some models want it so, and no row speaks against them."""
    catalogue = load(vintage)
    chosen = Settings(vintage=vintage)
    bodies: list[tuple[str, Any]] = [
        (rule.id, case.request.body)
        for place, rule in enumerate(catalogue.rules)
        if isinstance(rule, RequestRule) and rule.expect is Expect.ACCEPT
        for case in (*pin_cases(rule, place, chosen), *example_cases(rule, place, chosen))
    ]
    bodies += [(rule.id, pin) for rule in (*catalogue.answers, *catalogue.relations) for pin in rule.pins]
    for name, body in bodies:
        rows: Any = body.get("messages") if isinstance(body, dict) else None
        roles = [row.get("role") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        assert ("tool", "user") not in pairwise(roles), (name, roles)
    assert len(bodies) > 500
