"""A request as it goes to one target: the model's name, fields and headers filled in, or written as a curl line."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..strategies.bodies import MODEL
from ..strategies.json_values import is_object
from .claims import model_of
from .exchange import KEY_HERE, TOKEN_BOUNDS, Request
from .sse import read_json
from .target import Target


def prepare(request: Request, target: Target) -> Request:
    """The request as it is sent: the endpoint's model in place of the placeholder, base fields where they fit.

    Where the endpoint takes ``max_completion_tokens`` alone, a bound of another name is sent under that one, except in
    ``bare`` requests.
    """
    if request.raw is not None:
        name = json.dumps(target.model, ensure_ascii=False)[1:-1].encode()
        raw = request.raw.replace(MODEL.encode(), name)
        value = read_json(raw) if raw.count(b'"max_tokens"') == 1 else None
        if is_object(value) and _renames(target, value):
            raw = raw.replace(b'"max_tokens"', b'"max_completion_tokens"')
        return replace(request, raw=raw)
    body = request.body
    if not is_object(body):
        return request
    body = dict(body)
    if body.get("model") == MODEL:
        body["model"] = model_of(body, target.models, target.model) if target.models else target.model
    if target.extra and not request.bare:
        body = {**target.extra, **body}
    if not request.bare and not any(name in body for name in TOKEN_BOUNDS):
        body.update(target.fields)
    elif not request.bare and _renames(target, body):
        names = {"max_tokens": "max_completion_tokens"}
        body = {names.get(name, name): value for name, value in body.items()}
    return replace(request, body=body)


def _renames(target: Target, body: Mapping[str, Any]) -> bool:
    """Whether the endpoint takes the newer of the two token bounds alone, and the body has the older one alone."""
    newer = "max_completion_tokens"
    return list(target.fields) == [newer] and newer not in body and type(body.get("max_tokens")) is int


def headers_of(request: Request, target: Target) -> dict[str, str]:
    """The headers of a request. The key is in no other place."""
    headers = {
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": "chatproof",
    }
    for extra in target.headers:
        headers[extra.name.lower()] = extra.value
    if request.content_type is not None:
        headers["content-type"] = request.content_type
    if isinstance(request.auth, str):
        headers["authorization"] = request.auth.replace(KEY_HERE, target.key or "")
    elif request.auth and target.key:
        headers["authorization"] = f"Bearer {target.key}"
    headers.update(target.plain_headers)
    headers.update(request.headers)
    return headers


def curl(request: Request, target: Target) -> str:
    """A line that sends the same request when pasted into a POSIX shell, the key taken from its variable."""
    words = ["curl", "-sS", "-X", request.method, shlex.quote(target.url(request.path))]
    if target.ca_bundle is not None:
        words += ["--cacert", shlex.quote(target.ca_bundle)]
    if request.content_type is None:
        words += ["-H", "'Content-Type:'"]
    else:
        words += ["-H", shlex.quote(f"Content-Type: {request.content_type}")]
    if isinstance(request.auth, str):
        before, here, after = request.auth.partition(KEY_HERE)
        variable = f'"${{{target.key_variable}}}"' if here else ""
        words += ["-H", shlex.quote(f"Authorization: {before}") + variable + (shlex.quote(after) if after else "")]
    elif request.auth and target.key:
        words += ["-H", f'"Authorization: Bearer ${target.key_variable}"']
    own = [name.lower() for name, _ in request.headers]
    words += [
        part
        for extra in target.headers
        if extra.name.lower() not in own
        for part in ("-H", f'"{extra.name}: ${extra.variable}"')
    ]
    for name, value in (*target.plain_headers, *request.headers):
        words += ["-H", shlex.quote(f"{name}: {value}")]
    if request.chunked:
        words += ["-H", "'Transfer-Encoding: chunked'"]
    content = request.content
    try:
        text = content.decode()
        # what a terminal or a shell could alter goes through base64; curl would read a file for a leading @
        plain = text.isprintable() and not text.startswith("@") and len(content) < 100_000
    except UnicodeDecodeError:
        text, plain = "", False
    if plain:
        words += ["--data-binary", shlex.quote(text)]
        return " ".join(words)
    words += ["--data-binary", "@-"]
    return f"printf %s {base64.b64encode(content).decode()} | base64 -d | " + " ".join(words)
