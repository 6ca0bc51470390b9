"""``chatproof plan``: the figures, that nothing is sent for them, and how near they come to a run."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance import profile as files
from chatproof.conformance.catalogue import Catalogue, load
from chatproof.conformance.cli.plan import plan
from chatproof.conformance.depths import Settings
from chatproof.conformance.estimate import Plan, Row, as_json, ceiling, table, total
from chatproof.conformance.estimate import planned as full_plan
from chatproof.conformance.model import (
    AnswerRule,
    Body,
    Chapter,
    Expect,
    Fresh,
    Relation,
    Request,
    RequestRule,
    Rule,
    Script,
    Source,
    Strength,
)
from chatproof.conformance.plan import cases, draw
from chatproof.conformance.proving import verdicts
from chatproof.conformance.reference import serve
from chatproof.strategies.bodies import lean
from click.testing import CliRunner
from conftest import Ran
from serving import written

SOURCE = Source("documented", "a test")


@pytest.fixture(autouse=True)
def unconnected(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever connects to anything fails; only the comparison with real runs may."""
    if request.node.get_closest_marker("slow"):
        return

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"connected to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def asks(name: str, expect: Expect, *pins: Body | Request, risky: bool = False) -> RequestRule:
    return RequestRule(
        id=name,
        property="body",
        title="",
        expect=expect,
        strength=Strength.MUST,
        source=SOURCE,
        pins=pins,
        risky=risky,
        chapter="one",
    )


def relates(script: Callable[[Body], Script], *pins: Body) -> Relation:
    return Relation(
        id="rel",
        property="body",
        title="",
        strength=Strength.MUST,
        source=SOURCE,
        script=script,
        pins=pins,
        chapter="two",
    )


def answers(*pins: Body) -> AnswerRule:
    return AnswerRule(
        id="ans",
        property="body",
        title="",
        strength=Strength.MUST,
        source=SOURCE,
        applies=lambda exchange: exchange.status == 200,
        check=lambda exchange: None,
        pins=pins,
        chapter="three",
    )


def planned(*rules: Rule, depth: str = "default", safe: bool = False) -> dict[str, Row]:
    """The rows, by chapter, of a catalogue of these rules."""
    requests = tuple(rule for rule in rules if isinstance(rule, RequestRule))
    relations = tuple(rule for rule in rules if isinstance(rule, Relation))
    others = tuple(rule for rule in rules if isinstance(rule, AnswerRule))
    chapters = tuple(Chapter(name, name) for name in ("one", "two", "three"))
    made = Catalogue("2024-11", (), requests, chapters, others, relations)
    return {row.chapter: row for row in full_plan(made, Settings(depth=depth, safe=safe)).rows}


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({"max_tokens": 16}, 16),
        ({"max_tokens": 16, "n": 3}, 48),
        ({"max_completion_tokens": 5, "n": None}, 5),
        ({"max_tokens": 16, "max_completion_tokens": 5}, 5),
        ({"max_tokens": 16.0, "n": 2.0}, 32),
        ({"max_tokens": None}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": float("inf")}, None),
        ({"max_tokens": 2**31}, None),
        ({"n": 2}, None),
        ([], None),
    ],
)
def test_ceiling(body: object, most: int | None) -> None:
    assert ceiling(body) == most


def test_equal_requests_are_counted_once() -> None:
    twice = asks("a", Expect.ACCEPT, lean(), lean(max_tokens=16)), asks("b", Expect.ACCEPT, lean(), lean(top_p=1))
    assert planned(*twice)["one"].requests == 2


def test_what_is_to_be_refused_costs_nothing() -> None:
    refused = planned(asks("a", Expect.REFUSE, lean(top_p=2)))["one"]
    assert (refused.requests, refused.prompt_tokens, refused.completion_tokens) == (1, 0, 0)
    either = planned(asks("a", Expect.EITHER, lean(n=2)))["one"]
    assert either.completion_tokens == 32
    assert either.prompt_tokens > 10


def test_requests_without_a_bound_are_told() -> None:
    row = planned(asks("a", Expect.ACCEPT, Request(body=lean(), bare=True), lean(max_tokens=2**31)))["one"]
    assert (row.requests, row.completion_tokens, row.unbounded) == (2, 0, 2)
    assert any(line.startswith("2 requests have no token bound") for line in table([row]))
    assert not any("no token bound" in line for line in table([replace(row, unbounded=0)]))


def test_relations_are_played() -> None:
    def script(body: Body) -> Script:
        first = yield Request(body)
        assert first.status == 200
        many = yield [Fresh(Request(body))] * 4
        assert [one.status for one in many] == [200] * 4
        refused = yield Request({**body, "top_p": 2})
        assert refused.status == 400
        return "wrong, which is of no interest here"

    rows = planned(asks("a", Expect.ACCEPT, lean()), relates(script, lean(), lean(seed=1)))
    # the first request of the first pin is the request rule's
    assert (rows["one"].requests, rows["two"].requests) == (1, 4 + 1 + 1 + 4 + 1)
    assert rows["two"].completion_tokens == 16 * (4 + 1 + 4)
    assert rows["two"].about
    assert not rows["one"].about
    assert planned(relates(script, lean(), lean(n=2)), depth="smoke")["two"].requests == 1 + 4 + 1


