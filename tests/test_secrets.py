"""Keys and secret headers: where they come from, where they go, and that nothing a run leaves behind holds one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest
import servers
from chatproof.conformance import access
from chatproof.conformance.model import Request
from chatproof.conformance.outgoing import curl, prepare
from chatproof.conformance.redaction import REDACTED, Redaction, Secret
from chatproof.conformance.target import ExtraHeader, Target
from chatproof.strategies.bodies import lean
from conftest import Ran, clean_environment
from hypothesis import given, settings
from hypothesis import strategies as st
from test_endpoint import LEAN, ask, one, target_of

Serve = Callable[..., servers.Server]
KEY = "sk-this/is+secret&0123456789=="
TENANT = "tenant <'\"> \\ 9876543210"

visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)


@settings(max_examples=30, deadline=None)
@given(visible, st.text(max_size=5), st.text(max_size=5))
def test_every_form_is_removed(secret: str, before: str, after: str) -> None:
    redaction = Redaction([secret])
    for form in servers.told(secret):
        text = redaction.text(before + form + after)
        assert secret not in text
        assert REDACTED in text, form
        content = redaction.content((before + form + after).encode("utf-8", "replace"))
        assert REDACTED.encode() in content


@settings(max_examples=50, deadline=None)
@given(visible, st.data())
def test_of_two_pieces_at_most_the_smaller_half_is_left(secret: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(secret)))
    line = {"note": f"{secret[:place]}\n---\n{secret[place:]}", "list": [secret, {"x": secret}]}
    left = Redaction([secret]).line(line)
    assert all(len(part) < max(8, -(-len(secret) // 2)) for part in left["note"].split("\n---\n") if part in secret)
    assert left["list"] == [REDACTED, {"x": REDACTED}]


def test_what_is_sent_again_stays_as_it_is() -> None:
    line = {"finding": {"request": {"body": KEY}, "curl": KEY, "why": KEY}}
    assert Redaction([KEY]).line(line)["finding"] == {"request": {"body": KEY}, "curl": KEY, "why": REDACTED}


def test_a_dummy_is_no_secret() -> None:
    assert Redaction(["x", None, ""]).text("x marks the spot") == "x marks the spot"


def test_a_secret_has_no_repr() -> None:
    assert KEY not in repr({"key": Secret(KEY)})
    header = ExtraHeader("X-A", "A", KEY)
    assert KEY not in repr(Target("http://h/v1", key=KEY, headers=(header,)))


# --- what a run leaves behind --------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.slow)], ids=["alone", "xdist"])
def test_nothing_that_a_run_leaves_behind_holds_a_secret(
    serve: Serve, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "key").write_text(KEY + "\n")
    place = tmp_path / "run"
    place.mkdir()
    server = serve(servers.echoes_key())
    command = [sys.executable, "-m", "pytest", "--endpoint", server.url, "--api-key-file", str(secrets / "key")]
    command += ["--header-env", "X-Secret=TENANT", "--report-dir", "report", "--depth", "smoke", "--showlocals"]
    command += ["-k", "temperature.max or temperature.type or sse.chunk or gate.stream", "--junitxml", "junit.xml"]
    command += ["-vv", "-rA", "-o", f"cache_dir={place / 'cache'}"]
    temporary = place / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [*command, *workers],
        cwd=place,
        env={**clean_environment(), "TENANT": TENANT, "TMPDIR": str(temporary), "EXECNET_DEBUG": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout.decode()
    assert {request.headers.get("authorization") for request in server.received if request.is_chat} >= {f"Bearer {KEY}"}
    assert {request.headers.get("x-secret") for request in server.received} == {TENANT}
    left = {"stdout": done.stdout, "stderr": done.stderr}
    left |= {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file() and not path.is_symlink()}
    assert {"report.html", "junit.xml", "run.jsonl", "lastfailed"} <= {Path(name).name for name in left}
    assert b"[key]" in left[str(place / "report" / "run.jsonl")]
    for name, content in left.items():
        for secret in (KEY, TENANT):
            for form in [*servers.told(secret), secret[: len(secret) // 2 + 1], secret[len(secret) // 2 - 1 :]]:
                assert form.encode() not in content, (name, form)


@pytest.mark.slow
def test_collecting_shows_no_secret(serve: Serve, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--endpoint", "http://127.0.0.1:9/v1", "--collect-only", "--debug"]
    env = {**clean_environment(), "CHATPROOF_API_KEY": KEY, "TENANT": TENANT}
    done = subprocess.run(
        [*command, "--header-env", "X-Secret=TENANT", "-k", "gate.n"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        timeout=60,
        check=True,
    )
    left = [done.stdout, done.stderr, *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())]
    assert not [secret for secret in (KEY, TENANT) for content in left if secret.encode() in content]


# --- headers -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(which("curl") is None, reason="curl is not installed")
def test_the_curl_line_names_variables(serve: Serve) -> None:
    first, second = serve(servers.agreeable), serve(servers.agreeable)
    extra = (ExtraHeader("X-Tenant", "TENANT", TENANT),)
    request = Request(body=lean(), headers=(("x-own", "1"),))
    ask(target_of(first, key=KEY, key_variable="SOME_KEY", headers=extra), request)
    target = target_of(second, key=KEY, key_variable="SOME_KEY", headers=extra)
    line = curl(prepare(request, target), target)
    assert KEY not in line
    assert TENANT not in line
    assert '"X-Tenant: $TENANT"' in line
    env = {"SOME_KEY": KEY, "TENANT": TENANT, "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", line], env=env, check=True, capture_output=True)
    for name in ("x-tenant", "x-own", "authorization"):
        assert one(first).headers[name] == one(second).headers[name]


def test_a_header_of_a_rule_comes_before_an_extra_one(serve: Serve) -> None:
    server = serve(servers.agreeable)
    target = target_of(server, headers=(ExtraHeader("X-Own", "VARIABLE", "general"),))
    ask(target, LEAN, Request(body=lean(), headers=(("x-own", "special"),)), Request(body=lean(), auth=False))
    assert [request.headers["x-own"] for request in server.received] == ["general", "special", "general"]


# --- where they come from ------------------------------------------------------------------------------------------

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--api-key-file", "missing"), "--api-key-file"),
        (("--api-key-file", "empty"), "--api-key-file"),
        (("--api-key-file", "bytes"), "--api-key-file"),
        (("--api-key-file", "lines"), "the file"),
        (("--api-key-file", "good", "--api-key-env", "HOME"), "--api-key-env"),
        (("--header-env", "X-A"), "--header-env"),
        (("--header-env", "X A=HOME"), "--header-env"),
        (("--header-env", "X-A=NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE"),
        (("--header-env", "Authorization=HOME"), "--api-key-env"),
        (("--header-env", "Content-Length=HOME"), "--header-env"),
        (("--ca-bundle", "missing"), "--ca-bundle"),
        (("--ca-bundle", "lines"), "--ca-bundle"),
        (("--timeout", "0"), "--timeout"),
        (("--timeout", "soon"), "--timeout"),
        (("--wait-ready", "-1"), "--wait-ready"),
    ],
)
def test_usage(ask: Callable[..., Ran], pytester: pytest.Pytester, arguments: tuple[str, ...], named: str) -> None:
    (pytester.path / "good").write_text("sk-01234567")
    (pytester.path / "empty").write_text(" \n")
    (pytester.path / "bytes").write_bytes(b"\xff\xfe")
    (pytester.path / "lines").write_text("sk-first-line\nsk-second-line\n")
    ran = ask("--endpoint", NOWHERE, *arguments, report=False)
    assert ran.code == 4, ran.out
    assert named in ran.out
    assert "Traceback" not in ran.out
    assert "sk-" not in ran.out


def test_names_travel_and_secrets_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dataclasses import asdict

    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("TENANT", TENANT)
    one_way = access.Access(key_file=str(tmp_path / "key"), headers=(("X-Tenant", "TENANT"),), timeout=3.0, rate=4.0)
    values = asdict(one_way)
    assert KEY not in str(values)
    assert TENANT not in str(values)
    other_way = access.restored(values)
    assert other_way == one_way
    assert other_way.resolving()["key"] == KEY
    assert other_way.extra_headers()[0].value == TENANT
    assert other_way.share(2) == 2.0
    bounds = other_way.bounds()
    assert bounds is not None
    assert (bounds.read, bounds.total) == (3.0, 3.0)


@pytest.mark.parametrize(("text", "value"), [("5", 5), ("5/s", 5), ("30/m", 0.5), ("0.5", 0.5), ("36/h", 0.01)])
def test_rates(text: str, value: float) -> None:
    assert access.rate(text) == value


# --- waiting -------------------------------------------------------------------------------------------------------


def test_a_slow_start_is_waited_for(ask: Callable[..., Ran], serve: Serve) -> None:
    server = serve(servers.starting(1.0))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "top_p.max", "--wait-ready", "20")
    assert ran.code == 0, ran.out
    assert ran.verdicts["top_p.max.accepts"] == "passed"


@pytest.mark.parametrize(("status", "words"), [(503, "answers only 503"), (500, "canary failed"), (401, "wants a key")])
def test_waiting_has_an_end_and_is_for_what_may_pass(
    ask: Callable[..., Ran], serve: Serve, status: int, words: str
) -> None:
    server = serve(servers.on(servers.chat, servers.refuses(status), servers.agreeable))
    ran = ask("--endpoint", server.url, "--wait-ready", "1.2")
    assert ran.code == 6, ran.out
    assert words in ran.one_line()
    assert (len([request for request in server.received if request.is_chat]) == 1) is (status == 401)


def test_a_request_may_take_as_long_as_is_said(ask: Callable[..., Ran], serve: Serve) -> None:
    server = serve(servers.on(servers.hot, servers.hangs, servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "temperature.max", "--timeout", "0.4")
    assert ran.code == 1, ran.out
    assert "within 0.4 s" in ran.out or "for 0.4 s" in ran.out
