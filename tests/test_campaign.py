"""The engine without pytest: verdicts, proofs, shrinking, order, and servers that do not play along."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import servers
from chatproof.conformance import first_wave, proof
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import Catalogue, load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import Body, Expect, Request, RequestRule, Source, Strength, Symptom
from chatproof.conformance.pipeline import Pipeline
from chatproof.conformance.plan import cases
from chatproof.conformance.results import Result, Verdict
from chatproof.conformance.target import Bounds, Target
from chatproof.strategies.bodies import lean
from conftest import Ran, clean_environment
from hypothesis import strategies as st

Serve = Callable[..., servers.Server]
QUICK = Bounds(connect=2, read=0.6, total=1.5, retries=2, longest_wait=0.1)
MOST_FOR_ONE_SEARCH = 200
"""Requests that one failing rule may cost, shrinking and proofs included."""


def rule(
    name: str = "x", expect: Expect = Expect.ACCEPT, strength: Strength = Strength.MUST, **rest: Any
) -> RequestRule:
    """A rule of our own about ``user``, a property that no server looks at."""
    suffix = {Expect.ACCEPT: ".accepts", Expect.REFUSE: ".refuses", Expect.EITHER: ""}[expect]
    return RequestRule(
        id=f"{name}.y{suffix}",
        property="user",
        title="does as it is told",
        expect=expect,
        strength=strength,
        source=Source("documented", "here"),
        chapter="own",
        **rest,
    )


def catalogue_of(*rules: RequestRule) -> Catalogue:
    """A catalogue of these rules and no gates."""
    return Catalogue("2024-11", (), tuple(rules), ())


def fire(
    server: servers.Server, rules: Sequence[RequestRule], bounds: Bounds = QUICK, **settings: Any
) -> dict[str, Result]:
    """The result of each rule."""
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=bounds)
    campaign = Campaign(target, catalogue_of(*rules), Settings(**settings), capabilities={})
    campaign.open()
    try:
        campaign.submit(rules)
        return {each.id: campaign.result(each.id) for each in rules}
    finally:
        campaign.close()


def only(server: servers.Server, one: RequestRule, **rest: Any) -> Result:
    """The result of one rule."""
    return fire(server, [one], **rest)[one.id]


def users(*values: Any) -> tuple[Body, ...]:
    """A pin for each value."""
    return tuple(lean(user=value) for value in values)


def user_is(*values: Any) -> servers.Test:
    """Whether ``user`` is one of these."""
    return lambda request: request.is_chat and request.value("user") in values


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Pipeline.__init__.__kwdefaults__ or {}, "patience", 1.0)


# --- verdicts ------------------------------------------------------------------------------------------------------

BAD_ACCEPT = servers.on(user_is("bad"), servers.refuses(400), servers.agreeable)
BAD_REFUSE = servers.on(
    user_is("bad"), servers.agreeable, servers.on(user_is("worse"), servers.refuses(400), servers.agreeable)
)


@pytest.mark.parametrize(
    ("strength", "strict", "verdict"),
    [
        (Strength.MUST, False, Verdict.FAILED),
        (Strength.SHOULD, False, Verdict.WARNING),
        (Strength.SHOULD, True, Verdict.FAILED),
        (Strength.MAY, True, Verdict.INFO),
    ],
)
def test_what_a_violation_makes_of_a_rule(serve: Serve, strength: Strength, strict: bool, verdict: Verdict) -> None:
    result = only(serve(BAD_ACCEPT), rule(strength=strength, pins=users("good", "bad")), strict=strict)
    assert result.verdict is verdict
    assert result.finding is not None
    assert result.finding.symptom is Symptom.REFUSED_VALID
    assert result.finding.confirmed == "2/2"
    assert result.finding.request.body["user"] == "bad"


def test_accepted_invalid(serve: Serve) -> None:
    server = serve(BAD_REFUSE)
    assert only(server, rule(expect=Expect.REFUSE, pins=users("worse"))).verdict is Verdict.PASSED
    result = only(server, rule(expect=Expect.REFUSE, pins=users("worse", "bad")))
    assert result.verdict is Verdict.FAILED
    assert result.finding is not None
    assert result.finding.symptom is Symptom.ACCEPTED_INVALID


def test_no_canary_is_asked_while_more_is_drawn(serve: Serve) -> None:
    """Refusals do not show that a server is well; the canary that does waits until the last ones are on their way."""
    server = serve(servers.on(lambda request: request.value("user") is not None, servers.refuses(400), servers.strict))

    def slowly(number: int) -> Body:
        time.sleep(0.02)  # longer than the answer takes
        return lean(user=f"worse {number}")

    rules = [rule(f"x{place}", Expect.REFUSE, examples=st.integers().map(slowly)) for place in range(6)]
    results = fire(server, rules, examples=2)
    assert {result.verdict for result in results.values()} == {Verdict.PASSED}
    assert [body.get("user") is None for body in server.bodies].count(True) <= 2


def test_either_way_is_information(serve: Serve) -> None:
    result = only(serve(BAD_ACCEPT), rule(expect=Expect.EITHER, strength=Strength.MAY, pins=users("good", "bad")))
    assert result.verdict is Verdict.INFO
    assert "accepted" in result.observed
    assert "refused" in result.observed


@pytest.mark.parametrize(
    ("behave", "symptom"),
    [
        (servers.refuses(500), Symptom.CRASHED),
        (servers.resets, Symptom.DISCONNECTED),
        (servers.cut_short, Symptom.DISCONNECTED),
        (servers.writes(b"garbage \r\n\r\n"), Symptom.DISCONNECTED),
        (servers.hangs, Symptom.HUNG),
        (servers.drips, Symptom.HUNG),
    ],
)
@pytest.mark.parametrize("expect", [Expect.REFUSE, Expect.EITHER], ids=str)
def test_a_grave_fault_is_a_failure_for_every_rule(
    serve: Serve, behave: servers.Behaviour, symptom: Symptom, expect: Expect
) -> None:
    server = serve(servers.on(user_is("bad"), behave, servers.agreeable))
    rules = [rule(expect=expect, strength=Strength.MAY, pins=users("bad")), rule("other", pins=users("good"))]
    results = fire(server, rules)
    assert results["other.y.accepts"].verdict is Verdict.PASSED
    result = results[rules[0].id]
    # a hang may be slowness: it fails only rules that bind
    assert result.verdict is (Verdict.INFO if symptom is Symptom.HUNG else Verdict.FAILED)
    if symptom is Symptom.HUNG and expect is Expect.EITHER:
        return
    assert result.finding is not None
    assert result.finding.symptom is symptom


def test_equal_bodies_are_asked_once(serve: Serve) -> None:
    server = serve(servers.agreeable)
    results = fire(server, [rule(name, pins=users("a", "b", "a")) for name in ("one", "two", "three")])
    assert {result.verdict for result in results.values()} == {Verdict.PASSED}
    assert sorted(body["user"] for body in server.bodies if "user" in body) == ["a", "b"]


def test_a_flaky_server_is_inconsistent(serve: Serve) -> None:
    server = serve(servers.by_turns(user_is("bad"), servers.refuses(400), servers.agreeable))
    result = only(server, rule(pins=users("good", "bad")))
    assert result.verdict is Verdict.INCONSISTENT
    assert result.finding is not None
    seen, asked = map(int, result.finding.confirmed.split("/"))
    assert 1 <= seen < asked


def test_a_violation_seen_once_is_not_a_failure(serve: Serve) -> None:
    server = serve(servers.once(user_is("bad"), servers.refuses(400), servers.agreeable))
    result = only(server, rule(pins=users("bad")))
    assert result.verdict is Verdict.INCONSISTENT
    assert result.finding is not None
    assert result.finding.confirmed.startswith("1/")


def test_a_refusal_of_something_else_is_not_blamed(serve: Serve) -> None:
    """The same body without what is under test is refused as well."""
    server = serve(servers.on(lambda got: got.value("n") == 2, servers.refuses(400), servers.agreeable))
    body = lean(user="bad", n=2)
    result = only(server, rule(pins=(body,), control=lambda sent: {key: sent[key] for key in sent if key != "user"}))
    assert result.verdict is Verdict.BLOCKED
    assert result.note


@pytest.mark.parametrize("status", [429, 503])
def test_a_rate_limit_is_no_failure(serve: Serve, status: int) -> None:
    limit = servers.refuses(status, headers=(("retry-after", "0"),))
    rules = [rule(pins=users("bad")), rule("other", pins=users("good"))]
    results = fire(serve(servers.on(user_is("bad"), limit, servers.agreeable)), rules)
    assert results["x.y.accepts"].verdict is Verdict.ERROR
    assert str(status) in results["x.y.accepts"].note
    assert results["other.y.accepts"].verdict is Verdict.PASSED
    server = serve(servers.once(servers.chat, limit, servers.agreeable))
    assert {result.verdict for result in fire(server, rules).values()} == {Verdict.PASSED}


def test_a_fault_of_ours_is_an_error_and_no_hang(serve: Serve) -> None:
    def broken(value: int) -> Body:
        raise RuntimeError("a bug in a strategy")

    rules = [rule(examples=st.integers().map(broken)), rule("other", pins=users("good"))]
    results = fire(serve(servers.agreeable), rules)
    assert results["x.y.accepts"].verdict is Verdict.ERROR
    assert "a bug in a strategy" in results["x.y.accepts"].note
    assert results["other.y.accepts"].verdict is Verdict.PASSED


# --- shrinking -----------------------------------------------------------------------------------------------------


def shrunk(server: servers.Server, one: RequestRule, **settings: Any) -> Body:
    """The body of the finding; fails where the search cost too much."""
    result = only(server, one, **settings)
    assert result.verdict is Verdict.FAILED, result
    assert result.finding is not None
    drawn = len(cases(catalogue_of(one), [one], Settings(**settings)))
    assert len(server.received) <= drawn + MOST_FOR_ONE_SEARCH
    body: Body = result.finding.request.body
    return body


def test_a_hole_in_the_middle_of_temperatures(serve: Serve) -> None:
    def in_hole(request: servers.Received) -> bool:
        value = request.value("temperature")
        return isinstance(value, int | float) and 0.3 < value < 0.4

    server = serve(servers.on(in_hole, servers.refuses(400), servers.strict))
    found = load().find("temperature.min.accepts")
    assert isinstance(found, RequestRule)
    body = shrunk(server, found, examples=100)
    assert set(body) == {"model", "messages", "temperature"}
    assert 0.3 < body["temperature"] < 0.4
    assert len(json.dumps(body)) < 130


def test_numbers_shrink_to_the_bound(serve: Serve) -> None:
    def large(request: servers.Received) -> bool:
        return isinstance(request.value("user"), int) and request.value("user") >= 1000

    server = serve(servers.on(large, servers.refuses(400), servers.agreeable))
    one = rule(examples=st.integers(0, 10**6).map(lambda value: lean(user=value)))
    assert shrunk(server, one, examples=20) == lean(model=servers.MODEL, user=1000)


def test_lists_shrink_to_the_one_bad_member(serve: Serve) -> None:
    def holds_seven(request: servers.Received) -> bool:
        return isinstance(request.value("user"), list) and any(value >= 7 for value in request.value("user"))

    server = serve(servers.on(holds_seven, servers.refuses(500), servers.agreeable))
    one = rule(examples=st.lists(st.integers(0, 50), max_size=8).map(lambda value: lean(user=value)))
    assert shrunk(server, one, examples=20) == lean(model=servers.MODEL, user=[7])


def test_a_pin_is_not_shrunk(serve: Serve) -> None:
    server = serve(BAD_ACCEPT)
    one = rule(pins=users("bad"), examples=st.integers(0, 9).map(lambda value: lean(user=value)))
    assert shrunk(server, one, examples=3) == lean(model=servers.MODEL, user="bad")
    assert len(server.received) < 16


def test_shrinking_a_hang_is_bounded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of such a search costs the whole timeout, of which a search has so many seconds."""
    monkeypatch.setattr(proof, "SHRINK_SECONDS", 1.5)

    def large(request: servers.Received) -> bool:
        return isinstance(request.value("user"), int) and request.value("user") >= 1000

    server = serve(servers.on(large, servers.hangs, servers.agreeable))
    one = rule(examples=st.integers(0, 10**6).map(lambda value: lean(user=value)))
    started = time.monotonic()
    result = only(server, one, examples=5, bounds=replace(QUICK, read=0.2, total=0.5))
    assert result.verdict is Verdict.FAILED
    hung = sum(large(request) for request in server.received)
    assert hung <= 20
    assert time.monotonic() - started < 20


