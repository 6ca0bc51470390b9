"""``chatproof probe``: what it drafts can be used as it is, and says what was seen; no record writes into a draft."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
import record_strategies as draw
from chatproof.conformance import profile as files
from chatproof.conformance.catalogue import load
from chatproof.conformance.claims import MEASURES
from chatproof.conformance.cli.probe import BOUNDS, draft, probe, quoted
from chatproof.conformance.depths import Settings
from chatproof.reports.reading import read
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutants.relations_common import refused_when
from serving import asked, served

TODAY = date(2026, 6, 1)


def test_a_draft_is_a_profile(tmp_path: Path) -> None:
    server = refused_when(lambda body: "tools" in body or (body.get("n") or 1) > 8)
    output = tmp_path / "drafted.toml"
    with served(server) as url:
        done = CliRunner().invoke(probe, [url, "-o", str(output)])
        assert done.exit_code == 0, done.output
        found = files.load(output)
        lines = asked(url, Settings(depth="smoke"), found, ["gate.logprobs", "gate.tools", "temperature.max.accepts"])
    text = output.read_text(encoding="utf-8")
    gates = {gate.capability for gate in load().gates}
    assert "tools" not in found.claims
    assert {"logprobs", "streaming", "json_schema"} <= set(found.claims) <= gates
    assert "# refused: tools: refused: 400" in text
    assert "# n = ?  (128 was refused)" in text
    assert '# rule = "n.max.accepts"' in text
    assert found.waivers.entries == ()
    assert found.token_bound == "max_tokens"
    assert found.models == {"chat": "chatproof-reference"}
    assert {line["verdict"] for line in lines.values()} == {"passed", "not_offered"}


def test_every_marked_waiver_of_a_draft_is_one(tmp_path: Path) -> None:
    lines = draw.record(draw.result("n.max.accepts", "failed", symptom="refused_valid"))
    text = draft(read(draw.put(tmp_path, lines)), "none", "required", TODAY)
    said = tomllib.loads(text)
    assert said["key"] == "required"
    assert said["request"]["token_bound"] == "none"
    rows = [row[2:] for row in text.splitlines() if row.startswith("# ") and " = " in row]
    whole = "\n".join(row for row in rows if row.startswith(("rule", "symptom", "reason", "owner", "expires")))
    assert tomllib.loads(whole)["rule"] == "n.max.accepts"
    assert "# n = ?  (128 was refused)" in text


def test_it_overwrites_nothing_and_names_what_cannot_be_asked(tmp_path: Path) -> None:
    there = tmp_path / "there.toml"
    there.write_text("")
    done = CliRunner().invoke(probe, ["http://127.0.0.1:9/v1", "-o", str(there)])
    assert done.exit_code == 2
    assert "is there already" in done.output
    done = CliRunner().invoke(probe, ["http://127.0.0.1:9/v1"])
    assert done.exit_code == 6
    assert "nothing listens" in done.output


def test_the_bounds_are_known() -> None:
    assert set(BOUNDS) <= set(load().by_id)
    assert {name for name, _ in BOUNDS.values()} <= set(MEASURES)


@given(st.text())
def test_any_text_is_quoted(text: str) -> None:
    found = quoted(text)
    assert "\n" not in found
    assert tomllib.loads(f"a = {found}")["a"] == text.encode("utf-8", "replace").decode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(st.data())
def test_no_record_writes_into_a_draft(tmp_path: Path, data: st.DataObject) -> None:
    lines = data.draw(draw.records())
    text = draft(read(draw.put(tmp_path, lines)), "max_tokens", "", TODAY)
    said = tomllib.loads(text)
    assert set(said) <= {"title", "vintage", "capabilities", "models", "request"}
    assert said["models"] == {"chat": lines[0]["model"].encode("utf-8", "replace").decode()}


@pytest.mark.slow
def test_a_key_that_is_needed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatproof.conformance.reference.behaviour import Reference

    monkeypatch.setenv("CHATPROOF_TEST_KEY", "sk-0123456789")
    with served(Reference(api_key="sk-0123456789")) as url:
        done = CliRunner().invoke(probe, [url, "--api-key-env", "CHATPROOF_TEST_KEY"])
    assert done.exit_code == 0, done.output
    assert 'key = "required"' in done.output
    assert "sk-0123456789" not in done.output
