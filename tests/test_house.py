"""The house: who may import whom, what is documented, and that the packaging says each thing once."""

from __future__ import annotations

import ast
import graphlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from conftest import clean_environment

ROOT = Path(__file__).parents[1]
PACKAGES = ("conformance", "strategies", "reports")
ENTRIES = ("conformance.plugin", "conformance.cli")
"""Where runs begin: they know everybody, and nobody knows them."""

PURE = ("model", "exchange", "vintages", "sse", "judge", "redaction", "schemas", "rules")
"""What of the suite a chapter of rules may know, beside the strategies: none of it does I/O."""

HANDS = (
    "socket",
    "ssl",
    "asyncio",
    "threading",
    "subprocess",
    "httpx",
    "h11",
    "uvicorn",
    "starlette",
    "click",
    "pytest",
)
"""Modules that do I/O, or are there for those who do."""


def name_of(path: Path) -> str:
    """The module's name from the root, without ``chatproof``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    """The module, parsed."""
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


def statements(node: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    """All below a node but what only the type checker sees; with ``lazy`` also the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from statements(other, lazy=lazy)
        elif lazy or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from statements(child, lazy=lazy)


def place(module: str, node: ast.ImportFrom) -> str:
    """What an import from names, from the root: ``conformance.model`` for ours, the module itself for others."""
    if not node.level:
        return (node.module or "").removeprefix("chatproof.")
    package = FILES[module].parent.relative_to(ROOT).parts
    return ".".join((*package[: len(package) - node.level + 1], *filter(None, [node.module])))


