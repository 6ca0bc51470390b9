"""``chatproof matrix``: several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ._records import choose_form, load, put


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--format", "form", type=click.Choice(["md", "html"]), help="md, or what the name of the file ends with")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file")
def matrix(runs: Sequence[str], form: str | None, output: Path | None) -> None:
    """Put runs side by side, what the servers disagree on first.

    A RUN is a run.jsonl or a folder that holds one, or NAME=PATH to say how the server is called. The page links to
    each run's report.html where one lies beside the record.

    Example: chatproof matrix vllm=runs/vllm llama.cpp=runs/llama -o matrix.html
    """
    from ...reports.matrix import matrix as side_by_side
    from ...reports.matrix import to_html, to_markdown

    pairs = [_labelled(run) for run in runs]
    found = side_by_side([load(place) for _, place in pairs], [label for label, _ in pairs])
    if choose_form(form, output, "md") == "html":
        put(to_html(found, (output or Path("x")).absolute().parent), output)
    else:
        put(to_markdown(found), output)


def _labelled(run: str) -> tuple[str | None, str]:
    """Label and place; a path that is there as written has no label, whatever signs it holds."""
    label, sign, place = run.partition("=")
    return (None, run) if not sign or not label or Path(run).exists() else (label, place)
