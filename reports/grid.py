"""The grid of a run: a row for each property, a column for each kind of rule, in each cell the worst verdict."""

from __future__ import annotations

from collections.abc import Iterable

from .reading import Line

PROPERTIES = [
    "messages",
    "model",
    "store",
    "metadata",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "modalities",
    "prediction",
    "audio",
    "presence_penalty",
    "response_format",
    "seed",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "user",
    "function_call",
    "functions",
]
"""The 29 properties in the order of the seed document, as in the catalogue (a test compares them)."""

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


def rows_of(lines: Iterable[Line]) -> list[tuple[str, list[tuple[str, int, str, int]]]]:
    """Rows of the grid: a property, and for each kind the number of rules, their worst verdict and how many have it."""
    rows: dict[str, dict[str, list[str]]] = {name: {} for name in PROPERTIES}
    for line in lines:
        rows.setdefault(str(line["property"]), {}).setdefault(kind_of(line), []).append(verdict_of(line))

    def cell(kind: str, verdicts: list[str]) -> tuple[str, int, str, int]:
        worst = min(verdicts, key=list(VERDICTS).index, default="")
        return kind, len(verdicts), worst, verdicts.count(worst)

    return [(name, [cell(kind, row.get(kind, [])) for kind in KINDS]) for name, row in rows.items()]
