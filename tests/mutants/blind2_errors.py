"""Servers that tell a refusal wrongly, from the second blind list."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Ask, Check, Reason
from chatproof.conformance.reference.validator import CHECKS

from .blind_common import Sent, between, content_of
from .stream_common import Around, collection

_STEP = re.compile(r"[^.\[\]]+")
_BIAS_KEY = "logit_bias.key.numeric"


refusal = collection("blind2-", prop="error", family="error")


def told(change: Callable[[Reason, dict[str, Any]], Any]) -> Reference:
    """With every error body changed, by its reason."""

    def envelope(reason: Reason) -> Any:
        body = behaviour.envelope(reason)
        change(reason, body)
        return body

    return Reference(behaviour=Behaviour(envelope=envelope))


def string_for_json(reason: Reason, body: dict[str, Any]) -> None:
    if reason.rule in ("http.json", "http.json.object", "http.body.empty"):
        body["error"] = reason.message


def no_type(reason: Reason, body: dict[str, Any]) -> None:
    if reason.code is None:
        body["error"]["type"] = None


def steps(reason: Reason, body: dict[str, Any]) -> None:
    found = _STEP.findall(reason.param or "")
    if len(found) > 1:
        body["error"]["param"] = [int(step) if step.isdecimal() else step for step in found]


def plain_text(raw: bytes, sent: Sent) -> Sent:
    """A wrong type is told as Rust's web frameworks do."""
    if sent[0]["status"] != 400:
        return sent
    error = json.loads(content_of(sent))["error"]
    if error["code"] != "invalid_type":
        return sent
    text = f"Failed to read the body: {error['message']}".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    return [{**sent[0], "status": 422, "headers": headers}, {"type": "http.response.body", "body": text}]


def crashing() -> Reference:
    """With an unhandled failure where a key of `logit_bias` is read as a number."""

    def failed(check: Check) -> Check:
        def found(ask: Ask) -> Iterator[Reason]:
            for reason in check.function(ask):
                yield replace(reason, message="Internal server error.", param=None, status=500, type="server_error")

        return Check(check.name, found)

    assert any(check.name == _BIAS_KEY for check in CHECKS)
    return Reference(checks=tuple(failed(check) if check.name == _BIAS_KEY else check for check in CHECKS))


def alternating() -> Around:
    """Of two replicas each gets every other request with the same body; the second one says 422 for 400."""
    seen: dict[bytes, int] = {}

    def turned(raw: bytes, sent: Sent) -> Sent:
        if sent[0]["status"] != 400:
            return sent
        seen[raw] = seen.get(raw, 0) + 1
        return sent if seen[raw] % 2 else [{**sent[0], "status": 422}, *sent[1:]]

    return between(turned)


MUTANTS = [
    refusal("error-string-json", "err.envelope", told(string_for_json)),
    refusal("error-plain-type", "err.json", around=between(plain_text), with_it="err.ctype err.envelope"),
    refusal("error-type-null", "err.keys.type", told(no_type)),
    refusal("error-param-list", "err.keys.param", told(steps)),
    refusal("error-500-bias", f"{_BIAS_KEY}.refuses", crashing(), prop="logit_bias", family="crash"),
    refusal("refusal-status-alternates", "mm.repeat.neg", around=alternating(), prop="server", family="relation"),
]
