"""A run as SARIF 2.1.0 (``report.sarif``), for code scanning and other viewers of findings.

A finding about a server has no line of source; a fixed placeholder stands for the place, since uploads without one are
refused. Findings are told apart by their rule and symptom, which do not change between runs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import certificate
from .markdown import clean, prose
from .reading import Line, Run, mapping

NAME = "report.sarif"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
PLACE = "conformance/endpoint"
"""Stands for the server where a path of the repository is wanted."""

_LEVEL = {"must": "error", "should": "warning", "may": "note"}
_REPORTED = ("failed", "inconsistent", "warning", "waived")


def render(run: Run) -> dict[str, Any]:
    """The run as a SARIF log of one run, JSON values."""
    header = run.header
    places = {line["rule"]: place for place, line in enumerate(run.results)}
    driver = {
        "name": "chatproof",
        "version": _words(header.get("suite")) or "unknown",
        "rules": [_rule(line) for line in run.results],
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "automationDetails": {"id": _category(header)},
                "invocations": [_invocation(run)],
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(line, places[line["rule"]], header)
                    for line in run.results
                    if line["verdict"] in _REPORTED and "finding" in line
                ],
                "properties": {
                    "verdict": certificate.verdict(run),
                    "endpoint": _words(header["endpoint"]),
                    "model": _words(header["model"]),
                    "vintage": _words(header["vintage"]),
                    "counts": dict(run.counts),
                },
            }
        ],
    }


def write(run: Run, folder: Path) -> Path:
    """Write ``report.sarif`` into a folder; returns its path."""
    path = folder / NAME
    path.write_text(json.dumps(render(run), indent=1) + "\n", encoding="ascii")
    return path


def _words(value: object, most: int = 1000) -> str:
    """A value as plain text of a SARIF message, in which ``[words](place)`` would be a link."""
    return clean(value, most).replace("](", "] (")


def _category(header: Line) -> str:
    """What GitHub keeps apart: all before the last slash is the same for runs about one model, profile and vintage."""
    parts = [header["vintage"], header.get("profile") or "auto", header["model"], header.get("started") or "run"]
    return "/".join(["chatproof", *(re.sub(r"[^A-Za-z0-9._:+-]+", "-", str(part))[:80] for part in parts)])


def _rule(line: Line) -> dict[str, Any]:
    title, source = f"The server {_words(line['title'])}", _words(line.get("source"))
    chapter, strength = _words(line["chapter"]), _words(line["strength"])
    return {
        "id": _words(line["rule"]),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}. Source: {source}"},
        "help": {
            "text": f"{title}. Source: {source}. Ask again: pytest --endpoint URL -k {_words(line['rule'])}",
            "markdown": f"{prose(title)}.\n\nSource: {prose(source)}\n\n"
            f"Ask again: pytest &#45;&#45;endpoint URL &#45;k {prose(line['rule'])}",
        },
        "defaultConfiguration": {"level": _LEVEL.get(line["strength"], "note")},
        "properties": {
            "strength": strength,
            "chapter": chapter,
            "property": _words(line["property"]),
            "tags": [tag for tag in dict.fromkeys(["chatproof", chapter, strength]) if tag],
        },
    }


def _result(line: Line, place: int, header: Line) -> dict[str, Any]:
    finding = line["finding"]
    symptom = _words(finding["symptom"])
    mark = hashlib.sha256(f"{line['rule']}\n{symptom}".encode("utf-8", "replace")).hexdigest()
    level = "warning" if line["verdict"] == "warning" else "error"
    if line["verdict"] == "waived":
        level = _LEVEL.get(line["strength"], "note")
    return {
        "ruleId": _words(line["rule"]),
        "ruleIndex": place,
        "kind": "fail",
        "level": level,
        "message": {
            "text": f"{_words(line['rule'])}: {symptom}: {_words(finding['why'])} "
            f"(expected: the server {_words(line['title'])}; seen {_words(finding.get('confirmed'))} times)"
        },
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": PLACE}, "region": {"startLine": 1}}},
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{mark[:16]}:1", "ruleAndSymptom/v1": mark},
        "suppressions": [_suppression(finding.get("waiver"))] if line["verdict"] == "waived" else [],
        **_exchange(finding, header),
        "properties": {"symptom": symptom, "verdict": line["verdict"], "curl": _block(finding.get("curl"))},
    }


def _suppression(waiver: object) -> dict[str, Any]:
    said = mapping(waiver)
    found: dict[str, Any] = {"kind": "external", "status": "accepted"}
    if said.get("reason"):
        found["justification"] = _words(said["reason"])
    return {**found, "properties": {name: _words(said.get(name)) for name in ("owner", "expires")}}


def _exchange(finding: Mapping[str, Any], header: Line) -> dict[str, Any]:
    """The request and what came of it, in SARIF's own words for them."""
    request, response = (mapping(finding.get(name)) for name in ("request", "response"))
    answer: dict[str, Any] = {"noResponseReceived": True}
    if isinstance(finding.get("status"), int):
        answer = {"statusCode": finding["status"], "body": {"text": _block(response.get("body"))}}
    return {
        "webRequest": {
            "method": _words(request.get("method")),
            "target": _words(header["endpoint"]) + _words(request.get("path")),
            "body": {"text": _block(request.get("body"))},
        },
        "webResponse": answer,
    }


def _block(value: object) -> str:
    """Text as it is, but for what is no character (half of a surrogate pair), which other readers of JSON refuse."""
    return str(value or "").encode("utf-8", "replace").decode()


def _invocation(run: Run) -> dict[str, Any]:
    remarks = certificate.remarks(run)
    notes = [*remarks, *dict.fromkeys(_words(line.get("note")) for line in run.results if line["verdict"] == "error")]
    found: dict[str, Any] = {
        "executionSuccessful": not remarks and not run.counts.get("error"),
        "toolExecutionNotifications": [{"level": "error", "message": {"text": _words(note)}} for note in notes[:20]],
    }
    times = {"startTimeUtc": run.header.get("started"), "endTimeUtc": (run.footer or {}).get("finished")}
    found.update({name: time.replace("+00:00", "Z") for name, time in times.items() if isinstance(time, str)})
    if run.header.get("command"):
        found["commandLine"] = _words(run.header["command"], 4000)
    return found