# --- servers that go away ------------------------------------------------------------------------------------------


def test_the_server_dies(serve: Serve) -> None:
    server = serve(servers.dies_on(user_is("bad"), servers.slowly(0.01, servers.agreeable)))
    rules = [rule(f"r{number}", pins=users(*[f"{number}-{other}" for other in range(5)])) for number in range(20)]
    rules.insert(10, rule("killer", pins=users("bad")))
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK)
    campaign = Campaign(target, catalogue_of(*rules), Settings(in_flight=4), capabilities={})
    campaign.open()
    started = time.monotonic()
    campaign.submit(rules)
    results = [campaign.result(each.id) for each in rules]
    campaign.close()
    assert time.monotonic() - started < 10
    assert {result.verdict for result in results} <= {Verdict.PASSED, Verdict.ERROR}
    assert results[10].verdict is Verdict.ERROR
    assert campaign.gone is not None
    assert any('"bad"' in suspect for suspect in campaign.suspects)
    assert 1 <= len(campaign.suspects) <= 8


def test_closing_in_the_middle(serve: Serve) -> None:
    before = threading.active_count()
    server = serve(servers.slowly(0.05, servers.agreeable))
    rules = [rule(f"r{number}", pins=users(*[f"{number}-{other}" for other in range(20)])) for number in range(20)]
    arrived: list[Result] = []
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK)
    campaign = Campaign(target, catalogue_of(*rules), Settings(in_flight=4), capabilities={}, on_result=arrived.append)
    campaign.open()
    campaign.submit(rules)
    campaign.result(rules[0].id)
    started = time.monotonic()
    campaign.close()
    assert time.monotonic() - started < 3
    assert {result.verdict for result in arrived} <= {Verdict.PASSED, Verdict.ERROR}
    assert len(arrived) < 20 or any(result.verdict is Verdict.ERROR for result in arrived)
    received = len(server.received)
    time.sleep(0.3)
    assert len(server.received) == received
    assert threading.active_count() <= before + 1  # the test server's own


