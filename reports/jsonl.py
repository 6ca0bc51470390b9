"""The run record on disk: appended and flushed line by line, so that nothing is lost when a run is killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

NAME = "run.jsonl"
DEFAULT_FOLDER = "conformance-report"


class FolderError(OSError):
    """The folder for the record cannot be made or written to."""


def choose_folder(wanted: str | None, start: Path, stamp: datetime, *, keep: bool = False) -> Path:
    """The folder of this run's reports, made if need be.

    A wanted folder keeps an earlier run under its own start time (in its place with ``keep``); without a wish each run
    gets a folder of its own below ``conformance-report/``, with a ``latest`` link and a ``.gitignore``. Raises
    FolderError where that fails.
    """
    try:
        return _choose(wanted, start, stamp, keep)
    except OSError as error:
        raise FolderError(str(error)) from None


def _choose(wanted: str | None, start: Path, stamp: datetime, keep: bool) -> Path:
    name = stamp.strftime("%Y%m%d-%H%M%S")
    if wanted:
        folder = start / wanted
        folder.mkdir(parents=True, exist_ok=True)
        if not keep:
            _keep_earlier(folder)
        return folder
    parent = start / DEFAULT_FOLDER
    parent.mkdir(parents=True, exist_ok=True)
    ignore = parent / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    folder = _fresh(parent, name)
    latest = parent / "latest"
    try:
        latest.unlink(missing_ok=True)
        latest.symlink_to(folder.name, target_is_directory=True)
    except OSError:
        pass  # no links on this file system: the folder's name is printed anyway
    return folder


def _fresh(parent: Path, name: str) -> Path:
    for number in range(1000):
        folder = parent / (name if number == 0 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise OSError(f"no free folder name below {parent}")


def _keep_earlier(folder: Path) -> None:
    record = folder / NAME
    if record.exists():
        stamp = datetime.fromtimestamp(record.stat().st_mtime).strftime("%Y%m%d-%H%M%S")
        try:
            with record.open(encoding="utf-8") as file:
                started = json.loads(file.readline())["started"]
            stamp = datetime.fromisoformat(started).strftime("%Y%m%d-%H%M%S")
        except (ValueError, KeyError, TypeError):
            pass
        os.replace(record, _free_name(folder, stamp))


def _free_name(folder: Path, stamp: str) -> Path:
    path, number = folder / f"run-{stamp}.jsonl", 1
    while path.exists():
        path, number = folder / f"run-{stamp}-{number}.jsonl", number + 1
    return path


class Writer:
    """Appends lines to a record, to one that is there with ``append``. Use as a context manager or call ``close``."""

    def __init__(self, folder: Path, *, append: bool = False) -> None:
        self.path = folder / NAME
        if append:
            _cut_torn_end(self.path)
        self._file: TextIO = self.path.open("a" if append else "w", encoding="utf-8")

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line and hand it to the operating system."""
        self._file.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._file.flush()

    def begin_again(self, line: Mapping[str, Any]) -> None:
        """Make one line the whole record, at once: who reads it meanwhile, or after a kill, finds one or the other."""
        self._file.close()
        new = self.path.with_name(self.path.name + ".new")
        new.write_text(json.dumps(line, ensure_ascii=True) + "\n", encoding="utf-8")
        os.replace(new, self.path)
        self._file = self.path.open("a", encoding="utf-8")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cut_torn_end(path: Path) -> None:
    """Take away a last line that was not written to its end."""
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
