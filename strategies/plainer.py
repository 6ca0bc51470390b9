"""Valid bodies that say less, to find out which of their texts a server does not bear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .bodies import PROMPT, lean
from .json_values import is_array, is_object

Path = tuple[str | int, ...]

FREE = frozenset({"content", "text", "description", "refusal", "title"})
"""Members that hold free text wherever they stand."""

MAPS = frozenset({"metadata"})
"""Members whose values are all free text."""


def plainer(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The bodies with half of the awkward texts replaced by a plain one, or, where one is left, with a part of it.
    Nothing but texts is changed. The last one has plain texts only; of a body that has no others it is the lean one."""
    left = [path for path, text in _texts(body) if text != PROMPT]
    if len(left) > 1:
        middle = len(left) // 2
        yield _with(body, left[:middle], PROMPT)
        yield _with(body, left[middle:], PROMPT)
    elif left:
        text = _at(body, left[0])
        cuts = [max(1, len(text) // share) for share in (2, 4)]
        parts = dict.fromkeys(part for cut in cuts for part in (text[:-cut], text[cut:]))
        yield from (_with(body, left, part) for part in parts if part.strip())
    if left:
        yield _with(body, left, PROMPT)
    elif body != lean():
        yield lean()


def _texts(value: Any, path: Path = (), *, free: bool = False) -> Iterator[tuple[Path, str]]:
    """The free texts within a value, with the way to each."""
    if isinstance(value, str):
        if free:
            yield path, value
    elif is_array(value):
        for place, item in enumerate(value):
            yield from _texts(item, (*path, place))
    elif is_object(value):
        within = bool(path) and path[-1] in MAPS
        for name, item in value.items():
            yield from _texts(item, (*path, name), free=within or name in FREE)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(body: dict[str, Any], paths: Sequence[Path], text: str) -> dict[str, Any]:
    """A copy of the body with this text at each of these places."""
    return _replaced(body, (), frozenset(paths), text)


def _replaced(value: Any, path: Path, paths: frozenset[Path], text: str) -> Any:
    if path in paths:
        return text
    if is_array(value):
        return [_replaced(item, (*path, place), paths, text) for place, item in enumerate(value)]
    if is_object(value):
        return {name: _replaced(item, (*path, name), paths, text) for name, item in value.items()}
    return value
