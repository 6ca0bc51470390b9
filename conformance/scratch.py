"""Where Hypothesis may keep what it computes of Unicode and of sources: in the user's cache, not where a run starts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir


def leave_nothing_behind() -> None:
    """Give Hypothesis a home among the user's caches, unless its own variable names one. Before anything is drawn."""
    if os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY"):
        return
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # nobody's home
        caches = Path(tempfile.mkdtemp(prefix="chatproof-"))
    home = caches / "chatproof" / "hypothesis"
    set_hypothesis_home_dir(home)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(home)  # for workers
