"""Where Hypothesis may keep what it computes of Unicode and of sources: in the user's cache, not where a run starts."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def leave_nothing_behind() -> None:
    """Give Hypothesis a home among the user's caches, unless its own variable names one. Before anything is drawn.

    Light: Hypothesis is not imported for it.
    """
    if os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY"):
        return
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # nobody's home
        caches = Path(tempfile.mkdtemp(prefix="chatproof-"))
    home = caches / "chatproof" / "hypothesis"
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(home)  # read when a place is first needed; workers inherit it
    if "hypothesis" in sys.modules:  # which may have read it already
        from hypothesis.configuration import set_hypothesis_home_dir

        set_hypothesis_home_dir(home)
