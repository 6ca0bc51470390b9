"""``chatproof matrix``: several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ._records import Unreadable, choose_form, load, put


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--gallery", is_flag=True, help="also the runs against real servers that come with the suite")
@click.option("--format", "form", type=click.Choice(["md", "html"]), help="md, or what the name of the file ends with")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file")
@click.option("--reports", is_flag=True, help="also write each run's report, into the folder FILE-runs beside the page")
def matrix(runs: Sequence[str], gallery: bool, form: str | None, output: Path | None, reports: bool) -> None:
    """Put runs side by side, what the servers disagree on first.

    A RUN is a run.jsonl or a folder that holds one, or NAME=PATH to say how the server is called. The page links to
    each run's report.html where one lies beside the record; with --gallery or --reports they are written.

    \b
    Example: chatproof matrix vllm=runs/vllm llama.cpp=runs/llama -o matrix.html
    Example: chatproof matrix mine=conformance-report/latest --gallery -o matrix.html
    """
    from ...reports import matrix as writer

    pairs = [_labelled(run) for run in runs]
    if gallery:
        pairs += [(name, str(path)) for name, path in writer.gallery().items()]
    if not pairs:
        raise click.UsageError("name a RUN, or give --gallery for the runs that come with the suite")
    found = writer.matrix([load(place) for _, place in pairs], [label for label, _ in pairs])
    if choose_form(form, output, "md") != "html":
        put(writer.to_markdown(found), output)
        return
    written: list[Path] = []
    if output and (gallery or reports):
        try:
            written = writer.write_reports(found, output.absolute().with_name(f"{output.stem}-runs"))
        except OSError as error:
            raise Unreadable(f"{output}: {error.strerror or error}; name a file in a folder that is there") from None
    put(writer.to_html(found, (output or Path("x")).absolute().parent, written), output)


def _labelled(run: str) -> tuple[str | None, str]:
    """Label and place; a path that is there as written has no label, whatever signs it holds."""
    label, sign, place = run.partition("=")
    return (None, run) if not sign or not label or Path(run).exists() else (label, place)
