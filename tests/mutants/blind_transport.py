"""Servers invented without looking at the rules: HTTP, JSON, characters and the model. See ``BLIND_REQUESTS.md``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from chatproof.conformance.reference.limits import LIMITS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .base import Mutant
from .requests_making import (
    RIGHT,
    Body,
    crashing,
    entries,
    fault,
    is_object,
    is_text,
    reading,
    rewriting,
    stumbling,
)

PATH = "/v1/chat/completions"
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]")


def around(row: Mutant, wrapping: Callable[[ASGIApp], ASGIApp]) -> Mutant:
    return replace(row, around=wrapping)


def chunked_empty(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"content-length" for name, _ in scope["headers"]):
            return await app(scope, receive, send)

        async def emptied() -> Message:
            message = await receive()
            return message | {"body": b""} if message["type"] == "http.request" else message

        await app(scope, emptied, send)

    return wrapped


def put_is_post(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(dict(scope) | {"method": "POST"} if scope.get("method") == "PUT" else scope, receive, send)

    return wrapped


def path_prefix(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        before, found, _ = scope.get("path", "").partition(PATH)
        await app(dict(scope) | {"path": before + found} if found else scope, receive, send)

    return wrapped


def parsing(parse: Callable[[bytes], Any]) -> Reference:
    return Reference(behaviour=Behaviour(parse=parse))


def text_plain(value: str | None) -> Reason | None:
    return behaviour.media_type(None if value and value.lower().startswith("text/plain") else value)


def replacing(raw: bytes) -> Any:
    return behaviour.parse(raw.decode("utf-8", "replace").encode())


def first_value(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8").lstrip(" \t\r\n")
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError as error:
        raise BadJson(str(error)) from error
    return behaviour.parse(text[:end].encode("utf-8"))


def no_pairs(raw: bytes) -> Any:
    if PAIR.search(raw):
        raise BadJson("surrogate escape")
    return behaviour.parse(raw)


def no_exponents(raw: bytes) -> Any:
    if re.search("[0-9][eE]", STRING.sub("", raw.decode("utf-8", "replace"))):
        raise BadJson("exponent")
    return behaviour.parse(raw)


def unwrapped(raw: bytes) -> Any:
    body = behaviour.parse(raw)
    return body[0] if isinstance(body, list) and len(body) == 1 and is_object(body[0]) else body


def keys_in_lower_case(body: Body) -> None:
    for key in [key for key in body if key not in LIMITS.request_keys and key.lower() in LIMITS.request_keys]:
        body.setdefault(key.lower(), body.pop(key))


def strings_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings_of(item)


def nul_in_metadata(body: Body) -> bool:
    return any("\0" in text for text in strings_of(body.get("metadata")))


def surrogate_in_stop(body: Body) -> bool:
    return any("\ud800" <= char <= "\udfff" for text in strings_of(body.get("stop")) for char in text)


def levels(value: object) -> int:
    """How deeply arrays and objects are nested, without recursion."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        node, level = stack.pop()
        if isinstance(node, (list, dict)):
            deepest = max(deepest, level)
            stack += [(item, level + 1) for item in (node.values() if isinstance(node, dict) else node)]
    return deepest


def deep_parameters(body: Body) -> bool:
    functions = [tool["function"] for tool in entries(body, "tools") if is_object(tool.get("function"))]
    return any(levels(function.get("parameters")) > 100 for function in functions)


TRANSPORT = [
    around(fault("blind-chunked-empty", "server", "transport", RIGHT, "mm.ccase"), chunked_empty),
    fault(
        "blind-ctype-text-plain",
        "server",
        "transport",
        Reference(behaviour=Behaviour(media_type=text_plain)),
        "http.ctype.bad.refuses",
    ),
    fault("blind-utf8-replaced", "body", "transport", parsing(replacing), "http.json.utf8.refuses"),
    fault("blind-json-rest-ignored", "body", "transport", parsing(first_value), "http.json.trailing.refuses"),
    fault(
        "blind-pair-escape-refused",
        "body",
        "transport",
        parsing(no_pairs),
        "http.json.escapes.accepts mm.whitespace.escapes",
    ),
    fault(
        "blind-exponent-refused", "body", "transport", parsing(no_exponents), "temperature.exponent.accepts mm.number"
    ),
    around(fault("blind-put-creates", "server", "transport", RIGHT, "http.method.refuses"), put_is_post),
    around(fault("blind-path-prefix", "server", "transport", RIGHT, "http.path.refuses"), path_prefix),
    fault("blind-root-array-unwrapped", "body", "type", parsing(unwrapped), "http.json.object.refuses"),
    fault("blind-keys-any-case", "body", "enum", rewriting(keys_in_lower_case), "http.key.unknown.refuses"),
    fault(
        "blind-model-null-default",
        "model",
        "required",
        reading("model", lambda value: value is None, lambda _: "chatproof-reference"),
        "model.null",
    ),
    fault(
        "blind-model-gpt-alias",
        "model",
        "enum",
        reading("model", lambda value: is_text(value) and value.startswith("gpt-"), lambda _: "chatproof-reference"),
        "model.unknown.refuses",
    ),
    fault("blind-nul-metadata-crash", "metadata", "crash", crashing(nul_in_metadata), "http.unicode.nul"),
    fault("blind-surrogate-stop-crash", "stop", "crash", crashing(surrogate_in_stop), "http.surrogate"),
    fault("blind-deep-parameters-crash", "tools", "crash", stumbling(deep_parameters), "http.deep"),
]


MUTANTS = [*TRANSPORT]
