"""A fault in company is a finding of its own only where it is not taken by itself: else a simpler rule bears it."""

from __future__ import annotations

from typing import Any

import pytest
import servers
from chatproof.conformance.depths import Settings
from serving import asked
from test_campaign import Serve


def odd_roles(request: servers.Received) -> list[int]:
    """Places of the messages whose role does not exist."""
    messages: Any = request.value("messages") if request.is_chat else None
    known = ("system", "user", "assistant", "tool", "function")
    return [i for i, one in enumerate(messages or ()) if isinstance(one, dict) and one.get("role") not in known]


def odd_biases(request: servers.Received) -> list[int]:
    """Places of the biases beyond ±100."""
    biases: Any = request.value("logit_bias") if request.is_chat else None
    values = biases.values() if isinstance(biases, dict) else ()
    return [i for i, bias in enumerate(values) if type(bias) is int and abs(bias) > 100]


CASES = [
    (odd_roles, "role.enum.refuses", "mm.position.refuses"),
    (odd_biases, "logit_bias.value.range.refuses", "logit_bias.value.range.among.refuses"),
]


@pytest.mark.parametrize(("odd", "alone", "among"), CASES, ids=[case[2] for case in CASES])
@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "but in front"])
def test_the_simpler_rule_bears_it(serve: Serve, odd: Any, alone: str, among: str, everywhere: bool) -> None:
    def taken(request: servers.Received) -> bool:
        places = odd(request)
        return bool(places) and (everywhere or min(places) > 0)

    found = asked(
        serve(servers.on(taken, servers.agreeable, servers.strict)).url + "/v1", Settings(), only=[alone, among]
    )
    red = [name for name, line in found.items() if line["verdict"] == "failed"]
    assert (red == [alone]) if everywhere else (among in red)
    assert found[among]["blocked_by"] == ("a simpler rule" if everywhere else "")


@pytest.mark.parametrize(("prop", "other"), [("tools", "fn"), ("functions", "functions")])
def test_many_are_not_blamed_for_what_one_lacks(serve: Serve, prop: str, other: str) -> None:
    """A server that wants parameters refuses 128 functions without any, and one such function as well."""

    def lacking(request: servers.Received) -> bool:
        functions: Any = request.value(prop) if request.is_chat else None
        bare = [one.get("function", one) if isinstance(one, dict) else {} for one in functions or ()]
        return any("parameters" not in one for one in bare)

    rules = [f"{prop}.max.accepts", f"{other}.parameters.optional.accepts"]
    found = asked(serve(servers.on(lacking, servers.refuses(), servers.strict)).url + "/v1", Settings(), only=rules)
    assert [found[name]["verdict"] for name in rules] == ["blocked", "failed"]
    assert found[rules[0]]["blocked_by"] == "control"


def test_what_a_tool_holds_is_not_blamed_for_how_many_there_are(serve: Serve) -> None:
    """A server that takes one tool at most, or one with an ordinary name."""

    def several(request: servers.Received) -> bool:
        tools: Any = request.value("tools") if request.is_chat else None
        return isinstance(tools, list) and len(tools) > 1

    rules = ["fn.name.maxlen.accepts", "fn.strict.default.accepts", "fn.name.pattern.accepts"]
    found = asked(serve(servers.on(several, servers.refuses(), servers.strict)).url + "/v1", Settings(), only=rules)
    assert {found[name]["blocked_by"] for name in rules} == {"control"}
    found = asked(serve(servers.on(odd_name, servers.refuses(), servers.strict)).url + "/v1", Settings(), only=rules)
    assert [found[name]["verdict"] for name in rules] == ["failed", "passed", "passed"]


def odd_name(request: servers.Received) -> bool:
    """Whether a tool has a long name."""
    tools: Any = request.value("tools") if request.is_chat else None
    return isinstance(tools, list) and any("a" * 60 in str(tool) for tool in tools)


def test_what_only_company_lets_pass_is_left_to_no_rule_that_was_not_asked_so(serve: Serve) -> None:
    """An engine that checks the keys of biases when the stream has begun."""

    def late(request: servers.Received) -> bool:
        biases: Any = request.value("logit_bias") if request.is_chat else None
        return isinstance(biases, dict) and not all(map(str.isdigit, biases)) and request.value("stream") is True

    among = "logit_bias.key.numeric.among.refuses"
    url = serve(servers.on(late, servers.agreeable, servers.strict)).url + "/v1"
    found = asked(url, Settings(), only=["gate.stream", "gate.streaming", among])
    assert found[among]["verdict"] == "failed"
