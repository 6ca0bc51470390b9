"""Serves many variants of the reference in one process, each under a path of its own, until standard input ends.

The first line of output is a manifest in JSON: the port and what each server is. ``chatproof prove`` reads it.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol

import uvicorn
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Reference
from starlette.types import ASGIApp, Receive, Scope, Send


class Variant(Protocol):
    """A server with a name: the reference or a change of it, and perhaps a wrapping of the whole application."""

    @property
    def server(self) -> Reference: ...
    @property
    def around(self) -> Any: ...


def described(variant: Variant) -> dict[str, object]:
    """What is said of a variant in the manifest: its plain members."""
    told = {field.name: getattr(variant, field.name) for field in fields(variant)}  # type: ignore[arg-type]
    del told["server"], told["around"]
    told["key"] = variant.server.api_key
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in told.items()}


def application(variants: Mapping[str, Variant]) -> ASGIApp:
    """One application: plain variants behind one endpoint, wrapped ones each behind its own."""
    plain = create_app({f"/{name}": variant.server for name, variant in variants.items() if not variant.around})
    wrapped: dict[str, ASGIApp] = {
        name: variant.around(create_app({f"/{name}": variant.server}))
        for name, variant in variants.items()
        if variant.around
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope.get("path", "/").split("/")[1] if scope["type"] == "http" else ""
        await wrapped.get(name, plain)(scope, receive, send)

    return app


def serve(variants: Mapping[str, Variant]) -> None:
    """Serve on a free port of 127.0.0.1 until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        application(variants), log_level="critical", access_log=False, lifespan="off", server_header=False
    )

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    manifest = {"port": listener.getsockname()[1], "servers": [described(variant) for variant in variants.values()]}
    print(json.dumps(manifest), flush=True)
    uvicorn.Server(config).run(sockets=[listener])
