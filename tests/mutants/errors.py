"""Servers whose refusals break one promise."""

from __future__ import annotations

from .base import Mutant, of, refusing

MUTANTS = [
    Mutant(
        name="error-flat",
        property="error",
        family="error",
        server=refusing(lambda body: body.update(error=body["error"]["message"])),
        fails=of("err.envelope"),
    ),
    Mutant(
        name="error-no-type",
        property="error",
        family="error",
        server=refusing(lambda body: body["error"].pop("type")),
        fails=of("err.keys.type"),
    ),
]
