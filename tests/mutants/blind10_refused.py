"""Servers that refuse what they must take, or fail at a request, from the tenth blind list. See ``BLIND_10.md``."""

from __future__ import annotations

import re
from typing import Any

from chatproof.conformance.reference.behaviour import Reference

from .blind6_taken import streamed
from .blind_common import Body
from .requests_making import crashing, entries, is_object, null, parts, refusing_valid, spoken, stumbling
from .stream_common import collection

PLAIN = re.compile(r"[A-Za-z0-9_-]*")


refused = collection("blind10-", prop="messages", family="refused")


def punctuated(body: Body) -> bool:
    user = body.get("user")
    return isinstance(user, str) and not PLAIN.fullmatch(user)


def short_tool(body: Body) -> bool:
    return any(len(tool["function"]["name"]) < 2 for tool in entries(body, "tools"))


def loose_schema(body: Body) -> bool:
    form = body.get("response_format")
    inner = form.get("json_schema") if isinstance(form, dict) else None
    return isinstance(inner, dict) and inner.get("strict") is False


def biased_down(body: Body) -> bool:
    return any(value < 0 for value in (body.get("logit_bias") or {}).values())


def detailed(body: Body) -> bool:
    images = [part["image_url"] for part in parts(body, "user") if part.get("type") == "image_url"]
    return any(image.get("detail") == "high" for image in images)


def auto_tier(body: Body) -> bool:
    return body.get("service_tier") == "auto"


def negative_seed(body: Body) -> bool:
    seed = body.get("seed")
    return isinstance(seed, (int, float)) and seed < 0


def stream_object(body: Body) -> bool:
    return is_object(body.get("stream"))


def empty_metadata(body: Body) -> bool:
    return body.get("metadata") == {}


# --- two circumstances ------------------------------------------------------------------------------------------------


def predicted_stream(body: Body) -> bool:
    return streamed(body) and body.get("prediction") is not None


def named_stream(body: Body) -> bool:
    return streamed(body) and any(isinstance(message.get("name"), str) for message in spoken(body))


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "user-punctuation-refused",
        "user.type.accepts",
        refusing_valid(punctuated),
        prop="user",
        with_it="gate.user http.unicode.accepts http.unicode.rare.accepts http.json.escapes.accepts mm.whitespace*"
        " mm.monotone.good mm.isolation.options together.*",
    ),
    refused(
        "tool-name-one-letter-refused",
        "fn.name.pattern.accepts",
        refusing_valid(short_tool),
        prop="tools",
        with_it="tools.*.accepts fn.*.accepts tool.*.accepts tool_choice.*.accepts parallel_tool_calls.*.accepts"
        " toolcall.*.accepts mm.tools.legacy mm.monotone.good together.*",
    ),
    refused(
        "schema-strict-false-refused",
        "response_format.jsonschema.strict.type.accepts",
        refusing_valid(loose_schema),
        prop="response_format",
        with_it="response_format.*.accepts response_format.jsonschema.schema stream.schema.accepts gate.json_schema"
        " mm.default mm.default.should mm.monotone.good together.*",
    ),
    refused(
        "bias-negative-refused",
        "logit_bias.value.range.accepts",
        refusing_valid(biased_down),
        prop="logit_bias",
        with_it="logit_bias.*.accepts logit_bias.value.* logit_bias.key.* gate.logit_bias ef.bias.ban"
        " mm.monotone.good mm.isolation.options together.*",
    ),
    refused(
        "image-detail-high-refused",
        "part.image.detail.accepts",
        refusing_valid(detailed),
        with_it="part.image.* gate.images mm.monotone.good together.*",
    ),
    failing(
        "tier-auto-crash",
        "service_tier.enum.v0.accepts",
        crashing(auto_tier),
        "service_tier",
        with_it="service_tier.default.accepts gate.service_tier mm.default mm.default.should mm.monotone.good"
        " mm.isolation.options res.tier res.tier.value sse.chunk.tier sse.chunk.tier.value together.*",
    ),
    failing(
        "seed-negative-crash",
        "seed.type.accepts",
        crashing(negative_seed),
        "seed",
        with_it="seed.int64 seed.range gate.seed mm.monotone.good mm.isolation.options together.*",
    ),
    failing(
        "top-p-null-crash",
        "top_p.null.accepts",
        crashing(null("top_p")),
        "top_p",
        with_it="mm.null mm.monotone.good together.*",
    ),
    failing(
        "stream-object-crash",
        "stream.type.refuses",
        stumbling(stream_object),
        "stream",
        with_it="gate.stream mm.monotone.bad mm.repeat.neg many.refusals",
    ),
    failing(
        "metadata-empty-crash",
        "metadata.type.accepts",
        crashing(empty_metadata),
        "metadata",
        with_it="metadata.*.accepts gate.metadata mm.monotone.good mm.default mm.default.should together.*",
    ),
    failing(
        "prediction-null-crash",
        "prediction.null.accepts",
        crashing(null("prediction")),
        "prediction",
        with_it="mm.null mm.monotone.good together.*",
    ),
    failing(
        "prediction-stream-crash",
        "together.pairs.accepts",
        crashing(predicted_stream),
        "prediction",
        with_it="prediction.*.accepts mm.stream mm.monotone.good together.*",
    ),
    failing(
        "name-stream-crash",
        "together.pairs.accepts",
        crashing(named_stream),
        with_it="messages.name.*.accepts stream.*.accepts mm.stream mm.monotone.good together.*",
    ),
]
