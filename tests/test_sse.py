"""The reader of event streams: reads what the standard allows, and hides no fault of framing."""

from __future__ import annotations

import json

import pytest
from chatproof.conformance.sse import DEEPEST, NOT_JSON, Stream, parse, read_json
from hypothesis import given
from hypothesis import strategies as st

ONE, TWO = {"id": "a"}, {"id": "b", "text": "naïve\u2028🙂"}
TEXT = f"data: {json.dumps(ONE)}\n\ndata: {json.dumps(TWO, ensure_ascii=False)}\n\ndata: [DONE]\n\n"


def seen(stream: Stream) -> tuple[object, ...]:
    return stream.chunks, stream.finished, stream.stray, stream.rest, stream.decodes


USUAL = ([ONE, TWO], True, (), "", True)


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("data: ", "data:"),
        "\ufeff" + TEXT,
        ": warm-up\n\n" + TEXT.replace("\n\n", "\n\n:\n: still here\n\n") + ": bye",
        TEXT.replace("data:", "event: message\nid: 7\nretry: 10\ndata:"),
        "\n\n" + TEXT.replace("\n\n", "\n\n\n\n"),
        "event: ping\n\n" + TEXT,
        TEXT.replace('{"id": "a"}', '{\ndata: "id":\ndata: "a"}'),
    ],
)
def test_what_the_standard_allows_is_read(content: str) -> None:
    assert seen(parse(content.encode())) == USUAL


def test_events_without_data_are_counted_and_dropped() -> None:
    stream = parse(b"retry: 3000\n\n: hi\n\nid: 1\n\ndata: {}\n\n: hi\n\n")
    assert (len(stream.events), stream.dataless, stream.comments) == (1, 3, 2)


def test_fields_and_comments_are_kept() -> None:
    stream = parse(b": one\n: two\nevent: x\nid: 1\ndata: {}\n\n")
    assert stream.comments == 2
    assert stream.events[0].fields == (("event", "x"), ("id", "1"))


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_last_blank_line_is_missed(ending: str) -> None:
    stream = parse((TEXT.rstrip() + ending).encode())
    assert stream.rest == "[DONE]"
    assert len(stream.events) == 2
    assert stream.finished
    assert stream.chunks == [ONE, TWO]


def test_a_chunk_that_nothing_ends_is_still_seen() -> None:
    stream = parse(b'data: {"id": "a"}\n\ndata: {"id"')
    assert (stream.chunks, stream.rest, stream.finished) == ([ONE], '{"id"', False)
    assert parse(b'data: {"id": "a"}').chunks == [ONE]


def test_missing_blank_lines_do_not_hide_the_chunks() -> None:
    stream = parse(TEXT.replace("\n\n", "\n").encode() + b"\n")
    assert len(stream.events) == 1
    assert stream.events[0].json is NOT_JSON
    assert (stream.chunks, stream.finished) == ([ONE, TWO], True)


def test_lines_of_no_field_are_stray() -> None:
    stream = parse(b'{"id": "a"}\nData: {}\n data: {}\ndata : {}\n\ndata\n\n')
    assert stream.stray == ('{"id": "a"}', "Data: {}", " data: {}", "data : {}")
    assert [event.data for event in stream.events] == [""]


def test_invalid_utf8_is_told_and_read_past() -> None:
    stream = parse(b'data: {"id": "\xff"}\n\ndata: [DONE]\n\n')
    assert not stream.decodes
    assert stream.chunks == [{"id": "\ufffd"}]
    assert stream.finished


DEEPER = "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)


@pytest.mark.parametrize(
    "data",
    [
        "[" * DEEPEST + "]" * DEEPEST,
        '{"a": ' * DEEPEST + "7" + "}" * DEEPEST,
        "[" + "[]," * 999 + "[]]",
        '"' + "[" * 999 + '"',
    ],
)
def test_what_is_not_too_deep_is_read(data: str) -> None:
    """Python from 3.12 on would read more than a walk over it could bear."""
    assert read_json(data) == read_json(data.encode()) != NOT_JSON


@pytest.mark.parametrize(
    "data", [DEEPER, "", "NaN", '{"a": NaN}', '{"a": -Infinity}', "{} {}", "{", "[done]", "[" * 100_000]
)
def test_what_is_not_json(data: str) -> None:
    stream = parse(f"data: {data}\n\n".encode())
    assert stream.events[0].json is NOT_JSON
    assert stream.chunks == []
    assert not stream.finished


def test_only_one_space_after_the_colon_goes() -> None:
    assert parse(b"data:  [DONE]\n\n").events[0].data == " [DONE]"


def test_the_end_marker_ends_the_chunks() -> None:
    stream = parse(b'data: {"id": "a"}\n\ndata: [DONE]\n\ndata: {"id": "late"}\n\ndata: [DONE]\n\n')
    assert stream.chunks == [ONE]
    assert [event.done for event in stream.messages] == [False, True, False, True]


def test_errors_are_no_chunks() -> None:
    stream = parse(b'data: {"error": null, "id": "a"}\n\ndata: {"error": {"message": "x"}}\n\n')
    assert stream.chunks == [{"error": None, "id": "a"}]
    assert stream.failed


@given(st.binary())
def test_any_bytes_are_read(content: bytes) -> None:
    stream = parse(content)
    assert stream.finished in (True, False)
    assert isinstance(stream.chunks, list)


_LINES = ["data: {}", "data:[DONE]", "data: 1", "data", "", "", ":c", "event: x", "zzz", 'data: {"error": 1}']


@given(st.lists(st.sampled_from(_LINES)))
def test_the_three_line_ends_are_one(lines: list[str]) -> None:
    views = [parse(end.join(lines).encode()) for end in ("\n", "\r\n", "\r")]
    assert views[0] == views[1] == views[2]
