"""The HTML report: one self-contained page that runs nothing but our own script, whatever a server has sent.

Every text of a record passes ``visible`` (what a reader cannot see becomes an escape that he can) and then Jinja's
autoescape; the page's policy lets only the style and script with our hashes through, and nothing from the network.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Undefined
from markupsafe import Markup

from .causes import URGENCY, Cause, causes
from .charts import of_traffic
from .grid import BEYOND, KINDS, VERDICTS, kind_of, rows_of, verdict_of
from .reading import BROKEN, Line, Run, mapping, sequence
from .showing import SHORT, UNSEEN, block, dotted, pretty, visible
from .tables import TEMPLATES, hashed

NAME = "report.html"

CAP = 5_000_000
"""Bytes of a page, at most."""

MOST, LEAST = 12_000, 100
"""Characters of one body that are shown, where there is room and where there is none."""

HEAD = 12
"""Causes of one urgency that are shown before the rest is folded."""

ALIKE = 12
"""Rules that a finding names as others like it; more are counted."""

SECTIONS = ("failed", "inconsistent", "warning", "error", "waived", "info", "blocked", "not_offered", "passed")
"""Verdicts in the order of the list of rules: what there is to read comes first."""


def _number(value: object, form: str = ",") -> str:
    return format(value, form) if isinstance(value, int | float) and not isinstance(value, bool) else "not known"


def _plain(rule: object) -> bool:
    """Whether an id is one of ours and not what a stranger has written."""
    return re.fullmatch(r"[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60}){1,9}", str(rule)) is not None


def _anchor(rule: str, number: int) -> str:
    """Id of a rule's entry: the rule's own, so that pages can link to it, unless a stranger has written it."""
    return rule if _plain(rule) else f"rule-{number}"


def _request(request: object, key: str, most: int) -> dict[str, Any]:
    seen = mapping(request)
    kind = seen.get("content_type", "application/json")
    return {
        "what": f"{visible(seen.get('method'))} {visible(seen.get('path'))}",
        "content_type": "no Content-Type" if kind is None else kind,
        "body": block(pretty(str(seen.get("body") or "")), most, key),
    }


def _as_shown(text: str, most: int) -> bool:
    """Whether the page shows the whole text as it is: only then it is for copying into a shell."""
    return len(text) <= most and not UNSEEN.search(text)


def _finding(line: Line, most: int) -> dict[str, Any]:
    """A finding as the template shows it."""
    finding, key = mapping(line["finding"]), str(line["property"])
    response, status = mapping(finding.get("response")), finding.get("status")
    try:
        phrase = HTTPStatus(status).phrase if isinstance(status, int) else ""
    except ValueError:
        phrase = ""
    curl, count = str(finding.get("curl") or ""), re.fullmatch(r"(\d+)/(\d+)", str(finding.get("confirmed")))
    request, steps = finding.get("request"), sequence(finding.get("steps"))
    return {
        "symptom": visible(finding.get("symptom")).replace("_", " "),
        "why": finding.get("why"),
        "requests": [_request(step, key, most) for step in steps or [request]],
        "again": steps.index(request) + 1 if request in steps else 0,
        "status": f"{status} {phrase}".strip() if isinstance(status, int) else "no answer",
        "trouble": finding.get("trouble"),
        "content_type": response.get("content_type"),
        "body": block(pretty(str(response.get("body") or "")), most),
        "curl": block(curl, 3 * most),
        "copied": curl and _as_shown(curl, 3 * most),
        "replay": f"chatproof replay run.jsonl {shlex.quote(str(line['rule']))}" if _plain(line["rule"]) else "",
        "confirmed": f"{count[1]} of {count[2]} times" if count else "",
        "sightings": finding.get("sightings"),
        "others": [block(str(other), min(most, 400)) for other in sequence(finding.get("others"))[:20]],
        "waiver": mapping(finding.get("waiver")),
    }


def _alike(findings: list[Line]) -> tuple[list[Cause], dict[str, tuple[Line, ...]]]:
    """Causes of findings; and by rule the findings that share its cause with it."""
    known = [line for line in findings if mapping(line["finding"]).get("symptom") in tuple(URGENCY)]
    told = [line for line in known if isinstance(line["finding"].get("status"), int | None)]
    found = causes([{**line, "finding": {"why": "", "status": None, **line["finding"]}} for line in told])
    same = {str(line["rule"]): cause.lines for cause in found for line in cause.lines if len(cause.lines) > 1}
    return found, same


def _others(findings: Sequence[Line], same: dict[str, tuple[Line, ...]]) -> dict[str, list[Line]]:
    """Others like a finding, by rule: those of its cause, else those of its property with its symptom."""
    places: dict[tuple[str, str], list[Line]] = {}
    for line in findings:
        places.setdefault(_place(line), []).append(line)
    return {
        str(line["rule"]): [
            other for other in same.get(str(line["rule"]), places[_place(line)]) if other["rule"] != line["rule"]
        ]
        for line in findings
    }


def _place(line: Line) -> tuple[str, str]:
    return str(line["property"]), str(mapping(line["finding"]).get("symptom"))


def command_of(header: Line) -> str:
    """The command that repeats a run: the header's own, else one made from its settings."""
    if isinstance(header.get("command"), str) and header["command"]:
        return header["command"]
    settings = mapping(header.get("settings"))
    words = ["pytest", "--endpoint", header["endpoint"], "--model", header["model"], "--vintage", header["vintage"]]
    words += ["--hypothesis-seed", header["seed"]]
    for option, value in (
        ("--conformance-profile", header.get("profile")),
        ("--depth", settings.get("depth")),
        ("--max-examples", settings.get("examples")),
        ("--in-flight", settings.get("in_flight")),
    ):
        words += [option, value] if value not in (None, "") else []
    words += [f"--{name}" for name in ("strict", "safe") if settings.get(name) is True]
    return " ".join(shlex.quote(str(word)) for word in words)


