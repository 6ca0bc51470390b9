"""Runs that are cut short, by kill -9 or Ctrl-C: the record is readable, its continuation ends as an unbroken run."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.again import CrowdSighting, kept_apart
from chatproof.conformance.bearers import CROWD_RULE, REPEAT_RULE, STEADY_RULE
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import Answer, Exchange, Expect, Symptom, as_request
from chatproof.conformance.outgoing import prepare
from chatproof.conformance.plan import pin_cases
from chatproof.conformance.resume import load as earlier
from chatproof.conformance.sightings import Sightings
from chatproof.conformance.tallies import KEY, Ledger, restore
from chatproof.conformance.target import Target
from chatproof.reports.reading import read
from chatproof.strategies.bodies import lean
from conftest import Ran, clean_environment

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]
CATALOGUE = load()
RULES = "temperature or top_p or stop or res.usage or res.object or res.id"
SELECTED = ("--depth", "smoke", "-k", RULES, "--in-flight", "2")


def is_cold(request: servers.Received) -> bool:
    """A temperature of 0: the first pin of its rule."""
    return request.is_chat and request.value("temperature") == 0


FAULTY = servers.on(is_cold, servers.miscounts, servers.strict)


def begin(url: str, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A run in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--endpoint", url, *arguments]
    return subprocess.Popen(
        [*command, "--report-dir", "report"],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def stop_at(process: subprocess.Popen[bytes], record: Path, lines: int, word: signal.Signals) -> bytes:
    """Send a signal when the record has that many lines (0: as soon as it is there); what was printed."""
    ends = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < ends:
        if record.exists() and record.read_bytes().count(b"\n") >= lines:
            break
        time.sleep(0.005)
    process.send_signal(word)
    return process.communicate(timeout=60)[0]


def names_of(folder: Path) -> set[str]:
    """The rules that are finished in a record."""
    found = earlier(folder / "report")
    return set(found.lines) if found else set()


@pytest.fixture
def unbroken(ask: Ask, serve: Serve) -> dict[str, str]:
    """The verdicts of a run against the faulty server that nobody stops."""
    ran = ask("--endpoint", serve(FAULTY).url, *SELECTED)
    verdicts = ran.verdicts
    (ran.folder / "report" / "run.jsonl").unlink()
    assert verdicts["res.usage.sum"] == "failed", verdicts
    return verdicts


def pins_of(names: set[str]) -> set[bytes]:
    """The prepared bodies of the pins of some request rules."""
    target = Target("http://x/v1", model=servers.MODEL, fields={"max_tokens": 16})
    rules = [rule for rule in CATALOGUE.rules if rule.id in names and rule.fit is None]
    cases = [case for rule in rules for case in pin_cases(rule, 0, Settings(depth="smoke"))]
    return {prepare(case.request, target).content for case in cases}


def continues(ask: Ask, serve: Serve, folder: Path, unbroken: dict[str, str], lines: int) -> None:
    """Kill a run when it has that many lines, continue it, and hold the end against an unbroken run."""
    slow = serve(servers.slowly(0.004, FAULTY))
    stop_at(begin(slow.url, folder, *SELECTED), folder / "report" / "run.jsonl", lines, signal.SIGKILL)
    if lines:
        assert read(folder / "report").header["model"] == servers.MODEL
    done = names_of(folder)
    before = len(slow.received)
    ran = ask("--endpoint", slow.url, *SELECTED, "--resume")
    assert ran.verdicts == unbroken
    assert ran.code == 1, ran.out
    assert ran.footer["verdict"] == "non-conformant"
    seen, _, asked = ran.results["res.usage.sum"]["finding"]["confirmed"].partition("/")
    assert seen == asked
    again = {received.content for received in slow.received[before:]}
    left = set(unbroken) - done
    spared = pins_of({name for name in done if getattr(CATALOGUE.by_id[name], "expect", None) is Expect.ACCEPT})
    assert {content for content in (again & spared) - pins_of(left) if not is_about_the_finding(content)} == set()


def is_about_the_finding(content: bytes) -> bool:
    """Whether a body may be sent again to prove the finding or to make it smaller."""
    body = json.loads(content) if content else None
    return isinstance(body, dict) and body.get("temperature", 0) == 0


@pytest.mark.parametrize("lines", [1, 45])
def test_a_killed_run_ends_as_an_unbroken_one(
    ask: Ask, serve: Serve, pytester: pytest.Pytester, unbroken: dict[str, str], lines: int
) -> None:
    continues(ask, serve, pytester.path, unbroken, lines)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(12))
def test_kills_at_random_points(
    ask: Ask, serve: Serve, pytester: pytest.Pytester, unbroken: dict[str, str], seed: int
) -> None:
    lines = random.Random(seed).randrange(len(unbroken))
    continues(ask, serve, pytester.path, unbroken, lines)


@pytest.mark.slow
@pytest.mark.parametrize("word", [signal.SIGKILL, signal.SIGINT])
def test_a_run_of_several_processes_is_continued(
    ask: Ask, serve: Serve, pytester: pytest.Pytester, unbroken: dict[str, str], word: signal.Signals
) -> None:
    """The controller is killed: its workers end by themselves, and one process goes on with their record."""
    slow = serve(servers.slowly(0.02, FAULTY))
    record = pytester.path / "report" / "run.jsonl"
    stop_at(begin(slow.url, pytester.path, *SELECTED, "-n", "2"), record, 35, word)  # waits for all who hold its pipe
    done = names_of(pytester.path)
    assert len(done) > 20
    assert unbroken.keys() - done
    before = len(slow.received)
    time.sleep(0.3)
    assert len(slow.received) == before
    ran = ask("--endpoint", slow.url, *SELECTED, "--resume")
    assert ran.code == 1, ran.out
    more = ran.verdicts.keys() - unbroken.keys()
    assert {name.partition(".")[0] for name in more} <= {"gate"}  # which its controller asked for all workers
    assert ran.verdicts == unbroken | dict.fromkeys(more, "passed")
    assert ran.footer["resumed"] == len(done)


def test_ctrl_c_writes_what_is_known(
    ask: Ask, serve: Serve, pytester: pytest.Pytester, unbroken: dict[str, str]
) -> None:
    slow = serve(servers.slowly(0.01, FAULTY))
    folder = pytester.path / "report"
    out = stop_at(begin(slow.url, pytester.path, *SELECTED), folder / "run.jsonl", 40, signal.SIGINT)
    assert b"Traceback" not in out, out.decode()
    run = read(folder)
    assert run.footer is not None
    assert run.verdict in ("incomplete", "non-conformant")
    for name in ("report.html", "summary.md", "report.sarif", "certificate.json"):
        assert (folder / name).stat().st_size > 0
    ran = ask("--endpoint", slow.url, *SELECTED, "--resume")
    assert ran.verdicts == unbroken
    assert ran.footer["resumed"] >= 20


# --- what cannot be continued ----------------------------------------------------------------------------------------


@pytest.fixture
def recorded(ask: Ask, serve: Serve) -> tuple[Ran, str]:
    """A small run that is over, and the URL of its server."""
    url = serve(servers.strict).url
    return ask("--endpoint", url, "--depth", "smoke", "-k", "top_p"), url


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (("--depth", "default"), "depth"),
        (("--depth", "smoke", "--hypothesis-seed", "7"), "seed"),
        (("--depth", "smoke", "--strict"), "strict"),
        (("--depth", "smoke", "--max-examples", "3"), "examples"),
        (("--depth", "smoke", "--model", "other"), "model"),
    ],
)
def test_another_run_is_refused_in_one_line(
    ask: Ask, recorded: tuple[Ran, str], changed: tuple[str, ...], named: str
) -> None:
    ran, url = recorded
    before = ran.record
    again = ask("--endpoint", url, "-k", "top_p", *changed, "--resume")
    assert again.code == 4
    assert "Traceback" not in again.out
    (row,) = {row for row in again.out.splitlines() if "--resume: " in row}
    assert f"'{named}'" in row or f"another {named}" in row
    assert again.record == before


def test_another_endpoint_or_catalogue_is_refused(ask: Ask, recorded: tuple[Ran, str], serve: Serve) -> None:
    ran, url = recorded
    other = ask("--endpoint", serve(servers.strict).url, "--depth", "smoke", "-k", "top_p", "--resume")
    assert other.code == 4
    assert "another endpoint" in other.out
    path = ran.folder / "report" / "run.jsonl"
    header, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(header), "catalogue": "0" * 12}), *rest, ""]))
    other = ask("--endpoint", url, "--depth", "smoke", "-k", "top_p", "--resume")
    assert other.code == 4
    assert "another catalogue" in other.out


def test_a_finished_run_asks_nothing_more(ask: Ask, recorded: tuple[Ran, str]) -> None:
    ran, url = recorded
    again = ask("--endpoint", url, "--depth", "smoke", "-k", "top_p", "--resume", "--in-flight", "3")
    assert again.code == 0, again.out
    assert again.verdicts == ran.verdicts
    assert again.footer["requests"] == ran.footer["requests"]


def test_a_torn_line_is_no_obstacle(ask: Ask, recorded: tuple[Ran, str]) -> None:
    ran, url = recorded
    path = ran.folder / "report" / "run.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b'"kind": "result"') + 60])
    again = ask("--endpoint", url, "--depth", "smoke", "-k", "top_p", "--resume")
    assert again.code == 0, again.out
    assert again.verdicts == ran.verdicts


def test_where_nothing_was_begun_the_run_begins(ask: Ask, serve: Serve) -> None:
    url = serve(servers.strict).url
    ran = ask("--endpoint", url, "--depth", "smoke", "-k", "top_p", "--resume")
    assert ran.code == 0, ran.out
    assert "resumed" not in ran.footer
    ran = ask("--endpoint", url, "--resume", report=False)
    assert ran.code == 4
    assert "--report-dir" in ran.out


def test_what_was_not_asked_is_asked_with_a_higher_ceiling(ask: Ask, serve: Serve) -> None:
    server = serve(servers.strict)
    chosen = ("--endpoint", server.url, "--depth", "smoke", "-k", "temperature or top_p or messages")
    short = ask(*chosen, "--max-requests", "70")
    assert short.code == 6, short.out
    whole = ask(*chosen, "--max-requests", "500", "--resume")
    assert whole.code == 0, whole.out
    assert "error" not in whole.verdicts.values()
    assert whole.footer["budget"]["max_requests"] == 500
    assert whole.footer["budget"]["requests"] >= short.footer["budget"]["requests"]


# --- tallies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symptom", "rare", "bearer"),
    [
        (Symptom.ACCEPTED_INVALID, True, REPEAT_RULE),
        (Symptom.REFUSED_VALID, True, STEADY_RULE),
        (Symptom.CRASHED, False, CROWD_RULE),
    ],
)
def test_what_another_rule_bears_survives_a_record(symptom: Symptom, rare: bool, bearer: str) -> None:
    request = as_request(lean(temperature=3))
    exchange = Exchange(request, Answer(200, (("content-type", "application/json"),), b"{}"))
    kept = kept_apart()
    kept[bearer].sightings.append(CrowdSighting("a", "why", symptom, request, exchange, "1/6", rare=rare))
    told = Ledger(Sightings(CATALOGUE.answers)).take("a", kept)
    fresh = kept_apart()
    restore(Sightings(CATALOGUE.answers), fresh, [json.loads(json.dumps({"rule": "a", KEY: told}))])
    assert [name for name, one in fresh.items() if one.sightings] == [bearer]
    assert fresh[bearer].sightings[0].rare is rare


def test_tallies_survive_a_record() -> None:
    sightings = Sightings(CATALOGUE.answers)
    ledger, kept = Ledger(sightings), kept_apart()
    value = servers.completion()
    value["usage"]["total_tokens"] = 99
    kind = (("content-type", "application/json"),)
    lines: list[dict[str, Any]] = []
    for number, body in enumerate((lean(temperature=0), lean(user="x" * 9), lean(temperature=1))):
        answer = Answer(200, kind, json.dumps(value if number < 2 else servers.completion()).encode())
        with ledger.of(f"rule.{number}"):
            sightings.observe(Exchange(as_request(body), answer))
        lines.append(json.loads(json.dumps({"rule": f"rule.{number}", KEY: ledger.take(f"rule.{number}", kept)})))
    assert ledger.take("rule.0", kept) == {}
    other = Sightings(CATALOGUE.answers)
    restore(other, kept_apart(), lines)
    for rule in CATALOGUE.answers:
        one, two = sightings.of[rule.id], other.of[rule.id]
        assert (rule.id, one.judged, one.seen) == (rule.id, two.judged, two.seen)
        assert [row.content for row in one.smallest] == [row.content for row in two.smallest]
        assert [row.why for row in one.smallest] == [row.why for row in two.smallest]
    assert other.of["res.usage.sum"].seen == 2
    restored = other.of["res.usage.sum"].smallest[0].request
    assert prepare(restored, Target("http://x/v1", fields={"max_tokens": 16})).content == restored.content
    assert isinstance(restored.body, dict)
