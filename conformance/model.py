"""The words of the suite as values: rules, requests, exchanges, findings, results.

Nothing here does I/O, and of the suite it imports only the reader of event streams and the table of
vintages. Durations are seconds.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, wraps
from typing import Any, ClassVar, TypeVar

from hypothesis.strategies import SearchStrategy

from .sse import NOT_JSON as NOT_JSON
from .sse import Stream, parse, read_json
from .vintages import FIRST

T = TypeVar("T")

Body = dict[str, Any]
"""A request body: the JSON object of one ``POST /chat/completions``."""

KEY_HERE = "{key}"
"""In an Authorization header of a rule's own: the place of the key."""

TOKEN_BOUNDS = ("max_tokens", "max_completion_tokens")
"""Properties that bound the tokens of an answer."""


VENDOR = "x-"
"""Ids of rules that are no part of the catalogue begin so; ``vendor`` brings them."""


class Strength(StrEnum):
    """How binding a rule is; decides what a violation means."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Expect(StrEnum):
    """What a request rule expects of the server."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    EITHER = "either"


class Verdict(StrEnum):
    """What became of a rule in one run (DESIGN: the verdict table)."""

    PASSED = "passed"
    FAILED = "failed"
    WARNING = "warning"
    INFO = "info"
    INCONSISTENT = "inconsistent"
    NOT_OFFERED = "not_offered"
    BLOCKED = "blocked"
    WAIVED = "waived"
    ERROR = "error"


class Symptom(StrEnum):
    """What a violation looks like from outside."""

    REFUSED_VALID = "refused_valid"
    ACCEPTED_INVALID = "accepted_invalid"
    CRASHED = "crashed"
    KILLED_SERVER = "killed_server"
    DISCONNECTED = "disconnected"
    HUNG = "hung"
    WRONG_STATUS = "wrong_status"
    MALFORMED = "malformed"
    WRONG_CONTENT = "wrong_content"


class Capability(StrEnum):
    """What a gate found out about a feature."""

    OFFERED = "offered"
    REFUSED = "refused"
    IGNORED = "ignored"
    BROKEN = "broken"
    UNCLAIMED = "unclaimed"
    """Not asked: the profile leaves it out."""


EVIDENCE_STRENGTH = {
    "documented": Strength.MUST,
    "prose": Strength.MUST,
    "observed": Strength.SHOULD,
    "contested": Strength.MAY,
    "believed": Strength.MAY,
}
"""Strength that follows from the kind of evidence, unless a ruling says otherwise."""


@dataclass(frozen=True, slots=True)
class Source:
    """Why a rule holds: ``evidence`` is a key of ``EVIDENCE_STRENGTH``, ``where`` names the place in our own words."""

    evidence: str
    where: str

    def __str__(self) -> str:
        return f"{self.where} ({self.evidence})"


@dataclass(frozen=True)
class Request:
    """One HTTP request below the endpoint's base URL.

    ``body`` is sent as JSON unless ``raw`` holds the exact bytes. ``content_type`` None leaves the header out.
    ``auth`` False leaves the key out, a string replaces the whole Authorization header (``{key}`` in it is the key).
    ``bare`` requests get no base fields (such as the small token bound that keeps answers cheap). ``chunked`` ones are
    sent in several chunks, without a Content-Length, and no other request follows on their connection.
    """

    body: Any = None
    raw: bytes | None = None
    method: str = "POST"
    path: str = "/chat/completions"
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    auth: bool | str = True
    bare: bool = False
    chunked: bool = False

    @cached_property
    def content(self) -> bytes:
        """The bytes of the message body."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Two requests with one key are the same request on the wire."""
        return (self.method, self.path, self.content_type, self.headers, self.auth, self.chunked, self.content)

    @property
    def streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return self.raw is None and isinstance(self.body, dict) and self.body.get("stream") is True


def as_request(body: Body | Request) -> Request:
    """A pin or drawn value as a Request."""
    return body if isinstance(body, Request) else Request(body=body)


@dataclass(frozen=True)
class Trouble:
    """Why there is no complete answer. ``kind`` is one of

    ``dns`` ``tls`` ``connect`` ``connect_timeout`` (nothing reached the server), ``disconnected`` (closed or reset
    before a complete answer), ``timeout`` (no complete answer in time), ``too_large`` (over the size cap),
    ``unkept`` (complete, but only its start was kept),
    ``protocol`` (not HTTP), ``killed`` (the server went away or fell ill on this request, twice), ``cancelled``
    (the run ended before it was sent), ``set_aside`` (not sent, because its like has killed the server), ``budget``
    (not sent, because a ceiling forbids it).
    """

    kind: str
    text: str


class Unended(StrEnum):
    """What followed the end marker of a stream in place of the end of the message."""

    CLOSED = "the connection was closed"
    SILENT = "nothing came"


LARGE_ANSWER = 2**15
"""Bytes from which on the JSON value or the events of an answer are not kept beside it: they take much more memory."""


