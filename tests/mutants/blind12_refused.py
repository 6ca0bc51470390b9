"""Servers that refuse what they must take, or fail at a request, from the twelfth blind list. See ``BLIND_12.md``."""

from __future__ import annotations

import json
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference

from .blind6_taken import is_number, streamed
from .blind11_refused import of_several_lines
from .blind12_taken import several
from .blind_common import Body
from .requests_making import crashing, crashing_message, entries, null, parts, refusing_valid, stumbling
from .stream_common import collection

HIGHEST, LOWEST = 2, -2
"""The ends of a penalty's range."""


refused = collection("blind12-", prop="messages", family="refused")


def most_frequent(body: Body) -> bool:
    penalty = body.get("frequency_penalty")
    return is_number(penalty) and penalty == HIGHEST


def least_present(body: Body) -> bool:
    penalty = body.get("presence_penalty")
    return is_number(penalty) and penalty == LOWEST


def audio_out(body: Body) -> Body:
    audio = body.get("audio")
    return audio if isinstance(audio, dict) else {}


def underscored(body: Body) -> bool:
    return any("_" in tool["function"]["name"] for tool in entries(body, "tools"))


def predicted_in_parts(body: Body) -> bool:
    prediction = body.get("prediction")
    content = prediction.get("content") if isinstance(prediction, dict) else None
    return isinstance(content, list) and len(content) > 1


def declined(body: Body) -> bool:
    return any(part.get("type") == "refusal" for part in parts(body, "assistant"))


def no_alternatives(body: Body) -> bool:
    count = body.get("top_logprobs")
    return body.get("logprobs") is True and is_number(count) and count == 0


def goes_on(raw: bytes) -> bool:
    """Whether something follows a JSON value."""
    try:
        text = raw.decode("utf-8").lstrip()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return bool(text[end:].strip())


def parse_or_fail(raw: bytes) -> Any:
    try:
        return behaviour.parse(raw)
    except BadJson as error:
        if goes_on(raw):
            raise RuntimeError("mutant") from error
        raise


def parse_unreturned(raw: bytes) -> Any:
    if b"\r" in raw:
        raise BadJson("a carriage return")
    return behaviour.parse(raw)


# --- two circumstances ------------------------------------------------------------------------------------------------


def seeded_stream(body: Body) -> bool:
    return streamed(body) and body.get("seed") is not None


def described_user(body: Body) -> bool:
    return bool(body.get("metadata")) and isinstance(body.get("user"), str)


def described_logprobs(body: Body) -> bool:
    return bool(body.get("metadata")) and body.get("logprobs") is True


def narrowed_several(body: Body) -> bool:
    top_p = body.get("top_p")
    return several(body) and is_number(top_p) and top_p < 1


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "frequency-two-refused",
        "frequency_penalty.max.accepts",
        refusing_valid(most_frequent),
        prop="frequency_penalty",
        with_it="frequency_penalty.* gate.frequency_penalty mm.number mm.monotone.good mm.isolation.options together.*",
    ),
    refused(
        "voice-ash-refused",
        "audio.voice.accepts",
        refusing_valid(lambda body: audio_out(body).get("voice") == "ash"),
        prop="audio",
        with_it="audio.*.accepts audio.alone modalities.*.accepts modalities.audio gate.audio_output"
        " mm.monotone.good together.*",
    ),
    refused(
        "tool-name-underscore-refused",
        "fn.name.pattern.accepts",
        refusing_valid(underscored),
        prop="tools",
        with_it="tools.* fn.* tool.* tool_choice.* parallel_tool_calls.* toolcall.* toolcalls.* function* gate.*"
        " assistant.* content.* role.* messages.* stream.tools.accepts stream.tool_choice.accepts"
        " client.* many.* ef.* res.* sse.* mm.* together.*",
    ),
    refused(
        "store-true-refused",
        "store.type.accepts",
        refusing_valid(lambda body: body.get("store") is True),
        prop="store",
        with_it="store.*.accepts metadata.* gate.store gate.metadata mm.monotone.good mm.isolation.options together.*",
    ),
    refused(
        "prediction-parts-several-refused",
        "prediction.parts.accepts",
        refusing_valid(predicted_in_parts),
        prop="prediction",
        with_it="prediction.*.accepts mm.monotone.good together.*",
    ),
    failing(
        "presence-lowest-crash",
        "presence_penalty.min.accepts",
        crashing(least_present),
        "presence_penalty",
        with_it="presence_penalty.* gate.presence_penalty mm.number mm.monotone.good mm.isolation.options together.*",
    ),
    failing(
        "audio-opus-crash",
        "audio.format.accepts",
        crashing(lambda body: audio_out(body).get("format") == "opus"),
        "audio",
        with_it="audio.*.accepts audio.alone modalities.*.accepts modalities.audio gate.audio_output"
        " mm.monotone.good together.*",
    ),
    failing(
        "refusal-part-crash",
        "part.refusal.accepts",
        crashing(declined),
        with_it="content.assistant.* part.refusal.* mm.monotone.good together.*",
    ),
    failing(
        "tier-number-crash",
        "service_tier.type.refuses",
        stumbling(lambda body: is_number(body.get("service_tier"))),
        "service_tier",
        with_it="gate.service_tier mm.monotone.bad mm.repeat.neg mm.isolation many.refusals",
    ),
    failing(
        "completion-null-crash",
        "max_completion_tokens.null.accepts",
        crashing(null("max_completion_tokens")),
        "max_completion_tokens",
        with_it="max_tokens.both.null mm.null mm.default mm.monotone.good together.*",
    ),
    failing(
        "top-logprobs-zero-crash",
        "top_logprobs.min.accepts",
        crashing(no_alternatives),
        "top_logprobs",
        with_it="top_logprobs.*.accepts res.logprobs.count.none ef.toplogprobs.nested mm.monotone.good together.*",
    ),
    failing(
        "tool-content-newline-crash",
        "content.tool.required.accepts",
        crashing_message(of_several_lines, "tool"),
        with_it="content.* tool.* tools.conversation.accepts gate.tool_messages ef.echo* mm.* http.* together.*",
    ),
    failing(
        "json-trailing-crash",
        "http.json.trailing.refuses",
        Reference(behaviour=Behaviour(parse=parse_or_fail)),
        "body",
        with_it="http.json.* mm.isolation many.refusals",
    ),
    refused(
        "carriage-return-refused",
        "http.json.whitespace.accepts",
        Reference(behaviour=Behaviour(parse=parse_unreturned)),
        prop="body",
        with_it="mm.whitespace mm.whitespace.escapes",
    ),
    failing(
        "seed-stream-crash",
        "together.pairs.accepts",
        crashing(seeded_stream),
        "seed",
        with_it="seed.*.accepts ef.seed mm.stream mm.monotone.good mm.isolation.options many.* together.*",
    ),
    failing(
        "metadata-user-crash",
        "together.pairs.accepts",
        crashing(described_user),
        "metadata",
        with_it="metadata.*.accepts user.type.accepts mm.monotone.good mm.isolation.options together.*",
    ),
    failing(
        "logprobs-metadata-crash",
        "together.pairs.accepts",
        crashing(described_logprobs),
        "logprobs",
        with_it="metadata.*.accepts logprobs.*.accepts top_logprobs.*.accepts mm.monotone.good mm.isolation.options"
        " together.*",
    ),
    refused(
        "top-p-several-refused",
        "together.pairs.accepts",
        refusing_valid(narrowed_several),
        prop="top_p",
        with_it="top_p.*.accepts n.*.accepts mm.monotone.good many.choices together.*",
    ),
]
