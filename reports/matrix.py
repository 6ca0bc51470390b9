"""Several runs side by side: servers by rules, what they disagree on first, as data, Markdown and one HTML page."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from .compare import JUDGED, symptom
from .grid import VERDICTS
from .html import NAME as REPORT
from .html import render
from .markdown import code, prose
from .reading import BROKEN, Line, Run, mapping
from .tables import page

VIOLATED = (*BROKEN, "warning", "waived")
"""Verdicts that say the rule was broken, whatever follows from it."""

GLYPHS = {name: glyph for name, (glyph, _) in VERDICTS.items()}


GALLERY = Path(__file__).parent / "gallery"
"""Records of runs against real servers that come with the suite; their names without the ending are the servers'."""


def gallery() -> dict[str, Path]:
    """The records that come with the suite, by the server's name."""
    return {path.name.partition(".jsonl")[0]: path for path in sorted(GALLERY.glob("*.jsonl*"))}


class Standing(StrEnum):
    """How the servers stand to one rule, in the order of the reports."""

    DISAGREE = "disagree"
    EVERYWHERE = "everywhere"
    CHOICE = "choice"
    ALONE = "alone"
    AGREE = "agree"
    SILENT = "silent"


SAYS = {
    Standing.DISAGREE: ("The servers disagree", "some keep the rule, some break it"),
    Standing.EVERYWHERE: (
        "Fails everywhere",
        "no server that was judged keeps the rule: it may be our fault, read the rule before you blame a server",
    ),
    Standing.CHOICE: ("Different choices", "no document decides, and the servers differ"),
    Standing.ALONE: ("Judged on one server only", "the others do not offer it or were not asked"),
    Standing.AGREE: ("Kept by every server that was judged", "nothing to choose between them"),
    Standing.SILENT: ("Judged nowhere", "no server offers it, or none was asked"),
}
"""Heading of each standing and what it means."""


@dataclass(frozen=True)
class Row:
    """One rule; ``cells`` holds each server's line, or None where its run has none."""

    rule: str
    title: str
    chapter: str
    standing: Standing
    cells: tuple[Line | None, ...]


@dataclass(frozen=True)
class Matrix:
    """Servers and rules. ``names`` are distinct and in the order of ``runs``, as the cells of each row are."""

    names: tuple[str, ...]
    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    capabilities: Mapping[str, tuple[str, ...]]
    """State of each capability on each server, empty where its run has no word on it."""
    remarks: tuple[str, ...]
    """What the runs do not share, in sentences."""

    def groups(self) -> dict[Standing, dict[str, list[Row]]]:
        """Rows by standing and chapter; only what holds a row."""
        found: dict[Standing, dict[str, list[Row]]] = {standing: {} for standing in Standing}
        for row in self.rows:
            found[row.standing].setdefault(row.chapter, []).append(row)
        return {standing: chapters for standing, chapters in found.items() if chapters}


def matrix(runs: Sequence[Run], labels: Sequence[str | None] = ()) -> Matrix:
    """The runs side by side. ``labels`` name them in order; None and what is missing means model@endpoint."""
    given = [*labels, *[None] * (len(runs) - len(labels))]
    first: dict[str, Line] = {}
    for run in runs:
        for rule, found in run.by_rule.items():
            first.setdefault(rule, found)
    rows = tuple(_row(rule, found, [run.by_rule.get(rule) for run in runs]) for rule, found in first.items())
    states = [mapping(run.header.get("capabilities")) for run in runs]
    abilities = dict.fromkeys(name for found in states for name in found)
    names = [label or f"{run.header['model']}@{run.header['endpoint']}" for label, run in zip(given, runs, strict=True)]
    return Matrix(
        names=distinct(names),
        runs=tuple(runs),
        rows=rows,
        capabilities={name: tuple(str(found.get(name, "")) for found in states) for name in abilities},
        remarks=_remarks(runs),
    )


def _row(rule: str, found: Line, cells: Sequence[Line | None]) -> Row:
    return Row(rule, str(found["title"]), str(found["chapter"]), _standing(cells), tuple(cells))


