"""Servers of the fourth blind list that tell a refusal wrongly. See ``BLIND_4A.md``."""

from __future__ import annotations

import json

from chatproof.conformance.reference import answers, behaviour

from .base import refusing
from .blind_common import Body, Sent, between, content_of, messages_of, with_content
from .load_common import body_of
from .requests_making import stumbling
from .stream_common import collection

RANGE = ("_below_min_value", "_above_max_value")
KINDS = ("server_error", "authentication_error", "rate_limit_error", "invalid_request_error")


told = collection("blind4a-", prop="error", family="error")


def no_return(raw: bytes, sent: Sent) -> Sent:
    """The handler goes on after it has told that a number is out of its range."""
    body = body_of(raw)
    if sent[0]["status"] != 400 or body is None:
        return sent
    told = content_of(sent)
    code = json.loads(told)["error"]["code"]
    if not isinstance(code, str) or not code.endswith(RANGE):
        return sent
    reply = answers.plan(body, int(behaviour.Behaviour().clock()))
    return with_content(sent, told + behaviour.dump(answers.completion(reply)))


def silent(body: Body) -> None:
    if str(body["error"]["param"]).startswith("messages"):
        body["error"]["message"] = ""


def numbered(body: Body) -> None:
    kind = body["error"]["type"]
    body["error"]["type"] = KINDS.index(kind) if kind in KINDS else len(KINDS)


def scalar(body: Body) -> bool:
    return any(isinstance(message.get("content"), (bool, int, float)) for message in messages_of(body))


MUTANTS = [
    told(
        "error-then-answer",
        "err.json",
        around=between(no_return),
        with_it="err.envelope err.keys.* err.message client.error",
    ),
    told("error-message-empty", "err.message", refusing(silent), prop="messages", with_it="err.keys.message"),
    told("error-type-number", "err.keys.type", refusing(numbered), with_it="client.error"),
    told(
        "content-scalar-crash",
        "content.type.refuses",
        stumbling(scalar),
        prop="messages",
        family="crash",
        with_it="content.tool.type.refuses mm.position.refuses client.error",
    ),
]
