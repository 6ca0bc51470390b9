"""A file of waivers: TOML with a table ``[[waiver]]`` for each. What is wrong in one is told in a line."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import cast

from .model import Symptom
from .toml_file import Fault, in_file, kind, near, only, read, text_of
from .vintages import VINTAGES
from .waivers import ANY, Waiver, Waivers, matches


class WaiverError(ValueError):
    """The file is no file of waivers; the message is one line that names file, entry, the thing and the mend."""


_KEYS = ("rule", "symptom", "pattern", "reason", "owner", "expires", "when")
_TEXTS = ("rule", "symptom", "pattern", "reason", "owner")
_WHEN = ("model", "vintage")
_EXAMPLES = {
    "rule": '"stop.array.max.refuses"',
    "reason": '"documented: up to 8 stops"',
    "owner": '"inference team"',
    "expires": "2027-01-31",
}


def load(path: Path | str, known_rules: Mapping[str, str], *, lenient: bool = False) -> Waivers:
    """The waivers in a TOML file; ``known_rules`` gives the strength of each rule id. Raises WaiverError.

    ``lenient`` makes a remark of a rule that is not known: a file may be older or newer than the suite.
    """
    try:
        _, said = read(Path(path), "a file of waivers", "name a TOML file of [[waiver]] entries")
        only(said, ("waiver",))
        return entries(said.get("waiver", []), known_rules, lenient=lenient)
    except Fault as fault:
        raise WaiverError(in_file(path, fault)) from None


def entries(rows: object, known_rules: Mapping[str, str], *, lenient: bool = False, of: str = "") -> Waivers:
    """The waivers that the tables of a file say; ``of`` names that file in remarks. Raises Fault."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in cast("list[object]", rows)):
        raise Fault("'waiver' is no list of tables; write [[waiver]], with two brackets, above each entry")
    found: dict[tuple[str, ...], Waiver] = {}
    unknown: list[str] = []
    for entry, row in enumerate(cast("list[dict[str, object]]", rows), 1):
        rule = row.get("rule")
        name = f"waiver {entry} ({rule})" if isinstance(rule, str) and rule else f"waiver {entry}"
        try:
            waiver = replace(_entry(entry, row), of=of)
            if strange := _strange(waiver.rule, known_rules):
                if not lenient:
                    raise Fault(strange)
                unknown.append(f"{waiver.name}: {strange}")
            key = (waiver.rule, waiver.symptom, waiver.pattern, waiver.model, waiver.vintage)
            if key in found:
                raise Fault(f"says the same as waiver {found[key].entry}; take one of them out")
        except Fault as fault:
            raise Fault(f"{name}: {fault}") from None
        found[key] = waiver
    return Waivers(tuple(found.values()), known_rules, tuple(unknown))


def _entry(entry: int, row: Mapping[str, object]) -> Waiver:
    only(row, _KEYS)
    for key, example in _EXAMPLES.items():
        if key not in row:
            raise Fault(f"{key!r} is missing; write for example {key} = {example}")
    texts = {key: text_of(key, row[key]) for key in _TEXTS if key in row}
    expires = row["expires"]
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise Fault(f"'expires' is {kind(expires)}; write a date without quotes, as in expires = 2027-01-31")
    if not texts["rule"].strip("*."):
        raise Fault("would waive every rule; name one, or a pattern that holds a part of its id")
    if "symptom" not in texts and "*" in texts["rule"]:
        raise Fault("a rule with * needs a 'symptom'; write for example symptom = \"accepted_invalid\"")
    if "symptom" not in texts and "pattern" not in texts:
        raise Fault(
            "neither 'symptom' nor 'pattern' says how the rule fails; write for example symptom = \"accepted_invalid\""
        )
    symptoms = [symptom.value for symptom in Symptom]
    if texts.get("symptom", symptoms[0]) not in symptoms:
        raise Fault(f"unknown symptom {texts['symptom']!r}; {near(texts['symptom'], symptoms)}")
    _check_pattern(texts.get("pattern", ""))
    for key in ("reason", "owner"):
        if re.search(r"\bTODO\b", texts[key]):
            what = "why the failure is known" if key == "reason" else "who looks after it"
            raise Fault(f"{key!r} still says TODO; write {what}")
    return Waiver(entry, expires=expires, **texts, **_when(row.get("when", {})))


def _strange(rule: str, known_rules: Iterable[str]) -> str:
    """What is said of an entry whose rule is not known; empty where it is."""
    if any(matches(rule, known) for known in known_rules):
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
        raise Fault(f"'pattern' is no regular expression: {error}; write for example pattern = \"got 5..\"") from None


def _when(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Fault(f"'when' is {kind(value)}; write a table, as in when = {{ model = \"gpt-*\" }}")
    found: dict[str, str] = {}
    only(cast("dict[str, object]", value), _WHEN, "'when'")
    for key, pattern in cast("dict[str, object]", value).items():
        found[key] = text_of(f"when.{key}", pattern)
    vintage = found.get("vintage", ANY)
    if not any(matches(vintage, known) for known in VINTAGES):
        raise Fault(f"'when.vintage' matches no vintage: {vintage!r}; {near(vintage, VINTAGES)}")
    return found
