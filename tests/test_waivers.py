"""What a waiver does to a line, and to nothing else, and what is remarked of it."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.conformance.waiver_file import load
from chatproof.conformance.waivers import WAIVABLE, Waiver, Waivers, restored
from hypothesis import given
from hypothesis import strategies as st
from test_waiver_files import KNOWN, TODAY, entry, often, put


def waiver(number: int = 1, **changed: Any) -> Waiver:
    plain = {"rule": "n.x", "reason": "r", "owner": "o", "expires": TODAY, "symptom": "hung"}
    return Waiver(number, **{**plain, **changed})


def applied(line: draw.Line, *entries: Waiver, model: str = "m", today: date = TODAY) -> draw.Line:
    return Waivers(entries).apply(line, model, "2024-11", today)


def said(lines: list[draw.Line], *entries: Waiver, model: str = "m", today: date = TODAY) -> list[str]:
    """The remarks, which are the same before and after the waivers are applied."""
    waivers = Waivers(entries)
    found = waivers.remarks(lines, model, "2024-11", today)
    after = [waivers.apply(line, model, "2024-11", today) for line in lines]
    assert waivers.remarks(after, model, "2024-11", today) == found
    return found


HUNG = draw.result("n.x", "failed", symptom="hung", why="no answer: got 504")


@pytest.mark.parametrize("verdict", WAIVABLE)
def test_a_finding_is_waived(verdict: str) -> None:
    line = draw.result("n.x", verdict, symptom="hung")
    told = {"rule": "n.x", "symptom": "hung", "reason": "r", "owner": "o", "expires": "2026-06-01"}
    finding = {**line["finding"], "waiver": told}
    assert applied(line, waiver()) == {**line, "verdict": "waived", "finding": finding}
    assert "waiver" not in line["finding"]


def test_a_pattern_is_told() -> None:
    told = applied(HUNG, waiver(symptom="", pattern="got 50[34]$"))["finding"]["waiver"]
    assert told == {
        "rule": "n.x",
        "symptom": None,
        "pattern": "got 50[34]$",
        "reason": "r",
        "owner": "o",
        "expires": "2026-06-01",
    }


FITS = {
    "symptom": (waiver(), True),
    "other symptom": (waiver(symptom="crashed"), False),
    "pattern": (waiver(symptom="", pattern="got 5.."), True),
    "other pattern": (waiver(symptom="", pattern="got 4.."), False),
    "both": (waiver(pattern="got 5.."), True),
    "one of both": (waiver(pattern="got 4.."), False),
    "other of both": (waiver(symptom="crashed", pattern="got 5.."), False),
    "star": (waiver(rule="n.*"), True),
    "star in front": (waiver(rule="*.x"), True),
    "star for nothing": (waiver(rule="n.x*"), True),
    "star elsewhere": (waiver(rule="m.*"), False),
    "part of the id": (waiver(rule="n"), False),
    "a dot is a dot": (waiver(rule="*n?x"), False),
    "the end is no part of the beginning": (waiver(rule="n.x*x"), False),
    "two dots": (waiver(rule="*.*.*"), False),
    "model": (waiver(model="gpt-*"), True),
    "other model": (waiver(model="gpt"), False),
    "vintage": (waiver(vintage="2024-*"), True),
    "other vintage": (waiver(vintage="2026-08"), False),
    "last day": (waiver(expires=TODAY), True),
    "day after": (waiver(expires=TODAY - timedelta(1)), False),
}


@pytest.mark.parametrize(("entry", "fits"), FITS.values(), ids=FITS)
def test_what_fits(entry: Waiver, fits: bool) -> None:
    assert (applied(HUNG, entry, model="gpt-4")["verdict"] == "waived") is fits


def test_the_first_that_holds_is_told() -> None:
    entries = (
        waiver(1, expires=TODAY - timedelta(1), reason="expired"),
        waiver(2, symptom="crashed", reason="otherwise"),
        waiver(3, reason="this"),
        waiver(4, rule="n.*", reason="late"),
    )
    assert applied(HUNG, *entries)["finding"]["waiver"]["reason"] == "this"


def entries() -> st.SearchStrategy[Waiver]:
    """Waivers that often meet a drawn line. Shrinks towards a plain one."""
    rules = ("a.a", "a.*", "*.a", "gate.*", "*.refuses", "n.type.refuses", "*max*", "x*y")
    days = st.integers(-2, 2).map(lambda days: TODAY + timedelta(days))
    return st.builds(
        waiver,
        st.just(1),
        rule=st.sampled_from(rules) | draw.rule_ids(),
        symptom=st.sampled_from(["", *draw.SYMPTOMS]),
        pattern=st.sampled_from(["", "", ".", "^0", "[a-z]"]),
        expires=days,
        model=st.sampled_from(["*", "m", "*m", "x"]),
        vintage=st.sampled_from(["*", "2024-11", "2026-*"]),
        reason=draw.words(1),
    ).filter(lambda entry: bool(entry.symptom or entry.pattern))


FILES = st.lists(entries(), max_size=5).map(
    lambda found: Waivers(tuple(Waiver(number, **_without_number(one)) for number, one in enumerate(found, 1)))
)


def _without_number(one: Waiver) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name != "entry"}


def _glob(pattern: str, text: str) -> bool:
    """A second opinion on what a star means."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _should_waive(entry: Waiver, line: draw.Line, model: str, vintage: str) -> bool:
    finding = line.get("finding")
    return (
        line["verdict"] in ("failed", "inconsistent", "warning")
        and finding is not None
        and _glob(entry.rule, line["rule"])
        and _glob(entry.model, model)
        and _glob(entry.vintage, vintage)
        and (not entry.symptom or finding["symptom"] == entry.symptom)
        and (not entry.pattern or bool(re.search(entry.pattern, finding["why"])))
        and entry.expires >= TODAY
    )


