"""What changed between two runs, as data: every rule in exactly one class, and in sentences what limits the comparison.

The two runs are compared on what they share. Nothing is blamed on a server where a run did not ask, or asked more
strictly than the other; swapping the runs swaps each class with its mirror.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .pace import Pace, paces
from .reading import BROKEN, Line, Run, mapping

JUDGED = ("passed", "info", "warning", "waived", *BROKEN)
"""Verdicts that say something of the server; the others say that a rule got no answer."""


class Kind(StrEnum):
    """What became of a rule between OLD and NEW. The value is its key in JSON; the order is that of the reports."""

    NEW_FAILURE = "new_failures"
    WAIVER_ENDED = "waivers_ended"
    CHANGED_SYMPTOM = "changed_symptoms"
    NEW_WARNING = "new_warnings"
    LOST_ANSWER = "lost_answers"
    NEW_WAIVER = "new_waivers"
    FIXED = "fixed"
    GONE_WARNING = "gone_warnings"
    GAINED_ANSWER = "gained_answers"
    STILL_FAILING = "still_failing"
    CHANGED_CHOICE = "changed_choices"
    ADDED = "added"
    REMOVED = "removed"
    ONLY_NEW = "only_asked_in_new"
    ONLY_OLD = "only_asked_in_old"
    UNANSWERED = "without_an_answer"
    SAME = "unchanged"


ONE_SIDED = (Kind.ADDED, Kind.REMOVED, Kind.ONLY_NEW, Kind.ONLY_OLD)
"""Classes of rules that only one of the runs has a line for."""


class Turn(StrEnum):
    """What became of a capability between OLD and NEW. Refusing cleanly is a choice; ignoring and breaking are not."""

    WORSE = "broken"
    LOST = "lost"
    GAINED = "gained"
    REPAIRED = "repaired"
    OTHER = "changed"
    SAME = "unchanged"


@dataclass(frozen=True)
class Change:
    """A rule in both runs. ``was`` and ``now`` are its verdicts, both runs weighed alike; empty without a line."""

    rule: str
    kind: Kind
    was: str
    now: str
    old: Line | None
    new: Line | None

    @property
    def line(self) -> Line:
        """The newer line, or the only one."""
        return self.new or self.old or {}

    @property
    def red(self) -> bool:
        """Whether NEW breaks the rule."""
        return self.now in BROKEN


@dataclass(frozen=True)
class Ability:
    """A capability in both runs; ``blocked`` stands for one whose own need was not met."""

    name: str
    turn: Turn
    was: str
    now: str


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. ``changes`` are by class and then in NEW's order; every class is there, maybe empty."""

    old: Run
    new: Run
    changes: Mapping[Kind, tuple[Change, ...]]
    abilities: tuple[Ability, ...]
    paces: tuple[Pace, ...]
    remarks: tuple[str, ...]
    """What the two runs do not share and how far it limits the comparison, in sentences."""

    @property
    def regressions(self) -> tuple[str, ...]:
        """Ids of rules that NEW breaks and OLD, which judged them, did not; a capability counts as its gate's rule."""
        rules = [change.rule for change in self.changes[Kind.NEW_FAILURE]]
        rules += [change.rule for change in self.changes[Kind.WAIVER_ENDED] if change.red]
        gates = [f"gate.{ability.name}" for ability in self.abilities if ability.turn is Turn.WORSE]
        return tuple(dict.fromkeys(rules + gates))

    @property
    def differs(self) -> bool:
        """Whether anything changed besides speed."""
        still = (Kind.SAME, Kind.UNANSWERED, Kind.STILL_FAILING)
        return any(found for kind, found in self.changes.items() if kind not in still) or any(
            ability.turn is not Turn.SAME for ability in self.abilities
        )


