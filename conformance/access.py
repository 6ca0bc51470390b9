"""How an endpoint is reached apart from its URL: keys, headers, certificates, patience, rate. Names, and no secrets.

An ``Access`` may be written down, handed to workers and shown: secrets are read where they are used, from the
environment or a file. Light: imports no heavy module.
"""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .target import Bounds, ExtraHeader

DEFAULT_KEY_VARIABLE = "CHATPROOF_API_KEY"

LONGEST = 86_400.0
"""Seconds that an option may name at most: a day."""

OURS = ("authorization", "content-type", "content-length", "transfer-encoding", "connection", "accept-encoding")
"""Headers that the suite sets by itself, because rules are about them."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/([smh]))?")
_PER = {"s": 1.0, "m": 60.0, "h": 3600.0}


class AccessError(ValueError):
    """An option or a secret that cannot be used; the message is one line that names it and the mend."""


@dataclass(frozen=True)
class Access:
    """``variable`` or ``key_file`` hold the key, ``headers`` are pairs of a header and the variable of its value.

    ``timeout`` (a request), ``wait_ready`` (until the server takes its first request) in seconds, ``rate`` in requests
    a second.
    """

    variable: str = DEFAULT_KEY_VARIABLE
    key_file: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    ca_bundle: str | None = None
    timeout: float | None = None
    wait_ready: float | None = None
    rate: float | None = None

    def share(self, parts: int) -> float | None:
        """What each of some processes may send a second."""
        return self.rate / parts if self.rate is not None else None

    def key(self) -> str | None:
        """The key, or None where there is none. Raises AccessError."""
        if self.key_file is None:
            return _fitting(os.environ.get(self.variable) or None, self.variable)
        try:
            text = Path(self.key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise AccessError(f"--api-key-file {self.key_file}: {why}; name a file that holds the key alone") from None
        if not text:
            raise AccessError(f"--api-key-file {self.key_file}: the file is empty; it must hold the key alone")
        return _fitting(text, f"the file {self.key_file}")

    def extra_headers(self) -> tuple[ExtraHeader, ...]:
        """The extra headers with their values. Raises AccessError."""
        from .redaction import Secret
        from .target import ExtraHeader

        found: list[ExtraHeader] = []
        for name, variable in self.headers:
            if variable not in os.environ:
                raise AccessError(f"--header-env {name}={variable}: there is no such environment variable")
            found.append(ExtraHeader(name, variable, Secret(_fitting(os.environ[variable], variable) or "")))
        return tuple(found)

    def bounds(self) -> Bounds | None:
        """What one request may cost, or None where nothing was said: a slow model is silent until it is through."""
        from .target import Bounds

        return None if self.timeout is None else Bounds(read=self.timeout, total=self.timeout)

    def resolving(self) -> dict[str, Any]:
        """The arguments of ``canary.resolve``. Raises AccessError."""
        values: dict[str, Any] = {
            "key": self.key(),
            "key_variable": self.variable,
            "headers": self.extra_headers(),
            "ca_bundle": self.ca_bundle,
        }
        bounds = self.bounds()
        return values | ({"bounds": bounds} if bounds else {})


def restored(values: Mapping[str, Any]) -> Access:
    """An access that was handed on as plain values."""
    plain: dict[str, Any] = {**values, "headers": tuple((name, variable) for name, variable in values["headers"])}
    return Access(**plain)


def _fitting(value: str | None, where: str) -> str | None:
    """A secret that a header can hold, or an error that does not show it."""
    from .redaction import Secret

    if value is None:
        return None
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise AccessError(f"the value in {where} holds a character that no header can hold, such as a line break")
    return Secret(value)


# --- options -------------------------------------------------------------------------------------------------------


def rate(text: str) -> float:
    """Requests a second from ``5``, ``5/s``, ``30/m`` or ``100/h``. Raises ValueError."""
    found = _RATE.fullmatch(text.strip())
    value = float(found[1]) / _PER[found[2] or "s"] if found else 0.0
    if not 0 < value < math.inf:
        raise ValueError(f"{text!r} is not a rate; write it like 5, 5/s or 30/m")
    return value


def seconds(text: str) -> float:
    """A length of time from a number of seconds. Raises ValueError."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= LONGEST:
        raise ValueError(f"{text!r} is not a number of seconds above 0 and up to a day")
    return value


def header(text: str) -> tuple[str, str]:
    """A header and the variable of its value from ``NAME=VAR``. Raises ValueError."""
    name, _, variable = text.partition("=")
    if not _NAME.fullmatch(name) or not _VARIABLE.fullmatch(variable):
        raise ValueError("write it like X-Tenant=MY_VARIABLE: a header, and the variable that holds its value")
    if name.lower() in OURS:
        raise ValueError(f"{name} is set by the suite" + ("; see --api-key-env" if "auth" in name.lower() else ""))
    return name, variable


OPTIONS: Sequence[tuple[str, str, Callable[[str], Any] | None, str]] = (
    ("--api-key-file", "FILE", None, "file that holds the API key alone, instead of a variable"),
    ("--header-env", "NAME=VAR", header, "one more header, its value from a variable (may be repeated)"),
    ("--ca-bundle", "FILE", None, "certificates (PEM) that are trusted beside the usual ones"),
    ("--timeout", "SECONDS", seconds, "time for one request, for slow models (default: 120)"),
    (
        "--wait-ready",
        "SECONDS",
        seconds,
        "time to wait for a server that starts (default: 0; with --start: 120)",
    ),
    ("--rate", "N/s", rate, "requests a second at most, over all that are in flight (also N/m)"),
)
"""Options by name, what follows them, what reads that, and what they mean."""

REPEATED = ("--header-env",)


def as_argument(read: Callable[[str], Any] | None) -> Any:
    """A type for argparse: a wrong value becomes a usage error that names the option."""
    if read is None:
        return str

    def parse(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def register(add: Callable[..., Any]) -> None:
    """Add the options to pytest's."""
    for name, metavar, read, says in OPTIONS:
        action = "append" if name in REPEATED else "store"
        add(name, metavar=metavar, type=as_argument(read), default=None, action=action, help=says)


def chosen(option: Any, variable: str, start: Path) -> Access:
    """The access that options name; files are looked for in ``start``. Raises AccessError where a secret is missing."""
    files = {
        name: str(start / value) if (value := getattr(option, name, None)) else None
        for name in ("api_key_file", "ca_bundle")
    }
    access = Access(
        variable=variable,
        key_file=files["api_key_file"],
        headers=tuple(getattr(option, "header_env", None) or ()),
        ca_bundle=files["ca_bundle"],
        timeout=getattr(option, "timeout", None),
        wait_ready=getattr(option, "wait_ready", None),
        rate=getattr(option, "rate", None),
    )
    access.key()
    access.extra_headers()
    if access.ca_bundle is not None:
        _check_bundle(access.ca_bundle)
    return access


def _check_bundle(place: str) -> None:
    import ssl

    try:
        ssl.create_default_context(cafile=place)
    except OSError as error:
        why = "no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise AccessError(f"--ca-bundle {place}: {why}; name a file with certificates in PEM form") from None
