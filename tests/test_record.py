"""The run record: every line is what its published schema says, in the right order, and readable when cut off."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Exchange, Request, Symptom, Trouble
from chatproof.conformance.record import FORMAT, failure_text, now, printable, result_line, verdict_of_run
from chatproof.conformance.results import Finding, Result, Verdict
from chatproof.reports.jsonl import NAME, Writer, choose_folder
from chatproof.strategies.bodies import lean
from conftest import Ran

jsonschema_rs: Any = pytest.importorskip("jsonschema_rs")

SCHEMA = json.loads(files("chatproof.reports").joinpath("run.schema.json").read_text())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
BY_KIND = {
    kind: jsonschema_rs.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{kind}"}]})
    for kind in ("header", "result", "footer")
}


def faults(line: Any) -> list[str]:
    """What the schema finds wrong with one line, by its own kind."""
    kind = line.get("kind") if isinstance(line, dict) else None
    if kind not in BY_KIND:
        return [f"unknown kind {kind!r}"]
    return [f"{error.instance_path} {error.message}" for error in BY_KIND[kind].iter_errors(line)]


def check_record(lines: list[dict[str, Any]], *, finished: bool = True) -> None:
    """Header first, footer last, each rule once, every line valid."""
    assert [fault for line in lines for fault in faults(line)] == []
    kinds = [line["kind"] for line in lines]
    assert kinds[0] == "header"
    assert kinds.count("header") == 1
    if finished:
        assert kinds[-1] == "footer"
        assert kinds.count("footer") == 1
        counts: dict[str, int] = {}
        for line in lines:
            if line["kind"] == "result":
                counts[line["verdict"]] = counts.get(line["verdict"], 0) + 1
        assert lines[-1]["counts"] == counts
    rules = [line["rule"] for line in lines if line["kind"] == "result"]
    assert len(set(rules)) == len(rules)


def test_the_schema_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


RULE = load().find("temperature.max.refuses")
EXCHANGE = Exchange(
    Request(body=lean(temperature=2.01)), Answer(200, (("content-type", "application/json"),), b"\xff\x1b[2J")
)
FINDING = Finding(
    Symptom.ACCEPTED_INVALID, "an invalid request was accepted", EXCHANGE.request, EXCHANGE, "curl x", "2/2"
)


def test_every_rule_has_a_valid_line() -> None:
    for name, rule in load().by_id.items():
        assert (name, faults(result_line(rule, Result(name, Verdict.PASSED, requests=3)))) == (name, [])


def test_every_verdict_has_a_valid_line() -> None:
    for verdict in Verdict:
        result = Result(RULE.id, verdict, note="words")
        if verdict in (Verdict.FAILED, Verdict.WARNING, Verdict.INCONSISTENT, Verdict.WAIVED):
            result = result.with_(finding=FINDING)
        rule = load().find("n.max.accepts") if verdict is Verdict.WARNING else RULE
        assert faults(result_line(rule, result)) == []


def test_findings_without_an_answer() -> None:
    exchange = replace(EXCHANGE, answer=None, trouble=Trouble("timeout", "no byte for 60 s"))
    finding = replace(FINDING, symptom=Symptom.HUNG, exchange=exchange)
    assert faults(result_line(RULE, Result(RULE.id, Verdict.FAILED, finding=finding))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "failed"},
        {"verdict": "good"},
        {"requests": -1},
        {"strength": "must not"},
        {"rule": "Temperature"},
        {"verdict": "error"},
        {"kind": "results"},
        {"seconds": "1"},
    ],
)
def test_the_schema_sees_wrong_lines(change: dict[str, Any]) -> None:
    line = result_line(RULE, Result(RULE.id, Verdict.PASSED))
    assert VALIDATOR.is_valid(line)
    assert not VALIDATOR.is_valid({**line, **change})


@pytest.mark.parametrize("missing", SCHEMA["$defs"]["result"]["required"])
def test_the_schema_misses_members(missing: str) -> None:
    line = result_line(RULE, Result(RULE.id, Verdict.PASSED))
    del line[missing]
    assert not VALIDATOR.is_valid(line)


def test_failure_text_is_short_and_harmless() -> None:
    body = lean(user="x" * 50_000 + "\n" * 100 + "\x1b[31m")
    exchange = Exchange(Request(body=body), Answer(500, (), b"\x1b]0;evil\x07\r\n" * 1000))
    finding = replace(FINDING, request=exchange.request, exchange=exchange, others=("a\nb", "c"))
    text = failure_text(result_line(RULE, Result(RULE.id, Verdict.FAILED, finding=finding)))
    rows = text.split("\n")
    assert len(rows) <= 25
    assert all(row.isprintable() for row in rows)
    assert len(text) < 8000
    for word in (RULE.id, RULE.title, str(RULE.source), "500", "curl"):
        assert word in text


def test_printable() -> None:
    assert printable("a\x1b[2J\u202eb\nc\r\t\x00") == "a\ufffd[2J\ufffdb\\nc\ufffd\ufffd\ufffd"


def test_the_verdict_of_a_run() -> None:
    assert verdict_of_run({"passed": 3, "warning": 1, "info": 1, "not_offered": 1, "blocked": 1}) == "conformant"
    assert verdict_of_run({"passed": 3, "error": 1}) == "incomplete"
    assert verdict_of_run({"failed": 1, "error": 1}) == "non-conformant"
    assert verdict_of_run({"inconsistent": 1}) == "non-conformant"


def test_lines_are_on_disk_at_once(tmp_path: Path) -> None:
    with Writer(tmp_path) as writer:
        for number in range(3):
            writer.write({"kind": "x", "text": "\u2028\ud800 é", "number": number})
            lines = (tmp_path / NAME).read_bytes().split(b"\n")
            assert len(lines) == number + 2
            assert json.loads(lines[number])["number"] == number


def test_a_wanted_folder_keeps_the_earlier_run(tmp_path: Path) -> None:
    stamp, wanted = datetime(2026, 1, 2, 3, 4, 5), tmp_path / "deep/report"
    for number in range(3):
        folder = choose_folder("deep/report", tmp_path, stamp)
        assert folder == wanted
        with Writer(folder) as writer:
            writer.write({"kind": "header", "format": FORMAT, "started": now(), "number": number})
    kept = sorted(path.name for path in wanted.iterdir())
    assert len(kept) == 3
    assert json.loads((wanted / NAME).read_text())["number"] == 2


def test_a_torn_earlier_run_is_kept_too(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"kind": "head')
    folder = choose_folder(str(tmp_path), Path("/nowhere"), datetime(2026, 1, 2, 3, 4, 5))
    assert folder == tmp_path
    assert len(list(tmp_path.iterdir())) == 1
    assert not (tmp_path / NAME).exists()


def test_folders_of_their_own(tmp_path: Path) -> None:
    stamp = datetime(2026, 1, 2, 3, 4, 5)
    first, second = choose_folder(None, tmp_path, stamp), choose_folder(None, tmp_path, stamp)
    assert first != second
    parent = tmp_path / "conformance-report"
    assert (parent / "latest").resolve() == second.resolve()
    assert (parent / ".gitignore").read_text() == "*\n"


def test_the_record_of_a_good_server(ask: Callable[..., Ran], serve: Callable[..., servers.Server]) -> None:
    server = serve(servers.strict)
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature or gate or logit_bias")
    assert ran.code == 0, ran.out
    check_record(ran.record)
    header, footer = ran.record[0], ran.footer
    assert header["endpoint"] == server.url + "/v1"
    assert header["model"] == servers.MODEL
    assert header["seed"] == 0
    assert header["capabilities"]["temperature"] == "offered"
    assert footer["verdict"] == "conformant"
    assert footer["requests"] <= len(server.received)
    assert ran.results["temperature.max.refuses"]["requests"] == 1


def test_the_record_of_a_bad_server(ask: Callable[..., Ran], serve: Callable[..., servers.Server]) -> None:
    behave = servers.on(lambda got: got.value("temperature") == 2, servers.refuses(500, "\x1b[2J"), servers.strict)
    ran = ask("--endpoint", serve(behave).url, "-k", "temperature or top_p or gate", "--max-examples", "5")
    assert ran.code == 1, ran.out
    check_record(ran.record)
    assert ran.footer["verdict"] == "non-conformant"
    finding = ran.results["temperature.max.accepts"]["finding"]
    assert finding["symptom"] == "crashed"
    assert finding["status"] == 500
    assert json.loads(finding["request"]["body"])["temperature"] == 2


def test_the_record_of_an_agreeable_server(ask: Callable[..., Ran], serve: Callable[..., servers.Server]) -> None:
    ran = ask("--endpoint", serve(servers.agreeable).url, "--depth", "smoke")
    assert ran.code == 1, ran.out
    check_record(ran.record)
    found = [line for line in ran.results.values() if "finding" in line]
    assert {line["finding"]["symptom"] for line in found} >= {"accepted_invalid"}
    blocked = [line for line in ran.results.values() if line["verdict"] == "blocked"]
    assert blocked
    assert {line["blocked_by"].split(".")[0] for line in blocked} <= {"gate", "a simpler rule", "ef"}


def test_the_record_of_a_dead_server(ask: Callable[..., Ran], serve: Callable[..., servers.Server]) -> None:
    ran = ask("--endpoint", serve(servers.dies_after(150)).url, "--depth", "smoke")
    assert ran.code == 6, ran.out
    check_record(ran.record)
    assert ran.footer["verdict"] == "incomplete"
