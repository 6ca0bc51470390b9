"""Which JSON type a value has, in the words of JSON and of the type checker.

Types are exact JSON types: a boolean is not a number, a string of digits is not a number.  `1.0` counts as an
integer (JSON Schema says so and the fact base asserts nothing else).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # comes with the checker; in typing itself from Python 3.13 on


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number of any form; `bool` is a subclass of int in Python, hence the exact types."""
    return type(value) is int or type(value) is float


def is_whole(value: object) -> TypeGuard[int | float]:
    """A JSON number without a fraction; an overflowing literal such as 1e400 arrives as inf and is not one."""
    return type(value) is int or (type(value) is float and value.is_integer())


def is_boolean(value: object) -> TypeIs[bool]:
    """JSON true or false."""
    return value is True or value is False


def is_string(value: object) -> TypeIs[str]:
    """A JSON string."""
    return isinstance(value, str)


def is_object(value: object) -> TypeIs[dict[str, Any]]:
    """A JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[Any]]:
    """A JSON array."""
    return isinstance(value, list)


_KINDS: dict[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
}


def kind(value: object) -> str:
    """The JSON type of a parsed value, in words for a message."""
    if value is None:
        return "null"
    return _KINDS.get(type(value), "an object")