RUNS = st.tuples(st.sampled_from(["m", "am", "gpt"]), st.sampled_from(["2024-11", "2026-08"]))


@often
@given(waivers=FILES, line=draw.results() | draw.results(verdict="failed"), run=RUNS)
def test_apply_touches_what_fits_and_nothing_else(waivers: Waivers, line: draw.Line, run: tuple[str, str]) -> None:
    before = copy.deepcopy(line)
    after = waivers.apply(line, *run, TODAY)
    assert line == before
    fitting = [entry for entry in waivers.entries if _should_waive(entry, line, *run)]
    if not fitting:
        assert after is line
        return
    told = after["finding"]["waiver"]
    assert told == fitting[0].told()
    assert json.loads(json.dumps(told)) == told
    assert after["verdict"] == "waived"
    rest = {name: value for name, value in after["finding"].items() if name != "waiver"}
    assert {**after, "verdict": line["verdict"], "finding": rest} == line
    assert waivers.apply(after, *run, TODAY) is after


@often
@given(waivers=FILES, lines=st.lists(draw.results(), max_size=5), run=RUNS)
def test_no_rule_is_lost_and_an_expired_waiver_waives_nothing(
    waivers: Waivers, lines: list[draw.Line], run: tuple[str, str]
) -> None:
    after = [waivers.apply(line, *run, TODAY) for line in lines]
    assert [line["rule"] for line in after] == [line["rule"] for line in lines]
    was, now = (Counter(line["verdict"] for line in rows) for rows in (lines, after))
    assert was.total() == now.total()
    assert {name: was[name] for name in was if name not in (*WAIVABLE, "waived")} == {
        name: now[name] for name in now if name not in (*WAIVABLE, "waived")
    }
    late = date(2030, 1, 1)
    assert [waivers.apply(line, *run, late) for line in lines] == lines


@often
@given(waivers=FILES, data=st.data(), run=RUNS)
def test_remarks_follow_the_lines_alone(waivers: Waivers, data: st.DataObject, run: tuple[str, str]) -> None:
    rules = data.draw(st.lists(draw.rule_ids(), max_size=4, unique=True))
    lines = [data.draw(draw.results(rule=rule)) for rule in rules]
    found = waivers.remarks(lines, *run, TODAY)
    assert len(found) <= len(waivers.entries)
    assert all(remark.isprintable() for remark in found)
    assert waivers.remarks(data.draw(st.permutations(lines)), *run, TODAY) == found
    assert waivers.remarks([waivers.apply(line, *run, TODAY) for line in lines], *run, TODAY) == found
    silent = [line for line in lines if line["verdict"] in ("not_offered", "blocked", "error")]
    assert waivers.remarks(silent, *run, TODAY) == []


