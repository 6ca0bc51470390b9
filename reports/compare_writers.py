"""A comparison as text, Markdown, HTML and JSON: four forms of one list of sections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .causes import URGENCY
from .compare import ONE_SIDED, Change, Comparison, Kind, Turn, symptom
from .markdown import clean, code, prose
from .pace import NOISE, Pace
from .reading import Line, Run, mapping
from .showing import duration
from .tables import page

FORMAT = "chatproof.compare/1"

SAYS = {
    Kind.NEW_FAILURE: "New failures",
    Kind.WAIVER_ENDED: "No longer waived",
    Kind.CHANGED_SYMPTOM: "Still failing, in another way",
    Kind.NEW_WARNING: "New warnings",
    Kind.LOST_ANSWER: "Rules that lost their answer",
    Kind.NEW_WAIVER: "Newly waived",
    Kind.FIXED: "Fixed",
    Kind.GONE_WARNING: "Warnings that are gone",
    Kind.GAINED_ANSWER: "Rules that gained an answer",
    Kind.STILL_FAILING: "Still failing",
    Kind.CHANGED_CHOICE: "Another choice where no document decides",
    Kind.ADDED: "Rules added",
    Kind.REMOVED: "Rules removed",
    Kind.ONLY_NEW: "Asked only in NEW",
    Kind.ONLY_OLD: "Asked only in OLD",
    Kind.UNANSWERED: "No answer in either run",
    Kind.SAME: "Unchanged",
}
"""Heading of each class."""

MOST_ROWS = (40, 20, 10, 5, 2)
"""Rules of one class that the text and Markdown forms list, the first that fits; HTML and JSON list all."""

COMMENT = 60_000
"""Characters of the Markdown form, at most, so that GitHub takes it as a comment."""

QUIET = (Kind.SAME, Kind.UNANSWERED)
"""Classes that are counted, not listed."""

_URGENT = list(URGENCY)

TURNS = {
    Turn.WORSE: "no longer works: the server now ignores it or breaks on it",
    Turn.LOST: "no longer offered",
    Turn.GAINED: "newly offered",
    Turn.REPAIRED: "repaired",
    Turn.OTHER: "changed, offered in neither",
}
"""What is said of a capability."""


@dataclass(frozen=True)
class Section:
    """One class of rules with its heading; ``loud`` ones are shown open."""

    heading: str
    kind: Kind
    changes: Sequence[Change]
    loud: bool


def sections(comparison: Comparison) -> list[Section]:
    """The classes to be listed, without empty ones; what is red comes by urgency, the rest as in the record."""
    loud = (Kind.NEW_FAILURE, Kind.WAIVER_ENDED, Kind.CHANGED_SYMPTOM, Kind.NEW_WARNING, Kind.FIXED, Kind.NEW_WAIVER)
    return [
        Section(SAYS[kind], kind, sorted(found, key=_urgency), kind in loud)
        for kind, found in comparison.changes.items()
        if found and kind not in QUIET
    ]


def _urgency(change: Change) -> tuple[bool, int]:
    known = symptom(change.line)
    return not change.red, _URGENT.index(known) if known in _URGENT else len(_URGENT)


def step(change: Change) -> str:
    """What happened to a rule, in two words and an arrow."""
    if change.kind in ONE_SIDED:
        return change.now or change.was
    return change.now if change.was == change.now else f"{change.was} → {change.now}"


def detail(change: Change) -> str:
    """Why: the finding that decides, or what stands for the missing answer, or both choices. Holds a server's words."""
    before, after = change.old or {}, change.new or {}
    if change.kind is Kind.CHANGED_CHOICE:
        return " → ".join(str(found.get("observed") or symptom(found) or "nothing") for found in (before, after))
    if change.kind is Kind.LOST_ANSWER:
        return _unanswered(after)
    if change.kind is Kind.CHANGED_SYMPTOM:
        return f"was {symptom(before)}, now {_finding(after)}"
    if change.kind in (Kind.FIXED, Kind.GONE_WARNING):
        return f"was {_finding(before)}"
    return _finding(change.line)


