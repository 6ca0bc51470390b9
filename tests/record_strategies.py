"""Strategies for run records: lines that the published schema takes, whole records, and what a server might say.

No half of a surrogate pair is drawn: the validator of the schema cannot take one. Tests that want it add it.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Line = dict[str, Any]

VERDICTS = ("passed", "failed", "warning", "info", "inconsistent", "not_offered", "blocked", "waived", "error")
WITH_FINDING = ("failed", "warning", "inconsistent", "waived")
SYMPTOMS = (
    "refused_valid",
    "accepted_invalid",
    "crashed",
    "killed_server",
    "disconnected",
    "hung",
    "wrong_status",
    "malformed",
    "wrong_content",
)
HOSTILE = (
    "</details>",
    "</summary><script>alert(1)</script>",
    "| a | b |",
    "\\|",
    "`",
    "```\n# out\n",
    "~~~~",
    "\n\n## head\n",
    "[x](http://example.test)",
    "![x](//example.test/i.png)",
    "https://example.test",
    "www.example.test",
    "@everyone",
    "a@example.test",
    "#1",
    "<!--",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "$x$",
    "**b** _i_ ~~s~~",
    "\x1b[2J",
    "\u202e",
    "\u2066",
    "\u2028",
    "\x00",
    '"><b>',
    "::set-output name=a::b",
)
"""Pieces that would mean something to a renderer, a terminal or a reader of lines."""


@cache  # a strategy is checked when it is first drawn from: one of each is enough
def words(most: int = 4) -> st.SearchStrategy[str]:
    """Text of pieces, hostile ones and any others, at least one character. Shrinks towards ``0``."""
    piece = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=8))
    return st.lists(piece, min_size=1, max_size=most).map("".join)


@cache
def times() -> st.SearchStrategy[str]:
    """UTC times to the second. Shrinks towards the year 2000."""
    return st.datetimes().map(lambda time: f"{time.replace(year=2000 + time.year % 100):%Y-%m-%dT%H:%M:%S}+00:00")


@cache
def counts() -> st.SearchStrategy[int]:
    """Numbers of requests and the like. Shrinks towards 0."""
    return st.integers(0, 10_000)


@cache
def seconds() -> st.SearchStrategy[float]:
    """Durations. Shrinks towards 0."""
    return st.floats(0, 1e6)


@cache
def rule_ids() -> st.SearchStrategy[str]:
    """Dotted ids, gates among them. Shrinks towards ``a.a``."""
    part = st.text("abcxyz019_", min_size=1, max_size=6)
    return st.one_of(
        st.lists(part, min_size=2, max_size=4).map(".".join),
        part.map("gate.{}".format),
        st.sampled_from(["n.type.refuses", "stop.null.accepts", "top_p.max.refuses"]),
    )


@cache
def capabilities() -> st.SearchStrategy[str]:
    """What a gate finds."""
    return st.sampled_from(["offered", "refused", "ignored", "broken", "unclaimed"])


@cache
def waivers() -> st.SearchStrategy[Line]:
    """A known failure with its reason, owner and end. Shrinks towards short words."""
    return st.fixed_dictionaries(
        {
            "rule": rule_ids(),
            "symptom": st.sampled_from(SYMPTOMS),
            "reason": words(),
            "owner": words(1),
            "expires": st.dates().map(str),
        }
    )


@cache
def headers() -> st.SearchStrategy[Line]:
    """Header lines, with and without the optional members. Shrinks towards the shortest."""
    seed = st.integers(-(2**63), 2**63)
    return st.fixed_dictionaries(
        {
            "kind": st.just("header"),
            "format": st.just("chatproof.run/1"),
            "suite": words(1),
            "catalogue": st.text("0123456789abcdef", min_size=12, max_size=12),
            "vintage": st.sampled_from(["2024-11", "2026-08"]),
            "endpoint": st.sampled_from(["http://127.0.0.1:1/v1", "https://a.test/x|y/`z`/v1"]),
            "model": words(),
            "profile": words(1),
            "capabilities": st.dictionaries(words(1), capabilities(), max_size=3),
            "seed": seed,
            "settings": st.fixed_dictionaries(
                {
                    "vintage": st.just("2024-11"),
                    "depth": st.sampled_from(["smoke", "default", "nightly", "certify"]),
                    "examples": st.none() | counts(),
                    "seed": seed,
                    "strict": st.booleans(),
                    "safe": st.booleans(),
                    "in_flight": st.integers(1, 64),
                }
            ),
            "versions": st.fixed_dictionaries({name: words(1) for name in ("chatproof", "hypothesis", "python")}),
            "started": times(),
        },
        optional={"command": words(), "waivers": st.lists(waivers(), max_size=2)},
    )


@cache
def findings() -> st.SearchStrategy[Line]:
    """Findings with an answer or with the trouble that kept it away. Shrinks towards a short one."""
    request = st.fixed_dictionaries(
        {"method": st.just("POST"), "path": words(1).map("/{}".format), "body": words()},
        optional={"content_type": st.none() | words(1)},
    )
    response = st.fixed_dictionaries({"content_type": st.none() | words(1), "body": words()})
    outcome = st.one_of(st.tuples(st.integers(100, 599), st.none(), response), st.tuples(st.none(), words(), st.none()))
    base = st.fixed_dictionaries(
        {
            "symptom": st.sampled_from(SYMPTOMS),
            "why": words(),
            "request": request,
            "curl": words().map(lambda text: f"curl -d '{text}' http://127.0.0.1:1/v1"),
            "confirmed": st.tuples(counts(), counts()).map(lambda pair: f"{pair[0]}/{pair[1]}"),
            "sightings": counts(),
            "others": st.lists(words(), max_size=2),
        },
        optional={"steps": st.lists(request, max_size=2)},
    )
    return st.tuples(base, outcome).map(
        lambda both: {**both[0], "status": both[1][0], "trouble": both[1][1], "response": both[1][2]}
    )


@st.composite
def results(draw: st.DrawFn, rule: str | None = None, verdict: str | None = None) -> Line:
    """Result lines of any verdict, with a finding where the schema demands one. Shrinks towards a pass."""
    name = rule or draw(rule_ids())
    found = verdict or draw(st.sampled_from(VERDICTS))
    line: Line = {
        "kind": "result",
        "rule": name,
        "chapter": draw(words(1)),
        "property": draw(st.sampled_from(["", "n", "tools"])),
        "title": draw(words()),
        "strength": "should" if found == "warning" else draw(st.sampled_from(["must", "should", "may"])),
        "source": draw(words()),
        "verdict": found,
        "observed": draw(words()) if found == "info" else "",
        "blocked_by": draw(rule_ids()) if found == "blocked" else "",
        "note": draw(words()) if found in ("not_offered", "error") else "",
        "requests": draw(counts()),
        "judged": draw(counts()),
        "seconds": draw(seconds()),
    }
    if name.startswith("gate."):
        line["capability"] = draw(st.none() | capabilities())
    if found in WITH_FINDING:
        line["finding"] = draw(findings())
        if found == "waived" and draw(st.booleans()):
            line["finding"]["waiver"] = draw(waivers())
    return line


@st.composite
def footers(draw: st.DrawFn, lines: list[Line]) -> Line:
    """The footer that belongs to result lines. Shrinks towards zeros."""
    counted = Counter(line["verdict"] for line in lines)
    verdict = "conformant"
    if counted["failed"] or counted["inconsistent"]:
        verdict = "non-conformant"
    elif counted["error"]:
        verdict = "incomplete"
    return {
        "kind": "footer",
        "requests": draw(counts()),
        "tokens": draw(st.none() | counts()),
        "seconds": draw(seconds()),
        "counts": {name: counted[name] for name in VERDICTS if name in counted},
        "verdict": verdict,
        "finished": draw(times()),
    }


@st.composite
def records(draw: st.DrawFn, most: int = 4) -> list[Line]:
    """Whole records: a header, a result each for some rules, the footer that counts them. Shrinks towards no result."""
    rules = draw(st.lists(rule_ids(), max_size=most, unique=True))
    lines = [draw(results(rule=rule)) for rule in rules]
    return [draw(headers()), *lines, draw(footers(lines))]


def as_text(lines: list[Line]) -> str:
    """Lines as the writer puts them down."""
    return "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines)


def put(folder: Path, lines: list[Line]) -> Path:
    """A record in a folder; returns its path."""
    path = folder / "run.jsonl"
    path.write_bytes(as_text(lines).encode())
    return path


def header(**changed: object) -> Line:
    """A plain header for tests that want one known record."""
    settings = {"vintage": "2024-11", "depth": "default", "examples": None, "seed": 0, "strict": False, "safe": False}
    return {
        "kind": "header",
        "format": "chatproof.run/1",
        "suite": "0.1.0",
        "catalogue": "0123456789ab",
        "vintage": "2024-11",
        "endpoint": "http://127.0.0.1:1/v1",
        "model": "m",
        "profile": "auto",
        "capabilities": {"n": "offered"},
        "seed": 0,
        "settings": {**settings, "in_flight": 16},
        "versions": {"chatproof": "0.1.0", "hypothesis": "6", "python": "3.11"},
        "started": "2026-01-01T00:00:00+00:00",
        **changed,
    }


def result(rule: str, verdict: str = "passed", **changed: object) -> Line:
    """A plain result line; ``symptom`` and the like go into its finding."""
    finding: Line = {
        "symptom": "accepted_invalid",
        "why": f"{rule} does not hold",
        "request": {"method": "POST", "path": "/chat/completions", "body": "{}"},
        "status": 200,
        "trouble": None,
        "response": {"content_type": "application/json", "body": "{}"},
        "curl": "curl -sS http://127.0.0.1:1/v1/chat/completions",
        "confirmed": "2/2",
        "sightings": 1,
        "others": [],
    }
    line: Line = {
        "kind": "result",
        "rule": rule,
        "chapter": rule.partition(".")[0],
        "property": "n",
        "title": "refuses nonsense",
        "strength": "should" if verdict == "warning" else "must",
        "source": "a document (documented)",
        "verdict": verdict,
        "observed": "",
        "blocked_by": "gate.n" if verdict == "blocked" else "",
        "note": "said no" if verdict in ("error", "not_offered") else "",
        "requests": 3,
        "judged": 0,
        "seconds": 0.5,
    }
    if verdict in WITH_FINDING:
        line["finding"] = {**finding, **{name: value for name, value in changed.items() if name not in line}}
    return {**line, **{name: value for name, value in changed.items() if name in line}}


def record(*lines: Line, **changed: object) -> list[Line]:
    """A plain whole record of result lines; ``changed`` goes into the header."""
    counted = Counter(line["verdict"] for line in lines)
    red = counted["failed"] + counted["inconsistent"]
    verdict = "non-conformant" if red else "incomplete" if counted["error"] else "conformant"
    footer = {
        "kind": "footer",
        "requests": 9,
        "tokens": None,
        "seconds": 1.5,
        "counts": dict(counted),
        "verdict": verdict,
        "finished": "2026-01-01T00:00:02+00:00",
    }
    return [header(**changed), *lines, footer]
