"""Failing bodies that runs and machines share: Hypothesis' own example databases, keyed by host and rule.

What is kept of a body is how it was drawn, not the body: whatever comes back from a database is a body of the rule as
it is today, so that nothing foreign can be blamed on a server. The next run asks these first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypothesis import Phase, given, seed, settings
from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    GitHubArtifactDatabase,
    InMemoryExampleDatabase,
    MultiplexedDatabase,
    ReadOnlyDatabase,
)
from hypothesis.strategies import SearchStrategy

from .depths import Settings
from .exchange import as_request
from .model import RequestRule
from .plan import Case, order_of, quiet, seed_of

PASSWORD_VARIABLE = "CHATPROOF_REDIS_PASSWORD"
"""Environment variable with the password of a Redis server: none is taken from a command line."""

MOST = 10
"""Kept bodies of one rule that a run asks."""

PATIENCE = 5.0
"""Seconds that a Redis server has to answer."""

_PARTS = (b".secondary", b".pareto")
"""Ends of the keys under which Hypothesis keeps what is not the smallest."""


class SharingError(ValueError):
    """The database cannot be used; the message is one line that names it and the mend."""


def database_at(places: Sequence[str], start: Path) -> ExampleDatabase:
    """The database at some places: a directory, ``redis://…``, ``github:OWNER/REPO``. Raises SharingError.

    Of several all are read, and all but GitHub's are written.
    """
    found = [_one(place, start) for place in places]
    return found[0] if len(found) == 1 else MultiplexedDatabase(*found)


def _one(place: str, start: Path) -> ExampleDatabase:
    if place.startswith(("redis:", "rediss:", "unix:")):
        return _redis(place)
    if place.startswith("github:"):
        name, _, artifact = place.removeprefix("github:").strip("/").partition("#")
        owner, _, repository = name.partition("/")
        if not owner or not repository or "/" in repository:
            raise SharingError(f"{place!r} is not of the form github:OWNER/REPO or github:OWNER/REPO#ARTIFACT")
        more = {"artifact_name": artifact} if artifact else {}
        return ReadOnlyDatabase(GitHubArtifactDatabase(owner, repository, **more))
    if "://" in place:
        raise SharingError(f"{place!r} is no directory, no redis:// URL and no github:OWNER/REPO")
    folder = start / place
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SharingError(f"{place}: {error.strerror or error}; name a folder that can be written") from None
    return DirectoryBasedExampleDatabase(folder)


def _redis(url: str) -> ExampleDatabase:
    parts = urlsplit(url)
    if parts.password or "password=" in parts.query:
        raise SharingError(f"a password stands in the URL; put it into ${PASSWORD_VARIABLE}")
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError:
        raise SharingError(f"{url} needs the package redis: pip install 'chatproof[redis]'") from None
    try:
        password = os.environ.get(PASSWORD_VARIABLE) or None
        server = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # redis leaves its options untyped
            url, password=password, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        server.ping()  # pyright: ignore[reportUnknownMemberType]  # here too
    except (RedisError, ValueError, OSError) as error:
        raise SharingError(f"{url}: {error}; is a Redis server there?") from None
    return RedisExampleDatabase(server)


class OneRule(ExampleDatabase):
    """What a database holds of one rule, whatever key it is asked for; only the smallest failing draws are kept.

    What goes wrong is told to ``failed`` and stops nothing.
    """

    def __init__(self, database: ExampleDatabase, key: bytes, failed: Callable[[Exception], None]) -> None:
        super().__init__()
        self._database = database
        self._key = key
        self._failed = failed

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The draws that are kept."""
        if key.endswith(_PARTS):
            return []
        try:
            return list(self._database.fetch(self._key))
        except Exception as error:
            self._failed(error)
            return []

    def save(self, key: bytes, value: bytes) -> None:
        """Keep a draw."""
        if not key.endswith(_PARTS):
            try:
                self._database.save(self._key, value)
            except Exception as error:
                self._failed(error)

    def delete(self, key: bytes, value: bytes) -> None:
        """Keep a draw no longer."""
        if not key.endswith(_PARTS):
            try:
                self._database.delete(self._key, value)
            except Exception as error:
                self._failed(error)


@dataclass
class Shared:
    """The kept draws of the rules against one host. A database that fails is not asked again; ``fault`` says why."""

    database: ExampleDatabase
    host: str
    fault: str = ""

    def of(self, rule_id: str) -> ExampleDatabase:
        """The part of one rule."""
        database = InMemoryExampleDatabase() if self.fault else self.database
        return OneRule(database, f"chatproof:{self.host}:{rule_id}".encode(), self._failed)

    def cases(self, rule: RequestRule, place: int, chosen: Settings) -> list[Case]:
        """The kept bodies of a rule, asked before drawn ones."""
        if rule.examples is None:
            return []
        values = sorted(self.of(rule.id).fetch(b""), key=lambda value: (len(value), value))[:MOST]
        bodies = [(value, drawn_again(rule.examples, value)) for value in values]
        return [
            Case(rule, as_request(body[0]), True, order_of(rule, place, index), kept=value)
            for index, (value, body) in enumerate(bodies)
            if body
        ]

    def keep(self, rule: RequestRule, chosen: Settings, number: int, count: int) -> None:
        """Keep the draw of that number (from 0) of those that a run makes for the rule."""
        assert rule.examples is not None
        calls = 0
        wanted: list[Any] = []

        @replace_database(quiet(count, Phase.generate), self.of(rule.id))
        @seed(seed_of(chosen.seed, rule.id))
        @given(rule.examples)
        def search(body: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == number + 1:
                wanted.append(body)
            if wanted and body == wanted[0]:  # Hypothesis runs what fails once more
                raise _Found

        name_key(search)
        with suppress(_Found):
            search()

    def forget(self, rule_id: str, values: Iterable[bytes]) -> None:
        """Drop draws that fail no longer."""
        for value in values:
            self.of(rule_id).delete(b"", value)

    def _failed(self, error: Exception) -> None:
        self.fault = self.fault or f"{type(error).__name__}: {error}"


class _Found(Exception):
    """Ends a search at the wanted draw."""


def replace_database(chosen: settings, database: ExampleDatabase | None) -> settings:
    """Hypothesis settings with a database. They must stand over ``@seed``, which takes it away."""
    return settings(chosen, database=database)


def name_key(test: Any) -> None:
    """Let a test use its database also where --hypothesis-seed is given: then only a named key has one."""
    test._hypothesis_internal_database_key = b"chatproof"


def _unheard(error: Exception) -> None:
    """What goes wrong with a database in memory is nobody's concern."""


def drawn_again(strategy: SearchStrategy[Any], value: bytes) -> tuple[Any] | None:
    """The value that a kept draw gives today; None where it gives none."""
    memory = InMemoryExampleDatabase()
    one = OneRule(memory, b"one", _unheard)
    one.save(b"", value)
    drawn: list[Any] = []

    @replace_database(quiet(1, Phase.reuse), one)
    @seed(0)
    @given(strategy)
    def collect(body: Any) -> None:
        drawn.append(body)

    name_key(collect)
    try:
        collect()
    except Exception:
        return None
    return (drawn[0],) if drawn else None


def host_of(base: str) -> str:
    """What draws are keyed by: host, port and path of the endpoint."""
    parts = urlsplit(base)
    return f"{parts.netloc}{parts.path}"


def shared(places: Sequence[str], start: Path, base: str) -> Shared | None:
    """What ``--example-database`` names, for one endpoint. Raises SharingError."""
    return Shared(database_at(places, start), host_of(base)) if places else None
