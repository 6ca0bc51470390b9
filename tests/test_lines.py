"""The curl lines of a run: what may stand in one, what comes of it when it is run, and the page about both."""

from __future__ import annotations

import json
import shlex
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import record_strategies as draw
import servers
from chatproof.conformance.cli.lines import lines
from chatproof.conformance.model import Request
from chatproof.conformance.outgoing import curl, prepare
from chatproof.conformance.target import ExtraHeader, Target
from chatproof.reports.lines import Checked, dump, is_ours, listed, load, render, same
from chatproof.reports.reading import RecordError, read
from chatproof.strategies.bodies import lean
from click.testing import CliRunner
from conftest import Ran
from hypothesis import given
from hypothesis import strategies as st
from mutants.base import unchecked
from serving import served

BASE = "http://127.0.0.1:8000/v1"
LINE = f"curl -sS -X POST {BASE}/chat/completions -H 'Content-Type: application/json' --data-binary '{{}}'"

# --- what may stand in a line -----------------------------------------------------------------------------------------


@given(
    st.one_of(
        st.builds(Request, body=st.dictionaries(st.text(), st.text() | st.integers(), max_size=3)),
        st.builds(Request, raw=st.binary(max_size=40)),
        st.builds(
            Request, raw=st.text(max_size=20).map(str.encode), content_type=st.sampled_from([None, "a/b; c='d'"])
        ),
        st.builds(Request, body=st.just({}), headers=st.just((("x-a", 'it\'s "b"'),)), chunked=st.booleans()),
    ),
    st.booleans(),
)
def test_whatever_the_suite_writes_is_its_own(request: Request, keyed: bool) -> None:
    extra = (ExtraHeader("X-Team", "TEAM", "secret"),) if keyed else ()
    target = Target(BASE, "a=b" if keyed else "", key="k" if keyed else None, headers=extra)
    line = curl(request, target)
    assert is_ours(line, BASE)
    assert is_ours(f"{line} ; {line}", BASE)
    assert is_ours(f"{line} & {line} & wait", BASE)
    assert not is_ours(line, "http://127.0.0.1:9000/v1")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "rm -rf x",
        f"{LINE} ; rm -rf x",
        f"{LINE} && rm x",
        f"{LINE}\nrm x",
        f"{LINE} | sh",
        f"{LINE} > x",
        f"{LINE} -o x",
        f"{LINE} -K x",
        f"{LINE} -H $(rm x)",
        f"{LINE} -H `rm x`",
        f'{LINE} -H "A: $(rm x)"',
        f"{LINE} --data-binary @/etc/passwd",
        f"{LINE} --data-binary '@/etc/passwd'",
        f"{LINE} --data-binary ''@/etc/passwd",
        LINE.replace(BASE, "http://example.test/v1"),
        f"{LINE} ; {LINE.replace(BASE, 'http://example.test/v1')}",
        f"printf %s $(rm x) | base64 -d | {LINE}",
        f"{LINE} ;",
    ],
)
def test_what_is_not_the_suites_is_not_run(line: str) -> None:
    assert not is_ours(line, BASE)


# --- a run, its lines, and the page -----------------------------------------------------------------------------------


def invoked(*arguments: object) -> Any:
    return CliRunner().invoke(lines, [str(argument) for argument in arguments])


