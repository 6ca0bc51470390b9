"""Conforming dialects: the reference, differing only where the documents are silent or leave a choice.

None of them may get a failure, ever. ``warnings`` are patterns of the *should* rules that a dialect breaks on purpose.
``serve.py`` runs them all in one process, each under a path of its own.
"""

from __future__ import annotations

from . import (
    answering,
    audited,
    blind_forms,
    blind_streams,
    blind_talk,
    blind_transport,
    later,
    odd,
    odder,
    reasoning,
    refusing,
    transport,
)
from .base import Dialect

DIALECTS: dict[str, Dialect] = {}
"""Every dialect by its name, which is the first part of its path."""

_BLIND = (blind_talk, blind_forms, blind_streams, blind_transport)

for _module in (refusing, answering, transport, reasoning, later, odd, odder, audited, *_BLIND):
    for _dialect in _module.DIALECTS:
        assert _dialect.name not in DIALECTS, f"two dialects are called {_dialect.name}"
        DIALECTS[_dialect.name] = _dialect