def test_rules_about_answers_send_what_the_traffic_does_not_hold() -> None:
    asked, about = asks("a", Expect.ACCEPT, lean()), answers(lean(), lean(seed=1), lean(seed=2))
    assert planned(asked, about)["three"].requests == 2
    assert planned(asked, about, depth="smoke")["three"].requests == 0
    refused = asks("a", Expect.REFUSE, lean(top_p=2))
    assert planned(refused, about, depth="smoke")["three"].requests == 1


def test_safe_leaves_out_risky_requests() -> None:
    rules = asks("a", Expect.ACCEPT, lean()), asks("b", Expect.ACCEPT, lean(n=128), lean(), risky=True)
    assert planned(*rules)["one"].requests == 2
    assert planned(*rules, safe=True)["one"].requests == 1


def test_a_seed_gives_its_own_numbers() -> None:
    catalogue = load()

    def rows(seed: int) -> list[Row]:
        draw.cache_clear()
        return full_plan(catalogue, Settings(examples=1, seed=seed)).rows

    first = rows(1)
    assert rows(1) == first
    assert rows(2) != first


def test_the_catalogue_in_smoke() -> None:
    catalogue = load()
    rows = {row.chapter: row for row in full_plan(catalogue, Settings(depth="smoke")).rows}
    assert not {"clients", "many"} & set(rows)
    assert list(rows)[:3] == ["canary", "gates", "http"]
    assert rows["gates"].requests <= 2 * len(catalogue.gates)
    listed = cases(catalogue, catalogue.rules, Settings(depth="smoke"))
    assert sum(rows[one.name].requests for one in catalogue.chapters if one.name in rows) <= len(listed) * 1.1
    safe = full_plan(catalogue, Settings(depth="smoke", safe=True)).rows
    assert total(safe).requests < total(list(rows.values())).requests


def test_a_selection_asks_its_gates_only() -> None:
    catalogue = load()
    rule = catalogue.find("n.max.refuses")
    rows = {row.chapter: row for row in full_plan(catalogue, Settings(depth="smoke"), [rule]).rows}
    assert list(rows) == ["canary", "gates", rule.chapter]
    assert rows["gates"].requests <= 4
    assert rows[rule.chapter].requests == 1


def test_total_and_cost() -> None:
    rows = [Row("a", 2, 500_000, 100, about=True), Row("b", 3, 500_000, 250_000, unbounded=1)]
    whole = total(rows)
    assert whole == Row("total", 5, 1_000_000, 250_100, 1, True)
    assert whole.cost(2, 8) == pytest.approx(2 + 2.0008)
    assert table(rows, (2, 8))[3].split() == ["total", "~5", "1,000,000", "250,100", "4.0008"]
    assert as_json(rows)["total"]["requests"] == 5
    assert "cost" not in as_json(rows)["total"]


