"""Invalid requests that are accepted now and then: of all properties it is one fault, of one property that one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from zlib import crc32

import pytest
import servers
from chatproof.conformance.bearers import REPEAT_RULE
from chatproof.conformance.catalogue import load
from chatproof.conformance.model import Expect, RequestRule
from chatproof.conformance.results import Verdict
from test_campaign import Serve, fire

ABOUT = ("temperature", "seed", "user", "stop", "model")
RULES = [
    *(
        rule
        for rule in load().rules
        if isinstance(rule, RequestRule) and rule.expect is Expect.REFUSE and rule.property in ABOUT
    ),
    *(rule for rule in load().relations if rule.id == REPEAT_RULE),
]
Test = Callable[[servers.Received], bool]


SELDOM = 20
"""How often one body must be sent to be accepted again: more than a violation is asked again."""


def lenient(test: Test, first: int) -> servers.Behaviour:
    """The reference, which answers one in so many of these refused requests when it first sees it, and any of them the
    twentieth time."""
    met: Counter[bytes] = Counter()

    async def behave(request: servers.Received, talk: servers.Talk) -> None:
        met[request.content] += 1
        seen = met[request.content]
        lax = seen % SELDOM == 0 or (seen == 1 and crc32(request.content) % first == 0)
        if request.is_chat and refused(request) and test(request) and lax:
            await servers.agreeable(request, talk)
        else:
            await servers.strict(request, talk)

    return behave


def refused(request: servers.Received) -> bool:
    """Whether the reference refuses it."""
    return servers.status_of(request) >= 400


@pytest.mark.parametrize("in_flight", [1, 16])
def test_what_is_accepted_by_chance_whatever_is_wrong_is_one_finding(serve: Serve, in_flight: int) -> None:
    found = fire(serve(lenient(lambda request: True, 5)), RULES, in_flight=in_flight)
    told = [name for name, row in found.items() if row.verdict in (Verdict.FAILED, Verdict.INCONSISTENT)]
    assert told == [REPEAT_RULE]
    assert found[REPEAT_RULE].verdict is Verdict.INCONSISTENT
    finding = found[REPEAT_RULE].finding
    assert finding is not None
    assert "holds, but not every time" in finding.why


def test_what_is_accepted_by_chance_of_one_property_is_its_own(serve: Serve) -> None:
    found = fire(serve(lenient(lambda request: request.value("temperature") is not None, 3)), RULES)
    told = {name for name, row in found.items() if row.verdict in (Verdict.FAILED, Verdict.INCONSISTENT)}
    assert any(name.startswith("temperature.") for name in told)
    assert all(name.startswith("temperature.") for name in told - {REPEAT_RULE})  # which has pins of its own


def test_a_property_that_is_not_looked_at_is_not_asked_for_chance(serve: Serve) -> None:
    server = serve(servers.on(lambda request: request.value("seed") is not None, servers.agreeable, servers.strict))
    found = fire(server, RULES)
    assert found["seed.type.refuses"].verdict is Verdict.FAILED
    assert not [one for one in server.received if one.value("temperature") == "warm"]
