"""TOML that a person has written: read so that whatever is wrong becomes one line that names the key and the mend."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from .record import cut, printable


class Fault(ValueError):
    """What is wrong with a file or one of its keys, without the name of the file."""


def read(path: Path, what: str, instead: str) -> tuple[bytes, dict[str, object]]:
    """The bytes of a file and what they say. Raises Fault; ``what`` the file should be, and what to name ``instead`` of
    one that cannot be read."""
    try:
        content = path.read_bytes()
        return content, tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise Fault(f"{error.strerror or error}; {instead}") from None
    except RecursionError:
        raise Fault(f"nested too deeply for {what}") from None
    except ValueError as error:  # of TOML, of UTF-8, of a number with too many digits
        raise Fault(f"this is no TOML: {error}") from None


def in_file(path: Path | str, fault: Fault) -> str:
    """The fault with the name of its file, in one line that steers no terminal."""
    return printable(f"{path}: {cut(str(fault), 500)}".replace("\n", " "))


def only(table: Mapping[str, object], known: Sequence[str], place: str = "") -> None:
    """Raises Fault for a key that is not known in this table."""
    for key in table:
        if key not in known:
            where = f" in {place}" if place else ""
            raise Fault(f"unknown key {key!r}{where}; {near(key, known)}")


def text_of(key: str, value: object) -> str:
    """The text that a key must have. Raises Fault."""
    if not isinstance(value, str):
        raise Fault(f"{key!r} is {kind(value)}; write a text in quotes")
    if not value.strip():
        raise Fault(f"{key!r} is empty; write a text in quotes")
    return value


_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    datetime: "a date with a time",
    date: "a date",
}


def kind(value: object) -> str:
    """The kind of a TOML value, in words."""
    return _KINDS.get(type(value), "a time")


def near(word: str, known: Sequence[str]) -> str:
    """The known word that was meant, or all of them."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
