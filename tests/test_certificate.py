"""The certificate: it says what the record says, and any change of either is named."""

from __future__ import annotations

import hashlib
import json
import random
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.conformance.cli.verify import verify as command
from chatproof.reports import certificate
from chatproof.reports.reading import RecordError, read
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

often = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=40
)
WAIVER = {"rule": "seed.x", "symptom": "hung", "reason": "slow disk", "owner": "bob", "expires": "2030-01-01"}
GOOD = draw.record(
    draw.result("gate.n"),
    draw.result("n.type"),
    draw.result("n.max", strength="should"),
    draw.result("seed.x", "waived", symptom="hung", waiver=WAIVER),
    draw.result("tools.x", "not_offered"),
    waivers=[WAIVER],
)
BAD = draw.record(draw.result("n.type", "failed"), draw.result("n.max"))


def issue(folder: Path, lines: list[draw.Line]) -> tuple[Path, Path]:
    """A record and its certificate."""
    record = draw.put(folder, lines)
    return certificate.write(read(record), folder), record


def validator() -> Any:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    schema = json.loads(files("chatproof.reports").joinpath("certificate.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def schema() -> Any:
    return validator()


def test_it_says_what_was_claimed_run_and_found(tmp_path: Path) -> None:
    found = json.loads(issue(tmp_path, GOOD)[0].read_text())
    assert found["verdict"] == "conformant"
    assert found["subject"] == {"endpoint": "http://127.0.0.1:1/v1", "model": "m"}
    assert found["claimed"] == {"profile": "auto", "vintage": "2024-11", "capabilities": {"n": "offered"}}
    assert {name: found["run"][name] for name in ("suite", "catalogue", "seed", "requests")} == {
        "suite": "0.1.0",
        "catalogue": "0123456789ab",
        "seed": 0,
        "requests": 9,
    }
    assert found["run"]["settings"]["depth"] == "default"
    assert found["counts"] == {
        "rules": 5,
        "by_verdict": {"passed": 3, "waived": 1, "not_offered": 1},
        "by_strength": {"must": {"passed": 2, "waived": 1, "not_offered": 1}, "should": {"passed": 1}},
        "by_chapter": {
            "gate": {"passed": 1},
            "n": {"passed": 2},
            "seed": {"waived": 1},
            "tools": {"not_offered": 1},
        },
    }
    assert found["waivers"] == [{**WAIVER, "used": True}]
    content = (tmp_path / "run.jsonl").read_bytes()
    assert found["record"] == {
        "format": "chatproof.run/1",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "lines": 7,
    }


def test_it_says_what_it_does_not_prove(tmp_path: Path) -> None:
    said = " ".join(json.loads(issue(tmp_path, GOOD)[0].read_text())["caveats"])
    for words in ("does not prove", "does not show who", "minisign", "cosign"):
        assert words in said


def test_waivers_are_in_the_open_whoever_lists_them(tmp_path: Path) -> None:
    unused = {**WAIVER, "rule": "other.x"}
    lines = draw.record(
        draw.result("seed.x", "waived", symptom="hung", waiver=WAIVER), draw.result("a.b", "waived"), waivers=[unused]
    )
    found = certificate.waivers(read(draw.put(tmp_path, lines)))
    assert {row["rule"]: row["used"] for row in found} == {"seed.x": True, "a.b": True, "other.x": False}


@often
@given(lines=draw.records())
def test_it_agrees_with_its_own_record(tmp_path: Path, schema: Any, lines: list[draw.Line]) -> None:
    paths = issue(tmp_path, lines)
    assert list(schema.iter_errors(json.loads(paths[0].read_text()))) == []
    found = json.loads(paths[0].read_text())
    counted = {line["verdict"] for line in lines if line["kind"] == "result"}
    assert found["verdict"] == (lines[-1]["verdict"] if counted else "incomplete")
    assert certificate.verify(*paths) == ([] if counted else ["record: no rule was asked"])


@often
@given(data=st.data())
def test_any_change_of_the_record_is_seen(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever byte is changed, put in or left out: a difference or a refusal, never agreement."""
    paths = issue(tmp_path, GOOD)
    content = paths[1].read_bytes()
    start = data.draw(st.integers(0, len(content) - 1))
    end = data.draw(st.integers(start, min(start + 3, len(content))))
    changed = content[:start] + data.draw(st.binary(max_size=3)) + content[end:]
    paths[1].write_bytes(changed)
    try:
        differences = certificate.verify(*paths)
    except RecordError:
        differences = ["refused"]
    assert bool(differences) == (changed != content)


@often
@given(data=st.data())
def test_any_change_of_the_certificate_is_seen(tmp_path: Path, data: st.DataObject) -> None:
    paths = issue(tmp_path, GOOD)
    found = json.loads(paths[0].read_text())
    place, names = found, data.draw(st.sampled_from(list(leaves(found))))
    for name in names[:-1]:
        place = place[name]
    if isinstance(place, dict) and data.draw(st.booleans()):
        del place[names[-1]]
    else:
        was = json.dumps(place[names[-1]])
        values = st.sampled_from([None, True, False, 0, 1, 1.5, "x", [], {}])
        place[names[-1]] = data.draw(values.filter(lambda value: json.dumps(value) != was))
    paths[0].write_text(json.dumps(found))
    try:
        differences = certificate.verify(*paths)
    except certificate.CertificateError:
        assert names == ("format",)
    else:
        assert differences
        top = names[0]
        assert any(row.startswith(str(top)) for row in differences)


def leaves(value: Any, names: tuple[Any, ...] = ()) -> Any:
    """Names that lead to each value that is no object or list."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*names, name))
    else:
        yield names


def edited(old: str, new: str) -> Any:
    def change(content: str) -> str:
        assert old in content
        return content.replace(old, new)

    return change


def shuffled(content: str) -> str:
    lines = content.splitlines(keepends=True)
    inner = lines[1:-1]
    random.Random(1).shuffle(inner)
    assert inner != lines[1:-1]
    return "".join([lines[0], *inner, lines[-1]])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (shuffled, [r"record\.sha256: .*: lines reordered or edited, though every figure agrees"]),
        (edited('"requests": 3', '"requests": 4'), [r"record\.sha256: .*: lines reordered or edited"]),
        (edited('"a document', '"A document'), [r"record\.sha256: .*: lines reordered or edited"]),
        (
            edited('"seed": 0', '"seed": 7'),
            [r"run\.seed: the certificate says 0, the record says 7", "record.sha256: "],
        ),
        (edited("0123456789ab", "0123456789ac"), [r'run\.catalogue: the certificate says "0123456789ab", the record']),
        (
            edited('"model": "m"', '"model": "big"'),
            [r'subject\.model: the certificate says "m", the record says "big"'],
        ),
        (
            edited('"verdict": "not_offered"', '"verdict": "passed"'),
            [
                r"record: the footer counts .*; the result lines hold",
                r"counts\.by_verdict\.not_offered: ",
                r"verdict: ",
            ],
        ),
        (
            lambda content: "".join(content.splitlines(keepends=True)[:-1]),
            [r"record: there is no footer", r"record\.lines: .* 7, the record has 6: the record was cut", "verdict: "],
        ),
        (lambda content: content[:-30], ["record: the last line is cut off", "record: there is no footer"]),
        (
            lambda content: "".join(content.splitlines(keepends=True)[:2] + content.splitlines(keepends=True)[3:]),
            ["record: the footer counts", r"record\.lines: .*cut", r"counts\.rules: the certificate says 5, .* 4"],
        ),
        (
            lambda content: content.replace("\n", '\n{"kind": "note"}\n', 1),
            [r"record\.lines: .* 7, the record has 8: lines were added"],
        ),
        (lambda content: content.replace("\n", "\r\n"), [r"record\.sha256: .*: lines reordered or edited"]),
    ],
    ids="reordered figure wording seed catalogue model verdict footer tail line added endings".split(),  # noqa: SIM905
)
def test_what_differs_is_named(tmp_path: Path, change: Any, says: list[str]) -> None:
    paths = issue(tmp_path, GOOD)
    paths[1].write_bytes(change(paths[1].read_bytes().decode()).encode())
    found = certificate.verify(*paths)
    for pattern in says:
        assert any(re.match(pattern, row) for row in found), (pattern, found)


def test_a_claim_the_record_knows_nothing_of_is_a_difference(tmp_path: Path) -> None:
    paths = issue(tmp_path, GOOD)
    found = json.loads(paths[0].read_text())
    found["subject"]["award"] = "\x1b[1mgold"
    paths[0].write_text(json.dumps(found))
    assert certificate.verify(*paths) == [
        'subject.award: the certificate says "\\u001b[1mgold", the record says nothing of it'
    ]


def test_a_failed_run_is_certified_as_such(tmp_path: Path) -> None:
    paths = issue(tmp_path, BAD)
    found = json.loads(paths[0].read_text())
    assert (found["verdict"], found["broken"]) == ("non-conformant", ["n.type"])
    assert certificate.verify(*paths) == []


@pytest.mark.parametrize(
    ("lines", "verdict", "remark"),
    [
        (GOOD[:-1], "incomplete", "there is no footer"),
        (BAD[:-1], "non-conformant", "there is no footer"),
        ([*GOOD[:2], GOOD[-1]], "incomplete", "the footer counts"),
        ([*BAD[:-1], GOOD[-1]], "non-conformant", "the footer counts"),
        (draw.record(), "incomplete", "no rule was asked"),
        (draw.record(draw.result("a.b"), rules=683), "incomplete", "only 1 of the 683 rules"),
        (
            draw.record(draw.result("a.b", "splendid")),
            "incomplete",
            "verdicts that this version does not know: splendid",
        ),
        (draw.record(draw.result("a.b"), draw.result("c.d", "error")), "incomplete", ""),
        ([*BAD[:-1], {**BAD[-1], "verdict": "conformant"}], "non-conformant", ""),
        ([*GOOD[:-1], {**GOOD[-1], "verdict": "splendid"}], "incomplete", ""),
    ],
    ids="cut cut-red removed foreign-footer empty selection strange unasked red-lines strange-footer".split(),  # noqa: SIM905
)
def test_what_is_not_whole_is_never_conformant(
    tmp_path: Path, schema: Any, lines: list[draw.Line], verdict: str, remark: str
) -> None:
    paths = issue(tmp_path, lines)
    found = json.loads(paths[0].read_text())
    assert found["verdict"] == verdict
    assert any(remark in row for row in found["remarks"]) == bool(remark)
    assert list(schema.iter_errors(found)) == []
    assert bool(certificate.verify(*paths)) == bool(remark)


def test_an_older_record_lacks_members(tmp_path: Path, schema: Any) -> None:
    needed = ("kind", "format", "vintage", "endpoint", "model", "seed")
    header = {name: value for name, value in GOOD[0].items() if name in needed}
    paths = issue(tmp_path, [header, *GOOD[1:]])
    assert list(schema.iter_errors(json.loads(paths[0].read_text()))) == []
    assert certificate.verify(*paths) == []


def test_half_a_surrogate_pair_can_be_certified(tmp_path: Path) -> None:
    assert certificate.verify(*issue(tmp_path, draw.record(draw.result("a.b"), model="\ud800"))) == []


@pytest.mark.parametrize(
    ("change", "valid"),
    [({}, True), ({"remarks": ["x"]}, False), ({"broken": ["a.b"]}, False), ({"award": "gold"}, False)],
)
def test_the_schema_sees_contradictions(tmp_path: Path, schema: Any, change: dict[str, Any], valid: bool) -> None:
    assert schema.is_valid({**json.loads(issue(tmp_path, GOOD)[0].read_text()), **change}) == valid


def ask(*paths: Path) -> Result:
    return CliRunner().invoke(command, [str(path) for path in paths])


def test_the_command_agrees(tmp_path: Path) -> None:
    paths = issue(tmp_path, GOOD)
    for record in (paths[1], tmp_path):
        done = ask(paths[0], record)
        assert (done.exit_code, done.output) == (0, "the certificate agrees with the record: conformant\n")


def test_the_command_names_each_difference_on_a_line(tmp_path: Path) -> None:
    paths = issue(tmp_path, GOOD)
    draw.put(tmp_path, [{**GOOD[0], "seed": 3, "model": "\x1b[2J\u202e\n"}, *GOOD[1:]])
    done = ask(*paths)
    assert done.exit_code == 1
    rows = done.output.splitlines()
    assert [row.partition(":")[0] for row in rows] == ["record.sha256", "subject.model", "run.seed", "record.bytes"]
    assert all(row.isprintable() for row in rows)


@pytest.mark.parametrize("name", ["verdict", "record", "counts", "caveats"])
def test_a_certificate_without_a_part_differs(tmp_path: Path, name: str) -> None:
    paths = issue(tmp_path, GOOD)
    found = json.loads(paths[0].read_text())
    del found[name]
    paths[0].write_text(json.dumps(found))
    done = ask(*paths)
    assert (done.exit_code, done.output.partition(":")[0]) == (1, name)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "name a certificate.json"),
        ("", "no JSON document"),
        ("[1]", "this is no certificate"),
        ("{}", "this is no certificate"),
        ("[" * 100_000, "no JSON document"),
        ('{"format": "chatproof.certificate/1", "verdict": "conformant", "verdict": "x"}', "unique names"),
        ('{"format": "chatproof.certificate/2"}', 'the format is "chatproof.certificate/2", this version reads'),
        ('{"format": "\\u001b[2J"}', 'the format is "\\u001b[2J"'),
    ],
    ids="missing empty list object deep twice newer hostile".split(),  # noqa: SIM905
)
def test_an_unreadable_certificate_is_one_line(tmp_path: Path, content: str | None, says: str) -> None:
    paths = issue(tmp_path, GOOD)
    paths[0].unlink()
    if content is not None:
        paths[0].write_text(content)
    done = ask(*paths)
    assert done.exit_code == 2
    assert done.output.startswith("Error: ")
    assert says in done.output
    assert done.output.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"x", b"\x1b[2J\n\x00\n", b'{"kind": "header", "format": "\x7f"}\n'])
def test_an_unreadable_record_is_one_line(tmp_path: Path, content: bytes) -> None:
    paths = issue(tmp_path, GOOD)
    paths[1].write_bytes(content)
    done = ask(*paths)
    assert done.exit_code == 2
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1
    assert done.output.strip().isprintable()


def test_a_certificate_needs_the_bytes_of_its_record(tmp_path: Path) -> None:
    run = read(draw.put(tmp_path, GOOD))
    run.path.unlink()
    with pytest.raises(RecordError, match=r"name a run\.jsonl"):
        certificate.build(run)
