"""The SARIF report: what the format and code scanning ask for, stable marks, and only text from the server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.reports import sarif
from chatproof.reports.reading import read
from hypothesis import HealthCheck, given, settings

jsonschema_rs: Any = pytest.importorskip("jsonschema_rs")

TEXT = {"type": "string"}
NAME = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["note", "warning", "error"]}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with these members and no others."""
    members = {**required, **(optional or {})}
    return {"type": "object", "required": list(required), "properties": members, "additionalProperties": False}


def listed(items: dict[str, Any], **bounds: int) -> dict[str, Any]:
    return {"type": "array", "items": items, **bounds}


MESSAGE = closed({"text": TEXT})
STRINGS = {"type": "object", "additionalProperties": TEXT}
BODY = closed({"text": {"type": "string"}})
RULE = closed(
    {
        "id": NAME,
        "shortDescription": MESSAGE,
        "fullDescription": MESSAGE,
        "help": closed({"text": TEXT, "markdown": NAME}),
        "defaultConfiguration": closed({"level": LEVEL}),
        "properties": closed(
            {
                "strength": {"enum": ["must", "should", "may"]},
                "chapter": TEXT,
                "property": TEXT,
                "tags": {"type": "array", "items": NAME, "uniqueItems": True},
            }
        ),
    }
)
RESULT = closed(
    {
        "ruleId": NAME,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "kind": {"const": "fail"},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": listed(
            closed(
                {
                    "physicalLocation": closed(
                        {
                            "artifactLocation": closed({"uri": {"const": "conformance/endpoint"}}),
                            "region": closed({"startLine": {"const": 1}}),
                        }
                    )
                }
            ),
            minItems=1,
            maxItems=1,
        ),
        "partialFingerprints": {**STRINGS, "required": ["primaryLocationLineHash"]},
        "suppressions": listed(
            closed(
                {"kind": {"enum": ["inSource", "external"]}},
                {"status": {"const": "accepted"}, "justification": NAME, "properties": STRINGS},
            ),
            maxItems=1,
        ),
        "webRequest": closed({"method": NAME, "target": {"type": "string", "pattern": "^https?://"}, "body": BODY}),
        "webResponse": {
            "oneOf": [
                closed({"statusCode": {"type": "integer"}, "body": BODY}),
                closed({"noResponseReceived": {"const": True}}),
            ]
        },
        "properties": STRINGS,
    }
)
SUBSET = closed(
    {
        "$schema": {"type": "string", "pattern": r"/sarif-schema-2\.1\.0\.json$"},
        "version": {"const": "2.1.0"},
        "runs": listed(
            closed(
                {
                    "tool": closed(
                        {
                            "driver": closed(
                                {
                                    "name": {"const": "chatproof"},
                                    "version": NAME,
                                    "rules": {**listed(RULE), "uniqueItems": True},
                                }
                            )
                        }
                    ),
                    "automationDetails": closed(
                        {"id": {"type": "string", "pattern": "^chatproof(/[A-Za-z0-9._:+-]+){4}$"}}
                    ),
                    "invocations": listed(
                        closed(
                            {
                                "executionSuccessful": {"type": "boolean"},
                                "toolExecutionNotifications": listed(closed({"level": LEVEL, "message": MESSAGE})),
                            },
                            {"startTimeUtc": TIME, "endTimeUtc": TIME, "commandLine": TEXT},
                        ),
                        minItems=1,
                    ),
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": listed(RESULT),
                    "properties": {"type": "object"},
                }
            ),
            minItems=1,
            maxItems=1,
        ),
    }
)
"""The part of SARIF 2.1.0 that the report uses, closed, so that a member outside it is seen."""

VALIDATOR = jsonschema_rs.Draft202012Validator(SUBSET)

MIXED = draw.record(
    draw.result("gate.n"),
    draw.result("n.max", "failed", symptom="crashed", status=500),
    draw.result("n.min", "inconsistent", strength="should"),
    draw.result("user.x", "warning"),
    draw.result("seed.x", "waived", waiver={"reason": "slow disk", "owner": "bob", "expires": "2030-01-01"}),
    draw.result("seed.y", "waived", strength="should"),
    draw.result("top.x", "info"),
)


def report(folder: Path, lines: list[draw.Line]) -> dict[str, Any]:
    return sarif.render(read(draw.put(folder, lines)))


def results(folder: Path, lines: list[draw.Line]) -> dict[str, dict[str, Any]]:
    return {result["ruleId"]: result for result in report(folder, lines)["runs"][0]["results"]}


