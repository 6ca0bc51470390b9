"""The rule reference: what every rule asks, how strongly, why, from when on and with which requests; made, not kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..reports.markdown import code, prose
from .catalogue import Catalogue
from .exchange import Request, as_request
from .model import AnswerRule, Gate, Relation, RequestRule, Rule, Strength
from .outgoing import prepare
from .target import Target
from .vintages import VINTAGES

TARGET = Target("http://127.0.0.1:8000/v1", model="MODEL", fields={"max_tokens": 16})
"""Stands for the server in the requests that are shown."""

MOST_PINS = 3
"""Requests of one rule that the page shows; JSON holds all."""
LONGEST = 240
"""Characters of a request that the page shows, and of one in JSON many more."""

_KINDS: dict[type[Any], tuple[str, str]] = {
    Gate: ("looks at a feature", "whether the feature is offered, by its effect; rules that need it wait for it"),
    RequestRule: ("request", "whether a request is taken or refused"),
    AnswerRule: ("answer", "every answer of the run that it is about"),
    Relation: ("comparison", "several requests, compared"),
}
_STRENGTHS = {
    Strength.MUST: "documented: a violation fails the run",
    Strength.SHOULD: "observed on the original service: a violation is a warning (`--strict` fails it)",
    Strength.MAY: "contested: which way the server goes is told; only a crash, a drop or a hang fails",
}


def kind(rule: Rule) -> str:
    """What a rule is judged on, in a word or three."""
    return next(words for of, (words, _) in _KINDS.items() if isinstance(rule, of))


def vintages(rule: Rule) -> list[str]:
    """The versions of the specification in which a rule holds."""
    ends = VINTAGES.index(rule.until) + 1 if rule.until in VINTAGES else None
    return list(VINTAGES[VINTAGES.index(rule.since) : ends]) if rule.since in VINTAGES else []


def pins(rule: Rule) -> list[Request]:
    """The fixed requests of a rule as they are sent; a gate's are a plain use and nonsense in its place."""
    bodies = [rule.probe, rule.nonsense] if isinstance(rule, Gate) else list(rule.pins)
    return [prepare(as_request(body), TARGET) for body in bodies if body is not None]


def drawn(rule: Rule) -> bool:
    """Whether Hypothesis draws further bodies."""
    return getattr(rule, "examples", None) is not None


def row(rule: Rule) -> dict[str, Any]:
    """A rule as JSON values; ``requests`` are the bodies of its pins, cut after 2000 characters."""
    sent = pins(rule)
    return {
        "rule": rule.id,
        "kind": kind(rule),
        "chapter": rule.chapter,
        "property": rule.property,
        "strength": rule.strength.value,
        "title": rule.title,
        "source": str(rule.source),
        "vintages": vintages(rule),
        "needs": list(rule.needs),
        "pins": len(sent),
        "drawn": drawn(rule),
        "risky": getattr(rule, "risky", False),
        "requests": [request.content[:2000].decode("utf-8", "replace") for request in sent],
    }


def to_json(rules: Iterable[Rule]) -> str:
    """All of it, for programs."""
    return json.dumps([row(rule) for rule in rules], indent=1) + "\n"


def to_markdown(catalogue: Catalogue, rules: Iterable[Rule]) -> str:
    """A page: a section a chapter, an entry a rule."""
    chosen = list(rules)
    strengths = {strength: sum(rule.strength is strength for rule in chosen) for strength in Strength}
    rows = [
        "# Rules",
        "",
        f"{len(chosen)} rules of vintage {catalogue.vintage}, catalogue `{catalogue.hash}`."
        " Made by `chatproof rules --format md`.",
        "",
        "| strength | rules | meaning |",
        "| --- | ---: | --- |",
        *(f"| {strength.value} | {count} | {_STRENGTHS[strength]} |" for strength, count in strengths.items()),
        "",
        "| judged on | rules | |",
        "| --- | ---: | --- |",
    ]
    for of, (words, meaning) in _KINDS.items():
        rows.append(f"| {words} | {sum(isinstance(rule, of) for rule in chosen)} | {meaning} |")
    chapters = list(dict.fromkeys(rule.chapter for rule in chosen))
    rows += ["", *(f"- [{name}](#{name}): {sum(rule.chapter == name for rule in chosen)}" for name in chapters)]
    for name in chapters:
        rows += ["", f"## {name}"]
        for rule in chosen:
            if rule.chapter == name:
                rows += _entry(rule)
    return "\n".join(rows) + "\n"


def _entry(rule: Rule) -> list[str]:
    facts = [f"**{rule.strength.value}**", prose(rule.source), f"vintages {', '.join(vintages(rule))}", kind(rule)]
    if rule.property:
        facts.append(f"property {code(rule.property)}")
    if rule.needs:
        facts.append(f"needs {', '.join(code(name) for name in rule.needs)}")
    if getattr(rule, "risky", False):
        facts.append("has killed engines: left out by `--safe`")
    sent = pins(rule)
    said = f"{len(sent)} fixed {'request' if len(sent) == 1 else 'requests'}" if sent else "no fixed request"
    facts.append(said + (" and drawn ones" if drawn(rule) else ""))
    rows = ["", f"### {code(rule.id)}", "", f"The server {prose(rule.title)}.", "", f"{' · '.join(facts)}", ""]
    for request in sent[:MOST_PINS]:
        place = (
            ""
            if (request.method, request.path) == ("POST", "/chat/completions")
            else f"{request.method} {request.path} "
        )
        rows.append(f"- {code(place + request.content[: 2 * LONGEST].decode('utf-8', 'replace'), LONGEST)}")
    return rows + ([f"- … and {len(sent) - MOST_PINS} more"] if len(sent) > MOST_PINS else [])
