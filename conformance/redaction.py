"""Takes secrets out of what servers say and runs write, however they were written.

A server may echo a key as it is, in JSON, in a URL, in base64 or in a page. Each of these forms is a fixed string.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from ..strategies.json_values import is_array, is_object

REDACTED = "[key]"
HALF_REDACTED = "[a part of the key]"
"""Stands for a piece of a key that is longer than half of it: answers may show its ends."""

SHORTEST_SECRET = 8
"""Characters from which on a secret is removed from what the server echoes: a dummy such as ``x`` is no secret,
and its removal would change every answer."""

_OURS = ("request", "curl", "steps")
"""Members of a finding that the suite has made, and that must send again what was sent."""


class Secret(str):
    """A string that no traceback shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(REDACTED)


def forms(secret: str) -> list[str]:
    """The secret as text may hold it, longest first."""
    text = str(secret)
    raw = text.encode()
    points = "".join(f"\\u{ord(char):04x}" for char in text)
    percent = "".join(f"%{byte:02x}" for byte in raw)
    quoted = [quote(text), quote(text, safe=""), quote_plus(text)]
    found = {
        text,
        *(name for each in quoted for name in (each, _lower_escapes(each))),
        *(each.replace("/", "\\/") for each in (text, json.dumps(text)[1:-1])),
        json.dumps(text)[1:-1],
        ascii(text)[1:-1],
        html.escape(text),
        html.escape(text, quote=False),
        *(part for each in (points, percent, raw.hex()) for part in (each, each.upper().replace("\\U", "\\u"))),
        *_in_base64(raw),
    }
    return sorted(found, key=lambda form: (-len(form), form))


def _lower_escapes(text: str) -> str:
    parts = text.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _in_base64(raw: bytes) -> Iterable[str]:
    """What base64 makes of the bytes wherever they stand in a text, less the characters that neighbours share."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        shared = (len(raw) + before) % 3 != 0
        inner = text[(0, 2, 3)[before] : -1 if shared else None]
        yield from (inner, inner.replace("+", "-").replace("/", "_"))


class Redaction:
    """Removes some secrets. Those that are too short to be one stay."""

    def __init__(self, secrets: Iterable[str | None]) -> None:
        self.secrets = tuple(secret for secret in secrets if secret and len(secret) >= SHORTEST_SECRET)
        self._forms = list(dict.fromkeys(form for secret in self.secrets for form in forms(secret)))
        self._bytes = [form.encode() for form in self._forms]
        self._parts = [part for secret in self.secrets for part in _halves(secret)]

    def text(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, REDACTED)
        for secret in self.secrets:
            text = without_parts(text, secret)
        return text

    def content(self, content: bytes) -> bytes:
        """The bytes without the secrets."""
        for form in self._bytes:
            if form in content:
                content = content.replace(form, REDACTED.encode())
        for secret in self.secrets:
            if any(part in content for part in _pieces(secret.encode())):
                content = without_parts(content.decode("latin-1"), secret).encode("latin-1")
        return content

    def line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """A line of the record without the secrets, and without the larger half of one that came in two pieces."""
        return {name: value if name in _OURS else self._value(value) for name, value in line.items()}

    def _value(self, value: Any) -> Any:
        if not self.secrets:
            return value
        if isinstance(value, str):
            return self._without_parts(self.text(value))
        if is_object(value):
            return self.line(value)
        if is_array(value):
            return [self._value(each) for each in value]
        return value

    def _without_parts(self, text: str) -> str:
        if not any(part in text for part in self._parts):
            return text
        gone = bytearray(len(text))
        for part in self._parts:
            place = text.find(part)
            while place >= 0:
                gone[place : place + len(part)] = b"\1" * len(part)
                place = text.find(part, place + 1)
        kept: list[str] = []
        for place, char in enumerate(text):
            if not gone[place]:
                kept.append(char)
            elif not place or not gone[place - 1]:
                kept.append(REDACTED)
        return "".join(kept)


def without_parts(text: str, secret: str) -> str:
    """Text without pieces of a key that are longer than half of it."""
    for piece in _pieces(secret):
        start = secret.index(piece)
        place = text.find(piece)
        while place >= 0:
            end = start + len(piece)
            while end < len(secret) and text.startswith(secret[start : end + 1], place):
                end += 1
            text = text[:place] + HALF_REDACTED + text[place + end - start :]
            place = text.find(piece, place + len(HALF_REDACTED))
    return text


def _pieces(secret: Any) -> list[Any]:
    """Every piece of a secret that is a little longer than half of it."""
    least = max(SHORTEST_SECRET, len(secret) // 2 + 1)
    return [secret[start : start + least] for start in range(len(secret) - least + 1)]


def _halves(secret: str) -> list[str]:
    """Every piece of a secret as long as half of it: whoever cuts it in two leaves one of these."""
    length = max(SHORTEST_SECRET, -(-len(secret) // 2))
    return [str(secret)[place : place + length] for place in range(len(secret) - length + 1)]
