"""``chatproof merge``: one record from those of the shards of a run."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import click

from ._records import Unreadable, load


@click.command()
@click.argument("records", metavar="RUN...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="DIR", required=True, help="folder for the record and its reports")
def merge(records: tuple[str, ...], output: str) -> None:
    """Join the records of all shards of a run (pytest --shard I/N) into one, with its reports.

    RUN is a run.jsonl or its folder. Packages of rules that took part must be installed. Refuses shards that are
    missing, overlap, or are of different runs. Exits with 0, with 1 where the whole run broke a rule, with 6 where some
    rule was not asked, with 2 where they cannot be joined.

    Example: chatproof merge shard-1 shard-2 shard-3 -o whole
    """
    from ...reports import writers
    from ...reports.jsonl import FolderError, Writer, choose_folder
    from ...reports.reading import BROKEN, read
    from .. import vendor
    from ..catalogue import load as load_catalogue
    from ..merge import MergeError, vendors_of
    from ..merge import merge as merged
    from ..record import CONFORMANT, NON_CONFORMANT
    from ..vintages import VINTAGES

    runs = [load(place) for place in records]
    vintage = runs[0].header["vintage"]
    if vintage not in VINTAGES:
        raise Unreadable(f"{runs[0].path}: no vintage is called {vintage!r}; merge with the chatproof that wrote it")
    try:
        named = any(run.header.get("vendors") for run in runs)  # else what packages bring is nobody's business here
        vendors = vendors_of(runs, vendor.found()) if named else []
        whole = merged(runs, vendor.extended(load_catalogue(vintage), vendors))
        folder = choose_folder(output, Path.cwd(), datetime.now())
        with Writer(folder) as writer:
            for line in whole.lines:
                writer.write(line)
    except (MergeError, vendor.VendorError) as error:
        raise Unreadable(str(error)) from None
    except FolderError as error:
        raise Unreadable(f"{output}: {error}") from None
    _, faults = writers.write_all(read(folder), folder, os.environ)
    counts = ", ".join(f"{count} {name}" for name, count in sorted(whole.footer["counts"].items()))
    click.echo(f"{whole.footer['verdict']}: {counts}")
    click.echo(f"record: {folder / 'run.jsonl'}")
    for fault in faults:
        click.echo(f"not written: {fault}", err=True)
    for name, told in whole.footer.get("vendors", {}).items():
        click.echo(f"{name}, no part of the verdict: " + ", ".join(f"{told[key]} {key}" for key in sorted(told)))
    red = any(line["verdict"] in BROKEN for line in whole.results)  # a vendor's rule as well, like in the run
    raise SystemExit(1 if red else {CONFORMANT: 0, NON_CONFORMANT: 1}.get(whole.footer["verdict"], 6))
