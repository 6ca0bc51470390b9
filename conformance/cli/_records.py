"""What the subcommands that read run records share: reading them, the form of the output, and where it goes."""

from __future__ import annotations

from pathlib import Path

import click

from ...reports.markdown import clean
from ...reports.reading import RecordError, Run, read

FORMS = {"text": ".txt", "md": ".md", "html": ".html", "json": ".json"}
"""Forms of output, and how a file of each is called."""


class Unreadable(click.ClickException):
    """A file that cannot be read or written: one line on stderr, exit code 2."""

    exit_code = 2

    def format_message(self) -> str:
        """The message without what could steer a terminal."""
        return clean(self.message, 1000)


def load(place: str) -> Run:
    """The run at ``place``; ends the command with exit code 2 where there is none."""
    try:
        return read(place)
    except RecordError as error:
        raise Unreadable(str(error)) from None


def choose_form(form: str | None, output: Path | None, default: str) -> str:
    """The wanted form, else the one that the file's name ends with, else ``default``."""
    endings = {ending: name for name, ending in FORMS.items()}
    return form or endings.get(output.suffix.lower() if output else "", default)


def put(text: str, output: Path | None) -> None:
    """Write to the file, or to stdout as it is."""
    if output is None:
        click.echo(text.encode(), nl=False)  # a page says that it is UTF-8, whatever the terminal is
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Unreadable(f"{output}: {error.strerror or error}; name a file in a folder that is there") from None


def check_writable(option: str, path: Path) -> None:
    """Ends the command with exit code 2 where a file cannot be written, before minutes are spent on what goes in."""
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        why = error.strerror or error
        raise Unreadable(f"{option} {path}: {why}; name a file in a folder that is there") from None
