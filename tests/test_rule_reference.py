"""``chatproof rules`` and ``chatproof explain``: every rule with its source, strength, vintages and requests."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.cli.catalogue import explain, rules
from chatproof.conformance.model import Gate
from chatproof.conformance.rule_reference import vintages
from chatproof.conformance.vintages import VINTAGES
from click.testing import CliRunner

cmarkgfm: Any = pytest.importorskip("cmarkgfm")


class Page(HTMLParser):
    """The headings of a rendered page by level, and its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: dict[str, list[str]] = {}
        self.tags: Counter[str] = Counter()
        self._inside = ""
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if re.fullmatch("h[1-6]", tag):
            self._inside = tag
            self.headings.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.headings[self._inside][-1] += data


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(rules, list(arguments))
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("vintage", VINTAGES)
def test_the_page_holds_every_rule_once_under_its_chapter(vintage: str) -> None:
    catalogue = load(vintage)
    text = printed("--format", "md", "--vintage", vintage)
    page = Page(text)
    assert page.headings["h1"] == ["Rules"]
    assert page.headings["h3"] == [
        rule.id
        for chapter in dict.fromkeys(rule.chapter for rule in catalogue.by_id.values())
        for rule in catalogue.by_id.values()
        if rule.chapter == chapter
    ]
    assert page.headings["h2"] == list(dict.fromkeys(rule.chapter for rule in catalogue.by_id.values()))
    assert set(page.tags) <= {"h1", "h2", "h3", "p", "ul", "li", "a", "code", "strong"} | {
        *("table", "thead", "tbody", "tr", "th", "td")
    }, "no title or request became mark-up"
    assert catalogue.hash in text


def test_json_tells_all_of_a_rule() -> None:
    rows = {row["rule"]: row for row in json.loads(printed("--format", "json"))}
    catalogue = load()
    assert list(rows) == list(catalogue.by_id)
    for name, rule in catalogue.by_id.items():
        row = rows[name]
        assert (row["strength"], row["source"], row["title"]) == (rule.strength.value, str(rule.source), rule.title)
        assert row["vintages"][0] == VINTAGES[0]
        assert row["pins"] == len(row["requests"])
        if not isinstance(rule, Gate):
            assert row["pins"] == len(rule.pins)
    assert '"temperature": 2' in " ".join(rows["temperature.max.accepts"]["requests"])
    assert rows["temperature.max.accepts"]["kind"] == "request"
    assert rows["http.deep"]["risky"] is True


def test_vintages_are_those_whose_catalogue_holds_the_rule() -> None:
    for vintage in VINTAGES:
        for rule in load(vintage).by_id.values():
            # a rule that changed is two rules with one id, each of its own vintages
            same = [load(name).by_id[rule.id] for name in VINTAGES if rule.id in load(name).by_id]
            assert vintage in vintages(rule)
            assert {name for one in same for name in vintages(one)} == {
                name for name in VINTAGES if rule.id in load(name).by_id
            }


def test_a_part_of_the_rules() -> None:
    rows = json.loads(printed("--format", "json", "--property", "stop", "--chapter", "stop"))
    assert rows
    assert {(row["property"], row["chapter"]) for row in rows} == {("stop", "stop")}
    last = printed("--property", "stop").splitlines()[-1]
    assert re.fullmatch(r"\d+ rules; by property: stop \d+", last)


@pytest.mark.parametrize("option", ["--property", "--chapter"])
def test_an_unknown_part_is_named_with_what_there_is(option: str) -> None:
    done = CliRunner().invoke(rules, [option, "nosuch"])
    assert done.exit_code == 2
    assert f"Invalid value for {option}: 'nosuch' is none of" in done.stderr
    assert "stop" in done.stderr


def test_explain_says_what_why_and_how() -> None:
    done = CliRunner().invoke(explain, ["temperature.max.accepts"])
    assert done.exit_code == 0
    for wanted in (
        "temperature.max.accepts: the server accepts",
        "  strength  must",
        "  source    ",
        f"  vintages  {VINTAGES[0]}",
        "  pin       {",
        "  try it    curl ",
        "  run it    pytest --endpoint URL -k temperature.max.accepts",
    ):
        assert wanted in done.stdout


def test_every_kind_of_rule_can_be_explained() -> None:
    catalogue = load()
    for part in (catalogue.gates, catalogue.rules, catalogue.answers, catalogue.relations):
        for rule in part[::9]:
            done = CliRunner().invoke(explain, [rule.id])
            assert done.exit_code == 0, rule.id
            assert rule.title in done.stdout


def test_a_slip_is_answered_with_the_nearest_rule() -> None:
    done = CliRunner().invoke(explain, ["temperature.max.accept"])
    assert done.exit_code == 1
    assert "did you mean temperature.max.accepts?" in done.stderr
