"""Servers that read HTTP or JSON wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import BadJson, Behaviour, Reference
from chatproof.conformance.reference.faults import Reason
from starlette.types import ASGIApp, Receive, Scope, Send

from . import pairs, statuses
from .base import Mutant, of
from .relations_common import reading

LEAN = {"model": "chatproof-reference", "messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 16}
"""What a server makes of a body that it could not read but takes."""

REASON = Reason("mutant", "Not taken.", None, None)


class Crash(Exception):
    """A server's own fault: the reference answers 500."""


# ---------------------------------------------------------------------------------------------------- wrappers


def quiet(app: ASGIApp) -> ASGIApp:
    """Lets the answer to a crash stand, and keeps the connection."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Crash):
            await app(scope, receive, send)

    return wrapped


def rescoped(change: Callable[[Scope], Mapping[str, Any]]) -> Callable[[ASGIApp], ASGIApp]:
    """Requests as if they had come with another method, path or header."""

    def around(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, **change(scope)}, receive, send)

        return wrapped

    return around


def any_path(app: ASGIApp) -> ASGIApp:
    """An unknown path is answered 200, with an error in words."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith(("/chat/completions", "/models")):
            await app(scope, receive, send)
            return
        text = json.dumps({"error": "Unexpected endpoint or method."}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return wrapped


# ---------------------------------------------------------------------------------------------------- readers


def repairing(repair: Callable[[bytes], Any]) -> Reference:
    """Takes text that is no JSON for what `repair` makes of it; None leaves it refused."""

    def parse(raw: bytes) -> Any:
        try:
            return behaviour.parse(raw)
        except BadJson:
            value = repair(raw)
            if value is None:
                raise
            return value

    return reading(parse)


def again(text: bytes) -> Any:
    """The value of a text, or None where it is no JSON."""
    try:
        return behaviour.parse(text)
    except BadJson:
        return None


ENDS = [bytes(row) for size in range(1, 6) for row in product(b'"]}', repeat=size)]


def closed(raw: bytes) -> Any:
    """A body that ended too early, with its quotes and brackets closed."""
    if raw.startswith(b"{"):
        for end in ENDS:
            value = again(raw + end)
            if isinstance(value, dict) and {"model", "messages"} <= set(value):
                return value
    return None


def loose(raw: bytes) -> Any:
    """With raw control characters in strings."""
    try:
        return json.JSONDecoder(strict=False).decode(raw.decode())
    except ValueError:
        return None


def front(raw: bytes) -> Any:
    """The first value of a text."""
    try:
        value, _ = json.JSONDecoder().raw_decode(raw.decode().lstrip())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def crashing(when: Callable[[bytes, Any], Any]) -> Reference:
    """Fails on bodies of which `when` is true: the bytes, and the value (None where there is none)."""

    def parse(raw: bytes) -> Any:
        try:
            value, wrong = behaviour.parse(raw), None
        except (BadJson, RecursionError) as error:
            value, wrong = None, error
        if when(raw, value):
            raise Crash
        if wrong:
            raise wrong
        return value

    return reading(parse)


def not_utf8(raw: bytes, _: Any) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def depth(raw: bytes) -> int:
    """How deep the brackets of a text are nested (those in strings are counted as well)."""
    most = level = 0
    for sign in raw:
        if sign in b"[{":
            level += 1
            most = max(most, level)
        elif sign in b"]}":
            level -= 1
    return most


def repeated(raw: bytes, value: Any) -> bool:
    """Whether an object has a key twice."""
    found = False

    def pairs_of(rows: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in rows}) < len(rows)

    if isinstance(value, dict) and depth(raw) < 100:
        json.loads(raw, parse_int=str, object_pairs_hook=pairs_of)
    return found


def strings(value: Any) -> Iterable[str]:
    """All strings of a value, but those that are nested too deep for this function."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            stack.extend((*node, *node.values()))


def with_character(wrong: Callable[[str], bool]) -> Callable[[bytes, Any], bool]:
    return lambda raw, value: any(wrong(sign) for text in strings(value) for sign in text)


def long_message(raw: bytes, value: Any) -> bool:
    return any(len(text) > 16_384 for text in strings(value))


def with_nan(raw: bytes) -> Any:
    """Python's own reader, which knows NaN and Infinity."""
    try:
        return json.loads(raw, parse_int=lambda digits: int(digits[: behaviour.DIGITS_MAX]))
    except ValueError as error:
        raise BadJson(str(error)) from error


def typed(judge: Callable[[str | None], Reason | None]) -> Reference:
    return Reference(behaviour=Behaviour(media_type=judge))


def exact_type(value: str | None) -> Reason | None:
    """Refuses a Content-Type with parameters."""
    return None if value in (None, "application/json") else REASON


