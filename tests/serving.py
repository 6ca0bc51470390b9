"""Serves a changed reference in this process, and asks some rules of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from chatproof.conformance import profile as files
from chatproof.conformance.access import Access
from chatproof.conformance.depths import Settings, asked_at
from chatproof.conformance.reference.app import create_app
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.session import Session
from starlette.types import ASGIApp


@contextmanager
def served(server: Reference | ASGIApp) -> Iterator[str]:
    """The URL of a reference, or of an application, that is served meanwhile."""
    app: Any = create_app(server) if isinstance(server, Reference) else server
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    running = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        running.should_exit = True
        thread.join(10)
        listener.close()


def asked(
    url: str, settings: Settings, profile: files.Profile | None = None, only: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """The record lines of a run over some rules (None: all of the depth), by rule."""
    profile = profile or files.Profile()
    settings = replace(settings, **profile.settings())
    session = Session(url, None, Access("CHATPROOF_TEST_KEY"), settings, profile, waivers=profile.waivers)
    try:
        session.open(None)
        wanted = [rule.id for rule in asked_at(session.catalogue, settings.depth)] if only is None else list(only)
        session.ask_gates(wanted)
        session.submit(wanted)
        return {name: session.line(name) for name in wanted}
    finally:
        session.close()


def written(folder: Path, text: str, name: str = "x") -> files.Profile:
    """The profile in a text."""
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return files.load(path)
