"""Hand-written JSON Schemas (draft 2020-12) of the chat-completions contract, one folder a vintage.

They follow the fact base only and share no code with the rules, the strategies or the reference
server, so that each can be tested against them. ``request`` refuses what a documented row lets a
schema see; ``response``, ``chunk`` and ``error`` hold what must be in an answer, and their
``-strict`` twins the letter of the documents.
"""

from __future__ import annotations

import copy
import functools
import json
from importlib import resources
from typing import Any

__all__ = ["load", "names", "vintages"]

_SUFFIX = ".json"


@functools.cache
def vintages() -> tuple[str, ...]:
    """The vintages that have schemas, oldest first."""
    folders = (entry for entry in resources.files(__name__).iterdir() if entry.is_dir())
    return tuple(sorted(folder.name for folder in folders if folder.joinpath("request" + _SUFFIX).is_file()))


@functools.cache
def names(vintage: str = "2024-11") -> tuple[str, ...]:
    """The names of the schemas of one vintage, sorted; ``ValueError`` for an unknown vintage."""
    if vintage not in vintages():
        raise ValueError(f"unknown schema vintage {vintage!r}: known are {', '.join(vintages())}")
    files = resources.files(__name__).joinpath(vintage).iterdir()
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)))


@functools.cache
def _parsed(name: str, vintage: str) -> dict[str, Any]:
    if name not in names(vintage):
        raise ValueError(f"unknown schema {name!r} of vintage {vintage}: known are {', '.join(names(vintage))}")
    text = resources.files(__name__).joinpath(vintage, name + _SUFFIX).read_text(encoding="utf-8")
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def load(name: str, vintage: str = "2024-11") -> dict[str, Any]:
    """One schema by name, for example ``load("request")``; ``ValueError`` names the known ones.

    The file is read and parsed once; every call gets a copy of its own.
    """
    return copy.deepcopy(_parsed(name, vintage))
