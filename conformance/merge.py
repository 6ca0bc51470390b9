"""Joins the records of the shards of one run: request rules from their shards, rules about answers from all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..reports.reading import Run
from .bearers import CROWD_RULE
from .catalogue import Catalogue
from .model import AnswerRule, Gate, Strength
from .record import INCOMPLETE, NON_CONFORMANT, verdict_of_run
from .results import Verdict, weighed
from .resume import FREE
from .sightings import KEPT
from .traffic import Traffic, bucket_of
from .vendor import Vendor, is_vendor
from .waivers import restored

Line = Mapping[str, Any]

RANK = (
    Verdict.FAILED,
    Verdict.INCONSISTENT,
    Verdict.WARNING,
    Verdict.WAIVED,
    Verdict.ERROR,
    Verdict.BLOCKED,
    Verdict.INFO,
    Verdict.PASSED,
    Verdict.NOT_OFFERED,
)
"""Of the lines of one rule the first of these counts."""

TWIN = "the same fault, seen there as well"
"""Note of a rule about answers that another one stands for (answers)."""

_SAME = ("suite", "catalogue", "vintage", "model", "profile", "claims", "seed", "waivers", "vendors")

_LONG = ("waivers", "vendors")
"""Of these a message does not show the values."""


class MergeError(ValueError):
    """The records are not the shards of one run, or cannot be joined here; the message is one line that names the
    record, or the package, and the mend."""


@dataclass(frozen=True)
class Merged:
    """The record of the whole run: its lines, header first, footer last."""

    header: dict[str, Any]
    results: list[dict[str, Any]]
    footer: dict[str, Any]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines in their order."""
        return [self.header, *self.results, self.footer]


def vendors_of(runs: Sequence[Run], installed: Sequence[Vendor]) -> list[Vendor]:
    """Of the installed chapters those that the records name: rules of others are no part of these runs. Raises
    MergeError where records name different ones, or a package is not there in the version that ran."""
    for run in runs[1:]:
        _same(runs[0], run)
    here = {(one.chapter.name, one.package, one.version): one for one in installed}
    wanted = [(told["name"], told["package"], told["version"]) for told in runs[0].header.get("vendors", ())]
    for name, package, version in wanted:
        if (name, package, version) not in here:
            raise MergeError(
                f"{runs[0].path}: rules of the package {package} {version} ({name}) were asked; install it, then merge"
            )
    return [here[one] for one in wanted]


def merge(runs: Sequence[Run], catalogue: Catalogue) -> Merged:
    """The run of which these are the shards. The catalogue holds the rules of the vendors that they name. Raises
    MergeError."""
    _check(runs, catalogue)
    results = _results(runs, catalogue)
    counts = dict(Counter(line["verdict"] for line in results if not is_vendor(line["rule"])))
    remarks = _remarks(runs, [line for line in results if not is_vendor(line["rule"])])
    verdict = NON_CONFORMANT if remarks and _strict(runs) else verdict_of_run(counts)
    if verdict != NON_CONFORMANT and any(run.verdict == INCOMPLETE for run in runs):
        verdict = INCOMPLETE
    footer = _footer(runs, results, counts, verdict, catalogue)
    return Merged(_header(runs), results, footer | ({"waiver_remarks": remarks} if remarks else {}))


# --- whether they belong together -----------------------------------------------------------------------------------


