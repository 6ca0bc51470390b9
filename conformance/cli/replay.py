"""``chatproof replay``: send the findings of a run again."""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

import click

from ._access import access_from, access_options
from ._records import load as load_run


@click.command()
@click.argument("record", metavar="RUN", type=click.Path())
@click.argument("rules", metavar="[RULE]...", nargs=-1)
@click.option("--endpoint", metavar="URL", help="another server than the recorded one")
@click.option("--model", metavar="NAME", help="another model than the recorded one")
@click.option("--conformance-profile", "word", metavar="NAME|FILE", help="the profile of the run, for its headers")
@access_options
def replay(
    record: str,
    rules: tuple[str, ...],
    endpoint: str | None,
    model: str | None,
    api_key_env: str,
    word: str | None,
    **how: Any,
) -> None:
    """Send the recorded findings again and say which still fail.

    RUN is a run.jsonl or its folder, RULE a rule id or a pattern. Exit code 1: a finding still fails; 6: the endpoint
    cannot be asked.

    Example: chatproof replay conformance-report/latest 'stop.*'
    """
    from .. import profile as profiles
    from .. import vendor
    from ..catalogue import load
    from ..depths import Settings
    from ..pace import Pace
    from ..record import printable
    from ..replay import Outcome, resolve
    from ..replay import replay as replayed
    from ..target import EndpointError

    run = load_run(record)
    wanted = [
        line
        for line in run.findings
        if line["verdict"] in ("failed", "inconsistent", "warning", "waived")
        and (not rules or any(fnmatch.fnmatchcase(line["rule"], rule) for rule in rules))
    ]
    if not wanted:
        click.echo("no finding to send" + (f" for {' '.join(rules)}" if rules else ""))
        return
    access = access_from(api_key_env, **how)
    settings = Settings(parity=bool(run.header.get("settings", {}).get("parity")))
    found = dict.fromkeys(Outcome, 0)
    try:
        profile = profiles.named(word, Path())
    except profiles.ProfileError as error:
        raise click.ClickException(str(error)) from None
    try:
        target = resolve(
            endpoint or run.header["endpoint"],
            model or (None if endpoint else run.header["model"]),
            access,
            profile,
        )
        pace = Pace(settings.in_flight, access.rate)
        catalogue = vendor.extended(load(run.header["vintage"]), vendor.found())
        for one in replayed(wanted, run.header, target, catalogue, settings, pace):
            found[one.outcome] += 1
            click.echo(printable(f"{one.outcome.value:12} {one.rule}: {target.redaction.text(one.says)}"))
    except vendor.VendorError as error:
        raise click.ClickException(str(error)) from None
    except EndpointError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(6) from None
    click.echo(", ".join(f"{count} {outcome.value}" for outcome, count in found.items()))
    raise SystemExit(1 if found[Outcome.FAILS] else 0)
