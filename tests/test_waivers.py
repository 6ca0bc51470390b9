"""Waivers: what a file may say, what a waiver does to a line and to nothing else, and drafts of hostile records."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
from chatproof.conformance.catalogue import load as load_catalogue
from chatproof.conformance.cli.waivers import comment, draft
from chatproof.conformance.cli.waivers import waivers as command
from chatproof.conformance.model import Symptom
from chatproof.conformance.waiver_file import WaiverError, load
from chatproof.conformance.waivers import WAIVABLE, Waiver, Waivers, restored
from chatproof.reports.reading import read
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TODAY = date(2026, 6, 1)
KNOWN = {
    "stop.array.max.refuses": "must",
    "stop.null.accepts": "must",
    "top_p.max.refuses": "must",
    "n.type.refuses": "must",
    "user.type.refuses": "should",
    "mm.stream": "may",
}
PLAIN = {
    "rule": '"stop.array.max.refuses"',
    "symptom": '"accepted_invalid"',
    "reason": '"documented: up to 8 stops"',
    "owner": '"inference team"',
    "expires": "2027-01-31",
}

often = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def entry(**changed: str | None) -> str:
    """An entry as TOML; None leaves a key out."""
    rows = [f"{key} = {value}" for key, value in {**PLAIN, **changed}.items() if value is not None]
    return "\n".join(["[[waiver]]", *rows, ""])


def put(folder: Path, text: str | bytes) -> Path:
    path = folder / "waivers.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fault(path: Path, known: dict[str, str] = KNOWN) -> str:
    """The one line that a bad file gets, without the name of the file that it begins with."""
    with pytest.raises(WaiverError) as caught:
        load(path, known)
    said = str(caught.value)
    assert said.isprintable()
    assert said.startswith(f"{path}: ")
    assert len(said) < 1000
    return said.removeprefix(f"{path}: ")


# --- files -----------------------------------------------------------------------------------------------------------

GOOD = {
    "empty": ("", []),
    "only comments": ("# nothing known to fail\n", []),
    "no entries": ("waiver = []", []),
    "plain": (
        entry(),
        [
            Waiver(
                1,
                "stop.array.max.refuses",
                "documented: up to 8 stops",
                "inference team",
                date(2027, 1, 31),
                "accepted_invalid",
            )
        ],
    ),
    "pattern of the finding": (
        entry(symptom=None, pattern="'got 5..'", reason='"r"', owner='"o"'),
        [Waiver(1, "stop.array.max.refuses", "r", "o", date(2027, 1, 31), pattern="got 5..")],
    ),
    "both": (
        entry(pattern="'got 5..'", reason='"r"', owner='"o"'),
        [Waiver(1, "stop.array.max.refuses", "r", "o", date(2027, 1, 31), "accepted_invalid", "got 5..")],
    ),
    "several rules": (
        entry(rule='"*.type.refuses"', reason='"r"', owner='"o"'),
        [Waiver(1, "*.type.refuses", "r", "o", date(2027, 1, 31), "accepted_invalid")],
    ),
    "when": (
        entry(reason='"r"', owner='"o"', when='{ model = "gpt-*", vintage = "2024-11" }'),
        [
            Waiver(
                1,
                "stop.array.max.refuses",
                "r",
                "o",
                date(2027, 1, 31),
                "accepted_invalid",
                model="gpt-*",
                vintage="2024-11",
            )
        ],
    ),
    "byte order mark and CRLF": (
        "\ufeff" + entry(reason='"r"', owner='"o"').replace("\n", "\r\n"),
        [Waiver(1, "stop.array.max.refuses", "r", "o", date(2027, 1, 31), "accepted_invalid")],
    ),
    "a word that holds TODO": (
        entry(reason='"TODOs of upstream"', owner='"o"'),
        [Waiver(1, "stop.array.max.refuses", "TODOs of upstream", "o", date(2027, 1, 31), "accepted_invalid")],
    ),
}


@pytest.mark.parametrize(("text", "found"), GOOD.values(), ids=GOOD)
def test_good_files(tmp_path: Path, text: str, found: list[Waiver]) -> None:
    assert load(put(tmp_path, text), KNOWN).entries == tuple(found)


def test_one_rule_may_fail_in_several_known_ways(tmp_path: Path) -> None:
    others = (entry(symptom='"crashed"'), entry(when='{ model = "a" }'), entry(pattern='"x"'))
    assert len(load(put(tmp_path, entry() + "".join(others)), KNOWN).entries) == 4


OF = "waiver 1 (stop.array.max.refuses): "
BAD = {
    "unknown top key": ("[[waivers]]\nrule = 'x'", "unknown key 'waivers'; did you mean waiver?"),
    "unknown top key far off": ("version = 1\n" + entry(), "unknown key 'version'; known: waiver"),
    "one bracket": (
        entry().replace("[[waiver]]", "[waiver]"),
        "'waiver' is no list of tables; write [[waiver]], with two brackets, above each entry",
    ),
    "list of others": (
        "waiver = [1]",
        "'waiver' is no list of tables; write [[waiver]], with two brackets, above each entry",
    ),
    "unknown key": (entry(symtom='"hung"'), OF + "unknown key 'symtom'; did you mean symptom?"),
    "unknown key far off": (
        entry(severity="3"),
        OF + "unknown key 'severity'; known: rule, symptom, pattern, reason, owner, expires, when",
    ),
    "no rule": (
        entry(rule=None),
        "waiver 1: 'rule' is missing; write for example rule = \"stop.array.max.refuses\"",
    ),
    "no reason": (
        entry(reason=None),
        OF + "'reason' is missing; write for example reason = \"documented: up to 8 stops\"",
    ),
    "no owner": (entry(owner=None), OF + "'owner' is missing; write for example owner = \"inference team\""),
    "no end": (entry(expires=None), OF + "'expires' is missing; write for example expires = 2027-01-31"),
    "rule of a wrong type": (entry(rule="3"), "waiver 1: 'rule' is a number; write a text in quotes"),
    "owners": (entry(owner='["a", "b"]'), OF + "'owner' is a list; write a text in quotes"),
    "reason true": (entry(reason="true"), OF + "'reason' is true or false; write a text in quotes"),
    "blank reason": (entry(reason='" \\n"'), OF + "'reason' is empty; write a text in quotes"),
    "blank rule": (entry(rule='""'), "waiver 1: 'rule' is empty; write a text in quotes"),
    "blank symptom": (entry(symptom='""'), OF + "'symptom' is empty; write a text in quotes"),
    "blank pattern": (entry(pattern='""'), OF + "'pattern' is empty; write a text in quotes"),
    "quoted date": (
        entry(expires='"2027-01-31"'),
        OF + "'expires' is a text; write a date without quotes, as in expires = 2027-01-31",
    ),
    "date with time": (
        entry(expires="2027-01-31T00:00:00Z"),
        OF + "'expires' is a date with a time; write a date without quotes, as in expires = 2027-01-31",
    ),
    "time": (
        entry(expires="12:00:00"),
        OF + "'expires' is a time; write a date without quotes, as in expires = 2027-01-31",
    ),
    "year": (
        entry(expires="2027"),
        OF + "'expires' is a number; write a date without quotes, as in expires = 2027-01-31",
    ),
    "unknown rule": (
        entry(rule='"stop.array.max.refuse"'),
        "waiver 1 (stop.array.max.refuse): 'rule' is no rule: 'stop.array.max.refuse';"
        " did you mean stop.array.max.refuses?",
    ),
    "unknown rule far off": (
        entry(rule='"zzz"'),
        "waiver 1 (zzz): 'rule' is no rule: 'zzz'; chatproof rules lists them all",
    ),
    "pattern for no rule": (
        entry(rule='"stopp.*.refuses"'),
        "waiver 1 (stopp.*.refuses): 'rule' matches no rule: 'stopp.*.refuses'; chatproof rules lists them all",
    ),
    "question mark": (
        entry(rule='"mm.strea?"'),
        "waiver 1 (mm.strea?): 'rule' is no rule: 'mm.strea?'; did you mean mm.stream?",
    ),
    "every rule": (
        entry(rule='"*"'),
        "waiver 1 (*): would waive every rule; name one, or a pattern that holds a part of its id",
    ),
    "every dotted rule": (
        entry(rule='"*.*"'),
        "waiver 1 (*.*): would waive every rule; name one, or a pattern that holds a part of its id",
    ),
    "star without symptom": (
        entry(rule='"stop.*"', symptom=None, pattern='"x"'),
        "waiver 1 (stop.*): a rule with * needs a 'symptom'; write for example symptom = \"accepted_invalid\"",
    ),
    "no way of failing": (
        entry(symptom=None),
        OF + "neither 'symptom' nor 'pattern' says how the rule fails;"
        ' write for example symptom = "accepted_invalid"',
    ),
    "unknown symptom": (
        entry(symptom='"accepts_invalid"'),
        OF + "unknown symptom 'accepts_invalid'; did you mean accepted_invalid?",
    ),
    "unknown symptom far off": (
        entry(symptom='"zzz"'),
        OF + f"unknown symptom 'zzz'; known: {', '.join(symptom.value for symptom in Symptom)}",
    ),
    "bad expression": (
        entry(pattern='"got (5"'),
        OF + "'pattern' is no regular expression: missing ), unterminated subpattern at position 4;"
        ' write for example pattern = "got 5.."',
    ),
    "expression with a warning": (
        entry(pattern='"[[a]"'),
        OF + "'pattern' is no regular expression: Possible nested set at position 1;"
        ' write for example pattern = "got 5.."',
    ),
    "when of a wrong type": (
        entry(when='"gpt-4"'),
        OF + "'when' is a text; write a table, as in when = { model = \"gpt-*\" }",
    ),
    "unknown key in when": (
        entry(when='{ modell = "x" }'),
        OF + "unknown key 'modell' in 'when'; did you mean model?",
    ),
    "number in when": (entry(when="{ model = 4 }"), OF + "'when.model' is a number; write a text in quotes"),
    "unknown vintage": (
        entry(when='{ vintage = "2024-12" }'),
        OF + "'when.vintage' matches no vintage: '2024-12'; did you mean 2024-11?",
    ),
    "reason to do": (entry(reason='"TODO: why"'), OF + "'reason' still says TODO; write why the failure is known"),
    "owner to do": (entry(owner='"TODO"'), OF + "'owner' still says TODO; write who looks after it"),
    "duplicate": (
        entry() + entry(symptom='"hung"') + entry(reason='"another"'),
        "waiver 3 (stop.array.max.refuses): says the same as waiver 1; take one of them out",
    ),
    "second entry": (
        entry() + entry(rule='"mm.stream"', owner=None),
        "waiver 2 (mm.stream): 'owner' is missing; write for example owner = \"inference team\"",
    ),
    "control characters": (
        entry(rule='"a\\u001b[2J\\nb"'),
        "waiver 1 (a\ufffd[2J b): 'rule' is no rule: 'a\\x1b[2J\\nb'; chatproof rules lists them all",
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_bad_files_get_one_line(tmp_path: Path, text: str, said: str) -> None:
    assert fault(put(tmp_path, text)) == said


NO_TOML = {
    "no TOML": b"[[waiver]\n",
    "twice the same key": b"[[waiver]]\nrule = 'a'\nrule = 'b'\n",
    "no date": b"[[waiver]]\nexpires = 2027-02-31\n",
    "no UTF-8": b"[[waiver]]\nrule = '\xff'\n",
    "endless number": b"x = " + b"9" * 5000,
    "control character": b"x = '\x1b[2J'",
}


@pytest.mark.parametrize("content", NO_TOML.values(), ids=NO_TOML)
def test_what_is_no_toml(tmp_path: Path, content: bytes) -> None:
    assert fault(put(tmp_path, content)).startswith("this is no TOML: ")


def test_a_deep_file(tmp_path: Path) -> None:
    depth = 100_000
    assert fault(put(tmp_path, "x = " + "[" * depth + "]" * depth)).startswith("nested too deeply for ")


def test_a_huge_expression(tmp_path: Path) -> None:
    assert "the repetition number is too large" in fault(put(tmp_path, entry(pattern="'a{99999999999}'")))
    assert "'pattern' is no regular expression: " in fault(put(tmp_path, entry(pattern=f"'{'(' * 9000 + ')' * 9000}'")))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.toml") == "No such file or directory; name a TOML file of [[waiver]] entries"
    assert fault(tmp_path).endswith("; name a TOML file of [[waiver]] entries")


@often
@given(content=st.binary(max_size=60) | draw.words().map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_waivers_or_one_line(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, content)
    try:
        load(path, KNOWN)
    except WaiverError:
        fault(path)


TOML_VALUES = st.recursive(
    st.sampled_from(["true", "1", "1.5", "nan", '"a"', '""', "2027-01-31", "12:00:00", "2027-01-31T00:00:00"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda rows: f"[{', '.join(rows)}]") | inner.map("{{ a = {} }}".format)
    ),
    max_leaves=3,
)


@often
@given(key=st.sampled_from([*PLAIN, "pattern", "when", "other"]), value=TOML_VALUES)
def test_any_value_of_any_key_is_taken_or_named(tmp_path: Path, key: str, value: str) -> None:
    path = put(tmp_path, entry(**{key: value}))
    try:
        load(path, KNOWN)
    except WaiverError:
        said = fault(path)
        assert said.startswith("waiver 1")
        assert key in said


def test_every_rule_of_the_catalogue_can_be_waived(tmp_path: Path) -> None:
    known = {rule.id: rule.strength.value for rule in load_catalogue().by_id.values()}
    text = "".join(entry(rule=json.dumps(rule)) for rule in known)
    assert [waiver.rule for waiver in load(put(tmp_path, text), known).entries] == list(known)


# --- what a waiver does ----------------------------------------------------------------------------------------------


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


# --- drafts ----------------------------------------------------------------------------------------------------------


def drafted(folder: Path, lines: list[draw.Line]) -> str:
    return draft(read(draw.put(folder, lines)), TODAY)


def test_a_draft(tmp_path: Path) -> None:
    lines = draw.record(
        draw.result("n.type.refuses", "failed", why="took a string"),
        draw.result("user.type.refuses", "warning", why="took\na number", curl="curl -d '\x1b' http://127.0.0.1:1/v1"),
        draw.result("stop.null.accepts", "inconsistent", symptom="crashed", why="fell over"),
        draw.result("top_p.max.refuses", "waived"),
        draw.result("mm.stream"),
    )
    assert drafted(tmp_path, lines) == (
        "# Waivers: known failures of a server. Write why and who, or delete the entry.\n"
        "# From a run against m, vintage 2024-11.\n"
        "# Rules that were waived in that run already, and are not repeated here: 1.\n"
        "\n"
        "# === server faults: one rule\n"
        "\n"
        "# rule: the server refuses nonsense\n"
        "# why: fell over\n"
        "# again: curl -sS http://127.0.0.1:1/v1/chat/completions\n"
        "[[waiver]]\n"
        'rule = "stop.null.accepts"\n'
        'symptom = "crashed"\n'
        'reason = "TODO: why"\n'
        'owner = "TODO"\n'
        "expires = 2026-08-30\n"
        "\n"
        "# === hides bugs: values of a wrong JSON type are taken: 2 rules\n"
        "\n"
        "# rule: the server refuses nonsense\n"
        "# why: took a string\n"
        "# again: curl -sS http://127.0.0.1:1/v1/chat/completions\n"
        "[[waiver]]\n"
        'rule = "n.type.refuses"\n'
        'symptom = "accepted_invalid"\n'
        'reason = "TODO: why"\n'
        'owner = "TODO"\n'
        "expires = 2026-08-30\n"
        "\n"
        "# rule: the server refuses nonsense\n"
        "# why: took\\u000aa number\n"
        "# again: curl -d '\\u001b' http://127.0.0.1:1/v1\n"
        "[[waiver]]\n"
        'rule = "user.type.refuses"\n'
        'symptom = "accepted_invalid"\n'
        'reason = "TODO: why"\n'
        'owner = "TODO"\n'
        "expires = 2026-08-30\n"
    )


def test_a_reviewed_draft_waives_the_run_it_came_from(tmp_path: Path) -> None:
    lines = [draw.result("n.type.refuses", "failed"), draw.result("stop.null.accepts", "warning", symptom="hung")]
    text = drafted(tmp_path, draw.record(*lines)).replace("TODO", "someone who knows")
    waivers = load(put(tmp_path, text), KNOWN)
    assert {waivers.apply(line, "m", "2024-11", TODAY)["verdict"] for line in lines} == {"waived"}


TRICKS = st.sampled_from(
    ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\ud800", "\x00", "\x7f"]
)
INJECTION = '[[waiver]]\nrule = "n.type.refuses"\nsymptom = "hung"\nreason = "x"\nowner = "x"\nexpires = 2099-01-01\n'
WORDS = st.lists(TRICKS | st.just(INJECTION) | draw.words(1), min_size=1, max_size=4).map("".join)


@often
@given(data=st.data())
def test_no_record_writes_into_a_draft(tmp_path: Path, data: st.DataObject) -> None:
    rules = data.draw(st.lists(draw.rule_ids(), max_size=4, unique=True))
    lines = [data.draw(draw.results(rule=rule)) for rule in rules]
    for line in lines:
        line["title"] = data.draw(WORDS)
        if "finding" in line:
            line["finding"] |= {"why": data.draw(WORDS), "curl": data.draw(WORDS)}
    path = draw.put(tmp_path, draw.record(*lines, model=data.draw(WORDS), vintage=data.draw(WORDS)))
    text = draft(read(path), TODAY)
    broken = {line["rule"]: line["finding"]["symptom"] for line in lines if line["verdict"] in WAIVABLE}
    file = put(tmp_path, text)
    found = tomllib.loads(file.read_text(encoding="utf-8")).get("waiver", [])
    assert {row["rule"]: row["symptom"] for row in found} == broken
    assert len(found) == len(broken)
    for row in found:
        assert row | {"rule": "", "symptom": ""} == {
            "rule": "",
            "symptom": "",
            "reason": "TODO: why",
            "owner": "TODO",
            "expires": date(2026, 8, 30),
        }
    if broken:
        known = dict.fromkeys(rules, "must")
        first = found[0]["rule"]
        assert fault(file, known) == f"waiver 1 ({first}): 'reason' still says TODO; write why the failure is known"
    else:
        assert load(file, KNOWN).entries == ()


@given(text=WORDS)
def test_a_comment_is_one_line(text: str) -> None:
    row = comment(text)
    assert row.startswith("# ")
    assert row.isprintable()


def test_a_comment_shows_what_is_unseen() -> None:
    assert comment("a\n\u2028\U000e0001é") == "# a\\u000a\\u2028\\U000e0001é"


def test_a_comment_is_cut() -> None:
    assert comment("x" * 12, 10) == "# xxxxxxxxxx… [2 more characters]"


def test_rules_that_the_record_does_not_explain_are_counted(tmp_path: Path) -> None:
    lines = [
        draw.result("n.type.refuses", "failed", symptom="strange"),
        {**draw.result("n.x", "failed"), "rule": 'n.x"\n[[waiver]]'},
        {name: value for name, value in draw.result("n.y", "failed").items() if name != "finding"},
    ]
    text = drafted(tmp_path, draw.record(*lines))
    assert "# There is nothing to waive.\n" in text
    assert "# Rules left out, since the record does not say how they failed: 3.\n" in text
    assert tomllib.loads(text) == {}


def test_the_command_writes_a_new_file_only(tmp_path: Path) -> None:
    place = str(draw.put(tmp_path, draw.record(draw.result("n.x", "failed"))))
    shown = CliRunner().invoke(command, ["--from", place])
    assert shown.exit_code == 0
    [row] = tomllib.loads(shown.stdout)["waiver"]
    assert row["rule"] == "n.x"
    assert isinstance(row["expires"], date)
    assert not isinstance(row["expires"], datetime)
    output = tmp_path / "w.toml"
    assert CliRunner().invoke(command, ["--from", place, "-o", str(output)]).exit_code == 0
    assert tomllib.loads(output.read_text(encoding="utf-8")) == tomllib.loads(shown.stdout)
    output.write_text("mine")
    again = CliRunner().invoke(command, ["--from", place, "-o", str(output)])
    assert again.exit_code == 2
    assert again.stderr == f"Error: {output}: is there already, and may hold reasons; name another file\n"
    assert output.read_text() == "mine"


def test_the_command_needs_a_record(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--from", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "run.jsonl" in done.stderr
