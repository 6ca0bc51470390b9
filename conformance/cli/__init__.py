"""The ``chatproof`` command. A subcommand is a file here; what it needs is imported when it is asked for."""

from __future__ import annotations

import importlib

import click

from ..scratch import leave_nothing_behind

COMMANDS = {
    "rules": "catalogue",
    "explain": "catalogue",
    "plan": "plan",
    "compare": "compare",
    "matrix": "matrix",
    "verify": "verify",
    "replay": "replay",
    "soak": "soak",
    "reference": "reference",
    "prove": "prove",
    "bench": "bench",
    "waivers": "waivers",
    "merge": "merge",
    "probe": "probe",
    "lines": "lines",
}
"""Subcommands, and the file of each."""


class _Commands(click.Group):
    """Finds a subcommand in its file, so that ``chatproof rules`` does not pay for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand of that name."""
        if cmd_name not in COMMANDS:
            return None
        leave_nothing_behind()  # before anything makes a strategy
        module = importlib.import_module(f".{COMMANDS[cmd_name]}", __package__)
        return getattr(module, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatproof")
def main() -> None:
    """Conformance of OpenAI-compatible chat-completions endpoints.

    The suite itself runs as `pytest --endpoint URL`.
    """
