"""Ceilings over a run: never exceeded, what they cut is named, what was seen broken is still proved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import servers
from chatproof.conformance.budget import LATER, NOTE, SEARCH, UNBOUNDED, URGENT, Budget
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import load
from chatproof.conformance.cli.plan import plan
from chatproof.conformance.cuts import Planned, cut
from chatproof.conformance.depths import Settings
from chatproof.conformance.estimate import planned
from chatproof.conformance.joint import MOST
from chatproof.conformance.lane import Lane
from chatproof.conformance.model import Answer, Request
from chatproof.conformance.pace import Pace
from chatproof.conformance.results import Verdict
from chatproof.conformance.target import Target
from chatproof.strategies.bodies import lean
from click.testing import CliRunner
from conftest import Ran
from hypothesis import strategies as st
from test_campaign import QUICK, catalogue_of, rule, user_is, users

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")

Ask = Callable[..., Ran]
Serve = Callable[..., servers.Server]


def answered(tokens: int | None) -> Answer:
    """A completion that tells what it cost."""
    told = b'{"usage": {"completion_tokens": %d}}' % tokens if tokens is not None else b"{}"
    return Answer(200, (("content-type", "application/json"),), told)


# --- the tally -----------------------------------------------------------------------------------------------------


def test_each_sending_is_booked() -> None:
    budget = Budget(requests=2)
    one = Request(body=lean())
    assert [budget.take(one) for _ in range(3)] == [True, True, False]
    assert budget.sent == 2
    assert budget.spent.startswith(NOTE)
    assert "--max-requests" in budget.spent


def test_the_purpose_decides_how_much_must_be_left() -> None:
    budget = Budget(requests=100, later=30)
    one = Request(body=lean())
    budget.sent = 66  # 5 are kept for proofs, 30 for wave 2
    assert not budget.allows(one, (2, 0, 0, 0))
    assert not budget.allows(one, SEARCH)
    assert budget.allows(one, (0, 0, 0, 0))
    assert budget.allows(one, LATER)
    budget.broken |= {f"rule.{number}" for number in range(8)}
    assert not budget.allows(one, (0, 0, 0, 0))
    assert budget.allows(one, URGENT)


@pytest.mark.parametrize(
    ("body", "answer", "cost"),
    [
        (lean(max_tokens=7), answered(3), 3),
        (lean(max_tokens=7, n=2), answered(None), 14),
        (lean(max_tokens=7), None, 7),  # nobody knows what a dropped one has cost
        (lean(max_tokens=7), Answer(400, (), b"{}"), 0),
        (lean(), answered(None), UNBOUNDED),
        (lean(), answered(5000), 5000),
    ],
)
def test_tokens_are_held_until_the_answer_tells(body: dict[str, Any], answer: Answer | None, cost: int) -> None:
    budget = Budget(tokens=2000)
    request = Request(body=body)
    assert budget.take(request)
    assert budget.held > 0
    budget.settle(request, answer)
    assert (budget.held, budget.used) == (0, cost)


def test_tokens_end_a_run_before_they_are_exceeded() -> None:
    budget = Budget(tokens=20)
    request = Request(body=lean(max_tokens=16))
    assert budget.take(request)
    assert not budget.take(request)
    budget.settle(request, answered(2))
    assert budget.take(request)


def test_what_was_not_sent_is_given_back() -> None:
    budget = Budget(requests=3, tokens=48)
    request = Request(body=lean(max_tokens=16))
    assert budget.take(request, 2)
    assert not budget.take(request, 2)  # all of them or none
    assert (budget.sent, budget.held) == (2, 32)
    budget.settle(request, answered(3))
    budget.give_back(request)
    assert (budget.sent, budget.held, budget.used) == (1, 0, 3)
    assert budget.take(request, 2)


def test_what_waits_for_its_turn_is_not_spent_when_the_run_stops() -> None:
    async def stopped() -> tuple[str, int, int]:
        budget, pace = Budget(requests=5, tokens=100), Pace(1)
        async with Lane(Target("http://127.0.0.1:9/v1", budget=budget), pace=pace) as lane:
            await pace.take()  # somebody else is under way
            waiting = asyncio.create_task(lane.ask(Request(body=lean(max_tokens=16))))
            await asyncio.sleep(0.01)
            assert (budget.sent, budget.held) == (1, 16)
            pace.stop()
            exchange = await waiting
        assert exchange.trouble is not None
        return exchange.trouble.kind, budget.sent, budget.held

    assert asyncio.run(stopped()) == ("cancelled", 0, 0)


def test_shares_never_add_up_to_more() -> None:
    for workers in (1, 2, 3, 7, 200):
        budget = Budget(requests=100, tokens=1000, sent=10, used=100)
        nothing, *shares = budget.shares(workers, later=20)
        assert nothing == {"requests": 0, "tokens": 0}
        assert len(shares) == workers
        assert sum(share["requests"] or 0 for share in shares) <= 90 - 20
        assert budget.sent <= 80
        assert budget.used <= 1000
        for share in shares:
            budget.add(Budget(requests=share["requests"], tokens=share["tokens"], sent=0, used=0).told())
        assert (budget.sent, budget.used) == (10, 100)


# --- in a run ------------------------------------------------------------------------------------------------------


def fire(server: servers.Server, budget: Budget, *rules: Any, **settings: Any) -> dict[str, Any]:
    """The result of each rule under a budget."""
    target = Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK, budget=budget)
    campaign = Campaign(target, catalogue_of(*rules), Settings(**settings), capabilities={})
    campaign.open()
    try:
        campaign.submit(rules)
        return {each.id: campaign.result(each.id) for each in rules}
    finally:
        campaign.close()


def test_pins_come_before_drawn_bodies(serve: Serve) -> None:
    server = serve(servers.agreeable)
    drawn = rule("a", pins=users("pin-a"), examples=st.integers(0, 10**9).map(lambda n: lean(user=f"drawn-{n}")))
    pins = rule("b", pins=users(*(f"pin-{number}" for number in range(10))))
    # 2 are kept, 11 are pins; where the drawing is slow canaries come between
    results = fire(server, Budget(requests=15), drawn, pins, examples=5, in_flight=1)
    assert len(server.received) <= 15
    sent = [body["user"] for body in server.bodies if "user" in body]
    assert {f"pin-{number}" for number in range(10)} < set(sent)
    assert results[pins.id].verdict is Verdict.PASSED
    assert results[drawn.id].verdict is Verdict.ERROR
    assert results[drawn.id].note.startswith(NOTE)
    assert "of 6 bodies were not asked" in results[drawn.id].note


def test_what_was_seen_broken_is_proved(serve: Serve) -> None:
    server = serve(servers.on(user_is("bad"), servers.refuses(400), servers.agreeable))
    broken = rule("a", pins=users("bad"))
    others = rule("b", pins=users(*(f"pin-{number}" for number in range(40))))
    results = fire(server, Budget(requests=20), broken, others, in_flight=2)
    assert len(server.received) <= 20
    assert results[broken.id].verdict is Verdict.FAILED
    assert results[broken.id].finding.confirmed == "2/2"
    assert results[others.id].verdict is Verdict.ERROR


def test_a_feature_that_could_not_be_isolated_is_not_blamed(serve: Serve) -> None:
    """A rich body that fails is not shown while what alone fails cannot be afforded."""

    def smaller(body: dict[str, Any]) -> list[dict[str, Any]]:
        return [{key: value for key, value in body.items() if key != name} for name in ("user", "seed") if name in body]

    server = serve(servers.on(user_is("bad"), servers.refuses(400), servers.agreeable))
    rich = rule("a", pins=(lean(user="bad", seed=1),), reduce=smaller)
    budget = Budget(requests=3)
    assert fire(server, budget, rich)[rich.id].verdict is Verdict.ERROR
    assert len(server.received) <= 3


def test_retries_are_counted(serve: Serve) -> None:
    server = serve(servers.refuses(503))
    results = fire(server, Budget(requests=6), rule("a", pins=users(*"abcdefgh")), in_flight=3)
    assert len(server.received) <= 6
    assert {result.verdict for result in results.values()} == {Verdict.ERROR}


@pytest.mark.parametrize("ceiling", [("--max-requests", "150"), ("--max-tokens-total", "1500")])
def test_the_run_is_incomplete_and_names_what_was_not_asked(ask: Ask, serve: Serve, ceiling: tuple[str, str]) -> None:
    server = serve(servers.strict)
    ran = ask("--endpoint", server.url, "--depth", "smoke", "-k", "not risky", *ceiling)
    assert ran.code == 6, ran.out
    if ceiling[0] == "--max-requests":
        assert len(server.received) <= 150
        assert ran.footer["budget"]["requests"] == len(server.received)
    else:
        assert ran.footer["tokens"] <= 1500
    assert ran.footer["verdict"] == "incomplete"
    unasked = [line for line in ran.results.values() if line["verdict"] == "error"]
    assert unasked
    assert {line["note"].partition(" ")[0] for line in unasked} == {"budget:"}
    assert {line["verdict"] for line in ran.results.values()} <= {"passed", "info", "not_offered", "error"}


def test_a_ceiling_below_the_canary(ask: Ask, serve: Serve) -> None:
    ran = ask("--endpoint", serve(servers.strict).url, "--max-requests", "1")
    assert ran.code == 6
    assert "--max-requests" in ran.one_line()


def test_a_ceiling_below_the_gates_blames_no_gate(ask: Ask, serve: Serve) -> None:
    server = serve(servers.strict)
    ran = ask("--endpoint", server.url, "--depth", "smoke", "--max-requests", "20")
    assert ran.code == 6
    assert len(server.received) <= 20
    assert set(ran.verdicts.values()) <= {"passed", "info", "not_offered", "error"}


# --- the plan says what it would cut -------------------------------------------------------------------------------


def test_a_cut_takes_the_least_valuable() -> None:
    planned = [Planned(4, "a", 1, 5), Planned(1, "a", 2, 5), Planned(2, "b", 3, 5), Planned(1, "b", 2, 5)]
    found = cut(planned, 0, 4, None)  # of which 2 are kept
    assert found.left_out == {"drawn bodies": 1}
    assert (found.losing, found.of_rules) == (["a"], 2)
    assert cut(planned, 0, 5, None).left_out == {}
    assert cut(planned, 0, None, 12).left_out == {"drawn bodies": 1}  # of which 2 are kept
    assert cut(planned, 1, 5, None).left_out == {"drawn bodies": 1}


def test_the_plan_names_the_cut() -> None:
    shown = CliRunner().invoke(plan, ["--depth", "smoke", "--max-requests", "100"])
    assert shown.exit_code == 0, shown.output
    assert "under --max-requests 100" in shown.output
    assert "a whole run takes --max-requests" in shown.output


@pytest.mark.slow
@pytest.mark.parametrize("most", [120, 300, 450])
def test_a_run_loses_the_rules_that_the_plan_names(ask: Ask, serve: Serve, most: int) -> None:
    """Joint requests speak for several rules, and what is not asked leaves rules about answers without one to judge.
    The two differ by the canaries of the run, which nobody plans."""
    catalogue, settings = load(), Settings(depth="smoke")
    said = planned(catalogue, settings, ceilings=(most, None)).cut
    assert said is not None
    ran = ask("--endpoint", serve(servers.strict).url, "--depth", "smoke", "--max-requests", str(most))
    lost = {name for name, verdict in ran.verdicts.items() if verdict == "error"}
    assert said.of_rules == len(ran.verdicts)
    assert lost
    assert len(lost ^ set(said.losing)) <= 0.03 * len(lost) + MOST
    assert abs(ran.footer["requests"] - sum(said.asked.values())) <= 5


def test_a_ceiling_below_the_gates_cuts_every_rule() -> None:
    said = planned(load(), Settings(depth="smoke"), ceilings=(50, None)).cut
    assert said is not None
    assert len(said.losing) > 570
    assert "drawn bodies" in said.left_out


def test_few_tokens_are_enough_for_the_gates(ask: Ask, serve: Serve) -> None:
    """The nonsense of token bounds is held for as if it were without one: it comes while nothing is spent."""
    ran = ask(
        "--endpoint",
        serve(servers.strict).url,
        "--depth",
        "smoke",
        "-k",
        "top_p and not refuses",
        "--max-tokens-total",
        "1300",
    )
    assert ran.code == 0, ran.out
    gates = {name: verdict for name, verdict in ran.verdicts.items() if name.startswith("gate.")}
    assert set(gates.values()) <= {"passed", "not_offered"}


def test_a_client_keeps_to_the_ceiling() -> None:
    """What a real client may send is held before it starts, and given back where it sent less."""
    budget = Budget(requests=40, tokens=1000)
    one = Request(body=lean(max_tokens=16))
    budget.sent = 37  # 2 are kept
    assert not budget.allows(one, LATER, 2)
    assert budget.allows(one, LATER)
    assert budget.take(one, 2)
    assert (budget.sent, budget.held) == (39, 32)
    budget.give_back(one)
    budget.settle(one, answered(3))
    assert (budget.sent, budget.held, budget.used) == (38, 0, 3)


@pytest.mark.slow
def test_real_clients_are_cut_like_other_comparisons(ask: Ask, serve: Serve) -> None:
    pytest.importorskip("openai")
    server = serve(servers.strict)
    ran = ask("--endpoint", server.url, "-k", "client or gate.stream", "--max-requests", "14")
    assert ran.code == 6, ran.out
    assert len(server.received) <= 14
    cut_off = [line for line in ran.results.values() if line["verdict"] == "error"]
    assert cut_off
    assert {line["note"].partition(" ")[0] for line in cut_off} == {"budget:"}
