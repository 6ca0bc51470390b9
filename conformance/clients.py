"""Drives the endpoint through the official ``openai`` package, and keeps what went over the wire.

The package's own HTTP client is used as it is, with three exceptions: redirects are not followed, headers that only the
environment names are left out, and what comes is bounded. Everything runs in a thread of its own; nothing raises.
"""

from __future__ import annotations

import asyncio
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from .client_uses import USES, Use
from .client_wire import Beyond, ClientWire
from .connection import tls_context
from .exchange import Exchange, Request
from .model import Call, Outcome
from .outgoing import prepare
from .rules.clients import MISSING
from .target import Target

NO_KEY = "no-key"
"""The package wants a key. Where none is configured its header is taken out again."""


def installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("openai") is not None


def most_requests(call: Call) -> int:
    """How many requests a use of the client sends at most."""
    return USES[call.use].most_requests


async def drive(call: Call, target: Target) -> Outcome:
    """Use the client once. It runs in a thread, and ends within the bounds of the target."""
    return await asyncio.to_thread(_driven, call, target)


def _driven(call: Call, target: Target) -> Outcome:
    if not installed():
        return Outcome(undecided=MISSING)
    use = USES[call.use]
    wire = ClientWire(target, drop=use.drop)
    value: Any = None
    error = undecided = ""
    try:
        import openai

        body = _arguments(prepare(Request(body=call.body), target).body)
        with warnings.catch_warnings():
            # what it thinks of the types in an answer is on the wire too, where rules judge it
            warnings.filterwarnings("ignore", "Pydantic serializer warnings")
            ran = _async_use(openai, use, body, wire) if use.asynchronous else None
            value = asyncio.run(ran) if ran else _use(openai, use, body, wire)
    except Exception as raised:
        chain: BaseException | None = raised
        while chain is not None and not isinstance(chain, Beyond):
            chain = chain.__cause__ or chain.__context__
        if chain is not None:
            undecided = "the answer went beyond the bounds"
        elif isinstance(raised, Warning):  # of the package about itself, where a run makes errors of warnings
            undecided = f"the client warns: {type(raised).__name__}: {raised}"
        error = target.redaction.text(f"{type(raised).__name__}: {raised}")
    return Outcome(wire.exchanges(), value, error, undecided=undecided)


def _settings(target: Target, use: Use) -> dict[str, Any]:
    return {
        "base_url": target.base,
        "api_key": target.key or NO_KEY,
        "max_retries": use.retries,
        "timeout": target.bounds.read,
        "default_headers": dict(target.plain_headers) | {extra.name: extra.value for extra in target.headers},
        "default_query": dict(parse_qsl(target.query, keep_blank_values=True)),
    }


def _http(target: Target) -> dict[str, Any]:
    """Of the HTTP client; where there is no TLS, certificates are not read, which takes longer than all else."""
    bounds = target.bounds
    return {"follow_redirects": False, "timeout": bounds.read} | ({"verify": tls_context(target) or False})


def _use(openai: Any, use: Use, body: Mapping[str, Any], wire: ClientWire) -> Any:
    hooks = {"request": [wire.sent], "response": [wire.came]}
    http = openai.DefaultHttpxClient(event_hooks=hooks, **_http(wire.target))
    with openai.OpenAI(**_settings(wire.target, use), http_client=http) as client:
        return use.run(client, body)


async def _async_use(openai: Any, use: Use, body: Mapping[str, Any], wire: ClientWire) -> Any:
    async def sent(request: Any) -> None:
        wire.sent(request)

    async def came(response: Any) -> None:
        wire.came(response)

    hooks = {"request": [sent], "response": [came]}
    http = openai.DefaultAsyncHttpxClient(event_hooks=hooks, **_http(wire.target))
    async with openai.AsyncOpenAI(**_settings(wire.target, use), http_client=http) as client:
        return await use.run(client, body)


_KNOWN = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "tools",
        "tool_choice",
        "stream_options",
    }
)


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as arguments of the client: what it may not know goes by its own way for that."""
    extra = {name: value for name, value in body.items() if name not in _KNOWN}
    return {name: value for name, value in body.items() if name in _KNOWN} | ({"extra_body": extra} if extra else {})


def judged(outcome: Outcome, breaks: Callable[[Exchange], tuple[str, ...]]) -> Outcome:
    """The outcome with the rules that its last exchange breaks."""
    if not outcome.exchanges:
        return outcome
    last = outcome.exchanges[-1]
    seen = replace(last, request=replace(last.request, raw=None)) if isinstance(last.request.body, dict) else last
    return replace(outcome, unlike=breaks(seen))