def compare(old: Run, new: Run) -> Comparison:
    """OLD and NEW on what they share."""
    changes: dict[Kind, list[Change]] = {kind: [] for kind in Kind}
    for rule in dict.fromkeys([*new.by_rule, *old.by_rule]):
        change = _change(rule, old, new)
        changes[change.kind].append(change)
    found = {kind: tuple(members) for kind, members in changes.items()}
    abilities = tuple(
        _ability(name, was, now)
        for name, was in _states(old).items()
        for now in [_states(new).get(name, "")]
        if was and now
    )
    return Comparison(old, new, found, abilities, paces(old, new), _remarks(old, new, found))


def _change(rule: str, old: Run, new: Run) -> Change:
    before, after = old.by_rule.get(rule), new.by_rule.get(rule)
    if before is None or after is None:
        return _one_sided(rule, old, new)
    was, now = _weighed(before, after, old, new)
    return Change(rule, _kind(before, after, was, now), was, now, before, after)


def _one_sided(rule: str, old: Run, new: Run) -> Change:
    before, after = old.by_rule.get(rule), new.by_rule.get(rule)
    lacking = old if before is None else new
    # one catalogue has one set of rules, and a run that was cut short does not show its own
    unasked = lacking.footer is None or _catalogue(old) == _catalogue(new)
    kinds = (Kind.ONLY_NEW, Kind.ONLY_OLD) if unasked else (Kind.ADDED, Kind.REMOVED)
    kind = kinds[lacking is new]
    return Change(rule, kind, before["verdict"] if before else "", after["verdict"] if after else "", before, after)


def _kind(before: Line, after: Line, was: str, now: str) -> Kind:
    if was not in JUDGED or now not in JUDGED:
        if was in JUDGED:
            return Kind.LOST_ANSWER
        return Kind.GAINED_ANSWER if now in JUDGED else Kind.UNANSWERED
    if was == "waived" or now == "waived":
        return Kind.SAME if was == now else Kind.WAIVER_ENDED if was == "waived" else Kind.NEW_WAIVER
    if was in BROKEN and now in BROKEN:
        return Kind.STILL_FAILING if symptom(before) == symptom(after) else Kind.CHANGED_SYMPTOM
    if was in BROKEN or now in BROKEN:
        return Kind.FIXED if was in BROKEN else Kind.NEW_FAILURE
    if "warning" in (was, now):
        return Kind.SAME if was == now else Kind.GONE_WARNING if was == "warning" else Kind.NEW_WARNING
    return (
        Kind.CHANGED_CHOICE if was == now == "info" and before.get("observed") != after.get("observed") else Kind.SAME
    )


def symptom(line: Line | None) -> str:
    """The symptom of a line's finding, empty without one."""
    found = mapping((line or {}).get("finding")).get("symptom")
    return found if isinstance(found, str) else ""


_WEIGHTS = ("may", "should", "must")
_MILDER = {
    "may": {"failed": "info", "inconsistent": "info", "warning": "info"},
    "should": {"failed": "warning", "inconsistent": "warning"},
}


def _weighed(before: Line, after: Line, old: Run, new: Run) -> tuple[str, str]:
    """Both verdicts as the milder of the two runs would have given them: strictness is no fault of the server."""
    weights = [_weight(line, run) for line, run in ((before, old), (after, new))]
    if weights[0] == weights[1]:
        return before["verdict"], after["verdict"]
    mild = min(weights, key=_WEIGHTS.index)
    return _milder(before, mild), _milder(after, mild)


def _weight(line: Line, run: Run) -> str:
    if line["strength"] == "should":
        return "must" if mapping(run.header.get("settings")).get("strict") is True else "should"
    return "may" if line["strength"] == "may" else "must"


def _milder(line: Line, weight: str) -> str:
    # what a gate says of nonsense does not depend on how strong the property is
    fixed = line.get("capability") is not None and symptom(line) != "refused_valid"
    verdict: str = line["verdict"]
    return verdict if fixed else _MILDER.get(weight, {}).get(verdict, verdict)


