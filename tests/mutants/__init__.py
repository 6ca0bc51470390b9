"""Single-fault servers, by the part of the contract that they break. The suite knows none of them.

Each module has a list ``MUTANTS``; ``serve.py`` runs them all in one process, each under a path of its own.
"""

from __future__ import annotations

from . import (
    answers,
    blind2_answers,
    blind2_calls,
    blind2_effects,
    blind2_errors,
    blind2_messages,
    blind2_numbers,
    blind2_options,
    blind2_state,
    blind2_streams,
    blind2_tools,
    blind2_transport,
    blind3a_answers,
    blind3a_effects,
    blind3a_messages,
    blind3a_options,
    blind3a_streams,
    blind3b_answers,
    blind3b_effects,
    blind3b_refused,
    blind3b_state,
    blind3b_streams,
    blind3b_taken,
    blind_answers,
    blind_messages,
    blind_options,
    blind_tools,
    blind_transport,
    clients,
    compared,
    effects,
    errors,
    field_faults,
    http,
    later,
    load,
    other_forms,
    relations,
    requests,
    schemas,
    stream_effects,
    streams,
)
from .base import Mutant

MUTANTS: dict[str, Mutant] = {}
"""Every wrong server by its name, which is the first part of its path."""

_PARTS = (
    requests,
    http,
    answers,
    streams,
    stream_effects,
    errors,
    relations,
    other_forms,
    effects,
    schemas,
    compared,
    load,
    later,
    clients,
    field_faults,
    blind_transport,
    blind_messages,
    blind_options,
    blind_tools,
    blind_answers,
    blind2_transport,
    blind2_messages,
    blind2_numbers,
    blind2_options,
    blind2_tools,
    blind2_answers,
    blind2_calls,
    blind2_effects,
    blind2_errors,
    blind2_state,
    blind2_streams,
    blind3a_messages,
    blind3a_options,
    blind3a_answers,
    blind3a_effects,
    blind3a_streams,
    blind3b_refused,
    blind3b_taken,
    blind3b_answers,
    blind3b_effects,
    blind3b_streams,
    blind3b_state,
)

for _module in _PARTS:
    for _mutant in _module.MUTANTS:
        assert _mutant.name not in MUTANTS, f"two mutants are called {_mutant.name}"
        MUTANTS[_mutant.name] = _mutant