def _finding(found: Line) -> str:
    if not symptom(found):
        return ""
    return f"{symptom(found).replace('_', ' ')}: {mapping(found.get('finding')).get('why')}"


def _unanswered(found: Line) -> str:
    gate = found.get("blocked_by")
    return f"stands behind {gate}" if gate else str(found.get("note") or "")


def headline(comparison: Comparison) -> str:
    """The outcome in one sentence."""
    found, regressions = comparison.changes, len(comparison.regressions)
    parts = [
        f"{len(found[kind])} {word}"
        for kind, word in (
            (Kind.FIXED, "fixed"),
            (Kind.CHANGED_SYMPTOM, "failing in another way"),
            (Kind.STILL_FAILING, "still failing"),
            (Kind.NEW_WARNING, "new warnings"),
            (Kind.LOST_ANSWER, "that lost their answer"),
        )
        if found[kind]
    ]
    first = {0: "No regression", 1: "1 regression"}.get(regressions, f"{regressions} regressions")
    return f"{first}; {', '.join(parts)}." if parts else f"{first}." if comparison.differs else f"{first}, no change."


def name(run: Run) -> str:
    """Model and place of a run, and when it was."""
    return f"{run.header['model']} at {run.header['endpoint']}" + (
        f", {run.header['started']}" if run.header.get("started") else ""
    )


