"""Asking again: a violation is proved by a second one, made alone, and what only a crowd brings about is kept apart, as
is a server error that only a refused request before brings about. What needs the very requests that stood before it on
its connection is proved right after them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Generic, TypeVar

from ..strategies.bodies import lean
from ..strategies.company import COMPANY
from ..strategies.json_values import is_object
from ..strategies.messages import user
from ..strategies.tools import STRICT_PARAMETERS, named_choice, tool
from .bearers import ADDED_RULE, CROWD_RULE, REFUSED_RULE, REPEAT_RULE, STEADY_RULE, STREAM_RULE
from .canary import CANARY
from .exchange import Exchange, Request
from .judge import Reaction, react
from .model import Strength, Symptom
from .pipeline import Pipeline

GRAVE = (Symptom.CRASHED, Symptom.KILLED_SERVER, Symptom.DISCONNECTED)
"""Symptoms that are a failure whatever the strength of the rule: no client deserves them. A hang may be slowness."""

PROOFS = 5
"""How often a violation that does not repeat at once is asked again."""

MOST_AT_ONCE = 16
"""Requests that are sent together to see whether a crowd breaks what alone holds: every second one is that request."""

_COMPANIONS = (
    Request(body=lean(messages=[user("Name a city in a word.")], max_tokens=96)),
    Request(body=lean(messages=[user("Name a river in a word.")], max_tokens=96)),
    Request(body=lean(messages=[user("Name a city in a word.")], max_tokens=96, stream=True)),
)
"""What stands between: among equal requests nobody would see that they get each other's answers. Theirs end of
themselves, because most rules do not judge what was cut."""

_OF_ANOTHER = {**STRICT_PARAMETERS, "properties": {"river": {"type": "string"}}, "required": ["river"]}
_ORDINARY = {
    **dict(COMPANY.values()),
    "tools": [tool("get_tide")],
    "tool_choice": named_choice("get_tide"),
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "river", "strict": True, "schema": _OF_ANOTHER},
    },
}
"""Valid values that a companion has where the request has some, tools and schemas other than those of rules: what is
mixed up shows beside its own kind."""

LOST = (Symptom.CRASHED, Symptom.REFUSED_VALID)
"""Symptoms that another request may have left behind."""

SETTLED = (CANARY, CANARY)
"""Sent before a request that was ``LOST``: two, for servers with two workers."""

REFUSED = (
    Request(body=lean(messages=[])),
    Request(body=lean(messages=[], stream=True)),
    Request(raw=b'{"messages": ['),
)
"""Requests that every server should refuse, sent in turn. What is not JSON may be left unread in the connection."""

AFTER_REFUSED = (1, 2, 1, 1, 2, 3, 2, 1)
"""After how many refused ones a request is sent, again and again, to see whether it crashes then."""

SEQUELS = 3
"""How often a violation must be there right after the requests that stood before it, where it never is alone."""

IN_SEQUEL = "; only right after others in the same connection"
"""What is said of a violation that needs the requests before it."""

CROWDS_TRIED = 3
"""How often that is tried: who mixes up whom is a matter of chance."""

KNOWN = 3
"""Sightings after which it is known that crowds break things: what holds alone then needs no crowd of its own."""

PROOFS_WHEN_KNOWN = 2
"""How often a violation that does not repeat is asked again then."""

T = TypeVar("T")


LEFT = "seen broken; left to the controller"
"""Note of a rule that a worker leaves to its controller: with other workers at work nothing is asked alone."""

PUT_OFF = f"no verdict possible: {Reaction.LIMITED}"
"""How the note of a rule begins whose requests got no answer but 429 and its like."""


class Unproved(Exception):
    """Raised while asking again: no answer came that could be judged; the text says what came."""


@contextmanager
def unproved_means(what: str) -> Generator[None]:
    """``Unproved`` within says first what that means."""
    try:
        yield
    except Unproved as reason:
        raise Unproved(f"{what}: {reason}") from None


@dataclass(frozen=True)
class Asked(Generic[T]):
    """The violations among the answers to a request, how often it was asked in all, and whether it was broken only
    with others in flight, only after a ``refused`` request, or only right ``after`` those that stood before it."""

    seen: list[T]
    asked: int
    crowd: bool = False
    refused: bool = False
    after: tuple[Request, ...] = ()

    @property
    def steady(self) -> bool:
        """Whether it was broken every time."""
        return len(self.seen) == self.asked

    @property
    def told(self) -> str:
        """Broken of asked, as in 2/2."""
        return f"{len(self.seen)}/{self.asked}"


async def asked_again(
    first: T,
    again: Callable[[], Awaitable[T | None]],
    crowd: Callable[[], Awaitable[Sequence[T | None]]] | None = None,
    *,
    refused: Callable[[], Awaitable[Sequence[T | None]]] | None = None,
    after: Sequence[tuple[tuple[Request, ...], Callable[[], Awaitable[T | None]]]] = (),
    known: bool = False,
    known_refused: bool = False,
) -> Asked[T]:
    """What comes of a request that was violated once.

    A second violation is enough; without one it is asked some more, so that k of n says how often it happens.
    ``again`` gives None where the rule held. Where it always did ``refused`` is tried, the same after refused requests,
    ``after``, the same right after each of these, and ``crowd``, the same many times at once; none
    where it is ``known`` that crowds, or ``known_refused`` that refused requests break things.
    """
    seen, asked = [first], 1
    most = PROOFS_WHEN_KNOWN if known or (known_refused and refused is not None) else PROOFS
    while asked < 2 or (len(seen) == 1 and asked <= most):
        violation = await again()
        asked += 1
        if violation is not None:
            seen.append(violation)
    if len(seen) == 1 and refused is not None:
        if known_refused:
            return Asked(seen, asked, refused=True)
        rows = await refused()
        if found := _often(rows):
            return Asked(found, len(rows), refused=True)
    if len(seen) == 1 and not known:
        for before, sequel in after:
            if found := await _each_time(sequel):
                return Asked(found, len(found), after=before)
    if len(seen) == 1 and known:
        return Asked(seen, asked, crowd=True)
    if len(seen) == 1 and crowd is not None:
        rows = await crowd()
        if found := _often(rows):
            return Asked(found, len(rows), crowd=True)
    return Asked(seen, asked)


def _often(rows: Sequence[T | None]) -> list[T]:
    """The violations where they are a quarter or more: less is what strikes now and then, by chance."""
    found = [row for row in rows if row is not None]
    return found if len(found) * 4 >= len(rows) else []


async def _each_time(sequel: Callable[[], Awaitable[T | None]]) -> list[T]:
    """The violations of all sequels, or none where one of them held."""
    found: list[T] = []
    while len(found) < SEQUELS:
        violation = await sequel()
        if violation is None:
            return []
        found.append(violation)
    return found


def crowd_of(request: Request, count: int = MOST_AT_ONCE) -> tuple[Request, ...]:
    """A request and others in turn, so many in all; one of the others has valid values for what the request has."""
    body = request.body if request.raw is None and is_object(request.body) else {}
    told = {name: value for name, value in _ORDINARY.items() if name in body}
    alike = (Request(body=lean(messages=[user("Name a mountain in a word.")], max_tokens=96, **told)),) if told else ()
    # every second of them, and the last of all: who comes last may be the one who is served to everybody
    others = cycle(one for plain in _COMPANIONS for one in (plain, *alike))
    return tuple(next(others) if place % 2 else request for place in range(count))


async def at_once(pipeline: Pipeline, request: Request, label: str, count: int) -> list[Exchange]:
    """New exchanges for a request that is sent together with others, ``count`` in all."""
    crowd = crowd_of(request, min(count, MOST_AT_ONCE))
    return list(await asyncio.gather(*(pipeline.ask_again(one, label) for one in crowd)))[::2]


def settling(symptom: Symptom | None) -> tuple[Request, ...]:
    """What is sent before a request that is asked again: an error may be what another request has left behind."""
    return SETTLED if symptom in LOST else ()


async def after_refused(pipeline: Pipeline, request: Request, label: str) -> list[Exchange]:
    """Exchanges of a request that was sent alone, each right after refused ones."""
    if react(await pipeline.ask_alone(REFUSED[0], label, before=SETTLED)) is not Reaction.REFUSED:
        return []
    return [
        await pipeline.ask_alone(request, label, before=[*islice(cycle(REFUSED), begin, begin + count)])
        for begin, count in enumerate(AFTER_REFUSED)
    ]


@dataclass(frozen=True)
class CrowdSighting:
    """A violation of ``rule`` that is there with many requests in flight and not alone, or after a ``refused`` request
    and not after an accepted one, or right ``after`` some requests and not alone, or now and then (``rare``)."""

    rule: str
    why: str
    symptom: Symptom
    request: Request
    exchange: Exchange
    confirmed: str
    refused: bool = False
    after: tuple[Request, ...] = ()
    rare: bool = False

    @property
    def bearer(self) -> str:
        """The rule that bears the blame for it."""
        if self.rare:
            return REPEAT_RULE if self.symptom is Symptom.ACCEPTED_INVALID else STEADY_RULE
        return REFUSED_RULE if self.refused else CROWD_RULE


@dataclass
class Crowd:
    """What was seen only with many in flight, or only ``when``: a finding of the rule ``blamed``, or None where that is
    not asked; ``told`` says where to look for it, where it is not always with this rule. ``proved``: a rule of its own
    about it was broken every time. ``mixed`` are the properties whose work a crowd was seen to mix up, by rules about
    that, ``taken`` those of which invalid requests are accepted by chance, once that was asked."""

    blamed: str | None = None
    when: str = "with others in flight"
    told: str = ""
    proved: bool = False
    mixed: set[str] = field(default_factory=set[str])
    taken: asyncio.Future[frozenset[str]] | None = None
    sightings: list[CrowdSighting] = field(default_factory=list[CrowdSighting])

    @property
    def known(self) -> bool:
        """Whether it is known that crowds break things."""
        return self.blamed is not None and (self.proved or len(self.sightings) >= KNOWN)

    def note(self, sighting: CrowdSighting, strength: Strength) -> str:
        """Keep a sighting of a rule of this strength; what is said of it on that rule."""
        said = f"broken now and then, {sighting.confirmed}"
        if not sighting.rare:
            said = f"holds alone; broken {self.when}, {sighting.confirmed}"
        if strength is Strength.MAY and sighting.symptom not in GRAVE:
            return said  # what binds nobody alone binds nobody in a crowd
        if sighting.symptom is Symptom.HUNG:
            return f"{said}: many at once may simply take their time"
        self.sightings.append(sighting)
        return f"{said} (see {self.told or self.blamed})"


async def request_again(
    pipeline: Pipeline,
    request: Request,
    label: str,
    first: T,
    judged: Callable[[Exchange], T | None],
    *,
    before: Sequence[Request] = (),
    crowd: Crowd | None = None,
    count: int = 0,
    refused: Crowd | None = None,
    after: tuple[Request, ...] = (),
) -> Asked[T]:
    """``asked_again`` for one request that was violated once, ``judged`` each time; ``before`` are sent just before it.

    Where it holds alone it is tried ``count`` times at once where there is a ``crowd``, and after refused requests
    where there is ``refused``: what is known already of both. ``after`` stood before it when it was violated: the last
    of them is tried first.
    """

    async def again() -> T | None:
        return judged(await pipeline.ask_alone(request, label, before))

    def right_after(some: tuple[Request, ...]) -> Callable[[], Awaitable[T | None]]:
        async def sequel() -> T | None:
            return judged(await pipeline.ask_alone(request, label, some))

        return sequel

    async def at_once_with_others() -> list[T | None]:
        rows: list[T | None] = []
        for _ in range(CROWDS_TRIED):
            rows = [judged(one) for one in await at_once(pipeline, request, label, count)]
            if _often(rows):
                break
        return rows

    async def right_after_refused() -> list[T | None]:
        return [judged(one) for one in await after_refused(pipeline, request, label)]

    return await asked_again(
        first,
        again,
        at_once_with_others if crowd and crowd.blamed else None,
        refused=right_after_refused if refused and refused.blamed else None,
        after=[(some, right_after(some)) for some in (after[-1:], after)[: len(after)]],
        known=crowd is not None and crowd.known,
        known_refused=refused is not None and refused.known,
    )


def kept_apart() -> dict[str, Crowd]:
    """What is seen only under some circumstance, nothing so far, by the rule that bears the blame where it is asked."""
    return {
        CROWD_RULE: Crowd(told="many.*"),
        REFUSED_RULE: Crowd(when="right after a refused request"),
        STEADY_RULE: Crowd(when="now and then"),
        REPEAT_RULE: Crowd(when="by a refused request that is answered otherwise when it is sent again as it was"),
        STREAM_RULE: Crowd(when="with stream"),
        ADDED_RULE: Crowd(when="beside another property"),
    }