# --- the same seed sends the same ----------------------------------------------------------------------------------


@pytest.mark.parametrize("in_flight", [1, 4, 64])
def test_no_more_in_flight_than_allowed(serve: Serve, in_flight: int) -> None:
    server = serve(servers.slowly(0.05 if in_flight > 1 else 0.005, servers.agreeable))
    fire(server, [rule(pins=users(*map(str, range(2 * in_flight + 6))))], in_flight=in_flight)
    assert server.most_in_flight == in_flight


def test_pins_come_before_examples_and_must_before_should(serve: Serve) -> None:
    server = serve(servers.agreeable)
    drawn = st.integers(0, 99).map(lambda value: lean(user=value))
    rules = [
        rule("s", strength=Strength.SHOULD, pins=users("should 0", "should 1"), examples=drawn),
        rule("m", pins=users("must 0", "must 1"), examples=drawn.map(lambda body: {**body, "seed": 1})),
    ]
    planned = cases(catalogue_of(*rules), rules, Settings())
    assert [case.request.body["user"] for case in planned[:4]] == ["must 0", "should 0", "must 1", "should 1"]
    assert all(case.drawn for case in planned[4:])
    fire(server, rules, in_flight=1)
    assert {json.dumps(body) for body in server.bodies} >= {
        json.dumps({**case.request.body, "model": servers.MODEL}) for case in planned
    }


