"""Waivers: known failures with a reason, an owner and an end, read from a TOML file that a person has reviewed.

A waiver speaks of a rule (or of several by a pattern with ``*``) and of how it fails. It takes the red off a finding
and nothing else: the rule still runs, and what the file says too much is told in remarks.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from .model import Strength, Symptom
from .record import cut, printable
from .results import Verdict
from .vintages import VINTAGES

Line = Mapping[str, Any]

ANY = "*"
MOST = 5
"""Rules that one remark names before it counts the rest."""

WAIVABLE = (Verdict.FAILED.value, Verdict.INCONSISTENT.value, Verdict.WARNING.value)
"""Verdicts that a waiver turns into ``waived``."""

_ASKED = (*WAIVABLE, Verdict.WAIVED.value, Verdict.PASSED.value, Verdict.INFO.value)


class WaiverError(ValueError):
    """The file is no file of waivers; the message is one line that names file, entry, the thing and the mend."""


@dataclass(frozen=True)
class Waiver:
    """One entry. ``rule``, ``model`` and ``vintage`` are patterns; ``expires`` is the last day on which it holds."""

    entry: int
    rule: str
    reason: str
    owner: str
    expires: date
    symptom: str = ""
    pattern: str = ""
    model: str = ANY
    vintage: str = ANY
    of: str = ""
    """Where it stands, if not in the file of ``--waivers``: "profile NAME"."""

    def covers(self, rule_id: str) -> bool:
        """Whether it speaks of that rule."""
        return _matches(self.rule, rule_id)

    def speaks_of(self, model: str, vintage: str) -> bool:
        """Whether it is meant for runs against that model and vintage."""
        return _matches(self.model, model) and _matches(self.vintage, vintage)

    def fits(self, line: Line) -> bool:
        """Whether it speaks of the rule of a result line and of the way in which it failed."""
        finding = line.get("finding")
        return (
            isinstance(finding, dict)
            and self.covers(line["rule"])
            and self.symptom in ("", finding["symptom"])
            and (not self.pattern or re.search(self.pattern, finding["why"]) is not None)
        )

    @property
    def name(self) -> str:
        """How remarks call it."""
        where = f" of {self.of}" if self.of else ""
        return f"waiver {self.entry}{where} ({self.rule})"

    @property
    def says(self) -> str:
        """The failure that it speaks of, in words."""
        return " and ".join(filter(None, (self.symptom, self.pattern and f"a finding like {self.pattern!r}")))

    def told(self) -> dict[str, Any]:
        """What a finding that it covers says of it. JSON-safe; ``symptom`` is None where only ``pattern`` is given."""
        how = {"symptom": self.symptom or None} | ({"pattern": self.pattern} if self.pattern else {})
        return {
            "rule": self.rule,
            **how,
            "reason": self.reason,
            "owner": self.owner,
            "expires": self.expires.isoformat(),
        }

    def row(self) -> dict[str, Any]:
        """All of it, JSON-safe: what ``told`` says, and the ``when`` that is given."""
        when = {name: value for name, value in (("model", self.model), ("vintage", self.vintage)) if value != ANY}
        return self.told() | ({"when": when} if when else {})


@dataclass(frozen=True)
class Waivers:
    """The entries of a file in its order, of which the first that fits a finding holds.

    ``strengths`` are the known rules with their strengths; only ``allowed_at`` needs them. ``unknown`` are remarks on
    entries that name no known rule.
    """

    entries: tuple[Waiver, ...] = ()
    strengths: Mapping[str, str] = field(default_factory=dict[str, str])
    unknown: tuple[str, ...] = ()

    def __add__(self, other: Waivers) -> Waivers:
        """Both; where two fit, the one of the first."""
        return Waivers(
            self.entries + other.entries, {**self.strengths, **other.strengths}, self.unknown + other.unknown
        )

    def apply(self, line: dict[str, Any], model: str, vintage: str, today: date) -> dict[str, Any]:
        """The line with the verdict ``waived`` where an unexpired waiver fits its finding, else the line itself."""
        if line["verdict"] not in WAIVABLE:
            return line
        for waiver in self.entries:
            if today <= waiver.expires and waiver.speaks_of(model, vintage) and waiver.fits(line):
                finding = {**line["finding"], "waiver": waiver.told()}
                return {**line, "verdict": Verdict.WAIVED.value, "finding": finding}
        return line

    def remarks(self, lines: Iterable[Line], model: str, vintage: str, today: date) -> list[str]:
        """What the waivers say too much, a sentence each: the rule holds, fails otherwise, is not known, or the waiver
        has expired.

        ``lines`` are the result lines of a run, before or after ``apply``. Rules that were not asked are not spoken of.
        """
        here = [waiver for waiver in self.entries if waiver.speaks_of(model, vintage)]
        asked = sorted((line for line in lines if line["verdict"] in _ASKED), key=lambda line: line["rule"])
        said = (_remark(waiver, here, asked, today) for waiver in here)
        return [printable(remark) for remark in (*self.unknown, *said) if remark]

    def header(self) -> list[dict[str, Any]]:
        """The entries for the header of a record, JSON-safe; ``restored`` reads them back."""
        return [waiver.row() for waiver in self.entries]

    def allowed_at(self, depth: str) -> str | None:
        """Why a run of that depth cannot have these waivers; None where it can. A certificate hides no *must*."""
        if depth != "certify":
            return None
        for waiver in self.entries:
            for rule, strength in self.strengths.items():
                if strength == Strength.MUST and waiver.covers(rule):
                    return printable(
                        f"{waiver.name} covers {rule}, which is a must: --depth certify has no such waivers;"
                        " take it out or run at another depth"
                    )
        return None


def restored(rows: Iterable[Mapping[str, Any]]) -> Waivers:
    """The waivers of ``Waivers.header()``, for a worker; without the strengths of rules."""
    return Waivers(
        tuple(
            Waiver(
                entry,
                row["rule"],
                row["reason"],
                row["owner"],
                date.fromisoformat(row["expires"]),
                row["symptom"] or "",
                row.get("pattern", ""),
                row.get("when", {}).get("model", ANY),
                row.get("when", {}).get("vintage", ANY),
            )
            for entry, row in enumerate(rows, 1)
        )
    )


def _remark(waiver: Waiver, here: Sequence[Waiver], asked: Sequence[Line], today: date) -> str:
    covered = [line for line in asked if waiver.covers(line["rule"])]
    fitting = [line for line in covered if waiver.fits(line)]
    unlike = [line for line in covered if "finding" in line and not any(other.fits(line) for other in here)]
    if fitting:
        in_force = [other for other in here if today <= other.expires]
        still = [line for line in fitting if not any(other.fits(line) for other in in_force)]
        if not still:
            return ""
        many = "still fails" if len(still) == 1 else "still fail"
        return (
            f"{waiver.name} expired on {waiver.expires} and {_names(still)} {many}:"
            f" mend it or renew the waiver (owner {waiver.owner})"
        )
    if unlike:
        finding = unlike[0]["finding"]
        why = cut(finding["why"], 200)
        return f"{waiver.name} waives {waiver.says}, but {_names(unlike)} failed otherwise: {finding['symptom']}: {why}"
    if any("finding" in line for line in covered):
        return ""  # another waiver speaks of the way in which it fails
    passed = [line for line in covered if line["verdict"] == Verdict.PASSED.value]
    if passed:
        return f"{waiver.name} is not needed: {_names(passed)} passed; take it out"
    if covered:
        return f"{waiver.name} waives nothing: {_names(covered)} came to info only; take it out"
    return ""


def _names(lines: Sequence[Line]) -> str:
    shown = ", ".join(line["rule"] for line in lines[:MOST])
    return shown if len(lines) <= MOST else f"{shown} and {len(lines) - MOST} more"


def _matches(pattern: str, text: str) -> bool:
    """Whether a text is what the pattern says, where ``*`` stands for anything and nothing else is special."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first):
        return False
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


