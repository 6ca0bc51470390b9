"""The pages for users do not rot: their commands run, their links lead somewhere, their TOML is taken."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from chatproof import strategies
from chatproof.conformance.cli import main
from chatproof.conformance.reference import serve as reference
from chatproof.conformance.waiver_file import load
from click.testing import CliRunner
from conftest import Ran

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "conformance" / "CERTIFY.md",
    ROOT / "conformance" / "CI.md",
    ROOT / "conformance" / "WAIVERS.md",
    ROOT / "conformance" / "DESIGN.md",
    ROOT / "strategies" / "README.md",
)
FEW = "temperature.max or temperature.type"
"""What a run of a page's command is narrowed to, where the command does not select by itself."""

# a run in this process leaves connections to the collector, which may complain in a later test
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


def fenced(page: Path, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The words of each command of the page's ``sh`` blocks, in order, without comments."""
    rows = [row for block in fenced(page, "sh") for row in block.splitlines()]
    return [words for row in rows if (words := shlex.split(row, comments=True))]


def written(words: list[str], url: str) -> list[str]:
    """The command's arguments with the URL in place, and small."""
    small = {"URL": url, "default": "smoke", "nightly": "smoke"}
    arguments = [small.get(word, word) for word in words[1:]]
    if words[0] == "pytest":
        arguments += [] if "-k" in words else ["-k", FEW]
        arguments += ["--max-examples", "1"]
    return arguments


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    """URL of a reference that keeps every rule."""
    with reference.start() as url:
        yield url


@pytest.fixture
def obey(ask: Callable[..., Ran], pytester: pytest.Pytester) -> Callable[[list[str], str], tuple[int, str]]:
    """Runs a command of a page in this process, in pytester's folder: its exit code and output."""

    def run(words: list[str], url: str) -> tuple[int, str]:
        arguments = written(words, url)
        if words[0] == "pytest":
            done = ask("-q", *arguments, report="--report-dir" not in words)
            return done.code, done.out
        if words[0] == "chatproof":
            result = CliRunner().invoke(main, arguments)
            assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
            return result.exit_code, result.output
        assert words[0] == "touch", f"no page needs more than pytest, chatproof and touch: {words}"
        (pytester.path / words[1]).touch()
        return 0, ""

    return run


@pytest.mark.parametrize("name", ["CERTIFY.md", "CI.md"])
def test_the_commands_of_a_page_succeed_on_a_good_server(
    name: str, obey: Callable[..., tuple[int, str]], good: str
) -> None:
    asked = commands(ROOT / "conformance" / name)
    assert len(asked) >= 5
    for words in asked:
        code, said = obey(words, good)
        if words[:2] == ["chatproof", "verify"]:  # of a selection, as all is here
            assert (code, len(said.splitlines())) == (1, 1), said
            assert "were selected" in said
        else:
            assert code == 0, f"{shlex.join(words)} ended with {code}:\n{said}"


async def lenient(request: servers.Received, talk: servers.Talk) -> None:
    """Takes a temperature above 2, which it must refuse."""
    value = request.value("temperature")
    hot = type(value) in (int, float) and value > 2
    await (servers.agreeable if hot else servers.strict)(request, talk)


def test_the_way_from_a_broken_rule_to_a_waived_one(
    obey: Callable[..., tuple[int, str]], serve: Callable[..., servers.Server], pytester: pytest.Pytester
) -> None:
    """WAIVERS.md with a server that has the failure which its example waives."""
    page = ROOT / "conformance" / "WAIVERS.md"
    (example,) = fenced(page, "toml")
    first, draft, second, check = commands(page)
    url = serve(lenient).url
    assert obey(first, url)[0] == 1
    code, said = obey(draft, url)
    assert code == 0, said
    drafted = (pytester.path / "waivers.toml").read_text()
    assert [row for row in example.splitlines() if row.startswith(("rule", "symptom"))] == [
        row for row in drafted.splitlines() if row.startswith(("rule", "symptom"))
    ]
    code, said = obey(second, url)  # the draft as it is
    assert (code, "TODO" in said) == (4, True), said
    (pytester.path / "waivers.toml").write_text(example)
    for words in (second, check):
        code, said = obey(words, url)
        assert code == 0, said
    assert "1 waived" in obey(second, url)[1]


def test_the_example_of_a_waiver_is_one(tmp_path: Path) -> None:
    for number, text in enumerate(fenced(ROOT / "conformance" / "WAIVERS.md", "toml")):
        (tmp_path / f"{number}.toml").write_text(text)
        assert load(tmp_path / f"{number}.toml", {"temperature.max.refuses": "must"}).entries


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            other = page.parent / path if path else page
            assert other.exists(), target
            assert not anchor or anchor in anchors(other), target


def test_the_python_of_the_strategies_page_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(*fenced(ROOT / "strategies" / "README.md", "python"))
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_strategies_page_names_all_that_is_public() -> None:
    named = set(re.findall(r"`(\w+)\((?!chatproof)", (ROOT / "strategies" / "README.md").read_text(encoding="utf-8")))
    assert named == set(strategies.__all__) - {"MODEL"}


def test_the_design_names_modules_that_are_there() -> None:
    page = (ROOT / "conformance" / "DESIGN.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| [^|\n]* \| (.*) \|$", page, re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    named |= set(re.findall(r"^(\w+)/? {2}", fenced(ROOT / "conformance" / "DESIGN.md", "")[0], re.MULTILINE))
    assert len(named) > 20
    there = {path.stem for folder in (ROOT, ROOT / "conformance") for path in folder.iterdir()}
    assert named - there == set()
