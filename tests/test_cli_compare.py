"""``chatproof compare`` and ``chatproof matrix``: forms, files, exit codes, and one line for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chatproof.conformance.cli.compare import compare
from chatproof.conformance.cli.matrix import matrix
from click.testing import CliRunner

HEADER = {
    "kind": "header",
    "format": "chatproof.run/1",
    "vintage": "2024-11",
    "endpoint": "http://127.0.0.1:1/v1",
    "model": "m",
    "seed": 0,
}
FOOTER = {"kind": "footer", "counts": {}, "verdict": "conformant", "requests": 1, "seconds": 1.0}


def record(folder: Path, verdict: str, **more: object) -> str:
    """A record of one rule in a folder of its own; returns the folder."""
    line: dict[str, object] = {
        "kind": "result",
        "rule": "n.max.refuses",
        "chapter": "limits",
        "property": "n",
        "title": "refuses it",
        "strength": "must",
        "verdict": verdict,
    }
    if verdict == "failed":
        line["finding"] = {"symptom": "accepted_invalid", "why": "it was accepted", "status": 200, "curl": "curl"}
    folder.mkdir()
    rows = [HEADER, line | more, FOOTER]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(folder)


@pytest.fixture
def old(tmp_path: Path) -> str:
    return record(tmp_path / "old", "passed")


@pytest.fixture
def new(tmp_path: Path) -> str:
    return record(tmp_path / "new", "failed")


def test_text_is_the_default(old: str, new: str) -> None:
    done = CliRunner().invoke(compare, [old, new])
    assert done.exit_code == 0
    assert done.stdout.startswith("1 regression")
    assert "n.max.refuses" in done.stdout


def test_exit_code_of_a_regression(old: str, new: str) -> None:
    assert CliRunner().invoke(compare, [old, new, "--fail-on-regression"]).exit_code == 1
    assert CliRunner().invoke(compare, [new, old, "--fail-on-regression"]).exit_code == 0
    assert CliRunner().invoke(compare, [new, new, "--fail-on-regression"]).exit_code == 0


@pytest.mark.parametrize(
    ("name", "start"), [("c.html", "<!doctype html>"), ("c.md", "## 1 regression"), ("c.json", "{"), ("c", "1 regr")]
)
def test_the_name_of_the_file_chooses_the_form(old: str, new: str, tmp_path: Path, name: str, start: str) -> None:
    done = CliRunner().invoke(compare, [old, new, "-o", str(tmp_path / name)])
    assert (done.exit_code, done.output) == (0, "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)


def test_a_given_form_wins(old: str, new: str, tmp_path: Path) -> None:
    place = tmp_path / "c.html"
    assert CliRunner().invoke(compare, [old, new, "--format", "json", "-o", str(place)]).exit_code == 0
    assert json.loads(place.read_text(encoding="utf-8"))["regressions"] == ["n.max.refuses"]


def test_matrix_names_and_forms(old: str, new: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(matrix, [f"before={old}", new])
    assert done.exit_code == 0
    assert "| `before` |" in done.stdout
    assert "`m@http://127.0.0.1:1/v1`" in done.stdout
    (Path(new) / "report.html").write_text("<title>a report</title>", encoding="utf-8")
    place = tmp_path / "m.html"
    assert CliRunner().invoke(matrix, [old, f"after={new}", "-o", str(place)]).exit_code == 0
    assert '<a href="./new/report.html#n.max.refuses">' in place.read_text(encoding="utf-8")


def test_a_path_with_a_sign_is_a_path(tmp_path: Path) -> None:
    place = record(tmp_path / "depth=smoke", "passed")
    done = CliRunner().invoke(matrix, [place])
    assert "`m@http://127.0.0.1:1/v1`" in done.stdout


def test_what_cannot_be_read_is_one_line(old: str, tmp_path: Path) -> None:
    edited = record(tmp_path / "edited", "passed", title=["x"])
    listed = record(tmp_path / "listed", "passed", rule=["x"])
    (tmp_path / "empty").write_text("", encoding="utf-8")
    for place in ("nowhere", edited, listed, str(tmp_path / "empty")):
        for done in (CliRunner().invoke(compare, [old, place]), CliRunner().invoke(matrix, [old, place])):
            assert done.exit_code == 2
            assert done.stdout == ""
            assert done.stderr.startswith("Error: ")
            assert Path(place).name in done.stderr
            assert done.stderr.count("\n") == 1


def test_what_cannot_be_written_is_one_line(old: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(compare, [old, old, "-o", str(tmp_path / "no" / "c.md")])
    assert done.exit_code == 2
    assert "name a file in a folder that is there" in done.stderr
    assert done.stderr.count("\n") == 1
