"""``python -m dialects.serve`` (in ``tests/``): all conforming dialects in one process; see ``variants``."""

from __future__ import annotations

from variants import serve

from . import DIALECTS

if __name__ == "__main__":
    serve(DIALECTS)
