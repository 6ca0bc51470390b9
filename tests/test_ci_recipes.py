"""The CI recipes run: their scripts are taken out of the files and executed against the embedded reference."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import clean_environment

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
ACTION = ROOT / ".github" / "actions" / "chatproof" / "action.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
GITHUB_EXAMPLE = ROOT / ".ci" / "examples" / "github.yml"
GITLAB_EXAMPLE = ROOT / ".ci" / "examples" / "gitlab-ci.yml"
CONTAINER = ROOT / ".ci" / "Containerfile"
HOOKS = ROOT / ".pre-commit-hooks.yaml"
HOOKS_EXAMPLE = ROOT / ".ci" / "examples" / "pre-commit-config.yaml"
ONE_RULE = "-k temperature.max.refuses"


def load(path: Path) -> Any:
    """The file as YAML."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps() -> dict[str, dict[str, Any]]:
    """The steps of the composite action by name."""
    return {step["name"]: step for step in load(ACTION)["runs"]["steps"]}


def expanded(text: str, inputs: dict[str, str]) -> str:
    """The text with ``${{ inputs.NAME }}`` in place, as GitHub does it; fails on an input that is not declared."""
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)


def shell(script: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A script as GitHub and GitLab run it: bash that stops at the first failure."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def act(tmp_path: Path) -> Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, str], Path]]:
    """Runs a step of the action with inputs given over the defaults: what it printed, its outputs, the checkout."""
    workspace, temporary = tmp_path / "a checkout", tmp_path / "temp"
    workspace.mkdir()
    # what a vendor's own repository may hold and the action must not trip over
    (workspace / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--no-such-option"\n')
    (workspace / "conftest.py").write_text("raise SystemExit('the conftest.py of the checkout was loaded')\n")

    def run(step: str, **given: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str], Path]:
        declared = load(ACTION)["inputs"]
        inputs = {name: row.get("default", "") for name, row in declared.items()}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        assert set(inputs) == set(declared)
        output, summary = tmp_path / "output", tmp_path / "summary.md"
        output.write_text("")
        summary.write_text("")
        names = {name: expanded(value, inputs) for name, value in steps()[step]["env"].items()}
        github = {
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_ACTION_PATH": str(ACTION.parent),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temporary),
        }
        done = shell(steps()[step]["run"], names | github, workspace)
        return done, dict(line.split("=", 1) for line in output.read_text().splitlines()), workspace

    (temporary / "chatproof").mkdir(parents=True)
    (temporary / "chatproof" / "bin").symlink_to(BIN)
    return run


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("vendor.github-actions", [ACTION]),
        ("vendor.github-workflows", [WORKFLOW, GITHUB_EXAMPLE]),
        ("vendor.gitlab-ci", [GITLAB_EXAMPLE]),
    ],
    ids=["action", "workflows", "gitlab"],
)
def test_the_services_own_schemas_accept_the_files(schema: str, paths: list[Path]) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=clean_environment())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_runs_the_suite_and_says_what_came_of_it(act: Any, tmp_path: Path) -> None:
    # tests/test_waivers.py and tests/test_compare.py show what the two files do; here they only have to arrive
    waivers = tmp_path / "a checkout" / "waivers.toml"
    waivers.write_text(
        '[[waiver]]\nrule = "n.max.accepts"\nsymptom = "crashed"\nreason = "r"\nowner = "o"\nexpires = 2999-01-01\n'
    )
    done, outputs, workspace = act(
        "Run", endpoint="reference", depth="smoke", waivers="waivers.toml", args="-k 'temperature.max or n.max'"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs == {"exit-code": "0", "verdict": "incomplete"}  # a selection is no whole run
    report = workspace / "chatproof-report"
    assert {"run.jsonl", "report.html", "report.sarif", "junit.xml", "badge.svg"} <= {p.name for p in report.iterdir()}
    header = json.loads((report / "run.jsonl").read_text().splitlines()[0])
    assert header["settings"]["depth"] == "smoke"
    assert "temperature.max.refuses" in (report / "run.jsonl").read_text()
    assert (tmp_path / "summary.md").read_text().startswith("## chatproof")


def test_the_action_fails_with_the_code_of_the_run_and_pastes_no_input(act: Any, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/here); `touch {tmp_path}/here` \" '; touch {tmp_path}/here"
    done, outputs, _ = act("Run", endpoint="reference", baseline=evil)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "--baseline" in done.stderr
    assert outputs == {"exit-code": "4", "verdict": ""}
    assert not (tmp_path / "here").exists()
    scripts = [step["run"] for step in steps().values() if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_the_vendors_workflow_gives_the_action_only_inputs_that_it_has() -> None:
    declared, asked = load(ACTION)["inputs"], 0
    for path in (GITHUB_EXAMPLE, WORKFLOW):
        for job in load(path)["jobs"].values():
            for step in job["steps"]:
                if "actions/chatproof" in step.get("uses", ""):
                    asked += 1
                    assert set(step["with"]) <= set(declared)
                    assert {name for name, row in declared.items() if row.get("required")} <= set(step["with"])
    assert asked == 2


def test_the_projects_workflow_calls_scripts_that_are_there() -> None:
    commands = [step["run"] for job in load(WORKFLOW)["jobs"].values() for step in job["steps"] if "run" in step]
    ours = [shlex.split(command) for command in commands if command.startswith(".ci/")]
    assert len(ours) >= 4
    check = (ROOT / ".ci" / "check").read_text()
    for words in ours:
        assert os.access(ROOT / words[0], os.X_OK), words
        assert len(words) == 1 or f"\n{words[1]}() {{\n" in check, words
    for script in (ROOT / ".ci" / "check", ROOT / ".ci" / "run"):
        assert subprocess.run(["bash", "-n", str(script)], check=False, timeout=10).returncode == 0


@pytest.mark.slow
def test_the_gitlab_job_runs(tmp_path: Path) -> None:
    job = load(GITLAB_EXAMPLE)["conformance"]
    (command,) = job["script"]
    assert "/tmp/chatproof/bin/pytest" in command
    assert job["before_script"][0].endswith("/tmp/chatproof")
    command = command.replace("/tmp/chatproof/bin", shlex.quote(str(BIN)))
    done = shell(command, {"ENDPOINT": "reference", "PYTEST_ADDOPTS": ONE_RULE}, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    kept = job["artifacts"]["paths"][0]
    assert (tmp_path / kept / "run.jsonl").exists()
    assert (tmp_path / job["artifacts"]["reports"]["junit"]).read_text().count("<testcase") == 1


def hook(name: str) -> dict[str, Any]:
    """The entry of that id in the manifest."""
    return next(row for row in load(HOOKS) if row["id"] == name)


def test_the_hooks_of_the_example_are_those_of_the_manifest() -> None:
    (repository,) = load(HOOKS_EXAMPLE)["repos"]
    assert [row["id"] for row in repository["hooks"]] == [row["id"] for row in load(HOOKS)]
    (run, waivers) = repository["hooks"]
    assert run["args"][::2] == ["--endpoint", "--start"]
    assert re.search(waivers["files"], "conformance/waivers.toml")
    assert re.search(hook("chatproof-waivers")["files"], "conformance/waivers.toml")


@pytest.mark.slow
def test_the_hook_before_a_push_runs(tmp_path: Path) -> None:
    row = hook("chatproof")
    assert row["args"][0] == "--endpoint"
    command = f"PATH={shlex.quote(str(BIN))}:$PATH {row['entry']} {row['args'][0]} reference --report-dir report"
    done = shell(command, {"PYTEST_ADDOPTS": ONE_RULE}, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report" / "run.jsonl").exists()


def test_the_hook_for_waivers_refuses_an_unknown_rule(tmp_path: Path) -> None:
    waivers = tmp_path / "waivers.toml"
    waivers.write_text('[[waiver]]\nrule = "no.such.rule"\nreason = "r"\nowner = "o"\nexpires = 2999-01-01\n')
    done = shell(f"PATH={shlex.quote(str(BIN))}:$PATH {hook('chatproof-waivers')['entry']} waivers.toml", {}, tmp_path)
    assert done.returncode == 4
    assert "no.such.rule" in done.stderr
    assert "Traceback" not in done.stderr


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile with their arguments, in order."""
    text = re.sub(r"\\\n", " ", CONTAINER.read_text(encoding="utf-8"))
    rows = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (row.partition(" ") for row in rows)]


def test_the_container_copies_what_is_there_and_runs_as_nobody_special() -> None:
    rows = instructions()
    for words in (shlex.split(rest) for word, rest in rows if word == "COPY"):
        if not words[0].startswith("--from"):
            assert all((ROOT / source).exists() for source in words[:-1]), words
    last = max(number for number, (word, _) in enumerate(rows) if word == "FROM")
    users = [rest for word, rest in rows[last:] if word == "USER"]
    assert users
    assert users[-1] not in ("root", "0")
    assert all(":" in rest.split()[0] for word, rest in rows if word == "FROM")
    assert "-slim" in rows[last][1]


def test_every_command_is_there_and_knows_its_options(tmp_path: Path) -> None:
    done = shell(f"{shlex.quote(str(BIN))}/pytest --endpoint reference --help", {}, tmp_path)
    known = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout))
    scripts = [load(GITLAB_EXAMPLE)["conformance"]["script"][0], shlex.join(container_command())]
    scripts += [f"{row['entry']} {shlex.join(row.get('args', []))}" for row in load(HOOKS)]
    scripts += [shlex.join(row.get("args", [])) for row in load(HOOKS_EXAMPLE)["repos"][0]["hooks"]]
    scripts += [steps()["Run"]["run"].partition('"$bin/pytest"')[2].partition("||")[0]]
    scripts += re.findall(r"more\+=\(([^)]*)\)", steps()["Run"]["run"])
    asked = [word for script in scripts for word in shlex.split(script) if re.match("--?[a-z]", word)]
    assert len(asked) > 30
    assert set(asked) - known == set()
    assert all(Path(shlex.split(script)[0]).name == "pytest" for script in scripts[:4])


def container_command() -> list[str]:
    """What the container runs without arguments."""
    rows = dict(instructions())
    return [*json.loads(rows["ENTRYPOINT"]), *json.loads(rows["CMD"])]


def copied(target: Path) -> Path:
    """What of the checkout an installation needs, elsewhere, so that building leaves nothing in the checkout."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*venv*", ".git", "build", "tests", "*-report")
    shutil.copytree(ROOT, target, ignore=unwanted)
    return target


@pytest.mark.slow
def test_the_action_installs_itself_and_runs(act: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temp" / "chatproof" / "bin").unlink()
    monkeypatch.setattr(sys.modules[__name__], "ACTION", copied(tmp_path / "code") / ACTION.relative_to(ROOT))
    script = steps()["Install"]["run"].replace("$INPUT_PYTHON", sys.executable)
    assert "env" in steps()["Install"]
    environment = {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_ACTION_PATH": str(ACTION.parent)}
    done = shell(script, environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    done, outputs, _ = act("Run", endpoint="reference", depth="smoke")
    assert (done.returncode, outputs["verdict"]) == (0, "conformant"), done.stdout + done.stderr


@pytest.mark.slow
def test_the_container_builds_from_what_it_copies(tmp_path: Path) -> None:
    """Its build stage, in a folder with the copied files only, and its command in what comes of that."""
    rows = instructions()
    source = copied(tmp_path / "code")
    context, place = tmp_path / "context", tmp_path / "opt"
    context.mkdir()
    for words in (shlex.split(rest) for word, rest in rows if word == "COPY"):
        if not words[0].startswith("--from"):
            for name in words[:-1]:
                if (source / name).is_dir():
                    shutil.copytree(source / name, context / words[-1])
                else:
                    shutil.copy(source / name, context / words[-1])
    build = next(rest for word, rest in rows if word == "RUN")
    build = build.replace("/opt/chatproof", str(place)).replace("python -m venv", f"{sys.executable} -m venv")
    done = shell(build, {}, context)
    assert done.returncode == 0, done.stdout + done.stderr
    done = shell(f"PATH={place}/bin:$PATH {shlex.join(container_command())}", {"PYTEST_ADDOPTS": ONE_RULE}, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
