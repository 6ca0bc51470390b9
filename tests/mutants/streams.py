"""Servers whose streams break one promise."""

from __future__ import annotations

from typing import Any

from chatproof.conformance.reference.behaviour import Behaviour, Reference

from .base import Mutant, each_chunk, of, streaming


def own_ids(rows: list[dict[str, Any]]) -> None:
    """Another id in every chunk."""
    for place, row in enumerate(rows):
        row["id"] += str(place)


MUTANTS = [
    Mutant(
        name="no-done",
        property="stream",
        family="stream",
        server=Reference(behaviour=Behaviour(done=b"")),
        fails=of("sse.done"),
    ),
    Mutant(
        name="stream-json-type",
        property="stream",
        family="stream",
        server=Reference(behaviour=Behaviour(event_type="application/json")),
        fails=of("sse.ctype"),
    ),
    Mutant(
        name="chunk-object",
        property="stream",
        family="stream",
        server=streaming(each_chunk(lambda row: row.update(object="chat.completion"))),
        fails=of("sse.chunk.object"),
    ),
    Mutant(name="chunk-ids", property="stream", family="stream", server=streaming(own_ids), fails=of("sse.same.id")),
]