def needed_type(value: str | None) -> Reason | None:
    """Fails where there is no Content-Type."""
    if value is None:
        raise Crash
    return behaviour.media_type(value)


def known_type(value: str | None) -> Reason | None:
    """Fails on a Content-Type that it does not know."""
    if behaviour.media_type(value):
        raise Crash
    return None


def reading_mutant(
    name: str, server: Reference, *fails: str, about: str = "body", with_it: Iterable[str] = ()
) -> Mutant:
    return Mutant(
        name=name,
        property=about,
        family="transport",
        server=server,
        fails=of(*fails),
        with_it=frozenset(with_it),
        around=quiet,
    )


MUTANTS = [
    # what is no JSON is taken
    reading_mutant(
        "json-garbage",
        repairing(lambda raw: LEAN if raw.strip() and not raw.lstrip().startswith(b"{") else None),
        "http.json.refuses",
    ),
    reading_mutant("json-truncated", repairing(closed), "http.json.truncated.refuses"),
    reading_mutant(
        "json-comma", repairing(lambda raw: again(re.sub(rb",\s*([}\]])", rb"\1", raw))), "http.json.comma.refuses"
    ),
    reading_mutant("json-quotes", repairing(lambda raw: again(raw.replace(b"'", b'"'))), "http.json.quotes.refuses"),
    reading_mutant("json-control", repairing(loose), "http.json.control.refuses"),
    reading_mutant("json-trailing", repairing(front), "http.json.trailing.refuses"),
    reading_mutant(
        "utf8-replaced", repairing(lambda raw: again(raw.decode("utf-8", "replace").encode())), "http.json.utf8.refuses"
    ),
    reading_mutant("empty-taken", repairing(lambda raw: None if raw else LEAN), "http.body.empty.refuses"),
    reading_mutant(
        "array-taken",
        reading(lambda raw: LEAN if isinstance(value := behaviour.parse(raw), list) else value),
        "http.json.object.refuses",
    ),
    # it crashes
    reading_mutant(
        "json-crash",
        crashing(lambda raw, value: value is None and raw.strip()[:1] not in (b"{", b"", b"n", b"\xef")),
        "http.json.refuses",
    ),
    reading_mutant("utf8-crash", crashing(not_utf8), "http.json.utf8.refuses"),
    reading_mutant("empty-crash", crashing(lambda raw, value: not raw), "http.body.empty.refuses"),
    reading_mutant("array-crash", crashing(lambda raw, value: isinstance(value, list)), "http.json.object.refuses"),
    reading_mutant("nan-crash", crashing(lambda raw, value: re.search(rb":\s*-?(NaN|Infinity)\b", raw)), "http.nan"),
    reading_mutant("deep-crash", crashing(lambda raw, value: depth(raw) > 500), "http.deep", about="tools"),
    reading_mutant("dupkeys-crash", crashing(repeated), "http.dupkeys"),
    reading_mutant(
        "surrogate-crash", crashing(with_character(lambda sign: "\ud800" <= sign <= "\udfff")), "http.surrogate"
    ),
    reading_mutant("nul-crash", crashing(with_character(lambda sign: sign == "\0")), "http.unicode.nul"),
    reading_mutant(
        "astral-crash",
        crashing(with_character(lambda sign: sign > "\uffff")),
        "http.unicode.accepts",
        "content.unicode.accepts",
        with_it=("mm.*", "together.random.accepts", "*.accepts"),
    ),
    reading_mutant("long-crash", crashing(long_message), "http.size", about="messages"),
    reading_mutant("bom-crash", crashing(lambda raw, value: raw.startswith(b"\xef\xbb\xbf")), "http.bom"),
    reading_mutant(
        "escape-pair-crash",
        crashing(lambda raw, value: re.search(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F]", raw)),
        "http.json.escapes.accepts",
        with_it=("mm.whitespace.escapes",),
    ),
    # headers, methods, paths
    reading_mutant("charset-refused", typed(exact_type), "http.ctype.ok.accepts"),
    reading_mutant("type-any", typed(lambda value: None), "http.ctype.bad.refuses"),
    reading_mutant("type-missing-crash", typed(needed_type), "http.ctype.missing"),
    reading_mutant("type-bad-crash", typed(known_type), "http.ctype.bad.refuses"),
    replace(reading_mutant("path-any", Reference(), "http.path.refuses"), around=any_path),
    replace(
        reading_mutant("put-taken", Reference(), "http.method.refuses"),
        around=rescoped(lambda scope: {"method": "POST" if scope["method"] in ("PUT", "PATCH") else scope["method"]}),
    ),
    replace(
        reading_mutant("delete-ok", Reference(), "http.method.refuses"),
        around=rescoped(lambda scope: {"method": "GET" if scope["method"] == "DELETE" else scope["method"]}),
    ),
    *statuses.MUTANTS,
    *pairs.MUTANTS,
]
