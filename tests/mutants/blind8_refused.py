"""Servers that refuse what they must take, or fail at a request, from the eighth blind list. See ``BLIND_8.md``."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference
from chatproof.conformance.reference.json_values import is_whole
from chatproof.conformance.reference.prompt import text_of

from .base import bounded
from .blind_common import Body
from .blind_effects import wanted
from .requests_making import crashing, entries, null, parts, refusing_valid, spoken, stumbling
from .stream_common import collection

MANY = 20
"""Messages of the longest conversation."""
WORD = 2**31
BASIC = "\uffff"
"""The last character of the basic plane."""


refused = collection("blind8-", prop="messages", family="refused")


def capital_name(body: Body) -> bool:
    functions = [tool.get("function") for tool in entries(body, "tools")]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return any(isinstance(name, str) and name != name.lower() for name in names)


def automatic(body: Body) -> bool:
    return body.get("function_call") == "auto"


def in_flac(body: Body) -> bool:
    audio = body.get("audio")
    return isinstance(audio, dict) and audio.get("format") == "flac"


def long_talk(body: Body) -> bool:
    return len(body["messages"]) > MANY


def broken_user(body: Body) -> bool:
    user = body.get("user")
    return isinstance(user, str) and "\n" in user


def odd_modality(body: Body) -> bool:
    listed = body.get("modalities")
    return isinstance(listed, list) and any(not isinstance(item, str) for item in listed)


def wide_seed(body: Body) -> bool:
    seed = body.get("seed")
    return is_whole(seed) and not -WORD <= seed < WORD


def silent_part(body: Body) -> bool:
    return any(part.get("type") == "text" and part.get("text") == "" for part in parts(body))


def astral(body: Body) -> bool:
    return any(character > BASIC for message in spoken(body, "user") for character in text_of(message.get("content")))


def several(body: Body) -> bool:
    count = body.get("n")
    return is_whole(count) and count > 1


def biased_and_told(body: Body) -> bool:
    return bool(body.get("logit_bias")) and body.get("logprobs") is True


def several_by_schema(body: Body) -> bool:
    return several(body) and wanted(body).get("type") == "json_schema"


# --- bodies that fail before they are read ----------------------------------------------------------------------------


def parsing(parse: Callable[[bytes], Any]) -> Reference:
    return Reference(behaviour=Behaviour(parse=parse))


def only_utf8(raw: bytes) -> Any:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RuntimeError("mutant") from error
    return behaviour.parse(raw)


def once_each(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise RuntimeError("mutant")


_PAIRS = json.JSONDecoder(object_pairs_hook=once_each, parse_int=float)


def names_once(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    with suppress(RecursionError):  # deeper than can be looked into
        _PAIRS.decode(raw.decode("utf-8"))
    return body


def failing(name: str, fails: str, server: Reference, prop: str = "messages", with_it: str = "") -> Any:
    return refused(name, fails, server, prop=prop, family="crash", with_it=with_it)


MUTANTS = [
    refused(
        "store-null-refused",
        "store.null.accepts",
        refusing_valid(null("store")),
        prop="store",
        with_it="mm.null mm.default",
    ),
    refused(
        "schema-name-64-refused",
        "response_format.jsonschema.name.accepts",
        bounded(schema_name_max=63),
        prop="response_format",
    ),
    refused(
        "tool-name-capitals-refused",
        "fn.name.pattern.accepts",
        refusing_valid(capital_name),
        prop="tools",
        with_it="fn.name.maxlen.accepts tool_choice.named.exists.accepts mm.tools.legacy together.*",
    ),
    refused(
        "function-call-auto-refused",
        "function_call.enum.accepts",
        refusing_valid(automatic),
        prop="function_call",
        with_it="function_call.default.accepts function_call.needs.functions.accepts"
        " functions.and.tools.choices.accepts mm.default together.*",
    ),
    refused("audio-flac-refused", "audio.format.accepts", refusing_valid(in_flac), prop="audio"),
    refused(
        "messages-many-refused",
        "messages.many.accepts",
        refusing_valid(long_talk),
        with_it="messages.turns.accepts ef.echo.text",
    ),
    refused("user-newline-refused", "user.type.accepts", refusing_valid(broken_user), prop="user"),
    failing(
        "modalities-item-crash",
        "modalities.item.refuses",
        stumbling(odd_modality),
        "modalities",
        with_it="modalities.enum.refuses",
    ),
    failing("seed-beyond-32-bits-crash", "seed.type.accepts", crashing(wide_seed), "seed", with_it="seed.int64"),
    failing(
        "part-text-empty-crash",
        "part.text.empty.accepts",
        crashing(silent_part),
        with_it="content.*.parts.accepts content.parts.accepts",
    ),
    failing(
        "content-emoji-crash",
        "http.unicode.accepts",
        crashing(astral),
        with_it="content.unicode.accepts content.user.*.accepts mm.content.parts",
    ),
    failing("bad-utf8-crash", "http.json.utf8.refuses", parsing(only_utf8), "body"),
    failing("duplicate-keys-crash", "http.dupkeys", parsing(names_once), "body"),
    failing(
        "bias-logprobs-crash", "together.pairs.accepts", crashing(biased_and_told), "logit_bias", with_it="together.*"
    ),
    failing(
        "schema-several-crash",
        "together.pairs.accepts",
        crashing(several_by_schema),
        "response_format",
        with_it="together.*",
    ),
]
