"""``chatproof compare``: what changed between two runs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ._records import FORMS, choose_form, load, put


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--format", "form", type=click.Choice(list(FORMS)), help="text, or what the name of the file ends with")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="write to this file")
@click.option("--fail-on-regression", is_flag=True, help="exit with 1 where NEW breaks a rule that OLD did not")
def compare(old: str, new: str, form: str | None, output: Path | None, fail_on_regression: bool) -> None:
    """Compare two runs: OLD and NEW are run.jsonl files or folders that hold one.

    Exits with 0, with 1 on regressions if --fail-on-regression is given, with 2 where a file cannot be read or written.

    Example: chatproof compare yesterday/run.jsonl conformance-report/latest --format md
    """
    from ...reports import compare_writers
    from ...reports.compare import compare as compared

    writers = {
        "text": compare_writers.to_text,
        "md": compare_writers.to_markdown,
        "html": compare_writers.to_html,
        "json": compare_writers.to_json,
    }
    comparison = compared(load(old), load(new))
    put(writers[choose_form(form, output, "text")](comparison), output)
    if fail_on_regression and comparison.regressions:
        sys.exit(1)
