"""What the record strategies draw is what the published schema takes, and reaches every corner of it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
import record_strategies as draw
from hypothesis import HealthCheck, given, settings

jsonschema_rs: Any = pytest.importorskip("jsonschema_rs")

VALIDATOR = jsonschema_rs.Draft202012Validator(
    json.loads(files("chatproof.reports").joinpath("run.schema.json").read_text(encoding="utf-8"))
)

wide = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)


def faults(lines: list[draw.Line]) -> list[str]:
    return [str(error) for line in lines for error in VALIDATOR.iter_errors(line)]


@wide
@given(draw.records())
def test_records_are_valid(lines: list[draw.Line]) -> None:
    assert faults(lines) == []
    assert [json.loads(row) for row in draw.as_text(lines).splitlines()] == lines


@pytest.mark.parametrize("verdict", draw.VERDICTS)
def test_every_verdict_is_valid(verdict: str) -> None:
    @settings(max_examples=10, deadline=None, database=None)
    @given(draw.results(verdict=verdict))
    def check(line: draw.Line) -> None:
        assert line["verdict"] == verdict
        assert faults([line]) == []

    check()


@pytest.mark.parametrize("verdict", draw.VERDICTS)
def test_plain_lines_are_valid(verdict: str) -> None:
    assert faults(draw.record(draw.result("a.b", verdict))) == []
