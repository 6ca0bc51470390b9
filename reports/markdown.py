"""A run as GitHub-flavoured Markdown: ``summary.md``, and the step summary of GitHub Actions.

Whatever the record says is shown as text. In a sentence every mark that means something to Markdown or HTML is a
character reference, and a word joiner keeps mentions, issue numbers and addresses from being linked; identifiers are
code spans; requests and answers stand in fences that are longer than any run of backticks in them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from . import certificate
from .causes import URGENCY, causes
from .reading import BROKEN, Line, Run, mapping

NAME = "summary.md"
MOST = 900_000
"""Bytes of a summary at most. GitHub drops a step summary above 1 MiB."""
STEP_LIMIT = 1024 * 1024
"""Bytes that GitHub takes for the summary of one step."""

_JOINER = "\u2060"
_MARKS = re.compile(r"[#$&*<>@\[\\\]`|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""Marks of Markdown and HTML; an underscore inside a word is none."""
_LINKED = re.compile(
    r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=[@#])|(?<=mailto)(?=:)|(?<=xmpp)(?=:)|(?<=GH)(?=-\d)", re.IGNORECASE
)
"""Where a joiner breaks what GitHub would link: addresses, mentions, issue numbers."""


def clean(value: object, most: int = 500) -> str:
    """A value as one line of at most ``most`` printable characters; control and direction characters become U+FFFD."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    shown = "".join(char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text[: most * 2])
    shown = " ".join(shown.split())
    return shown if len(shown) <= most and len(text) <= most * 2 else f"{shown[:most]}…"


def prose(value: object, most: int = 500) -> str:
    """A value as words in a sentence, a table cell or HTML: no mark-up, no link, no mention comes of it."""
    return _MARKS.sub(lambda mark: f"&#{ord(mark[0])};", _LINKED.sub(_JOINER, clean(value, most)))


def code(value: object, most: int = 200) -> str:
    """A value as a code span, in a table cell too; the two marks that could end it are shown as their likenesses."""
    shown = clean(value, most).replace("`", "ˋ").replace("|", "¦")
    return f"`{shown}`" if shown else "–"


def fence(text: str, kind: str = "") -> str:
    """Text in a fenced block, exact but for control and direction characters and what is no character at all."""
    shown = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{kind}\n{shown}\n{marks}\n"


def render(run: Run, most: int = MOST) -> str:
    """The run as Markdown of at most ``most`` bytes; what does not fit is counted at the end."""
    shown: list[str] = []
    room, left = most - 200, 0  # the last line says what is left out
    for piece in _pieces(run):
        size = len(piece.encode())
        if left or size > room:
            left += 1
        else:
            shown.append(piece)
            room -= size
    if left:
        shown.append(f"\n\n_{left} more entries did not fit here; all are in the run record._\n")
    return "".join(shown)


def write(run: Run, folder: Path) -> Path:
    """Write ``summary.md`` into a folder; returns its path."""
    path = folder / NAME
    path.write_text(render(run), encoding="utf-8")
    return path


def append_step_summary(run: Run, environ: Mapping[str, str] = os.environ) -> str | None:
    """Append the summary to the file that ``GITHUB_STEP_SUMMARY`` names, if it does; a warning where that fails."""
    return append_to_step(lambda room: render(run, min(MOST, room)), environ)


def append_to_step(text: Callable[[int], str], environ: Mapping[str, str] = os.environ) -> str | None:
    """Append a text to the file that ``GITHUB_STEP_SUMMARY`` names, if it does; a warning where that fails.

    ``text`` is given the bytes that are left there.
    """
    name = environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return None
    try:
        path = Path(name)
        room = STEP_LIMIT - (path.stat().st_size if path.exists() else 0)
        shown = text(room) if room >= 2_000 else ""
        if not shown or len(shown.encode()) > room:
            return f"GITHUB_STEP_SUMMARY: {clean(name)} is full, the summary is not added; the reports hold it"
        with path.open("a", encoding="utf-8") as file:
            file.write(shown)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        return f"GITHUB_STEP_SUMMARY: {clean(name)}: {clean(why)}; the summary is not shown with the job"
    return None


def _pieces(run: Run) -> Iterator[str]:
    """The text in pieces that each stand for themselves, so that it can end after any of them."""
    by_verdict = {name: [line for line in run.results if line["verdict"] == name] for name in certificate.VERDICTS}
    groups = _groups([line for line in run.results if line["verdict"] in BROKEN and "finding" in line])
    yield _head(run)
    yield from _list("Remarks", [f"**{prose(remark)}**" for remark in certificate.remarks(run)])
    yield from _fix_first(groups)
    yield from _entries("Broken", [line for lines in groups.values() for line in lines])
    yield from _entries("Warnings", [line for line in by_verdict["warning"] if "finding" in line])
    yield from _waived(run)
    yield from _vendors(run)
    yield from _unasked(by_verdict["not_offered"], by_verdict["error"])


def _head(run: Run) -> str:
    header, footer = run.header, run.footer or {}
    facts = [
        code(header["endpoint"]),
        f"model {code(header['model'])}",
        f"vintage {code(header['vintage'])}",
        *([f"profile {code(header.get('profile'))}"] if "claims" in header else []),
        f"seed {code(header['seed'])}",
        f"{prose(footer.get('requests', 'unknown'))} requests",
        f"{prose(footer.get('seconds', 'unknown'))} seconds",
    ]
    names = [name for name in certificate.VERDICTS if run.counts.get(name)]
    rows = [" | ".join(cells) for cells in (names, ["---:"] * len(names), [str(run.counts[name]) for name in names])]
    table = "".join(f"| {row} |\n" for row in rows) if names else ""
    return f"## chatproof: {certificate.verdict(run)}\n\n{' · '.join(facts)}\n\n{table}"


def _list(head: str, rows: Sequence[str]) -> Iterator[str]:
    if rows:
        yield f"\n### {head}\n\n- {rows[0]}\n"
        for row in rows[1:]:
            yield f"- {row}\n"


def _groups(broken: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    """Findings by consequence and cause, the most urgent first; those of a symptom without a consequence come last."""
    found: dict[tuple[str, str], list[Line]] = {}
    for cause in causes([line for line in broken if line["finding"]["symptom"] in URGENCY]):
        found.setdefault((cause.urgency, cause.says), []).extend(cause.lines)
    strange = [line for line in broken if line["finding"]["symptom"] not in URGENCY]
    return {**found, ("unknown", "a symptom that this version does not know"): strange} if strange else found


def _fix_first(groups: Mapping[tuple[str, str], Sequence[Line]]) -> Iterator[str]:
    if groups:
        yield "\n### Fix first\n\n| consequence | cause | rules |\n| --- | --- | --- |\n"
    for (urgency, says), lines in groups.items():
        names = ", ".join(code(line["rule"]) for line in lines[:5])
        more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
        yield f"| {prose(urgency)} | {prose(says)} | {names}{more} |\n"


def _entries(head: str, lines: Sequence[Line]) -> Iterator[str]:
    """A collapsed block for each finding: what is wrong in its first line, how to repeat it inside."""
    for place, line in enumerate(lines):
        yield (f"\n### {head} ({len(lines)})\n" if place == 0 else "") + _entry(line)


def _entry(line: Line) -> str:
    finding = line["finding"]
    came = "no answer" if finding.get("status") is None else finding["status"]
    often = clean(finding.get("confirmed")).replace("/", " of ")
    summary = (
        f"<b>{prose(line['rule'])}</b>: the server {prose(line['title'])} · {prose(finding['symptom'])}"
        f" · {prose(came)} · seen {prose(often)} times"
    )
    curl, response = str(finding.get("curl", "")), mapping(finding.get("response"))
    again = "The request is too long for this page; the run record holds it.\n"
    if len(curl) <= 20_000:
        again = fence(curl, "sh")
        if any(not char.isprintable() and char not in "\n\t" for char in curl):
            again += "\nSome characters cannot be shown here; the run record holds the exact line.\n"
    body = str(response.get("body") or "")
    answer = fence(body if len(body) <= 1000 else f"{body[:1000]}…") if body else ""
    steps = finding.get("steps")
    if isinstance(steps, list):
        again += f"\nThe rule compares {len(cast('list[object]', steps))} requests; the run record holds them all.\n"
    said = f"{prose(finding['why'])} ({prose(line['strength'])}; {prose(line.get('source'))})"
    return f"\n<details><summary>{summary}</summary>\n\nFound: {said}\n\n{again}\n{answer}\n</details>\n"


def _waived(run: Run) -> Iterator[str]:
    said = (run.footer or {}).get("waiver_remarks")
    remarks = cast("list[object]", said) if isinstance(said, list) else []
    yield from _list("Waivers that say too much", [prose(remark) for remark in remarks])
    waivers = certificate.waivers(run)
    if waivers:
        yield "\n### Waivers\n\n| rule | symptom | reason | owner | expires | used |\n" + "| --- " * 6 + "|\n"
    for waiver in waivers:
        words = " | ".join(prose(waiver[name]) for name in ("reason", "owner", "expires"))
        used = "yes" if waiver["used"] else "no"
        yield f"| {code(waiver['rule'])} | {code(waiver['symptom'])} | {words} | {used} |\n"


def _vendors(run: Run) -> Iterator[str]:
    """Rules of vendors, chapter by chapter: counted apart, with what is broken."""
    for name in dict.fromkeys(str(line["chapter"]) for line in run.vendor):
        lines = [line for line in run.vendor if line["chapter"] == name]
        counts = Counter(line["verdict"] for line in lines)
        told = ", ".join(f"{count} {prose(verdict)}" for verdict, count in counts.items())
        yield f"\n### Rules of a vendor: {prose(name)}\n\nNo part of the verdict and the counts above: {told}.\n"
        yield from _entries(
            f"Broken in {prose(name)}", [row for row in lines if row["verdict"] in BROKEN and "finding" in row]
        )
        yield from _entries(
            f"Warnings of {prose(name)}", [row for row in lines if row["verdict"] == "warning" and "finding" in row]
        )


def _unasked(declined: Sequence[Line], errors: Sequence[Line]) -> Iterator[str]:
    """Capabilities the server does not offer, by their gates, and rules that were not asked, with the reasons."""
    gates = [line["rule"].removeprefix("gate.") for line in declined if line["rule"].startswith("gate.")]
    names = [f"refused: {', '.join(code(name) for name in gates)}"] if gates else []
    yield from _list(f"Not offered ({len(declined)})", [*names, *_reasons(declined)])
    yield from _list(f"Not asked ({len(errors)})", _reasons(errors))


def _reasons(lines: Sequence[Line]) -> list[str]:
    """The notes of lines or the gates that stand for them, the most frequent first, ten at most."""
    counted = Counter(clean(line.get("note")) or clean(line.get("blocked_by")) or "no reason given" for line in lines)
    return [f"{count} because: {prose(reason)}" for reason, count in counted.most_common(10)]
