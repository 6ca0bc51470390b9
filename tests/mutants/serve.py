"""``python -m mutants.serve`` (in ``tests/``): all single-fault servers in one process; see ``variants``."""

from __future__ import annotations

from variants import serve

from . import MUTANTS

if __name__ == "__main__":
    serve(MUTANTS)