def standing(run: Run) -> str:
    """Verdict and counts of a run in one line."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in run.counts.items())
    requests = f"; {run.footer['requests']} requests in {run.footer['seconds']} s" if run.footer else ""
    return f"{run.verdict}: {counts}{requests}"


def pace(found: Pace) -> str:
    """A change of speed as a sentence without its end."""
    ratio = max(found.was, found.now) / min(found.was, found.now)
    word = "slower" if found.now > found.was else "faster"
    return f"{found.name} is {ratio:.1f} times {word}: {duration(found.was)} → {duration(found.now)}"


def turns(comparison: Comparison) -> list[tuple[str, list[str]]]:
    """Capabilities that changed: what is said of them, and each with both states."""
    return [
        (TURNS[turn], [f"{one.name} ({one.was} → {one.now})" for one in comparison.abilities if one.turn is turn])
        for turn in TURNS
        if any(one.turn is turn for one in comparison.abilities)
    ]


def to_text(comparison: Comparison) -> str:
    """For a terminal: plain lines, the most important first."""
    rows = [headline(comparison)]
    rows += [f"  {side}  {clean(what(run), 600)}" for side, run in _sides(comparison) for what in (name, standing)]
    if comparison.remarks:
        rows += ["", "Bear in mind", *(f"  {clean(remark)}" for remark in comparison.remarks)]
    if found := turns(comparison):
        rows += ["", "Capabilities", *(f"  {says}: {', '.join(map(clean, names))}" for says, names in found)]
    for section in sections(comparison):
        rows += ["", f"{section.heading} ({len(section.changes)})"]
        for change in section.changes[: MOST_ROWS[0]]:
            rows.append(f"  {clean(change.rule):44} {clean(step(change)):22} {clean(detail(change), 160)}".rstrip())
        rows += _more(section, MOST_ROWS[0], lambda more: f"  … and {more} more; --format json lists all")
    if comparison.paces:
        rows += ["", "Speed", *(f"  {pace(one)}" for one in comparison.paces), f"  ({NOISE})"]
    rows += ["", _rest(comparison)]
    return "\n".join(rows) + "\n"


def _more(section: Section, most: int, says: Callable[[int], str]) -> list[str]:
    more = len(section.changes) - most
    return [says(more)] if more > 0 else []


def _sides(comparison: Comparison) -> Iterable[tuple[str, Run]]:
    return ("OLD", comparison.old), ("NEW", comparison.new)


def _rest(comparison: Comparison) -> str:
    unchanged, mute = (len(comparison.changes[kind]) for kind in QUIET)
    return f"Unchanged: {unchanged} rules" + (f"; without an answer in either run: {mute}." if mute else ".")


def to_markdown(comparison: Comparison) -> str:
    """GitHub-flavoured Markdown, fit for a comment on a pull request; words of servers stand in code spans only."""
    text = ""
    for most in MOST_ROWS:
        text = _markdown(comparison, most)
        if len(text) < COMMENT:
            break
    return text


def _markdown(comparison: Comparison, most: int) -> str:
    rows = [f"## {headline(comparison)}", "", "| | run | verdict |", "| --- | --- | --- |"]
    rows += [f"| {side} | {code(name(run))} | {prose(standing(run))} |" for side, run in _sides(comparison)]
    if comparison.remarks:
        rows += ["", "**Bear in mind**", "", *(f"- {prose(remark)}" for remark in comparison.remarks)]
    if found := turns(comparison):
        rows += ["", "**Capabilities**", "", *(f"- {says}: {', '.join(map(code, names))}" for says, names in found)]
    for section in sections(comparison):
        rows += _markdown_section(section, most)
    if comparison.paces:
        rows += ["", "**Speed**", "", *(f"- {pace(one)}" for one in comparison.paces), "", f"({NOISE})"]
    rows += ["", _rest(comparison)]
    return "\n".join(rows) + "\n"


def _markdown_section(section: Section, most: int) -> list[str]:
    heading = f"{section.heading} ({len(section.changes)})"
    table = ["", "| rule | verdict | the server … | |", "| --- | --- | --- | --- |"]
    for change in section.changes[:most]:
        cells = (code(change.rule), prose(step(change)), prose(change.line["title"], 160), code(detail(change), 160))
        table.append(f"| {' | '.join(cells)} |")
    table += [row for text in _more(section, most, lambda more: f"… and {more} more.") for row in ("", text)]
    if section.loud:
        return ["", f"### {heading}", *table]
    return ["", f"<details><summary>{heading}</summary>", *table, "", "</details>"]


def to_html(comparison: Comparison) -> str:
    """One self-contained page that runs nothing."""
    return page(
        "compare.html",
        comparison=comparison,
        headline=headline(comparison),
        sides=[(side, {"started": "", **run.header}, standing(run)) for side, run in _sides(comparison)],
        turns=turns(comparison),
        sections=sections(comparison),
        paces=[pace(one) for one in comparison.paces],
        noise=NOISE,
        rest=_rest(comparison),
        step=step,
        detail=detail,
    )


def to_json(comparison: Comparison) -> str:
    """All of it for programs (format ``chatproof.compare/1``): every rule is in exactly one list of ``rules``."""
    document: dict[str, Any] = {"format": FORMAT}
    for side, run in (("old", comparison.old), ("new", comparison.new)):
        kept = ("endpoint", "model", "profile", "vintage", "catalogue", "suite", "seed", "started")
        document[side] = {key: run.header[key] for key in kept if key in run.header}
        document[side] |= {"complete": run.footer is not None, "verdict": run.verdict, "counts": run.counts}
    document["headline"] = headline(comparison)
    document["regressions"] = list(comparison.regressions)
    document["remarks"] = list(comparison.remarks)
    document["rules"] = {kind.value: [_entry(change) for change in found] for kind, found in comparison.changes.items()}
    document["capabilities"] = [
        {"name": one.name, "turn": one.turn.value, "was": one.was, "now": one.now} for one in comparison.abilities
    ]
    document["speed"] = [{"name": one.name, "was": one.was, "now": one.now} for one in comparison.paces]
    document["noise"] = NOISE
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _entry(change: Change) -> dict[str, Any]:
    entry = {"rule": change.rule, "was": change.was, "now": change.now}
    symptoms = {"was_symptom": symptom(change.old), "now_symptom": symptom(change.new)}
    entry |= {key: found for key, found in symptoms.items() if found}
    if change.kind not in QUIET and detail(change):
        entry["detail"] = detail(change)
    return entry
