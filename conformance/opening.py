"""The session of a run from pytest's options, all of them checked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from . import options
from .plan import Settings
from .profile import Profile
from .reporting import BASELINE
from .session import Session
from .target import REFERENCE
from .vendor import Vendor


def from_options(config: pytest.Config, endpoint: str, profile: Profile, vendors: Sequence[Vendor]) -> Session:
    """The session of a controller or a single process. Raises pytest.UsageError."""
    option = config.option
    if endpoint != REFERENCE:
        options.check_url(endpoint)
    seed = config.getoption("hypothesis_seed", None)
    settings = Settings(
        vintage=options.vintage(config, profile),
        depth=option.depth,
        examples=option.max_examples,
        seed=options.seed(seed),
        strict=options.strict(config),
        safe=option.safe,
        parity=option.parity,
        in_flight=option.in_flight,
        **profile.settings(),
    )
    if option.start and (endpoint == REFERENCE or getattr(option, "numprocesses", None)):
        raise pytest.UsageError("--start works with the URL of a server and without -n")
    if option.plan and getattr(option, "numprocesses", None):
        raise pytest.UsageError("--plan works without -n: it sends nothing")
    access = options.access_of(config)
    if option.baseline:
        config.stash[BASELINE] = options.baseline(option.baseline, Path(config.invocation_params.dir))
    command = options.command(config, endpoint)
    waivers = options.waivers(config, profile, vendors)
    session = Session(endpoint, option.model, access, settings, profile, option.start, command, waivers, vendors)
    session.budget = options.budget(config)
    session.shard = option.shard
    session.databases = options.databases(config)
    session.earlier = options.earlier(config, session)
    return session
