"""The run record: how verdicts become lines of ``run.jsonl`` (format chatproof.run/1), and how a finding reads as text.

A line is a plain dict that JSON can hold; reports know nothing else of a run.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..strategies.json_values import is_object
from .exchange import Answer, Exchange, Request
from .model import Gate, Rule
from .results import Finding, Result, Verdict
from .sse import NOT_JSON, read_json

FORMAT = "chatproof.run/1"
BODY_CUT = 4000
"""Characters kept of a body in the record."""

LARGEST = 64 * 2**20
"""Bytes of a packed request; a record may come from anywhere."""

CONFORMANT, NON_CONFORMANT, INCOMPLETE = "conformant", "non-conformant", "incomplete"
"""Verdicts of a whole run. A finding outweighs what was not asked."""

RED = (Verdict.FAILED, Verdict.INCONSISTENT)


def now() -> str:
    """UTC time in ISO form, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def cut(content: bytes | str, most: int = BODY_CUT) -> str:
    """Text of at most ``most`` characters, with a note of how much is missing."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    return text if len(text) <= most else f"{text[:most]}… [{len(text) - most} more characters]"


def request_line(request: Request) -> dict[str, Any]:
    """What a record keeps of a request: enough to send it again, byte for byte."""
    line: dict[str, Any] = {"method": request.method, "path": request.path, "body": cut(request.content, 20_000)}
    if request.content_type != "application/json":
        line["content_type"] = request.content_type
    if request.headers:
        line["headers"] = [list(pair) for pair in request.headers]
    if request.auth is not True:
        line["auth"] = request.auth
    if request.chunked:
        line["chunked"] = True
    if line["body"].encode("utf-8", "replace") != request.content:
        line["packed"] = base64.b64encode(zlib.compress(request.content, 9)).decode()
    return line


def recorded_request(line: Mapping[str, Any], old_model: str, model: str) -> Request:
    """The request of a finding, exact; another model's name takes the place of the recorded one."""
    packed = line.get("packed")
    raw = zlib.decompressobj().decompress(base64.b64decode(packed), LARGEST) if packed else line["body"].encode()
    body = read_json(raw)
    if is_object(body) and body.get("model") == old_model and model != old_model:
        body["model"] = model
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return Request(
        body=None if body is NOT_JSON else body,
        raw=raw,
        method=line["method"],
        path=line["path"],
        content_type=line.get("content_type", "application/json"),
        headers=tuple((name, value) for name, value in line.get("headers", ())),
        auth=line.get("auth", True),
        chunked=line.get("chunked") is True,
    )


def _response(answer: Answer) -> dict[str, Any]:
    return {"content_type": answer.header("content-type"), "body": cut(answer.content)}


def _finding(finding: Finding) -> dict[str, Any]:
    exchange: Exchange = finding.exchange
    return {
        "symptom": finding.symptom.value,
        "why": finding.why,
        "request": request_line(finding.request),
        "status": exchange.status,
        "trouble": exchange.trouble.text if exchange.trouble else None,
        "response": _response(exchange.answer) if exchange.answer else None,
        "curl": finding.curl,
        "confirmed": finding.confirmed,
        "sightings": finding.sightings,
        "others": list(finding.others),
    } | ({"steps": [request_line(step) for step in finding.steps]} if finding.steps else {})


def result_line(rule: Rule, result: Result) -> dict[str, Any]:
    """The ``result`` line of one rule."""
    line: dict[str, Any] = {
        "kind": "result",
        "rule": rule.id,
        "chapter": rule.chapter,
        "property": rule.property,
        "title": rule.title,
        "strength": rule.strength.value,
        "source": str(rule.source),
        "verdict": result.verdict.value,
        "observed": result.observed,
        "blocked_by": result.blocked_by,
        "note": result.note,
        "requests": result.requests,
        "judged": result.judged,
        "judged_traffic": result.judged_traffic,
        "seconds": round(result.seconds, 4),
    }
    if result.tally:
        line["tally"] = dict(result.tally)
    if isinstance(rule, Gate):
        line["capability"] = result.capability.value if result.capability else None
    if result.finding:
        line["finding"] = _finding(result.finding)
    return line


def verdict_of_run(counts: Mapping[str, int]) -> str:
    """``conformant``, ``non-conformant`` or ``incomplete``, from the number of rules by verdict."""
    if any(counts.get(verdict.value) for verdict in RED):
        return NON_CONFORMANT
    return INCOMPLETE if counts.get(Verdict.ERROR.value) else CONFORMANT


def failure_text(line: Mapping[str, Any]) -> str:
    """A finding in about 25 lines at most: what the rule says, what was sent, what came back, how to repeat it."""
    finding = line["finding"]
    response: dict[str, Any] = finding.get("response") or {}
    came = finding["trouble"] if finding["status"] is None else finding["status"]
    rows = [
        f"{line['rule']}: {finding['symptom']}: {finding['why']}",
        f"  rule      the server {line['title']}  [{line['strength']}]",
        f"  source    {line['source']}",
        f"  seen      {finding['confirmed'].replace('/', ' of ')} times, the server was well after it",
        f"  sent      {cut(finding['request']['body'], 600)}",
        f"  got       {came} {cut(response.get('body') or '', 600)}".rstrip(),
    ]
    if finding["others"]:
        rows.append(f"  also      {cut(finding['others'][0], 200)}" + (" …" if len(finding["others"]) > 1 else ""))
    rows.append(f"  again     {cut(finding['curl'], 2000)}")
    return "\n".join(printable(row) for row in rows)


def printable(text: str) -> str:
    """Text without control and direction characters: what a server says never steers a terminal."""
    return "".join(char if char.isprintable() else "\\n" if char == "\n" else "�" for char in text)
