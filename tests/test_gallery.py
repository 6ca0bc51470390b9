"""The runs that come with the suite: whole, free of one machine's paths, and rendered by one command."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from chatproof.conformance import profile as files
from chatproof.conformance.cli.compare import compare
from chatproof.conformance.cli.matrix import matrix
from chatproof.reports import certificate, lines
from chatproof.reports.matrix import GALLERY, gallery
from chatproof.reports.reading import content_of, read
from click.testing import CliRunner

RECORDS = gallery()
PATHS = re.compile(rb"(?<![\w.:/-])/(home|root|tmp|work|usr|opt|var|etc|mnt|Users|private)/[\w.-]")
KEYS = re.compile(rb"\b(sk-[A-Za-z0-9_-]{16,}|Bearer [A-Za-z0-9_.-]{16,})")


class Links(HTMLParser):
    """Ids and targets of links of a page."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(place.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids |= {value or "" for name, value in attrs if name == "id"}
        self.targets += [value or "" for name, value in attrs if tag == "a" and name == "href"]


def test_there_are_some_and_the_readme_says_how_each_was_made() -> None:
    assert len(RECORDS) >= 2
    said = re.findall(r"^\| `(\S+)` \|", (GALLERY / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(said) == sorted(path.name for path in RECORDS.values())


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_whole_small_and_of_no_machine(name: str) -> None:
    run = read(RECORDS[name])
    assert certificate.remarks(run) == []
    assert RECORDS[name].stat().st_size < 300_000
    content = content_of(RECORDS[name])
    assert PATHS.findall(content) == []
    assert KEYS.findall(content) == []
    assert re.match("http://127.0.0.1:[0-9]+/v1$", run.header["endpoint"])
    assert run.header["seed"] == 0
    assert run.header["settings"]["depth"] == "default"


@pytest.mark.parametrize("name", RECORDS)
def test_each_broken_rule_has_a_line_that_was_run(name: str) -> None:
    """The page is what `chatproof lines` makes of the record and of what the lines gave."""
    run = read(RECORDS[name])
    checked = lines.load(GALLERY / f"{name}.checked.json", run)
    page = (GALLERY / f"{name}.md").read_text(encoding="utf-8")
    assert page == lines.render(run, name, checked)
    broken = [line["rule"] for line in run.results if line["verdict"] in ("failed", "inconsistent", "warning")]
    assert sorted(checked.statuses) == sorted(broken)
    verified = [line for line in lines.listed(run) if lines.same(line, checked.statuses[line["rule"]])]
    assert len(verified) >= len(broken) * 0.97  # what a server does now and then need not come again
    readme = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert f"[{len(verified)} of {len(broken)}]({name}.md)" in readme


def _plain(name: str) -> str:
    return re.sub(r"[.-]", "_", name)


PROFILES = {path.stem: path for path in files.FOLDER.glob("*.toml")}
NEVER_WAIVED = ("crashed", "killed_server", "disconnected", "hung")


@pytest.mark.parametrize("name", RECORDS)
def test_the_profile_of_a_server_says_what_its_record_says(name: str) -> None:
    """Each failure is waived, but for crashes and what comes and goes; nothing else is."""
    word = max((word for word in PROFILES if f"{_plain(name)}_".startswith(f"{word}_")), key=len)
    run, profile = read(RECORDS[name]), files.load(PROFILES[word])
    failed = {line["rule"]: line["finding"]["symptom"] for line in run.results if line["verdict"] == "failed"}
    waived = {entry.rule: entry.symptom for entry in profile.waivers.entries}
    assert waived == {rule: symptom for rule, symptom in failed.items() if symptom not in NEVER_WAIVED}
    assert set(profile.claims) <= {name for name, found in run.header["capabilities"].items() if found == "offered"}
    assert run.header["catalogue"] in PROFILES[word].read_text(encoding="utf-8")


def test_one_command_renders_it_with_links_that_lead_somewhere(tmp_path: Path) -> None:
    done = CliRunner().invoke(matrix, ["--gallery", "-o", str(tmp_path / "matrix.html")])
    assert (done.exit_code, done.output) == (0, "")
    page = Links(tmp_path / "matrix.html")
    there = {f"./matrix-runs/{name}.html": Links(tmp_path / "matrix-runs" / f"{name}.html") for name in RECORDS}
    away = [target for target in page.targets if not target.startswith("#")]
    assert {target.partition("#")[0] for target in away} == set(there)
    for target in away:
        place, _, rule = target.partition("#")
        assert not rule or unquote(rule) in there[place].ids, target


def test_a_server_of_ones_own_stands_beside_it(tmp_path: Path) -> None:
    name, path = next(iter(RECORDS.items()))
    (tmp_path / "run.jsonl").write_bytes(content_of(path))
    done = CliRunner().invoke(matrix, [f"mine={tmp_path}", "--gallery"])
    assert done.exit_code == 0
    assert done.stdout.startswith(f"## {1 + len(RECORDS)} servers")
    assert "| `mine` |" in done.stdout
    assert f"| `{name}` |" in done.stdout


def test_neither_a_run_nor_the_gallery_is_one_line() -> None:
    done = CliRunner().invoke(matrix, [])
    assert done.exit_code == 2
    assert "name a RUN, or give --gallery" in done.stderr


def test_a_packed_record_is_the_record(tmp_path: Path) -> None:
    path = next(iter(RECORDS.values()))
    plain = tmp_path / "run.jsonl"
    plain.write_bytes(content_of(path))
    assert certificate.build(read(plain)) == certificate.build(read(path))
    done = CliRunner().invoke(compare, [str(plain), str(path)])
    assert done.stdout.startswith("No regression")
    assert "Unchanged:" in done.stdout
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "run.jsonl.gz").write_bytes(path.read_bytes())
    assert read(packed).results == read(plain).results


@pytest.mark.parametrize("damage", ["cut", "no gzip", "empty", "bomb"])
def test_what_is_no_packed_record_is_one_line(tmp_path: Path, damage: str) -> None:
    content = next(iter(RECORDS.values())).read_bytes()
    made = {"cut": content[:-20], "no gzip": b"{}\n", "empty": b"", "bomb": gzip.compress(b"\0" * 2**20) * 130}
    (tmp_path / "x.jsonl.gz").write_bytes(made[damage])
    done = CliRunner().invoke(compare, [str(tmp_path / "x.jsonl.gz"), str(tmp_path / "x.jsonl.gz")])
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "x.jsonl.gz" in done.stderr
