"""All reports of one run, from its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from . import badge, certificate, compare_writers, html, markdown, sarif
from .compare import Comparison
from .reading import Run

WRITERS: tuple[Callable[[Run, Path], Path], ...] = (
    html.write,
    markdown.write,
    sarif.write,
    badge.write,
    certificate.write,
)
"""One function a report: writes it into a folder and returns its path."""


def write_all(run: Run, folder: Path, environ: Mapping[str, str]) -> tuple[list[Path], list[str]]:
    """The reports of a run, into a folder: the files written, and what could not be written, a line each.

    The summary also goes where ``$GITHUB_STEP_SUMMARY`` says.
    """
    written: list[Path] = []
    faults: list[str] = []
    for writer in WRITERS:
        try:
            written.append(writer(run, folder))
        except Exception as error:  # a report that fails must not take the others, nor the verdict, with it
            faults.append(f"{writer.__module__.rsplit('.', 1)[-1]}: {type(error).__name__}: {error}")
    fault = markdown.append_step_summary(run, environ)
    return written, [*faults, *([fault] if fault else [])]


CHANGES: Mapping[str, Callable[[Comparison], str]] = {
    "compare.html": compare_writers.to_html,
    "compare.md": compare_writers.to_markdown,
    "compare.json": compare_writers.to_json,
}
"""Files that say what has changed since a baseline."""


def write_changes(found: Comparison, folder: Path, environ: Mapping[str, str]) -> tuple[list[Path], list[str]]:
    """What has changed, into a folder and below the summary of the job: the files written, and what could not be."""
    written: list[Path] = []
    faults: list[str] = []
    for name, form in CHANGES.items():
        try:
            (folder / name).write_text(form(found), encoding="utf-8", newline="\n")
            written.append(folder / name)
        except Exception as error:  # as above: the verdict does not hang on a page
            faults.append(f"{name}: {type(error).__name__}: {error}")
    fault = markdown.append_to_step(lambda _: "\n" + compare_writers.to_markdown(found), environ)
    return written, [*faults, *([fault] if fault else [])]
