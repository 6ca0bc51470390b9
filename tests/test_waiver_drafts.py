"""Drafts of waivers, also of hostile records, and the command that writes them."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from pathlib import Path

import record_strategies as draw
from chatproof.conformance.cli.waivers import comment, draft
from chatproof.conformance.cli.waivers import waivers as command
from chatproof.conformance.waiver_file import load
from chatproof.conformance.waivers import WAIVABLE
from chatproof.reports.reading import read
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from test_waiver_files import KNOWN, TODAY, fault, often, put


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
