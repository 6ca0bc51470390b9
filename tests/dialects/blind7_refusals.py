"""Refusals, each in a manner of its own, thought of without knowing what is checked.

Why each of them conforms is told in ``BLIND_7.md``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import answers, behaviour
from chatproof.conformance.reference.answers import Reply
from chatproof.conformance.reference.faults import Ask, Reason
from chatproof.conformance.reference.prompt import prompt_tokens
from chatproof.conformance.reference.text import bound, script, stops

from .base import Dialect
from .blind4_limits import choices, format_of, pictures, together
from .blind6_parts import built
from .blind_words import plain, said, written
from .odd import Body, counted

# --- what is not offered ------------------------------------------------------------------------------------------


def sounds(ask: Ask) -> bool:
    """Whether anything is to be heard or spoken."""
    heard = any(part.get("type") == "input_audio" for _, _, part in ask.parts)
    return heard or "audio" in (ask.body.get("modalities") or ())


def departments(ask: Ask) -> Iterator[Reason]:
    """Nobody has spoken with anybody about how to say no."""
    body = ask.body
    if body.get("logprobs") is True:
        why = "You are not allowed to request logprobs from this model."
        yield Reason("dialect", why, None, None, status=403)
    if choices(body) > 1:
        why = "Only one candidate can be specified in the current model"
        yield Reason("dialect", why, "n", "INVALID_ARGUMENT", type="INVALID_ARGUMENT")
    if body.get("logit_bias"):
        why = "Unsupported parameter: 'logit_bias' is not supported with this model."
        yield Reason("dialect", why, "logit_bias", "unsupported_parameter")
    if sounds(ask):
        yield Reason("dialect", "This model does not support audio.", "modalities", None)
    if pictures(ask):
        why = "image input is not supported - hint: you may need to provide the projector of this model"
        yield Reason("dialect", why, None, None, type="not_supported_error")
    if format_of(body) == "json_schema":
        yield together("response_format", "Invalid parameter: 'response_format' of type 'json_schema'", None)
    if body.get("functions"):
        why = "'functions' is deprecated and unsupported with this model. Please use 'tools' instead."
        yield Reason("dialect", why, "functions", "unsupported_parameter")
    if body.get("prediction"):
        why = "prediction: this field is not supported with this model"
        yield Reason("dialect", why, "prediction", "unsupported_parameter", status=422)


def endpoints(ask: Ask) -> Iterator[Reason]:
    """A router that looks for somebody who does what is asked, and finds nobody."""
    wanted = {
        "tool use": bool(ask.body.get("tools") or ask.body.get("functions")),
        "image input": bool(pictures(ask)),
        "audio": sounds(ask),
        "logprobs": ask.body.get("logprobs") is True,
        "structured outputs": format_of(ask.body) == "json_schema",
    }
    for what, there in wanted.items():
        if there:
            why = f"No endpoints found that support {what}. It is not supported with this model."
            yield Reason("dialect", why, None, "404", status=404, type="not_found_error")


def two_stops(ask: Ask) -> Iterator[Reason]:
    if len(stops(ask.body)) > 2:
        yield together("stop", "Unsupported value: 'stop' with more than 2 sequences")


NARROW = frozenset(
    {"anyOf", "oneOf", "allOf", "not", "if", "$ref", "$defs", "pattern", "patternProperties", "format", "const"}
)


def keywords(schema: object) -> Iterator[str]:
    """The words of a schema, without recursion; the names of properties are none."""
    waiting: list[tuple[object, bool]] = [(schema, True)]
    while waiting:
        value, speaks = waiting.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                if speaks:
                    yield str(key)
                names = speaks and key in ("properties", "$defs", "definitions")
                if not (speaks and key in ("enum", "const", "default", "examples")):
                    waiting.append((inner, not names))
        elif isinstance(value, list):
            waiting.extend((item, speaks) for item in value)


def narrow(ask: Ask) -> Iterator[Reason]:
    """A compiler of grammars that was written on one afternoon."""
    found = [(f"{path}.parameters", function.get("parameters")) for path, function in ask.declared]
    shape: Mapping[str, Any] = ask.body.get("response_format") or {}
    if shape.get("type") == "json_schema":
        found.append(("response_format.json_schema.schema", shape["json_schema"].get("schema")))
    for path, schema in found:
        beyond = sorted(NARROW & set(keywords(schema)))
        if beyond:
            why = f"Schema keyword '{beyond[0]}' is not supported by the grammar compiler of this model"
            yield Reason("dialect", f"{why} (at {path}).", path, "unsupported_value")


# --- a small window -----------------------------------------------------------------------------------------------

WINDOW, LEAST = 600, 8


def too_long(ask: Ask) -> Iterator[Reason]:
    needed = prompt_tokens(ask.body)
    if needed > WINDOW - LEAST:
        why = f"prompt is too long: {needed} tokens > {WINDOW - LEAST} tokens of a context size of {WINDOW} tokens"
        yield Reason("dialect", why, None, None)


def the_rest(body: Body, now: int) -> Reply:
    """An answer has the room that the prompt leaves."""
    room = WINDOW - prompt_tokens(dict(body))
    if (bound(body) or room) < room:
        return answers.plan(body, now)
    held = {**body, "max_tokens": room, "max_completion_tokens": None}
    reply = answers.plan(held, now)
    made = [said(one, written(held, script(body, one.index))) if plain(body, one) else one for one in reply.choices]
    return counted(body, reply, *made)


# --- validators ---------------------------------------------------------------------------------------------------


def path_of(reason: Reason) -> list[str]:
    return re.findall(r"[^.\[\]]+", reason.param or "")


def pydantic(reason: Reason) -> str:
    place = ".".join(["body", *path_of(reason)])
    told = f"  {reason.message} [type={reason.code or 'value_error'}]"
    return f"1 validation error for ChatCompletionRequest\n{place}\n{told}"


def zod(reason: Reason) -> str:
    return json.dumps([{"code": reason.code or "custom", "path": path_of(reason), "message": reason.message}])


def ajv(reason: Reason) -> str:
    return f"data/{'/'.join(path_of(reason))} {reason.message}"


def jackson(reason: Reason) -> str:
    chain = "->".join(f'ChatRequest["{part}"]' for part in path_of(reason)) or "ChatRequest"
    return f"JSON parse error: {reason.message} (through reference chain: {chain})"


def rails(reason: Reason) -> str:
    name = " ".join(path_of(reason)).replace("_", " ").capitalize() or "Request"
    return f"Validation failed: {name} is invalid ({reason.param or 'base'}): {reason.message}"


def golang(reason: Reason) -> str:
    field = ".".join(part.title().replace("_", "") for part in path_of(reason)) or "Request"
    why = f"Key: 'Request.{field}' Error:Field validation for '{reason.param}' failed on the 'rule' tag"
    return f"{why}: {reason.message}"


def plainly(reason: Reason) -> str:
    return f"❌ {reason.message}"


WORDS = {
    pydantic: "validation_error",
    zod: "ZodError",
    ajv: "FST_ERR_VALIDATION",
    jackson: "HttpMessageNotReadableException",
    rails: "unprocessable_entity",
    golang: "bad_request",
    plainly: "invalid_request_error",
}


def polyglot(reason: Reason) -> Any:
    """The same row is always seen by the same validator."""
    place = sum(map(ord, reason.rule)) % len(WORDS)
    say, kind = list(WORDS.items())[place]
    return behaviour.envelope(replace(reason, message=say(reason), type=kind))


DIALECTS = [
    Dialect(
        name="blind7-each-department",
        server=built(refuses=departments),
        warnings=frozenset({"n.max.accepts"}),
    ),
    Dialect(name="blind7-no-endpoints-found", server=built(refuses=endpoints)),
    Dialect(name="blind7-polyglot-validators", server=built(envelope=polyglot)),
    Dialect(name="blind7-answer-gets-the-rest", server=built(refuses=too_long, plan=the_rest)),
    Dialect(name="blind7-two-stops", server=built(refuses=two_stops)),
    Dialect(name="blind7-narrow-schemas", server=built(refuses=narrow)),
]
