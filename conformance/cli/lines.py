"""``chatproof lines``: the curl line of each finding, run again on demand."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from ...reports import lines as writer
from ...reports.reading import Line, RecordError, Run
from ._records import Unreadable, load, put

SECONDS = 60
"""What one request may take, and how long a server may be away before a line is run."""

_SHELL = f"""curl() {{ command curl -o /dev/null -w '%{{http_code}}\\n' --max-time {SECONDS} "$@"; }}
"""
"""Under the name of curl: the same request, of whose answer only the status is told."""


@click.command()
@click.argument("record", metavar="RUN", type=click.Path())
@click.option("--run", "again", is_flag=True, help="run each line in a shell, and say whether its status is the same")
@click.option(
    "--checked", type=click.Path(path_type=Path), help="file that keeps what the lines gave (with --run: made)"
)
@click.option("--name", metavar="NAME", help="what the server is called (default: the name of the file)")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file")
def lines(record: str, again: bool, checked: Path | None, name: str | None, output: Path | None) -> None:
    """Write the curl line of each finding of RUN as a Markdown page.

    RUN is a run.jsonl or the folder that holds one. With --run the server must listen where the record says. Exit
    code 1: a line that was run gave another status than the record.

    Example: chatproof lines runs/mine --run -o lines.md
    """
    run = load(record)
    if again:
        found = writer.Checked(writer.digest(run), datetime.now(UTC).date().isoformat(), _ran(run))
        if checked:
            put(writer.dump(found), checked)
    else:
        try:
            found = writer.load(checked, run) if checked else None
        except RecordError as error:
            raise Unreadable(str(error)) from None
    put(writer.render(run, name or _called(run.path), found), output)
    if again and found:
        known = found.statuses
        other = [line["rule"] for line in writer.listed(run) if not writer.same(line, known.get(line["rule"], ()))]
        click.echo(f"{len(known) - len(other)} of {len(known)} lines gave the status of the record", err=True)
        for rule in other:
            click.echo(f"another status: {rule}: {', '.join(map(str, known.get(rule, ()))) or 'not run'}", err=True)
        raise SystemExit(1 if other else 0)


def _called(path: Path) -> str:
    name = path.name.partition(".jsonl")[0]
    return path.absolute().parent.name if name == "run" else name


def _ran(run: Run) -> dict[str, tuple[int, ...]]:
    """The statuses of each line. Before any is run, one that is not as the suite writes them ends the command."""
    found = writer.listed(run)
    for line in found:
        if not writer.is_ours(line["finding"]["curl"], run.header["endpoint"]):
            raise Unreadable(f"{run.path}: the line of {line['rule']} is not as the suite writes it; it is not run")
    return {line["rule"]: _statuses(line, run.header["endpoint"]) for line in found}


def _statuses(line: Line, endpoint: str) -> tuple[int, ...]:
    _await(endpoint)
    text = line["finding"]["curl"]
    most = SECONDS * (text.count(" ; ") + 2)
    try:
        done = subprocess.run(
            ["bash"],
            input=_SHELL + text + "\n",
            capture_output=True,
            text=True,
            timeout=most,
            check=False,
            env=os.environ,
        )
    except FileNotFoundError:
        raise click.ClickException("the lines are run by bash, which is not here; install it") from None
    except subprocess.TimeoutExpired:
        return (writer.NONE,)
    return tuple(_numbers(done.stdout.split()))


def _numbers(words: Iterable[str]) -> Iterable[int]:
    return (int(word) for word in words if word.isdecimal())


def _await(endpoint: str) -> None:
    """Wait until something listens there: what ran before may have ended the server, which is then started again."""
    parts = urlsplit(endpoint)
    place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    started = time.monotonic()
    while True:
        try:
            socket.create_connection(place, timeout=5).close()
            return
        except OSError:
            if time.monotonic() - started > SECONDS:
                raise click.ClickException(f"nothing listens at {endpoint}; start the server first") from None
        time.sleep(0.2)
