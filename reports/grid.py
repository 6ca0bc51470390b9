"""The grid of a run: a row for each property, a column for each kind of rule, in each cell the worst verdict."""

from __future__ import annotations

from collections.abc import Iterable

from .reading import Line

BEYOND = ("body", "together", "answer", "error", "relations", "")
"""What rules are about that are about no single property of a request, in the order of their rows."""

VERDICTS = {
    "failed": ("✗", "a proved violation of a must"),
    "inconsistent": ("~", "violated, but not every time"),
    "warning": ("!", "a proved violation of a should"),
    "error": ("?", "not asked or not reached; not the rule's fault"),
    "waived": ("w", "violated, as a waiver says"),
    "blocked": ("/", "not asked: its gate shows that the server does not look at the feature, or fails"),
    "passed": ("✓", "held for every request"),
    "info": ("i", "no document settles it: which way the server went"),
    "not_offered": ("–", "about a feature that the server declines, or an answer it never gave"),
}
"""Glyph and meaning of each verdict. The first that a cell of the grid holds gives the cell its colour."""
KINDS = {
    "gate": "looked at",
    "valid": "valid edges",
    "invalid": "invalid",
    "types": "types",
    "null": "null",
    "answers": "answers",
    "streaming": "streaming",
    "effects": "effects",
}
"""Columns of the grid."""

Row = tuple[str, list[tuple[str, int, str, int]]]
"""A property, and for each kind the number of rules, their worst verdict and how many have it."""


def kind_of(line: Line) -> str:
    """The column of a rule: by its chapter, else by the words of its id, else by what its title says it does."""
    chapters = {
        "gates": "gate",
        "answer": "answers",
        "additions": "answers",
        "error": "answers",
        "stream": "streaming",
        "stream_effects": "streaming",
        "effects": "effects",
        "relations": "effects",
        "other_forms": "effects",
        "compared": "effects",
        "many": "effects",
    }
    chapter, rule = str(line["chapter"]), str(line["rule"])
    if chapter in chapters:
        return chapters[chapter]
    words = [word for word in rule.split(".") if word not in ("accepts", "refuses", "among")]
    if "null" in words:
        return "null"
    if words and words[-1] in ("type", "integral", "item", "object"):
        return "types"
    if rule.endswith((".accepts", ".refuses")):
        return "valid" if rule.endswith(".accepts") else "invalid"
    return "invalid" if str(line["title"]).startswith("refuses") else "valid"


def verdict_of(line: Line) -> str:
    """The verdict of a result line; of one that is not known, ``error``."""
    return line["verdict"] if line["verdict"] in tuple(VERDICTS) else "error"


def rows_of(lines: Iterable[Line]) -> list[Row]:
    """Rows of the grid: those of the properties by name, and below them those of what is ``BEYOND``."""
    rows: dict[str, dict[str, list[str]]] = {}
    for line in lines:
        rows.setdefault(str(line["property"]), {}).setdefault(kind_of(line), []).append(verdict_of(line))

    def cell(kind: str, verdicts: list[str]) -> tuple[str, int, str, int]:
        worst = min(verdicts, key=list(VERDICTS).index, default="")
        return kind, len(verdicts), worst, verdicts.count(worst)

    def row(name: str) -> Row:
        return name, [cell(kind, rows[name].get(kind, [])) for kind in KINDS]

    beyond = [name for name in BEYOND if name in rows]
    return [row(name) for name in [*sorted(rows.keys() - set(beyond)), *beyond]]
