"""Shards of one run: a split that is stable, and records that are joined, or refused where they are not of one run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.bearers import CROWD_RULE
from chatproof.conformance.catalogue import load
from chatproof.conformance.cli.merge import merge as command
from chatproof.conformance.merge import TWIN, combined
from chatproof.conformance.model import AnswerRule, Gate, Strength
from chatproof.conformance.shards import Share, parse
from chatproof.reports.reading import read
from click.testing import CliRunner, Result
from conftest import Ran
from test_record import check_record
from test_resume import FAULTY

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]
CATALOGUE = load()


# --- the split -------------------------------------------------------------------------------------------------------


def test_each_rule_that_sends_requests_is_in_one_shard() -> None:
    for of in (1, 2, 3, 7):
        shards = [Share(index, of) for index in range(1, of + 1)]
        for rule in CATALOGUE.by_id.values():
            judges = sum(share.judges(rule) for share in shards)
            assert judges == (of if isinstance(rule, Gate | AnswerRule) or rule.id == CROWD_RULE else 1)


def test_the_split_is_about_even_and_does_not_change() -> None:
    sizes = Counter(next(index for index in (1, 2, 3, 4) if Share(index, 4).owns(rule.id)) for rule in CATALOGUE.rules)
    assert max(sizes.values()) < 1.4 * min(sizes.values())
    names = ("temperature.max.accepts", "n.min.refuses", "user.type.refuses")
    assert [Share(1, 3).owns(name) for name in names] == [False, False, True]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/", "/3", "a/3", "1/3/3", "-1/3", "1/99999", "²/3"])
def test_what_is_no_shard(ask: Ask, text: str) -> None:
    with pytest.raises(ValueError, match=r"I/N|first number"):
        parse(text)


def test_a_wrong_shard_is_a_usage_error(ask: Ask) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9/v1", "--shard", "4/3", report=False)
    assert ran.code == 4
    assert "--shard" in ran.out


# --- one run in parts ------------------------------------------------------------------------------------------------

CHOSEN = ("--depth", "smoke", "-k", "temperature or top_p or res. or err. or gate")


def joined(*arguments: str) -> Result:
    """What ``chatproof merge`` says."""
    return CliRunner().invoke(command, [*arguments])


def in_parts(ask: Ask, url: str, folder: Path, of: int, *chosen: str) -> list[str]:
    """Run each shard; the folders of their records."""
    places = []
    for index in range(1, of + 1):
        ask("--endpoint", url, *chosen, "--shard", f"{index}/{of}")
        place = folder / f"shard-{index}"
        place.mkdir()
        (folder / "report" / "run.jsonl").rename(place / "run.jsonl")
        places.append(str(place))
    return places


def test_parts_have_the_verdicts_of_the_whole(ask: Ask, serve: Serve, pytester: pytest.Pytester) -> None:
    url = serve(FAULTY).url
    folder = pytester.path
    places = in_parts(ask, url, folder, 2, *CHOSEN)
    done = joined(*places, "-o", str(folder / "whole"))
    assert done.exit_code == 1, done.output
    assert done.output.startswith("non-conformant: ")
    whole = read(folder / "whole")
    ran = ask("--endpoint", url, *CHOSEN)
    assert {name: line["verdict"] for name, line in whole.by_rule.items()} == ran.verdicts
    assert whole.by_rule["res.usage.sum"]["verdict"] == "failed"
    assert whole.verdict == "non-conformant"
    assert "shard" not in whole.header
    assert [row["shard"] for row in whole.header["merged"]] == ["1/2", "2/2"]
    check_record([json.loads(row) for row in (folder / "whole" / "run.jsonl").read_text().splitlines()])
    for name in ("report.html", "summary.md", "certificate.json"):
        assert (folder / "whole" / name).exists()
    parts = [read(place) for place in places]
    assert whole.footer is not None
    assert whole.footer["requests"] == sum(part.footer["requests"] for part in parts if part.footer)
    judged = [part.by_rule["res.id"]["judged"] for part in parts]
    assert whole.by_rule["res.id"]["judged"] == sum(judged)
    statuses = whole.footer["traffic"]["statuses"]
    assert sum(statuses.values()) == sum(
        sum(part.footer["traffic"]["statuses"].values()) for part in parts if part.footer
    )


@pytest.mark.nightly
def test_parts_of_a_default_run_on_the_reference(ask: Ask, pytester: pytest.Pytester) -> None:
    folder = pytester.path
    places = in_parts(ask, "reference", folder, 3)
    assert joined(*places, "-o", str(folder / "whole")).exit_code == 0
    ran = ask("--endpoint", "reference")
    assert {name: line["verdict"] for name, line in read(folder / "whole").by_rule.items()} == ran.verdicts


# --- what is not joined ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """The lines of the records of three shards, made without a run."""
    names = ["temperature.max.accepts", "temperature.max.refuses", "n.max.accepts"]
    return [
        [header(shard={"index": index, "of": 3}), line(name), line("res.id", "passed", judged=index), FOOTER]
        for index, name in enumerate(names, 1)
    ]


def header(**changes: Any) -> dict[str, Any]:
    """The first line of a record."""
    return {
        "kind": "header",
        "format": "chatproof.run/1",
        "suite": "1",
        "catalogue": CATALOGUE.hash,
        "vintage": "2024-11",
        "endpoint": "http://127.0.0.1:9/v1",
        "model": "m",
        "profile": "auto",
        "capabilities": {},
        "seed": 0,
        "settings": {"depth": "default", "strict": False, "in_flight": 16},
        "started": "2026-01-01T00:00:00+00:00",
    } | changes


def line(rule: str, verdict: str = "passed", finding: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A result line."""
    made: dict[str, Any] = {
        "kind": "result",
        "rule": rule,
        "chapter": "c",
        "property": "p",
        "title": "t",
        "strength": "must",
        "source": "s (documented)",
        "verdict": verdict,
        "observed": "",
        "blocked_by": "",
        "note": "",
        "requests": 1,
        "judged": 0,
        "judged_traffic": 0,
        "seconds": 0.1,
    } | changes
    return made | ({"finding": finding} if finding else {})


