"""Files of waivers: what one may say, and the one line that a bad one gets."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import record_strategies as draw
from chatproof.conformance.catalogue import load as load_catalogue
from chatproof.conformance.model import Symptom
from chatproof.conformance.waiver_file import WaiverError, load
from chatproof.conformance.waivers import Waiver
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
