"""Rules of vendors: the example of their page, installed for real, and what a broken package gets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from chatproof.conformance import vendor
from chatproof.conformance.access import Access
from chatproof.conformance.catalogue import load
from chatproof.conformance.depths import Settings
from chatproof.conformance.model import AnswerRule, Chapter, Expect, Request, RequestRule, Source, Strength
from chatproof.conformance.reference.behaviour import Reference
from chatproof.conformance.session import Session
from chatproof.reports import certificate
from chatproof.reports.reading import read
from chatproof.strategies.bodies import lean
from conftest import clean_environment
from hypothesis import strategies as st
from mutants.base import answering
from serving import served

PAGE = Path(__file__).parents[1] / "conformance/rules/VENDOR.md"
SOURCE = Source("documented", "ours")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH into which the example package of the page was installed."""
    folder = tmp_path_factory.mktemp("acme")
    text = PAGE.read_text(encoding="utf-8")
    for name, kind in (("pyproject.toml", "toml"), ("acme_rules.py", "python")):
        [content] = re.findall(rf"`{re.escape(name)}`\n\n```{kind}\n(.*?)```", text, re.DOTALL)
        (folder / name).write_text(content, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(folder / "site"), str(folder)], check=True, timeout=100)
    return folder / "site"


def ran(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(), "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--endpoint", "reference"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_the_example_of_the_page(site: Path, tmp_path: Path, workers: tuple[str, ...]) -> None:
    wanted = ("-k", "x-acme or temperature.max or gate.temperature", "--max-examples", "3")
    done = ran(site, tmp_path, *wanted, "--report-dir", "out", *workers)
    assert done.returncode == 1, done.stdout + done.stderr  # the reference has no region: that fails pytest
    lines = [json.loads(line) for line in (tmp_path / "out/run.jsonl").read_text().splitlines()]
    verdicts = {line["rule"]: line["verdict"] for line in lines if line["kind"] == "result"}
    mine = {name: verdict for name, verdict in verdicts.items() if name.startswith("x-")}
    assert mine == {"x-acme.user.accepts": "passed", "x-acme.region": "failed", "x-acme.users.alike": "passed"}
    assert lines[0]["catalogue"] == load().hash
    assert lines[0]["vendors"] == [{"name": "x-acme", "package": "acme-rules", "version": "1.0", "rules": 3}]
    footer = lines[-1]
    assert footer["verdict"] == "conformant"
    assert sum(footer["counts"].values()) == len(verdicts) - 3
    assert footer["vendors"] == {"x-acme": {"passed": 2, "failed": 1}}
    assert "x-acme (rules of acme-rules 1.0, no part of the verdict)" in done.stdout
    assert "x-acme.region" in done.stdout
    run = read(tmp_path / "out")
    made = certificate.build(run)
    assert made["broken"] == []
    assert made["vendors"] == {"x-acme": {"passed": 2, "failed": 1}}
    assert "x-acme" not in made["counts"]["by_chapter"]
    for name in ("summary.md", "report.html"):
        page = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "has no header x-acme-region" in page, name
    assert "x-acme.region" not in (tmp_path / "out/report.sarif").read_text(encoding="utf-8")
    validate = pytest.importorskip("jsonschema_rs")
    schema = json.loads((PAGE.parents[2] / "reports/run.schema.json").read_text(encoding="utf-8"))
    for line in lines:
        validate.validate(schema, line)
    page = json.loads((PAGE.parents[2] / "reports/certificate.schema.json").read_text(encoding="utf-8"))
    validate.validate(page, made)
    if workers:
        return
    baseline = ran(site, tmp_path, *wanted, "--report-dir", "next", "--baseline", "out", *workers)
    assert baseline.returncode == 1


def merged(site: Path | None, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``chatproof merge`` says where the package of ``site`` is installed."""
    environment = clean_environment() | ({"PYTHONPATH": str(site)} if site else {})
    code = "import sys; from chatproof.conformance.cli import main; main(['merge', *sys.argv[1:]])"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_shards_are_merged_with_the_rules_of_vendors(site: Path, tmp_path: Path) -> None:
    wanted = ("--depth", "smoke", "-k", "x-acme or temperature or gate", "--max-examples", "1")
    whole = ran(site, tmp_path, *wanted, "--report-dir", "whole")
    parts = ("1", "2")
    for part in parts:
        ran(site, tmp_path, *wanted, "--shard", f"{part}/2", "--report-dir", part)
    done = merged(site, tmp_path, *parts, "-o", "joined")
    assert done.returncode == whole.returncode == 1, done.stderr + whole.stdout
    assert "x-acme, no part of the verdict: 1 failed, " in done.stdout
    one, two = read(tmp_path / "whole"), read(tmp_path / "joined")
    assert {line["rule"]: line["verdict"] for line in two.vendor} == {
        line["rule"]: line["verdict"] for line in one.vendor
    }
    assert {name: line["verdict"] for name, line in two.by_rule.items()} == {
        name: line["verdict"] for name, line in one.by_rule.items()
    }
    assert one.footer
    assert two.footer
    for name in ("vendors", "counts", "verdict"):
        assert two.footer[name] == one.footer[name], name
    assert two.header["vendors"] == one.header["vendors"]
    validate = pytest.importorskip("jsonschema_rs")
    schema = json.loads((PAGE.parents[2] / "reports/run.schema.json").read_text(encoding="utf-8"))
    for row in (tmp_path / "joined/run.jsonl").read_text(encoding="utf-8").splitlines():
        validate.validate(schema, json.loads(row))

    without = merged(None, tmp_path, *parts, "-o", "none")
    assert without.returncode == 2
    assert "rules of the package acme-rules 1.0 (x-acme) were asked; install it, then merge" in without.stderr
    assert len(without.stderr.splitlines()) == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
def test_a_broken_package_is_one_line(site: Path, tmp_path: Path) -> None:
    (site / "acme_rules.py").rename(site / "acme_rules.kept")
    try:
        (site / "acme_rules.py").write_text("import nothing_of_this_name\n")
        done = ran(site, tmp_path)
        command = "from chatproof.conformance.cli import main; main(['rules'])"
        environment = {**clean_environment(), "PYTHONPATH": str(site)}
        listed = subprocess.run(
            [sys.executable, "-c", command], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        os.replace(site / "acme_rules.kept", site / "acme_rules.py")
    assert done.returncode == 4
    said = (
        "ERROR: chatproof: rules of the package acme-rules: acme_rules:CHAPTER cannot be imported: ModuleNotFoundError"
    )
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert listed.returncode == 1
    assert listed.stderr.startswith("Error: rules of the package acme-rules: ")


# --- without a package ------------------------------------------------------------------------------------------------


def rule(name: str = "x-a.b.accepts", **rest: Any) -> RequestRule:
    known: dict[str, Any] = {"property": "user", "title": "does", "expect": Expect.ACCEPT, "strength": Strength.MUST}
    return RequestRule(id=name, **(known | {"source": SOURCE, "pins": (lean(user="a"),)} | rest))


def answer(name: str, check: Callable[..., Any], **rest: Any) -> AnswerRule:
    known: dict[str, Any] = {"property": "body", "title": "does", "strength": Strength.MUST, "source": SOURCE}
    return AnswerRule(id=name, **(known | {"applies": lambda exchange: True, "check": check, "pins": (lean(),)} | rest))


def of(*rules: Any, name: str = "x-a") -> vendor.Vendor:
    return vendor.Vendor(Chapter(name, "A", rules), "a-rules", "1")


def installed(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    """A package that brings a value."""
    point = EntryPoint("a", "a:b", vendor.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: value)
    monkeypatch.setattr(vendor, "entry_points", lambda group: [point])


WRONG = {
    "no chapter": (7, "a:b is no Chapter"),
    "a name without the prefix": (
        Chapter("acme", "A", ()),
        "the chapter is called 'acme'; a vendor's name begins with x-",
    ),
    "rules in a list": (Chapter("x-a", "A", [rule()]), "the rules of x-a are no tuple"),  # type: ignore[arg-type]
    "no rule": (Chapter("x-a", "A", (7,)), "x-a holds int, which is no RequestRule"),  # type: ignore[arg-type]
    "an id without the prefix": (
        Chapter("x-a", "A", (rule("temperature.accepts"),)),
        "'temperature.accepts' does not begin",
    ),
    "an id of another": (
        Chapter("x-a", "A", (rule("x-ab.accepts"),)),
        "the id 'x-ab.accepts' does not begin with x-a.",
    ),
    "a property that is none": (Chapter("x-a", "A", (rule(property="a b"),)), "x-a.b.accepts is about 'a b'"),
    "a vintage that is none": (Chapter("x-a", "A", (rule(since="1999"),)), "holds for a vintage that is not known"),
    "a pin that is none": (Chapter("x-a", "A", (rule(pins=({"a": {1}},)),)), "has a pin that cannot be sent"),
}


@pytest.mark.parametrize(("value", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_package(monkeypatch: pytest.MonkeyPatch, value: object, said: str) -> None:
    installed(monkeypatch, value)
    with pytest.raises(vendor.VendorError) as caught:
        vendor.found()
    assert said in str(caught.value)
    assert str(caught.value).endswith("; mend it, or uninstall a")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("vendors", "said"),
    [
        ((of(rule(), rule()),), "two rules are called x-a.b.accepts"),
        ((of(rule()), of(rule())), "two packages bring a chapter that is called x-a"),
        ((of(rule("x-a.b")),), "x-a.b should end in .accepts"),
        ((of(rule(needs=("flight",))),), "needs an unknown capability: ['flight']"),
        ((of(rule(pins=())),), "has neither pins nor examples"),
    ],
)
def test_what_does_not_go_with_the_catalogue(vendors: tuple[vendor.Vendor, ...], said: str) -> None:
    with pytest.raises(vendor.VendorError, match=re.escape(said)):
        vendor.extended(load(), vendors)


def test_the_catalogue_does_not_know_them() -> None:
    base = load()
    made = vendor.extended(base, [of(rule())])
    assert made.hash == base.hash
    assert [name for name in made.by_id if name not in base.by_id] == ["x-a.b.accepts"]
    assert vendor.extended(base, ()) is base
    assert base.by_id.keys() == load().by_id.keys()


def lines_of(url: str, *vendors: vendor.Vendor, only: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    session = Session(url, None, Access("CHATPROOF_TEST_KEY"), Settings(), vendors=vendors)
    try:
        session.open(None)
        wanted = [rule.id for one in vendors for rule in one.chapter.rules]
        wanted += [rule.id for rule in session.catalogue.by_id.values() if rule.id in only]
        session.ask_gates(wanted)
        session.submit(wanted)
        return {name: session.line(name) for name in wanted}
    finally:
        session.close()


def broken(*_: object) -> Any:
    raise RuntimeError("not ours")


def test_a_rule_that_raises_is_an_error_and_disturbs_no_other() -> None:
    one = of(
        rule("x-a.drawn.accepts", examples=st.builds(broken)),
        rule("x-a.odd.accepts", examples=st.just({"a": {1}})),
        rule("x-a.fit.accepts", fit=broken),
        answer("x-a.applies", lambda exchange: None, applies=broken),
        answer("x-a.check", broken),
        answer("x-a.fine", lambda exchange: None),
    )
    with served(Reference()) as url:
        lines = lines_of(url, one, only=("res.id", "temperature.max.accepts"))
    verdicts = {name: line["verdict"] for name, line in lines.items()}
    assert verdicts == {
        "x-a.drawn.accepts": "error",
        "x-a.odd.accepts": "error",
        "x-a.fit.accepts": "not_offered",
        "x-a.applies": "error",
        "x-a.check": "error",
        "x-a.fine": "passed",
        "res.id": "passed",
        "temperature.max.accepts": "passed",
    }
    assert lines["x-a.check"]["note"] == "the rule itself raises RuntimeError: not ours"


def test_what_a_vendor_makes_a_server_say_is_no_business_of_the_catalogue() -> None:
    def odd(body: dict[str, Any]) -> None:
        body["object"] = "acme.completion"

    with served(answering(odd)) as url:
        seen: list[str] = []
        one = of(rule(), answer("x-a.seen", lambda exchange: seen.append(exchange.request.content.decode())))
        session = Session(url, None, Access("CHATPROOF_TEST_KEY"), Settings(), vendors=[one])
        session.open(None)
        try:
            session.submit(["x-a.b.accepts", "x-a.seen"])
            assert session.line("x-a.b.accepts")["verdict"] == "passed"
            assert session.line("x-a.seen")["verdict"] == "passed"
            assert session.campaign is not None
            watched = session.campaign._sightings.of
        finally:
            session.close()
    assert any('"user": "a"' in content for content in seen)
    assert watched["res.object"].judged == 0
    assert watched["x-a.seen"].judged > 0


def test_a_vendor_can_send_what_it_likes() -> None:
    one = of(rule(pins=(Request(body=lean(), headers=(("x-acme", "1"),)),)))
    with served(Reference()) as url:
        assert lines_of(url, one)["x-a.b.accepts"]["verdict"] == "passed"


def test_only_what_holds_at_the_vintage() -> None:
    one = of(rule(), replace(rule("x-a.c.accepts"), since="2026-08"))
    assert "x-a.c.accepts" not in vendor.extended(load("2024-11"), [one]).by_id
    assert "x-a.c.accepts" in vendor.extended(load("2026-08"), [one]).by_id
