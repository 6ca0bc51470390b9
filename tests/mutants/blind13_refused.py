"""Servers that refuse what they must take, or fail at it, from the thirteenth blind list. See ``BLIND_13.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.prompt import text_of
from chatproof.conformance.reference.text import stops

from .blind3b_refused import functions_of
from .blind6_taken import is_number, streamed
from .blind12_refused import audio_out
from .blind12_taken import several
from .blind13_taken import declaring
from .blind_common import Body
from .blind_effects import wanted
from .requests_making import (
    crashing,
    crashing_message,
    entries,
    is_integer,
    is_text,
    null,
    refusing_message,
    refusing_valid,
    stumbling,
)
from .stream_common import collection

VOICES = ("alloy", "echo", "shimmer")
LATIN_MAX = 0xFF
OPTION = "mm.monotone.good mm.isolation.options together.*"
"""What sees that a valid option is not taken."""
NULL = f"mm.null mm.default mm.default.should {OPTION}"
EVERYWHERE = (
    "content.* messages.* role.* tool.* toolcall.* ef.* res.* sse.* mm.* http.* many.* client.* gate.* together.*"
)
"""What sees that some conversations are not taken."""


refused = collection("blind13-", prop="messages", family="refused")


def beyond_latin(text: str) -> bool:
    return any(ord(character) > LATIN_MAX for character in text)


def negative_presence(body: Body) -> bool:
    penalty: Any = body.get("presence_penalty")
    return is_number(penalty) and penalty < 0


def unknown_voice(body: Body) -> bool:
    return bool(audio_out(body)) and audio_out(body)["voice"] not in VOICES


def described_schema(body: Body) -> bool:
    return bool((wanted(body).get("json_schema") or {}).get("description"))


def all_functions(body: Body) -> Iterator[Body]:
    yield from functions_of(body)
    yield from entries(body, "functions")


def closed_parameters(body: Body) -> bool:
    return any("additionalProperties" in (function.get("parameters") or {}) for function in all_functions(body))


def underscored_name(message: Body) -> bool:
    return "_" in (message.get("name") or "")


def in_several_parts(message: Body) -> bool:
    return isinstance(message.get("content"), list) and len(message["content"]) > 1


def described_beyond_latin(body: Body) -> bool:
    return any(map(beyond_latin, (body.get("metadata") or {}).values()))


def undescribed(body: Body) -> bool:
    return any(function.get("description") is None for function in entries(body, "functions"))


def parse_no_scalar(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    if isinstance(body, (str, int, float)):
        raise RuntimeError("mutant")
    return body


# --- two circumstances ------------------------------------------------------------------------------------------------


def several_with_tools(body: Body) -> bool:
    return several(body) and declaring(body)


def stopped_json(body: Body) -> bool:
    return str(wanted(body).get("type")).startswith("json") and bool(stops(body))


def streamed_user(body: Body) -> bool:
    return streamed(body) and is_text(body.get("user"))


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "temperature-integer-refused",
        "mm.number",
        refusing_valid(lambda body: is_integer(body.get("temperature"))),
        prop="temperature",
        with_it="temperature.*.accepts gate.temperature ef.* res.* sse.* n.* top_p.* mm.* many.* client.* together.*",
    ),
    refused(
        "presence-negative-refused",
        "presence_penalty.min.accepts",
        refusing_valid(negative_presence),
        prop="presence_penalty",
        with_it=f"presence_penalty.*.accepts gate.presence_penalty mm.number {OPTION}",
    ),
    refused(
        "voices-three-only",
        "audio.voice.accepts",
        refusing_valid(unknown_voice),
        prop="audio",
        with_it="audio.*.accepts audio.alone modalities.*.accepts modalities.audio gate.audio_output res.audio"
        f" {OPTION}",
    ),
    refused(
        "modalities-text-refused",
        "modalities.text.accepts",
        refusing_valid(lambda body: body.get("modalities") == ["text"]),
        prop="modalities",
        with_it=f"modalities.*.accepts gate.modalities audio.* mm.default mm.default.should {OPTION}",
    ),
    refused(
        "schema-description-refused",
        "response_format.jsonschema.description.accepts",
        refusing_valid(described_schema),
        prop="response_format",
        with_it=f"response_format.*.accepts stream.schema.accepts ef.json_schema* many.schemas {OPTION}",
    ),
    refused(
        "parameters-additional-refused",
        "fn.parameters.type.accepts",
        refusing_valid(closed_parameters),
        prop="tools",
        with_it="tools.* fn.* tool.* tool_choice.* parallel_tool_calls.* toolcall.* function* stream.*.accepts gate.*"
        f" client.* many.tools ef.* res.* sse.* mm.* {OPTION}",
    ),
    refused(
        "name-underscore-refused",
        "messages.name.pattern.accepts",
        refusing_message(underscored_name, "user", "system", "assistant"),
        with_it="messages.name.* role.* mm.keyorder mm.monotone.good together.*",
    ),
    refused(
        "parts-several-refused",
        "content.user.parts.accepts",
        refusing_message(in_several_parts),
        with_it="content.*.accepts part.* gate.images gate.audio_input gate.content_parts mm.content.parts mm.keyorder"
        " mm.monotone.good together.*",
    ),
    failing("n-null-crash", "n.null.accepts", crashing(null("n")), "n", with_it=NULL),
    failing(
        "stop-newline-crash",
        "stop.string.accepts",
        crashing(lambda body: any("\n" in string for string in stops(body))),
        "stop",
        with_it=f"stop.*.accepts gate.stop ef.stop* mm.stop.scalar mm.stream many.* {OPTION}",
    ),
    failing("store-null-crash", "store.null.accepts", crashing(null("store")), "store", with_it=NULL),
    failing(
        "metadata-unicode-crash",
        "metadata.type.accepts",
        crashing(described_beyond_latin),
        "metadata",
        with_it=f"metadata.*.accepts gate.metadata http.unicode.* mm.whitespace* mm.isolation.options {OPTION}",
    ),
    failing(
        "tier-null-crash", "service_tier.null.accepts", crashing(null("service_tier")), "service_tier", with_it=NULL
    ),
    failing(
        "parallel-false-crash",
        "parallel_tool_calls.type.accepts",
        crashing(lambda body: body.get("parallel_tool_calls") is False),
        "parallel_tool_calls",
        with_it="parallel_tool_calls.*.accepts gate.parallel_tool_calls ef.parallel.* stream.tools.accepts many.tools"
        f" functions.and.tools.choices.accepts mm.* {OPTION}",
    ),
    failing(
        "function-description-absent-crash",
        "functions.min.accepts",
        crashing(undescribed),
        "functions",
        with_it="functions.* function_call.* gate.functions gate.function_call gate.forced_function"
        " stream.functions.accepts content.assistant.function.accepts role.function.accepts mm.* res.* ef.* sse.*"
        " together.*",
    ),
    failing(
        "content-beyond-latin-crash",
        "http.unicode.accepts",
        crashing_message(lambda message: beyond_latin(text_of(message.get("content")))),
        with_it=EVERYWHERE,
    ),
    failing(
        "model-missing-crash",
        "model.required.refuses",
        stumbling(lambda body: "model" not in body),
        "model",
        with_it="http.json.object.refuses mm.monotone.bad mm.repeat.neg mm.isolation mm.stream sse.error.before"
        " err.* many.refusals client.error",
    ),
    failing(
        "root-scalar-crash",
        "http.json.object.refuses",
        Reference(behaviour=Behaviour(parse=parse_no_scalar)),
        "body",
        with_it="mm.isolation mm.repeat.neg err.* many.refusals",
    ),
    # --- two circumstances --------------------------------------------------------------------------------------------
    refused(
        "n-tools-refused",
        "together.pairs.accepts",
        refusing_valid(several_with_tools),
        prop="n",
        with_it="n.*.accepts tools.*.accepts ef.* res.* sse.* mm.monotone.good many.choices many.tools together.*",
    ),
    refused(
        "format-stop-refused",
        "together.pairs.accepts",
        refusing_valid(stopped_json),
        prop="response_format",
        with_it="response_format.*.accepts stop.*.accepts ef.stop* mm.monotone.good many.schemas together.*",
    ),
    failing(
        "user-stream-crash",
        "together.pairs.accepts",
        crashing(streamed_user),
        "user",
        with_it="user.*.accepts gate.user stream.*.accepts mm.stream mm.monotone.good many.* together.*",
    ),
]
