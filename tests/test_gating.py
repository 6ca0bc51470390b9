"""Gates that need others: what one gate found decides what is asked behind it."""

from __future__ import annotations

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from serving import asked
from test_campaign import Serve

CONTENT = ["gate.content_parts", "gate.images", "gate.audio_input"]
BEHIND = ["part.image.url.accepts", "part.image.url.refuses", "part.image.several", "part.audio.format.accepts"]


def in_parts(request: servers.Received) -> bool:
    """Any message whose content is an array."""
    messages = request.value("messages") if request.is_chat else None
    return isinstance(messages, list) and any(isinstance(one.get("content"), list) for one in messages)


@pytest.mark.parametrize(("status", "red"), [(500, ["gate.content_parts"]), (400, [])])
def test_a_gate_that_is_broken_bears_what_is_behind_it(serve: Serve, status: int, red: list[str]) -> None:
    """An engine that dies of parts dies of those with images as well: one finding, not one for each kind of part."""
    server = serve(servers.on(in_parts, servers.refuses(status), servers.strict))
    found = asked(server.url + "/v1", Settings(), only=[*CONTENT, *BEHIND])
    assert [name for name, line in found.items() if line["verdict"] in ("failed", "warning", "inconsistent")] == red
    assert {found[name]["verdict"] for name in BEHIND} <= {"blocked", "not_offered"}


def many(request: servers.Received) -> bool:
    """Whether a request says more than a probe does."""
    return request.is_chat and isinstance(request.body, dict) and len(request.body) > 6


@pytest.mark.parametrize("depth", ["smoke", "default"])
def test_probes_at_once_say_the_same_as_each_alone(serve: Serve, depth: str) -> None:
    """One is refused, one is not looked at: the others are offered, where many are taken at once as where not."""
    optional = servers.on(lambda request: request.value("logit_bias") is not None, servers.refuses(), servers.strict)
    blind = servers.on(lambda request: isinstance(request.value("user"), dict), servers.agreeable, optional)
    names = [gate.id for gate in load().gates if gate.effect is None]
    at_once, alone = (
        asked(serve(one).url + "/v1", Settings(depth=depth), only=names)
        for one in (blind, servers.on(many, servers.refuses(), blind))
    )
    told = {name: line["verdict"] for name, line in at_once.items()}
    assert told == {name: line["verdict"] for name, line in alone.items()}
    assert (told["gate.logit_bias"], told["gate.user"], told["gate.seed"]) == ("not_offered", "failed", "passed")


def test_probes_at_once_are_fewer_requests(serve: Serve) -> None:
    names = [gate.id for gate in load().gates if gate.effect is None]
    counts: list[int] = []
    for one in (servers.strict, servers.on(many, servers.refuses(), servers.strict)):
        server = serve(one)
        asked(server.url + "/v1", Settings(depth="smoke"), only=names)
        counts.append(len(server.received))
    assert counts[0] < counts[1] - 8
