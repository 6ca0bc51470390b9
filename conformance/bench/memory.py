"""How much memory processes took at most."""

from __future__ import annotations

import sys


def peak_mb(*, children: bool = False) -> float | None:
    """Most resident memory of this process, or of the largest of its children that have ended, in MB; None where the
    system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
