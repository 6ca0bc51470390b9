"""``python -m mutants.serve`` (in ``tests/``): all single-fault servers on a free port of 127.0.0.1 until input ends.

Prints one line of JSON: the port and what each server is. ``chatproof prove`` reads it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from dataclasses import fields

import uvicorn
from chatproof.conformance.reference.app import create_app
from starlette.types import ASGIApp, Receive, Scope, Send

from . import MUTANTS
from .base import Mutant


def described(mutant: Mutant) -> dict[str, object]:
    """What is said of a mutant in the manifest."""
    told = [field.name for field in fields(Mutant) if field.name not in ("server", "around")]
    row = {name: getattr(mutant, name) for name in told}
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in row.items()}


def application() -> ASGIApp:
    """One application: plain mutants behind one endpoint, wrapped ones each behind its own."""
    plain = create_app({f"/{name}": mutant.server for name, mutant in MUTANTS.items() if not mutant.around})
    wrapped: dict[str, ASGIApp] = {
        name: mutant.around(create_app({f"/{name}": mutant.server}))
        for name, mutant in MUTANTS.items()
        if mutant.around
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope.get("path", "/").split("/")[1] if scope["type"] == "http" else ""
        await wrapped.get(name, plain)(scope, receive, send)

    return app


def main() -> None:
    """Serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(application(), log_level="critical", access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    manifest = {"port": listener.getsockname()[1], "servers": [described(mutant) for mutant in MUTANTS.values()]}
    print(json.dumps(manifest), flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
