"""More servers invented without looking at the rules: HTTP, JSON and the model. See ``BLIND_REQUESTS_2.md``."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference
from chatproof.conformance.reference.faults import Reason

from .blind_transport import parsing
from .requests_making import fault, is_array, is_object, is_text, reading, stumbling

ESCAPE = re.compile(rb"\\.", re.DOTALL)
KILOBYTE = 1024


def bare_type_only(value: str | None) -> Reason | None:
    return behaviour.media_type("" if value and ";" in value else value)


def no_escaped_slash(raw: bytes) -> Any:
    if rb"\/" in ESCAPE.findall(raw):
        raise BadJson("escape")
    return behaviour.parse(raw)


def unwrapped_string(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    if is_text(body):
        with suppress(ValueError):
            inner = behaviour.parse(body.encode())
            return inner if is_object(inner) else body
    return body


def null_is_followed(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    if body is None:
        raise RuntimeError("mutant")
    return body


def parse_fault_uncaught(raw: bytes) -> Any:
    try:
        return behaviour.parse(raw)
    except BadJson as error:
        raise RuntimeError("mutant") from error


def near_model_only(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    if is_object(body) and raw.find(b'"model"') >= KILOBYTE:
        body.pop("model", None)
    return body


TRANSPORT = [
    fault(
        "blind2-charset-refused",
        "server",
        "transport",
        Reference(behaviour=Behaviour(media_type=bare_type_only)),
        "http.ctype.ok.accepts",
        "mm.charset",
    ),
    fault("blind2-escaped-slash-refused", "body", "transport", parsing(no_escaped_slash), "http.json.escapes.accepts"),
    fault("blind2-root-string-unwrapped", "body", "type", parsing(unwrapped_string), "http.json.object.refuses"),
    fault("blind2-root-null-crash", "body", "crash", parsing(null_is_followed), "http.json.object.refuses"),
    fault(
        "blind2-not-json-crash",
        "body",
        "crash",
        parsing(parse_fault_uncaught),
        "http.json.refuses",
        "http.json.*.refuses http.body.empty.refuses http.bom http.nan",
    ),
]

MODEL = [
    fault(
        "blind2-model-array-joined",
        "model",
        "type",
        reading("model", lambda value: is_array(value) and len(value) == 1 and is_text(value[0]), lambda v: v[0]),
        "model.type.refuses",
    ),
    fault(
        "blind2-model-unhashable-crash",
        "model",
        "crash",
        stumbling(lambda body: isinstance(body.get("model"), (dict, list))),
        "model.type.refuses",
    ),
    fault(
        "blind2-model-beyond-kilobyte",
        "model",
        "relation",
        parsing(near_model_only),
        "mm.keyorder",
        "http.json.whitespace.accepts",
    ),
]

MUTANTS = [*TRANSPORT, *MODEL]
