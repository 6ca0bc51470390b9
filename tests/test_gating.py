"""Gates that need others: what one gate found decides what is asked behind it."""

from __future__ import annotations

import pytest
import servers
from chatproof.conformance.plan import Settings
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
