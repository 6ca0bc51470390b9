"""The rules about keys, against the reference with a key and against servers that handle keys wrongly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Answer, Body, Exchange, Relation, Undecided
from chatproof.conformance.reference.serve import start
from chatproof.strategies import lean

KEY = "sk-chatproof-test-0123456789"
RULES = {name: load().by_id[f"http.auth.{name}"] for name in ("missing", "bad", "scheme")}
OK = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}}]}).encode()


def play(rule: object, statuses: list[int]) -> str | None:
    assert isinstance(rule, Relation)
    body: Body = lean()
    script = rule.script(body)
    replies: Iterator[int] = iter(statuses)
    request: Any = next(script)
    try:
        while True:
            status = next(replies)
            answer = Answer(status, (("content-type", "application/json"),), OK if status == 200 else b'{"error": {}}')
            request = script.send(Exchange(request, answer))
    except StopIteration as end:
        return end.value


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("missing", [401, 200]),
        ("bad", [401, 200, 401, 401]),
        ("scheme", [401, 200, 401]),
        ("bad", [403, 200, 401, 401]),
    ],
)
def test_good_locks(name: str, statuses: list[int]) -> None:
    assert play(RULES[name], statuses) is None


@pytest.mark.parametrize(
    ("name", "statuses", "word"),
    [
        ("missing", [400, 200], "400"),
        ("missing", [500, 200], "500"),
        ("bad", [401, 200, 200, 401], "accepted"),
        ("bad", [401, 200, 401, 200], "only begins like"),
        ("bad", [401, 200, 403, 401], "403"),
        ("scheme", [401, 200, 200], "accepted"),
    ],
)
def test_bad_locks(name: str, statuses: list[int], word: str) -> None:
    assert word in (play(RULES[name], statuses) or "")


@pytest.mark.parametrize("statuses", [[200], [402, 402], [401, 401], [403, 429]], ids=str)
@pytest.mark.parametrize("name", RULES)
def test_what_is_open_or_takes_no_key_either_is_not_judged(name: str, statuses: list[int]) -> None:
    with pytest.raises(Undecided):
        play(RULES[name], statuses)


def test_the_reference_with_a_key(tmp_path: Path) -> None:
    environment = {**os.environ, "CHATPROOF_API_KEY": KEY}
    with start(["--api-key-env", "CHATPROOF_API_KEY"], env=environment) as url:
        command = [sys.executable, "-m", "pytest", "--endpoint", url, "-q", "-k", "http.auth or err.", "--strict"]
        done = subprocess.run(
            [*command, "--report-dir", "out"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    record = (tmp_path / "out/run.jsonl").read_text()
    verdicts = {line["rule"]: line["verdict"] for line in map(json.loads, record.splitlines()) if "rule" in line}
    assert [verdicts[rule.id] for rule in RULES.values()] == ["passed"] * 3
    assert verdicts["err.noleak.key"] == "passed"
    assert KEY not in record + done.stdout + done.stderr
