"""``chatproof replay`` sends recorded findings again, and ``--baseline`` fails only on what has become worse."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.cli import main
from chatproof.conformance.model import Request
from chatproof.conformance.record import request_line
from chatproof.conformance.replay import recorded_request
from click.testing import CliRunner, Result
from conftest import Ran

Ask = Callable[..., Ran]
Serve = Callable[[servers.Behaviour], servers.Server]

RULES = ("stop.array.max.refuses", "res.usage.sum", "gate.stop", "mm.keyorder")
SELECTED = ("-k", " or ".join(RULES))


def too_many_stops(request: servers.Received) -> bool:
    stops = request.value("stop")
    return isinstance(stops, list) and len(stops) > 4


def other_order(request: servers.Received) -> bool:
    return request.is_chat and not request.content.startswith(b'{"model"')


def is_plain(request: servers.Received) -> bool:
    return (
        request.is_chat and isinstance(request.body, dict) and set(request.body) <= {"model", "messages", "max_tokens"}
    )


def faulty() -> servers.Behaviour:
    """Takes five stop strings, refuses bodies that do not begin with the model, and miscounts where little is asked."""
    strict = servers.on(too_many_stops, servers.agreeable, servers.strict)
    return servers.on(other_order, servers.refuses(), servers.on(is_plain, servers.miscounts, strict))


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["replay", *arguments])


@pytest.fixture
def record(ask: Ask, serve: Serve) -> Ran:
    ran = ask("--endpoint", serve(faulty()).url, *SELECTED)
    red = [name for name, verdict in ran.verdicts.items() if verdict == "failed"]
    assert set(red) == {"stop.array.max.refuses", "res.usage.sum", "mm.keyorder"}
    return ran


def test_findings_that_are_still_there(record: Ran) -> None:
    done = replay(str(record.folder / "report"))
    assert done.exit_code == 1, done.output
    assert done.output.count("still fails") == 4  # three rules and the last line
    assert "3 still fails, 0 holds now" in done.output


def test_findings_that_are_mended(record: Ran, serve: Serve) -> None:
    done = replay(str(record.folder / "report"), "--endpoint", serve(servers.strict).url)
    assert done.exit_code == 0, done.output
    assert "0 still fails, 3 holds now" in done.output


def test_only_the_rules_that_are_named(record: Ran, serve: Serve) -> None:
    server = serve(servers.strict)
    done = replay(str(record.folder / "report"), "stop.*", "--endpoint", server.url)
    assert done.exit_code == 0, done.output
    assert "1 holds now" in done.output
    assert [body["stop"] for body in server.bodies if "stop" in body] != []
    assert "no finding to send for x.*" in replay(str(record.folder / "report"), "x.*").output


def test_a_server_that_is_gone_is_one_line(record: Ran) -> None:
    done = replay(str(record.folder / "report"), "--endpoint", "http://127.0.0.1:9")
    assert done.exit_code == 6
    assert done.output.startswith("Error: ")
    assert done.output.count("\n") == 1


def test_a_file_that_is_no_record_is_one_line(tmp_path: Any) -> None:
    (tmp_path / "x").write_text("{}\n")
    done = replay(str(tmp_path / "x"))
    assert done.exit_code == 2
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    "request_",
    [
        Request(body={"model": "m", "messages": []}),
        Request(raw=b'{"a": \xff}'),
        Request(raw=b"x" * 30_000, content_type=None),
        Request(body={"model": "é" * 30_000}, headers=(("x-a", "1"),), auth=False),
        Request(raw=b"", method="PUT", path="/chat/completionz", auth="Basic x"),
        Request(raw=b'{"n": "\\ud800"}'),
        Request(body={"model": "m"}, chunked=True),
    ],
)
def test_a_request_comes_back_byte_for_byte(request_: Request) -> None:
    line = json.loads(json.dumps(request_line(request_)))
    again = recorded_request(line, "m", "m")
    assert again.content == request_.content
    assert (again.method, again.path, again.content_type, again.headers, again.auth, again.chunked) == (
        request_.method,
        request_.path,
        request_.content_type,
        request_.headers,
        request_.auth,
        request_.chunked,
    )


def test_another_model_takes_the_place_of_the_recorded_one() -> None:
    line = request_line(Request(body={"model": "old", "user": "old"}))
    assert json.loads(recorded_request(line, "old", "new").content) == {"model": "new", "user": "old"}


def test_a_packed_bomb_stays_small() -> None:
    packed = base64.b64encode(zlib.compress(bytes(300 * 2**20), 9)).decode()
    line = {"method": "POST", "path": "/", "body": "", "packed": packed}
    assert len(recorded_request(line, "m", "m").content) <= 64 * 2**20


# --- --baseline ------------------------------------------------------------------------------------------------------


def test_what_was_broken_before_does_not_fail_again(ask: Ask, serve: Serve, record: Ran) -> None:
    (record.folder / "report").rename(record.folder / "before")
    ran = ask("--endpoint", serve(faulty()).url, *SELECTED, "--baseline", "before")
    assert ran.code == 0, ran.out
    assert (ran.folder / "report" / "compare.html").exists()


def test_what_is_worse_than_before_fails(
    ask: Ask, serve: Serve, record: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record.folder / "report").rename(record.folder / "before")
    better = ask("--endpoint", serve(servers.strict).url, *SELECTED, "--baseline", "before")
    assert better.code == 0, better.out
    (better.folder / "report").rename(better.folder / "good")
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    ran = ask("--endpoint", serve(faulty()).url, *SELECTED, "--baseline", "good")
    assert ran.code == 1, ran.out
    report = ran.folder / "report"
    assert "stop.array.max.refuses" in (report / "compare.md").read_text()
    changes = json.loads((report / "compare.json").read_text())
    assert "stop.array.max.refuses" in changes["regressions"]
    assert (report / "compare.html").read_text().startswith("<!doctype html>")
    assert step.read_text() == (report / "summary.md").read_text() + "\n" + (report / "compare.md").read_text()
    assert "New failures" in ran.out
    [where] = [row for row in ran.out.splitlines() if row.startswith("report: ")]
    assert all(name in where for name in ("report.html", "compare.html", "compare.md", "compare.json"))


def test_a_baseline_that_cannot_be_read_is_one_line(ask: Ask) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9", "--baseline", "nowhere.jsonl")
    assert ran.code == 4
    assert "--baseline: " in ran.out
    assert "Traceback" not in ran.out
