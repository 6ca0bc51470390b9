"""Reads the bytes of a server-sent event stream without hiding what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


class _NotJson:
    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON = _NotJson()
"""Stands for text that is not JSON."""

DONE = "[DONE]"


def read_json(text: str | bytes) -> Any:
    """The JSON value of a text, or ``NOT_JSON``. NaN and Infinity are not JSON."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOT_JSON


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True)
class Event:
    """One dispatched event: its ``data`` lines joined by line feeds, and its other fields."""

    data: str
    fields: tuple[tuple[str, str], ...] = ()

    @cached_property
    def json(self) -> Any:
        """The data as JSON, or ``NOT_JSON``."""
        return read_json(self.data)

    @property
    def done(self) -> bool:
        """Whether this is the end marker."""
        return self.data.strip() == DONE


@dataclass(frozen=True)
class Stream:
    """All events in order. ``stray`` are lines that no field of the standard explains, ``rest`` is an event that no
    blank line ended, ``decodes`` says whether the bytes are UTF-8."""

    events: tuple[Event, ...]
    stray: tuple[str, ...]
    rest: str
    decodes: bool
    comments: int = 0

    @cached_property
    def chunks(self) -> list[dict[str, Any]]:
        """The JSON objects of the events before the end marker that are no errors."""
        found = []
        for event in self.events:
            if event.done:
                break
            if isinstance(event.json, dict) and not event.json.get("error"):
                found.append(event.json)
        return found

    @property
    def finished(self) -> bool:
        """Whether the end marker came."""
        return any(event.done for event in self.events)


@dataclass
class _Reader:
    events: list[Event] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    comments: int = 0

    def line(self, line: str) -> None:
        if not line:
            self.dispatch()
        elif line.startswith(":"):
            self.comments += 1
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                self.data.append(value)
            elif name in ("event", "id", "retry"):
                self.fields.append((name, value))
            else:
                self.stray.append(line[:200])

    def dispatch(self) -> None:
        if self.data:
            self.events.append(Event("\n".join(self.data), tuple(self.fields)))
        self.data, self.fields = [], []


def parse(content: bytes) -> Stream:
    """Read a whole stream by the rules of the standard: LF, CR and CRLF end lines, a leading byte-order mark is dropped."""
    try:
        text, decodes = content.decode(), True
    except UnicodeDecodeError:
        text, decodes = content.decode("utf-8", "replace"), False
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    *lines, last = text.split("\n")
    reader = _Reader()
    for line in lines:
        reader.line(line)
    unended = "\n".join(reader.data)
    if last:
        unended = f"{unended}\n{last}" if unended else last
    return Stream(tuple(reader.events), tuple(reader.stray), unended, decodes, reader.comments)
