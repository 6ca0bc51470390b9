"""The server on the command line: ``python -m second_server --port 8000``. Every field of Manners is an option."""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress
from dataclasses import fields
from typing import Any

from .manners import Manners
from .wire import serving


def main() -> None:
    """Serve until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(prog="second_server")
    parser.add_argument("--port", type=int, default=0)
    allowed: dict[str, tuple[Any, ...]] = {
        "status": (400, 422), "unknown": ("refuse", "ignore"), "contested": ("take", "refuse"),
        "style": ("lavish", "lean"), "errors": ("full", "bare", "own"), "split": ("drop", "replace"),
        "voice": ("plain", "dull", "silent", "endless", "eager"),
        "version": ("HTTP/1.0", "HTTP/1.1"),
    }  # fmt: skip
    for field in fields(Manners):
        name = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(name, action="store_true")
        elif field.name == "without":
            parser.add_argument(name, type=lambda text: tuple(text.split(",")), default=())
        else:
            kind = type(field.default) if field.default is not None else str
            parser.add_argument(name, type=kind, default=field.default, choices=allowed.get(field.name))
    given = vars(parser.parse_args())
    port = given.pop("port")
    with serving(Manners(**given), port) as server:
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
