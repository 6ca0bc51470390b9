"""The kill matrix as a page: which faults the suite finds, by what is broken and by the kind of fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .tables import page

Row = Mapping[str, Any]


def tallies(trials: Sequence[Row]) -> tuple[list[str], list[tuple[str, list[tuple[int, int]]]]]:
    """The kinds of faults, and for each property the servers blamed right of all servers, kind by kind."""
    kinds = list(dict.fromkeys(trial["subject"]["family"] for trial in trials))
    properties = list(dict.fromkeys(trial["subject"]["property"] for trial in trials))
    rows: list[tuple[str, list[tuple[int, int]]]] = []
    for name in properties:
        of_it = [trial for trial in trials if trial["subject"]["property"] == name]
        cells: list[tuple[int, int]] = []
        for kind in kinds:
            here = [trial for trial in of_it if trial["subject"]["family"] == kind]
            cells.append((sum(bool(trial["right"]) for trial in here), len(here)))
        rows.append((name, cells))
    return kinds, rows


def render(matrix: Mapping[str, Any]) -> str:
    """One self-contained page from what ``chatproof prove --json`` writes."""
    trials: Sequence[Row] = matrix["trials"]
    kinds, rows = tallies(trials)
    missed = [trial for trial in trials if not trial["right"]]
    return page("kill_matrix.html", summary=matrix["summary"], kinds=kinds, rows=rows, missed=missed, trials=trials)
