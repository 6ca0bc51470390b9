"""Servers that refuse, or fail at, what they must take where two things come together. See ``BLIND_4B.md``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.faults import Reason, coupled
from chatproof.conformance.reference.text import stops
from starlette.types import ASGIApp, Receive, Scope, Send

from .blind2_effects import starts
from .blind_common import Body, messages_of, pass_on, sent_by
from .blind_effects import wanted
from .effects_common import replying, without
from .load_common import is_create, whole
from .requests_making import crashing, refusing_valid
from .stream_common import collection

PLANE = 0xFFFF
"""The last character of the basic plane."""


refused = collection("blind4b-", family="refused")


# --- refused ----------------------------------------------------------------------------------------------------------


def seeded_several(body: Body) -> bool:
    return body.get("seed") is not None and (body.get("n") or 1) > 1


def called_before(body: Body) -> bool:
    return body.get("tools") is None and any(
        message.get("role") == "assistant" and message.get("tool_calls") for message in messages_of(body)
    )


def predicted_beside(body: Body) -> bool:
    named = ("n", "logprobs", "frequency_penalty", "presence_penalty")
    return body.get("prediction") is not None and any(body.get(name) is not None for name in named)


def chunked_ascii(app: ASGIApp) -> ASGIApp:
    """The pieces of a body are decoded one by one, by the codec that always works."""
    reason = coupled("http.json", None, "The body could not be parsed as JSON.", "should")
    content = behaviour.refuse(Reference(), reason).blocks[0]
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_create(scope):
            await app(scope, receive, send)
            return
        raw = await whole(receive)
        sent = await sent_by(app, scope, raw)
        chunked = dict(scope["headers"]).get(b"transfer-encoding", b"").lower() == b"chunked"
        if chunked and not raw.isascii() and sent[0]["status"] == 200:
            start = {"type": "http.response.start", "status": reason.status, "headers": headers}
            sent = [start, {"type": "http.response.body", "body": content}]
        await pass_on(send, sent)

    return changed


# --- failing ----------------------------------------------------------------------------------------------------------


def added_up(body: Body) -> bool:
    """Whether a string and a list would be put together."""
    for one, other in pairwise(messages_of(body)):
        kinds = {type(message.get("content")) for message in (one, other)}
        if one.get("role") == other.get("role") == "user" and kinds == {str, list}:
            return True
    return False


def unopened(body: Body) -> bool:
    return body.get("stream") is True and "stream_options" in body and body["stream_options"] is None


def failing(test: Callable[[Body, Reply], object]) -> Reference:
    """Fails at some replies."""

    def changed(body: Body, reply: Reply) -> Reply:
        if test(body, reply):
            raise RuntimeError("mutant")
        return reply

    return replying(changed)


def half_json(body: Body, reply: Reply) -> bool:
    """Whether what is written as JSON is none, in an answer that is looked at as a whole."""
    structured = wanted(body).get("type") in ("json_object", "json_schema")
    cut = any(choice.speaks and choice.finish == "length" for choice in reply.choices)
    return structured and cut and body.get("stream") is not True


def misaligned(body: Body, reply: Reply) -> bool:
    """Whether a text ends where no token does."""
    if reply.alternatives is None:
        return False
    for choice in reply.choices:
        tokens = answers.write(without("stop")(body), choice.index).tokens if choice.speaks else ()
        text = "".join(tokens)
        places = [place for place in (text.find(string) for string in stops(body)) if place >= 0]
        if places and min(places) not in {at for at, _ in starts(tokens)}:
            return True
    return False


def astral(_body: Body, reply: Reply) -> bool:
    return reply.alternatives is not None and any(
        ord(character) > PLANE
        for choice in reply.choices
        if choice.speaks
        for token in choice.tokens
        for character in token
    )


def half_call(body: Body, reply: Reply) -> bool:
    return body.get("stream") is True and any(choice.calls and choice.finish == "length" for choice in reply.choices)


# --- told -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Several(Reason):
    """The first of several reasons, with all of them."""

    found: tuple[Reason, ...] = ()


def gathered(found: Sequence[Reason]) -> Reason:
    if len({reason.rule for reason in found}) < 2:
        return found[0]
    one = found[0]
    return Several(one.rule, one.message, one.param, one.code, one.status, one.strength, one.type, tuple(found))


def detailed(reason: Reason) -> Mapping[str, Any]:
    if not isinstance(reason, Several):
        return behaviour.envelope(reason)
    return {
        "detail": [{"loc": ["body", one.param], "msg": one.message, "type": "value_error"} for one in reason.found],
    }


MUTANTS = [
    refused(
        "seed-n-refused",
        "together.pairs.accepts",
        refusing_valid(seeded_several),
        prop="seed",
        with_it="together.* mm.monotone.good",
    ),
    refused(
        "history-calls-need-tools",
        "toolcalls.undeclared",
        refusing_valid(called_before),
        prop="messages",
        with_it="mm.monotone.good toolcall.*.accepts content.assistant.optional.accepts content.tool.*.accepts"
        " gate.tool_messages",
    ),
    refused(
        "prediction-defaults-refused",
        "mm.default together.pairs.accepts",
        refusing_valid(predicted_beside),
        prop="prediction",
        with_it="prediction.incompat together.*",
    ),
    refused("chunked-ascii", "mm.ccase", prop="body", family="transport", around=chunked_ascii),
    refused(
        "users-in-a-row-crash",
        "messages.alternation content.parts.accepts",
        crashing(added_up),
        prop="messages",
        family="crash",
        with_it="content.user.parts.accepts together.*",
    ),
    refused(
        "stream-options-null-crash",
        "stream_options.null.stream.accepts",
        crashing(unopened),
        prop="stream_options",
        family="crash",
        with_it="mm.null together.*",
    ),
    refused(
        "json-cut-crash",
        "response_format.type.enum.accepts together.asked.accepts",
        failing(half_json),
        prop="response_format",
        family="crash",
        with_it="response_format.* together.* res.finish.length ef.maxtokens ef.length gate.json_*",
    ),
    refused(
        "stop-in-token-logprobs-crash",
        "together.pairs.accepts together.asked.accepts",
        failing(misaligned),
        prop="stop",
        family="crash",
        with_it="together.* res.logprobs.concat",
    ),
    refused(
        "astral-logprobs-crash",
        "ef.logprobs together.asked.accepts",
        failing(astral),
        prop="logprobs",
        family="crash",
        with_it="res.logprobs.concat res.logprobs.bytes http.unicode.accepts content.unicode.accepts together.*",
    ),
    refused(
        "stream-cut-call-crash",
        "mm.stream together.asked.accepts",
        failing(half_call),
        prop="max_tokens",
        family="crash",
        with_it="together.* ef.maxtokens.stream ef.length.stream",
    ),
    refused(
        "error-several-detail",
        "err.envelope",
        Reference(behaviour=Behaviour(first=gathered, envelope=detailed)),
        prop="error",
        family="error",
        with_it="err.keys.* client.error",
    ),
]
