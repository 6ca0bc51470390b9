"""Profiles: what a server claims, read from a TOML file. ``profiles/README.md`` says what may stand in one.

A profile never makes a wrong answer right: it says what to ask, of which model, and which failures are known.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .claims import MEASURES, USES, Limit
from .model import Gate
from .record import printable
from .toml_file import Fault, in_file, kind, near, only, read, text_of
from .vintages import FIRST, VINTAGES
from .waiver_file import entries
from .waivers import Waivers

FOLDER = Path(__file__).with_name("profiles")
AUTO = "auto"
CHAT = "chat"
"""Name of the model for everything that needs no model of its own."""

ALL = "all"
KEYS = ("required", "none")
OTHERS = ("asked", "left out")
TOKEN_BOUNDS = ("max_tokens", "max_completion_tokens", "none")


class ProfileError(ValueError):
    """The file is no profile; the message is one line that names file, key and mend."""


@dataclass(frozen=True)
class Profile:
    """What a server claims. The empty one, ``auto``, claims nothing: what its gates show is asked.

    ``claims`` are capabilities that the server must offer; with ``only`` nothing else is asked. ``models`` are by
    capability, ``fields`` and ``headers`` join every request, ``token_bound`` is the property that keeps answers short
    ("none": no property, empty: the first that is taken), ``key`` is empty where both is right. ``digest`` is the
    SHA-256 of the file.
    """

    name: str = AUTO
    digest: str = ""
    title: str = ""
    vintage: str = ""
    key: str = ""
    claims: tuple[str, ...] = ()
    only: bool = False
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    token_bound: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: tuple[tuple[str, str], ...] = ()
    limits: tuple[Limit, ...] = ()
    waivers: Waivers = field(default_factory=Waivers)

    def settings(self) -> dict[str, Any]:
        """What of it shapes the requests of a run, as members of ``depths.Settings``."""
        return {
            "profile": self.name,
            "claims": self.claims,
            "only_claims": self.only,
            "limits": self.limits,
            "key": self.key,
        }

    def header(self) -> dict[str, Any]:
        """What the header of a record says of it, JSON-safe."""
        return {
            "title": self.title,
            "sha256": self.digest,
            "claims": list(self.claims),
            "only": self.only,
            "models": dict(self.models),
            "limits": {name: {"min": least, "max": most} for name, least, most in self.limits},
            "key": self.key or None,
        }


def shipped() -> dict[str, Path]:
    """The profiles that come with the suite, by name. Drafts are not among them: they are named by their path."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(word: str, start: Path) -> Path:
    """The file of a profile that is named (a draft as ``drafts/NAME``), or given by its path. Raises ProfileError."""
    names = shipped() | {f"drafts/{path.stem}": path for path in sorted(FOLDER.glob("drafts/*.toml"))}
    if word in names:
        return names[word]
    path = start / word
    if path.is_file():
        return path
    if "/" not in word and not word.endswith(".toml"):
        raise ProfileError(printable(f"no profile is called {word!r}; {near(word, [AUTO, *names])}"))
    return path  # reading it says what is wrong


def named(word: str | None, start: Path) -> Profile:
    """The profile that an option names, the empty one for ``auto`` and None. Raises ProfileError."""
    return Profile() if word in (None, AUTO) else load(find(word, start), lenient=True)


def load(path: Path, *, lenient: bool = False) -> Profile:
    """The profile in a file. Raises ProfileError. ``lenient``: a waiver of an unknown rule is a remark."""
    try:
        content, said = read(path, "a profile", f"name a shipped profile ({', '.join(shipped())}) or a TOML file")
        return _profile(path.stem, hashlib.sha256(content).hexdigest(), said, lenient)
    except Fault as fault:
        raise ProfileError(in_file(path, fault)) from None


# --- reading ----------------------------------------------------------------------------------------------------------

_TOP = ("title", "vintage", "key", "capabilities", "models", "request", "bounds", "waiver")
_CAPABILITIES = ("claimed", "others")
_REQUEST = ("token_bound", "fields", "headers")
_RESERVED_FIELDS = ("model", "messages", "stream", "n", "max_tokens", "max_completion_tokens")
"""Base fields that would answer the question that rules ask."""
_RESERVED_HEADERS = (
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
)
_SECRET_HEADER = re.compile(r"auth|api[-_]?key|secret|token|password|credential", re.IGNORECASE)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _profile(name: str, digest: str, said: Mapping[str, object], lenient: bool) -> Profile:
    from .catalogue import load as load_catalogue

    if not name.isprintable() or name == AUTO:
        raise Fault(f"a profile cannot be called {name!r}; rename the file")
    only(said, _TOP)
    vintage = _word(said, "vintage", VINTAGES)
    strengths = {rule: found.strength for of in VINTAGES for rule, found in load_catalogue(of).by_id.items()}
    gates = load_catalogue(vintage or FIRST).gates
    ability = _table(said, "capabilities", _CAPABILITIES)
    request = _table(said, "request", _REQUEST)
    return Profile(
        name,
        digest,
        text_of("title", said["title"]) if "title" in said else "",
        vintage,
        _word(said, "key", KEYS),
        _claims(ability.get("claimed", []), gates),
        _word(ability, "others", OTHERS, "capabilities.") == "left out",
        _models(_table(said, "models", (CHAT, *USES))),
        _word(request, "token_bound", TOKEN_BOUNDS, "request."),
        _fields(_table(request, "fields", None, "request.")),
        _headers(_table(request, "headers", None, "request.")),
        _limits(_table(said, "bounds", tuple(MEASURES))),
        entries(said.get("waiver", []), strengths, lenient=lenient, of=f"profile {name}"),
    )


