"""Reads run records: tolerant of unknown members and of a run that was cut short, clear about everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from .jsonl import NAME

FORMAT = "chatproof.run/1"

Line = Mapping[str, Any]

BROKEN = ("failed", "inconsistent")
"""Verdicts that make a run non-conformant."""


class RecordError(ValueError):
    """The file is no readable run record; the message is one line that names the file and the mend."""


@dataclass(frozen=True)
class Run:
    """A run record. ``footer`` is None where the run was cut short; ``results`` are in the order of the record."""

    path: Path
    header: Line
    results: tuple[Line, ...]
    footer: Line | None = None
    remarks: tuple[str, ...] = field(default=())
    """What the reader had to leave out, in sentences."""

    @cached_property
    def by_rule(self) -> dict[str, Line]:
        """Result lines by rule id."""
        return {line["rule"]: line for line in self.results}

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of rules by verdict."""
        found: dict[str, int] = {}
        for line in self.results:
            found[line["verdict"]] = found.get(line["verdict"], 0) + 1
        return found

    @property
    def verdict(self) -> str:
        """``conformant``, ``non-conformant`` or ``incomplete``: the footer's, or what the lines so far say."""
        if self.footer is not None:
            return self.footer["verdict"]
        return "non-conformant" if any(self.counts.get(verdict) for verdict in BROKEN) else "incomplete"

    @property
    def findings(self) -> list[Line]:
        """Result lines that carry a finding."""
        return [line for line in self.results if "finding" in line]


def find_record(place: str | Path) -> Path:
    """The record at a place: the file itself, or ``run.jsonl`` of a report folder."""
    path = Path(place)
    return path / NAME if path.is_dir() else path


def read(place: str | Path) -> Run:
    """The run at ``place`` (a record or a report folder). Raises RecordError."""
    path = find_record(place)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        why = error.strerror or str(error)
        raise RecordError(f"{path}: {why}; name a run.jsonl or the folder that holds one") from None
    rows = text.splitlines()
    if not rows:
        raise RecordError(f"{path}: the file is empty; the run ended before it began, run it again")
    lines: list[Line] = []
    remarks: list[str] = []
    for number, row in enumerate(rows, 1):
        try:
            line = json.loads(row)
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict):
            lines.append(line)
        elif number == len(rows):
            remarks.append("the last line is cut off: the run was killed while it was written")
        else:
            raise RecordError(f"{path}: line {number} is no JSON object; the record was edited or damaged, run again")
    return _assembled(path, lines, remarks)


_NEEDED = {
    "header": ("format", "vintage", "endpoint", "model", "seed"),
    "result": ("rule", "chapter", "property", "title", "strength", "verdict"),
    "footer": ("counts", "verdict", "requests", "seconds"),
}


def _assembled(path: Path, lines: list[Line], remarks: list[str]) -> Run:
    if not lines or lines[0].get("kind") != "header":
        raise RecordError(f"{path}: the first line is no header; this is no run record, name a run.jsonl")
    found = lines[0].get("format")
    if found != FORMAT:
        raise RecordError(
            f"{path}: the format is {found!r}, this version reads {FORMAT}; use the chatproof that wrote it"
        )
    results: dict[str, Line] = {}
    footer: Line | None = None
    for number, line in enumerate(lines, 1):
        kind = line.get("kind")
        missing = [name for name in _NEEDED.get(str(kind), ()) if name not in line]
        if missing:
            raise RecordError(
                f"{path}: line {number}: a {kind} without {missing[0]!r}; the record was edited, run again"
            )
        if kind == "result":
            results[line["rule"]] = line  # of two lines the later one counts
        elif kind == "footer":
            footer = line
        elif kind == "header" and number > 1:
            raise RecordError(f"{path}: line {number} is a second header; merge runs with chatproof merge")
    if footer is None:
        remarks.append("there is no footer: the run did not come to its end")
    return Run(path, lines[0], tuple(results.values()), footer, tuple(remarks))
