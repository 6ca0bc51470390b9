"""Reads run records: tolerant of unknown members and of a run that was cut short, clear about everything else."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from .jsonl import NAME

FORMAT = "chatproof.run/1"

VENDOR = "x-"
"""Ids of vendors' rules begin so."""

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
    vendor: tuple[Line, ...] = ()
    """Result lines of vendors' rules, which no verdict and no count of the run knows."""

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
        """Result lines that carry a finding, also those of vendors."""
        return [line for line in (*self.results, *self.vendor) if "finding" in line]


def mapping(value: object) -> Mapping[str, Any]:
    """A value that ought to be an object, as one: empty where a stranger made it something else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """A value that ought to be a list, as one: empty where a stranger made it something else."""
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


PACKED = ".gz"
"""Ending of a record that gzip has made small."""
LARGEST = 2**27
"""Bytes of a record, unpacked; one that holds more was not written by the suite."""


def find_record(place: str | Path) -> Path:
    """The record at a place: the file itself, or ``run.jsonl`` (or ``run.jsonl.gz``) of a report folder."""
    path = Path(place)
    if not path.is_dir():
        return path
    packed = path / (NAME + PACKED)
    return packed if packed.exists() and not (path / NAME).exists() else path / NAME


def content_of(path: Path) -> bytes:
    """The bytes of a record, unpacked where it is packed. Raises RecordError."""
    try:
        if path.suffix != PACKED:
            return path.read_bytes()
        with gzip.open(path) as file:
            content = file.read(LARGEST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise RecordError(f"{path}: this is no whole gzip file; pack the record again") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise RecordError(f"{path}: {why}; name a run.jsonl or the folder that holds one") from None
    if len(content) > LARGEST:
        raise RecordError(f"{path}: more than {LARGEST >> 20} MiB unpacked; this is no run record, name a run.jsonl")
    return content


def read(place: str | Path) -> Run:
    """The run at ``place`` (a record or a report folder). Raises RecordError."""
    path = find_record(place)
    text = io.StringIO(content_of(path).decode("utf-8", "replace"), newline=None).read()
    rows = text.removesuffix("\n").split("\n")  # not splitlines: JSON strings may hold U+2028 and its like
    if not text:
        raise RecordError(f"{path}: the file is empty; the run ended before it began, run it again")
    lines: list[Line] = []
    remarks: list[str] = []
    for number, row in enumerate(rows, 1):
        line: Line | list[Any] | str | float | None
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


_Types = Mapping[str, type | tuple[type, ...]]
_NEEDED: Mapping[str, _Types] = {
    "header": {"format": str, "vintage": str, "endpoint": str, "model": str, "seed": int},
    "result": dict.fromkeys(("rule", "chapter", "property", "title", "strength", "verdict"), str),
    "footer": {"counts": dict, "verdict": str, "requests": int, "seconds": (int, float)},
}
_FINDING: _Types = {"symptom": str, "why": str, "status": (int, type(None)), "curl": str}
"""Members that reports rely on, and their types."""


def _fault(kind: object, line: Line) -> str:
    """What is not there or of a wrong type, in words; empty where all is well."""
    if not isinstance(kind, str):
        return "a 'kind' that is no text"
    for name, types in _NEEDED.get(kind, {}).items():
        if not isinstance(line.get(name, ...), types):
            return f"a {kind} without a right {name!r}"
    if kind != "result" or "finding" not in line:
        return ""
    if not isinstance(line["finding"], dict):
        return "a 'finding' that is no object"
    finding = cast("Line", line["finding"])
    wrong = [name for name, types in _FINDING.items() if not isinstance(finding.get(name, ...), types)]
    return f"a finding without a right {wrong[0]!r}" if wrong else ""


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
        if fault := _fault(kind, line):
            raise RecordError(f"{path}: line {number}: {fault}; the record was edited, run again")
        if kind == "result":
            results[line["rule"]] = line  # of two lines the later one counts
        elif kind == "footer":
            footer = line
        elif kind == "header" and number > 1:
            raise RecordError(f"{path}: line {number} is a second header; merge runs with chatproof merge")
    if footer is None:
        remarks.append("there is no footer: the run did not come to its end")
    official = tuple(line for name, line in results.items() if not name.startswith(VENDOR))
    others = tuple(line for name, line in results.items() if name.startswith(VENDOR))
    return Run(path, lines[0], official, footer, tuple(remarks), others)