LIST = """
import sys, hashlib
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.plan import cases
catalogue = load()
found = cases(catalogue, catalogue.rules, Settings(examples=4, seed=int(sys.argv[1]), in_flight=int(sys.argv[2])))
print(len(found), hashlib.sha256(repr([(c.rule.id, c.order, c.request.key) for c in found]).encode()).hexdigest())
"""


def test_the_list_is_the_same_in_every_process() -> None:
    def listed(seed: int, in_flight: int, hashes: str) -> str:
        command = [sys.executable, "-c", LIST, str(seed), str(in_flight)]
        env = {**clean_environment(), "PYTHONHASHSEED": hashes}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    first = listed(0, 1, "1")
    assert listed(0, 64, "2") == first
    assert listed(1, 4, "3") != first


def test_a_selection_does_not_change_what_is_drawn() -> None:
    catalogue = load()
    rules = [each for each in catalogue.rules if each.property in ("stop", "seed")]
    alone = {(case.rule.id, case.order): case.request.key for case in cases(catalogue, rules, Settings())}
    both = {
        (case.rule.id, case.order): case.request.key
        for case in cases(catalogue, catalogue.rules, Settings())
        if case.rule in rules
    }
    assert alone == both


def bare(content: bytes) -> str:
    """A body without what the sender puts in."""
    try:
        body = json.loads(content)
    except ValueError:
        return content.hex()
    return json.dumps({key: value for key, value in body.items() if key not in ("model", "max_tokens")})


@pytest.mark.slow
def test_the_same_requests_whatever_is_in_flight(run: Callable[..., Ran], serve: Serve) -> None:
    sent = []
    probes = [body for gate in load().gates for body in (gate.probe, gate.nonsense) if body]
    gates = {bare(json.dumps(body).encode()) for body in probes}
    for more in (("--in-flight", "1"), ("--in-flight", "4"), ("--in-flight", "64"), ("-n", "2")):
        server = serve(servers.strict)
        ran = run(
            "--endpoint", server.url, "-k", "temperature or logit_bias or tools.name", "--max-examples", "5", *more
        )
        assert ran.code == 0, ran.out
        # a controller asks all gates, a single process those of the selection
        sent.append({bare(request.content) for request in server.received} - gates)
    assert sent[0] == sent[1] == sent[2] == sent[3]
    assert len(sent[0]) > 100


def test_raw_requests_are_proved_too(serve: Serve) -> None:
    server = serve(servers.on(lambda got: got.content == b"[1", servers.agreeable, servers.strict))
    result = only(server, rule(expect=Expect.REFUSE, pins=(Request(raw=b"{"), Request(raw=b"[1"))))
    assert result.verdict is Verdict.FAILED
    assert result.finding is not None
    assert result.finding.request.raw == b"[1"


def test_a_fault_of_ours_at_the_start_lets_nobody_wait_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ValueError("no company")

    monkeypatch.setattr(first_wave, "in_company", fails)
    result = only(serve(servers.agreeable), rule(pins=(lean(),)))
    assert result.verdict is Verdict.ERROR
    assert "no company" in result.note
