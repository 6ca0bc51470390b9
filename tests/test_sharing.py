"""Bodies that failed before: kept as they were drawn, asked first, dropped when they hold; directory, Redis, GitHub."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import RequestRule
from chatproof.conformance.plan import example_cases
from chatproof.conformance.results import Result, Verdict
from chatproof.conformance.sharing import Shared, SharingError, database_at, drawn_again, host_of
from chatproof.conformance.target import Target
from chatproof.strategies.bodies import lean
from conftest import Ran
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase, InMemoryExampleDatabase, MultiplexedDatabase, ReadOnlyDatabase
from test_campaign import QUICK, catalogue_of, rule

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Serve = Callable[..., servers.Server]
NUMBERS = st.integers(0, 10**6).map(lambda number: lean(user=str(number)))
RULE = rule("a", examples=NUMBERS)


def large(request: servers.Received) -> bool:
    """A number of five or more digits."""
    return request.is_chat and len(str(request.value("user") or "")) >= 5


FAULTY = servers.on(large, servers.refuses(400), servers.agreeable)


def fire(
    server: servers.Server, database: ExampleDatabase, seed: int, one: RequestRule = RULE, host: str = "h"
) -> Result:
    """The result of one rule with a database."""
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK)
    shared = Shared(database, host)
    campaign = Campaign(target, catalogue_of(one), chosen(seed), capabilities={}, shared=shared)
    campaign.open()
    try:
        campaign.submit([one])
        return campaign.result(one.id)
    finally:
        campaign.close()
        assert shared.fault == ""


def chosen(seed: int) -> Settings:
    """One request after the other, so that their order is the list's."""
    return Settings(seed=seed, examples=5, in_flight=1)


def users(server: servers.Server) -> list[str]:
    """The numbers that a server got, in the order of arrival."""
    return [body["user"] for body in server.bodies if "user" in body]


def first_users(one: RequestRule, seed: int) -> list[str]:
    """The numbers that a run without a database draws."""
    return [case.request.body["user"] for case in example_cases(one, 0, Settings(seed=seed, examples=5))]


def test_what_failed_is_asked_first_by_the_next_run(serve: Serve) -> None:
    database = InMemoryExampleDatabase()
    assert fire(serve(FAULTY), database, seed=0).verdict is Verdict.FAILED
    second = serve(servers.agreeable)
    third = serve(FAULTY)
    result = fire(third, database, seed=9)
    assert result.verdict is Verdict.FAILED
    assert users(third)[0] == "10000"  # as small as the first run made it
    assert set(first_users(RULE, 9)) <= set(users(third))  # the seed's own bodies are the same with a database
    assert fire(second, database, seed=5).verdict is Verdict.PASSED
    assert users(second)[0] == "10000"
    fourth = serve(servers.agreeable)
    assert fire(fourth, database, seed=5).verdict is Verdict.PASSED
    assert users(fourth) == first_users(RULE, 5)  # it holds, so it is asked no more


def test_hosts_and_rules_are_kept_apart(serve: Serve) -> None:
    database = InMemoryExampleDatabase()
    fire(serve(FAULTY), database, seed=0)
    for one, host in ((RULE, "other"), (rule("b", examples=NUMBERS), "h")):
        server = serve(servers.agreeable)
        fire(server, database, seed=5, one=one, host=host)
        assert users(server) == first_users(one, 5)
    server = serve(servers.agreeable)
    fire(server, database, seed=5)
    assert users(server)[0] == "10000"


def test_a_rich_body_is_kept_as_it_was_drawn(serve: Serve) -> None:
    def smaller(body: dict[str, Any]) -> list[dict[str, Any]]:
        return [{key: value for key, value in body.items() if key != "seed"}] if "seed" in body else []

    strategy = st.integers(0, 10**6).map(lambda number: lean(user=str(number), seed=1))
    rich = rule("a", examples=strategy, reduce=smaller)
    both = servers.on(
        lambda request: large(request) and request.value("seed") == 1, servers.refuses(400), servers.agreeable
    )
    database = InMemoryExampleDatabase()
    fire(serve(both), database, seed=0, one=rich)
    kept = list(Shared(database, "h").of(rich.id).fetch(b""))
    assert len(kept) == 1
    again = drawn_again(strategy, kept[0])
    assert again is not None
    assert again[0]["user"] in first_users(rich, 0)
    assert len(again[0]["user"]) >= 5


def test_what_is_no_draw_is_left_alone(serve: Serve) -> None:
    database = InMemoryExampleDatabase()
    part = Shared(database, "h").of(RULE.id)
    for value in (b"", b"\xff\x00nonsense", b"{}", bytes(5000)):
        part.save(b"", value)
    server = serve(servers.agreeable)
    assert fire(server, database, seed=5).verdict is Verdict.PASSED
    assert set(first_users(RULE, 5)) <= set(users(server))