def test_lines_are_run_and_told(ask: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, kept, page = tmp_path / "server.jsonl", tmp_path / "server.checked.json", tmp_path / "server.md"
    with served(unchecked("n.max", "stop.array.max")) as url:
        ran = ask("--endpoint", url, "--depth", "smoke", "-k", "n.max.refuses or stop.array.max.refuses")
        assert ran.code == 1
        record.write_bytes((ran.folder / "report" / "run.jsonl").read_bytes())
        done = invoked(record, "--run", "--checked", kept, "-o", page)
        assert (done.exit_code, done.stderr) == (0, "2 of 2 lines gave the status of the record\n")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# server: one line for each broken rule\n\n2 rules are broken. ")
    assert text.count("**verified**: 200") == 2
    for name in ("n.max.refuses", "stop.array.max.refuses"):
        assert f"## {name}\n" in text
        assert f"```sh\n{ran.results[name]['finding']['curl']}\n```\n" in text
    assert invoked(record, "--checked", kept).stdout == text  # written again without a server
    assert "**verified**" not in invoked(record).stdout
    monkeypatch.setattr("chatproof.conformance.cli.lines.SECONDS", 0.5)
    gone = invoked(record, "--run")
    assert gone.exit_code == 6
    assert gone.stderr == f"Error: nothing listens at {url}; start the server first, or give --start\n"


def test_another_status_is_told(ask: Callable[..., Ran], tmp_path: Path) -> None:
    with served(unchecked("n.max")) as url:
        ran = ask("--endpoint", url, "--depth", "smoke", "-k", "n.max.refuses")
        rows = ran.record
        for row in rows:
            if row.get("rule") == "n.max.refuses":
                row["finding"]["status"] = 500
        (tmp_path / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        done = invoked(tmp_path, "--run")
    assert done.exit_code == 1
    assert "recorded: 500 · this time: 200" in done.stdout
    assert done.stderr.endswith("another status: n.max.refuses: 200\n")


@pytest.mark.parametrize(("mode", "status"), [("exit", None), ("ill", 404)])
def test_a_server_that_a_line_ends_is_started_again(tmp_path: Path, mode: str, status: int | None) -> None:
    """The first line ends it, the second finds it well again, and nothing of it is left."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    target = Target(f"http://127.0.0.1:{port}/v1", model="chatproof-reference")

    def row(rule: str, status: int | None, temperature: float) -> draw.Line:
        line = curl(prepare(Request(body=lean(temperature=temperature, max_tokens=1)), target), target)
        return draw.result(rule, "failed", status=status, curl=line)

    rows = draw.record(
        row("temperature.max.accepts", status, 2),
        row("n.min.refuses", 200, 1),
        endpoint=target.base,
        model=target.model,
    )
    command = shlex.join([sys.executable, str(Path(__file__).with_name("frail.py")), str(port), mode])
    done = invoked(draw.put(tmp_path, rows), "--run", "--start", command)
    assert (done.exit_code, done.stderr) == (0, "2 of 2 lines gave the status of the record\n")
    ends = time.monotonic() + 5
    while servers.listens(port) and time.monotonic() < ends:  # a process that is killed takes a moment to go
        time.sleep(0.05)
    assert not servers.listens(port)


def test_a_strange_line_ends_the_command_before_any_is_run(ask: Callable[..., Ran], tmp_path: Path) -> None:
    rows = ask("--endpoint", "reference", "--depth", "smoke", "-k", "n.max.refuses").record
    for row in rows:
        if row.get("rule") == "n.max.refuses":
            row["verdict"] = "failed"
            row["finding"] = {"symptom": "crashed", "why": "", "curl": f"touch {tmp_path}/made", "status": 500}
            row["finding"] |= {"request": {}, "response": None, "confirmed": "2/2", "sightings": 1, "others": []}
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = invoked(tmp_path, "--run")
    assert done.exit_code == 2
    assert "the line of n.max.refuses is not as the suite writes it; it is not run" in done.stderr
    assert not (tmp_path / "made").exists()


# --- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "line", "came", "is_same"),
    [
        (200, LINE, (200,), True),
        (200, f"{LINE} ; {LINE}", (400, 200), True),
        (200, f"{LINE} ; {LINE}", (200, 400), False),
        (None, LINE, (0,), True),
        (None, LINE, (200,), False),
        (500, f"{LINE} & {LINE} & wait", (500, 200), True),
        (500, f"{LINE} & {LINE} & wait", (200, 200), False),
        (200, LINE, (), False),
    ],
)
def test_same(status: int | None, line: str, came: tuple[int, ...], is_same: bool) -> None:
    assert same({"finding": {"status": status, "curl": line}}, came) is is_same


def test_what_is_kept_belongs_to_one_record(tmp_path: Path) -> None:
    from chatproof.reports.lines import digest
    from chatproof.reports.matrix import gallery

    run = read(next(iter(gallery().values())))
    checked = Checked(digest(run), "2026-11-26", {line["rule"]: (200, 0) for line in listed(run)})
    path = tmp_path / "x.checked.json"
    path.write_text(dump(checked), encoding="utf-8")
    assert load(path, run) == checked
    path.write_text(dump(Checked("0" * 64, "2026-11-26")), encoding="utf-8")
    with pytest.raises(RecordError, match="is about another record than"):
        load(path, run)
    for text in ("", "[]", '{"record": 1}', '{"record": "", "when": "", "statuses": {"a": ["x"]}}', "\xff"):
        path.write_text(text, encoding="latin-1")
        with pytest.raises(RecordError, match="run the lines again"):
            load(path, run)
    with pytest.raises(RecordError, match="No such file"):
        load(tmp_path / "none", run)
    assert "not run" in render(run, "x")
