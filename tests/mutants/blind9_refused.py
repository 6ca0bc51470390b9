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
        "function-name-one-letter-refused",
        "functions.name.pattern.accepts",
        refusing_valid(short_function),
        prop="functions",
        with_it="functions.name.accepts functions.min.accepts functions.max.accepts mm.tools.legacy together.*",
    ),
    refused(
        "seed-null-refused",
        "seed.null.accepts",
        refusing_valid(null("seed")),
        prop="seed",
        with_it="mm.null mm.default",
    ),
    refused(
        "tier-default-refused",
        "service_tier.enum.v0.accepts",
        refusing_valid(default_tier),
        prop="service_tier",
        with_it="together.*",
    ),
    refused(
        "role-function-refused",
        "gate.function_messages",
        refusing_message(any_message, "function"),
        with_it="role.function.accepts content.function.nullable.accepts content.assistant.function.accepts"
        " functions.conversation.accepts tools.history.functions tools.history.both together.*",
    ),
    refused(
        "prediction-newline-refused",
        "prediction.shape.accepts",
        refusing_valid(lines_predicted),
        prop="prediction",
        with_it="together.*",
    ),
    failing(
        "function-call-number-crash",
        "function_call.type.refuses",
        stumbling(numbered_call),
        "function_call",
        with_it="gate.function_call mm.monotone.bad",
    ),
    failing(
        "temperature-two-crash",
        "temperature.max.accepts",
        crashing(hottest),
        "temperature",
        with_it="temperature.number.accepts mm.number together.*",
    ),
    failing(
        "tool-content-empty-crash",
        "content.empty.tool.accepts",
        crashing_message(silent, "tool"),
        with_it="content.tool.required.accepts",
    ),
    failing("deep-nesting-crash", "http.deep", Reference(behaviour=Behaviour(parse=parse_shallow)), "body"),
    refused(
        "user-accent-stored-refused",
        "together.pairs.accepts",
        refusing_valid(accented_and_stored),
        prop="user",
        with_it="user.type.accepts store.type.accepts mm.monotone.good together.*",
    ),
    refused(
        "name-with-tools-refused",
        "together.pairs.accepts",
        refusing_valid(named_beside_tools),
        with_it="messages.name.type.accepts messages.name.pattern.accepts mm.monotone.good together.*",
    ),
    failing(
        "penalties-both-crash",
        "together.pairs.accepts",
        crashing(both_penalties),
        "presence_penalty",
        with_it="mm.monotone.good together.*",
    ),
    failing(
        "parts-stream-crash",
        "mm.content.parts",
        crashing(parts_streamed),
        with_it="content.*.parts.accepts content.parts.accepts mm.stream together.*",
    ),
    failing(
        "history-long-stream-crash",
        "together.pairs.accepts",
        crashing(long_stream),
        with_it="mm.stream messages.many.accepts messages.max together.*",
    ),
]