def _check(runs: Sequence[Run], catalogue: Catalogue) -> None:
    first = runs[0]
    shards: dict[int, Run] = {}
    for run in runs:
        shard = run.header.get("shard")
        if not shard:
            raise MergeError(f"{run.path}: it is of no shard; run each part with --shard I/N")
        if shard["of"] != first.header["shard"]["of"]:
            raise MergeError(f"{run.path}: it is shard {_of(run)}, {first.path} is {_of(first)}; take one split")
        if shard["index"] in shards:
            raise MergeError(f"shard {_of(run)} is there twice: {shards[shard['index']].path} and {run.path}")
        shards[shard["index"]] = run
        if run.footer is None:
            raise MergeError(f"{run.path}: that run was cut short; end it with --resume, then merge")
        _same(first, run)
    missing = [str(index) for index in range(1, first.header["shard"]["of"] + 1) if index not in shards]
    if missing:
        which = "shard" if len(missing) == 1 else "shards"
        raise MergeError(f"{which} {', '.join(missing)} of {first.header['shard']['of']} missing; name all records")
    if first.header.get("catalogue") != catalogue.hash:
        raise MergeError(f"{first.path}: another catalogue than the installed one; merge with the chatproof that ran")
    seen: dict[str, Run] = {}
    for run in runs:
        for name in _by_rule(run):
            rule = catalogue.by_id.get(name)
            if rule is None:
                raise MergeError(f"{run.path}: no rule is called {name!r}; the record was edited, run again")
            if isinstance(rule, Gate | AnswerRule) or name == CROWD_RULE:
                continue
            if name in seen:
                raise MergeError(f"{name} is in {seen[name].path} and in {run.path}; shards share no request rule")
            seen[name] = run


def _of(run: Run) -> str:
    shard = run.header["shard"]
    return f"{shard['index']}/{shard['of']}"


def _same(one: Run, two: Run) -> None:
    pairs = [(name, one.header.get(name), two.header.get(name)) for name in _SAME]
    settings = one.header.get("settings", {}), two.header.get("settings", {})
    names = [name for name in dict.fromkeys((*settings[0], *settings[1])) if name not in FREE]
    pairs += [(f"setting {name!r}", settings[0].get(name), settings[1].get(name)) for name in names]
    if not (one.header.get("embedded") and two.header.get("embedded")):  # a reference has a port of its own each time
        pairs.append(("endpoint", one.header["endpoint"], two.header["endpoint"]))
    for name, here, there in pairs:
        if here != there:
            shown = "" if name in _LONG else f" ({here} and {there})"
            raise MergeError(f"{one.path} and {two.path} differ in {name}{shown}; merge shards of one run")


# --- results -------------------------------------------------------------------------------------------------------


def _results(runs: Sequence[Run], catalogue: Catalogue) -> list[dict[str, Any]]:
    strict = _strict(runs)
    lines_of: dict[str, list[Line]] = {}
    for run in runs:
        for name, line in _by_rule(run).items():
            lines_of.setdefault(name, []).append(line)
    rows: list[dict[str, Any]] = []
    for name, rule in catalogue.by_id.items():
        lines = lines_of.get(name)
        if not lines:
            continue
        line = combined(lines, rule.strength, strict) if len(lines) > 1 else dict(lines[0])
        line.pop("tally", None)
        if isinstance(rule, AnswerRule) and _was_seen(lines):
            stands = next((other for other in rule.twin_of if _was_seen(lines_of.get(other, ()))), None)
            if stands:
                line |= {"verdict": Verdict.BLOCKED.value, "blocked_by": stands, "note": TWIN}
                line.pop("finding", None)
        rows.append(line)
    return rows


def _by_rule(run: Run) -> dict[str, Line]:
    """The result lines of a run by rule, those of vendors as well."""
    return run.by_rule | {line["rule"]: line for line in run.vendor}


def _strict(runs: Sequence[Run]) -> bool:
    return bool(runs[0].header.get("settings", {}).get("strict"))


def _was_seen(lines: Iterable[Line]) -> bool:
    """Whether a rule about answers was seen broken in some shard."""
    return any("finding" in line or line["note"] == TWIN for line in lines)


