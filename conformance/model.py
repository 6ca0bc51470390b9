"""The vocabulary of rules: what a requirement is, and what it speaks of. All that a chapter of rules needs.

Nothing here does I/O. The words for requests and answers are those of ``exchange``.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hypothesis.strategies import SearchStrategy

from .exchange import KEY_HERE as KEY_HERE
from .exchange import TOKEN_BOUNDS as TOKEN_BOUNDS
from .exchange import Answer, Body, Exchange, Request
from .exchange import Trouble as Trouble
from .exchange import Unended as Unended
from .exchange import as_request as as_request
from .exchange import view as view
from .sse import NOT_JSON as NOT_JSON
from .vintages import FIRST

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


@dataclass(frozen=True, kw_only=True)
class RequestRule:
    """A requirement on which requests a server takes.

    ``title`` reads after "the server …". ``pins`` are sent by every run, the most telling first; ``examples`` is a
    Hypothesis strategy of further bodies (None: the pins say it all). ``needs`` names capabilities (gates) without
    which the rule is not asked. ``control`` turns a body of the rule into the same body without what is under test.
    Rich bodies have two more: ``fit`` leaves out what the server does not offer (given the names of the offered
    capabilities; None when too little is left), ``reduce`` gives the bodies with one feature less, or with less around
    the fault (none for a body of a single feature, whose fault is another rule's finding). A rule that ``borrows``
    takes its pins from the rules about answers of the catalogue: smoke leaves it out, and what a body of it cannot be
    made smaller than may still be another rule's finding.
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
    borrows: Callable[[Iterable[AnswerRule]], Iterable[Body]] | None = None
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
    of ``twin_of``, rules that ask the same of other answers or compare them, stands for this one. ``among`` is a look
    that many rules share, its chapter's: where it sees nothing, ``applies`` is not asked. ``mark`` is what no two
    answers of a run may share (None: nothing to compare). ``doubt`` is asked before a violation is believed. Pins that
    are to be ``refused`` are judged by this rule alone: of an invalid request that was taken nothing is promised. A
    violation of a rule that is ``timed`` shows where the clock moves on while the answer comes: a crowd, which only
    makes answers last longer, is not to blame for it.
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
    refused: bool = False
    timed: bool = False
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
    """In a script: a use of the official client package (a key of ``client_uses.USES``) with the members of a body."""

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
    ``valid`` one, which sends valid requests only, are held against the rules about answers. A ``quiet`` one is made
    when all others are, because it looks for what requests do to one another. ``form`` is the other form of a request
    where that is all that a relation compares.
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
    quiet: bool = False
    form: Callable[[Request], Request] | None = None
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
class Chapter:
    """A file of rules: ``name`` is the file's, ``title`` heads the rule reference. Its rules about answers apply only
    ``among`` some of them (None: among all)."""

    name: str
    title: str
    rules: tuple[RequestRule | AnswerRule | Relation, ...] = field(default_factory=tuple)
    among: Callable[[Exchange], bool] | None = None
