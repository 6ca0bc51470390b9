"""The options about how an endpoint is reached, for subcommands that ask one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import click

from ..access import DEFAULT_KEY_VARIABLE, OPTIONS, REPEATED, Access, AccessError, chosen

F = TypeVar("F", bound=Callable[..., Any])


class _Read(click.ParamType):  # pyright: ignore[reportMissingTypeArgument]  generic from click 8.5 on
    """What a function of ours makes of a text; its ValueError becomes click's word for a wrong value."""

    def __init__(self, read: Callable[[str], Any], name: str) -> None:
        self.read = read
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or a usage error."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def access_options(command: F) -> F:
    """Add ``--api-key-env`` and the options of ``access`` to a command, which gets them by name."""
    for name, metavar, read, says in reversed(OPTIONS):
        kind = _Read(read, metavar) if read else None
        command = click.option(name, metavar=metavar, type=kind, multiple=name in REPEATED, help=says)(command)
    variable = click.option(
        "--api-key-env", metavar="NAME", default=DEFAULT_KEY_VARIABLE, help="variable that holds the API key"
    )
    return variable(command)


def access_from(variable: str, **options: Any) -> Access:
    """The access that these options name; a usage error where a secret is missing."""
    try:
        return chosen(SimpleNamespace(**options), variable, Path.cwd())
    except AccessError as error:
        raise click.UsageError(str(error)) from None
