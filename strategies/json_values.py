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
