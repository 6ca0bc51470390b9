"""The reference with a weak spot, as a program of its own: ``frail.py PORT MODE``.

A body with ``temperature`` exactly 2 ends the process (``exit``), or leaves it answering 404 to everything (``ill``).
Others die of the third request in flight (``crowd``), or of having answered some (``leak``).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import uvicorn
from chatproof.conformance.reference.app import create_app

LEAK = 70
"""Requests after which a leaking one is dead."""


class Frail:
    """ASGI wrapper that looks at the body before the reference does."""

    def __init__(self, app: Any, mode: str) -> None:
        self.app = app
        self.mode = mode
        self.ill = False
        self.now = 0
        self.taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        self.taken += 1
        self.now += 1
        try:
            if self.mode == "leak" and self.taken > LEAK:
                os._exit(137)
            if self.mode == "crowd":
                if self.now >= 3:
                    os._exit(4)
                await asyncio.sleep(0.02)
            await self.answer(scope, receive, send)
        finally:
            self.now -= 1

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        content, more = b"", True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if self.mode == "drawn" and isinstance(body, dict) and isinstance(body.get("stop"), list) and len(body) > 4:
            os._exit(5)
        hot = isinstance(body, dict) and body.get("temperature") == 2 and not isinstance(body["temperature"], bool)
        if hot and self.mode in ("exit", "ill"):
            if self.mode == "exit":
                os._exit(3)
            self.ill = True
        if self.ill:
            await send(
                {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": b'{"error": {"message": "worker died", "type": "x"}}'})
            return

        async def replay() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        await self.app(scope, replay, send)


if __name__ == "__main__":
    uvicorn.run(Frail(create_app(), sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