# --- reading ---------------------------------------------------------------------------------------------------------

_KEYS = ("rule", "symptom", "pattern", "reason", "owner", "expires", "when")
_TEXTS = ("rule", "symptom", "pattern", "reason", "owner")
_WHEN = ("model", "vintage")
_EXAMPLES = {
    "rule": '"stop.array.max.refuses"',
    "reason": '"documented: up to 8 stops"',
    "owner": '"inference team"',
    "expires": "2027-01-31",
}


class _Fault(WaiverError):
    """What is wrong with an entry, without the name of the file."""


def load(path: Path | str, known_rules: Mapping[str, str], *, lenient: bool = False) -> Waivers:
    """The waivers in a TOML file; ``known_rules`` gives the strength of each rule id. Raises WaiverError.

    ``lenient`` makes a remark of a rule that is not known: a file may be older or newer than the suite.
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = f"{error.strerror or error}; name a TOML file of [[waiver]] entries"
    except RecursionError:
        why = "nested too deeply; a file of waivers is a list of [[waiver]] entries"
    except ValueError as error:  # of TOML, of UTF-8, of a number with too many digits
        why = f"this is no TOML: {error}"
    else:
        try:
            for key in content:
                if key != "waiver":
                    raise _Fault(f"unknown key {key!r}; {near(key, ('waiver',))}")
            return entries(content.get("waiver", []), known_rules, lenient=lenient)
        except _Fault as fault:
            why = str(fault)
    raise WaiverError(printable(f"{path}: {cut(why, 500)}".replace("\n", " ")))


def entries(rows: object, known_rules: Mapping[str, str], *, lenient: bool = False, of: str = "") -> Waivers:
    """The waivers that the tables of a file say; ``of`` names that file in remarks. Raises WaiverError."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
        raise _Fault("'waiver' is no list of tables; write [[waiver]], with two brackets, above each entry")
    found: dict[tuple[str, ...], Waiver] = {}
    unknown: list[str] = []
    for entry, row in enumerate(cast("list[dict[str, object]]", rows), 1):
        rule = row.get("rule")
        name = f"waiver {entry} ({rule})" if isinstance(rule, str) and rule else f"waiver {entry}"
        try:
            waiver = replace(_entry(entry, row), of=of)
            if strange := _strange(waiver.rule, known_rules):
                if not lenient:
                    raise _Fault(strange)
                unknown.append(f"{waiver.name}: {strange}")
            key = (waiver.rule, waiver.symptom, waiver.pattern, waiver.model, waiver.vintage)
            if key in found:
                raise _Fault(f"says the same as waiver {found[key].entry}; take one of them out")
        except _Fault as fault:
            raise _Fault(f"{name}: {fault}") from None
        found[key] = waiver
    return Waivers(tuple(found.values()), known_rules, tuple(unknown))


