"""Servers that refuse what they must take, or fail at a request, from the ninth blind list. See ``BLIND_9.md``."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference

from .blind6_taken import is_number, streamed
from .blind_common import Body
from .blind_transport import levels
from .requests_making import (
    crashing,
    crashing_message,
    entries,
    null,
    refusing_message,
    refusing_valid,
    spoken,
    stumbling,
)
from .stream_common import collection

DEEP = 200
"""Levels of the deepest body that does not fail."""
MANY = 40
"""Messages of the longest conversation that can be streamed."""
HOTTEST = 2
SPEAKERS = ("system", "user", "assistant")


refused = collection("blind9-", prop="messages", family="refused")


def any_message(_message: Body) -> bool:
    return True


def short_function(body: Body) -> bool:
    names = [function.get("name") for function in entries(body, "functions")]
    return any(isinstance(name, str) and len(name) < 2 for name in names)


def default_tier(body: Body) -> bool:
    return body.get("service_tier") == "default"


def lines_predicted(body: Body) -> bool:
    prediction = body.get("prediction")
    content = prediction.get("content") if isinstance(prediction, dict) else None
    return isinstance(content, str) and "\n" in content


def numbered_call(body: Body) -> bool:
    return is_number(body.get("function_call"))


def hottest(body: Body) -> bool:
    temperature = body.get("temperature")
    return is_number(temperature) and temperature == HOTTEST


def silent(message: Body) -> bool:
    return message.get("content") == ""


def parse_shallow(raw: bytes) -> Any:
    try:
        body = behaviour.parse(raw)
    except RecursionError as error:
        raise RuntimeError("mutant") from error
    if levels(body) > DEEP:
        raise RuntimeError("mutant")
    return body


# --- two circumstances ------------------------------------------------------------------------------------------------


def accented_and_stored(body: Body) -> bool:
    user = body.get("user")
    return body.get("store") is True and isinstance(user, str) and not user.isascii()


def named_beside_tools(body: Body) -> bool:
    named = any(isinstance(message.get("name"), str) for message in spoken(body, *SPEAKERS))
    return bool(body.get("tools")) and named


def both_penalties(body: Body) -> bool:
    return bool(body.get("frequency_penalty")) and bool(body.get("presence_penalty"))


def parts_streamed(body: Body) -> bool:
    return streamed(body) and any(isinstance(message.get("content"), list) for message in spoken(body))


def long_stream(body: Body) -> bool:
    return streamed(body) and len(body["messages"]) > MANY


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "function-name-one-letter-refused", "functions.name.accepts", refusing_valid(short_function), prop="functions"
    ),
    refused("seed-null-refused", "seed.type.accepts", refusing_valid(null("seed")), prop="seed"),
    refused("tier-default-refused", "service_tier.enum.v0.accepts", refusing_valid(default_tier), prop="service_tier"),
    refused("role-function-refused", "role.enum.accepts", refusing_message(any_message, "function")),
    refused(
        "prediction-newline-refused", "prediction.shape.accepts", refusing_valid(lines_predicted), prop="prediction"
    ),
    failing("function-call-number-crash", "function_call.enum.refuses", stumbling(numbered_call), "function_call"),
    failing("temperature-two-crash", "temperature.max.accepts", crashing(hottest), "temperature"),
    failing("tool-content-empty-crash", "content.tool.required.accepts", crashing_message(silent, "tool")),
    failing("deep-nesting-crash", "http.deep", Reference(behaviour=Behaviour(parse=parse_shallow)), "body"),
    refused("user-accent-stored-refused", "user.type.accepts", refusing_valid(accented_and_stored), prop="user"),
    refused("name-with-tools-refused", "messages.name.type.accepts", refusing_valid(named_beside_tools)),
    failing("penalties-both-crash", "together.pairs.accepts", crashing(both_penalties), "presence_penalty"),
    failing("parts-stream-crash", "mm.stream", crashing(parts_streamed)),
    failing("history-long-stream-crash", "messages.many.accepts", crashing(long_stream)),
]
