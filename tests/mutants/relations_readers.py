"""Readers of JSON that mind what does not matter: the order of members, blanks, escapes, notations of a number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from chatproof.conformance.reference import behaviour

from .relations_common import Body


def short(digits: str) -> int:
    """Python reads no integer of more than 4300 digits."""
    return int(digits[: behaviour.DIGITS_MAX])


def ordered(accept: Callable[[list[tuple[str, Any]]], bool]) -> Callable[[bytes], Any]:
    """A reader that gives up at an object whose members come in an order that it does not expect."""

    def pairs(rows: list[tuple[str, Any]]) -> Body:
        if not accept(rows):
            raise behaviour.BadJson("order")
        return dict(rows)

    def parse(raw: bytes) -> Any:
        value = behaviour.parse(raw)
        json.loads(raw, parse_int=short, object_pairs_hook=pairs)
        return value

    return parse


def role_before_content(rows: list[tuple[str, Any]]) -> bool:
    names = [name for name, _ in rows]
    return "role" not in names or "content" not in names or names.index("role") < names.index("content")


def type_first(rows: list[tuple[str, Any]]) -> bool:
    """A union that decides by `type` as it reads: a tool, a part, a format."""
    names = [name for name, _ in rows]
    decided = [names.index(name) for name in ("function", "text", "json_schema", "image_url") if name in names]
    return not decided or "type" not in names or names.index("type") < min(decided)


def temperature_after_messages(raw: bytes) -> Any:
    """Looks at the temperature only once it has read the messages."""
    body = behaviour.parse(raw)
    names = list(body) if isinstance(body, dict) else []
    if "temperature" in names and names.index("temperature") < (names.index("messages") if "messages" in names else 0):
        del body["temperature"]
    return body


def one_line(raw: bytes) -> Any:
    """Reads up to the first line break, as a gateway that reads a body line by line."""
    return behaviour.parse(raw.strip().split(b"\n", 1)[0])


def tight_colons(raw: bytes) -> Any:
    """A gateway that takes a temperature out of the text, with a pattern that knows no blank before the colon."""
    body = behaviour.parse(raw)
    if isinstance(body, dict) and not re.search(rb'"temperature":\s?\S', raw):
        body.pop("temperature", None)
    return body


def raw_names(raw: bytes) -> Any:
    """Compares the names of members as they are written: an escaped one is unknown."""
    body = behaviour.parse(raw)
    names = re.findall(rb'("(?:[^"\\]|\\.)*")(\s*:)?', raw, re.DOTALL)
    written = {json.loads(name) for name, colon in names if colon and b"\\" in name}
    if not isinstance(body, dict):
        return body
    return {f"\\{name}" if name in written else name: value for name, value in body.items()}


def raw_choice(raw: bytes) -> Any:
    """Looks for the words of `tool_choice` in the text of the body, where an escaped one is unknown."""
    body = behaviour.parse(raw)
    word = body.get("tool_choice") if isinstance(body, dict) else None
    if isinstance(word, str) and json.dumps(word, ensure_ascii=False).encode("utf-8", "surrogatepass") not in raw:
        return {**body, "tool_choice": "unknown"}
    return body


def no_solidus(raw: bytes) -> Any:
    r"""Does not know the escape `\/`."""
    if re.search(rb"(?<!\\)(?:\\\\)*\\/", raw):
        raise behaviour.BadJson("unknown escape")
    return behaviour.parse(raw)


def mantissa(raw: bytes) -> Any:
    """Reads a number up to its exponent."""
    behaviour.parse(raw)  # what is no JSON stays none
    return json.loads(raw, parse_int=short, parse_float=lambda text: float(re.split("[eE]", text)[0]))


def plain_penalty(raw: bytes) -> Any:
    """Takes a penalty that is written with an exponent for a string, as a reader of decimals by pattern does."""
    value = behaviour.parse(raw)
    if isinstance(value, dict):
        for name in re.findall(rb'"((?:frequency|presence)_penalty)"\s*:\s*-?[\d.]+[eE]', raw):
            value[name.decode()] = str(value[name.decode()])
    return value
