"""Where the endpoint is and how it is reached: its address, model, key, headers and bounds.

Sizes are bytes, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ..strategies.bodies import MODEL
from .access import DEFAULT_KEY_VARIABLE
from .redaction import Redaction

if TYPE_CHECKING:
    from .budget import Budget


REFERENCE = "reference"
"""What stands for the URL of the embedded server."""


class EndpointError(Exception):
    """The endpoint cannot be tested; the message is one line that names the cause and the mend.

    ``passing`` where that may be over in a while, as when a server starts.
    """

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


@dataclass(frozen=True)
class Bounds:
    """What one request may cost: seconds to connect, between bytes and in all; bytes kept of an answer; re-sends and
    the longest wait before one.

    ``linger``: seconds for which the end of a message is awaited after the end marker of its stream, and longer where
    the stream itself took long.
    """

    connect: float = 10.0
    read: float = 60.0
    total: float = 120.0
    size: int = 4 * 2**20
    retries: int = 4
    longest_wait: float = 120.0
    linger: float = 5.0


@dataclass(frozen=True)
class ExtraHeader:
    """A header that every request bears, and the variable that holds its value."""

    name: str
    variable: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """A resolved endpoint. ``base`` ends before ``/chat/completions``; ``fields`` join bodies without a token bound.

    ``headers`` go with every request; ``ca_bundle`` names a file of certificates that are trusted, too. From its
    profile: ``models`` by capability, ``extra`` fields that join bodies which have them not, ``plain_headers``.
    Whatever is sent to it is booked in ``budget``, and not sent where a ceiling forbids it.
    """

    base: str
    query: str = ""
    model: str = MODEL
    key: str | None = field(default=None, repr=False)
    key_variable: str = DEFAULT_KEY_VARIABLE
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    bounds: Bounds = Bounds()
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    plain_headers: tuple[tuple[str, str], ...] = ()
    budget: Budget | None = field(default=None, repr=False, compare=False)

    headers: tuple[ExtraHeader, ...] = ()
    ca_bundle: str | None = None

    @cached_property
    def redaction(self) -> Redaction:
        """Takes the key and the values of the extra headers out of a text."""
        return Redaction([self.key, *(header.value for header in self.headers)])

    def url(self, path: str) -> str:
        """Absolute URL of a path below the base, with the query the user gave."""
        return self.base + path + (f"?{self.query}" if self.query else "")


def split_url(text: str) -> tuple[list[str], str]:
    """Candidate bases for what the user typed, the likeliest first, and the query: ``http://h:p`` may mean ``…/v1``."""
    parts = urlsplit(text)
    try:
        port_is_fine = parts.port is None or parts.port >= 0
    except ValueError:
        port_is_fine = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_fine:
        raise EndpointError(f"--endpoint {text!r} is not an http(s) URL; write it like http://127.0.0.1:8000/v1")
    if parts.username is not None or parts.password is not None:
        raise EndpointError(
            "--endpoint holds a user or password; keys come from an environment variable (--api-key-env)"
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    root = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    if not path:
        return [root + "/v1", root], parts.query
    last = path.rsplit("/", 1)[1]
    versioned = last[:1] == "v" and last[1:2].isdigit()
    return [root + path, *([] if versioned else [root + path + "/v1"])], parts.query
