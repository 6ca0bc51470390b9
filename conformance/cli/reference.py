"""``chatproof reference``: the embedded reference server on its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def reference(arguments: Sequence[str]) -> None:
    """Run the reference server until it is stopped.

    Example: chatproof reference --port 8000 --vintage 2026-08
    """
    from ..reference.__main__ import main as run

    sys.exit(run(list(arguments), "chatproof reference"))
