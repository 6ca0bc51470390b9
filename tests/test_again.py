"""A violation is proved alone; what only a crowd or a refused request brings about is the finding of one rule."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import servers
from chatproof.conformance.again import PROOFS, SEQUELS, Crowd, CrowdSighting, asked_again, kept_apart
from chatproof.conformance.bearers import CROWD_RULE, REFUSED_RULE, REPEAT_RULE, STEADY_RULE
from chatproof.conformance.campaign import Campaign
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import AnswerRule, Exchange, Expect, Relation, Request, RequestRule, Strength, Symptom
from chatproof.conformance.pipeline import Pipeline
from chatproof.conformance.relations import Relations
from chatproof.conformance.results import Result, Verdict
from chatproof.conformance.target import Target
from chatproof.strategies.bodies import lean
from test_campaign import QUICK, Serve, catalogue_of, rule, users


@pytest.mark.parametrize(
    ("again", "together", "told", "crowd"),
    [
        ([True], None, "2/2", False),
        ([False, True], None, "2/3", False),
        ([False] * PROOFS, None, f"1/{PROOFS + 1}", False),
        ([False] * PROOFS, [True] * 16, "16/16", True),
        ([False] * PROOFS, [True] * 4 + [False] * 12, "4/16", True),
        ([False] * PROOFS, [True] * 3 + [False] * 13, f"1/{PROOFS + 1}", False),  # now and then is no crowd's doing
        ([False] * PROOFS, [False] * 16, f"1/{PROOFS + 1}", False),
        ([True], [True] * 16, "2/2", False),  # broken alone: nobody else is asked
    ],
)
def test_what_asking_again_says(again: list[bool], together: list[bool] | None, told: str, crowd: bool) -> None:
    answers = iter(again)

    async def alone() -> str | None:
        return "broken" if next(answers) else None

    async def many() -> Sequence[str | None]:
        return ["broken" if one else None for one in together or ()]

    found = asyncio.run(asked_again("broken", alone, many if together else None))
    assert (found.told, found.crowd) == (told, crowd)
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("last", "all_of_them", "told", "after"),
    [
        ([True] * SEQUELS, [], "3/3", 1),
        ([True, False], [True] * SEQUELS, "3/3", 4),
        ([True, False], [True, True, False], f"1/{PROOFS + 1}", 0),  # now and then is nobody's doing
    ],
)
def test_what_is_there_after_others_each_time(last: list[bool], all_of_them: list[bool], told: str, after: int) -> None:
    before = tuple(Request(body=lean(seed=place)) for place in range(4))

    async def alone() -> str | None:
        return None

    def sequel(answers: list[bool]) -> Callable[[], Awaitable[str | None]]:
        left = iter(answers)

        async def asked() -> str | None:
            return "broken" if next(left) else None

        return asked

    after_some = [(before[-1:], sequel(last)), (before, sequel(all_of_them))]
    found = asyncio.run(asked_again("broken", alone, after=after_some))
    assert (found.told, len(found.after)) == (told, after)


def crowded(wrong: servers.Behaviour, other: servers.Behaviour = servers.agreeable) -> servers.Behaviour:
    """Does wrong whenever another request is there at the same time."""
    here = [0]

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        here[0] += 1
        try:
            await asyncio.sleep(0.03)
            await (wrong if here[0] > 1 and request.is_chat else other)(request, talk)
        finally:
            here[0] -= 1

    return behave


CROWD: Relation = replace(load().by_id[CROWD_RULE], chapter="many")  # type: ignore[type-var]
ASKED = tuple(rule(f"r{place}", pins=users(f"u{place}")) for place in range(8))


def fire(
    server: servers.Server, rules: Sequence[RequestRule | AnswerRule | Relation], **chosen: Any
) -> dict[str, Result]:
    requests = [one for one in rules if isinstance(one, RequestRule)]
    answers = tuple(one for one in rules if isinstance(one, AnswerRule))
    relations = tuple(one for one in rules if isinstance(one, Relation))
    catalogue = replace(catalogue_of(*requests), answers=answers, relations=relations)
    campaign = Campaign(Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK), catalogue, Settings(**chosen))
    campaign.open()
    try:
        campaign.submit(rules)
        return {one.id: campaign.result(one.id) for one in rules}
    finally:
        campaign.close()


@pytest.mark.parametrize(
    "wrong", [servers.refuses(), servers.refuses(500), servers.resets], ids=["400", "500", "reset"]
)
def test_a_crowd_is_blamed_and_nobody_else(serve: Serve, wrong: servers.Behaviour) -> None:
    found = fire(serve(crowded(wrong)), [*ASKED, CROWD])
    blamed = found.pop(CROWD_RULE)
    assert blamed.verdict is Verdict.FAILED
    assert blamed.finding is not None
    assert blamed.finding.symptom in (Symptom.REFUSED_VALID, Symptom.CRASHED, Symptom.DISCONNECTED)
    assert "holds alone" in blamed.finding.why
    assert len(blamed.finding.steps) > 1  # a replay sends them together
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    assert any("many.*" in result.note for result in found.values())


def rarely(wrong: servers.Behaviour, every: int) -> servers.Behaviour:
    """Does wrong with every so many-th request."""
    turn = [0]

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        turn[0] += request.is_chat
        await (wrong if request.is_chat and turn[0] % every == 0 else servers.agreeable)(request, talk)

    return behave


STEADY: Relation = replace(load().by_id[STEADY_RULE], chapter="relations")  # type: ignore[type-var]
MANY = tuple(rule(f"m{place}", pins=users(f"v{place}")) for place in range(60))


@pytest.mark.parametrize("status", [400, 500])
def test_what_fails_now_and_then_is_one_finding(serve: Serve, status: int) -> None:
    found = fire(serve(rarely(servers.refuses(status), 17)), [*MANY, STEADY], in_flight=1)
    blamed = found.pop(STEADY_RULE)
    assert blamed.verdict is Verdict.INCONSISTENT
    assert blamed.finding is not None
    assert "not every time" in blamed.finding.why
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    assert any(STEADY_RULE in result.note for result in found.values())


def by_turns(texts: Sequence[tuple[str, int]]) -> servers.Behaviour:
    """Says these texts in turn, of so many tokens each, and is cut where a bound is smaller."""
    turn = [0]

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        if not request.is_chat:
            await servers.agreeable(request, talk)
            return
        turn[0] += 1
        text, tokens = texts[turn[0] % len(texts)]
        value: Any = request.value("max_tokens") or request.value("max_completion_tokens")
        bound = value if isinstance(value, int) else 64
        answer = servers.completion(text)
        answer["usage"] = {"prompt_tokens": 3, "completion_tokens": min(tokens, bound), "total_tokens": 3}
        answer["choices"][0]["finish_reason"] = "stop" if tokens <= bound or tokens == 60 else "length"
        await talk.json(200, answer)

    return behave


ENDS: AnswerRule = load().by_id["ef.length"]  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("texts", "verdict"),
    [
        ([("OK", 1), ("A long text.", 40), ("OK", 1), ("OK", 1), ("OK", 1), ("A long text.", 40)], Verdict.PASSED),
        ([("A text that never says that it was cut.", 60)], Verdict.FAILED),
    ],
    ids=["in turn", "never"],
)
def test_an_end_that_may_have_come_by_itself_is_asked_for_again(
    serve: Serve, texts: list[tuple[str, int]], verdict: Verdict
) -> None:
    found = fire(serve(by_turns(texts)), [ENDS], in_flight=1)
    assert found[ENDS.id].verdict is verdict


def of_crowd(*seen: tuple[str, Symptom]) -> Relations:
    """What is known when these rules were broken in a crowd."""
    kept = kept_apart()
    kept[CROWD_RULE].blamed = CROWD_RULE
    request = Request(body=lean())
    kept[CROWD_RULE].sightings += [
        CrowdSighting(name, "", symptom, request, Exchange(request), "2/2") for name, symptom in seen
    ]
    rules = tuple(one for one in load().by_id.values() if isinstance(one, AnswerRule))
    given: Any = SimpleNamespace(rules=rules)
    unused: Any = None
    return Relations(unused, Settings(), given, unused, kept, unused)


WRONG = Symptom.WRONG_CONTENT


@pytest.mark.parametrize(
    ("seen", "home"),
    [
        ([("ef.json_object", WRONG)], "many.schemas"),
        ([("sse.usage.on", WRONG), ("sse.same.id", WRONG)], "many.streams"),
        ([("ef.json_object", WRONG), ("sse.same.id", WRONG)], None),
        ([("ef.json_object", Symptom.CRASHED)], None),
        ([("ef.stop", WRONG)], None),
        ([("mm.number", WRONG)], None),
    ],
)
def test_what_a_crowd_breaks_of_one_property_is_its_rules_finding(
    seen: list[tuple[str, Symptom]], home: str | None
) -> None:
    held = [
        one
        for one in load().by_id.values()
        if isinstance(one, Relation) and one.chapter == "many" and one.id != CROWD_RULE
    ]
    found = of_crowd(*seen).seen_by(held)
    assert (found.id if found else None) == home


def test_who_fails_now_and_then_says_so_where_nobody_else_does(serve: Serve) -> None:
    found = fire(serve(rarely(servers.refuses(500), 17)), MANY, in_flight=1)
    assert Verdict.INCONSISTENT in {result.verdict for result in found.values()}


@pytest.mark.parametrize(
    ("strength", "symptom", "kept"),
    [
        (Strength.MAY, Symptom.WRONG_CONTENT, False),
        (Strength.MAY, Symptom.CRASHED, True),
        (Strength.SHOULD, Symptom.WRONG_CONTENT, True),
        (Strength.MUST, Symptom.WRONG_CONTENT, True),
        (Strength.MUST, Symptom.HUNG, False),
    ],
)
def test_what_binds_nobody_alone_binds_nobody_in_a_crowd(strength: Strength, symptom: Symptom, kept: bool) -> None:
    """Ids that are the time in milliseconds are shared by many at once, and no document says that they must not be."""
    crowd = Crowd(blamed=CROWD_RULE)
    request = Request(body=lean())
    said = crowd.note(CrowdSighting("res.id.unique", "", symptom, request, Exchange(request), "5/16"), strength)
    assert said.startswith("holds alone; broken with others in flight, 5/16")
    assert (CROWD_RULE in said) is kept
    assert bool(crowd.sightings) is kept


def restless(member: str) -> servers.Behaviour:
    """Streams three chunks, of which the last has another id or time."""
    rows: list[dict[str, Any]] = [{"id": "chatcmpl-1", "created": 1_700_000_000} for _ in range(3)]
    rows[-1][member] = {"id": "chatcmpl-2", "created": 1_700_000_001}[member]
    deltas = [{"role": "assistant", "content": ""}, {"content": "Hi."}, {}]
    events = [
        {
            **row,
            "object": "chat.completion.chunk",
            "model": servers.MODEL,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None if delta else "stop"}],
        }
        for row, delta in zip(rows, deltas, strict=True)
    ]
    content = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + b"data: [DONE]\n\n"

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        if request.value("stream"):
            await talk.reply(200, content, "text/event-stream")
        else:
            await servers.strict(request, talk)

    return behave


@pytest.mark.parametrize(("member", "blamed"), [("id", CROWD_RULE), ("created", "sse.same.created")])
def test_a_clock_that_moves_on_is_no_crowds_doing(serve: Serve, member: str, blamed: str) -> None:
    """Streams that share the server last longer, so that the time of each chunk is another one there first."""
    one = load().by_id[f"sse.same.{member}"]
    assert isinstance(one, AnswerRule)
    asked = rule("streamed", pins=tuple(lean(stream=True, user=f"u{place}") for place in range(8)))
    found = fire(serve(crowded(restless(member), servers.strict)), [asked, replace(one, needs=()), CROWD])
    assert [name for name, result in found.items() if result.verdict is not Verdict.PASSED] == [blamed]


def test_where_nobody_can_be_blamed_it_is_not_forgotten(serve: Serve) -> None:
    found = fire(serve(crowded(servers.refuses(500))), ASKED)
    assert Verdict.INCONSISTENT in {result.verdict for result in found.values()}


def test_what_fails_alone_stays_with_its_rule(serve: Serve) -> None:
    def first(request: servers.Received) -> bool:
        return request.is_chat and request.value("user") == "u0"

    found = fire(serve(servers.on(first, servers.resets, servers.agreeable)), ASKED)
    assert [name for name, result in found.items() if result.verdict is Verdict.FAILED] == [ASKED[0].id]


def test_alone_is_alone(serve: Serve) -> None:
    server = serve(servers.slowly(0.05, servers.agreeable))

    async def work() -> int:
        target = Target(server.url + "/v1", model=servers.MODEL, bounds=QUICK)
        async with Pipeline(target, 8) as pipeline:
            others = [pipeline.ask(Request(body=lean(user=str(place))), "x", (1,)) for place in range(24)]
            alone = await pipeline.ask_alone(Request(body=lean(user="alone")), "y")
            await asyncio.gather(*others)
            begun = [one.result() for one in others]
            assert alone.status == 200
            return sum(one.started < alone.finished and alone.started < one.finished for one in begun)

    assert asyncio.run(work()) == 0
    assert server.most_in_flight > 1


def after_refused(other: servers.Behaviour) -> servers.Behaviour:
    """Every other request right after a refused one crashes."""
    refused, turns = [False], count(1)

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        due = request.is_chat and refused[0] and next(turns) % 2 == 0
        refused[0] = request.is_chat and not request.value("messages")
        await (servers.refuses(500) if due else servers.refuses(400) if refused[0] else other)(request, talk)

    return behave


def test_what_only_a_refused_request_brings_about_is_one_finding(serve: Serve) -> None:
    bad = [rule(f"b{place}", Expect.REFUSE, pins=(lean(messages=[], user=f"b{place}"),)) for place in range(8)]
    isolation = load().by_id[REFUSED_RULE]
    assert isinstance(isolation, Relation)
    found = fire(serve(after_refused(servers.agreeable)), [*ASKED, *bad, isolation])
    blamed = found.pop(REFUSED_RULE)
    assert blamed.verdict is Verdict.FAILED
    assert blamed.finding is not None
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    assert any(REFUSED_RULE in result.note for result in found.values())


def marked(wrong: servers.Behaviour) -> servers.Behaviour:
    """Does wrong for every request without a mark that follows one with a mark, on the same connection."""
    marks: dict[int, bool] = {}

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        before, now = marks.get(request.connection, False), bool(request.value("store"))
        if request.is_chat:
            marks[request.connection] = now
        await (wrong if before and request.is_chat and not now else servers.agreeable)(request, talk)

    return behave


MARKING = tuple(rule(f"m{place}", pins=(lean(store=True, user=f"m{place}"),)) for place in range(8))


@pytest.mark.parametrize("borne", [True, False])
def test_what_only_follows_on_another_request_is_proved_after_it(serve: Serve, borne: bool) -> None:
    isolation = load().by_id[REFUSED_RULE]
    assert isinstance(isolation, Relation)
    rules = [one for pair in zip(ASKED, MARKING, strict=True) for one in pair]
    found = fire(serve(marked(servers.refuses())), [*rules, *([isolation] if borne else [])], in_flight=1)
    red = {name: result for name, result in found.items() if result.verdict is Verdict.FAILED}
    assert red
    assert set(red) <= ({REFUSED_RULE} if borne else {one.id for one in ASKED})
    for result in red.values():
        assert result.finding is not None
        assert result.finding.confirmed == f"{SEQUELS}/{SEQUELS}"
        assert "in the same connection" in result.finding.why
        *before, last = [step.body for step in result.finding.steps]
        assert before[-1]["store"] is True
        assert "store" not in last


def errors_on(test: Callable[[servers.Received], bool]) -> servers.Behaviour:
    return servers.on(lambda request: request.is_chat and test(request), servers.refuses(500), servers.strict)


def relations_of(*names: str) -> list[Relation]:
    return [replace(one, needs=()) for one in load().relations if one.id in names]


def test_a_server_error_that_a_comparison_meets_is_its_finding_once(serve: Serve) -> None:
    compared = relations_of("ef.prompt.monotone")
    compared += [replace(compared[0], id="ef.prompt.again")]
    found = fire(serve(errors_on(lambda request: len(request.value("messages")) > 30)), compared)
    assert sorted(row.verdict for row in found.values()) == [Verdict.FAILED, Verdict.NOT_OFFERED]
    finding = next(row.finding for row in found.values() if row.finding)
    assert finding.symptom is Symptom.CRASHED
    assert finding.confirmed == "2/2"
    assert len(finding.request.body["messages"]) > 30


def test_a_server_error_that_another_rule_finds_is_no_comparisons_finding(serve: Serve) -> None:
    many = lean(messages=[{"role": "user", "content": "Hi."}] * 40)
    long = replace(rule("long", pins=(many,)), property="messages")
    found = fire(
        serve(errors_on(lambda request: len(request.value("messages")) > 30)),
        [long, *relations_of("ef.prompt.monotone")],
    )
    assert {name: row.verdict for name, row in found.items()} == {
        long.id: Verdict.FAILED,
        "ef.prompt.monotone": Verdict.NOT_OFFERED,
    }


def test_a_crash_of_its_own_is_no_leftover(serve: Serve) -> None:
    def first(request: servers.Received) -> bool:
        return request.is_chat and request.value("user") == "u0"

    isolation = load().by_id[REFUSED_RULE]
    assert isinstance(isolation, Relation)
    server = servers.on(first, servers.refuses(500), servers.strict)
    found = fire(serve(server), [*ASKED, isolation])
    assert [name for name, result in found.items() if result.verdict is Verdict.FAILED] == [ASKED[0].id]


def test_what_a_crowd_loses_is_one_finding_whatever_it_asks_for(serve: Serve) -> None:
    many = [one for one in load().relations if one.chapter == "many" and not one.needs]
    many.append(load().by_id["many.choices"])  # pyright: ignore
    found = fire(serve(crowded(servers.refuses(500), servers.strict)), many)
    assert {name: result.verdict for name, result in found.items()} == {
        "many.ids": Verdict.BLOCKED,
        "many.choices": Verdict.BLOCKED,
        CROWD_RULE: Verdict.FAILED,
    }
    assert {result.blocked_by for result in found.values()} == {CROWD_RULE, ""}


def test_what_a_crowd_mixes_up_is_told_by_the_rule_about_it_alone(serve: Serve) -> None:
    async def one_choice(request: servers.Received, talk: servers.Talk) -> None:
        body = {name: value for name, value in request.body.items() if name != "n"}
        await servers.strict(replace(request, content=json.dumps(body).encode()), talk)

    count_of = load().by_id["res.choices.count"]
    assert isinstance(count_of, AnswerRule)
    several = rule("several", pins=tuple(lean(n=2, user=f"u{place}") for place in range(8)))
    rules = [several, replace(count_of, needs=(), pins=()), *relations_of("many.choices"), CROWD]
    found = fire(serve(crowded(one_choice, servers.strict)), rules)
    assert [name for name, row in found.items() if row.verdict is Verdict.FAILED] == ["many.choices"]


def test_answers_that_a_crowd_mixes_up_stay_with_their_rule(serve: Serve) -> None:
    many = [one for one in load().relations if one.id in ("many.choices", CROWD_RULE)]
    found = fire(serve(crowded(servers.agreeable, servers.strict)), many)
    assert {name: result.verdict for name, result in found.items()} == {
        "many.choices": Verdict.FAILED,
        CROWD_RULE: Verdict.FAILED,
    }


@pytest.mark.parametrize("once", [True, False], ids=["refused once", "refused plain only"])
def test_another_form_is_not_blamed_for_what_is_refused_only_once(serve: Serve, once: bool) -> None:
    """Where the plain form of a body repeats its verdict, the difference stays with the relation."""
    told: set[bytes] = set()

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        plain = not request.value("stream")
        bad = request.is_chat and request.value("temperature") == 3 and plain
        refuses = bad and not (once and request.content in told)
        if bad:
            told.add(request.content)
        await (servers.refuses(400) if refuses else servers.agreeable)(request, talk)

    relations = [one for one in load().relations if one.id in ("mm.stream", REPEAT_RULE)]
    compared = [replace(one, pins=(lean(temperature=3),), examples=None) for one in relations]
    found = {name: row.verdict for name, row in fire(serve(behave), compared).items()}
    assert found["mm.stream"] is (Verdict.BLOCKED if once else Verdict.FAILED)
    borne = (Verdict.FAILED, Verdict.INCONSISTENT)  # a fault that strikes only once is not seen a second time
    assert found[REPEAT_RULE] in borne if once else found[REPEAT_RULE] is Verdict.PASSED