def _entry(entry: int, row: Mapping[str, object]) -> Waiver:
    for key in row:
        if key not in _KEYS:
            raise _Fault(f"unknown key {key!r}; {near(key, _KEYS)}")
    for key, example in _EXAMPLES.items():
        if key not in row:
            raise _Fault(f"{key!r} is missing; write for example {key} = {example}")
    texts = {key: text_of(key, row[key]) for key in _TEXTS if key in row}
    expires = row["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise _Fault(f"'expires' is {kind(expires)}; write a date without quotes, as in expires = 2027-01-31")
    if not texts["rule"].strip("*."):
        raise _Fault("would waive every rule; name one, or a pattern that holds a part of its id")
    if "symptom" not in texts and "*" in texts["rule"]:
        raise _Fault("a rule with * needs a 'symptom'; write for example symptom = \"accepted_invalid\"")
    if "symptom" not in texts and "pattern" not in texts:
        raise _Fault(
            "neither 'symptom' nor 'pattern' says how the rule fails; write for example symptom = \"accepted_invalid\""
        )
    symptoms = [symptom.value for symptom in Symptom]
    if texts.get("symptom", symptoms[0]) not in symptoms:
        raise _Fault(f"unknown symptom {texts['symptom']!r}; {near(texts['symptom'], symptoms)}")
    _check_pattern(texts.get("pattern", ""))
    for key in ("reason", "owner"):
        if re.search(r"\bTODO\b", texts[key]):
            what = "why the failure is known" if key == "reason" else "who looks after it"
            raise _Fault(f"{key!r} still says TODO; write {what}")
    return Waiver(entry, expires=expires, **texts, **_when(row.get("when", {})))


def _strange(rule: str, known_rules: Iterable[str]) -> str:
    """What is said of an entry whose rule is not known; empty where it is."""
    if any(_matches(rule, known) for known in known_rules):
        return ""
    kind = "matches no rule" if "*" in rule else "is no rule"
    close = [] if "*" in rule else difflib.get_close_matches(rule, known_rules, 1)
    hint = f"did you mean {close[0]}?" if close else "chatproof rules lists them all"
    return f"'rule' {kind}: {rule!r}; {hint}"


def _check_pattern(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python will read otherwise one day is refused today
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise _Fault(f"'pattern' is no regular expression: {error}; write for example pattern = \"got 5..\"") from None


def _when(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _Fault(f"'when' is {kind(value)}; write a table, as in when = {{ model = \"gpt-*\" }}")
    found: dict[str, str] = {}
    for key, pattern in cast("dict[str, object]", value).items():
        if key not in _WHEN:
            raise _Fault(f"unknown key {key!r} in 'when'; {near(key, _WHEN)}")
        found[key] = text_of(f"when.{key}", pattern)
    vintage = found.get("vintage", ANY)
    if not any(_matches(vintage, known) for known in VINTAGES):
        raise _Fault(f"'when.vintage' matches no vintage: {vintage!r}; {near(vintage, VINTAGES)}")
    return found


def text_of(key: str, value: object) -> str:
    """The text that a key must have. Raises WaiverError."""
    if not isinstance(value, str):
        raise _Fault(f"{key!r} is {kind(value)}; write a text in quotes")
    if not value.strip():
        raise _Fault(f"{key!r} is empty; write a text in quotes")
    return value


_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
    datetime: "a date with a time",
    date: "a date",
}


def kind(value: object) -> str:
    """The kind of a TOML value, in words."""
    return _KINDS.get(type(value), "a time")


def near(word: str, known: Sequence[str]) -> str:
    """The known word that was meant, or all of them."""
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
