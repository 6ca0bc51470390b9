"""Conforming dialects: the reference, differing only where the documents are silent or leave a choice.

None of them may get a failure, ever. ``warnings`` are patterns of the *should* rules that a dialect breaks on purpose.
``serve.py`` runs them all in one process, each under a path of its own.
"""

from __future__ import annotations

from . import (
    answering,
    audited,
    blind3_calls,
    blind3_refusals,
    blind3_talk,
    blind3_wire,
    blind4_forms,
    blind4_limits,
    blind4_talk,
    blind4_traffic,
    blind5_forms,
    blind5_limits,
    blind5_talk,
    blind6_families,
    blind6_habits,
    blind6_houses,
    blind6_load,
    blind7_refusals,
    blind7_routes,
    blind7_time,
    blind7_voices,
    blind8_clouds,
    blind8_east,
    blind8_engines,
    blind8_gateways,
    blind9_answers,
    blind9_lacks,
    blind9_limits,
    blind9_validators,
    blind_calls,
    blind_forms,
    blind_members,
    blind_refusals,
    blind_streams,
    blind_talk,
    blind_transport,
    blind_wire,
    blind_words,
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

BLIND = (
    *(blind_words, blind_calls, blind_members, blind_wire, blind_refusals),
    *(blind_talk, blind_forms, blind_streams, blind_transport),
    *(blind3_talk, blind3_calls, blind3_wire, blind3_refusals),
    *(blind4_limits, blind4_forms, blind4_talk, blind4_traffic),
    *(blind5_limits, blind5_forms, blind5_talk),
    *(blind6_habits, blind6_families, blind6_houses, blind6_load),
    *(blind7_time, blind7_routes, blind7_refusals, blind7_voices),
    *(blind8_engines, blind8_clouds, blind8_east, blind8_gateways),
    *(blind9_lacks, blind9_limits, blind9_validators, blind9_answers),
)
"""Thought of by people who had not read the rules."""

for _module in (refusing, answering, transport, reasoning, later, odd, odder, audited, *BLIND):
    for _dialect in _module.DIALECTS:
        assert _dialect.name not in DIALECTS, f"two dialects are called {_dialect.name}"
        DIALECTS[_dialect.name] = _dialect
