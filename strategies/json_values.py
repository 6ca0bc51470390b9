"""Which JSON type a value has, in the words of JSON and of the type checker.

Python's ``isinstance(value, dict)`` says nothing about what is inside, which a strict checker then calls unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # comes with the checker; in typing itself from Python 3.13 on


def is_object(value: object) -> TypeIs[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def in_ascii(value: Any) -> Any:
    """The same JSON value with an ``a`` for every character beyond ASCII, in keys as in values."""
    return up_to("\x7f", value)


def up_to(last: str, value: Any) -> Any:
    """The same JSON value with an ``a`` for every character beyond ``last``, in keys as in values."""
    if is_object(value):
        return {up_to(last, key): up_to(last, member) for key, member in value.items()}
    if is_array(value):
        return [up_to(last, item) for item in value]
    return "".join(sign if sign <= last else "a" for sign in value) if isinstance(value, str) else value
