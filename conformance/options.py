"""The command-line options of the plugin, and what they mean once checked. Light: imports no heavy module."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import access
from .access import DEFAULT_KEY_VARIABLE
from .vintages import FIRST, VINTAGES

if TYPE_CHECKING:
    from ..reports.reading import Run
    from .budget import Budget
    from .profile import Profile
    from .resume import Earlier
    from .session import Session
    from .vendor import Vendor
    from .waivers import Waivers

DEPTH_NAMES = ("smoke", "default", "nightly", "certify")
OPENAI_HOST = "api.openai.com"


def number(low: int, high: int) -> Any:
    """An argparse type for an integer within bounds; a wrong value becomes a usage error that names the option."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high}")
        return value

    return parse


def share(text: str) -> Any:
    """An argparse type for ``I/N``."""
    from .shards import parse

    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def register(parser: pytest.Parser) -> None:
    """Add the options. Called only when ``--endpoint`` is among the arguments, so that no other suite is disturbed."""
    group = parser.getgroup("chatproof", "conformance of an OpenAI-compatible chat-completions endpoint")
    add = group.addoption
    add("--endpoint", metavar="URL", help="base URL of the server under test, or 'reference' for the embedded one")
    add("--model", metavar="NAME", default=None, help="model to ask for (default: the first of GET /models)")
    add(
        "--api-key-env",
        metavar="NAME",
        default=None,
        help=f"environment variable that holds the API key (default: {DEFAULT_KEY_VARIABLE})",
    )
    add("--depth", choices=DEPTH_NAMES, default="default", help="how much of each rule is asked")
    add("--max-examples", metavar="N", type=number(0, 100_000), default=None, help="drawn bodies per rule")
    add(
        "--conformance-profile",
        metavar="NAME|FILE",
        default="auto",
        help="what the server claims to offer: a shipped profile or a TOML file (default: what its gates show)",
    )
    add(
        "--vintage",
        choices=VINTAGES,
        default=None,
        help=f"version of the specification (default: the profile's, else {FIRST})",
    )
    add(
        "--parity",
        action="store_true",
        help="hold refusals against the original service's statuses and error forms",
    )
    add("--safe", action="store_true", help="leave out requests that have killed engines")
    add("--plan", action="store_true", help="say how many requests and tokens the run would take, and send nothing")
    add(
        "--max-requests",
        metavar="N",
        type=number(1, 10**9),
        help="ceiling of the whole run, retries and proofs included",
    )
    add(
        "--max-tokens-total",
        metavar="N",
        type=number(1, 10**12),
        help="ceiling of completion tokens of the whole run: what answers tell, else what their requests allow",
    )
    add("--in-flight", metavar="N", type=number(1, 512), default=16, help="requests under way at once (default: 16)")
    add(
        "--start",
        metavar="COMMAND",
        default=None,
        help="starts the server, restarts it when it dies, stops it at the end",
    )
    add(
        "--example-database",
        metavar="PLACE",
        action="append",
        default=[],
        help="bodies that failed before are asked first: a directory, redis://HOST, github:OWNER/REPO; may be repeated",
    )
    add("--baseline", metavar="RUN", default=None, help="an earlier run: only what is worse than there fails")
    add("--waivers", metavar="FILE", default=None, help="known failures with reason, owner and end (chatproof waivers)")
    add("--shard", metavar="I/N", type=share, default=None, help="part I of N of the run (chatproof merge joins them)")
    add("--resume", action="store_true", help="continue the run in --report-dir: what is finished is not asked again")
    access.register(add)
    add("--report-dir", metavar="DIR", default=None, help="folder for the run record (default: a new one per run)")


def strict(config: pytest.Config) -> bool:
    """Whether ``--strict`` was given. The option is pytest's own; here it also turns warnings into failures."""
    overrides: list[str] = getattr(config.option, "override_ini", None) or []
    return getattr(config.option, "strict", False) is True or "strict=true" in overrides


def key_variable(config: pytest.Config) -> str:
    """Name of the variable that holds the key. ``OPENAI_API_KEY`` is taken unasked only for OpenAI's own host."""
    named = config.getoption("api_key_env")
    if named:
        if named not in os.environ:
            raise pytest.UsageError(f"--api-key-env {named}: there is no such environment variable")
        return named
    endpoint = config.getoption("endpoint") or ""
    if f"//{OPENAI_HOST}" in endpoint and DEFAULT_KEY_VARIABLE not in os.environ:
        return "OPENAI_API_KEY"
    return DEFAULT_KEY_VARIABLE


def access_of(config: pytest.Config) -> access.Access:
    """How the endpoint is reached, checked: files are there, variables are set."""
    if config.option.api_key_file and config.option.api_key_env:
        raise pytest.UsageError("--api-key-file and --api-key-env: the key is in one place; give one of them")
    try:
        return access.chosen(config.option, key_variable(config), Path(config.invocation_params.dir))
    except access.AccessError as error:
        raise pytest.UsageError(str(error)) from None