class _read_once(cached_property[Any]):
    """A cached property that of all large answers remembers the last one alone."""

    _last: ClassVar[tuple[object, dict[str, Any]]] = (None, {})

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None or len(instance.content) <= LARGE_ANSWER:
            return super().__get__(instance, owner)
        if _read_once._last[0] is not instance:
            _read_once._last = (instance, {})
        values = _read_once._last[1]
        name = self.func.__name__
        if name not in values:
            values[name] = self.func(instance)
        return values[name]


@dataclass(frozen=True)
class Answer:
    """What came back: ``headers`` have lower-case names, ``content`` is the decoded body up to the size cap.

    ``unended`` says how the message went on after the end marker of its stream where HTTP did not end it: the server
    closed the connection, or was silent. Such an answer is complete for a client that stops at the marker.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    seconds: float = 0.0
    first_byte: float | None = None
    unended: Unended | None = None

    def header(self, name: str) -> str | None:
        """First value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @_read_once
    def json(self) -> Any:
        """The body as JSON, or the ``NOT_JSON`` marker."""
        return read_json(self.content)

    @_read_once
    def stream(self) -> Stream:
        """The body read as an event stream."""
        return parse(self.content)

    @cached_property
    def media_type(self) -> str:
        """Content type without parameters, lower case, or an empty string."""
        return (self.header("content-type") or "").split(";")[0].strip().lower()


@dataclass(frozen=True)
class Exchange:
    """One request with its answer, or with the trouble that came instead (also beside an incomplete answer).

    ``started`` and ``finished`` are seconds of the monotonic clock. ``vetted`` exchanges were made alone, and the
    server was seen to be well after them.
    """

    request: Request
    answer: Answer | None = None
    trouble: Trouble | None = None
    attempts: int = 1
    in_flight: int = 1
    started: float = 0.0
    finished: float = 0.0
    vetted: bool = False

    @cached_property
    def views(self) -> dict[Callable[[Exchange], Any], Any]:
        """What each ``view`` saw in it; may be cleared at any time."""
        return {}

    @property
    def status(self) -> int | None:
        """HTTP status, or None where there is no answer."""
        return self.answer.status if self.answer else None


def view(look: Callable[[Exchange], T]) -> Callable[[Exchange], T]:
    """Decorator of a function of one exchange: what it gives is kept with the exchange, since some 170 rules look for
    the same few things in every answer. Nobody may change what it gives."""

    @wraps(look)
    def seen(exchange: Exchange) -> T:
        views = exchange.views
        try:
            return views[look]
        except KeyError:
            value = views[look] = look(exchange)
            return value

    return seen