def _table(said: Mapping[str, object], key: str, known: Sequence[str] | None, inside: str = "") -> Mapping[str, object]:
    value = said.get(key, {})
    if not isinstance(value, dict):
        raise Fault(f"{inside + key!r} is {kind(value)}; write a table, [{inside + key}]")
    found = cast("dict[str, object]", value)
    if known is not None:
        only(found, known, f"[{inside + key}]")
    return found


def _word(said: Mapping[str, object], key: str, known: Sequence[str], inside: str = "") -> str:
    if key not in said:
        return ""
    value = text_of(inside + key, said[key])
    if value not in known:
        raise Fault(f"{inside + key!r} is {value!r}; {near(value, known)}")
    return value


def _claims(value: object, gates: Sequence[Gate]) -> tuple[str, ...]:
    """The capabilities that are claimed, with those that they need, in the order of the gates."""
    able = [gate.capability for gate in gates]
    if value == ALL:
        return tuple(able)
    if not isinstance(value, list):
        raise Fault(f"'capabilities.claimed' is {kind(value)}; write a list of capabilities, or \"{ALL}\"")
    found: list[str] = []
    for item in cast("list[object]", value):
        name = text_of("capabilities.claimed", item)
        if name not in able:
            raise Fault(f"unknown capability {name!r} in 'capabilities.claimed'; {near(name, able)}")
        if name in found:
            raise Fault(f"'capabilities.claimed' names {name} twice; take one out")
        found.append(name)
    for gate in reversed(gates):  # a gate stands after those that it needs
        found += gate.needs if gate.capability in found else ()
    return tuple(name for name in able if name in found)


def _models(table: Mapping[str, object]) -> dict[str, str]:
    return {key: text_of(f"models.{key}", value) for key, value in table.items()}


def _fields(table: Mapping[str, object]) -> dict[str, Any]:
    for key, value in table.items():
        if key in _RESERVED_FIELDS:
            raise Fault(f"'request.fields' cannot set {key}: rules are about it; a token bound is 'token_bound'")
        if not _is_json(value):
            raise Fault(f"'request.fields.{key}' is no JSON value; write a text, a number, a list or a table")
    return dict(table)


def _is_json(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, cast("list[object]", value)))
    if isinstance(value, dict):
        return all(map(_is_json, cast("dict[str, object]", value).values()))
    return isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value))


def _headers(table: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in table.items():
        text = text_of(f"request.headers.{name}", value)
        if not _HEADER.fullmatch(name) or name.lower() in _RESERVED_HEADERS:
            raise Fault(f"'request.headers' cannot set {name!r}; the client or a rule sets it")
        if _SECRET_HEADER.search(name):
            raise Fault(f"'request.headers' cannot set {name!r}: keys are in no file, --api-key-env names theirs")
        if not text.isascii() or not text.isprintable() or text != text.strip():
            raise Fault(f"'request.headers.{name}' holds a character that no header can hold")
        found.append((name.lower(), text))
    return tuple(found)


def _limits(table: Mapping[str, object]) -> tuple[Limit, ...]:
    return tuple(_limit(name, value) for name, value in table.items())


def _limit(name: str, value: object) -> Limit:
    if isinstance(value, dict):
        found = cast("dict[str, object]", value)
        only(found, ("min", "max"), f"[bounds.{name}]")
        least, most = (_number(f"bounds.{name}.{end}", found[end]) if end in found else None for end in ("min", "max"))
    else:
        least, most = None, _number(f"bounds.{name}", value)
    if least is None and most is None:
        raise Fault(f"'bounds.{name}' says nothing; write for example {name} = 8")
    if least is not None and most is not None and least > most:
        raise Fault(f"'bounds.{name}' has a min above its max; exchange them")
    return name, least, most


def _number(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise Fault(f"{key!r} is {kind(value)}; write a number, as in n = 8")
    return value
