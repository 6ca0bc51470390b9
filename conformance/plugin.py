"""pytest hooks, and nothing else. Without ``--endpoint`` the plugin does nothing and imports nothing heavy."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .session import Session

UNREACHABLE = 6
"""Exit code: endpoint unreachable, canary refused, or a rule that was to be asked was not."""

_HANDED = "chatproof"


def _session(config: pytest.Config) -> Session | None:
    if not getattr(config, "_chatproof", False):
        return None
    from .suite import SESSION

    return config.stash.get(SESSION, None)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _input(config: Any) -> dict[str, Any]:
    """What xdist's controller handed to this worker."""
    return config.workerinput


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Add the options, but only for a run that names an endpoint (or asks for help), so that no suite is disturbed."""
    if any(arg == "--endpoint" or arg.startswith("--endpoint=") or arg in ("-h", "--help") for arg in args):
        from . import options

        try:
            options.register(parser)
        except ValueError as error:
            raise pytest.UsageError(
                f"chatproof: another plugin or conftest has an option of the same name: {error}"
            ) from None


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and make the suite what is collected when the user named no path."""
    worker = _is_worker(config)
    handed = _input(config).get(_HANDED) if worker else None
    endpoint: Any = config.getoption("endpoint", None)
    if not handed and (worker or endpoint is None):
        return
    from . import options

    if config.args_source is not pytest.Config.ArgsSource.ARGS or all(map(_is_ours, config.args)):
        from .scratch import leave_nothing_behind  # with tests of his own the user's place for Hypothesis stays

        leave_nothing_behind()  # before anything makes a strategy
    with warnings.catch_warnings():
        # Hypothesis warns of plugins that make strategies this early; the catalogue is made of them, and only now
        warnings.filterwarnings("ignore", "Slow code in plugin")
        # all of it in workers too: Hypothesis draws constants from what is imported
        from . import handover, progress
        from .catalogue import load
        from .opening import from_options
        from .profile import Profile
        from .suite import ANCHOR, SESSION, all_markers
        from .workers import Controller

        profile = Profile() if handed else options.profile(config)
        vintage = handed["settings"]["vintage"] if handed else options.vintage(config, profile)
        load(vintage)
        vendors = () if handed else options.vendors(vintage)
    if handed:
        session = handover.taken_over(handed, int(_input(config).get("workercount", 1)))
    else:
        session = from_options(config, endpoint, profile, vendors)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(ANCHOR)]
    else:  # a node id as reports print it
        config.args = [
            str(ANCHOR) + arg.removeprefix("chatproof") if arg.startswith("chatproof::") else arg for arg in config.args
        ]
    config._chatproof = True  # type: ignore[attr-defined]
    config.stash[SESSION] = session
    config.pluginmanager.register(Recorder(session), "chatproof-recorder")
    if not handed:
        config.pluginmanager.register(Controller(session), "chatproof-controller")
    if not worker and not (config.option.collectonly or config.option.plan):
        progress.install(config, session)
    for name in all_markers(session.catalogue):
        config.addinivalue_line("markers", f"{name}: chatproof rules about {name}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """In the controller or the single process: find the endpoint and ask the gates, or stop with exit code 6."""
    config = session.config
    run = _session(config)
    if run is None or _is_worker(config) or not _collects_suite(config):
        return
    if config.option.collectonly or config.option.plan:
        return
    from ..reports.jsonl import FolderError
    from .resume import ResumeError
    from .target import EndpointError

    try:
        run.open(lambda: (config.option.report_dir, Path(config.invocation_params.dir)))
        if config.pluginmanager.hasplugin("dsession"):
            run.ask_gates()  # which rules the workers will ask is not known yet
    except EndpointError as error:
        run.close()
        pytest.exit(f"chatproof: {error}", returncode=UNREACHABLE)
    except FolderError as error:
        run.close()
        raise pytest.UsageError(f"--report-dir: {error}") from None
    except ResumeError as error:
        run.close()
        raise pytest.UsageError(f"--resume: {error}") from None


def _is_ours(arg: object) -> bool:
    """Whether an argument names the suite: as reports print it, or, in a worker, by its file."""
    return Path(str(arg).split("::")[0]) in (Path("chatproof"), Path(__file__).with_name("suite.anchor"))


def _collects_suite(config: pytest.Config) -> bool:
    from .suite import ANCHOR

    return any(str(arg).split("::")[0] == str(ANCHOR) for arg in config.args)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the outcome of the opening to an xdist worker."""
    run = _session(node.config)
    if run is not None and run.target is not None:
        from .handover import handed_over

        node.workerinput[_HANDED] = handed_over(run, len(node.nodemanager.specs))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """Remember which rules the workers are to ask."""
    run = _session(node.config)
    if run is not None:
        run.expected = {name.removeprefix("chatproof::") for name in ids if name.startswith("chatproof::")}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what an xdist worker sent, and what it saw of a server that went away."""
    run = _session(node.config)
    outcome = getattr(node, "workeroutput", {}).get(_HANDED)
    if run is not None and outcome:
        from .handover import add

        add(run, outcome)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The anchor file stands for the catalogue."""
    if not getattr(parent.config, "_chatproof", False):
        return None
    from .suite import ANCHOR, Suite

    if file_path != ANCHOR:
        return None
    return Suite.from_parent(  # pyright: ignore[reportUnknownMemberType]  # pytest has no types there
        parent, path=file_path, nodeid="chatproof"
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which rules are to be asked."""
    run = _session(session.config)
    if run is not None:
        from .suite import RuleItem

        run.expected = {item.name for item in session.items if isinstance(item, RuleItem)}


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """In a single process: ask the gates of the rules that were selected; with ``--plan`` only say what they need."""
    config = session.config
    run = _session(config)
    if run is not None and getattr(config.option, "plan", False) and _collects_suite(config):
        _plan(config, run)
        return True
    if run is not None and run.campaign is not None and not config.pluginmanager.hasplugin("dsession"):
        run.ask_gates(run.expected)
    return None


def _plan(config: pytest.Config, run: Session) -> None:
    """Print what the selected rules would send."""
    from . import cuts
    from .estimate import planned, table

    rules = [rule for name, rule in run.catalogue.by_id.items() if name in run.expected and run.asks(rule)]
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        limits = (run.budget.requests, run.budget.tokens) if run.budget else (None, None)
        found = planned(run.catalogue, run.settings, rules, limits, run.profile)
        lines = table(found.rows)
        if found.cut:
            lines += ["", *cuts.sentences(found.cut, *limits)]
        for line in lines:
            reporter.write_line(line)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """In a worker: what is judged on the traffic of all, and what was seen broken, is left to the controller."""
    run = _session(item.config)
    if run is None or not run.is_worker:
        return None
    from .suite import RuleItem
    from .workers import left_to_controller

    return True if isinstance(item, RuleItem) and left_to_controller(item) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """Attach the record line to the report, so that it travels from a worker to the controller."""
    report = yield
    line = getattr(item, "line", None)
    if line is not None and call.when == "call":
        report.chatproof = line
        if (run := _session(item.config)) is not None and run.is_worker:
            from .workers import SENT

            setattr(report, SENT, run.sent)
    return report


class Recorder:
    """Takes the lines that come with reports (from workers) into the controller's record."""

    def __init__(self, run: Session) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Append the line of a rule whose report arrived."""
        line = getattr(report, "chatproof", None)
        if line is not None:
            self.run.take(line)

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self) -> None:
        """Stop first: pytest now parses sources for its traceback, which fails while a drawing thread parses, too."""
        self.run.finish_asking()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Stop the traffic, end the record, and say by the exit code when rules were not asked."""
    run = _session(session.config)
    if run is None:
        return
    from . import handover, standing
    from .reporting import report

    if session.testsfailed and session.config.getoption("maxfail"):
        run.expected.clear()  # -x and --maxfail leave rules out on purpose
    run.close()
    if _is_worker(session.config):
        worker: Any = session.config
        worker.workeroutput[_HANDED] = handover.outcome(run)
    if (
        not _is_worker(session.config)
        and session.exitstatus == pytest.ExitCode.OK
        and run.target is not None
        and not standing.complete(run)
    ):
        session.exitstatus = UNREACHABLE
    if run.folder is not None and not _is_worker(session.config):
        report(session, run)
        if session.exitstatus == pytest.ExitCode.OK and run.settings.strict and standing.waiver_remarks(run):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED  # last: a baseline that is kept excuses no stale waiver


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The verdict in plain words."""
    run = _session(config)
    if run is not None and run.target is not None and run.lines:
        from .reporting import tell

        tell(terminalreporter, config, run)