def baseline(place: str, start: Path) -> Run:
    """The earlier run that ``--baseline`` names."""
    from ..reports.reading import RecordError, read

    try:
        return read(start / place)
    except RecordError as error:
        raise pytest.UsageError(f"--baseline: {error}") from None


def profile(config: pytest.Config) -> Profile:
    """The profile that ``--conformance-profile`` names. With --strict, what it waives must be known rules."""
    from . import profile as files

    word = config.option.conformance_profile
    if word == files.AUTO:
        return files.Profile()
    try:
        place = files.find(word, Path(config.invocation_params.dir))
        return files.load(place, lenient=not strict(config))
    except files.ProfileError as error:
        raise pytest.UsageError(f"--conformance-profile: {error}") from None


def vintage(config: pytest.Config, profile: Profile) -> str:
    """The vintage that is asked for, else the profile's."""
    return config.option.vintage or profile.vintage or FIRST


def vendors(vintage: str) -> tuple[Vendor, ...]:
    """The chapters that installed packages bring; all of them go together with the catalogue."""
    from . import vendor
    from .catalogue import load as load_catalogue

    try:
        found = vendor.found()
        vendor.extended(load_catalogue(vintage), found)
    except vendor.VendorError as error:
        raise pytest.UsageError(f"chatproof: {error}") from None
    return found


def waivers(config: pytest.Config, profile: Profile, vendors: Sequence[Vendor] = ()) -> Waivers:
    """The waivers that ``--waivers`` names, before those of the profile. Rules of every vintage and of vendors are
    known, so that one file serves all; with --strict another one is an error."""
    from . import waiver_file
    from .catalogue import load as load_catalogue
    from .waivers import Waivers

    found = Waivers()
    if config.option.waivers:
        known = {name: rule.strength for of in VINTAGES for name, rule in load_catalogue(of).by_id.items()}
        known |= {rule.id: rule.strength for vendor in vendors for rule in vendor.chapter.rules}
        try:
            path = Path(config.invocation_params.dir) / config.option.waivers
            found = waiver_file.load(path, known, lenient=not strict(config))
        except waiver_file.WaiverError as error:
            raise pytest.UsageError(f"--waivers: {error}") from None
    for option, waived in (("--waivers", found), ("--conformance-profile", profile.waivers)):
        if refusal := waived.allowed_at(config.option.depth):
            raise pytest.UsageError(f"{option}: {refusal}")
    return found + profile.waivers


def command(config: pytest.Config, endpoint: str) -> str:
    """The command line that repeats the run, without the query of the URL, which may hold a secret."""
    words = [str(word) for word in config.invocation_params.args]
    shown = endpoint.split("?")[0]
    return shlex.join(["pytest", *(word.replace(endpoint, shown) for word in words)])


def budget(config: pytest.Config) -> Budget | None:
    """The ceilings of the run, or None where it has none."""
    from .budget import Budget

    requests, tokens = config.option.max_requests, config.option.max_tokens_total
    return Budget(requests, tokens) if requests or tokens else None


def earlier(config: pytest.Config, session: Session) -> Earlier | None:
    """The run that ``--resume`` continues; None where there is none yet. A usage error where it is another run."""
    from . import resume

    if not config.option.resume:
        return None
    if not config.option.report_dir:
        raise pytest.UsageError("--resume needs --report-dir DIR, the folder of the run to continue")
    try:
        found = resume.load(Path(config.invocation_params.dir) / config.option.report_dir)
        if found:
            resume.check(found, session)
    except resume.ResumeError as error:
        raise pytest.UsageError(f"--resume: {error}") from None
    return found


def databases(config: pytest.Config) -> list[str]:
    """The places that ``--example-database`` names, directories absolute. They are opened once, so that a wrong one is
    a usage error."""
    from .sharing import SharingError, database_at

    start = Path(config.invocation_params.dir)
    found = [place if ":" in place.split("/")[0] else str(start / place) for place in config.option.example_database]
    try:
        database_at(found, start) if found else None
    except SharingError as error:
        raise pytest.UsageError(f"--example-database: {error}") from None
    return found


def check_url(endpoint: str) -> None:
    """A usage error for what cannot be an endpoint."""
    from .target import EndpointError, split_url

    try:
        split_url(endpoint)
    except EndpointError as error:
        raise pytest.UsageError(str(error)) from None


def seed(text: Any) -> int:
    """The seed that ``--hypothesis-seed`` gives; ours is fixed, so that CI is stable."""
    if text is None:
        return 0
    try:
        return int(text)
    except ValueError:
        raise pytest.UsageError(
            f"--hypothesis-seed {text!r}: a whole number is needed, so that a run can be repeated"
        ) from None
