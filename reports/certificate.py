"""The certificate of a run: what was claimed, what was asked, what came of it, tied to the bytes of the run record.

All of it follows from the record and the format: whoever has both files can compute it again (``verify``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from .reading import BROKEN, Line, Run, content_of, find_record, mapping, read

NAME = "certificate.json"
FORMAT = "chatproof.certificate/1"

CAVEATS = (
    "A pass says that no rule counted here was seen broken by the requests of this run. It does not prove that the "
    "server has no fault: other values, other moments, other load and other models were not asked.",
    "It speaks of the rules under counts only: what is not_offered, blocked, waived or error was not shown to hold, "
    "and info is an observation. It says nothing of the quality of the answers, of speed or of security.",
    "The sha256 shows that the record was not changed since; it does not show who ran the suite, or against which "
    "server. Whoever answers for that signs this file with a tool made for it and sends the signature along, "
    "for example `minisign -Sm certificate.json` or "
    "`cosign sign-blob --bundle certificate.sigstore.json certificate.json`.",
    "`chatproof verify certificate.json run.jsonl` computes this file from the record again and names what differs.",
)
"""What a reader must not take the certificate for. The words belong to the format: other words, another number."""


VERDICTS = ("failed", "inconsistent", "warning", "waived", "error", "blocked", "not_offered", "info", "passed")
"""Verdicts of a rule, in the order in which reports count them."""


class CertificateError(ValueError):
    """The file is no readable certificate; the message is one line that names the file and the mend."""


def verdict(run: Run) -> str:
    """The strictest reading of a run: ``conformant`` only where lines and footer say so and nothing is amiss."""
    claimed = run.footer["verdict"] if run.footer else "incomplete"
    if claimed == "non-conformant" or any(run.counts.get(name) for name in BROKEN):
        return "non-conformant"
    if claimed != "conformant" or run.counts.get("error") or remarks(run):
        return "incomplete"
    return "conformant"


def remarks(run: Run) -> list[str]:
    """What keeps a run from being a whole one, in sentences: the reader's remarks, and contradictions in the record."""
    found = list(run.remarks)
    if not run.results:
        found.append("no rule was asked")
    strange = sorted(set(run.counts) - set(VERDICTS))
    if strange:
        found.append(f"verdicts that this version does not know: {', '.join(strange)}")
    known = run.header.get("rules")
    if type(known) is int and len(run.results) < known:
        found.append(f"only {len(run.results)} of the {known} rules of the catalogue were selected")
    if run.footer is not None:
        counted = {name: count for name, count in run.footer["counts"].items() if count}
        if counted != run.counts:
            found.append(
                f"the footer counts {_counted(counted)}; the result lines hold {_counted(run.counts)}: "
                "lines were removed, added or edited"
            )
    return found


