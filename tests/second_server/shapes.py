"""A request is held against a table of shapes, recursively. The table is data; this file says how it is read.

A shape is one of

- a string: a leaf, its kind and bounds: ``number 0 2``, ``integer 1 128``, ``string 0 512``, ``name``, ``enum on off``
- a list ``[item, least, most]``: an array (``most`` None: no bound)
- a tuple: alternatives; the first whose JSON kind is that of the value is taken
- a dict: an object; a key that ends with ``?`` may be absent. ``"..."`` says what becomes of other keys (``refuse``, or
  they are left alone). With ``"<tag>"`` the member ``tag`` selects one of the shapes below it, and ``"<each>"`` is
  (key shape, value shape, most pairs)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

Shape = str | list[Any] | tuple[Any, ...] | dict[str, Any]
Path = tuple[str | int, ...]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TOKEN_ID = re.compile(r"[0-9]{1,18}")
WORDS = {
    "null": "null", "boolean": "a boolean", "integer": "an integer", "number": "a number", "string": "a string",
    "array": "an array", "object": "an object",
}  # fmt: skip


@dataclass
class Fault(Exception):
    """One thing wrong with a request. ``kind`` is ``shape`` or ``sense``; ``status`` overrules what follows from it."""

    message: str
    path: Path = ()
    code: str | None = None
    kind: str = "shape"
    status: int | None = None
    dotted: bool = field(default=False)

    def param(self) -> str | None:
        """The path as a string: ``messages[0].role``, or ``messages.[0].role``."""
        text = ""
        for step in self.path:
            if isinstance(step, int):
                text += f".[{step}]" if self.dotted else f"[{step}]"
            else:
                text += f".{step}" if text else step
        return text or None


def kind_of(value: Any) -> str:
    """The JSON kind of a parsed value; whole floats are numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for python, word in ((int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, python):
            return word
    raise TypeError(value)


def kinds(shape: Shape) -> tuple[str, ...]:
    """The JSON kinds that a shape speaks of."""
    if isinstance(shape, list):
        return ("array",)
    if isinstance(shape, dict):
        return ("object",)
    if isinstance(shape, tuple):
        return tuple(word for one in shape for word in kinds(one))
    word = shape.split()[0]
    found = {"number": ("integer", "number"), "whole": ("integer", "number"), "name": ("string",), "enum": ("string",)}
    return found.get(word, (word,))


def check(shape: Shape, value: Any, path: Path = ()) -> None:
    """Hold a value against a shape. Raises Fault for the first thing that is wrong."""
    kind = kind_of(value)
    while isinstance(shape, tuple) and kind in kinds(shape):
        shape = next(one for one in shape if kind in kinds(one))
    if kind not in kinds(shape):
        wanted = " or ".join(dict.fromkeys(WORDS[word] for word in kinds(shape)))
        raise Fault(f"'{show(path)}' must be {wanted}, not {WORDS[kind]}.", path, "invalid_type")
    if isinstance(shape, str):
        _leaf(shape, value, path)
    elif isinstance(shape, list):
        _array(shape, value, path)
    elif isinstance(shape, dict):
        _object(shape, value, path)


def show(path: Path) -> str:
    """A path for people."""
    return Fault("", path).param() or "the body"


def _leaf(shape: str, value: Any, path: Path) -> None:
    word, *rest = shape.split()
    if word == "enum":
        if value not in rest:
            raise Fault(f"'{show(path)}' must be one of {', '.join(rest)}.", path, "invalid_value")
    elif word == "name":
        if len(value) > 64:
            raise Fault(f"'{show(path)}' is longer than 64 characters.", path, "string_above_max_length")
        if not NAME.fullmatch(value):
            raise Fault(f"'{show(path)}' may hold only letters, digits, _ and -.", path, "invalid_value")
    elif word == "string":
        _bounds("string", "length", len(value), rest, path)
    elif word in ("integer", "number", "whole"):
        if word == "whole" and value != int(value) if abs(value) < float("inf") else word == "whole":
            raise Fault(f"'{show(path)}' must be a whole number.", path, "invalid_type")
        _bounds("integer" if word != "number" else "decimal", "value", value, rest, path)


def _bounds(word: str, what: str, value: float, rest: list[str], path: Path) -> None:
    low, high = [*(None if text == "*" else int(text) for text in rest), None, None][:2]
    if low is not None and value < low:
        code = "empty_string" if what == "length" else f"{word}_below_min_{what}"
        raise Fault(f"'{show(path)}' has a {what} below {low}.", path, code)
    if high is not None and value > high:
        raise Fault(f"'{show(path)}' has a {what} above {high}.", path, f"{word}_above_max_{what}")


def _array(shape: list[Any], value: list[Any], path: Path) -> None:
    item, least, most = shape
    if len(value) < least:
        raise Fault(f"'{show(path)}' has too few items.", path, "empty_array")
    if most is not None and len(value) > most:
        raise Fault(
            f"'{show(path)}' has {len(value)} items, at most {most} are allowed.", path, "array_above_max_length"
        )
    for number, one in enumerate(value):
        check(item, one, (*path, number))


def _object(shape: dict[str, Any], value: dict[str, Any], path: Path) -> None:
    for key, below in shape.items():
        if key == "<each>":
            _pairs(below, value, path)
        elif key.startswith("<"):
            tag = key[1:-1]
            if value.get(tag) is None:
                raise Fault(f"'{show((*path, tag))}' is missing.", (*path, tag), "missing_required_parameter")
            check("enum " + " ".join(below), value[tag], (*path, tag))
            check(below[value[tag]], {name: item for name, item in value.items() if name != tag}, path)
        elif key != "...":
            name = key.rstrip("?")
            if name in value:
                check(below, value[name], (*path, name))
            elif not key.endswith("?"):
                raise Fault(f"'{show((*path, name))}' is missing.", (*path, name), "missing_required_parameter")
    if shape.get("...") == "refuse":
        known = {key.rstrip("?") for key in shape}
        for name in value:
            if name not in known:
                raise Fault(f"'{show((*path, name))}' is not known here.", (*path, name), "unknown_parameter")


def _pairs(below: tuple[Shape, Shape, int | None], value: dict[str, Any], path: Path) -> None:
    name, item, most = below
    if most is not None and len(value) > most:
        raise Fault(f"'{show(path)}' has more than {most} members.", path, "object_above_max_properties")
    for key, one in value.items():
        if name == "token":
            if not TOKEN_ID.fullmatch(key):
                raise Fault(f"The keys of '{show(path)}' must be token ids.", path, "invalid_value")
        else:
            try:
                check(name, key, (*path, key))
            except Fault as fault:
                raise Fault(fault.message, path, "property_name_above_max_length") from None
        check(item, one, (*path, key))
