"""The badge: a small picture of the verdict that holds nothing of anybody else's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import record_strategies as draw
from chatproof.reports import badge
from chatproof.reports.reading import read
from hypothesis import HealthCheck, given, settings

SVG = "{http://www.w3.org/2000/svg}"


def picture(folder: Path, lines: list[draw.Line]) -> ET.Element:
    return ET.fromstring(badge.render(read(draw.put(folder, lines))))


PASS = [draw.result(f"a.b{number}") for number in range(3)]


@pytest.mark.parametrize(
    ("lines", "text", "colour"),
    [
        (draw.record(*PASS, draw.result("c.d", "info")), "conformant 4/4", "#1a7f37"),
        (draw.record(*PASS, draw.result("c.d", "not_offered")), "conformant 3/4", "#1a7f37"),
        (draw.record(*PASS, draw.result("c.d", "waived")), "conformant 3/4 (1 waived)", "#1a7f37"),
        (draw.record(*PASS, draw.result("c.d", "failed")), "non-conformant 3/4", "#b3261e"),
        (draw.record(*PASS, draw.result("c.d", "error")), "incomplete 3/4", "#6b5a00"),
        (draw.record(*PASS)[:-1], "incomplete 3/3", "#6b5a00"),
        (draw.record(), "incomplete 0/0", "#6b5a00"),
    ],
    ids=["all", "not-offered", "waived", "failed", "unasked", "cut", "empty"],
)
def test_the_verdict_is_drawn(tmp_path: Path, lines: list[draw.Line], text: str, colour: str) -> None:
    found = picture(tmp_path, lines)
    assert [node.text for node in found.iter(f"{SVG}text")] == ["chatproof", text]
    assert [node.text for node in found.iter(f"{SVG}title")] == [f"chatproof: {text}"]
    assert found.get("aria-label") == f"chatproof: {text}"
    assert found.get("role") == "img"
    assert [node.get("fill") for node in found.iter(f"{SVG}rect")][2] == colour


def test_letters_fit_and_longer_words_are_wider(tmp_path: Path) -> None:
    sizes: list[int] = []
    for lines in (draw.record(PASS[0]), draw.record(*PASS, draw.result("c.d", "waived"))):
        found = picture(tmp_path, lines)
        whole = int(found.get("width", ""))
        left, right = (int(node.get("textLength", "")) for node in found.iter(f"{SVG}text"))
        assert left + right + 20 == whole
        sizes.append(right)
    assert sizes[0] < sizes[1]
    text = "conformant 3/4 (1 waived)"
    assert 5 * len(text) < sizes[1] < 8 * len(text)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("verdict", ["conformant", "non-conformant", "incomplete"])
def test_white_letters_can_be_read(verdict: str) -> None:
    assert 1.05 / (luminance(badge.COLOURS[verdict]) + 0.05) > 4.5  # the bound of WCAG 2 for small text


@settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], max_examples=40
)
@given(lines=draw.records())
def test_nothing_foreign_is_drawn(tmp_path: Path, lines: list[draw.Line]) -> None:
    run = read(draw.put(tmp_path, lines))
    content = badge.write(run, tmp_path).read_bytes().decode("ascii")
    numbers = re.sub(r"\d+(\.\d+)?", "0", content)
    plain = {re.sub(r"\d+(\.\d+)?", "0", badge.render(read(draw.put(tmp_path, example)))) for example in EXAMPLES}
    assert numbers in plain


EXAMPLES = [
    draw.record(*PASS, *more)
    for more in (
        [],
        [draw.result("c.d", "waived")],
        [draw.result("c.d", "failed")],
        [draw.result("c.d", "failed"), draw.result("e.f", "waived")],
        [draw.result("c.d", "error")],
        [draw.result("c.d", "error"), draw.result("e.f", "waived")],
    )
]
