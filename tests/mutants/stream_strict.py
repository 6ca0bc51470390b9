"""Servers that hold the arguments of strict tools to their schema in plain answers only."""

from __future__ import annotations

from .base import Mutant
from .field_faults import short_arguments
from .stream_common import row
from .stream_effects import streamed

MUTANTS: list[Mutant] = [
    row(
        "streamed-strict-arguments-short",
        "res.toolcalls.args.schema.stream",
        streamed(short_arguments),
        "res.toolcalls.*",
        prop="tools",
    ),
]
