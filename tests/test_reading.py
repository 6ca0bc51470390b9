"""The reader of run records: what the writer wrote comes back, and whatever else gets one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.reports.jsonl import Writer
from chatproof.reports.reading import RecordError, Run, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

often = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=40
)
PLAIN = draw.record(draw.result("a.b"), draw.result("c.d", "failed"), draw.result("e.f", "info"))
CONTENT = draw.as_text(PLAIN).encode()


def check_line(says: str, path: Path) -> None:
    """One line that names the file and, after a semicolon, the mend."""
    assert "\n" not in says
    assert says.startswith(f"{path}: ")
    assert ";" in says


def read_or_refuse(path: Path, content: bytes) -> Run | None:
    """What the reader makes of bytes: a run whose parts can be used, or None after one line that names the file."""
    path.write_bytes(content)
    try:
        run = read(path)
    except RecordError as error:
        check_line(str(error), path)
        return None
    assert set(run.by_rule) == {line["rule"] for line in run.results}
    assert sum(run.counts.values()) == len(run.results)
    assert run.footer is not None or run.remarks
    assert isinstance(run.verdict, str)
    return run


@often
@given(draw.records())
def test_what_was_written_is_read(tmp_path: Path, lines: list[draw.Line]) -> None:
    with Writer(tmp_path) as writer:
        for line in lines:
            writer.write(line)
    run = read(tmp_path)
    assert [run.header, *run.results, run.footer] == lines
    assert run.remarks == ()
    assert run.verdict == lines[-1]["verdict"]
    assert run == read(writer.path)


@often
@given(st.data())
def test_any_cut_reads_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    lines = data.draw(draw.records(most=3))
    content = draw.as_text(lines).encode()
    length = data.draw(st.integers(0, len(content) - 2))
    run = read_or_refuse(tmp_path / "run.jsonl", content[:length])
    first = len(draw.as_text(lines[:1])) - 1
    assert (run is None) == (length < first)
    if run is not None:
        assert run.footer is None
        assert run.remarks
        assert run.verdict != "conformant"
        assert list(run.results) == lines[1 : 1 + len(run.results)]


def test_every_cut_of_a_plain_record(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    for length in range(0, len(CONTENT), 3):
        run = read_or_refuse(path, CONTENT[:length])
        assert run is None or length >= len(CONTENT) - 1 or run.footer is None


@often
@given(st.data())
def test_any_change_of_bytes_reads_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 3))
        content[start:end] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"\n", b"{", b"9", b"}"]))
        )
    read_or_refuse(tmp_path / "run.jsonl", bytes(content))


VALUES: st.SearchStrategy[Any] = st.sampled_from([None, True, 1, -0.5, "", "x", [], [1], {}, {"a": 1}])


@settings(often, max_examples=200)
@given(st.data())
def test_any_change_of_values_reads_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    lines: list[Any] = json.loads(json.dumps(PLAIN))
    line = data.draw(st.sampled_from(lines))
    place = line["finding"] if "finding" in line and data.draw(st.booleans()) else line
    name = data.draw(st.sampled_from(sorted(place)))
    if data.draw(st.booleans()):
        place[name] = data.draw(VALUES)
    else:
        del place[name]
    read_or_refuse(tmp_path / "run.jsonl", draw.as_text(lines).encode())


def test_unknown_members_and_lines_are_kept_or_passed_over(tmp_path: Path) -> None:
    lines = [{**line, "new": {"x": [1]}} for line in PLAIN]
    run = read(draw.put(tmp_path, [lines[0], {"kind": "weather", "sky": "blue"}, *lines[1:]]))
    assert run.header["new"] == {"x": [1]}
    assert len(run.results) == 3
    assert run.footer is not None
    assert run.remarks == ()


def test_a_cut_last_line_is_a_remark(tmp_path: Path) -> None:
    run = read_or_refuse(tmp_path / "run.jsonl", CONTENT[:-20])
    assert run is not None
    assert [remark.partition(":")[0] for remark in run.remarks] == ["the last line is cut off", "there is no footer"]
    assert run.verdict == "non-conformant"


def test_of_two_lines_the_later_one_counts(tmp_path: Path) -> None:
    run = read(draw.put(tmp_path, [PLAIN[0], draw.result("a.b"), draw.result("a.b", "error"), *PLAIN[2:]]))
    assert run.by_rule["a.b"]["verdict"] == "error"
    assert len(run.results) == 3


def test_separators_inside_a_text_end_no_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lines = draw.record(draw.result("a.b", title="one\u2028two\x85three"), model="m\u2029n")
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    assert read(path).by_rule["a.b"]["title"] == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\n", "no header"),
        (b"hello\n", "no header"),
        (b"[]\n", "no header"),
        (b"<html>\n<body>\n", "line 1 is no JSON object"),
        (b"\xff\xfe\x00\n{}\n", "line 1 is no JSON object"),
        (b'{"kind": "result"}\n', "the first line is no header"),
        (
            CONTENT.replace(b"chatproof.run/1", b"chatproof.run/2"),
            "the format is 'chatproof.run/2', this version reads",
        ),
        (CONTENT.replace(b"\n", b"\n\n", 1), "line 2 is no JSON object"),
        (CONTENT.replace(b'"verdict": "passed"', b'"verdict": passed'), "line 2 is no JSON object"),
        (CONTENT.replace(b'"rule": "a.b"', b'"rool": "a.b"'), "line 2: a result without"),
        (CONTENT.replace(b'"rule": "a.b"', b'"rule": ["a.b"]'), "line 2: a result without"),
        (CONTENT.replace(b'"finding": {', b'"finding": 1, "x": {'), "line 3: a 'finding' that is no object"),
        (CONTENT.replace(b'"symptom"', b'"sympton"'), "line 3: a finding without"),
        (CONTENT.replace(b'"counts"', b'"count"'), "line 5: a footer without"),
        (CONTENT + CONTENT, "line 6 is a second header"),
        (b"[" * 100_000 + b"\n" + CONTENT, "line 1 is no JSON object"),
        (CONTENT.replace(b'"seed": 0', b'"seed": ' + b"9" * 5000), "line 1 is no JSON object"),
    ],
    ids=lambda value: value.replace(" ", "-")[:40] if isinstance(value, str) else "",
)
def test_what_is_no_record_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "run.jsonl"
    assert read_or_refuse(path, content) is None
    with pytest.raises(RecordError) as caught:
        read(path)
    assert says in str(caught.value)


@pytest.mark.parametrize("place", ["nothing.jsonl", ".", "a/b"])
def test_a_place_without_a_record(tmp_path: Path, place: str) -> None:
    with pytest.raises(RecordError, match=r"name a run\.jsonl or the folder that holds one") as caught:
        read(tmp_path / place)
    assert "\n" not in str(caught.value)
