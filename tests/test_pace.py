"""Rates, limits and politeness: what one pace makes of them, and runs against servers that cannot keep up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
import servers
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.depths import Settings
from chatproof.conformance.pace import Pace
from chatproof.conformance.results import Result, Verdict
from chatproof.conformance.target import Bounds, Target
from conftest import Ran
from test_campaign import catalogue_of, rule, users

Serve = Callable[..., servers.Server]
QUICK = Bounds(connect=2, read=2, total=4, retries=3, longest_wait=0.2)


async def several(pace: Pace, count: int, tickets: list[int] | None = None) -> list[int]:
    """The order in which requests that wait together get leave; each is through at once."""
    order: list[int] = []

    async def one(ticket: int) -> None:
        await pace.take(ticket)
        order.append(ticket)
        await asyncio.sleep(0)
        pace.give()

    await asyncio.gather(*(one(ticket) for ticket in tickets or range(count)))
    return order


def test_no_limit_no_waiting() -> None:
    pace = Pace(4)
    assert asyncio.run(several(pace, 50)) == list(range(50))
    assert (pace.flying, pace.window, pace.waiting) == (0, 4.0, 0)


def test_a_rate_spreads_requests() -> None:
    started = time.monotonic()
    asyncio.run(several(Pace(50, rate=100.0), 30))
    assert time.monotonic() - started >= 0.27, "a second's worth of a hundred is never sent in less than its share"


def test_the_oldest_goes_first() -> None:
    pace = Pace(1, rate=1000.0)
    assert asyncio.run(several(pace, 0, [5, 3, 9, 1]))[1:] == [1, 3, 9]


def test_the_window_shrinks_at_once_and_grows_slowly() -> None:
    pace = Pace(16)
    pace.busy(time.monotonic(), 0.0)
    assert pace.window == 8
    pace.busy(0.0, 0.0)
    assert pace.window == 8, "those sent before the window was cut tell nothing new"
    for _ in range(10):
        pace.busy(time.monotonic(), 0.0)
    assert (pace.window, pace.alone, pace.busy_answers) == (1.0, True, 12)
    grown = 0
    while pace.window < 16:
        pace.served()
        grown += 1
    assert 300 < grown < 800


def test_everybody_waits() -> None:
    pace = Pace(4)

    async def go() -> float:
        pace.busy(time.monotonic(), 0.15)
        started = time.monotonic()
        await several(pace, 4)
        return time.monotonic() - started

    assert asyncio.run(go()) >= 0.14


def test_a_lower_limit_stays() -> None:
    pace = Pace(16)
    pace.limit(2)
    for _ in range(100):
        pace.served()
    assert pace.window == 2


def test_those_who_stop_waiting_leave_no_trace() -> None:
    async def go() -> Pace:
        pace = Pace(1)
        await pace.take()
        waiting = [asyncio.create_task(pace.take(number)) for number in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        pace.give()
        waiting[1].cancel()  # it has leave already, and does not know
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        await asyncio.wait_for(waiting[2], 5)
        return pace

    pace = asyncio.run(go())
    assert (pace.flying, pace.waiting) == (1, 0)


def test_held_and_stopped() -> None:
    async def go() -> None:
        pace = Pace(1)
        pace.hold(True)
        waits = asyncio.create_task(pace.take(0))
        await pace.take(-1)
        await asyncio.sleep(0)
        await pace.take(-2)
        assert not waits.done()
        assert pace.waiting == 1
        pace.stop()
        await waits
        assert pace.stopped

    asyncio.run(go())


# --- runs ----------------------------------------------------------------------------------------------------------


def many(count: int) -> list:
    """Rules with a few bodies each."""
    return [rule(f"r{number}", pins=users(*[f"{number}-{other}" for other in range(4)])) for number in range(count)]


def campaign(server: servers.Server, rules: list, pace: Pace, bounds: Bounds = QUICK) -> tuple[list[Result], Campaign]:
    """The results of rules, and the campaign."""
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=bounds)
    ran = Campaign(target, catalogue_of(*rules), Settings(in_flight=pace.lanes), capabilities={}, pace=pace)
    ran.open()
    try:
        ran.submit(rules)
        return [ran.result(each.id) for each in rules], ran
    finally:
        ran.close()


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_that_serves_few_at_once(serve: Serve, most: int) -> None:
    pace = Pace(16)
    server = serve(servers.serves_at_most(most, 0.005, servers.agreeable))
    results, ran = campaign(server, many(10), pace)
    assert {result.verdict for result in results} == {Verdict.PASSED}, results
    assert pace.busy_answers > 0
    assert pace.lowest <= max(most, 1) * 2
    assert ran.traffic.busy == pace.busy_answers
    assert len(server.received) < 150, "most requests are not sent in vain"


@pytest.mark.parametrize("kind", ["seconds", "date", "neither"])
def test_all_lanes_wait_as_long_as_is_asked(serve: Serve, kind: str) -> None:
    until: list[float] = []

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        now = time.time()
        if request.number == 5:
            until.append(int(now) + 2 if kind == "date" else now + (1 if kind == "seconds" else 0.05))
        if until and now < until[0] - 0.02:
            date = format_datetime(datetime.fromtimestamp(until[0], UTC), usegmt=True)
            wait = {"seconds": "1", "date": date, "neither": "soon"}[kind]
            await talk.error(429, "later", (("retry-after", wait),))
        else:
            await servers.agreeable(request, talk)

    server = serve(behave)
    results, _ = campaign(server, many(4), Pace(4), replace(QUICK, longest_wait=3))
    assert {result.verdict for result in results} == {Verdict.PASSED}, results
    assert len([body for body in server.bodies if "user" in body]) <= 16 + 4, "nobody asks before the time has come"


def test_only_429_ends_the_run(serve: Serve) -> None:
    def later(request: servers.Received) -> bool:
        return request.number > 8

    server = serve(servers.on(later, servers.refuses(429, headers=(("retry-after", "0"),)), servers.agreeable))
    results, ran = campaign(server, many(40), Pace(4, patience=0.5), replace(QUICK, retries=4))
    assert {result.verdict for result in results} <= {Verdict.PASSED, Verdict.ERROR}
    assert ran.gone is not None
    assert "nothing but 429" in ran.gone
    assert len(server.received) < 100


def test_a_longer_wait_than_there_is_ends_the_run_at_once(serve: Serve) -> None:
    def later(request: servers.Received) -> bool:
        return request.number > 8

    server = serve(servers.on(later, servers.refuses(429, headers=(("retry-after", "3600"),)), servers.agreeable))
    results, ran = campaign(server, many(40), Pace(4))
    assert {result.verdict for result in results} <= {Verdict.PASSED, Verdict.ERROR}
    assert ran.gone is not None
    assert "later than anybody waits" in ran.gone
    assert len(server.received) < 20


def test_one_body_that_is_always_put_off_takes_nothing_with_it(serve: Serve) -> None:
    def bad(request: servers.Received) -> bool:
        return request.value("user") == "bad"

    server = serve(servers.on(bad, servers.refuses(503), servers.agreeable))
    rules = [*many(5), rule("bad", pins=users("bad"))]
    *others, last = campaign(server, rules, Pace(4), QUICK)[0]
    assert {result.verdict for result in others} == {Verdict.PASSED}
    assert last.verdict is Verdict.ERROR
    assert "503" in last.note


def test_a_run_keeps_to_its_rate(ask: Callable[..., Ran], serve: Serve) -> None:
    server = serve(servers.strict)
    started = time.monotonic()
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "top_p.max", "--rate", "20/s")
    assert ran.code == 0, ran.out
    assert time.monotonic() - started >= (len(server.received) - 2) / 20


def test_only_429_ends_a_run_with_exit_code_6(
    ask: Callable[..., Ran], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatproof.conformance.pace.PATIENCE", 0.5)

    def later(request: servers.Received) -> bool:
        return request.number > 12

    server = serve(servers.on(later, servers.refuses(429), servers.strict))
    ran = ask("--endpoint", server.url, "--depth", "smoke")
    assert ran.code == 6, ran.out
    assert "stopped: the server answered nothing but 429" in ran.out
    assert set(ran.verdicts.values()) <= {"passed", "info", "error", "not_offered"}
    assert ran.footer["verdict"] == "incomplete"
    assert ran.footer["traffic"]["busy"] > 0


@pytest.mark.parametrize("text", ["0", "-1", "x", "1/h/s", "nan", "inf", "1/d", ""])
def test_rates_that_are_none(ask: Callable[..., Ran], text: str) -> None:
    ran = ask("--endpoint", "http://127.0.0.1:9/v1", f"--rate={text}", report=False)
    assert ran.code == 4
    assert "--rate" in ran.out
