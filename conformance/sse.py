"""Reads the bytes of a server-sent event stream without hiding what is wrong with them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

from ..strategies.json_values import is_array, is_object


class _NotJson:
    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON = _NotJson()
"""Stands for text that is not JSON."""

DONE = "[DONE]"


DEEPEST = 256
"""Levels of nesting that are read: beyond them a walk over the value could leave Python's stack."""


def read_json(text: str | bytes) -> Any:
    """The JSON value of a text, or ``NOT_JSON``. NaN, Infinity and what is nested beyond ``DEEPEST`` are not JSON."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOT_JSON
    opened = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    return value if opened <= DEEPEST or not _nested_beyond(value, DEEPEST) else NOT_JSON


def _nested_beyond(value: Any, levels: int) -> bool:
    """Whether there are more levels of arrays and objects than these."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [one for one in layer if is_object(one) or is_array(one)]
        if not layer:
            return False
        layer = [inner for one in layer for inner in (one.values() if is_object(one) else one)]
    return True


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True)
class Event:
    """One event: its ``data`` lines joined by line feeds, and its other fields."""

    data: str
    fields: tuple[tuple[str, str], ...] = ()

    @cached_property
    def json(self) -> Any:
        """The data as JSON, or ``NOT_JSON``."""
        return read_json(self.data)

    @property
    def done(self) -> bool:
        """Whether this is the end marker; like the official client, any data that starts with it."""
        return self.data.lstrip().startswith(DONE)

    @property
    def failed(self) -> bool:
        """Whether this is an error: an object with a truthy ``error``, or one that calls itself an error."""
        return is_object(self.json) and (bool(self.json.get("error")) or self.json.get("object") == "error")


@dataclass(frozen=True)
class Stream:
    """What the bytes hold. ``events`` are those of the standard, in order; ``stray`` are lines that no field of it
    explains; ``rest`` is the data of a last event that no blank line ended (the standard drops it); ``decodes`` says
    whether the bytes are UTF-8.

    Everything else reads past faults of framing, so that such a fault is seen once, and not as missing chunks.
    """

    events: tuple[Event, ...]
    stray: tuple[str, ...]
    rest: str
    decodes: bool
    comments: int = 0
    dataless: int = 0
    """Blank lines that end other fields only, or nothing once an id was told. The standard lets a client drop such
    events, which not every client does."""

    @cached_property
    def messages(self) -> list[Event]:
        """The events as a client sees them that reads line by line: events that no blank line parted or ended count."""
        every = (*self.events, *([Event(self.rest)] if self.rest else []))
        return [message for event in every for message in (unglued(event) or [event])]

    @cached_property
    def payloads(self) -> list[Event]:
        """The messages before the end marker."""
        return list(takewhile(lambda message: not message.done, self.messages))

    @cached_property
    def chunks(self) -> list[dict[str, Any]]:
        """The JSON objects before the end marker that are no errors."""
        return [event.json for event in self.payloads if is_object(event.json) and not event.failed]

    @cached_property
    def failed(self) -> bool:
        """Whether an error came before the end marker."""
        return any(event.failed for event in self.payloads)

    @property
    def finished(self) -> bool:
        """Whether the end marker came."""
        return len(self.payloads) < len(self.messages)


def unglued(event: Event) -> list[Event]:
    """The events in one whose data lines are events by themselves, not parted by blank lines; empty where it is one."""
    lines = event.data.split("\n")
    if len(lines) == 1 or event.json is not NOT_JSON:
        return []
    parts = [Event(line) for line in lines]
    return parts if all(part.done or isinstance(part.json, dict) for part in parts) else []


@dataclass
class _Reader:
    events: list[Event] = field(default_factory=list[Event])
    stray: list[str] = field(default_factory=list[str])
    data: list[str] = field(default_factory=list[str])
    fields: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    comments: int = 0
    dataless: int = 0
    identified: bool = False

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
                self.identified = self.identified or name == "id"
            else:
                self.stray.append(line[:200])

    def dispatch(self) -> None:
        if self.data:
            self.events.append(Event("\n".join(self.data), tuple(self.fields)))
        elif self.fields or self.identified:
            self.dataless += 1
        self.data, self.fields = [], []


def parse(content: bytes) -> Stream:
    """Read a whole stream by the standard: LF, CR and CRLF end lines, a leading byte-order mark is dropped.

    A last line without an end counts as a line.
    """
    try:
        text, decodes = content.decode(), True
    except UnicodeDecodeError:
        text, decodes = content.decode("utf-8", "replace"), False
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    *lines, last = text.split("\n")
    reader = _Reader()
    for line in (*lines, *([last] if last else [])):
        reader.line(line)
    rest = "\n".join(reader.data)
    return Stream(tuple(reader.events), tuple(reader.stray), rest, decodes, reader.comments, reader.dataless)