def _standing(cells: Sequence[Line | None]) -> Standing:
    judged = [cell for cell in cells if cell is not None and cell["verdict"] in JUDGED]
    broken = sum(cell["verdict"] in VIOLATED for cell in judged)
    if not judged:
        return Standing.SILENT
    if len(judged) == 1:
        return Standing.ALONE
    if 0 < broken < len(judged):
        return Standing.DISAGREE
    if broken:
        return Standing.EVERYWHERE
    choices = [cell.get("observed") for cell in judged if cell["verdict"] == "info"]
    return Standing.CHOICE if any(choice != choices[0] for choice in choices) else Standing.AGREE


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number behind each that stood before."""
    taken: list[str] = []
    for name in names:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        taken.append(free)
    return tuple(taken)


def _remarks(runs: Sequence[Run]) -> tuple[str, ...]:
    effects = {
        "vintage": "a rule of one vintage only has empty cells",
        "catalogue": "a rule may not ask the same of all, and empty cells may be rules that a run did not know",
        "suite": "verdicts may differ because the suite does",
        "profile": "what a profile claims is judged more strictly",
    }
    said: list[str] = []
    for name, effect in effects.items():
        if any(run.header.get(name) != runs[0].header.get(name) for run in runs):
            said.append(f"The runs differ in {name}: {effect}.")
    for name in ("depth", "examples", "seed", "strict", "safe"):
        values = [mapping(run.header.get("settings")).get(name) for run in runs]
        if any(value != values[0] for value in values):
            said.append(
                f"The runs differ in {name} ({', '.join(str(value) for value in values)}): not all asked the same."
            )
    short = sum(run.footer is None for run in runs)
    if short:
        said.append(f"{short} of the runs did not come to the end: empty cells are rules that were not reached.")
    return tuple(said)


def counts(run: Run) -> dict[str, int]:
    """Rules of one run by what a reader asks first; the judged ones add up from the first three."""
    found = run.counts
    judged = {
        "red": sum(found.get(name, 0) for name in BROKEN),
        "warnings": found.get("warning", 0) + found.get("waived", 0),
        "kept": found.get("passed", 0) + found.get("info", 0),
    }
    return judged | {"without an answer": sum(found.values()) - sum(judged.values())}


def says(cell: Line | None) -> str:
    """A cell in words: verdict, and the symptom or choice behind it."""
    if cell is None:
        return "not asked"
    behind = symptom(cell).replace("_", " ") or (cell.get("observed") if cell["verdict"] == "info" else "")
    return f"{cell['verdict']}: {behind}" if behind else str(cell["verdict"])


def glyph(cell: Line | None) -> str:
    """The sign of a cell's verdict."""
    return "" if cell is None else GLYPHS.get(cell["verdict"], "?")


def to_markdown(found: Matrix) -> str:
    """Tables of what the servers do not agree on, and the counts of the rest."""
    head = ["", "| rule | the server … |" + "".join(f" {code(name, 60)} |" for name in found.names)]
    head.append("| --- | --- |" + " :-: |" * len(found.names))
    rows = [f"## {len(found.names)} servers, {len(found.rows)} rules", *_markdown_counts(found)]
    rows += ["", *(f"- {prose(remark)}" for remark in found.remarks)] if found.remarks else []
    for standing, chapters in found.groups().items():
        heading, meaning = SAYS[standing]
        members = sum(map(len, chapters.values()))
        rows += ["", f"### {heading} ({members})", "", f"{meaning[0].upper()}{meaning[1:]}."]
        if standing in (Standing.AGREE, Standing.SILENT, Standing.ALONE):
            rows += ["", ", ".join(f"{prose(chapter)} {len(lines)}" for chapter, lines in chapters.items())]
            continue
        for chapter, lines in chapters.items():
            rows += ["", f"**{prose(chapter)}**", *head]
            for row in lines:
                cells = (prose(says(cell) if standing is Standing.CHOICE else glyph(cell), 60) for cell in row.cells)
                rows.append(f"| {code(row.rule)} | {prose(row.title, 160)} | {' | '.join(cells)} |")
    key = ", ".join(f"{prose(sign)} {prose(verdict)}" for verdict, sign in GLYPHS.items())
    return "\n".join([*rows, "", f"Signs: {key}; empty: not asked."]) + "\n"


def _markdown_counts(found: Matrix) -> list[str]:
    columns = list(counts(found.runs[0])) if found.runs else []
    rows = ["", f"| server | {' | '.join(columns)} |", "| --- |" + " --: |" * len(columns)]
    for name, run in zip(found.names, found.runs, strict=True):
        rows.append(f"| {code(name)} | {' | '.join(str(count) for count in counts(run).values())} |")
    return rows


def write_reports(found: Matrix, folder: Path) -> list[Path]:
    """Write each run's report into a folder, which is made where it is not there; their paths in the order of runs."""
    folder.mkdir(parents=True, exist_ok=True)
    stems = distinct([re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80].strip(".-") or "run" for name in found.names])
    places = [folder / f"{stem.replace(' ', '-')}.html" for stem in stems]
    for run, place in zip(found.runs, places, strict=True):
        place.write_text(render(run), encoding="utf-8", newline="\n")
    return places


def to_html(found: Matrix, start: Path | None = None, reports: Sequence[Path] = ()) -> str:
    """One self-contained page. ``start`` is the folder it will lie in; from there it links to each run's report: those
    given, in the order of the runs, else what lies beside the record."""
    places = reports or [run.path.parent / REPORT for run in found.runs]
    links = [_link(place, start) for place in places]
    return page(
        "matrix.html",
        "matrix.js",
        matrix=found,
        groups=found.groups(),
        says=SAYS,
        open=(Standing.DISAGREE, Standing.EVERYWHERE),
        counts=[(name, link, run, counts(run)) for name, link, run in zip(found.names, links, found.runs, strict=True)],
        links=links,
        glyphs=GLYPHS,
        glyph=glyph,
        words=says,
        place=_place,
    )


def _place(link: Markup, cell: Mapping[str, object]) -> Markup:
    """The way to a rule in a report that is linked."""
    return Markup("{}#{}").format(link, quote(str(cell["rule"]), errors="replace"))


def _link(report: Path, start: Path | None) -> Markup | None:
    """The way from ``start`` to a report, None where there is no report or no way."""
    if start is None or not report.is_file():
        return None
    try:
        way = os.path.relpath(report, start)
    except ValueError:  # another drive
        return None
    return Markup(
        quote(way if way.startswith(".") else f"./{way}", safe="/") if os.sep == "/" else quote(Path(way).as_posix())
    )
