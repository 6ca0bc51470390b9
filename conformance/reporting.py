"""The end of a run: reports are written from its record, held against the baseline, and named in the terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ..reports.compare import Comparison
    from ..reports.reading import Run as Record
    from .session import Session

BASELINE: pytest.StashKey[Record] = pytest.StashKey()
"""The earlier run that ``--baseline`` names."""

COMPARISON: pytest.StashKey[Comparison] = pytest.StashKey()
"""What has changed since."""

REPORTS: pytest.StashKey[tuple[list[Path], list[str]]] = pytest.StashKey()
"""Report files written, and what could not be written."""


def report(session: pytest.Session, run: Session) -> None:
    """Write the reports; with a baseline, only what is worse than there is a failure."""
    from ..reports import compare, writers
    from ..reports.reading import BROKEN, RecordError, read

    config, folder = session.config, run.folder
    assert folder is not None
    try:
        record = read(folder)
    except RecordError as error:
        config.stash[REPORTS] = [], [str(error)]
        return
    written, faults = config.stash[REPORTS] = writers.write_all(record, folder, os.environ)
    if BASELINE in config.stash:
        comparison = config.stash[COMPARISON] = compare.compare(config.stash[BASELINE], record)
        more, unwritten = writers.write_changes(comparison, folder, os.environ)
        written += more
        faults += unwritten
        if session.exitstatus in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.OK):
            failed = bool(comparison.regressions) or any(line["verdict"] in BROKEN for line in record.vendor)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK


def tell(terminalreporter: Any, config: pytest.Config, run: Session) -> None:
    """The verdict in plain words, what has changed, and where the reports lie."""
    from .summary import write, write_changes

    write(terminalreporter, run)
    if COMPARISON in config.stash:
        write_changes(terminalreporter, config.stash[COMPARISON])
    nothing: tuple[list[Path], list[str]] = ([], [])
    written, faults = config.stash.get(REPORTS, nothing)
    if written:
        pages = sorted(written, key=lambda path: path.suffix != ".html")  # the one to look at first
        terminalreporter.line(f"report: {pages[0]}; beside it {', '.join(path.name for path in pages[1:])}")
    for fault in faults:
        terminalreporter.line(f"not written: {fault}")