def _states(run: Run) -> dict[str, str]:
    """Capabilities by name; empty where the gate got no answer (the header then says broken for want of a word) or was
    not asked because the profile leaves it out."""
    states: dict[str, str] = {}
    for name, state in mapping(run.header.get("capabilities")).items():
        verdict = run.by_rule.get(f"gate.{name}", {}).get("verdict")
        unknown = verdict == "error" or state == "unclaimed"
        states[name] = "" if unknown else "blocked" if verdict == "blocked" else str(state)
    return states


def _ability(name: str, was: str, now: str) -> Ability:
    bad = ("ignored", "broken")
    if was == now:
        turn = Turn.SAME
    elif was == "offered":
        turn = Turn.WORSE if now in bad else Turn.LOST
    elif now == "offered":
        turn = Turn.REPAIRED if was in bad else Turn.GAINED
    else:
        turn = Turn.OTHER
    return Ability(name, turn, was, now)


def _catalogue(run: Run) -> tuple[object, object]:
    return run.header.get("catalogue"), run.header["vintage"]


_DIFFERENT = {
    "vintage": "rules that hold in only one of them are listed apart",
    "catalogue": "rules that only one of them has are listed apart, and a rule may ask something else than before",
    "suite": "a verdict may have changed because the suite did",
    "profile": "what one profile claims and the other does not is judged differently",
    "model": "part of what changed may be the model's doing",
    "endpoint": "this compares two places",
}
_DIFFERENT_SETTINGS = {
    "depth": "the deeper one asks more, and may find what the other did not look for",
    "examples": "the one with more examples may find what the other did not look for",
    "seed": "the generated requests are not the same",
    "strict": "what is red only by strictness counts as a warning here",
    "safe": "what --safe leaves out was asked in one of them only",
}


def _remarks(old: Run, new: Run, changes: Mapping[Kind, tuple[Change, ...]]) -> tuple[str, ...]:
    said = [f"{side}: {remark}." for side, run in (("OLD", old), ("NEW", new)) for remark in run.remarks]
    for side, run in (("OLD", old), ("NEW", new)):
        if run.footer is not None and run.verdict == "incomplete":
            said.append(f"{side} is incomplete: {run.counts.get('error', 0)} of its rules were not asked to the end.")
    mute = sum(len(changes[kind]) for kind in (Kind.LOST_ANSWER, Kind.GAINED_ANSWER, Kind.ONLY_NEW, Kind.ONLY_OLD))
    if mute:
        one = mute == 1
        said.append(
            f"{mute} {'rule has' if one else 'rules have'} a verdict in one of the runs only and"
            f" {'is' if one else 'are'} neither fixed nor regressed."
        )
    if _catalogue(old) == _catalogue(new) and (changes[Kind.ONLY_NEW] or changes[Kind.ONLY_OLD]):
        said.append("The catalogue is the same: rules of one run only were not selected, or not reached, in the other.")
    headers, settings = (old.header, new.header), [mapping(run.header.get("settings")) for run in (old, new)]
    for (before, after), names in ((headers, _DIFFERENT), (settings, _DIFFERENT_SETTINGS)):
        for name, effect in names.items():
            if name in before and name in after and before[name] != after[name]:
                said.append(f"The runs differ in {name} ({before[name]} and {after[name]}): {effect}.")
    claims = [mapping(run.header.get("claims")) for run in (old, new)]
    if claims[0] != claims[1] and old.header.get("profile") == new.header.get("profile"):
        said.append("The profile has changed: what it claims in one of them only is judged differently.")
    if (old.header.get("waivers") or []) != (new.header.get("waivers") or []):
        said.append("The runs differ in their waivers: rules that are waived in one of them are listed apart.")
    weights = sum(
        bool(change.old and change.new and change.old["strength"] != change.new["strength"])
        for found in changes.values()
        for change in found
    )
    if weights:
        said.append(f"The strength of {weights} rules differs: the milder one counts.")
    return tuple(said)