@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=40
)
@given(lines=draw.records())
def test_any_record_makes_a_valid_report(tmp_path: Path, lines: list[draw.Line]) -> None:
    found = report(tmp_path, lines)
    assert [str(error) for error in VALIDATOR.iter_errors(found)] == []
    [run] = found["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [line["rule"] for line in lines[1:-1]]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert len(run["results"]) == sum(line["verdict"] in draw.WITH_FINDING for line in lines[1:-1])
    assert json.loads(json.dumps(found)) == found
    for message in (text for text in texts(found) if "](" in text):
        pytest.fail(f"a link in {message!r}")


def texts(value: Any) -> list[str]:
    """Every plain text message below a value."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if not isinstance(value, dict):
        return []
    own = [value["text"]] if isinstance(value.get("text"), str) else []
    return own + [text for name, item in value.items() if not name.startswith("web") for text in texts(item)]


def test_verdicts_have_their_levels(tmp_path: Path) -> None:
    found = results(tmp_path, MIXED)
    assert {rule: (result["level"], len(result["suppressions"])) for rule, result in found.items()} == {
        "n.max": ("error", 0),
        "n.min": ("error", 0),
        "user.x": ("warning", 0),
        "seed.x": ("error", 1),
        "seed.y": ("warning", 1),
    }
    assert found["seed.x"]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "slow disk",
            "properties": {"owner": "bob", "expires": "2030-01-01"},
        }
    ]


def test_a_result_tells_the_whole_story(tmp_path: Path) -> None:
    found = results(tmp_path, MIXED)["n.max"]
    assert found["message"]["text"] == (
        "n.max: crashed: n.max does not hold (expected: the server refuses nonsense; seen 2/2 times)"
    )
    assert found["webRequest"] == {
        "method": "POST",
        "target": "http://127.0.0.1:1/v1/chat/completions",
        "body": {"text": "{}"},
    }
    assert found["webResponse"] == {"statusCode": 500, "body": {"text": "{}"}}
    assert found["properties"]["curl"].startswith("curl ")


def test_no_answer_is_said(tmp_path: Path) -> None:
    lines = draw.record(draw.result("a.b", "failed", symptom="hung", status=None, trouble="timeout", response=None))
    assert results(tmp_path, lines)["a.b"]["webResponse"] == {"noResponseReceived": True}


def test_a_rule_is_described(tmp_path: Path) -> None:
    rule = report(tmp_path, MIXED)["runs"][0]["tool"]["driver"]["rules"][3]
    assert rule["shortDescription"]["text"] == "The server refuses nonsense"
    assert rule["defaultConfiguration"] == {"level": "warning"}
    assert rule["properties"] == {
        "strength": "should",
        "chapter": "user",
        "property": "n",
        "tags": ["chatproof", "user", "should"],
    }


def marks(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {rule: result["partialFingerprints"]["primaryLocationLineHash"] for rule, result in found.items()}


def test_marks_depend_on_rule_and_symptom_only(tmp_path: Path) -> None:
    first = marks(results(tmp_path, MIXED))
    assert len(set(first.values())) == len(first)
    assert all(re.fullmatch(r"[0-9a-f]{16}:1", mark) for mark in first.values())
    other = draw.record(
        draw.result("n.max", "inconsistent", symptom="crashed", status=502, why="other words", title="refuses other"),
        draw.result("user.x", "warning", symptom="hung"),
        started="2027-02-02T00:00:00+00:00",
    )
    second = marks(results(tmp_path, other))
    assert second["n.max"] == first["n.max"] == "6af680739a29c32d:1"
    assert second["user.x"] != first["user.x"]


def test_runs_of_one_subject_share_a_category(tmp_path: Path) -> None:
    def category(**changed: object) -> str:
        lines = draw.record(draw.result("a.b"), **changed)
        return report(tmp_path, lines)["runs"][0]["automationDetails"]["id"].rpartition("/")[0]

    assert category() == category(started="2027-02-02T00:00:00+00:00", seed=3) == "chatproof/2024-11/auto/m"
    assert category(model="a/b c") == "chatproof/2024-11/auto/a-b-c"


@pytest.mark.parametrize(
    ("lines", "well", "says"),
    [
        (MIXED, True, []),
        (MIXED[:-1], False, ["there is no footer: the run did not come to its end"]),
        (draw.record(draw.result("a.b"), draw.result("c.d", "error", note="gone")), False, ["gone"]),
    ],
    ids=["whole", "cut", "unasked"],
)
def test_a_run_that_did_not_end_well_says_so(
    tmp_path: Path, lines: list[draw.Line], well: bool, says: list[str]
) -> None:
    [invocation] = report(tmp_path, lines)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is well
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]] == says


def test_times_and_command(tmp_path: Path) -> None:
    lines = draw.record(draw.result("a.b"), command="pytest --endpoint http://127.0.0.1:1/v1")
    [invocation] = report(tmp_path, lines)["runs"][0]["invocations"]
    assert invocation["startTimeUtc"] == "2026-01-01T00:00:00Z"
    assert invocation["endTimeUtc"] == "2026-01-01T00:00:02Z"
    assert invocation["commandLine"] == "pytest --endpoint http://127.0.0.1:1/v1"


def test_the_file_holds_no_half_of_a_surrogate_pair(tmp_path: Path) -> None:
    finding = {"why": "\ud800", "curl": "curl \udfff", "response": {"content_type": None, "body": "\udc00"}}
    lines = draw.record(draw.result("a.b", "failed", **finding), model="\ud83d")
    path = sarif.write(read(draw.put(tmp_path, lines)), tmp_path)
    assert path.name == "report.sarif"
    assert json.dumps(json.loads(path.read_bytes()), ensure_ascii=False).encode()