class Broken(ExampleDatabase):
    """A database that nobody can reach."""

    calls = 0

    def fetch(self, key: bytes) -> Any:
        self.calls += 1
        raise ConnectionError("gone")

    def save(self, key: bytes, value: bytes) -> None:
        raise ConnectionError("gone")

    def delete(self, key: bytes, value: bytes) -> None:
        raise ConnectionError("gone")


def test_a_database_that_fails_costs_no_verdict(serve: Serve) -> None:
    database: Any = Broken()
    shared = Shared(database, "h")
    target = Target(serve(FAULTY).url + "/v1", model=servers.MODEL, bounds=QUICK)
    campaign = Campaign(target, catalogue_of(RULE), Settings(examples=5), capabilities={}, shared=shared)
    campaign.open()
    try:
        campaign.submit([RULE])
        assert campaign.result(RULE.id).verdict is Verdict.FAILED
    finally:
        campaign.close()
    assert "gone" in shared.fault
    assert database.calls == 1


# --- places ----------------------------------------------------------------------------------------------------------


def test_places(tmp_path: Path) -> None:
    assert isinstance(database_at(["github:some/repo#name"], tmp_path), ReadOnlyDatabase)
    both = database_at(["github:some/repo", "folder"], tmp_path)
    assert isinstance(both, MultiplexedDatabase)
    assert (tmp_path / "folder").is_dir()
    assert host_of("https://h:8443/api/v1") == "h:8443/api/v1"


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("github:repo", "OWNER/REPO"),
        ("http://h/x", "no directory"),
        ("redis://user:secret@127.0.0.1:1/0", "CHATPROOF_REDIS_PASSWORD"),
        ("redis://127.0.0.1:9/0", "Redis"),
    ],
)
def test_a_wrong_place_is_refused_in_one_line(tmp_path: Path, place: str, named: str) -> None:
    pytest.importorskip("redis")
    with pytest.raises(SharingError, match=named) as caught:
        database_at([place], tmp_path)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_wrong_place_is_a_usage_error(ask: Callable[..., Ran]) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9/v1", "--example-database", "http://x/y", report=False)
    assert ran.code == 4
    assert "--example-database" in ran.out


def test_a_run_with_a_directory(ask: Callable[..., Ran], serve: Serve, pytester: pytest.Pytester) -> None:
    """End to end: what the first run found the second one asks, with another seed, and drops when it holds."""
    rule: Any = load().find("user.type.accepts")
    pins = [pin["user"] for pin in rule.pins]
    pins += [gate.probe["user"] for gate in load().gates if gate.property == "user"]
    faulty = servers.on(
        lambda request: len(str(request.value("user") or "")) > 1 and request.value("user") not in pins,
        servers.refuses(400),
        servers.strict,
    )
    wanted = ("--example-database", "found", "-k", "user.type.accepts", "--max-examples", "9")
    server = serve(faulty)
    ran = ask("--endpoint", server.url, *wanted)
    assert ran.code == 1, ran.out
    found = json.loads(ran.results["user.type.accepts"]["finding"]["request"]["body"])["user"]
    files = [path for path in (pytester.path / "found").rglob("*") if path.is_file()]
    assert files
    server.behave = servers.strict  # mended
    before = len(server.received)
    assert ask("--endpoint", server.url, *wanted, "--hypothesis-seed", "9").code == 0
    assert found in [received.value("user") for received in server.received[before:]]
    before = len(server.received)
    assert ask("--endpoint", server.url, *wanted, "--hypothesis-seed", "9").code == 0
    assert found not in [received.value("user") for received in server.received[before:]]


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A real Redis server on a free port, without a file on disk."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server is installed (Debian: apt-get install redis-server)")
    pytest.importorskip("redis", reason="the package redis is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    try:
        url = f"redis://127.0.0.1:{port}/0"
        ends = time.monotonic() + 20
        while True:
            try:
                database_at([url], Path())
                break
            except SharingError:
                assert time.monotonic() < ends
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_machines_share_what_they_found_through_redis(serve: Serve, redis_url: str, tmp_path: Path) -> None:
    one, other = database_at([redis_url], tmp_path), database_at([redis_url], tmp_path)
    assert fire(serve(FAULTY), one, seed=0).verdict is Verdict.FAILED
    server = serve(FAULTY)
    assert fire(server, other, seed=9).verdict is Verdict.FAILED
    assert users(server)[0] == "10000"
    assert fire(serve(servers.agreeable), one, seed=5).verdict is Verdict.PASSED
    last = serve(servers.agreeable)
    fire(last, other, seed=5)
    assert users(last) == first_users(RULE, 5)