def _counted(counts: Mapping[str, object]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"


def _table(lines: Iterable[Line], by: str) -> dict[str, dict[str, int]]:
    """Number of rules by one member of their lines, then by verdict."""
    found: dict[str, dict[str, int]] = {}
    for line in lines:
        row = found.setdefault(line[by], {})
        row[line["verdict"]] = row.get(line["verdict"], 0) + 1
    return found


_WAIVER = ("rule", "symptom", "reason", "owner", "expires")


def waivers(run: Run) -> list[dict[str, Any]]:
    """The waivers of a run, those that covered a finding with ``used`` true, whether or not the header lists them."""
    used = [
        _waiver({"rule": line["rule"], "symptom": line["finding"]["symptom"]}, line["finding"].get("waiver"))
        for line in run.results
        if line["verdict"] == "waived" and "finding" in line
    ]
    listed = run.header.get("waivers")
    unused = [_waiver({}, waiver) for waiver in cast("list[object]", listed)] if isinstance(listed, list) else []
    found: list[dict[str, Any]] = []
    for row in [*used, *unused]:
        if {**row, "used": True} not in found:
            found.append({**row, "used": row in used})
    return sorted(found, key=json.dumps)


def _waiver(known: Mapping[str, object], waiver: object) -> dict[str, Any]:
    said = mapping(waiver)
    return {name: said.get(name, known.get(name)) for name in _WAIVER} | _given(said, pattern=str, when=dict)


def build(run: Run) -> dict[str, Any]:
    """The certificate of a run as JSON values. Raises RecordError where the record's bytes cannot be had."""
    content = content_of(find_record(run.path))
    header, footer = run.header, run.footer or {}
    return {
        "format": FORMAT,
        "verdict": verdict(run),
        "subject": {"endpoint": header["endpoint"], "model": header["model"]},
        "claimed": {
            "profile": header.get("profile"),
            "vintage": header["vintage"],
            "capabilities": header.get("capabilities"),
        }
        | _given(header, claims=dict),
        "run": {
            "suite": header.get("suite"),
            "catalogue": header.get("catalogue"),
            "seed": header["seed"],
            "settings": header.get("settings"),
            "versions": header.get("versions"),
            "command": header.get("command"),
            "started": header.get("started"),
            "finished": footer.get("finished"),
            "requests": footer.get("requests"),
            "seconds": footer.get("seconds"),
        },
        "counts": {
            "rules": len(run.results),
            "by_verdict": dict(run.counts),
            "by_strength": _table(run.results, "strength"),
            "by_chapter": _table(run.results, "chapter"),
        },
        "broken": sorted(line["rule"] for line in run.results if line["verdict"] in BROKEN),
        "waivers": waivers(run),
        "remarks": remarks(run),
        "record": {
            "format": header["format"],
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "lines": len(content.splitlines()),
        },
        "caveats": list(CAVEATS),
    } | _given({**footer, "vendors": _table(run.vendor, "chapter")}, waiver_remarks=list, vendors=dict)


def _given(said: Mapping[str, Any], **types: type) -> dict[str, Any]:
    """The members of these types that are there and not empty."""
    return {name: said[name] for name, kind in types.items() if isinstance(said.get(name), kind) and said[name]}


def write(run: Run, folder: Path) -> Path:
    """Write ``certificate.json`` into a folder; returns its path."""
    path = folder / NAME
    path.write_text(json.dumps(build(run), indent=1) + "\n", encoding="ascii")
    return path


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: a second one would show a reader what a program does not see."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def load(path: str | Path) -> dict[str, Any]:
    """The certificate in a file. Raises CertificateError."""
    try:
        found = json.loads(Path(path).read_bytes(), object_pairs_hook=_once)
    except OSError as error:
        raise CertificateError(f"{path}: {error.strerror or error}; name a {NAME}") from None
    except (ValueError, RecursionError):
        raise CertificateError(f"{path}: this is no JSON document of unique names; name a {NAME}") from None
    if not isinstance(found, dict) or "format" not in found:
        raise CertificateError(f"{path}: this is no certificate; name a {NAME}")
    certificate = cast("dict[str, Any]", found)
    if certificate["format"] != FORMAT:
        raise CertificateError(
            f"{path}: the format is {_short(certificate['format'])}, this version reads {FORMAT}; "
            "use the chatproof that wrote it"
        )
    return certificate


def verify(certificate_path: str | Path, record_path: str | Path) -> list[str]:
    """What the certificate says and the record does not bear out, a sentence each; empty where all agrees.

    A record that is not whole is a difference as well, whatever the certificate says of it. Raises CertificateError or
    RecordError for a file that cannot be read.
    """
    certificate = load(certificate_path)
    run = read(record_path)
    again = build(run)
    found = [f"record: {remark}" for remark in again["remarks"]]
    rows = list(_differences("", {**certificate, "caveats": None}, {**again, "caveats": None}))
    if certificate.get("caveats") != list(CAVEATS):
        rows.append(f"caveats: these are not the words of {FORMAT}")
    record = mapping(certificate.get("record"))
    if record:
        found += _altered(record, again["record"], only=all(_of_bytes(row) for row in rows))
        rows = [row for row in rows if not row.startswith(("record.sha256:", "record.lines:"))]
    return found + rows


def _of_bytes(row: str) -> bool:
    return row.startswith(("record.sha256:", "record.bytes:"))


def _altered(said: Mapping[str, Any], has: Mapping[str, Any], *, only: bool) -> list[str]:
    """Hash and number of lines in words. ``only``: nothing else differs."""
    found: list[str] = []
    if said.get("lines") != has["lines"]:
        more = isinstance(said.get("lines"), int) and said["lines"] < has["lines"]
        found.append(
            f"record.lines: the certificate says {_short(said.get('lines'))}, the record has {has['lines']}: "
            + ("lines were added" if more else "the record was cut")
        )
    if said.get("sha256") != has["sha256"]:
        why = "lines reordered or edited, though every figure agrees" if only else "this is not the record certified"
        found.append(
            f"record.sha256: the certificate says {_short(said.get('sha256'))}, "
            f"the record has {_short(has['sha256'])}: {why}"
        )
    return found


def _differences(place: str, said: object, has: object) -> Iterable[str]:
    """Members that differ, by their dotted names."""
    if all(isinstance(value, dict) for value in (said, has)):
        says, holds = mapping(said), mapping(has)
        for name in list(dict.fromkeys([*holds, *says])):
            inner = f"{place}.{_short(name, plain=True)}".removeprefix(".")
            if name not in holds:
                yield f"{inner}: the certificate says {_short(says[name])}, the record says nothing of it"
            elif name not in says:
                yield f"{inner}: the record says {_short(holds[name])}, the certificate says nothing of it"
            else:
                yield from _differences(inner, says[name], holds[name])
    elif json.dumps(said, sort_keys=True) != json.dumps(has, sort_keys=True):  # 1, 1.0 and true are not the same
        yield f"{place}: the certificate says {_short(said)}, the record says {_short(has)}"


def _short(value: object, *, plain: bool = False) -> str:
    """A value on one line, in printable ASCII, of at most 80 characters."""
    text = json.dumps(value)
    text = text[1:-1] if plain and isinstance(value, str) else text
    return text if len(text) <= 80 else f"{text[:77]}..."
