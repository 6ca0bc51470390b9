"""``chatproof soak``: the suite with new seeds, again and again for a while."""

from __future__ import annotations

import fnmatch
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ._access import access_from, access_options

LONGEST = 7 * 24 * 60
"""Minutes that one soak may take."""


@click.command()
@click.argument("url", metavar="URL|reference")
@click.argument("patterns", metavar="[RULE]...", nargs=-1)
@click.option(
    "--minutes", type=click.FloatRange(0, LONGEST, min_open=True), default=10.0, show_default=True, help="how long"
)
@click.option("--rounds", type=click.IntRange(1), help="stop after so many rounds, too")
@click.option("--seed", type=int, default=0, show_default=True, help="seed of the first round; each has the next one")
@click.option("--depth", type=click.Choice(["smoke", "default", "nightly", "certify"]), default="default")
@click.option("--model", metavar="NAME", help="model to ask for (default: the first of GET /models)")
@click.option("--in-flight", type=click.IntRange(1, 512), default=16, show_default=True, help="requests under way")
@click.option("--start", metavar="COMMAND", help="starts the server, restarts it when it dies, stops it at the end")
@click.option("--strict", is_flag=True, help="a broken should fails")
@click.option("--parity", is_flag=True, help="hold refusals against the original service's statuses and forms")
@click.option("--safe", is_flag=True, help="leave out requests that have killed engines")
@click.option("--report-dir", metavar="DIR", help="folder for record and reports (default: a new one)")
@access_options
def soak(
    url: str,
    patterns: tuple[str, ...],
    minutes: float,
    rounds: int | None,
    seed: int,
    depth: str,
    model: str | None,
    in_flight: int,
    start: str | None,
    strict: bool,
    parity: bool,
    safe: bool,
    report_dir: str | None,
    api_key_env: str,
    **how: Any,
) -> None:
    """Run with new seeds until time is over or Ctrl-C, and tell each finding once.

    RULE is a rule id or a pattern (default: all). What is found, by rule and symptom, is told when it is found and
    written to a record with reports. Exit code 1: a rule is broken; 6: the endpoint cannot be asked, or went away.

    Example: chatproof soak http://127.0.0.1:8000/v1 --minutes 60 'stop.*'
    """
    from ...reports import writers
    from ...reports.jsonl import FolderError
    from ...reports.reading import RecordError, read
    from .. import standing
    from ..depths import Settings, asked_at
    from ..model import Gate
    from ..plan import needed_gates
    from ..record import RED, cut, printable
    from ..results import Verdict
    from ..session import Session
    from ..soak import Soak
    from ..target import REFERENCE, EndpointError, split_url

    access = access_from(api_key_env, **how)
    settings = Settings(depth=depth, seed=seed, strict=strict, safe=safe, parity=parity, in_flight=in_flight)
    shown = shlex.join(["chatproof", "soak", url.split("?")[0], *patterns, "--seed", str(seed), "--depth", depth])
    session = Session(url, model, access, settings, None, start, shown)
    rules = [
        rule
        for rule in asked_at(session.catalogue, depth)
        if not patterns or any(fnmatch.fnmatchcase(rule.id, pattern) for pattern in patterns)
    ]
    if not rules:
        raise click.UsageError(f"no rule is called {' or '.join(patterns)}; chatproof rules lists them")
    wanted = needed_gates(session.catalogue.gates, rules)
    rules = [gate for gate in session.catalogue.gates if gate.capability in wanted] + [
        rule for rule in rules if not isinstance(rule, Gate)
    ]

    def tell(line: Mapping[str, Any], found_with: int) -> None:
        finding = line["finding"]
        what = f"{finding['symptom']}: {finding['why']} (seed {found_with})"
        click.echo(printable(f"{line['verdict']:12} {line['rule']}: {what}"))
        click.echo(printable(f"{'':12} {cut(finding['curl'], 2000)}"))

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if url != REFERENCE:
            split_url(url)
        session.open(lambda: (report_dir, Path.cwd()), campaign=False)
        session.expected = {rule.id for rule in rules}
        session.begin_record()
        work = Soak(session, rules, tell)
        ends = time.monotonic() + minutes * 60
        work.run(ends, rounds, lambda done, sent: click.echo(f"seed {done} done, {sent} requests so far"))
    except EndpointError as error:
        raise _Failed(f"{error}", 6) from None
    except FolderError as error:
        raise _Failed(f"--report-dir: {error}", 2) from None
    except KeyboardInterrupt:
        raise _Failed("stopped before the first round", 6) from None
    finally:
        session.close()
    counts = standing.counts(session)
    told = ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if verdict.value in counts)
    times = f"{work.rounds} round" + "s" * (work.rounds != 1)
    click.echo(f"{times}, {session.traffic.requests} requests, {len(work.found)} findings; {told}")
    for incident in dict.fromkeys(session.incidents):
        click.echo(printable(f"{session.incidents.count(incident)} ×: {incident}"))
    if session.gone:
        click.echo(printable(f"stopped: {session.gone}"))
    assert session.folder is not None
    try:
        written, faults = writers.write_all(read(session.folder), session.folder, os.environ)
    except RecordError as error:
        raise _Failed(str(error), 2) from None
    click.echo(f"record: {session.folder / 'run.jsonl'}; reports: {', '.join(path.name for path in written)}")
    for fault in faults:
        click.echo(f"not written: {fault}")
    if any(Verdict(line["verdict"]) in RED for line in session.lines.values()):
        sys.exit(1)
    sys.exit(6 if session.gone or not standing.complete(session) else 0)


class _Failed(click.ClickException):
    """One line, and an exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.exit_code = code  # pyright: ignore[reportAttributeAccessIssue]  # click calls it a constant
