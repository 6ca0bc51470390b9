"""Servers that ask for a key, and do not keep their door or tell too much at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from chatproof.conformance.reference import behaviour
from chatproof.conformance.reference.behaviour import Behaviour, Reference, authorize
from chatproof.conformance.reference.faults import Reason

from .answers_common import row

KEY = "test-key-12345678"
"""The key of the servers that ask for one."""


keeping = partial(row, prop="server", family="transport")


def keyed(door: Callable[[str | None, str | None], Reason | None] = authorize, **parts: Any) -> Reference:
    """A server with a key, and its way to look at one."""
    return Reference(api_key=KEY, behaviour=Behaviour(authorize=door, **parts))


def changed(turn: Callable[[Reason, str | None], Reason | None]) -> Callable[[str | None, str | None], Reason | None]:
    """Another outcome where a key is refused; ``turn`` sees the refusal and the header."""

    def door(value: str | None, key: str | None) -> Reason | None:
        reason = authorize(value, key)
        return reason and turn(reason, value)

    return door


def scheme_of(value: str | None) -> str:
    return (value or "").partition(" ")[0].lower()


def prefix(value: str | None, key: str | None) -> Reason | None:
    """Compares as many characters as the key has."""
    scheme, _, given = (value or "").partition(" ")
    return authorize(f"{scheme} {given[: len(key or '')]}" if value else value, key)


def any_scheme(value: str | None, key: str | None) -> Reason | None:
    """Looks at what follows the scheme only."""
    given = (value or "").partition(" ")[2]
    return authorize(f"Bearer {given}" if value else value, key)


def with_status(rule: str, status: int) -> Reference:
    """With another status for one of the refusals of a key, or for both."""
    return keyed(changed(lambda reason, _: replace(reason, status=status) if reason.rule.startswith(rule) else reason))


def quoting(text: Callable[[str], str]) -> Reference:
    """With the key that was sent in what is said of it."""
    return keyed(
        changed(lambda reason, value: replace(reason, message=text((value or "").partition(" ")[2]) or reason.message))
    )


MUTANTS = [
    keeping(
        "auth-missing-403",
        "http.auth.missing",
        with_status("http.auth.missing", 403),
        "http.auth.scheme",
        family="status",
    ),
    keeping(
        "auth-missing-400",
        "http.auth.missing",
        with_status("http.auth.missing", 400),
        "http.auth.scheme",
        family="status",
    ),
    keeping(
        "auth-any-key",
        "http.auth.bad",
        keyed(changed(lambda reason, _: None if reason.rule == "http.auth.bad" else reason)),
    ),
    keeping("auth-bad-403", "http.auth.bad", with_status("http.auth.bad", 403), family="status"),
    keeping("auth-bad-500", "http.auth.bad", with_status("http.auth.bad", 500), family="crash"),
    keeping("auth-key-prefix", "http.auth.bad", keyed(prefix)),
    keeping("auth-any-scheme", "http.auth.scheme", keyed(any_scheme)),
    keeping(
        "auth-basic-taken",
        "http.auth.scheme",
        keyed(changed(lambda reason, value: None if scheme_of(value) == "basic" else reason)),
    ),
    keeping(
        "auth-scheme-400",
        "http.auth.scheme",
        keyed(
            changed(
                lambda reason, value: replace(reason, status=400) if scheme_of(value) not in ("", "bearer") else reason
            )
        ),
        family="status",
    ),
    keeping(
        "auth-403", "http.auth.missing http.auth.bad http.auth.scheme", with_status("http.auth", 403), family="status"
    ),
    keeping(
        "auth-detail",
        "err.envelope",
        keyed(
            envelope=lambda reason: (
                {"detail": "Not authenticated"} if reason.status == 401 else behaviour.envelope(reason)
            )
        ),
        family="error",
    ),
    keeping(
        "auth-text",
        "err.json",
        keyed(
            envelope=lambda reason: "Unauthorized" if reason.status == 401 else behaviour.envelope(reason),
            dump=lambda value: value.encode() if isinstance(value, str) else behaviour.dump(value),
        ),
        family="error",
    ),
    keeping(
        "error-key-told",
        "err.noleak.key",
        quoting(lambda key: key and f"The API key {key} is not a valid one."),
        family="error",
    ),
    keeping(
        "error-key-expected",
        "err.noleak.key",
        keyed(changed(lambda reason, _: replace(reason, message=f"The API key must be {KEY}."))),
        family="error",
    ),
    keeping(
        "error-key-most",
        "err.noleak.key",
        quoting(lambda key: key and f"The API key **{key[4:]} is not a valid one."),
        family="error",
    ),
    keeping(
        "error-key-half",
        "err.noleak.key",
        quoting(lambda key: key and f"The API key {key[:-2]}** is not a valid one."),
        family="error",
    ),
]