@often
@given(waivers=FILES)
def test_the_header_is_json_and_can_be_read_back(waivers: Waivers) -> None:
    assert restored(json.loads(json.dumps(waivers.header()))).entries == waivers.entries


REMARKS = {
    "waived": ([HUNG], [waiver()], []),
    "passed": ([draw.result("n.x")], [waiver()], ["waiver 1 (n.x) is not needed: n.x passed; take it out"]),
    "passed after its end": (
        [draw.result("n.x")],
        [waiver(expires=date(2026, 1, 1))],
        ["waiver 1 (n.x) is not needed: n.x passed; take it out"],
    ),
    "all passed": (
        [draw.result(f"n.x{number}") for number in range(7)],
        [waiver(rule="n.*")],
        ["waiver 1 (n.*) is not needed: n.x0, n.x1, n.x2, n.x3, n.x4 and 2 more passed; take it out"],
    ),
    "some passed": ([HUNG, draw.result("n.y")], [waiver(rule="n.*")], []),
    "expired": (
        [HUNG],
        [waiver(expires=date(2026, 5, 31))],
        ["waiver 1 (n.x) expired on 2026-05-31 and n.x still fails: mend it or renew the waiver (owner o)"],
    ),
    "several expired": (
        [draw.result("n.y", "warning", symptom="hung"), HUNG],
        [waiver(rule="n.*", expires=date(2026, 5, 31))],
        ["waiver 1 (n.*) expired on 2026-05-31 and n.x, n.y still fail: mend it or renew the waiver (owner o)"],
    ),
    "expired and renewed": ([HUNG], [waiver(expires=date(2026, 5, 31)), waiver(2)], []),
    "otherwise": (
        [HUNG],
        [waiver(symptom="crashed")],
        ["waiver 1 (n.x) waives crashed, but n.x failed otherwise: hung: no answer: got 504"],
    ),
    "otherwise by pattern": (
        [HUNG],
        [waiver(pattern="got 4")],
        ["waiver 1 (n.x) waives hung and a finding like 'got 4', but n.x failed otherwise: hung: no answer: got 504"],
    ),
    "otherwise, and another waives it": ([HUNG], [waiver(symptom="crashed"), waiver(2, rule="n.*")], []),
    "info": (
        [draw.result("n.x", "info")],
        [waiver()],
        ["waiver 1 (n.x) waives nothing: n.x came to info only; take it out"],
    ),
    "not asked": ([draw.result("n.x", "error"), draw.result("n.y")], [waiver()], []),
    "not offered": ([draw.result("n.x", "not_offered")], [waiver()], []),
    "blocked": ([draw.result("n.x", "blocked")], [waiver()], []),
    "not selected": ([draw.result("n.y")], [waiver()], []),
    "another model": ([draw.result("n.x")], [waiver(model="gpt-*")], []),
    "hostile": (
        [draw.result("n.x", "failed", symptom="hung", why="\x1b[2J\nx" + "y" * 300)],
        [waiver(symptom="crashed")],
        [
            "waiver 1 (n.x) waives crashed, but n.x failed otherwise: hung: \ufffd[2J\\nx"
            + "y" * 194
            + "… [106 more characters]"
        ],
    ),
}


@pytest.mark.parametrize(("lines", "entries", "found"), REMARKS.values(), ids=REMARKS)
def test_remarks(lines: list[draw.Line], entries: list[Waiver], found: list[str]) -> None:
    assert said(lines, *entries) == found


def test_a_certificate_waives_no_must(tmp_path: Path) -> None:
    waivers = load(put(tmp_path, entry(rule='"user.type.refuses"') + entry(rule='"mm.stream"')), KNOWN)
    assert waivers.allowed_at("certify") is None
    waivers = load(put(tmp_path, entry(rule='"user.type.refuses"') + entry(rule='"*.type.refuses"')), KNOWN)
    assert waivers.allowed_at("nightly") is None
    assert waivers.allowed_at("certify") == (
        "waiver 2 (*.type.refuses) covers n.type.refuses, which is a must: --depth certify has no such waivers;"
        " take it out or run at another depth"
    )