def broken(body: str, confirmed: str = "2/2", sightings: int = 1) -> dict[str, Any]:
    """A finding."""
    request = {"method": "POST", "path": "/chat/completions", "body": body}
    return {
        "symptom": "wrong_content",
        "why": "w",
        "request": request,
        "status": 200,
        "trouble": None,
        "response": None,
        "curl": "curl x",
        "confirmed": confirmed,
        "sightings": sightings,
        "others": [],
    }


FOOTER = {
    "kind": "footer",
    "requests": 5,
    "tokens": None,
    "seconds": 1.0,
    "counts": {},
    "verdict": "conformant",
    "finished": "2026-01-01T00:00:09+00:00",
}


ACME = {"name": "x-acme", "package": "acme-rules", "version": "1.0", "rules": 3}
"""What a header says of a package of rules."""


def written(folder: Path, parts: list[list[dict[str, Any]]]) -> list[str]:
    """The files of some records."""
    paths = [folder / f"{number}.jsonl" for number in range(len(parts))]
    for path, lines in zip(paths, parts, strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    return [str(path) for path in paths]


def test_they_are_joined(tmp_path: Path, parts: list[list[dict[str, Any]]]) -> None:
    done = joined(*reversed(written(tmp_path, parts)), "-o", str(tmp_path / "whole"))
    assert done.exit_code == 0, done.output
    run = read(tmp_path / "whole")
    assert run.by_rule["res.id"]["judged"] == 6
    assert set(run.by_rule) == {"temperature.max.accepts", "temperature.max.refuses", "n.max.accepts", "res.id"}


def changed(parts: list[list[dict[str, Any]]], number: int, place: int, **changes: Any) -> list[list[dict[str, Any]]]:
    """A copy with another line."""
    copy = [list(rows) for rows in parts]
    copy[number][place] = copy[number][place] | changes
    return copy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda parts: parts[:2], "shard 3 of 3 missing"),
        (lambda parts: parts[:1], "shards 2, 3 of 3 missing"),
        (lambda parts: [*parts, parts[0]], "shard 1/3 is there twice"),
        (lambda parts: changed(parts, 1, 0, shard={"index": 2, "of": 4}), "take one split"),
        (lambda parts: changed(parts, 1, 0, shard=None), "of no shard"),
        (lambda parts: changed(parts, 1, 0, seed=3), "differ in seed (0 and 3)"),
        (lambda parts: changed(parts, 1, 0, model="x"), "differ in model"),
        (lambda parts: changed(parts, 1, 0, endpoint="http://other/v1"), "differ in endpoint"),
        (lambda parts: changed(parts, 1, 0, catalogue="0" * 12), "differ in catalogue"),
        (lambda parts: changed(parts, 1, 0, vendors=[ACME]), "differ in vendors"),
        (lambda parts: changed(parts, 2, 0, settings={"depth": "smoke"}), "differ in setting 'depth'"),
        (lambda parts: changed(parts, 2, 1, rule="temperature.max.accepts"), "shards share no request rule"),
        (lambda parts: changed(parts, 2, 1, rule="no.such.rule"), "no rule is called"),
        (lambda parts: [*parts[:2], parts[2][:-1]], "cut short"),
        (lambda parts: [changed(parts, n, 0, catalogue="0" * 12)[n] for n in range(3)], "than the installed one"),
    ],
)
def test_what_is_not_of_one_run_is_refused_in_one_line(
    tmp_path: Path, parts: list[list[dict[str, Any]]], spoil: Callable[[Any], Any], words: str
) -> None:
    done = joined(*written(tmp_path, spoil(parts)), "-o", str(tmp_path / "whole"))
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "whole").exists()