@cache
def imports(module: str, *, lazy: bool) -> frozenset[str]:
    """The modules that a module imports: ours by their name here, others by the first part of theirs."""
    found: set[str] = set()
    for node in statements(tree_of(module), lazy=lazy):
        if isinstance(node, ast.ImportFrom):
            where = place(module, node)
            if where.split(".")[0] in PACKAGES:
                found |= {f"{where}.{a.name}" if f"{where}.{a.name}" in FILES else where for a in node.names}
            else:
                found.add(where.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return frozenset(found)


def below(module: str, *prefixes: str) -> bool:
    """Whether a module is one of these packages, or lies in one."""
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def ours(module: str) -> set[str]:
    """The modules of ours that it imports, anywhere."""
    return {other for other in imports(module, lazy=True) if below(other, *PACKAGES)}


def test_every_import_is_seen() -> None:
    assert len(FILES) > 100
    assert "conformance.model" in imports("conformance.judge", lazy=False)
    assert "conformance.rules.gates" in imports("conformance.catalogue", lazy=True) - imports(
        "conformance.catalogue", lazy=False
    )
    assert "reports.reading" not in imports("conformance.options", lazy=False)  # there for the type checker only
    assert "reports.reading" in imports("conformance.options", lazy=True)
    unknown = {(m, other) for m in FILES for other in ours(m) if other not in FILES}
    assert unknown == set()


@pytest.mark.parametrize("package", ["strategies", "reports", "conformance.reference"])
def test_a_package_that_knows_nobody_of_ours(package: str) -> None:
    members = [module for module in FILES if below(module, package)]
    assert len(members) > 5
    assert {(m, other) for m in members for other in ours(m) if not below(other, package)} == set()


def test_strategies_know_hypothesis_and_no_network() -> None:
    found = {other for m in FILES if below(m, "strategies") for other in imports(m, lazy=True)}
    assert "hypothesis" in found
    assert found & {*HANDS, "os", "pathlib"} == set()


def test_rules_do_no_io() -> None:
    allowed = ("strategies", *(f"conformance.{name}" for name in PURE))
    members = [module for module in FILES if below(module, "conformance.rules")]
    assert {(m, other) for m in members for other in ours(m) if not below(other, *allowed)} == set()
    # what the rules lean on must do none either
    reached = {*members, *(f"conformance.{name}" for name in PURE if f"conformance.{name}" in FILES)}
    assert {(m, other) for m in reached for other in imports(m, lazy=True) if other in HANDS} == set()


def test_nobody_knows_the_entries() -> None:
    found = {(m, other) for m in FILES for other in ours(m) if below(other, *ENTRIES) and not below(m, *ENTRIES)}
    assert found == set()
    assert {
        other for m in FILES if below(m, "conformance.cli") for other in ours(m) if other == "conformance.plugin"
    } == set()


def test_the_plugin_is_light() -> None:
    """Every pytest run of a user loads it: without --endpoint it must cost nothing."""
    assert {other for other in imports("conformance.plugin", lazy=False) if below(other, *PACKAGES)} == set()
    assert imports("conformance.plugin", lazy=False) & {"hypothesis", "httpx", "jinja2", "starlette"} == set()


def test_no_cycle() -> None:
    graph = {module: {o for o in imports(module, lazy=False) if o in FILES and o != module} for module in FILES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises where there is one


# --- documentation -----------------------------------------------------------------------------------------------


@cache
def used_elsewhere() -> set[tuple[str, str]]:
    """Names that a module takes from another of ours, as (module, name)."""
    found: set[tuple[str, str]] = set()
    for module in FILES:
        alias: dict[str, str] = {}
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ImportFrom):
                where = place(module, node)
                found |= {(where, item.name) for item in node.names}
                alias |= {item.asname or item.name: f"{where}.{item.name}" for item in node.names}
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in alias:
                found.add((alias[node.value.id], node.attr))
    return found


def row_of_a_table(module: str, node: ast.stmt) -> bool:
    """Whether a function is a row of a chapter's or the reference's table, which says there what it is about."""
    if not isinstance(node, ast.FunctionDef):
        return False
    if below(module, "conformance.rules"):
        return (module, node.name) not in used_elsewhere()
    made = ("Iterator[Reason]", "CheckFunction")
    return below(module, "conformance.reference") and ast.unparse(node.returns or node) in made


def test_all_that_is_public_has_a_docstring() -> None:
    bare = [module for module in FILES if not ast.get_docstring(tree_of(module))]
    for module in FILES:
        for node in tree_of(module).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not row_of_a_table(module, node):
                bare.append(f"{module}.{node.name}")
    assert bare == []


# --- packaging ---------------------------------------------------------------------------------------------------

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_listed_and_typed() -> None:
    listed = {name.removeprefix("chatproof.").replace(".", "/") for name in PROJECT["tool"]["setuptools"]["packages"]}
    there = {str(path.parent.relative_to(ROOT)) for path in FILES.values()}
    assert listed == there
    assert {package for package in listed if not (ROOT / package / "py.typed").exists()} == set()


def test_the_version_stands_in_one_place() -> None:
    version = PROJECT["project"]["version"]
    assert importlib.metadata.version("chatproof") == version, "install the checkout again: pip install -e ."
    holders = {m for m, path in FILES.items() if f'"{version}"' in path.read_text(encoding="utf-8")}
    assert holders == set()
    assert f"## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_says_why_and_from_which_version() -> None:
    project = PROJECT["project"]
    needed = [*project["dependencies"], *(row for rows in project["optional-dependencies"].values() for row in rows)]
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    for row in needed:
        said = [line for line in lines if f'"{row}"' in line and not line.startswith("requires")]
        assert said
        assert all(re.search(r"  # \S.{9,}", line) for line in said), f"say in a line why: {row}"
        assert ">=" in row, f"no lower bound: {row}"


BROUGHT = {"xdist": "pytest_xdist", "pydantic": "openai"}
"""Modules whose distribution has another name, or comes with one that is declared."""


def test_every_import_is_a_declared_dependency() -> None:
    """At the top of a module; inside a function it may be one of an extra."""
    project = PROJECT["project"]
    extras = [row for rows in project["optional-dependencies"].values() for row in rows]
    for lazy, rows in ((False, project["dependencies"]), (True, [*project["dependencies"], *extras])):
        declared = {re.split("[<>=]", row)[0].lower().replace("-", "_") for row in rows}
        foreign = {BROUGHT.get(o, o) for m in FILES for o in imports(m, lazy=lazy) if not below(o, *PACKAGES)}
        assert foreign - set(sys.stdlib_module_names) - declared == set()


@pytest.mark.nightly
def test_a_wheel_can_be_made_again(tmp_path: Path) -> None:
    """Two builds in different folders, of copies of the sources, have the same bytes."""
    hashes: list[str] = []
    for turn in ("one", "another"):
        source, target = tmp_path / turn / "source", tmp_path / turn / "wheel"
        unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*venv*", ".git", "build", "tests", "*-report")
        shutil.copytree(ROOT, source, ignore=unwanted)
        for path in source.rglob("*.py"):
            os.utime(path, (1_600_000_000 + len(hashes), 1_600_000_000 + len(hashes)))  # must not matter
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(target), str(source)]
        environment = clean_environment() | {"SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": str(len(hashes))}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        (wheel,) = target.iterdir()
        hashes.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]