@lru_cache
def _environment(short: int) -> Environment:
    def finish(value: object) -> object:
        """Whatever a template writes has been made visible, also where it forgets to ask."""
        return value if isinstance(value, Markup | int | float | Undefined) else visible(value, short)

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=finish,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, dotted=dotted)  # pyright: ignore[reportUnknownMemberType]  jinja2 leaves it open
    return environment


_TEXTS = ("chapter", "property", "title", "strength", "source", "observed", "note", "blocked_by", "rule")


def _whole(line: Line) -> Line:
    """A result line with the members that older records lack, and text where text belongs."""
    texts = {name: str(value) if (value := line.get(name)) is not None else "" for name in _TEXTS}
    return {"finding": None, "requests": None, "judged": 0, **line, **texts}


def _page(run: Run, most: int) -> str:
    lines = [_whole(line) for line in run.results]
    anchors = {line["rule"]: _anchor(line["rule"], number) for number, line in enumerate(lines)}
    findings = [line for line in lines if mapping(line["finding"])]
    red, same = _alike([line for line in findings if verdict_of(line) in BROKEN])
    softer, like = _alike([line for line in findings if verdict_of(line) == "warning"])
    urgencies = {word: [cause for cause in red if cause.urgency == word] for word in dict.fromkeys(URGENCY.values())}
    urgencies["warnings, none of them red"] = softer
    footer, command = run.footer or {}, command_of(run.header)
    (style, style_hash), (script, script_hash) = hashed("report.css"), hashed("report.js")
    by_verdict = {name: [line for line in lines if verdict_of(line) == name] for name in SECTIONS}

    def finding_of(line: Line) -> dict[str, Any] | None:
        return _finding(line, most) if mapping(line["finding"]) else None

    verdict = run.verdict if run.verdict in ("conformant", "non-conformant") else "incomplete"
    return _environment(min(most, SHORT)).get_template("report.html").render(
        run=run,
        header=run.header,
        settings=mapping(run.header.get("settings")),
        versions=mapping(run.header.get("versions")),
        capabilities=[visible(word) for word in mapping(run.header.get("capabilities")).values()],
        digest=str(mapping(run.header.get("claims")).get("sha256", ""))[:12],
        waiver_remarks=[str(remark) for remark in sequence(footer.get("waiver_remarks"))],
        vendor=[mapping(line) for line in run.vendor],
        footer=footer,
        verdict=verdict,
        command=block(command, 4 * SHORT),
        command_copied=_as_shown(command, 4 * SHORT),
        waivers=[mapping(waiver) for waiver in sequence(run.header.get("waivers"))],
        total=len(lines),
        red=len([line for line in lines if verdict_of(line) in BROKEN]),
        by_verdict=by_verdict,
        chapters=list(dict.fromkeys(str(line["chapter"]) for line in lines)),
        strengths=list(dict.fromkeys(str(line["strength"]) for line in lines)),
        urgencies={word: found for word, found in urgencies.items() if found},
        head=HEAD,
        grid=rows_of(lines),
        beyond=BEYOND,
        kinds=KINDS,
        verdicts=VERDICTS,
        traffic=of_traffic(footer),
        anchors=anchors,
        others=_others(findings, same | like),
        alike=ALIKE,
        kind_of=kind_of,
        finding_of=finding_of,
        style=style,
        script=script,
        style_hash=style_hash,
        script_hash=script_hash,
    )  # fmt: skip


def render(run: Run) -> str:
    """The page of a run, below ``CAP`` bytes: long bodies are cut, and say so."""
    most, page = MOST, _page(run, MOST)
    while (size := len(page.encode())) >= CAP and most > LEAST:
        most = max(LEAST, most * CAP // size * 4 // 5)
        page = _page(run, most)
    return page


def write(run: Run, folder: Path) -> Path:
    """Write the page as ``report.html`` into ``folder``, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / NAME
    place.write_text(render(run), encoding="utf-8", newline="\n")
    return place