def test_lanes_may_differ(tmp_path: Path, parts: list[list[dict[str, Any]]]) -> None:
    other = changed(parts, 1, 0, settings={"depth": "default", "strict": False, "in_flight": 3})
    assert joined(*written(tmp_path, other), "-o", str(tmp_path / "whole")).exit_code == 0


def test_a_shard_with_rules_not_asked_makes_the_whole_incomplete(
    tmp_path: Path, parts: list[list[dict[str, Any]]]
) -> None:
    other = changed(parts, 1, 1, verdict="error", note="budget: x")
    done = joined(*written(tmp_path, other), "-o", str(tmp_path / "whole"))
    assert done.exit_code == 6
    assert done.output.startswith("incomplete")


@pytest.mark.parametrize(
    ("verdicts", "said", "code"),
    [(("passed", "waived", "passed"), [], 0), (("passed",) * 3, ["waiver 1 (res.id) is not needed: res.id passed"], 1)],
    ids=["needed in one", "needed in none"],
)
def test_a_waiver_is_judged_on_the_whole(
    tmp_path: Path, parts: list[list[dict[str, Any]]], verdicts: tuple[str, ...], said: list[str], code: int
) -> None:
    """In one shard it may look idle; with --strict only one that is idle in all of them is a failure."""
    waiver = {"rule": "res.id", "symptom": "wrong_content", "reason": "r", "owner": "o", "expires": "2027-01-01"}
    copy = [list(rows) for rows in parts]
    for rows, verdict in zip(copy, verdicts, strict=True):
        rows[0] = rows[0] | {"waivers": [waiver], "settings": {"depth": "default", "strict": True}}
        rows[2] = line("res.id", verdict, broken("a") if verdict == "waived" else None)
        rows[3] = FOOTER | ({"waiver_remarks": ["idle"]} if verdict == "passed" and code == 0 else {})
    done = joined(*written(tmp_path, copy), "-o", str(tmp_path / "whole"))
    footer = read(tmp_path / "whole").footer
    assert footer is not None
    assert [remark.partition(";")[0] for remark in footer.get("waiver_remarks", [])] == said
    assert done.exit_code == code, done.output


# --- one rule in several shards --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (("passed", "not_offered"), "passed"),
        (("not_offered", "not_offered"), "not_offered"),
        (("passed", "error"), "error"),
        (("info", "not_offered"), "info"),
        (("blocked", "not_offered"), "blocked"),
    ],
)
def test_the_verdict_of_a_rule_about_answers(verdicts: tuple[str, str], whole: str) -> None:
    assert combined([line("res.id", verdict) for verdict in verdicts], Strength.MUST, False)["verdict"] == whole


def test_a_failure_in_any_shard_is_a_failure() -> None:
    lines = [
        line("res.id", "passed", judged=100),
        line("res.id", "failed", broken("a longer body"), judged=10),
        line("res.id", "failed", broken("a body", sightings=2), judged=20),
    ]
    found = combined(lines, Strength.MUST, False)
    assert found["verdict"] == "failed"
    assert found["judged"] == 130
    assert found["finding"]["request"]["body"] == "a body"
    assert found["finding"]["sightings"] == 3
    assert combined(lines, Strength.SHOULD, False)["verdict"] == "warning"


def test_what_most_answers_break_is_no_matter_of_luck() -> None:
    now_and_then = line("res.id", "inconsistent", broken("a", "1/6", 3), judged=20)
    mostly = line("res.id", "failed", broken("ab", "1/6", 18), judged=20)
    assert combined([now_and_then, now_and_then], Strength.MUST, False)["verdict"] == "inconsistent"
    assert combined([now_and_then, mostly], Strength.MUST, False)["verdict"] == "failed"


def test_a_twin_stands_for_what_another_shard_saw(tmp_path: Path, parts: list[list[dict[str, Any]]]) -> None:
    rule = next(rule for rule in CATALOGUE.answers if rule.twin_of)
    other = rule.twin_of[0]
    copy = [list(rows) for rows in parts]
    copy[0].insert(1, line(rule.id, "failed", broken("a")))
    copy[1].insert(1, line(other, "failed", broken("b")))
    copy[2].insert(1, line(rule.id, "blocked", note=TWIN, blocked_by=other))
    copy[2].insert(1, line(other, "failed", broken("c")))
    assert joined(*written(tmp_path, copy), "-o", str(tmp_path / "whole")).exit_code == 1
    found = read(tmp_path / "whole").by_rule
    assert (found[rule.id]["verdict"], found[rule.id]["blocked_by"]) == ("blocked", other)
    assert found[other]["verdict"] == "failed"
