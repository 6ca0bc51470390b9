"""``chatproof prove``: the kill matrix, from the single-fault servers of a checkout."""

from __future__ import annotations

import fnmatch
import json
import sys
from pathlib import Path
from typing import Any

import click

from ._records import check_writable

DEFAULT_SERVERS = Path(__file__).parents[2] / "tests" / "mutants"


@click.command()
@click.argument("names", nargs=-1)
@click.option("--depth", type=click.Choice(["smoke", "default", "nightly"]), default="default", help="size of each run")
@click.option("--seed", default=0, help="seed of each run")
@click.option("--in-flight", default=16, type=click.IntRange(1, 512), help="requests under way at once")
@click.option("--every", default=1, type=click.IntRange(1), help="only every so many-th server: a sample")
@click.option("--skip", default=0, type=click.IntRange(0), help="leave out so many first: another sample")
@click.option(
    "--servers", type=click.Path(path_type=Path), default=DEFAULT_SERVERS, help="package of single-fault servers"
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="write the whole matrix as JSON")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="write the matrix as a page with a picture")
def prove(
    names: tuple[str, ...],
    depth: str,
    seed: int,
    in_flight: int,
    every: int,
    skip: int,
    servers: Path,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Run the suite against servers with one known fault each, and say which it finds and whom it blames.

    NAMES are patterns of server names. Exit code 1: a fault was missed or the wrong rule blamed.

    Example: chatproof prove 'stop*' --depth smoke
    """
    from .. import proving
    from ..depths import Settings

    for option, path in (("--json", json_file), ("--html", html_file)):
        if path:
            check_writable(option, path)
    settings = Settings(depth=depth, seed=seed, strict=True, in_flight=in_flight)

    def chosen(subjects: list[proving.Subject]) -> list[proving.Subject]:
        wanted = [row for row in subjects if any(fnmatch.fnmatchcase(row.name, name) for name in names or ("*",))]
        return wanted[skip::every]

    bar: list[Any] = []  # on a terminal; begun when the number of servers is known

    def told(trial: proving.Trial, of: int) -> None:
        word = "right" if trial.right else "killed" if trial.killed else "SURVIVED"
        rest: list[str] = []
        if trial.error:
            rest.append(f"error: {trial.error}")
        if trial.wrong:
            rest.append(f"blames {', '.join(trial.wrong[:8])}" + (" …" if len(trial.wrong) > 8 else ""))
        if trial.missed:
            rest.append(f"silent {', '.join(trial.missed)}")
        row = f"{trial.subject.name:32} {word:9} {trial.requests:5} requests {trial.seconds:5.1f} s  {'; '.join(rest)}"
        if not sys.stderr.isatty():
            click.echo(row.rstrip())
            return
        if word != "right":
            click.echo("\r\x1b[K" + row.rstrip())
        if not bar:
            bar.append(click.progressbar(length=of, label="servers", show_pos=True, file=sys.stderr))
        bar[0].update(1)

    try:
        trials = proving.prove(servers, settings, chosen, told)
    except proving.ProvingError as error:
        raise click.ClickException(str(error)) from None
    if not trials:
        raise click.UsageError(f"no server is left of {' and '.join(names) or 'all'}: see NAMES, --skip and {servers}")
    for one in bar:
        one.render_finish()
    found = proving.summary(trials)
    click.echo(
        f"\n{found.servers} servers, {found.killed} found, {found.right} blamed right"
        f" ({found.exact} by the very rule), blame precision"
        f" {found.precision:.3f}, first seen after {found.median_first} requests (median),"
        f" {found.requests} requests, {found.seconds:.0f} s"
    )
    if json_file:
        json_file.write_text(json.dumps(proving.as_json(trials, settings), indent=1), encoding="utf-8")
    if html_file:
        from ...reports.kill_matrix import render

        html_file.write_text(render(proving.as_json(trials, settings)), encoding="utf-8")
    raise SystemExit(0 if found.right == found.servers else 1)