def test_command_prints_a_table() -> None:
    done = CliRunner().invoke(plan, ["--depth", "smoke", "--safe"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["chapter", "requests", "prompt", "completion"]
    place = next(place for place, line in enumerate(lines) if line.startswith("total"))
    figures = [[int(word.strip("~").replace(",", "")) for word in line.split()[1:]] for line in lines[1 : place + 1]]
    assert figures[-1] == [sum(column) for column in zip(*figures[:-1], strict=True)]
    assert max(map(len, lines)) <= 100


def test_command_prints_json_with_costs() -> None:
    options = ["--depth", "smoke", "--format", "json", "--price-in", "1", "--price-out", "0"]
    done = CliRunner().invoke(plan, options)
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["total"]["cost"] == pytest.approx(told["total"]["prompt_tokens"] / 1e6)
    assert told["total"]["requests"] == sum(row["requests"] for row in told["chapters"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--price-in", "1"], "--price-in needs --price-out"),
        (["--price-out", "1"], "--price-out needs --price-in"),
        (["--price-in", "-1", "--price-out", "1"], "--price-in"),
        (["--price-in", "nan", "--price-out", "1"], "--price-in"),
        (["--depth", "deep"], "'deep' is not one of"),
        (["--max-examples", "-1"], "--max-examples"),
    ],
)
def test_command_refuses_in_one_line(options: list[str], said: str) -> None:
    done = CliRunner().invoke(plan, options)
    assert done.exit_code in (1, 2)
    errors = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert said in errors[0]


# --- a profile --------------------------------------------------------------------------------------------------------


def told(*options: str) -> dict[str, Any]:
    done = CliRunner().invoke(plan, ["--depth", "smoke", "--format", "json", *options])
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_a_profile_plans_what_a_run_with_it_asks(tmp_path: Path) -> None:
    core = files.load(files.shipped()["core"])
    whole, less = told(), told("--conformance-profile", "core")
    rows = full_plan(load(), replace(Settings(depth="smoke"), **core.settings())).rows
    assert less["chapters"] == as_json(rows)["chapters"]
    assert less["total"]["requests"] < whole["total"]["requests"] / 2
    (tmp_path / "p.toml").write_text('vintage = "2026-08"\n')
    later = told("--conformance-profile", str(tmp_path / "p.toml"), "--safe", "--max-examples", "0")
    assert {row["chapter"] for row in later["chapters"]} > {"files"}
    given = told("--conformance-profile", str(tmp_path / "p.toml"), "--vintage", "2024-11")
    assert given == whole


def profiled(profile: files.Profile, *rules: Rule, depth: str = "default") -> Plan:
    requests = tuple(rule for rule in rules if isinstance(rule, RequestRule))
    relations = tuple(rule for rule in rules if isinstance(rule, Relation))
    others = tuple(rule for rule in rules if isinstance(rule, AnswerRule))
    chapters = tuple(Chapter(name, name) for name in ("one", "two", "three"))
    made = Catalogue("2024-11", (), requests, chapters, others, relations)
    return full_plan(made, replace(Settings(depth=depth), **profile.settings()), profile=profile)


def test_what_joins_every_request_is_counted(tmp_path: Path) -> None:
    def only(plan: Plan) -> Row:
        return plan.rows[-1]

    rule = asks("a", Expect.ACCEPT, lean())
    plain = only(profiled(files.Profile(), rule))
    assert plain.completion_tokens == 16
    longer = only(profiled(written(tmp_path, "[request]\nfields = { reasoning_effort = 'none' }"), rule))
    assert longer.prompt_tokens == plain.prompt_tokens + len('"reasoning_effort": "none", ') // 4
    unbounded = only(profiled(written(tmp_path, "[request]\ntoken_bound = 'none'"), rule))
    assert (unbounded.completion_tokens, unbounded.unbounded) == (0, 1)
    renamed = only(profiled(written(tmp_path, "[request]\ntoken_bound = 'max_completion_tokens'"), rule))
    assert (renamed.completion_tokens, renamed.unbounded) == (16, 0)


def test_what_goes_beyond_a_bound_is_not_counted(tmp_path: Path) -> None:
    def script(body: Body) -> Script:
        yield Request(body)

    profile = written(tmp_path, "[bounds]\nn = 8\n")
    rules = (
        asks("a", Expect.ACCEPT, lean(n=8), lean(n=9)),
        asks("b", Expect.REFUSE, lean(n=129)),
        relates(script, lean(n=7), lean(n=10)),
        answers(lean(n=6), lean(n=11)),
    )
    rows = {row.chapter: row.requests for row in profiled(profile, *rules).rows}
    assert rows == {"canary": 2, "one": 2, "two": 1, "three": 1}


def test_pytest_plans_the_same(ask: Callable[..., Ran], pytester: pytest.Pytester) -> None:
    (pytester.path / "p.toml").write_text(
        "[capabilities]\nclaimed = ['n', 'stop']\nothers = 'left out'\n[request]\nfields = { user = 'somebody' }\n"
        "[bounds]\nmax_stop = 2\n"
    )
    options = ("--depth", "smoke", "--conformance-profile", "p.toml")
    ran = ask("--endpoint", "reference", "--plan", *options, report=False)
    assert ran.code == 0, ran.out
    done = CliRunner().invoke(plan, options)
    rows = [line for line in done.output.splitlines() if line.startswith(("gates", "stop", "total"))]
    assert len(rows) == 3
    assert all(row in ran.out for row in rows)


@pytest.mark.parametrize(("word", "said"), [("cor", "did you mean core?"), ("none.toml", "No such file")])
def test_no_profile_is_one_line(word: str, said: str) -> None:
    done = CliRunner().invoke(plan, ["--conformance-profile", word])
    assert done.exit_code == 1
    assert done.output.startswith("Error: --conformance-profile: ")
    assert said in done.output
    assert done.output.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["smoke", "default"])
def test_near_to_a_real_run(depth: str) -> None:
    settings = Settings(depth=depth)
    with serve.start() as url:
        sent = verdicts(url, settings)[1]
    assert total(full_plan(load(), settings).rows).requests == pytest.approx(sent, rel=0.15)


@pytest.mark.slow
def test_near_to_a_real_run_with_a_profile(ask: Callable[..., Ran]) -> None:
    ran = ask("--endpoint", "reference", "--depth", "smoke", "--conformance-profile", "core")
    assert told("--conformance-profile", "core")["total"]["requests"] == pytest.approx(ran.footer["requests"], rel=0.05)
