"""``chatproof lines``: the curl line of each finding, run again on demand."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from ...reports import lines as writer
from ...reports.reading import RecordError, Run
from ._records import Unreadable, load, put

SECONDS = 60
"""What one request may take, and how long a server may be away before a line is run."""

_SHELL = f"""curl() {{ command curl -o /dev/null -w '%{{http_code}}\\n' --max-time {SECONDS} "$@"; }}
"""
"""Under the name of curl: the same request, of whose answer only the status is told."""


@click.command()
@click.argument("record", metavar="RUN", type=click.Path())
@click.option("--run", "again", is_flag=True, help="run each line in a shell, and say whether its status is the same")
@click.option("--start", metavar="COMMAND", help="with --run: starts the server, and again where a line has ended it")
@click.option("--checked", type=click.Path(path_type=Path), help="file that keeps what the lines gave; --run writes it")
@click.option("--name", metavar="NAME", help="what the server is called (default: the name of the file)")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file")
def lines(
    record: str, again: bool, start: str | None, checked: Path | None, name: str | None, output: Path | None
) -> None:
    """Write the curl line of each finding of RUN as a Markdown page.

    RUN is a run.jsonl or the folder that holds one. With --run the server must listen where the record says. Exit
    code 1: a line that was run gave another status than the record; 6: there is no server.

    Example: chatproof lines runs/mine --run -o lines.md
    """
    if start and not again:
        raise click.UsageError("--start needs --run")
    run = load(record)
    if again:
        found = writer.Checked(writer.digest(run), datetime.now(UTC).date().isoformat(), _ran(run, start))
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


def _ran(run: Run, start: str | None) -> dict[str, tuple[int, ...]]:
    """The statuses of each line. Before any is run, one that is not as the suite writes them ends the command."""
    from ..target import EndpointError

    found = writer.listed(run)
    endpoint = run.header["endpoint"]
    for line in found:
        if not writer.is_ours(line["finding"]["curl"], endpoint):
            raise Unreadable(f"{run.path}: the line of {line['rule']} is not as the suite writes it; it is not run")
    statuses: dict[str, tuple[int, ...]] = {}
    try:
        with _kept(start, run) if start else nullcontext(lambda: _await(endpoint)) as ready:
            for line in found:
                ready()
                statuses[line["rule"]] = _statuses(line["finding"]["curl"])
    except EndpointError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(6) from None
    return statuses


@contextmanager
def _kept(command: str, run: Run) -> Generator[Callable[[], None]]:
    """Starts the server, stops it at the end; gives what starts it again where it does not take a plain request."""
    from ..access import DEFAULT_KEY_VARIABLE
    from ..canary import CANARY, await_ready, resolve
    from ..judge import Reaction, react
    from ..lane import Lane
    from ..lifeline import READY_WITHIN, Lifeline
    from ..outgoing import prepare
    from ..target import EndpointError, Target

    key = os.environ.get(DEFAULT_KEY_VARIABLE)
    endpoint = run.header["endpoint"]

    async def healthy(target: Target) -> bool:
        async with Lane(target) as lane:
            return react(await lane.ask(prepare(CANARY, target))) is Reaction.ACCEPTED or await lifeline.revive()

    def ready() -> None:
        if not asyncio.run(healthy(target)):
            raise EndpointError("--start: the server takes no request any more")

    with tempfile.TemporaryDirectory(prefix="chatproof-lines-") as folder:
        lifeline = Lifeline(command, Path(folder) / "server.log")
        try:
            lifeline.start()
            target = await_ready(
                lambda: asyncio.run(
                    resolve(endpoint, model=run.header["model"], key=key, key_variable=DEFAULT_KEY_VARIABLE)
                ),
                READY_WITHIN,
                lifeline.check,
                READY_WITHIN,
            )
            lifeline.target = target
            yield ready
        finally:
            lifeline.stop()


def _statuses(text: str) -> tuple[int, ...]:
    """What a line gives: the status of each request that it sends, NONE where no answer came."""
    most = SECONDS * (text.count(" ; ") + 2)
    try:
        done = subprocess.run(
            ["bash"], input=_SHELL + text + "\n", capture_output=True, text=True, timeout=most, check=False
        )
    except FileNotFoundError:
        raise click.ClickException("the lines are run by bash, which is not here; install it") from None
    except subprocess.TimeoutExpired:
        return (writer.NONE,)
    return tuple(int(word) for word in done.stdout.split() if word.isdecimal())


def _await(endpoint: str) -> None:
    """Wait until something listens there: what ran before may have ended the server, which is then started again."""
    from ..target import EndpointError

    parts = urlsplit(endpoint)
    place = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    started = time.monotonic()
    while True:
        try:
            socket.create_connection(place, timeout=5).close()
            return
        except OSError:
            if time.monotonic() - started > SECONDS:
                raise EndpointError(f"nothing listens at {endpoint}; start the server first, or give --start") from None
        time.sleep(0.2)
