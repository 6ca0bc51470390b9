"""All other forms of a body at once: each is there, where nothing changes nothing more is asked, and a fault is that of
its own rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import servers
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import Relation, Request
from chatproof.conformance.rules.forms_at_once import BASES, at_once
from serving import asked
from test_campaign import Serve

FORMS = [rule for rule in load().by_id.values() if isinstance(rule, Relation) and rule.form]
NAMES = [rule.id for rule in FORMS]
GATES = ["gate.max_tokens", "gate.max_completion_tokens", "gate.content_parts"]
SMOKE = Settings(depth="smoke")


@pytest.mark.parametrize("order", [lambda rows: rows, reversed, lambda rows: sorted(rows, key=lambda rule: rule.id)])
def test_every_form_is_there_in_whatever_order_they_come(order: Callable[[Any], Any]) -> None:
    script = at_once(list(order(FORMS))).script(BASES[0])
    assert next(script) == Request(BASES[0])
    other = script.send(None)
    assert isinstance(other, Request)
    assert other.chunked
    assert other.headers == (("CONTENT-TYPE", "application/json; charset=utf-8"),)
    text = other.content.decode()
    assert "\r\n" in text
    assert "0.9e0" in text
    assert "user" not in text
    body = json.loads(text)
    assert body["stop"] == ["END"]
    assert (body["max_completion_tokens"], "max_tokens" in body) == (16, False)
    assert all(isinstance(row["content"], list) for row in body["messages"] if row["role"] == "user")
    assert list(body).index("model") > list(body).index("messages")
    assert body["store"] is False


def test_what_is_absent_is_null_in_one_body_and_at_its_default_in_the_next() -> None:
    said: list[set[str]] = []
    for body in BASES:
        script = at_once(FORMS).script(body)
        assert next(script) == Request(body)
        other = script.send(None)
        assert isinstance(other, Request)
        sent = json.loads(other.content)
        said.append({"null" if sent["store"] is None else "default"} | ({"stream"} if sent["stream"] else set()))
    assert said[:2] == [{"default", "stream"}, {"null", "stream"}]
    assert {"null"} in said
    assert {"default"} in said


def test_a_null_that_a_stream_does_not_bear_is_found(serve: Serve) -> None:
    def nulled(request: servers.Received) -> bool:
        return request.is_chat and request.value("stream") is True and request.body.get("temperature", 1) is None

    found = asked(
        serve(servers.on(nulled, servers.refuses(), servers.strict)).url + "/v1", SMOKE, only=[*NAMES, *GATES]
    )
    assert {name for name, line in found.items() if line["verdict"] == "failed"} == {"mm.null"}


def test_what_holds_at_once_is_asked_no_further(serve: Serve) -> None:
    server = serve(servers.agreeable)
    found = asked(server.url + "/v1", SMOKE, only=NAMES)
    assert {line["verdict"] for line in found.values()} <= {"passed", "not_offered", "blocked"}
    chunked = [one for one in server.received if one.headers.get("transfer-encoding")]
    assert len(chunked) <= len(BASES)


def test_a_fault_in_one_form_is_its_own_rule_s(serve: Serve) -> None:
    def listed(request: servers.Received) -> bool:
        return request.is_chat and isinstance(request.value("stop"), list)

    server = serve(servers.on(listed, servers.refuses(), servers.strict))
    found = asked(server.url + "/v1", SMOKE, only=[*NAMES, *GATES, "gate.stop"])
    told = {name for name, line in found.items() if line["verdict"] == "failed"}
    assert told <= {"mm.stop.scalar"}
    assert found["mm.keyorder"]["verdict"] == found["mm.whitespace"]["verdict"] == "passed"
    assert found["mm.keyorder"].get("note", "") == ""  # it was asked by itself


def test_a_server_that_takes_no_rich_body_is_asked_by_each_rule(serve: Serve) -> None:
    rich = servers.on(lambda request: request.value("user") is not None, servers.refuses(), servers.strict)
    found = asked(serve(rich).url + "/v1", SMOKE, only=[*NAMES, *GATES])
    assert not any("at once" in line.get("note", "") for line in found.values())
    assert {line["verdict"] for line in found.values()} <= {"passed", "not_offered"}