def combined(lines: Sequence[Line], strength: Strength, strict: bool) -> dict[str, Any]:
    """One line from those of several shards: the worst verdict, and what they judged and sent added up."""
    found = [line for line in lines if "finding" in line]
    order = [verdict.value for verdict in RANK]
    best = min(found or lines, key=lambda line: (order.index(line["verdict"]), len(_body(line))))
    line = dict(best)
    for name in ("requests", "judged", "judged_traffic"):
        line[name] = sum(row.get(name, 0) for row in lines)
    line["seconds"] = round(sum(row["seconds"] for row in lines), 4)
    if not found:
        return line
    smallest = min(found, key=lambda row: (len(_body(row)), _body(row)))
    finding = dict(smallest["finding"])
    finding["sightings"] = sum(row["finding"]["sightings"] for row in found)
    others = [other for row in found for other in row["finding"]["others"]]
    finding["others"] = list(dict.fromkeys(others))[: KEPT - 1]
    line["finding"] = finding
    line["verdict"] = smallest["verdict"]
    if line["verdict"] != Verdict.WAIVED.value and line["judged"]:
        seen, _, asked = finding["confirmed"].partition("/")
        steady = seen == asked or finding["sightings"] * 2 > line["judged"]  # as answers weighs it
        line["verdict"] = weighed(strength, steady, strict).value
    return line


def _body(line: Line) -> str:
    return line["finding"]["request"]["body"] if "finding" in line else ""


def _remarks(runs: Sequence[Run], results: Sequence[Line]) -> list[str]:
    """What the waivers say too much about the whole: one that is not needed in one shard may be in another."""
    header = runs[0].header
    day = date.fromisoformat(header["started"][:10])
    said = restored(header.get("waivers", ())).remarks(results, header["model"], header["vintage"], day)
    everywhere: list[set[str]] = [set(run.footer.get("waiver_remarks", ())) for run in runs if run.footer]
    return list(dict.fromkeys((*said, *sorted(set[str].intersection(*everywhere)))))


# --- the ends ------------------------------------------------------------------------------------------------------


def _header(runs: Sequence[Run]) -> dict[str, Any]:
    header = {name: value for name, value in runs[0].header.items() if name != "shard"}
    header["started"] = min(run.header["started"] for run in runs)
    capabilities = [run.header["capabilities"] for run in reversed(runs)]
    header["capabilities"] = {name: value for found in capabilities for name, value in found.items()}
    header["merged"] = [
        {"shard": _of(run), "command": run.header.get("command", ""), "started": run.header["started"]} for run in runs
    ]
    return header


def _footer(
    runs: Sequence[Run], results: Sequence[Line], counts: Mapping[str, int], verdict: str, catalogue: Catalogue
) -> dict[str, Any]:
    footers = [run.footer or {} for run in runs]
    traffic = Traffic()
    for footer in footers:
        told = footer.get("traffic", {})
        traffic.requests += footer["requests"]
        if footer.get("tokens") is not None:
            traffic.tokens = (traffic.tokens or 0) + footer["tokens"]
        traffic.statuses.update(told.get("statuses", {}))
        for end, count in told.get("latency", {}).get("histogram", []):
            traffic.latencies[bucket_of(end)] += count
    official = [line for line in results if not is_vendor(line["rule"])]
    asked = [line for line in official if isinstance(catalogue.by_id[line["rule"]], AnswerRule)]
    vendors: dict[str, Counter[str]] = {told["name"]: Counter() for told in runs[0].header.get("vendors", ())}
    for line in results:
        if is_vendor(line["rule"]):
            vendors[line["chapter"]][line["verdict"]] += 1
    return {
        "kind": "footer",
        "requests": traffic.requests,
        "tokens": traffic.tokens,
        "seconds": max(footer["seconds"] for footer in footers),
        "counts": dict(counts),
        "verdict": verdict,
        "traffic": traffic.told(),
        "answers": {
            "rules": sum(line["judged"] > 0 for line in asked),
            "from_traffic": sum(line.get("judged_traffic", 0) > 0 for line in asked),
            "extra_requests": sum(line["requests"] for line in asked),
        },
        "incidents": [what for footer in footers for what in footer.get("incidents", ())],
        "finished": max(footer["finished"] for footer in footers),
    } | ({"vendors": {name: dict(found) for name, found in vendors.items()}} if vendors else {})