@dataclass(frozen=True, kw_only=True)
class RequestRule:
    """A requirement on which requests a server takes.

    ``title`` reads after "the server …". ``pins`` are sent by every run, the most telling first; ``examples`` is a
    Hypothesis strategy of further bodies (None: the pins say it all). ``needs`` names capabilities (gates) without
    which the rule is not asked. ``control`` turns a body of the rule into the same body without what is under test.
    Rich bodies have two more: ``fit`` leaves out what the server does not offer (given the names of the offered
    capabilities; None when too little is left), ``reduce`` gives the bodies with one feature less (none for a body of
    a single feature, whose fault is another rule's finding).
    ``weight`` multiplies the number of drawn examples. ``statuses`` are legal refusals beside 400 and 422. ``risky``
    requests have killed engines (left out by --safe). Every kind of rule holds from the vintage ``since`` to the
    vintage ``until`` (None: to the newest).
    """

    id: str
    property: str
    title: str
    expect: Expect
    strength: Strength
    source: Source
    pins: tuple[Body | Request, ...] = ()
    examples: SearchStrategy[Any] | None = None
    needs: tuple[str, ...] = ()
    control: Callable[[Body], Body] | None = None
    fit: Callable[[Body, Collection[str]], Body | None] | None = None
    reduce: Callable[[Body], Iterable[Body]] | None = None
    statuses: frozenset[int] = frozenset()
    risky: bool = False
    weight: int = 1
    since: str = FIRST
    until: str | None = None
    chapter: str = ""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One capability, asked before the rules that need it, and judged by its effect.

    ``probe`` is an ordinary valid use; ``nonsense`` the same property with a value no reading allows (None where
    the effect decides alone). ``effect`` looks at the answer to the probe: True seen, False missing, None cannot tell.
    An ``optional`` capability may be refused cleanly; refusing any other is the gate's finding.
    """

    capability: str
    property: str
    title: str
    source: Source
    probe: Body
    nonsense: Body | None = None
    effect: Callable[[Answer], bool | None] | None = None
    optional: bool = False
    needs: tuple[str, ...] = ()
    strength: Strength = Strength.MUST
    since: str = FIRST
    until: str | None = None
    chapter: str = "gates"

    @builtins.property  # the field of that name hides it here
    def id(self) -> str:
        """Rule id of the gate."""
        return f"gate.{self.capability}"


@dataclass(frozen=True)
class Doubt:
    """What else may have made an answer look wrong. ``ask`` makes another request of the one that was answered so, and
    ``clears`` says, of the answer to that and the one in doubt, why this one proves nothing; None where it does."""

    ask: Callable[[Body], Body]
    clears: Callable[[Exchange, Exchange], str | None]


@dataclass(frozen=True, kw_only=True)
class AnswerRule:
    """A requirement on answers, held against every answer of the run that it ``applies`` to.

    ``check`` returns what is wrong, in a sentence, or None. ``pins`` are requests whose answers it applies to; they are
    sent where the traffic does not hold them (at smoke depth: where it holds no answer to judge). A violation of one
    of ``twin_of``, rules that ask the same of other answers, stands for this one. ``among`` is a look that many rules
    share, its chapter's: where it sees nothing, ``applies`` is not asked. ``mark`` is what no two answers of a run may
    share (None: nothing to compare). ``doubt`` is asked before a violation is believed.
    """

    id: str
    property: str
    title: str
    strength: Strength
    source: Source
    applies: Callable[[Exchange], bool]
    check: Callable[[Exchange], str | None]
    pins: tuple[Body | Request, ...] = ()
    needs: tuple[str, ...] = ()
    twin_of: tuple[str, ...] = ()
    among: Callable[[Exchange], bool] | None = None
    mark: Callable[[Exchange], str | None] | None = None
    doubt: Doubt | None = None
    symptom: Symptom = Symptom.WRONG_CONTENT
    since: str = FIRST
    until: str | None = None
    chapter: str = ""


@dataclass(frozen=True)
class Fresh:
    """In a script: a request that must be sent even if an equal one was answered before."""

    request: Request


@dataclass(frozen=True)
class Call:
    """In a script: a use of the official client package (a key of ``clients.USES``) with the members of a body."""

    use: str
    body: Body


@dataclass(frozen=True)
class Outcome:
    """What a real client made of the endpoint: a JSON value, or what it raised; ``exchanges`` are what was on the wire.

    ``unlike`` names the must rules that the last of them breaks by itself. ``undecided`` says why nothing can be told.
    """

    exchanges: tuple[Exchange, ...] = ()
    value: Any = None
    error: str = ""
    unlike: tuple[str, ...] = ()
    undecided: str = ""


Step = Request | Fresh | Call | list[Request] | list[Fresh]
Script = Generator[Step, Any, str | None]
"""Yields requests (a list: all at once), is sent their exchanges, returns what is wrong or None. For a ``Call`` it is
sent its outcome."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A requirement on several requests compared. ``script`` turns a body into the requests and judges their exchanges.

    A script raises ``Undecided`` where its exchanges allow no judgement (a precondition was not met). The answers of a
    ``valid`` one, which sends valid requests only, are held against the rules about answers.
    """

    id: str
    property: str
    title: str
    strength: Strength
    source: Source
    script: Callable[[Body], Script]
    pins: tuple[Body, ...] = ()
    examples: SearchStrategy[Any] | None = None
    needs: tuple[str, ...] = ()
    valid: bool = False
    symptom: Symptom = Symptom.WRONG_CONTENT
    since: str = FIRST
    until: str | None = None
    chapter: str = ""


class Undecided(Exception):
    """Raised by a script whose exchanges do not allow a judgement; the text says why."""


class Unlocked(Undecided):
    """The endpoint takes requests without a key: a violation only where its profile says that it wants one."""


Rule = RequestRule | Gate | AnswerRule | Relation
"""Everything a run gives a verdict on."""


@dataclass(frozen=True)
class Finding:
    """A proved violation: what was sent, why it is wrong, what came back, and how to send it again.

    ``steps`` are the requests that were compared, in their order, where the rule compares several.
    """

    symptom: Symptom
    why: str
    request: Request
    exchange: Exchange
    curl: str
    confirmed: str = "1/1"
    sightings: int = 1
    others: tuple[str, ...] = ()
    steps: tuple[Request, ...] = ()


@dataclass(frozen=True)
class Result:
    """The verdict on one rule, with what it cost.

    A rule about answers ``judged`` that many, ``judged_traffic`` of them answers to other rules' requests. ``tally`` is
    what its own requests said about rules about answers (tallies).
    """

    rule: str
    verdict: Verdict
    observed: str = ""
    blocked_by: str = ""
    requests: int = 0
    judged: int = 0
    judged_traffic: int = 0
    seconds: float = 0.0
    capability: Capability | None = None
    finding: Finding | None = None
    note: str = ""
    tally: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def with_(self, **changes: Any) -> Result:
        """A copy with some members replaced."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Chapter:
    """A file of rules: ``name`` is the file's, ``title`` heads the rule reference. Its rules about answers apply only
    ``among`` some of them (None: among all)."""

    name: str
    title: str
    rules: tuple[RequestRule | AnswerRule | Relation, ...] = field(default_factory=tuple)
    among: Callable[[Exchange], bool] | None = None
