"""The vintages: one table gives their order, and a further one is a line, a folder of schemas and its rules."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance import catalogue, schemas, vintages
from chatproof.conformance.catalogue import CatalogueError, load, properties
from chatproof.conformance.cli.catalogue import explain, rules
from chatproof.conformance.model import Chapter
from chatproof.conformance.rules import stop
from chatproof.conformance.rules.forms import accepts, changed, documented, refuses, since, until_before, values
from chatproof.conformance.vintages import FIRST, VINTAGES, before, holds, up_to
from click.testing import CliRunner

NEXT = "2099-01"


def test_the_table_is_in_order_and_the_default_is_the_oldest() -> None:
    assert list(VINTAGES) == sorted(set(VINTAGES))
    assert FIRST == VINTAGES[0] == load().vintage


def test_before_and_up_to_follow_the_table() -> None:
    assert before("2026-08") == "2024-11"
    assert up_to("2024-11") == ("2024-11",)
    assert up_to("2026-08") == ("2024-11", "2026-08")
    with pytest.raises(ValueError, match="no vintage is older than 2024-11"):
        before("2024-11")
    with pytest.raises(ValueError, match="unknown vintage '1999-01': known are 2024-11, 2026-08"):
        holds("1999-01", FIRST, None)


@pytest.mark.parametrize(
    ("vintage", "begin", "end", "held"),
    [
        ("2024-11", "2024-11", None, True),
        ("2026-08", "2024-11", None, True),
        ("2024-11", "2024-11", "2024-11", True),
        ("2026-08", "2024-11", "2024-11", False),
        ("2024-11", "2026-08", None, False),
        ("2026-08", "2026-08", "2026-08", True),
    ],
)
def test_what_holds_when(vintage: str, begin: str, end: str | None, held: bool) -> None:
    assert holds(vintage, begin, end) is held


def test_the_forms_state_what_came_went_and_changed() -> None:
    rule = refuses("a.b", "n", "refuses it", documented("n"), values("n", 0))
    assert [(one.since, one.until) for one in since("2026-08", rule)] == [("2026-08", None)]
    assert [(one.since, one.until) for one in until_before("2026-08", rule)] == [("2024-11", "2024-11")]
    old, new = changed("2026-08", rule, title="refuses it still")
    assert (old.title, old.since, old.until) == ("refuses it", "2024-11", "2024-11")
    assert (new.title, new.since, new.until) == ("refuses it still", "2026-08", None)
    assert new.pins == old.pins


@pytest.mark.parametrize("vintage", VINTAGES)
def test_every_rule_begins_and_ends_with_a_known_vintage(vintage: str) -> None:
    for rule in load(vintage).by_id.values():
        assert holds(vintage, rule.since, rule.until)
    assert all(chapter.rules for chapter in load(vintage).chapters)


def test_every_vintage_has_schemas() -> None:
    for vintage in VINTAGES:
        assert schemas.names(vintage) == schemas.names(FIRST)


Add = Callable[..., None]


@pytest.fixture
def next_vintage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """A vintage more; the fixture's value puts rules into the chapter about stop sequences."""
    monkeypatch.setattr(vintages, "VINTAGES", (*VINTAGES, NEXT))
    load.cache_clear()

    def add(*rules: object) -> None:
        chapter: Chapter = stop.CHAPTER
        monkeypatch.setattr(stop, "CHAPTER", replace(chapter, rules=(*chapter.rules, *rules)))
        load.cache_clear()

    yield add
    load.cache_clear()


def test_a_vintage_without_rules_of_its_own_has_those_of_the_one_before(next_vintage: Add) -> None:
    ours, last = load(NEXT), load(VINTAGES[-1])
    assert ours.vintage == NEXT
    assert ours.hash == last.hash
    assert list(ours.by_id) == list(last.by_id)
    assert properties(NEXT) == properties(VINTAGES[-1])


def test_a_rule_of_the_next_vintage_is_in_that_one_alone(next_vintage: Add) -> None:
    known = {vintage: load(vintage).hash for vintage in VINTAGES}
    (rule,) = since(
        NEXT, accepts("stop.pattern", "stop", "accepts a pattern", documented("stop"), values("stop", "/a/"))
    )
    next_vintage(rule)
    assert load(NEXT).find("stop.pattern.accepts").since == NEXT
    assert load(NEXT).hash not in known.values()
    for vintage in VINTAGES:
        assert load(vintage).hash == known[vintage], vintage
        with pytest.raises(CatalogueError, match="no rule is called"):
            load(vintage).find("stop.pattern.accepts")


def test_a_row_that_the_next_vintage_changes_is_one_rule_in_each(next_vintage: Add) -> None:
    rule = refuses("stop.odd", "stop", "refuses it", documented("stop"), values("stop", 7))
    next_vintage(*changed(NEXT, rule, title="refuses it still"))
    assert load(VINTAGES[-1]).find("stop.odd.refuses").title == "refuses it"
    assert load(NEXT).find("stop.odd.refuses").title == "refuses it still"


def test_what_goes_with_the_next_vintage_is_no_longer_asked(next_vintage: Add) -> None:
    rule = refuses("stop.odd", "stop", "refuses it", documented("stop"), values("stop", 7))
    next_vintage(*until_before(NEXT, rule))
    assert "stop.odd.refuses" in load(VINTAGES[-1]).by_id
    assert "stop.odd.refuses" not in load(NEXT).by_id


def test_a_property_of_the_next_vintage_comes_behind_the_others(
    next_vintage: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.PROPERTIES, NEXT, ("mood",))
    assert properties(NEXT) == (*properties(VINTAGES[-1]), "mood")
    assert "mood" not in properties(VINTAGES[-1])


def test_a_folder_is_all_that_the_schemas_of_a_vintage_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Path(str(resources.files(schemas)))
    for folder in shipped.iterdir():
        if folder.joinpath("request.json").is_file():
            shutil.copytree(folder, tmp_path / folder.name)
    shutil.copytree(tmp_path / FIRST, tmp_path / NEXT)
    monkeypatch.setattr(schemas.resources, "files", lambda package: tmp_path)
    cached = (schemas.vintages, schemas.names, schemas._parsed)
    for function in cached:
        function.cache_clear()
    try:
        assert schemas.vintages()[-1] == NEXT
        assert schemas.load("request", NEXT) == schemas.load("request", FIRST)
    finally:
        for function in cached:
            function.cache_clear()


def test_the_command_line_lists_and_explains_the_rules_of_a_vintage() -> None:
    runner = CliRunner()
    listed = runner.invoke(rules, ["--vintage", "2026-08", "--property", "verbosity"])
    assert listed.exit_code == 0
    assert "verbosity.enum.refuses" in listed.output
    told = runner.invoke(explain, ["verbosity.enum.refuses", "--vintage", "2026-08"])
    assert "pytest --endpoint URL --vintage 2026-08 -k verbosity.enum.refuses" in told.output
    unknown = runner.invoke(explain, ["verbosity.enum.refuses"])
    assert unknown.exit_code == 1
    assert "no rule is called 'verbosity.enum.refuses'" in unknown.output
    assert len(unknown.output.splitlines()) == 1


def test_the_plugin_collects_the_rules_of_a_vintage(ask: Callable[..., Any]) -> None:
    where = ("--endpoint", "http://127.0.0.1:9", "--collect-only", "-q")
    later = ask(*where, "--vintage", "2026-08", report=False)
    first = ask(*where, report=False)
    for name in ("verbosity.enum.refuses", "gate.custom_tools", "res.moderation"):
        assert f"chatproof::{name}" in later.out
        assert f"chatproof::{name}" not in first.out
