"""`python -m chatproof.conformance.reference`: the reference server from the command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from .behaviour import Reference
from .serve import run
from .vintages import DEFAULT, VINTAGES


def main(arguments: Sequence[str] | None = None, name: str = "python -m chatproof.conformance.reference") -> int:
    """Parse the command line and serve; 0 after a clean stop, 2 for a bad command line.

    `name` is how it was called, for the usage.
    """
    parser = argparse.ArgumentParser(
        prog=name,
        description="Serve an OpenAI-compatible chat-completions endpoint that keeps every rule, with toy answers.",
        epilog=f"Example: {name} --port 8000 --latency-ms 50",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default 8000)")
    parser.add_argument(
        "--vintage", choices=list(VINTAGES), default=DEFAULT, help=f"version of the contract (default {DEFAULT})"
    )
    parser.add_argument("--api-key-env", metavar="NAME", help="environment variable with the key that clients need")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait this long before every answer (default 0)")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)
    key = None
    if options.api_key_env is not None:
        key = os.environ.get(options.api_key_env)
        if not key:
            parser.error(f"the environment variable {options.api_key_env} is not set")
    if not 0 <= options.latency_ms < 3_600_000:
        parser.error("--latency-ms must be at least 0 and less than an hour")
    reference = Reference(api_key=key, latency=options.latency_ms / 1000, vintage=options.vintage)
    run(options.host, options.port, reference, until_eof=options.until_eof)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
