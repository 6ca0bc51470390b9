"""The session of a run from pytest's options, all of them checked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from . import options
from .depths import Settings
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
    if option.start and endpoint == REFERENCE:
        raise pytest.UsageError("--start: name the URL at which the command serves; the reference needs no start")
    several = getattr(option, "dist", "no") != "no"
    if option.start and several:
        raise pytest.UsageError(
            "--start works in one process, which alone can tell whose request has killed the server: leave out -n"
            " (or give -n 0); --in-flight N keeps more requests under way"
        )
    if option.plan and several:
        raise pytest.UsageError("--plan works in one process: it sends nothing; leave out -n (or give -n 0)")
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
