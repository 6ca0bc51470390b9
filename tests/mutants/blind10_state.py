"""Servers that fail now and then, or in a crowd, from the tenth blind list. See ``BLIND_10.md``."""

from __future__ import annotations

from itertools import count

from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.reference.stream import DONE

from .blind_common import Body, Sent, content_of, is_plain, is_stream, with_content
from .blind_state import Flight, crowd
from .requests_making import refusing_valid
from .stream_common import collection

OFTEN = 50


state = collection("blind10-", family="load")


def fiftieth() -> Reference:
    given = count(1)

    def due(_body: Body) -> bool:
        return next(given) % OFTEN == 0

    return refusing_valid(due)


async def unended(flight: Flight, others: list[Flight]) -> Sent:
    """A stream without its last event."""
    if not is_stream(flight.sent) or not any(is_stream(other.sent) for other in others):
        return flight.sent
    return [flight.sent[0], {"type": "http.response.body", "body": content_of(flight.sent).removesuffix(DONE)}]


async def joined(flight: Flight, others: list[Flight]) -> Sent:
    """The latest other plain answer after the own one."""
    plain = [other for other in others if is_plain(other.sent)]
    if not is_plain(flight.sent) or not plain:
        return flight.sent
    return with_content(flight.sent, content_of(flight.sent) + b"\n" + content_of(plain[-1].sent))


MUTANTS = [
    state(
        "fiftieth-refused",
        "mm.repeat",
        fiftieth(),
        prop="server",
        with_it="*.accepts mm.* many.* ef.* res.* sse.* gate.* client.*",
    ),
    state("crowd-done-lost", "many.streams", prop="stream", around=crowd(unended), with_it="many.refusals"),
    state("crowd-answers-joined", "many.refusals", prop="server", around=crowd(joined), with_it="many.*"),
]
